"""Train the included model, and write its card and sample names.

    python benchmarks/pretrained.py [SURNAMES] [--iterations N] [--output FOLDER]

reads the surnames as `namegen download --from SURNAMES` does, or from their repository, and checks them against the
catalogue. It trains on the training part of the protocol of docs/quality.md, rounds the weights to half precision, and
measures the rounded model on the test part. The card contains the figures, and the model file contains the card. The
same seed on the same machine produces the same bytes as long as numpy and torch use one thread each, as `make
pretrained` makes them.
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
from namegen.evaluation.likelihood import likelihood
from protocol import parts

if TYPE_CHECKING:
    from namegen.evaluation.likelihood import Likelihood
    from namegen.evaluation.metrics import Evaluation

REPOSITORY = Path(__file__).parent.parent
MODEL = Path("src", "namegen", "data", "pretrained.safetensors")
CARD = Path("docs", "model-card.md")
NAMES = Path("docs", "names.md")
SAMPLED = 1000  # names for each category
SHOWN = 20  # of them, in docs/names.md
UNITS = 192  # fewer than the recipe's: half the time, and its names are as good (docs/quality.md)

PAGE = """# The included model

`pretrained` generates surnames of {categories} languages and is included in namegen. `namegen sample German ABC` uses
it unless you have trained another model. `namegen models card pretrained` prints this card.

## Model

A recurrent network with {units} units and {parameters:,} parameters in half precision, and a Kneser-Ney n-gram of order
{order} for each category. The network chooses the letters of names; the n-gram rejects implausible names, and both
together predict names. `make pretrained` trains the model: recipe `{recipe}`, {iterations:,} iterations, seed {seed},
one thread. On one machine it always produces the same bytes.

## Data

The {categories} lists of surnames in the folder `{folder}` of
<{repository}>, commit `{commit}`:
MIT licence, copyright (c) 2017 Sean Robertson. They are the tutorial's data, which `namegen download` fetches; the
SHA-256 of each file was checked. Names are transliterated to ASCII and deduplicated within each category.

The model was trained on {training:,} of these names. The other {test:,}, the test names, were not used for training
or for choosing settings. A hash of each name assigns it to one of the two sets; `docs/quality.md` describes the
protocol. The file contains 64-bit hashes of the training names, so that `namegen evaluate pretrained` knows which names
to score and `namegen sample --novel` which names to leave out. It does not contain the names themselves, but the
n-gram has counts of all sequences of up to {order} letters in them. The model is under namegen's licence, MIT.

## Figures

All figures are for the test names. The loss is in nats per letter, from the second letter to the end of a name; macro
is the mean of the categories' means, micro the mean over all letters. The losses before rounding the weights to half
precision were {full.macro:.3f} and {full.micro:.3f}.

| | |
| --- | --- |
| loss, macro | {found.macro:.3f} |
| loss, micro | {found.micro:.3f} |
| classification accuracy, uniform prior, mean over the categories | {uniform:.3f} |
| classification accuracy, the data's prior, mean over all names | {data:.3f} |

For each category, {drawn:,} names were sampled with {way},
without the plausibility floor. *Novel* is the share that is not among the training names of any category. *Right* is
the share that a judge, an n-gram of order 3 of the training names, assigns to the category.

| category | training names | test names | loss | novel | right |
| --- | --- | --- | --- | --- | --- |
{rows}

## Intended use

Plausible invented surnames: for games and stories, test data and teaching, and as a baseline for other models.

## Limits and biases

- The lists were gathered from the web, and how well they represent each language is unknown. Their sizes are very
  uneven, and so are the results: categories with few training names often repeat them.
- Some lists are mixed. The English list has names from everywhere (Abbas, Abdi), the Czech list German and American
  spellings. All 100 Scottish names are also in the English list, and half of the Portuguese names are Spanish ones.
- The Arabic list has 108 distinct names. Arabic, Chinese, Greek, Japanese, Korean and Russian names are in Latin
  letters, with varying spellings. Names have no accents: Muller, Garcia, Nguyen.
- A novel name may still be the name of a real person. Slurs and obscenities on namegen's own list are not generated;
  the list is not complete.
- The model does not tell where anyone is from. `namegen classify` says which list a name resembles most, and is often
  wrong. Do not base decisions about people on it.
"""


def verified_surnames(source: str | None) -> namegen.Dataset:
    """Return the verified surnames of the catalogue, without changing the user's cache.

    Args:
        source: their source, as for `namegen download --from`; ``None`` for their repository.
    """
    with tempfile.TemporaryDirectory() as cache:
        os.environ["NAMEGEN_CACHE_DIR"] = cache
        namegen.download("surnames", source=source)
        return namegen.open_dataset("surnames")


def pretrain(dataset: namegen.Dataset, config: namegen.TrainingConfig) -> namegen.Model:
    """Train on the training part of a dataset, and return the model in half precision, with its card."""
    training, test = parts(dataset, validation=False)
    full = namegen.train(training, config, device="cpu", threads=1)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "half.safetensors")
        full.save(file, half=True)
        model = namegen.load_model(file)
    found = namegen.evaluate(model, dataset, count=SAMPLED)
    if found.names != len(test):
        raise ValueError(
            f"{found.names:,} names are not among the hashes of the model, not the {len(test):,} test names"
        )
    return replace(model, card=card(model, found, test, likelihood(full, test)))


def card(model: namegen.Model, found: Evaluation, test: namegen.Dataset, full: Likelihood) -> str:
    """Return a model's card.

    Args:
        model: the model, in half precision.
        found: its evaluation.
        test: the test names.
        full: the loss on the test names before rounding to half precision.
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
        order=model.training.ngram_order,
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
    """Return a page of unselected names of each category, sampled at the defaults with seed 1."""
    lines = [
        "# Sample names",
        "",
        f"{SHOWN} names of each language from the included model at its defaults, unselected: the output of `namegen",
        f"sample {model.categories[0]} -n {SHOWN} --seed 1 -m pretrained`, and so on.",
        "Training names are in *italics*. [Quality](quality.md) has figures. `make pretrained` writes this page.",
    ]
    for category in model.categories:
        names = namegen.sample(model, category, count=SHOWN, seed=1)
        known = np.isin(hash_names(name.encode() for name in names), model.name_hashes)
        shown = [f"*{name}*" if is_known else name for name, is_known in zip(names, known, strict=True)]
        lines += ["", f"**{category}**: {', '.join(shown)}"]
    return "\n".join(lines) + "\n"


def figure(value: float | None) -> str:
    """Return a figure as text; a category without test names has no loss."""
    return "-" if value is None else f"{value:.3f}"


def main() -> None:
    """Train the model, and write it, its card and its sample names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("surnames", nargs="?", help="a folder, a zip, or the URL of either")
    parser.add_argument("--iterations", type=int, help="fewer than the recipe's, for a quick test")
    parser.add_argument("--output", type=Path, default=REPOSITORY, help="the repository to write to")
    given = parser.parse_args()
    fewer = {} if given.iterations is None else {"iterations": given.iterations}
    model = pretrain(
        verified_surnames(given.surnames), namegen.training_config("best", seed=1, hidden_size=UNITS, **fewer)
    )
    (given.output / CARD).parent.mkdir(parents=True, exist_ok=True)
    model.save(given.output / MODEL, half=True)
    (given.output / CARD).write_text(model.card, encoding="utf-8", newline="\n")
    (given.output / NAMES).write_text(names_page(model), encoding="utf-8", newline="\n")
    print(model.card)


if __name__ == "__main__":
    main()
