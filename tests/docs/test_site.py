"""The site: it is built strictly, it is whole, and it loads nothing from elsewhere."""

from __future__ import annotations

import gzip
import runpy
import shutil
from importlib.util import find_spec
from types import SimpleNamespace

import pytest

from support import REPOSITORY

SCRIPTS = REPOSITORY / "scripts" / "docs"
with pytest.MonkeyPatch.context() as patch:
    patch.syspath_prepend(str(SCRIPTS))
    SITE = SimpleNamespace(**runpy.run_path(str(SCRIPTS / "build_site.py")))
pytestmark = pytest.mark.slow
WITH_ZENSICAL = pytest.mark.skipif(find_spec("zensical") is None, reason="there is no Zensical")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site as it is built from the docs as they are."""
    folder = tmp_path_factory.mktemp("site") / "site"
    SITE.build(REPOSITORY, folder)
    return folder


@pytest.fixture
def project(tmp_path):
    """A copy of the sources of the site."""
    folder = tmp_path / "project"
    folder.mkdir()
    shutil.copytree(REPOSITORY / "docs", folder / "docs")
    shutil.copytree(REPOSITORY / "scripts", folder / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("mkdocs.yml", "README.md", *SITE.OF_ROOT):
        shutil.copy(REPOSITORY / name, folder)
    return folder


def add(path, text):
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


@WITH_ZENSICAL
def test_the_site_has_every_page_and_the_playground_its_files(site):
    pages = {page.relative_to(REPOSITORY / "docs").with_suffix("") for page in (REPOSITORY / "docs").rglob("*.md")}
    notebooks = [*(REPOSITORY / "docs" / "notebooks").glob("*.ipynb")]
    pages |= {notebook.relative_to(REPOSITORY / "docs").with_suffix("") for notebook in notebooks}
    for page in pages:
        place = site / page.parent if page.name == "index" else site / page
        assert "<h1" in (place / "index.html").read_text(encoding="utf-8"), page
    for notebook in notebooks:
        assert (site / "notebooks" / notebook.name).read_bytes() == notebook.read_bytes()
        page = (site / "notebooks" / notebook.stem / "index.html").read_text(encoding="utf-8")
        assert f'<a href="../{notebook.name}" download' in page
        assert "<progress" in page  # an output
    assert (site / "changelog" / "index.html").exists()
    assert (site / "search.json").exists()
    if (REPOSITORY / "docs" / "playground").exists():
        for name in ("pretrained.safetensors", "people.safetensors", "offensive.txt"):
            content = (REPOSITORY / "src" / "namegen" / "data" / name).read_bytes()
            served = site / "playground" / (name if name.endswith(".txt") else f"{name}.gz")
            assert (served.read_bytes() if name.endswith(".txt") else gzip.decompress(served.read_bytes())) == content
        page = (site / "playground" / "index.html").read_text(encoding="utf-8")
        assert '<nav aria-label="Documentation"><a href="../">' in page


def test_a_playground_that_does_not_lead_back_to_the_site_ends_the_build(tmp_path):
    page = tmp_path / "index.html"
    page.write_text("<main>", encoding="utf-8")
    with pytest.raises(SITE.SiteError, match=r"index\.html of the playground has no hidden <nav>"):
        SITE.lead_back(page)


@WITH_ZENSICAL
def test_the_site_loads_nothing_from_another_host(site):
    assert SITE.loaded_from_elsewhere(site) == []
    assert list(site.rglob("*.css"))
    assert list(site.rglob("*.js"))


@WITH_ZENSICAL
@pytest.mark.parametrize("link", ["[x](nowhere.md)", "[x](cli.md#nowhere)", "[x](../src)", "[x](../../elsewhere.md)"])
def test_a_dead_link_ends_the_build_and_leaves_the_old_site_as_it_is(link, project, tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "old").touch()
    add(project / "docs" / "names.md", f"\n{link}\n")

    with pytest.raises(SITE.SiteError):
        SITE.build(project, tmp_path / "site")

    assert (tmp_path / "site" / "old").exists()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda project: (project / "docs" / "new.md").write_text("# New\n", encoding="utf-8"), "new.md is missing"),
        (lambda project: (project / "docs" / "names.md").unlink(), "names.md does not exist"),
        (lambda project: add(project / "mkdocs.yml", "\n  - Again: names.md\n"), "names.md is listed twice"),
    ],
)
def test_a_page_that_is_not_in_the_navigation_ends_the_build(spoil, message, project, tmp_path):
    for page in (project / "docs").glob("*.md"):
        page.write_text("# A page\n", encoding="utf-8")  # so that no link is dead
    spoil(project)

    with pytest.raises(SITE.SiteError, match=message):
        SITE.build(project, tmp_path / "site")


def test_links_to_the_repository_lead_to_copies_on_the_site(project, tmp_path):
    for page in (project / "docs").glob("*.md"):
        page.write_text("# A page\n", encoding="utf-8")
    (project / "docs" / "sub").mkdir()
    links = ("../../CHANGELOG.md#x", "../names.md", "../../scripts/docs/badges.py", "https://example.org/a.md", "#here")
    text = " ".join(f"[{letter}]({link})" for letter, link in zip("abcde", links, strict=True))
    (project / "docs" / "sub" / "page.md").write_text(text, encoding="utf-8")
    (project / "SECURITY.md").write_text("[a](docs/names.md) [b](CHANGELOG.md) [c](README.md)", encoding="utf-8")
    (project / "CHANGELOG.md").write_text("# Changes\n", encoding="utf-8")

    SITE.lay_out_pages(project, tmp_path / "pages")

    assert (tmp_path / "pages" / "sub" / "page.md").read_text(encoding="utf-8") == (
        "[a](../changelog.md#x) [b](../names.md) [c](../repository/scripts/docs/badges.py) "
        "[d](https://example.org/a.md) [e](#here)"
    )
    assert (tmp_path / "pages" / "repository" / "scripts" / "docs" / "badges.py").exists()
    assert (tmp_path / "pages" / "security.md").read_text(encoding="utf-8") == (
        "[a](names.md) [b](changelog.md) [c](repository/README.md.txt)"
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.html", '<link rel="stylesheet" href="https://fonts.example/a.css">'),
        ("a.html", '<script src="//cdn.example/a.js"></script>'),
        ("a.html", "<script>fetch('https://api.example/')</script>"),
        ("a.html", '<img alt="a > b" src="https://pictures.example/a.png">'),
        ("a.html", '<p style="background: url(https://pictures.example/a.png)">'),
        ("a.css", "@import url(https://fonts.example/a.css);"),
        ("a.css", "p { background: url(//pictures.example/a.png) }"),
        ("a.js", 'import("https://cdn.example/a.js")'),
        ("a.svg", '<svg><style>@font-face { src: url("https://fonts.example/a.woff") }</style></svg>'),
        ("a.svg", '<svg><image href="https://pictures.example/a.png"/></svg>'),
    ],
)
def test_what_would_be_loaded_from_another_host_is_found(name, text, tmp_path):
    (tmp_path / name).write_text(text, encoding="utf-8")

    (found,) = SITE.loaded_from_elsewhere(tmp_path)

    assert found.startswith(f"{name}: ")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.html", '<a href="https://example.org/">a link</a> https://example.org/ <code>//example.org</code>'),
        ("a.html", '<link rel="canonical" href="https://example.org/"><script src="../a.js"></script>'),
        ("a.svg", '<svg xmlns="http://www.w3.org/2000/svg"><!-- https://example.org/ --></svg>'),
        ("a.css", "/* https://example.org/ */ p { background: url(data:image/svg+xml;charset=utf-8,a) }"),
        ("a.js", 'document.createElementNS("http://www.w3.org/2000/svg", "svg") // a comment.of mine'),
    ],
)
def test_what_loads_nothing_is_let_be(name, text, tmp_path):
    (tmp_path / name).write_text(text, encoding="utf-8")

    assert SITE.loaded_from_elsewhere(tmp_path) == []
