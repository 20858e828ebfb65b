"""Open a dataset by name: the included one, a downloaded one, or a path."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from namegen import paths
from namegen._validate import check_arguments
from namegen.datasets.options import DEFAULT_READING, DataSource, ReadingOptions
from namegen.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from namegen.datasets.dataset import AlphabetChoice, Dataset


STARTER = "starter"
_PLAIN = ReadingOptions(plain=True)


def is_dataset_name(name: str) -> bool:
    """Return whether a name is that of the included dataset or of one of the catalogue."""
    from namegen.datasets.catalogue import CATALOGUE

    return name == STARTER or name in CATALOGUE


@check_arguments()
def open_dataset(
    name_or_path: str | PathLike[str] | Sequence[str | PathLike[str]] | None = None,
    *,
    alphabet: AlphabetChoice = "ascii",
    keep_repeats: bool = False,
    reading: ReadingOptions = DEFAULT_READING,
) -> Dataset:
    """Read a dataset given by its name or path.

    Args:
        name_or_path: ``starter`` for the included names, the name of a downloaded dataset, or a path as for
            :func:`load_dataset`; several of them are merged. The default is ``surnames`` if that has been downloaded,
            else ``starter``.
        alphabet: as for ``Dataset.from_names``.
        keep_repeats: as for ``Dataset.from_names``.
        reading: as for ``load_dataset``.

    Raises:
        UsageError: the name or path is empty or of another type.
        DataError: there is no such dataset, or it cannot be read.
    """
    from namegen.datasets.readers import check_paths, name_dataset, read_dataset

    if name_or_path is None:
        name_or_path = "surnames" if paths.dataset_dir("surnames").is_dir() else STARTER
    found = [_find(name, reading) for name in check_paths(name_or_path)]
    dataset = read_dataset(
        [(entry.path, entry.reading) for entry in found],
        alphabet=alphabet,
        keep_repeats=keep_repeats,
        label=name_dataset([entry.label for entry in found]),
        reading=reading,
    )
    if [entry.label for entry in found] == [STARTER]:
        dataset = replace(dataset, notes=())  # notes about accents only matter for the user's own names
    notes = (*(note for entry in found for note in entry.notes), *dataset.notes)
    source = DataSource(tuple(entry.source for entry in found), reading)
    return replace(dataset, notes=notes, source=source, verified=all(entry.verified for entry in found))


class _Found(NamedTuple):
    """A dataset that was found: ``source`` finds it again from any folder."""

    path: str
    label: str
    source: str
    reading: ReadingOptions
    verified: bool = False
    notes: tuple[str, ...] = ()


def _find(name: str, reading: ReadingOptions) -> _Found:
    """Find a dataset by its name or path."""
    from namegen.datasets.catalogue import CATALOGUE
    from namegen.datasets.readers import find_again, name_path

    if name == STARTER:
        return _Found(str(paths.STARTER_DIR), STARTER, STARTER, _PLAIN)
    if name in CATALOGUE and paths.dataset_dir(name).is_dir():
        from namegen.datasets.download import find_downloaded

        downloaded = find_downloaded(name)
        if downloaded is None:
            raise DataError(f"the dataset {name} is damaged; repair it with `namegen download {name}`")
        notes = (f"this is the downloaded dataset; to read your own, give ./{name}",) if Path(name).exists() else ()
        return _Found(str(downloaded.path), name, name, _PLAIN, downloaded.verified, notes)
    if name in CATALOGUE and not Path(name).exists():
        raise DataError(f"the dataset {name} is not downloaded; run `namegen download {name}`")
    return _Found(name, name_path(name), find_again(name), reading)
