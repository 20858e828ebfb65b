"""Show the progress of a training run: live in a notebook, or as plain lines.

The display for a terminal is in :mod:`namegen.cli.progress`.
"""

from __future__ import annotations

import itertools
import sys
import time
from html import escape
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from namegen.config import TrainingConfig
    from namegen.training.train import Progress, Report

MIN_REDRAW_INTERVAL = 0.25  # seconds
PREVIEWS = 10  # per run; sampling a few names takes some milliseconds
PREVIEW_NAMES = 5
_LINES = 20  # per run
_MAX_PREVIEW_LENGTH = 60  # sampling longer names would delay the training


def build_report(report: Report, config: TrainingConfig, added: Sequence[str], *, show: bool | None) -> Report:
    """Return a function that shows the progress of a run and then calls ``report``.

    Args:
        report: the user's function.
        config: the configuration of the run.
        added: the categories that fine-tuning adds to a model.
        show: whether to show it; ``None`` shows it in a notebook only.
    """
    display: NotebookDisplay | PlainLines
    if show is not False and is_notebook():
        display = NotebookDisplay(Preview(added))
    elif show:
        display = PlainLines(config, Preview(added), _write_line)
    else:
        return report

    def show_and_report(progress: Progress) -> None:
        display.report(progress)
        report(progress)

    return show_and_report


def is_notebook() -> bool:
    """Return whether the code runs in the kernel of a notebook, which can replace what it shows."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


def _write_line(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


class Preview:
    """Names from the present model: of each added category in turn, else of all categories."""

    def __init__(self, added: Sequence[str] = ()) -> None:
        self._categories = itertools.cycle(added or [None])

    def sample(self, progress: Progress, count: int) -> list[str]:
        """Return names, with their categories if there are several; none if names may be very long."""
        from namegen.sampling.generate import sample_preview

        model = progress.model()
        if model.longest > _MAX_PREVIEW_LENGTH:
            return []
        names = sample_preview(model, next(self._categories), count=count, seed=progress.iteration)
        return [name.name if len(model.categories) == 1 else f"{name.name} ({name.category})" for name in names]


class Clock:
    """The time since the first update, in seconds, and the rate since then, in iterations per second."""

    def __init__(self) -> None:
        self._start: tuple[float, int] | None = None
        self.elapsed = self.rate = 0.0

    def update(self, iteration: int) -> None:
        """Measure the time and the rate after a number of iterations."""
        now = time.monotonic()
        if self._start is None:
            self._start = now, iteration  # leaves out the warming up in the first stretch
        self.elapsed = now - self._start[0]
        self.rate = (iteration - self._start[1]) / self.elapsed if self.elapsed else 0.0


class Redraws:
    """Decides when a display is due: at most four times a second, except for a new preview and at the end."""

    def __init__(self) -> None:
        self._redrawn_at, self._previewed = float("-inf"), -1

    def check(self, progress: Progress) -> tuple[bool, bool]:
        """Return whether to redraw, and whether to sample a new preview."""
        reached = progress.iteration * PREVIEWS // progress.iterations
        is_new, now = reached > self._previewed, time.monotonic()
        is_last = progress.iteration == progress.iterations
        if now - self._redrawn_at < MIN_REDRAW_INTERVAL and not is_new and not is_last:
            return False, False
        self._redrawn_at, self._previewed = now, max(reached, self._previewed)
        return True, is_new


class PlainLines:
    """Plain lines every 5 %, for logs; with the tutorial recipe every 5,000 iterations."""

    def __init__(self, config: TrainingConfig, preview: Preview, write: Callable[[str], None]) -> None:
        self._preview, self._write, self._is_tutorial = preview, write, config.recipe == "tutorial"
        self._interval = 5_000 if self._is_tutorial else max(1, config.iterations // _LINES)
        self._printed: int | None = None
        self._clock = Clock()

    def report(self, progress: Progress) -> None:
        """Write a line if one is due."""
        self._clock.update(progress.iteration)
        if self._printed is None:
            self._printed = (progress.iteration - 1) // self._interval
        if progress.iteration // self._interval <= self._printed and progress.iteration < progress.iterations:
            return
        self._printed = progress.iteration // self._interval
        parts = [
            f"{progress.iteration / progress.iterations:4.0%}",
            progress.stage,
            f"{progress.iteration:,}/{progress.iterations:,}",
            format_duration(self._clock.elapsed),
        ]
        if self._is_tutorial:
            parts.append(f"loss of the last name {progress.last_loss():.4f}")
        else:
            parts += [*format_losses(progress), ", ".join(self._preview.sample(progress, 3))]
        self._write("  ".join(part for part in parts if part))


class _Handle(Protocol):
    """What IPython returns for a display that can be replaced."""

    def update(self, obj: object) -> None:
        """Replace what is shown."""


class NotebookDisplay:
    """A bar, the losses and a preview in the output of a cell, replaced in place."""

    def __init__(self, preview: Preview) -> None:
        self._preview, self._clock, self._redraws = preview, Clock(), Redraws()
        self._names: list[str] = []
        self._handle: _Handle | None = None

    def report(self, progress: Progress) -> None:
        """Show the progress if that is due."""
        self._clock.update(progress.iteration)
        is_due, is_new = self._redraws.check(progress)
        if not is_due:
            return
        if is_new:
            self._names = self._preview.sample(progress, PREVIEW_NAMES)
        view = _View(progress, format_figures(progress, self._clock), self._names)
        if self._handle is None:
            from IPython.display import display

            self._handle = display(view, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(view)


class _View:
    """A moment of a training run, as HTML and as text."""

    def __init__(self, progress: Progress, figures: Sequence[str], names: Sequence[str]) -> None:
        losses = ", ".join(format_losses(progress))
        self._lines = ["  ".join(filter(None, figures)).strip(), f"{losses} nats per letter" if losses else ""]
        self._names = ", ".join(names)
        self._value, self._max = progress.iteration, progress.iterations

    def __repr__(self) -> str:
        return "\n".join(filter(None, (*self._lines, self._names)))

    def _repr_html_(self) -> str:
        bar = f'<progress value="{self._value}" max="{self._max}" style="width: 20em"></progress>'
        lines = [f"{bar} {escape(self._lines[0])}", escape(self._lines[1])]
        if self._names:
            lines.append(f"<i>{escape(self._names)}</i>")
        return f"<div>{'<br>'.join(filter(None, lines))}</div>"


def format_figures(progress: Progress, clock: Clock) -> list[str]:
    """Return the share, iterations, times, rate and stage of a run as text; some may be empty."""
    rate, remaining = clock.rate, progress.iterations - progress.iteration
    left = f", {format_duration(remaining / rate)} left" if rate and remaining else ""
    return [
        f" {progress.iteration / progress.iterations:4.0%}",
        f"{progress.iteration:,}/{progress.iterations:,}",
        f"{format_duration(clock.elapsed)} elapsed{left}",
        f"{rate:,.0f} names/s" if round(rate) else "",
        progress.stage,
    ]


def format_duration(seconds: float) -> str:
    """Return a duration as minutes and seconds, with hours if there are any."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def format_losses(progress: Progress) -> list[str]:
    """Return the losses that are known as text."""
    losses = {"loss": progress.loss, "validation": progress.validation_loss}
    return [f"{name} {loss:.3f}" for name, loss in losses.items() if loss is not None]
