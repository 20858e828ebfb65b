"""The included model: its training, its card, and the script that makes it."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
from typing import TYPE_CHECKING

import pytest

from namegen import paths
from namegen.config import Distillation, fit_to_data
from namegen.datasets.catalogue import CATALOGUE
from namegen.datasets.dataset import Dataset
from namegen.datasets.download import download
from namegen.datasets.open import open_dataset
from namegen.evaluation.metrics import evaluate
from namegen.io.safetensors import open_safetensors
from namegen.models.store import included_location, load_model
from namegen.recipes import RECIPES, training_config
from support import REPOSITORY

if TYPE_CHECKING:
    from types import ModuleType

    from namegen.models.model import Model


@pytest.fixture(scope="module")
def model() -> Model:
    return included_location("pretrained").load()


@pytest.fixture
def script(monkeypatch) -> ModuleType:
    """The script that makes it."""
    monkeypatch.syspath_prepend(REPOSITORY / "benchmarks")
    spec = importlib.util.spec_from_file_location("pretrained", REPOSITORY / "benchmarks" / "pretrained.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def figure(card: str, what: str) -> float:
    """A figure from the card's own table."""
    return float(re.search(rf"^\| {what} \| ([\d.]+) \|$", card, re.MULTILINE)[1])


def unit(name: str) -> float:
    """Return the number that decides the split in docs/quality.md."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2**64


def test_it_is_one_finished_network_of_the_best_recipe_with_fewer_units_on_the_surnames_of_the_catalogue(model):
    assert model.finished
    config = training_config("best", seed=1, hidden_size=192)
    assert model.training == fit_to_data(config, model.counts.tolist())
    assert (model.threads, model.device) == (1, "cpu")
    assert model.sampling == RECIPES["best"].sampling
    assert set(model.categories) == {file.removesuffix(".txt") for file in CATALOGUE["surnames"].files}
    assert (model.dataset, model.dataset_verified) == ("surnames", True)


def test_its_file_is_small_and_in_half_precision():
    assert paths.PRETRAINED_FILE.stat().st_size <= 4 * 2**20
    with open_safetensors(paths.PRETRAINED_FILE) as file:
        assert not any(name.startswith("state.") for name in file.names)
        assert all(file.read(name, ("F16",)).size for name in file.names if name.startswith("network."))


def test_its_card_names_the_data_their_licence_and_what_was_done(model):
    repository, commit = "https://github.com/spro/practical-pytorch", "a7c4ecdc500a7b49d19d72b4cd76dc4b8d36acfe"
    trained_on = int(model.counts.sum())
    assert (REPOSITORY / "docs" / "model-card.md").read_text(encoding="utf-8") == model.card
    for fact in (repository, commit, "data/names", "MIT", "Sean Robertson", "`best`", f"{trained_on:,}"):
        assert fact in model.card
    assert commit in CATALOGUE["surnames"].url
    for category, count in zip(model.categories, model.counts.tolist(), strict=True):
        assert f"| {category} | {count:,} |" in model.card


@pytest.fixture
def surnames(data_dir):
    """The surnames, as `namegen download` puts them into the cache."""
    download(source=str(data_dir / "surnames"))
    return open_dataset("surnames")


def test_it_was_trained_on_the_names_of_the_protocol_and_on_no_other(model, surnames):
    names = [(category, name) for category in surnames.categories for name in surnames.names(category)]
    below = {name for _, name in names if unit(name) < 0.9}
    hashes = sorted(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") for name in below)
    assert model.name_hashes.tolist() == hashes
    for category, count in zip(model.categories, model.counts.tolist(), strict=True):
        assert count == sum(name in below for of, name in names if of == category)


def test_evaluate_scores_by_default_exactly_the_names_that_it_was_not_trained_on(cli, model, surnames):
    scored = cli("evaluate", "pretrained", "-n", 0, "--format", "json")
    figures = json.loads(scored.out)
    for category in model.categories:
        assert figures["categories"][category]["names"] == sum(unit(n) >= 0.9 for n in surnames.names(category))
    assert (figures["names"], figures["data_names"]) == (1_783, 17_986)
    assert figure(model.card, "loss, macro") == pytest.approx(figures["macro"], abs=0.001)
    assert figure(model.card, "loss, micro") == pytest.approx(figures["micro"], abs=0.001)


def test_it_can_be_fine_tuned_and_the_result_has_no_card(cli, model, tmp_path):
    (tmp_path / "Elvish.txt").write_text("Aelar\nElarian\nFaelivrin\nCaladwen\n", encoding="utf-8")
    added = cli("train", "--init", "pretrained", "--data", tmp_path / "Elvish.txt", "--model", "world", "--iters", 32)

    assert added.code == 0
    assert load_model("world").categories == (*model.categories, "Elvish")
    assert load_model("world").card == ""
    assert [name[0] for name in cli("sample", "Elvish", "EL", "--model", "world").out.splitlines()] == ["E", "L"]


def test_the_script_writes_a_card_with_the_figures_of_its_model(script, tmp_path, monkeypatch):
    monkeypatch.setattr(script, "SAMPLED", 5)
    starter = open_dataset("starter")
    few = Dataset.from_names({category: starter.names(category) for category in ("German", "Greek")})
    teachers = Distillation(teachers=1, ngram_order=2)
    config = training_config("best", hidden_size=4, iterations=300, batch_size=32, distillation=teachers)
    script.pretrain(few, config).save(tmp_path / "m.safetensors", half=True)
    made = load_model(tmp_path / "m.safetensors")
    found = evaluate(made, few, count=5)

    assert found.names == sum(unit(name) >= 0.9 for category in few.categories for name in few.names(category))
    assert figure(made.card, "loss, macro") == round(found.macro, 3)
    assert figure(made.card, "loss, micro") == round(found.micro, 3)
    for category, of in found.categories.items():
        (row,) = re.findall(rf"^\| {category} \|.*$", made.card, re.MULTILINE)
        assert row.endswith(f"| {of.names:,} | {of.loss:.3f} | {of.novel:.3f} | {of.right:.3f} |")
    assert f"| {found.macro:.3f} | {found.novel:.3f} | {found.right:.3f} |\n" in made.card
