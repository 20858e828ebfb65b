"""``namegen sample``: sample names from a model."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from namegen.cli.options import (
    CategoryColumnOption,
    EncodingOption,
    FloorOption,
    GuidanceOption,
    JobsOption,
    LookupModelOption,
    NameColumnOption,
    NoHeaderOption,
    PlainOption,
    TemperatureOption,
    TopKOption,
    TopPOption,
    advise_people,
    announce_stdin,
    build_reading,
    complete_category,
    describe_reading,
    drop_unset,
    load_location,
    look_up_model,
    parse_jobs,
)
from namegen.errors import UsageError, quote

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from namegen.datasets.options import ReadingOptions
    from namegen.models.model import Model
    from namegen.models.store import ModelLocation
    from namegen.sampling.results import NameBlock


def sample(
    category: Annotated[
        str | None,
        typer.Argument(
            metavar="CATEGORY",
            autocompletion=complete_category,
            help="A category, or a blend such as German:2+Italian.  [default: one at random for each name]",
        ),
    ] = None,
    letters: Annotated[
        str | None,
        typer.Argument(
            metavar="LETTERS",
            help="Start letters, one name each; - reads prefixes from stdin.",
        ),
    ] = None,
    *,
    count: Annotated[
        int | None, typer.Option("--count", "-n", help="Names per letter or prefix.  [default: 1]")
    ] = None,
    prefix: Annotated[
        list[str] | None, typer.Option("--prefix", "-p", help="Beginning of the names; can be repeated.")
    ] = None,
    temperature: TemperatureOption = None,
    floor: FloorOption = None,
    greedy: Annotated[bool, typer.Option("--greedy", help="Always choose the most likely letter.")] = False,
    top_k: TopKOption = None,
    top_p: TopPOption = None,
    dropout: Annotated[
        float | None,
        typer.Option(help="Drop network outputs with this probability.  [default: the model's, usually 0]"),
    ] = None,
    guidance: GuidanceOption = None,
    max_length: Annotated[
        int | None,
        typer.Option(help="Maximum length.  [default: prefix + 20, or more]"),
    ] = None,
    min_length: Annotated[int | None, typer.Option(help="Minimum length.  [default: 1]")] = None,
    match: Annotated[str | None, typer.Option(metavar="REGEX", help="Keep only names that match this in full.")] = None,
    exclude: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Leave out names and words listed in this file, one per line, ignoring case."
        ),
    ] = None,
    exclude_parts: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Leave out names that contain text listed in this file, ignoring case."),
    ] = None,
    novel: Annotated[bool, typer.Option("--novel", help="Leave out names of the training data.")] = False,
    unique: Annotated[bool, typer.Option("--unique", help="Print no name twice.")] = False,
    ascii_only: Annotated[bool, typer.Option("--ascii", help="Transliterate names into ASCII letters.")] = False,
    allow_offensive: Annotated[bool, typer.Option("--allow-offensive", help="Allow slurs and obscenities.")] = False,
    top: Annotated[int | None, typer.Option(metavar="N", help="The N most probable names, without sampling.")] = None,
    scores: Annotated[bool, typer.Option("--scores", help="Add the log-probability of each name.")] = False,
    seed: Annotated[int | None, typer.Option(help="Same seed, same names.  [default: random]")] = None,
    shard: Annotated[
        str | None, typer.Option(metavar="K/N", help="Sample part K of N; all parts need the same --seed.")
    ] = None,
    device: Annotated[
        str | None, typer.Option(metavar="DEVICE", help="cpu, cuda, cuda:N, mps, auto.  [default: cpu]")
    ] = None,
    jobs: JobsOption = "auto",
    like: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Imitate the names of this list; CATEGORY is added to their style."),
    ] = None,
    name_column: NameColumnOption = None,
    category_column: CategoryColumnOption = None,
    no_header: NoHeaderOption = False,
    encoding: EncodingOption = None,
    plain: PlainOption = False,
    model: LookupModelOption = None,
    output_format: Annotated[
        Literal["text", "tsv", "jsonl"],
        typer.Option("--format", "-f", help="Output format; tsv and jsonl add the category."),
    ] = "text",
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show the model and the seed.")] = False,
) -> None:
    """Sample names from a model.

    `namegen sample German ABC` prints three German names, which begin with A, B and C.
    `namegen sample Turkish/female` prints a given name; `namegen categories` lists all categories.
    """
    from namegen.cli.terminal import print_note
    from namegen.models.store import INCLUDED, PRETRAINED, find_models, included_models
    from namegen.sampling.name_filters import Filters, read_exclusions

    if greedy and temperature:
        raise UsageError("--greedy and --temperature cannot be combined; use one of them")
    settings = drop_unset(
        temperature=temperature, top_k=top_k, top_p=top_p, dropout=dropout, guidance=guidance, floor=floor
    )
    for_sampling = settings | drop_unset(greedy=greedy or None, count=count, seed=seed, shard=shard, device=device)
    for_sampling |= {} if jobs == "auto" else {"jobs": jobs}
    if top is not None and for_sampling:
        raise UsageError(f"--top does not sample; leave out --{next(iter(for_sampling)).replace('_', '-')}")
    if greedy:
        settings["temperature"] = 0.0
    shard_of = None if shard is None else _parse_shard(shard)
    filters = Filters(
        unique=unique,
        novel=novel,
        min_length=min_length,
        match=match,
        exclude=() if exclude is None else read_exclusions(exclude),
        exclude_parts=() if exclude_parts is None else read_exclusions(exclude_parts),
        ascii=ascii_only,
        allow_offensive=allow_offensive,
    )
    reading = build_reading(
        name_column=name_column,
        category_column=category_column,
        no_header=no_header,
        encoding=encoding,
        plain=plain,
    )
    if like is None:
        _refuse_reading(reading)
        location = look_up_model(find_models(model), None if category == "-" else category, or_letters=letters is None)
        loaded = load_location(location)
        _check_letters(find_models(model), location, category, letters)
        category, prefixes = _parse_arguments(loaded, category, letters, prefix)
    else:
        bases = (model is None and included_models()) or find_models(model or PRETRAINED)
        _check_letters(bases, None, category, letters)
        location, loaded, category, letters = _imitate(bases, like, category, letters, reading)
        prefixes = _parse_prefixes(letters, prefix)
    request = {
        "prefixes": prefixes,
        "filters": filters,
        "scores": scores,
        "notice": _print_notice,
        **drop_unset(max_length=max_length),
    }
    details = f"model {location.existing}{' (included)' if location.name in INCLUDED else ''}"
    if top is not None:
        from namegen.sampling.top_names import top_blocks

        if category is None and len(loaded.categories) > 1:
            raise UsageError("--top needs a category; `namegen categories` lists the model's categories")
        blocks = top_blocks(loaded, category or loaded.categories[0], count=top, **request)
    else:
        from namegen.models.devices import find_sampling_device
        from namegen.sampling.generate import blocks as sample_blocks

        if seed is None and shard is None:
            seed = int.from_bytes(os.urandom(4), "big")
        chosen = str(find_sampling_device(device) or "cpu")
        settings |= drop_unset(count=count, seed=seed, shard=shard_of)
        blocks = sample_blocks(loaded, category, device=chosen, jobs=parse_jobs(jobs), **request, **settings)
        details += ("" if seed is None else f", seed {seed}") + ("" if device is None else f", on {chosen}")
    if verbose:
        print_note(details)
    _print_blocks(blocks, output_format, flush=not isinstance(prefixes, Sequence))


def _print_blocks(blocks: Generator[NameBlock, None, None], output_format: str, *, flush: bool) -> None:
    """Print the names; whatever happens, end their worker processes."""
    from namegen.cli.terminal import print_result

    try:
        for block in blocks:
            print_result(_format_block(block, output_format), flush=flush)
    finally:
        blocks.close()


def _parse_arguments(
    model: Model, category: str | None, letters: str | None, prefixes: Sequence[str] | None
) -> tuple[str | None, Iterable[str]]:
    """Return the category, if given, and the prefixes: an iterator if they come from standard input."""
    from namegen.models.categories import is_category

    only_letters = category == "-" or (category and len(model.categories) == 1 and not is_category(model, category))
    if letters is None and only_letters:
        category, letters = None, category
    return category, _parse_prefixes(letters, prefixes)


def _refuse_reading(reading: ReadingOptions) -> None:
    """Raise ``UsageError`` if options of reading names are given without a list."""
    if reading != build_reading():
        raise UsageError("options of reading names only apply to the list of --like; leave them out, or give --like")


def _check_letters(
    locations: Sequence[ModelLocation], chosen: ModelLocation | None, category: str | None, text: str | None
) -> None:
    """Raise ``UsageError`` if the start letters are a category of a model other than the chosen one."""
    from namegen.models.categories import group_parts
    from namegen.sampling.prefixes import describe_second_category

    if text is None or len(text) < 3 or text.isupper():
        return
    if chosen is not None and text.casefold() in map(str.casefold, chosen.categories()):
        return  # the library refuses it, and suggests a blend
    for location in locations:
        categories = location.categories() if location != chosen else ()
        if text.casefold() in [name.casefold() for name in (*categories, *group_parts(categories))]:
            raise UsageError(describe_second_category(category, text, location.name))


def _print_notice(text: str) -> None:
    """Print a note of the library."""
    from namegen.cli.terminal import print_note

    print_note(f"{text[0].upper()}{text[1:]}.")


def _imitate(
    bases: Sequence[ModelLocation], path: str, category: str | None, letters: str | None, reading: ReadingOptions
) -> tuple[ModelLocation, Model, str | None, str | None]:
    """Return the base model, a model of the lists at a path, the category to sample, if any, and the start letters.

    The argument CATEGORY may be one of the lists, or a category of a base model to add to their style. Alone, it may
    also be start letters, in capitals.
    """
    from namegen.cli.terminal import print_note
    from namegen.datasets.dataset import count_of
    from namegen.datasets.readers import load_dataset
    from namegen.models.categories import find_blend, is_category
    from namegen.models.extension import find_names_alphabet
    from namegen.sampling.like import MIN_NAMES, like_model

    location = bases[0]
    base = load_location(location)
    announce_stdin([path])
    names = load_dataset(path, alphabet=find_names_alphabet(base), reading=reading)
    if category is not None and not is_category(names, category) and not is_category(base, category):
        if letters is None and (category == "-" or category.isupper()):
            category, letters = None, category
        elif is_category(names, re.split("[+:]", category)[0]):
            find_blend(names, category)  # raises an error that names the lists
        elif (location := look_up_model(bases, category, or_letters=False)) != bases[0]:
            base = load_location(location)
            names = load_dataset(path, alphabet=find_names_alphabet(base), reading=reading)
    for note in (*describe_reading(names), *advise_people(names, base, "--model")):
        print_note(note)
    fewest = int(names.counts.argmin())
    if names.counts[fewest] < MIN_NAMES:
        few = count_of(int(names.counts[fewest]), "name")
        print_note(f"{names.categories[fewest]}: {few} can hardly show a style; {2 * MIN_NAMES} are better.")
    if category is not None and is_category(names, category):
        return location, like_model(names, model=base), category, letters
    style = like_model(names, category, model=base)
    return location, style, style.categories[0] if len(style.categories) == 1 else None, letters


def _parse_prefixes(letters: str | None, prefixes: Sequence[str] | None) -> Iterable[str]:
    """Return the prefixes: an iterator if they come from standard input."""
    if letters == "":
        raise UsageError("the start letters are empty; leave them out to let the model choose")
    if letters is not None and prefixes:
        raise UsageError("start letters and --prefix cannot be combined; use one of them")
    if letters == "-":
        from namegen.cli.stdin import read_lines

        # Spaces at the end of a prefix count.
        return (line for lines in read_lines("prefixes") for line in lines if line.strip())
    return prefixes or ([""] if letters is None else letters)


def _parse_shard(text: str) -> tuple[int, int]:
    """Return the shard and the number of shards from K/N; schedulers may write leading zeros."""
    if not re.fullmatch(r"[0-9]{1,40}/[0-9]{1,40}", text):
        raise UsageError(f"--shard must be K/N, such as 1/4, not {quote(text)}")
    number, shards = text.split("/")
    return int(number), int(shards)


def _format_block(block: NameBlock, output_format: str) -> str:
    """Return a line for each name."""
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
