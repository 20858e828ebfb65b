"""The model file: what is written is read back, and nothing else passes for a model."""

from __future__ import annotations

import dataclasses
import json
import struct
from dataclasses import replace

import numpy as np
import pytest

from conftest import make_model
from namegen.errors import ModelFileError, NamegenError, UsageError
from namegen.modelfile import Checkpoint, History, load_checkpoint, load_model_file
from namegen.recipes import RECIPES, training_config


@pytest.fixture
def model():
    made = make_model(training_config(hidden_size=3), letters="ab'é", categories=("X", "Ürü"))
    history = History(np.array([5, 9]), np.array([2.5, 2.25]), np.array([9]), np.array([2.75]))
    return replace(made, history=history, name_hashes=np.array([1, 2**64 - 1], np.uint64))


@pytest.fixture
def path(model, tmp_path):
    model.save(tmp_path / "m.safetensors")
    return tmp_path / "m.safetensors"


def parts(path):
    """The header and the data of a safetensors file, by its published format."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def rewrite(path, header, data):
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def with_facts(path, change):
    """Change the facts in a model file's metadata."""
    header, data = parts(path)
    facts = json.loads(header["__metadata__"]["namegen"])
    change(facts)
    header["__metadata__"]["namegen"] = json.dumps(facts)
    rewrite(path, header, data)


def rewrite_tensors(path, changed):
    """Put other tensors into a model file."""
    from safetensors import safe_open
    from safetensors.numpy import save_file

    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    save_file(tensors | changed, path, metadata)


@pytest.mark.parametrize("recipe", list(RECIPES))
def test_a_model_that_was_saved_is_read_back_whole(recipe, model, tmp_path):
    model = replace(
        make_model(RECIPES[recipe].training, letters="abc", sampling=RECIPES[recipe].sampling),
        history=model.history,
        name_hashes=model.name_hashes,
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


def test_the_same_model_gives_the_same_bytes(model, path, tmp_path):
    model.save(tmp_path / "again")

    assert (tmp_path / "again").read_bytes() == path.read_bytes()


def test_the_file_is_what_the_page_about_the_format_says(path):
    header, _ = parts(path)

    assert set(header["__metadata__"]) == {"namegen"}
    facts = json.loads(header["__metadata__"]["namegen"])
    assert list(facts) == sorted(facts)
    assert facts["format"] == 1
    assert facts["alphabet"] == ["a", "b", "'", "é"]
    assert facts["categories"] == ["X", "Ürü"]
    assert header["network.head.weight"] | {"data_offsets": None} == {
        "dtype": "F32",
        "shape": [5, 3],
        "data_offsets": None,
    }
    assert header["training_names.hashes"]["dtype"] == "U64"


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


def test_what_half_precision_can_hold_is_written_and_read_exactly(model, tmp_path):
    weight = model.weights["head.weight"]
    weight[...] = np.resize([0.0, -0.5, 1 + 2**-10, 65_504, -65_504, 2.0**-24], weight.shape)
    model.save(tmp_path / "half", half=True)

    np.testing.assert_array_equal(load_model_file(tmp_path / "half").weights["head.weight"], weight)


def test_a_model_that_was_read_in_half_precision_is_written_as_the_same_bytes(model, tmp_path):
    model.save(tmp_path / "half", half=True)
    load_model_file(tmp_path / "half").save(tmp_path / "again", half=True)

    assert (tmp_path / "again").read_bytes() == (tmp_path / "half").read_bytes()


def test_weights_out_of_the_range_of_half_precision_are_refused_and_leave_no_file(model, tmp_path):
    model.weights["read.bias"][0] = -65_520  # half way to the next number, which there is not

    with pytest.raises(NamegenError, match=r"^the weights read\.bias do not fit into half precision.*save in full$"):
        model.save(tmp_path / "half", half=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_half_precision_that_is_not_finite_is_damage(model, tmp_path, value):
    model.save(tmp_path / "half", half=True)
    rewrite_tensors(tmp_path / "half", {"network.head.bias": np.full(5, value, np.float16)})

    with pytest.raises(ModelFileError, match=r"is damaged: the weights head\.bias are not finite"):
        load_model_file(tmp_path / "half")


CARD = "# Ürü\n\n| a | b |\n| --- | --- |\n"


def test_a_card_is_written_and_read_back(model, tmp_path):
    replace(model, card=CARD).save(tmp_path / "m")

    assert load_model_file(tmp_path / "m").card == CARD


def test_a_file_of_before_there_were_cards_is_read(path):
    with_facts(path, lambda facts: facts.pop("card"))

    assert load_model_file(path).card == ""


@pytest.mark.parametrize(
    "card", [None, 1, ["text"], "\x1b]0;owned\x07", "a\tb", "a\rb", "a\0b", "\ud800", "x" * 20_001]
)
def test_a_card_that_is_no_printable_text_of_moderate_length_is_damage(path, card):
    with_facts(path, lambda facts: facts.update(card=card))

    with pytest.raises(ModelFileError, match=r"^[^\n]* is damaged: [^\n]*card[^\n]*$"):
        load_model_file(path)


@pytest.mark.parametrize("card", ["\x1b[1m", "x" * 20_001])
def test_a_card_that_could_not_be_read_back_is_refused(model, card):
    with pytest.raises(UsageError, match="the card"):
        replace(model, card=card)


def test_neither_path_nor_clock_nor_host_is_in_the_file(path):
    import socket
    import time

    content = path.read_bytes()
    assert str(path.parent).encode() not in content
    assert socket.gethostname().encode() not in content
    assert time.strftime("%Y-%m").encode() not in content


def test_a_finished_model_is_no_checkpoint(path):
    with pytest.raises(ModelFileError, match="finished model"):
        load_checkpoint(path)


def test_a_checkpoint_is_a_model_too(model, tmp_path):
    Checkpoint(model, {"x": np.zeros(1)}).save(tmp_path / "run")

    assert load_model_file(tmp_path / "run").categories == model.categories


def test_a_missing_file_is_an_error_that_names_it(tmp_path):
    with pytest.raises(ModelFileError, match=r"no model file .*gone"):
        load_model_file(tmp_path / "gone")


@pytest.mark.parametrize("content", [b"", b"x", b"hello, I am no model", b"\xff" * 100, bytes(1000)])
def test_a_file_that_is_no_model_gives_one_clear_line(content, tmp_path):
    (tmp_path / "m").write_bytes(content)

    with pytest.raises(ModelFileError, match=r"^[^\n]*is not a model file[^\n]*$"):
        load_model_file(tmp_path / "m")


def test_a_folder_is_no_model(tmp_path):
    with pytest.raises(ModelFileError):
        load_model_file(tmp_path)


def test_a_safetensors_file_of_something_else_says_so(tmp_path):
    from safetensors.numpy import save_file

    save_file({"x": np.zeros(3)}, tmp_path / "m")
    with pytest.raises(ModelFileError, match="not a namegen model"):
        load_model_file(tmp_path / "m")


def test_a_file_cut_short_anywhere_is_an_error(path, tmp_path):
    content = path.read_bytes()
    for length in range(0, len(content), 97):
        (tmp_path / "cut").write_bytes(content[:length])
        with pytest.raises(ModelFileError):
            load_model_file(tmp_path / "cut")


def test_a_format_that_is_none_is_an_error(path):
    with_facts(path, lambda facts: facts.update(format="one"))

    with pytest.raises(ModelFileError, match="format 'one', not 1"):
        load_model_file(path)


def test_a_newer_format_says_to_update(path):
    with_facts(path, lambda facts: facts.update(format=2, something_new=1))

    with pytest.raises(ModelFileError, match="format 2, not 1; a newer namegen may read it, so update"):
        load_model_file(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda facts: facts.pop("alphabet"),
        lambda facts: facts.update(alphabet="abc'"),
        lambda facts: facts.update(alphabet=["a", "a", "b", "c"]),
        lambda facts: facts.update(alphabet=["a", "b", "c"]),
        lambda facts: facts.update(alphabet=["a", "b", "'", "\x1b[31m"]),
        lambda facts: facts.update(categories=["X"]),
        lambda facts: facts.update(categories=["X", "X"]),
        lambda facts: facts.update(categories=["X", "\x1b]0;owned\x07"]),
        lambda facts: facts.update(categories=[1, 2]),
        lambda facts: facts.update(iterations=-1),
        lambda facts: facts.update(iterations=1.5),
        lambda facts: facts.update(longest=10**30),
        lambda facts: facts.update(dataset=[]),
        lambda facts: facts.update(training=sorted(facts["training"])),
        lambda facts: facts.update(sampling=["temperature"]),
        lambda facts: facts["training"].update(distillation=5),
        lambda facts: facts["training"].update(distillation="x"),
        lambda facts: facts["training"].update(distillation=[1]),
        lambda facts: facts["training"].update(distillation={"teachers": 0}),
        lambda facts: facts["training"].update(distillation={"students": 1}),
        lambda facts: facts["training"].update(extra=1),
        lambda facts: facts["training"].update(hidden_size=4),
        lambda facts: facts["training"].update(hidden_size=10**9),
        lambda facts: facts["training"].update(architecture="lstm"),
        lambda facts: facts["training"].update(sos="yes"),
        lambda facts: facts["training"].update(learning_rate="fast"),
        lambda facts: facts["training"].update(dropout=None),
        lambda facts: facts["training"].update(recipe="\x1b[1m"),
        lambda facts: facts["sampling"].update(temperature=-1),
        lambda facts: facts["sampling"].update(temperature=True),
    ],
)
def test_facts_that_do_not_fit_are_an_error(path, change):
    with_facts(path, change)

    with pytest.raises(ModelFileError, match="is damaged"):
        load_model_file(path)


@pytest.mark.parametrize("text", ["", "[]", "1", "{", "null", '{"format": 1}', "[" * 5000])
def test_metadata_that_are_not_the_facts_are_an_error(path, text):
    header, data = parts(path)
    header["__metadata__"]["namegen"] = text
    rewrite(path, header, data)

    with pytest.raises(ModelFileError, match="is damaged"):
        load_model_file(path)


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("network.head.bias", np.zeros(4, np.float32)),
        ("network.head.bias", np.zeros(5, np.float64)),
        ("network.head.bias", np.zeros(4, np.float16)),
        ("network.head.bias", np.zeros(5, np.int16)),
        ("training_names.hashes", np.zeros(2, np.float16)),
        ("network.head.bias", np.full(5, np.nan, np.float32)),
        ("network.head.bias", np.full(5, np.inf, np.float32)),
        ("categories.counts", np.array([4, 0])),
        ("categories.counts", np.array([4, 5])),
        ("categories.first_letters", np.array([[4, 0, 0, 0], [5, -1, 0, 0]])),
        ("history.training", np.array([1.0])),
        ("history.training", np.array([1.0, np.nan])),
        ("history.iterations", np.array([9, 5])),
        ("training_names.hashes", np.zeros((2, 2), np.uint64)),
    ],
)
def test_a_tensor_that_does_not_fit_is_an_error(path, name, array):
    rewrite_tensors(path, {name: array})
    with pytest.raises(ModelFileError, match="is damaged"):
        load_model_file(path)


def test_a_missing_tensor_is_an_error_that_names_it(path):
    from safetensors import safe_open
    from safetensors.numpy import save_file

    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    del tensors["network.head.bias"]
    save_file(tensors, path, metadata)
    with pytest.raises(ModelFileError, match=r"network\.head\.bias.* is missing"):
        load_model_file(path)


def test_the_package_reads_and_writes_no_pickle():
    import re
    from pathlib import Path

    import namegen

    sources = "".join(file.read_text(encoding="utf-8") for file in Path(namegen.__file__).parent.rglob("*.py"))
    assert not re.search(r"\b(import (pickle|marshal|shelve)|torch\.(load|save)|np\.load)\b", sources)


def test_a_setting_that_is_absent_has_its_default(path):
    with_facts(path, lambda facts: [facts["training"].pop("shared_rate"), facts["sampling"].pop("guidance")])

    model = load_model_file(path)
    assert (model.training.shared_rate, model.sampling.guidance) == (1.0, 0.0)
