"""Train a model at a location: one training at a time, resumable, and an older model stays until the new one is done.

:func:`claim_model` locks the location, :func:`plan_training` checks the request, and :func:`run_plan` trains.
"""

from __future__ import annotations

import contextlib
import shlex
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from namegen.architectures import find_architecture
from namegen.config import NGRAM_SETTINGS, check_unchanged
from namegen.datasets.alphabet import ASCII
from namegen.datasets.open import is_dataset_name
from namegen.datasets.options import DEFAULT_READING, STDIN, DataSource
from namegen.datasets.origins import remember_origin
from namegen.errors import NamegenError, RunError, UsageError
from namegen.io.files import check_writable, remove_leftovers
from namegen.io.locks import hold_lock
from namegen.models.extension import find_names_alphabet
from namegen.models.serialization import load_checkpoint
from namegen.models.store import DEFAULT_MODEL, PEOPLE, PRETRAINED, RUN_SUFFIX, find_model
from namegen.recipes import FINE_TUNING, RECIPES, training_config
from namegen.training.distributed import SINGLE_PROCESS
from namegen.training.fine_tuning import fine_tuning_config
from namegen.training.resources import device_name, find_training_device
from namegen.training.settings import complete_settings
from namegen.training.train import train

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from namegen.config import TrainingConfig
    from namegen.datasets.dataset import AlphabetChoice, Dataset
    from namegen.datasets.options import ReadingOptions
    from namegen.models.model import Model
    from namegen.models.store import ModelLocation
    from namegen.training.distributed import ProcessGroup
    from namegen.training.train import Report


NO_EFFECT = {"iterations": "--iters", "seed": "--seed"}
"""The settings that have no effect on a model without a network, and their options."""

MIN_NAMES = 200
"""A model trained on fewer names than this mostly repeats them."""

MIN_ADDED_NAMES = 20
"""A model that fewer names than this are added to mostly repeats them."""


@dataclass(frozen=True)
class TrainingRequest:
    """A request for a training; ``None`` means the setting of the recipe, or of the run to resume."""

    parts: Mapping[str, Any] = field(default_factory=dict)  # settings, as parse_settings returns them
    recipe: str | None = None
    init: str | None = None  # the name or path of the model to add categories to
    data: tuple[str, ...] = ()  # names or paths of datasets, to be merged
    reading: ReadingOptions = DEFAULT_READING
    alphabet: Literal["ascii", "unicode"] | None = None
    device: str | None = None
    threads: int | None = None
    resume: bool = False  # the unfinished run
    force: bool = False  # replace the unfinished run
    log: Path | None = None  # the file for the log of the run

    @property
    def has_network(self) -> bool:
        """Whether the training needs torch."""
        return self.recipe not in RECIPES or find_architecture(RECIPES[self.recipe].training).network is not None


@dataclass(frozen=True)
class TrainingPlan:
    """A request with its defaults filled in, and checked against the files at the location."""

    config: TrainingConfig
    resume: bool
    data: tuple[str, ...]  # none for the default dataset
    device: str
    threads: int | None  # None for the default of the configuration
    reading: ReadingOptions = DEFAULT_READING
    alphabet: AlphabetChoice = "ascii"
    init: Model | None = None
    changes: tuple[str, ...] = ()  # differences from the run to resume, in words


@contextlib.contextmanager
def claim_model(location: ModelLocation) -> Iterator[ModelLocation]:
    """Lock a model's location while the body plans and runs its training; check that its files can be written."""
    with hold_lock(location.lock, f"training {location.name}"):
        for file in location.files:
            remove_leftovers(file)
        for file in location.files:
            check_writable(file)
        yield location


def plan_training(
    location: ModelLocation, request: TrainingRequest, group: ProcessGroup = SINGLE_PROCESS
) -> TrainingPlan:
    """Plan the training at a claimed location, and check the request."""
    if request.init is not None and request.recipe is not None:
        raise UsageError("--init and --recipe cannot be combined; use one of them")
    if request.resume and request.force:
        raise UsageError("--resume and --force cannot be combined; use one of them")
    if not request.has_network:
        request = _without_network(request)
    elif request.parts.get("architecture") == "ngram":
        raise UsageError("an n-gram is not trained with these settings; use --recipe instant")
    init = None if request.init is None else find_model(request.init).load()
    before, data, reading, device = None, request.data, request.reading, request.device
    if request.resume:
        before, source = _load_run(location, request, init, group)
        recipe = {} if request.recipe is None else {"recipe": request.recipe}
        config = check_unchanged(before.training, {**recipe, **complete_settings(request.parts, before.training)})
        data = data or source.paths
        reading = source.reading if reading == DEFAULT_READING else reading
        device = before.device if device is None else device
    elif location.checkpoint.is_file() and not request.force:
        raise RunError(
            f"{location.name} has an unfinished training run; use --resume to continue it, or --force to start over"
        )
    else:
        config = _build_config(request, init)
    group.check(config)
    if request.has_network:
        device = device_name(find_training_device("auto" if device is None else device, group), group)
    return TrainingPlan(
        config,
        resume=request.resume,
        data=data,
        reading=reading,
        device=device or "cpu",
        threads=request.threads,
        alphabet=_resolve_alphabet(request, init, before),
        init=init,
        changes=_describe_changes(before, device or before.device, request.threads, group) if before else (),
    )


def _build_config(request: TrainingRequest, init: Model | None, names: int | None = None) -> TrainingConfig:
    """Return the configuration of a new run; ``names`` is the number of names to add to ``init``, if it is known."""
    if init:
        return fine_tuning_config(init, names, **complete_settings(request.parts, FINE_TUNING))
    recipe = request.recipe or "default"
    base = RECIPES[recipe].training if recipe in RECIPES else RECIPES["default"].training
    return training_config(recipe, **complete_settings(request.parts, base))


def _without_network(request: TrainingRequest) -> TrainingRequest:
    """Return a request for a model without a network, without the settings that have no effect."""
    given = [name for name in ("resume", "device", "threads", "log") if getattr(request, name) not in (None, False)]
    given += [name for name in request.parts if name not in (*NO_EFFECT, *NGRAM_SETTINGS) or name == "architecture"]
    if given:
        option = {"architecture": "arch"}.get(given[0], given[0]).replace("_", "-")
        raise UsageError(f"--recipe {request.recipe} trains no network, so --{option} does not apply; leave it out")
    return replace(request, parts={name: value for name, value in request.parts.items() if name not in NO_EFFECT})


def fit_plan(plan: TrainingPlan, request: TrainingRequest, dataset: Dataset) -> TrainingPlan:
    """Return a plan with the defaults that depend on the number of names."""
    if plan.init is None or plan.resume:
        return plan
    return replace(plan, config=_build_config(request, plan.init, len(dataset)))


def _load_run(
    location: ModelLocation, request: TrainingRequest, init: Model | None, group: ProcessGroup
) -> tuple[Model, DataSource]:
    """Load the model of the unfinished run to resume, and return where its names are."""
    if not location.checkpoint.is_file():
        raise RunError(f"{location.name} has no unfinished training run; leave out --resume to start one")
    checkpoint = load_checkpoint(location.checkpoint)
    before = checkpoint.model
    if before.training.init and init is None:
        raise UsageError("the run adds categories to another model; give that model with --init")
    source = checkpoint.source or DataSource((before.dataset,))
    if not request.data:
        command = command_to_resume(location, replace(request, data=("PATH",)), group)
        for path in source.paths:
            if path == STDIN or not (is_dataset_name(path) or Path(path).exists()):
                where = "from standard input" if path == STDIN else f"from {path}, which does not exist"
                raise UsageError(f"the run began with names {where}; give their path: `{command}`")
    return before, source


def _describe_changes(before: Model, device: str, threads: int | None, group: ProcessGroup) -> tuple[str, ...]:
    """Return the differences from a run to resume, in words."""
    changes = [] if device == before.device else [f"on {device}, not {before.device}"]
    if threads not in (None, before.threads):
        changes.append(f"with {threads} {'thread' if threads == 1 else 'threads'}, not {before.threads}")
    if group.world_size != before.processes:
        processes = "1 process" if group.is_single else f"{group.world_size} processes"
        changes.append(f"with {processes}, not {before.processes}")
    return tuple(changes)


def _resolve_alphabet(request: TrainingRequest, init: Model | None, run: Model | None) -> AlphabetChoice:
    """Return the alphabet for the names: as requested, of the run to resume, or of ``init``, perhaps extended."""
    requested = request.alphabet
    if init:
        if requested == "ascii" and init.alphabet != ASCII:
            raise UsageError("the base model does not have the alphabet ascii; leave out --alphabet")
        had_new_letters = run and run.alphabet != init.alphabet
        is_fixed = requested == "ascii" or (run and not had_new_letters)
        if run and requested and (requested == "ascii") == bool(had_new_letters):
            raise UsageError(f"the run to resume does not have the alphabet {requested}; leave out --alphabet")
        return init.alphabet if is_fixed else find_names_alphabet(init)
    if run is None:
        return requested or "ascii"
    kind: Literal["ascii", "unicode"] = "ascii" if run.alphabet == ASCII else "unicode"
    if requested not in (None, kind):
        raise UsageError(f"the run to resume does not have the alphabet {requested}; leave out --alphabet")
    return kind


def small_data_warning(config: TrainingConfig, dataset: Dataset) -> str | None:
    """Return a warning about a list that is too short to train a good model on, or to measure it."""
    facts = []
    if len(dataset) < (MIN_ADDED_NAMES if config.init else MIN_NAMES):
        advice = "" if config.init else f" (fewer with --init {PRETRAINED if dataset.alphabet == ASCII else PEOPLE})"
        facts.append(f"the model will repeat many of them{advice}")
    # Splitting a large dataset takes long, and is needless.
    if 0 < config.validation * len(dataset) < 100 and dataset.split(config.validation)[1] is None:
        facts.append("no names are held out to measure the loss")
    if not facts:
        return None
    names = "1 name is" if len(dataset) == 1 else f"{len(dataset):,} names are"
    return f"{names} few: {'; '.join(facts)}"


def command_to_resume(location: ModelLocation, request: TrainingRequest, group: ProcessGroup = SINGLE_PROCESS) -> str:
    """Return the command that resumes the unfinished run of a request.

    The checkpoint knows where the names are, unless they came from standard input. With several machines, the options
    that say where they meet are left out.
    """
    options: list[str] = []
    if location.checkpoint.name.endswith(RUN_SUFFIX):  # of a file that the user named
        options += ["-o", location.name]
    elif location.name != DEFAULT_MODEL:
        options += ["--model", location.name]
    for path in request.data if request.data == ("PATH",) or STDIN in request.data else ():
        options += ["--data", "PATH" if path == STDIN else path]
    if request.init is not None:
        options += ["--init", request.init]
    if request.log is not None:
        options += ["--log", str(request.log)]
    command = shlex.join(["namegen", "train", *options, "--resume"])
    if group.is_single:
        return command
    machines = "--standalone" if group.local_world_size == group.world_size else "..."
    return f"torchrun {machines} --nproc-per-node {group.local_world_size} -m {command}"


def run_plan(
    location: ModelLocation,
    plan: TrainingPlan,
    dataset: Dataset,
    *,
    report: Report = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
    group: ProcessGroup = SINGLE_PROCESS,
) -> Model:
    """Train a model as planned, and save it at its location, which must be claimed.

    See :func:`~namegen.training.train.train` for the other arguments and errors.

    Raises:
        RunError: the model cannot be saved there. Then it is saved in the folder for temporary files, and the last
            checkpoint stays.
    """
    model = train(
        dataset,
        plan.config,
        init=plan.init,
        device=plan.device,
        threads=plan.threads,
        checkpoint=location.checkpoint,
        resume=plan.resume,
        report=report,
        stop=stop,
        progress=False,  # the caller shows it
        group=group,
    )
    if group.is_rank_zero:
        try:
            model.save(location.model)
        except NamegenError as error:
            raise RunError(f"{error}; {_save_elsewhere(model, location)}") from error
        location.checkpoint.unlink(missing_ok=True)
        remember_origin(dataset)
    return model


def _save_elsewhere(model: Model, location: ModelLocation) -> str:
    """Save a model in the folder for temporary files, and return advice for the user."""
    try:
        file = Path(tempfile.mkdtemp(prefix="namegen-")) / location.model.name
        try:
            model.save(file)
        except NamegenError:
            file.parent.rmdir()
            raise
    except (NamegenError, OSError):
        return "then use --resume" if location.checkpoint.is_file() else "then train it again"
    return f"the finished model is {file}; move it there"
