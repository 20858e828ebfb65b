"""Find models: in the cache by name, by path, or the included model ``pretrained``.

The name ``pretrained`` is reserved: this model can be neither trained nor removed.
"""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from namegen import paths
from namegen.errors import CacheError, ModelFileError, NamegenError, UsageError

if TYPE_CHECKING:
    from namegen.models.model import Model

DEFAULT_MODEL = "default"
PRETRAINED = "pretrained"
RUN_SUFFIX = ".run"


@dataclass(frozen=True)
class ModelLocation:
    """The location of a model.

    Attributes:
        name: its name in the cache, or the path that the user gave.
        model: the file of the finished model.
        checkpoint: the file of an unfinished training run.
    """

    name: str
    model: Path
    checkpoint: Path

    @property
    def files(self) -> tuple[Path, Path]:
        """The files that may hold the model, the finished model first."""
        return (self.model, self.checkpoint)

    @property
    def existing(self) -> Path | None:
        """The first of the files that exists."""
        return next((file for file in self.files if file.is_file()), None)

    @property
    def lock(self) -> Path:
        """The lock of a training run, the same for every name, path or link that leads to the model."""
        import hashlib

        key = hashlib.sha256(os.fsencode(os.path.realpath(self.model))).hexdigest()[:16]
        return paths.locks_dir() / f"model-{key}.lock"

    def load(self) -> Model:
        """Load the finished model, or the checkpoint of an unfinished run.

        Raises:
            ModelFileError: neither exists, or the file is damaged.
        """
        from namegen.models.serialization import load_model_file

        file = self.existing or self.model
        try:
            return load_model_file(file)
        except ModelFileError:
            if file == self.model or file.is_file():
                raise
            return load_model_file(self.model)  # the training has just finished and removed its checkpoint

    def categories(self) -> tuple[str, ...]:
        """Return the categories without reading or checking the rest of the file.

        Raises:
            ModelFileError: the file does not exist, or does not list its categories.
        """
        from namegen.datasets.graphemes import is_printable
        from namegen.io.safetensors import open_safetensors, read_json

        file = self.existing or self.model
        with open_safetensors(file) as tensors:
            try:
                categories = read_json(tensors.metadata["namegen"])["categories"]
            except (KeyError, TypeError, ValueError, RecursionError):
                categories = None
        if not isinstance(categories, list) or not all(isinstance(c, str) and is_printable(c) for c in categories):
            raise ModelFileError(f"{file} does not list its categories; use another copy")
        return tuple(categories)


def pretrained_location() -> ModelLocation:
    """Return the location of the included model."""
    return dataclasses.replace(file_location(paths.PRETRAINED_FILE), name=PRETRAINED)


def cached_location(name: str) -> ModelLocation:
    """Return the location of a model in the cache.

    Raises:
        UsageError: the name is not valid, or is reserved for the included model.
    """
    if name == PRETRAINED:
        raise UsageError(f"{PRETRAINED} is the included model; use another name")
    file = f"{paths.check_name(name)}{paths.SUFFIX}"
    return ModelLocation(name, paths.models_dir() / file, paths.runs_dir() / file)


def file_location(path: str | os.PathLike[str]) -> ModelLocation:
    """Return the location of a model at a path; an unfinished run is stored beside it."""
    file = Path(path)
    return ModelLocation(str(path), file, file.with_name(f"{file.name}{RUN_SUFFIX}"))


def find_model(name_or_path: str | None = None) -> ModelLocation:
    """Return the location of a model.

    Args:
        name_or_path: a name in the cache, ``pretrained``, or a path. By default the environment variable
            ``NAMEGEN_MODEL``, else ``default`` if it exists, else ``pretrained``.

    Raises:
        ModelFileError: the cache has no such model or unfinished run. The existence of a path is not checked.
    """
    wanted = (os.environ.get("NAMEGEN_MODEL") or None) if name_or_path is None else name_or_path
    if wanted is None:
        wanted = DEFAULT_MODEL if _in_cache(DEFAULT_MODEL) else PRETRAINED
    if wanted == PRETRAINED:
        if not paths.PRETRAINED_FILE.is_file():
            raise ModelFileError(
                f"the included model {PRETRAINED} is missing; reinstall namegen or train a model with `namegen train`"
            )
        return pretrained_location()
    is_path = paths.looks_like_path(wanted) or (not _in_cache(wanted) and Path(wanted).is_file())
    location = file_location(wanted) if is_path else cached_location(wanted)
    if is_path or location.existing:
        return location
    raise _no_model(wanted)


def _in_cache(name: str) -> bool:
    """Check whether the cache has a model of this name, finished or not."""
    try:
        return paths.is_name(name) and cached_location(name).existing is not None
    except CacheError:
        return False


def _no_model(name: str) -> ModelFileError:
    known = [model.name for model in list_models()]
    if known and known != [PRETRAINED]:
        return ModelFileError(f"no model {name!r}; use one of {', '.join(known)}")
    alternative = f", or use {PRETRAINED}" if known else ""
    return ModelFileError(f"no model {name!r}; train it with `namegen train --model {name}`{alternative}")


def load_model(name_or_path: str | os.PathLike[str] | None = None) -> Model:
    """Load a model by its name in the cache or its path.

    If its training has not finished, this is the model so far (see :attr:`Model.finished`).

    Args:
        name_or_path: by default the environment variable ``NAMEGEN_MODEL``, else the model ``default`` if it exists,
            else ``pretrained``, the included model.

    Raises:
        ModelFileError: the model does not exist, or its file is damaged.
    """
    if isinstance(name_or_path, os.PathLike):
        return file_location(name_or_path).load()
    return find_model(name_or_path).load()


def list_models() -> list[ModelLocation]:
    """Return the models and unfinished runs in the cache, sorted by name, and the included model last."""
    files = [*paths.models_dir().glob(f"*{paths.SUFFIX}"), *paths.runs_dir().glob(f"*{paths.SUFFIX}")]
    names = {file.name.removesuffix(paths.SUFFIX) for file in files} - {PRETRAINED}
    models = [cached_location(name) for name in sorted(names) if paths.is_name(name)]
    return [*models, pretrained_location()] if paths.PRETRAINED_FILE.is_file() else models


def remove_model(name: str) -> list[str]:
    """Remove a model and its unfinished run from the cache; return descriptions of the removed files.

    Raises:
        UsageError: the name is a path, or is reserved for the included model.
        ModelFileError: the cache has no such model.
        BusyError: the model is being trained.
        NamegenError: a file cannot be removed.
    """
    from namegen.io.locks import hold_lock

    if paths.looks_like_path(name):
        raise UsageError(f"{name} is a path; namegen removes only models in its cache, so delete the file yourself")
    location = cached_location(name)
    if not location.existing:
        raise _no_model(name)
    with hold_lock(location.lock, f"training {name}"):
        kinds = ("the model", "its unfinished run")
        removed = [kind for kind, file in zip(kinds, location.files, strict=True) if file.is_file()]
        try:
            for file in location.files:
                file.unlink(missing_ok=True)
        except OSError as error:
            raise NamegenError(f"cannot remove {name}: {error.strerror or error}") from error
    return removed
