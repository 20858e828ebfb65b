"""The curves of loss plots: the training and validation losses of models, histories and logs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from namegen.errors import NamegenError
from namegen.evaluation.run_logs import LoggedStage, RunLog
from namegen.models.model import History, Model

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

Losses: TypeAlias = "History | Model | RunLog"

_LONG = 5.0  # times the shortest run; with a linear axis, the shortest would have less than a fifth of the width
_TARGETS = {"teachers": " (against teachers)", "names and base model": " (half against the base model)"}


@dataclass(frozen=True, eq=False)
class Curve:
    """The training or validation loss of a network.

    Attributes:
        run: the index of the run, which may train several networks.
        group: the index of the network.
        label: its description.
        iterations: the number of training names before each point, (points,).
        losses: the losses, (points,).
        is_validation: whether they are of held-out names.
        is_soft: whether they are cross-entropies with the distributions of other models, which cannot be compared with
            losses on names.
    """

    run: int
    group: int
    label: str
    iterations: NDArray[np.int64]
    losses: NDArray[np.float64]
    is_validation: bool = False
    is_soft: bool = False


def build_curves(losses: Mapping[str, Losses]) -> list[Curve]:
    """Return the curves of models, histories or logs, given by their names.

    Raises:
        NamegenError: a model has no history.
    """
    curves: list[Curve] = []
    groups = 0
    for run, (name, given) in enumerate(losses.items()):
        before = f"{name}: " if len(losses) > 1 else ""
        for stage in _list_stages(name, given):
            own, history = before + (f"{stage.name}, " if stage.name else ""), stage.history
            if len(history.iterations):
                label = f"{own}training{_TARGETS.get(stage.targets, '')}"
                is_soft = stage.targets in _TARGETS
                curves.append(Curve(run, groups, label, history.iterations, history.training, is_soft=is_soft))
            if len(history.validation):
                points = history.validation_iterations, history.validation
                curves.append(Curve(run, groups, f"{own}validation", *points, is_validation=True))
            groups += 1
    return curves


def needs_log_axis(curves: Sequence[Curve]) -> bool:
    """Return whether a linear axis would hide a run, because another one is much longer."""
    ends: dict[int, int] = {}
    for curve in curves:
        ends[curve.run] = max(ends.get(curve.run, 0), int(curve.iterations[-1]))
    return bool(ends) and max(ends.values()) > _LONG * min(ends.values())


def _list_stages(name: str, given: Losses) -> tuple[LoggedStage, ...]:
    if isinstance(given, RunLog):
        return given.stages
    history = given.history if isinstance(given, Model) else given
    if not len(history.iterations):
        raise NamegenError(f"{name} has no loss history; plot a network that has been trained for longer")
    targets = "names"
    if isinstance(given, Model) and given.stage.distillation:
        targets = "teachers"
    elif isinstance(given, Model) and given.training.init:
        targets = "names and base model"
    return (LoggedStage("", targets, history),)
