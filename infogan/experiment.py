"""An experiment from its spec to its report; `infogan.train` and `infogan.evaluate`, which do that for a program."""

import dataclasses
import os
import platform
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from infogan.data import Dataset, check_dataset, select_images
from infogan.data.lazy_images import Images
from infogan.evaluation.first_look import plan_first_look
from infogan.evaluation.metric import MetricFunction
from infogan.evaluation.report import find_version
from infogan.model.architectures import Architecture
from infogan.model.gan import check_networks
from infogan.spec import ExperimentSpec
from infogan.system.checks import FILE_NAME, PATH, SWITCH, StrPath, instance, optional
from infogan.system.files import write_json
from infogan.system.messages import InputError, NumbersFailed, TrainingFailed, note, say, warn
from infogan.system.tf1 import check_precision, choose_precision, describe_devices, find_gpus, tf
from infogan.training.checkpoints import describe_last_checkpoint, find_checkpoints, set_aside_damaged
from infogan.training.loop import InfoGANTrainer
from infogan.training.placement import OneDevice
from infogan.training.run_folder import RunFolder, open_run
from infogan.training.signals import Interrupted, StopSignals

SMOKE = {
    **{"smoke": True, "max_images": 1000, "batch_size": 32},
    **{"max_epoch": 2, "updates_per_epoch": 3, "snapshot_interval": 3},
}
"""A whole run in under a minute; the pictures show noise."""


MOST_ROLLBACKS = 3
"""How often a run goes back to its last good checkpoint, with --on-nan rollback, before it fails after all."""


class Execution(NamedTuple):
    """How a run is carried out. Only a rollback changes what comes out.

    Attributes:
      distribution: where to train, of `infogan.training.placement`.
      updates_per_call: most updates in a session run; None chooses, as InfoGANTrainer describes.
      on_nan: what follows a number that is not finite: "stop", or "rollback" to the last good checkpoint, from which
        the run goes on with other random numbers, at most MOST_ROLLBACKS times.
      checkpoint_seconds: most time between two checkpoints; the spec bounds the updates.
      metrics: what is measured beside `infogan.evaluation.evaluate.METRICS`: a sequence of functions of
        (run, dataset, settings), as `infogan.evaluation.metric` describes them.
      jit_compile: True lets XLA compile the update.
      evaluate_every: updates between two measurements during the training, where the set knows what to measure by
        (`infogan.evaluation.first_look`); 0 makes none.
    """

    distribution: OneDevice = OneDevice()
    updates_per_call: int | None = None
    on_nan: str = "stop"
    checkpoint_seconds: float = 600.0
    metrics: tuple[MetricFunction, ...] = ()
    jit_compile: bool = False
    evaluate_every: int = 0


PLAIN = Execution()


def run(
    spec: ExperimentSpec, folder: RunFolder, dataset: Dataset, stop: StopSignals, execution: Execution = PLAIN
) -> dict[str, Any] | None:
    """Trains, or goes on training, and evaluates; of several workers each calls this, and the chief alone writes.

    Args:
      folder: RunFolder, created and locked by the chief.
      dataset: Dataset of the spec.
      stop: StopSignals, entered.

    Returns:
      The report, as `infogan.evaluation.report.build_report` makes it; None for a worker that is not the chief.

    Raises:
      TrainingFailed: if a loss, gradient or weight is not finite (NumbersFailed), a file cannot be written, or memory
        is exhausted; status.json says failed, if it can be written.
      Interrupted: if a signal came; the last finished update is saved and status.json says interrupted.
      InputError: if what the folder holds is damaged; status.json stays as it was. Or if what was trained cannot be
        evaluated; it says failed then.
    """

    distribution, is_trained = execution.distribution, False

    def write_status(state: str, message: str = "") -> None:
        if distribution.is_chief:
            folder.write_status(state, last_update(folder), spec.updates, message)

    try:
        if distribution.is_chief:
            _begin(spec, folder, dataset, execution)
        else:
            say(f"worker {distribution.number} of {distribution.processes}: the chief writes the logs and the report")
        _train(spec, folder, dataset, stop, execution)
        is_trained = True
        if not distribution.is_chief:
            return None
        from infogan.evaluation.evaluate import evaluate_run  # costs seconds and 80 MB: not before the first update

        report = evaluate_run(dataset, folder, execution.metrics)
        write_status("finished")
        return report
    except InputError as error:
        if is_trained:  # what was written last is that the run is running
            with suppress(OSError):
                write_status("failed", str(error))
        raise
    except (Interrupted, KeyboardInterrupt) as error:
        with suppress(OSError):
            write_status("interrupted", str(error))
        raise
    except BaseException as error:
        failure = _explain(error, folder)
        with suppress(OSError):  # a full disk must not hide the error itself
            write_status("failed", str(failure) or repr(failure))
        if failure is error:
            raise
        raise failure from error


def _explain(error: BaseException, folder: RunFolder) -> BaseException:
    """The error itself, or a TrainingFailed where files or memory of the machine are at fault."""
    if isinstance(error, OSError):
        problem = f"{error.filename or 'a file'}: {error.strerror or error}."
    elif "tensorflow" in sys.modules and isinstance(error, tf.errors.ResourceExhaustedError):
        problem = "The device's memory is exhausted. Take a smaller batch, or another device."
    else:
        return error
    return TrainingFailed(f"{problem} {describe_last_checkpoint(folder.checkpoints)}")


def train(
    spec: ExperimentSpec,
    dataset: Dataset,
    log_dir: StrPath = "logs",
    checkpoint_dir: StrPath = "ckt",
    name: str | None = None,
    resume: bool = False,
    metrics: Sequence[MetricFunction] = (),
) -> Path:
    """Trains an experiment from a program, on any Dataset, and evaluates it.

        dataset = Dataset(Split(images), Split(test_images), "my pictures")
        run = infogan.load(infogan.train(spec, dataset, name="first"))

    Ctrl-C, a notebook's stop button, SIGTERM and SIGHUP save the last finished update. The same call with `resume=True`
    goes on from there, and evaluates a run whose updates are all done again. With a larger `max_epoch` a finished run
    goes on too, as `lengthen` describes.

    Args:
      spec: ExperimentSpec; its `dataset` only names the images.
      dataset: Dataset of images as large as `output_dist`, with those that the spec keeps from training, such as
        `infogan.data.mnist.load()` gives.
      log_dir: root of the logs; the run's are below it in <spec.name>/<name>/.
      checkpoint_dir: root of the checkpoints, likewise.
      name: the run's name; None makes one of the time, and with `resume` takes the run that was started last.
      resume: True goes on with that run.
      metrics: your own, measured beside those of every report: functions of (run, dataset, settings), as
        `infogan.evaluation.metric` describes them.

    Returns:
      `pathlib.Path` of the run's checkpoint folder.

    Raises:
      InputError: if the images do not suit the spec, what is known of them does not suit them, the machine does not
        train in the spec's precision, a folder of that name holds something, or the run to resume is another one.
      TrainingFailed: as `run`.
      KeyboardInterrupt: after a signal, unless what the program has for that signal ends it.
    """
    instance(ExperimentSpec, "an ExperimentSpec").check("spec", spec)
    execution = Execution(metrics=_check_metrics(metrics))
    dataset = _check_dataset(dataset, spec)
    roots = (PATH.check("log_dir", log_dir) / spec.name, PATH.check("checkpoint_dir", checkpoint_dir) / spec.name)
    optional(FILE_NAME).check("name", name)
    SWITCH.check("resume", resume)
    if isinstance(spec.network, Architecture):
        check_networks(spec)
    folder: RunFolder | None = None
    try:
        with StopSignals(ends_process=False) as stop:
            if resume:
                folder, spec = _find_begun(roots, name, spec, dataset)
            else:
                spec = dataclasses.replace(spec, precision=choose_precision(spec.precision))
                new = RunFolder(*roots, name)
                new.create(spec, dataset)
                folder = new
            with folder.lock():
                run(spec, folder, dataset, stop, execution)
    except Interrupted as stopped:
        _hand_on(stopped, folder)
    return folder.checkpoints


def evaluate(path: StrPath, dataset: Dataset, metrics: Sequence[MetricFunction] = ()) -> dict[str, Any]:
    """Evaluates a trained run again, on the dataset that `train` was given.

    Args:
      path: the run's folder, below either root.
      metrics: your own, as for `train`.

    Returns:
      The report, as `infogan.load(path).report`.

    Raises:
      InputError: if there is no such run, it is damaged, or it was trained on another dataset.
    """
    folder = open_run(path)
    spec = folder.load_spec()
    dataset = _check_dataset(dataset, spec)
    folder.check_dataset(dataset)
    find_gpus()
    from infogan.evaluation.evaluate import evaluate_run  # costs seconds and 80 MB

    return evaluate_run(dataset, folder, _check_metrics(metrics))


def _check_metrics(metrics: Any) -> tuple[MetricFunction, ...]:
    if not isinstance(metrics, list | tuple) or not all(map(callable, metrics)):
        needed = "a list of functions of (run, dataset, settings) is needed"
        raise InputError("metrics", f"{metrics!r} was given, but {needed}.")
    return tuple(metrics)


def _check_dataset(dataset: Dataset, spec: ExperimentSpec) -> Dataset:
    """The images that the spec trains and tests on, of a Dataset that suits it."""
    instance(Dataset, "a Dataset").check("dataset", dataset)
    for split in (dataset.train, dataset.test):
        _check_images(split.images, spec)
    check_dataset(dataset)
    return select_images(spec, dataset)


def _find_begun(
    roots: tuple[Path, Path], name: str | None, spec: ExperimentSpec, dataset: Dataset
) -> tuple[RunFolder, ExperimentSpec]:
    """The RunFolder and the spec of a run that is resumed with that spec, which may be longer."""
    folder = RunFolder.find(*roots, name)
    begun = folder.load_spec()
    if spec.precision == "auto":
        spec = dataclasses.replace(spec, precision=begun.precision)
    for field in dataclasses.fields(spec):
        now, before = getattr(spec, field.name), getattr(begun, field.name)
        if now != before and field.name != "max_epoch":
            raise InputError(
                field.name,
                f"{now!r} was given, but {folder.name} was started with {before!r}. Give that, or start a new run.",
            )
    folder.check_dataset(dataset)
    check_precision(spec.precision, "resume", "Resume it on the machine where it began, or start a new run.")
    return lengthen(folder, begun, spec.max_epoch, dataset)


def lengthen(
    folder: RunFolder, spec: ExperimentSpec, max_epoch: int, dataset: Dataset
) -> tuple[RunFolder, ExperimentSpec]:
    """The run and the spec with which a run goes on when it is to have `max_epoch` epochs.

    It is the same run where its finished updates are those of a run of that length. Where its learning rates have begun
    to fall, they are not: then a run of its own, `<name>-epoch<max_epoch>`, goes on from the newest checkpoint.

    Args:
      folder: RunFolder of a run that is not being trained.
      spec: ExperimentSpec it was started with.
      max_epoch: epochs it is to have.
      dataset: Dataset it was started with.

    Returns:
      RunFolder and ExperimentSpec; `run` stores the spec.

    Raises:
      InputError: if the run is longer already, or the other one exists.
    """
    if max_epoch == spec.max_epoch:
        return folder, spec
    longer, done = dataclasses.replace(spec, max_epoch=max_epoch), last_update(folder)
    if longer.updates <= done:
        epochs = round(done / spec.updates_per_epoch, 2)
        raise InputError(
            "max_epoch", f"{max_epoch} was given, but {folder.name} has done {epochs:g} epochs. Give more."
        )
    if all(done <= _first_fall(each) for each in (spec, longer)):
        return folder, longer
    extension = folder.extend(longer, dataset)
    fall, risen = _first_fall(longer), longer.rate_share(done)
    say(
        f"{folder.name}: its learning rates began to fall at update {_first_fall(spec):,.0f} and are at "
        f"{spec.rate_share(done):.0%} of their initial value after {done:,} updates. In a run of {max_epoch} epochs "
        f"they fall from update {fall:,.0f} on, so they rise again to {risen:.0%}: the result differs from that "
        f"of a new run of this length. {folder.name} stays as it is; {extension.name} continues from its newest "
        "checkpoint."
    )
    return extension, longer


def _first_fall(spec: ExperimentSpec) -> float:
    """The update after which the learning rates fall."""
    return spec.constant_rate_share * spec.updates


def _hand_on(stopped: Interrupted, folder: RunFolder | None) -> NoReturn:
    """Leaves a signal to the program, whose handlers are back, once the run is saved."""
    message = f"stopped by {stopped}"
    if folder:
        message += f"; update {last_update(folder):,} is saved, and the same call with name={folder.name!r}, "
        message += "resume=True continues from there"
    is_pythons_own = signal.getsignal(stopped.number) is signal.default_int_handler
    if not is_pythons_own:
        note(f"{message}.")
        signal.raise_signal(stopped.number)
    raise KeyboardInterrupt(message) from None


def _check_images(images: Images, spec: ExperimentSpec) -> None:
    needed = spec.image_shape
    if images.dtype != "uint8" or images.shape[1:] != needed or not len(images):
        raise InputError(
            "dataset",
            f"{images.dtype} images of shape {[*images.shape]} were given, but uint8 {['N', *needed]} is needed, "
            "with N of at least 1: the spec's output_dist and image_size say so.",
        )


def _begin(spec: ExperimentSpec, folder: RunFolder, dataset: Dataset, execution: Execution) -> None:
    """Sets damaged checkpoints aside, and writes and says what is about to be trained."""
    gpus = find_gpus()
    set_aside_damaged(folder.checkpoints)
    distribution = execution.distribution
    environment = _describe_environment(dataset, gpus)
    environment.update(processes=distribution.processes, replicas=distribution.replicas)
    environment.update(updates_per_call=execution.updates_per_call, jit_compile=execution.jit_compile)
    folder.store_counterparts()
    if folder.load_spec().max_epoch != spec.max_epoch:
        folder.store_spec(spec)
    path = folder.log / "environment.json"
    if last_update(folder) != spec.updates or not path.exists():  # an evaluation says nothing of the training
        write_json(path, environment)
    _announce(spec, folder, dataset, gpus)
    if distribution.replicas > 1:
        say(f"{distribution.replicas} replicas, each with {spec.batch_size // distribution.replicas} images of a batch")


def _train(spec: ExperimentSpec, folder: RunFolder, dataset: Dataset, stop: StopSignals, execution: Execution) -> None:
    distribution = execution.distribution
    while last_update(folder) != spec.updates:
        rollbacks = len(folder.load_rollbacks())
        try:
            InfoGANTrainer(
                spec,
                dataset.train.images,
                folder,
                stop,
                execution.updates_per_call,
                distribution,
                rollbacks,
                execution.checkpoint_seconds,
                execution.jit_compile,
                plan_first_look(spec, dataset, execution.evaluate_every),
            ).train()
            return
        except NumbersFailed as error:
            if execution.on_nan != "rollback":
                raise
            if rollbacks >= MOST_ROLLBACKS:
                raise NumbersFailed(f"{error} The run was rolled back {rollbacks} times already.") from error
            folder.add_rollback(last_update(folder), str(error))
            counted = f"rollback {rollbacks + 1} of {MOST_ROLLBACKS}"
            warn(f"{error} Continuing from there with other random numbers ({counted}).")


def last_update(folder: RunFolder) -> int:
    saved = find_checkpoints(folder.checkpoints)
    return saved[-1] if saved else 0


def _describe_environment(dataset: Dataset, gpus: Sequence[str]) -> dict[str, Any]:
    """What the results depend on beside the spec; no environment variable but those named."""
    packages = ("tensorflow", "tf-keras", "numpy", "scipy")
    variables = ("TF_ENABLE_ONEDNN_OPTS", "TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS")
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processors": os.cpu_count(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "gpus": list(gpus),
        "packages": {name: find_version(name) for name in packages},
        "variables": {name: os.environ.get(name) for name in variables},
        "dataset": dataset.source,
        "command": sys.argv,
    }


def _announce(spec: ExperimentSpec, folder: RunFolder, dataset: Dataset, gpus: Sequence[str]) -> None:
    say(
        f"{spec.name}, recipe {spec.recipe}, {spec.variant}, seed {spec.seed}: {spec.updates:,} updates "
        f"of {spec.batch_size} images out of {len(dataset.train):,} ({dataset.source}), in {spec.precision}\n"
        f"logs in {folder.log}, checkpoints in {folder.checkpoints}\n"
        f"{describe_devices(gpus)}"
    )
    if last_update(folder) == spec.updates:
        say("all updates are done already: evaluating the run again")
    elif spec.late_codes and not spec.smoke:  # a smoke run shows that all works, and learns nothing
        say(
            f"Q will not learn to read {', '.join(spec.late_codes)}: their lambda is 0 for all {spec.updates:,} "
            "updates. Train longer, or let them come in earlier (--code-schedules)."
        )
