"""Make the model that comes with namegen, and its card.

    python benchmarks/pretrained.py [SURNAMES] [--iterations N] [--output FOLDER]

takes the surnames as `namegen download --from SURNAMES` does, or from their repository, and accepts nothing but what
the catalogue pins. It trains on the training part of the protocol of docs/quality.md, brings the weights into half
precision, and measures these on the test part with the product's own functions. The figures go into the card, the card
into the file. The same seed on the same machine gives the same bytes, as long as numpy and torch keep to one thread
each: `make pretrained` sees to that.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import numpy as np

import namegen
from figures import accuracy
from namegen.datasets.catalogue import CATALOGUE
from namegen.datasets.dataset import hash_names
from namegen.evaluation.metrics import likelihood
from protocol import parts

if TYPE_CHECKING:
    from namegen.evaluation.metrics import Evaluation, Likelihood

REPOSITORY = Path(__file__).parent.parent
MODEL = Path("src", "namegen", "data", "pretrained.safetensors")
CARD = Path("docs", "model-card.md")
NAMES = Path("docs", "names.md")
DRAWN = 1000  # names for each category
SHOWN = 20  # of them, in docs/names.md

PAGE = """# The pretrained model

It invents surnames of {categories} languages, and comes with namegen: `namegen sample German ABC` draws from it where
no other model has been trained. This card is in its file too: `namegen models card pretrained` prints it.

## What it is

One recurrent network of {units} units and {parameters:,} parameters in half precision. `make pretrained` makes it, on
one machine always the same bytes: recipe `{recipe}`, {iterations:,} iterations, seed {seed}, one thread.

## Data

The {categories} lists of surnames in the folder `{folder}` of
<{repository}>, commit `{commit}`:
MIT licence, copyright (c) 2017 Sean Robertson. They are the tutorial's data, and what `namegen download` fetches;
the SHA-256 of each file was checked. Names are transliterated to ASCII, and repeats within a category left out.

It was trained on {training:,} of these names. No training and no choice of settings saw the other {test:,}, the test
names, which a hash of the name alone decides; `docs/quality.md` has the protocol, and what was scored before. The file
has 64-bit hashes of the training names, not the names: so `namegen evaluate pretrained` knows which to score, and
`namegen sample --novel` which to leave out. The model itself comes under namegen's licence, MIT.

## Figures

On the test names. The loss is in nats per letter, from the second letter to the end of a name; macro is the mean of
the categories' means, micro the mean over all letters. Before the weights were brought into half precision it was
{full.macro:.3f} and {full.micro:.3f}.

| | |
| --- | --- |
| loss, macro | {found.macro:.3f} |
| loss, micro | {found.micro:.3f} |
| categories found, uniform prior, mean over the categories | {uniform:.3f} |
| categories found, the data's prior, mean over all names | {data:.3f} |

Of {drawn:,} names drawn for each category at the defaults, {way}:
*novel* is the share that is not among the training names of any category, *right* the share that a judge, an n-gram of
order 3 on the training names, takes for names of the category.

| category | training names | test names | loss | novel | right |
| --- | --- | --- | --- | --- | --- |
{rows}

## What it is for

Believable surnames that are made up: for games and stories, test data, teaching, and as a baseline for other models.

## What to know before using it

- Others gathered the lists from the web, and nobody knows how well they represent a language. They are of very uneven
  size, and so are the results: where training names are few, many of those that are drawn are among them.
- Some lists are mixed. The English one has names from everywhere (Abbas, Abdi), the Czech one German and American
  spellings. All 100 Scottish names are English ones too, and half of the Portuguese names are Spanish ones.
- The Arabic list has 108 distinct names. Arabic, Chinese, Greek, Japanese, Korean and Russian names are in Latin
  letters, spelt in more than one way. No name has accents: Muller, Garcia, Nguyen.
- A name that is novel here may be a real person's all the same. Words that offend were not looked for;
  `namegen sample --exclude` leaves out those of a list.
- It does not tell where anybody is from. `namegen classify` says which of these lists a name resembles most, is often
  wrong, and a name says little of its bearer: decide nothing about people by it.
"""


def verified_surnames(source: str | None) -> namegen.Dataset:
    """Return the surnames of the catalogue, each file checked, without putting them into the user's cache.

    Args:
        source: where they are, as for `namegen download --from`; ``None`` for their repository.
    """
    with tempfile.TemporaryDirectory() as cache:
        os.environ["NAMEGEN_CACHE_DIR"] = cache
        namegen.download("surnames", source=source)
        return namegen.open_dataset("surnames")


def pretrain(dataset: namegen.Dataset, config: namegen.TrainingConfig) -> namegen.Model:
    """Return a model of the training part of a dataset, as its file in half precision has it, with its card."""
    training, test = parts(dataset, validation=False)
    full = namegen.train(training, config, device="cpu", threads=1)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "half.safetensors")
        full.save(file, half=True)
        model = namegen.load_model(file)
    found = namegen.evaluate(model, dataset, count=DRAWN)
    if found.names != len(test):
        raise ValueError(f"by their hashes {found.names:,} names are left to score, not the {len(test):,} test names")
    return replace(model, card=card(model, found, test, likelihood(full, test)))


def card(model: namegen.Model, found: Evaluation, test: namegen.Dataset, full: Likelihood) -> str:
    """Write a model's card.

    Args:
        model: the model, in half precision.
        found: how good it is.
        test: the test names.
        full: the loss on these before the weights were brought into half precision.
    """
    owner, repository, commit, folder = urlsplit(CATALOGUE["surnames"].url).path.strip("/").split("/", 3)
    trained_on = dict(zip(model.categories, model.counts.tolist(), strict=True))
    uniform, data = accuracy(model, test)
    way = model.sampling
    rows = [
        f"| {category} | {trained_on[category]:,} | {of.names:,} | {figure(of.loss)} | {figure(of.novel)} | "
        f"{figure(of.right)} |"
        for category, of in found.categories.items()
    ]
    rows.append(
        f"| mean | {sum(trained_on.values()):,} in all | {found.names:,} in all | {figure(found.macro)} | "
        f"{figure(found.novel)} | {figure(found.right)} |"
    )
    return PAGE.format(
        categories=len(model.categories),
        units=model.training.hidden_size,
        parameters=model.parameters,
        recipe=model.training.recipe,
        iterations=model.training.iterations,
        seed=model.training.seed,
        folder=folder,
        repository=f"https://github.com/{owner}/{repository}",
        commit=commit,
        training=sum(trained_on.values()),
        test=len(test),
        full=full,
        found=found,
        uniform=uniform,
        data=data,
        drawn=found.drawn,
        way=f"temperature {way.temperature:g}, top-p {way.top_p:g} and guidance {way.guidance:g}",
        rows="\n".join(rows),
    )


def names_page(model: namegen.Model) -> str:
    """Write a page of names of each category, at the defaults, each with the next seed: nobody has chosen them."""
    lines = [
        "# What the names are like",
        "",
        f"{SHOWN} names of each language by the model that comes along, at the defaults. Nobody has chosen them: it is",
        f"`namegen sample {model.categories[0]} -n {SHOWN} --seed 1 -m pretrained`, the next language with seed 2, and",
        "so on. In *italics* are those that are training names. [Quality](quality.md) has the figures, and",
        "`make pretrained` writes this page.",
    ]
    for seed, category in enumerate(model.categories, start=1):
        names = namegen.sample(model, category, count=SHOWN, seed=seed)
        known = np.isin(hash_names(name.encode() for name in names), model.name_hashes)
        shown = [f"*{name}*" if is_known else name for name, is_known in zip(names, known, strict=True)]
        lines += ["", f"**{category}**: {', '.join(shown)}"]
    return "\n".join(lines) + "\n"


def figure(value: float | None) -> str:
    """Return a figure of the table; a category without test names has no loss."""
    return "-" if value is None else f"{value:.3f}"


def main() -> None:
    """Make the model, and write it and its card to where they belong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("surnames", nargs="?", help="a folder, a zip, or the URL of either")
    parser.add_argument("--iterations", type=int, help="for a trial: fewer than the recipe's")
    parser.add_argument("--output", type=Path, default=REPOSITORY, help="the folder of the repository to write into")
    given = parser.parse_args()
    fewer = {} if given.iterations is None else {"iterations": given.iterations}
    model = pretrain(verified_surnames(given.surnames), namegen.training_config("best", seed=1, **fewer))
    (given.output / CARD).parent.mkdir(parents=True, exist_ok=True)
    model.save(given.output / MODEL, half=True)
    (given.output / CARD).write_text(model.card, encoding="utf-8", newline="\n")
    (given.output / NAMES).write_text(names_page(model), encoding="utf-8", newline="\n")
    print(model.card)


if __name__ == "__main__":
    main()
