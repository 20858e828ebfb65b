"""Datasets: names, counts, hashes, fingerprints and validation splits."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from namegen.datasets.alphabet import ASCII, Alphabet
from namegen.datasets.builder import DatasetBuilder
from namegen.datasets.catalogue import CATALOGUE
from namegen.datasets.dataset import Dataset
from namegen.errors import DataError, UsageError

NAMES = {"Dwarvish": ["Gimli", "Thorin"], "Elvish": ["Elrond", "Arwen", "Luthien"]}

MANY = [f"{first}{second}{third}" for first in "ABCDEFGHIJKLMNOPQRST" for second in "aeiou" for third in "lmnrst"]


def grouped(dataset):
    return {category: dataset.names(category) for category in dataset.categories}


def protocol_share(name):
    """Return the number in [0, 1) that decides which names are test names, as defined by the protocol."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2**64


def test_a_name_in_two_categories_is_not_a_repeat():
    dataset = Dataset.from_names({"A": ["Anna"], "B": ["Anna"]})
    assert grouped(dataset) == {"A": ["Anna"], "B": ["Anna"]}
    assert dataset.notes == ()


def test_categories_are_sorted():
    dataset = Dataset.from_names({"Elvish": ["Elrond", "Arwen", "Lúthien"], "Dwarvish": iter(["Gimli", "Thorin"])})
    assert dataset.categories == ("Dwarvish", "Elvish")
    assert grouped(dataset) == NAMES
    assert len(dataset) == 5


def test_the_representation_is_one_line():
    shown = repr(Dataset.from_names({"X": ["ab", "b"], "Y": ["c"]}))
    assert shown == "<Dataset names: 3 names, 2 categories>"
    assert repr(Dataset.from_names({"X": ["ab"]})) == "<Dataset names: 1 name, 1 category>"


@pytest.mark.parametrize("names", [{}, {"A": []}, {"A": [" "]}])
def test_a_dataset_without_a_name_is_refused(names):
    with pytest.raises(DataError, match="no names in names"):
        Dataset.from_names(names)


@pytest.mark.parametrize("category", ["", "A\n", "\x00"])
def test_a_category_in_memory_must_be_printable(category):
    with pytest.raises(DataError, match="cannot be a category"):
        Dataset.from_names({category: ["Anna"]})


def test_an_unknown_category_is_refused_and_the_others_named():
    with pytest.raises(UsageError, match="no category 'C'; choose from A, B"):
        Dataset.from_names({"A": ["Anna"], "B": ["Bert"]}).names("C")


def test_names_are_counted_and_found_by_index():
    dataset = Dataset.from_names({"B": ["Bert"], "A": ["Anna", "O'B"]})
    assert [dataset.name(index) for index in range(3)] == ["Anna", "O'B", "Bert"]
    assert dataset.counts.tolist() == [2, 1]
    assert dataset.lengths.tolist() == [4, 3, 4]


def test_the_first_letters_of_each_category_are_counted():
    counts = Dataset.from_names({"X": ["Anna", "Al", "bo"], "Y": ["Anna"]}).first_letter_counts
    assert counts.shape == (2, 58)
    found = {(x, ASCII.letters[y]): int(counts[x, y]) for x, y in np.argwhere(counts).tolist()}
    assert found == {(0, "A"): 2, (0, "b"): 1, (1, "A"): 1}


def test_the_letters_are_concatenated_in_one_array():
    dataset = Dataset.from_names({"X": ["ab", "c"]})
    assert dataset.letters.tolist() == [0, 1, 2]
    assert dataset.offsets.tolist() == [0, 2, 3]
    assert dataset.category_of.tolist() == [0, 0]
    assert (dataset.letters.dtype, dataset.offsets.dtype, dataset.category_of.dtype) == (np.uint8, np.int64, np.int32)


def test_the_hash_of_a_name_is_that_of_the_protocol():
    dataset = Dataset.from_names({"X": ["Anna", "Müller", "De  La Cruz"]})
    expected = [
        int.from_bytes(hashlib.sha256(name).digest()[:8], "big") for name in (b"Anna", b"Muller", b"De La Cruz")
    ]
    assert dataset.hashes.tolist() == expected
    assert dataset.hashes.dtype == np.uint64


def test_an_alphabet_beyond_ascii_keeps_its_letters():
    dataset = Dataset.from_names({"X": ["Łódź", "Gdańsk", "São"]}, alphabet=Alphabet(tuple("ŁódźGańskSo")))
    assert dataset.names("X") == ["Łódź", "Gdańsk", "Sao"]
    assert dataset.hashes[0] == int.from_bytes(hashlib.sha256("Łódź".encode()).digest()[:8], "big")


def test_an_alphabet_may_have_more_than_256_letters():
    letters = tuple(chr(code) for code in range(0x4E00, 0x4E00 + 300))
    dataset = Dataset.from_names({"X": ["".join(letters)]}, alphabet=Alphabet(letters))
    assert dataset.letters.tolist() == list(range(300))


def test_a_letter_of_several_code_points_is_one_letter_of_a_name():
    dataset = Dataset.from_names({"X": ["ни\u0301"]}, alphabet=Alphabet(("н", "и", "и\u0301")))
    assert dataset.letters.tolist() == [0, 2]


@settings(deadline=None, max_examples=20)
@given(
    st.dictionaries(st.sampled_from("XYZ"), st.lists(st.text("abcAB '-.", min_size=1), min_size=1), min_size=1).filter(
        lambda names: any(name.strip() for given in names.values() for name in given)
    )
)
def test_names_are_kept_in_order_with_or_without_repeats(names):
    expected = {x: [" ".join(name.split()) for name in given if name.strip()] for x, given in sorted(names.items())}
    expected = {category: given for category, given in expected.items() if given}
    assert grouped(Dataset.from_names(names, keep_repeats=True)) == expected
    assert grouped(Dataset.from_names(names)) == {x: list(dict.fromkeys(given)) for x, given in expected.items()}


@pytest.mark.parametrize(
    "changed",
    [
        {"A": ["Anna", "Al"], "B": ["Berta"]},
        {"A": ["Anna", "Al"], "C": ["Bert"]},
        {"A": ["Al", "Anna"], "B": ["Bert"]},
        {"A": ["Anna"], "B": ["Al", "Bert"]},
        {"A": ["AnnaA", "l"], "B": ["Bert"]},
        {"A": ["Anna"], "B": ["Bert"]},
    ],
)
def test_any_change_of_the_content_changes_the_fingerprint(changed):
    before = Dataset.from_names({"A": ["Anna", "Al"], "B": ["Bert"]})
    assert Dataset.from_names(changed).fingerprint != before.fingerprint


def test_another_alphabet_changes_the_fingerprint():
    first, second = (Dataset.from_names({"X": ["ab"]}, alphabet=Alphabet(tuple(letters))) for letters in ("ab", "abc"))
    assert first.fingerprint != second.fingerprint


def test_names_are_selected_and_all_categories_stay():
    dataset = replace(Dataset.from_names({"A": ["Anna", "Al"], "B": ["Bert"]}, label="mine"), verified=True)
    part = dataset.select(np.array([False, True, False]))
    assert grouped(part) == {"A": ["Al"], "B": []}
    assert part.counts.tolist() == [1, 0]
    assert part.hashes.tolist() == dataset.hashes[1:2].tolist()
    assert (part.label, part.verified) == ("mine", True)


def all_names(dataset):
    return Counter((category, name) for category in dataset.categories for name in dataset.names(category))


def hold_out(names):
    """Return the names of a category that a split of a fifth holds out."""
    _, held_out = Dataset.from_names({"X": names}).split(0.2)
    assert held_out is not None
    return held_out.names("X")


def test_the_two_parts_contain_all_names():
    dataset = Dataset.from_names({"X": MANY[::2], "Y": MANY[1::2]})
    training, validation = dataset.split(0.1)
    assert validation is not None
    assert all_names(training) + all_names(validation) == all_names(dataset)


@pytest.mark.parametrize("fraction", [0.05, 0.5])
@pytest.mark.parametrize("share", [1.0, 0.9])
def test_the_validation_part_is_about_the_fraction_and_independent_of_the_test_names(fraction, share):
    names = [f"{name}{other}" for name in MANY for other in MANY[:20]]
    names = [name for name in names if protocol_share(name) < share]
    _, validation = Dataset.from_names({"X": names}).split(fraction)
    assert validation is not None
    deviation = (len(names) * fraction * (1 - fraction)) ** 0.5  # of a binomial distribution
    assert abs(len(validation) - len(names) * fraction) < 4 * deviation


def test_which_names_are_held_out_does_not_depend_on_other_names_or_their_order():
    _, first = Dataset.from_names({"X": MANY}).split(0.2)
    _, second = Dataset.from_names({"Other": MANY[::-1][:400], "More": MANY[:200]}).split(0.2)
    assert first is not None
    assert second is not None
    held_out = set(first.names("X"))
    assert set(second.names("Other")) == held_out & set(MANY[200:])
    assert set(second.names("More")) == held_out & set(MANY[:200])


def test_a_larger_fraction_holds_out_the_same_names_and_more():
    dataset = Dataset.from_names({"X": MANY})
    _, small = dataset.split(0.1)
    _, large = dataset.split(0.3)
    assert small is not None
    assert large is not None
    assert set(small.names("X")) < set(large.names("X"))


def test_a_name_in_several_categories_is_in_one_part():
    training, validation = Dataset.from_names({"X": MANY, "Y": MANY[:300], "Z": MANY[200:]}).split(0.2)
    assert validation is not None
    assert not set(training.hashes.tolist()) & set(validation.hashes.tolist())


def test_a_category_never_loses_all_its_names():
    only = hold_out(MANY)[:2]
    training, validation = Dataset.from_names({"X": MANY, "Y": only}).split(0.2)
    assert validation is not None
    assert training.names("Y") == only
    assert validation.names("Y") == []
    assert not set(training.hashes.tolist()) & set(validation.hashes.tolist())


def test_a_validation_part_has_at_least_20_names():
    held_out = hold_out(MANY)
    rest = [name for name in MANY if name not in set(held_out)]
    _, validation = Dataset.from_names({"X": [*rest, *held_out[:20]]}).split(0.2)
    assert validation is not None
    assert len(validation) == 20
    fewer = Dataset.from_names({"X": [*rest, *held_out[:19]]})
    training, validation = fewer.split(0.2)
    assert validation is None
    assert all_names(training) == all_names(fewer)


@pytest.mark.parametrize("fraction", [0.0, 1.0])
def test_a_split_without_a_remainder_keeps_all_names_for_training(fraction):
    dataset = Dataset.from_names({"X": MANY})
    training, validation = dataset.split(fraction)
    assert validation is None
    assert len(training) == len(MANY)


def test_the_sizes_in_the_catalogue_are_those_of_the_real_data(data_dir):
    for entry in CATALOGUE.values():
        assert entry.size == sum((data_dir / entry.name / file).stat().st_size for file in entry.files)


def test_the_case_changes_category_by_category():
    names = {"Elves": ["aelar", "de Aelar"], "Dwarves": ["Bardukh", "von Borgrim", "Dagnor"], "None": ["-"]}
    cased = Dataset.from_names(names).in_case("capitalised")
    assert {category: cased.names(category) for category in names} == {
        "Elves": ["Aelar", "De Aelar"],
        "Dwarves": ["Bardukh", "von Borgrim", "Dagnor"],
        "None": ["-"],
    }


def test_the_names_of_a_limited_dataset_do_not_depend_on_their_order():
    names = [f"A{letter}" for letter in "abcdefghijklmnop"]
    orders = [Dataset.from_names({"X": order, "Y": ["Bo", "Ed"]}).limit(5) for order in (names, names[::-1])]

    assert [limited.counts.tolist() for limited in orders] == [[5, 2], [5, 2]]
    assert len({frozenset(limited.names("X")) for limited in orders}) == 1
    assert orders[0].names("X") != names[:5]
    assert orders[0].names("X") == [name for name in names if name in orders[0].names("X")]


WEIGHTED = {"a": ["Anna", "Bo", "", "Anna"], "b": ["Xu", "Yu"]}


def weigh(weights):
    return Dataset.from_names(WEIGHTED, weights=weights)


def test_weights_belong_to_the_names_and_those_of_a_repeated_name_are_added():
    dataset = weigh({"a": [3, 2, 9, 1], "b": [1, 0.5]})

    assert grouped(dataset) == {"a": ["Anna", "Bo"], "b": ["Xu", "Yu"]}
    assert dataset.weights.tolist() == [4, 2, 1, 0.5]
    assert dataset.select(dataset.weights > 1).weights.tolist() == [4, 2]
    assert dataset.limit(1).weights.tolist() in ([4, 1], [4, 0.5], [2, 1], [2, 0.5])
    assert weigh(None).weights is None


def test_weights_that_are_all_the_same_make_no_difference():
    dataset = Dataset.from_names({"a": ["Anna", "Bo"]}, weights={"a": [7, 7]})

    assert dataset.weights is None
    assert dataset.fingerprint == Dataset.from_names({"a": ["Anna", "Bo"]}).fingerprint


def test_weights_change_the_fingerprint():
    prints = {
        weigh(weights).fingerprint for weights in (None, {"a": [3, 2, 9, 1], "b": [1, 1]}, {"a": [1] * 4, "b": [1, 2]})
    }
    assert len(prints) == 3


def test_weights_stay_with_their_names_in_another_case_and_in_both_parts_of_a_split():
    names = [f"name{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(400)]
    dataset = Dataset.from_names({"a": names}, weights={"a": range(1, 401)}).in_case("capitalised")
    of = {dataset.name(index): weight for index, weight in enumerate(dataset.weights)}
    assert of == {name.capitalize(): weight for weight, name in enumerate(names, 1)}

    for part in dataset.split(0.2):
        assert all(part.weights[index] == of[part.name(index)] for index in range(len(part)))


@pytest.mark.parametrize(
    "weights",
    [{"a": [1, 2, 3], "b": [1, 1]}, {"a": [1, 2, 3, 0], "b": [1, 1]}, {"a": [1, 2, 3, float("nan")], "b": [1, 1]},
     {"a": [1, 2, 3, "4"], "b": [1, 1]}, {"a": [1, 2, 3, 4]}],
)  # fmt: skip
def test_weights_that_are_not_one_positive_number_for_each_name_are_wrong_usage(weights):
    with pytest.raises(UsageError, match="weight"):
        weigh(weights)


def test_repeated_names_become_weights():
    builder = DatasetBuilder("ascii")
    builder.add_lines("a", [b"Anna", b"Bo", b"Anna", b"Anna", b"Anna"], "a")
    assert builder.finish("names", keep_repeats=True, weights="sqrt").weights.tolist() == [2, 1]
