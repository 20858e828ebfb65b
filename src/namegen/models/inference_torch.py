"""One step of each network on a device of torch's, such as a GPU, for drawing names there.

What :mod:`namegen.models.inference` does in numpy is done here by the networks themselves, so both give the same
names, but
for the last bits of the arithmetic and now and then a name with them. Only the network runs on the device: hidden
states and outputs come back after every step, and the letters are chosen as ever, by the same random numbers. So it
pays where the network is large.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np

from namegen.errors import DeviceError
from namegen.models.inference import mix_vectors

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
    """A network on a device, its category fixed; see :class:`~namegen.models.inference.Stepper`.

    Args:
        network: a network of one category, without weights of its own.
        weights: those to use, on the device.
        first: the hidden state before the first letter, (1, H).
        device: the device.
    """

    def __init__(self, network: Network, weights: Mapping[str, Tensor], first: Floats, device: torch.device) -> None:
        self._network, self._weights, self._first, self._device = network, dict(weights), first, device

    def start(self) -> Floats:
        return self._first

    def step(self, letters: Integers, hidden: Floats, parents: Integers | None = None) -> tuple[Floats, Floats]:
        with _working(self._device):
            logits, after = self.forward(letters, hidden, parents)
            return logits.cpu().numpy(), after.cpu().numpy()

    def forward(self, letters: Integers, hidden: Floats, parents: Integers | None) -> tuple[Tensor, Tensor]:
        """Do what :meth:`step` does, and leave the results on the device."""
        import torch

        def there(array: NDArray[Any]) -> Tensor:
            return torch.tensor(array, device=self._device)

        with torch.no_grad():
            before = there(hidden)
            if parents is not None:
                before = before.index_select(0, there(parents.astype(np.int64)))
            read = there(letters.astype(np.int64))
            given = torch.zeros_like(read), read.unsqueeze(1), before
            logits, after = torch.func.functional_call(self._network, self._weights, given, strict=True)
            return logits.squeeze(1), after


def build_torch_steppers(model: Model, device: torch.device) -> Callable[[Category], Stepper]:
    """Put a model on a device; returns what gives the network for a category, or for a blend of several.

    As :func:`~namegen.models.inference.build_steppers`. What all categories share is on the device once.

    Raises:
        DeviceError: the device cannot take it; or later, do the arithmetic.
    """
    import torch

    from namegen.models.networks import build_network

    with torch.device("meta"):  # takes no memory
        network = build_network(model.stage, 1, len(model.alphabet) + 1).eval()
    shared, own = _gru_weights(model) if model.stage.architecture == "gru" else _rnn_weights(model)

    def there(weights: Mapping[str, Floats]) -> dict[str, Tensor]:
        with _working(device):
            return {name: torch.tensor(weight, device=device) for name, weight in weights.items()}

    on_device = there(shared)

    def stepper(category: Category) -> Stepper:
        weights = own(category)
        first = weights.get("category_state.weight", np.zeros((1, model.stage.hidden_size), dtype=np.float32))
        return _TorchStepper(network, on_device | there(weights), first, device)

    return stepper


def _gru_weights(model: Model) -> tuple[dict[str, Floats], Callable[[Category], dict[str, Floats]]]:
    """Return the weights that all categories share, and what gives those of a category."""
    vectors = {name: weight for name, weight in model.weights.items() if name.startswith("category_")}
    shared = {name: weight for name, weight in model.weights.items() if name not in vectors}
    return shared, lambda category: {name: mix_vectors(weight, category)[None] for name, weight in vectors.items()}


def _rnn_weights(model: Model) -> tuple[dict[str, Floats], Callable[[Category], dict[str, Floats]]]:
    """Likewise: what the category adds to a layer is as good as part of its bias."""
    categories, weights = len(model.categories), model.weights
    shared = {name: weight for name, weight in weights.items() if name.startswith("o2o")}
    for layer in ("i2h", "i2o"):
        weight = weights[f"{layer}.weight"]
        shared[f"{layer}.weight"] = np.concatenate([np.zeros_like(weight[:, :1]), weight[:, categories:]], axis=1)

    def own(category: Category) -> dict[str, Floats]:
        return {
            f"{layer}.bias": weights[f"{layer}.bias"]
            + mix_vectors(weights[f"{layer}.weight"][:, :categories].T, category)
            for layer in ("i2h", "i2o")
        }

    return shared, own


@contextlib.contextmanager
def _working(device: torch.device) -> Iterator[None]:
    """Say in one line what goes wrong on a device while the body uses it, such as that its memory is full."""
    try:
        yield
    except RuntimeError as error:
        what = str(error).partition("\n")[0].rstrip(".")
        raise DeviceError(f"drawing on {device} failed: {what}; leave --device out") from error
