"""The loss on held-out names while a network trains, in torch, on the device that it trains on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from namegen.batches import category_probabilities, lay_out

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from namegen.dataset import Dataset
    from namegen.recipes import TrainingConfig

_MOST_NAMES = 4096  # more would not make the estimate better by anything that shows
_NAMES_AT_A_TIME = 512


class Validation:
    """Measures the loss on the held-out names, as an estimate of the same mean as the training loss.

    Each category counts with the probability that training draws from it, so the two curves can be compared.

    Attributes:
        interval: how many training names there should be to a measurement at least, so that most time goes into
            training.
    """

    def __init__(self, held_out: Dataset, training: Dataset, config: TrainingConfig, device: torch.device) -> None:
        from namegen.networks import build_network

        self._network = build_network(config, len(training.categories), len(training.alphabet) + 1).to(device).eval()
        self._config, self._device, self._dataset = config, device, held_out
        names = np.argsort(held_out.hashes, kind="stable")[:_MOST_NAMES]
        self._names = names[np.argsort(held_out.lengths[names], kind="stable")]
        category = held_out.category_of[self._names]
        counts = np.bincount(category, minlength=len(held_out.categories))
        weights = (category_probabilities(training, config) / np.maximum(counts, 1))[category]
        self._weights = weights / weights.sum()
        self.interval = 2 * len(names)

    def loss(self, weights: dict[str, NDArray[np.float32]]) -> float:
        """Return the mean letter loss with these weights, without dropout, in nats."""
        import torch

        from namegen.learners import letter_losses, name_losses, on_device
        from namegen.networks import adopt

        adopt(self._network, weights)
        with torch.no_grad():
            losses = []
            for begin in range(0, len(self._names), _NAMES_AT_A_TIME):
                batch = lay_out(self._dataset, self._names[begin : begin + _NAMES_AT_A_TIME], sos=self._config.sos)
                category, inputs, targets = on_device(batch, self._device)
                logits, _ = self._network(category, inputs)
                losses.append(name_losses(letter_losses(logits, targets), targets, sos=self._config.sos))
            return float(torch.cat(losses).cpu().double().numpy() @ self._weights)
