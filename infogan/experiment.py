"""An experiment from its spec to its report, and the command line that all launchers share."""

import dataclasses
import math
import os
import platform
import sys
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import NamedTuple

from infogan.atomic_file import write_json
from infogan.cluster import read_cluster
from infogan.command_line import Parser
from infogan.datasets import check_dataset, default_folder, load_dataset, select_images
from infogan.devices import check_precision, choose_precision, describe_devices, find_gpus
from infogan.errors import InputError, NumbersFailed, TrainingFailed
from infogan.evaluation.report import find_version, format_report
from infogan.flags import FLAGS, add_flags, apply_flags, flag_text, show
from infogan.messages import note, say, warn
from infogan.networks import find_image_shape
from infogan.spec import PRECISIONS
from infogan.tf1 import tf
from infogan.training.checkpoints import describe_last_checkpoint, find_checkpoints, set_aside_damaged
from infogan.training.distribution import OneDevice, choose_distribution
from infogan.training.interruption import Interrupted, StopSignals
from infogan.training.run_folder import RunFolder
from infogan.training.run_log import load_metrics
from infogan.training.trainer import InfoGANTrainer

SMOKE = {"max_epoch": 2, "updates_per_epoch": 3, "snapshot_interval": 3, "batch_size": 32, "max_images": 1000}
"""A whole run in under a minute; the pictures show noise."""


MOST_ROLLBACKS = 3
"""How often a run goes back to its last good checkpoint, with --on-nan rollback, before it fails after all."""


class Execution(NamedTuple):
    """How a run is carried out. Only a rollback changes what comes out.

    Attributes:
      distribution: where to train, of `infogan.training.distribution`.
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
            folder.write_status(state, _last_update(folder), spec.updates, message)

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
        `infogan.datasets.mnist.load()` gives.
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
    needed = find_image_shape(spec.network, spec.output_dist.dim)
    if images.dtype != "uint8" or images.shape[1:] != needed or not len(images):
        raise InputError(
            "dataset",
            f"{images.dtype} images of shape {[*images.shape]} were given, but uint8 {['N', *needed]} is needed, "
            "with N of at least 1.",
        )


def _train_and_evaluate(spec, folder, dataset, stop, execution):
    gpus = find_gpus()
    set_aside_damaged(folder.checkpoints)
    distribution = execution.distribution
    environment = _describe_environment(dataset, gpus)
    environment.update(processes=distribution.processes, replicas=distribution.replicas)
    environment.update(updates_per_call=execution.updates_per_call)
    path = folder.log / "environment.json"
    if _last_update(folder) != spec.updates or not path.exists():  # an evaluation says nothing of the training
        write_json(path, environment)
    _announce(spec, folder, dataset, gpus)
    if distribution.replicas > 1:
        say(f"{distribution.replicas} replicas, {spec.batch_size // distribution.replicas} images of a batch each")
    _train(spec, folder, dataset, stop, execution)
    from infogan.evaluation.evaluate import evaluate_run  # costs seconds and 80 MB: not before the first update

    return evaluate_run(spec, dataset, folder)


def _train(spec, folder, dataset, stop, execution):
    distribution, updates_per_call, on_nan = execution
    while _last_update(folder) != spec.updates:
        rollbacks = len(folder.load_rollbacks())
        try:
            InfoGANTrainer(spec, dataset.train.images, folder, stop, updates_per_call, distribution, rollbacks).train()
            return
        except NumbersFailed as error:
            if on_nan != "rollback":
                raise
            if rollbacks >= MOST_ROLLBACKS:
                raise NumbersFailed(f"{error} The run has gone back {rollbacks} times already.") from error
            folder.add_rollback(_last_update(folder), str(error))
            warn(f"{error} Going on from there with other random numbers, for the {rollbacks + 1}. time.")


def _last_update(folder):
    saved = find_checkpoints(folder.checkpoints)
    return saved[-1] if saved else 0


def main(description, recipes, arguments=None, flags=None):
    """The command line of a launcher.

    Args:
      description: what the experiment is, for --help.
      recipes: dict of recipe name -> ExperimentSpec; the first is the default.
      arguments: list of strings, None for the process's own.
      flags: dict of name -> Flag, the launcher's own; they are applied before those of every launcher.

    Returns:
      The exit status: 0; 1 after a failed training; 2 after wrong input; 130 or 143 after a signal.
    """
    default, flags = next(iter(recipes.values())), {**(flags or {}), **FLAGS}
    parser = _build_parser(description, recipes, default, flags)
    options = parser.parse_args(arguments)
    folder, status = None, 0
    try:
        with StopSignals() as stop:
            cluster = read_cluster()
            folder, spec, dataset, distribution = _prepare(options, recipes, default, flags, cluster)
            execution = Execution(distribution, options.updates_per_call, options.on_nan)
            with folder.lock() if distribution.is_chief else nullcontext():
                report = run(spec, folder, dataset, stop, execution)
            if distribution.is_chief:
                _print_results(report, folder)
    except InputError as error:
        where = flag_text(error.where) if error.where in flags else error.where
        message, status = f"{where}: {error.problem}", 2
    except TrainingFailed as error:
        message, status = str(error), 1
    except OSError as error:
        message, status = f"{error.filename or 'a file'}: {error.strerror or error}.", 2 if folder is None else 1
    except Interrupted as error:
        advice = f"Go on with --resume {folder.name}." if folder else "Nothing was begun."
        message, status = f"stopped by {error}. {advice}", error.exit_status
    if status:
        note(f"{parser.prog}: {message}")
    return status


def _build_parser(description, recipes, default, flags):
    parser = Parser(description)
    parser.add_argument("--recipe", choices=recipes, help=f"set of values to start from (default: {default.recipe})")
    parser.add_argument(
        "--baseline", choices=["gan"], help="the plain GAN of Figures 1 and 2(b): Q learns, nothing reaches G"
    )
    add_flags(parser, flags, recipes)
    parser.add_argument(
        "--precision",
        choices=["auto", *PRECISIONS],
        help="of products and convolutions; auto: bfloat16 on a CPU with instructions for it (default: auto)",
    )
    parser.add_argument("--gpus", type=int, metavar="INT", help="GPUs to train on (default: one if there is one)")
    parser.add_argument(
        "--updates-per-call",
        type=int,
        default=1,
        metavar="INT",
        help="updates that are handed to the device at once (default: 1)",
    )
    parser.add_argument(
        "--on-nan",
        choices=["stop", "rollback"],
        default="stop",
        help=f"when numbers go bad: stop, or go back to the last good checkpoint, {MOST_ROLLBACKS} times at most "
        "(default: stop)",
    )
    parser.add_argument("--data-dir", type=Path, help=f"folder with the images ({_describe_data_dir(default)})")
    parser.add_argument("--download", action="store_true", help="fetch what is missing into that folder first")
    for flag, root in (("--log-dir", "logs"), ("--checkpoint-dir", "ckt")):
        path = Path(root) / default.name
        parser.add_argument(flag, type=Path, default=path, help=f"root of the runs' folders (default: {path})")
    parser.add_argument("--run-name", help="folder of this run below both roots (default: the time)")
    parser.add_argument(
        "--resume", nargs="?", const="", metavar="NAME", help="go on with that run; without NAME, with the newest"
    )
    parser.add_argument("--smoke", action="store_true", help="a whole run of a few updates, in under a minute")
    return parser


def _prepare(options, recipes, default, flags, cluster):
    """Checks all that can be checked before the first graph: the run's folder, spec, dataset and distribution."""
    if options.updates_per_call < 1:
        raise InputError(
            "--updates-per-call", f"{options.updates_per_call} was given, but a whole number of at least 1 is needed."
        )
    if cluster and options.on_nan != "stop":
        raise InputError(
            "--on-nan", "rollback was given with TF_CONFIG, but several machines can only stop. Leave it out."
        )
    if options.resume is None:
        spec = _change(recipes[options.recipe or default.recipe], flags, options)
        folder = RunFolder(options.log_dir, options.checkpoint_dir, options.run_name)
        dataset = load_dataset(spec, _find_data(spec, options))
        spec = _fit_output(spec, dataset)
        spec = dataclasses.replace(spec, precision=choose_precision(options.precision or "auto"))
        distribution = choose_distribution(options.gpus, cluster, spec)
        if distribution.is_chief:
            folder.create(spec, dataset)
        return folder, spec, dataset, distribution
    if options.run_name is not None:
        raise InputError(
            "--run-name", "it was given with --resume, but a resumed run keeps its name. Give one of them."
        )
    folder = RunFolder.find(options.log_dir, options.checkpoint_dir, options.resume or None)
    spec = folder.load_spec()
    if spec.name != default.name:
        raise InputError(
            "--resume", f"{folder.name} is a run of {spec.name}, but this launcher's are of {default.name}."
        )
    _check_same(spec, flags, options, folder)
    load_metrics(folder.metrics)  # refuses a damaged log
    dataset = load_dataset(spec, _find_data(spec, options))
    folder.check_dataset(dataset)
    if _last_update(folder) != spec.updates:
        check_precision(spec.precision, "--resume", "Go on where the run began, or start a new one.")
    return folder, spec, dataset, choose_distribution(options.gpus, cluster, spec)


def _describe_data_dir(spec):
    words = {"mnist": "default: the shipped ones", "images": "needed"}
    return words.get(spec.dataset, f"default: {default_folder(spec.dataset)}")


def _find_data(spec, options):
    """The folder with the images, None for the shipped ones; with --download its files are fetched first."""
    folder = options.data_dir or default_folder(spec.dataset)
    if options.download:
        from infogan.datasets.download import download_dataset  # here: it brings a client for the web

        folder = folder or Path("data") / spec.dataset
        download_dataset(spec.dataset, folder)
    return folder


def _fit_output(spec, dataset):
    """The spec with an output of the images' channels, which a folder of pictures decides.

    Raises:
      InputError: if the network makes no such images.
    """
    shape = tuple(dataset.train.images.shape[1:])
    if spec.image_size is not None:
        spec = dataclasses.replace(spec, output_dist=dataclasses.replace(spec.output_dist, dim=math.prod(shape)))
    made = find_image_shape(spec.network, spec.output_dist.dim)
    if made != shape:
        raise InputError("--data-dir", f"its images are {_show_shape(shape)}, but {_show_shape(made)} is needed.")
    return spec


def _show_shape(shape):
    return "x".join(map(str, shape))


def _change(spec, flags, options):
    """The spec with the flags' values in it."""
    if options.smoke:
        spec = dataclasses.replace(spec, **SMOKE)
    spec = apply_flags(spec, flags, options)
    if options.baseline:
        spec = dataclasses.replace(spec, variant=options.baseline, paper_values=())  # the paper's values are InfoGAN's
    return spec


def _is_smoke(spec):
    return spec.max_images == SMOKE["max_images"]


def _check_same(spec, flags, options, folder):
    """Refuses flags that would make a resumed run another run."""
    if options.smoke and not _is_smoke(spec):
        raise InputError("--smoke", f"it was given, but {folder.name} is no smoke run. Leave it out.")
    begun = {"recipe": spec.recipe, "baseline": spec.variant, "precision": spec.precision}
    begun.update({name: flag.read(spec) for name, flag in flags.items()})
    for name, before in begun.items():
        now = None if getattr(options, name) == "auto" else getattr(options, name)
        if now not in (None, before):
            raise InputError(
                flag_text(name),
                f"{show(now)} was given, but {folder.name} was started with {show(before)}. "
                "Leave it out, or start a new run.",
            )


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
    if _last_update(folder) == spec.updates:
        say("all updates are done already: the run is evaluated again")
    elif spec.late_codes and not _is_smoke(spec):  # a smoke run shows that all works, and learns nothing
        say(
            f"Q will not learn to read {', '.join(spec.late_codes)}: lambda is 0 for all {spec.updates:,} updates. "
            "Train longer, or change --code-schedules."
        )


def _print_results(report, folder):
    say(
        f"\n{format_report(report)}\n\n"
        f"report       {folder.log / 'report.html'}, .md and .json\n"
        f"pictures     {folder.samples}\n"
        f"checkpoints  {folder.checkpoints}\n"
        f"curves       tensorboard --logdir {folder.log.parent}"
    )
