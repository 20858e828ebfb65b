"""Downloads from servers that are slow, broken or insecure: files are complete and verified, or absent."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import ssl
import threading
from dataclasses import dataclass, field

import pytest
import trustme

from namegen.errors import DownloadError
from namegen.io import http
from namegen.io.http import download_files

BODY = b"Anna\n" * 100
DIGEST = hashlib.sha256(BODY).hexdigest()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    """Retry at once, and use no proxy or certificates of the environment."""
    monkeypatch.setattr("pooch.core.time.sleep", lambda _seconds: None)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@dataclass
class Server:
    """A server on this machine that speaks through plain sockets, so that it can break every rule.

    Attributes:
        answers: what it sends for each request, the last one for all further requests.
        tls: its certificate, if it speaks HTTPS.
        stalls: whether it keeps the connection open after its answer.
        requests: the first lines of the requests that arrived.
    """

    answers: list[bytes]
    tls: ssl.SSLContext | None = None
    stalls: bool = False
    requests: list[str] = field(default_factory=list)

    def __post_init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"{'https' if self.tls else 'http'}://127.0.0.1:{self.socket.getsockname()[1]}/"
        self.stopped = threading.Event()
        self.threads = [threading.Thread(target=self.accept)]
        self.threads[0].start()

    def accept(self):
        while True:
            connection, _ = self.socket.accept()
            if self.stopped.is_set():
                connection.close()
                return
            self.threads.append(threading.Thread(target=self.serve, args=(connection,)))
            self.threads[-1].start()

    def serve(self, connection):
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.enter_context(connection)
            if self.tls:
                connection = stack.enter_context(self.tls.wrap_socket(connection, server_side=True))
            self.requests.append(connection.recv(65_536).decode("latin-1").splitlines()[0])
            connection.sendall(self.answers[min(len(self.requests), len(self.answers)) - 1])
            if self.stalls:
                self.stopped.wait()

    def stop(self):
        self.stopped.set()
        socket.create_connection(self.socket.getsockname()).close()
        for thread in self.threads:
            thread.join(10)
        self.socket.close()


@pytest.fixture
def serve():
    """Starts servers."""
    with contextlib.ExitStack() as stack:

        def start(*answers, **options):
            server = Server(list(answers), **options)
            stack.callback(server.stop)
            return server

        yield start


def response(status="200 OK", body=b"", **headers):
    headers = {"Content-Length": len(body), "Connection": "close", **headers}
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode() + body


GOOD = response(body=BODY)


def redirect(url, status=302):
    return response(f"{status} Found", Location=url)


@pytest.fixture
def fetch(tmp_path):
    """Downloads one file; the retries that were announced, and the bytes that were reported."""

    def run(url, digest=DIGEST):
        notices, reports = [], []
        download_files(url, {"n.txt": digest}, tmp_path, reports.append, notices.append)
        assert (tmp_path / "n.txt").read_bytes() == BODY
        return notices, reports

    return run


@pytest.fixture
def refused(fetch, tmp_path):
    """Checks that a download fails in one printable line and leaves nothing; returns the error."""

    def run(url, *parts, **options):
        with pytest.raises(DownloadError) as caught:
            fetch(url, **options)
        message = str(caught.value)
        assert [part for part in parts if part not in message] == [], message
        assert message.isprintable()
        assert list(tmp_path.glob("*n.txt*")) == []
        return message

    return run


@pytest.mark.parametrize("digest", [DIGEST, None])
def test_a_file_is_downloaded_and_its_bytes_are_reported(serve, fetch, digest):
    server = serve(GOOD)
    notices, reports = fetch(f"{server.url}names", digest)
    assert (notices, reports) == ([], [len(BODY)])
    assert server.requests == ["GET /names/n.txt HTTP/1.1"]


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nAnna\n\r\n"


@pytest.mark.parametrize("broken", [GOOD[:5], GOOD[:-1], CHUNKED, response("503 Busy"), response("429 Slow"), b"\0\n"])
def test_what_may_be_temporary_is_retried_twice(serve, fetch, refused, broken):
    server = serve(broken)
    refused(server.url, "n.txt", "--from PATH")
    assert len(server.requests) == 3
    server = serve(broken, broken, GOOD)
    notices, _ = fetch(server.url)
    assert notices == [f"{server.url}n.txt: the download failed; trying again."] * 2


def test_a_wrong_hash_is_refused_with_both_hashes_and_what_to_do(serve, refused):
    expected, got = DIGEST, hashlib.sha256(b"Sauron\n").hexdigest()
    refused(serve(response(body=b"Sauron\n")).url, "n.txt", expected, got, "try again", "--no-verify")


@pytest.mark.parametrize("status", ["404 Not Found", "403 \x1b[31mNo", "204 No Content"])
def test_a_status_that_will_not_change_is_not_retried(serve, refused, status):
    server = serve(response(status))
    refused(server.url, f"n.txt: the server says {status[:3]}", "check the URL, or give a copy with --from PATH")
    assert len(server.requests) == 1


@pytest.mark.parametrize("answer", [b"", GOOD[:-1]])
def test_a_server_that_stalls_is_given_up(serve, refused, answer, monkeypatch):
    monkeypatch.setattr(http, "_TIMEOUT", 0.05)
    refused(serve(answer, stalls=True).url, "(no data for 0.05 s)")


def test_a_file_that_is_too_large_is_refused(serve, refused, monkeypatch):
    monkeypatch.setattr(http, "MAX_FILE_BYTES", 10**5)
    server = serve(response(body=bytes(10**6)))
    refused(server.url, "n.txt has more than 0 MB", digest=None)
    assert len(server.requests) == 1


@pytest.mark.parametrize("url", ["http://localhost:1/", "http://[::1]:1/", "https://nowhere.invalid/"])
def test_without_a_server_or_network_the_error_names_the_other_ways(refused, url):
    refused(url, f"cannot fetch {url}n.txt (", "--from PATH", "`namegen train --data starter`")


@pytest.mark.parametrize(
    "url",
    [
        *["http://names.example/", "http://192.168.1.1:8080/", "http://127.0.0.1.example/", "http://[2001:db8::1]/"],
        *["file:///etc/", "ftp://127.0.0.1/n/", "https://", "://names", "https://[::1/n", "https://host:port/n"],
    ],
)
def test_an_insecure_or_invalid_url_is_refused_before_any_connection(refused, url, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: pytest.fail("a host was looked up"))
    refused(url, "cannot fetch ", "it is not an https:// URL; use one, or give a copy with --from PATH")


@pytest.mark.parametrize("url", ["https://127.0.0.1:1/", "http://10.0.0.1/", "ftp://127.0.0.1/", "https://h:port/"])
def test_a_password_in_an_address_is_not_shown(refused, url):
    assert "secret" not in refused(url.replace("//", "//user:secret@"), "cannot fetch ")


AUTHORITY = trustme.CA()


def tls_context(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


@pytest.fixture(scope="module")
def certificate():
    return tls_context(AUTHORITY.issue_cert("127.0.0.1"))


@pytest.fixture
def trusted(certificate, tmp_path, monkeypatch):
    """The certificate of a server that is trusted."""
    AUTHORITY.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "authority.pem"))
    return certificate


def test_a_trusted_server_is_used_and_may_redirect_to_another(serve, fetch, trusted):
    other = serve(GOOD, tls=trusted)
    fetch(serve(redirect(f"{other.url}n.txt"), tls=trusted).url)
    assert len(other.requests) == 1


def test_a_certificate_that_is_not_trusted_is_refused(serve, refused, certificate):
    server = serve(GOOD, tls=certificate)
    refused(server.url, "n.txt (the server's certificate cannot be trusted: ")
    assert server.requests == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_from_https_to_plain_http_is_refused(serve, refused, trusted, status):
    other = serve(GOOD)
    server = serve(redirect(f"{other.url}n.txt", status), tls=trusted)
    refused(server.url, f"cannot fetch {other.url}n.txt: it is not an https:// URL")
    assert (len(server.requests), other.requests) == (1, [])


def test_a_redirect_on_this_machine_is_followed_and_one_to_plain_http_elsewhere_is_not(serve, fetch, refused):
    refused(serve(redirect("http://names.example/n.txt")).url, "http://names.example/n.txt: it is not an https:// URL")
    fetch(serve(redirect(serve(GOOD).url)).url)
