"""Show the progress of a training: a live display in a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from namegen.cli.terminal import is_live_terminal, print_note
from namegen.training.progress import (
    PREVIEW_NAMES,
    Clock,
    PlainLines,
    Preview,
    Redraws,
    format_figures,
    format_losses,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from namegen.config import TrainingConfig
    from namegen.datasets.dataset import Dataset
    from namegen.training.run_logs import RunLogWriter
    from namegen.training.train import Progress, Report

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
    with (
        LiveDisplay(preview)
        if is_live_terminal()
        else contextlib.nullcontext(PlainLines(config, preview, print_note)) as display
    ):

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


class LiveDisplay:
    """A bar, the losses and a preview, redrawn in place."""

    def __init__(self, preview: Preview) -> None:
        from rich.console import Console, Group
        from rich.live import Live
        from rich.progress import BarColumn, Progress, TextColumn
        from rich.text import Text

        self._preview, self._clock, self._redraws = preview, Clock(), Redraws()
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
        is_due, is_new = self._redraws.check(progress)
        if not is_due:
            return
        width = self._console.width
        fitting = _join_fitting(format_figures(progress, self._clock), width - _MIN_BAR_WIDTH)
        self._bar.update(self._task, completed=progress.iteration, total=progress.iterations, figures=fitting)
        losses = ", ".join(format_losses(progress))
        self._losses.plain = f"{losses} nats per letter" if losses else ""
        if is_new:
            self._names.plain = _join_fitting(self._preview.sample(progress, PREVIEW_NAMES), width - _ECHO_WIDTH)
        with contextlib.suppress(OSError, ValueError):  # the training continues without its terminal
            self._live.refresh()


def _join_fitting(parts: Iterable[str], width: int) -> str:
    """Join the parts that fit into a number of columns."""
    from rich.cells import cell_len

    line = ""
    for part in parts:
        longer = f"{line}  {part}" if line else part
        if part and cell_len(longer) <= width:
            line = longer
    return line
