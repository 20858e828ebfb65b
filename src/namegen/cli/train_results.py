"""Print the results of ``namegen train``."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from namegen.models.model import Model
    from namegen.models.store import ModelLocation


def print_results(location: ModelLocation, model: Model) -> None:
    """Print the model's file and losses."""
    from namegen.cli.terminal import print_note

    history = model.history
    print_note(f"Model {location.name}: {location.model}", whole=[location.name, str(location.model)])
    if model.mixture and not model.has_network:
        ngrams, names = len(model.mixture.ngram.letters), int(model.counts.sum())
        print_note(f"Counted {ngrams:,} n-grams of order {model.mixture.ngram.order} in {names:,} names.")
    else:
        distilled = " (against its teachers)" if model.training.distillation else ""
        losses = f"training {history.final_training:.3f}{distilled}"
        if history.best_validation is not None:
            losses += f", validation {history.validation[-1]:.3f}"
        print_note(f"Final loss in nats per letter: {losses}")
    if history.best_validation is not None:
        best = f"{history.best_validation:.3f}"
        print_note(
            f"Kept the model after {model.weights_after:,} iterations, which has the lowest validation loss: {best}"
        )


def print_next_command(location: ModelLocation, model: Model, categories: Sequence[str]) -> None:
    """Print a command that samples one of the categories that the model was trained on."""
    from namegen.cli.terminal import print_note
    from namegen.models.categories import suggest_start_letters
    from namegen.models.store import DEFAULT_MODEL

    which = "" if location.name == DEFAULT_MODEL else f" --model {shlex.quote(location.name)}"
    category = "German" if "German" in categories else categories[0]
    letters = shlex.quote(suggest_start_letters(model, category))
    dashes = "-- " if category.startswith("-") else ""  # or the category would be read as an option
    what = letters if len(model.categories) == 1 else f"{dashes}{shlex.quote(category)} {letters}"
    command = f"namegen sample{which} {what}"
    print_note(f"Next: {command}", whole=[command])


def print_seeds(location: ModelLocation, models: Mapping[int, Model]) -> None:
    """Print the losses of the models of several seeds, given by seed, with their mean and spread."""
    from namegen.cli.terminal import print_note, print_table
    from namegen.training.seeds import seed_location, summarize_seeds

    kinds = summarize_seeds(models)
    rows = [[str(seed), *(f"{loss.values[index]:.4f}" for loss in kinds.values())] for index, seed in enumerate(models)]
    rows.append(["mean", *(f"{loss.mean:.4f}" for loss in kinds.values())])
    rows.append(["spread", *(f"{loss.spread:.4f}" for loss in kinds.values())])
    head = ["seed", *(f"{kind} loss" for kind in kinds)]
    print_table(head, rows, right=head)
    print_note("Losses in nats per letter; the spread is their standard deviation.")
    first = shlex.quote(seed_location(location, next(iter(models))).name)
    command = f"namegen evaluate {first} --baseline --ci"
    print_note(f"Next: {command}", whole=[command])
