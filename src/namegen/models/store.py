"""Find models: in the cache by name, by path, or the included models ``pretrained`` and ``people``.

Their names are reserved: these models can be neither trained nor removed.
"""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from namegen import paths
from namegen._validate import check_arguments, check_path, describe_kind
from namegen.errors import CacheError, ModelFileError, NamegenError, UsageError

if TYPE_CHECKING:
    from namegen.models.model import Model

DEFAULT_MODEL = "default"
PRETRAINED = "pretrained"
PEOPLE = "people"
INCLUDED = (PRETRAINED, PEOPLE)
"""The names of the included models, in the order in which a category is looked up."""

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
        """Return all categories, closed ones included, without reading or checking the rest of the file.

        Raises:
            ModelFileError: the file does not exist, or does not list its categories.
        """
        from namegen.datasets.graphemes import is_printable
        from namegen.io.safetensors import open_safetensors, read_json

        file = self.existing or self.model
        with open_safetensors(file) as tensors:
            try:
                facts = read_json(tensors.metadata["namegen"])
                closed = facts.get("sections", {}).get("closed")
                categories = sorted(facts["categories"] + closed["categories"]) if closed else facts["categories"]
            except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
                categories = None
        if not isinstance(categories, list) or not all(isinstance(c, str) and is_printable(c) for c in categories):
            raise ModelFileError(f"{file} does not list its categories; use another copy")
        return tuple(categories)


def included_location(name: str) -> ModelLocation:
    """Return the location of an included model, given one of the names in ``INCLUDED``."""
    file = {PRETRAINED: paths.PRETRAINED_FILE, PEOPLE: paths.PEOPLE_FILE}[name]
    return dataclasses.replace(file_location(file), name=name)


def cached_location(name: str) -> ModelLocation:
    """Return the location of a model in the cache.

    Raises:
        UsageError: the name is not valid, or is reserved for an included model.
    """
    file = f"{paths.check_name(name)}{paths.SUFFIX}"
    location = ModelLocation(name, paths.models_dir() / file, paths.runs_dir() / file)
    if name in INCLUDED:
        older = f"; your own model of this name is {location.existing}" if location.existing else ""
        raise UsageError(f"{name} is an included model; use another name{older}")
    return location


def file_location(path: str | os.PathLike[str]) -> ModelLocation:
    """Return the location of a model at a path; an unfinished run is stored beside it."""
    file = Path(path)
    return ModelLocation(str(path), file, file.with_name(f"{file.name}{RUN_SUFFIX}"))


def find_model(name_or_path: str | None = None) -> ModelLocation:
    """Return the location of a model.

    Args:
        name_or_path: a name in the cache, ``pretrained``, ``people``, or a path. By default the environment variable
            ``NAMEGEN_MODEL``, else ``default`` if it exists, else ``pretrained``.

    Raises:
        ModelFileError: the cache has no such model or unfinished run, or an included model is missing. The existence of
            a path is not checked.
    """
    wanted = (os.environ.get("NAMEGEN_MODEL") or None) if name_or_path is None else name_or_path
    if wanted is None:
        wanted = DEFAULT_MODEL if _in_cache(DEFAULT_MODEL) else PRETRAINED
    if wanted in INCLUDED:
        location = included_location(wanted)
        if not location.existing:
            raise ModelFileError(
                f"the included model {wanted} is missing; reinstall namegen or train a model with `namegen train`"
            )
        return location
    is_path = paths.looks_like_path(wanted) or (not _in_cache(wanted) and Path(wanted).is_file())
    location = file_location(wanted) if is_path else cached_location(wanted)
    if is_path or location.existing:
        return location
    raise _no_model(wanted)


def find_models(name_or_path: str | None = None) -> list[ModelLocation]:
    """Return the locations of the models in which a category is looked up, in order.

    Args:
        name_or_path: the only model to look in, as for :func:`find_model`. By default the environment variable
            ``NAMEGEN_MODEL``, else ``default`` if it exists, then the included models.

    Raises:
        ModelFileError: the first model does not exist.
    """
    first = find_model(name_or_path)
    if is_model_chosen(name_or_path):
        return [first]
    return [first, *(location for location in included_models() if location != first)]


def is_model_chosen(name_or_path: str | None) -> bool:
    """Check whether the user has chosen a model, by this argument or the environment variable ``NAMEGEN_MODEL``."""
    return name_or_path is not None or bool(os.environ.get("NAMEGEN_MODEL"))


def included_models() -> list[ModelLocation]:
    """Return the locations of the included models that exist."""
    return [location for location in map(included_location, INCLUDED) if location.existing]


def _in_cache(name: str) -> bool:
    """Check whether the cache has a model of this name, finished or not."""
    try:
        return paths.is_name(name) and name not in INCLUDED and cached_location(name).existing is not None
    except CacheError:
        return False


def _no_model(name: str) -> ModelFileError:
    known = [model.name for model in list_models()]
    if set(known) - set(INCLUDED):
        return ModelFileError(f"no model {name!r}; use one of {', '.join(known)}")
    alternative = f", or use {' or '.join(known)}" if known else ""
    return ModelFileError(f"no model {name!r}; train it with `namegen train --model {name}`{alternative}")


@check_arguments()
def load_model(name_or_path: str | os.PathLike[str] | None = None) -> Model:
    """Load a model by its name in the cache or its path.

    If its training has not finished, this is the model so far (see :attr:`Model.finished`).

    Args:
        name_or_path: by default the environment variable ``NAMEGEN_MODEL``, else the model ``default`` if it exists,
            else ``pretrained``. ``people`` is the other included model.

    Raises:
        ModelFileError: the model does not exist, or its file is damaged.
    """
    if name_or_path is None or isinstance(name_or_path, str):
        return find_model(name_or_path).load()
    return file_location(check_path("the model", name_or_path)).load()


def to_model(model: Model | str | os.PathLike[str]) -> Model:
    """Return a model, loaded if it is given by its name or path.

    Raises:
        UsageError: it is something else, or a category.
        ModelFileError: the model does not exist, or its file is damaged.
    """
    from namegen.models.model import Model

    if isinstance(model, Model):
        return model
    if not isinstance(model, str | os.PathLike):
        raise UsageError(
            f"model must be a model, or its name or path, not {describe_kind(model)}; "
            "load_model() returns the default model"
        )
    try:
        return load_model(model)
    except ModelFileError:
        if isinstance(model, str) and any(model in location.categories() for location in included_models()):
            raise UsageError(
                f"{model} is a category, not a model; give the model first, such as {PRETRAINED!r}"
            ) from None
        raise


def list_models() -> list[ModelLocation]:
    """Return the models and unfinished runs in the cache, sorted by name, and the included models last."""
    files = [*paths.models_dir().glob(f"*{paths.SUFFIX}"), *paths.runs_dir().glob(f"*{paths.SUFFIX}")]
    names = {file.name.removesuffix(paths.SUFFIX) for file in files}.difference(INCLUDED)
    models = [cached_location(name) for name in sorted(names) if paths.is_name(name)]
    return [*models, *included_models()]


def remove_model(name: str) -> list[str]:
    """Remove a model and its unfinished run from the cache; return descriptions of the removed files.

    Raises:
        UsageError: the name is a path, or is reserved for an included model.
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
