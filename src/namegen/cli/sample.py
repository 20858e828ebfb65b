"""``namegen sample``: invent names."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from namegen.cli.output import ModelOption
from namegen.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from namegen.modelfile import Model
    from namegen.sampling import Block


def sample(
    category: Annotated[
        str | None,
        typer.Argument(
            metavar="CATEGORY",
            help="A category of the model, German for example; without it, one at random for each name.",
        ),
    ] = None,
    letters: Annotated[
        str | None,
        typer.Argument(
            metavar="LETTERS",
            help="Start letters, a name for each; - reads prefixes from standard input, one a line.",
        ),
    ] = None,
    *,
    count: Annotated[int, typer.Option("--count", "-n", help="How many names for each start letter or prefix.")] = 1,
    prefix: Annotated[
        list[str] | None,
        typer.Option("--prefix", "-p", help="What the names begin with; may be given several times."),
    ] = None,
    temperature: Annotated[
        float | None,
        typer.Option("--temperature", "-t", help="Below 1: more typical names; above 1: wilder ones; 0: greedy."),
    ] = None,
    greedy: Annotated[bool, typer.Option("--greedy", help="Always take the most likely letter.")] = False,
    top_k: Annotated[
        int | None,
        typer.Option("--top-k", help="Choose among this many of the most likely letters."),
    ] = None,
    top_p: Annotated[
        float | None,
        typer.Option("--top-p", help="Choose among the most likely letters that together have this probability."),
    ] = None,
    dropout: Annotated[
        float | None,
        typer.Option("--dropout", help="Drop each output with this probability: the tutorial's chaos."),
    ] = None,
    max_length: Annotated[
        int | None,
        typer.Option("--max-length", help="The most letters of a name, its prefix included."),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option("--seed", help="The same seed gives the same names; -v shows the one that was used."),
    ] = None,
    model: ModelOption = None,
    output_format: Annotated[
        Literal["text", "tsv", "jsonl"],
        typer.Option("--format", "-f", help="Names; or category and name, separated by a tab or as JSON."),
    ] = "text",
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show the model and the seed.")] = False,
) -> None:
    """Invent names.

    `namegen sample German ABC` prints three German names that begin with A, B and C.
    """
    import os

    from namegen.cli.output import note, result
    from namegen.sampling import blocks
    from namegen.store import find_model

    if greedy and temperature:
        raise UsageError("--greedy is --temperature 0; use one of them")
    place = find_model(model)
    loaded = place.load()
    if not loaded.finished:
        note(
            f"The training of {place.name} has not finished: these names are from the model after "
            f"{loaded.iterations:,} of {loaded.training.iterations:,} iterations."
        )
    if (category == "-" and letters is None) or (letters is None and category and _is_letters(loaded, category)):
        category, letters = None, category
    if letters == "":
        raise UsageError("the start letters are empty; leave them out to let the model choose")
    if letters is not None and prefix:
        raise UsageError("start letters and --prefix exclude each other; use one of them")
    from_stdin = letters == "-"
    seed = int.from_bytes(os.urandom(4), "big") if seed is None else seed
    parts: dict[str, Any] = {
        "temperature": 0.0 if greedy else temperature,
        "top_k": top_k,
        "top_p": top_p,
        "dropout": 0.0 if greedy and dropout is None else dropout,
        "max_length": max_length,
    }
    if verbose:
        note(f"model {place.existing}, seed {seed}")
    made = blocks(
        loaded,
        category,
        _lines(sys.stdin or ()) if from_stdin else prefix or ([""] if letters is None else letters),
        count=count,
        seed=seed,
        **{name: value for name, value in parts.items() if value is not None},
    )
    shape = _SHAPES[output_format]
    for block in made:
        result(shape(block), flush=from_stdin)  # whoever types prefixes wants an answer to each


def _is_letters(model: Model, word: str) -> bool:
    """Whether a lone word means start letters: where there is one category, and the word is not it."""
    return len(model.categories) == 1 and word.casefold() != model.categories[0].casefold()


def _lines(stream: Iterable[str]) -> Iterator[str]:
    return (line.strip() for line in stream if line.strip())


def _text(block: Block) -> str:
    if block.scores is None:
        return block.text
    return "".join([f"{draw.name}\t{draw.score:.4f}\n" for draw in block])


def _tsv(block: Block) -> str:
    if block.scores is None:
        return "".join([f"{draw.category}\t{draw.name}\n" for draw in block])
    return "".join([f"{draw.category}\t{draw.name}\t{draw.score:.4f}\n" for draw in block])


def _jsonl(block: Block) -> str:
    from json.encoder import encode_basestring as quoted

    return "".join(
        [
            f'{{"category": {quoted(draw.category)}, "name": {quoted(draw.name)}{_json_score(draw.score)}}}\n'
            for draw in block
        ]
    )


def _json_score(score: float | None) -> str:
    """Return the last member of an object, if there is a score; JSON knows no infinity."""
    if score is None:
        return ""
    return f', "log_probability": {score if score > -math.inf else "null"}'


_SHAPES: dict[str, Callable[[Block], str]] = {"text": _text, "tsv": _tsv, "jsonl": _jsonl}
