"""Recognizing the structure of lists, and leaving plain lists alone."""

from __future__ import annotations

import random
import time
from pathlib import Path

import faker
import pytest

from namegen.datasets import delimiters, structure
from namegen.datasets.delimiters import find_delimiter
from namegen.datasets.structure import find_structure
from namegen.errors import DataError

CASES = Path(__file__).parent.parent / "cases"
LOCALES = [
    "ar_SA",
    "de_DE",
    "el_GR",
    "en_GB",
    "en_IE",
    "es_ES",
    "fr_FR",
    "he_IL",
    "hi_IN",
    "id_ID",
    "is_IS",
    "ja_JP",
    "ko_KR",
    "lv_LV",
    "nl_NL",
    "pl_PL",
    "ru_RU",
    "vi_VN",
]


def read(text):
    """Return the names by category, and the notes."""
    structure = find_structure(text.splitlines())
    names: dict[str | None, list[str]] = {}
    for category, name in structure.parse(text.splitlines()):
        names.setdefault(category, []).append(name)
    return names, structure.notes


def read_case(name):
    return read((CASES / name).read_text(encoding="utf-8"))


# The layouts of publishers.

PUBLISHERS = {
    "wikipedia_wikitext.txt": {"Female": 12, "Male": 12},
    "wikipedia_copied.txt": {"Feminine": 12, "Masculine": 12},
    "game_wiki_markdown.md": {"Elves/Male": 8, "Elves/Female": 8, "Dwarves/Male": 8, "Dwarves/Female": 8},
    "game_wiki_rulebook.txt": {"Male Elf Names": 9, "Female Elf Names": 9, "Dwarf Clans": 9},
    "game_wiki_colons.txt": {"High elves": 9, "Hill dwarves": 9, "Gnomes & kin": 9},
    "wrapped_commas.txt": {None: 40},
    "phone_book.txt": {None: 25},
}


@pytest.mark.parametrize("name", PUBLISHERS)
def test_the_structure_of_a_publisher_is_recognized(name):
    names, notes = read_case(name)
    assert {category: len(names[category]) for category in names} == PUBLISHERS[name]
    assert all(name.replace(" ", "").isalpha() for names in names.values() for name in names)
    assert notes
    assert find_delimiter((CASES / name).read_text(encoding="utf-8").splitlines()) is None


# Each kind of structure.


@pytest.mark.parametrize(
    ("text", "names", "note"),
    [
        ("1. Ada\n2. Bea\n3. Cy", ["Ada", "Bea", "Cy"], "numbers of the lines, such as '1.'"),
        ("1) Ada\n2) Bea\n3) Cy", ["Ada", "Bea", "Cy"], "numbers"),
        ("#1 Ada\n#2 Bea\n#3 Cy", ["Ada", "Bea", "Cy"], "numbers"),
        ("1 Ada\n2 Bea\n3 Cy", ["Ada", "Bea", "Cy"], "numbers"),
        ("10. Ada\n9. Bea\n8. Cy", ["Ada", "Bea", "Cy"], "numbers"),
        ("1. Ada\n2. Bea\nCy\n4. Di\n5. Ed\n6. Flo", ["Ada", "Bea", "Cy", "Di", "Ed", "Flo"], "numbers"),
        ("- Ada\n- Bea-Lou\n- Cy", ["Ada", "Bea-Lou", "Cy"], "bullets, such as '-'"),
        ("• Ada\n• Bea", ["Ada", "Bea"], "bullets"),
        ("*Ada\n**Bea", ["Ada", "Bea"], "bullets"),
        ("# mine\nAda\n#\n  # yours\nBea", ["Ada", "Bea"], "comments, such as '# mine'"),
        ("#! a\n// mine\nAda\nBea", ["Ada", "Bea"], "comments"),
        ("Ren&eacute;\nD&#39;Arcy\nZo&#xEB;", ["René", "D'Arcy", "Zoë"], "HTML entities, such as &eacute;"),
        ("[[Ada]]\n[[Bea (elf)|Bea]]\nCy[12]", ["Ada", "Bea", "Cy"], "links"),
        ("Smith, Ann\nO'Neil, Bo\nKing, Cy, Jr.", ["Ann Smith", "Bo O'Neil", "Cy King Jr."], "'Ann Smith'"),
        ("Ada, Bea, Cy", ["Ada", "Bea", "Cy"], "several names on a line"),
        ("Ada, Bea,\nCy, Di,\nEd", ["Ada", "Bea", "Cy", "Di", "Ed"], "several"),
        ("Ada; Bea; Cy\nDi; Ed", ["Ada", "Bea", "Cy", "Di", "Ed"], "several"),
        ("Ada, Bea, and Cy Rumbold.", ["Ada", "Bea", "Cy Rumbold"], "several"),
        ('"Ada",\n"Bea",\n"Cy"', ["Ada", "Bea", "Cy"], "quotation marks"),
        ("'Ada'\n'Bea'", ["Ada", "Bea"], "quotation marks"),
        ("* Smith, Ann\n* Jones, Bo", ["Ann Smith", "Bo Jones"], "bullets"),
    ],
)
def test_names_are_read_as_meant_and_a_note_says_so(text, names, note):
    found, notes = read(text)
    assert found == {None: names}
    assert any(note in each for each in notes)


@pytest.mark.parametrize(
    ("text", "categories"),
    [
        ("[male]\nBo\nCy\n[female]\nAda", {"male": ["Bo", "Cy"], "female": ["Ada"]}),
        ("Zed\nUlf\n[male]\nBo", {None: ["Zed", "Ulf"], "male": ["Bo"]}),
        ("Male:\nBo\nCy\n\nFemale:\n\nAda", {"Male": ["Bo", "Cy"], "Female": ["Ada"]}),
        ("Male: Bo, Cy\nFemale: Ada\nOther: Di, Ed", {"Male": ["Bo", "Cy"], "Female": ["Ada"], "Other": ["Di", "Ed"]}),
        (
            "Elves:\nMale:\nBo\nCy\nDi\nFemale:\nAda\nEva",
            {"Elves/Male": ["Bo", "Cy", "Di"], "Elves/Female": ["Ada", "Eva"]},
        ),
        ("== Elves ==\n=== Male ===\nBo\nCy\n== Orcs ==\nUg", {"Elves/Male": ["Bo", "Cy"], "Orcs": ["Ug"]}),
        ("## Male\nBo\nCy\n## Female ##\nAda", {"Male": ["Bo", "Cy"], "Female": ["Ada"]}),
        ("Male\n- Bo\n- Cy\n- Di\nFemale\n- Ada\n- Eva", {"Male": ["Bo", "Cy", "Di"], "Female": ["Ada", "Eva"]}),
        ("Male\n1. Bo\n2. Cy\n3. Di\nFemale\n1. Ada\n2. Eva", {"Male": ["Bo", "Cy", "Di"], "Female": ["Ada", "Eva"]}),
        ("Male[edit]\nBo\nCy\nFemale[edit]\nAda", {"Male": ["Bo", "Cy"], "Female": ["Ada"]}),
    ],
)
def test_headings_are_categories(text, categories):
    names, notes = read(text)
    assert names == categories
    shown = [repr(category) for category in categories if category]
    assert any(f"headings as categories: {', '.join(shown)}" in note for note in notes)


def test_structure_found_in_the_first_lines_is_read_to_the_end():
    lines = ["[male]", *["Bo", "Cy"] * 100, "# later", "[female]", "Ada"]
    structure = find_structure(["# first", *lines[:100]])
    assert list(structure.parse(lines))[-1] == ("female", "Ada")
    assert ("male", "# later") not in set(structure.parse(lines))


# Plain lists.


@pytest.mark.parametrize(
    "text",
    [
        "St. John\nO'Brien\nAnne-Marie\nJ. R. R.\nvon der Au\n'Abd al-Malik\nMbeki (elder)",
        "-son\n-dottir\n-ovich",
        "1. FC Kern\n1. FSV Born\n1. SC Dorn",
        "NCC-1701\nNCC-1702",
        "7 of 9\n3 of 5\nHugh",
        "Paris\nWashington, D.C.\nRome\nBern",
        "Smith, Jones and Brown\nMiller, Ames and Sons",
        "Müller & Söhne\nAT&T\nA&E;\nBo",
        "Emma:\nOlivia:",
        "#Emma\n#Olivia",
        "[Emma]\n[Olivia]",
        '=\n==\n#\n[\n]\n:\n,\n;\n&;\n[]\n"',
        "Smith, Ann",
        "",
        "\n\n",
    ],
)
def test_lists_without_a_clear_structure_are_read_line_by_line(text):
    structure = find_structure(text.splitlines())
    if structure.is_plain:
        assert structure.notes == ()
        assert [name for _, name in structure.parse(text.splitlines())] == list(filter(None, text.splitlines()))
    else:
        assert "#" in text.splitlines()  # a comment


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("kind", ["name", "first_name", "last_name", "city", "company", "country"])
def test_real_names_come_through_unchanged(locale, kind):
    source = faker.Faker(locale, use_weighting=False)
    source.seed_instance(7)
    names = [getattr(source, kind)() for _ in range(200)]
    for count in (20, 200):
        structure = find_structure(names[:count])
        assert structure.is_plain, structure.notes
        assert [name for _, name in structure.parse(names)] == [name.strip() for name in names]
        assert find_delimiter(names[:count]) is None


@pytest.mark.parametrize(
    "line",
    ["[" + "a" * 60_000, "== a" + " " * 60_000 + "=x", "a[1]" * 15_000, "[[" * 30_000, "a " * 30_000, ",  " * 20_000],
)
def test_long_lines_take_no_longer_than_their_length(line):
    start = time.process_time()
    structure = find_structure([line] * 3)
    list(structure.parse([line] * 3))
    find_delimiter([line] * 3)
    assert time.process_time() - start < 2


@pytest.mark.parametrize("marks", ["", "-'", ",;|\t", "#[]=:-", "0123456789.)", "*_-–\"' "])
def test_a_list_without_marks_is_what_the_full_analysis_finds(monkeypatch, marks):
    def analyse(lines):
        try:
            return find_delimiter(lines), find_structure(lines)
        except DataError as error:
            return str(error)

    chance = random.Random(marks)
    lists = [
        [
            "".join(chance.choices("Anné ou" + marks, k=chance.randrange(9))) + "\n"
            for _ in range(chance.randrange(1, 6))
        ]
        for _ in range(300)
    ]
    found = [analyse(lines) for lines in lists]
    for module in (delimiters, structure):
        monkeypatch.setattr(module, "has_marks", lambda _: True)
    assert found == [analyse(lines) for lines in lists]
