"""Add words, or parts of words written as ``*part``, to the offensive words: ``scripts/add_offensive.py WORD '*part'``.

Words and parts are in ASCII letters. In a part of at least four characters, ``_`` stands for the beginning or end of a
word. Without arguments, entries are read from standard input.
"""

from __future__ import annotations

import sys

from namegen.sampling.offensive import OFFENSIVE_FILE, encode_entries


def main() -> None:
    """Write the list again with the entries added."""
    entries = sys.argv[1:] or sys.stdin.read().split()
    known = OFFENSIVE_FILE.read_text("ascii").split() if OFFENSIVE_FILE.exists() else []
    OFFENSIVE_FILE.write_text("".join(f"{line}\n" for line in sorted({*known, *encode_entries(entries)})), "ascii")


if __name__ == "__main__":
    main()
