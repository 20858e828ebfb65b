"""One step of each network on a torch device, such as a GPU.

Names are the same as with :mod:`namegen.models.networks_numpy`, except where rounding differs. Only the network runs on
the device. States and outputs are copied back after every step, and letters are chosen on the CPU with the same random
numbers, so only large networks are faster on a device.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np

from namegen.architectures import find_architecture
from namegen.errors import DeviceError
from namegen.models.inference import blend_weight, initial_state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import torch
    from numpy.typing import NDArray
    from torch import Tensor

    from namegen.models.inference import Category, Stepper
    from namegen.models.model import Model
    from namegen.models.networks import Network

    Floats = NDArray[np.float32]
    Integers = NDArray[np.integer]


class _TorchStepper:
    """A network of one category on a device. The network has no weights itself; see ``inference.Stepper``."""

    def __init__(self, network: Network, weights: Mapping[str, Tensor], first: Floats, device: torch.device) -> None:
        self._network, self._weights, self._first, self._device = network, dict(weights), first, device

    def start(self) -> Floats:
        return self._first

    def step(self, letters: Integers, hidden: Floats, parents: Integers | None = None) -> tuple[Floats, Floats]:
        with _device_errors(self._device):
            logits, after = self.forward(letters, hidden, parents)
            return logits.cpu().numpy(), after.cpu().numpy()

    def forward(self, letters: Integers, hidden: Floats, parents: Integers | None) -> tuple[Tensor, Tensor]:
        """Do the same as :meth:`step`, with the results on the device."""
        import torch

        def to_device(array: NDArray[Any]) -> Tensor:
            return torch.tensor(array, device=self._device)

        with torch.no_grad():
            before = to_device(hidden)
            if parents is not None:
                before = before.index_select(0, to_device(parents.astype(np.int64)))
            read = to_device(letters.astype(np.int64))
            arguments = torch.zeros_like(read), read.unsqueeze(1), before
            logits, after = torch.func.functional_call(self._network, self._weights, arguments, strict=True)
            return logits.squeeze(1), after


def build_torch_steppers(model: Model, device: torch.device) -> Callable[[Category], Stepper]:
    """Return a function that conditions a model on a category or a blend, on a device.

    Raises:
        DeviceError: the device cannot hold the weights; from a step, it cannot do the arithmetic.
    """
    import torch

    from namegen.models.networks import build_network

    with torch.device("meta"):  # takes no memory
        network = build_network(model.stage, 1, len(model.alphabet) + 1).eval()
    axes = find_architecture(model.stage).category_axes

    def to_device(weights: Mapping[str, Floats]) -> dict[str, Tensor]:
        with _device_errors(device):
            return {name: torch.tensor(weight, device=device) for name, weight in weights.items()}

    shared = to_device({name: weight for name, weight in model.weights.items() if name not in axes})

    def condition(category: Category) -> Stepper:
        own = {name: blend_weight(model, name, axis, category) for name, axis in axes.items()}
        return _TorchStepper(network, shared | to_device(own), initial_state(model, category), device)

    return condition


@contextlib.contextmanager
def _device_errors(device: torch.device) -> Iterator[None]:
    """Turn torch's errors on a device, such as lack of memory, into a :class:`DeviceError`."""
    try:
        yield
    except RuntimeError as error:
        what = str(error).partition("\n")[0].rstrip(".")
        raise DeviceError(f"sampling on {device} failed: {what}; leave --device out") from error
