"""A provider of invented names for Faker (the extra ``faker``).

>>> fake.add_provider(namegen.faker.Provider)    # doctest: +SKIP
>>> fake.invented_name("German")                 # doctest: +SKIP

Each call takes one 64-bit number from Faker's generator and returns the name that :func:`namegen.sample` gives with
this number as its seed, so a name depends only on the state of Faker's generator.
"""

from __future__ import annotations

import os
import threading
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from namegen.errors import MissingPackageError, UsageError
from namegen.models.categories import find_blend
from namegen.models.model import Model
from namegen.models.serialization import load_model_file
from namegen.models.store import PRETRAINED, file_location, find_model
from namegen.sampling.name_filters import Filters
from namegen.sampling.prefixes import fit_prefix
from namegen.sampling.rejection import RejectionSampler

if TYPE_CHECKING:
    from pathlib import Path

try:
    from faker.exceptions import UnsupportedFeature
    from faker.providers import BaseProvider
except ModuleNotFoundError as error:
    raise MissingPackageError(
        "namegen.faker needs Faker, which is not installed; install it with `pip install Faker`"
    ) from error


LANGUAGES = {
    "ar": "Arabic",
    "cs": "Czech",
    "de": "German",
    "el": "Greek",
    "es": "Spanish",
    "fr": "French",
    "ga": "Irish",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "nl": "Dutch",
    "pl": "Polish",
    "pt": "Portuguese",
    "ru": "Russian",
    "vi": "Vietnamese",
    "zh": "Chinese",
}
"""The category of surnames by the language of a Faker locale."""

COUNTRIES = {
    "en_AU": "English",
    "en_CA": "English",
    "en_GB": "English",
    "en_IE": "Irish",
    "en_NZ": "English",
    "en_US": "English",
    "fr_DZ": "Arabic",
}
"""The category of surnames by locale where the language is not enough: those of ``en_IN`` are not English."""

_MODELS_KEPT = 4
_SAMPLERS_KEPT = 32  # of some megabytes each


class LocaleError(UsageError, UnsupportedFeature):
    """namegen has no category for the surnames of a Faker locale. Faker's listing omits methods that raise it."""

    def __init__(self, message: str) -> None:
        UnsupportedFeature.__init__(self, message, "invented_surname")


class Provider(BaseProvider):
    """A Faker provider of invented names.

    Attributes:
        model: the name of a model, a path, or a loaded model; by default ``pretrained``. Subclasses may override it.
            ``NAMEGEN_MODEL`` has no effect.
    """

    __provider__ = "namegen"

    model: ClassVar[str | os.PathLike[str] | Model] = PRETRAINED

    def invented_name(self, category: str | None = None, prefix: str = "", *, novel: bool = True) -> str:
        """Return an invented name.

        Args:
            category: a category of the model, or a blend such as ``German+Italian``; by default a category chosen
                uniformly.
            prefix: the beginning of the name.
            novel: whether to exclude training names.

        Raises:
            UsageError: the model has no such category, or the prefix is not valid.
            ModelFileError: the model is missing or damaged.
            NamegenError: the model hardly ever generates such a name.
        """
        model = _load(self.model)
        sampler = _find_sampler(model, category, novel)
        fitted = fit_prefix(model, prefix, model.sampling.max_length)
        # Taken only now, so that an invalid call leaves Faker's generator unchanged.
        seed = self.generator.random.getrandbits(64)
        return sampler.sample(fitted, seed)

    def invented_surname(self, prefix: str = "", *, novel: bool = True) -> str:
        """Return an invented surname for the Faker locale: German for ``de_AT``. See :meth:`invented_name`.

        Raises:
            LocaleError: namegen has no category for this locale.
        """
        # Faker passes the locale only to providers that are packages with a module for each locale.
        config: dict[str, str] = vars(self.generator).get("_Generator__config", {})
        return self.invented_name(category_of(config.get("locale")), prefix, novel=novel)


def category_of(locale: str | None) -> str:
    """Return the category for the surnames of a Faker locale.

    Raises:
        LocaleError: namegen has none.
    """
    language = (locale or "").partition("_")[0]
    category = COUNTRIES.get(locale or "") or LANGUAGES.get(language)
    if category is None:
        where = f"the Faker locale {locale}" if locale else "a Faker generator without a locale"
        known = ", ".join(sorted([*(f"{language}_*" for language in LANGUAGES), *COUNTRIES]))
        raise LocaleError(
            f'no invented surnames for {where}; use one of {known}, or pass a category, as in invented_name("German")'
        )
    return category


class _Sampler:
    """Samples names of one category of a model, or of any category, one at a time."""

    def __init__(self, model: Model, category: str | None, novel: bool) -> None:
        selected = None if category is None else find_blend(model, category)
        self._alphabet = model.alphabet
        self._sampler = RejectionSampler(model, model.sampling, Filters(novel=novel), selected)
        self._lock = threading.Lock()  # threads cannot share a network, see Stepper

    def sample(self, prefix: str, seed: int) -> str:
        first = np.zeros(1, dtype=np.int64)
        with self._lock:
            sampled = self._sampler.sample([prefix], first, seed, first)
        if sampled.failure:
            raise sampled.failure
        return self._alphabet.decode_lines(sampled.names.letters, sampled.names.lengths).rstrip("\n")


_find_sampler = lru_cache(_SAMPLERS_KEPT)(_Sampler)


def _load(model: str | os.PathLike[str] | Model) -> Model:
    """Return a model; its file is read again only if it has changed."""
    if isinstance(model, Model):
        return model
    location = file_location(model) if isinstance(model, os.PathLike) else find_model(model)
    file = location.existing
    if file is None:
        return location.load()  # raises the error
    return _read(file, file.stat().st_mtime_ns)


@lru_cache(_MODELS_KEPT)
def _read(file: Path, modified: int) -> Model:  # noqa: ARG001 - part of the cache's key
    return load_model_file(file)
