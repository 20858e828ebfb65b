"""A provider of invented names for Faker (the extra ``faker``).

>>> fake.add_provider(namegen.faker.Provider)    # doctest: +SKIP
>>> fake.invented_name("German")                 # doctest: +SKIP

All randomness is Faker's. A call takes one number of 64 bits from Faker's generator and returns the name that
:func:`namegen.sample` gives with it as a seed, so a name depends on the state of that generator alone.
"""

from __future__ import annotations

import os
import threading
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from namegen.errors import MissingPackageError, UsageError
from namegen.models.categories import find_blend
from namegen.models.model import Model
from namegen.models.serialization import load_model_file
from namegen.models.store import PRETRAINED, file_location, find_model
from namegen.sampling.filters import Filters
from namegen.sampling.prefixes import fit_prefix
from namegen.sampling.rejection import RejectionSampler

try:
    from faker.exceptions import UnsupportedFeature
    from faker.providers import BaseProvider
except ModuleNotFoundError as error:
    raise MissingPackageError(
        "namegen.faker is for Faker, which is not installed; install it with `pip install Faker`"
    ) from error

if TYPE_CHECKING:
    from namegen.models.store import ModelLocation

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
"""The category of the surnames of a Faker locale, by its language."""

COUNTRIES = {
    "en_AU": "English",
    "en_CA": "English",
    "en_GB": "English",
    "en_IE": "Irish",
    "en_NZ": "English",
    "en_US": "English",
    "fr_DZ": "Arabic",
}
"""The category by locale if the language is not enough: surnames of ``en_IN`` or ``en_KE`` are not English."""

_MODELS_KEPT = 4
_SAMPLERS_KEPT = 32  # of some megabytes each


class LocaleError(UsageError, UnsupportedFeature):
    """There is no category for the surnames of a Faker locale. Faker's listing leaves such a method out."""

    def __init__(self, message: str) -> None:
        UnsupportedFeature.__init__(self, message, "invented_surname")


class Provider(BaseProvider):
    """A Faker provider of invented names.

    Attributes:
        model: the model to sample from: ``pretrained``, the name of a model in the cache, a path, or a loaded model.
            Subclasses may override it. ``NAMEGEN_MODEL`` is ignored, so that test data are the same on all machines.
    """

    __provider__ = "namegen"

    model: ClassVar[str | os.PathLike[str] | Model] = PRETRAINED

    def invented_name(self, category: str | None = None, prefix: str = "", *, novel: bool = True) -> str:
        """Return an invented name.

        Args:
            category: a category of the model, or a blend such as ``German+Italian``; by default any category, all with
                the same probability.
            prefix: the beginning of the name.
            novel: whether the name must not be a training name.

        Raises:
            UsageError: there is no such category, or the prefix is not valid.
            ModelFileError: the model is missing or damaged.
            NamegenError: the model hardly ever generates such a name.
        """
        sampler = _sampler(_load(self.model), category, novel)
        fitted = sampler.fit(prefix)  # before the seed is taken: an invalid call leaves Faker's generator as it is
        return sampler.sample(fitted, self.generator.random.getrandbits(64))

    def invented_surname(self, prefix: str = "", *, novel: bool = True) -> str:
        """Return an invented surname for the Faker locale: German for ``de_AT``. See :meth:`invented_name`.

        Raises:
            LocaleError: there is no category for this locale.
        """
        return self.invented_name(category_of(self._locale()), prefix, novel=novel)

    def _locale(self) -> str | None:
        """Return the locale of the generator, such as ``de_DE``, if it has one."""
        # Faker tells the locale only to providers that are packages with a module for each locale.
        config: dict[str, str] = vars(self.generator).get("_Generator__config", {})
        return config.get("locale")


def category_of(locale: str | None) -> str:
    """Return the category for the surnames of a Faker locale.

    Raises:
        LocaleError: there is no such category.
    """
    language = (locale or "").partition("_")[0]
    category = COUNTRIES.get(locale or "") or LANGUAGES.get(language)
    if category is None:
        whose = f"the Faker locale {locale}" if locale else "a Faker generator without a locale"
        known = ", ".join(sorted([*(f"{language}_*" for language in LANGUAGES), *COUNTRIES]))
        raise LocaleError(
            f'no invented surnames for {whose}; use one of {known}, or name a category, as in invented_name("German")'
        )
    return category


class _Sampler:
    """Samples names of one category of a model, or of any category for ``None``, one at a time."""

    def __init__(self, model: Model, category: str | None, *, novel: bool) -> None:
        selected = None if category is None else find_blend(model, category).category
        self._model = model
        self._sampler = RejectionSampler(model, model.sampling, Filters(novel=novel), selected)
        self._lock = threading.Lock()  # threads cannot share a network, see Stepper

    def fit(self, prefix: str) -> str:
        """Convert a prefix to the model's alphabet and case."""
        return fit_prefix(self._model, prefix, self._model.sampling.max_length)

    def sample(self, prefix: str, seed: int) -> str:
        """Return the first of the names with this seed."""
        first = np.zeros(1, dtype=np.int64)
        with self._lock:
            sampled = self._sampler.sample([prefix], first, seed, first)
        if sampled.failure:
            raise sampled.failure
        return self._model.alphabet.decode_lines(sampled.names.letters, sampled.names.lengths).rstrip("\n")


@lru_cache(_SAMPLERS_KEPT)
def _sampler(model: Model, category: str | None, novel: bool) -> _Sampler:
    return _Sampler(model, category, novel=novel)


def _load(model: str | os.PathLike[str] | Model) -> Model:
    """Return a model; its file is read again only if it has changed."""
    if isinstance(model, Model):
        return model
    location: ModelLocation = file_location(Path(model)) if isinstance(model, os.PathLike) else find_model(model)
    file = location.existing
    if file is None:
        return location.load()  # raises an error that says what is wrong
    return _read(file, file.stat().st_mtime_ns)


@lru_cache(_MODELS_KEPT)
def _read(file: Path, changed: int) -> Model:  # noqa: ARG001 - part of the cache's key
    return load_model_file(file)
