"""Compute the losses of letters and names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from namegen.optional_packages import required
from namegen.training.batches import IGNORED

if TYPE_CHECKING:
    from namegen.training.batches import Batch

with required("torch"):
    import torch


def letter_losses(
    logits: torch.Tensor, targets: torch.Tensor, soft_targets: torch.Tensor | None = None
) -> torch.Tensor:
    """Return the negative log-likelihood of every target, (names, length); 0 where it is ``IGNORED``.

    Args:
        logits: (names, length, outputs).
        targets: (names, length).
        soft_targets: as :attr:`Batch.soft_targets`; then the loss is the cross-entropy with these.
    """
    cross_entropy, flat = torch.nn.functional.cross_entropy, logits.flatten(0, 1)
    if soft_targets is None:
        losses = cross_entropy(flat, targets.flatten(), ignore_index=IGNORED, reduction="none")
    else:
        losses = cross_entropy(flat, soft_targets.flatten(0, 1), reduction="none")
    return losses.view(targets.shape)


def name_losses(letters: torch.Tensor, targets: torch.Tensor, *, sos: bool) -> torch.Tensor:
    """Return each name's mean letter loss, (names,), from the losses of its letters, (names, length).

    The first letter does not count, so that networks with and without an SOS token can be compared.
    """
    counted = targets != IGNORED
    if sos:
        letters, counted = (values.narrow(1, 1, values.shape[1] - 1) for values in (letters, counted))
    return letters.sum(dim=1) / counted.sum(dim=1)


def to_tensors(batch: Batch, device: torch.device) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return a batch's category, inputs and targets as tensors on a device."""
    category, inputs, targets = (
        torch.from_numpy(array).to(device) for array in (batch.category, batch.inputs, batch.targets)
    )
    return category, inputs, targets
