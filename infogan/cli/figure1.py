"""Figure 1 (arXiv:1606.03657): L_I of c ~ Cat(10) alone over 936 updates, InfoGAN against a GAN with Q trained apart.

Runs or resumes recipe figure1 of MNIST, with and without --baseline gan, for each seed; then writes
logs/mnist/figure1.json and figure1.png and prints the values beside the paper's.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from infogan.cli import Parser, argument, run_command
from infogan.cli.study import Study, find_log, parse_seeds, run_studies, start_command
from infogan.evaluation.report import align
from infogan.recipes.statements import PEAK, PLOTTED
from infogan.system.checks import FILE_NAME, PATH
from infogan.system.files import write_atomically, write_json
from infogan.system.messages import InputError, say
from infogan.training.run_log import load_metrics
from infogan.training.signals import StopSignals

VARIANTS = {"infogan": (), "gan": ("--baseline", "gan")}

Curves = Mapping[str, tuple[np.ndarray, np.ndarray]]
"""By variant, "infogan" or "gan": (updates int [E], L_I [seeds, E] in nats)."""

ENTROPY = math.log(10)


def plan_studies(
    name: str, seeds: tuple[int, ...], more: Sequence[str], log_root: Path, checkpoint_root: Path
) -> dict[str, Study]:
    """The study of each variant.

    Args:
      name: of the figure; a study is called `<name>_<variant>`.
      more: further arguments of the runs.
    """
    return {
        variant: Study(
            f"{name}_{variant}",
            start_command("mnist"),
            ("--recipe", "figure1", *arguments, *more),
            seeds,
            log_root,
            checkpoint_root,
        )
        for variant, arguments in VARIANTS.items()
    }


def measure_curves(studies: Mapping[str, Study]) -> Curves:
    """L_I over the updates by variant, as means over the epochs of the log; runs or resumes the unfinished seeds.

    Raises:
      InputError, TrainingFailed: as `run_study`.
    """
    run_studies([*studies.values()])
    return read_curves(studies)


def read_curves(studies: Mapping[str, Study]) -> Curves:
    """The curves of studies that are finished.

    Raises:
      InputError: if a run's log is damaged.
    """
    return {variant: _read_curve(study) for variant, study in studies.items()}


def _read_curve(study):
    paths = [find_log(study, seed) / "metrics.jsonl" for seed in study.seeds]
    logs = [load_metrics(path) for path in paths]
    for path, lines in zip(paths, logs):
        if not lines or len(lines) < max(map(len, logs)):
            raise InputError(path, f"it holds {len(lines)} epochs, but a finished run's are needed. Restore it.")
    updates = np.array([line["update"] for line in logs[0]])
    return updates, np.array([[line["mi/digit"] for line in lines] for lines in logs])


def compare_with_paper(curves: Curves) -> list[dict[str, Any]]:
    """What the paper shows beside ours.

    Returns:
      Rows of `update`, `variant`, `mean`, `lowest`, `highest` (over the seeds) and `paper` (low, high), all
      in nats. Ours is that of the last epoch of the log that ends by the paper's update; updates before the
      first one's end and after the last one's are left out.
    """
    rows = []
    for plotted in PLOTTED:
        updates, information = curves[plotted.variant]
        if not updates[0] <= plotted.update <= updates[-1]:
            continue
        ended = np.searchsorted(updates, plotted.update, side="right")
        at = information[:, ended - 1]
        ours = {"mean": float(at.mean()), "lowest": float(at.min()), "highest": float(at.max())}
        paper = [plotted.low, plotted.high]
        rows.append({"update": plotted.update, "variant": plotted.variant, **ours, "paper": paper})
    return rows


def find_peak(curves: Curves) -> tuple[int, float]:
    """Where the plain GAN's mean curve is highest: (update, nats). The paper: near 0.6 at updates 110 to 150."""
    updates, information = curves["gan"]
    mean = information.mean(axis=0)
    return int(updates[mean.argmax()]), float(mean.max())


def format_comparison(curves: Curves) -> str:
    """The comparison as an aligned table."""
    header = ("L_I in nats", "update", "mean", "lowest", "highest", "paper")
    lines = [
        (
            "InfoGAN" if row["variant"] == "infogan" else "GAN",
            str(row["update"]),
            *(f"{row[key]:.3f}" for key in ("mean", "lowest", "highest")),
            " to ".join(f"{value:g}" for value in dict.fromkeys(row["paper"])),
        )
        for row in compare_with_paper(curves)
    ]
    update, nats = find_peak(curves)
    lines.append(("GAN, its peak", str(update), f"{nats:.3f}", "", "", f"near {PEAK} at 110 to 150"))
    return f"{align([header, *lines])}\nH(c) = {ENTROPY:.3f}"


def write_figure(folder: Path, name: str, seeds: Sequence[int], curves: Curves) -> Path:
    """Writes <name>.png and <name>.json, which holds the curves too; returns the latter's path."""
    from infogan.evaluation.figures import draw_information  # here: Matplotlib takes half a second

    write_atomically(folder / f"{name}.png", draw_information(curves, ENTROPY, PLOTTED))
    update, nats = find_peak(curves)
    path = folder / f"{name}.json"
    write_json(
        path,
        {
            "seeds": list(seeds),
            "comparison": compare_with_paper(curves),
            "peak of the GAN": {"update": update, "nats": nats},
            "curves": {
                variant: {"update": updates.tolist(), "mi/digit": information.round(4).tolist()}
                for variant, (updates, information) in curves.items()
            },
        },
    )
    return path


def main() -> int:
    """The command line; returns the exit status."""
    parser = Parser(__doc__)
    parser.add_argument("--seeds", type=parse_seeds, default=(0, 1, 2), help="seeds, such as 0-2 (default: 0-2)")
    parser.add_argument(
        "--name", type=argument(FILE_NAME), default="figure1", help="name of the study (default: figure1)"
    )
    parser.add_argument(
        "--log-dir",
        type=argument(PATH),
        default=Path("logs/mnist"),
        help="folder for the logs of all runs and for the figure",
    )
    parser.add_argument(
        "--checkpoint-dir",
        type=argument(PATH),
        default=Path("ckt/mnist"),
        help="folder for the checkpoints of all runs",
    )
    return run_command(parser, _run, passes_on=True, stop=StopSignals(advice="The same command resumes from there."))


def _run(options, more):
    studies = plan_studies(options.name, options.seeds, more, options.log_dir, options.checkpoint_dir)
    curves = measure_curves(studies)
    path = write_figure(options.log_dir, options.name, options.seeds, curves)
    say(f"\n{format_comparison(curves)}\n\nkept in {path}")
