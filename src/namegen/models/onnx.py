"""One step of a model's network as an ONNX graph, for programs that are not Python (the extra ``onnx``).

The graph is written node by node from the equations of ``docs/model-file.md``, with the model's own weights under their
own names: nothing is traced, torch is not needed, and the same model gives the same bytes. ``docs/export.md`` describes
inputs, outputs and metadata well enough to draw names with any runtime.

A name begins with the edge as its letter, as everywhere in namegen: whatever the state that comes with it, the network
goes on from the category's own. Where it reads no SOS token, the edge has no weights of its own, and what comes out are
the shares of first letters among the training names.

There is no dropout in the graph, as there is none where names are scored: its probabilities are the network's own.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from namegen.errors import MissingPackageError, NamegenError, UsageError
from namegen.io.files import write_atomically

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnx import GraphProto, NodeProto, ValueInfoProto

    from namegen.models.model import Model

    Weights = dict[str, NDArray[Any]]
    _Part = tuple[list[NodeProto], Weights]


FORMAT_VERSION = 1
"""Of what the graph takes and gives, and of its metadata."""


# As old as can be while every node means what it means today: runtimes of the end of 2020 read them.
_OPERATOR_SET = 13


_IR_VERSION = 7


_SUFFIX = ".onnx"


_MAX_BYTES = 2**31 - 2**24  # of weights: Protocol Buffers end at 2 GiB, and there is more in a file


_INPUTS = {
    "category": "the share of each category: 1 for one and 0 for all others, or a blend",
    "letter": "the letter to read, by its place in the alphabet; the alphabet's length begins a name",
    "state": "the hidden state before the letter; of no account where a name begins",
}


_OUTPUTS = {
    "probabilities": "of each letter to come next; the last is that of the name's end",
    "next_state": "the hidden state after the letter",
    "logits": "the network's outputs before the softmax",
}


def export_onnx(model: Model, path: str | Path) -> None:
    """Write one step of a model's network into an ONNX file, whole or not at all.

    With C categories, O outputs (a letter each, and the end) and H hidden units, a row of a batch for each name, the
    graph takes ``category`` (batch, C) float32, ``letter`` (batch,) int64 and ``state`` (batch, H) float32, and gives
    ``probabilities`` (batch, O), ``next_state`` (batch, H) and ``logits`` (batch, O), all float32.

    Args:
        model: the model.
        path: the file, whose name ends in ``.onnx``.

    Raises:
        UsageError: the file has another ending.
        MissingPackageError: the package ``onnx`` is not installed.
        NamegenError: the model is too large for an ONNX file, or the file cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() != _SUFFIX:
        raise UsageError(f"cannot export into {path}: its name must end in {_SUFFIX}")
    try:
        from onnx import helper
    except ModuleNotFoundError as error:
        raise MissingPackageError(
            "to export needs the package onnx, which is not installed; install it with `pip install onnx`"
        ) from error
    from namegen import __version__

    made = helper.make_model(
        _graph(model),
        opset_imports=[helper.make_opsetid("", _OPERATOR_SET)],
        ir_version=_IR_VERSION,
        producer_name="namegen",
        producer_version=__version__,
        model_version=FORMAT_VERSION,
        doc_string="One step of a recurrent network that invents names, letter by letter.",
    )
    helper.set_model_props(made, {"namegen": json.dumps(_facts(model), sort_keys=True, ensure_ascii=False)})
    write_atomically(path, made.SerializeToString(deterministic=True))


def _facts(model: Model) -> dict[str, Any]:
    """Return what a program needs to know besides the graph, as ``docs/export.md`` describes it."""
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


def _graph(model: Model) -> GraphProto:
    """Return the graph of a step.

    Raises:
        NamegenError: it is too large.
    """
    from onnx import TensorProto, helper, numpy_helper

    parts = [_beginning(model), (_rnn if model.stage.architecture == "rnn" else _gru)(model), _end(model)]
    weights = {name: weight for _, own in parts for name, weight in own.items()}
    size = sum(weight.nbytes for weight in weights.values())
    if size > _MAX_BYTES:
        raise NamegenError(
            f"the model cannot be exported: its weights take {size:,} bytes, and an ONNX file has room for "
            f"{_MAX_BYTES:,}; train one with a smaller --hidden-size"
        )
    categories, outputs, hidden = len(model.categories), len(model.alphabet) + 1, model.stage.hidden_size
    width = {"category": categories, "probabilities": outputs, "logits": outputs}

    def described(values: dict[str, str]) -> list[ValueInfoProto]:
        return [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["batch"], doc_string=meaning)
            if name == "letter"
            else helper.make_tensor_value_info(
                name, TensorProto.FLOAT, ["batch", width.get(name, hidden)], doc_string=meaning
            )
            for name, meaning in values.items()
        ]

    return helper.make_graph(
        [node for nodes, _ in parts for node in nodes],
        f"namegen_{model.stage.architecture}",
        described(_INPUTS),
        described(_OUTPUTS),
        initializer=[numpy_helper.from_array(weight, name) for name, weight in weights.items()],
    )


def _node(outputs: str, operator: str, inputs: str, **attributes: int) -> NodeProto:
    """Return a node; what it gives and takes are names between blanks."""
    from onnx import helper

    made = outputs.split()
    node = helper.make_node(operator, inputs.split(), made, name=made[0])
    node.attribute.extend([helper.make_attribute(name, value) for name, value in attributes.items()])
    return node


def _beginning(model: Model) -> _Part:
    """``begins``, whether a name does, (batch, 1); and ``before``, the state that the letter finds, (batch, H)."""
    weights: Weights = {"edge": np.array(model.alphabet.boundary_id, np.int64), "second_axis": np.array([1], np.int64)}
    nodes = [_node("at_edge", "Equal", "letter edge"), _node("begins", "Unsqueeze", "at_edge second_axis")]
    if model.stage.architecture == "rnn":
        weights["first_state"] = np.zeros((1, model.stage.hidden_size), dtype=np.float32)
    else:
        nodes.append(_node("first_state", "MatMul", "category category_state.weight"))
    return [*nodes, _node("before", "Where", "begins first_state state")], weights


def _gru(model: Model) -> _Part:
    """:class:`~namegen.models.networks.ConditionalGRU`, from ``before`` to ``after`` and ``outputs``.

    Read the letter and the category into g, and the hidden state into k; then, with * by elements::

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


def _rnn(model: Model) -> _Part:
    """:class:`~namegen.models.networks.TutorialRNN`, from ``before`` to ``after`` and ``outputs``."""
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


def _end(model: Model) -> _Part:
    """What the graph gives; where a name begins without an SOS token, shares of first letters and the first state."""
    softmax = _node("probabilities", "Softmax", "logits", axis=1)
    if model.training.sos:
        return [_node("next_state", "Identity", "after"), _node("logits", "Identity", "outputs"), softmax], {}
    shares = np.zeros((len(model.categories), len(model.alphabet) + 1), dtype=np.float32)  # no name is empty
    shares[:, :-1] = model.first_letter_counts / model.counts[:, None]
    nodes = [
        _node("next_state", "Where", "begins first_state after"),
        _node("begun", "MatMul", "category first_letters"),
        _node("shares", "Relu", "begun"),  # with guidance some might be less than nothing
        _node("first_outputs", "Log", "shares"),
        _node("logits", "Where", "begins first_outputs outputs"),
        softmax,
    ]
    return nodes, {"first_letters": shares}
