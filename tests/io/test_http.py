"""Downloads from servers that are slow, broken or hostile: a dataset is whole and verified, or absent.

All servers are on this machine. They speak through plain sockets, so that they can break every rule.
"""

from __future__ import annotations

import contextlib
import gc
import gzip
import hashlib
import importlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest
import trustme
from requests.exceptions import InvalidURL

from namegen.datasets.catalogue import CatalogueEntry
from namegen.datasets.download import download, present
from namegen.errors import DownloadError
from namegen.io import http as fetching
from namegen.paths import dataset_dir

catalogue = importlib.import_module("namegen.datasets.download")

BODY = "".join(f"Name number {number}\n" for number in range(100)).encode()
OTHER = b"Sauron\n"


@pytest.fixture(autouse=True)
def surroundings(monkeypatch):
    """A catalogue of one file, no waiting between tries, and neither a proxy nor authorities from outside."""
    digest = hashlib.sha256(BODY).hexdigest()
    entry = CatalogueEntry("surnames", "made up", "nowhere", "https://nowhere.invalid/", len(BODY), {"n.txt": digest})
    monkeypatch.setattr("namegen.datasets.catalogue.CATALOGUE", {"surnames": entry})
    monkeypatch.setattr(fetching, "_BACKOFF", 0)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@dataclass
class Server:
    """A server on this machine.

    Attributes:
        url: the folder that it serves, or pretends to.
        requests: the heads of the requests that came, but for those that TLS kept from coming.
        over: set when the server goes; a script that waits waits for it.
        sent: the bytes that it got rid of.
    """

    url: str
    requests: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    sent: int = 0


class Listening:
    """What a server does: it runs a script for each request, in a thread."""

    def __init__(self, script, tls):
        self.script, self.tls = script, tls
        self.socket = socket.create_server(("127.0.0.1", 0))
        scheme = "https" if tls else "http"
        self.server = Server(f"{scheme}://127.0.0.1:{self.socket.getsockname()[1]}/")
        self.threads = [threading.Thread(target=self.accept)]
        self.threads[0].start()

    def accept(self):
        while True:
            connection, _ = self.socket.accept()
            if self.server.over.is_set():
                connection.close()
                return
            self.threads.append(threading.Thread(target=self.answer, args=(connection,)))
            self.threads[-1].start()

    def answer(self, connection):
        with contextlib.suppress(OSError), connection:  # the other end may go whenever it likes
            if self.tls is None:
                self.talk(connection)
            else:
                with self.tls.wrap_socket(connection, server_side=True) as secure:
                    self.talk(secure)

    def talk(self, connection):
        request = b""
        while b"\r\n\r\n" not in request:
            request += connection.recv(65536) or b"\r\n\r\n"
        self.server.requests.append(request.decode("latin-1"))

        def send(content):
            connection.sendall(content)
            self.server.sent += len(content)

        if callable(self.script):
            self.script(send, self.server)
        else:
            send(self.script)

    def stop(self):
        self.server.over.set()
        socket.create_connection(self.socket.getsockname(), timeout=5).close()
        for thread in self.threads:
            thread.join(10)
            assert not thread.is_alive()
        self.socket.close()


@pytest.fixture
def serve():
    """Starts servers that answer each request with the same bytes, or run a script: of a function that sends."""
    with contextlib.ExitStack() as stack:

        def start(script, tls=None):
            listening = Listening(script, tls)
            stack.callback(listening.stop)
            return listening.server

        yield start
    gc.collect(1)  # a connection left open fails the test that left it, and it is young


def head(status="200 OK", **headers):
    lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return "".join(f"{line}\r\n" for line in [*lines, "Connection: close", ""]).encode("latin-1")


def plain(body=BODY):
    return head(Content_Length=len(body)) + body


def chunked(body=BODY, size=100):
    pieces = [body[at : at + size] for at in range(0, len(body), size)] + [b""]
    return head(Transfer_Encoding="chunked") + b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)


def until_closed(body=BODY):
    return head() + body


FRAMINGS = {"a length": plain, "chunks": chunked, "neither": until_closed}


def in_turn(*answers):
    """A script of an answer for each request, the last one for all others too."""
    left = list(answers)

    def script(send, server):
        answer = left.pop(0) if len(left) > 1 else left[0]
        answer(send, server) if callable(answer) else send(answer)

    return script


def endlessly(start, piece, pause=0.0):
    """A script that sends the start, and then the same piece for ever."""

    def script(send, server):
        send(start)
        while not server.over.wait(pause):
            send(piece)

    return script


def stalled(start):
    """A script that sends the start, and then nothing, and does not go."""

    def script(send, server):
        send(start)
        server.over.wait()

    return script


def left_behind():
    datasets = dataset_dir("surnames").parent
    return sorted(path.name for path in datasets.iterdir()) if datasets.exists() else []


def is_whole():
    there = present("surnames")
    return (
        there is not None
        and there.verified
        and (there.path / "n.txt").read_bytes() == BODY
        and left_behind() == ["surnames"]
    )


def refused(url, *parts, notices=None, **options):
    """Check that a download fails in one line without anything that a terminal obeys, and leaves nothing."""
    with pytest.raises(DownloadError) as caught:
        download(source=url, notice=[].append if notices is None else notices.append, **options)
    message = str(caught.value)
    assert [part for part in parts if part not in message] == [], message
    assert message.isprintable()
    assert len(message) < 600
    assert left_behind() == []
    return message


# The connection breaks off.


@pytest.mark.parametrize("tenth", range(10))
@pytest.mark.parametrize("framing", FRAMINGS)
def test_a_connection_cut_at_every_tenth_of_the_body_leaves_nothing(serve, framing, tenth):
    answer = FRAMINGS[framing]()
    body = len(answer) - answer.index(b"\r\n\r\n") - 4
    server = serve(answer[: len(answer) - body + body * tenth // 10])
    if framing == "neither":  # then nothing but the hash can tell
        refused(server.url, "n.txt is not what the catalogue pins")
    else:
        refused(server.url, "n.txt (the connection broke off)")
        assert len(server.requests) == 3


@pytest.mark.parametrize("tenth", range(10))
@pytest.mark.parametrize("framing", ["a length", "chunks"])
def test_a_connection_that_was_cut_is_tried_again_until_the_dataset_is_whole(serve, framing, tenth):
    answer = FRAMINGS[framing]()
    cut = answer[: len(answer) * tenth // 10]  # within the head, too
    server = serve(in_turn(cut, cut, answer))
    notices, reports = [], []
    download(source=server.url, notice=notices.append, report=lambda *now: reports.append(now))
    assert is_whole()
    assert len(server.requests) == 3
    assert [re.search(r"trying again in .*", notice)[0] for notice in notices] == [
        "trying again in 0 s, 2 tries left.",
        "trying again in 0 s, 1 try left.",
    ]
    assert reports == sorted(reports)
    assert reports[-1] == (len(BODY), len(BODY))


def test_a_cut_body_is_refused_also_where_nothing_is_verified(serve):
    refused(serve(plain()[:-1]).url, "the connection broke off", verify=False)


def test_an_older_dataset_stays_when_the_connection_is_cut(serve):
    download(source=serve(plain(OTHER)).url, verify=False)
    with pytest.raises(DownloadError):
        download(source=serve(plain()[:-1]).url)
    assert (dataset_dir("surnames") / "n.txt").read_bytes() == OTHER
    assert left_behind() == ["surnames"]


def test_what_a_server_sends_beyond_the_declared_length_is_not_taken(serve):
    download(source=serve(plain() + OTHER * 1000).url)
    assert is_whole()


def test_an_archive_that_is_cut_is_tried_again(serve, tmp_path):
    (tmp_path / "n").mkdir()
    (tmp_path / "n" / "n.txt").write_bytes(BODY)
    archive = shutil.make_archive(str(tmp_path / "n"), "zip", tmp_path / "n")
    answer = plain(Path(archive).read_bytes())
    server = serve(in_turn(answer[:-20], answer))
    download(source=f"{server.url}n.zip?key=secret")
    assert is_whole()
    assert [request.split()[1] for request in server.requests] == ["/n.zip?key=secret"] * 2


# Too much.


@pytest.mark.parametrize("framing", ["chunks", "neither"])
def test_a_body_that_never_ends_is_not_read_for_ever(serve, framing, monkeypatch):
    monkeypatch.setattr(fetching, "_MAX_BYTES", 10**6)
    piece = bytes(10_000)
    if framing == "chunks":
        server = serve(endlessly(head(Transfer_Encoding="chunked"), b"2710\r\n" + piece + b"\r\n"))
    else:
        server = serve(endlessly(head(), piece))
    refused(server.url, "n.txt has more than 1 MB, which no list of names has")
    assert len(server.requests) == 1
    server.over.wait(0.05)
    assert server.sent < 20 * 10**6  # the operating system holds some, on both sides


def test_a_body_that_is_declared_too_large_is_not_read(serve):
    server = serve(stalled(head(Content_Length=2**26 + 1) + b"A"))
    refused(server.url, "n.txt has more than 67 MB")


def test_a_body_that_is_compressed_against_the_request_is_not_unpacked(serve):
    bomb = gzip.compress(bytes(10**7))
    for encoding in ("gzip", "gzip, gzip", "br", "\x1b[31mgzip"):
        server = serve(head(Content_Encoding=encoding, Content_Length=len(bomb)) + bomb)
        refused(server.url, "the server sends it compressed (", "gzip" if "gzip" in encoding else "br")


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 200 OK\r\nX: " + b"a" * 10**6, b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 10**4]
)
def test_headers_without_bounds_are_refused(serve, answer):
    refused(serve(answer).url, "cannot fetch ")


# Too slow.

STARTS = {
    "before the head": b"",
    "in the middle of the head": head()[:30],
    "before the body": plain()[: -len(BODY)],
    "in the middle of the body": plain()[:-100],
    "in the middle of a chunk": chunked()[:-50],
}


@pytest.mark.parametrize("where", STARTS)
def test_a_server_that_stalls_is_given_up_after_three_tries(serve, where, monkeypatch):
    monkeypatch.setattr(fetching, "_STALL", 0.1)
    server = serve(stalled(STARTS[where]))
    notices = []
    refused(server.url, "(nothing came for 0.1 s)", notices=notices)
    assert len(server.requests) == 3
    assert [": nothing came for 0.1 s; trying again" in notice for notice in notices] == [True, True]


@pytest.mark.parametrize("where", STARTS)
def test_a_server_that_stalled_once_is_asked_again(serve, where, monkeypatch):
    monkeypatch.setattr(fetching, "_STALL", 0.1)
    download(source=serve(in_turn(stalled(STARTS[where]), plain())).url)
    assert is_whole()


def test_a_server_that_takes_the_connection_and_not_the_handshake_is_given_up(serve, monkeypatch):
    monkeypatch.setattr(fetching, "_STALL", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        refused(f"https://127.0.0.1:{silent.getsockname()[1]}/", "n.txt (", notices=(notices := []))
    assert len(notices) == 2


TRICKLES = {
    "the head": (b"", b"a"),
    "interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a body of a length": (head(Content_Length=len(BODY)), b"a"),
    "a body in chunks": (head(Transfer_Encoding="chunked"), b"1\r\na\r\n"),
    "a body until the end": (head(), b"a"),
}


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("what", TRICKLES)
def test_a_server_that_sends_a_byte_now_and_then_is_given_up_when_the_time_is_over(
    serve, trusted, what, secure, monkeypatch
):
    monkeypatch.setattr(fetching, "_TOTAL", 0.3)
    server = serve(endlessly(*TRICKLES[what], pause=0.02), tls=trusted if secure else None)
    start = time.monotonic()
    refused(server.url, "cannot fetch ", "the download was not done after 0.3 s")
    assert time.monotonic() - start < 3
    assert len(server.requests) == 1


def test_the_time_limit_holds_for_the_waiting_between_tries_too(serve, monkeypatch):
    monkeypatch.setattr(fetching, "_TOTAL", 0.1)
    monkeypatch.setattr(fetching, "_BACKOFF", 50)
    refused(serve(head("503 Busy")).url, "the download was not done after 0.1 s")


# Answers that are no file.


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_server_that_is_busy_or_broken_is_asked_again(serve, status):
    server = serve(in_turn(head(f"{status} Not now"), head(f"{status} Not now"), plain()))
    notices = []
    download(source=server.url, notice=notices.append)
    assert is_whole()
    assert [f"n.txt: the server says {status} Not now; trying again" in notice for notice in notices] == [True, True]


def test_a_server_that_stays_broken_is_given_up_after_three_tries(serve):
    server = serve(head("500 Oh dear", Content_Length=0))
    refused(server.url, "n.txt: the server says 500 Oh dear; check the address, or give a copy with --from PATH")
    assert len(server.requests) == 3


@pytest.mark.parametrize("status", [204, 206, 304, 400, 401, 403, 404, 410])
def test_an_answer_that_will_not_change_is_not_asked_for_again(serve, status):
    server = serve(head(f"{status} No", Content_Length=0))
    refused(server.url, f"the server says {status} No")
    assert len(server.requests) == 1


def test_a_file_that_is_not_the_pinned_one_is_not_asked_for_again(serve):
    server = serve(plain(b"<!DOCTYPE html><title>Log in to the network</title>"))
    refused(server.url, "n.txt is not what the catalogue pins")
    assert len(server.requests) == 1


def test_the_waiting_doubles(serve, monkeypatch):
    monkeypatch.setattr(fetching, "_BACKOFF", 0.01)
    notices = []
    refused(serve(head("500 No")).url, notices=notices)
    assert [re.search(r"in (\S+) s", notice)[1] for notice in notices] == ["0.01", "0.02"]


def test_a_server_may_say_how_long_to_wait(serve):
    notices = []
    start = time.monotonic()
    download(
        source=serve(in_turn(head("503 Busy", Retry_After="1"), plain())).url,
        notice=notices.append,
    )
    assert is_whole()
    assert time.monotonic() - start >= 1
    assert "trying again in 1 s" in notices[0]


def test_a_server_that_asks_to_wait_for_long_is_not_waited_for(serve):
    server = serve(head("429 Too many", Retry_After="3600"))
    refused(server.url, "the server says 429 Too many; it asks to wait 3,600 s, so try again then")
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "wait", ["soon", "9" * 5000, "-5", "Thu, 01 Jan 1970 00:00:00 GMT", "Thu, 99 Foo 99999999", ""]
)
def test_a_wait_that_makes_no_sense_does_no_harm(serve, wait):
    refused(serve(head("503 Busy", Retry_After=wait)).url, "the server says 503 Busy")


GARBAGE = {
    "no status line": b"\x1b[31mSSH-2.0-OpenSSH\x07\r\n\r\n",
    "a status that is no number": b"HTTP/1.1 \x1b[2J OK\r\n\r\n",
    "a status of many digits": b"HTTP/1.1 99999999999 OK\r\n\r\n",
    "a reason of escapes": head("404 \x1b]0;owned\x07\x1b[31mNot\x9b1mFound\x08\x7f") + b"x",
    "a reason without end": head("404 " + "No " * 20_000),
    "a length of words": head(Content_Length="\x1b[31mmany") + b"x",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a chunk of no length": head(Transfer_Encoding="chunked") + b"\x1b[31m\r\nabc\r\n",
    "a chunk of negative length": head(Transfer_Encoding="chunked") + b"-5\r\nabc\r\n",
    "headers that are none": b"HTTP/1.1 200 OK\r\n\x1b[31m\x00\r\n: \r\n\r\n" + BODY[:50],
    "a redirect to escapes": head("302 Found", Location="https://\x1b[31m\x07/\x9b"),
    "a redirect that is no address": head("302 Found", Location="http://[::1"),
    "a redirect that is no text": head("302 Found", Location="\xff\xfe//"),
    "a redirect to nowhere": head("302 Found", Location=""),
}


@pytest.mark.parametrize("garbage", GARBAGE)
def test_whatever_a_server_says_ends_in_lines_without_anything_that_a_terminal_obeys(serve, cli, garbage):
    outcome = cli("download", "--from", serve(GARBAGE[garbage]).url)
    assert (outcome.code, outcome.out, left_behind()) == (1, "", [])
    *notices, error = outcome.err.splitlines()
    assert all(" trying again in " in notice for notice in notices)
    assert error.startswith("Error: ")
    assert all(line.isprintable() and len(line) < 600 for line in [*notices, error])


# Addresses.


@pytest.mark.parametrize(
    "host", ["names.example", "10.0.0.1", "192.168.1.1:8080", "127.0.0.1.example", "localhost.example", "[2001:db8::1]"]
)
def test_plain_http_is_refused_before_anybody_is_asked(host, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: pytest.fail("somebody was looked up"))
    for url in (f"http://{host}/names", f"HTTP://{host}/names.zip"):
        refused(url, f"{host}/names", "plain http:// can be altered on its way; use https://", "--from PATH")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "localhost", "LOCALHOST", "[::1]"])
def test_plain_http_is_accepted_within_this_machine(host):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert "plain http" not in refused(f"http://{host}:{port}/", "cannot fetch ")


@pytest.mark.parametrize(
    "url", ["file:///etc/", "ftp://127.0.0.1/n/", "sftp://127.0.0.1/n", "data://a/n", "doi://10/n"]
)
def test_other_schemes_are_refused(url):
    refused(url, f"cannot fetch {url}", "an address that begins with https://")


@pytest.mark.parametrize("url", ["https://", "https:///names", "://names", "https://[::1/n", "https://h:port/n"])
def test_what_is_no_address_is_refused(url):
    refused(url, f"cannot fetch {url.rstrip('/')}", "that is no address")


def test_an_address_that_cannot_be_looked_up_is_one_error():
    for host in ("a" * 300, "xn--a" + "é" * 100, "a..b", "*"):
        refused(f"https://{host}/", "cannot fetch ")


PASSWORDS = {
    "a missing file": lambda serve: serve(head("404 No")).url,
    "a cut file": lambda serve: serve(plain()[:-1]).url,
    "a broken server": lambda serve: serve(head("500 No")).url,
    "a loop": lambda serve: serve(head("302 Found", Location="/again")).url,
    "nobody there": lambda serve: "https://127.0.0.1:1/",
    "plain http": lambda serve: "http://10.0.0.1/",
    "another scheme": lambda serve: "ftp://127.0.0.1/",
    "no host": lambda serve: "https://127.0.0.1 names/",
    "no port": lambda serve: "https://127.0.0.1:port/",
}


@pytest.mark.parametrize(
    "secret",
    [
        "user:secret@",
        "secret@",
        "user:p@secret@",
        "user:1?secret@",
        "user:1#secret@",
        "user:1/secret@",
        "user:p@ss/secret@",
        "user:secret word@",
    ],
)
@pytest.mark.parametrize("failure", PASSWORDS)
def test_a_password_in_an_address_is_never_shown(serve, cli, failure, secret):
    url = PASSWORDS[failure](serve).replace("//", f"//{secret}")
    for file in ("", "n.zip"):
        outcome = cli("--debug", "download", "--from", url + file)
        assert (outcome.code, outcome.out) == (1, "")
        assert "Error: cannot fetch" in outcome.err or "Error: http" in outcome.err
        traced = [line for line in outcome.err.splitlines() if "secret" in line]
        assert traced == []


def test_a_password_is_not_shown_by_errors_that_quote_an_address(cli, monkeypatch):
    def quote(_session, url, **_options):
        raise InvalidURL(f"Failed to parse: {url}")

    monkeypatch.setattr("requests.Session.get", quote)
    outcome = cli("--debug", "download", "--from", "https://user:secret@127.0.0.1/")
    assert "Failed to parse: https://127.0.0.1/n.txt" in outcome.err
    assert "secret" not in outcome.err
    monkeypatch.setattr("requests.Session.get", lambda session, _url, **_: quote(session, "http://u:secret@proxy/"))
    assert "(Failed to parse: http://proxy/)" in refused("https://127.0.0.1/")


def test_a_password_in_an_address_is_given_to_the_server(serve):
    server = serve(plain())
    download(source=server.url.replace("//", "//user:p%40ss@"))
    assert is_whole()
    assert "Authorization: Basic dXNlcjpwQHNz\r\n" in server.requests[0]  # user:p@ss


def test_what_stands_behind_a_question_mark_stays_there(serve):
    server = serve(plain())
    download(source=f"{server.url}names/?key=a/b")
    assert server.requests[0].startswith("GET /names/n.txt?key=a/b HTTP")


# Certificates.

AUTHORITY, STRANGER = trustme.CA(), trustme.CA()


def server_side(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


@pytest.fixture
def trusted(tmp_path, monkeypatch):
    """The server's side of a connection whose authority is trusted."""
    bundle = tmp_path / "authority.pem"
    AUTHORITY.cert_pem.write_to_path(bundle)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    return server_side(AUTHORITY.issue_cert("127.0.0.1"))


def test_a_server_whose_authority_is_trusted_is_asked(serve, trusted):
    download(source=serve(plain(), tls=trusted).url)
    assert is_whole()


def test_a_connection_cut_under_tls_is_tried_again(serve, trusted):
    download(source=serve(in_turn(plain()[:-1], plain()), tls=trusted).url)
    assert is_whole()


CERTIFICATES = {
    "of an authority that nobody knows": lambda: STRANGER.issue_cert("127.0.0.1"),
    "for another host": lambda: AUTHORITY.issue_cert("names.example"),
    "that is over": lambda: AUTHORITY.issue_cert(
        "127.0.0.1",
        not_after=datetime(2001, 1, 1),  # noqa: DTZ001 - as trustme wants it
    ),
}


@pytest.mark.parametrize("fault", CERTIFICATES)
def test_a_certificate_that_cannot_be_trusted_is_refused_at_once(serve, trusted, cli, fault):
    server = serve(plain(), tls=server_side(CERTIFICATES[fault]()))
    for more in ([], ["--no-verify"]):  # which is about what the files are, not about whom they come from
        outcome = cli("download", "--from", server.url, *more)
        assert (outcome.code, outcome.err.count("\n")) == (1, 1)
        assert "n.txt: the server's certificate cannot be trusted (" in outcome.err
        assert (
            "check the address; if you trust the server, name its authority's file in REQUESTS_CA_BUNDLE" in outcome.err
        )
        assert left_behind() == []
    assert server.requests == []


def test_without_naming_an_authority_those_of_the_system_are_trusted_alone(serve):
    server = serve(plain(), tls=server_side(AUTHORITY.issue_cert("127.0.0.1")))
    refused(server.url, "the server's certificate cannot be trusted (")


@pytest.mark.parametrize("bundle", ["missing", "no certificates"])
def test_an_authorities_file_that_is_none_is_one_error(serve, trusted, tmp_path, monkeypatch, bundle):
    file = tmp_path / "bundle.pem"
    if bundle != "missing":
        file.write_bytes(b"nothing of use")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(file))
    refused(serve(plain(), tls=trusted).url, "cannot fetch ")


def test_a_server_that_speaks_no_tls_is_one_error():
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer():
            for _ in range(3):
                connection, _ = listening.accept()
                with connection:
                    connection.recv(10_000)
                    connection.sendall(b"HTTP/1.1 400 This is plain\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        refused(f"https://127.0.0.1:{listening.getsockname()[1]}/", "cannot fetch ", "SSL")
        thread.join()


def test_a_key_in_an_address_is_not_shown(serve, cli):
    outcome = cli("download", "--from", f"{serve(head('500 No')).url}n.zip?key=secret#secret")
    assert (outcome.code, outcome.err.count("n.zip"), "secret" in outcome.err) == (1, 3, False)


# Redirects.


def test_a_redirect_to_another_secure_server_is_followed(serve, trusted):
    other = serve(plain(), tls=trusted)
    download(source=serve(head("302 Found", Location=f"{other.url}n.txt"), tls=trusted).url)
    assert is_whole()
    assert len(other.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_from_https_to_plain_http_is_refused(serve, trusted, status):
    other = serve(plain())
    server = serve(head(f"{status} Found", Location=f"{other.url}n.txt"), tls=trusted)
    refused(server.url, f"{server.url}n.txt leads to {other.url}n.txt, which is not secure; check the address")
    assert (len(server.requests), other.requests) == (1, [])


def test_a_redirect_to_plain_http_after_others_is_refused(serve, trusted):
    other = serve(plain())
    last = serve(head("302 Found", Location=other.url), tls=trusted)
    first = serve(in_turn(head("302 Found", Location="/again"), head("302 Found", Location=last.url)), tls=trusted)
    refused(first.url, f"{last.url} leads to {other.url}, which is not secure")
    assert other.requests == []


@pytest.mark.parametrize(
    "target", ["http://names.example/n.txt", "//names.example/n.txt", "ftp://127.0.0.1/n", "file:///etc/passwd", "a:b"]
)
def test_a_redirect_out_of_this_machine_or_to_another_scheme_is_refused(serve, target, monkeypatch):
    server = serve(head("302 Found", Location=target))
    refused(server.url, " leads to ", "which is not secure")


def test_a_redirect_within_this_machine_is_followed(serve):
    other = serve(plain())
    download(source=serve(head("302 Found", Location=other.url)).url)
    assert is_whole()


def test_a_redirect_to_an_address_with_a_password_does_not_show_it(serve):
    message = refused(serve(head("302 Found", Location="ftp://user:secret@h/?secret")).url, "leads to ftp://h/, which")
    assert "secret" not in message


def test_a_password_is_not_handed_on_to_another_host(serve, monkeypatch):
    other = serve(plain())
    url = serve(head("302 Found", Location=other.url.replace("127.0.0.1", "localhost"))).url
    download(source=url.replace("//", "//user:secret@"))
    assert "Authorization" not in other.requests[0]


def test_redirects_that_lead_in_circles_end_in_one_error(serve):
    server = serve(head("302 Found", Location="/again"))
    refused(server.url, "n.txt: the server leads in circles; check the address")
    assert len(server.requests) == 11


@pytest.mark.parametrize("framing", ["a length", "chunks", "neither"])
def test_the_body_of_a_redirect_is_not_read(serve, framing):
    start, piece = {
        "a length": (head("302 Found", Location="/again", Content_Length=10**15), bytes(10_000)),
        "chunks": (
            head("302 Found", Location="/again", Transfer_Encoding="chunked"),
            b"1000\r\n" + bytes(4096) + b"\r\n",
        ),
        "neither": (head("302 Found", Location="/again"), bytes(10_000)),
    }[framing]
    server = serve(in_turn(endlessly(start, piece), plain()))
    download(source=server.url)
    assert is_whole()
    server.over.wait(0.05)
    assert server.sent < 20 * 10**6


# Proxies.


def test_a_proxy_of_the_environment_is_used(serve, monkeypatch):
    proxy = serve(plain())
    monkeypatch.setenv("http_proxy", proxy.url)
    download(source="http://127.0.0.1:1/names/")
    assert is_whole()
    assert proxy.requests[0].startswith("GET http://127.0.0.1:1/names/n.txt HTTP")


@pytest.mark.parametrize("reached", [True, False])
def test_a_proxy_that_does_not_work_is_one_error_that_says_so(serve, cli, reached, monkeypatch):
    proxy = serve(head("403 \x1b[31mNo")).url if reached else "http://127.0.0.1:1"
    monkeypatch.setenv("https_proxy", proxy.replace("//", "//user:secret@"))
    outcome = cli("download")
    *notices, error = outcome.err.splitlines()
    assert (outcome.code, outcome.out, len(notices)) == (1, "", 2)
    assert error.startswith("Error: cannot fetch https://nowhere.invalid/n.txt (the proxy: ")
    assert ("403" in error) is reached
    assert "check HTTPS_PROXY and NO_PROXY" in error
    assert "secret" not in outcome.err
    assert all(line.isprintable() for line in outcome.err.splitlines())


@pytest.mark.parametrize(
    "proxy", ["http://user:secret@127.0.0.1:port", "http://user:secret@[::1", "socks9://u:secret@h"]
)
def test_a_proxy_that_is_no_address_is_one_error_without_its_password(proxy, cli, monkeypatch):
    monkeypatch.setenv("https_proxy", proxy)
    outcome = cli("download")
    assert (outcome.code, outcome.out, left_behind()) == (1, "", [])
    assert "Error: cannot fetch https://nowhere.invalid/n.txt (" in outcome.err
    assert "secret" not in outcome.err


# Processes that end in the middle. These know the real catalogue, of 18 files.


def started(url, before="pass"):
    program = f"import sys; {before}; from namegen.cli import main; sys.exit(main(sys.argv[1:]))"
    return subprocess.Popen(
        [sys.executable, "-c", program, "download", "--no-verify", "--from", url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_a_download_that_is_stopped_leaves_the_older_dataset_and_the_next_clears_up(serve, name):
    download(source=serve(plain(OTHER)).url, verify=False)
    last = threading.Event()

    def second_stalls(send, server):
        if len(server.requests) > 1:
            last.set()
            stalled(plain()[:-50])(send, server)
        send(plain())

    with started(serve(second_stalls).url) as process:
        assert last.wait(20)
        process.send_signal(getattr(signal, name))
        _, err = process.communicate(timeout=20)
    assert process.returncode == {"SIGINT": 130, "SIGTERM": 143, "SIGKILL": -9}[name]
    assert "Traceback" not in err
    assert (dataset_dir("surnames") / "n.txt").read_bytes() == OTHER
    if name == "SIGKILL":
        assert [left.startswith(".surnames.") for left in left_behind()] == [True, False]
    else:
        assert left_behind() == ["surnames"]
    download(source=serve(plain()).url)
    assert is_whole()


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits of POSIX")
def test_a_disk_that_is_full_in_the_middle_is_one_error_and_the_older_dataset_stays(serve):
    download(source=serve(plain(OTHER)).url, verify=False)
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({len(BODY) // 2},) * 2)"
    with started(serve(plain()).url, limit) as process:
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (1, "")
    assert err == (
        f"Error: cannot keep surnames in {dataset_dir('surnames')}: File too large; "
        "make room or permit it, or set NAMEGEN_CACHE_DIR\n"
    )
    assert (dataset_dir("surnames") / "n.txt").read_bytes() == OTHER
    assert left_behind() == ["surnames"]
