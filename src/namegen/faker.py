"""A provider of invented names for Faker (the extra ``faker``).

>>> fake.add_provider(namegen.faker.Provider)    # doctest: +SKIP
>>> fake.invented_full_name()                    # doctest: +SKIP
>>> fake.invented_name("German")                 # doctest: +SKIP

Names of people come from a pool of about two thousand names of each category, sampled with a fixed seed: every call
picks one with a number from Faker's generator. ``invented_name`` takes one 64-bit number from Faker's generator and
returns the name that :func:`namegen.sample` gives with this number as its seed. So a name depends only on the state of
Faker's generator.
"""

from __future__ import annotations

import os
import sys
import threading
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from namegen.errors import UsageError
from namegen.models.model import Model
from namegen.models.serialization import load_model_file
from namegen.models.store import PEOPLE, PRETRAINED, file_location, find_model
from namegen.optional_packages import required
from namegen.sampling.block_sampler import Request, build_sampler
from namegen.sampling.culture_parts import GENDERS, find_surname_part, list_cultures
from namegen.sampling.cultures import find_culture
from namegen.sampling.generate import sample
from namegen.sampling.name_filters import Filters
from namegen.sampling.populations import compose
from namegen.sampling.prefixes import fit_prefix

if TYPE_CHECKING:
    from pathlib import Path

    from faker.generator import Generator

with required("faker"):
    from faker import Faker
    from faker.config import DEFAULT_LOCALE, PROVIDERS
    from faker.exceptions import UnsupportedFeature
    from faker.providers import BaseProvider

_LOCALES = {
    "Akan": "tw_GH",
    "Algerian": "fr_DZ",
    "Arabic": "ar_AA ar_AE ar_BH ar_EG ar_JO ar_PS ar_SA",
    "Armenian": "hy_AM",
    "Azerbaijani": "az_AZ",
    "Bengali": "bn_BD",
    "Brazilian": "pt_BR",
    "Bulgarian": "bg_BG",
    "Chilean": "es_CL",
    "Chinese": "zh_CN",
    "Colombian": "es_CO",
    "Croatian": "hr_HR",
    "Czech": "cs_CZ",
    "Danish": "da_DK dk_DK",
    "Dutch": "nl_BE nl_NL",
    "English": "en en_AU en_CA en_GB en_NZ en_US",
    "Estonian": "et_EE",
    "Finnish": "fi_FI",
    "French": "fr_BE fr_CA fr_FR fr_QC",
    "Georgian": "ka_GE",
    "German": "de de_AT de_DE",
    "Greek": "el_CY el_GR",
    "Hebrew": "he_IL",
    "Hindi": "hi_IN",
    "Hungarian": "hu_HU",
    "Icelandic": "is_IS",
    "Indian": "en_IN",
    "Indonesian": "id_ID",
    "Irish": "en_IE ga_IE",
    "Italian": "it_CH it_IT",
    "Japanese": "ja_JP",
    "Kenyan": "en_KE",
    "Korean": "ko_KR",
    "Latvian": "lv_LV",
    "Luxembourgish": "de_LU lb_LU",
    "Macedonian": "mk_MK",
    "Maghrebi": "ar_DZ",
    "Mexican": "es_MX",
    "Nepali": "ne_NP",
    "Norwegian": "no_NO",
    "Odia": "or_IN",
    "Persian": "fa_IR",
    "Polish": "pl_PL",
    "Portuguese": "pt_PT",
    "Romanian": "ro_RO",
    "Russian": "ru_RU",
    "Sinhala": "si_LK",
    "Slovak": "sk_SK",
    "Slovenian": "sl_SI",
    "Spanish": "es es_AR es_CA es_ES es_VE",
    "Swedish": "sv_SE",
    "Swiss": "de_CH de_LI fr_CH",
    "Taiwanese": "zh_TW",
    "Tamil": "ta_IN",
    "Thai": "th th_TH",
    "Turkish": "tr_TR",
    "Ukrainian": "uk_UA",
    "Uzbek": "uz_UZ",
    "Yoruba": "yo_NG",
    "Zulu": "zu_ZA",
}

CULTURES: dict[str, str] = {locale: culture for culture, locales in _LOCALES.items() for locale in locales.split()}
"""The culture of people by Faker locale."""

POOL_SIZE = 2**11
"""The number of names in the pool of a category. Some of them are equal."""

_REPLACED = {
    f"{faker}{ending}": f"{own}{ending.replace('_nonbinary', '')}"
    for faker, own in (
        ("first_name", "invented_first_name"),
        ("last_name", "invented_last_name"),
        ("name", "invented_full_name"),
    )
    for ending in ("", "_female", "_male", "_nonbinary")
}
"""Faker's own methods, and the methods that replace them."""

_MODELS_KEPT = 4
_SAMPLERS_KEPT = 32  # of some megabytes each
_CHUNK_SIZE = 2**9  # names of a pool that are sampled together: few, so that the first call is fast
_CHUNKS_KEPT = 1024  # of 50 kB each
_CATEGORIES_KEPT = 256


class LocaleError(UsageError, UnsupportedFeature):
    """namegen has no names of people for a Faker locale.

    Args:
        locale: the locale; ``None`` for a generator without one.
        method: the name of the method that was called, which Faker omits from its listing.
    """

    def __init__(self, locale: str | None, method: str) -> None:
        where = f"the Faker locale {locale}" if locale else "a Faker generator without a locale"
        message = (
            f"no invented names of people for {where}; use one of {', '.join(CULTURES)}, or pass a category, as in "
            'invented_name("German")'
        )
        UnsupportedFeature.__init__(self, message, method)


class _ProviderType(type(BaseProvider)):  # type: ignore[misc]
    """The type of :class:`Provider`. Faker's listings do not call its methods, as instances do not have them."""

    def replace_names(cls, fake: Faker | Generator | None = None) -> None:
        """Replace Faker's own names with invented ones: ``first_name``, ``last_name``, ``name`` and their variants.

        In locales that have no culture, Faker's own names remain.

        Args:
            fake: a Faker of any number of locales, or a generator; by default every Faker that is created afterwards.
                Without it, a subclass must be called ``Provider`` in its module.
        """
        if fake is None:
            cls.replaces_names = True
            if cls.__module__ not in PROVIDERS:
                PROVIDERS.append(cls.__module__)
        elif isinstance(fake, Faker):
            for each in fake.factories:
                cls.replace_names(each)
        elif not any(
            getattr(each, "replaces_names", False) and cls in type(each).mro() for each in fake.get_providers()
        ):
            fake.add_provider(type(cls.__name__, (cls,), {"replaces_names": True}))


class Provider(BaseProvider, metaclass=_ProviderType):
    """A Faker provider of invented names.

    ``Provider.replace_names()`` makes Faker's own ``first_name``, ``last_name``, ``name`` and their variants return
    invented names, in every Faker that is created afterwards; ``Provider.replace_names(fake)`` does so in one Faker.

    Attributes:
        model: the model of ``invented_name``: the name of a model, a path, or a loaded model; by default
            ``pretrained``. Subclasses may override it. ``NAMEGEN_MODEL`` has no effect.
        people: the model of all other names, by default ``people``; its categories are ``German/female``,
            ``German/male`` and ``German/surname``, or ``Czech/surname-female`` and ``Czech/surname-male``.
        replaces_names: whether Faker's own names are replaced too, where the locale has a culture.
    """

    __provider__ = "namegen"

    model: ClassVar[str | os.PathLike[str] | Model] = PRETRAINED
    people: ClassVar[str | Path | Model] = PEOPLE
    replaces_names: ClassVar[bool] = False

    def __init__(self, generator: Generator) -> None:
        super().__init__(generator)
        if self.replaces_names and find_locale(generator) in CULTURES:
            for name, own in _REPLACED.items():
                setattr(self, name, getattr(self, own))

    def invented_first_name(self) -> str:
        """Return an invented given name for the Faker locale, of a woman or a man.

        Raises:
            LocaleError: namegen has no names for this locale. All methods but ``invented_name`` raise it.
        """
        return self._pick_given(self._find_culture("invented_first_name"), self._choose_gender())

    def invented_first_name_female(self) -> str:
        """Return an invented given name of a woman."""
        return self._pick_given(self._find_culture("invented_first_name_female"), "female")

    def invented_first_name_male(self) -> str:
        """Return an invented given name of a man."""
        return self._pick_given(self._find_culture("invented_first_name_male"), "male")

    def invented_last_name(self, prefix: str = "", *, novel: bool = True) -> str:
        """Return an invented surname for the Faker locale: German for ``de_AT``.

        Args:
            prefix: the beginning of the surname. With a prefix, a call takes some milliseconds.
            novel: whether to exclude known surnames, unless the category is closed. If false, a call takes some
                milliseconds.

        Raises:
            LocaleError: namegen has no names for this locale.
            UsageError: the prefix is not valid.
            NamegenError: the model hardly ever generates such a surname.
        """
        return self._invent_surname(self._find_culture("invented_last_name"), prefix, novel)

    def invented_surname(self, prefix: str = "", *, novel: bool = True) -> str:
        """Return an invented surname, like :meth:`invented_last_name`."""
        return self._invent_surname(self._find_culture("invented_surname"), prefix, novel)

    def invented_last_name_female(self) -> str:
        """Return an invented surname of a woman, in the form that agrees with her gender if there is one."""
        return self._pick_surname(self._find_culture("invented_last_name_female"), "female")

    def invented_last_name_male(self) -> str:
        """Return an invented surname of a man, in the form that agrees with his gender if there is one."""
        return self._pick_surname(self._find_culture("invented_last_name_male"), "male")

    def invented_full_name(self) -> str:
        """Return an invented full name for the Faker locale, as its culture composes it."""
        return self._compose(self._find_culture("invented_full_name"), self._choose_gender())

    def invented_full_name_female(self) -> str:
        """Return an invented full name of a woman."""
        return self._compose(self._find_culture("invented_full_name_female"), "female")

    def invented_full_name_male(self) -> str:
        """Return an invented full name of a man."""
        return self._compose(self._find_culture("invented_full_name_male"), "male")

    def invented_name(self, category: str | None = None, prefix: str = "", *, novel: bool = True) -> str:
        """Return an invented name of a category.

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
        return self._sample(_find_sampler(_load(self.model), category, novel), prefix)

    @cached_property
    def _locale(self) -> str | None:
        return find_locale(self.generator)

    def _find_culture(self, method: str) -> str:
        culture = CULTURES.get(self._locale or "")
        if culture is None:
            raise LocaleError(self._locale, method)
        return culture

    def _invent_surname(self, culture: str, prefix: str, novel: bool) -> str:
        gender = self._choose_gender()
        if not prefix and novel:
            return self._pick_surname(culture, gender)
        model, category = _load(self.people), _find_surnames(self.people, culture, gender)
        return self._sample(_find_sampler(model, category, novel and category not in model.closed), prefix)

    def _sample(self, sampler: _Sampler, prefix: str) -> str:
        fitted = sampler.fit_prefix(prefix)
        # Taken only now, so that an invalid call leaves Faker's generator unchanged.
        seed = self.generator.random.getrandbits(64)
        return sampler.sample(fitted, seed)

    def _choose_gender(self) -> str:
        gender: str = self.generator.random.choice(GENDERS)
        return gender

    def _pick_given(self, culture: str, gender: str) -> str:
        return self._pick(f"{culture}/{gender}")

    def _pick_surname(self, culture: str, gender: str) -> str:
        return self._pick(_find_surnames(self.people, culture, gender))

    def _pick(self, category: str) -> str:
        chunk, place = divmod(self.generator.random.randrange(POOL_SIZE), _CHUNK_SIZE)
        name: str = _find_chunk(self.people, category, chunk)[place]
        return name

    def _compose(self, culture: str, gender: str) -> str:
        rules = find_culture(culture)
        given, surname = self._pick_given(culture, gender), self._pick_surname(culture, gender)
        father = self._pick_given(culture, "male") if rules.patronymic else ""
        mother_surname = self._pick_surname(culture, gender) if rules.second_surname else ""
        return compose(culture, gender, given, surname, father=father, mother_surname=mother_surname).name


def find_locale(generator: Generator) -> str | None:
    """Return the locale of a Faker generator, or ``None`` if it has no localized provider.

    Faker tells each provider its own locale only: ``de_AT``, or the provider's default if it has none for ``de_AT``.
    """
    found = None
    for provider in generator.get_providers():
        if locale := provider.__lang__:
            package = sys.modules.get(provider.__provider__)
            found = DEFAULT_LOCALE
            if locale != (getattr(package, "default_locale", "") or DEFAULT_LOCALE):
                return locale
    return found


@lru_cache(_CHUNKS_KEPT)
def _find_chunk(source: str | Path | Model, category: str, chunk: int) -> list[str]:
    """Return some names of the pool of a category: novel ones, unless the category is closed."""
    model = _load(source)
    return sample(model, category, count=_CHUNK_SIZE, seed=chunk, novel=category not in model.closed)


@lru_cache(_CATEGORIES_KEPT)
def _find_surnames(source: str | Path | Model, culture: str, gender: str) -> str:
    """Return the category of the surnames of a gender."""
    parts = list_cultures(_load(source).all_categories).get(culture, ())
    return f"{culture}/{find_surname_part(parts, gender)}"


class _Sampler:
    """Samples names of one category of a model, or of any category, one at a time."""

    def __init__(self, model: Model, category: str | None, novel: bool) -> None:
        filters = Filters(novel=novel)
        self._model, _, self._sampler = build_sampler(Request(model, category, model.sampling, filters))
        self._lock = threading.Lock()  # threads cannot share a network, see Stepper

    def fit_prefix(self, prefix: str) -> str:
        """Return a prefix in the letters of the category."""
        return fit_prefix(self._model, prefix, self._model.sampling.max_length)

    def sample(self, prefix: str, seed: int) -> str:
        first = np.zeros(1, dtype=np.int64)
        with self._lock:
            sampled = self._sampler.sample([prefix], first, seed, first)
        if sampled.failure:
            raise sampled.failure
        return self._model.alphabet.decode_lines(sampled.names.letters, sampled.names.lengths).rstrip("\n")


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
