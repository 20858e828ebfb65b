"""Measure whether generated names pass for real, with judges that never met the generator or its data.

    python benchmarks/realness.py SURNAMES_FOLDER [--judge tune|score] [--model FILE] [--only languages short]

A judge is a Kneser-Ney n-gram of order 4. It is trained on names from the packages Faker and mimesis, and compares a
generated name with a yardstick of real names by the mean log-probability per letter, from the first letter to the end:

- *accepted* is the share of the distinct novel names that reach the 33rd percentile of the yardstick;
- *bad* is the share of them below its 3rd percentile;
- *novel* is the share of the drawn names that the generator did not learn from;
- *unique* is the number of distinct names, divided by the number of names asked for.

There are two protocols:

- `languages`: 400 surnames of each language of the surnames. Eleven of the languages have a judge. It reads none of the
  surnames of the folder: its names are others, and the yardstick is the test names of the language.
- `short`: 300 names from each of six lists of 40 or 20 names. Half of the people's other names train the judge, and the
  other half is the yardstick.

Use the judges `tune` to choose settings, and the judges `score` only to report figures. They share no names: for
`languages`, a hash splits the names of the packages into two halves, and the yardstick of `tune` is the validation
names, so that the models to tune are those trained on u < 0.8 (see docs/quality.md; the included model was trained on
u < 0.9). For `short`, they are different peoples.

With the judges `score`, the results are written to benchmarks/realness.json, and from there to docs/quality.md.
"""

from __future__ import annotations

import importlib
import json
import random
import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

import namegen
from kneser_ney import kneser_ney
from namegen.datasets.dataset import hash_names
from protocol import parts

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from namegen.models.ngram import NGram

    Figures = dict[str, Any]

Half = Literal["tune", "score"]
LanguageGenerator = Callable[[str], "list[str]"]  # from a language to names
ListGenerator = Callable[["list[str]"], "list[str]"]  # from the given names to names

ORDER = 4
ACCEPTED, BAD = 33, 3  # percentiles of the yardstick
DRAWN, DRAWN_FROM_LIST = 400, 300
SIZES = (40, 20)
RESULTS = Path(__file__).parent / "realness.json"

# Lists of names: the package, the locale, and the keys in mimesis or the attribute of Faker's provider. Lists that mix
# languages, such as Switzerland's, and separate lists of women's surnames are left out.
LANGUAGES = {
    "Czech": ("faker/cs_CZ/last_names_male", "mimesis/cs/surnames"),
    "Dutch": ("faker/nl_NL/last_names", "mimesis/nl/surnames"),
    "English": (
        "faker/en_GB/last_names",
        "faker/en_NZ/last_names",
        "faker/en_US/last_names",
        "mimesis/en-gb/surnames",
    ),
    "French": ("faker/fr_FR/last_names", "faker/fr_CA/last_names", "mimesis/fr/surnames"),
    "German": ("faker/de_DE/last_names", "faker/de_AT/last_names", "mimesis/de/surnames", "mimesis/de-at/surnames"),
    "Irish": ("faker/en_IE/last_names", "faker/ga_IE/last_names"),
    "Italian": ("faker/it_IT/last_names", "mimesis/it/surnames"),
    "Polish": ("faker/pl_PL/male_last_names", "faker/pl_PL/unisex_last_names", "mimesis/pl/surnames/male"),
    "Portuguese": (
        "faker/pt_PT/last_names",
        "faker/pt_BR/last_names",
        "mimesis/pt/surnames",
        "mimesis/pt-br/surnames",
    ),
    "Russian": ("faker/ru_RU/last_names_male", "mimesis/ru/surnames/male"),
    "Spanish": ("faker/es_ES/last_names", "faker/es_MX/last_names", "mimesis/es/surnames", "mimesis/es-mx/surnames"),
}
PEOPLES: dict[Half, dict[str, tuple[str, ...]]] = {
    "tune": {
        "Dutch women": ("faker/nl_NL/first_names_female", "mimesis/nl/names/female"),
        "Polish men": ("faker/pl_PL/first_names_male", "mimesis/pl/names/male"),
        "Portuguese women": ("faker/pt_PT/first_names_female", "mimesis/pt/names/female"),
        "Romanian women": ("faker/ro_RO/first_names_female",),
        "Slovak surnames": ("faker/sk_SK/last_names_male", "mimesis/sk/surnames/male"),
        "Swedish surnames": ("faker/sv_SE/last_names", "mimesis/sv/surnames"),
    },
    "score": {
        "Turkish women": ("faker/tr_TR/first_names_female", "mimesis/tr/names/female"),
        "Hungarian women": ("faker/hu_HU/first_names_female", "mimesis/hu/names/female"),
        "Finnish surnames": ("faker/fi_FI/last_names", "mimesis/fi/surnames"),
        "Croatian surnames": ("faker/hr_HR/last_names", "mimesis/hr/surnames"),
        "Danish women": ("faker/da_DK/first_names_female", "mimesis/da/names/female"),
        "Estonian men": ("faker/et_EE/first_names_male_est", "mimesis/et/names/male"),
    },
}


@dataclass(frozen=True)
class Rating:
    """The figures of generated names; see the top of this file.

    Attributes:
        accepted, bad: ``None`` without a judge or a novel name.
        novel: ``None`` if the generator gave up on every name.
        distinct_novel: the number of distinct novel names.
    """

    accepted: float | None
    bad: float | None
    novel: float | None
    unique: float
    distinct_novel: float


@dataclass(frozen=True, eq=False)
class Judge:
    """A Kneser-Ney n-gram and the real names to compare generated names with.

    Attributes:
        ngram: the n-gram, of one category.
        alphabet: the alphabet of the names.
        yardstick: the real names.
        accepted, bad: the percentiles of their scores.
    """

    ngram: NGram
    alphabet: namegen.Alphabet
    yardstick: tuple[str, ...]
    accepted: float
    bad: float

    @classmethod
    def fit(cls, names: Iterable[str], yardstick: Sequence[str]) -> Judge:
        """Train a judge on names; ``yardstick`` contains the real names to compare with."""
        dataset = namegen.Dataset.from_names({"names": names})
        ngram = kneser_ney(dataset, ORDER)
        accepted, bad = np.percentile(mean_scores(ngram, dataset.alphabet, yardstick), [ACCEPTED, BAD])
        return cls(ngram, dataset.alphabet, tuple(yardstick), float(accepted), float(bad))

    def score(self, names: Sequence[str]) -> NDArray[np.float64]:
        """Return the mean log-probability per letter of each name, in nats, (names,)."""
        return mean_scores(self.ngram, self.alphabet, names)


@dataclass(frozen=True, eq=False)
class People:
    """A short list of names, and the judge of names generated from it."""

    given: list[str]
    judge: Judge


def mean_scores(ngram: NGram, alphabet: namegen.Alphabet, names: Sequence[str]) -> NDArray[np.float64]:
    """Return the mean log-probability of the letters and the end of each name, in nats, (names,)."""
    if not names:
        return np.empty(0)
    encoded = [alphabet.encode(alphabet.transliterate(name)[0]) for name in names]
    lengths = np.array([len(letters) for letters in encoded])
    return ngram.log_probabilities(np.concatenate(encoded), lengths)[:, 0] / (lengths + 1)


def read_names(sources: Iterable[str]) -> list[str]:
    """Return the distinct names of some lists, transliterated as those of a dataset are."""
    names = [name for source in sources for name in read_list(source)]
    return namegen.Dataset.from_names({"names": names}).names("names")


def read_list(source: str) -> list[str]:
    """Return a list of names of a package."""
    package, locale, *keys = source.split("/")
    if package == "faker":
        provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
        return list(getattr(provider, keys[0]))
    folder = Path(str(importlib.import_module("mimesis").__file__)).parent
    names = json.loads((folder / "datasets" / locale / "person.json").read_text(encoding="utf-8"))
    for key in keys:
        names = names[key]
    return list(names)


def hashes(names: Sequence[str]) -> NDArray[np.uint64]:
    """Return the hashes of names, as those of a dataset, (names,)."""
    return hash_names(name.encode() for name in names)


def language_judges(dataset: namegen.Dataset, half: Half) -> dict[str, Judge]:
    """Return a judge of each language that the packages have.

    Args:
        dataset: the surnames. No judge reads any of them.
        half: which half of the packages' names the judges read; the yardstick of ``tune`` is the validation names,
            the yardstick of ``score`` the test names.
    """
    excluded = {dataset.name(index).casefold() for index in range(len(dataset))}
    _, real = parts(dataset, validation=half == "tune")
    judges = {}
    for language, sources in LANGUAGES.items():
        names = [name for name in read_names(sources) if name.casefold() not in excluded]
        is_second = hashes(names) % 2 == 1
        read = [name for name, second in zip(names, is_second, strict=True) if second == (half == "score")]
        judges[language] = Judge.fit(read, real.names(language))
    return judges


def short_peoples(half: Half, size: int) -> dict[str, People]:
    """Return six peoples with a short list of ``size`` names each; ``tune`` and ``score`` have different peoples."""
    peoples = {}
    for people, sources in PEOPLES[half].items():
        names = np.array(read_names(sources), dtype=object)
        number = hashes(names)
        order = np.argsort(number)
        given, others = order[:size], order[size:]
        is_second = number[others] % 2 == 1
        judge = Judge.fit(names[others[~is_second]], names[others[is_second]].tolist())
        peoples[people] = People(names[given].tolist(), judge)
    return peoples


def rate(judge: Judge | None, names: Sequence[str], known: Collection[str]) -> Rating:
    """Rate generated names.

    Args:
        judge: the judge; without one, only the novel and distinct names are counted.
        names: all drawn names, with repeats. An empty name stands for one that the generator gave up on.
        known: the names that the generator learned from.
    """
    drawn = [name for name in names if name]
    novel = [name for name in drawn if name not in known]
    distinct = sorted(set(novel))
    accepted = bad = None
    if judge and distinct:
        scores = judge.score(distinct)
        accepted, bad = float(np.mean(scores >= judge.accepted)), float(np.mean(scores < judge.bad))
    share = len(novel) / len(drawn) if drawn else None
    return Rating(accepted, bad, share, len(set(drawn)) / len(names), len(distinct))


def rate_languages(
    generate: LanguageGenerator, judges: Mapping[str, Judge], training: namegen.Dataset
) -> dict[str, Rating]:
    """Rate a generator for each language of its training names."""
    known = {training.name(index) for index in range(len(training))}
    return {language: rate(judges.get(language), generate(language), known) for language in training.categories}


def rate_short(generate: ListGenerator, peoples: Mapping[str, People]) -> dict[str, Rating]:
    """Rate a generator for each short list."""
    return {name: rate(people.judge, generate(people.given), set(people.given)) for name, people in peoples.items()}


def mean_rating(ratings: Iterable[Rating]) -> Rating:
    """Return the mean of each figure over the ratings that have it."""
    rows = [asdict(rating) for rating in ratings]
    values = {figure: [row[figure] for row in rows if row[figure] is not None] for figure in rows[0]}
    return Rating(**{figure: statistics.mean(some) if some else None for figure, some in values.items()})


def namemaker_names(names: Iterable[str], count: int, order: int, *, repeats: bool = False) -> list[str]:
    """Generate names with namemaker, with empty ones after it gives up on a name.

    Args:
        names: the names to learn from.
        count: the number of names.
        order: the order of the chain.
        repeats: allow repeated names, which namemaker excludes by default.
    """
    import namemaker  # noqa: PLC0415 - the judges do not need it

    namemaker.set_rng(random.Random(1))
    maker = namemaker.make_name_set(list(names), order=order)
    made: list[str] = []
    while len(made) < count and (not made or made[-1]):
        made.append(maker.make_name(exclude_history=not repeats))
    return made + [""] * (count - len(made))
