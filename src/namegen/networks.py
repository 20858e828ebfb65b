"""The recurrent networks, in torch.

Both read a name letter by letter and say, after each letter, how likely each letter of the alphabet and the end of
the name are to come next, given the category. Indices are those of :mod:`namegen.alphabet`: with ``L`` letters,
index ``L`` is the start of a name as an input and its end as an output, so there are ``L + 1`` of either.

`forward` returns logits, that is, log-probabilities up to a constant in each row. :mod:`namegen.inference` holds the
same mathematics in numpy, for drawing names without torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from namegen.recipes import TrainingConfig


class TutorialRNN(nn.Module):
    """The tutorial's network: one linear layer makes the new hidden state, two make the output.

    With C categories, O = L + 1 outputs and H hidden units, for each letter::

        input  = concat(one-hot category (C), one-hot letter (O), hidden (H))
        hidden = i2h(input)                           C + O + H -> H
        output = o2o(concat(hidden, i2o(input)))      C + O + H -> O, then H + O -> O

    and dropout on the output. The tutorial has no nonlinearity in the recurrence; ``nonlinearity="tanh"`` makes
    it Elman's simple recurrent network (1990, "Finding Structure in Time"). Layers keep torch's default initialisation.
    """

    def __init__(
        self,
        categories: int,
        outputs: int,
        hidden: int,
        dropout: float = 0.0,
        nonlinearity: Literal["tanh", "none"] = "none",
    ) -> None:
        super().__init__()
        self.categories, self.outputs, self.hidden = categories, outputs, hidden
        self.nonlinearity = nonlinearity
        self.i2h = nn.Linear(categories + outputs + hidden, hidden)
        self.i2o = nn.Linear(categories + outputs + hidden, outputs)
        self.o2o = nn.Linear(hidden + outputs, outputs)
        self.dropout = nn.Dropout(dropout)

    def forward(self, category: Tensor, letters: Tensor, hidden: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Read letters.

        Args:
            category: (batch,) int64.
            letters: (batch, length) int64.
            hidden: the state to go on from, (batch, hidden); zeros if absent.

        Returns:
            The logits after each letter, (batch, length, outputs), and the state after the last, (batch, hidden).
        """
        one_hot = nn.functional.one_hot
        dtype = self.i2h.weight.dtype
        if hidden is None:
            hidden = torch.zeros(len(letters), self.hidden, device=letters.device, dtype=dtype)
        which = one_hot(category, self.categories).to(dtype)
        logits = []
        for letter in letters.unbind(dim=1):
            read = torch.cat((which, one_hot(letter, self.outputs).to(dtype), hidden), dim=1)
            hidden = self.i2h(read)
            if self.nonlinearity == "tanh":
                hidden = torch.tanh(hidden)
            logits.append(self.dropout(self.o2o(torch.cat((hidden, self.i2o(read)), dim=1))))
        return torch.stack(logits, dim=1), hidden


class ConditionalGRU(nn.Module):
    """A gated recurrent unit (Cho et al. 2014) that the category steers in three places.

    With C categories, O = L + 1 inputs and outputs, and H hidden units::

        hidden_0 = category_state[category]                                  (H)
        input_t  = letter_input[letter_t] + category_input[category]         (H)
        hidden_t = GRU(input_t, hidden_t-1)                                  (H)
        output_t = head(dropout(hidden_t)) + category_output[category]       (O)

    so that the category is there from the first letter on, colours every reading, and has letter frequencies of
    its own; the rest is shared, which is what lets a category of 70 names profit from one of 9,000.
    """

    def __init__(self, categories: int, outputs: int, hidden: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.categories, self.outputs, self.hidden = categories, outputs, hidden
        self.letter_input = nn.Embedding(outputs, hidden)
        self.category_input = nn.Embedding(categories, hidden)
        self.category_state = nn.Embedding(categories, hidden)
        self.category_output = nn.Embedding(categories, outputs)
        self.gru = nn.GRU(hidden, hidden, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(hidden, outputs)
        nn.init.normal_(self.letter_input.weight, std=0.5)
        nn.init.normal_(self.category_input.weight, std=0.1)
        nn.init.normal_(self.category_state.weight, std=0.1)
        nn.init.zeros_(self.category_output.weight)

    def forward(self, category: Tensor, letters: Tensor, hidden: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Read letters.

        Args:
            category: (batch,) int64.
            letters: (batch, length) int64.
            hidden: the state to go on from, (batch, hidden); the category's first state if absent.

        Returns:
            The logits after each letter, (batch, length, outputs), and the state after the last, (batch, hidden).
        """
        if hidden is None:
            hidden = self.category_state(category)
        read = self.letter_input(letters) + self.category_input(category).unsqueeze(1)
        states, last = self.gru(read, hidden.unsqueeze(0))
        return self.head(self.dropout(states)) + self.category_output(category).unsqueeze(1), last.squeeze(0)


Network = TutorialRNN | ConditionalGRU


def build_network(config: TrainingConfig, categories: int, outputs: int) -> Network:
    """Build the network that a configuration asks for, on the CPU, initialised from ``config.seed`` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        if config.architecture == "gru":
            return ConditionalGRU(categories, outputs, config.hidden_size, config.dropout)
        return TutorialRNN(categories, outputs, config.hidden_size, config.dropout, config.nonlinearity)
