"""The settings of training and sampling: frozen dataclasses, checked on construction and stored in the model file.

Named presets are in :mod:`namegen.recipes`.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

from namegen._validate import (
    check_bool,
    check_constructor,
    check_fraction,
    check_int,
    check_number,
    check_positive,
    to_builtin,
)
from namegen.architectures import ARCHITECTURES
from namegen.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

MAX_CATEGORIES = 20_000  # of a dataset or model; with more, the column probably holds something else
MAX_CATEGORY_LENGTH = 1000  # characters

NGRAM_SETTINGS = ("recipe", "architecture", "sos", "keep_repeats", "ngram_order", "ngram_share")
"""The settings of a model without a network."""

_MIN_LARGE = 2_000  # names per category from which categories count as large
_SEED_STEP = 0x9E3779B9  # between teachers' seeds: far from seeds that users choose, and torch reads only 32 bits


def _check_choice(what: str, value: object, choices: Iterable[str]) -> None:
    if value not in tuple(choices):
        raise UsageError(f"{what} must be one of {', '.join(choices)}, not {value!r}")


_CHECKS: dict[str, Callable[[str, object], object]] = {
    "architecture": partial(_check_choice, choices=ARCHITECTURES),
    "averaging": check_fraction,
    "batch_size": partial(check_int, low=1, high=65_536),
    "category_exponent": partial(check_number, low=0, high=10),
    "clip": partial(check_positive, high=math.inf),
    "dropout": check_fraction,
    "guidance": partial(check_number, low=0, high=10),
    "hidden_size": partial(check_int, low=1, high=4096),
    "history_every": partial(check_int, low=1, high=10**12),
    "iterations": partial(check_int, low=1, high=10**12),
    "keep_repeats": check_bool,
    "learning_rate": partial(check_positive, high=100),
    "max_length": partial(check_int, low=1, high=10_000),
    "floor": partial(check_number, low=0, high=1),
    "ngram_order": partial(check_int, low=1, high=16),
    "ngram_share": partial(check_number, low=0, high=1),
    "nonlinearity": partial(_check_choice, choices=("tanh", "none")),
    "optimiser": partial(_check_choice, choices=("adamw", "sgd")),
    "save_every": partial(check_int, low=1, high=10**12),
    "schedule": partial(_check_choice, choices=("cosine", "constant")),
    "seed": partial(check_int, low=0, high=2**63 - 1),
    "share": partial(check_positive, high=1),
    "shared_rate": partial(check_positive, high=1),
    "sos": check_bool,
    "teachers": partial(check_int, low=1, high=16),
    "temperature": partial(check_number, low=0, high=1e6),
    "top_k": partial(check_int, low=1, high=10**6),
    "top_p": partial(check_positive, high=1),
    "validation": check_fraction,
    "warmup": check_fraction,
    "weight_decay": partial(check_number, low=0, high=100),
}


def _check_settings(config: Distillation | TrainingConfig | SamplingConfig, prefix: str = "") -> None:
    """Check each setting, and convert numbers of numpy to Python's own, which a model file can hold."""
    for field in dataclasses.fields(config):
        value = to_builtin(getattr(config, field.name))
        object.__setattr__(config, field.name, value)
        is_optional = "None" in str(field.type)
        if field.name in _CHECKS and not (value is None and is_optional):
            _CHECKS[field.name](prefix + field.name.replace("_", " "), value)


@dataclass(frozen=True)
class Distillation:
    """Settings for learning from an ensemble of teachers instead of from the names (Hinton et al. 2015).

    The teachers are networks of the same architecture, trained on the names, and an interpolated n-gram
    (:mod:`namegen.models.ngram`). The network then learns the ensemble's distributions on names sampled from it. See
    :mod:`namegen.training.distillation`.

    Attributes:
        teachers: the number of teacher networks.
        hidden_size: the number of hidden units of a teacher.
        share: the share of all iterations that each teacher is trained for.
        dropout: the teachers' dropout; ``None`` for 0.6 if categories are small and 0.3 if they are large (see
            :func:`fit_to_data`).
        batch_size: names per optimiser step of a teacher.
        learning_rate: the teachers' peak learning rate.
        weight_decay: the teachers' weight decay; ``None`` for 0.3 if categories are small and 0.1 if they are large.
        averaging: the decay of the teachers' averaged weights.
        category_exponent: the teachers' :attr:`TrainingConfig.category_exponent`.
        ngram_order: the order of the n-gram.
        ngram_share: the weight of the n-gram in the ensemble; the networks share the rest equally.

    Raises:
        UsageError: a value is out of range.
    """

    teachers: int = 2
    hidden_size: int = 256
    share: float = 0.25
    dropout: float | None = None
    batch_size: int = 64
    learning_rate: float = 4e-3
    weight_decay: float | None = None
    averaging: float = 0.995
    category_exponent: float = 0.7
    ngram_order: int = 5
    ngram_share: float = 0.3

    def __post_init__(self) -> None:
        _check_settings(self, "distillation ")
        check_fraction("distillation ngram share", self.ngram_share)
        if self.share * self.teachers >= 1:
            raise UsageError(
                f"{self.teachers} teachers with a share of {self.share:g} each leave no iterations for the network"
            )


@check_constructor()
@dataclass(frozen=True)
class TrainingConfig:
    """All settings of a training run.

    Attributes:
        recipe: the name of the recipe that the settings are based on.
        iterations: the total number of training names sampled, whatever the batch size.
        architecture: ``gru``, ``rnn`` (the tutorial's network), or ``ngram`` for an n-gram without a network. Then only
            :data:`NGRAM_SETTINGS` matter.
        nonlinearity: the nonlinearity of the ``rnn``'s recurrence; ``none`` in the tutorial.
        sos: whether a start-of-sequence token lets the network choose the first letter.
        hidden_size: the number of hidden units.
        dropout: the probability of dropping a hidden unit before the output layer (``gru``) or an output (``rnn``).
        batch_size: names per optimiser step.
        optimiser: ``adamw``, or plain ``sgd`` without momentum.
        learning_rate: the learning rate; the peak of the cosine schedule.
        weight_decay: the weight decay of AdamW.
        schedule: ``cosine`` (linear warm-up, then half a cosine down to 0) or ``constant``.
        warmup: the share of all steps that warm up.
        clip: the maximum norm of the gradient; ``None`` for no limit. The loss is summed over the letters of each name
            and averaged over the batch.
        averaging: the decay per step of the exponential moving average of the weights; 0 for no averaging.
        category_exponent: categories are sampled in proportion to their number of names to this power: 0 makes all
            categories equally likely, 1 makes all names equally likely.
        keep_repeats: whether to train on duplicates of a name within a category.
        validation: the share of the names held out to measure the loss on.
        history_every: iterations per point of the loss history; ``None`` for 100 points of at least 8 batches each.
        save_every: iterations between saves of an unfinished run.
        seed: the seed of all randomness.
        shared_rate: the learning rate of the weights that all categories share, as a fraction of ``learning_rate``.
        init: the digest of the model that training starts from; ``None`` for random weights.
        distillation: the teachers to learn from, ``None`` for none. Their iterations are part of ``iterations``.
        ngram_order: the order of the n-gram that the model has beside the network; ``None`` for none. It is lower if
            there would be more than 1,048,576 n-grams. Of more than 262,144 names, the n-gram counts as many of each
            category, or all if there are fewer.
        ngram_share: the share of the n-gram in the probability of a letter (:mod:`namegen.models.mixture`).

    Raises:
        UsageError: a value is out of range.
    """

    recipe: str = "default"
    iterations: int = 100_000
    architecture: str = "gru"
    nonlinearity: Literal["tanh", "none"] = "tanh"
    sos: bool = True
    hidden_size: int = 192
    dropout: float = 0.4
    batch_size: int = 64
    optimiser: Literal["adamw", "sgd"] = "adamw"
    learning_rate: float = 6e-3
    weight_decay: float = 0.1
    schedule: Literal["cosine", "constant"] = "cosine"
    warmup: float = 0.05
    clip: float | None = 8.0
    averaging: float = 0.99
    category_exponent: float = 0.5
    keep_repeats: bool = False
    validation: float = 0.1
    history_every: int | None = None
    save_every: int = 10_000
    seed: int = 1
    shared_rate: float = 1.0
    init: str | None = None
    distillation: Distillation | None = None
    ngram_order: int | None = None
    ngram_share: float = 0.4

    def __post_init__(self) -> None:
        _check_settings(self)
        if not isinstance(self.recipe, str) or not self.recipe.isprintable():
            raise UsageError(f"recipe must be a name, not {self.recipe!r}")
        if self.init is not None and not (isinstance(self.init, str) and self.init.isalnum()):
            raise UsageError(f"init must be the digest of a model, not {self.init!r}")
        if not isinstance(self.distillation, Distillation | None):
            raise UsageError(f"distillation must be a Distillation, not {self.distillation!r}")
        architecture = ARCHITECTURES[self.architecture]
        if self.shared_rate < 1 and not architecture.fine_tuning:
            raise UsageError(f"an {self.architecture} cannot be fine-tuned; use another architecture")
        if architecture.network is None and (self.ngram_order is None or self.ngram_share < 1):
            raise UsageError("a model without a network needs an n-gram order, and the n-gram share 1")
        if self.init and self.distillation:
            raise UsageError("training that starts from a model cannot have teachers; leave out init or distillation")
        if self.distillation and not (architecture.distillation and self.sos):
            raise UsageError(
                f"the architecture {self.architecture}{'' if self.sos else ' without an SOS token'} cannot learn from "
                "teachers; leave distillation out"
            )

    @property
    def stages(self) -> tuple[TrainingConfig, ...]:
        """The settings of each stage of a run: the teachers' training, then the training of the network itself.

        Raises:
            UsageError: there are fewer iterations than stages.
        """
        count = 0 if self.distillation is None else self.distillation.teachers
        return tuple(self._stage(number) for number in range(count + 1))

    def stage_at(self, iterations: int) -> TrainingConfig:
        """Return the stage of a run that follows a number of iterations."""
        if self.distillation is None:
            return self
        each = self._count_iterations(self.distillation)
        return self._stage(min(iterations // each, self.distillation.teachers))

    def _stage(self, number: int) -> TrainingConfig:
        """Return a stage of a run; the network's own has the number of teachers."""
        by = self.distillation
        if by is None:
            return self
        each = self._count_iterations(by)
        if number == by.teachers:
            return dataclasses.replace(self, iterations=self.iterations - each * by.teachers)
        own = {name: value for name, value in vars(by).items() if hasattr(self, name) and value is not None}
        own |= {"ngram_order": None, "ngram_share": self.ngram_share}  # those of the n-gram among the teachers
        seed = (self.seed + (number + 1) * _SEED_STEP) % 2**63
        return dataclasses.replace(self, **own, iterations=each, distillation=None, seed=seed)

    def _count_iterations(self, by: Distillation) -> int:
        """Return the number of iterations of each teacher."""
        each = max(1, int(self.iterations * by.share))
        if each * by.teachers >= self.iterations:
            raise UsageError(
                f"{self.iterations:,} iterations are too few for {by.teachers} teachers and their pupil; use more"
            )
        return each

    @property
    def history_interval(self) -> int:
        """The number of iterations per point of the loss history."""
        return self.history_every or max(8 * self.batch_size, self.iterations // 100)


def fit_to_data(config: TrainingConfig, counts: Sequence[int]) -> TrainingConfig:
    """Fill in the teachers' dropout and weight decay if they are ``None``.

    Args:
        config: the settings.
        counts: the number of names of each category. Categories are large if the geometric mean is at least 2,000.
    """
    by = config.distillation
    if by is None:
        return config
    large = math.exp(sum(map(math.log, counts)) / len(counts)) >= _MIN_LARGE
    dropout = (0.3 if large else 0.6) if by.dropout is None else by.dropout
    weight_decay = (0.1 if large else 0.3) if by.weight_decay is None else by.weight_decay
    by = dataclasses.replace(by, dropout=dropout, weight_decay=weight_decay)
    return dataclasses.replace(config, distillation=by)


@check_constructor()
@dataclass(frozen=True)
class SamplingConfig:
    """Settings for sampling names.

    Attributes:
        temperature: the divisor of the logits; below 1 names are more typical, above 1 more varied. 0 is greedy: always
            the most likely letter.
        top_k: sample only from the ``top_k`` most likely letters.
        top_p: sample only from the fewest letters whose total probability is at least this (nucleus sampling, Holtzman
            et al. 2020, "The Curious Case of Neural Text Degeneration").
        dropout: the probability of dropping each output, with a fresh mask for each letter.
        guidance: how far to move the category's vectors away from the mean of all categories, as a share of the
            distance; a larger value gives more typical names (classifier-free guidance at the network's input, Ho and
            Salimans 2022, "Classifier-Free Diffusion Guidance").
        floor: reject names that the model's n-gram finds as implausible as the least plausible share ``floor``
            of real names (:mod:`namegen.models.plausibility`); 0 rejects none.
        ngram_share: the share of the model's n-gram in the probabilities; with 0 the network chooses all letters.
            ``None`` for the model's own (:mod:`namegen.models.mixture`).
        max_length: the maximum number of letters of a name, prefix included. ``None`` allows 20 after the prefix, or
            twice the longest training name if that is more and sampling is not greedy. Greedy sampling cuts a longer
            name; otherwise the name is sampled again.

    Raises:
        UsageError: a value is out of range.
    """

    temperature: float = 0.8
    top_k: int | None = None
    top_p: float | None = None
    dropout: float = 0.0
    guidance: float = 0.0
    floor: float = 0.0
    ngram_share: float | None = None
    max_length: int | None = None

    def __post_init__(self) -> None:
        _check_settings(self)
        if self.greedy and (self.top_k is not None or self.top_p is not None):
            raise UsageError("top-k and top-p have no effect at temperature 0; set a higher temperature")
        if self.greedy and self.floor:
            raise UsageError("a floor rejects names, but temperature 0 gives only one; set a higher temperature")

    @property
    def greedy(self) -> bool:
        """Whether sampling always takes the most likely letter."""
        return self.temperature < 1e-6


def check_unchanged(config: TrainingConfig, parts: Mapping[str, object]) -> TrainingConfig:
    """Return the settings of a run to resume, after checking that they include these parts.

    Raises:
        UsageError: a part has another value.
    """
    for name, value in parts.items():
        began_with = getattr(config, name)
        if value != began_with:
            raise UsageError(
                f"the run began with {name.replace('_', ' ')} {began_with}, not {value}; leave the option out, "
                "or restart with --force"
            )
    return config
