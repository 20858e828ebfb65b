"""Sample names from a model and print them: the work of ``namegen sample``.

Nothing here imports Typer, so a command without options starts sooner (:func:`namegen.cli.main`).
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from contextlib import closing
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from namegen.cli.inputs import (
    advise_people,
    announce_stdin,
    build_reading,
    describe_reading,
    drop_unset,
    load_location,
    look_up_model,
    parse_jobs,
)
from namegen.errors import UsageError, quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from namegen.datasets.options import ReadingOptions
    from namegen.models.model import Model
    from namegen.models.store import ModelLocation
    from namegen.sampling.name_filters import Filters
    from namegen.sampling.results import NameBlock, NameBlocks


def print_names(
    category: str | None = None,
    letters: str | None = None,
    prefixes: Sequence[str] | None = None,
    *,
    greedy: bool = False,
    settings: Mapping[str, Any] = MappingProxyType({}),
    count: int | None = None,
    seed: int | None = None,
    shard: str | None = None,
    device: str | None = None,
    jobs: str = "auto",
    top: int | None = None,
    max_length: int | None = None,
    filters: Mapping[str, Any] = MappingProxyType({}),
    scores: bool = False,
    like: str | None = None,
    reading: Mapping[str, Any] = MappingProxyType({}),
    model: str | None = None,
    output_format: str = "text",
    verbose: bool = False,
) -> None:
    """Sample names and print them.

    The arguments are the options of ``namegen sample``, with ``None`` for those that are not given; ``settings`` are
    fields of ``SamplingConfig``, ``filters`` are fields of ``Filters``, where exclusions are files, and ``reading`` are
    arguments of :func:`~namegen.cli.inputs.build_reading`.
    """
    from namegen.cli.terminal import print_note, print_result

    if greedy and settings.get("temperature"):
        raise UsageError("--greedy and --temperature cannot be combined; use one of them")
    of_sampling = drop_unset(greedy=greedy or None, count=count, seed=seed, shard=shard, device=device)
    of_sampling |= {} if jobs == "auto" else {"jobs": jobs}
    if top is not None and (given := {**settings, **of_sampling}):
        raise UsageError(f"--top does not sample; leave out --{next(iter(given)).replace('_', '-')}")
    if reading and like is None:
        raise UsageError("options of reading names only apply to the list of --like; leave them out, or give --like")
    sampling = dict(settings)
    if greedy:
        sampling["temperature"] = 0.0
    part = None if shard is None else _parse_shard(shard)
    request: dict[str, Any] = {"filters": _build_filters(filters), "scores": scores, "notice": _print_notice}
    request |= drop_unset(max_length=max_length)
    location, loaded, category, request["prefixes"] = _choose_model(model, category, letters, prefixes, like, reading)
    details = _describe_model(location)
    if top is not None:
        blocks = _find_top(loaded, category, top, request)
    else:
        from namegen.models.devices import find_sampling_device
        from namegen.sampling.generate import blocks as sample_blocks

        if seed is None and shard is None:
            seed = int.from_bytes(os.urandom(4), "big")
        chosen = str(find_sampling_device(device) or "cpu")
        sampling |= drop_unset(count=count, seed=seed, shard=part)
        blocks = sample_blocks(loaded, category, device=chosen, jobs=parse_jobs(jobs), **request, **sampling)
        details += ("" if seed is None else f", seed {seed}") + ("" if device is None else f", on {chosen}")
    if verbose:
        print_note(details)
    from_stdin = not isinstance(request["prefixes"], Sequence)
    with closing(blocks):  # which ends worker processes
        for block in blocks:
            print_result(_format_block(block, output_format), flush=from_stdin)


def _build_filters(options: Mapping[str, Any]) -> Filters:
    """Return the filters; the exclusions are read from their files."""
    from namegen.sampling.name_filters import Filters, read_exclusions

    exclusions = {name: read_exclusions(options[name]) for name in ("exclude", "exclude_parts") if name in options}
    return Filters(**{**options, **exclusions})


def _choose_model(
    model: str | None,
    category: str | None,
    letters: str | None,
    prefixes: Sequence[str] | None,
    like: str | None,
    reading: Mapping[str, Any],
) -> tuple[ModelLocation, Model, str | None, Iterable[str]]:
    """Return the location of the model, the model itself or one of the list to imitate, the category and the prefixes.

    The prefixes are an iterator if they come from standard input.
    """
    from namegen.models.store import PRETRAINED, find_models, included_models

    if like is None:
        location = look_up_model(find_models(model), None if category == "-" else category, or_letters=letters is None)
        loaded = load_location(location)
        _check_letters(find_models(model), location, category, letters)
        return (location, loaded, *_parse_arguments(loaded, category, letters, prefixes))
    bases = (model is None and included_models()) or find_models(model or PRETRAINED)
    _check_letters(bases, None, category, letters)
    location, loaded, category, letters = _imitate(bases, like, category, letters, build_reading(**reading))
    return location, loaded, category, _parse_prefixes(letters, prefixes)


def _describe_model(location: ModelLocation) -> str:
    """Return the file of a model, for ``--verbose``."""
    from namegen.models.store import INCLUDED

    return f"model {location.existing}{' (included)' if location.name in INCLUDED else ''}"


def _find_top(model: Model, category: str | None, count: int, request: dict[str, Any]) -> NameBlocks:
    """Return the most probable names of a category, which a model with several categories needs."""
    from namegen.sampling.top_names import top_blocks

    if category is None and len(model.categories) > 1:
        raise UsageError("--top needs a category; `namegen categories` lists the model's categories")
    found: NameBlocks = top_blocks(model, category or model.categories[0], count=count, **request)
    return found


def _parse_arguments(
    model: Model, category: str | None, letters: str | None, prefixes: Sequence[str] | None
) -> tuple[str | None, Iterable[str]]:
    """Return the category, if given, and the prefixes: an iterator if they come from standard input."""
    from namegen.models.categories import is_category

    only_letters = category == "-" or (category and len(model.categories) == 1 and not is_category(model, category))
    if letters is None and only_letters:
        category, letters = None, category
    return category, _parse_prefixes(letters, prefixes)


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
