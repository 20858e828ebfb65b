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

from namegen.architectures import find_architecture
from namegen.errors import UsageError
from namegen.optional_packages import required

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from namegen.config import TrainingConfig

with required("torch"):
    import torch
    from torch import Tensor, nn


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
        """See :meth:`Network.forward`; the state is (batch, H).

        If the network has an SOS token and there is no ``hidden``, the first letter of every name must be SOS.
        """
        by_category = hidden is None and self.config.sos and self.categories < len(letters)
        first_categories = torch.arange(self.categories, device=letters.device) if by_category else category
        if hidden is None:
            hidden = self.category_state(first_categories)
        vectors = torch.cat((self.letter_input.weight, self.category_input(first_categories)))
        from_letters, from_category = torch.split(
            nn.functional.linear(vectors, self.read.weight), [self.outputs, len(first_categories)]
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

    Autograd would record a dozen nodes per letter. Here the forward loop has five operations per letter, in place. The
    factors of the gradient are computed for all letters at once, the backward loop has one matrix product per letter,
    and the gradient of W is one product.

    The first letter has R rows: one for each name, or one for each category. A tensor of all rows has R rows, then for
    each other letter one row per name.
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
        first_row: Tensor | None,
    ) -> Tensor:
        """Return the states after each letter, (length, batch, H).

        Args:
            ctx: the context of autograd.
            from_letters: the gates' parts from each letter of the alphabet, (O, 3H).
            from_category: the gates' parts from the category of each first row, (R, 3H).
            hidden: the initial state of each first row, (R, H).
            weight: W, (3H, H).
            bias: b, (3H,).
            letters: the letters, (length, batch).
            first_row: the first row of each name, (batch,), if the first letters of all names are equal. ``None`` if
                each name has a first row of its own.
        """
        (length, batch), (first, units) = letters.shape, hidden.shape
        parts, sizes = [2 * units, units], [first] + [batch] * (length - 1)
        first_letters, others = torch.split(letters, [1, length - 1])
        if first_row is not None:
            first_letters = first_letters.narrow(1, 0, 1).expand(1, first)
        all_letters = torch.cat((first_letters.flatten(), others.flatten()))

        # Rows of the gates without W h, which the loop adds in place; the bias of the new gate is in `products`.
        (switch_letters, new_letters), (switch_bias, new_bias) = (
            torch.split(from_letters, parts, dim=1),
            torch.split(bias, parts),
        )
        table = torch.cat((switch_letters, new_bias.expand_as(new_letters)), dim=1)
        products = nn.functional.embedding(all_letters, table)
        news = nn.functional.embedding(all_letters, new_letters.clone(memory_format=torch.contiguous_format))
        switches, inners = torch.split(products, parts, dim=1)
        switch_category, new_category = torch.split(from_category, parts, dim=1)
        for gates, values in ((switches, switch_category + switch_bias), (news, new_category)):
            of_first, of_others = torch.split(gates, [first, (length - 1) * batch])
            of_first.add_(values)
            by_name = values if first_row is None else values.index_select(0, first_row)
            of_others.view(length - 1, batch, values.shape[1]).add_(by_name)

        states = hidden.new_empty(first + length * batch, units)
        before, *afters = torch.split(states, [*sizes, batch])
        torch.cat((hidden,), out=before)
        reset, update = switches.chunk(2, dim=1)
        rows = zip(
            *(torch.split(values, sizes) for values in (products, switches, reset, update, inners, news)), strict=True
        )
        for step, (after, (k, switch, r, z, inner, n)) in enumerate(zip(afters, rows, strict=True)):
            k.addmm_(before, weight.t())
            switch.sigmoid_()
            torch.addcmul(n, r, inner, out=n).tanh_()
            if step or first_row is None:
                torch.lerp(n, before, z, out=after)
            else:
                torch.index_select(torch.lerp(n, before, z), 0, first_row, out=after)
            before = after
        ctx.save_for_backward(states, products, news, weight, all_letters, first_row)
        ctx.outputs = len(from_letters)
        return states.narrow(0, first, length * batch).view(length, batch, units)

    @staticmethod
    def backward(ctx: Any, d_states: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        """Return the gradients with respect to the arguments of :meth:`forward`."""
        states, products, news, weight, all_letters, first_row = ctx.saved_tensors
        length, batch, _ = d_states.shape
        first = len(news) - (length - 1) * batch
        before, (reset, update, inners) = states[: len(news)], products.chunk(3, dim=1)
        # The gradients of the products k. Those of g differ only for the new gate, because of the reset gate.
        d_products, d_news = torch.empty_like(products), torch.empty_like(news)
        d_reset, d_update, d_inners = d_products.chunk(3, dim=1)
        rows = (
            *(d_products, d_reset, d_update, d_inners, d_news, reset, update),
            torch.ops.aten.tanh_backward(1 - update, news),
            torch.ops.aten.sigmoid_backward(before - news, update),
            torch.ops.aten.sigmoid_backward(inners, reset),
        )
        steps = list(zip(*(torch.split(values, [first] + [batch] * (length - 1)) for values in rows), strict=True))
        d_hidden = torch.zeros_like(d_states[0])
        for step in range(length - 1, -1, -1):
            d_hidden.add_(d_states[step])
            if not step and first_row is not None:
                d_hidden = _sum_rows(d_hidden, first_row, first)
            d_k, d_r, d_z, d_inner, d_new, r, z, from_state_to_new, from_state_to_update, from_new_to_reset = steps[
                step
            ]
            torch.mul(d_hidden, from_state_to_new, out=d_new)
            torch.mul(d_new, from_new_to_reset, out=d_r)
            torch.mul(d_hidden, from_state_to_update, out=d_z)
            torch.mul(d_new, r, out=d_inner)
            d_hidden.mul_(z).addmm_(d_k, weight)
        d_weight, d_bias = d_products.t() @ before, d_products.sum(0)
        d_gates = d_products
        d_inners.copy_(d_news)
        d_letters = _sum_rows(d_gates, all_letters, ctx.outputs)
        d_category = d_gates[first:].view(length - 1, batch, d_gates.shape[1]).sum(0)
        if first_row is not None:
            d_category = _sum_rows(d_category, first_row, first)
        return d_letters, d_category.add_(d_gates[:first]), d_hidden, d_weight, d_bias, None, None


def _sum_rows(rows: Tensor, index: Tensor, count: int) -> Tensor:
    """Return the sums of the rows with each index, (count, columns), for (rows, columns) and (rows,).

    Unlike ``index_add_``, this adds in the same order each time on a GPU, too.
    """
    sums: Tensor = torch.ops.aten.embedding_dense_backward(
        rows, index, num_weights=count, padding_idx=-1, scale_grad_by_freq=False
    )
    return sums


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
