"""An experiment from its spec to its report, and the command line that all launchers share."""

import argparse
import dataclasses
import os
import platform
import sys
from contextlib import nullcontext, suppress
from importlib import metadata
from pathlib import Path

from infogan.atomic_file import write_json
from infogan.cluster import read_cluster
from infogan.datasets import load_dataset
from infogan.devices import choose_precision, find_gpus
from infogan.errors import InputError, TrainingFailed
from infogan.spec import PRECISIONS
from infogan.training.checkpoints import find_checkpoints
from infogan.training.distribution import OneDevice, choose_distribution
from infogan.training.interruption import Interrupted, StopSignals
from infogan.training.progress import say
from infogan.training.run_folder import RunFolder
from infogan.training.run_log import load_metrics

SMOKE = {"max_epoch": 2, "updates_per_epoch": 3, "snapshot_interval": 3, "batch_size": 32, "max_images": 1000}
"""A whole run in under a minute; the pictures show noise."""

FLAGS = {
    "seed": (int, "whole number from which all randomness follows"),
    "max_epoch": (int, "epochs to train"),
    "updates_per_epoch": (int, "updates in an epoch: a D step and a G step each"),
    "batch_size": (int, "images per step"),
    "noise_dim": (int, "numbers of incompressible noise z"),
    "info_reg_coeff": (float, "lambda of the categorical codes"),
    "continuous_weight": (float, "lambda of the continuous codes"),
    "discriminator_learning_rate": (float, "Adam's rate for D and Q"),
    "generator_learning_rate": (float, "Adam's rate for G"),
    "constant_rate_share": (float, "share of the run after which both rates fall linearly to 0; 1: never"),
    "augmentation": (float, "strength of the random affine maps of all that D and Q see; 0: none"),
    "snapshot_interval": (int, "updates between two checkpoints"),
}
"""Flags that change a field of the recipe's spec."""


def run(spec, folder, dataset, stop, distribution=None, updates_per_call=1):
    """Trains, or goes on training, and evaluates; of several workers each calls this, and the chief alone writes.

    Args:
      spec: ExperimentSpec.
      folder: RunFolder, created and locked by the chief.
      dataset: Dataset of the spec.
      stop: StopSignals, entered.
      distribution: where to train, of `infogan.training.distribution`; None is OneDevice().
      updates_per_call: most updates in a session run.

    Returns:
      The report's rows, as `infogan.evaluation.report.compare` makes them; None for a worker that is not the chief.

    Raises:
      TrainingFailed: if a loss or a weight is not finite, or a checkpoint cannot be written; status.json says failed.
      Interrupted: if a signal came; the last finished update is saved and status.json says interrupted.
      InputError: if what the folder holds is damaged; status.json stays as it was.
    """

    def write_status(state, message=""):
        folder.write_status(state, _last_update(folder), spec.updates, message)

    distribution = distribution or OneDevice()
    if not distribution.is_chief:
        say(f"worker {distribution.number} of {distribution.processes}: the chief reports and writes")
        return _train(spec, folder, dataset, stop, distribution, updates_per_call)
    try:
        rows = _train_and_evaluate(spec, folder, dataset, stop, distribution, updates_per_call)
    except InputError:
        raise
    except (Interrupted, KeyboardInterrupt) as error:
        write_status("interrupted", str(error))
        raise
    except BaseException as error:
        with suppress(OSError):  # a full disk must not hide the error itself
            write_status("failed", str(error) or repr(error))
        raise
    write_status("finished")
    return rows


def _train_and_evaluate(spec, folder, dataset, stop, distribution, updates_per_call):
    gpus = find_gpus()
    # Imported here: it costs a second, and a wrong flag is refused before.
    from infogan.evaluation.evaluate import evaluate_run

    environment = _describe_environment(dataset, gpus)
    spread = {"processes": distribution.processes, "replicas": distribution.replicas}
    write_json(folder.log / "environment.json", {**environment, **spread, "updates_per_call": updates_per_call})
    _announce(spec, folder, dataset, gpus)
    if distribution.replicas > 1:
        say(f"{distribution.replicas} replicas, {spec.batch_size // distribution.replicas} images of a batch each")
    _train(spec, folder, dataset, stop, distribution, updates_per_call)
    return evaluate_run(spec, dataset, folder)


def _train(spec, folder, dataset, stop, distribution, updates_per_call):
    from infogan.training.trainer import InfoGANTrainer  # imported here for the same reason

    if _last_update(folder) != spec.updates:
        InfoGANTrainer(spec, dataset.train.images, folder, stop, updates_per_call, distribution).train()


def _last_update(folder):
    saved = find_checkpoints(folder.checkpoints)
    return saved[-1] if saved else 0


def main(description, recipes, arguments=None):
    """The command line of a launcher.

    Args:
      description: what the experiment is, for --help.
      recipes: dict of recipe name -> ExperimentSpec; the first is the default.
      arguments: list of strings, None for the process's own.

    Returns:
      The exit status: 0; 1 after a failed training; 2 after wrong input; 130 or 143 after a signal.
    """
    default = next(iter(recipes.values()))
    parser = _build_parser(description, recipes, default)
    options = parser.parse_args(arguments)
    folder, status = None, 0
    try:
        with StopSignals() as stop:
            cluster = read_cluster()
            folder, spec, dataset, distribution = _prepare(options, recipes, default, cluster)
            with folder.lock() if distribution.is_chief else nullcontext():
                rows = run(spec, folder, dataset, stop, distribution, options.updates_per_call)
            if distribution.is_chief:
                _print_results(rows, folder)
    except InputError as error:
        where = _flag(error.where) if error.where in FLAGS else error.where
        message, status = f"{where}: {error.problem}", 2
    except TrainingFailed as error:
        message, status = str(error), 1
    except OSError as error:
        message, status = f"{error.filename or 'a file'}: {error.strerror or error}.", 2 if folder is None else 1
    except Interrupted as error:
        advice = f"Go on with --resume {folder.name}." if folder else "Nothing was begun."
        message, status = f"stopped by {error}. {advice}", error.exit_status
    if status and sys.stderr is not None:
        print(f"{parser.prog}: {message}", file=sys.stderr)
    return status


class _Parser(argparse.ArgumentParser):
    """Refuses a wrong flag in one line."""

    def error(self, message):
        self.exit(2, f"{self.prog}: {message}. See --help.\n")


def _build_parser(description, recipes, default):
    parser = _Parser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("--recipe", choices=recipes, help=f"set of values to start from (default: {default.recipe})")
    parser.add_argument(
        "--baseline", choices=["gan"], help="the plain GAN of Figures 1 and 2(b): Q learns, nothing reaches G"
    )
    for field, (kind, text) in FLAGS.items():
        parser.add_argument(
            _flag(field), type=kind, metavar=kind.__name__.upper(), help=f"{text} ({_defaults(field, recipes)})"
        )
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
    parser.add_argument("--data-dir", type=Path, help="folder with your own files (default: those shipped, if any)")
    for flag, root in (("--log-dir", "logs"), ("--checkpoint-dir", "ckt")):
        path = Path(root) / default.name
        parser.add_argument(flag, type=Path, default=path, help=f"root of the runs' folders (default: {path})")
    parser.add_argument("--run-name", help="folder of this run below both roots (default: the time)")
    parser.add_argument(
        "--resume", nargs="?", const="", metavar="NAME", help="go on with that run; without NAME, with the newest"
    )
    parser.add_argument("--smoke", action="store_true", help="a whole run of a few updates, in under a minute")
    return parser


def _flag(field):
    return "--" + field.replace("_", "-")


def _value(field, spec):
    """A field of the spec, or its `noise_dim`."""
    if field == "noise_dim":
        return sum(latent.distribution.dim for latent in spec.latent_spec if not latent.regularised)
    return getattr(spec, field)


def _defaults(field, recipes):
    values = {name: _value(field, spec) for name, spec in recipes.items()}
    if len(set(values.values())) == 1:
        return f"default: {next(iter(values.values())):g}"
    return ", ".join(f"{name}: {value:g}" for name, value in values.items())


def _prepare(options, recipes, default, cluster):
    """Checks all that can be checked before the first graph: the run's folder, spec, dataset and distribution."""
    if options.updates_per_call < 1:
        raise InputError(
            "--updates-per-call", f"{options.updates_per_call} was given, but a whole number of at least 1 is needed."
        )
    if options.resume is None:
        spec = _change(recipes[options.recipe or default.recipe], options)
        folder = RunFolder(options.log_dir, options.checkpoint_dir, options.run_name)
        dataset = load_dataset(spec, options.data_dir)
        spec = dataclasses.replace(spec, precision=choose_precision(options.precision or "auto"))
        distribution = choose_distribution(options.gpus, cluster, spec.batch_size)
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
    _check_same(spec, options, folder)
    load_metrics(folder.metrics)  # refuses a damaged log
    dataset = load_dataset(spec, options.data_dir)
    folder.check_dataset(dataset)
    return folder, spec, dataset, choose_distribution(options.gpus, cluster, spec.batch_size)


def _change(spec, options):
    """The spec with the flags' values in it."""
    changes = dict(SMOKE) if options.smoke else {}
    changes.update({field: getattr(options, field) for field in FLAGS if getattr(options, field) is not None})
    if options.baseline:
        changes.update(variant=options.baseline, paper_values=())  # the paper's values are InfoGAN's
    noise_dim = changes.pop("noise_dim", None)
    if noise_dim is not None:
        if sum(not latent.regularised for latent in spec.latent_spec) != 1:
            raise InputError(
                "--noise-dim", f"{noise_dim} was given, but this experiment has not just one noise vector."
            )
        changes["latent_spec"] = tuple(_resize_noise(latent, noise_dim) for latent in spec.latent_spec)
    return dataclasses.replace(spec, **changes)


def _resize_noise(latent, dim):
    if latent.regularised:
        return latent
    return dataclasses.replace(latent, distribution=dataclasses.replace(latent.distribution, dim=dim))


def _check_same(spec, options, folder):
    """Refuses flags that would make a resumed run another run."""
    if options.smoke and spec.max_images != SMOKE["max_images"]:
        raise InputError("--smoke", f"it was given, but {folder.name} is no smoke run. Leave it out.")
    given = {field: getattr(options, field) for field in ("recipe", *FLAGS)}
    given["baseline"] = options.baseline
    given["precision"] = None if options.precision == "auto" else options.precision
    for name, now in given.items():
        before = spec.variant if name == "baseline" else _value(name, spec)
        if now not in (None, before):
            raise InputError(
                _flag(name),
                f"{now} was given, but {folder.name} was started with {before}. Leave it out, or start a new run.",
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
        "packages": {name: _version(name) for name in packages},
        "variables": {name: os.environ.get(name) for name in variables},
        "dataset": dataset.source,
        "command": sys.argv,
    }


def _version(package):
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:  # TensorFlow also comes under other names
        return None


def _announce(spec, folder, dataset, gpus):
    say(
        f"{spec.name}, recipe {spec.recipe}, {spec.variant}, seed {spec.seed}: {spec.updates:,} updates "
        f"of {spec.batch_size} images out of {len(dataset.train):,} ({dataset.source}), in {spec.precision}\n"
        f"logs in {folder.log}, checkpoints in {folder.checkpoints}\n"
        f"{'GPU: ' + ', '.join(gpus) if gpus else 'no GPU: running on the CPU'}"
    )


def _print_results(rows, folder):
    from infogan.evaluation.report import format_table

    say(
        f"\n{format_table(rows)}\n\n"
        f"report       {folder.log / 'report.json'}\n"
        f"pictures     {folder.samples}\n"
        f"checkpoints  {folder.checkpoints}\n"
        f"curves       tensorboard --logdir {folder.log.parent}"
    )
