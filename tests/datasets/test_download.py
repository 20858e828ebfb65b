"""Downloading datasets: from a server on this machine, a folder or a zip, and never from anywhere else."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import io
import json
import threading
import zipfile
from dataclasses import replace
from types import SimpleNamespace

import pytest

from namegen.datasets.catalogue import CATALOGUE, CatalogueEntry
from namegen.datasets.download import MANIFEST, download, find_downloaded, remove_downloaded
from namegen.errors import BusyError, DownloadError, UsageError
from namegen.io.locks import hold_lock
from namegen.paths import dataset_dir, locks_dir

FILES = {"Dwarvish.txt": b"Gimli\nThorin\n", "Elvish.txt": "Elrond\nLúthien\n".encode()}
OTHER = {**FILES, "Elvish.txt": b"Arwen\n"}


def hashes_of(files):
    return {file: hashlib.sha256(content).hexdigest() for file, content in files.items()}


def make_entry(name, url, files):
    return CatalogueEntry(name, "a test", "nowhere, MIT", url, sum(map(len, files.values())), hashes_of(files))


@pytest.fixture(autouse=True)
def catalogue(monkeypatch):
    """A catalogue of small datasets, which nothing serves."""
    entries = {
        "surnames": make_entry("surnames", "https://nowhere.invalid/", FILES),
        "makemore": make_entry("makemore", "https://nowhere.invalid/", {"names.txt": b"emma\n"}),
    }
    monkeypatch.setattr("namegen.datasets.catalogue.CATALOGUE", entries)
    monkeypatch.setattr("pooch.core.time.sleep", lambda _seconds: None)
    monkeypatch.setenv("NO_PROXY", "*")
    return entries


@pytest.fixture
def server(tmp_path, catalogue):
    """Serves a folder on this machine, from which the catalogue's datasets are downloaded."""
    served = write_folder(tmp_path / "served", FILES)
    requests = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=served)

        def log_message(self, _format, *_arguments):
            requests.append(self.path)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        url = f"http://127.0.0.1:{listening.server_port}/"
        catalogue.update({name: replace(entry, url=url) for name, entry in catalogue.items()})
        yield SimpleNamespace(url=url, folder=served, requests=requests)
        listening.shutdown()
        thread.join()


def write_folder(path, files):
    path.mkdir(parents=True, exist_ok=True)
    for file, content in files.items():
        (path / file).write_bytes(content)
    return path


@pytest.fixture
def folder(tmp_path):
    """A folder with the files of the catalogue."""
    return write_folder(tmp_path / "source", FILES)


@pytest.fixture
def older(tmp_path):
    """An older dataset in the cache, which does not match the catalogue."""
    download(source=str(write_folder(tmp_path / "older", OTHER)), verify=False)


def pack(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def in_folder(prefix, files=FILES):
    return {prefix + file: content for file, content in files.items()}


def downloaded_files(name="surnames"):
    return {file.name: file.read_bytes() for file in dataset_dir(name).iterdir() if file.name != MANIFEST}


def list_cache():
    """Return the names of all files and folders among the datasets."""
    datasets = dataset_dir("surnames").parent
    return sorted(path.name for path in datasets.iterdir()) if datasets.exists() else []


def refused(*parts, **options):
    """Check that a download fails with these parts in its message, and leaves nothing."""
    with pytest.raises(DownloadError) as caught:
        download(**options)
    message = str(caught.value)
    assert [part for part in parts if part not in message] == [], message
    assert list_cache() == []


# From a server.


@pytest.mark.parametrize("verify", [True, False])
def test_a_dataset_is_downloaded_and_verified(server, verify):
    dataset = download(verify=verify)
    assert (dataset.path, dataset.verified, dataset.new) == (dataset_dir("surnames"), True, True)
    assert downloaded_files() == FILES
    assert server.requests == ["/Dwarvish.txt", "/Elvish.txt"]
    assert list_cache() == ["surnames"]
    manifest = json.loads((dataset.path / "dataset.json").read_text(encoding="utf-8"))
    assert manifest == {"dataset": "surnames", "files": hashes_of(FILES), "verified": True}


def test_a_dataset_in_the_cache_is_not_downloaded_again(server):
    download()
    server.requests.clear()
    dataset = download()
    assert (dataset.verified, dataset.new, server.requests) == (True, False, [])


def test_a_mirror_is_given_by_its_url(server):
    write_folder(server.folder / "of" / "names", FILES)
    assert download(source=f"{server.url}of/names").verified
    assert server.requests[0] == "/of/names/Dwarvish.txt"


def test_a_file_with_another_hash_is_refused_or_accepted_as_unverified(server):
    write_folder(server.folder, OTHER)
    refused(hashes_of(OTHER)["Elvish.txt"], hashes_of(FILES)["Elvish.txt"], "--no-verify")
    assert not download(verify=False).verified
    assert downloaded_files() == OTHER
    dataset = find_downloaded("surnames")
    assert dataset is not None
    assert not dataset.verified
    server.requests.clear()
    assert not download(verify=False).new
    assert server.requests == []


def test_a_file_that_the_server_lacks_is_refused(server):
    (server.folder / "Elvish.txt").unlink()
    refused(f"{server.url}Elvish.txt: the server says 404")


def test_an_unverified_dataset_is_replaced_by_a_verified_one(server, older):
    dataset = download()
    assert (dataset.verified, dataset.new) == (True, True)
    assert downloaded_files() == FILES
    assert list_cache() == ["surnames"]


def test_an_older_dataset_stays_when_a_download_is_interrupted(server, older):
    seen = []

    def interrupt(_done, _total):
        seen.append(downloaded_files())
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(report=interrupt)
    assert seen == [OTHER]
    assert downloaded_files() == OTHER
    assert list_cache() == ["surnames"]


def test_the_bytes_are_reported_up_to_the_total(server, catalogue):
    reports = []
    download(report=lambda done, total: reports.append((done, total)))
    size = catalogue["surnames"].size
    assert reports == [(len(FILES["Dwarvish.txt"]), size), (size, size)]


@pytest.mark.parametrize("damage", [b"Sauron\n", None])
def test_a_damaged_dataset_is_downloaded_again(server, damage):
    file = download().path / "Elvish.txt"
    file.unlink()
    if damage:
        file.write_bytes(damage)
    assert find_downloaded("surnames") is None
    assert download().new
    assert downloaded_files() == FILES


# From a zip or a folder.

LAYOUTS = {
    "at the top": in_folder(""),
    "of the tutorial": {**in_folder("data/names/"), "data/eng-fra.txt": b"Go.\tVa !\n", "data/": b""},
    "from a Mac": {**in_folder("names/"), **in_folder("__MACOSX/names/._", {"Elvish.txt": b"\0"})},
    "beside a folder that lacks a file": {"Elvish.txt": b"Sauron\n", **in_folder("data/names/")},
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_dataset_is_taken_from_a_zip(tmp_path, layout):
    (tmp_path / "names.ZIP").write_bytes(pack(LAYOUTS[layout]))
    assert download(source=str(tmp_path / "names.ZIP")).verified
    assert downloaded_files() == FILES


def test_a_dataset_is_taken_from_the_url_of_a_zip(server):
    (server.folder / "data.zip").write_bytes(pack(LAYOUTS["of the tutorial"]))
    assert download(source=f"{server.url}data.zip").verified
    assert (downloaded_files(), list_cache(), server.requests) == (FILES, ["surnames"], ["/data.zip"])


BAD_ZIPS = {
    "not a zip": (b"<html>Not here</html>", "names.zip is not a valid zip archive"),
    "cut": (pack(FILES)[:-30], "names.zip is not a valid zip archive"),
    "without a file": (pack({"a/Elvish.txt": b"Arwen\n"}), "is not the dataset surnames: no folder in it has all"),
    "with a path that leads out": (pack({**FILES, "../Elvish.txt": b"Sauron\n"}), "has a path that leads out of it"),
    "with a bomb": (pack({**FILES, "Elvish.txt": bytes(10**6)}), "unpacks to more than 100 times its size"),
}


@pytest.mark.parametrize("fault", BAD_ZIPS)
def test_a_bad_zip_is_refused(tmp_path, fault):
    content, complaint = BAD_ZIPS[fault]
    (tmp_path / "names.zip").write_bytes(content)
    refused(complaint, source=str(tmp_path / "names.zip"), verify=False)
    assert not (tmp_path / "Elvish.txt").exists()


@pytest.mark.parametrize("inside", ["", "surnames", "data/names"])
def test_a_dataset_is_copied_from_a_folder(tmp_path, inside):
    write_folder(tmp_path / "source" / inside, {**FILES, "LICENSE": b"MIT"})
    assert download(source=str(tmp_path / "source")).verified
    assert downloaded_files() == FILES


@pytest.mark.parametrize("form", ["folder", "zip"])
def test_other_contents_are_refused_or_accepted_as_unverified(tmp_path, form):
    source = write_folder(tmp_path / "source", OTHER)
    if form == "zip":
        source = tmp_path / "names.zip"
        source.write_bytes(pack(OTHER))
    refused("Elvish.txt does not match the catalogue: expected", "--no-verify", source=str(source))
    assert not download(source=str(source), verify=False).verified


def test_a_folder_that_lacks_a_file_is_refused(folder):
    (folder / "Elvish.txt").unlink()
    refused(f"the folder {folder} is not the dataset surnames: it lacks Elvish.txt", source=str(folder))


@pytest.mark.parametrize("name", ["nothing", "nothing.zip", "names.txt"])
def test_a_source_that_is_neither_folder_nor_zip_is_refused(tmp_path, name):
    (tmp_path / "names.txt").write_bytes(b"Anna\n")
    refused(f"{tmp_path / name} is not a folder or .zip archive", "--from", source=str(tmp_path / name))


# In the cache.


def test_the_next_download_removes_what_a_killed_one_left(folder):
    write_folder(dataset_dir("surnames").parent / ".surnames.new", OTHER)
    download(source=str(folder))
    assert list_cache() == ["surnames"]


def test_a_full_disk_is_one_clear_error(folder, older, monkeypatch):
    def fail(*_arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copyfile", fail)
    with pytest.raises(DownloadError, match=r"cannot store surnames in .*: No space left on device; free space"):
        download(source=str(folder))
    assert (downloaded_files(), list_cache()) == (OTHER, ["surnames"])


def test_a_second_download_of_the_same_dataset_is_refused(folder):
    with (
        hold_lock(locks_dir() / "dataset-surnames.lock", "downloading surnames"),
        pytest.raises(BusyError, match=r"process \d+ is already downloading surnames; wait for it to end"),
    ):
        download(source=str(folder))


def test_an_unknown_dataset_is_refused_and_the_known_ones_named():
    for action in (download, remove_downloaded, find_downloaded):
        with pytest.raises(UsageError, match="no dataset 'elves' in the catalogue; choose from surnames, makemore"):
            action("elves")


def test_the_catalogue_pins_secure_addresses_by_commit():
    for entry in CATALOGUE.values():
        assert entry.url.startswith(f"https://raw.githubusercontent.com/{entry.origin.split(',')[0]}/")
        assert len(bytes.fromhex(entry.url.split("/")[5])) == 20
        assert all(len(bytes.fromhex(digest)) == 32 for digest in entry.files.values())


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_real_data_match_the_catalogue(data_dir, monkeypatch, name):
    monkeypatch.setattr("namegen.datasets.catalogue.CATALOGUE", CATALOGUE)
    assert download(name, source=str(data_dir / name)).verified


# The command.


def test_the_command_says_where_the_dataset_is_and_what_to_do_next(server, tmp_path, cli):
    place = dataset_dir("surnames")
    outcome = cli("download")
    assert (outcome.code, outcome.out) == (0, "")
    assert outcome.err == f"surnames is downloaded (verified): {place}\nNext: namegen train\n"
    outcome = cli("download")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", f"surnames is already downloaded (verified): {place}\n")
    outcome = cli("download", "makemore", "--from", write_folder(tmp_path, {"names.txt": b"olivia\n"}), "--no-verify")
    assert "makemore is downloaded (not verified, as its files differ from the catalogue): " in outcome.err
    assert "Next: namegen train --data makemore --model makemore\n" in outcome.err


def test_the_command_fails_in_one_line(cli):
    outcome = cli("download")
    assert (outcome.code, outcome.out, list_cache()) == (1, "", [])
    *retries, error = outcome.err.splitlines()
    assert [line.endswith("the download failed; trying again.") for line in retries] == [True, True]
    assert error.startswith("Error: cannot fetch https://nowhere.invalid/Dwarvish.txt (")


def test_the_list_shows_the_catalogue_and_what_is_downloaded(tmp_path, folder, cli):
    def states():
        head, *rows = (line.split("\t") for line in cli("download", "--list").out.splitlines())
        assert head == ["name", "here", "size", "about", "origin"]
        return [(name, here) for name, here, *_ in rows]

    assert states() == [("surnames", "-"), ("makemore", "-")]
    cli("download", "--from", folder)
    cli("download", "makemore", "--from", write_folder(tmp_path / "b", {"names.txt": b"olivia\n"}), "--no-verify")
    assert states() == [("surnames", "verified"), ("makemore", "not verified")]


def test_the_command_removes_a_dataset(folder, cli):
    cli("download", "--from", folder)
    for message in ("Removed surnames.\n", "surnames is not downloaded.\n"):
        outcome = cli("download", "--remove")
        assert (outcome.code, outcome.out, outcome.err) == (0, "", message)
        assert list_cache() == []


def test_removing_and_downloading_at_once_is_wrong_usage(folder, cli):
    outcome = cli("download", "--remove", "--from", folder)
    assert outcome.code == 2
    assert "use one of them" in outcome.err


def test_the_progress_bar_is_shown_only_in_a_terminal(server, cli, monkeypatch):
    assert "\x1b" not in cli("download").err
    remove_downloaded("surnames")
    updates = []
    bar = SimpleNamespace(add_task=lambda *_names, **_options: 0, update=lambda _task, **now: updates.append(now))
    monkeypatch.setattr("namegen.cli.terminal.is_live_terminal", lambda: True)
    monkeypatch.setattr("rich.progress.Progress", lambda *_columns, **_options: contextlib.nullcontext(bar))
    assert cli("download").code == 0
    size = sum(map(len, FILES.values()))
    assert updates[-1] == {"completed": size, "total": size}
