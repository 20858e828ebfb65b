"""Build the site from docs/ into site/, in strict mode and without a network connection.

The pages link to files of the repository such as ``../CHANGELOG.md``, which is right on GitHub but not on a site. So
this script copies the pages of docs/ and of the repository's root into a temporary folder, turns notebooks with their
saved outputs into pages, and adapts the links.
Zensical builds the site from there and fails on a dead link or anchor. In addition, this script checks that the
navigation contains every page and that a browser loads nothing from another host.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from html.parser import HTMLParser
from pathlib import Path

import notebook_pages
from playground_files import FILES, VERSION, build_file, build_version, read_page

REPOSITORY = Path(__file__).resolve().parents[2]
OF_ROOT = {"CHANGELOG.md": "changelog.md", "SECURITY.md": "security.md"}
"""The pages of the repository's root that are on the site, with their names there."""

_LINK = re.compile(r"(\]\()(?![a-z]+:)([^)#\s]+)")
_ADDRESS = re.compile(r"(?:https?:|(?<=[\"'(=]))//[\w.-]+\.\w[^\s\"'`)<>]*")
_LOADED_BY_CSS = re.compile(r"@import[^;]*|url\((?![\"']?data:)[^)]*")
_NAMESPACE = re.compile(r"https?://www\.w3\.org/\d")
_LOADERS = re.compile(r"https://(?:unpkg\.com|cdn\.jsdelivr\.net|api\.github\.com)")


class SiteError(Exception):
    """The site cannot be built."""


def build(source: Path, site: Path) -> None:
    """Build the site.

    Args:
        source: the repository.
        site: the folder to write; an existing site is replaced once the new one is complete.

    Raises:
        SiteError: a page is wrong, as the message or Zensical's output says; or the folder contains other files.
    """
    with tempfile.TemporaryDirectory(prefix="namegen-site-") as temporary:
        folder = Path(temporary)
        shutil.copy(source / "mkdocs.yml", folder)
        lay_out_pages(source, folder / "docs")
        check_navigation(folder / "mkdocs.yml", folder / "docs")
        line = [sys.executable, "-m", "zensical", "build", "--strict", "--config-file", str(folder / "mkdocs.yml")]
        if subprocess.run(line, cwd=folder, check=False).returncode:
            raise SiteError("Zensical could not build the site; see its output above")
        made = folder / "site"
        silence_theme(made / "assets")
        if (made / "playground").is_dir():
            playground = made / "playground"
            for name in FILES:
                (playground / name).write_bytes(build_file(name))
            lead_back(playground / "index.html")
            (playground / VERSION).write_bytes(build_version(read_page(playground)))
        if found := loaded_from_elsewhere(made):
            raise SiteError("something would be loaded from another host:\n" + "\n".join(found))
        if site.is_dir() and any(site.iterdir()) and not (site / "404.html").exists():
            raise SiteError(f"{site} contains other files than a site; empty it, or choose another folder")
        shutil.rmtree(site, ignore_errors=True)
        shutil.copytree(made, site)


def lay_out_pages(source: Path, pages: Path) -> None:
    """Copy the pages into a folder, with a page for each notebook, and adapt their links.

    Args:
        source: the repository.
        pages: the folder to create.

    Raises:
        SiteError: the target of a link is not a file in the repository.
    """
    shutil.copytree(source / "docs", pages, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    for notebook in pages.rglob("*.ipynb"):
        notebook.with_suffix(".md").write_text(notebook_pages.page(notebook), encoding="utf-8")
    places = {page: source / "docs" / page.relative_to(pages) for page in pages.rglob("*.md")}
    for old, new in OF_ROOT.items():
        shutil.copy(source / old, pages / new)
        places[pages / new] = source / old
    for page, place in places.items():
        above = "../" * (len(page.relative_to(pages).parts) - 1)

        def turned(link: re.Match[str], place: Path = place, above: str = above) -> str:
            target = (place.parent / link[2]).resolve()
            if not target.is_file() or not target.is_relative_to(source):
                raise SiteError(
                    f"{place.relative_to(source)} links to {link[2]}, which is not a file in the repository"
                )
            inside = target.relative_to(source).as_posix()
            if inside.startswith("docs/") and not inside.endswith(".py"):
                return link[1] + above + re.sub(r"\.ipynb$", ".md", inside.removeprefix("docs/"))
            if inside in OF_ROOT:
                return link[1] + above + OF_ROOT[inside]
            copy = pages / "repository" / (f"{inside}.txt" if inside.endswith(".md") else inside)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(target, copy)
            return link[1] + above + copy.relative_to(pages).as_posix()

        page.write_text(_LINK.sub(turned, page.read_text(encoding="utf-8")), encoding="utf-8")


def check_navigation(configuration: Path, pages: Path) -> None:
    """Check that the navigation contains every page exactly once.

    Raises:
        SiteError: a page is missing, listed twice, or does not exist.
    """
    named = re.findall(
        r"^ +- (?:[^:\n]+: )?(\S+\.(?:md|html))$", configuration.read_text(encoding="utf-8"), re.MULTILINE
    )
    there = {path.relative_to(pages).as_posix() for name in ("*.md", "*.html") for path in pages.rglob(name)}
    wrong = [f"{page} is missing" for page in sorted(there - {*named})]
    wrong += [f"{page} does not exist" for page in sorted({*named} - there)]
    wrong += [f"{page} is listed twice" for page in sorted({page for page in named if named.count(page) > 1})]
    if wrong:
        raise SiteError(f"the navigation in {configuration.name}: {'; '.join(wrong)}")


def lead_back(page: Path) -> None:
    """Show the link from the playground to the site, which is hidden in the playground alone.

    Raises:
        SiteError: there is no such link.
    """
    text = page.read_text(encoding="utf-8")
    shown = re.sub(r"(<nav [^>]*?) hidden>", r"\1>", text)
    if shown == text:
        raise SiteError(f"{page.name} of the playground has no hidden <nav> with a link to the site")
    page.write_text(shown, encoding="utf-8")


def silence_theme(assets: Path) -> None:
    """Remove the addresses from which the theme loads features that our pages do not use, such as diagrams."""
    for script in assets.rglob("*.js"):
        script.write_text(_LOADERS.sub("about:invalid", script.read_text(encoding="utf-8")), encoding="utf-8")


def loaded_from_elsewhere(site: Path) -> list[str]:
    """Find what a browser would load from another host to show the site.

    Links and names of namespaces do not count, as they load nothing.

    Returns:
        A line with the file and the address for each finding.
    """
    found = []
    for path in sorted(path for path in site.rglob("*") if path.suffix in {".html", ".svg", ".css", ".js"}):
        text = path.read_text(encoding="utf-8")
        if path.suffix in {".html", ".svg"}:
            loaded = _Loaded()
            loaded.feed(text)
            text = "\n".join(loaded.texts)
        elif path.suffix == ".css":
            text = "\n".join(_LOADED_BY_CSS.findall(text))
        addresses = [address for address in _ADDRESS.findall(text) if not _NAMESPACE.match(address)]
        found += [f"{path.relative_to(site)}: {address}" for address in addresses]
    return found


class _Loaded(HTMLParser):
    """Collects what a browser loads to show a page: attributes, except targets of links, and all scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._within = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._within = tag
        given = dict(attrs)
        followed = tag == "a" or (tag == "link" and given.get("rel") in {"canonical", "next", "prev"})
        self.texts += [
            f'{name}="{value}"'
            for name, value in attrs
            if name in {"src", "srcset", "href", "xlink:href", "data", "poster", "style", "action"}
            and not (followed and name == "href")
        ]

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 - the kind of element does not matter
        self._within = ""

    def handle_data(self, data: str) -> None:
        if self._within in {"script", "style"}:
            self.texts.append(data)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description="Build the site from docs/, in strict mode and without a network connection."
    )
    parser.add_argument("site", nargs="?", type=Path, default=REPOSITORY / "site", help="the folder to write")
    try:
        build(REPOSITORY, parser.parse_args().site)
    except SiteError as error:
        sys.exit(f"Error: {error}")
