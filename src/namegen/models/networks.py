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
    applied once to each letter of the alphabet, not to each letter of each name.
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
        if hidden is None:
            hidden = self.category_state(category)
        from_letters = nn.functional.linear(self.letter_input.weight, self.read.weight)
        gates = nn.functional.embedding(letters.t(), from_letters)
        gates = gates.add_(self.read(self.category_input(category)))
        states: Tensor = _GRURecurrence.apply(  # type: ignore[no-untyped-call]
            gates, hidden, self.recurrent.weight, self.recurrent.bias
        )
        dropped = apply_dropout(states, self.config.dropout) if self.training else states
        logits = self.head(dropped) + self.category_output(category)
        return logits.transpose(0, 1), states.select(0, -1)


class _GRURecurrence(torch.autograd.Function):
    """The GRU's recurrence over a sequence, with its gradient in closed form.

    For each letter, with h the hidden state before it, g the letter's part of the gates, and * elementwise::

        k = W h + b                          (3H)
        r = logistic(g_reset + k_reset)
        z = logistic(g_update + k_update)
        n = tanh(g_new + r * k_new)
        h = (1 - z) * n + z * h

    Autograd would record a dozen nodes per letter. Here the factors of the gradient are computed for all letters at
    once, the backward loop has one matrix product per letter, and the gradient of W is one product.
    """

    @staticmethod
    def forward(ctx: Any, gates: Tensor, hidden: Tensor, weight: Tensor, bias: Tensor) -> Tensor:  # noqa: ANN401
        """Return the states after each letter, (length, batch, H).

        Args:
            ctx: the context of autograd.
            gates: the letters' parts of the gates, (length, batch, 3H).
            hidden: the initial state, (batch, H).
            weight: W, (3H, H).
            bias: b, (3H,).
        """
        units = hidden.shape[1]
        states, switches, inners, news = [hidden], list[Tensor](), list[Tensor](), list[Tensor]()
        for g in gates.unbind():
            g_switch, g_new = torch.split(g, [2 * units, units], dim=1)
            k_switch, k_new = torch.split(torch.addmm(bias, hidden, weight.t()), [2 * units, units], dim=1)
            switch = torch.add(g_switch, k_switch).sigmoid_()
            r, z = torch.chunk(switch, 2, dim=1)
            n = torch.addcmul(g_new, r, k_new).tanh_()
            hidden = torch.lerp(n, hidden, z)
            for values, value in ((states, hidden), (switches, switch), (inners, k_new), (news, n)):
                values.append(value)
        all_states = torch.stack(states)
        ctx.save_for_backward(all_states, torch.stack(switches), torch.stack(inners), torch.stack(news), weight)
        return all_states.narrow(0, 1, len(news))

    @staticmethod
    def backward(ctx: Any, d_states: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # noqa: ANN401
        """Return the gradients with respect to gates, hidden, weight and bias."""
        states, switches, inners, news, weight = ctx.saved_tensors
        length, batch, units = news.shape
        before, (reset, update) = states.narrow(0, 0, length), torch.chunk(switches, 2, dim=2)
        kept = 1 - update
        from_state_to_new = (1 - news * news).mul_(kept)
        from_state_to_update = (before - news).mul_(update).mul_(kept)
        from_new_to_reset = (1 - reset).mul_(reset).mul_(inners)
        # The gradients of the products k. Those of g differ only for the new gate, because of the reset gate.
        d_products, d_news = news.new_empty(length, batch, 3 * units), torch.empty_like(news)
        d_hidden = torch.zeros_like(news.select(0, 0))
        for t in range(length - 1, -1, -1):
            d_hidden.add_(d_states.select(0, t))
            d_product, d_new = d_products.select(0, t), d_news.select(0, t)
            d_reset, d_update, d_inner = torch.split(d_product, units, dim=1)
            torch.mul(d_hidden, from_state_to_new.select(0, t), out=d_new)
            torch.mul(d_new, from_new_to_reset.select(0, t), out=d_reset)
            torch.mul(d_hidden, from_state_to_update.select(0, t), out=d_update)
            torch.mul(d_new, reset.select(0, t), out=d_inner)
            d_hidden.mul_(update.select(0, t)).addmm_(d_product, weight)
        flat = d_products.flatten(0, 1)
        d_weight, d_bias = flat.t() @ before.flatten(0, 1), flat.sum(0)
        d_gates = d_products
        d_gates.narrow(2, 2 * units, units).copy_(d_news)
        return d_gates, d_hidden, d_weight, d_bias


def apply_dropout(values: Tensor, probability: float) -> Tensor:
    """Set each value to 0 with a probability and scale the others to keep the mean (Srivastava et al. 2014).

    On the CPU this takes a fraction of the time of torch's own dropout: it uses 16 bits of torch's default generator
    per value, so the probability is rounded to a multiple of 2**-16 below 1.
    """
    if values.device.type != "cpu" or not probability:
        return nn.functional.dropout(values, probability)
    dropped = min(round(probability * 2**16), 2**16 - 1)
    words = torch.empty(-(-values.numel() // 4), dtype=torch.int64, device=values.device).random_(-(2**63), None)
    kept = words.view(torch.int16)[: values.numel()].view(values.shape) >= dropped - 2**15
    return values * kept.to(values.dtype).mul_(2**16 / (2**16 - dropped))


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
