"""Every picture of the tutorial can be redrawn by its script, is small, and shows what the page says of it."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from functools import partial

import numpy as np
import pytest

from namegen import Dataset
from namegen.recipes import training_config
from support import REPOSITORY, make_model

SCRIPTS = REPOSITORY / "scripts" / "docs" / "pictures"
PAGE = (REPOSITORY / "docs" / "tutorial.md").read_text(encoding="utf-8")
SHOWN = dict(re.findall(r"!\[([^\]]*)\]\(pictures/(\w+)\.svg\)", PAGE))
SHOWN = {picture: alt for alt, picture in SHOWN.items()}
PICTURES = REPOSITORY / "docs" / "pictures"
COMMITTED = sorted(file.stem for file in PICTURES.glob("*.svg"))


@pytest.fixture(scope="module")
def scripts():
    """Imports a script by its name, as a run of draw.py would."""
    before = set(sys.modules)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SCRIPTS))
        yield importlib.import_module
    for name in set(sys.modules) - before:
        if (SCRIPTS / f"{name}.py").exists():
            del sys.modules[name]


@pytest.fixture(scope="module")
def hasty(scripts):
    """Models that have hardly been trained."""
    models = scripts("models")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models, "_DRAWN", 1)
        patch.setattr(models, "_LOOKS", 4)
        patch.setattr(scripts("dropout_trick"), "_DRAWN", 100)
        yield models.Models(1_000)


def text_of(picture):
    """Return the text of a committed picture."""
    return [element.text for element in ET.parse(PICTURES / f"{picture}.svg").iter("{http://www.w3.org/2000/svg}text")]


def test_the_page_shows_every_picture_that_there_is_and_each_is_made_by_a_script(scripts):
    assert sorted(SHOWN) == COMMITTED == sorted(scripts("draw").PICTURES)
    assert len(COMMITTED) >= 8


@pytest.mark.slow
@pytest.mark.parametrize("picture", COMMITTED)
def test_a_script_makes_its_picture_and_the_same_bytes_again(picture, scripts, hasty, tmp_path):
    script, write = scripts(picture), scripts("canvas").write

    for name in ("one.svg", "two.svg"):
        write(tmp_path / name, script.HEIGHT, partial(script.draw, models=hasty))

    drawn = (tmp_path / "one.svg").read_bytes()
    assert drawn == (tmp_path / "two.svg").read_bytes()
    assert ET.fromstring(drawn).tag.endswith("svg")
    assert b"NaN" not in drawn


@pytest.mark.slow
def test_the_script_makes_the_pictures_that_it_is_asked_for(tmp_path):
    def run(*arguments):
        line = [sys.executable, str(SCRIPTS / "draw.py"), *arguments, "--folder", str(tmp_path)]
        return subprocess.run(line, capture_output=True, text=True, check=False)

    assert run("temperature").stdout == "temperature.svg\n"
    assert [file.name for file in tmp_path.iterdir()] == ["temperature.svg"]
    wrong = run("sunset")
    assert wrong.returncode == 2
    assert "no picture 'sunset'" in wrong.stderr


@pytest.mark.parametrize("picture", COMMITTED)
def test_a_picture_is_small_plain_and_has_a_ground_of_its_own(picture):
    svg = (PICTURES / f"{picture}.svg").read_text(encoding="utf-8")

    assert len(svg) < 100_000
    assert set(re.findall(r"font-family: ([^;\"]*)", svg)) == {"sans-serif"}
    assert not re.search(r"(href|src)=\"(?!#)|url\((?!#)|@import|<script|<image|dc:date", svg)
    assert "fill: #ffffff" in svg[: svg.index("axes_1")]


@pytest.mark.parametrize("picture", COMMITTED)
def test_who_cannot_see_a_picture_is_told_what_it_shows(picture):
    assert len(SHOWN[picture]) > 100


@pytest.mark.parametrize(
    ("picture", "facts"),
    [
        ("unrolled", ["13%", "21%", "25%", "12%"]),
        ("losses", ["2.13", "1.85"]),
        ("unrolled_gru", ["17%", "57%", "97%", "35%", "21%", "37%", "48%", "73% kept", "42% kept"]),
        ("changes", ["2.13", "2.07", "2.05", "1.99", "1.91", "1.90", "1.85"]),
        ("states", ["first direction (11% of all variance)", "second direction (8%)"]),
        ("units", ["unit 111", "unit 30", "39%", "93%", "32%", "83%", "19%", "58%"]),
        ("languages", ["first direction (16% of all variance)", "second direction (15%)"]),
        ("temperature", ["40", "36", "17", "25", "24", "16"]),
        ("dropout_trick", ["9,130 different names", "131 different names", "5,883", "90%"]),
        ("overfitting", ["1.99", "1.85", "76%", "35%"]),
    ],
)
def test_a_picture_shows_the_figures_that_the_page_tells(picture, facts):
    """If redrawn pictures differ, the page must change too."""
    assert set(facts) <= set(text_of(picture))
    for fact in facts:
        figure = re.search(r"\d[\d.,]*", fact)[0]
        assert re.search(rf"(?<![\d.]){re.escape(figure)}(?![\d])", PAGE), fact


def test_what_is_read_is_what_the_network_says(scripts):
    model = make_model(training_config(hidden_size=16, iterations=1), letters="ab", categories=("X", "Y"))
    reading = scripts("reading").read(model, "Y", "aba")

    assert reading.inputs == ["SOS", "a", "b", "a"]
    assert reading.states.shape == (5, 16)
    np.testing.assert_allclose(reading.probabilities.sum(axis=1), 1)
    from namegen.evaluation.classify import score

    taken = [reading.probabilities[row, output] for row, output in enumerate([0, 1, 0, 2])]
    assert np.log(taken).sum() == pytest.approx(score(model, "Y", ["aba"]).log_probabilities[0], rel=1e-4)


def test_what_a_gru_keeps_is_its_update_gate(scripts):
    """New state = z old + (1 - z) n with z the same everywhere and n = 0: then the states tell what z is."""
    model = make_model(training_config(hidden_size=16, iterations=1), letters="ab")
    for name, weight in model.weights.items():
        if name not in {"category_state.weight", "recurrent.weight"}:
            weight[:] = 0
    model.weights["recurrent.weight"][:] = 0
    model.weights["recurrent.bias"][16:32] = 1.0
    reading = scripts("reading").read(model, "X", "ab")

    shares = scripts("reading").kept(model, "X", reading)

    np.testing.assert_allclose(reading.states[1:], reading.states[:-1] * shares[:, None], atol=1e-6)


def test_the_states_of_many_names_are_those_of_each(scripts):
    model = make_model(training_config(hidden_size=16, iterations=1), letters="abe", categories=("X", "Y"))
    names = Dataset.from_names({"X": ["ab", "bea"], "Y": ["e"]}, alphabet=model.alphabet)

    found = scripts("states").states_of(model, names)

    order = np.lexsort((found.left, found.place))
    assert found.place[order].tolist() == [1, 1, 1, 2, 2, 3]
    assert found.left[order].tolist() == [0, 1, 2, 0, 1, 0]
    assert found.vowel.sum() == 4
    each = [scripts("reading").read(model, c, n).states[2:] for c in names.categories for n in names.names(c)]
    expected = np.concatenate(each)
    np.testing.assert_allclose(np.sort(found.states, axis=0), np.sort(expected, axis=0), atol=1e-5)


def test_a_probe_explains_what_is_linear_and_nothing_of_what_is_chance(scripts):
    rng = np.random.default_rng(0)
    explained = scripts("units")._explained
    known, unseen = rng.normal(size=(2, 2000, 3)).astype(np.float32)
    weights = np.array([1.0, -2.0, 0.5])

    assert explained(known, known @ weights + 3, unseen, unseen @ weights + 3) == pytest.approx(1, abs=1e-3)
    assert explained(known, rng.normal(size=2000), unseen, rng.normal(size=2000)) == pytest.approx(0, abs=0.01)
