"""Print the results of ``namegen evaluate`` as a table or as CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from namegen.evaluation.bootstrap import Interval
    from namegen.evaluation.metrics import CategoryEvaluation, Evaluation


def print_csv(evaluation: Evaluation, name: str) -> None:
    """Print a line for each system, category and measure, after a header."""
    import csv
    import io

    from namegen.cli.terminal import print_result
    from namegen.evaluation.reports import Measure, list_measures

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(Measure._fields)
    writer.writerows(list_measures(evaluation, name))
    print_result(text.getvalue())


def print_evaluation(evaluation: Evaluation, name: str) -> None:
    """Print a table of the categories, or of the systems if there are baselines."""
    from namegen.cli.terminal import print_table

    if evaluation.baselines:
        _print_systems(evaluation, name)
        return
    head = ("category", "names", "loss", "perplexity", "novel", "unique", "right", "length", "data's length")
    rows = [
        _format_row(category, figures, figures.loss, figures.intervals.get("loss"))
        for category, figures in evaluation.categories.items()
    ]
    rows.append(_format_row("macro", evaluation, evaluation.macro, evaluation.intervals.get("macro")))
    micro = _format_row("micro", evaluation, evaluation.micro, evaluation.intervals.get("micro"))
    rows.append([*micro[:4], *["-"] * 5])
    print_table(head, rows, right=head[1:])


def _print_systems(evaluation: Evaluation, name: str) -> None:
    from namegen.cli.terminal import print_table

    systems = {name: evaluation, **evaluation.baselines}
    is_single = len(evaluation.categories) == 1
    losses = ("loss", "perplexity") if is_single else ("macro loss", "micro loss")
    head = ("system", *losses, "novel", "unique", *(() if is_single else ("right",)), "length")
    rows = []
    for system, found in systems.items():
        intervals = found.intervals
        second = (
            _format(_perplexity(found.macro), ".2f")
            if is_single
            else _format(found.micro, ".3f", intervals.get("micro"))
        )
        sampled = _format_sampled(found)
        rows.append(
            [
                system,
                _format(found.macro, ".3f", intervals.get("macro")),
                second,
                *sampled[: 2 if is_single else 3],
                sampled[3],
            ]
        )
    print_table(head, rows, right=head[1:], else_see="--format csv")


def _format_row(
    label: str, figures: CategoryEvaluation | Evaluation, loss: float | None, interval: Interval | None
) -> list[str]:
    return [
        label,
        f"{figures.names:,}",
        _format(loss, ".3f", interval),
        _format(_perplexity(loss), ".2f"),
        *_format_sampled(figures),
        _format(figures.data_length, ".1f"),
    ]


def _format_sampled(figures: CategoryEvaluation | Evaluation) -> list[str]:
    """Return the cells of the figures of sampled names."""
    kinds = {"novel": ".1%", "unique": ".1%", "right": ".1%", "length": ".1f"}
    return [_format(getattr(figures, name), form, figures.intervals.get(name)) for name, form in kinds.items()]


def _format(value: float | None, form: str, interval: Interval | None = None) -> str:
    if value is None:
        return "-"
    ends = "" if interval is None else f" [{interval[0]:{form}}, {interval[1]:{form}}]"
    return f"{value:{form}}{ends}"


def _perplexity(loss: float | None) -> float | None:
    from namegen.evaluation.likelihood import perplexity_of

    return perplexity_of(loss)
