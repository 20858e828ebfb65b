"""What a name stands for: the models and datasets in the cache, those that come along, and those that a path leads to.

One model comes along with the package, ``pretrained``. It is used where there is no other, its name is reserved, and it
can be neither trained nor removed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from namegen import paths
from namegen.errors import CacheError, DataError, ModelFileError, NamegenError, UsageError

if TYPE_CHECKING:
    from namegen.dataset import AlphabetChoice, Dataset
    from namegen.modelfile import Model

DEFAULT_MODEL = "default"
PRETRAINED = "pretrained"
STARTER = "starter"
RUN_SUFFIX = ".run"


@dataclass(frozen=True)
class Place:
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
        from namegen.modelfile import load_model_file

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
        from namegen.letters import is_printable
        from namegen.tensors import open_tensors, read_json

        file = self.existing or self.model
        with open_tensors(file) as tensors:
            try:
                categories = read_json(tensors.metadata["namegen"])["categories"]
            except (KeyError, TypeError, ValueError, RecursionError):
                categories = None
        if not isinstance(categories, list) or not all(isinstance(c, str) and is_printable(c) for c in categories):
            raise ModelFileError(f"{file} does not say which categories it has; take another copy")
        return tuple(categories)


@dataclass(frozen=True)
class ModelPlace(Place):
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


def pretrained() -> Place:
    """Return the place of the model that comes along."""
    return Place(PRETRAINED, paths.PRETRAINED_FILE)


def named(name: str) -> ModelPlace:
    """Return the place of a model in the cache.

    Raises:
        UsageError: it cannot be a name, or is that of the model that comes along.
    """
    if name == PRETRAINED:
        raise UsageError(f"{PRETRAINED} is the model that comes with namegen; give yours another name")
    paths.checked_name(name)
    return ModelPlace(
        name=name,
        model=paths.models_dir() / f"{name}{paths.SUFFIX}",
        checkpoint=paths.runs_dir() / f"{name}{paths.SUFFIX}",
    )


def at_path(path: str | Path) -> ModelPlace:
    """Return the place of a model that is a file of the user's; an unfinished run is kept beside it."""
    file = Path(path)
    return ModelPlace(name=str(path), model=file, checkpoint=file.with_name(f"{file.name}{RUN_SUFFIX}"))


def find_model(name_or_path: str | None = None) -> Place:
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
        return pretrained()
    is_path = paths.looks_like_path(wanted)
    is_path = is_path or (not _in_cache(wanted) and Path(wanted).is_file())
    place = at_path(wanted) if is_path else named(wanted)
    if place.existing:
        return place
    if is_path:
        place.load()  # which says what is wrong, unless it has come into being just now
        return place
    raise _no_model(wanted)


def _in_cache(name: str) -> bool:
    """Whether there is a model of this name in the cache, finished or not; without a cache there is none."""
    try:
        return paths.is_name(name) and named(name).existing is not None
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
        return at_path(Path(name_or_path)).load()
    return find_model(name_or_path).load()


def list_models() -> list[Place]:
    """Return the models in the cache by name, those whose training has not finished among them.

    Behind them is the one that comes along. A file in the cache that has its name is called by its path, which is
    the way to use it.
    """
    files = [*paths.models_dir().glob(f"*{paths.SUFFIX}"), *paths.runs_dir().glob(f"*{paths.SUFFIX}")]
    names = {file.name.removesuffix(paths.SUFFIX) for file in files} - {PRETRAINED}
    models: list[Place] = [named(name) for name in sorted(names) if paths.is_name(name)]
    models += [at_path(file) for file in files if file.name == paths.PRETRAINED_FILE.name]
    return [*models, pretrained()] if paths.PRETRAINED_FILE.is_file() else models


def remove_model(name: str) -> list[str]:
    """Remove a model and its unfinished run from the cache; returns in words which of the two there were.

    Raises:
        UsageError: a path was given, or the model that comes along.
        ModelFileError: there is no such model.
        BusyError: it is being trained.
        NamegenError: it cannot be removed.
    """
    from namegen.locks import exclusive

    if paths.looks_like_path(name):
        raise UsageError(f"{name} is a file of yours; namegen removes only models in its cache")
    if name == PRETRAINED:
        raise UsageError(f"{PRETRAINED} is the model that comes with namegen; it cannot be removed")
    place = named(name)
    if not place.existing:
        raise _no_model(name)
    with exclusive(place.lock, f"training {name}"):
        kinds = {"the model": place.model, "its unfinished run": place.checkpoint}
        removed = [kind for kind, file in kinds.items() if file.is_file()]
        try:
            for file in (*kinds.values(), place.progress_note):
                file.unlink(missing_ok=True)
        except OSError as error:
            raise NamegenError(f"cannot remove {place.existing}: {error.strerror or error}") from error
    return removed


def is_dataset_name(name: str) -> bool:
    """Whether a dataset can be opened by this name alone: one that comes along, or one of the catalogue."""
    from namegen.catalogue import CATALOGUE

    return name == STARTER or name in CATALOGUE


def open_dataset(
    name_or_path: str | None = None, *, alphabet: AlphabetChoice = "ascii", keep_repeats: bool = False
) -> Dataset:
    """Read the dataset that is meant.

    Args:
        name_or_path: ``starter`` for the names that come with namegen, the name of a downloaded dataset, or a path; by
            default ``surnames`` if that has been downloaded, else ``starter``.
        alphabet: what the names are transliterated into; or ``unicode``, the letters that they are written with.
        keep_repeats: keep names that occur more than once in a category.

    Raises:
        DataError: there is no such dataset, or it cannot be read.
    """
    from namegen.catalogue import CATALOGUE, present
    from namegen.readers import load_dataset

    if name_or_path == "":
        raise UsageError("--data is empty; give a path, or the name of a dataset")
    if name_or_path is None:
        name_or_path = "surnames" if paths.dataset_dir("surnames").is_dir() else STARTER
    if name_or_path == STARTER:
        dataset = load_dataset(paths.STARTER_DIR, alphabet=alphabet, keep_repeats=keep_repeats, label=STARTER)
        return replace(dataset, notes=())  # that they are written in plain letters is for those to know who bring names
    if name_or_path in CATALOGUE and paths.dataset_dir(name_or_path).is_dir():
        fetched = present(name_or_path)
        if fetched is None:
            raise DataError(
                f"the dataset {name_or_path} is damaged; get it again with `namegen download {name_or_path}`"
            )
        dataset = load_dataset(fetched.path, alphabet=alphabet, keep_repeats=keep_repeats, label=name_or_path)
        return replace(dataset, verified=fetched.verified)
    if name_or_path in CATALOGUE and not Path(name_or_path).exists():
        raise DataError(f"the dataset {name_or_path} is not here yet; get it with `namegen download {name_or_path}`")
    return load_dataset(name_or_path, alphabet=alphabet, keep_repeats=keep_repeats)
