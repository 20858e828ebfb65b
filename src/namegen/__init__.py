"""Invent names with a small character-level recurrent network, trained on lists of names grouped by category.

>>> import namegen
>>> namegen.sample(namegen.load_model(), "German", "ABC")        # doctest: +SKIP
>>> dataset = namegen.load_dataset("names/")                     # doctest: +SKIP
>>> model = namegen.train(dataset, iterations=20_000)            # doctest: +SKIP
>>> namegen.sample(model, "German", "ABC")                       # doctest: +SKIP

The names below are imported on first use, so ``import namegen`` is fast.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from namegen import errors
from namegen.errors import NamegenError, TrainingStopped, UsageError

if TYPE_CHECKING:
    from namegen.config import SamplingConfig, TrainingConfig
    from namegen.datasets.alphabet import ASCII, Alphabet
    from namegen.datasets.dataset import Dataset
    from namegen.datasets.download import download
    from namegen.datasets.open import open_dataset
    from namegen.datasets.options import ReadingOptions
    from namegen.datasets.readers import load_dataset
    from namegen.evaluation.classify import Classification, Scores, classify, score
    from namegen.evaluation.explain import Explanation, explain
    from namegen.evaluation.metrics import Evaluation, evaluate
    from namegen.evaluation.plots import plot_evaluation, plot_explanation, plot_history
    from namegen.models.model import History, Model
    from namegen.models.onnx import export_onnx
    from namegen.models.store import load_model
    from namegen.recipes import training_config
    from namegen.sampling.generate import iterate, sample
    from namegen.sampling.like import like, like_model
    from namegen.sampling.name_filters import Filters
    from namegen.sampling.persons import people
    from namegen.sampling.populations import Person
    from namegen.sampling.top_names import top
    from namegen.training.train import Progress, train

__version__ = "0.1.0"

_EXPORTS = {
    "config": ("SamplingConfig", "TrainingConfig"),
    "datasets.alphabet": ("ASCII", "Alphabet"),
    "datasets.dataset": ("Dataset",),
    "datasets.download": ("download",),
    "datasets.open": ("open_dataset",),
    "datasets.options": ("ReadingOptions",),
    "datasets.readers": ("load_dataset",),
    "evaluation.classify": ("Classification", "Scores", "classify", "score"),
    "evaluation.explain": ("Explanation", "explain"),
    "evaluation.metrics": ("Evaluation", "evaluate"),
    "evaluation.plots": ("plot_evaluation", "plot_explanation", "plot_history"),
    "models.model": ("History", "Model"),
    "models.onnx": ("export_onnx",),
    "models.store": ("load_model",),
    "recipes": ("training_config",),
    "sampling.name_filters": ("Filters",),
    "sampling.generate": ("iterate", "sample"),
    "sampling.like": ("like", "like_model"),
    "sampling.persons": ("people",),
    "sampling.populations": ("Person",),
    "sampling.top_names": ("top",),
    "training.train": ("Progress", "train"),
}

__all__ = [
    "ASCII",
    "Alphabet",
    "Classification",
    "Dataset",
    "Evaluation",
    "Explanation",
    "Filters",
    "History",
    "Model",
    "NamegenError",
    "Person",
    "Progress",
    "ReadingOptions",
    "SamplingConfig",
    "Scores",
    "TrainingConfig",
    "TrainingStopped",
    "UsageError",
    "classify",
    "download",
    "errors",
    "evaluate",
    "explain",
    "export_onnx",
    "iterate",
    "like",
    "like_model",
    "load_dataset",
    "load_model",
    "open_dataset",
    "people",
    "plot_evaluation",
    "plot_explanation",
    "plot_history",
    "sample",
    "score",
    "top",
    "train",
    "training_config",
]


def __getattr__(name: str) -> object:
    module = next((module for module, names in _EXPORTS.items() if name in names), None)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
