"""Write the reference of the library, docs/api.md, from the docstrings of its public names.

Griffe reads the source without importing it. The page is plain Markdown, so that it is readable on GitHub too.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import griffe
from griffe import DocstringSectionKind as Section
from griffe import ParameterKind as Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(__file__).resolve().parents[2] / "src"
HEAD = """# API reference

This page is generated from docstrings by `make docs`. [Use from Python](library.md) shows how to use these names
together. Attributes with a type are also the arguments of the constructor, in the same order. Members that only namegen
itself uses are left out.
"""
GROUPS = {
    "Datasets": ("Dataset", "load_dataset", "open_dataset", "ReadingOptions", "download", "Alphabet", "ASCII"),
    "Training": ("train", "training_config", "TrainingConfig", "Progress"),
    "Models": ("load_model", "Model", "History"),
    "Sampling": ("sample", "iterate", "top", "like", "like_model", "SamplingConfig", "Filters"),
    "People": ("people", "Person"),
    "Evaluation": ("score", "Scores", "classify", "Classification", "explain", "Explanation", "evaluate", "Evaluation"),
    "Plots": ("plot_history", "plot_evaluation", "plot_explanation"),
    "Export": ("export_onnx",),
    "Errors": ("errors",),
}
"""The public names, in the order in which users need them."""

ERRORS = {"NamegenError", "UsageError", "TrainingStopped"}  # public names that `errors` describes
INTERNAL = {
    "Alphabet.decode_lines",
    "Alphabet.encode_lines",
    "Alphabet.in_case",
    "Alphabet.may_be_ambiguous",
    "Dataset.distinct_hashes",
    "Dataset.in_case",
    "Dataset.limit",
    "Filters.keys",
    "Filters.may_reject",
    "Filters.spell",
    "Model.known_hashes",
    "Model.stage",
    "TrainingConfig.history_interval",
    "TrainingConfig.stage_at",
    "TrainingConfig.stages",
    "Explanation.rank_letters",
}
"""Members that only namegen itself uses."""

TITLES = {
    Section.parameters: "Arguments",
    Section.attributes: "Attributes",
    Section.raises: "Raises",
}
WHOLE = {"returns_multiple_items": False, "returns_named_value": False}  # a function returns one unnamed value
_FACTORY = re.compile(r"\(lambda: (.*)\)\(\)")  # as griffe shows the default factory of a field
_WIDEST = 100  # maximum width of a signature on one line
_ROLE = re.compile(r":(?:func|class|meth|attr|mod|data):`~?([\w.]+)`")
_EXAMPLE = re.compile(r"^>>> .*(?:\n(?!\n).*)*", re.MULTILINE)  # docs/library.md has examples that tests run


def page() -> str:
    """Return the page.

    Raises:
        ValueError: the groups do not contain every public name exactly once.
    """
    package = griffe.load("namegen", search_paths=[SOURCE], docstring_parser="google", docstring_options=WHOLE)
    public = sorted(str(name) for name in package.exports or ())
    if sorted([*ERRORS, *(name for names in GROUPS.values() for name in names)]) != public:
        raise ValueError(f"GROUPS must contain each public name once: {', '.join(public)}")
    parts = [HEAD]
    for group, names in GROUPS.items():
        parts.append(f"## {group}\n")
        for name in names:
            thing = package[name]
            parts += _described(thing.final_target if thing.is_alias else thing, f"namegen.{name}")
    parts.append("## Faker\n")
    parts += _described(package["faker.Provider"], "namegen.faker.Provider")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(parts)).rstrip() + "\n"


def _described(thing: griffe.Object, path: str) -> Iterator[str]:
    """Yield the description of a public name."""
    yield f"### `{path}`\n"
    if isinstance(thing, griffe.Function):
        yield f"```text\n{_signature(thing, path)}\n```\n"
    elif isinstance(thing, griffe.Class) and "dataclass" not in thing.labels:
        yield f"A subclass of `{thing.bases[0]}`.\n"
    yield from _docstring(thing)
    if isinstance(thing, griffe.Module):
        for each in thing.classes.values():
            others = "".join(f", also a subclass of `{base}`" for base in each.bases[1:])
            yield f"- `{each.name}`{others}: {_linked(' '.join(each.docstring.value.split()))}"
        yield ""
    elif isinstance(thing, griffe.Class):
        yield from _members(thing)


def _members(thing: griffe.Class) -> Iterator[str]:
    """Yield the descriptions of a class's properties and methods."""
    members = {
        name: member
        for name, member in thing.members.items()
        if not (name.startswith("_") or f"{thing.name}.{name}" in INTERNAL or member.is_alias) and member.has_docstring
    }
    methods = {name: member for name, member in members.items() if isinstance(member, griffe.Function)}
    if len(methods) < len(members):
        yield "Properties:\n"
    for name, member in members.items():
        if name not in methods:
            yield f"- `{name}: {member.annotation}`: {_linked(' '.join(member.docstring.value.split()))}"
    yield ""
    for name, method in methods.items():
        signature = _signature(method, f"{thing.name}.{name}")
        if "\n" in signature:
            yield f"#### `{thing.name}.{name}`\n"
            yield f"```text\n{signature}\n```\n"
        else:
            yield f"#### `{signature}`\n"
        yield from _docstring(method)


def _signature(function: griffe.Function, path: str) -> str:
    """Return the signature of a function, on one line if it fits."""
    shown, starred = [], False
    for parameter in function.parameters:
        if parameter.name in {"self", "cls"}:
            continue
        if parameter.kind is Kind.keyword_only and not starred:
            shown.append("*")
            starred = True
        stars = {Kind.var_positional: "*", Kind.var_keyword: "**"}.get(parameter.kind, "")
        shown.append(f"{stars}{_declared(parameter)}")
    returns = f" -> {function.returns}" if function.returns else ""
    line = f"{path}({', '.join(shown)}){returns}"
    if len(line) <= _WIDEST:
        return line
    return f"{path}(\n" + "".join(f"    {each},\n" for each in shown) + f"){returns}"


def _declared(parameter: griffe.Parameter) -> str:
    """Return a parameter with its type and default, without stars."""
    annotation = f": {parameter.annotation}" if parameter.annotation else ""
    if parameter.default is None or parameter.kind in {Kind.var_positional, Kind.var_keyword}:
        return f"{parameter.name}{annotation}"
    default = _FACTORY.sub(r"\1", str(parameter.default))
    return f"{parameter.name}{annotation} = {default}"


def _docstring(thing: griffe.Object) -> Iterator[str]:
    """Yield the sections of a docstring. Attributes of a dataclass have the types and defaults of its fields."""
    fields = {}
    if isinstance(thing, griffe.Class) and "dataclass" in thing.labels:
        fields = {parameter.name: _declared(parameter) for parameter in thing.members["__init__"].parameters}
    for section in thing.docstring.parsed if thing.docstring else ():
        if section.kind is Section.text:
            yield _linked(_EXAMPLE.sub("", section.value)).strip() + "\n"
            continue
        if section.kind is Section.returns:
            yield from (f"Returns: {_linked(' '.join(each.description.split()))}\n" for each in section.value)
            continue
        yield f"{TITLES[section.kind]}:\n"
        for each in section.value:
            name = each.annotation if section.kind is Section.raises else fields.get(each.name, each.name)
            yield f"- `{name}`: {_linked(' '.join(each.description.split()))}"
        yield ""


def _linked(text: str) -> str:
    """Convert reStructuredText roles and literals to Markdown."""
    return _ROLE.sub(lambda role: f"`{role[1]}`", text).replace("``", "`")


if __name__ == "__main__":
    print(page(), end="")
