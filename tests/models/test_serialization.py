"""The model file: what is written is read back, and nothing else passes for a model."""

from __future__ import annotations

import dataclasses
import json
import os
import struct
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from model_files import memory_at_most, parts, with_document, with_facts, with_header, with_tensors, with_text
from namegen.errors import ModelFileError, NamegenError, UsageError
from namegen.models.model import Checkpoint, History
from namegen.models.serialization import load_checkpoint, load_model_file
from namegen.recipes import RECIPES, training_config
from support import make_model


@pytest.fixture
def model():
    made = make_model(training_config(hidden_size=3), letters="ab'é", categories=("X", "Ürü"))
    history = History(np.array([5, 9]), np.array([2.5, 2.25]), np.array([9]), np.array([2.75]))
    return replace(made, history=history, name_hashes=np.array([1, 2**64 - 1], np.uint64))


@pytest.fixture
def path(model, tmp_path):
    model.save(str(tmp_path / "m.safetensors"))
    return tmp_path / "m.safetensors"


@pytest.mark.parametrize("recipe", [name for name in RECIPES if name != "instant"])
def test_a_model_that_was_saved_is_read_back_whole(recipe, model, tmp_path):
    model = replace(
        make_model(RECIPES[recipe].training, letters="abc", sampling=RECIPES[recipe].sampling),
        history=model.history,
        name_hashes=model.name_hashes,
        held_out_hashes=np.array([7], np.uint64),
        card="# Ürü\n\n| a | b |\n| --- | --- |\n",
        processes=3,
    )
    model.save(tmp_path / "m")
    read = load_model_file(tmp_path / "m")

    for part in dataclasses.fields(model):
        wrote, got = getattr(model, part.name), getattr(read, part.name)
        if part.name == "weights":
            assert wrote.keys() == got.keys()
            assert all(np.array_equal(wrote[name], got[name]) for name in wrote)
        elif part.name == "history":
            assert all(
                np.array_equal(getattr(wrote, f.name), getattr(got, f.name)) for f in dataclasses.fields(History)
            )
        elif isinstance(wrote, np.ndarray):
            np.testing.assert_array_equal(wrote, got)
        else:
            assert wrote == got, part.name


def test_arrays_that_are_not_contiguous_are_written_as_they_read(model, tmp_path):
    wrote = np.arange(12, dtype=np.float32).reshape(4, 3).T
    model.weights["recurrent.weight"] = np.asfortranarray(model.weights["recurrent.weight"])
    expected = model.weights["recurrent.weight"].copy()
    Checkpoint(model, {"sliced": wrote}).save(tmp_path / "m")
    read = load_checkpoint(tmp_path / "m")

    np.testing.assert_array_equal(read.state["sliced"], wrote)
    np.testing.assert_array_equal(read.model.weights["recurrent.weight"], expected)


def test_the_file_is_what_the_page_about_the_format_says(path):
    header, _ = parts(path)

    assert set(header["__metadata__"]) == {"namegen"}
    facts = json.loads(header["__metadata__"]["namegen"])
    assert list(facts) == sorted(facts)
    assert facts["format"] == 2
    assert facts["sections"] == {}
    assert facts["alphabet"] == ["a", "b", "'", "é"]
    assert facts["categories"] == ["X", "Ürü"]
    assert header["network.head.weight"] | {"data_offsets": None} == {
        "dtype": "F32",
        "shape": [5, 3],
        "data_offsets": None,
    }
    assert header["training_names.hashes"]["dtype"] == "U64"
    assert str(path.parent).encode() not in path.read_bytes()
    assert time.strftime("%Y-%m").encode() not in path.read_bytes()


def test_the_same_model_gives_the_same_bytes_also_after_reading_it(model, path, tmp_path):
    for half in (False, True):
        model.save(tmp_path / "first", half=half)
        load_model_file(tmp_path / "first").save(tmp_path / "second", half=half)
        assert (tmp_path / "second").read_bytes() == (tmp_path / "first").read_bytes()
        assert ((tmp_path / "first").read_bytes() == path.read_bytes()) is not half


def test_files_of_earlier_versions_without_some_settings_have_their_defaults(path):
    with_facts(
        path, lambda facts: [facts["training"].pop("shared_rate"), facts["sampling"].pop("guidance"), facts.pop("card")]
    )
    model = load_model_file(path)
    assert (model.training.shared_rate, model.sampling.guidance, model.card) == (1.0, 0.0, "")


def test_a_checkpoint_is_a_model_but_a_finished_model_is_not_a_checkpoint(model, path, tmp_path):
    Checkpoint(model, {"x": np.zeros(1)}).save(tmp_path / "run")
    assert load_model_file(tmp_path / "run").categories == model.categories
    with pytest.raises(ModelFileError, match="finished model"):
        load_checkpoint(path)


def test_half_precision_rounds_the_weights_and_nothing_else(model, path, tmp_path):
    half = tmp_path / "half"
    model.save(half, half=True)
    (full_header, _), (header, _) = parts(path), parts(half)
    for name, tensor in header.items():
        if name.startswith("network."):
            assert (tensor["dtype"], full_header[name]["dtype"]) == ("F16", "F32")
        elif name != "__metadata__":
            assert tensor["dtype"] == full_header[name]["dtype"]
    assert header["__metadata__"] == full_header["__metadata__"]

    read = load_model_file(half)
    np.testing.assert_array_equal(read.name_hashes, model.name_hashes)
    np.testing.assert_array_equal(read.history.training, model.history.training)
    for name, weight in model.weights.items():
        assert read.weights[name].dtype == np.float32
        # half precision has 11 significant bits; below 2 ** -14 it has fewer, down to steps of 2 ** -24
        np.testing.assert_allclose(read.weights[name], weight, rtol=2.0**-11, atol=2.0**-25)


def test_weights_out_of_the_range_of_half_precision_are_refused_and_leave_no_file(model, tmp_path):
    model.weights["read.bias"][0] = -65_520  # half way to the next number, which there is not

    with pytest.raises(NamegenError, match=r"^the weights read\.bias are too large.*save in full precision$"):
        model.save(tmp_path / "half", half=True)
    assert list(tmp_path.iterdir()) == []


def test_neither_loading_nor_sampling_nor_resuming_unpickles_anything(path, model, tmp_path, monkeypatch):
    import pickle

    import torch

    from namegen.sampling.generate import sample

    Checkpoint(model, {"x": np.zeros(1)}).save(tmp_path / "run")

    def caught(*arguments, **options):
        raise AssertionError("something is unpickled")

    for module, names in [(pickle, ("load", "loads", "Unpickler")), (np, ("load",)), (torch, ("load",))]:
        for name in names:
            monkeypatch.setattr(module, name, caught)
    assert len(sample(load_model_file(path), count=3, seed=1)) == 3
    load_checkpoint(tmp_path / "run")
    for evil in (b"cos\nsystem\n(S'true'\ntR.", b"\x80\x04\x95" + bytes(20), b"PK\x03\x04" + bytes(100)):
        path.write_bytes(evil)
        with pytest.raises(ModelFileError, match="is not a model file"):
            load_model_file(path)


@pytest.mark.parametrize("dtype", ["BF16", "BOOL", "x"])
def test_state_of_an_unknown_type_prevents_resuming_but_not_sampling(model, tmp_path, dtype):
    Checkpoint(model, {"x": np.zeros(4)}).save(tmp_path / "run")
    size = {"BF16": 16, "BOOL": 32, "x": 4}[dtype]
    with_header(tmp_path / "run", lambda header: header["state.x"].update(dtype=dtype, shape=[size]))

    with pytest.raises(ModelFileError, match=rf"is damaged: the tensor state\.x is {dtype} \[{size}\]"):
        load_checkpoint(tmp_path / "run")
    assert load_model_file(tmp_path / "run").categories == model.categories


MANY = tuple(f"category {number:,}" for number in range(10_000))


def test_ten_thousand_categories_work_in_little_time_and_memory(tmp_path):
    from namegen.config import SamplingConfig
    from namegen.sampling.generate import sample

    began = time.monotonic()
    config = training_config(hidden_size=16)
    made = make_model(config, letters="abc", categories=MANY, sampling=SamplingConfig(temperature=1.0, guidance=0.2))
    made.weights["category_output.weight"][:] *= 0.1  # so that names end
    made.weights["head.weight"][:] *= 0.1
    made.save(tmp_path / "m")
    size = (tmp_path / "m").stat().st_size
    with memory_at_most(20 + 4 * size / 2**20):
        model = load_model_file(tmp_path / "m")
        assert model.categories == MANY
        assert len(sample(model, "Category 9,999", count=5, seed=1)) == 5
        assert len(sample(model, count=20, seed=1)) == 20
    assert time.monotonic() - began < 20


def test_a_model_is_shown_in_a_line():
    model = make_model(training_config(hidden_size=5, iterations=64), categories=("X", "Y"))
    assert repr(model) == f"<Model of {model.dataset}: gru of 5 units, 2 categories>"
    begun = dataclasses.replace(model, iterations=32)
    assert repr(begun) == f"<Model of {model.dataset}: gru of 5 units, 2 categories, after 32 of 64 iterations>"


# Damaged and malicious files


@pytest.mark.parametrize("content", [b"", b"x", b"hello, I am not a model", b"\xff" * 100, bytes(1000), None])
def test_a_file_that_is_not_a_model_gives_one_clear_line(content, tmp_path):
    if content is not None:
        (tmp_path / "m").write_bytes(content)
    with pytest.raises(ModelFileError, match=r"^[^\n]*(is not a|no) model file[^\n]*$"):
        load_model_file(tmp_path / "m")
    save_file({"x": np.zeros(3)}, tmp_path / "other")
    with pytest.raises(ModelFileError, match="but not a namegen model"):
        load_model_file(tmp_path / "other")


def test_a_file_cut_short_anywhere_is_an_error(path, tmp_path):
    content = path.read_bytes()
    for length in range(0, len(content), 397):
        (tmp_path / "cut").write_bytes(content[:length])
        with pytest.raises(ModelFileError):
            load_model_file(tmp_path / "cut")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes and devices")
def test_pipes_devices_and_folders_are_errors_at_once(tmp_path, cli):
    os.mkfifo(tmp_path / "pipe.safetensors")
    for file in (tmp_path / "pipe.safetensors", Path("/dev/zero"), tmp_path):
        shown = cli("models", "show", file)
        assert (shown.code, shown.out, len(shown.err.splitlines())) == (1, "", 1)
        assert str(file) in shown.err


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "one"}, "format 'one', not 2"),
        ({"format": 3, "something_new": 1}, "format 3, not 2; update namegen"),
        ({"alphabet": "abc'"}, "is not a list"),
        ({"alphabet": ["a", "a", "b", "c"]}, "is damaged"),
        ({"alphabet": ["a", "b", "'", "e" * 33]}, "is damaged"),
        ({"alphabet": ["a", "b", "'", "\u202e" * 9]}, "is not text"),
        ({"categories": ["X", "X"]}, "must be distinct"),
        ({"categories": ["X", "\ud800"]}, "is not text"),
        ({"categories": ["X", "x" * 1001]}, "1,001 characters"),
        ({"iterations": -1}, "iterations is -1"),
        ({"iterations": [["x" * 10**6]]}, "iterations is"),
        ({"longest": 10**10}, "longest is"),
        ({"threads": "\x1b[31m\n" + "x" * 10**5}, "threads is"),
        ({"processes": 0}, "processes is 0"),
        ({"casing": "shouted"}, "casing"),
        ({"card": 1}, "card"),
        ({"card": "\x1b]0;owned\x07"}, "the card must be"),
        ({"card": "x" * 20_001}, "the card has 20,001 characters"),
        ({"dataset": []}, "is damaged"),
        ({"training": ["sos"]}, "are not settings"),
        ({"training": {"\x1b[31m": 1}}, "are not settings"),
        ({"training": {"hidden_size": "\x1b[31m\n"}}, "hidden size must be"),
        ({"training": {"hidden_size": 4}}, "is damaged"),
        ({"training": {"architecture": "perceptron"}}, "architecture must be one of"),
        ({"training": {"sos": "yes"}}, "sos must be true or false"),
        ({"training": {"recipe": "\x1b[1m"}}, "recipe must be"),
        ({"training": {"distillation": {"teachers": 0}}}, "distillation teachers must be"),
        ({"sampling": {"temperature": -1}}, "temperature must be"),
        ({"sampling": {"temperature": True}}, "temperature must be"),
    ],
)
def test_facts_that_are_wrong_give_one_short_printable_line(path, changes, message):
    def change(facts):
        for name, value in changes.items():
            facts[name] = {**facts[name], **value} if isinstance(value, dict) else value

    with_facts(path, change)
    with pytest.raises(ModelFileError, match=message) as caught:
        load_model_file(path)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400 + len(str(path))


@pytest.mark.parametrize(
    "change",
    [
        *(lambda _, text=text: text for text in ("", "[]", "1", "{", "null", '{"format": 2}', "[" * 5000)),
        lambda text: text.replace("{", '{"format": 2, ', 1),
        lambda text: text.replace('"longest": 8', '"longest": ' + "8" * 5000),
        lambda text: text.replace('"longest": 8', '"longest": NaN'),
        lambda text: text.replace('"temperature": 1.0', '"temperature": 1e999'),
    ],
)
def test_a_document_that_is_not_the_facts_is_an_error(path, change):
    with_document(path, change)
    with pytest.raises(ModelFileError, match=r"^[^\n]* is damaged: [^\n]*$"):
        load_model_file(path)


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("network.head.bias", None),
        ("network.head.bias", np.zeros(4, np.float32)),
        ("network.head.bias", np.full(5, np.nan, np.float32)),
        ("network.head.bias", np.full(5, np.inf, np.float16)),
        ("categories.counts", np.array([4, 0])),
        ("categories.first_letters", np.array([[4, 0, 0, 0], [5, -1, 0, 0]])),
        ("categories.first_letters", np.array([[2**62, 2**62, 2**62, 2**62 + 4], [4, 0, 0, 0]])),  # the sum wraps to 4
        ("history.training", np.array([1.0])),
        ("history.training", np.array([1.0, np.nan])),
        ("history.iterations", np.array([5, 5])),
        ("history.iterations", np.array([5, 2**62])),
        ("training_names.hashes", np.zeros((2, 2), np.uint64)),
        ("training_names.hashes", np.array([2**63, 1], np.uint64)),
    ],
)
def test_a_tensor_that_is_missing_or_wrong_is_an_error(path, name, array):
    with_tensors(path, {name: array})
    with pytest.raises(ModelFileError, match="is damaged"):
        load_model_file(path)


@pytest.mark.parametrize(
    "text",
    [
        *(b"[" * 10**6, b'{"a":' * 10**6, b"[]", b"null", b'{"__metadata__":[]}', b'{"__metadata__":{"namegen":1}}'),
        *(b'{"a":NaN}', b'{"a":' + b"9" * 10**6 + b"}", b'{"a":1,"a":1}', b"\xff\xfe{}"),
        b"[" + b"[]," * 2**21 + b"[]]",
        b'{"__metadata__":{"namegen":"{}","namegen":"{}"}}',
        b'{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0],"more":1}}',
        b'{"a":{"dtype":"F32","shape":[0],"data_offsets":[0]}}',
        b'{"a":{"dtype":7,"shape":[0],"data_offsets":[0,0]}}',
    ],
    ids=lambda text: repr(text[:20]),
)
def test_a_malicious_header_is_one_clear_line(path, text):
    with_text(path, text)
    with memory_at_most(100), pytest.raises(ModelFileError, match=r"^[^\n]*$"):
        load_model_file(path)


def test_a_header_takes_no_more_memory_than_it_should(path, tmp_path):
    with (tmp_path / "large").open("wb") as file:
        file.write(struct.pack("<Q", 10**8))
        file.truncate(10**8 + 8)
    content = path.read_bytes()
    with memory_at_most(1):
        with pytest.raises(ModelFileError, match="its header has 100,000,000 bytes, more than"):
            load_model_file(tmp_path / "large")
        for length in (0, 1, 10**8, 2**31, 2**63, 2**64 - 1):
            path.write_bytes(struct.pack("<Q", length) + content[8:])
            with pytest.raises(ModelFileError, match="is not a model file"):
                load_model_file(path)


def test_what_a_file_claims_takes_no_memory(path):
    with_facts(path, lambda facts: facts["training"].update(hidden_size=4096))
    shapes = ([4096, 4096], [2**40], [2**20, 2**20, 2**7], [10**19], [2**63, 0], [-1], [1] * 9, ["3"], [True])
    with memory_at_most(1):
        with pytest.raises(ModelFileError, match="is damaged"):
            load_model_file(path)
        for changes in (
            *({"shape": shape} for shape in shapes),
            {"data_offsets": [0, 20]},  # overlaps another tensor
            {"dtype": "F64"},
        ):
            with_header(path, lambda header, changes=changes: header["network.head.bias"].update(changes))
            with pytest.raises(ModelFileError, match="is not a model file"):
                load_model_file(path)


def test_too_many_or_too_long_categories_and_cards_are_refused_before_they_are_written(tmp_path):
    for categories, message in (
        (("x" * 1001,), "1,001 characters"),
        (tuple(map(str, range(20_001))), "20,001 categories"),
        (tuple(f"{number:,} " + "x" * 900 for number in range(5000)), "too long together"),
    ):
        with pytest.raises(UsageError, match=message):
            make_model(categories=categories).save(tmp_path / "m")
    for card in ("\x1b[1m", "x" * 20_001):
        with pytest.raises(UsageError, match="the card"):
            replace(make_model(), card=card)
    assert list(tmp_path.iterdir()) == []
