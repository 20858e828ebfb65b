"""``namegen sample``: the options of sampling names."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from namegen.cli.inputs import drop_unset
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
    complete_category,
)
from namegen.cli.print_names import print_names


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
    print_names(
        category,
        letters,
        prefix,
        greedy=greedy,
        settings=drop_unset(
            temperature=temperature, top_k=top_k, top_p=top_p, dropout=dropout, guidance=guidance, floor=floor
        ),
        count=count,
        seed=seed,
        shard=shard,
        device=device,
        top=top,
        max_length=max_length,
        filters=drop_unset(
            unique=unique,
            novel=novel,
            min_length=min_length,
            match=match,
            exclude=exclude,
            exclude_parts=exclude_parts,
            ascii=ascii_only,
            allow_offensive=allow_offensive,
        ),
        scores=scores,
        jobs=jobs,
        like=like,
        reading=drop_unset(
            name_column=name_column,
            category_column=category_column,
            no_header=no_header or None,
            encoding=encoding,
            plain=plain or None,
        ),
        model=model,
        output_format=output_format,
        verbose=verbose,
    )
