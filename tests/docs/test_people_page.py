"""The page on people: the table of cultures."""

from __future__ import annotations

from namegen.sampling.cultures import CULTURES
from support import REPOSITORY


def test_the_table_has_the_rules_of_every_culture():
    page = (REPOSITORY / "docs" / "people.md").read_text(encoding="utf-8")
    order = {False: "given name, surname", True: "surname, given name"}

    for name, rules in CULTURES.items():
        space = "" if rules.separator else ", no space"
        assert f"| {name} | {order[rules.family_first]}{space} | {rules.note} | {rules.source} |\n" in page
