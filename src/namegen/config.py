"""The settings of training and sampling: frozen dataclasses, checked on construction and stored in the model file.

Named presets are in :mod:`namegen.recipes`.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from namegen._validate import check_bool, check_fraction, check_int, check_number, check_positive, to_builtin
from namegen.errors import UsageError
from namegen.models.architectures import ARCHITECTURES, name_supporting

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_CATEGORIES = 20_000
"""The most categories of a dataset or model. An input with more probably has something else in that column."""

MAX_CATEGORY_LENGTH = 1000
"""The most characters of a category."""

_MIN_LARGE = 2_000  # names per category from which categories count as large
_SEED_STEP = 0x9E3779B9  # between teachers' seeds: far from seeds that users choose, and torch reads 32 bits only


def _convert_numbers(config: Distillation | TrainingConfig | SamplingConfig) -> None:
    """Replace numbers of numpy and other libraries by Python's own, which a model file can hold."""
    for field in dataclasses.fields(config):
        object.__setattr__(config, field.name, to_builtin(getattr(config, field.name)))


def _check_choice(what: str, value: object, choices: Sequence[str]) -> None:
    if value not in choices:
        raise UsageError(f"{what} must be one of {', '.join(choices)}, not {value!r}")


@dataclass(frozen=True)
class Distillation:
    """How a network learns from an ensemble of teachers instead of from the names (Hinton et al. 2015).

    The teachers are networks of the same architecture, trained on the names first, and an interpolated n-gram
    (:mod:`namegen.models.ngram`). The network then learns from names sampled from the ensemble; its targets are the
    ensemble's distributions. See :mod:`namegen.training.distillation`.

    Attributes:
        teachers: the number of teacher networks.
        hidden_size: the number of hidden units of a teacher.
        share: the share of all iterations that trains each teacher.
        dropout: the teachers' dropout; ``None`` for 0.6 if categories are small and 0.3 if they are large, see
            :func:`fit_to_data`.
        batch_size: names per optimiser step of a teacher.
        learning_rate: the teachers' peak learning rate.
        weight_decay: the teachers' weight decay; ``None`` for 0.3 if categories are small and 0.1 if they are large.
        averaging: the decay of the teachers' averaged weights.
        category_exponent: how often teachers see each category, see :attr:`TrainingConfig.category_exponent`.
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
        _convert_numbers(self)
        check_int("number of teachers", self.teachers, 1, 16)
        check_int("teachers' hidden size", self.hidden_size, 1, 4096)
        check_positive("share of each teacher", self.share, 1.0)
        if self.share * self.teachers >= 1:
            raise UsageError(f"{self.teachers} teachers with a share of {self.share:g} each leave nothing to teach")
        if self.dropout is not None:
            check_fraction("teachers' dropout", self.dropout)
        check_int("teachers' batch size", self.batch_size, 1, 65_536)
        check_positive("teachers' learning rate", self.learning_rate, 100.0)
        if self.weight_decay is not None:
            check_number("teachers' weight decay", self.weight_decay, 0.0, 100.0)
        check_fraction("teachers' averaging", self.averaging)
        check_number("teachers' category exponent", self.category_exponent, 0.0, 10.0)
        check_int("order of the n-gram", self.ngram_order, 1, 16)
        check_fraction("share of the n-gram", self.ngram_share)


@dataclass(frozen=True)
class TrainingConfig:
    """All settings of a training run.

    Attributes:
        recipe: the name of the recipe that the settings started from.
        iterations: the total number of training names sampled, whatever the batch size.
        architecture: the network: ``gru``, :class:`~namegen.models.networks.ConditionalGRU`, or ``rnn``,
            :class:`~namegen.models.networks.TutorialRNN`.
        nonlinearity: the nonlinearity of the ``rnn``'s recurrence; the tutorial has ``none``.
        sos: whether a start-of-sequence token lets the network choose the first letter.
        hidden_size: the number of hidden units.
        dropout: the probability of dropping a unit: for the ``gru`` a hidden unit before the output layer, for the
            ``rnn`` an output.
        batch_size: names per optimiser step.
        optimiser: ``adamw``, or plain ``sgd`` without momentum.
        learning_rate: the learning rate; the peak of the cosine schedule.
        weight_decay: the weight decay of AdamW.
        schedule: ``cosine`` (linear warm-up, then half a cosine down to 0) or ``constant``.
        warmup: the share of all steps that warm up.
        clip: the maximum norm of the gradient; ``None`` for no limit. The gradient is that of the names' summed letter
            losses, averaged over the batch.
        averaging: the decay per step of the exponential moving average of the weights; 0 for no averaging.
        category_exponent: categories are sampled with a probability proportional to their number of names to this
            power: 0 for all alike, 1 in proportion to their names.
        keep_repeats: whether a name that occurs several times in a category counts as often.
        validation: the share of the names held out to measure the loss on.
        history_every: iterations per point of the loss history; ``None`` for 100 points of at least 8 batches each. An
            interval shorter than half of that at the end is merged into the point before.
        save_every: iterations between saves of an unfinished run.
        seed: the seed of all randomness.
        shared_rate: the learning rate of the weights that all categories share, as a share of ``learning_rate``,
            which the categories' own vectors have.
        init: the :func:`~namegen.training.fine_tuning.model_digest` of the model that training starts from; ``None``
            for random weights.
        distillation: the teachers to learn from instead of the names; ``iterations`` then includes the teachers'.

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

    def __post_init__(self) -> None:
        _convert_numbers(self)
        if not isinstance(self.recipe, str) or not self.recipe.isprintable():
            raise UsageError(f"recipe must be a name, not {self.recipe!r}")
        check_int("iterations", self.iterations, 1, 10**12)
        _check_choice("architecture", self.architecture, tuple(ARCHITECTURES))
        _check_choice("nonlinearity", self.nonlinearity, ("tanh", "none"))
        check_bool("sos", self.sos)
        check_bool("keep repeats", self.keep_repeats)
        check_int("hidden size", self.hidden_size, 1, 4096)
        check_fraction("dropout", self.dropout)
        check_int("batch size", self.batch_size, 1, 65_536)
        _check_choice("optimiser", self.optimiser, ("adamw", "sgd"))
        check_positive("learning rate", self.learning_rate, 100.0)
        check_number("weight decay", self.weight_decay, 0.0, 100.0)
        _check_choice("schedule", self.schedule, ("cosine", "constant"))
        check_fraction("warmup", self.warmup)
        if self.clip is not None:
            check_positive("clip", self.clip, math.inf)
        check_fraction("averaging", self.averaging)
        check_number("category exponent", self.category_exponent, 0.0, 10.0)
        check_fraction("validation fraction", self.validation)
        if self.history_every is not None:
            check_int("history interval", self.history_every, 1, 10**12)
        check_int("save interval", self.save_every, 1, 10**12)
        check_int("seed", self.seed, 0, 2**63 - 1)
        check_positive("shared rate", self.shared_rate, 1.0)
        architecture = ARCHITECTURES[self.architecture]
        if self.shared_rate < 1 and not architecture.fine_tuning:
            raise UsageError(f"only a {name_supporting('fine_tuning')} can have a learning rate of its shared weights")
        if self.init is not None and not (isinstance(self.init, str) and self.init.isalnum()):
            raise UsageError(f"init must be the digest of a model, not {self.init!r}")
        if self.init and self.distillation:
            raise UsageError("a training that begins with a model has no teachers")
        if self.distillation is not None:
            if not isinstance(self.distillation, Distillation):
                raise UsageError(f"distillation must be a Distillation, not {self.distillation!r}")
            if not architecture.distillation or not self.sos:
                raise UsageError(f"only a {name_supporting('distillation')} that reads an SOS token can have teachers")

    @property
    def stages(self) -> tuple[TrainingConfig, ...]:
        """The stages of a run: the training of each teacher, then that of the network itself.

        Settings left to :func:`fit_to_data` are the network's own if it has not filled them in.

        Raises:
            UsageError: there are fewer iterations than stages.
        """
        if self.distillation is None:
            return (self,)
        by = self.distillation
        each = max(1, int(self.iterations * by.share))
        if each * by.teachers >= self.iterations:
            raise UsageError(f"{self.iterations:,} iterations are too few for {by.teachers} teachers and their pupil")
        teacher = dataclasses.replace(
            self,
            iterations=each,
            hidden_size=by.hidden_size,
            dropout=self.dropout if by.dropout is None else by.dropout,
            batch_size=by.batch_size,
            learning_rate=by.learning_rate,
            weight_decay=self.weight_decay if by.weight_decay is None else by.weight_decay,
            averaging=by.averaging,
            category_exponent=by.category_exponent,
            distillation=None,
        )
        seeds = [(self.seed + number * _SEED_STEP) % 2**63 for number in range(1, by.teachers + 1)]
        teachers = [dataclasses.replace(teacher, seed=seed) for seed in seeds]
        return (*teachers, dataclasses.replace(self, iterations=self.iterations - each * by.teachers))

    def stage_at(self, iterations: int) -> TrainingConfig:
        """Return the stage of a run after a number of iterations; the next stage if one has just ended."""
        stages = self.stages
        for stage in stages[:-1]:
            iterations -= stage.iterations
            if iterations < 0:
                return stage
        return stages[-1]

    @property
    def history_interval(self) -> int:
        """The number of iterations per point of the loss history."""
        return self.history_every or max(8 * self.batch_size, self.iterations // 100)


def fit_to_data(config: TrainingConfig, counts: Sequence[int]) -> TrainingConfig:
    """Fill in the settings that depend on the data: the teachers' dropout and weight decay.

    Args:
        config: the settings.
        counts: the number of names of each category, at least 1. Categories are large if the geometric mean is at
            least 2,000.
    """
    by = config.distillation
    if by is None:
        return config
    large = math.exp(sum(map(math.log, counts)) / len(counts)) >= _MIN_LARGE
    dropout = (0.3 if large else 0.6) if by.dropout is None else by.dropout
    weight_decay = (0.1 if large else 0.3) if by.weight_decay is None else by.weight_decay
    by = dataclasses.replace(by, dropout=dropout, weight_decay=weight_decay)
    return dataclasses.replace(config, distillation=by)


@dataclass(frozen=True)
class SamplingConfig:
    """How letters are sampled from the network's outputs, and the maximum length of a name.

    Attributes:
        temperature: the divisor of the logits; below 1 names are more typical, above 1 more varied. 0 is greedy: the
            most likely letter, the first in the alphabet if several are.
        top_k: sample from the ``top_k`` most likely letters only.
        top_p: sample from the fewest letters whose total probability is at least this (nucleus sampling, Holtzman et
            al. 2020, "The Curious Case of Neural Text Degeneration").
        dropout: the probability of dropping each output, with a fresh mask for each letter.
        guidance: how far the category's vectors are moved away from the mean of all categories', as a share of the
            distance, so that the names are more typical of the category. This is classifier-free guidance (Ho and
            Salimans 2022, "Classifier-Free Diffusion Guidance"), at the network's input instead of its output.
        max_length: the maximum number of letters of a name, prefix included. ``None`` allows 20 letters after the
            prefix, or twice the longest training name if that is more; with greedy sampling 20, as in the tutorial.
            A longer name is cut with greedy sampling, and sampled again otherwise.

    Raises:
        UsageError: a value is out of range.
    """

    temperature: float = 0.8
    top_k: int | None = None
    top_p: float | None = None
    dropout: float = 0.0
    guidance: float = 0.0
    max_length: int | None = None

    def __post_init__(self) -> None:
        _convert_numbers(self)
        check_number("guidance", self.guidance, 0.0, 10.0)
        check_number("temperature", self.temperature, 0.0, 1e6)
        if self.top_k is not None:
            check_int("top-k", self.top_k, 1, 10**6)
        if self.top_p is not None:
            check_positive("top-p", self.top_p, 1.0)
        if self.greedy and (self.top_k is not None or self.top_p is not None):
            raise UsageError("top-k and top-p leave a choice, and greedy makes none: give a temperature above 0 too")
        check_fraction("dropout", self.dropout)
        if self.max_length is not None:
            check_int("max length", self.max_length, 1, 10_000)

    @property
    def greedy(self) -> bool:
        """Whether the most likely letter is always chosen. A temperature too small to divide by counts as 0."""
        return self.temperature < 1e-6


def check_unchanged(config: TrainingConfig, parts: Mapping[str, object]) -> TrainingConfig:
    """Return the settings of a run to resume, after checking that these parts are among them.

    Raises:
        UsageError: a part has another value.
    """
    for name, value in parts.items():
        began_with = getattr(config, name)
        if value != began_with:
            raise UsageError(
                f"the run began with {name.replace('_', ' ')} {began_with}, not {value}; "
                "leave the option out to resume it, or start over with --force"
            )
    return config
