"""``namegen sample``: generate names."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from namegen.cli.options import (
    GuidanceOption,
    ModelOption,
    TemperatureOption,
    TopKOption,
    TopPOption,
    complete_category,
    drop_unset,
    load_model_to_use,
)
from namegen.errors import UsageError, quote

if TYPE_CHECKING:
    from collections.abc import Iterable

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
    from namegen.cli.terminal import print_note, print_result
    from namegen.models.store import PRETRAINED
    from namegen.sampling.filters import Filters, read_exclusions

    if greedy and temperature:
        raise UsageError("--greedy leaves no choice, so there is no --temperature; use one of them")
    temperature = 0.0 if greedy else temperature
    settings = drop_unset(temperature=temperature, top_k=top_k, top_p=top_p, dropout=dropout, guidance=guidance)
    if top is not None and (settings or drop_unset(count=count, seed=seed, shard=shard, device=device)):
        raise UsageError(
            "--top finds names without drawing any; leave out --count, --seed, --shard, --device, --greedy, "
            "--temperature, --top-k, --top-p, --dropout and --guidance"
        )
    shard_of = None if shard is None else _parse_shard(shard)
    filters = Filters(
        unique=unique,
        novel=novel,
        min_length=min_length,
        match=match,
        exclude=() if exclude is None else read_exclusions(exclude),
        ascii=ascii_only,
    )
    location, loaded = load_model_to_use(model)
    category, prefixes = _parse_arguments(loaded, category, letters, prefix)
    request = {"prefixes": prefixes, "filters": filters, "scores": scores, **drop_unset(max_length=max_length)}
    details = f"model {location.existing}{', which comes with namegen' if location.name == PRETRAINED else ''}"
    if top is not None:
        from namegen.sampling.top import top_blocks

        if category is None and len(loaded.categories) > 1:
            raise UsageError("--top needs a category; `namegen categories` lists those of the model")
        blocks = top_blocks(loaded, category or loaded.categories[0], count=top, **request)
    else:
        from namegen.models.devices import find_sampling_device
        from namegen.sampling.generate import blocks as sample_blocks

        if seed is None and shard is None:
            seed = int.from_bytes(os.urandom(4), "big")
        chosen = str(find_sampling_device(device) or "cpu")
        settings |= {"count": 1 if count is None else count, "seed": seed, "shard": shard_of, "device": chosen}
        blocks = sample_blocks(loaded, category, **request, **settings)
        details += ("" if seed is None else f", seed {seed}") + ("" if device is None else f", on {chosen}")
    if verbose:
        print_note(details)
    from_stdin = not isinstance(prefixes, Sequence)
    for block in blocks:
        print_result(_format_lines(block, output_format), flush=from_stdin)


def _parse_arguments(
    model: Model, category: str | None, letters: str | None, prefixes: Sequence[str] | None
) -> tuple[str | None, Iterable[str]]:
    """Return the category, or ``None``, and the prefixes of the names: an iterator if they come from standard input."""
    from namegen.models.categories import is_category

    only_letters = category == "-" or (category and len(model.categories) == 1 and not is_category(model, category))
    if letters is None and only_letters:
        category, letters = None, category
    if letters == "":
        raise UsageError("the start letters are empty; leave them out to let the model choose")
    if letters is not None and prefixes:
        raise UsageError("start letters and --prefix exclude each other; use one of them")
    if letters == "-":
        from namegen.cli.stdin import read_lines

        # Blanks at the end of a prefix count.
        return category, (line for lines in read_lines("prefixes") for line in lines if line.strip())
    return category, prefixes or ([""] if letters is None else letters)


def _parse_shard(text: str) -> tuple[int, int]:
    """Return the shard and the number of shards from K/N; schedulers may write leading zeros."""
    if not re.fullmatch(r"[0-9]{1,40}/[0-9]{1,40}", text):
        raise UsageError(f"--shard must be K/N, as 1/4 for the first of four, not {quote(text)}")
    number, shards = text.split("/")
    return int(number), int(shards)


def _format_lines(block: NameBlock, output_format: str) -> str:
    """Return the lines of a block of names in one of the formats of ``--format``."""
    if output_format == "jsonl":
        from json.encoder import encode_basestring as encode

        lines = [
            f'{{"category": {encode(category)}, "name": {encode(name)}{_format_json_score(score)}}}\n'
            for category, name, score in block
        ]
    elif output_format == "tsv":
        lines = [f"{category}\t{name}{_format_score(score)}\n" for category, name, score in block]
    elif block.scores is None:
        return block.text
    else:
        lines = [f"{name}{_format_score(score)}\n" for _, name, score in block]
    return "".join(lines)


def _format_score(score: float | None) -> str:
    return "" if score is None else f"\t{score:.4f}"


def _format_json_score(score: float | None) -> str:
    if score is None:
        return ""
    return f', "log_probability": {score if score > -math.inf else "null"}'  # JSON has no infinity
