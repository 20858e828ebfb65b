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

All public names of `namegen`, generated from their docstrings by `make docs`. [Use from Python](library.md) shows how
to use them together. `namegen.faker` needs Faker.
"""
GROUPS = {
    "Datasets": ("Dataset", "load_dataset", "open_dataset", "download", "Alphabet", "ASCII"),
    "Training": ("train", "training_config", "TrainingConfig", "Progress"),
    "Models": ("load_model", "Model", "History"),
    "Sampling": ("sample", "iterate", "top", "SamplingConfig", "Filters"),
    "Evaluation": ("score", "Scores", "classify", "Classification", "evaluate", "Evaluation"),
    "Plots": ("plot_history", "plot_evaluation"),
    "Export": ("export_onnx",),
    "Errors": ("NamegenError", "UsageError", "TrainingStopped", "errors"),
}
"""The public names, in the order in which users need them."""

TITLES = {
    Section.parameters: "Arguments",
    Section.attributes: "Attributes",
    Section.returns: "Returns",
    Section.raises: "Raises",
}
WHOLE = {"returns_multiple_items": False, "returns_named_value": False}  # a function returns one unnamed value
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
    if sorted(name for names in GROUPS.values() for name in names) != public:
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
    elif isinstance(thing, griffe.Class) and "dataclass" in thing.labels:
        yield f"```text\n{_signature(thing.members['__init__'], path)}\n```\n"
    elif isinstance(thing, griffe.Class):
        yield f"A subclass of `{thing.bases[0]}`.\n"
    yield from _docstring(thing)
    if isinstance(thing, griffe.Module):
        for each in thing.classes.values():
            kinds = " and ".join(f"`{base}`" for base in each.bases)
            yield f"- `{each.name}`, a subclass of {kinds}: {_linked(' '.join(each.docstring.value.split()))}"
        yield ""
    elif isinstance(thing, griffe.Class):
        for name, member in thing.members.items():
            if name.startswith("_") or member.is_alias or not member.has_docstring:
                continue
            yield f"#### `{thing.name}.{name}`\n"
            shown = _signature(member, name) if isinstance(member, griffe.Function) else f"{name}: {member.annotation}"
            yield f"```text\n{shown}\n```\n"
            yield from _docstring(member)


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
        annotation = f": {parameter.annotation}" if parameter.annotation else ""
        default = "" if stars or parameter.default is None else f" = {parameter.default}"
        shown.append(f"{stars}{parameter.name}{annotation}{default}")
    returns = f" -> {function.returns}" if function.returns and function.name != "__init__" else ""
    line = f"{path}({', '.join(shown)}){returns}"
    if len(line) <= _WIDEST:
        return line
    return f"{path}(\n" + "".join(f"    {each},\n" for each in shown) + f"){returns}"


def _docstring(thing: griffe.Object) -> Iterator[str]:
    """Yield the sections of a docstring."""
    for section in thing.docstring.parsed if thing.docstring else ():
        if section.kind is Section.text:
            yield _linked(_EXAMPLE.sub("", section.value)).strip() + "\n"
            continue
        yield f"{TITLES[section.kind]}:\n"
        for each in section.value:
            name = each.annotation if section.kind in {Section.returns, Section.raises} else each.name
            yield f"- `{name}`: {_linked(' '.join(each.description.split()))}"
        yield ""


def _linked(text: str) -> str:
    """Convert reStructuredText roles and literals to Markdown."""
    return _ROLE.sub(lambda role: f"`{role[1]}`", text).replace("``", "`")


if __name__ == "__main__":
    print(page(), end="")
