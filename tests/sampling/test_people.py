"""People: cultures and their shares, genders, parts that are fixed, known or unique."""

from __future__ import annotations

from collections import Counter

import pytest

import namegen
from namegen.errors import NamegenError, UsageError
from small_people import build_people_model, read_lists
from support import make_model


@pytest.fixture(scope="module")
def model():
    return build_people_model()


@pytest.fixture(scope="module")
def real():
    """All names in the lists."""
    return {name for names in read_lists().values() for name in names}


def invent(model, cultures=None, count=1, seed=1, **options):
    return list(namegen.people(cultures, count=count, seed=seed, model=model, **options))


def test_a_person_has_all_parts_and_the_full_name(model):
    (person,) = invent(model, "german", gender="male")

    assert person._fields == ("culture", "gender", "given", "middle", "surname", "name")
    assert (person.culture, person.gender, person.middle) == ("German", "male", "")
    assert person.name == f"{person.given} {person.surname}"


def test_the_first_people_do_not_depend_on_the_count(model):
    options = {"cultures": ["German:2", "Spanish", "Russian"], "seed": 4}
    people = invent(model, count=1_000, **options)

    assert people[:10] == invent(model, count=10, **options)
    assert people[:300] == invent(model, count=300, **options)
    assert people[:10] != invent(model, count=10, cultures=options["cultures"], seed=5)


def test_without_a_seed_people_differ_each_time(model):
    assert invent(model, count=20, seed=None) != invent(model, count=20, seed=None)


def test_people_are_spread_evenly_over_the_cultures(model):
    cultures = [person.culture for person in invent(model, ["Spanish", "German", "Korean"], count=7)]

    assert cultures == ["Spanish", "German", "Korean", "Spanish", "German", "Korean", "Spanish"]


@pytest.mark.parametrize("count", [4, 10, 999])
def test_people_are_spread_by_weight(model, count):
    counts = Counter(person.culture for person in invent(model, ["German:3", "Spanish", "german"], count=count))

    assert abs(counts["German"] - count * 4 / 5) < 1
    assert counts.total() == count


def test_without_cultures_people_are_of_all_in_random_order(model):
    cultures = [person.culture for person in invent(model, count=9)]

    assert sorted(cultures) == [
        "Brazilian", "Chinese", "Czech", "German", "Hungarian", "Korean", "Russian", "Spanish", "Ukrainian"
    ]  # fmt: skip
    assert cultures != [person.culture for person in invent(model, count=9, seed=2)]


def test_half_of_the_people_are_women_unless_a_gender_is_given(model):
    genders = Counter(person.gender for person in invent(model, "German", count=2_000))

    assert 900 < genders["female"] < 1_100
    assert {person.gender for person in invent(model, count=50, gender="female")} == {"female"}


@pytest.mark.parametrize("culture", ["Russian", "Czech"])
def test_surnames_agree_with_gender(model, culture):
    people = invent(model, culture, count=200)
    is_feminine = [person.surname.endswith(("а", "я", "á")) for person in people]

    assert (
        sum(feminine == (person.gender == "female") for feminine, person in zip(is_feminine, people, strict=True)) > 180
    )


def test_russians_have_patronymics_of_their_gender(model):
    for person in invent(model, "Russian", count=100):
        assert person.middle.endswith("на" if person.gender == "female" else "ич")
        assert person.name == f"{person.given} {person.middle} {person.surname}"


def test_spaniards_have_two_surnames(model):
    people = invent(model, "Spanish", count=200)

    assert all(" " in person.surname for person in people)
    assert sum(len(set(person.surname.split())) > 1 for person in people) > 190


def test_a_given_name_and_a_surname_can_be_fixed(model):
    people = invent(model, ["German", "Hungarian"], count=20, given="Anna", surname="van  Houten")

    assert {person.name for person in people} == {"Anna van Houten", "van Houten Anna"}
    assert {person.gender for person in people} == {"female", "male"}
    for surname in ("Abado", "Ruiz"):
        fixed = invent(model, ["Spanish", "Brazilian"], count=9, surname=surname)
        assert {person.surname for person in fixed} == {surname}


def test_given_names_begin_with_the_start_letters_in_turn(model):
    people = invent(model, ["German", "Spanish"], count=12, start="ABa")
    first = [person.given[0] for person in people]

    assert first == ["A", "A", "B", "B", "A", "A"] * 2
    assert len({person.given[1:] for person in people}) > 6


def test_a_start_letter_that_no_name_begins_with_is_a_capital_too(model, real):
    assert not any(name.startswith("X") for name in real)
    assert {person.given[0] for person in invent(model, "German", count=5, start="X", gender="female")} == {"X"}


def test_by_default_the_given_name_is_known_and_the_surname_is_novel(model, real):
    people = invent(model, "German", count=3_000)

    assert {(person.given in real, person.surname in real) for person in people} == {(True, False)}
    assert any(
        person.given in real and person.surname in real
        for person in invent(model, "German", count=3_000, known="allow")
    )


def test_known_none_leaves_only_closed_parts_known(model, real):
    assert not any(
        person.given in real or person.surname in real for person in invent(model, "German", count=500, known="none")
    )
    koreans = invent(model, "Korean", count=50, known="none")
    assert {person.surname for person in koreans} == {"김", "이", "박"}
    assert not any(person.given in real for person in koreans)


def test_with_closed_surnames_given_names_are_novel_and_with_two_closed_parts_both_are_known(model, real):
    assert not any(person.given in real for person in invent(model, "Korean", count=100))
    assert {person.given for person in invent(model, "Chinese", count=100)} == {"芳", "秀英", "敏", "伟", "建国", "强"}


def test_a_known_fixed_part_makes_the_other_novel(model, real):
    assert not any(person.surname in real for person in invent(model, "German", count=200, given="Anna"))
    assert not any(person.given in real for person in invent(model, "German", count=200, surname="Müller"))


def test_names_repeat_in_a_large_population(model):
    people = invent(model, "German", count=60_000)
    surnames = Counter(person.surname for person in people)

    assert 1_000 < len(surnames) <= 2**15
    assert len({person.name for person in people}) > 40_000


def test_unique_invents_no_full_name_twice(model):
    people = invent(model, ["German", "Spanish"], count=5_000, unique=True)

    assert len({person.name for person in people}) == 5_000
    assert Counter(person.culture for person in people) == {"German": 2_500, "Spanish": 2_500}


def test_unique_fails_after_all_full_names(model):
    found = []

    with pytest.raises(NamegenError, match="no other full name of this kind was found for Chinese after 24"):
        found.extend(person.name for person in namegen.people("Chinese", count=100, unique=True, model=model))
    assert len(set(found)) == len(found) == 24


def test_ascii_transliterates_all_columns_and_separates_the_parts(model):
    for person in invent(model, count=90, ascii=True):
        assert all(map(str.isascii, person))
        assert person.name.split(" ") == [part for part in person.name.split(" ") if part]
    (chinese,) = invent(model, "Chinese", ascii=True, given="建国", surname="欧阳")
    assert chinese.name.startswith("Ou")
    assert " " in chinese.name


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cultures": "Germn"}, "no culture 'Germn'; did you mean German?"),
        ({"cultures": "Qwxz"}, "no culture 'Qwxz'; `namegen people --list` lists the cultures"),
        ({"cultures": "German:x"}, "must be a positive number"),
        ({"cultures": "German:0"}, "must be a positive number"),
        ({"cultures": []}, "name at least one"),
        ({"gender": "other"}, "gender must be female, male or any, not 'other'"),
        ({"known": "some"}, "known must be allow, parts or none"),
        ({"count": -1}, "count"),
        ({"given": "Anna", "start": "A"}, "cannot be combined"),
        ({"given": " "}, "given name"),
        ({"surname": "a\nb\x1b"}, "surname"),
        ({"start": ""}, "start letters are empty"),
        ({"cultures": "German", "start": "☃"}, "German/female: no name can begin with '☃'"),
    ],
)
def test_invalid_arguments_are_refused_at_once(model, options, message):
    with pytest.raises(UsageError) as caught:
        namegen.people(**{"model": model, **options})

    assert message in str(caught.value)


def test_a_model_without_cultures_is_refused():
    with pytest.raises(UsageError, match="has no cultures"):
        namegen.people(model=make_model())


def test_start_letters_without_a_culture_are_for_the_cultures_that_can_write_them(model):
    people = invent(model, None, count=12, start="A")

    assert {person.given[0] for person in people} == {"A"}
    assert len({person.culture for person in people}) > 1
    with pytest.raises(UsageError, match="no culture has given names that begin with"):
        invent(model, None, count=1, start="☃")
