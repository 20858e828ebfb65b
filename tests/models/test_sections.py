"""The optional sections of a model file: they are read back as written, and nothing malformed is accepted."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from model_files import memory_at_most, with_facts, with_tensors
from namegen.datasets.dataset import Dataset
from namegen.errors import ModelFileError
from namegen.models.mixture import Mixture, Weights
from namegen.models.ngram import NGram
from namegen.models.plausibility import Plausibility
from namegen.models.serialization import load_model_file
from namegen.sampling.generate import sample
from support import make_model

NAMES = {"X": ["ab", "abba", "b", "bab", "aab"], "Y": ["ba", "bb", "bba", "a"]}


@pytest.fixture(params=["kneser-ney", "witten-bell"])
def model(request):
    model = make_model(letters="ab", categories=("X", "Y"), first_letters=[[3, 2], [1, 3]])
    names = Dataset.from_names(NAMES, alphabet=model.alphabet)
    mixture = Mixture(NGram.fit(names, 4, request.param), Weights(0.25, 2))
    return replace(model, mixture=mixture, plausibility=Plausibility.fit(names, 4))


@pytest.fixture
def path(model, tmp_path):
    model.save(tmp_path / "m")
    return tmp_path / "m"


def test_sections_are_read_back_as_they_were_written(model, path):
    read = load_model_file(path)

    assert read.mixture[1:] == model.mixture[1:]
    for part in ("letters", "counts", "first", "discounts"):
        np.testing.assert_array_equal(getattr(read.mixture.ngram, part), getattr(model.mixture.ngram, part))
    np.testing.assert_array_equal(read.plausibility.limits, model.plausibility.limits)
    options = {"count": 30, "seed": 1, "floor": 0.5, "ngram_share": 0.3}
    assert sample(read, "X+Y", **options) == sample(model, "X+Y", **options)


@pytest.mark.parametrize("half", [False, True])
def test_a_model_that_was_read_is_written_as_the_same_bytes(model, tmp_path, half):
    model.save(tmp_path / "first", half=half)
    load_model_file(tmp_path / "first").save(tmp_path / "second", half=half)

    assert (tmp_path / "second").read_bytes() == (tmp_path / "first").read_bytes()


@pytest.mark.parametrize("most", [2**8 - 1, 2**8, 2**16, 2**32, 10**12])
def test_counts_of_any_size_are_read_back(model, tmp_path, most):
    ngram = model.mixture.ngram
    counts = ngram.counts.copy()
    counts[0] = most
    replace(model, mixture=model.mixture._replace(ngram=replace(ngram, counts=counts))).save(tmp_path / "m")

    np.testing.assert_array_equal(load_model_file(tmp_path / "m").mixture.ngram.counts, counts)


def to_format_1(path):
    """Make a model file what namegen wrote before there were sections."""

    def change(facts):
        facts["format"] = 1
        del facts["sections"]
        for name in ("ngram_order", "ngram_share"):
            del facts["training"][name]
        for name in ("floor", "ngram_share"):
            del facts["sampling"][name]

    with_facts(path, change)


def test_files_of_format_1_stay_readable(path, model):
    plain = replace(model, mixture=None, plausibility=None)
    plain.save(path)
    to_format_1(path)
    read = load_model_file(path)

    assert (read.mixture, read.plausibility, read.sampling.floor, read.training.ngram_order) == (None, None, 0.0, None)
    assert sample(read, count=20, seed=1) == sample(plain, count=20, seed=1)


def test_an_unknown_section_that_is_required_is_refused_with_one_line(path):
    for name in ("masks", "\x1b[31m\n", "x" * 10**5):
        with_facts(path, lambda facts, name=name: facts["sections"].update({name: {"required": True}}))
        with pytest.raises(ModelFileError, match=r"has a section '.* that this version does not know; update") as error:
            load_model_file(path)
        assert str(error.value).startswith(str(path))
        assert str(error.value).isprintable()
        assert len(str(error.value)) < 150 + len(str(path))
        with_facts(path, lambda facts, name=name: facts["sections"].pop(name))
    load_model_file(path)


@pytest.mark.parametrize("required", [{}, {"required": 0}, {"required": None}, {"required": "no"}])
def test_an_unknown_section_is_required_unless_it_says_that_it_is_not(path, required):
    with_facts(path, lambda facts: facts["sections"].update(masks=required))
    with pytest.raises(ModelFileError, match="update namegen"):
        load_model_file(path)


def test_an_unknown_section_that_is_optional_is_ignored(path, model):
    with_facts(path, lambda facts: facts["sections"].update(masks={"required": False, "depth": [3]}))
    with_tensors(path, {"masks.rows": np.zeros(3)})

    assert sample(load_model_file(path), "X", count=20, seed=1) == sample(model, "X", count=20, seed=1)


def test_the_limits_may_be_missing(path):
    with_facts(path, lambda facts: facts["sections"].pop("plausibility"))
    read = load_model_file(path)

    assert read.mixture
    assert not read.plausibility


def set_weights(**weights):
    return lambda sections: sections["ngram"]["weights"].update(weights)


@pytest.mark.parametrize(
    "change",
    [
        *(set_weights(share=share) for share in (-0.1, 1.5, True, "x", None, [])),
        *(set_weights(sampled=share) for share in (-0.1, 1.5, True)),
        *(set_weights(pooled=share) for share in (-0.1, 1.5, True)),
        *(set_weights(min_context=length) for length in (-1, 16, 1.0, True, "x", [])),
        set_weights(unknown=1),
        *(
            lambda sections, key=key: sections["ngram"]["own"].update({key: {"share": 1, "min_context": 1}})
            for key in ("x", "-1", "9")
        ),
        lambda sections: sections["ngram"]["own"].update({"0": {"share": 2, "min_context": 1}}),
        lambda sections: sections["ngram"].pop("weights"),
        lambda sections: sections["ngram"].pop("own"),
        lambda sections: sections.pop("ngram"),  # which the limits need
        lambda sections: sections.update(ngram=[]),
        lambda sections: sections.update(plausibility=1),
    ],
)
def test_malformed_settings_are_refused(path, change):
    with_facts(path, lambda facts: change(facts["sections"]))
    with pytest.raises(ModelFileError, match=r"^[^\n]* is damaged: [^\n]*$"):
        load_model_file(path)


@pytest.mark.parametrize("sections", [[], "ngram", 1, None, {"ngram": None}])
def test_sections_that_are_not_a_list_of_sections_are_refused(path, sections):
    with_facts(path, lambda facts: facts.update(sections=sections))
    with pytest.raises(ModelFileError, match="is damaged: its sections are malformed"):
        load_model_file(path)


def set_value(value, *at):
    def change(array):
        array[at] = value
        return array

    return change


@pytest.mark.parametrize(
    ("tensor", "change"),
    [
        *((f"ngram.{name}", None) for name in ("letters", "counts", "first")),
        ("ngram.letters", lambda letters: letters.astype(np.float32)),
        ("ngram.letters", lambda letters: letters[:, 0]),
        ("ngram.letters", lambda letters: letters[:-1]),
        ("ngram.letters", lambda letters: letters[:, :0]),
        ("ngram.letters", lambda letters: np.repeat(letters, [1] * 3 + [14], axis=1)),
        ("ngram.letters", set_value(4, 0, 1)),  # outputs are a, b and the end, 3 is before the start
        ("ngram.letters", set_value(3, 0, 0)),
        ("ngram.counts", set_value(0, 0)),
        ("ngram.counts", lambda counts: counts[1:]),
        ("ngram.counts", lambda counts: counts.astype(np.int64)),
        ("ngram.counts", lambda counts: set_value(2**64 - 1, 0)(counts.astype(np.uint64))),
        ("ngram.counts", lambda counts: set_value(10**12 + 1, 0)(counts.astype(np.uint64))),
        ("ngram.first", lambda first: first[1:]),
        ("ngram.first", set_value(1, 0)),
        ("ngram.first", set_value(10**6, 1)),
        ("ngram.first", set_value(-1, 1)),
        ("ngram.first", set_value(0, 1)),
        ("ngram.first", lambda first: first + np.array([0, 0, 1])),
        *(("ngram.discounts", np.full((4, 3), wrong)) for wrong in (0.0, -1, 1, np.nan, np.inf)),
        ("ngram.discounts", np.full((3, 3), 0.5)),
        ("ngram.discounts", np.full((4, 3), 0.5, np.float32)),
        ("plausibility.limits", None),
        ("plausibility.limits", set_value(np.nan, 0, 0, 0)),
        ("plausibility.limits", set_value(-np.inf, 0, 0, 0)),
        ("plausibility.limits", lambda limits: limits[:1]),
        ("plausibility.limits", lambda limits: limits[:, :1]),
        ("plausibility.limits", lambda limits: limits[:, :, :1]),
        ("plausibility.limits", lambda limits: np.repeat(limits, 50, axis=1)),
        ("plausibility.limits", lambda limits: limits.astype(np.float64)),
    ],
)
def test_malformed_tensors_are_refused(path, tensor, change):
    with_tensors(path, {tensor: change})
    with pytest.raises(ModelFileError, match=r"^[^\n]* is damaged: [^\n]*$"):
        load_model_file(path)


def test_every_file_of_well_formed_but_meaningless_sections_can_be_used(path):
    # Random n-grams, repeated and in no order, with gaps and starts anywhere.
    rng = np.random.default_rng(1)
    for most in (1, 3, 10**12):
        letters = rng.integers(0, 4, (50, 5)).astype(np.uint8)
        letters[:, 0] %= 3
        with_tensors(
            path,
            {
                "ngram.letters": letters,
                "ngram.counts": rng.integers(1, most, 50, endpoint=True).astype(np.uint64),
                "ngram.first": np.array([0, 20, 50]),
                "ngram.discounts": np.repeat([[0.01, 1.99, 0.01]], 5, axis=0),
            },
        )
        model = load_model_file(path)
        assert len(sample(model, count=50, seed=1, floor=1.0, ngram_share=0.9)) == 50
        assert np.isfinite(model.mixture.ngram.log_probabilities(np.array([0, 1, 1, 0]), np.array([3, 1]))).all()


def test_a_large_ngram_takes_memory_in_proportion_to_its_file(tmp_path):
    letters = "".join(map(chr, range(0x4E00, 0x4E00 + 250)))
    model = make_model(letters=letters)
    rows = (
        np.random.default_rng(1).integers(0, 250, (100_000, 6)).astype(np.uint8)
    )  # with as many contexts as there can be
    ngram = NGram(251, rows, np.ones(len(rows), np.int64), np.array([0, len(rows)]), np.full((6, 3), 0.5))
    limits = Plausibility(np.full((1, 2, 3), -50, np.float32))
    replace(model, mixture=Mixture(ngram, Weights(0.4, 0)), plausibility=limits).save(tmp_path / "m")
    size = (tmp_path / "m").stat().st_size / 2**20

    with memory_at_most(20 + 100 * size):
        assert len(sample(load_model_file(tmp_path / "m"), count=50, seed=1, floor=0.5, max_length=40)) == 50


def test_a_required_section_is_one_clear_line_of_the_command(path, cli):
    with_facts(path, lambda facts: facts["sections"].update(masks={"required": True}))
    shown = cli("sample", "--model", path, "X")

    assert shown.is_error(1)
    assert re.search(r"section 'masks' .* update namegen", shown.err)
