"""How to train and how to draw, as two frozen configurations, and the named recipes that set both.

A configuration is checked where it is built, is stored in the model file, and never changes. A *recipe* is a
name for a pair of them: ``default`` is good in seconds, ``best`` is better in minutes, and ``tutorial`` is the
well-known tutorial on generating names with a character-level recurrent network, part by part. An option given beside a
recipe replaces that part.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from namegen._validate import check_bool, check_fraction, check_int, check_number, check_positive, to_builtin
from namegen.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


ARCHITECTURES = ("gru", "rnn")


_LARGE = 2_000  # names of a category


_SEEDS_APART = 0x9E3779B9  # between teachers: far from any that people choose, and torch looks at 32 bits only


def _make_plain(config: Distillation | TrainingConfig | SamplingConfig) -> None:
    """Put Python's numbers in the place of numpy's and others', which a model file could not have."""
    for field in dataclasses.fields(config):
        object.__setattr__(config, field.name, to_builtin(getattr(config, field.name)))


def _choice(what: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise UsageError(f"{what} must be one of {', '.join(choices)}, not {value!r}")


@dataclass(frozen=True)
class Distillation:
    """Teachers, and how a network is taught by them instead of by the names (Hinton et al. 2015).

    The teachers are networks of the same kind, trained on the names one after the other with the settings here, and an
    interpolated n-gram (:mod:`namegen.models.ngram`). The network then learns from names drawn from the mixture of
    them all,
    and its targets are the mixture's whole distributions. See :mod:`namegen.training.distillation`.

    Attributes:
        teachers: how many networks teach.
        hidden_size: the units of the teachers' hidden states.
        share: the share of all iterations that goes into the training of each.
        dropout: the teachers' dropout; ``None`` for 0.6 where categories are small and 0.3 where they are large, by
            :func:`fitted`.
        batch_size: the teachers' names to an optimiser step.
        learning_rate: the teachers' peak learning rate.
        weight_decay: the teachers' weight decay; ``None`` for 0.3 where categories are small and 0.1 where they are
            large.
        averaging: the teachers' decay of the averaged weights.
        category_exponent: how often teachers draw from each category, as :attr:`TrainingConfig.category_exponent`.
        ngram_order: the letters of an n-gram.
        ngram_share: the share of the n-gram in the mixture; the networks share the rest alike.

    Raises:
        UsageError: a value is out of its range.
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
        _make_plain(self)
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
    """Everything that decides what a training run does, besides the names themselves.

    Attributes:
        recipe: the name of the recipe that this began as.
        iterations: how many training names are drawn in all, whatever the batch size.
        architecture: ``gru``, :class:`~namegen.models.networks.ConditionalGRU`, or ``rnn``,
            :class:`~namegen.models.networks.TutorialRNN`.
        nonlinearity: what the recurrence of the ``rnn`` ends in; ``none`` is the tutorial's.
        sos: whether a start-of-sequence token lets the network choose the first letter.
        hidden_size: the units of the hidden state.
        dropout: the probability that a unit is dropped: for the ``gru`` a unit of the hidden state on its way to
            the output layer, for the ``rnn`` an output.
        batch_size: names to an optimiser step.
        optimiser: ``adamw``, or plain ``sgd`` without momentum.
        learning_rate: the learning rate; with the cosine schedule its peak.
        weight_decay: AdamW's weight decay.
        schedule: ``cosine`` (a linear warm-up, then half a cosine down to 0) or ``constant``.
        warmup: the share of the steps that warm up.
        clip: the largest norm of the gradient, ``None`` for any. The gradient is that of the names' summed letter
            losses, averaged over the batch.
        averaging: the decay a step of the exponential moving average of the weights; 0 takes the weights as they are.
        category_exponent: a category is drawn with a probability proportional to its number of names to this power:
            0 draws all alike, 1 in proportion to their names.
        keep_repeats: whether names that occur more than once in a category count as often.
        validation: the share of the names held out to measure the loss on.
        history_every: iterations to a point of the loss history, ``None`` for 100 points in all, of at least 8 batches.
            Less than half of that at the end goes into the point before.
        save_every: iterations between saves of an unfinished run.
        seed: where all randomness begins.
        shared_rate: the learning rate of what all categories share, as a share of ``learning_rate``, which the
            categories' own vectors have.
        init: as what model the training began, by its :func:`~namegen.training.fine_tuning.model_digest`; ``None``
        from random weights.
        distillation: what teaches the network in place of the names, if anything does. Then ``iterations`` counts the
            names of the teachers' training too.

    Raises:
        UsageError: a value is out of its range.
    """

    recipe: str = "default"
    iterations: int = 100_000
    architecture: Literal["gru", "rnn"] = "gru"
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
        _make_plain(self)
        if not isinstance(self.recipe, str) or not self.recipe.isprintable():
            raise UsageError(f"recipe must be a name, not {self.recipe!r}")
        check_int("iterations", self.iterations, 1, 10**12)
        _choice("architecture", self.architecture, ARCHITECTURES)
        _choice("nonlinearity", self.nonlinearity, ("tanh", "none"))
        check_bool("sos", self.sos)
        check_bool("keep repeats", self.keep_repeats)
        check_int("hidden size", self.hidden_size, 1, 4096)
        check_fraction("dropout", self.dropout)
        check_int("batch size", self.batch_size, 1, 65_536)
        _choice("optimiser", self.optimiser, ("adamw", "sgd"))
        check_positive("learning rate", self.learning_rate, 100.0)
        check_number("weight decay", self.weight_decay, 0.0, 100.0)
        _choice("schedule", self.schedule, ("cosine", "constant"))
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
        if self.shared_rate < 1 and self.architecture != "gru":
            raise UsageError("only a gru has vectors of categories that can learn at a rate of their own")
        if self.init is not None and not (isinstance(self.init, str) and self.init.isalnum()):
            raise UsageError(f"init must be the digest of a model, not {self.init!r}")
        if self.init and self.distillation:
            raise UsageError("a training that begins with a model has no teachers")
        if self.distillation is not None:
            if not isinstance(self.distillation, Distillation):
                raise UsageError(f"distillation must be a Distillation, not {self.distillation!r}")
            if self.architecture != "gru" or not self.sos:
                raise UsageError("only a gru that reads an SOS token can be taught by others")

    @property
    def stages(self) -> tuple[TrainingConfig, ...]:
        """The trainings that a run consists of: one for each teacher, and at last that of the network itself.

        What is left to the data is filled in by :func:`fitted`; before that, teachers have it as the network.

        Raises:
            UsageError: there are too few iterations for an iteration of each.
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
        teachers = [
            dataclasses.replace(teacher, seed=(self.seed + check_number * _SEEDS_APART) % 2**63)
            for check_number in range(1, by.teachers + 1)
        ]
        return (*teachers, dataclasses.replace(self, iterations=self.iterations - each * by.teachers))

    def stage_at(self, iterations: int) -> TrainingConfig:
        """Return the stage that a run is in after so many iterations: the next one where a stage has just ended."""
        stages = self.stages
        for stage in stages[:-1]:
            iterations -= stage.iterations
            if iterations < 0:
                return stage
        return stages[-1]

    @property
    def history_interval(self) -> int:
        """Iterations to a point of the loss history."""
        return self.history_every or max(8 * self.batch_size, self.iterations // 100)


def fit_to_data(config: TrainingConfig, counts: Sequence[int]) -> TrainingConfig:
    """Fill in what a configuration leaves to the data: how strictly teachers are kept from learning them by heart.

    Args:
        config: the configuration.
        counts: how many names each category has, at least 1. By their geometric mean categories are small, or large
            from 2,000 on.
    """
    by = config.distillation
    if by is None:
        return config
    large = math.exp(sum(map(math.log, counts)) / len(counts)) >= _LARGE
    dropout = (0.3 if large else 0.6) if by.dropout is None else by.dropout
    weight_decay = (0.1 if large else 0.3) if by.weight_decay is None else by.weight_decay
    by = dataclasses.replace(by, dropout=dropout, weight_decay=weight_decay)
    return dataclasses.replace(config, distillation=by)


@dataclass(frozen=True)
class SamplingConfig:
    """How the next letter is chosen from the network's outputs, and how long a name may be.

    Attributes:
        temperature: the outputs are divided by this; below 1 names are more typical, above 1 wilder. At 0 the most
            likely letter is taken (greedy; of equals, the first in the alphabet).
        top_k: choose among the ``top_k`` most likely letters only.
        top_p: choose among the fewest letters that together have this probability (nucleus sampling, Holtzman et
            al. 2020, "The Curious Case of Neural Text Degeneration").
        dropout: drop each output with this probability, afresh for each letter, before the choice is made.
        guidance: how far the category's vectors are moved away from the mean of all categories', as a share of the
            distance: what is special about the category shows more. That is classifier-free guidance (Ho and Salimans
            2022, "Classifier-Free Diffusion Guidance"), at the input of the network instead of its output.
        max_length: the most letters of a name, its prefix included. ``None`` allows 20 letters past the prefix, or
            twice the longest training name if that is more; the greedy choice 20 past it, as the tutorial.
            Where the greedy choice is not at an end by then it is cut; otherwise the name is drawn again.

    Raises:
        UsageError: a value is out of its range.
    """

    temperature: float = 0.8
    top_k: int | None = None
    top_p: float | None = None
    dropout: float = 0.0
    guidance: float = 0.0
    max_length: int | None = None

    def __post_init__(self) -> None:
        _make_plain(self)
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
        """Whether the most likely letter is taken. A temperature too small to divide by is as good as 0."""
        return self.temperature < 1e-6


def check_unchanged(config: TrainingConfig, parts: Mapping[str, object]) -> TrainingConfig:
    """Return the configuration of a run that is to go on, if the parts that are asked for are its own.

    Raises:
        UsageError: one of them is not.
    """
    for name, value in parts.items():
        began_with = getattr(config, name)
        if value != began_with:
            raise UsageError(
                f"the run began with {name.replace('_', ' ')} {began_with}, not {value}; "
                "leave the option out to go on, or start over with --force"
            )
    return config
