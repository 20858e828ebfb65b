"""Check the benchmarks: the baselines are what the pages say, and the pages show what was measured."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
import sys

import numpy as np
import pytest
import torch

from namegen import load_dataset, sample
from namegen.datasets.alphabet import Alphabet
from namegen.datasets.dataset import Dataset
from namegen.models.networks import TutorialRNN
from namegen.models.ngram import NGram
from namegen.recipes import training_config
from namegen.training.optimize import TutorialLearner
from support import REPOSITORY, make_bigram_model, make_model

BENCHMARKS = REPOSITORY / "benchmarks"


def load(name, monkeypatch):
    spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.syspath_prepend(BENCHMARKS)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tutorial_loop(monkeypatch):
    return load("tutorial_loop", monkeypatch)


def test_a_step_of_the_plain_tutorial_loop_is_a_step_of_the_recipe(tutorial_loop):
    names = Dataset.from_names({"X": ["Anna"], "Y": ["Dieter"]})
    config = training_config("tutorial", dropout=0.0, iterations=1)
    torch.manual_seed(0)
    plain = tutorial_loop.PlainRNN(2, 59)
    assert plain.dropout.p == 0.1
    plain.dropout.p = 0.0
    ours = TutorialRNN(config, 2, 59)
    ours.load_state_dict(plain.state_dict())
    learner = TutorialLearner(ours, names, config)

    loss = tutorial_loop.step(plain, 2, 1, names.alphabet.encode("Dieter").tolist(), 58)

    assert learner.learn(np.array([1]), 0).item() == pytest.approx(loss, rel=1e-5)
    for name, parameter in plain.named_parameters():
        np.testing.assert_allclose(learner.weights()[name], parameter.detach().numpy(), atol=1e-6)


def test_the_plain_loop_takes_one_step_a_name_of_any_category(tutorial_loop, monkeypatch):
    steps = []
    monkeypatch.setattr(
        tutorial_loop, "step", lambda *given, real=tutorial_loop.step: steps.append(given[2:4]) or real(*given)
    )
    tutorial_loop.random.seed(1)
    names = [[[0, 1, 2]], [[3, 3], [2, 1, 0]]]
    tutorial_loop.train(names, 58, 40)

    assert len(steps) == 40
    assert {(category, tuple(letters)) for category, letters in steps} == {
        (0, (0, 1, 2)),
        (1, (3, 3)),
        (1, (2, 1, 0)),
    }


def test_the_plain_sampler_draws_what_the_recipe_draws(tutorial_loop):
    model = make_model(training_config("tutorial"), letters="abcdef", categories=("X", "Y"))
    plain = tutorial_loop.PlainRNN(2, 7)
    plain.load_state_dict({name: torch.from_numpy(weight) for name, weight in model.weights.items()})
    plain.dropout.p = 0.0

    sampled = [tutorial_loop.sample(plain, 2, 1, [start], 6) for start in range(6)]

    assert [model.alphabet.decode(name) for name in sampled] == sample(
        model, "Y", "abcdef", temperature=0.0, dropout=0.0
    )


def test_the_parts_that_are_written_are_those_of_the_protocol(tmp_path, monkeypatch):
    protocol = load("protocol", monkeypatch)
    source, written = tmp_path / "source", tmp_path / "written"
    source.mkdir()
    written.mkdir()
    names = [f"Name{chr(97 + i)}{chr(97 + j)}" for i in range(26) for j in range(10)]
    (source / "X.txt").write_text("\n".join([*names, names[0], "Müller"]), encoding="utf-8")

    protocol.write_parts(source, written)

    kept, held_out = ((written / part / "X.txt").read_text().splitlines() for part in ("training", "test"))
    assert sorted(kept + held_out) == sorted([*names, names[0], "Muller"])
    for part, wanted in ((kept, False), (held_out, True)):
        for name in part:
            digest = hashlib.sha256(name.encode()).digest()
            assert (int.from_bytes(digest[:8], "big") / 2**64 >= 0.9) is wanted
    assert held_out


def test_makemores_split_is_the_permutation_that_makemore_draws(data_dir, monkeypatch):
    protocol = load("protocol", monkeypatch)
    path = data_dir / "makemore" / "names.txt"
    training, test = protocol.makemore_parts(load_dataset(path, keep_repeats=True))

    words = path.read_text(encoding="utf-8").split()
    torch.manual_seed(3407)
    order = torch.randperm(len(words)).tolist()
    assert len(training) == 31_033
    assert len(test) == 1_000
    assert training.names("names") == [words[index] for index in sorted(order[:31_033])]
    assert test.names("names") == [words[index] for index in sorted(order[31_033:])]


def test_makemores_split_wants_the_repeats_of_its_file(monkeypatch):
    protocol = load("protocol", monkeypatch)

    with pytest.raises(ValueError, match="has 32,033 names with repeats, not 2"):
        protocol.makemore_parts(Dataset.from_names({"names": ["emma", "ava"]}))


@pytest.mark.parametrize("sos", [True, False])
def test_makemores_loss_counts_the_first_letter_and_the_end(sos, monkeypatch):
    protocol = load("protocol", monkeypatch)
    table = np.array([[0.5, 0.2, 0.3], [0.1, 0.3, 0.6], [0.7, 0.2, 0.1]])  # after a, b, SOS: a, b, EOS
    model = make_bigram_model(np.log(table), sos=sos, first_letters=[[7, 2]])
    names = Dataset.from_names({"X": ["ab", "b"]}, alphabet=model.alphabet)

    first = {"a": 0.7, "b": 0.2} if sos else {"a": 7 / 9, "b": 2 / 9}
    shares = [first["a"], 0.2, 0.6, first["b"], 0.6]
    assert protocol.makemore_loss(model, names) == pytest.approx(-np.log(shares).mean(), rel=1e-6)


@pytest.fixture
def baselines(monkeypatch):
    for name in ("protocol", "tutorial_loop"):
        load(name, monkeypatch)
    return load("baselines", monkeypatch)


def test_the_loss_of_an_ngram_counts_from_the_second_letter_on(baselines):
    names = Dataset.from_names({"One": ["ab", "b"], "Two": ["ba"], "Zero": ["a"]}, alphabet=Alphabet(tuple("ab")))
    ngram = NGram.fit(names, 2)
    score = baselines.ngram_likelihood(ngram, names.select(names.category_of < 2))

    def nats(category, *pairs):
        own = ngram.select(category)
        return -own.score(own.find(np.array(pairs)[:, :1]), np.array(pairs)[:, 1]).sum()

    assert score.categories == ("One", "Two")
    assert score.letters.tolist() == [3, 2]
    assert score.nats == pytest.approx([nats(0, (0, 1), (1, 2), (1, 2)), nats(1, (1, 0), (0, 2))], rel=1e-6)


def test_drawn_names_are_counted_as_novel_distinct_and_right(baselines):
    training = Dataset.from_names({"One": ["aaaa", "aaa"], "Two": ["bbbb", "bbb"]}, alphabet=Alphabet(tuple("ab")))
    figures = baselines.sample_figures(NGram.fit(training, 3), training, ["aa", "aa", "bbb", "aaaaa", ""], 0)

    assert figures == {"made": 0.8, "novel": 0.75, "unique": 0.75, "right": 0.75}


def test_a_classifier_of_names_is_right_by_category_and_over_all_names(baselines):
    training = Dataset.from_names({"One": ["aaaa", "aaa"], "Two": ["bbbb"]}, alphabet=Alphabet(tuple("ab")))
    names = Dataset.from_names({"One": ["aa", "aaaaa", "bb"], "Two": ["bbb"]}, alphabet=Alphabet(tuple("ab")))
    figures = baselines.accuracy(NGram.fit(training, 3), training, names)

    assert list(figures.values()) == pytest.approx([(2 / 3 + 1) / 2, 3 / 4])


def test_the_page_of_benchmarks_shows_the_results_that_were_measured(monkeypatch):
    report = load("report", monkeypatch)
    results = json.loads((BENCHMARKS / "results.json").read_text(encoding="utf-8"))
    page = (REPOSITORY / "docs" / "benchmarks.md").read_text(encoding="utf-8")

    assert report.page(page, results) == page, "regenerate it with `python benchmarks/report.py`"
    assert len(results["rows"]) == 20


def test_rows_that_were_measured_alone_take_their_places_and_say_when(monkeypatch):
    suite, report = load("suite", monkeypatch), load("report", monkeypatch)
    results = json.loads((BENCHMARKS / "results.json").read_text(encoding="utf-8"))
    names = [row["name"] for row in results["rows"]]
    some = {"machine": {"date": "2031-07-01"}, "rows": [row | {"unit": "h"} for row in results["rows"][3:6]]}
    some["rows"][1]["name"] = "new"

    merged = suite.merged(results, some)
    assert [row["name"] for row in merged["rows"]] == [*names[:4], "new", names[5], names[4], *names[6:]]
    assert [row["unit"] for row in merged["rows"][3:6]] == ["h"] * 3
    assert merged["machine"] == results["machine"]
    assert f"2031-07-01: {names[3]}, new, {names[5]}.\n" in report.table(merged)


def test_the_page_on_many_machines_shows_what_two_processes_gained(monkeypatch):
    load("suite", monkeypatch)
    processes = load("processes", monkeypatch)
    results = json.loads((BENCHMARKS / "processes.json").read_text(encoding="utf-8"))
    page = (REPOSITORY / "docs" / "many-machines.md").read_text(encoding="utf-8")

    assert processes.table(results) in page, "regenerate it with `python benchmarks/processes.py --table`"
    assert [(row["hidden"], row["batch"]) for row in results["rows"]] == [size[:2] for size in processes.SIZES]


def test_the_page_on_many_machines_estimates_a_trillion_names_from_the_measured_speed(monkeypatch):
    scale = load("scale", monkeypatch)
    results, sizes = (
        json.loads((BENCHMARKS / f"{name}.json").read_text(encoding="utf-8")) for name in ("results", "scale")
    )
    page = (REPOSITORY / "docs" / "many-machines.md").read_text(encoding="utf-8")

    assert scale.page(page, results, sizes) == page, "regenerate it with `python benchmarks/scale.py`"
    speed = [{"name": scale.ROW, "ours": [1e5, 2e5, 3e6], "date": "2031-07-01"}]
    table = scale.table(results | {"rows": speed}, {"bytes": 8.0, "compressed": 2.0})
    assert "| 1,389 core hours |" in table  # 10**12 / 200,000 / 3600
    assert "| time on 1,000 cores | 1.4 hours |" in table
    assert "| text | 8.0 TB, 8.0 GB per shard |" in table
    assert scale.measure(2000)["bytes"] == pytest.approx(sizes["bytes"], rel=0.05)


@pytest.mark.slow
def test_the_benchmark_of_a_gpu_measures_everything_and_fills_the_page(tmp_path, monkeypatch):
    gpu = load("gpu", monkeypatch)
    results = gpu.measure(torch.device("cpu"), gpu.SMALL, tmp_path / "gpu.json")

    assert json.loads((tmp_path / "gpu.json").read_text(encoding="utf-8")) == results
    for precision in gpu.PRECISIONS:
        figures = results["sampling"][precision]
        assert figures["different names"] <= 1
        assert min(figures["sampler names/s"], figures["filtered names/s"]) > 0
    assert [set(part) for part in results["training"].values()] == [{"device", "cpu"}] * 2
    page = (REPOSITORY / "docs" / "gpu.md").read_text(encoding="utf-8")
    text = gpu.page(page, results)
    assert gpu.table(results) in text
    assert gpu.page(text, results) == text
    assert text.partition(gpu.BEGIN)[0] == page.partition(gpu.BEGIN)[0]
    if not (BENCHMARKS / "gpu.json").exists():
        assert "The script has not run on a GPU yet." in page


@pytest.fixture
def quality_modules(monkeypatch):
    return {name: load(name, monkeypatch) for name in ("protocol", "few_names", "figures", "realness")}


def test_the_page_on_quality_has_the_tables_of_the_figures_that_were_measured(quality_modules):
    page = (REPOSITORY / "docs" / "quality.md").read_text(encoding="utf-8")
    made = {}
    for name in ("figures", "realness"):
        made |= quality_modules[name].tables(json.loads((BENCHMARKS / f"{name}.json").read_text(encoding="utf-8")))

    assert set(made) == set(re.findall(r"<!-- (\w+): by make quality -->", page))
    for name, table in made.items():
        assert f"<!-- {name}: by make quality -->\n{table}\n<!-- end of {name} -->" in page


def test_a_judge_accepts_names_by_their_mean_log_probability_per_letter(quality_modules):
    realness = quality_modules["realness"]
    names, yardstick = ["Anna", "Annika", "Anneli", "Hanna", "Johanna"], ["Anni", "Hannele", "Xqz"]
    judge = realness.Judge.fit(names, yardstick)
    ngram = NGram.fit(Dataset.from_names({"X": names}), 4).select(0)

    def score(name):  # letter by letter
        letters, nats = judge.alphabet.encode(name).tolist(), 0.0
        end = judge.alphabet.boundary_id
        for index, letter in enumerate([*letters, end]):
            before = ([end + 1, end + 1, end, *letters])[index : index + 3][::-1]
            nats += np.log(ngram.probabilities(ngram.find(np.array([before])))[0, letter])
        return nats / (len(letters) + 1)

    scores = sorted(score(name) for name in yardstick)
    assert judge.score(yardstick) == pytest.approx([score(name) for name in yardstick])
    assert judge.accepted == pytest.approx(scores[0] + 0.66 * (scores[1] - scores[0]))
    assert judge.bad == pytest.approx(scores[0] + 0.06 * (scores[1] - scores[0]))


def test_repeated_known_and_missing_names_are_rated_as_such(quality_modules):
    realness = quality_modules["realness"]
    judge = realness.Judge.fit(["Anna", "Annika", "Hanna"], ["Anni", "Hannele", "Johanna"])
    rating = realness.rate(judge, ["Anna", "Hannika", "Hannika", "Qxz", ""], {"Anna"})

    assert rating == realness.Rating(accepted=0.5, bad=0.5, novel=0.75, unique=0.6, distinct_novel=2)
    assert realness.rate(None, ["", ""], {"Anna"}) == realness.Rating(None, None, None, 0.0, 0)
    assert realness.mean_rating([rating, realness.Rating(None, None, None, 0.0, 0)]) == realness.Rating(
        accepted=0.5, bad=0.5, novel=0.75, unique=0.3, distinct_novel=1
    )
