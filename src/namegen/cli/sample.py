"""``namegen sample``: invent names."""

from __future__ import annotations

import contextlib
import math
import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from namegen.cli.options import (
    GuidanceOption,
    ModelOption,
    TemperatureOption,
    TopKOption,
    TopPOption,
    complete_category,
)
from namegen.errors import UsageError, quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from namegen.models.model import Model
    from namegen.sampling.results import NameBlock


def sample(
    category: Annotated[
        str | None,
        typer.Argument(
            metavar="CATEGORY",
            autocompletion=complete_category,
            help="A category of the model, German for example, or a blend: German+Italian, German:2+Italian:1; "
            "without it, one at random for each name.",
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
    count: Annotated[
        int | None,
        typer.Option("--count", "-n", help="How many names for each start letter or prefix.  [default: 1]"),
    ] = None,
    prefix: Annotated[
        list[str] | None,
        typer.Option("--prefix", "-p", help="What the names begin with; may be given several times."),
    ] = None,
    temperature: TemperatureOption = None,
    greedy: Annotated[
        bool, typer.Option("--greedy", help="Always take the most likely letter, as --temperature 0 does.")
    ] = False,
    top_k: TopKOption = None,
    top_p: TopPOption = None,
    dropout: Annotated[
        float | None,
        typer.Option("--dropout", help="Drop each output with this probability: the tutorial's chaos."),
    ] = None,
    guidance: GuidanceOption = None,
    max_length: Annotated[
        int | None,
        typer.Option("--max-length", help="The most letters of a name, its prefix included."),
    ] = None,
    min_length: Annotated[
        int | None,
        typer.Option("--min-length", help="The fewest letters of a name, its prefix included."),
    ] = None,
    match: Annotated[
        str | None,
        typer.Option("--match", metavar="REGEX", help="Only names that this expression matches from end to end."),
    ] = None,
    exclude: Annotated[
        str | None,
        typer.Option(
            "--exclude",
            metavar="FILE",
            help="No name or word of this UTF-8 file, one a line, whatever its case.",
        ),
    ] = None,
    novel: Annotated[bool, typer.Option("--novel", help="No name of the data that the model was trained on.")] = False,
    unique: Annotated[bool, typer.Option("--unique", help="No name twice.")] = False,
    ascii_only: Annotated[bool, typer.Option("--ascii", help="Transliterate the names into ASCII letters.")] = False,
    top: Annotated[
        int | None,
        typer.Option("--top", metavar="N", help="The N most probable names of the category, instead of random ones."),
    ] = None,
    scores: Annotated[
        bool,
        typer.Option("--scores", help="Beside each name the logarithm of its probability given the category."),
    ] = False,
    seed: Annotated[
        int | None,
        typer.Option("--seed", help="The same seed gives the same names; -v shows the one that was used."),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(
            "--shard",
            metavar="K/N",
            help="Only the K-th of N stretches of the names, K from 1 to N, cut between the sampler's blocks: with the "
            "same --seed and the rest alike, the N outputs one after the other are that of one run without it.",
        ),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(
            "--device",
            metavar="DEVICE",
            help="Where the network runs: cpu, cuda, cuda:N, mps, or auto for a GPU if there is one.  [default: cpu]",
        ),
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

    from namegen.cli.terminal import note_unfinished, print_note, print_result
    from namegen.models.store import PRETRAINED, find_model
    from namegen.sampling.filters import Filters, read_exclusions
    from namegen.sampling.generate import blocks

    if greedy and temperature:
        raise UsageError("--greedy leaves no choice, so there is no --temperature; use one of them")
    ways: dict[str, Any] = {
        "temperature": 0.0 if greedy else temperature,
        "top_k": top_k,
        "top_p": top_p,
        "dropout": dropout,
        "guidance": guidance,
    }
    ways = {name: value for name, value in ways.items() if value is not None}
    if top is not None and (ways or any(given is not None for given in (count, seed, shard, device))):
        raise UsageError(
            "--top finds names without drawing any; leave out --count, --seed, --shard, --device, --greedy, "
            "--temperature, --top-k, --top-p, --dropout and --guidance"
        )
    which_shard = None if shard is None else _shard(shard)
    filters = Filters(
        unique=unique,
        novel=novel,
        min_length=min_length,
        match=match,
        exclude=() if exclude is None else read_exclusions(exclude),
        ascii=ascii_only,
    )
    place = find_model(model)
    loaded = place.load()
    note_unfinished(place, loaded)
    category, prefixes = _beginnings(loaded, category, letters, prefix)
    what: dict[str, Any] = {"prefixes": prefixes, "filters": filters, "scores": scores}
    if max_length is not None:
        what["max_length"] = max_length
    if top is not None:
        from namegen.sampling.top import top_blocks

        made = top_blocks(loaded, _one_category(loaded, category), count=top, **what)
    else:
        if seed is None and shard is None:
            seed = int.from_bytes(os.urandom(4), "big")
        where = _device(device)
        made = blocks(
            loaded,
            category,
            count=1 if count is None else count,
            seed=seed,
            shard=which_shard,
            device=where,
            **what,
            **ways,
        )
    if verbose:
        which = ", which comes with namegen" if place.name == PRETRAINED else ""
        on = "" if device is None else f", on {where}"
        print_note(f"model {place.existing}{which}" + ("" if seed is None else f", seed {seed}") + on)
    if not isinstance(prefixes, Sequence) and sys.stdin.isatty():
        print_note("Type prefixes, one a line.")
    shape = _SHAPES[output_format]
    for block in made:
        # Whoever types prefixes wants an answer to each.
        print_result(shape(block), flush=not isinstance(prefixes, Sequence))


def _beginnings(
    model: Model, category: str | None, letters: str | None, prefixes: Sequence[str] | None
) -> tuple[str | None, Iterable[str]]:
    """Return the category, if there is one, and what names are to begin with; from stdin it is an iterator."""
    if (category == "-" and letters is None) or (letters is None and category and _is_letters(model, category)):
        category, letters = None, category
    if letters == "":
        raise UsageError("the start letters are empty; leave them out to let the model choose")
    if letters is not None and prefixes:
        raise UsageError("start letters and --prefix exclude each other; use one of them")
    if letters == "-":
        return category, _prefixes()
    return category, prefixes or ([""] if letters is None else letters)


def _device(name: str | None) -> str:
    """Return which device is meant; only who asks for another than the processor waits for torch."""
    from namegen.cli.signals import import_torch
    from namegen.models.devices import find_sampling_device

    if name not in (None, "cpu"):
        with contextlib.suppress(ModuleNotFoundError):  # of which there may be nothing to say
            import_torch()
    return str(find_sampling_device(name) or "cpu")


def _one_category(model: Model, category: str | None) -> str:
    """Return the category given, or the only one that there is."""
    if category is None and len(model.categories) > 1:
        raise UsageError("--top needs a category; `namegen categories` lists those of the model")
    return model.categories[0] if category is None else category


def _is_letters(model: Model, word: str) -> bool:
    """Whether a lone word means start letters: where there is one category, and the word is not it."""
    from namegen.models.categories import is_category

    return len(model.categories) == 1 and not is_category(model, word)


def _shard(text: str) -> tuple[int, int]:
    """Return which shard of how many is meant by K/N; leading zeros do no harm, as schedulers may write them."""
    if not re.fullmatch(r"[0-9]{1,40}/[0-9]{1,40}", text):
        raise UsageError(f"--shard must be K/N, as 1/4 for the first of four, not {quote(text)}")
    number, shards = text.split("/")
    return int(number), int(shards)


def _prefixes() -> Iterator[str]:
    """Go through the lines of standard input that are not blank.

    Blanks at their ends stay: ``van `` is another prefix than ``van``.
    """
    from namegen.cli.stdin import lines_of_stdin

    return (line for lines in lines_of_stdin() for line in lines if line.strip())


def _text(block: NameBlock) -> str:
    if block.scores is None:
        return block.text
    return "".join([f"{draw.name}\t{draw.score:.4f}\n" for draw in block])


def _tsv(block: NameBlock) -> str:
    if block.scores is None:
        return "".join([f"{draw.category}\t{draw.name}\n" for draw in block])
    return "".join([f"{draw.category}\t{draw.name}\t{draw.score:.4f}\n" for draw in block])


def _jsonl(block: NameBlock) -> str:
    from json.encoder import encode_basestring as encode_json

    return "".join(
        [
            f'{{"category": {encode_json(draw.category)}, "name": {encode_json(draw.name)}{_json_score(draw.score)}}}\n'
            for draw in block
        ]
    )


def _json_score(score: float | None) -> str:
    """Return the last member of an object, if there is a score; JSON knows no infinity."""
    if score is None:
        return ""
    return f', "log_probability": {score if score > -math.inf else "null"}'


_SHAPES: dict[str, Callable[[NameBlock], str]] = {"text": _text, "tsv": _tsv, "jsonl": _jsonl}
