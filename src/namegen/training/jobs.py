"""A training run with a place of its own: one at a time, resumable, and an older model stays usable until it ends."""

from __future__ import annotations

import contextlib
import shlex
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from namegen.config import check_unchanged
from namegen.datasets.alphabet import ASCII
from namegen.datasets.open import is_dataset_name
from namegen.errors import ModelFileError, NamegenError, RunError, UsageError
from namegen.io.files import check_writable, remove_leftovers
from namegen.io.locks import hold_lock
from namegen.models.serialization import load_checkpoint
from namegen.models.store import DEFAULT_MODEL, RUN_SUFFIX, find_model
from namegen.recipes import training_config
from namegen.training.distributed import ALONE
from namegen.training.fine_tuning import fine_tuning_config
from namegen.training.resources import device_name, find_training_device
from namegen.training.train import saved_in_words, train

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from namegen.config import TrainingConfig
    from namegen.datasets.dataset import AlphabetChoice, Dataset
    from namegen.models.model import Model
    from namegen.models.store import TrainingLocation
    from namegen.training.distributed import Ranks
    from namegen.training.train import Progress, Report


FEW_NAMES = 200
"""Fewer names than this, and a model mostly learns them by heart."""


FEW_ADDED = 20
"""Fewer names than this, and a model that they are added to does so too."""


@dataclass(frozen=True)
class Request:
    """What is asked for of a training run; ``None`` leaves it to the recipe, or to the run that is gone on with.

    Attributes:
        parts: parts of the configuration.
        recipe: the recipe.
        init: the name or path of the model to add to.
        dataset: the name or path of the dataset.
        alphabet: the alphabet; ``None`` is that of the model or run to go on with, else ``ascii``.
        device: the device.
        threads: the number of threads.
        resume: whether to go on with the unfinished run at the place, with its settings.
        force: whether to start over although there is one.
    """

    parts: Mapping[str, object] = field(default_factory=dict)
    recipe: str | None = None
    init: str | None = None
    dataset: str | None = None
    alphabet: Literal["ascii", "unicode"] | None = None
    device: str | None = None
    threads: int | None = None
    resume: bool = False
    force: bool = False


@dataclass(frozen=True)
class Plan:
    """What a training run at a place is to do.

    Attributes:
        config: the configuration.
        resume: whether it goes on with the unfinished run there.
        dataset: the name or path of the dataset; ``None`` for the default one.
        device: where it runs.
        threads: with how many threads; ``None`` for what the configuration asks for.
        alphabet: what the names are transliterated into, or ``unicode``.
        init: the model to add to, if there is one.
        changes: in what it differs from the run that it goes on with, in words.
    """

    config: TrainingConfig
    resume: bool
    dataset: str | None
    device: str
    threads: int | None
    alphabet: AlphabetChoice = "ascii"
    init: Model | None = None
    changes: tuple[str, ...] = ()


@contextlib.contextmanager
def claim(place: TrainingLocation, ranks: Ranks = ALONE) -> Iterator[TrainingLocation]:
    """Keep a model's place for this process, or for several, while the body plans and runs its training.

    Yields:
        the place.

    Raises:
        BusyError: another process has it.
        NamegenError: nothing can be written there.
    """
    with contextlib.ExitStack() as stack:
        ranks.of_first(lambda: stack.enter_context(_claimed(place, ranks)))
        yield place


@contextlib.contextmanager
def _claimed(place: TrainingLocation, ranks: Ranks) -> Iterator[None]:
    with hold_lock(place.lock, f"training {place.name}"):
        if not ranks.restarted:
            with contextlib.suppress(OSError):
                place.progress_note.unlink()  # of another torchrun
        for file in place.files:
            remove_leftovers(file)
        for file in place.files:
            check_writable(file)
        yield


def plan(place: TrainingLocation, request: Request, ranks: Ranks = ALONE) -> Plan:
    """Decide what a training run at a place, which must be claimed, is to do.

    Args:
        place: where the model is to be.
        request: what is asked for.
        ranks: the processes that are to share the training, this one being the first. Where torchrun has started them
            anew, they go on with the run that those before them began, if it is that.

    Raises:
        UsageError: something that is asked for makes no sense, or disagrees with the run that is to be resumed.
        RunError: there is an unfinished run, or none to resume.
        DeviceError: the device is not there.
        ModelFileError: the unfinished run is damaged, or there is no such model to begin with.
    """
    if request.init is not None and request.recipe is not None:
        raise UsageError("--init has settings of its own, and a recipe others; use one of them")
    base = None if request.init is None else find_model(request.init).load()
    unfinished = place.checkpoint.is_file()
    if unfinished and _is_noted(place, "begun", ranks):
        request = replace(request, resume=True, force=False)
    if request.resume and request.force:
        raise UsageError("--resume goes on with a run and --force starts over; use one of them")
    if request.resume:
        return _plan_to_go_on(place, request, base, ranks)
    if unfinished and not request.force:
        raise RunError(
            f"there is an unfinished training run of {place.name}; use --resume to go on, or --force to start over"
        )
    config = (
        fine_tuning_config(base, **request.parts)
        if base
        else training_config(request.recipe or "default", **request.parts)
    )
    ranks.check(config)
    return Plan(
        config,
        resume=False,
        dataset=request.dataset,
        device=device_name(find_training_device("auto" if request.device is None else request.device, ranks), ranks),
        threads=request.threads,
        alphabet=_alphabet(base, None, request.alphabet),
        init=base,
    )


def _plan_to_go_on(place: TrainingLocation, request: Request, base: Model | None, ranks: Ranks) -> Plan:
    if not place.checkpoint.is_file():
        raise RunError(f"no unfinished training run of {place.name} to go on with; leave --resume out to start one")
    before = load_checkpoint(place.checkpoint).model
    if before.training.init and base is None:
        raise UsageError("the run adds to another model; say to which with --init")
    asked_for = {} if request.recipe is None else {"recipe": request.recipe}
    config = check_unchanged(before.training, {**asked_for, **request.parts})
    if request.dataset is None and not is_dataset_name(before.dataset):
        how = command_to_resume(place, replace(request, dataset="PATH"), ranks)
        raise UsageError(
            f"the run began with names of your own, {before.dataset!r}; go on with `{how}`, PATH being where they are"
        )
    ranks.check(config)
    where = device_name(find_training_device(before.device if request.device is None else request.device, ranks), ranks)
    changes = [] if where == before.device else [f"on {where}, not {before.device}"]
    threads = request.threads
    if threads not in (None, before.threads):
        changes.append(f"with {threads} {'thread' if threads == 1 else 'threads'}, not {before.threads}")
    if ranks.world != before.processes:
        changes.append(f"with {ranks.world} {'process' if ranks.alone else 'processes'}, not {before.processes}")
    return Plan(
        config,
        resume=True,
        dataset=before.dataset if request.dataset is None else request.dataset,
        device=where,
        threads=threads,
        alphabet=_alphabet(base, before, request.alphabet),
        init=base,
        changes=tuple(changes),
    )


def _alphabet(init: Model | None, run: Model | None, asked_for: Literal["ascii", "unicode"] | None) -> AlphabetChoice:
    """Return what names are transliterated into, or ``unicode``: of what is gone on with it cannot be changed."""
    before = init or run
    if before is None:
        return asked_for or "ascii"
    kind: Literal["ascii", "unicode"] = "ascii" if before.alphabet == ASCII else "unicode"
    if asked_for not in (None, kind):
        what, instead = ("the model to begin with", " or --init") if init else ("the run", "")
        raise UsageError(f"{what} has another alphabet than {asked_for}; leave out --alphabet{instead}")
    return init.alphabet if init else kind


def small_data_warning(config: TrainingConfig, dataset: Dataset) -> str | None:
    """Say what is to be expected of a list so small that a model cannot do well, or be measured."""
    few = len(dataset) < (FEW_ADDED if config.init else FEW_NAMES)
    held_out = config.validation * len(dataset)  # about; where that is much, there is no need to look
    unmeasured = 0 < held_out < 100 and dataset.split(config.validation)[1] is None
    fewer = "" if config.init or dataset.alphabet != ASCII else ", and fewer with --init pretrained"
    facts = [
        *([f"the model will repeat many of them{fewer}"] if few else []),
        *(["no names are held out to measure on"] if unmeasured else []),
    ]
    if not facts:
        return None
    names = "1 name is" if len(dataset) == 1 else f"{len(dataset):,} names are"
    return f"{names} few: {'; '.join(facts)}"


def command_to_resume(place: TrainingLocation, request: Request, ranks: Ranks = ALONE) -> str:
    """Return the command that goes on with the unfinished run at a place.

    Args:
        place: where it is.
        request: what was asked for when it began.
        ranks: the processes that train it together. How those of several machines find each other is left open.
    """
    is_users_file = place.checkpoint.name.endswith(RUN_SUFFIX)
    which = ["-o", place.name] if is_users_file else [] if place.name == DEFAULT_MODEL else ["--model", place.name]
    data = [] if request.dataset is None else ["--data", request.dataset]
    base = [] if request.init is None else ["--init", request.init]
    command = shlex.join(["namegen", "train", *which, *data, *base, "--resume"])
    if ranks.alone:
        return command
    machines = "--standalone" if ranks.local_world == ranks.world else "..."
    return f"torchrun {machines} --nproc-per-node {ranks.local_world} -m {command}"


def saved(place: TrainingLocation) -> str:
    """Return what of the unfinished run at a place is saved, in words."""
    try:
        return saved_in_words(load_checkpoint(place.checkpoint).model.iterations)
    except ModelFileError:  # there is none
        return saved_in_words(0)


def run(
    place: TrainingLocation,
    planned: Plan,
    dataset: Dataset,
    *,
    report: Report = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
    ranks: Ranks = ALONE,
) -> Model:
    """Train a model as planned and put it into its place, which must still be claimed.

    See :func:`~namegen.training.train.train` for the arguments and further errors.

    Raises:
        RunError: the model cannot be written there. It is put into the folder for temporary files then, and the last
            state of the run that was saved stays.
    """
    noted = False

    def reported(progress: Progress) -> None:
        nonlocal noted
        if not noted:  # and what was in this place before is gone
            _note(place, "begun", ranks)
            noted = True
        report(progress)

    model = train(
        dataset,
        planned.config,
        init=planned.init,
        device=planned.device,
        threads=planned.threads,
        checkpoint=place.checkpoint,
        resume=planned.resume,
        report=reported,
        stop=stop,
        ranks=ranks,
    )
    ranks.of_first(lambda: _put(model, place, ranks))
    return model


def is_finished(place: TrainingLocation, ranks: Ranks) -> bool:
    """Whether those whom the same torchrun started before have put the model into a place, which must be claimed.

    One of them may have died later than that, and so torchrun starts all anew, who have nothing to do any more.
    """
    finished = place.model.is_file() and _is_noted(place, "finished", ranks)
    if finished:
        place.checkpoint.unlink(missing_ok=True)
    return finished


def _put(model: Model, place: TrainingLocation, ranks: Ranks) -> None:
    """Put a finished model into its place, where its unfinished run was."""
    try:
        model.save(place.model)
    except NamegenError as error:
        raise RunError(f"{error}; {_kept_elsewhere(model, place)}") from error
    _note(place, "finished", ranks)
    place.checkpoint.unlink(missing_ok=True)


def _note(place: TrainingLocation, reached: Literal["begun", "finished"], ranks: Ranks) -> None:
    """Write down what of a run is done, for those whom the same torchrun starts if one of these processes dies.

    That may be at the very end, so it stays behind, until the next training at this place.
    """
    if ranks.launch and ranks.is_first:
        with contextlib.suppress(OSError):  # without it they ask what to do
            place.progress_note.write_text(f"{reached} {ranks.launch}", encoding="utf-8")


def _is_noted(place: TrainingLocation, reached: Literal["begun", "finished"], ranks: Ranks) -> bool:
    """Whether those whom the same torchrun started before have come this far."""
    if not (ranks.restarted and ranks.launch):
        return False
    try:
        return place.progress_note.read_text(encoding="utf-8") == f"{reached} {ranks.launch}"
    except (OSError, UnicodeDecodeError):
        return False


def _kept_elsewhere(model: Model, place: TrainingLocation) -> str:
    """Put a model that took hours, and for which there is no room in its place, where there may be; say where."""
    try:
        file = Path(tempfile.mkdtemp(prefix="namegen-")) / place.model.name
        try:
            model.save(file)
        except NamegenError:
            file.parent.rmdir()
            raise
    except (NamegenError, OSError):
        resumable = place.checkpoint.is_file()
        return "then go on from what was saved last with --resume" if resumable else "then train it again"
    return f"until you move it there, the finished model is {file}"
