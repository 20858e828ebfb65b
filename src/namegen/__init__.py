"""Invent names with a small character-level recurrent network, trained on lists of names grouped by category.

>>> import namegen
>>> namegen.sample(namegen.load_model(), "German", "ABC")        # doctest: +SKIP
>>> dataset = namegen.load_dataset("names/")                     # doctest: +SKIP
>>> model = namegen.train(dataset, iterations=20_000)            # doctest: +SKIP
>>> namegen.sample(model, "German", "ABC")                       # doctest: +SKIP

The names below are imported when they are first used, so that ``import namegen`` costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from namegen import errors
from namegen.errors import NamegenError, TrainingStopped, UsageError

if TYPE_CHECKING:
    from namegen.alphabet import ASCII, Alphabet
    from namegen.catalogue import download
    from namegen.classifying import Classification, Scores, classify, score
    from namegen.dataset import Dataset
    from namegen.evaluation import Evaluation, evaluate
    from namegen.export import export_onnx
    from namegen.filters import Filters
    from namegen.modelfile import History, Model
    from namegen.plotting import plot_evaluation, plot_history
    from namegen.ranking import top
    from namegen.readers import load_dataset
    from namegen.recipes import SamplingConfig, TrainingConfig, training_config
    from namegen.sampling import iterate, sample
    from namegen.store import load_model, open_dataset
    from namegen.training import Progress, train

__version__ = "0.1.0"

_HOME = {
    "ASCII": "alphabet",
    "Alphabet": "alphabet",
    "Classification": "classifying",
    "Dataset": "dataset",
    "Evaluation": "evaluation",
    "Filters": "filters",
    "History": "modelfile",
    "Model": "modelfile",
    "Progress": "training",
    "SamplingConfig": "recipes",
    "Scores": "classifying",
    "TrainingConfig": "recipes",
    "classify": "classifying",
    "download": "catalogue",
    "evaluate": "evaluation",
    "export_onnx": "export",
    "iterate": "sampling",
    "load_dataset": "readers",
    "load_model": "store",
    "open_dataset": "store",
    "plot_evaluation": "plotting",
    "plot_history": "plotting",
    "sample": "sampling",
    "score": "classifying",
    "top": "ranking",
    "train": "training",
    "training_config": "recipes",
}

__all__ = [
    "ASCII",
    "Alphabet",
    "Classification",
    "Dataset",
    "Evaluation",
    "Filters",
    "History",
    "Model",
    "NamegenError",
    "Progress",
    "SamplingConfig",
    "Scores",
    "TrainingConfig",
    "TrainingStopped",
    "UsageError",
    "classify",
    "download",
    "errors",
    "evaluate",
    "export_onnx",
    "iterate",
    "load_dataset",
    "load_model",
    "open_dataset",
    "plot_evaluation",
    "plot_history",
    "sample",
    "score",
    "top",
    "train",
    "training_config",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
