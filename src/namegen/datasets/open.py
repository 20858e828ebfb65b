"""Open a dataset by name: the included one, a downloaded one, or a path."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from namegen import paths
from namegen._validate import check_arguments, check_path
from namegen.errors import DataError, UsageError

if TYPE_CHECKING:
    from namegen.datasets.dataset import AlphabetChoice, Dataset


STARTER = "starter"


def is_dataset_name(name: str) -> bool:
    """Return whether a name is that of the included dataset or of one of the catalogue."""
    from namegen.datasets.catalogue import CATALOGUE

    return name == STARTER or name in CATALOGUE


@check_arguments()
def open_dataset(
    name_or_path: str | Path | None = None, *, alphabet: AlphabetChoice = "ascii", keep_repeats: bool = False
) -> Dataset:
    """Read a dataset given by its name or path.

    Args:
        name_or_path: ``starter`` for the included names, the name of a downloaded dataset, or a path. The default is
            ``surnames`` if that has been downloaded, else ``starter``.
        alphabet: as for ``Dataset.from_names``.
        keep_repeats: as for ``Dataset.from_names``.

    Raises:
        UsageError: the name or path is empty or of another type.
        DataError: there is no such dataset, or it cannot be read.
    """
    from namegen.datasets.catalogue import CATALOGUE
    from namegen.datasets.readers import load_dataset

    if name_or_path == "":
        raise UsageError("--data is empty; give a path or the name of a dataset")
    if name_or_path is None:
        name_or_path = "surnames" if paths.dataset_dir("surnames").is_dir() else STARTER
    elif not isinstance(name_or_path, str):
        name_or_path = str(check_path("the dataset", name_or_path, "; Dataset.from_names takes names in memory"))
    if name_or_path == STARTER:
        dataset = load_dataset(paths.STARTER_DIR, alphabet=alphabet, keep_repeats=keep_repeats, label=STARTER)
        return replace(dataset, notes=())  # notes about accents only matter for the user's own names
    if name_or_path in CATALOGUE and paths.dataset_dir(name_or_path).is_dir():
        from namegen.datasets.download import find_downloaded

        downloaded = find_downloaded(name_or_path)
        if downloaded is None:
            raise DataError(f"the dataset {name_or_path} is damaged; repair it with `namegen download {name_or_path}`")
        dataset = load_dataset(downloaded.path, alphabet=alphabet, keep_repeats=keep_repeats, label=name_or_path)
        return replace(dataset, verified=downloaded.verified)
    if name_or_path in CATALOGUE and not Path(name_or_path).exists():
        raise DataError(f"the dataset {name_or_path} is not downloaded; run `namegen download {name_or_path}`")
    return load_dataset(name_or_path, alphabet=alphabet, keep_repeats=keep_repeats)
