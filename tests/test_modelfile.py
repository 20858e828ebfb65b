"""The model file: what is written is read back, and nothing else passes for a model."""

from __future__ import annotations

import dataclasses
import json
import struct
from dataclasses import replace

import numpy as np
import pytest

from conftest import make_model
from namegen.errors import ModelFileError
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
        lambda facts: facts["training"].pop("seed"),
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
    from safetensors import safe_open
    from safetensors.numpy import save_file

    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    save_file(tensors | {name: array}, path, metadata)
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
