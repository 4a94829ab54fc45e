"""An experiment from its spec to its report, and the command line that all launchers share."""

import os
import platform
import sys
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from infogan.data import check_dataset, select_images
from infogan.evaluation.report import find_version
from infogan.system.devices import check_precision, describe_devices, find_gpus
from infogan.system.errors import InputError, NumbersFailed, TrainingFailed
from infogan.system.files import write_json
from infogan.system.messages import say, warn
from infogan.system.tf1 import tf
from infogan.training.checkpoints import describe_last_checkpoint, find_checkpoints, set_aside_damaged
from infogan.training.loop import InfoGANTrainer
from infogan.training.placement import OneDevice
from infogan.training.run_folder import RunFolder
from infogan.training.signals import Interrupted, StopSignals

SMOKE = {"max_epoch": 2, "updates_per_epoch": 3, "snapshot_interval": 3, "batch_size": 32, "max_images": 1000}
"""A whole run in under a minute; the pictures show noise."""


MOST_ROLLBACKS = 3
"""How often a run goes back to its last good checkpoint, with --on-nan rollback, before it fails after all."""


class Execution(NamedTuple):
    """How a run is carried out. Only a rollback changes what comes out.

    Attributes:
      distribution: where to train, of `infogan.training.placement`.
      updates_per_call: most updates in a session run.
      on_nan: what follows a number that is not finite: "stop", or "rollback" to the last good checkpoint, from which
        the run goes on with other random numbers, at most MOST_ROLLBACKS times.
    """

    distribution: OneDevice = OneDevice()
    updates_per_call: int = 1
    on_nan: str = "stop"


PLAIN = Execution()


def run(spec, folder, dataset, stop, execution=PLAIN):
    """Trains, or goes on training, and evaluates; of several workers each calls this, and the chief alone writes.

    Args:
      spec: ExperimentSpec.
      folder: RunFolder, created and locked by the chief.
      dataset: Dataset of the spec.
      stop: StopSignals, entered.
      execution: Execution.

    Returns:
      The report, as `infogan.evaluation.report.build_report` makes it; None for a worker that is not the chief.

    Raises:
      TrainingFailed: if a loss, gradient or weight is not finite (NumbersFailed), a file cannot be written, or memory
        is exhausted; status.json says failed, if it can be written.
      Interrupted: if a signal came; the last finished update is saved and status.json says interrupted.
      InputError: if what the folder holds is damaged; status.json stays as it was.
    """

    distribution = execution.distribution

    def write_status(state, message=""):
        if distribution.is_chief:
            folder.write_status(state, last_update(folder), spec.updates, message)

    try:
        if not distribution.is_chief:
            say(f"worker {distribution.number} of {distribution.processes}: the chief reports and writes")
            return _train(spec, folder, dataset, stop, execution)
        report = _train_and_evaluate(spec, folder, dataset, stop, execution)
        write_status("finished")
        return report
    except InputError:
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


def _explain(error, folder):
    """The error itself, or a TrainingFailed where files or memory of the machine are at fault."""
    if isinstance(error, OSError):
        problem = f"{error.filename or 'a file'}: {error.strerror or error}."
    elif "tensorflow" in sys.modules and isinstance(error, tf.errors.ResourceExhaustedError):
        problem = "The device's memory is exhausted. Take a smaller --batch-size, or another device."
    else:
        return error
    return TrainingFailed(f"{problem} {describe_last_checkpoint(folder.checkpoints)}")


def train(spec, dataset, log_dir="logs", checkpoint_dir="ckt", name=None):
    """Trains an experiment from a program, on any Dataset, and evaluates it.

        dataset = Dataset(Split(images), Split(test_images), "my pictures")
        run = infogan.load(infogan.train(spec, dataset))

    Args:
      spec: ExperimentSpec; its `dataset` only names the images.
      dataset: Dataset of images as large as `output_dist`, with those that the spec keeps from training, such as
        `infogan.data.mnist.load()` gives.
      log_dir: root of the logs; the run's are below it in <spec.name>/<name>/.
      checkpoint_dir: root of the checkpoints, likewise.
      name: the run's name; None makes one of the time.

    Returns:
      `pathlib.Path` of the run's checkpoint folder.

    Raises:
      InputError: if the images do not suit the spec, what is known of them does not suit them, the machine does not
        train in the spec's precision, or a folder of that name holds something.
      TrainingFailed: as `run`.
    """
    for split in (dataset.train, dataset.test):
        _check_images(split.images, spec)
    check_dataset(dataset)
    check_precision(spec.precision, "precision", "Take float32.")
    dataset = select_images(spec, dataset)
    folder = RunFolder(Path(log_dir) / spec.name, Path(checkpoint_dir) / spec.name, name)
    folder.create(spec, dataset)
    with folder.lock():
        # Signals are left to the program: what it raises ends the run at once, and the newest checkpoint stays.
        run(spec, folder, dataset, StopSignals())
    return folder.checkpoints


def _check_images(images, spec):
    needed = spec.image_shape
    if images.dtype != "uint8" or images.shape[1:] != needed or not len(images):
        raise InputError(
            "dataset",
            f"{images.dtype} images of shape {[*images.shape]} were given, but uint8 {['N', *needed]} is needed, "
            "with N of at least 1: the spec's output_dist and image_size say so.",
        )


def _train_and_evaluate(spec, folder, dataset, stop, execution):
    gpus = find_gpus()
    set_aside_damaged(folder.checkpoints)
    distribution = execution.distribution
    environment = _describe_environment(dataset, gpus)
    environment.update(processes=distribution.processes, replicas=distribution.replicas)
    environment.update(updates_per_call=execution.updates_per_call)
    path = folder.log / "environment.json"
    if last_update(folder) != spec.updates or not path.exists():  # an evaluation says nothing of the training
        write_json(path, environment)
    _announce(spec, folder, dataset, gpus)
    if distribution.replicas > 1:
        say(f"{distribution.replicas} replicas, {spec.batch_size // distribution.replicas} images of a batch each")
    _train(spec, folder, dataset, stop, execution)
    from infogan.evaluation.evaluate import evaluate_run  # costs seconds and 80 MB: not before the first update

    return evaluate_run(spec, dataset, folder)


def _train(spec, folder, dataset, stop, execution):
    distribution, updates_per_call, on_nan = execution
    while last_update(folder) != spec.updates:
        rollbacks = len(folder.load_rollbacks())
        try:
            InfoGANTrainer(spec, dataset.train.images, folder, stop, updates_per_call, distribution, rollbacks).train()
            return
        except NumbersFailed as error:
            if on_nan != "rollback":
                raise
            if rollbacks >= MOST_ROLLBACKS:
                raise NumbersFailed(f"{error} The run has gone back {rollbacks} times already.") from error
            folder.add_rollback(last_update(folder), str(error))
            warn(f"{error} Going on from there with other random numbers, for the {rollbacks + 1}. time.")


def last_update(folder):
    saved = find_checkpoints(folder.checkpoints)
    return saved[-1] if saved else 0


def is_smoke(spec):
    return spec.max_images == SMOKE["max_images"]


def _describe_environment(dataset, gpus):
    """What the results depend on beside the spec; no environment variable but those named."""
    packages = ("tensorflow", "tf-keras", "numpy", "scipy")
    variables = ("TF_ENABLE_ONEDNN_OPTS", "TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS")
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processors": os.cpu_count(),
        "gpus": list(gpus),
        "packages": {name: find_version(name) for name in packages},
        "variables": {name: os.environ.get(name) for name in variables},
        "dataset": dataset.source,
        "command": sys.argv,
    }


def _announce(spec, folder, dataset, gpus):
    say(
        f"{spec.name}, recipe {spec.recipe}, {spec.variant}, seed {spec.seed}: {spec.updates:,} updates "
        f"of {spec.batch_size} images out of {len(dataset.train):,} ({dataset.source}), in {spec.precision}\n"
        f"logs in {folder.log}, checkpoints in {folder.checkpoints}\n"
        f"{describe_devices(gpus)}"
    )
    if last_update(folder) == spec.updates:
        say("all updates are done already: the run is evaluated again")
    elif spec.late_codes and not is_smoke(spec):  # a smoke run shows that all works, and learns nothing
        say(
            f"Q will not learn to read {', '.join(spec.late_codes)}: lambda is 0 for all {spec.updates:,} updates. "
            "Train longer, or change --code-schedules."
        )
