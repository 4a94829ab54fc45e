"""How long a user waits for a low error: the launcher and the port of the authors' code, each timed while it trains."""

import re
import tempfile
import time
from pathlib import Path

from matplotlib.figure import Figure

from benchmarks.startup import run_launcher
from infogan.evaluation.figures import encode_figure, in_default_style
from infogan.system.files import load_json

WANTED = 0.05
"""The error that is waited for: the paper's, Sec. 7.2."""
LOOK = re.compile(r"update ([\d,]+)/[\d,]+: error of digit ([\d.]+) %")


def measure(recipe, seed, every, arguments=()):
    """A run of MNIST's launcher, on the precision that it chooses, from its start to its report.

    Args:
      recipe: recipe of the launcher.
      seed: of the run.
      every: updates between two looks at the error.
      arguments: further ones of the launcher.

    Returns:
      dict: see `describe_curve`; the last point is the report's error, on the test images.

    Raises:
      RuntimeError: if the launcher fails.
    """
    chosen = ["--recipe", recipe, "--seed", str(seed), "--evaluate-every", str(every), *arguments]
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        lines, _ = run_launcher(folder, "timed", chosen)
        ended = time.perf_counter() - started
        report = load_json(Path(folder) / "logs" / "timed" / "report.json", dict, "report", "")
    looks = ((seconds, LOOK.match(line)) for seconds, line in lines)
    curve = [[seconds, int(look[1].replace(",", "")), float(look[2]) / 100] for seconds, look in looks if look]
    (error,) = (row["ours"] for row in report["metrics"] if (row["name"], row["code"]) == ("error rate", "digit"))
    return describe_curve([*curve, [ended, report["update"], error]])


def describe_curve(curve):
    """What is told of a run.

    Args:
      curve: list of [seconds since the start, updates, error as a share].

    Returns:
      dict: `lowest_error`; `wanted_seconds` until the error was WANTED or less, None where it never was; `curve`.
    """
    reached = (seconds for seconds, _, error in curve if error <= WANTED)
    return {"lowest_error": min(error for *_, error in curve), "wanted_seconds": next(reached, None), "curve": curve}


@in_default_style
def draw_curves(curves):
    """PNG bytes: error over minutes.

    Args:
      curves: dict of title -> list of curves, one for each seed, as `describe_curve` takes them.
    """
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for number, (title, of_seeds) in enumerate(curves.items()):
        for curve in of_seeds:
            minutes, errors = [point[0] / 60 for point in curve], [100 * point[2] for point in curve]
            axes.plot(minutes, errors, color=f"C{number}", marker=".", label=title if curve is of_seeds[0] else None)
    axes.axhline(100 * WANTED, color="grey", linewidth=0.8, linestyle="--", label="paper")
    axes.set(title="MNIST: error of the digit", xlabel="minutes", ylabel="%", xscale="log", ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend()
    return encode_figure(figure)
