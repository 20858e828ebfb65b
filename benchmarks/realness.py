"""Measure whether generated names pass as real: `make quality`.

    python benchmarks/realness.py SURNAMES_FOLDER [--judge tune|score] [--model FILE] [--only languages short]
    python benchmarks/realness.py --people [--judge tune|score] [--model FILE]

A judge is a Kneser-Ney n-gram of order 4 that never met the generator or its data. It is trained on names from the
packages Faker and mimesis. Its score of a name is the mean log-probability per letter, from the first letter to the
end. It compares generated names with a yardstick, real names that it was not trained on:

- *accepted* is the share of the distinct novel names that score at least the 33rd percentile of the yardstick;
- *bad* is the share of the distinct novel names that score less than its 3rd percentile;
- *novel* is the share of the drawn names that the generator was not trained on;
- *unique* is the number of distinct names, divided by the number of names asked for.

There are three protocols:

- `languages`: 400 surnames of each language of the folder. For 11 of the languages there is a judge. It is trained on
  none of the surnames in the folder, and the yardstick is the test names of the language.
- `short`: 300 names from each of six lists of 40 or 20 names of a people. Half of the people's other names train the
  judge, and the other half is the yardstick.

- `people`: 400 names of each open category of the model `people` with at least 1,000 names. A hash splits the names of
  each category: 60 % train the model, 20 % the judge, and 20 % are the yardstick. `--model` must be a model trained
  on the 60 %; without it, one is trained (half an hour).

Choose settings with `--judge tune`, so that the judges of `score` stay independent of the choice. For `languages`, a
hash splits the packages' names into two halves, one for each. The yardstick of `tune` is the validation names, so
`--model` must be a model trained on u < 0.8 (docs/quality.md explains u). For `short`, the peoples are different.
For `people`, the categories are those with 500 to 999 names.

The figures of `score` are written to benchmarks/realness.json, and from there to docs/quality.md.
"""

from __future__ import annotations

import argparse
import importlib
import json
import random
import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

import namegen
from figures import write
from namegen.datasets.dataset import hash_names
from namegen.models.ngram import NGram
from protocol import parts

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from namegen.datasets.dataset import AlphabetChoice

    Figures = dict[str, Any]

Half = Literal["tune", "score"]
LanguageGenerator = Callable[[str], "list[str]"]  # from a language to names
ListGenerator = Callable[["list[str]"], "list[str]"]  # from the given names to names

HALVES: tuple[Half, ...] = ("tune", "score")
ORDER = 4
ACCEPTED, BAD = 33, 3  # percentiles of the yardstick
DRAWN, DRAWN_FROM_LIST = 400, 300
PEOPLE_SIZES: dict[Half, tuple[int, int]] = {"tune": (500, 1000), "score": (1000, 10**9)}  # of a category
SIZES = (40, 20)
NAMEMAKER: dict[str, dict[str, Any]] = {
    "namemaker, its defaults (order 3)": {"order": 3},
    "namemaker, order 3, repeats allowed": {"order": 3, "repeats": True},
    "namemaker, order 2": {"order": 2},
    "namemaker, order 2, repeats allowed": {"order": 2, "repeats": True},
}
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
    def fit(cls, names: Iterable[str], yardstick: Sequence[str], alphabet: AlphabetChoice = "ascii") -> Judge:
        """Train a judge on names; ``yardstick`` contains the real names to compare with."""
        dataset = namegen.Dataset.from_names({"names": names}, alphabet=alphabet)
        ngram = NGram.fit(dataset, ORDER)
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
    scores: NDArray[np.float64] = ngram.log_probabilities(np.concatenate(encoded), lengths)[:, 0] / (lengths + 1)
    return scores


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
        number = hashes(names.tolist())
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
    means: Figures = {figure: statistics.mean(some) if some else None for figure, some in values.items()}
    return Rating(**means)


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


def measure_languages(dataset: namegen.Dataset, half: Half, models: Mapping[str, namegen.Model]) -> Figures:
    """Rate some models and the other ways of generating surnames, for each language."""
    training, real = parts(dataset, validation=half == "tune")
    judges = language_judges(dataset, half)
    ways: dict[str, LanguageGenerator] = {"real names": real.names}
    for way, model in {**models, "recipe `default`": namegen.train(training, threads=1)}.items():
        ways[way] = partial(namegen.sample, model, count=DRAWN, seed=1)
    for way, settings in NAMEMAKER.items():
        ways[way] = learned_from(training, partial(namemaker_names, count=DRAWN, **settings))
    return {way: as_figures(way, rate_languages(generate, judges, training)) for way, generate in ways.items()}


def measure_short(half: Half, size: int, init: namegen.Model) -> Figures:
    """Rate each way of generating names from a short list, for each people."""
    peoples = short_peoples(half, size)
    ways: dict[str, ListGenerator] = {}
    like: Callable[..., list[str]] | None = getattr(namegen, "like", None)
    if like:
        ways["`namegen.like`"] = partial(like, count=DRAWN_FROM_LIST, seed=1)
    ways["`train --init`"] = partial(fine_tuned_names, init)
    for way, settings in NAMEMAKER.items():
        ways[way] = partial(namemaker_names, count=DRAWN_FROM_LIST, **settings)
    real = {name: rate(people.judge, people.judge.yardstick, people.given) for name, people in peoples.items()}
    rows = {"real names": as_figures(f"real names, {size}", real)}
    for way, generate in ways.items():
        rows[way] = as_figures(f"{way}, {size}", rate_short(generate, peoples))
    return rows


def split_people(dataset: namegen.Dataset) -> tuple[namegen.Dataset, namegen.Dataset, namegen.Dataset]:
    """Return the names to train the model on, those to train the judges on, and the yardstick."""
    unit = dataset.hashes.astype(np.float64) / 2.0**64
    return dataset.select(unit < 0.6), dataset.select((unit >= 0.6) & (unit < 0.8)), dataset.select(unit >= 0.8)


def measure_people(half: Half, model: namegen.Model | None) -> Figures:
    """Rate names of the categories of the model `people`, and the real ones of the yardstick."""
    import people_model  # noqa: PLC0415 - it needs packages that the other protocols do not

    dataset = people_model.build_dataset()
    training, judging, yardstick = split_people(dataset)
    if model is None:
        model = people_model.train(training)
    sizes = dict(zip(dataset.categories, dataset.counts.tolist(), strict=True))
    low, high = PEOPLE_SIZES[half]
    judges = {}
    for category in model.categories:
        if low <= sizes[category] < high:
            letters = sorted({letter for name in dataset.names(category) for letter in name})
            alphabet = namegen.Alphabet(tuple(letters))
            judges[category] = Judge.fit(judging.names(category), yardstick.names(category), alphabet)
    known = {training.name(index) for index in range(len(training))}
    ways: dict[str, LanguageGenerator] = {
        "real names": yardstick.names,
        "model": partial(namegen.sample, model, count=DRAWN, seed=1),
    }
    return {
        way: as_figures(way, {category: rate(judge, generate(category), known) for category, judge in judges.items()})
        for way, generate in ways.items()
    }


def learned_from(training: namegen.Dataset, generate: ListGenerator) -> LanguageGenerator:
    """Return a function that generates names from the training names of a language."""
    return lambda language: generate(training.names(language))


def fine_tuned_names(init: namegen.Model, given: list[str]) -> list[str]:
    """Fine-tune a model on names, and generate names with it."""
    model = namegen.train(namegen.Dataset.from_names({"given": given}), init=init, threads=1)
    return namegen.sample(model, "given", count=DRAWN_FROM_LIST, seed=1)


def as_figures(way: str, ratings: Mapping[str, Rating]) -> Figures:
    """Print the mean of some ratings, and return the ratings in a form for JSON."""
    print(f"{way}: {mean_rating(ratings.values())}", flush=True)
    return {name: asdict(rating) for name, rating in ratings.items()}


def tables(results: Figures) -> dict[str, str]:
    """Return the tables of docs/quality.md by their names there."""
    made = {}
    if "languages" in results:
        lines = [
            "| surnames of 11 languages | accepted | bad | novel | unique | novel, all 18 | unique, all 18 |",
            "| --- | --- | --- | --- | --- | --- | --- |",
        ]
        for way, rows in results["languages"].items():
            ratings = {language: Rating(**row) for language, row in rows.items()}
            judged, every = mean_rating(ratings[language] for language in LANGUAGES), mean_rating(ratings.values())
            figures = (judged.accepted, judged.bad, judged.novel, judged.unique, every.novel, every.unique)
            lines.append(f"| {' | '.join([way, *map(percent, figures)])} |")
        made["realness_languages"] = "\n".join(lines)
    if "short" in results:
        lines = [
            "| short lists | names given | accepted | bad | novel | unique | distinct novel names |",
            "| --- | --- | --- | --- | --- | --- | --- |",
        ]
        for size, ways in results["short"].items():
            for way, rows in ways.items():
                mean = mean_rating(Rating(**row) for row in rows.values())
                shares = (mean.accepted, mean.bad, mean.novel, mean.unique)
                count = "" if way == "real names" else f"{mean.distinct_novel:.0f}"
                lines.append(f"| {' | '.join([way, size, *map(percent, shares), count])} |")
        made["realness_short"] = "\n".join(lines)
    if "people" in results:
        real, rows = results["people"]["real names"], results["people"]["model"]
        lines = [
            "| category | real names accepted | accepted | bad | novel | unique |",
            "| --- | --- | --- | --- | --- | --- |",
        ]
        named = {**rows, "mean": asdict(mean_rating(Rating(**row) for row in rows.values()))}
        reals = {**real, "mean": asdict(mean_rating(Rating(**row) for row in real.values()))}
        for category, row in named.items():
            shares = (reals[category]["accepted"], *(row[figure] for figure in ("accepted", "bad", "novel", "unique")))
            lines.append(f"| {' | '.join([category, *map(percent, shares)])} |")
        made["realness_people"] = "\n".join(lines)
    return made


def percent(share: float | None) -> str:
    """Return a share as text."""
    return "" if share is None else f"{share:.0%}"


def main() -> None:
    """Measure the chosen parts, and print their tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("surnames", type=Path, nargs="?", help="the folder of surnames; not needed for --people")
    parser.add_argument("--people", action="store_true", help="measure the model `people` instead")
    parser.add_argument("--judge", choices=HALVES, default="score")
    parser.add_argument("--model", type=Path, help="by default the included model")
    parser.add_argument("--only", nargs="*", choices=["languages", "short"])
    given = parser.parse_args()
    if not given.people and given.surnames is None:
        parser.error("give the folder of surnames, or --people")
    model = namegen.load_model(given.model or "pretrained")
    models = {given.model.name if given.model else "included model": model}
    if given.judge == "tune" and not given.model:
        models = {}  # the included model was trained on the validation names
    measurements: dict[str, Callable[[], Figures]] = {
        "languages": lambda: measure_languages(namegen.load_dataset(given.surnames), given.judge, models),
        "short": lambda: {str(size): measure_short(given.judge, size, model) for size in SIZES},
    }
    if given.people:
        measurements = {"people": lambda: measure_people(given.judge, model if given.model else None)}
    for part, measure in measurements.items():
        if not given.only or part in given.only:
            results = {part: measure()}
            print("\n".join(["", *tables(results).values(), ""]), flush=True)
            if given.judge == "score":
                stored = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
                RESULTS.write_text(json.dumps(stored | results, indent=1) + "\n", encoding="utf-8")
                write(tables(results))


if __name__ == "__main__":
    main()
