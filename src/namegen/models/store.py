"""What a name stands for: the models and datasets in the cache, those that come along, and those that a path leads to.

One model comes along with the package, ``pretrained``. It is used where there is no other, its name is reserved, and it
can be neither trained nor removed.
"""

from __future__ import annotations

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
    """Where a model is.

    Attributes:
        name: what to call it: its name, or the path that was given.
        model: the file of the finished model.
    """

    name: str
    model: Path

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that there may be to draw names from, the one to prefer first."""
        return (self.model,)

    @property
    def existing(self) -> Path | None:
        """The file to draw names from: the finished model, else what an unfinished run has so far."""
        return next((file for file in self.files if file.is_file()), None)

    def load(self) -> Model:
        """Load the finished model, else what an unfinished run has so far.

        Raises:
            ModelFileError: there is neither, or the file is damaged.
        """
        from namegen.models.serialization import load_model_file

        file = self.existing or self.model
        try:
            return load_model_file(file)
        except ModelFileError:
            if file.is_file() or not self.model.is_file():
                raise
            return load_model_file(self.model)  # the run ended just now

    def categories(self) -> tuple[str, ...]:
        """Return the categories that the file says it has: no more of it is read, and nothing else is checked.

        Raises:
            ModelFileError: there is no file, or it says no such thing.
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
            raise ModelFileError(f"{file} does not say which categories it has; take another copy")
        return tuple(categories)


@dataclass(frozen=True)
class TrainingLocation(ModelLocation):
    """Where a model is that a user trains, or will be.

    Attributes:
        checkpoint: the file of a training run that is not finished.
    """

    checkpoint: Path

    @property
    def lock(self) -> Path:
        """The lock that a training run holds: one for each file, by whatever name or path or link it is meant."""
        import hashlib

        key = hashlib.sha256(os.fsencode(os.path.realpath(self.model))).hexdigest()[:16]
        return paths.locks_dir() / f"model-{key}.lock"

    @property
    def progress_note(self) -> Path:
        """Where processes note how far a training has come, for those that torchrun starts in their place."""
        return self.lock.with_suffix(".torchrun")

    @property
    def files(self) -> tuple[Path, ...]:
        """The finished model, and what an unfinished run has so far."""
        return (self.model, self.checkpoint)


def pretrained_location() -> ModelLocation:
    """Return the place of the model that comes along."""
    return ModelLocation(PRETRAINED, paths.PRETRAINED_FILE)


def cached_location(name: str) -> TrainingLocation:
    """Return the place of a model in the cache.

    Raises:
        UsageError: it cannot be a name, or is that of the model that comes along.
    """
    if name == PRETRAINED:
        raise UsageError(f"{PRETRAINED} is the model that comes with namegen; give yours another name")
    paths.check_name(name)
    return TrainingLocation(
        name=name,
        model=paths.models_dir() / f"{name}{paths.SUFFIX}",
        checkpoint=paths.runs_dir() / f"{name}{paths.SUFFIX}",
    )


def file_location(path: str | Path) -> TrainingLocation:
    """Return the place of a model that is a file of the user's; an unfinished run is kept beside it."""
    file = Path(path)
    return TrainingLocation(name=str(path), model=file, checkpoint=file.with_name(f"{file.name}{RUN_SUFFIX}"))


def find_model(name_or_path: str | None = None) -> ModelLocation:
    """Return the place of the model that is meant.

    Args:
        name_or_path: a name in the cache, ``pretrained``, or a path; by default what ``NAMEGEN_MODEL`` says, else
            ``default`` if there is one, else ``pretrained``.

    Raises:
        ModelFileError: there is no such model, and no unfinished run of it.
    """
    wanted = (os.environ.get("NAMEGEN_MODEL") or None) if name_or_path is None else name_or_path
    if wanted is None:
        wanted = DEFAULT_MODEL if _in_cache(DEFAULT_MODEL) else PRETRAINED
    if wanted == PRETRAINED:
        if not paths.PRETRAINED_FILE.is_file():
            raise ModelFileError(
                f"the model {PRETRAINED}, which comes with namegen, is missing here; install namegen again, or train "
                "a model of your own with `namegen train`"
            )
        return pretrained_location()
    is_path = paths.looks_like_path(wanted)
    is_path = is_path or (not _in_cache(wanted) and Path(wanted).is_file())
    place = file_location(wanted) if is_path else cached_location(wanted)
    if place.existing:
        return place
    if is_path:
        place.load()  # which says what is wrong, unless it has come into being just now
        return place
    raise _no_model(wanted)


def _in_cache(name: str) -> bool:
    """Whether there is a model of this name in the cache, finished or not; without a cache there is none."""
    try:
        return paths.is_name(name) and cached_location(name).existing is not None
    except CacheError:
        return False


def _no_model(name: str) -> ModelFileError:
    names = [model.name for model in list_models()]
    if set(names) <= {PRETRAINED}:
        names = [f"train it with `namegen train --model {name}`", *(f"use {known}" for known in names)]
        return ModelFileError(f"no model {name!r}; {', or '.join(names)}")
    return ModelFileError(f"no model {name!r}; there are {', '.join(names)}")


def load_model(name_or_path: str | os.PathLike[str] | None = None) -> Model:
    """Load a model by its name in the cache or its path.

    Where the training has not finished, this is the model so far (see :attr:`Model.finished`).

    Args:
        name_or_path: by default what ``NAMEGEN_MODEL`` says, else the model ``default`` if there is one, else
            ``pretrained``, the one that comes along.

    Raises:
        ModelFileError: there is no such model, or the file is damaged.
    """
    if isinstance(name_or_path, os.PathLike):
        return file_location(Path(name_or_path)).load()
    return find_model(name_or_path).load()


def list_models() -> list[ModelLocation]:
    """Return the models in the cache by name, those whose training has not finished among them.

    Behind them is the one that comes along. A file in the cache that has its name is called by its path, which is
    the way to use it.
    """
    files = [*paths.models_dir().glob(f"*{paths.SUFFIX}"), *paths.runs_dir().glob(f"*{paths.SUFFIX}")]
    names = {file.name.removesuffix(paths.SUFFIX) for file in files} - {PRETRAINED}
    models: list[ModelLocation] = [cached_location(name) for name in sorted(names) if paths.is_name(name)]
    models += [file_location(file) for file in files if file.name == paths.PRETRAINED_FILE.name]
    return [*models, pretrained_location()] if paths.PRETRAINED_FILE.is_file() else models


def remove_model(name: str) -> list[str]:
    """Remove a model and its unfinished run from the cache; returns in words which of the two there were.

    Raises:
        UsageError: a path was given, or the model that comes along.
        ModelFileError: there is no such model.
        BusyError: it is being trained.
        NamegenError: it cannot be removed.
    """
    from namegen.io.locks import hold_lock

    if paths.looks_like_path(name):
        raise UsageError(f"{name} is a file of yours; namegen removes only models in its cache")
    if name == PRETRAINED:
        raise UsageError(f"{PRETRAINED} is the model that comes with namegen; it cannot be removed")
    place = cached_location(name)
    if not place.existing:
        raise _no_model(name)
    with hold_lock(place.lock, f"training {name}"):
        kinds = {"the model": place.model, "its unfinished run": place.checkpoint}
        removed = [kind for kind, file in kinds.items() if file.is_file()]
        try:
            for file in (*kinds.values(), place.progress_note):
                file.unlink(missing_ok=True)
        except OSError as error:
            raise NamegenError(f"cannot remove {place.existing}: {error.strerror or error}") from error
    return removed
