"""What a name stands for: models and datasets in the cache, and files of the user's."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

from namegen import paths
from namegen.datasets.catalogue import CatalogueEntry
from namegen.datasets.download import download
from namegen.datasets.open import open_dataset
from namegen.errors import BusyError, CacheError, DataError, ModelFileError, UsageError
from namegen.io.locks import hold_lock
from namegen.models.model import Checkpoint
from namegen.models.store import (
    cached_location,
    file_location,
    find_model,
    list_models,
    load_model,
    pretrained_location,
    remove_model,
)
from namegen.recipes import training_config
from support import make_model

FILES = {"Dwarvish.txt": b"Gimli\nThorin\nGimli\n", "Elvish.txt": b"Elrond\n"}


def save_model(name, seed=0):
    """Put a finished model into the cache."""
    model = make_model(seed=seed)
    cached_location(name).model.parent.mkdir(parents=True, exist_ok=True)
    model.save(cached_location(name).model)
    return model


def unfinished():
    model = make_model(training_config(hidden_size=4, iterations=100))
    return Checkpoint(dataclasses.replace(model, iterations=50), {"position": np.array([50])})


def save_run(name):
    """Put an unfinished training run into the cache."""
    unfinished().save(cached_location(name).checkpoint)


def same(model, other):
    return all(np.array_equal(model.weights[name], other.weights[name]) for name in model.weights)


# Where a model is.


def test_a_model_in_the_cache_has_its_files_in_the_folders_for_them(cache):
    place = cached_location("elves")
    assert place.name == "elves"
    assert place.model == cache / "models" / "elves.safetensors"
    assert place.checkpoint == cache / "runs" / "elves.safetensors"
    assert place.lock.parent == cache / "locks"


def test_a_model_by_its_path_is_used_as_given_and_its_run_lies_beside_it(tmp_path):
    place = file_location(tmp_path / "elves.safetensors")
    assert place.model == tmp_path / "elves.safetensors"
    assert place.checkpoint == tmp_path / "elves.safetensors.run"


def test_the_lock_of_a_model_by_its_path_does_not_lie_beside_it(cache, tmp_path):
    assert file_location(tmp_path / "elves.safetensors").lock.parent == cache / "locks"


def test_models_of_the_same_name_in_different_folders_have_different_locks(tmp_path):
    assert file_location(tmp_path / "a" / "x.safetensors").lock != file_location(tmp_path / "b" / "x.safetensors").lock


@pytest.mark.parametrize("spelling", ["x.safetensors", "./x.safetensors", "sub/../x.safetensors"])
def test_a_file_has_one_lock_however_its_path_is_spelt(tmp_path, monkeypatch, spelling):
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path)
    assert file_location(spelling).lock == file_location(tmp_path / "x.safetensors").lock


def test_a_model_in_the_cache_has_the_lock_of_its_file(cache):
    assert cached_location("elves").lock == file_location(cache / "models" / "elves.safetensors").lock


@pytest.mark.skipif(os.name != "posix", reason="needs links")
def test_a_link_has_the_lock_of_the_file_it_leads_to(tmp_path):
    (tmp_path / "link.safetensors").symlink_to(tmp_path / "x.safetensors")
    assert file_location(tmp_path / "link.safetensors").lock == file_location(tmp_path / "x.safetensors").lock


def test_without_a_cache_folder_the_model_that_comes_along_and_files_are_found(monkeypatch, tmp_path):
    def no_cache():
        raise CacheError("there is no home folder")

    make_model().save(tmp_path / "x.safetensors")
    monkeypatch.setattr(paths, "cache_dir", no_cache)
    monkeypatch.chdir(tmp_path)
    assert find_model().name == "pretrained"
    assert find_model("x.safetensors").load().categories == ("X",)
    with pytest.raises(CacheError):
        find_model("elves")


@pytest.mark.parametrize("name", ["", "..", "a b", "-x", "é"])
def test_what_cannot_be_a_name_is_wrong_usage(name):
    with pytest.raises(UsageError, match="cannot be a name"):
        cached_location(name)


# Which model is meant.


def test_a_name_means_the_model_in_the_cache():
    model = save_model("elves", seed=1)
    save_model("default", seed=2)
    assert find_model("elves") == cached_location("elves")
    assert same(load_model("elves"), model)


def test_a_path_means_the_file(tmp_path):
    model = make_model(seed=1)
    save_model("elves", seed=2)
    model.save(tmp_path / "elves.safetensors")
    assert same(load_model(str(tmp_path / "elves.safetensors")), model)
    assert same(load_model(tmp_path / "elves.safetensors"), model)


def test_a_path_object_means_a_file_also_where_its_name_could_be_one_in_the_cache(tmp_path, monkeypatch):
    from pathlib import Path

    save_model("elves", seed=1)
    beside = make_model(seed=2)
    beside.save(tmp_path / "elves")
    monkeypatch.chdir(tmp_path)
    assert same(load_model(Path("elves")), beside)


def test_a_name_means_the_cache_before_a_file_here(tmp_path, monkeypatch):
    model = save_model("elves", seed=1)
    make_model(seed=2).save(tmp_path / "elves")
    monkeypatch.chdir(tmp_path)
    assert same(load_model("elves"), model)


def test_a_name_that_is_not_in_the_cache_means_a_file_here(tmp_path, monkeypatch):
    model = make_model(seed=2)
    model.save(tmp_path / "elves")
    monkeypatch.chdir(tmp_path)
    assert same(load_model("elves"), model)


def test_without_a_name_the_environment_says_which(monkeypatch, tmp_path):
    elves = save_model("elves", seed=1)
    save_model("default", seed=2)
    monkeypatch.setenv("NAMEGEN_MODEL", "elves")
    assert same(load_model(), elves)
    orcs = make_model(seed=3)
    orcs.save(tmp_path / "orcs.safetensors")
    monkeypatch.setenv("NAMEGEN_MODEL", str(tmp_path / "orcs.safetensors"))
    assert same(load_model(), orcs)


def test_a_name_goes_before_the_environment(monkeypatch):
    save_model("elves", seed=1)
    dwarves = save_model("dwarves", seed=2)
    monkeypatch.setenv("NAMEGEN_MODEL", "elves")
    assert same(load_model("dwarves"), dwarves)


@pytest.mark.parametrize("environment", [None, ""])
def test_without_anything_the_model_is_the_default_one(monkeypatch, environment):
    if environment is not None:
        monkeypatch.setenv("NAMEGEN_MODEL", environment)
    save_model("elves", seed=1)
    default = save_model("default", seed=2)
    assert same(load_model(), default)


def test_an_unfinished_run_is_taken_where_no_model_is_finished():
    save_run("elves")
    assert find_model("elves").existing == cached_location("elves").checkpoint
    model = load_model("elves")
    assert (model.finished, model.iterations) == (False, 50)


def test_an_unfinished_run_beside_a_file_is_taken_where_the_file_is_not_there(tmp_path):
    unfinished().save(tmp_path / "elves.safetensors.run")
    assert not load_model(str(tmp_path / "elves.safetensors")).finished
    assert not load_model(tmp_path / "elves.safetensors").finished


def test_a_finished_model_goes_before_an_unfinished_run():
    save_run("elves")
    save_model("elves")
    assert find_model("elves").existing == cached_location("elves").model
    assert load_model("elves").finished


def failure(kind, action, *arguments):
    """The message of the error that an action ends in, and its exit code."""
    with pytest.raises(kind) as caught:
        action(*arguments)
    return str(caught.value), caught.value.exit_code


def test_a_model_that_is_not_there_names_those_that_are():
    save_model("elves")
    save_run("dwarves")
    assert failure(ModelFileError, load_model, "orcs") == ("no model 'orcs'; there are dwarves, elves, pretrained", 1)


@pytest.mark.parametrize("name", ["orcs", "default"])
def test_where_nothing_has_been_trained_the_error_says_how_to_train_that_model(name):
    expected = f"no model '{name}'; train it with `namegen train --model {name}`, or use pretrained"
    assert failure(ModelFileError, load_model, name) == (expected, 1)


def test_a_model_of_the_environment_that_is_not_there_is_named(monkeypatch):
    save_model("default")
    monkeypatch.setenv("NAMEGEN_MODEL", "orcs")
    assert failure(ModelFileError, load_model) == ("no model 'orcs'; there are default, pretrained", 1)


def test_a_model_file_that_is_not_there_is_named(tmp_path):
    path = tmp_path / "orcs.safetensors"
    message = f"no model file {path}; `namegen models` lists those there are"
    assert failure(ModelFileError, load_model, str(path)) == (message, 1)
    assert failure(ModelFileError, load_model, path) == (message, 1)


def test_a_damaged_model_in_the_cache_is_named():
    save_model("elves")
    cached_location("elves").model.write_bytes(b"nonsense")
    message, code = failure(ModelFileError, load_model, "elves")
    assert str(cached_location("elves").model) in message
    assert code == 1


# The model that comes along.


@pytest.mark.parametrize("environment", [None, ""])
def test_where_there_is_no_default_model_the_one_that_comes_along_is_taken(monkeypatch, environment):
    if environment is not None:
        monkeypatch.setenv("NAMEGEN_MODEL", environment)
    save_model("elves")
    assert find_model() == pretrained_location()
    assert find_model().existing == paths.PRETRAINED_FILE


def test_a_model_of_the_users_goes_before_the_one_that_comes_along():
    save_run("default")
    assert find_model() == cached_location("default")
    save_model("default")
    assert find_model() == cached_location("default")


def test_the_model_that_comes_along_has_a_name_that_goes_before_all_else(monkeypatch, tmp_path):
    save_model("default")
    make_model().save(tmp_path / "pretrained")
    monkeypatch.chdir(tmp_path)
    assert find_model("pretrained") == pretrained_location()
    monkeypatch.setenv("NAMEGEN_MODEL", "pretrained")
    assert find_model() == pretrained_location()


def test_the_name_of_the_model_that_comes_along_is_reserved():
    for action in (cached_location, remove_model):
        message, code = failure(UsageError, action, "pretrained")
        assert message.startswith("pretrained is the model that comes with namegen; ")
        assert code == 2
    assert paths.PRETRAINED_FILE.is_file()


@pytest.mark.parametrize("folder", ["models", "runs"])
def test_a_file_in_the_cache_that_has_the_reserved_name_is_used_by_its_path(cache, folder):
    file = cache / folder / "pretrained.safetensors"
    file.parent.mkdir(parents=True)
    model = make_model(seed=7)
    model.save(file)
    assert find_model() == pretrained_location()
    assert list_models() == [file_location(file), pretrained_location()]
    assert same(load_model(list_models()[0].name), model)
    assert failure(UsageError, remove_model, str(file))[1] == 2


@pytest.mark.parametrize("name", [None, "pretrained"])
def test_an_installation_without_the_model_that_comes_along_says_so(without_pretrained, name):
    message, code = failure(ModelFileError, load_model, name)
    assert message == (
        "the model pretrained, which comes with namegen, is missing here; install namegen again, or train a model of "
        "your own with `namegen train`"
    )
    assert code == 1


def test_an_installation_without_the_model_that_comes_along_works_with_others(without_pretrained):
    assert list_models() == []
    expected = "no model 'orcs'; train it with `namegen train --model orcs`"
    assert failure(ModelFileError, load_model, "orcs") == (expected, 1)
    model = save_model("default")
    assert same(load_model(), model)
    assert list_models() == [cached_location("default")]


# Which models there are.


def test_models_and_unfinished_runs_are_listed_by_name():
    save_model("elves")
    save_run("dwarves")
    save_run("elves")
    assert list_models() == [cached_location("dwarves"), cached_location("elves"), pretrained_location()]


def test_without_a_cache_there_is_the_model_that_comes_along(cache):
    assert list_models() == [pretrained_location()]
    assert not cache.exists()


def test_temporary_files_and_other_files_are_no_models():
    save_model("elves")
    folder = cached_location("elves").model.parent
    for name in (".elves.safetensors.abc.tmp", ".hidden.safetensors", "notes.txt"):
        (folder / name).write_bytes(b"")
    assert list_models() == [cached_location("elves"), pretrained_location()]


def test_a_file_whose_name_is_no_models_does_not_hide_the_models():
    save_model("elves")
    (cached_location("elves").model.parent / "elves (copy).safetensors").write_bytes(b"")
    assert cached_location("elves") in list_models()


# Removing.


def test_a_model_is_removed_with_its_unfinished_run_and_nothing_else_is():
    for name in ("elves", "dwarves"):
        save_model(name)
        save_run(name)
    remove_model("elves")
    assert not cached_location("elves").model.exists()
    assert not cached_location("elves").checkpoint.exists()
    assert list_models() == [cached_location("dwarves"), pretrained_location()]


def test_an_unfinished_run_alone_is_removed():
    save_run("elves")
    remove_model("elves")
    assert list_models() == [pretrained_location()]


def test_a_damaged_model_is_removed():
    save_model("elves")
    cached_location("elves").model.write_bytes(b"nonsense")
    remove_model("elves")
    assert list_models() == [pretrained_location()]


def test_a_model_that_is_not_there_cannot_be_removed():
    save_model("elves")
    assert failure(ModelFileError, remove_model, "orcs") == ("no model 'orcs'; there are elves, pretrained", 1)


def test_a_file_of_the_users_is_not_removed(tmp_path):
    path = tmp_path / "elves.safetensors"
    make_model().save(path)
    message, code = failure(UsageError, remove_model, str(path))
    assert message == f"{path} is a file of yours; namegen removes only models in its cache"
    assert code == 2
    assert path.exists()


def test_a_file_here_that_is_called_like_a_model_is_not_removed(tmp_path, monkeypatch):
    (tmp_path / "thesis").write_bytes(b"years of work")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelFileError, match="no model 'thesis'"):
        remove_model("thesis")
    assert (tmp_path / "thesis").read_bytes() == b"years of work"


def test_removing_a_model_without_a_name_removes_none(monkeypatch):
    save_model("default")
    save_model("elves")
    monkeypatch.setenv("NAMEGEN_MODEL", "elves")
    with pytest.raises(UsageError, match="cannot be a name"):
        remove_model("")
    assert list_models() == [cached_location("default"), cached_location("elves"), pretrained_location()]


def test_a_model_that_is_being_trained_is_not_removed():
    save_run("elves")
    program = (
        "import sys\n"
        "from namegen.io.locks import hold_lock\n"
        "from namegen.models.store import cached_location\n"
        "with hold_lock(cached_location('elves').lock, 'training elves'):\n"
        "    print('held', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as trainer:
        assert trainer.stdout is not None
        trainer.stdout.readline()
        message, code = failure(BusyError, remove_model, "elves")
        trainer.communicate("")
    assert f"process {trainer.pid} is already training elves" in message
    assert code == 1
    assert list_models() == [cached_location("elves"), pretrained_location()]


def test_a_model_that_cannot_be_removed_while_it_is_trained_can_be_afterwards():
    save_run("elves")
    with hold_lock(cached_location("elves").lock, "training elves"), pytest.raises(BusyError):
        remove_model("elves")
    remove_model("elves")
    assert list_models() == [pretrained_location()]


def test_the_command_lists_the_models_beside_one_that_is_damaged(cli):
    save_model("elves")
    save_model("dwarves")
    cached_location("dwarves").model.write_bytes(b"nonsense")
    outcome = cli("models")
    assert outcome.code == 0
    assert [line.split("\t")[0] for line in outcome.out.splitlines()[1:]] == ["elves", "pretrained"]
    assert str(cached_location("dwarves").model) in outcome.err


@pytest.mark.parametrize(("name", "code"), [("orcs", 1), ("some/file.safetensors", 2), ("", 2)])
def test_the_command_refuses_to_remove_what_is_no_model(cli, name, code):
    save_model("default")
    outcome = cli("models", "rm", name)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (code, "", 1)
    assert list_models() == [cached_location("default"), pretrained_location()]


# Which dataset is meant.


@pytest.fixture(autouse=True)
def catalogue(monkeypatch):
    """A catalogue of small datasets that nobody serves."""
    entries = {
        name: CatalogueEntry(
            name=name,
            about="made up",
            origin="nowhere",
            url="http://nowhere.invalid/",
            size=sum(map(len, files.values())),
            files={file: hashlib.sha256(content).hexdigest() for file, content in files.items()},
        )
        for name, files in {"surnames": FILES, "makemore": {"names.txt": b"emma\n"}}.items()
    }
    monkeypatch.setattr("namegen.datasets.catalogue.CATALOGUE", entries)


@pytest.fixture
def surnames(tmp_path):
    """The dataset ``surnames``, downloaded."""
    source = tmp_path / "source"
    source.mkdir()
    for file, content in FILES.items():
        (source / file).write_bytes(content)
    return download(source=str(source)).path


def test_by_default_the_starter_names_are_read():
    dataset = open_dataset()
    assert (dataset.label, dataset.verified) == ("starter", False)
    assert len(dataset.categories) == 18


def test_by_default_the_surnames_are_read_where_they_are_downloaded(surnames):
    dataset = open_dataset()
    assert (dataset.label, dataset.verified) == ("surnames", True)
    assert dataset.names("Dwarvish") == ["Gimli", "Thorin"]


def test_the_starter_names_can_be_asked_for(surnames):
    assert open_dataset("starter").label == "starter"


def test_repeats_of_a_downloaded_dataset_can_be_kept(surnames):
    assert open_dataset("surnames", keep_repeats=True).names("Dwarvish") == ["Gimli", "Thorin", "Gimli"]


def test_repeats_of_a_file_can_be_kept(tmp_path):
    (tmp_path / "X.txt").write_text("Anna\nAnna\n", encoding="utf-8")
    assert open_dataset(str(tmp_path / "X.txt"), keep_repeats=True).names("X") == ["Anna", "Anna"]


def test_a_dataset_that_was_accepted_as_it_was_is_not_verified(tmp_path):
    (tmp_path / "names.txt").write_bytes(b"olivia\n")
    download("makemore", source=str(tmp_path), verify=False)
    assert open_dataset("makemore").verified is False


def test_a_path_means_a_file_or_folder_of_the_users(tmp_path):
    (tmp_path / "Orcish.txt").write_text("Azog\n", encoding="utf-8")
    dataset = open_dataset(str(tmp_path / "Orcish.txt"))
    assert (dataset.label, dataset.verified, dataset.names("Orcish")) == ("Orcish", False, ["Azog"])


def test_a_downloaded_dataset_goes_before_a_folder_here(surnames, tmp_path, monkeypatch):
    (tmp_path / "here" / "surnames").mkdir(parents=True)
    (tmp_path / "here" / "surnames" / "Orcish.txt").write_text("Azog\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path / "here")
    assert open_dataset("surnames").categories == ("Dwarvish", "Elvish")


def test_a_folder_here_is_read_where_the_dataset_of_its_name_is_not_downloaded(tmp_path, monkeypatch):
    (tmp_path / "surnames").mkdir()
    (tmp_path / "surnames" / "Orcish.txt").write_text("Azog\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert open_dataset("surnames").categories == ("Orcish",)


@pytest.mark.parametrize("name", ["surnames", "makemore"])
def test_a_dataset_that_is_not_downloaded_says_how_to_get_it(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    expected = f"the dataset {name} is not here yet; get it with `namegen download {name}`"
    assert failure(DataError, open_dataset, name) == (expected, 1)


def test_a_dataset_that_nobody_knows_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert failure(DataError, open_dataset, "orcs") == ("no file or folder orcs", 1)


@pytest.mark.parametrize("damage", [b"Sauron\n", b"", None])
@pytest.mark.parametrize("name", [None, "surnames"])
def test_a_damaged_dataset_says_how_to_get_it_again(surnames, name, damage):
    (surnames / "Elvish.txt").unlink()
    if damage is not None:
        (surnames / "Elvish.txt").write_bytes(damage)
    expected = "the dataset surnames is damaged; get it again with `namegen download surnames`"
    assert failure(DataError, open_dataset, name) == (expected, 1)


def test_a_list_that_was_put_beside_a_downloaded_dataset_does_not_pass_for_verified(surnames):
    (surnames / "Orcish.txt").write_text("Azog\n", encoding="utf-8")
    try:
        dataset = open_dataset("surnames")
    except DataError:
        return
    assert "Orcish" not in dataset.categories or not dataset.verified
