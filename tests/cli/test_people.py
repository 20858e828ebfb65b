"""``namegen people``: people in the form asked for."""

from __future__ import annotations

import csv
import io
import json

import pytest

from small_people import build_people_model


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("people") / "people.safetensors"
    build_people_model().save(path)
    return path


@pytest.fixture
def people(cli, file):
    return lambda *arguments: cli("people", *arguments, "--model", file)


def test_text_has_the_full_name_alone(people):
    outcome = people("Hungarian", "-n", 3)

    assert (outcome.code, outcome.err) == (0, "")
    assert [len(line.split(" ")) >= 2 for line in outcome.out.splitlines()] == [True] * 3
    assert len(people("Hungarian").out.splitlines()) == 1


def test_all_formats_have_the_same_people(people):
    options = ("German:2", "Russian", "--seed", 3, "-n", 50)
    rows = list(csv.DictReader(io.StringIO(people(*options, "--format", "csv").out)))
    tsv = [line.split("\t") for line in people(*options, "--format", "tsv").out.splitlines()]

    assert list(rows[0]) == ["culture", "gender", "given", "middle", "surname", "name"]
    assert rows == [json.loads(line) for line in people(*options, "--format", "jsonl").out.splitlines()]
    assert [list(row.values()) for row in rows] == tsv
    assert [row["name"] for row in rows] == people(*options).out.splitlines()


def test_csv_quotes_what_needs_quotes(people):
    out = people("German", "--surname", 'O"Neil, jr.', "--given", "Ann", "--format", "csv").out

    assert "\r" not in out
    assert next(csv.DictReader(io.StringIO(out)))["surname"] == 'O"Neil, jr.'


def test_options_reach_the_library(people):
    women = people("German", "-n", 20, "--gender", "female", "--start", "AB", "--format", "tsv").out.splitlines()

    assert {row.split("\t")[1] for row in women} == {"female"}
    assert [row.split("\t")[2][0] for row in women] == ["A", "B"] * 10
    assert people("Russian", "-n", 9, "--ascii").out.isascii()
    assert len(set(people("Chinese", "-n", 12, "--unique").out.splitlines())) == 12
    koreans = people("Korean", "-n", 9, "--known", "none", "--format", "tsv").out.splitlines()
    assert {row.split("\t")[4] for row in koreans} <= {"김", "이", "박"}


def test_the_list_has_parts_and_an_example(people):
    lines = [line.split("\t") for line in people("--list").out.splitlines()]

    assert lines[0] == ["culture", "parts", "example"]
    assert [line[0] for line in lines[1:]] == sorted(line[0] for line in lines[1:])
    assert dict(line[:2] for line in lines)["Czech"] == "female, male, surname-female, surname-male"
    assert all(line[2] for line in lines[1:])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["Germn"], "did you mean German?"),
        (["German", "--given", "Anna", "--start", "A"], "cannot be combined"),
        (["German", "--gender", "x"], "gender"),
        (["German", "--list"], "leave out"),
    ],
)
def test_wrong_usage_is_an_error(people, arguments, message):
    outcome = people(*arguments)

    assert outcome.is_error(2)
    assert message in outcome.err
