"""Build namegen-rnn-slim from the sources and the metadata of the repository that contains this folder.

A source distribution has no repository around it. It contains the sources, and Hatchling reads the metadata from its
``PKG-INFO``.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # a dependency of Hatchling

_SHARED_FIELDS = ("authors", "classifiers", "keywords", "requires-python")


class SlimMetadata(MetadataHookInterface):
    """Copies metadata from the repository's pyproject.toml, without some dependencies."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Fill in the dynamic fields."""
        file = Path(self.root).parent.parent / "pyproject.toml"
        project = tomllib.loads(file.read_text(encoding="utf-8"))["project"]
        names = {requirement: _find_name(requirement) for requirement in project["dependencies"]}
        left_out = set(self.config["left-out"])
        if unknown := left_out - set(names.values()):
            raise ValueError(f"{file} does not depend on {', '.join(sorted(unknown))}; correct left-out")
        metadata |= {field: project[field] for field in _SHARED_FIELDS}
        metadata["dependencies"] = [requirement for requirement, name in names.items() if name not in left_out]
        extras = project["optional-dependencies"]
        metadata["optional-dependencies"] = {extra: extras[extra] for extra in self.config["extras"]}


class SlimBuild(BuildHookInterface):  # type: ignore[type-arg]
    """Adds the package and the manual page to the wheel, and to the source distribution."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Choose the files."""
        if version == "editable":
            return
        root = Path(self.root)
        if not (root / "src").is_dir():
            root = root.parent.parent
        package, manual = root / "src" / "namegen", root / "docs" / "namegen.1"
        if self.target_name == "wheel":
            build_data["force_include"][str(package)] = "namegen"
            build_data["shared_data"][str(manual)] = "share/man/man1/namegen.1"
        else:
            build_data["force_include"][str(package)] = "src/namegen"
            build_data["force_include"][str(manual)] = "docs/namegen.1"


def _find_name(requirement: str) -> str:
    """Return the normalized name of the distribution that a requirement is for."""
    name = re.match(r"[\w.-]+", requirement)
    return re.sub(r"[-_.]+", "-", name[0] if name else requirement).lower()
