"""Export one step of a model's network as an ONNX graph (the extra ``onnx``).

The graph is built node by node from the equations of ``docs/model-file.md``, with the model's weights under their own
names, so torch is not needed, and the same model gives the same bytes. ``docs/export.md`` describes how to sample with
it. The graph has no dropout.
"""

from __future__ import annotations

import dataclasses
import json
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

import numpy as np

from namegen._validate import check_arguments, check_path
from namegen.architectures import find_architecture
from namegen.errors import NamegenError, UsageError
from namegen.io.files import write_atomically
from namegen.models.inference import initial_state
from namegen.models.store import to_model
from namegen.optional_packages import required

if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike
    from pathlib import Path

    from numpy.typing import NDArray
    from onnx import GraphProto, NodeProto, ValueInfoProto

    from namegen.models.model import Model

    Weights = dict[str, NDArray[Any]]
    Part = tuple[list[NodeProto], Weights]


FORMAT_VERSION = 1  # of the graph's inputs, outputs and metadata

# The oldest versions in which every node means the same as today; runtimes from the end of 2020 read them.
_OPERATOR_SET = 13
_IR_VERSION = 7
_SUFFIX = ".onnx"


@check_arguments()
def export_onnx(model: Model | str | PathLike[str], path: str | Path) -> None:
    """Write one step of a model's network to an ONNX file, atomically.

    With C categories, O outputs (the letters and the end) and H hidden units, the inputs are ``category`` (batch, C)
    float32, ``letter`` (batch,) int64 and ``state`` (batch, H) float32, and the outputs ``probabilities`` (batch, O),
    ``next_state`` (batch, H) and ``logits`` (batch, O), all float32.

    The file has the network alone, without the model's n-gram and plausibility floor.

    Args:
        model: the model, or its name or path.
        path: the file; its name must end in ``.onnx``.

    Raises:
        UsageError: the file name has another suffix, or the model has no network.
        MissingPackageError: the package ``onnx`` is not installed.
        NamegenError: the architecture cannot be exported, or the file cannot be written.
    """
    path = check_path("path", path)
    if path.suffix.lower() != _SUFFIX:
        raise UsageError(f"cannot export to {path}; use a name that ends in {_SUFFIX}")
    model = to_model(model)
    if not model.has_network:
        raise UsageError("this model is an n-gram without a network, which cannot be exported; use another model")
    with required("onnx"):
        from onnx import helper
    from namegen import __version__

    proto = helper.make_model(
        _build_graph(model),
        opset_imports=[helper.make_opsetid("", _OPERATOR_SET)],
        ir_version=_IR_VERSION,
        producer_name="namegen",
        producer_version=__version__,
        model_version=FORMAT_VERSION,
        doc_string="One step of a recurrent network that invents names, letter by letter.",
    )
    helper.set_model_props(proto, {"namegen": json.dumps(_metadata(model), sort_keys=True, ensure_ascii=False)})
    write_atomically(path, proto.SerializeToString(deterministic=True))


def _metadata(model: Model) -> dict[str, Any]:
    """Return the information that a program needs besides the graph."""
    return {
        "alphabet": list(model.alphabet.letters),
        "card": model.card,
        "casing": model.casing,
        "categories": list(model.categories),
        "dataset": model.dataset,
        "edge": model.alphabet.boundary_id,
        "format": FORMAT_VERSION,
        "longest": model.longest,
        "sampling": dataclasses.asdict(model.sampling),
        "sos": model.training.sos,
    }


def _build_graph(model: Model) -> GraphProto:
    from onnx import TensorProto, helper, numpy_helper

    architecture = find_architecture(model.stage)
    if architecture.onnx_nodes is None:
        raise NamegenError(f"models of the architecture {model.stage.architecture} cannot be exported")
    cell: Callable[[Model], Part] = resolve_name(architecture.onnx_nodes)
    parts = [_begin(model), cell(model), _end(model)]
    weights = {name: weight for _, own in parts for name, weight in own.items()}
    state, outputs = initial_state(model, 0).size, len(model.alphabet) + 1

    def describe(name: str, meaning: str, *shape: int) -> ValueInfoProto:
        dtype = TensorProto.FLOAT if shape else TensorProto.INT64
        return helper.make_tensor_value_info(name, dtype, ["batch", *shape], doc_string=meaning)

    return helper.make_graph(
        [node for nodes, _ in parts for node in nodes],
        f"namegen_{model.stage.architecture}",
        [
            describe("category", "the share of each category; the shares add up to 1", len(model.categories)),
            describe("letter", "the index of the letter in the alphabet, or the alphabet's length to begin a name"),
            describe("state", "the hidden state before the letter, ignored where a name begins", state),
        ],
        [
            describe("probabilities", "the probability that each letter is next, and that the name ends", outputs),
            describe("next_state", "the hidden state after the letter", state),
            describe("logits", "the network's outputs before the softmax", outputs),
        ],
        initializer=[numpy_helper.from_array(weight, name) for name, weight in weights.items()],
    )


def _node(outputs: str, operator: str, inputs: str, **attributes: Any) -> NodeProto:  # noqa: ANN401 - as in onnx
    """Return a node; outputs and inputs are names separated by spaces."""
    from onnx import helper

    names = outputs.split()
    return helper.make_node(operator, inputs.split(), names, name=names[0], **attributes)


def _begin(model: Model) -> Part:
    """Compute ``begins``, whether a name begins, (batch, 1), and ``before``, the state before the letter."""
    weights: Weights = {"edge": np.array(model.alphabet.boundary_id, np.int64), "second_axis": np.array([1], np.int64)}
    nodes = [_node("at_edge", "Equal", "letter edge"), _node("begins", "Unsqueeze", "at_edge second_axis")]
    vectors = find_architecture(model.stage).initial_state
    if vectors is None:
        weights["first_state"] = initial_state(model, 0)
    else:
        nodes.append(_node("first_state", "MatMul", f"category {vectors}"))
    return [*nodes, _node("before", "Where", "begins first_state state")], weights


def gru_nodes(model: Model) -> Part:
    """Compute ``after`` and ``outputs`` from ``before``, as :class:`~namegen.models.networks.ConditionalGRU`.

    With g from the letter and the category, k from the state, and * elementwise::

        r = logistic(g_reset + k_reset)
        z = logistic(g_update + k_update)
        n = tanh(g_new + r * k_new)
        after = n + z * (before - n)
    """
    nodes = [
        _node("from_letter", "Gather", "letter_input.weight letter"),
        _node("from_category", "MatMul", "category category_input.weight"),
        _node("input", "Add", "from_letter from_category"),
        _node("g", "Gemm", "input read.weight read.bias", transB=1),
        _node("g_reset g_update g_new", "Split", "g", axis=1),
        _node("k", "Gemm", "before recurrent.weight recurrent.bias", transB=1),
        _node("k_reset k_update k_new", "Split", "k", axis=1),
        _node("reset", "Add", "g_reset k_reset"),
        _node("r", "Sigmoid", "reset"),
        _node("update", "Add", "g_update k_update"),
        _node("z", "Sigmoid", "update"),
        _node("r_k_new", "Mul", "r k_new"),
        _node("new", "Add", "g_new r_k_new"),
        _node("n", "Tanh", "new"),
        _node("change", "Sub", "before n"),
        _node("kept", "Mul", "z change"),
        _node("after", "Add", "n kept"),
        _node("shared_outputs", "Gemm", "after head.weight head.bias", transB=1),
        _node("own_outputs", "MatMul", "category category_output.weight"),
        _node("outputs", "Add", "shared_outputs own_outputs"),
    ]
    return nodes, model.weights


def rnn_nodes(model: Model) -> Part:
    """Compute ``after`` and ``outputs`` from ``before``, as :class:`~namegen.models.networks.TutorialRNN`."""
    nodes = [
        _node("one_hot", "OneHot", "letter depth off_and_on"),
        _node("read", "Concat", "category one_hot before", axis=1),
        _node("i2h", "Gemm", "read i2h.weight i2h.bias", transB=1),
        _node("after", "Tanh" if model.stage.nonlinearity == "tanh" else "Identity", "i2h"),
        _node("i2o", "Gemm", "read i2o.weight i2o.bias", transB=1),
        _node("after_and_i2o", "Concat", "after i2o", axis=1),
        _node("outputs", "Gemm", "after_and_i2o o2o.weight o2o.bias", transB=1),
    ]
    one_hot: Weights = {
        "depth": np.array(len(model.alphabet) + 1, np.int64),
        "off_and_on": np.array([0, 1], np.float32),
    }
    return nodes, {**one_hot, **model.weights}


def _end(model: Model) -> Part:
    """Compute the outputs of the graph; without an SOS token the shares of first letters begin a name."""
    softmax = _node("probabilities", "Softmax", "logits", axis=1)
    if model.training.sos:
        return [_node("next_state", "Identity", "after"), _node("logits", "Identity", "outputs"), softmax], {}
    shares = np.pad(model.first_letter_counts / model.counts[:, None], ((0, 0), (0, 1)))  # no name is empty
    nodes = [
        _node("next_state", "Where", "begins first_state after"),
        _node("begun", "MatMul", "category first_letters"),
        _node("shares", "Relu", "begun"),  # guidance can make some negative
        _node("first_outputs", "Log", "shares"),
        _node("logits", "Where", "begins first_outputs outputs"),
        softmax,
    ]
    return nodes, {"first_letters": shares.astype(np.float32)}
