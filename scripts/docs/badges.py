"""Draw the badges of the README, docs/badges/*.svg, from facts in the repository, without any online service.

A test redraws the badges and checks that each fact is true.
"""

from __future__ import annotations

import argparse
import html
import re
from pathlib import Path

from namegen.models.store import load_model
from namegen.sampling.culture_parts import list_cultures

REPOSITORY = Path(__file__).resolve().parents[2]
FOLDER = REPOSITORY / "docs" / "badges"
_LETTER = 6.6  # the approximate width in pixels; the letters are spread to fit exactly
_MARGIN = 7
_HEIGHT = 20


def facts() -> dict[str, tuple[str, str]]:
    """Return the subject and the fact of each badge, by file name."""
    project = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    languages = len(load_model("pretrained").categories)
    peoples = len(list_cultures(load_model("people").all_categories))
    return {
        "python": ("python", f"{_setting(project, 'requires-python').removeprefix('>=')} or newer"),
        "licence": ("licence", _setting(project, "license")),
        "types": ("typed", "mypy --strict"),
        "model": ("models included", f"{languages} languages, {peoples} peoples"),
        "files": ("model files", "no pickle"),
        "network": ("sampling", "no network"),
    }


def _setting(project: str, name: str) -> str:
    found = re.search(rf'^{name} = "(.*)"$', project, re.MULTILINE)
    if found is None:
        raise ValueError(f"pyproject.toml has no {name}")
    return found[1]


def badge(subject: str, fact: str) -> str:
    """Return a badge as an SVG."""
    left, right = (round(2 * _MARGIN + _LETTER * len(text)) for text in (subject, fact))

    def spelt(text: str, start: int, width: int) -> str:
        return (
            f'<text x="{start + width / 2:g}" y="14" textLength="{width - 2 * _MARGIN}" '
            f'lengthAdjust="spacingAndGlyphs">{html.escape(text)}</text>'
        )

    label = html.escape(f"{subject}: {fact}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="{_HEIGHT}" role="img" '
        f'aria-label="{label}">\n<title>{label}</title>\n'
        f'<clipPath id="r"><rect width="{left + right}" height="{_HEIGHT}" rx="3"/></clipPath>\n<g clip-path="url(#r)">'
        f'<rect width="{left}" height="{_HEIGHT}" fill="#4b5060"/>'
        f'<rect x="{left}" width="{right}" height="{_HEIGHT}" fill="#2f6f9f"/></g>\n'
        f'<g fill="#fff" text-anchor="middle" font-family="Verdana, \'DejaVu Sans\', sans-serif" font-size="11">'
        f"{spelt(subject, 0, left)}{spelt(fact, left, right)}</g>\n</svg>\n"
    )


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    FOLDER.mkdir(exist_ok=True)
    for name, (subject, fact) in facts().items():
        (FOLDER / f"{name}.svg").write_text(badge(subject, fact), encoding="utf-8")
