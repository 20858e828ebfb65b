"""``namegen score``, ``classify`` and ``evaluate``."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from namegen.cli import main
from namegen.datasets.dataset import Dataset
from namegen.datasets.open import open_dataset
from namegen.datasets.readers import load_dataset
from namegen.evaluation.classify import classify, score
from namegen.evaluation.metrics import evaluate
from namegen.models.model import Checkpoint
from namegen.models.store import cached_location
from namegen.recipes import training_config
from support import make_bigram_model, make_model

LETTERS = "abAB '"
BOTH = pytest.mark.parametrize("command", [("score", "German"), ("classify",)], ids=" ".join)


def save(model, name="default"):
    model.save(cached_location(name).model)
    return model


def random_model(categories=("English", "German"), *, sos=True, begins=None):
    """A model of names of a and b that begin in upper case; in the last category b is more probable."""
    rng = np.random.default_rng(1)
    table = np.log(rng.dirichlet(np.ones(7), size=7))
    begins = begins or [[0, 0, 3, 1, 0, 0]] * len(categories)
    model = make_bigram_model(table, letters=LETTERS, categories=categories, sos=sos, first_letters=begins)
    model.weights["i2o.weight"][1, len(categories) - 1] = 1.0
    return model


def save_unfinished(model, name):
    training = dataclasses.replace(model.training, iterations=1000)
    so_far = dataclasses.replace(model, training=training, iterations=640)
    Checkpoint(so_far, {"position": np.zeros(1)}).save(cached_location(name).checkpoint)


@pytest.fixture
def model(cache):
    return save(random_model())


def first_cells(outcome):
    return [line.split("\t")[0] for line in outcome.out.splitlines()]


# Names that are given to score and classify


@BOTH
@pytest.mark.parametrize("dash", [(), ("-",)])
def test_names_are_read_from_stdin_one_a_line(cli, model, command, dash):
    done = cli(*command, *dash, stdin="\ufeffBa\r\n\n  abba \nÄb a\rBb")
    assert (done.code, done.err) == (0, "")
    assert first_cells(done) == ["Ba", "abba", "Äb a", "Bb"]
    empty = cli(*command, *dash)
    assert (empty.code, empty.out, empty.err) == (0, "", "")


@BOTH
@pytest.mark.parametrize("after", ["\nBb\n", ""])
def test_names_before_a_line_that_is_too_long_are_answered(cli, model, command, after):
    done = cli(*command, stdin="Ba\nabba\n" + "a" * 70_000 + after)
    assert first_cells(done) == ["Ba", "abba"]
    assert done.err == "Error: standard input has a line of more than 65,536 bytes; give one name per line\n"
    assert done.code == 1


@BOTH
def test_names_of_which_nothing_remains_are_left_out_with_a_note(cli, model, command):
    done = cli(*command, stdin="Ba\n45\n\udcff7\nA8b\n".encode(errors="surrogateescape"))
    assert first_cells(done) == ["Ba", "A8b"]
    assert done.code == 0
    assert done.err.splitlines() == [
        "Dropped 5 characters outside the model's alphabet.",
        "Left out 2 names without any character of the model's alphabet.",
    ]


@BOTH
def test_an_unfinished_model_is_used_with_a_note(cli, model, command):
    save_unfinished(model, "half")
    done = cli(*command, "Ba", "--model", "half")
    assert done.code == 0
    assert "after 640 of 1,000 iterations" in done.err


@pytest.mark.parametrize(
    ("command", "head"),
    [
        (["score", "German"], ["name", "log-probability", "perplexity"]),
        (["classify", "-n", "1"], ["name", "1.", "probability"]),
    ],
)
def test_a_terminal_gets_a_table(model, terminal, command, head):
    out, err = terminal(80)
    assert main([*command, "Ba", "Ab"]) == 0
    lines = out.text().splitlines()
    assert lines[0].split() == head
    assert [line.split()[0] for line in lines[2:]] == ["Ba", "Ab"]
    assert err.text() == ""


# namegen score


def test_scores_are_lines_in_the_order_given(cli, model):
    done = cli("score", "german", "Ba", "abba", "Ba", "A\tb")
    assert (done.code, done.err) == (0, "")
    rows = [line.split("\t") for line in done.out.splitlines()]
    exact = score(model, "German", ["Ba", "Abba", "Ba", "A b"])
    assert [row[0] for row in rows] == ["Ba", "abba", "Ba", "A b"]
    assert [float(row[1]) for row in rows] == pytest.approx(exact.log_probabilities.tolist(), abs=5e-5)
    assert [float(row[2]) for row in rows] == pytest.approx(exact.perplexities.tolist(), abs=5e-4)


def test_scores_as_json_are_exact(cli, model):
    exact = score(model, "German", ["Ba"])
    assert json.loads(cli("score", "German", "Bä", "--format", "jsonl").out) == {
        "category": "German",
        "name": "Bä",
        "log_probability": exact.log_probabilities[0],
        "perplexity": exact.perplexities[0],
    }


def test_an_impossible_name_has_an_infinite_score_which_is_null_in_json(cli, cache):
    save(random_model(sos=False))
    assert cli("score", "German", "'a").out.startswith("'a\t-inf\t")
    assert json.loads(cli("score", "German", "'a", "-f", "jsonl").out)["log_probability"] is None


def test_with_one_category_it_may_be_left_out(cli):
    save(make_model(categories=("Élves",)))
    for word in ("Élves", "E\u0301LVES", "Élves:2"):
        assert first_cells(cli("score", word, "ab")) == ["ab"]
    assert cli("score", "ba", "ab").out == cli("score", "élves", "ba", "ab").out


def test_an_unknown_category_gets_a_suggestion_before_names_are_read(cli, model):
    refused = cli("score", "Germn", stdin="Ba\n")
    assert refused.is_error(2)
    assert "did you mean German?" in refused.err
    assert refused.out == ""


# namegen classify


@pytest.mark.parametrize("prior", ["uniform", "data"])
def test_categories_come_most_probable_first_with_their_probabilities(cli, cache, prior):
    model = save(random_model(begins=[[0, 0, 3, 1, 0, 0], [0, 0, 30, 10, 0, 0]]))
    done = cli("classify", "Bbbb", "Aaa", "--prior", prior)
    exact = classify(model, ["Bbbb", "Aaa"], prior)
    for line, row in zip(done.out.splitlines(), exact.probabilities, strict=True):
        _, *cells = line.split("\t")
        best_first = sorted(zip(model.categories, row, strict=True), key=lambda pair: -pair[1])
        assert cells == [cell for category, p in best_first for cell in (category, f"{p:.4f}")]


def test_three_categories_are_shown_unless_told_otherwise(cli, cache):
    save(random_model(("A", "B", "C", "D", "E")))
    assert cli("classify", "Ba").out.count("\t") == 6
    assert cli("classify", "Ba", "-n", 1).out.count("\t") == 2
    assert cli("classify", "Ba", "-n", 9).out.count("\t") == 10
    found = json.loads(cli("classify", "Bübb", "-f", "jsonl").out)
    assert found["name"] == "Bübb"
    assert set(found["categories"]) == set("ABCDE")
    assert list(found["categories"].values()) == sorted(found["categories"].values(), reverse=True)
    assert sum(found["categories"].values()) == pytest.approx(1)


# namegen evaluate

SEEN = {"English": ["Aa", "Ab", "Abb"], "German": ["Ba", "Bbb", "Bab"]}
UNSEEN = {"English": ["Aab"], "German": ["Bb", "Bba"]}


@pytest.fixture
def seen(cache):
    """A model, as if it had been trained on the names that it has seen."""
    config = training_config(hidden_size=16, iterations=1)
    begins = [[0, 0, 3, 1, 0, 0]] * 2
    model = make_model(config, letters=LETTERS, categories=("English", "German"), first_letters=begins)
    model.weights.update({name: 0.2 * weight for name, weight in model.weights.items()})  # all letters come often
    return save(dataclasses.replace(model, name_hashes=np.unique(Dataset.from_names(SEEN).hashes)))


@pytest.fixture
def names(tmp_path):
    folder = tmp_path / "names"
    folder.mkdir()
    for category, known in SEEN.items():
        lines = "".join(f"{name}\n" for name in known + UNSEEN[category])
        (folder / f"{category}.txt").write_text(lines, encoding="utf-8")
    return folder


def test_an_evaluation_is_a_table_of_the_categories_and_their_means(cli, seen, names):
    done = cli("evaluate", "--data", names, "-n", 100)
    assert done.code == 0
    head, *rows = [line.split("\t") for line in done.out.splitlines()]
    exact = evaluate(seen, load_dataset(names, alphabet=seen.alphabet), count=100)
    assert head == ["category", "names", "loss", "perplexity", "novel", "unique", "right", "length", "data's length"]
    assert [row[0] for row in rows] == ["English", "German", "macro", "micro"]
    assert [row[1] for row in rows] == ["1", "2", "3", "3"]
    losses = [exact.categories["English"].loss, exact.categories["German"].loss, exact.macro, exact.micro]
    assert [float(row[2]) for row in rows] == pytest.approx(losses, abs=5e-4)
    assert rows[2][4] == f"{exact.novel:.1%}"
    assert rows[3][4:] == ["-"] * 5
    assert done.err.splitlines() == ["Scored 3 of 9 names of names, leaving out the model's training names."]


def test_an_evaluation_as_json_is_that_of_the_library(cli, seen, names):
    done = cli("evaluate", "--data", names, "--all", "-n", 50, "--seed", 3, "-t", 0.5, "--top-k", 3, "-f", "json")
    dataset = load_dataset(names, alphabet=seen.alphabet)
    expected = evaluate(seen, dataset, count=50, seed=3, everything=True, temperature=0.5, top_k=3)
    assert json.loads(done.out) == expected.as_dict()
    assert done.err.splitlines() == ["Scored all 9 names of names."]


def test_an_evaluation_without_unseen_names_says_what_to_do(cli, seen, tmp_path):
    (tmp_path / "German.txt").write_text("Ba\nBbb\n", encoding="utf-8")
    done = cli("evaluate", "--data", tmp_path / "German.txt", "-n", 10)
    assert done.code == 0
    assert all(part in done.err for part in ("No loss: ", "--all", "No share of right names: "))
    assert [row.split("\t")[2] for row in done.out.splitlines()[1:]] == ["-"] * 3


def test_an_evaluation_can_be_drawn_into_a_file(cli, seen, names, tmp_path):
    done = cli("evaluate", "--data", names, "-n", 10, "-o", tmp_path / "good.svg")
    assert (done.code, len(done.out.splitlines())) == (0, 5)
    assert "Evaluation of default" in (tmp_path / "good.svg").read_text(encoding="utf-8")
    assert done.err.splitlines()[-1] == f"Saved the plot to {tmp_path / 'good.svg'}."


def test_by_default_a_model_is_evaluated_on_the_dataset_it_was_trained_on(cli, seen):
    refused = cli("evaluate")  # only the user has these names
    assert refused.is_error(2)
    assert "--data" in refused.err
    starter = open_dataset("starter")
    model = make_model(
        training_config(hidden_size=4),
        letters=starter.alphabet.letters,
        categories=starter.categories,
        first_letters=starter.first_letter_counts,
    )
    known = np.unique(starter.hashes[::2])
    save(dataclasses.replace(model, dataset="starter", name_hashes=known), "other")
    done = cli("evaluate", "other", "-n", 0, "-f", "json")
    assert json.loads(done.out)["names"] == np.count_nonzero(~np.isin(starter.hashes, known))


@pytest.mark.parametrize(
    ("options", "code"),
    [
        *((["-n", "-1"], 2), (["--seed", "-1"], 2), (["-t", "-1"], 2), (["--top-p", "2"], 2), (["-o", "good.jpg"], 2)),
        *((["none"], 1), (["half"], 1)),
    ],
    ids=str,
)
def test_an_evaluation_that_cannot_be_made_is_one_clear_line(cli, seen, names, options, code):
    save_unfinished(random_model(), "half")
    refused = cli("evaluate", "--data", names, *options)
    assert refused.is_error(code)
    assert options != ["half"] or "--resume" in refused.err
