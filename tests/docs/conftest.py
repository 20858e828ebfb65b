"""Chromium, and the playground that it opens."""

from __future__ import annotations

import shutil

import pytest

from playground import Page, serve

SECONDS = 30
SWITCHES = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)


@pytest.fixture(scope="module")
def address():
    """The playground, served as people serve it."""
    with serve() as (address, _):
        yield address


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Chromium as a newcomer has it."""
    pytest.importorskip("selenium", reason="selenium is not installed")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("chromium or chromedriver is not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for switch in [*SWITCHES.split(), f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"]:
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with webdriver.Chrome(options=options, service=Service(driver)) as browser:
        browser.set_script_timeout(SECONDS)
        yield browser


@pytest.fixture
def page(browser, address):
    """The page; nothing may be logged to the console."""
    page = Page(browser, address)
    page.run("localStorage.clear();")
    page.open()
    yield page
    assert page.logged() == []
