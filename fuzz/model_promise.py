"""Check the promise for untrusted model files: a file is a working model or gives one clear error.

:func:`keep_promise` uses a file in all the ways that users do, with small limits, and raises whatever breaks the
promise. Callers turn warnings into errors, so warnings break it too.
"""

from __future__ import annotations

import contextlib
import functools
import io
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

import numpy as np

from model_mutations import training_names
from namegen.cli.models import card, show
from namegen.datasets.graphemes import is_printable
from namegen.errors import NamegenError
from namegen.evaluation.classify import classify, score
from namegen.evaluation.plots import plot_history, plot_in_terminal
from namegen.models.devices import find_device
from namegen.models.serialization import load_checkpoint, load_model_file
from namegen.sampling import rejection as sampler
from namegen.sampling import top_names as search
from namegen.sampling.generate import sample
from namegen.sampling.top_names import top
from namegen.training.train import resolve_config
from namegen.training.trainer import Trainer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from namegen.models.model import Model

_MAX_CATEGORIES = 100  # for classification
_LONGEST_LINE = 1000


class BrokenPromiseError(AssertionError):
    """A file was neither a working model nor gave one clear error."""


@contextlib.contextmanager
def _little_effort() -> Iterator[None]:
    """Limit the search for improbable names, which can take minutes."""
    with patch.object(sampler, "MAX_REJECTIONS", 32), patch.object(search, "_MAX_READ", 64):
        yield


@_little_effort()
def keep_promise(content: bytes, *, draw: bool = False) -> bool:
    """Use a file in all the ways that users do.

    Args:
        content: the file.
        draw: whether to plot the loss history to a file too, which takes a fifth of a second.

    Returns:
        Whether it is a model.

    Raises:
        BrokenPromiseError: an error is not one clear line, or a result is not printable text.
        Exception: any other exception that the file causes.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        path.write_bytes(content)
        _clear(functools.partial(_resume, path))
        models: list[Model] = []
        _clear(lambda: models.append(load_model_file(path)))
        for model in models:
            for use in (*_USES, functools.partial(_show, path)):
                _clear(functools.partial(use, model))
            if draw:
                _clear(lambda model=model: plot_history({"model": model.history}, Path(folder) / "loss.png"))
        return bool(models)


def _clear(use: Callable[[], object]) -> None:
    """Check that an error, if any, is one clear line."""
    try:
        use()
    except NamegenError as error:
        said = str(error)
        if isinstance(error.__cause__, MemoryError):
            raise BrokenPromiseError("out of memory") from error
        if not is_printable(said) or len(said) > _LONGEST_LINE:
            raise BrokenPromiseError(f"not a clear line: {said[:2000]!r}") from error


def _shortened(model: Model) -> Model:
    """Return the model with a limit on the length of names, as long names take long."""
    most = min(model.sampling.max_length or 64, 64)
    return replace(model, longest=min(model.longest, 32), sampling=replace(model.sampling, max_length=most))


def _clean(names: list[str]) -> None:
    if not all(name.isprintable() for name in (name.replace("\u200c", "").replace("\u200d", "") for name in names)):
        raise BrokenPromiseError(f"names are not printable: {names!r}")


def _few(model: Model) -> None:
    _clean(sample(_shortened(model), count=3, seed=1))


def _greedy(model: Model) -> None:
    _clean(sample(_shortened(model), model.categories[0], model.alphabet.letters[0], temperature=0, seed=1))


def _many(model: Model) -> None:
    model = _shortened(model)
    sampled = sample(model, model.categories[-1], count=80, seed=2)
    _clean(sampled)
    # The same count both times: BLAS may round by the number of rows, which decides on letters if weights are huge.
    if sampled != sample(model, model.categories[-1], count=80, seed=2):
        raise BrokenPromiseError("the same seed gives other names")


def _blended(model: Model) -> None:
    blend = "+".join(model.categories[:2])
    _clean(
        sample(
            _shortened(model), blend, count=2, seed=3, temperature=1.0, unique=True, novel=len(model.name_hashes) > 0
        )
    )


def _most_probable(model: Model) -> None:
    top(model, model.categories[0], count=2, max_length=16)


def _measured(model: Model) -> None:
    names = ["abba", model.alphabet.letters[-1] * 2, "Łódź\x1b[1m"]
    logarithms = score(model, model.categories[0], names).log_probabilities
    if (logarithms > 1e-6).any():
        raise BrokenPromiseError(f"probabilities above 1: {logarithms}")
    if len(model.categories) <= _MAX_CATEGORIES:
        found = classify(model, names, "data")
        sums = found.probabilities.sum(axis=1)
        if not np.allclose(sums[~np.isnan(sums)], 1):
            raise BrokenPromiseError(f"probabilities do not add up to 1: {sums}")


def _plotted(model: Model) -> None:
    plot_in_terminal({"model": model.history}, width=60, height=12, colour=False)


_USES: tuple[Callable[[Model], None], ...] = (_few, _greedy, _many, _blended, _most_probable, _measured, _plotted)


def _show(path: Path, model: Model) -> None:
    """Run ``namegen models show``, and ``card``."""
    for output_format in ("table", "json"):
        written = io.StringIO()
        with contextlib.redirect_stdout(written):
            show(str(path), output_format=output_format)
        if not written.getvalue().replace("\n", "").replace("\t", "").isprintable():
            raise BrokenPromiseError(f"not printable: {written.getvalue()!r}")
    if model.card:
        with contextlib.redirect_stdout(io.StringIO()):
            card(str(path))


def _resume(path: Path) -> None:
    """Resume a training on the training names of the real files."""
    before = load_checkpoint(path)
    find_device(before.model.device)
    dataset = training_names()
    config = resolve_config(dataset, None, {}, before=before)
    trainer = Trainer(dataset, config, find_device("cpu"), checkpoint=before)
    if config.batch_size <= 2 and before.model.iterations < config.iterations:
        next(trainer.run())
    trainer.checkpoint()
