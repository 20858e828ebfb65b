"""The model file: what is written is read back, and nothing else passes for a model."""

from __future__ import annotations

import ast
import dataclasses
import json
import os
import struct
import threading
import tracemalloc
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

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
        lambda facts: facts.update(casing="shouted"),
        lambda facts: facts.update(alphabet=["a", "b", "'", "e" * 33]),
        lambda facts: facts.update(alphabet=["a", "b", "'", "\u202e"]),
        lambda facts: facts.update(alphabet=["a", "b", "'", "\ud800"]),
        lambda facts: facts.update(categories=["X", "\u2066"]),
        lambda facts: facts.update(categories=["X", "\ud800"]),
        lambda facts: facts.update(categories=["X", "x" * 1001]),
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
        ("history.iterations", np.array([5, 5])),
        ("history.iterations", np.array([0, 5])),
        ("history.iterations", np.array([5, 2**62])),
        ("history.training", np.array([1.0, 1e10])),
        ("training_names.hashes", np.zeros((2, 2), np.uint64)),
        ("training_names.hashes", np.array([5, 5], np.uint64)),
        ("training_names.hashes", np.array([2**63, 1], np.uint64)),
        ("training_names.hashes", np.zeros(2)),
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


RUNS_CODE = {"pickle", "_pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "code", "runpy"}
"""Modules by which data become code."""

LOADS = {("torch", "load"), ("torch", "save"), ("torch", "hub"), ("torch", "jit"), ("np", "load"), ("np", "save")}
LOADS |= {("np", "savez"), ("np", "fromregex"), ("np", "memmap"), ("np", "DataSource"), ("ndarray", "dump")}


def ways_to_run_code(source):
    """What in a source would make code of data, or may: reading pickles above all."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.partition(".")[0] in RUNS_CODE)
        elif isinstance(node, ast.ImportFrom):
            named = {(node.module or "").replace("numpy", "np"), *(alias.name for alias in node.names)}
            is_torch_or_numpy = (node.module or "").partition(".")[0] in ("torch", "numpy")
            yield from named & RUNS_CODE
            yield from (named & {name for _, name in LOADS} if is_torch_or_numpy else ())
        elif isinstance(node, ast.Attribute):
            owner = ast.unparse(node.value).replace("numpy", "np").rpartition(".")[2]
            if (owner, node.attr) in LOADS or node.attr in ("loads_pickle", "dumps_pickle", "read_pickle", "to_pickle"):
                yield ast.unparse(node)
        elif isinstance(node, ast.keyword) and node.arg in ("allow_pickle", "weights_only"):
            yield node.arg
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id in ("eval", "exec", "compile", "__import__"):
                yield node.func.id
        elif isinstance(node, ast.Constant) and node.value in RUNS_CODE - {"code"}:
            yield f"the text {node.value}"  # for importlib, or sys.modules


def test_the_package_reads_and_writes_no_pickle():
    import namegen

    for file in Path(namegen.__file__).parent.rglob("*.py"):
        assert list(ways_to_run_code(file.read_text(encoding="utf-8"))) == [], file.name


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "def f():\n    from pickle import loads",
        "import pickle as p",
        "import importlib; importlib.import_module('pickle')",
        "__import__('x')",
        "import torch; torch.load(f)",
        "from torch import load",
        "import numpy; numpy.load(f)",
        "np.load(f)",
        "np.lib.npyio.NpzFile(f, allow_pickle=True)",
        "from numpy import load as read",
        "import marshal",
        "eval(text)",
        "exec(text)",
    ],
)
def test_no_way_to_make_code_of_data_would_be_missed(source):
    assert list(ways_to_run_code(source))


def test_neither_loading_nor_drawing_nor_resuming_unpickles_anything(path, model, tmp_path, monkeypatch):
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


# What nobody should trust


@contextmanager
def memory_at_most(megabytes):
    """The most memory that Python and numpy take within the body."""
    tracemalloc.start()
    try:
        yield
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < megabytes * 2**20


def with_header(path, change):
    """Change the header of a model file."""
    header, data = parts(path)
    change(header)
    rewrite(path, header, data)


def write_text(path, text):
    """Put another text into a model file as its header."""
    path.write_bytes(struct.pack("<Q", len(text)) + text + parts(path)[1])


@pytest.mark.parametrize("kind", ["fifo", "device", "folder", "loop"])
def test_what_is_no_regular_file_is_an_error_at_once(kind, tmp_path, cli):
    place = tmp_path / "m.safetensors"
    match kind:
        case "fifo":
            if not hasattr(os, "mkfifo"):
                pytest.skip("no pipes with names here")
            os.mkfifo(place)
        case "device":
            place = Path("/dev/zero")
            if not place.exists():
                pytest.skip("no such device here")
        case "folder":
            place.mkdir()
        case "loop":
            try:
                place.symlink_to(place)
            except OSError:
                pytest.skip("no links here")
    for arguments in (("sample", "--model", place), ("models", "show", place), ("plot", place)):
        outcome = cli(*arguments)
        assert (outcome.code, outcome.out, len(outcome.err.splitlines())) == (1, "", 1)
        assert str(place) in outcome.err
    with pytest.raises(ModelFileError):
        load_model_file(place)


def test_a_file_that_is_cut_while_it_is_read_is_an_error(path):
    from namegen.io.safetensors import open_safetensors

    with open_safetensors(path) as tensors:
        with path.open("r+b") as file:
            file.truncate(path.stat().st_size - 1)
        last = max(parts(path)[0].items(), key=lambda item: item[1].get("data_offsets", [0, 0])[1])[0]
        with pytest.raises(ValueError, match="cut short"):
            tensors.read(last, ("F16", "F32", "F64", "I64", "U64"))


def test_a_file_that_is_cut_and_written_again_and_again_never_ends_the_process(path):
    content, stop = path.read_bytes(), threading.Event()

    def spoil():
        while not stop.is_set():
            for length in (len(content), len(content) // 2, 0):
                path.write_bytes(content[:length])

    thread = threading.Thread(target=spoil)
    thread.start()
    try:
        for _ in range(200):
            try:
                load_model_file(path)
            except ModelFileError as error:
                assert len(str(error).splitlines()) == 1  # noqa: PT017 - either way is right
    finally:
        stop.set()
        thread.join()


def test_what_a_file_claims_takes_no_memory(path):
    with_facts(path, lambda facts: facts["training"].update(hidden_size=4096))
    with memory_at_most(1):
        with pytest.raises(ModelFileError, match="is damaged"):
            load_model_file(path)
        for shape in ([4096, 4096], [2**40], [2**20, 2**20, 2**7], [10**19], [2**63, 0], [-1], [1] * 9, ["3"], [True]):
            with_header(path, lambda header, shape=shape: header["network.head.bias"].update(shape=shape))
            with pytest.raises(ModelFileError, match="is not a model file"):
                load_model_file(path)


def test_a_tensor_that_nobody_asks_for_is_not_read(path, tmp_path):
    size = 2**26
    with_header(
        path,
        lambda header: header.update(
            more={"dtype": "U8", "shape": [size], "data_offsets": [len(parts(path)[1]), len(parts(path)[1]) + size]}
        ),
    )
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size + size)

    with memory_at_most(1):
        assert load_model_file(path).categories == ("X", "Ürü")


@pytest.mark.parametrize("length", [0, 1, 10**8, 2**31, 2**63, 2**64 - 1])
def test_a_length_of_the_header_that_cannot_be_is_an_error(path, length):
    path.write_bytes(struct.pack("<Q", length) + path.read_bytes()[8:])

    with memory_at_most(1), pytest.raises(ModelFileError, match="is not a model file"):
        load_model_file(path)


def test_a_header_of_100_megabytes_is_not_even_read(tmp_path):
    with (tmp_path / "m").open("wb") as file:
        file.write(struct.pack("<Q", 10**8))
        file.truncate(10**8 + 8)

    with memory_at_most(1), pytest.raises(ModelFileError, match="its header has 100,000,000 bytes, more than"):
        load_model_file(tmp_path / "m")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"[" * 10**6, "recursion"),
        (b'{"a":' * 10**6, "recursion"),
        (b"[]", "not an object"),
        (b"null", "not an object"),
        (b'{"__metadata__":[]}', "metadata are not texts"),
        (b'{"__metadata__":{"namegen":1}}', "metadata are not texts"),
        (b'{"a":NaN}', "NaN is not a number"),
        (b'{"a":-Infinity}', "-Infinity is not a number"),
        (b'{"a":' + b"9" * 10**6 + b"}", "a number of 1,000,000 digits"),
        (b'{"a":' + b"9" * 25 + b"}", "a number of 25 digits"),
        (b'{"a":1,"a":1}', "a key appears twice"),
        (b'{"__metadata__":{"namegen":"{}","namegen":"{}"}}', "a key appears twice"),
        (b"\xff\xfe{}", "not UTF-8"),
        (b'{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0],"more":1}}', "makes no sense"),
        (b'{"a":{"dtype":"F32","shape":[0],"data_offsets":[0]}}', "makes no sense"),
        (b'{"a":{"dtype":7,"shape":[0],"data_offsets":[0,0]}}', "makes no sense"),
    ],
)
def test_a_header_that_is_hostile_is_one_clear_line(path, text, said):
    write_text(path, text)

    with memory_at_most(100), pytest.raises(ModelFileError, match=rf"^[^\n]*{said}[^\n]*$"):
        load_model_file(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace("{", '{"format": 1, ', 1), "a key appears twice"),
        (lambda text: text.replace('"longest": 8', '"longest": ' + "8" * 5000), "a number of 5,000 digits"),
        (lambda text: text.replace('"longest": 8', '"longest": NaN'), "NaN is not a number"),
        (lambda text: text.replace('"longest": 8', '"longest": ' + "[" * 10**5), "recursion"),
        (lambda text: text.replace('"temperature": 1.0', '"temperature": 1e999'), "temperature is inf"),
    ],
)
def test_facts_that_are_hostile_json_are_one_clear_line(path, change, said):
    def spoil(header):
        text = header["__metadata__"]["namegen"]
        header["__metadata__"]["namegen"] = change(text)
        assert header["__metadata__"]["namegen"] != text

    with_header(path, spoil)
    with pytest.raises(ModelFileError, match=rf"^[^\n]* is damaged: [^\n]*{said}[^\n]*$"):
        load_model_file(path)


def test_json_of_very_many_values_is_refused_before_it_is_read(path):
    values = "[" + "[]," * 2**21 + "[]]"
    write_text(path, values.encode())
    with memory_at_most(50), pytest.raises(ModelFileError, match="more than 1,048,576 values"):
        load_model_file(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda header: header["network.head.bias"].update(data_offsets=[0, 20]),
        lambda header: header.pop("network.head.bias"),
        lambda header: header.update({"x": dict(header["network.head.bias"])}),
        lambda header: header["network.head.bias"].update(dtype="F64"),
    ],
)
def test_tensors_that_overlap_or_leave_gaps_are_an_error(path, change):
    with_header(path, change)

    with pytest.raises(ModelFileError, match="is not a model file"):
        load_model_file(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda facts: facts.update(threads="\x1b[31m\n" + "x" * 10**5), r"threads is '\\x1b\[31m\\nxxx[x]+…"),
        (lambda facts: facts.update(processes=0), "processes is 0"),
        (lambda facts: facts.update(processes=True), "processes is True"),
        (lambda facts: facts["training"].update(hidden_size="\x1b[31m\n"), r"not \\x1b\[31m\\n"),
        (lambda facts: facts["training"].update({"\x1b[31m": 1}), "settings"),
        (lambda facts: facts.update(alphabet=["a", "b", "'", "\u202e" * 9]), "is not text"),
        (lambda facts: facts.update(iterations=[["x" * 10**6]]), "iterations is"),
    ],
)
def test_what_an_error_quotes_from_a_file_is_short_and_printable(path, change, said):
    with_facts(path, change)

    with pytest.raises(ModelFileError, match=said) as caught:
        load_model_file(path)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400 + len(str(path))


def test_counts_whose_sum_is_too_large_for_a_number_are_an_error(path):
    begins = np.array([[2**62, 2**62, 2**62, 2**62 + 4], [5, 0, 0, 0]])  # which add up to 4, if nobody looks
    with np.errstate(over="ignore"):
        rewrite_tensors(path, {"categories.first_letters": begins, "categories.counts": begins.sum(axis=1)})

    with pytest.raises(ModelFileError, match="more names than there can be"):
        load_model_file(path)


@pytest.mark.parametrize("dtype", ["BF16", "BOOL", "F8_E4M3", "U8", "C64", "x"])
def test_state_of_another_type_is_an_error_to_who_wants_to_go_on_and_none_to_who_draws_names(model, tmp_path, dtype):
    Checkpoint(model, {"x": np.zeros(4)}).save(tmp_path / "run")
    size = {"BF16": 16, "BOOL": 32, "F8_E4M3": 32, "U8": 32, "C64": 4, "x": 4}[dtype]
    with_header(tmp_path / "run", lambda header: header["state.x"].update(dtype=dtype, shape=[size]))

    with pytest.raises(ModelFileError, match=rf"is damaged: the tensor state\.x is {dtype} \[{size}\]"):
        load_checkpoint(tmp_path / "run")
    assert load_model_file(tmp_path / "run").categories == model.categories


MANY = tuple(f"category {number:,}" for number in range(10_000))


def test_ten_thousand_categories_work_in_little_time_and_memory(tmp_path):
    import time

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


def test_more_categories_than_a_file_may_have_are_refused_before_training(tmp_path):
    from namegen.datasets.dataset import Dataset
    from namegen.training.train import train

    for names in ({f"c{number}": ["ab"] for number in range(20_001)}, {"x" * 1001: ["ab"]}):
        with pytest.raises(NamegenError, match="categor"):
            train(Dataset.from_names(names), iterations=1)
    for categories, said in (
        (("x" * 1001,), "1,001 characters"),
        (tuple(map(str, range(20_001))), "20,001 categories"),
    ):
        with pytest.raises(UsageError, match=said):
            make_model(categories=categories).save(tmp_path / "m")


def test_names_of_categories_that_would_make_too_long_a_header_are_refused_when_written(tmp_path):
    long = make_model(categories=tuple(f"{number:,} " + "x" * 900 for number in range(5000)))
    with pytest.raises(UsageError, match="too much room"):
        long.save(tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


def test_a_setting_that_is_absent_has_its_default(path):
    with_facts(path, lambda facts: [facts["training"].pop("shared_rate"), facts["sampling"].pop("guidance")])

    model = load_model_file(path)
    assert (model.training.shared_rate, model.sampling.guidance) == (1.0, 0.0)


def test_a_model_says_how_many_processes_trained_it_unless_it_was_one(tmp_path):
    model = make_model()
    model.save(tmp_path / "one")
    replace(model, processes=3).save(tmp_path / "three")

    assert [load_model_file(tmp_path / name).processes for name in ("one", "three")] == [1, 3]
    assert b"processes" not in (tmp_path / "one").read_bytes()


def test_a_model_is_shown_in_a_line():
    model = make_model(training_config(hidden_size=5, iterations=64), categories=("X", "Y"))
    assert repr(model) == f"<Model of {model.dataset}: gru of 5 units, 2 categories>"
    begun = dataclasses.replace(model, iterations=32)
    assert repr(begun) == f"<Model of {model.dataset}: gru of 5 units, 2 categories, after 32 of 64 iterations>"
