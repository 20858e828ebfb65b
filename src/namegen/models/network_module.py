"""The network of a model as a torch module, for research: :meth:`namegen.models.model.Model.to_torch`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from namegen.errors import UsageError
from namegen.models.networks import build_network, load_weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from namegen.models.model import Model


class NetworkModule(nn.Module):
    """The network of a model, which returns the logits and the hidden states of every step.

    Letters are indices into the model's alphabet. The index ``boundary_id`` is the start of a name as an input, which a
    network with an SOS token reads first, and its end as an output; as a target it follows the last letter.

    Attributes:
        network: the network, whose parameters have the names of the model file's tensors.
        categories: the categories, whose indices are the inputs.
        boundary_id: the index of the start and the end of a name.
        sos: whether names begin with ``boundary_id``.

    Raises:
        UsageError: the model has no network.
    """

    def __init__(self, model: Model) -> None:
        super().__init__()
        if not model.has_network:
            raise UsageError("this model has no network; train one with another recipe than instant")
        self.network = build_network(model.stage, len(model.categories), len(model.alphabet) + 1)
        load_weights(self.network, model.weights)
        self.categories, self.boundary_id, self.sos = model.categories, model.alphabet.boundary_id, model.training.sos
        self._alphabet = model.alphabet
        self.eval()

    def forward(self, category: Tensor, letters: Tensor) -> tuple[Tensor, Tensor]:
        """Read names.

        Args:
            category: the index of each name's category, (batch,) int64.
            letters: the indices of its letters, (batch, length) int64.

        Returns:
            The logits of the next letter or the end after each letter, (batch, length, letters + 1), and the hidden
            states after each letter, (batch, length, hidden).
        """
        logits, states, hidden = [], [], None
        for letter in letters.unbind(dim=1):
            output, hidden = self.network(category, letter[:, None], hidden)
            logits.append(output)
            states.append(hidden)
        return torch.cat(logits, dim=1), torch.stack(states, dim=1)

    def encode(self, category: str, names: Sequence[str]) -> tuple[Tensor, Tensor, Tensor]:
        """Return names as the tensors that a training step needs, on the CPU.

        Args:
            category: the category of all names.
            names: the names, in the letters and case of the model.

        Returns:
            The indices of the category, (names,); the inputs, (names, length), padded with ``boundary_id``; and the
            targets, (names, length): the letters and then the end, padded with -100, which
            ``torch.nn.functional.cross_entropy`` ignores.

        Raises:
            UsageError: there is no such category, a name is empty, or a letter is not in the alphabet.
        """
        if category not in self.categories:
            raise UsageError(f"no category {category!r}; choose from {', '.join(self.categories)}")
        if not all(names):
            raise UsageError("a name is empty; leave it out")
        encoded = [self._alphabet.encode(name).tolist() for name in names]
        start, end = [self.boundary_id] if self.sos else [], [self.boundary_id]
        inputs = [[*start, *letters] for letters in encoded]
        targets = [[*letters[0 if self.sos else 1 :], *end] for letters in encoded]
        return (
            torch.full((len(names),), self.categories.index(category), dtype=torch.int64),
            _pad(inputs, self.boundary_id),
            _pad(targets, -100),
        )


def _pad(rows: Sequence[Sequence[int]], padding: int) -> Tensor:
    return nn.utils.rnn.pad_sequence(
        [torch.tensor(row, dtype=torch.int64) for row in rows], batch_first=True, padding_value=padding
    )
