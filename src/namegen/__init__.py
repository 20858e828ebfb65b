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
    from namegen.config import SamplingConfig, TrainingConfig
    from namegen.datasets.alphabet import ASCII, Alphabet
    from namegen.datasets.dataset import Dataset
    from namegen.datasets.download import download
    from namegen.datasets.open import open_dataset
    from namegen.datasets.readers import load_dataset
    from namegen.evaluation.classify import Classification, Scores, classify, score
    from namegen.evaluation.metrics import Evaluation, evaluate
    from namegen.evaluation.plots import plot_evaluation, plot_history
    from namegen.models.model import History, Model
    from namegen.models.onnx import export_onnx
    from namegen.models.store import load_model
    from namegen.recipes import training_config
    from namegen.sampling.filters import Filters
    from namegen.sampling.generate import iterate, sample
    from namegen.sampling.top import top
    from namegen.training.train import Progress, train

__version__ = "0.1.0"

_HOME = {
    "ASCII": "datasets.alphabet",
    "Alphabet": "datasets.alphabet",
    "Classification": "evaluation.classify",
    "Dataset": "datasets.dataset",
    "Evaluation": "evaluation.metrics",
    "Filters": "sampling.filters",
    "History": "models.model",
    "Model": "models.model",
    "Progress": "training.train",
    "SamplingConfig": "config",
    "Scores": "evaluation.classify",
    "TrainingConfig": "config",
    "classify": "evaluation.classify",
    "download": "datasets.download",
    "evaluate": "evaluation.metrics",
    "export_onnx": "models.onnx",
    "iterate": "sampling.generate",
    "load_dataset": "datasets.readers",
    "load_model": "models.store",
    "open_dataset": "datasets.open",
    "plot_evaluation": "evaluation.plots",
    "plot_history": "evaluation.plots",
    "sample": "sampling.generate",
    "score": "evaluation.classify",
    "top": "sampling.top",
    "train": "training.train",
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
