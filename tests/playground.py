"""The playground as tests serve it and use it in Chromium."""

from __future__ import annotations

import contextlib
import json
import runpy
import shlex
import threading
from typing import TYPE_CHECKING, Any

from support import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FOLDER = REPOSITORY / "docs" / "playground"
SECONDS = 120


@contextlib.contextmanager
def serve(
    folder: Path = FOLDER,
    data: Path | None = None,
    requested: list[str] | None = None,
    spoil_version: Callable[[bytes], bytes] | None = None,
) -> Iterator[tuple[str, Callable[[], None]]]:
    """Serve a folder as ``make playground`` does; give the address, and a function that stops the server early.

    Args:
        folder: the page.
        data: the folder of the models, unless it is that of namegen.
        requested: receives the path of each request.
        spoil_version: changes the content of ``version.js``.
    """
    served = runpy.run_path(str(REPOSITORY / "scripts" / "docs" / "serve_playground.py"))
    handler = served["Handler"]
    handler.log_message = lambda *_: None
    if requested is not None:
        handler.log_request = lambda self, *_: requested.append(self.path)
    served["server"].__globals__["PLAYGROUND"] = folder
    names = handler.send_head.__globals__
    if data is not None:
        names["DATA"] = data
    if spoil_version is not None:
        build_version = names["build_version"]
        names["build_version"] = lambda files: spoil_version(build_version(files))
    with served["server"]() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()

        def stop() -> None:
            server.shutdown()
            thread.join()
            server.server_close()

        try:
            yield f"http://127.0.0.1:{server.server_port}/", stop
        finally:
            if thread.is_alive():
                stop()


class Page:
    """The page after a user has opened it."""

    def __init__(self, browser: Any, address: str) -> None:
        self.browser, self.address = browser, address
        self.open()

    def open(self, settings: str = "", *, width: int = 1000, height: int = 800) -> None:
        """Open the page, with settings in its address after ``#``, as on a first visit apart from what is cached."""
        self.look(width, height)
        self.browser.get("about:blank")
        self.browser.get_log("browser")
        self.browser.get(f"{self.address}{settings and '#'}{settings}")
        self.wait_for_names()

    def __getitem__(self, name: str) -> Any:
        return self.browser.find_element("id", name)

    def wait(self, until: Callable[[], Any]) -> Any:
        from selenium.common.exceptions import StaleElementReferenceException
        from selenium.webdriver.support.wait import WebDriverWait

        stale = [StaleElementReferenceException]  # the page may be loading again
        return WebDriverWait(self.browser, SECONDS, 0.02, ignored_exceptions=stale).until(lambda _: until())

    def wait_for_names(self) -> None:
        self.wait(lambda: self["names"].get_attribute("aria-busy") is None)

    def run(self, code: str, *arguments: Any) -> Any:
        """Run the body of an async function in the page, in which its modules can be imported."""
        done = self.browser.execute_async_script(
            f"""
            const given = [...arguments], done = given.pop();
            const body = async () => {{ {code} }};
            body().then((value) => done({{ value }}), (error) => done({{ error: `${{error.stack ?? error}}` }}));
            """,
            *arguments,
        )
        assert "error" not in done, done["error"]
        return done.get("value")

    def number_seeds(self) -> None:
        """Let the seeds be 1, 2 and so on: with a few seeds, rounding changes a name."""
        self.browser.execute_script("let seed = 0; crypto.getRandomValues = (numbers) => numbers.fill(++seed);")

    def choose(self, name: str, label: str) -> list[str]:
        """Choose an option; returns the names that come of it."""
        from selenium.webdriver.support.select import Select

        Select(self[name]).select_by_visible_text(label)
        self.wait_for_names()
        return self.names()

    def unfold(self, name: str = "more") -> None:
        if self[name].get_attribute("open") is None:
            self[name].find_element("tag name", "summary").click()

    def fill(self, name: str, text: str) -> None:
        """Fill in a field, as if it had been pasted, without leaving it."""
        self[name].clear()
        self[name].send_keys(text)

    def use_list(self) -> None:
        self.browser.find_element("css selector", "[value=list]").click()

    def paste(self, text: str) -> list[str]:
        """Paste a list; returns the names that come of it at once."""
        self.use_list()
        before = self["state"].text, self["problem"].text
        self.run(
            """
            const list = document.getElementById("list");
            list.value = given[0];
            list.dispatchEvent(new Event("input", { bubbles: true }));
            """,
            text,
        )
        self.wait(lambda: (self["state"].text, self["problem"].text) != before)
        self.wait_for_names()
        return self.names()

    def open_file(self, file: Path, control: str = "model") -> str:
        """Open a file as people do; returns the problem, or what the page says."""
        before = self["state"].text, self["problem"].text
        self.unfold()
        self[control].send_keys(str(file))
        self.wait(lambda: (self["state"].text, self["problem"].text) != before)
        self.wait_for_names()
        return str(self["problem"].text or self["state"].text)

    def generate(self) -> list[str]:
        """Press the button; returns the names."""
        self["invent"].click()
        self.wait_for_names()
        assert self["problem"].text == ""
        return self.names()

    def chips(self, within: str = "names") -> list[Any]:
        return list(self.browser.find_elements("css selector", f"#{within} .name"))

    def names(self, within: str = "names") -> list[str]:
        texts: list[str] = self.run(
            "return [...document.querySelectorAll(given[0])].map(({ textContent }) => textContent);",
            f"#{within} .name bdi",
        )
        return texts

    def command(self) -> list[str]:
        """Return the command that the page shows for the same names, as a shell splits it."""
        return shlex.split(self["command"].get_attribute("textContent"))

    def settings(self) -> str:
        """Return the settings in the address."""
        return str(self.browser.current_url.partition("#")[2])

    def look(self, width: int, height: int = 800, **media: str) -> None:
        """Look at the page in a window of this size, by default without motion."""
        self.browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
        )
        media = {"prefers_reduced_motion": "reduce", **media}
        features = [{"name": name.replace("_", "-"), "value": value} for name, value in media.items()]
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def logged(self) -> list[str]:
        return [json.dumps(entry["message"]) for entry in self.browser.get_log("browser")]
