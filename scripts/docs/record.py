"""Record a terminal for the README, docs/terminal.svg: commands and their real output.

Each command runs in a pseudo-terminal, so that tables and colours appear as a user sees them. All output is seeded or
deterministic, and the picture contains no time and no random identifier, so it is byte-identical every time.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import re
import shlex
import struct
import subprocess
import sys
import tempfile
import termios
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

PICTURE = Path(__file__).resolve().parents[2] / "docs" / "terminal.svg"
COMMANDS = (
    "namegen sample German ABC --seed 1",
    "namegen people Hungarian Turkish Icelandic -n 3 --seed 1",
    "namegen sample Greek+Japanese -n 3 --seed 1",
    "namegen sample Polish K --top 3",
    "namegen classify Sato Ivanov -n 2",
)
COLUMNS = 64
FONTS = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"
"""Fonts that readers have; rich's own template downloads a font."""

THEME = TerminalTheme(
    background=(30, 32, 40),
    foreground=(222, 224, 230),
    normal=[(60, 64, 76), (232, 104, 98), (140, 200, 120), (226, 190, 110), (110, 170, 240), (196, 140, 220),
            (100, 200, 200), (222, 224, 230)],
)  # fmt: skip


def on_a_terminal(command: str, columns: int) -> str:
    """Run a command in a pseudo-terminal.

    Args:
        command: the command; ``namegen`` is the one of this Python.
        columns: the width of the terminal.

    Returns:
        Its output, with escape codes.

    Raises:
        subprocess.CalledProcessError: its exit code is not 0.
    """
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    line = [sys.executable, "-m", *shlex.split(command)]
    with tempfile.TemporaryDirectory() as cache:
        unset = {"NO_COLOR", "COLUMNS", "LINES", "NAMEGEN_MODEL", "FORCE_COLOR"}
        environment = {name: value for name, value in os.environ.items() if name not in unset}
        environment |= {"NAMEGEN_CACHE_DIR": cache, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        process = subprocess.Popen(line, stdin=its, stdout=its, stderr=its, env=environment)
        os.close(its)
        written = b""
        try:
            while part := os.read(ours, 65536):
                written += part
        except OSError:  # on Linux, the other end is closed
            pass
        os.close(ours)
        if process.wait():
            raise subprocess.CalledProcessError(process.returncode, line, written)
    return written.decode().replace("\r\n", "\n")


def picture() -> str:
    """Return the recording as an SVG."""
    console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True, color_system="truecolor")
    for command in COMMANDS:
        console.print(Text.assemble(("$ ", "bold green"), (command, "bold")))
        console.print(Text.from_ansi(on_a_terminal(command, COLUMNS).rstrip("\n")))
    console.print(Text("$", "bold green"))
    svg = console.export_svg(title="namegen", theme=THEME, unique_id="terminal")
    svg = re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font-family: [^;]*;", f"font-family: {FONTS};", svg)
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(picture(), encoding="utf-8")
