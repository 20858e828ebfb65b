"""Fetching datasets: from a server on this machine, a folder or a zip, and never from anywhere else."""

from __future__ import annotations

import contextlib
import gc
import gzip
import hashlib
import http.server
import importlib
import io
import json
import os
import socket
import subprocess
import sys
import threading
import zipfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from namegen.datasets.catalogue import CATALOGUE, CatalogueEntry
from namegen.datasets.download import download, present, remove
from namegen.errors import BusyError, DownloadError, UsageError
from namegen.io import http as fetching
from namegen.io.locks import hold_lock
from namegen.paths import dataset_dir, locks_dir

module = importlib.import_module("namegen.datasets.download")

FILES = {"Dwarvish.txt": b"Gimli\nThorin\n", "Elvish.txt": "Elrond\nLúthien\n".encode()}
OTHER = {**FILES, "Elvish.txt": b"Arwen\n"}


@dataclass
class Server:
    """A server on this machine. An answer may be changed at any time.

    Attributes:
        url: the folder that it serves, ending in a slash.
        bodies: what it answers, by path.
        cut: the paths whose answers break off one byte before their declared end.
        requests: the paths that were asked for.
    """

    url: str = ""
    bodies: dict[str, bytes] = field(default_factory=dict)
    cut: set[str] = field(default_factory=set)
    compress: bool = False
    requests: list[str] = field(default_factory=list)


@pytest.fixture(autouse=True)
def no_other_host(monkeypatch):
    """No test reaches any host but this one; a proxy would."""
    look_up = socket.getaddrinfo

    def local_only(host, *more, **options):
        if host not in ("127.0.0.1", None):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return look_up(host, *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", local_only)
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(fetching, "_BACKOFF", 0)


@pytest.fixture
def server():
    """A server of the right files, under ``/names/``."""
    state = Server(bodies={f"/names/{file}": content for file, content in FILES.items()})

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            state.requests.append(self.path)
            body = state.bodies.get(self.path)
            if body is None:
                self.send_error(404)
                return
            self.send_response(200)
            if state.compress and "gzip" in self.headers.get("Accept-Encoding", ""):
                body = gzip.compress(body)
                self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(body) + (self.path in state.cut)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        state.url = f"http://127.0.0.1:{listening.server_port}/names/"
        yield state
        listening.shutdown()
        thread.join()
    gc.collect()  # a connection left open fails the test that left it, not a later one


def made_up_entry(name, url, files):
    return CatalogueEntry(
        name=name,
        about="made up",
        origin="nowhere, MIT",
        url=url,
        size=sum(map(len, files.values())),
        files={file: hashlib.sha256(content).hexdigest() for file, content in files.items()},
    )


@pytest.fixture(autouse=True)
def catalogue(request, monkeypatch):
    """A catalogue of small datasets on the server, or where nobody can be reached."""
    asks = "server" in request.fixturenames
    url = request.getfixturevalue("server").url if asks else "https://nowhere.invalid/"
    entries = {
        "surnames": made_up_entry("surnames", url, FILES),
        "makemore": made_up_entry("makemore", url, {"names.txt": b"emma\n"}),
    }
    monkeypatch.setattr("namegen.datasets.catalogue.CATALOGUE", entries)
    return entries


@pytest.fixture
def folder(tmp_path):
    """A folder with the right files."""
    return write_folder(tmp_path / "source", FILES)


def write_folder(path, files):
    path.mkdir(parents=True)
    for file, content in files.items():
        (path / file).write_bytes(content)
    return path


def packed(members):
    """The bytes of a zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def under(prefix, files=FILES):
    return {prefix + file: content for file, content in files.items()}


def kept(name="surnames"):
    """The files of a dataset in the cache, but for what namegen itself notes about it."""
    return {file.name: file.read_bytes() for file in dataset_dir(name).iterdir() if file.name != module.MANIFEST}


def left_behind():
    """Whatever lies among the datasets."""
    datasets = dataset_dir("surnames").parent
    return sorted(path.name for path in datasets.iterdir()) if datasets.exists() else []


def refused(*parts, **options):
    """Check that a download fails, leaves nothing, and says all parts."""
    with pytest.raises(DownloadError) as caught:
        download(**options)
    message = str(caught.value)
    assert [part for part in parts if part not in message] == [], message
    assert caught.value.exit_code == 1
    assert left_behind() == []
    return message


# From a server.


def test_a_dataset_is_fetched_from_its_address_and_verified(server):
    fetched = download()
    assert kept() == FILES
    assert (fetched.path, fetched.verified, fetched.new) == (dataset_dir("surnames"), True, True)
    assert left_behind() == ["surnames"]


def test_the_manifest_records_what_was_fetched(server):
    download()
    manifest = json.loads((dataset_dir("surnames") / "dataset.json").read_text(encoding="utf-8"))
    hashes = {file: hashlib.sha256(content).hexdigest() for file, content in FILES.items()}
    assert manifest == {"dataset": "surnames", "files": hashes, "verified": True}


def test_a_dataset_that_is_here_is_not_fetched_again(server):
    download()
    server.requests.clear()
    fetched = download()
    assert server.requests == []
    assert (fetched.verified, fetched.new) == (True, False)


def test_each_file_is_asked_for_once(server):
    download()
    assert sorted(server.requests) == ["/names/Dwarvish.txt", "/names/Elvish.txt"]


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_url_is_a_mirrors_folder_with_or_without_a_slash_at_its_end(server, slash):
    server.bodies = {f"/mirror/of{path}": content for path, content in server.bodies.items()}
    assert download(source=f"{server.url.removesuffix('names/')}mirror/of/names{slash}").verified
    assert kept() == FILES


def test_a_file_that_is_not_the_pinned_one_is_refused_with_both_hashes(server, catalogue):
    server.bodies["/names/Elvish.txt"] = OTHER["Elvish.txt"]
    refused(
        "Elvish.txt is not what the catalogue pins",
        hashlib.sha256(OTHER["Elvish.txt"]).hexdigest(),
        catalogue["surnames"].files["Elvish.txt"],
        "--no-verify",
    )


def test_a_file_that_is_not_the_pinned_one_is_accepted_without_verifying_and_recorded_so(server):
    server.bodies["/names/Elvish.txt"] = OTHER["Elvish.txt"]
    assert not download(verify=False).verified
    assert kept() == OTHER
    there = present("surnames")
    assert there is not None
    assert not there.verified
    assert json.loads((there.path / "dataset.json").read_text(encoding="utf-8"))["verified"] is False


def test_pinned_files_are_verified_also_where_that_was_not_asked_for(server):
    assert download(verify=False).verified


def test_an_unverified_dataset_that_is_here_is_enough_without_verifying(server):
    server.bodies["/names/Elvish.txt"] = OTHER["Elvish.txt"]
    download(verify=False)
    server.requests.clear()
    fetched = download(verify=False)
    assert (fetched.verified, fetched.new, server.requests) == (False, False, [])


def test_an_unverified_dataset_is_replaced_by_a_verified_one(server):
    server.bodies["/names/Elvish.txt"] = OTHER["Elvish.txt"]
    download(verify=False)
    server.bodies["/names/Elvish.txt"] = FILES["Elvish.txt"]
    fetched = download()
    assert (fetched.verified, fetched.new) == (True, True)
    assert kept() == FILES
    assert left_behind() == ["surnames"]


def test_an_unverified_dataset_stays_when_the_verified_one_cannot_be_had(server):
    server.bodies["/names/Elvish.txt"] = OTHER["Elvish.txt"]
    download(verify=False)
    with pytest.raises(DownloadError):
        download()
    assert kept() == OTHER
    assert left_behind() == ["surnames"]


@pytest.mark.parametrize("damage", [b"Sauron\n", None])
def test_a_dataset_that_was_damaged_since_is_fetched_again(server, damage):
    download()
    file = dataset_dir("surnames") / "Elvish.txt"
    if damage is None:
        file.unlink()
    else:
        file.write_bytes(damage)
    assert present("surnames") is None
    assert download().new
    assert kept() == FILES


MANIFESTS = {
    "empty": b"",
    "a list": b"[]",
    "empty object": b"{}",
    "a number of files": b'{"files": 3}',
    "a list of files": json.dumps({"files": list(FILES)}).encode(),
    "lists for hashes": json.dumps({"files": {file: [] for file in FILES}}).encode(),
    "not UTF-8": b"\xff",
    "deep": b"[" * 30_000,
    "a number of many digits": b'{"files": ' + b"9" * 50_000 + b"}",
    "missing": None,
}


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_a_dataset_whose_manifest_is_damaged_is_not_here(server, manifest):
    download()
    file = dataset_dir("surnames") / "dataset.json"
    file.unlink()
    if MANIFESTS[manifest] is not None:
        file.write_bytes(MANIFESTS[manifest])
    assert present("surnames") is None
    assert download().new


def test_a_manifest_larger_than_any_is_not_read(server, monkeypatch):
    file = download().path / "dataset.json"
    file.write_bytes(file.read_bytes() + b" " * 70_000)  # which is still JSON that says what it should
    assert present("surnames") is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("file", ["dataset.json", "Elvish.txt"])
def test_a_pipe_in_place_of_a_file_is_not_waited_for(server, file):
    replaced = download().path / file
    replaced.unlink()
    os.mkfifo(replaced)
    assert present("surnames") is None
    assert download().new


def test_a_manifest_cannot_claim_what_its_hashes_do_not_show(server):
    server.bodies["/names/Elvish.txt"] = OTHER["Elvish.txt"]
    download(verify=False)
    file = dataset_dir("surnames") / "dataset.json"
    file.write_text(file.read_text(encoding="utf-8").replace("false", "true"), encoding="utf-8")
    there = present("surnames")
    assert there is not None
    assert not there.verified


@pytest.mark.parametrize("verify", [True, False])
def test_a_file_that_is_cut_short_is_refused(server, verify):
    server.cut.add("/names/Elvish.txt")
    refused(f"cannot fetch {server.url}Elvish.txt (", verify=verify)


def test_a_file_that_the_server_does_not_have_is_refused(server):
    del server.bodies["/names/Elvish.txt"]
    refused(f"{server.url}Elvish.txt: the server says 404")


def free_port():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def test_a_server_that_refuses_the_connection_is_one_clear_error():
    url = f"http://127.0.0.1:{free_port()}/names"
    refused(f"cannot fetch {url}/", "Connection refused", "--from PATH", "`namegen train --data starter`", source=url)


def test_without_a_network_the_error_names_the_other_ways():
    refused(
        "cannot fetch https://nowhere.invalid/Dwarvish.txt (",
        "without a network, give a copy with --from PATH",
        "`namegen train --data starter`",
    )


@pytest.mark.parametrize("url", ["gopher://127.0.0.1/names", "http://", "://names"])
def test_an_address_that_is_none_is_one_clear_error(url):
    refused(f"cannot fetch {url.rstrip('/')}", source=url)


def reported(**options):
    """All that a download reports."""
    seen = []
    assert download(report=lambda done, total: seen.append((done, total)), **options).verified
    return seen


def test_the_bytes_are_reported_up_to_the_whole(server, catalogue):
    size = catalogue["surnames"].size
    seen = reported()
    assert seen[-1] == (size, size)
    assert {total for _, total in seen} == {size}


def test_the_bytes_are_reported_up_to_the_whole_where_the_server_compresses(server, catalogue, monkeypatch):
    files = {file: content * 500 for file, content in FILES.items()}
    monkeypatch.setitem(catalogue, "surnames", made_up_entry("surnames", server.url, files))
    server.bodies, server.compress = under("/names/", files), True
    size = sum(map(len, files.values()))
    assert reported()[-1] == (size, size)


def test_the_bytes_that_are_reported_never_become_fewer(server):
    done = [done for done, _ in reported()]
    assert done == sorted(done)


def test_the_packages_function_stays_one_whatever_was_imported_before():
    program = "import namegen; namegen.open_dataset('starter'); print(callable(namegen.download))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout == "True\n", done.stderr


# From a zip.

LAYOUTS = {
    "at the top": under(""),
    "of the tutorial": {**under("data/names/"), "data/eng-fra.txt": b"Go.\tVa !\n", "data/": b""},
    "in another folder": under("a/b/c/"),
    "beside what a Mac adds": {**under("names/"), **under("__MACOSX/names/._", {"Elvish.txt": b"\0"})},
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_zip_by_its_path_is_unpacked(tmp_path, layout):
    (tmp_path / "names.ZIP").write_bytes(packed(LAYOUTS[layout]))
    assert download(source=str(tmp_path / "names.ZIP")).verified
    assert kept() == FILES


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_zip_by_its_url_is_unpacked(server, layout):
    server.bodies = {"/names/data.zip": packed(LAYOUTS[layout])}
    assert download(source=f"{server.url}data.zip").verified
    assert kept() == FILES
    assert left_behind() == ["surnames"]


def test_of_the_folders_of_a_zip_one_that_has_all_files_is_taken(tmp_path):
    members = {"Elvish.txt": b"Sauron\n", **under("data/names/")}
    (tmp_path / "names.zip").write_bytes(packed(members))
    assert download(source=str(tmp_path / "names.zip")).verified


def test_a_zip_with_other_contents_is_refused_unless_it_need_not_be_verified(tmp_path):
    (tmp_path / "names.zip").write_bytes(packed(under("data/names/", OTHER)))
    refused("Elvish.txt is not what the catalogue pins", source=str(tmp_path / "names.zip"))
    assert not download(source=str(tmp_path / "names.zip"), verify=False).verified
    assert kept() == OTHER


@pytest.mark.parametrize(
    "path", ["../Elvish.txt", "data/../../Elvish.txt", "/Elvish.txt", "..\\Elvish.txt", "C:/a.txt"]
)
def test_a_zip_with_a_path_that_leads_out_of_it_is_refused(tmp_path, path):
    (tmp_path / "names.zip").write_bytes(packed({**under("names/"), path: b"Sauron\n"}))
    refused("has a path that leads out of it", source=str(tmp_path / "names.zip"), verify=False)
    assert list(tmp_path.rglob("Elvish.txt")) == []


def test_a_zip_by_its_url_with_a_path_that_leads_out_of_it_is_refused(server):
    server.bodies = {"/names/data.zip": packed({**under("names/"), "../../Elvish.txt": b"Sauron\n"})}
    refused(f"{server.url}data.zip has a path that leads out of it", source=f"{server.url}data.zip", verify=False)


def altered_zip():
    """A zip in which the compressed bytes of the first file make no sense."""
    content = packed(under("", {"Dwarvish.txt": FILES["Dwarvish.txt"] * 50, "Elvish.txt": FILES["Elvish.txt"]}))
    body = 30 + len("Dwarvish.txt")  # behind the local header
    return content[:body] + b"\xff" * 10 + content[body + 10 :]


BROKEN_ZIPS = {
    "not a zip at all": b"<html>Not here</html>",
    "empty": b"",
    "cut short": packed(under(""))[:-30],
    "altered": altered_zip(),
}


@pytest.mark.parametrize("damage", BROKEN_ZIPS)
def test_a_damaged_zip_is_refused(tmp_path, damage):
    file = tmp_path / "names.zip"
    file.write_bytes(BROKEN_ZIPS[damage])
    complaint = f"cannot read {file}: Dwarvish.txt" if damage == "altered" else f"{file} is not a zip archive"
    refused(complaint, source=str(file), verify=False)


def test_what_a_url_serves_in_place_of_a_zip_is_refused(server):
    server.bodies = {"/names/data.zip": b"<html>Not here</html>"}
    refused(f"{server.url}data.zip is not a zip archive that can be read", source=f"{server.url}data.zip")


def test_a_zip_that_the_server_does_not_have_is_refused(server):
    refused(f"{server.url}data.zip: the server says 404", source=f"{server.url}data.zip")


def test_a_zip_without_all_files_is_refused(tmp_path):
    (tmp_path / "names.zip").write_bytes(packed({"a/Elvish.txt": b"Arwen\n", "b/Dwarvish.txt": b"Gimli\n"}))
    refused(
        "names.zip is not the dataset surnames: no folder in it has all its files", source=str(tmp_path / "names.zip")
    )


def test_a_file_in_a_zip_that_unpacks_to_more_than_any_list_of_names_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_MAX_FILE_BYTES", 1_000)
    (tmp_path / "names.zip").write_bytes(packed({**FILES, "Elvish.txt": bytes(1_001)}))
    refused("Elvish.txt is too large", source=str(tmp_path / "names.zip"), verify=False)


# From a folder.


@pytest.mark.parametrize("inside", ["", "surnames", "data/names"])
def test_a_folder_is_copied(tmp_path, inside):
    write_folder(tmp_path / "source" / inside, {**FILES, "LICENSE": b"MIT"})
    assert download(source=str(tmp_path / "source")).verified
    assert kept() == FILES


def test_a_folder_that_was_copied_may_go(folder):
    download(source=str(folder))
    for file in folder.iterdir():
        file.unlink()
    assert kept() == FILES


def test_a_folder_that_lacks_a_file_is_refused(folder):
    (folder / "Elvish.txt").unlink()
    refused(f"the folder {folder} is not the dataset surnames: it lacks Elvish.txt", source=str(folder))


def test_a_folder_with_other_contents_is_refused_unless_it_need_not_be_verified(tmp_path):
    source = write_folder(tmp_path / "source", OTHER)
    refused("Elvish.txt is not what the catalogue pins", source=str(source))
    assert not download(source=str(source), verify=False).verified


@pytest.mark.parametrize("name", ["nothing", "nothing.zip", "names.txt"])
def test_a_source_that_is_neither_folder_nor_zip_is_refused(tmp_path, name):
    (tmp_path / "names.txt").write_bytes(b"Anna\n")
    refused(f"no folder or .zip archive {tmp_path / name}", "--from", source=str(tmp_path / name))


# What a download leaves.


def test_what_a_killed_download_left_is_removed_by_the_next(folder):
    stale = write_folder(dataset_dir("surnames").parent / ".surnames.abc", OTHER)
    download(source=str(folder))
    assert not stale.exists()
    assert left_behind() == ["surnames"]


def test_what_belongs_to_another_dataset_is_not_removed(folder):
    other = write_folder(dataset_dir("surnames").parent / ".makemore.abc", OTHER)
    download(source=str(folder))
    assert other.exists()


@pytest.fixture
def older():
    """An older dataset, which is not what the catalogue pins."""
    write_folder(dataset_dir("surnames"), OTHER)


@pytest.mark.parametrize("refusal", [PermissionError(13, "Permission denied"), KeyboardInterrupt()])
def test_an_older_dataset_stays_when_the_new_one_cannot_take_its_place(folder, older, monkeypatch, refusal):
    rename = Path.rename

    def refuse(path, target):
        if path.name == "new":
            raise refusal
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises((DownloadError, KeyboardInterrupt)):
        download(source=str(folder))
    assert kept() == OTHER
    assert left_behind() == ["surnames"]


def test_an_older_dataset_that_a_killed_download_had_put_aside_takes_its_place_again(folder):
    write_folder(dataset_dir("surnames").parent / ".surnames.abc" / "old", OTHER)
    with pytest.raises(DownloadError):
        download(source=str(folder / "nothing"))
    assert kept() == OTHER
    assert left_behind() == ["surnames"]


def test_a_download_that_is_interrupted_leaves_nothing(server):
    def interrupt(_done, _total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(report=interrupt)
    assert left_behind() == []


def test_a_dataset_is_not_visible_before_all_of_it_is_there(server):
    seen = []
    download(report=lambda _done, _total: seen.append(dataset_dir("surnames").exists()))
    assert set(seen) == {False}


def test_a_cache_that_cannot_be_written_is_one_clear_error(folder, cache):
    cache.mkdir()
    (cache / "datasets").write_bytes(b"a file")
    with pytest.raises(DownloadError, match="cannot keep surnames in "):
        download(source=str(folder))


@pytest.fixture
def another_download():
    with hold_lock(locks_dir() / "dataset-surnames.lock", "downloading surnames"):
        yield


def test_a_second_download_of_the_same_dataset_is_refused(folder, another_download):
    with pytest.raises(BusyError, match=r"process \d+ is already downloading surnames; wait for it"):
        download(source=str(folder))


def test_whoever_downloads_is_not_told_of_options_that_download_has_not(folder, another_download):
    with pytest.raises(BusyError) as caught:
        download(source=str(folder))
    assert "--model" not in str(caught.value)


def test_a_dataset_that_is_not_in_the_catalogue_is_refused_and_the_others_named():
    for action in (download, remove, present):
        with pytest.raises(UsageError, match="no dataset 'elves' in the catalogue; there are surnames, makemore"):
            action("elves")


def test_a_dataset_is_removed(folder):
    download(source=str(folder))
    assert remove("surnames")
    assert present("surnames") is None
    assert left_behind() == []
    assert not remove("surnames")


def test_the_addresses_of_the_catalogue_are_pinned_by_commit_and_secure():
    for entry in CATALOGUE.values():
        assert entry.url.startswith(f"https://raw.githubusercontent.com/{entry.origin.split(',')[0]}/")
        commit = entry.url.split("/")[5]
        assert len(bytes.fromhex(commit)) == 20
        assert entry.url.endswith("/")
        assert all(len(bytes.fromhex(digest)) == 32 for digest in entry.files.values())


def test_the_real_data_are_what_the_catalogue_pins(data_dir, monkeypatch):
    monkeypatch.setattr(
        "namegen.datasets.catalogue.CATALOGUE",
        {name: replace(e, url="https://nowhere.invalid/") for name, e in CATALOGUE.items()},
    )
    for name in ("surnames", "makemore"):
        assert download(name, source=str(data_dir / name)).verified
        assert download(name, source=str(data_dir)).new is False


# The command.


def test_the_command_says_where_the_dataset_is_and_what_to_do_next(server, cli):
    outcome = cli("download")
    assert (outcome.code, outcome.out) == (0, "")
    assert f"surnames is here, verified: {dataset_dir('surnames')}\n" in outcome.err
    assert "Next: namegen train\n" in outcome.err


def test_the_command_says_that_a_dataset_is_here_already(server, cli):
    cli("download")
    server.requests.clear()
    outcome = cli("download")
    assert (outcome.code, outcome.out, server.requests) == (0, "", [])
    assert outcome.err == f"surnames is here already, verified: {dataset_dir('surnames')}\n"


def test_the_command_fetches_another_dataset_by_its_name(server, cli):
    server.bodies["/names/names.txt"] = b"emma\n"
    outcome = cli("download", "makemore")
    assert outcome.code == 0
    assert kept("makemore") == {"names.txt": b"emma\n"}
    assert "Next: namegen train --data makemore --model makemore\n" in outcome.err


def test_the_command_takes_a_dataset_from_elsewhere(folder, cli):
    assert cli("download", "--from", folder).code == 0
    assert kept() == FILES


def test_the_command_accepts_other_contents_with_no_verify_and_says_so(tmp_path, cli):
    source = write_folder(tmp_path / "source", OTHER)
    outcome = cli("download", "--from", source, "--no-verify")
    assert outcome.code == 0
    assert "surnames is here, not verified: its files differ from the catalogue's: " in outcome.err


FAILURES = {
    "a wrong file": (
        lambda server: server.bodies.update({"/names/Elvish.txt": b"Arwen\n"}),
        "is not what the catalogue",
    ),
    "a file cut short": (lambda server: server.cut.add("/names/Elvish.txt"), "cannot fetch"),
    "a missing file": (lambda server: server.bodies.pop("/names/Elvish.txt"), "the server says 404"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_the_command_fails_in_one_line_and_leaves_nothing(server, cli, failure):
    spoil, message = FAILURES[failure]
    spoil(server)
    outcome = cli("download")
    assert (outcome.code, outcome.out, left_behind()) == (1, "", [])
    *retries, error = outcome.err.splitlines()
    assert all("trying again in 0 s" in retry for retry in retries)
    assert error.startswith("Error: ")
    assert message in error


def test_the_command_refuses_a_damaged_zip_in_one_line(tmp_path, cli):
    (tmp_path / "names.zip").write_bytes(altered_zip())
    outcome = cli("download", "--from", tmp_path / "names.zip")
    assert (outcome.code, outcome.err.count("\n")) == (1, 1)


def test_the_command_without_a_network_fails_in_one_line_that_names_the_other_ways(cli):
    outcome = cli("download")
    assert (outcome.code, outcome.out, outcome.err.count("Error: ")) == (1, "", 1)
    error = outcome.err.splitlines()[-1]
    assert "--from" in error
    assert "namegen train --data starter" in error


def test_the_command_refuses_an_unknown_dataset_as_wrong_usage(cli):
    outcome = cli("download", "elves")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == "Error: no dataset 'elves' in the catalogue; there are surnames, makemore\n"


def listed(outcome):
    assert outcome.code == 0
    head, *rows = (line.split("\t") for line in outcome.out.splitlines())
    return {row[0]: dict(zip(head, row, strict=True)) for row in rows}


def test_the_list_shows_the_catalogue_and_what_is_here(tmp_path, folder, cli):
    assert {name: row["here"] for name, row in listed(cli("download", "--list")).items()} == {
        "surnames": "-",
        "makemore": "-",
    }
    cli("download", "--from", folder)
    other = write_folder(tmp_path / "other", {"names.txt": b"olivia\n"})
    cli("download", "makemore", "--from", other, "--no-verify")
    rows = listed(cli("download", "--list"))
    assert {name: row["here"] for name, row in rows.items()} == {"surnames": "verified", "makemore": "not verified"}
    assert (rows["surnames"]["about"], rows["surnames"]["origin"]) == ("made up", "nowhere, MIT")


def test_the_list_fetches_nothing(server, cli):
    cli("download", "--list")
    assert (server.requests, left_behind()) == ([], [])


def test_the_command_removes_a_dataset(folder, cli):
    cli("download", "--from", folder)
    outcome = cli("download", "--remove")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "Removed surnames.\n")
    assert left_behind() == []


def test_removing_what_is_not_here_is_no_error(cli):
    outcome = cli("download", "makemore", "--remove")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "makemore is not here.\n")


def test_removing_and_fetching_at_once_is_wrong_usage(folder, cli):
    outcome = cli("download", "--remove", "--from", folder)
    assert outcome.code == 2
    assert "use one of them" in outcome.err


def test_the_bar_of_bytes_goes_to_a_terminal_alone(server, cli, monkeypatch):
    assert "\x1b" not in cli("download").err
    remove("surnames")
    drawn = []
    bar = SimpleNamespace(add_task=lambda *_names, **_options: 0, update=lambda _task, **now: drawn.append(now))
    monkeypatch.setattr("namegen.cli.terminal.is_live_terminal", lambda: True)
    monkeypatch.setattr("rich.progress.Progress", lambda *_columns, **_options: contextlib.nullcontext(bar))
    assert cli("download").code == 0
    size = sum(map(len, FILES.values()))
    assert drawn[-1] == {"completed": size, "total": size}
