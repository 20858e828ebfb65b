"""The recurrent networks, in torch.

A network reads a name letter by letter, given its category, and after each letter predicts the next letter or the end
of the name. Indices are those of :mod:`namegen.datasets.alphabet`: with ``L`` letters, index ``L`` is the start of a
name as an input and its end as an output, so there are ``L + 1`` inputs and outputs.

:mod:`namegen.models.networks_numpy` has the same networks in numpy, for sampling without torch. To add a network,
derive it from :class:`Network` and register it in :mod:`namegen.architectures`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from namegen.architectures import find_architecture
from namegen.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from namegen.config import TrainingConfig


class Network(nn.Module, ABC):
    """A recurrent network that is conditioned on a category.

    Args:
        config: the settings of the network.
        categories: the number of categories.
        outputs: the number of letters plus 1.
    """

    def __init__(self, config: TrainingConfig, categories: int, outputs: int) -> None:
        super().__init__()
        self.config, self.categories, self.outputs = config, categories, outputs

    @abstractmethod
    def forward(self, category: Tensor, letters: Tensor, hidden: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Read letters.

        Args:
            category: (batch,) int64.
            letters: (batch, length) int64.
            hidden: the state before the first letter, (batch, state); by default the network's initial state.

        Returns:
            The logits after each letter, (batch, length, outputs), and the state after the last, (batch, state).
        """


class TutorialRNN(Network):
    """The tutorial's network: one linear layer computes the hidden state, two compute the output.

    With C categories, O = L + 1 outputs and H hidden units, for each letter::

        input  = concat(one-hot category (C), one-hot letter (O), hidden (H))
        hidden = i2h(input)                           C + O + H -> H
        output = o2o(concat(hidden, i2o(input)))      C + O + H -> O, then H + O -> O

    and dropout on the output. The initial state is zero. The tutorial's recurrence is linear; ``nonlinearity="tanh"``
    makes it a simple recurrent network (Elman 1990, "Finding Structure in Time"). Layers keep torch's default
    initialisation.
    """

    def __init__(self, config: TrainingConfig, categories: int, outputs: int) -> None:
        super().__init__(config, categories, outputs)
        hidden = config.hidden_size
        self.i2h = nn.Linear(categories + outputs + hidden, hidden)
        self.i2o = nn.Linear(categories + outputs + hidden, outputs)
        self.o2o = nn.Linear(hidden + outputs, outputs)

    def forward(self, category: Tensor, letters: Tensor, hidden: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """See :meth:`Network.forward`; the state is (batch, H)."""
        one_hot, dtype = nn.functional.one_hot, self.i2h.weight.dtype
        if hidden is None:
            hidden = torch.zeros(len(letters), self.config.hidden_size, device=letters.device, dtype=dtype)
        which = one_hot(category, self.categories).to(dtype)
        logits = []
        for letter in letters.unbind(dim=1):
            read = torch.cat((which, one_hot(letter, self.outputs).to(dtype), hidden), dim=1)
            hidden = self.i2h(read)
            if self.config.nonlinearity == "tanh":
                hidden = torch.tanh(hidden)
            output = self.o2o(torch.cat((hidden, self.i2o(read)), dim=1))
            logits.append(nn.functional.dropout(output, self.config.dropout, self.training))
        return torch.stack(logits, dim=1), hidden


class ConditionalGRU(Network):
    """A gated recurrent unit (Cho et al. 2014) that is conditioned on the category in three places.

    The reset gate acts after the product with the hidden state, not before it, as in ``torch.nn.GRU``.

    With C categories, O = L + 1 inputs and outputs, and H hidden units::

        hidden_0 = category_state[category]                                            (H)
        gates_t  = read(letter_input[letter_t] + category_input[category])             (3H: reset, update, new)
        hidden_t = GRU cell(gates_t, hidden_t-1), see :class:`_GRURecurrence`          (H)
        output_t = head(dropout(hidden_t)) + category_output[category]                 (O)

    All other weights are shared, so that a category of 70 names profits from one of 9,000. ``read`` is linear, so it is
    applied once to each letter of the alphabet and to each category, not to each letter of each name.

    With an SOS token the state after it depends on the category alone. A batch that has more names than there are
    categories computes it once for each category.
    """

    def __init__(self, config: TrainingConfig, categories: int, outputs: int) -> None:
        super().__init__(config, categories, outputs)
        hidden = config.hidden_size
        self.letter_input = nn.Embedding(outputs, hidden)
        self.category_input = nn.Embedding(categories, hidden)
        self.category_state = nn.Embedding(categories, hidden)
        self.category_output = nn.Embedding(categories, outputs)
        self.read = nn.Linear(hidden, 3 * hidden)
        self.recurrent = nn.Linear(hidden, 3 * hidden)
        self.head = nn.Linear(hidden, outputs)
        nn.init.normal_(self.letter_input.weight, std=0.5)
        nn.init.normal_(self.category_input.weight, std=0.1)
        nn.init.normal_(self.category_state.weight, std=0.1)
        nn.init.zeros_(self.category_output.weight)

    def forward(self, category: Tensor, letters: Tensor, hidden: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """See :meth:`Network.forward`; the state is (batch, H)."""
        by_category = hidden is None and self.config.sos and self.categories < len(letters)
        first_categories = torch.arange(self.categories, device=letters.device) if by_category else category
        if hidden is None:
            hidden = self.category_state(first_categories)
        vectors = torch.cat((self.letter_input.weight, self.category_input(first_categories)))
        from_letters, from_category = nn.functional.linear(vectors, self.read.weight).split(
            [self.outputs, len(first_categories)]
        )
        states: Tensor = _GRURecurrence.apply(  # type: ignore[no-untyped-call]
            from_letters,
            from_category + self.read.bias,
            hidden,
            self.recurrent.weight,
            self.recurrent.bias,
            letters.t(),
            category if by_category else None,
        )
        dropped = apply_dropout(states, self.config.dropout) if self.training else states
        logits = self.head(dropped) + self.category_output(category)
        return logits.transpose(0, 1), states.select(0, -1)


class _GRURecurrence(torch.autograd.Function):
    """The GRU's recurrence over a sequence, with its gradient in closed form.

    For each letter, with h the hidden state before it, g the letter's and the category's part of the gates, and *
    elementwise::

        k = W h + b                          (3H)
        r = logistic(g_reset + k_reset)
        z = logistic(g_update + k_update)
        n = tanh(g_new + r * k_new)
        h = (1 - z) * n + z * h

    Autograd would record a dozen nodes per letter. Here the forward loop has five operations per letter, in place; the
    factors of the gradient are computed for all letters at once, the backward loop has one matrix product per letter,
    and the gradient of W is one product.

    The first letter has its own number of rows, R: the batch, or the categories. The buffers contain the rows of all
    letters, one letter after the other: R rows, then as many as the batch for each other letter.
    """

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        from_letters: Tensor,
        from_category: Tensor,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor,
        letters: Tensor,
        category: Tensor | None,
    ) -> Tensor:
        """Return the states after each letter, (length, batch, H).

        Args:
            ctx: the context of autograd.
            from_letters: the gates of each letter of the alphabet, (O, 3H).
            from_category: the gates of each first row's category, (R, 3H).
            hidden: the initial state of each first row, (R, H).
            weight: W, (3H, H).
            bias: b, (3H,).
            letters: the letters, (length, batch).
            category: the first row of each name, (batch,); then all names have the same first letter. ``None`` if each
                name has its own.
        """
        length, batch = letters.shape
        first, units = hidden.shape
        sizes = [first] + [batch] * (length - 1)
        read = torch.cat((letters[0, :1].expand(first) if category is not None else letters[0], letters[1:].flatten()))
        # Before step t, the rows of `products` are g + b for the switches and b for the new gate, and W h is added.
        products = nn.functional.embedding(
            read, torch.cat((from_letters[:, : 2 * units], bias[2 * units :].expand(len(from_letters), units)), dim=1)
        )
        news = nn.functional.embedding(read, from_letters[:, 2 * units :].contiguous())
        for gates, values, values_bias in (
            (products[:, : 2 * units], from_category[:, : 2 * units], bias[: 2 * units]),
            (news, from_category[:, 2 * units :], None),
        ):
            per_row = values if values_bias is None else values + values_bias
            gates[:first].add_(per_row)
            per_name = per_row if category is None else per_row.index_select(0, category)
            gates[first:].unflatten(0, (length - 1, batch)).add_(per_name)
        switches, inners = products.split([2 * units, units], dim=1)
        states = hidden.new_empty(first + length * batch, units)
        states[:first] = hidden
        befores = states.split([*sizes, batch])
        reset, update = switches.chunk(2, dim=1)
        after_first = befores[1] if category is None else hidden.new_empty(first, units)
        afters = (after_first, *befores[2:])
        recurrent = weight.t()
        for before, after, product, switch, r, z, inner, n in zip(
            befores,
            afters,
            *(values.split(sizes) for values in (products, switches, reset, update, inners, news)),
            strict=False,
        ):
            product.addmm_(before, recurrent)
            switch.sigmoid_()
            torch.addcmul(n, r, inner, out=n).tanh_()
            torch.lerp(n, before, z, out=after)
            if category is not None and after is after_first:
                torch.index_select(after, 0, category, out=befores[1])
        ctx.save_for_backward(states, products, news, weight, read, category)
        ctx.outputs = len(from_letters)
        return states[first:].view(length, batch, units)

    @staticmethod
    def backward(ctx: Any, d_states: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        """Return the gradients with respect to the arguments of :meth:`forward`."""
        states, products, news, weight, read, category = ctx.saved_tensors
        length, batch, units = d_states.shape
        rows = len(news)
        first = rows - (length - 1) * batch
        sizes = [first] + [batch] * (length - 1)
        before, (reset, update, inners) = states[:rows], products.chunk(3, dim=1)
        from_state_to_new = torch.ops.aten.tanh_backward(1 - update, news)
        from_state_to_update = torch.ops.aten.sigmoid_backward(before - news, update)
        from_new_to_reset = torch.ops.aten.sigmoid_backward(inners, reset)
        # The gradients of the products k. Those of g differ only for the new gate, because of the reset gate.
        d_products, d_news = torch.empty_like(products), torch.empty_like(news)
        d_reset, d_update, d_inners = d_products.chunk(3, dim=1)
        steps = zip(
            d_states.unbind(),
            *(
                values.split(sizes)
                for values in (
                    d_products, d_reset, d_update, d_inners, d_news,
                    from_state_to_new, from_state_to_update, from_new_to_reset, reset, update,
                )
            ),
            strict=True,
        )
        d_hidden = torch.zeros_like(d_states[0])
        for d_state, d_k, d_r, d_z, d_inner, d_n, to_n, to_z, to_r, r, z in reversed(list(steps)):
            d_hidden.add_(d_state)
            if category is not None and len(d_k) == first and d_k.data_ptr() == d_products.data_ptr():
                d_hidden = torch.ops.aten.embedding_dense_backward(d_hidden, category, first, -1, False)
            torch.mul(d_hidden, to_n, out=d_n)
            torch.mul(d_n, to_r, out=d_r)
            torch.mul(d_hidden, to_z, out=d_z)
            torch.mul(d_n, r, out=d_inner)
            d_hidden.mul_(z).addmm_(d_k, weight)
        d_weight, d_bias = d_products.t() @ before, d_products.sum(0)
        d_inners.copy_(d_news)
        d_letters = torch.ops.aten.embedding_dense_backward(d_products, read, ctx.outputs, -1, False)
        d_names = d_products[first:].unflatten(0, (length - 1, batch)).sum(0)
        if category is not None:
            d_names = torch.ops.aten.embedding_dense_backward(d_names, category, first, -1, False)
        d_category = d_names.add_(d_products[:first])
        return d_letters, d_category, d_hidden, d_weight, d_bias, None, None


def apply_dropout(values: Tensor, probability: float) -> Tensor:
    """Set each value to 0 with a probability and scale the others to keep the mean (Srivastava et al. 2014).

    On the CPU this takes a fraction of the time of torch's own dropout: it uses 16 bits of torch's default generator
    per value, so the probability is rounded to a multiple of 2**-16 below 1.
    """
    if values.device.type != "cpu" or not probability:
        return nn.functional.dropout(values, probability)
    dropped = min(round(probability * 2**16), 2**16 - 1)
    words = torch.empty(-(-values.numel() // 4), dtype=torch.int64, device=values.device).random_(-(2**63), None)
    words = words.view(torch.int16)[: values.numel()].view(values.shape)
    # Without a tensor of booleans in between, this takes a sixth of the time.
    kept = torch.ge(words, dropped - 2**15, out=torch.empty_like(values, requires_grad=False))
    return values * kept.mul_(2**16 / (2**16 - dropped))


def build_network(config: TrainingConfig, categories: int, outputs: int) -> Network:
    """Build a network on the CPU, initialised from ``config.seed`` alone."""
    name = find_architecture(config).network
    if name is None:
        raise UsageError("a model without a network runs on the CPU only; leave out --device")
    network: type[Network] = resolve_name(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        return network(config, categories, outputs)


def load_weights(network: Network, weights: Mapping[str, NDArray[np.float32]]) -> None:
    """Copy weights, by the names of the parameters, into a network."""
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.copy_(torch.from_numpy(weights[name]))
