"""Download files over HTTPS with pooch, which retries, verifies hashes and writes each file atomically."""

from __future__ import annotations

import ipaddress
import re
import ssl
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import pooch
import requests
from requests.exceptions import ChunkedEncodingError

from namegen.errors import DownloadError, escape_unprintable, shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


MAX_FILE_BYTES = 2**26  # the largest file of the catalogue has 0.2 MB
_RETRIES = 2
_TIMEOUT = 30.0  # seconds to connect, and between two packets
_CHUNK_BYTES = 2**14
_ALTERNATIVE = "give a copy with --from PATH"


def download_files(
    base_url: str,
    hashes: Mapping[str, str | None],
    folder: Path,
    report: Callable[[int], None],
    notice: Callable[[str], None],
) -> None:
    """Download files into a folder and verify them.

    Failed connections, busy servers and wrong hashes are retried twice.

    Args:
        base_url: the URL of the folder that contains the files.
        hashes: the SHA-256 of each file in hexadecimal, by file name; ``None`` accepts any content.
        folder: where the files are written.
        report: called with the number of bytes received so far, of all files.
        notice: called with a line of text before each retry.

    Raises:
        DownloadError: the URL is not secure, the server cannot be reached, or a file is missing, too large or does not
            match its hash.
        OSError: a file cannot be written.
    """
    check_url(base_url)
    pooch.get_logger().setLevel("WARNING")  # pooch would print each download to stderr
    registry = pooch.create(folder, base_url, registry=dict(hashes), retry_if_failed=_RETRIES)
    downloader = _Downloader(report, notice)
    for file in hashes:
        url = hide_secrets(registry.get_url(file))
        try:
            registry.fetch(file, downloader=downloader)
        except requests.HTTPError as error:
            raise DownloadError(str(error)) from error
        except requests.RequestException as error:
            raise DownloadError(
                f"cannot fetch {url} ({_describe_failure(error)}); without a network, {_ALTERNATIVE}, "
                "or train on the names included with namegen: `namegen train --data starter`"
            ) from error
        except ValueError as error:
            cause = str(error).split(". ")[0]  # if the hash is wrong, pooch says which it expected and which it got
            advice = "accept the file with --no-verify" if "hash" in cause else _ALTERNATIVE
            raise DownloadError(f"cannot fetch {url}: {escape_unprintable(cause)}; try again, or {advice}") from error


class _Downloader:
    """Downloader for pooch that reports progress, limits the size of a file and refuses insecure redirects."""

    def __init__(self, report: Callable[[int], None], notice: Callable[[str], None]) -> None:
        self._report, self._notice = report, notice
        self._sizes: dict[str, int] = {}  # bytes received, by URL

    def __call__(self, url: str, output_file: str, _pooch: object) -> None:
        """Download a file. pooch retries after a ``ValueError`` or ``RequestException``."""
        if url in self._sizes:
            self._notice(f"{hide_secrets(url)}: the download failed; trying again.")
        self._sizes[url] = 0
        headers, hooks = {"Accept-Encoding": "identity"}, {"response": _check_response}
        with (
            requests.get(url, stream=True, timeout=_TIMEOUT, headers=headers, hooks=hooks) as response,
            Path(output_file).open("wb") as file,
        ):
            for chunk in response.iter_content(_CHUNK_BYTES):
                self._sizes[url] += len(chunk)
                if self._sizes[url] > MAX_FILE_BYTES:
                    raise DownloadError(
                        f"{hide_secrets(url)} has more than {MAX_FILE_BYTES / 1e6:.0f} MB, too many for a list of "
                        "names; check the address"
                    )
                file.write(chunk)
                self._report(sum(self._sizes.values()))


def hide_secrets(url: str) -> str:
    """Return a URL for messages, without its password and query."""
    return re.sub(r"//[^/]*@", "//", escape_unprintable(re.split(r"[?#]", url, maxsplit=1)[0]))


def check_url(url: str) -> None:
    """Check that a URL is safe to download from: HTTPS, or plain HTTP on this machine.

    Raises:
        DownloadError: it is not, or is not a URL.
    """
    try:
        parts = urlsplit(url)
        is_valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_valid = False
    if not is_valid:
        raise DownloadError(f"cannot fetch {hide_secrets(url)}: --from takes a folder, a .zip, or an https:// address")
    if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
        raise DownloadError(
            f"cannot fetch {hide_secrets(url)}: plain http:// can be altered on its way; use https://, "
            f"or {_ALTERNATIVE}"
        )


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_response(response: requests.Response, **_options: object) -> None:
    """Refuse insecure redirects and every status but success; requests calls this for each response."""
    url = hide_secrets(response.url)
    if response.is_redirect:
        response.close()  # requests would read the body
        target = urljoin(response.url, response.headers["Location"])
        if urlsplit(response.url).scheme == "https" and not target.lower().startswith("https:"):
            raise DownloadError(
                f"{url} redirects to {shorten(hide_secrets(target))}, which is not secure; check the address, "
                f"or {_ALTERNATIVE}"
            )
        check_url(target)
    elif response.status_code != 200:
        response.close()
        status = shorten(f"{response.status_code} {response.reason}")
        is_temporary = response.status_code == 429 or response.status_code >= 500
        error = requests.HTTPError if is_temporary else DownloadError
        raise error(f"{url}: the server says {status}; check the address, or {_ALTERNATIVE}")


def _describe_failure(error: BaseException) -> str:
    """Describe a network error in a few words, from the error that caused it."""
    if isinstance(error, ChunkedEncodingError):
        return "the connection broke off"
    while isinstance(cause := error.__cause__ or error.__context__ or getattr(error, "reason", None), BaseException):
        error = cause
    if isinstance(error, TimeoutError):
        return f"no data for {_TIMEOUT:g} s"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the server's certificate cannot be trusted: {shorten(error.verify_message)}"
    return shorten(hide_secrets(getattr(error, "strerror", None) or str(error)))
