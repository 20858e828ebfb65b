"""The network architectures and the shapes of their weights, without importing torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from namegen.config import TrainingConfig


def weight_shapes(training: TrainingConfig, categories: int, outputs: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of every parameter of the network that a configuration asks for."""
    hidden = training.hidden_size
    if training.architecture == "rnn":
        read = categories + outputs + hidden
        return {
            "i2h.weight": (hidden, read),
            "i2h.bias": (hidden,),
            "i2o.weight": (outputs, read),
            "i2o.bias": (outputs,),
            "o2o.weight": (outputs, hidden + outputs),
            "o2o.bias": (outputs,),
        }
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
