"""Find the right model: in the cache, at a path, or the included one."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest

from namegen import paths
from namegen.errors import BusyError, CacheError, ModelFileError, UsageError
from namegen.io.locks import hold_lock
from namegen.models.closed import ClosedNames
from namegen.models.model import Checkpoint
from namegen.models.store import (
    ModelLocation,
    cached_location,
    file_location,
    find_model,
    find_models,
    included_location,
    list_models,
    load_model,
    remove_model,
)
from namegen.recipes import training_config
from support import make_model

INCLUDED_MODELS = [included_location("pretrained"), included_location("people")]


def save_model(name, seed=0):
    """Put a finished model into the cache."""
    model = make_model(seed=seed)
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


def failure(kind, action, *arguments):
    """Return the message and the exit code of the error that an action ends in."""
    with pytest.raises(kind) as caught:
        action(*arguments)
    return str(caught.value), caught.value.exit_code


# Locations


def test_a_model_has_its_files_in_the_cache_or_at_its_path_and_its_lock_in_the_cache(cache, tmp_path):
    location = cached_location("elves")
    assert (location.name, location.model) == ("elves", cache / "models" / "elves.safetensors")
    assert location.checkpoint == cache / "runs" / "elves.safetensors"
    location = file_location(tmp_path / "elves.safetensors")
    assert location.model == tmp_path / "elves.safetensors"
    assert location.checkpoint == tmp_path / "elves.safetensors.run"
    assert location.lock.parent == cache / "locks"


@pytest.mark.skipif(os.name != "posix", reason="needs links")
def test_a_file_has_one_lock_by_any_name_path_or_link(cache, tmp_path, monkeypatch):
    (tmp_path / "sub").mkdir()
    (tmp_path / "link.safetensors").symlink_to(tmp_path / "x.safetensors")
    monkeypatch.chdir(tmp_path)
    lock = file_location(tmp_path / "x.safetensors").lock
    for path in ("x.safetensors", "./x.safetensors", "sub/../x.safetensors", "link.safetensors"):
        assert file_location(path).lock == lock
    assert file_location("sub/x.safetensors").lock != lock
    assert cached_location("elves").lock == file_location(cache / "models" / "elves.safetensors").lock


def test_without_a_cache_folder_the_included_model_and_files_are_found(monkeypatch, tmp_path):
    def no_cache():
        raise CacheError("no usable cache directory")

    make_model().save(tmp_path / "x.safetensors")
    monkeypatch.setattr(paths, "cache_dir", no_cache)
    monkeypatch.chdir(tmp_path)
    assert find_model().name == "pretrained"
    assert find_model("x.safetensors").load().categories == ("X",)
    with pytest.raises(CacheError):
        find_model("elves")


# Which model is meant


def test_a_name_means_the_cache_then_a_file_here_and_a_path_means_the_file(tmp_path, monkeypatch):
    elves, beside, orcs = save_model("elves", seed=1), make_model(seed=2), make_model(seed=3)
    monkeypatch.chdir(tmp_path)
    beside.save(tmp_path / "elves")
    orcs.save(tmp_path / "orcs")
    assert find_model("elves") == cached_location("elves")
    assert same(load_model("elves"), elves)
    assert same(load_model("orcs"), orcs)
    for path in ("./elves", str(tmp_path / "elves"), tmp_path / "elves", Path("elves")):
        assert same(load_model(path), beside)


def test_without_a_name_it_is_that_of_the_environment_then_default_then_the_included_one(monkeypatch, tmp_path):
    assert find_model() == included_location("pretrained")
    default, elves, orcs = save_model("default", seed=1), save_model("elves", seed=2), make_model(seed=3)
    orcs.save(tmp_path / "orcs.safetensors")
    assert same(load_model(), default)
    for value, model in (("", default), ("elves", elves), (str(tmp_path / "orcs.safetensors"), orcs)):
        monkeypatch.setenv("NAMEGEN_MODEL", value)
        assert same(load_model(), model)
        assert same(load_model("elves"), elves)


@pytest.mark.parametrize(("name", "file"), [("pretrained", paths.PRETRAINED_FILE), ("people", paths.PEOPLE_FILE)])
def test_the_names_of_the_included_models_are_reserved(monkeypatch, tmp_path, name, file):
    make_model().save(tmp_path / name)
    save_model("default")
    monkeypatch.chdir(tmp_path)
    assert find_model(name) == included_location(name)
    monkeypatch.setenv("NAMEGEN_MODEL", name)
    assert find_model().existing == file
    for action in (cached_location, remove_model):
        assert failure(UsageError, action, name) == (f"{name} is an included model; use another name", 2)
    assert file.is_file()


def test_an_older_model_of_a_reserved_name_is_used_by_its_path(cache):
    file = cache / "models" / "people.safetensors"
    model = make_model(seed=5)
    model.save(file)
    message, _ = failure(UsageError, cached_location, "people")
    assert message.endswith(f"; your own model of this name is {file}")
    assert same(load_model(file), model)
    assert list_models() == INCLUDED_MODELS
    assert find_model("people").existing == paths.PEOPLE_FILE


def test_a_category_is_looked_up_in_all_models_unless_one_is_chosen(monkeypatch):
    assert find_models() == INCLUDED_MODELS
    save_model("elves")
    save_run("default")
    assert find_models() == [cached_location("default"), *INCLUDED_MODELS]
    assert find_models("elves") == [cached_location("elves")]
    assert find_models("people") == INCLUDED_MODELS[1:]
    monkeypatch.setenv("NAMEGEN_MODEL", "elves")
    assert find_models() == [cached_location("elves")]


def test_the_categories_of_a_file_include_closed_ones(tmp_path):
    closed = {"Korean/surname": ClosedNames(("김", "이"), np.ones(2, np.float32))}
    model = dataclasses.replace(make_model(categories=("Elf", "Orc")), closed=closed)
    model.save(tmp_path / "x.safetensors")
    assert file_location(tmp_path / "x.safetensors").categories() == ("Elf", "Korean/surname", "Orc")


def test_an_unfinished_run_is_used_until_the_model_is_finished(tmp_path):
    save_run("default")
    assert find_model() == cached_location("default")
    assert find_model("default").existing == cached_location("default").checkpoint
    assert (load_model().finished, load_model().iterations) == (False, 50)
    save_model("default")
    assert find_model().existing == cached_location("default").model
    assert load_model().finished
    unfinished().save(tmp_path / "elves.safetensors.run")
    assert not load_model(str(tmp_path / "elves.safetensors")).finished


def test_a_run_that_ends_while_its_checkpoint_is_being_opened_gives_the_finished_model(monkeypatch):
    model = save_model("default")
    location = cached_location("default")
    monkeypatch.setattr(ModelLocation, "existing", location.checkpoint)  # which is gone by now
    assert same(model, location.load())


def test_a_model_that_does_not_exist_is_an_error_that_says_what_to_do(monkeypatch, tmp_path):
    for name in ("orcs", "default"):
        message = f"no model '{name}'; train it with `namegen train --model {name}`, or use pretrained or people"
        assert failure(ModelFileError, load_model, name) == (message, 1)
    save_model("elves")
    save_run("dwarves")
    message = "no model 'orcs'; use one of dwarves, elves, pretrained, people"
    assert failure(ModelFileError, load_model, "orcs") == (message, 1)
    monkeypatch.setenv("NAMEGEN_MODEL", "orcs")
    assert failure(ModelFileError, load_model) == (message, 1)
    path = tmp_path / "orcs.safetensors"
    for given in (path, str(path)):
        message = f"no model file {path}; list your models with `namegen models`"
        assert failure(ModelFileError, load_model, given) == (message, 1)
    cached_location("elves").model.write_bytes(b"nonsense")
    assert str(cached_location("elves").model) in failure(ModelFileError, load_model, "elves")[0]


def test_an_installation_without_the_included_model_works_with_others(without_included_models):
    for name in (None, "pretrained", "people"):
        message, code = failure(ModelFileError, load_model, name)
        assert message.startswith(f"the included model {name or 'pretrained'} is missing; reinstall namegen")
        assert code == 1
    assert list_models() == []
    assert failure(ModelFileError, load_model, "orcs")[0].endswith("train it with `namegen train --model orcs`")
    assert same(save_model("default"), load_model())
    assert list_models() == [cached_location("default")]


# Listing and removing


def test_models_and_unfinished_runs_are_listed_by_name_and_other_files_are_not(cache):
    assert list_models() == INCLUDED_MODELS
    assert not cache.exists()
    save_model("elves")
    save_run("dwarves")
    save_run("elves")
    for name in (".elves.safetensors.abc.tmp", ".hidden.safetensors", "notes.txt", "elves (copy).safetensors"):
        (cache / "models" / name).write_bytes(b"")
    assert list_models() == [cached_location("dwarves"), cached_location("elves"), *INCLUDED_MODELS]


def test_a_model_is_removed_with_its_unfinished_run_and_nothing_else_is():
    for name in ("elves", "dwarves"):
        save_model(name)
        save_run(name)
    cached_location("elves").model.write_bytes(b"damaged")
    assert remove_model("elves") == ["the model", "its unfinished run"]
    assert not cached_location("elves").existing
    assert list_models() == [cached_location("dwarves"), *INCLUDED_MODELS]
    cached_location("dwarves").model.unlink()
    assert remove_model("dwarves") == ["its unfinished run"]
    assert list_models() == INCLUDED_MODELS


def test_what_is_not_a_model_in_the_cache_is_not_removed(tmp_path, monkeypatch):
    save_model("default")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NAMEGEN_MODEL", "default")
    (tmp_path / "thesis").write_bytes(b"years of work")
    path = tmp_path / "elves.safetensors"
    make_model().save(path)
    message = f"{path} is a path; namegen removes only models in its cache, so delete the file yourself"
    assert failure(UsageError, remove_model, str(path)) == (message, 2)
    assert failure(ModelFileError, remove_model, "thesis")[0].startswith("no model 'thesis'; use one of default")
    assert "cannot be a name" in failure(UsageError, remove_model, "")[0]
    assert (tmp_path / "thesis").exists()
    assert path.exists()
    assert cached_location("default").existing


def test_a_model_that_is_being_trained_is_not_removed_until_afterwards():
    save_run("elves")
    with hold_lock(cached_location("elves").lock, "training elves"):
        assert failure(BusyError, remove_model, "elves")[1] == 1
    remove_model("elves")
    assert list_models() == INCLUDED_MODELS
