"""The registry of architectures, without importing torch.

To add a network, write its cell in torch (:mod:`namegen.models.networks`) and one step of it in numpy
(:mod:`namegen.models.networks_numpy`), and register both here. Everything else reads the registry. The architecture
``ngram`` has no network: the n-grams of the model predict all letters.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from namegen.config import TrainingConfig

Shapes: TypeAlias = "dict[str, tuple[int, ...]]"


@dataclass(frozen=True, eq=False, repr=False)  # each generated method delays every command
class Architecture:
    """An architecture of models.

    References to code are strings, ``module:name``, so that torch and onnx are imported only where they are used.

    Attributes:
        network: the torch module, a subclass of :class:`namegen.models.networks.Network`; ``None`` for none.
        steppers: a function like :func:`namegen.models.inference.build_steppers`, for models of this architecture.
        weight_shapes: returns the shape of each weight from the numbers of hidden units, categories and outputs.
        category_axes: the weights that depend on the category, and the axis along which they do. The first entries
            along it belong to the categories, one each.
        letter_axes: the weights that depend on the letters, and the axis along which they have an entry for each
            letter and one for the boundary of a name; ``None`` if a model cannot be restricted to some letters.
        initial_state: the weight that holds each category's initial state, (categories, state); ``None`` for zeros.
        state_vectors: the number of vectors of ``hidden_size`` units in the state: 1, or 2 for an LSTM, whose state is
            concat(h, c). The rest of the code handles a state as a single array.
        onnx_nodes: a function that returns the cell as nodes of an ONNX graph (see :mod:`namegen.models.onnx`);
            ``None`` if models cannot be exported.
        fine_tuning: whether categories can be added to a trained model. Its ``category_axes`` must all be 0.
        distillation: whether networks can learn from an ensemble of teachers.
    """

    network: str | None
    steppers: str
    weight_shapes: Callable[[int, int, int], Shapes]
    category_axes: Mapping[str, int] = field(default_factory=dict)
    letter_axes: Mapping[str, int] | None = None
    initial_state: str | None = None
    state_vectors: int = 1
    onnx_nodes: str | None = None
    fine_tuning: bool = True
    distillation: bool = True


def _gru_shapes(hidden: int, categories: int, outputs: int) -> Shapes:
    return {
        "letter_input.weight": (outputs, hidden),
        "category_input.weight": (categories, hidden),
        "category_state.weight": (categories, hidden),
        "category_output.weight": (categories, outputs),
        "read.weight": (3 * hidden, hidden),
        "read.bias": (3 * hidden,),
        "recurrent.weight": (3 * hidden, hidden),
        "recurrent.bias": (3 * hidden,),
        "head.weight": (outputs, hidden),
        "head.bias": (outputs,),
    }


def _rnn_shapes(hidden: int, categories: int, outputs: int) -> Shapes:
    read = categories + outputs + hidden
    return {
        "i2h.weight": (hidden, read),
        "i2h.bias": (hidden,),
        "i2o.weight": (outputs, read),
        "i2o.bias": (outputs,),
        "o2o.weight": (outputs, hidden + outputs),
        "o2o.bias": (outputs,),
    }


ARCHITECTURES = {
    "gru": Architecture(
        network="namegen.models.networks:ConditionalGRU",
        steppers="namegen.models.networks_numpy:build_gru_steppers",
        weight_shapes=_gru_shapes,
        category_axes={"category_input.weight": 0, "category_state.weight": 0, "category_output.weight": 0},
        letter_axes={"letter_input.weight": 0, "category_output.weight": 1, "head.weight": 0, "head.bias": 0},
        initial_state="category_state.weight",
        onnx_nodes="namegen.models.onnx:gru_nodes",
    ),
    "rnn": Architecture(
        network="namegen.models.networks:TutorialRNN",
        steppers="namegen.models.networks_numpy:build_rnn_steppers",
        weight_shapes=_rnn_shapes,
        category_axes={"i2h.weight": 1, "i2o.weight": 1},
        onnx_nodes="namegen.models.onnx:rnn_nodes",
        fine_tuning=False,
        distillation=False,
    ),
    "ngram": Architecture(
        network=None,
        steppers="namegen.models.mixture:build_ngram_steppers",
        weight_shapes=lambda *_: {},
        letter_axes={},
        fine_tuning=False,
        distillation=False,
    ),
}


def find_architecture(training: TrainingConfig) -> Architecture:
    """Return the architecture that a configuration asks for."""
    return ARCHITECTURES[training.architecture]


def weight_shapes(training: TrainingConfig, categories: int, outputs: int) -> Shapes:
    """Return the shape of every weight of the network that a configuration asks for."""
    return find_architecture(training).weight_shapes(training.hidden_size, categories, outputs)
