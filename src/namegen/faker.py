"""Invented names among the test data that Faker makes (the extra ``faker``).

>>> fake.add_provider(namegen.faker.Provider)    # doctest: +SKIP
>>> fake.invented_name("German")                 # doctest: +SKIP

All randomness is Faker's. A call takes one number of 64 bits from Faker's generator and draws the name that
:func:`namegen.sample` draws with that seed. So a name depends on nothing but the state of that generator, however many
names were drawn before, and in whatever order.
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
"""The category of the surnames where a language is spoken, by the language of a Faker locale."""

COUNTRIES = {
    "en_AU": "English",
    "en_CA": "English",
    "en_GB": "English",
    "en_IE": "Irish",
    "en_NZ": "English",
    "en_US": "English",
    "fr_DZ": "Arabic",
}
"""That of Faker locales whose language does not say it: English is written where surnames are Indian or Kenyan."""

_MODELS_KEPT = 4
_DRAWERS_KEPT = 32  # of some megabytes each


class LocaleError(UsageError, UnsupportedFeature):
    """There is no category for the surnames of a Faker locale. Faker's own listing leaves such a provider out."""

    def __init__(self, message: str) -> None:
        UnsupportedFeature.__init__(self, message, "invented_surname")


class Provider(BaseProvider):
    """Gives Faker invented names.

    Attributes:
        model: what names are drawn from: ``pretrained``, the name of a model in the cache, a path, or a loaded model.
            A subclass can have another. It is no matter of ``NAMEGEN_MODEL``, lest test data differ between machines.
    """

    __provider__ = "namegen"

    model: ClassVar[str | os.PathLike[str] | Model] = PRETRAINED

    def invented_name(self, category: str | None = None, prefix: str = "", *, novel: bool = True) -> str:
        """Return an invented name.

        Args:
            category: a category of the model, or a blend as ``German+Italian``; by default any category, each with
                the same probability.
            prefix: what the name begins with.
            novel: whether it must be none of the names that the model was trained on.

        Raises:
            UsageError: no such category, or no name can begin with the prefix.
            ModelFileError: the model is missing or damaged.
            NamegenError: the model hardly ever gives such a name.
        """
        drawer = _drawer(_loaded(self.model), category, novel)
        fitted = drawer.fit(prefix)  # before the draw: a call that makes no sense leaves Faker's generator as it is
        return drawer.draw(fitted, self.generator.random.getrandbits(64))

    def invented_surname(self, prefix: str = "", *, novel: bool = True) -> str:
        """Return an invented surname of the Faker locale: German for ``de_AT``. As :meth:`invented_name`.

        Raises:
            LocaleError: none of the categories is for the surnames of this locale.
        """
        return self.invented_name(category_of(self._locale()), prefix, novel=novel)

    def _locale(self) -> str | None:
        """Return the locale of the generator, as ``de_DE``, if it has one."""
        # Faker tells a provider its locale only if that is a package with a module for each locale, and then gives it
        # that of another where there is none.
        config: dict[str, str] = vars(self.generator).get("_Generator__config", {})
        return config.get("locale")


def category_of(locale: str | None) -> str:
    """Return the category of the surnames of a Faker locale.

    Raises:
        LocaleError: there is none.
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


class _Drawer:
    """Draws names of one category of a model, or of any for ``None``, one at a time; the network is prepared once."""

    def __init__(self, model: Model, category: str | None, filters: Filters) -> None:
        blend = None if category is None else find_blend(model, category)
        self._model = model
        self._sampler = RejectionSampler(model, model.sampling, filters, blend.category if blend else None)
        self._drawing = threading.Lock()  # the network works in memory of its own

    def fit(self, prefix: str) -> str:
        """Bring a prefix into the model's alphabet and case."""
        return fit_prefix(self._model, prefix, self._model.sampling.max_length)

    def draw(self, prefix: str, seed: int) -> str:
        """Return the first of the names that have this seed."""
        first = np.zeros(1, dtype=np.int64)
        with self._drawing:
            sampled = self._sampler.sample([prefix], first, seed, first)
        if sampled.failure:
            raise sampled.failure
        return self._model.alphabet.decode_lines(sampled.names.letters, sampled.names.lengths).rstrip("\n")


@lru_cache(_DRAWERS_KEPT)
def _drawer(model: Model, category: str | None, novel: bool) -> _Drawer:
    return _Drawer(model, category, Filters(novel=novel))


def _loaded(model: str | os.PathLike[str] | Model) -> Model:
    """Return a model, which is read again only if its file has changed."""
    if isinstance(model, Model):
        return model
    place: ModelLocation = file_location(Path(model)) if isinstance(model, os.PathLike) else find_model(model)
    file = place.existing
    if file is None:
        return place.load()  # which says what is wrong
    return _read(file, file.stat().st_mtime_ns)


@lru_cache(_MODELS_KEPT)
def _read(file: Path, changed: int) -> Model:  # noqa: ARG001 - part of what the result is kept by
    return load_model_file(file)
