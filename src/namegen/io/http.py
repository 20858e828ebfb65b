"""One file over HTTPS, whole or not at all, from a server that may be slow, broken or hostile.

requests and urllib3 know the protocol, proxies and certificates; pooch gives a file its name when all of it is there.
What they leave open is settled here: which addresses may be asked, where a redirect may lead, how much and how long a
server may send, and what is tried again. (urllib3's own retries end where a body begins, and pooch's would also ask
again for what is not there, and for a file that is not the pinned one.)

Whatever a server says is data: of its words, those that reach a message are made harmless first.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import socket
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin, urlsplit

import pooch
import requests
from requests.adapters import HTTPAdapter
from requests.exceptions import ProxyError
from urllib3.exceptions import HTTPError
from urllib3.util import Retry

from namegen.errors import DownloadError, escape_unprintable, shorten

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from urllib3.connectionpool import HTTPConnectionPool


_STALL = 30.0  # seconds without a byte


_TOTAL = 900.0  # seconds for all files together, however they trickle


_TRIES = 3


_BACKOFF = 1.0  # seconds before the second try; twice as many before each one after it


_MAX_WAIT = 60.0  # seconds that a server may ask for


_REDIRECTS = 10


_MAX_BYTES = 2**26  # of a file; the largest of the catalogue has 0.2 MB, and the tutorial's archive 3 MB


_CHUNK = 2**14  # bytes


_ANOTHER_WAY = "give a copy with --from PATH"


_NO_NETWORK = (
    f"without a network, {_ANOTHER_WAY}, or train on the names that come with namegen: `namegen train --data starter`"
)


@dataclass(eq=False)
class _Failure(Exception):  # noqa: N818 - it never leaves this module
    """A try that failed.

    Attributes:
        message: what to say if it was the last one.
        cause: the same in a few words.
        transient: whether another try may fare better.
        wait: the seconds that the server asks to wait before it; 0 if it does not say.
    """

    message: str
    cause: str
    transient: bool = False
    wait: float = 0.0


class Fetcher:
    """Fetches files, one after the other; a context that ends with the last of them.

    Args:
        notice: called with a line of text when something is tried again.
    """

    def __init__(self, notice: Callable[[str], None]) -> None:
        self._notice = notice
        self._limit = _TimeLimit(_TOTAL)

    def __enter__(self) -> Fetcher:
        self._limit.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._limit.stop()

    def fetch(self, url: str, file: Path, report: Callable[[int, int], None]) -> None:
        """Fetch one file.

        Connections that fail or stall, and servers that are busy or broken, are tried again.

        Args:
            url: its address.
            file: what it shall be; it must not exist, and does only when all of it is there.
            report: called with the bytes that came, and those that the server says there are, 0 if it does not. They
                begin anew with each try.

        Raises:
            DownloadError: the address is not one to ask, the server cannot be reached or trusted, or does not send
                the file.
            OSError: the file cannot be written.
        """
        check_address(url)
        for tries_left in reversed(range(_TRIES)):
            try:
                self._keep(url, file, report)
            except _Failure as failure:
                self._limit.check(url)
                if not failure.transient or not tries_left:
                    raise DownloadError(failure.message) from failure
                self._wait(url, failure, tries_left)
            else:
                return

    def _keep(self, url: str, file: Path, report: Callable[[int, int], None]) -> None:
        def try_once(_url: str, temporary: str, _pooch: object) -> None:
            self._download(url, Path(temporary), report)
            self._limit.check(url)  # to a body that declares no length, the end looks like any other

        pooch.get_logger().setLevel("ERROR")
        pooch.retrieve(shown(url), known_hash=None, fname=file.name, path=file.parent, downloader=try_once)

    def _download(self, url: str, file: Path, report: Callable[[int, int], None]) -> None:
        """Try once to put what a URL serves into a file."""
        with _Session(self._limit) as session, _asked(session, url) as response:
            _check_answer(url, response)
            length = _declared_length(response)
            _check_size(url, length)
            done = 0
            with file.open("wb") as opened:
                for chunk in _body(url, response):
                    done += len(chunk)
                    _check_size(url, done)
                    opened.write(chunk)
                    report(done, length)

    def _wait(self, url: str, failure: _Failure, tries_left: int) -> None:
        seconds = failure.wait or _BACKOFF * 2 ** (_TRIES - 1 - tries_left)
        left = "1 try" if tries_left == 1 else f"{tries_left} tries"
        self._notice(f"{shown(url)}: {failure.cause}; trying again in {seconds:g} s, {left} left.")
        if self._limit.passed.wait(seconds):
            self._limit.check(url)


class _TimeLimit:
    """Ends a download that takes too long: when the time is over, it shuts the connection, wherever that waits.

    A timeout of a socket is none: it begins anew with each byte, and a server can send one every second.
    """

    def __init__(self, seconds: float) -> None:
        self.passed = threading.Event()
        self._seconds = seconds
        self._socket: object = None
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    def start(self) -> None:
        self._timer.start()

    def stop(self) -> None:
        self._timer.cancel()
        self._timer.join()

    def watch(self, connected: socket.socket | ssl.SSLSocket | None) -> None:
        """Take note of the connection that is in use now."""
        self._socket = connected
        if self.passed.is_set():
            self._shut()

    def check(self, url: str) -> None:
        """Raise a `DownloadError` if the time is over."""
        if self.passed.is_set():
            raise DownloadError(
                f"cannot fetch {shown(url)}: the download was not done after {self._seconds:g} s; "
                f"try again, or {_ANOTHER_WAY}"
            )

    def _end(self) -> None:
        self.passed.set()
        self._shut()

    def _shut(self) -> None:
        # The plain socket's method, also for TLS: that of its own would make the reading thread take what it reads for
        # plain text. (TLS within the TLS of a proxy has no socket; there the time-out for each byte must do.)
        if isinstance(self._socket, socket.socket):
            with contextlib.suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class _Session(requests.Session):
    """A session that asks only where it may, however it is redirected."""

    def __init__(self, limit: _TimeLimit) -> None:
        super().__init__()
        self.max_redirects = _REDIRECTS
        self.headers["Accept-Encoding"] = "identity"
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Adapter(limit))

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Return where a response leads, if it may lead there."""
        if resp.is_redirect:
            resp.close()  # requests would read its body to the end, and that may never come
        target = super().get_redirect_target(resp)
        if target is not None:
            _check_redirect(resp.url, urljoin(resp.url, target))
        return target


class _Adapter(HTTPAdapter):
    """Tells a time limit of each connection."""

    def __init__(self, limit: _TimeLimit) -> None:
        super().__init__()
        self._limit = limit

    def get_connection_with_tls_context(self, *arguments: object, **options: object) -> HTTPConnectionPool:
        """Return the pool that connects to a server."""
        pool: HTTPConnectionPool = super().get_connection_with_tls_context(*arguments, **options)  # type: ignore[arg-type]
        pool.ConnectionCls = _watched(type(pool).ConnectionCls, self._limit)
        return pool


def _watched(connection: type, limit: _TimeLimit) -> type:
    """The same kind of connection, which tells the time limit when it is there."""

    class Watched(connection):  # type: ignore[misc]
        def connect(self) -> None:
            super().connect()
            limit.watch(self.sock)

    return Watched


def shown(url: str) -> str:
    """An address as it may be shown: without a password, and without what stands behind ``?``, often a key."""
    return re.sub(r"//[^/]*@", "//", escape_unprintable(re.split(r"[?#]", url, maxsplit=1)[0]))


def check_address(url: str) -> None:
    """Find out whether an address may be asked, before anybody is.

    Raises:
        DownloadError: it may not.
    """
    try:
        parts = urlsplit(url)
        there = bool(parts.hostname) and parts.port != 0
    except ValueError:
        parts, there = None, False
    # Where the parts are not clear, neither is which of them is a password.
    unclear = r"[^/]*//([^/]*[?#][^/]*@|[^/]*[@:][^/]*/.*@)"
    ambiguous = "@" in url and (not there or re.match(unclear, url))
    if parts and parts.scheme not in ("", "http", "https"):
        which = f"{parts.scheme}://…" if ambiguous else shown(url)
        raise DownloadError(
            f"cannot fetch {which}: --from takes a folder, a .zip, or an address that begins with https://"
        )
    if parts is None or ambiguous or not there:
        which = "what is behind --from" if ambiguous else shown(url)
        raise DownloadError(f"cannot fetch {which}: that is no address; --from takes https://HOST/FOLDER")
    if parts.scheme != "https" and not _is_this_machine(parts.hostname or ""):
        raise DownloadError(
            f"cannot fetch {shown(url)}: plain http:// can be altered on its way; use https://, or {_ANOTHER_WAY}"
        )


def _check_redirect(url: str, target: str) -> None:
    """Raise a `DownloadError` if an address may not lead to that other one."""
    try:
        check_address(target)
        secure = urlsplit(target).scheme == "https" or urlsplit(url).scheme == "http"
    except DownloadError:
        secure = False
    if not secure:
        raise DownloadError(
            f"{shown(url)} leads to {shorten(shown(target))}, which is not secure; check the address, or {_ANOTHER_WAY}"
        )


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@contextlib.contextmanager
def _asked(session: requests.Session, url: str) -> Iterator[requests.Response]:
    """Ask for what a URL serves, without its body yet.

    A password goes beside the address and not in it, for errors of requests and urllib3 may quote an address.
    """
    parts = urlsplit(url)
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="").geturl()
    auth = (unquote(parts.username or ""), unquote(parts.password or "")) if "@" in parts.netloc else None
    try:
        response = session.get(bare, stream=True, timeout=_STALL, auth=auth)
    except (OSError, ValueError, HTTPError) as error:  # all errors of requests are OSErrors
        raise _failure(url, error) from error
    with response:
        yield response


def _check_answer(url: str, response: requests.Response) -> None:
    """Accept an answer whose body is the file.

    Raises:
        _Failure: it is none.
    """
    status = response.status_code
    encoding = response.headers.get("Content-Encoding", "identity")
    if status != 200:
        said = f"the server says {_harmless(f'{status} {response.reason}')}"
        wait = _asked_to_wait(response)
        message = f"{shown(url)}: {said}; check the address, or {_ANOTHER_WAY}"
        transient = status == 429 or status >= 500
        if wait > _MAX_WAIT:
            message = f"{shown(url)}: {said}; it asks to wait {wait:,.0f} s, so try again then, or {_ANOTHER_WAY}"
        raise _Failure(message, said, transient and wait <= _MAX_WAIT, wait)
    if encoding.lower() != "identity":  # a few bytes of it could become any number
        said = f"the server sends it compressed ({_harmless(encoding)}), which it was asked not to"
        raise _Failure(f"{shown(url)}: {said}; {_ANOTHER_WAY}", said)


def _check_size(url: str, size: int) -> None:
    if size > _MAX_BYTES:
        raise DownloadError(
            f"{shown(url)} has more than {_MAX_BYTES / 1e6:.0f} MB, which no list of names has; check the address"
        )


def _asked_to_wait(response: requests.Response) -> float:
    """The seconds that a server asks to wait before the next try; 0 if it does not say."""
    try:
        return Retry().parse_retry_after(response.headers.get("Retry-After", "0"))
    except (HTTPError, ValueError, OverflowError):
        return 0.0


def _declared_length(response: requests.Response) -> int:
    """The bytes that a body has by its header; 0 if that does not say."""
    declared = response.headers.get("Content-Length", "")
    return int(declared) if re.fullmatch(r"[0-9]{1,18}", declared) else 0


def _body(url: str, response: requests.Response) -> Iterator[bytes]:
    try:
        yield from response.iter_content(_CHUNK)
    except (OSError, ValueError, HTTPError) as error:
        raise _failure(url, error) from error


def _failure(url: str, error: Exception) -> _Failure:
    """What a network error means."""
    import ssl

    innermost = _innermost(error)
    if isinstance(innermost, ssl.SSLCertVerificationError):
        cause = f"the server's certificate cannot be trusted ({_harmless(innermost.verify_message)})"
        what_to_do = "check the address; if you trust the server, name its authority's file in REQUESTS_CA_BUNDLE"
        return _Failure(f"cannot fetch {shown(url)}: {cause}; {what_to_do}", cause)
    # Of a body that breaks off, the innermost error tells how that was found out.
    broken = isinstance(error, requests.exceptions.ChunkedEncodingError)
    transient = broken or isinstance(error, (requests.ConnectionError, requests.Timeout))
    cause = "the connection broke off" if broken else _harmless(_words(innermost))
    if isinstance(error, ProxyError):
        cause = f"the proxy: {cause}"
        message = f"cannot fetch {shown(url)} ({cause}); check HTTPS_PROXY and NO_PROXY, or {_ANOTHER_WAY}"
    elif isinstance(error, requests.TooManyRedirects):
        message = f"{shown(url)}: the server leads in circles; check the address, or {_ANOTHER_WAY}"
    else:
        message = f"cannot fetch {shown(url)} ({cause}); {_NO_NETWORK}"
    return _Failure(message, cause, transient)


def _innermost(error: BaseException) -> BaseException:
    """The error that all others came from."""
    while isinstance(inner := error.__cause__ or error.__context__ or getattr(error, "reason", None), BaseException):
        error = inner
    return error


def _words(error: BaseException) -> str:
    """What a network error is called, in a few words."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, TimeoutError):
        return f"nothing came for {_STALL:g} s"
    return str(error).split("(")[0].strip(" :'") or type(error).__name__


def _harmless(text: str) -> str:
    """A text of unknown origin as it may be shown: on one line, without what a terminal obeys, and not long."""
    return re.sub(r"//[^/\s]*@", "//", shorten(" ".join(text.split())))
