"""Small lists in the layout of real publishers, read from the file to the names of each category.

The names are made up. ``test_columns.py`` and ``test_structure.py`` test how each layout is recognised.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from namegen.datasets.readers import load_dataset
from namegen.errors import DataError

CASES = Path(__file__).parent.parent / "cases"
READ = {
    "destatis_vornamen.csv": {"männlich": 15, "weiblich": 15},
    "dnd_list_of_objects.json": {"dwarf": 12, "elf": 12},
    "dnd_object_of_lists.json": {"dwarf/male": 8, "elf/female": 8, "elf/male": 8},
    "excel_column1.csv": {"Elf": 15, "Zwerg": 15},
    "excel_headers_in_second_row.csv": {"Dwarf": 15, "Elf": 15},
    "game_wiki_colons.txt": {"Gnomes & kin": 9, "High elves": 9, "Hill dwarves": 9},
    "game_wiki_markdown.md": {"Dwarves/Female": 8, "Dwarves/Male": 8, "Elves/Female": 8, "Elves/Male": 8},
    "game_wiki_rulebook.txt": {"Dwarf Clans": 9, "Female Elf Names": 9, "Male Elf Names": 9},
    "ine_nombres.csv": {"ine_nombres": 30},
    "insee_prenoms.csv": {"1": 14, "2": 14},
    "istat_nomi.csv": {"istat_nomi": 30},
    "koeln_vornamen.csv": {"m": 24, "w": 24},
    "moscow_names.csv": {"женский": 10, "мужской": 10},
    "ons_boys_2018.csv": {"ons_boys_2018": 35},
    "pandas_value_counts.csv": {"pandas_value_counts": 30},
    "phone_book.txt": {"phone_book": 25},
    "ranked_aligned.txt": {"ranked_aligned": 25},
    "scb_tilltalsnamn.tsv": {"kvinnor": 18, "män": 18},
    "ssa_state_AK.TXT": {"F": 20, "M": 19},
    "ssa_yob1987.txt": {"F": 20, "M": 20},
    "ssb_fornavn.csv": {"Gutter": 15, "Jenter": 15},
    "statcan_17100147.csv": {"Female": 12, "Male": 12},
    "us_census_dist_female_first.txt": {"us_census_dist_female_first": 40},
    "us_census_surnames_2010.csv": {"us_census_surnames_2010": 40},
    "wikidata_query.csv": {"female given name": 16, "male given name": 14},
    "wikidata_query.json": {"female given name": 16, "male given name": 14},
    "wikidata_query.tsv": {"female given name": 16, "male given name": 14},
    "wikipedia_copied.txt": {"Feminine": 12, "Masculine": 12},
    "wikipedia_wikitext.txt": {"Female": 12, "Male": 12},
    "wrapped_commas.txt": {"wrapped_commas": 40},
}
REFUSED = {
    "baby_names_aligned.txt": "--category-column",
    "baby_names_meanings.csv": "--category-column",
    "geonames_XN.txt": "--category-column",
    "nrs_first_names_2019.csv": "--name-column",
}


@pytest.mark.parametrize("name", READ)
def test_the_categories_of_a_publisher_have_all_their_names(name):
    dataset = load_dataset(CASES / name, alphabet="unicode")

    assert dict(zip(dataset.categories, dataset.counts.tolist(), strict=True)) == READ[name]
    assert all(any(letter.isalpha() for letter in text) for c in dataset.categories for text in dataset.names(c))
    assert dataset.reports


@pytest.mark.parametrize("name", REFUSED)
def test_a_layout_that_leaves_a_doubt_is_refused_with_the_option_that_settles_it(name):
    with pytest.raises(DataError, match=REFUSED[name]):
        load_dataset(CASES / name)
