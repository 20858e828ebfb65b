"""Show the progress of a training: a live display in a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import itertools
import time
from typing import TYPE_CHECKING

from namegen.cli.terminal import is_live_terminal, print_note

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from namegen.config import TrainingConfig
    from namegen.datasets.dataset import Dataset
    from namegen.training.run_logs import RunLogWriter
    from namegen.training.train import Progress, Report

_MIN_REDRAW_INTERVAL = 0.25  # seconds
_LINES = 20  # per run
_PREVIEWS = 10  # per run; sampling a few names takes some milliseconds
_PREVIEW_NAMES = 5
_MAX_PREVIEW_LENGTH = 60  # sampling longer names would delay the training
_MIN_BAR_WIDTH = 10  # columns
_ECHO_WIDTH = 8  # columns of the last line that stay free, so that the terminal's ^C does not begin another line


@contextlib.contextmanager
def show_progress(
    dataset: Dataset,
    config: TrainingConfig,
    name: str,
    where: str,
    log: RunLogWriter | None = None,
    *,
    quiet: bool,
) -> Iterator[Report]:
    """Show and log the progress of a training, or if ``quiet`` only failed saves; yield the function to report to."""
    save_notes = _SaveNotes(log)
    if quiet:
        yield save_notes
        return
    units = f"{config.architecture.upper()} of {config.hidden_size} units"
    if config.distillation:
        others = config.distillation.teachers
        units += f", taught by {'one other' if others == 1 else f'{others} others'} and an n-gram"
    recipe = "" if config.recipe == "default" else f" ({config.recipe} recipe)"
    categories = "1 category" if len(dataset.categories) == 1 else f"{len(dataset.categories):,} categories"
    print_note(f"Training {name}{recipe} on {where}: {units}, {len(dataset):,} names in {categories}.")
    preview = Preview(dataset.categories if config.init else [])
    with LiveDisplay(preview) if is_live_terminal() else contextlib.nullcontext(PlainLines(config, preview)) as display:

        def report(progress: Progress) -> None:
            save_notes(progress)
            display.report(progress)

        yield report


class _SaveNotes:
    """Writes the log, and prints a note when that or saves begin to fail, and when saves succeed again."""

    def __init__(self, log: RunLogWriter | None = None) -> None:
        self._is_failing, self._log = False, log

    def __call__(self, progress: Progress) -> None:
        if self._log:
            self._log(progress)
            if self._log.unwritten:
                print_note(
                    f"Not logged after {progress.iteration:,} iterations: {self._log.unwritten}. "
                    "The training continues without a log."
                )
                self._log = None
        if progress.unsaved and not self._is_failing:
            print_note(
                f"Not saved after {progress.iteration:,} iterations: {progress.unsaved}. "
                "The training continues, and the next save tries again."
            )
        elif self._is_failing and not progress.unsaved:
            print_note(f"Saved again after {progress.iteration:,} iterations.")
        self._is_failing = bool(progress.unsaved)


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


class _Clock:
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


class PlainLines:
    """Plain lines every 5 %, for logs; with the tutorial recipe every 5,000 iterations."""

    def __init__(self, config: TrainingConfig, preview: Preview) -> None:
        self._preview, self._is_tutorial = preview, config.recipe == "tutorial"
        self._interval = 5_000 if self._is_tutorial else max(1, config.iterations // _LINES)
        self._printed: int | None = None
        self._clock = _Clock()

    def report(self, progress: Progress) -> None:
        """Print a line if one is due."""
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
            _format_duration(self._clock.elapsed),
        ]
        if self._is_tutorial:
            parts.append(f"loss of the last name {progress.last_loss():.4f}")
        else:
            parts += [*_format_losses(progress), ", ".join(self._preview.sample(progress, 3))]
        print_note("  ".join(part for part in parts if part))


class LiveDisplay:
    """A bar, the losses and a preview, redrawn in place."""

    def __init__(self, preview: Preview) -> None:
        from rich.console import Console, Group
        from rich.live import Live
        from rich.progress import BarColumn, Progress, TextColumn
        from rich.text import Text

        self._preview, self._clock, self._redrawn_at, self._previewed = preview, _Clock(), float("-inf"), -1
        self._bar = Progress(BarColumn(bar_width=None), TextColumn("{task.fields[figures]}"), expand=True)
        self._task = self._bar.add_task("", total=None, figures="")
        self._losses, self._names = Text(), Text(style="italic", overflow="ellipsis", no_wrap=True)
        self._console = Console(stderr=True)
        self._live = Live(Group(self._bar, self._losses, self._names), console=self._console, auto_refresh=False)

    def __enter__(self) -> LiveDisplay:
        self._live.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._live.refresh()
            self._live.__exit__(None, None, None)

    def report(self, progress: Progress) -> None:
        """Redraw the display, at most four times a second, except for a new preview and at the end."""
        self._clock.update(progress.iteration)
        reached = progress.iteration * _PREVIEWS // progress.iterations
        now, is_last = time.monotonic(), progress.iteration == progress.iterations
        if now - self._redrawn_at < _MIN_REDRAW_INTERVAL and reached == self._previewed and not is_last:
            return
        self._redrawn_at = now
        width, rate = self._console.width, self._clock.rate
        left = f", {_format_duration((progress.iterations - progress.iteration) / rate)} left" if rate else ""
        figures = (
            f" {progress.iteration / progress.iterations:4.0%}",
            f"{progress.iteration:,}/{progress.iterations:,}",
            f"{_format_duration(self._clock.elapsed)} elapsed{left}",
            f"{rate:,.0f} names/s" if round(rate) else "",
            progress.stage,
        )
        fitting = _join_fitting(figures, width - _MIN_BAR_WIDTH)
        self._bar.update(self._task, completed=progress.iteration, total=progress.iterations, figures=fitting)
        losses = ", ".join(_format_losses(progress))
        self._losses.plain = f"{losses} nats per letter" if losses else ""
        if reached > self._previewed:
            self._previewed = reached
            self._names.plain = _join_fitting(self._preview.sample(progress, _PREVIEW_NAMES), width - _ECHO_WIDTH)
        with contextlib.suppress(OSError, ValueError):  # the training continues without its terminal
            self._live.refresh()


def _format_duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _format_losses(progress: Progress) -> list[str]:
    losses = {"loss": progress.loss, "validation": progress.validation_loss}
    return [f"{name} {loss:.3f}" for name, loss in losses.items() if loss is not None]


def _join_fitting(parts: Iterable[str], width: int) -> str:
    """Join the parts that fit into a number of columns."""
    from rich.cells import cell_len

    line = ""
    for part in parts:
        longer = f"{line}  {part}" if line else part
        if part and cell_len(longer) <= width:
            line = longer
    return line
