"""The exported step of a network, in a runtime that knows nothing of namegen, against the network in numpy."""

from __future__ import annotations

import dataclasses
import json
import re
import sys

import numpy as np
import pytest

from namegen import load_model
from namegen.architectures import ARCHITECTURES
from namegen.datasets.alphabet import Alphabet
from namegen.errors import NamegenError
from namegen.models.inference import apply_guidance, build_steppers
from namegen.models.onnx import export_onnx
from namegen.models.scoring import log_softmax
from namegen.models.store import cached_location
from namegen.recipes import training_config
from namegen.sampling.generate import sample
from namegen.sampling.rejection import max_letters
from support import REPOSITORY, make_model

onnx = pytest.importorskip("onnx", reason="onnx is not installed")
onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

KINDS = {
    "gru": {},
    "gru without SOS": {"sos": False},
    "tutorial": {"recipe_name": "tutorial"},
    "rnn with tanh": {"architecture": "rnn"},
    "rnn with SOS": {"recipe_name": "tutorial", "sos": True},
}
NAMES = ["Ackermann", "Sc", "O'Neill-Smith", "", "van der Berg", "x"]


class Exported:
    """A file as a program has it that has nothing but the file."""

    def __init__(self, model, folder):
        self.file = folder / "names.onnx"
        export_onnx(model, str(self.file))
        self.session = onnxruntime.InferenceSession(self.file, providers=["CPUExecutionProvider"])
        self.facts = json.loads(self.session.get_modelmeta().custom_metadata_map["namegen"])
        self.hidden = self.session.get_inputs()[2].shape[1]

    def step(self, category, letter, state):
        inputs = {"category": category, "letter": letter, "state": state}
        return self.session.run(["probabilities", "next_state", "logits"], inputs)


def tiny(kind, **options):
    """A model of random weights, of a few categories and odd sizes."""
    options = {"letters": "abcä", "categories": ("X", "Y", "Z"), **options}
    begins = np.random.default_rng(1).integers(1, 9, (len(options["categories"]), len(options["letters"])))
    model = make_model(training_config(hidden_size=7, iterations=1, **KINDS[kind]), first_letters=begins, **options)
    # Where there is nothing between the layers, larger ones would make larger states with every letter.
    return dataclasses.replace(model, weights={name: weight / 2 for name, weight in model.weights.items()})


def read_along(model, exported, categories, names):
    """Read names letter by letter in both, a row each, and compare what both say after every one."""
    edge, rows = model.alphabet.boundary_id, np.array(categories, dtype=np.float32)
    state = np.random.default_rng(0).normal(size=(len(names), exported.hidden)).astype(np.float32)  # of no account
    letter, steps = np.full(len(names), edge), [build_steppers(model)(share) for share in rows]
    hidden = [step.start() for step in steps]
    for place in range(max(map(len, names))):
        probabilities, state, logits = exported.step(rows, letter, state)
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
        for row, step in enumerate(steps):
            if place or model.training.sos:
                expected, hidden[row] = step.step(letter[[row]], hidden[row])
                np.testing.assert_allclose(logits[[row]], expected, atol=1e-4)
                expected = np.exp(log_softmax(expected))[0]
            else:
                expected = np.append(rows[row] @ (model.first_letter_counts / model.counts[:, None]), 0)
            np.testing.assert_allclose(probabilities[row], expected, atol=1e-5)
            np.testing.assert_allclose(state[[row]], hidden[row], atol=1e-5)
        letter = np.array([name[place] if place < len(name) else 0 for name in names])


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    model = load_model("pretrained")
    return model, Exported(model, tmp_path_factory.mktemp("exported"))


def test_the_pretrained_model_says_the_same_of_every_letter_also_of_blends_and_with_guidance(pretrained):
    model, exported = pretrained
    count = len(model.categories)
    blend = np.zeros(count, np.float32)
    blend[[2, 5]] = 0.25, 0.75
    rows = [np.eye(count)[0], np.eye(count)[7], np.eye(count)[-1]]
    rows += [apply_guidance(4, count, model.sampling.guidance), blend, apply_guidance(blend, count, 1.0)]
    read_along(model, exported, rows, [model.alphabet.encode(name).tolist() for name in NAMES])


@pytest.mark.parametrize("kind", KINDS)
def test_every_network_says_the_same_of_whole_names(kind, tmp_path):
    model = tiny(kind)
    rows = [[1, 0, 0], [0, 0, 1], [0.25, 0.25, 0.5]]
    read_along(model, Exported(model, tmp_path), rows, [[0, 1, 2, 3, 3, 0, 2, 1], [3], [2, 2]])


@pytest.mark.parametrize("kind", ["tutorial", "gru without SOS"])
def test_without_an_sos_token_a_name_begins_as_the_training_names_do_with_guidance_too(kind, tmp_path):
    model = dataclasses.replace(tiny(kind), first_letter_counts=np.array([[9, 0, 0, 0], [0, 9, 0, 0], [0, 0, 9, 0]]))
    shares = np.array([[0, 1, 0], apply_guidance(0, 3, 0.9)], np.float32)
    probabilities, _, _ = Exported(model, tmp_path).step(shares, np.array([4, 4]), np.zeros((2, 7), np.float32))
    np.testing.assert_allclose(probabilities, [[0, 1, 0, 0, 0], [1, 0, 0, 0, 0]], atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_the_graph_is_valid_and_of_an_old_operator_set(kind, tmp_path):
    made = onnx.load(Exported(tiny(kind), tmp_path).file)
    onnx.checker.check_model(made, full_check=True)
    assert ([(entry.domain, entry.version) for entry in made.opset_import], made.ir_version) == ([("", 13)], 7)
    shapes = {
        value.name: [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]
        for value in (*made.graph.input, *made.graph.output)
    }
    assert shapes == {
        "category": ["batch", 3],
        "letter": ["batch"],
        "state": ["batch", 7],
        "probabilities": ["batch", 5],
        "next_state": ["batch", 7],
        "logits": ["batch", 5],
    }


def test_the_metadata_tell_what_drawing_takes(pretrained):
    model, exported = pretrained
    facts = exported.facts
    assert facts["format"] == 1
    assert tuple(facts["alphabet"]) == model.alphabet.letters
    assert tuple(facts["categories"]) == model.categories
    assert (facts["edge"], facts["sos"], facts["casing"]) == (58, True, "capitalised")
    assert facts["sampling"] == dataclasses.asdict(model.sampling)
    assert max(20, 2 * facts["longest"]) == max_letters(model, model.sampling, 0)
    assert facts["card"] == model.card


def test_the_example_of_the_page_samples_as_namegen_does(tmp_path, monkeypatch, pretrained):
    """Its code is run with the pretrained model, and what it samples is as frequent as it should be."""
    monkeypatch.chdir(tmp_path)
    page = (REPOSITORY / "docs" / "export.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    ran = {}
    exec(compile(code, "example", "exec"), ran)
    assert [name[0] for name in ran["names"]] == ["A", "B", "C"]
    model, count = pretrained[0], 200
    sampled = [ran["sample"]("Polish", "Ka", np.random.default_rng(seed)) for seed in range(count)]
    assert all(name.startswith("Ka") for name in sampled)
    ours = sample(model, "Polish", ["Ka"], count=5_000, seed=1, floor=0.0)
    for following in "cmlr":
        share = sum(name[2:3] == following for name in ours) / len(ours)
        found = sum(name[2:3] == following for name in sampled) / count
        assert abs(found - share) <= 4 * np.sqrt(share * (1 - share) / count)


def test_the_command_exports_a_model_by_its_name_or_its_path_without_torch(cli, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    elves = dataclasses.replace(tiny("gru"), alphabet=Alphabet(("и́", "и", "ngữ", "김")))
    elves.save(cached_location("elves").model)
    files = []
    for model in ("elves", cached_location("elves").model):
        done = cli("export", model, tmp_path / "Names.ONNX")
        assert (done.code, done.out) == (0, "")
        assert done.err == f"Exported {model} to {tmp_path / 'Names.ONNX'}.\n"
        files.append((tmp_path / "Names.ONNX").read_bytes())
    assert files[0] == files[1]
    assert tuple(Exported(elves, tmp_path).facts["alphabet"]) == elves.alphabet.letters


def test_what_cannot_be_exported_is_one_error_and_an_older_file_stays(cli, tmp_path, monkeypatch):
    old = tmp_path / "old.onnx"
    old.write_bytes(b"older")
    for file in ("names.json", "names", "names.onnx.gz"):
        refused = cli("export", "pretrained", tmp_path / file)
        assert (refused.code, refused.err.count("\n")) == (2, 1)
        assert "use a name that ends in .onnx" in refused.err

    monkeypatch.setitem(sys.modules, "onnx", None)
    refused = cli("export", "pretrained", old)
    assert (refused.code, refused.err.count("\n")) == (1, 1)
    assert "pip install onnx" in refused.err
    assert [path.name for path in tmp_path.glob("*onnx*")] == ["old.onnx"]
    assert old.read_bytes() == b"older"


def test_an_architecture_without_a_graph_is_refused(tmp_path, monkeypatch):
    without = dataclasses.replace(ARCHITECTURES["gru"], onnx_nodes=None)
    monkeypatch.setitem(ARCHITECTURES, "gru", without)
    with pytest.raises(NamegenError, match="models of the architecture gru cannot be exported"):
        export_onnx(tiny("gru"), tmp_path / "x.onnx")
