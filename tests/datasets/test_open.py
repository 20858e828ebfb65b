"""Find the dataset that a user means."""

from __future__ import annotations

import hashlib

import pytest

from namegen.datasets.catalogue import CatalogueEntry
from namegen.datasets.download import download
from namegen.datasets.open import open_dataset
from namegen.errors import DataError

FILES = {"Dwarvish.txt": b"Gimli\nThorin\nGimli\n", "Elvish.txt": b"Elrond\n"}


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
    with pytest.raises(DataError) as refused:
        open_dataset(name)
    assert str(refused.value) == expected


def test_a_dataset_that_nobody_knows_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="no file or folder orcs"):
        open_dataset("orcs")


@pytest.mark.parametrize("damage", [b"Sauron\n", b"", None])
@pytest.mark.parametrize("name", [None, "surnames"])
def test_a_damaged_dataset_says_how_to_get_it_again(surnames, name, damage):
    (surnames / "Elvish.txt").unlink()
    if damage is not None:
        (surnames / "Elvish.txt").write_bytes(damage)
    expected = "the dataset surnames is damaged; get it again with `namegen download surnames`"
    with pytest.raises(DataError) as refused:
        open_dataset(name)
    assert str(refused.value) == expected


def test_a_list_that_was_put_beside_a_downloaded_dataset_does_not_pass_for_verified(surnames):
    (surnames / "Orcish.txt").write_text("Azog\n", encoding="utf-8")
    try:
        dataset = open_dataset("surnames")
    except DataError:
        return
    assert "Orcish" not in dataset.categories or not dataset.verified
