"""One step of each network on a torch device, such as a GPU.

Names are the same as with :mod:`namegen.models.networks_numpy`, except where rounding differs. The sampler for devices
(:mod:`namegen.sampling.device_sampler`) keeps states on the device. Everything else calls :meth:`TorchStepper.step`,
which copies states and outputs back after every letter, so that only large networks are faster than in numpy.
"""

from __future__ import annotations

import contextlib
import copy
from typing import TYPE_CHECKING

import numpy as np

from namegen.architectures import find_architecture
from namegen.errors import DeviceError
from namegen.models.inference import blend_weight, initial_state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import torch
    from numpy.typing import NDArray
    from torch import Tensor

    from namegen.models.inference import Category
    from namegen.models.model import Model
    from namegen.models.networks import Network

    Floats = NDArray[np.float32]
    Integers = NDArray[np.integer]


class TorchStepper:
    """A network whose only category is a category or a blend, on a device; see ``inference.Stepper``.

    Attributes:
        device: the device.
    """

    def __init__(self, network: Network, first: Floats, device: torch.device) -> None:
        self._network, self._first, self.device = network, first, device

    def start(self) -> Floats:
        """Return the state before the first letter; see ``inference.Stepper``."""
        return self._first

    def step(self, letters: Integers, hidden: Floats, parents: Integers | None = None) -> tuple[Floats, Floats]:
        """Read one letter in each row; see ``inference.Stepper``."""
        import torch

        with device_errors(self.device):
            before = torch.tensor(hidden, device=self.device)
            if parents is not None:
                before = before.index_select(0, torch.tensor(parents.astype(np.int64), device=self.device))
            logits, after = self.read(torch.tensor(letters.astype(np.int64), device=self.device), before)
            return logits.cpu().numpy(), after.cpu().numpy()

    def read(self, letters: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Read one letter in each row, as :meth:`step` does, with arguments and results on the device.

        Args:
            letters: the indices of the letters, (rows,) int64.
            hidden: the states before them, (rows, S) float32.
        """
        import torch

        with torch.no_grad():
            logits, after = self._network(torch.zeros_like(letters), letters.unsqueeze(1), hidden)
            return logits.squeeze(1), after


def build_torch_steppers(model: Model, device: torch.device) -> Callable[[Category], TorchStepper]:
    """Return a function that conditions a model on a category or a blend, on a device.

    Raises:
        DeviceError: the device cannot hold the weights; from a step, it cannot do the arithmetic.
    """
    import torch

    from namegen.models.networks import build_network

    with torch.device("meta"):  # takes no memory
        network = build_network(model.stage, 1, len(model.alphabet) + 1).eval().requires_grad_(requires_grad=False)
    axes = find_architecture(model.stage).category_axes

    def to_device(weights: Mapping[str, Floats]) -> dict[str, Tensor]:
        with device_errors(device):
            return {name: torch.tensor(weight, device=device) for name, weight in weights.items()}

    shared = to_device({name: weight for name, weight in model.weights.items() if name not in axes})

    def condition(category: Category) -> TorchStepper:
        own = {name: blend_weight(model, name, axis, category) for name, axis in axes.items()}
        conditioned = copy.deepcopy(network)
        conditioned.load_state_dict(shared | to_device(own), assign=True)
        return TorchStepper(conditioned, initial_state(model, category), device)

    return condition


@contextlib.contextmanager
def device_errors(device: torch.device) -> Iterator[None]:
    """Turn torch's errors on a device, such as lack of memory, into a :class:`DeviceError`."""
    try:
        yield
    except RuntimeError as error:
        what = str(error).partition("\n")[0].rstrip(".")
        raise DeviceError(f"sampling on {device} failed: {what}; leave --device out") from error
