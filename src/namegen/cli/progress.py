"""What a training run shows: a live display in a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import itertools
import time
from typing import TYPE_CHECKING, Protocol

from namegen.cli.terminal import is_live_terminal, print_note

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.progress import Progress as Bar

    from namegen.config import TrainingConfig
    from namegen.datasets.dataset import Dataset
    from namegen.training.train import Progress

_REDRAW = 0.25  # seconds
_LINES = 20  # in a run
_PREVIEWS = 10  # in a run; drawing a few names takes some milliseconds
_PREVIEW_NAMES = 5
_MAX_PREVIEWED = 60  # drawing longer names would hold the training up
_MIN_BAR = 10  # columns
_ECHO = 8  # columns that the last line leaves free: a terminal shows ^C there, and must not begin another line for it


class Display(Protocol):
    """Shows the progress of a training run."""

    def report(self, progress: Progress) -> None:
        """Show where the run is."""
        ...


@contextlib.contextmanager
def show_progress(dataset: Dataset, config: TrainingConfig, name: str, where: str, *, quiet: bool) -> Iterator[Display]:
    """Show a run while the body goes on.

    Args:
        dataset: what it trains on.
        config: what it does.
        name: what its model is called.
        where: on which device it runs, and in how many processes, in words.
        quiet: show nothing.
    """
    if quiet:
        yield _Saves(_Nothing())
        return
    units = f"{config.architecture.upper()} of {config.hidden_size} units"
    if config.distillation:
        others = config.distillation.teachers
        units += f", taught by {'one other' if others == 1 else f'{others} others'} and an n-gram"
    of = "" if config.recipe == "default" else f" ({config.recipe} recipe)"
    groups = "1 category" if len(dataset.categories) == 1 else f"{len(dataset.categories):,} categories"
    print_note(f"Training {name}{of} on {where}: {units}, {len(dataset):,} names in {groups}.")
    names = _FreshNames(dataset.categories if config.init else [])
    if not is_live_terminal():
        yield _Saves(_Lines(config, names))
        return
    with _Live(names) as live:
        yield _Saves(live)


class _Clock:
    """How long a run has taken in this session, and how long it will, by a clock that never jumps."""

    def __init__(self) -> None:
        self._start: tuple[float, int] | None = None
        self.elapsed = 0.0
        self.rate = 0.0

    def update(self, iteration: int) -> None:
        """Take note that so many iterations are done."""
        now = time.monotonic()
        if self._start is None:
            self._start = now, iteration  # the first stretch has the warming up, so count from its end
        self.elapsed = now - self._start[0]
        self.rate = (iteration - self._start[1]) / self.elapsed if self.elapsed else 0.0


def _minutes(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _fitting(parts: Iterable[str], room: int) -> str:
    """Parts side by side, without those that do not fit into so many columns any more, and empty ones."""
    from rich.cells import cell_len

    line = ""
    for part in parts:
        longer = f"{line}  {part}" if line else part
        if part and cell_len(longer) <= room:
            line = longer
    return line


class _FreshNames:
    """Now and then a handful of names from a model as it is, each with its category where there are several.

    Of categories that are added to a model they are, one category after the other; else of any.
    """

    def __init__(self, added: Sequence[str]) -> None:
        self._categories = itertools.cycle(added or [None])

    def __call__(self, progress: Progress, count: int) -> list[str]:
        from namegen.sampling.generate import sample_preview

        model = progress.model()
        if model.longest > _MAX_PREVIEWED:
            return []
        draws = sample_preview(model, next(self._categories), count=count, seed=progress.iteration)
        return [draw.name if len(model.categories) == 1 else f"{draw.name} ({draw.category})" for draw in draws]


def _losses(progress: Progress) -> list[str]:
    """The losses that there are already, in words."""
    losses = {"loss": progress.loss, "validation": progress.validation_loss}
    return [f"{name} {loss:.3f}" for name, loss in losses.items() if loss is not None]


class _Saves:
    """Says when the run cannot be saved any more, and when it can again; the rest is for another display to show.

    A full disk is an error even if the run goes on, so it is told where nothing else is.
    """

    def __init__(self, display: Display) -> None:
        self._display, self._failing = display, False

    def report(self, progress: Progress) -> None:
        """Say so if that has changed."""
        if progress.unsaved and not self._failing:
            print_note(
                f"Not saved after {progress.iteration:,} iterations: {progress.unsaved}. "
                "The training goes on, and tries again at every save."
            )
        elif self._failing and not progress.unsaved:
            print_note(f"Saved again after {progress.iteration:,} iterations.")
        self._failing = bool(progress.unsaved)
        self._display.report(progress)


class _Nothing:
    def report(self, progress: Progress) -> None:
        """Show nothing."""


class _Lines:
    """A plain line every 5 %, for logs; with the tutorial's recipe every 5,000 iterations, as the tutorial has it."""

    def __init__(self, config: TrainingConfig, names: _FreshNames) -> None:
        self._names, self._tutorial = names, config.recipe == "tutorial"
        self._every = 5_000 if self._tutorial else max(1, config.iterations // _LINES)
        self._shown: int | None = None
        self._clock = _Clock()

    def report(self, progress: Progress) -> None:
        """Write a line if one is due."""
        self._clock.update(progress.iteration)
        reached = progress.iteration // self._every
        if self._shown is None:
            self._shown = (progress.iteration - 1) // self._every
        if reached <= self._shown and progress.iteration < progress.iterations:
            return
        self._shown = reached
        percent = f"{progress.iteration / progress.iterations:4.0%}"
        parts = [
            percent,
            progress.stage,
            f"{progress.iteration:,}/{progress.iterations:,}",
            _minutes(self._clock.elapsed),
        ]
        if self._tutorial:
            parts.append(f"loss of the last name {progress.last_loss():.4f}")
        else:
            parts += _losses(progress)
            parts.append(", ".join(self._names(progress, 3)))
        print_note("  ".join(part for part in parts if part))


class _Live:
    """A bar, the figures, and now and then fresh names, redrawn in place."""

    def __init__(self, names: _FreshNames) -> None:
        from rich.console import Console, Group
        from rich.live import Live
        from rich.progress import BarColumn, Progress, TextColumn
        from rich.text import Text

        self._fresh_names, self._clock, self._drawn, self._previewed = names, _Clock(), float("-inf"), -1
        self._bar: Bar = Progress(
            BarColumn(bar_width=None),
            TextColumn("{task.fields[figures]}"),
            expand=True,
        )
        self._task = self._bar.add_task("", total=None, figures="")
        self._losses, self._names = Text(), Text(style="italic", overflow="ellipsis", no_wrap=True)
        self._console = Console(stderr=True)
        self._live = Live(Group(self._bar, self._losses, self._names), console=self._console, auto_refresh=False)

    def __enter__(self) -> _Live:
        self._live.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._live.refresh()
            self._live.__exit__(None, None, None)

    def report(self, progress: Progress) -> None:
        """Redraw, at most four times a second but for new names and the end."""
        self._clock.update(progress.iteration)
        reached = progress.iteration * _PREVIEWS // progress.iterations
        now = time.monotonic()
        if now - self._drawn < _REDRAW and reached == self._previewed and progress.iteration < progress.iterations:
            return
        self._drawn = now
        width, rate = self._console.width, self._clock.rate
        left = f", {_minutes((progress.iterations - progress.iteration) / rate)} left" if rate else ""
        figures = (
            f" {progress.iteration / progress.iterations:4.0%}",
            f"{progress.iteration:,}/{progress.iterations:,}",
            f"{_minutes(self._clock.elapsed)} gone{left}",
            f"{rate:,.0f} names/s" if round(rate) else "",
            progress.stage,
        )
        shown = _fitting(figures, width - _MIN_BAR)
        self._bar.update(self._task, completed=progress.iteration, total=progress.iterations, figures=shown)
        losses = ", ".join(_losses(progress))
        self._losses.plain = f"{losses} nats per letter" if losses else ""
        if reached > self._previewed:
            self._previewed = reached
            self._names.plain = _fitting(self._fresh_names(progress, _PREVIEW_NAMES), width - _ECHO)
        with contextlib.suppress(OSError, ValueError):  # a terminal that has gone is no reason to stop
            self._live.refresh()
