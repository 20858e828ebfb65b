"""``namegen explain``."""

from __future__ import annotations

import json

import pytest

import namegen
from support import make_model, save


def test_a_pipe_gets_a_row_for_each_letter_with_its_alternatives(cli):
    done = cli("explain", "Bauer", "--category", "German", "--model", "pretrained")
    head, *rows = [line.split("\t") for line in done.out.splitlines()]
    found = namegen.explain("pretrained", "Bauer", "German")

    assert done.code == 0
    assert head == ["letter", "probability", "rank", "loss", "entropy", "alternatives"]
    assert [row[0] for row in rows] == [*"Bauer", "EOS"]
    assert [row[1] for row in rows] == [f"{p:.4f}" for p in found.probabilities]
    assert [row[4] for row in rows] == [f"{entropy:.3f}" for entropy in found.entropies]
    assert rows[0][5].split("  ")[0] == "S 15.7%"
    assert [len(row[5].split("  ")) for row in rows] == [3] * 6
    assert done.err == "Bauer as German: log-probability -6.9380, perplexity per letter 2.571\n"


def test_json_has_the_same_figures_and_as_many_alternatives_as_asked_for(cli):
    done = cli("explain", "Bauer", "-c", "German", "-n", 2, "-f", "json", "-m", "pretrained")
    found = json.loads(done.out)

    assert found == json.loads(json.dumps(namegen.explain("pretrained", "Bauer", "German").as_dict(2)))
    assert [len(letter["alternatives"]) for letter in found["letters"]] == [2] * 6


def test_a_category_that_was_not_given_is_told(cli):
    done = cli("explain", "Zhukovsky", "-m", "pretrained")

    assert done.err.startswith("Explained as Russian, the most probable category (Russian ")
    assert "--category chooses another" in done.err


def test_a_model_of_one_category_needs_none(cli):
    make = make_model(letters="abAB")
    from namegen.models.store import cached_location

    make.save(cached_location("default").model)
    assert cli("explain", "ab").err.startswith("Ab as X: ")


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_a_picture_is_written(cli, tmp_path, suffix):
    file = tmp_path / f"mine.{suffix}"
    done = cli("explain", "Ba3uer", "-o", file, "-c", "German")

    assert (done.code, file.stat().st_size > 5000) == (0, True)
    assert f"Saved the plot to {file}." in done.err
    assert "Dropped 1 character" in done.err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["45"], 1, "no character of '45'"),
        (["Bauer", "-c", "Germn"], 2, "did you mean German?"),
        (["Bauer", "-c", "Turkish/female"], 2, "is a category of the model people; add --model people"),
        (["Bauer", "-o", "x.jpg"], 2, "give a file name that ends in"),
        (["B" * 61, "-o", "x.png"], 2, "too long for a picture"),
        ([], 2, "NAME"),
    ],
)
def test_wrong_usage_is_one_clear_line(cli, arguments, code, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = cli("explain", *arguments)

    assert done.code == code
    assert message in done.err
    assert not list(tmp_path.glob("x.*"))


def test_a_terminal_gets_a_table(cli, terminal):
    from namegen.cli import main

    save("default", "X")
    out, _ = terminal(80)
    assert main(["explain", "ab"]) == 0
    assert out.text().splitlines()[0].split() == ["letter", "probability", "rank", "loss", "entropy", "alternatives"]
