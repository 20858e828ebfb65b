"""Rules for full names, by culture: the order of the parts, the separator, patronymics and second surnames.

A culture without an entry in :data:`CULTURES` writes the given name, a space and the surname. Whether surnames agree
with gender is not a rule here: such a culture has the parts ``surname-female`` and ``surname-male``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Callable

_NAMES_KEPT = 2**16

_W3C = "W3C, Personal names around the world"
_CLDR = "Unicode CLDR, person name formatting"
_SURNAME = "Wikipedia, Surname"


@dataclass(frozen=True)
class Culture:
    """The rules of a culture.

    Attributes:
        family_first: whether the surname comes before the given name.
        separator: the text between the parts of a full name.
        patronymic: forms the middle name from the father's given name and the gender of the person.
        second_surname: the place of the mother's surname: ``last``, after the father's (Spanish); ``first``, before it
            (Portuguese); ``""`` if a person has one surname.
        link: returns a surname with its particle, if it takes one.
        note: the rules in words, for the documentation.
        source: the page that describes the convention.
    """

    family_first: bool = False
    separator: str = " "
    patronymic: Callable[[str, str], str] | None = None
    second_surname: str = ""
    link: Callable[[str], str] | None = None
    note: str = ""
    source: str = _CLDR


def find_culture(name: str) -> Culture:
    """Return the rules of a culture; by default, a full name is the given name, a space and the surname."""
    return CULTURES.get(name, _DEFAULT)


@lru_cache(_NAMES_KEPT)
def russian_patronymic(father: str, gender: str) -> str:
    """Return the Russian patronymic: ``Иванович`` or ``Ивановна`` for ``Иван``."""
    stem, last, endings = father[:-1], father[-1:], ("евич", "евна")
    if father in _RUSSIAN_STEMS:
        stem, endings = _RUSSIAN_STEMS[father], ("ич", "на")
    elif father in _STRESSED_AT_END:
        endings = ("ич", "инична")
    elif last in "ая" and not father.endswith("ия"):
        endings = ("ич", "ична")
    elif father.endswith("ий"):
        before = stem[:-1]
        keeps_i = before[-1:] in "кгхц" or (before[-2:-1].lower() not in _VOWELS and not before.endswith("нт"))
        stem = stem if keeps_i else f"{before}ь"
    elif last == "о":
        endings = ("ович", "овна")
    elif last not in "йья":
        stem, endings = father, endings if last in "жчшщцеёиуыэю" else ("ович", "овна")
    return stem + endings[gender == "female"]


_VOWELS = "аеёиоуыэюя"
_RUSSIAN_STEMS = {
    "Лев": "Львов",
    "Павел": "Павлов",
    "Пётр": "Петров",
    "Петр": "Петров",
    "Яков": "Яковлев",
    "Иаков": "Иаковлев",
    "Михаил": "Михайлов",
    "Гавриил": "Гаврилов",
    "Даниил": "Данилов",
    "Измаил": "Измайлов",
    "Эмиль": "Эмильев",
    "Рауль": "Раулев",
}
_STRESSED_AT_END = frozenset({"Илья", "Фома", "Лука", "Кузьма"})


@lru_cache(_NAMES_KEPT)
def ukrainian_patronymic(father: str, gender: str) -> str:
    """Return the Ukrainian patronymic: ``Іван`` gives ``Іванович`` and ``Іванівна``, ``Сергій`` ``Сергійович``."""
    stem, last = father[:-1], father[-1:]
    if father in _UKRAINIAN_EXCEPTIONS:
        male, female = _UKRAINIAN_EXCEPTIONS[father]
    elif last in "йїєіия" and (last != "я" or stem[-1:].lower() in "аеєиіїоу"):
        stem = stem if last in "йя" else father
        male, female = f"{stem}йович", f"{stem}ївна"
    elif last in "ья":
        male, female = f"{stem}ьович", f"{stem}івна"
    elif last in "оае":
        male, female = f"{stem}ович", f"{stem}івна"
    else:
        male, female = f"{father}ович", f"{father}івна"
    return female if gender == "female" else male


_UKRAINIAN_EXCEPTIONS = {
    "Лев": ("Львович", "Львівна"),
    "Яків": ("Якович", "Яківна"),
    "Федір": ("Федорович", "Федорівна"),
    "Сидір": ("Сидорович", "Сидорівна"),
    "Антін": ("Антонович", "Антонівна"),
    "Прокіп": ("Прокопович", "Прокопівна"),
    "Григорій": ("Григорович", "Григорівна"),
    "Микола": ("Миколайович", "Миколаївна"),
    "Ілля": ("Ілліч", "Іллівна"),
    "Лука": ("Лукич", "Луківна"),
    "Кузьма": ("Кузьмич", "Кузьмівна"),
    "Хома": ("Хомич", "Хомівна"),
    "Сава": ("Савич", "Савівна"),
}


_BULGARIAN_EXCEPTIONS = {"Васил": "Василев", "Добри": "Добрев", "Михаил": "Михайлов", "Павел": "Павлов"}


@lru_cache(_NAMES_KEPT)
def bulgarian_patronymic(father: str, gender: str) -> str:
    """Return the Bulgarian patronymic: ``Иван`` gives ``Иванов`` and ``Иванова``, ``Георги`` ``Георгиев``."""
    stem, last = father[:-1], father[-1:]
    if father in _BULGARIAN_EXCEPTIONS:
        male = _BULGARIAN_EXCEPTIONS[father]
    elif father.endswith(("ър", "ъл")):  # Петър, Димитър
        male = f"{father[:-2]}{last}ов"
    elif father.endswith(("ьо", "йо", "ия")) or last in "йю":
        stem = stem.removesuffix("ь").removesuffix("й")
        male = f"{stem}ев"
    elif last in "аяо":
        male = f"{stem}{'ев' if last == 'я' or stem[-1:] in 'жчшщц' else 'ов'}"
    elif last == "е":
        male = f"{stem}ев"
    else:
        male = f"{father}{'ев' if last in 'ижчшщц' else 'ов'}"
    return f"{male}а" if gender == "female" else male


def portuguese_link(surname: str) -> str:
    """Add the particle ``de`` or ``dos`` to a fifth of the surnames, always to the same ones; return others unchanged.

    Former given names (``Fernandes``, ``Lopes``) take no particle. Neither do surnames with the article ``da``, which
    the lists contain with it (``da Silva``).
    """
    takes_none = " " in surname or surname in _WITH_ARTICLE or surname.endswith(("es", "ez", "is", "iz"))
    if takes_none or crc32(surname.encode()) % 5:
        return surname
    return f"{'dos' if surname.endswith('os') else 'de'} {surname}"


_WITH_ARTICLE = frozenset(
    ("Carmo", "Conceição", "Costa", "Cruz", "Cunha", "Fonseca", "Luz", "Mata", "Mota", "Nascimento", "Paz", "Rocha"),
) | {"Rosa", "Rosário", "Silva", "Silveira", "Veiga"}

_AGREEMENT = "surnames agree with gender"
_SPANISH = Culture(
    second_surname="last",
    note="two surnames: the father's, then the mother's",
    source="Wikipedia, Spanish naming customs",
)
_PORTUGUESE = Culture(
    second_surname="first",
    link=portuguese_link,
    note="two surnames: the mother's, then the father's; about a fifth of them take the particle de or dos",
    source="Wikipedia, Portuguese name",
)

_DEFAULT = Culture()

CULTURES: dict[str, Culture] = {
    "Hungarian": Culture(family_first=True, source=_W3C),
    "Chinese": Culture(family_first=True, separator="", source=_W3C),
    "Taiwanese": Culture(family_first=True, separator="", source=_W3C),
    "Japanese": Culture(family_first=True, separator="", source=_W3C),
    "Korean": Culture(family_first=True, separator="", source=_CLDR),
    "Vietnamese": Culture(family_first=True, source=_W3C),
    "Spanish": _SPANISH,
    "Mexican": _SPANISH,
    "Colombian": _SPANISH,
    "Chilean": _SPANISH,
    "Portuguese": _PORTUGUESE,
    "Brazilian": _PORTUGUESE,
    "Russian": Culture(
        patronymic=russian_patronymic,
        note=f"patronymic as middle name; {_AGREEMENT}",
        source="Wikipedia, Eastern Slavic naming customs",
    ),
    "Ukrainian": Culture(
        patronymic=ukrainian_patronymic,
        note=f"patronymic as middle name; {_AGREEMENT} where the language has two forms",
        source="Wikipedia, Eastern Slavic naming customs",
    ),
    "Bulgarian": Culture(
        patronymic=bulgarian_patronymic,
        note=f"patronymic as middle name; {_AGREEMENT}",
        source="Wikipedia, Bulgarian name",
    ),
    "Polish": Culture(note=_AGREEMENT, source=_W3C),
    "Czech": Culture(note=f"{_AGREEMENT} (-ová)", source="Wikipedia, Czech name"),
    "Slovak": Culture(note=f"{_AGREEMENT} (-ová)", source="Wikipedia, Slovak name"),
    "Macedonian": Culture(note=f"{_AGREEMENT} (-ски, -ска)", source=_SURNAME),
    "Greek": Culture(note="women's surnames are genitives (-ου, -η)", source="Wikipedia, Greek name"),
    "Latvian": Culture(note=_AGREEMENT, source="Wikipedia, Latvian name"),
    "Icelandic": Culture(note="a patronymic instead of a surname (-dóttir, -son)", source=_W3C),
    "Azerbaijani": Culture(note=f"{_AGREEMENT} (-ov, -ova); no patronymics", source=_SURNAME),
    "Kazakh": Culture(
        note=f"{_AGREEMENT} (-ұлы, -қызы; -ов, -ова); no further patronymics", source="Wikipedia, Kazakh name"
    ),
    "Uzbek": Culture(note=f"{_AGREEMENT} (-ov, -ova); no patronymics", source=_SURNAME),
    "Dutch": Culture(
        note="particles as in the lists: lower case in the Netherlands (van), often capitals in Belgium (Van)",
        source="Wikipedia, Dutch name",
    ),
}
