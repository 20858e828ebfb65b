"""Opening a dataset by its name or path."""

from __future__ import annotations

import hashlib

import pytest

from namegen.datasets.catalogue import CatalogueEntry
from namegen.datasets.download import download
from namegen.datasets.open import open_dataset
from namegen.errors import DataError, UsageError

FILES = {"Dwarvish.txt": b"Gimli\nThorin\nGimli\n", "Elvish.txt": b"Elrond\n"}


@pytest.fixture(autouse=True)
def in_folder(tmp_path, monkeypatch):
    """An empty working directory, and a catalogue of small datasets."""
    monkeypatch.chdir(tmp_path)
    entries = {
        name: CatalogueEntry(
            name, "a test", "nowhere", "", 1, {f: hashlib.sha256(content).hexdigest() for f, content in files.items()}
        )
        for name, files in {"surnames": FILES, "makemore": {"names.txt": b"emma\n"}}.items()
    }
    monkeypatch.setattr("namegen.datasets.catalogue.CATALOGUE", entries)
    return tmp_path


@pytest.fixture
def surnames(tmp_path):
    """The folder of the dataset ``surnames``, downloaded."""
    source = tmp_path / "source"
    source.mkdir()
    for file, content in FILES.items():
        (source / file).write_bytes(content)
    return download(source=str(source)).path


def test_the_included_names_are_the_default_until_the_surnames_are_downloaded():
    dataset = open_dataset()
    assert (dataset.label, dataset.verified, len(dataset.categories)) == ("starter", False, 18)


def test_the_downloaded_surnames_are_the_default(surnames):
    dataset = open_dataset()
    assert (dataset.label, dataset.verified) == ("surnames", True)
    assert dataset.names("Dwarvish") == ["Gimli", "Thorin"]
    assert open_dataset("surnames", keep_repeats=True).names("Dwarvish") == ["Gimli", "Thorin", "Gimli"]
    assert open_dataset("starter").label == "starter"


def test_a_path_is_a_file_or_folder_of_the_user(in_folder):
    (in_folder / "Orcish.txt").write_text("Azog\nAzog\n", encoding="utf-8")
    dataset = open_dataset(str(in_folder / "Orcish.txt"), keep_repeats=True)
    assert (dataset.label, dataset.verified, dataset.names("Orcish")) == ("Orcish", False, ["Azog", "Azog"])


def test_a_folder_is_opened_only_if_no_dataset_of_that_name_is_downloaded(in_folder, request):
    (in_folder / "surnames").mkdir()
    (in_folder / "surnames" / "Orcish.txt").write_text("Azog\n", encoding="utf-8")
    assert open_dataset("surnames").categories == ("Orcish",)
    request.getfixturevalue("surnames")
    assert open_dataset("surnames").categories == ("Dwarvish", "Elvish")


def test_a_dataset_downloaded_without_verification_is_not_verified(in_folder):
    (in_folder / "names.txt").write_bytes(b"olivia\n")
    download("makemore", source=str(in_folder), verify=False)
    assert open_dataset("makemore").verified is False


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("surnames", "the dataset surnames is not downloaded; run `namegen download surnames`"),
        ("makemore", "the dataset makemore is not downloaded; run `namegen download makemore`"),
        ("orcs", "no file or folder orcs"),
        ("", "--data is empty; give a path or the name of a dataset"),
    ],
)
def test_a_missing_dataset_is_refused(name, complaint):
    with pytest.raises((DataError, UsageError)) as refused:
        open_dataset(name)
    assert str(refused.value) == complaint


@pytest.mark.parametrize(
    ("file", "content"), [("Elvish.txt", b"Sauron\n"), ("Elvish.txt", None), ("Orc.txt", b"Azog\n")]
)
@pytest.mark.parametrize("name", [None, "surnames"])
def test_a_damaged_dataset_is_refused_with_the_command_that_repairs_it(surnames, name, file, content):
    (surnames / file).unlink(missing_ok=True)
    if content is not None:
        (surnames / file).write_bytes(content)
    with pytest.raises(DataError) as refused:
        open_dataset(name)
    assert str(refused.value) == "the dataset surnames is damaged; repair it with `namegen download surnames`"
