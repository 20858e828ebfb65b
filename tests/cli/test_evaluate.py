"""``namegen score``, ``classify`` and ``evaluate``: what a model makes of names."""

from __future__ import annotations

import dataclasses
import io
import json
import subprocess
import sys

import numpy as np
import pytest

from namegen.datasets.dataset import Dataset
from namegen.datasets.open import open_dataset
from namegen.datasets.readers import load_dataset
from namegen.evaluation.classify import classify, score
from namegen.evaluation.metrics import evaluate
from namegen.models.model import Checkpoint
from namegen.models.store import cached_location
from namegen.recipes import training_config
from support import make_bigram_model, make_model

NAMEGEN = (sys.executable, "-m", "namegen")
LETTERS = "abAB '"


def a_model(categories=("English", "German"), *, sos=True, begins=None):
    """A model of names that begin in upper case, of a and b; in the last category b is likelier."""
    rng = np.random.default_rng(1)
    table = np.log(rng.dirichlet(np.ones(7), size=7))
    begins = begins or [[0, 0, 3, 1, 0, 0]] * len(categories)
    model = make_bigram_model(table, letters=LETTERS, categories=categories, sos=sos, first_letters=begins)
    model.weights["i2o.weight"][1, len(categories) - 1] = 1.0
    return model


@pytest.fixture
def model(cache):
    made = a_model()
    made.save(cached_location("default").model)
    return made


@pytest.fixture
def typed_in(monkeypatch):
    """Puts something into standard input."""

    def put(data):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))

    return put


def is_one_error(outcome, code):
    lines = outcome.err.splitlines()
    return outcome.code == code and len(lines) == 1 and lines[0].startswith("Error: ")


# namegen score


def test_scores_are_lines_of_name_log_probability_and_perplexity_in_the_order_given(cli, model):
    done = cli("score", "german", "Ba", "abba", "Ba")

    assert (done.code, done.err) == (0, "")
    rows = [line.split("\t") for line in done.out.splitlines()]
    exact = score(model, "German", ["Ba", "Abba", "Ba"])
    assert [row[0] for row in rows] == ["Ba", "abba", "Ba"]
    assert [float(row[1]) for row in rows] == pytest.approx(exact.log_probabilities.tolist(), abs=5e-5)
    assert [float(row[2]) for row in rows] == pytest.approx(exact.perplexities.tolist(), abs=5e-4)


def test_scores_as_json_are_objects_with_whole_numbers(cli, model):
    done = cli("score", "German", "Bä", "--format", "jsonl")

    exact = score(model, "German", ["Ba"])
    assert json.loads(done.out) == {
        "category": "German",
        "name": "Bä",
        "log_probability": exact.log_probabilities[0],
        "perplexity": exact.perplexities[0],
    }


def test_what_is_impossible_is_infinite_in_text_and_null_in_json(cli, cache):
    a_model(sos=False).save(cached_location("default").model)

    assert cli("score", "German", "'a").out.startswith("'a\t-inf\t")
    assert json.loads(cli("score", "German", "'a", "-f", "jsonl").out)["log_probability"] is None


@pytest.mark.parametrize("command", [("score", "German"), ("score", "German", "-"), ("classify",), ("classify", "-")])
def test_names_are_read_from_stdin_one_a_line(cli, model, typed_in, command):
    typed_in("\ufeffBa\r\n\n  abba \nÄb a".encode())
    done = cli(*command)

    assert (done.code, done.err) == (0, "")
    assert [line.split("\t")[0] for line in done.out.splitlines()] == ["Ba", "abba", "Äb a"]


@pytest.mark.parametrize("command", [("score", "German"), ("classify",)])
def test_every_kind_of_line_end_ends_a_name_on_stdin(cli, model, typed_in, command):
    typed_in(b"Ba\rabba\r\nAb\nBb\r")
    assert [line.split("\t")[0] for line in cli(*command).out.splitlines()] == ["Ba", "abba", "Ab", "Bb"]


@pytest.mark.parametrize("command", [("score", "German"), ("classify",)])
@pytest.mark.parametrize("after", [b"\nBb\n", b""])
def test_names_before_a_line_that_is_too_long_are_answered(cli, model, typed_in, command, after):
    typed_in(b"Ba\nabba\n" + b"a" * 70_000 + after)
    done = cli(*command)
    assert [line.split("\t")[0] for line in done.out.splitlines()] == ["Ba", "abba"]
    assert done.err == "Error: standard input has a line of more than 65,536 bytes; give one name a line\n"
    assert done.code == 1


def test_with_one_category_its_name_means_it_in_any_form(cli, typed_in):
    make_model(categories=("Élves",)).save(cached_location("default").model)
    for word in ("Élves", "E\u0301LVES", "Élves:2"):
        scored = cli("score", word, "ab")
        assert [line.split("\t")[0] for line in scored.out.splitlines()] == ["ab"]
    assert [line.split("\t")[0] for line in cli("score", "ba", "ab").out.splitlines()] == ["ba", "ab"]


@pytest.mark.parametrize("command", [("score", "German"), ("classify",)])
def test_an_empty_stdin_gives_nothing(cli, model, typed_in, command):
    typed_in(b"")
    done = cli(*command)

    assert (done.code, done.out, done.err) == (0, "", "")


@pytest.mark.parametrize("command", [("score", "German"), ("classify",)])
def test_names_of_which_nothing_remains_are_left_out_with_a_note(cli, model, typed_in, command):
    typed_in("Ba\n45\n\udcff7\nA8b\n".encode(errors="surrogateescape"))
    done = cli(*command)

    assert [line.split("\t")[0] for line in done.out.splitlines()] == ["Ba", "A8b"]
    assert done.code == 0
    assert done.err.splitlines() == [
        "Dropped 5 characters outside the model's alphabet.",
        "Left out 2 names of which nothing remained.",
    ]


@pytest.mark.parametrize("command", [("score", "German"), ("classify",)])
def test_a_line_that_is_no_name_is_one_clear_line(cli, model, typed_in, command):
    for data in (b"a" * 2000 + b"\n", b"a" * 10**6):
        typed_in(data)
        done = cli(*command)

        assert is_one_error(done, 1)
        assert "a line" in done.err


def test_a_name_with_tabs_stays_in_one_column(cli, model):
    assert cli("score", "German", "A\tb").out.count("\t") == 2


def test_with_one_category_it_may_be_left_out(cli, cache):
    a_model(("Elves",)).save(cached_location("default").model)

    without, given = cli("score", "Ba", "Ab"), cli("score", "elves", "Ba", "Ab")
    assert without.out == given.out
    assert len(given.out.splitlines()) == 2


def test_an_unknown_category_gets_a_suggestion_before_names_are_read(cli, model):
    done = cli("score", "Germn")

    assert is_one_error(done, 2)
    assert "did you mean German?" in done.err


@pytest.mark.parametrize("command", [("score", "German", "Ba"), ("classify", "Ba")])
def test_a_model_whose_training_has_not_finished_comes_with_a_note(cli, model, command):
    training = dataclasses.replace(model.training, iterations=1000)
    so_far = dataclasses.replace(model, training=training, iterations=640)
    Checkpoint(so_far, {"position": np.zeros(1)}).save(cached_location("half").checkpoint)
    done = cli(*command, "--model", "half")

    assert done.code == 0
    assert "after 640 of 1,000 iterations" in done.err


@pytest.mark.parametrize("command", [("score", "German"), ("classify",)])
def test_each_line_is_answered_as_it_comes(model, command):
    with subprocess.Popen(
        [*NAMEGEN, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        for name in ("Ba", "Ab"):
            process.stdin.write(f"{name}\n")
            assert process.stdout.readline().startswith(f"{name}\t")
        process.stdin.close()
        assert process.wait(10) == 0


@pytest.mark.parametrize("command", [("score", "German"), ("classify",)])
def test_a_closed_pipe_is_quiet(model, command):
    with (
        subprocess.Popen(["yes", "Ba"], stdout=subprocess.PIPE) as names,
        subprocess.Popen(
            [*NAMEGEN, *command], stdin=names.stdout, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process,
    ):
        names.stdout.close()
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(30) == 141


@pytest.mark.parametrize(
    ("command", "head"),
    [
        (("score", "German"), ["name", "log-probability", "perplexity"]),
        (("classify", "-n", "1"), ["name", "1.", "probability"]),
    ],
)
def test_a_terminal_gets_a_table(cli, model, terminal, monkeypatch, command, head):
    from namegen.cli import main

    out, err = terminal(80)
    assert main([*command, "Ba", "Ab"]) == 0
    lines = out.text().splitlines()
    assert lines[0].split() == head
    assert [line.split()[0] for line in lines[2:]] == ["Ba", "Ab"]
    assert err.text() == ""


# namegen classify


@pytest.mark.parametrize("prior", ["uniform", "data"])
def test_categories_come_most_probable_first_with_their_probabilities(cli, cache, prior):
    made = a_model(begins=[[0, 0, 3, 1, 0, 0], [0, 0, 30, 10, 0, 0]])
    made.save(cached_location("default").model)
    done = cli("classify", "Bbbb", "Aaa", "--prior", prior)

    exact = classify(made, ["Bbbb", "Aaa"], prior)
    for line, row in zip(done.out.splitlines(), exact.probabilities, strict=True):
        _, *cells = line.split("\t")
        best_first = sorted(zip(made.categories, row, strict=True), key=lambda pair: -pair[1])
        assert cells == [cell for category, p in best_first for cell in (category, f"{p:.4f}")]


def test_three_categories_are_shown_unless_told_otherwise(cli, cache):
    a_model(("A", "B", "C", "D", "E")).save(cached_location("default").model)

    assert cli("classify", "Ba").out.count("\t") == 6
    assert cli("classify", "Ba", "-n", 1).out.count("\t") == 2
    assert cli("classify", "Ba", "-n", 9).out.count("\t") == 10


def test_as_json_there_are_all_categories_in_order_and_they_add_up_to_one(cli, cache):
    a_model(("A", "B", "C", "D", "E")).save(cached_location("default").model)
    found = json.loads(cli("classify", "Bübb", "-f", "jsonl").out)

    assert found["name"] == "Bübb"
    assert set(found["categories"]) == set("ABCDE")
    assert list(found["categories"].values()) == sorted(found["categories"].values(), reverse=True)
    assert sum(found["categories"].values()) == pytest.approx(1)


@pytest.mark.parametrize("wrong", [("--prior", "flat"), ("-n", "0"), ("--format", "xml")])
def test_a_wrong_option_is_wrong_usage(cli, model, wrong):
    assert is_one_error(cli("classify", "Ba", *wrong), 2)


# namegen evaluate

SEEN = {"English": ["Aa", "Ab", "Abb"], "German": ["Ba", "Bbb", "Bab"]}
UNSEEN = {"English": ["Aab"], "German": ["Bb", "Bba"]}


@pytest.fixture
def seen(cache):
    """The model, as if it had been trained on the names that it has seen."""
    begins = [[0, 0, 3, 1, 0, 0]] * 2
    config = training_config(hidden_size=16, iterations=1)
    made = make_model(config, letters=LETTERS, categories=("English", "German"), first_letters=begins)
    made.weights.update({name: 0.2 * weight for name, weight in made.weights.items()})  # all letters come often
    made = dataclasses.replace(made, name_hashes=np.unique(Dataset.from_names(SEEN).hashes))
    made.save(cached_location("default").model)
    return made


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
    assert done.err.splitlines() == ["Scored 3 of 9 names of names: those that the model was not trained on."]


def test_an_evaluation_as_json_is_the_librarys(cli, seen, names):
    done = cli("evaluate", "--data", names, "-n", 50, "--seed", 3, "-t", 0.5, "--top-k", 3, "-f", "json")

    dataset = load_dataset(names, alphabet=seen.alphabet)
    assert json.loads(done.out) == evaluate(seen, dataset, count=50, seed=3, temperature=0.5, top_k=3).as_dict()


def test_an_evaluation_on_all_names_says_so(cli, seen, names):
    done = cli("evaluate", "--data", names, "-n", 0, "--all", "-f", "json")

    assert json.loads(done.out)["names"] == 9
    assert done.err.splitlines() == ["Scored all 9 names of names."]


def test_an_evaluation_without_unseen_names_says_what_to_do(cli, seen, tmp_path):
    (tmp_path / "German.txt").write_text("Ba\nBbb\n", encoding="utf-8")
    done = cli("evaluate", "--data", tmp_path / "German.txt", "-n", 10)

    assert done.code == 0
    assert "No loss: " in done.err
    assert "--all" in done.err
    assert "No judge: " in done.err
    assert [row.split("\t")[2] for row in done.out.splitlines()[1:]] == ["-"] * 3


def test_an_evaluation_can_be_a_picture_too(cli, seen, names, tmp_path):
    done = cli("evaluate", "--data", names, "-n", 10, "-o", tmp_path / "good.svg")

    assert (done.code, len(done.out.splitlines())) == (0, 5)
    assert "Evaluation of default" in (tmp_path / "good.svg").read_text(encoding="utf-8")
    assert done.err.splitlines()[-1] == f"Drawn into {tmp_path / 'good.svg'}."


def test_a_picture_that_cannot_be_drawn_is_refused_before_anything_is_measured(cli, seen, names):
    done = cli("evaluate", "--data", names, "-o", "good.jpg")

    assert is_one_error(done, 2)


def test_the_data_of_an_evaluation_are_those_of_the_training_if_they_have_a_name(cli, cache):
    starter = open_dataset("starter")
    known = starter.hashes[::2]
    made = make_model(
        training_config(hidden_size=4),
        letters=starter.alphabet.letters,
        categories=starter.categories,
        first_letters=starter.first_letter_counts,
    )
    made = dataclasses.replace(made, dataset="starter", name_hashes=np.unique(known))
    made.save(cached_location("default").model)
    done = cli("evaluate", "-n", 0, "-f", "json")

    assert json.loads(done.out)["names"] == np.count_nonzero(~np.isin(starter.hashes, known))


def test_data_that_only_the_user_has_must_be_given(cli, seen):
    done = cli("evaluate")

    assert is_one_error(done, 2)
    assert "--data" in done.err


def test_a_model_is_named_to_be_evaluated_as_to_be_plotted(cli, seen, names):
    seen.save(cached_location("other").model)

    assert cli("evaluate", "other", "--data", names, "-n", 0).code == 0
    assert is_one_error(cli("evaluate", "none", "--data", names), 1)


@pytest.mark.parametrize("wrong", [("-n", "-1"), ("--seed", "-1"), ("-t", "-1"), ("--top-p", "2")])
def test_a_number_out_of_its_range_is_wrong_usage(cli, seen, names, wrong):
    assert is_one_error(cli("evaluate", "--data", names, *wrong), 2)


def test_an_unfinished_run_cannot_be_evaluated(cli, model, names):
    training = dataclasses.replace(model.training, iterations=1000)
    so_far = dataclasses.replace(model, training=training, iterations=640)
    Checkpoint(so_far, {"position": np.zeros(1)}).save(cached_location("half").checkpoint)
    done = cli("evaluate", "half", "--data", names)

    assert is_one_error(done, 1)
    assert "--resume" in done.err
