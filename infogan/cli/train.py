"""Training: the command line of an experiment, with its recipes, flags that change them and runs that go on."""

import argparse
import dataclasses
import math
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from infogan.cli import ExitStatus, Parser, add_data_dir, argument, complete, find_data_dir
from infogan.data import JOINED, RENDERED, SHIPPED, default_folder, load_dataset
from infogan.evaluation.first_look import can_look
from infogan.evaluation.report import format_report
from infogan.experiment import MOST_ROLLBACKS, SMOKE, Execution, last_update, lengthen, run
from infogan.model.architectures import show_size
from infogan.recipes import Experiment
from infogan.recipes.flags import FLAGS, Flags, apply_flags, show
from infogan.spec import ExperimentSpec
from infogan.system.checks import FILE_NAME, GIVEN, PATH, SWITCH, number, whole
from infogan.system.messages import InputError, say
from infogan.system.tf1 import check_precision, choose_precision
from infogan.training.placement import choose_distribution, read_cluster
from infogan.training.run_folder import RunFolder
from infogan.training.run_log import load_metrics
from infogan.training.signals import StopSignals


def main(experiment: Experiment, arguments: Sequence[str] | None = None) -> int:
    """The command line of an experiment.

    Args:
      experiment: what is trained.
      arguments: None for the process's own.

    Returns:
      The exit status: 0; 1 after a failed training; 2 after wrong input; 128 + its number after a signal.
    """
    recipes, default, flags = _take_apart(experiment)
    parser = _build_parser(experiment, recipes, default, flags)
    complete(parser)
    options, stop = parser.parse_args(arguments), StopSignals(advice="Nothing was begun.")
    with ExitStatus(parser, stop) as ended, stop:
        folder, spec, dataset, distribution = _prepare(options, recipes, default, flags, read_cluster())
        stop.advice = f"Continue with --resume {folder.name}."
        execution = Execution(
            distribution,
            options.updates_per_call,
            options.on_nan,
            60 * options.checkpoint_minutes,
            jit_compile=options.jit_compile,
            evaluate_every=experiment.evaluate_every if options.evaluate_every is None else options.evaluate_every,
        )
        with folder.lock() if distribution.is_chief else nullcontext():
            report = run(spec, folder, dataset, stop, execution)
        if distribution.is_chief:
            _print_results(report, folder)
    return ended.status


def read_spec(experiment: Experiment, arguments: Sequence[str]) -> ExperimentSpec:
    """The spec that the arguments of an experiment's command ask for; its images may change it yet.

    Raises:
      InputError: if a value does not fit another one.
      SystemExit: if the command does not take an argument, which is then said.
    """
    recipes, default, flags = _take_apart(experiment)
    options = _build_parser(experiment, recipes, default, flags).parse_args(arguments)
    return _change(recipes[options.recipe or default.recipe], flags, options)


def _take_apart(experiment):
    """An experiment's recipes, the default one and all flags."""
    return experiment.recipes, experiment.specs[0], {**experiment.flags, **FLAGS}


def _build_parser(experiment, recipes, default, flags):
    parser = Parser(experiment.description)
    parser.add_argument(
        "--recipe",
        choices=recipes,
        help=f"named set of values; other flags override single ones (default: {default.recipe})",
    )
    parser.add_argument(
        "--baseline", choices=["gan"], help="the plain GAN of Figures 1 and 2(b): Q learns, but does not train G"
    )
    add_flags(parser, flags, recipes)
    parser.add_argument("--gpus", type=int, metavar="INT", help="GPUs to train on (default: one if there is one)")
    parser.add_argument(
        "--updates-per-call",
        type=argument(whole(1)),
        metavar="INT",
        help="updates in one session run (default: on a GPU as many as take half a second, else 1)",
    )
    parser.add_argument(
        "--jit-compile", action="store_true", help="let XLA compile the update: for GPUs, as a CPU is slower with it"
    )
    parser.add_argument(
        "--checkpoint-minutes",
        type=argument(number(above=True)),
        default=Execution().checkpoint_seconds / 60,
        metavar="FLOAT",
        help="longest time between two checkpoints, in minutes (default: %(default)g)",
    )
    parser.add_argument(
        "--evaluate-every",
        type=argument(whole(0)),
        metavar="INT",
        help="updates between two measurements of Q on some training images, each told in a line; 0: none "
        f"(default: {experiment.evaluate_every})",
    )
    parser.add_argument(
        "--on-nan",
        choices=["stop", "rollback"],
        default="stop",
        help="when a value becomes NaN or infinite: stop, or return to the last good checkpoint, at most "
        f"{MOST_ROLLBACKS} times (default: stop)",
    )
    add_data_dir(parser, f"folder with the images ({_describe_data_dir(default)})")
    parser.add_argument(
        "--trust-archive", action="store_true", help="also read archives that unpack to far more than their size"
    )
    parser.add_argument("--download", action="store_true", help="first fetch missing files into that folder")
    for flag, root, what in (("--log-dir", "logs", "logs"), ("--checkpoint-dir", "ckt", "checkpoints")):
        path = Path(root) / default.name
        parser.add_argument(
            flag, type=argument(PATH), default=path, help=f"folder for the {what} of all runs (default: {path})"
        )
    parser.add_argument(
        "--run-name",
        dest="name",
        type=argument(FILE_NAME),
        help="name of this run and of its two folders (default: the current time)",
    )
    parser.add_argument(
        "--resume",
        type=argument(GIVEN),
        nargs="?",
        const=True,
        metavar="NAME",
        help="resume the run NAME; without NAME, the latest",
    )
    parser.add_argument(
        "--smoke",
        action="store_true",
        help="check that everything works: a whole run of a few updates, in under a minute",
    )
    return parser


def flag_text(name: str) -> str:
    """`noise_dim` -> `--noise-dim`."""
    return "--" + name.replace("_", "-")


def add_flags(parser: argparse.ArgumentParser, flags: Flags, recipes: Mapping[str, ExperimentSpec]) -> None:
    """Adds flags to a parser; none that is not given has a value there. --help gives those of the recipes."""
    for name, flag in flags.items():
        options: dict[str, Any] = {"help": f"{flag.help} ({_describe_defaults(flag, recipes)})"}
        if flag.kind is SWITCH:
            options["action"] = argparse.BooleanOptionalAction
        else:
            options.update(
                choices=flag.kind.options or None, type=argument(flag.kind), metavar=flag.kind.metavar or None
            )
        parser.add_argument(flag_text(name), **options)


def _describe_defaults(flag, recipes):
    values = {name: flag.read(spec) for name, spec in recipes.items()}
    if len(set(values.values())) == 1:
        return f"default: {show(next(iter(values.values())))}"
    return ", ".join(f"{name}: {show(value)}" for name, value in values.items())


def _prepare(options, recipes, default, flags, cluster):
    """Checks all that can be checked before the first graph: the run's folder, spec, dataset and distribution."""
    if cluster and options.on_nan != "stop":
        raise InputError("on_nan", "rollback was given with TF_CONFIG, but it needs a single machine. Leave it out.")
    if options.resume is None:
        spec = _change(recipes[options.recipe or default.recipe], flags, options)
        folder = RunFolder(options.log_dir, options.checkpoint_dir, options.name)
        dataset = load_dataset(spec, _find_data(spec, options), options.trust_archive)
        spec = _fit_output(spec, dataset)
        _check_look(spec, dataset, options)
        spec = dataclasses.replace(spec, precision=choose_precision(spec.precision))
        distribution = choose_distribution(options.gpus, cluster, spec)
        if distribution.is_chief:
            folder.create(spec, dataset)
        return folder, spec, dataset, distribution
    if options.name is not None:
        raise InputError("name", "it was given with --resume, but a resumed run keeps its name. Give one of them.")
    folder = RunFolder.find(options.log_dir, options.checkpoint_dir, None if options.resume is True else options.resume)
    spec = folder.load_spec()
    if spec.name != default.name:
        raise InputError("resume", f"{folder.name} is a run of {spec.name}, but this command's are of {default.name}.")
    _check_same(spec, flags, options, folder)
    max_epoch = spec.max_epoch if options.max_epoch is None else options.max_epoch
    if cluster and max_epoch != spec.max_epoch:
        raise InputError(
            "max_epoch",
            f"{max_epoch} was given with TF_CONFIG, but {folder.name} has {spec.max_epoch}, and one machine alone can "
            "change that. Resume it there first.",
        )
    load_metrics(folder.metrics)  # refuses a damaged log
    dataset = load_dataset(spec, _find_data(spec, options), options.trust_archive)
    folder.check_dataset(dataset)
    _check_look(spec, dataset, options)
    if max_epoch != spec.max_epoch or last_update(folder) != spec.updates:
        check_precision(spec.precision, "resume", "Resume it on the machine where it began, or start a new run.")
    distribution = choose_distribution(options.gpus, cluster, spec)
    folder, spec = lengthen(folder, spec, max_epoch, dataset)
    return folder, spec, dataset, distribution


def _describe_data_dir(spec):
    if folder := default_folder(spec.dataset):
        return f"default: {folder}"
    if spec.dataset in SHIPPED:
        several = "; several are joined, also with the word shipped" if spec.dataset in JOINED else ""
        return f"default: the shipped ones{several}"
    return "default: none, they are rendered" if spec.dataset in RENDERED else "needed"


def _find_data(spec, options):
    """The folder with the images, None where none is needed; with --download its files are fetched first."""
    folder = find_data_dir(options) or default_folder(spec.dataset)
    if options.download:
        from infogan.data.download import download_dataset  # here: it brings a client for the web

        if isinstance(folder, list):
            raise InputError("data_dir", f"{len(folder)} were given with --download, but one is needed. Name one.")
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
    if spec.image_shape != shape:
        raise InputError("data_dir", f"its images are {show_size(shape)}, but {show_size(spec.image_shape)} is needed.")
    return spec


def _check_look(spec, dataset, options):
    """Refuses --evaluate-every where there is nothing to measure by."""
    if options.evaluate_every and not can_look(spec, dataset):
        raise InputError(
            "evaluate_every",
            f"{options.evaluate_every} was given, but {dataset.source} has no true factors, nor labels that a "
            "categorical code could be measured by. Leave it out.",
        )


def _change(spec, flags, options):
    """The spec with the flags' values in it."""
    if options.smoke:
        spec = dataclasses.replace(spec, **SMOKE)
    spec = apply_flags(spec, flags, options)
    if options.baseline:
        spec = dataclasses.replace(spec, variant=options.baseline, paper_values=())  # the paper's values are InfoGAN's
    return spec


def _check_same(spec, flags, options, folder):
    """Refuses flags that would make a resumed run another run."""
    if options.smoke and not spec.smoke:
        raise InputError("smoke", f"it was given, but {folder.name} is no smoke run. Leave it out.")
    begun = {"recipe": spec.recipe, "baseline": spec.variant}
    begun.update({name: flag.read(spec) for name, flag in flags.items() if name != "max_epoch"})
    for name, before in begun.items():
        now = None if getattr(options, name) == "auto" else getattr(options, name)
        if now not in (None, before):
            raise InputError(
                name,
                f"{show(now)} was given, but {folder.name} was started with {show(before)}. "
                "Leave it out, or start a new run.",
            )


def _print_results(report, folder):
    say(
        f"\n{format_report(report)}\n\n"
        f"report       {folder.log / 'report.html'}, .md and .json\n"
        f"pictures     {folder.samples}\n"
        f"checkpoints  {folder.checkpoints}\n"
        f"curves       tensorboard --logdir {folder.log.parent}"
    )
