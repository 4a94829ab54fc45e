"""Measures finished runs against the paper: report.json, report.md and report.html in each run's log folder.

RUN_FOLDER is a run's folder below logs/ or ckt/. Runs that differ in the seed alone are also put together: mean,
deviation and worst of each number.
"""

import time
from collections.abc import Sequence

from infogan.cli import Parser, add_data_dir, argument, find_data_dir, run_command
from infogan.data import DATASETS, load_dataset
from infogan.evaluation.report import (
    format_group,
    format_report,
    format_summary,
    format_title,
    group_reports,
    summarise,
)
from infogan.spec import ExperimentSpec
from infogan.system.checks import PATH
from infogan.system.messages import InputError, say
from infogan.system.tf1 import ERRORS, find_gpus
from infogan.training.run_folder import RunFolder, open_run


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    return run_command(_build_parser(), _evaluate_all, arguments)


def _build_parser():
    parser = Parser(__doc__)
    parser.add_argument("runs", nargs="+", type=argument(PATH), metavar="RUN_FOLDER", help="such as logs/mnist/<run>")
    add_data_dir(parser, "folder with the images, if the run was trained with one; several as for the training")
    parser.add_argument(
        "--trust-archive", action="store_true", help="also read archives that unpack to far more than their size"
    )
    parser.add_argument(
        "--log-dir", type=argument(PATH), help="folder of all log folders, if the runs' two folders were separated"
    )
    parser.add_argument(
        "--checkpoint-dir",
        type=argument(PATH),
        help="folder of all checkpoint folders, if the runs' two folders were separated",
    )
    parser.add_argument(
        "--baseline",
        type=argument(PATH),
        metavar="RUN_FOLDER",
        help="a run of the plain GAN on the same images, to compare Frechet distances with",
    )
    return parser


def _open_runs(options):
    """(RunFolder, ExperimentSpec) of each run, each run once; all are looked at before the first is evaluated."""
    folders = [open_run(path, options.log_dir, options.checkpoint_dir) for path in options.runs]
    unique = {folder.checkpoints.resolve(): folder for folder in folders}.values()
    return [(folder, load_spec(folder)) for folder in unique]


def load_spec(folder: RunFolder) -> ExperimentSpec:
    """The spec of a run whose images come from files.

    Raises:
      InputError: if a program trained it on arrays of its own, or its spec cannot be read.
    """
    spec = folder.load_spec()
    if spec.dataset not in DATASETS:
        raise InputError(
            folder.checkpoints,
            f"a program trained it on arrays of its own, {spec.dataset!r}, but no file has the images that are needed. "
            "Evaluate it in that program: infogan.evaluate(path, dataset).",
        )
    return spec


def _evaluate_all(options):
    runs, baseline = _open_runs(options), None
    if options.baseline:
        baseline = open_run(options.baseline, options.log_dir, options.checkpoint_dir)
        _check_baseline(baseline, runs)
    reports = _evaluate_each(runs, options, baseline)
    if len(reports) > 1:
        _print_summaries(reports)


def _check_baseline(baseline, runs):
    """Refuses a baseline of other images than the runs', before any image is read."""
    known, images = load_spec(baseline), baseline.load_fingerprint()
    for folder, spec in runs:
        begun = folder.load_fingerprint()
        if (spec.dataset, spec.image_shape, begun["sha256"]) != (known.dataset, known.image_shape, images["sha256"]):
            raise InputError(
                "--baseline",
                f"{baseline.log}, a run of {known.dataset}, {images['source']}, was given, but {folder.name} is one of "
                f"{spec.dataset}, {begun['source']}, and both need the same images. Give a baseline trained on them.",
            )


def _evaluate_each(runs, options, baseline):
    reports = []
    for folder, spec in runs:
        dataset = load_dataset(spec, find_data_dir(options), options.trust_archive)
        folder.check_dataset(dataset)
        reports.append(_evaluate(dataset, folder, baseline))
    return reports


def _evaluate(dataset, folder, baseline):
    # Imported here: it costs seconds, and a wrong folder is refused before.
    from infogan.evaluation.evaluate import evaluate_run
    from infogan.evaluation.sample_quality import compare_with

    find_gpus(ERRORS)  # TensorFlow's warnings of a damaged checkpoint would bury the one line that says it
    started = time.monotonic()
    report = evaluate_run(dataset, folder, [compare_with(baseline)] if baseline else ())
    say(
        f"{format_title(report)}\n\n{format_report(report)}\n\n"
        f"evaluated in {time.monotonic() - started:.0f} s; report in {folder.log / 'report.html'}, .md and .json\n"
    )
    return report


def _print_summaries(reports):
    groups = group_reports(reports)
    for group in groups:
        say(f"{format_group(group, groups)}\n\n{format_summary(summarise(group))}\n")
