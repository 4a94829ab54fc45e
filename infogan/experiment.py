"""An experiment from its spec to its report, and the command line that all launchers share."""

import argparse
import dataclasses
import os
import platform
import sys
from importlib import metadata
from pathlib import Path

from infogan.atomic_file import write_json
from infogan.datasets import load_dataset
from infogan.devices import find_gpus
from infogan.errors import InputError, TrainingFailed
from infogan.training.interruption import Interrupted, StopSignals
from infogan.training.run_folder import RunFolder

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
    "snapshot_interval": (int, "updates between two checkpoints"),
}
"""Flags that change a field of the recipe's spec."""


def run(spec, folder, dataset, stop, gpus=()):
    """Trains, or goes on training, and evaluates.

    Args:
      spec: ExperimentSpec.
      folder: RunFolder, created.
      dataset: Dataset of the spec.
      stop: StopSignals, entered.
      gpus: names of the GPUs in use, for environment.json.

    Returns:
      The report's rows, as `infogan.evaluation.report.compare` makes them.

    Raises:
      TrainingFailed: if a loss is not finite; status.json says failed.
      Interrupted: if a signal came; the last finished update is saved and status.json says interrupted.
    """
    # Imported here: they cost a second, and a wrong flag is refused before.
    from infogan.evaluation.evaluate import evaluate_run
    from infogan.training.checkpoints import find_checkpoints
    from infogan.training.trainer import InfoGANTrainer

    def write_status(state, message=""):
        saved = find_checkpoints(folder.checkpoints)
        folder.write_status(state, saved[-1] if saved else 0, spec.updates, message)

    try:
        write_status("running")
        write_json(folder.log / "environment.json", _describe_environment(dataset, gpus))
        InfoGANTrainer(spec, dataset.train.images, folder, stop).train()
        rows = evaluate_run(spec, dataset, folder)
    except (Interrupted, KeyboardInterrupt) as error:
        write_status("interrupted", str(error))
        raise
    except BaseException as error:
        write_status("failed", str(error) or repr(error))
        raise
    write_status("finished")
    return rows


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
    try:
        with StopSignals() as stop:
            folder, spec, dataset = _prepare(options, recipes, default)
            with folder.lock():
                gpus = find_gpus()
                _announce(spec, folder, dataset, gpus)
                rows = run(spec, folder, dataset, stop, gpus)
            _print_results(rows, folder)
        return 0
    except InputError as error:
        where = (
            _flag(error.where) if error.where in {field.name for field in dataclasses.fields(default)} else error.where
        )
        print(f"{parser.prog}: {where}: {error.problem}", file=sys.stderr)
        return 2
    except TrainingFailed as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1
    except Interrupted as error:
        print(f"{parser.prog}: stopped by {error}. Go on with --resume.", file=sys.stderr)
        return error.exit_status


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


def _prepare(options, recipes, default):
    """Checks everything that can be checked before the first graph: the run's folder, spec and dataset."""
    if options.resume is None:
        spec = _change(recipes[options.recipe or default.recipe], options)
        folder = RunFolder(options.log_dir, options.checkpoint_dir, options.run_name)
        dataset = load_dataset(spec, options.data_dir)
        folder.create(spec, dataset)
        return folder, spec, dataset
    if options.run_name is not None:
        raise InputError(
            "--run-name", "it was given with --resume, but a resumed run keeps its name. Give one of them."
        )
    folder = RunFolder.find(options.log_dir, options.checkpoint_dir, options.resume or None)
    spec = folder.load_spec()
    _check_same(spec, _change(spec, options), folder)
    dataset = load_dataset(spec, options.data_dir)
    folder.check_dataset(dataset)
    return folder, spec, dataset


def _change(spec, options):
    """The spec with the flags' values in it."""
    changes = dict(SMOKE) if options.smoke else {}
    changes.update({field: getattr(options, field) for field in FLAGS if getattr(options, field) is not None})
    if options.recipe:
        changes["recipe"] = options.recipe
    if options.baseline:
        changes["variant"] = options.baseline
    noise_dim = changes.pop("noise_dim", None)
    if noise_dim is not None:
        if noise_dim < 1:
            raise InputError("--noise-dim", f"{noise_dim} was given, but a whole number of at least 1 is needed.")
        changes["latent_spec"] = tuple(_resize_noise(latent, noise_dim) for latent in spec.latent_spec)
    return dataclasses.replace(spec, **changes)


def _resize_noise(latent, dim):
    if latent.regularised:
        return latent
    return dataclasses.replace(latent, distribution=dataclasses.replace(latent.distribution, dim=dim))


def _check_same(begun, given, folder):
    """Refuses flags that would make a resumed run another run."""
    names = ("recipe", *FLAGS, *(field.name for field in dataclasses.fields(begun)))
    for name in names:
        before, now = _value(name, begun), _value(name, given)
        if before != now:
            raise InputError(
                "--baseline" if name == "variant" else _flag(name),
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
        "packages": {name: metadata.version(name) for name in packages},
        "variables": {name: os.environ.get(name) for name in variables},
        "dataset": dataset.source,
        "command": sys.argv,
    }


def _announce(spec, folder, dataset, gpus):
    print(
        f"{spec.name}, recipe {spec.recipe}, {spec.variant}, seed {spec.seed}: {spec.updates:,} updates "
        f"of {spec.batch_size} images out of {len(dataset.train):,} ({dataset.source})\n"
        f"logs in {folder.log}, checkpoints in {folder.checkpoints}\n"
        f"{'GPU: ' + ', '.join(gpus) if gpus else 'no GPU: running on the CPU'}",
        flush=True,
    )


def _print_results(rows, folder):
    from infogan.evaluation.report import format_table

    print(f"\n{format_table(rows)}\n")
    print(f"report       {folder.log / 'report.json'}")
    print(f"pictures     {folder.samples}")
    print(f"checkpoints  {folder.checkpoints}")
    print(f"curves       tensorboard --logdir {folder.log.parent}")
