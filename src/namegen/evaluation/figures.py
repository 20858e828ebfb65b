"""Figures of matplotlib that show themselves in notebooks and are written to files.

Import this module where a figure is drawn: it imports matplotlib.
"""

from __future__ import annotations

import io
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from namegen.io.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from matplotlib.backend_bases import RendererBase

_FONT = "DejaVu Sans"  # included in matplotlib
_FALLBACK_FONT = "Last Resort High-Efficiency"  # of boxes, which matplotlib uses by itself
_DPI = 150  # of a PNG file
_NOTEBOOK_DPI = 80


class NotebookFigure(Figure):
    """A figure that notebooks show, also if pyplot is not imported.

    It keeps namegen's style whenever it is drawn, and leaves the caller's settings of matplotlib alone.
    """

    def __init__(self, size: tuple[float, float], text: str) -> None:
        """Create an empty figure.

        Args:
            size: its width and height in inches.
            text: the names it will show, for which fonts are looked up.
        """
        self._settings: dict[Any, Any] = {
            "svg.hashsalt": "namegen",
            "text.parse_math": False,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "font.family": _find_fonts(text),
        }
        with self.style():
            super().__init__(figsize=size, layout="constrained", dpi=_NOTEBOOK_DPI)
            FigureCanvasAgg(self)

    @contextmanager
    def style(self) -> Iterator[None]:
        """Apply namegen's style while axes are added and drawn."""
        with mpl.rc_context(self._settings), warnings.catch_warnings():
            warnings.filterwarnings("ignore", r"Glyph \d+ .*missing from font")  # a box stands for the letter
            yield

    def draw(self, renderer: RendererBase) -> None:
        """Draw the figure; matplotlib creates some texts only now."""
        with self.style():
            super().draw(renderer)

    def _repr_png_(self) -> bytes:
        return self._render("png", _NOTEBOOK_DPI)

    def write(self, path: Path) -> None:
        """Write the figure to a PNG, SVG or PDF file. The same figure gives the same bytes.

        Raises:
            NamegenError: the file cannot be written.
        """
        write_atomically(path, self._render(path.suffix.lower()[1:], _DPI))

    def _render(self, kind: str, dpi: int) -> bytes:
        buffer = io.BytesIO()
        without_dates: dict[str, dict[str, Any]] = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
        with self.style():
            self.savefig(buffer, format=kind, dpi=dpi, metadata=without_dates[kind])
        return buffer.getvalue()


def _find_fonts(text: str) -> list[str]:
    """Return matplotlib's default font, and installed fonts with the letters of a text that it lacks."""
    fonts, missing = [_FONT], {ord(letter) for letter in text}
    missing -= set(font_manager.get_font(font_manager.findfont(_FONT)).get_charmap())
    installed = [font for font in font_manager.fontManager.ttflist if font.name != _FALLBACK_FONT]
    for font in sorted(installed, key=lambda font: (font.name, font.fname)):
        if not missing:
            break
        try:
            covered = missing & set(font_manager.get_font(font.fname).get_charmap())
        except (OSError, RuntimeError):  # removed since matplotlib listed it, or damaged
            continue
        if covered:
            fonts.append(font.name)
            missing -= covered
    return fonts
