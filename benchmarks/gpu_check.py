"""What a GPU makes of infogan, in one command of at most ten minutes: `python -m benchmarks.gpu_check`.

It measures images/s by precision, updates a session run and XLA, the time of 5,000 updates in the best of these, the
largest memory, and how far ten updates lie from the CPU's. docs/performance.md says where to send the file it writes.
"""

import dataclasses
import itertools
import sys
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.process import run_child
from benchmarks.run import describe_machine, describe_versions
from infogan.cli import Parser, run_command
from infogan.recipes.mnist import DEFAULT, REFERENCE
from infogan.system.files import write_json
from infogan.system.messages import InputError
from infogan.system.tf1 import describe_devices, find_gpus

FULL = {"seconds": 540, "calls": (1, 10, 100), "timed": 200, "compared": 10, "updates": 5000}
QUICK = {"seconds": 60, "calls": (1, 2), "timed": 4, "compared": 2, "updates": 10}
"""Time in all; updates a session run; how many are timed, compared with the CPU's, and trained in the end."""

TF32 = {"TF32": {}, "float32": {"NVIDIA_TF32_OVERRIDE": "0"}}
"""Environment in which a GPU rounds what enters a product of float32 numbers to TF32, as TensorFlow has it, or not."""

CPU = {"CUDA_VISIBLE_DEVICES": "-1"}


class Case(NamedTuple):
    """A way to train a recipe: its precision, a name in TF32, updates a session run, and whether XLA compiles."""

    recipe: str
    precision: str
    calls: int
    jit_compile: bool

    def __str__(self):
        return f"{self.recipe}, {self.precision}, {self.calls} a call{', XLA' if self.jit_compile else ''}"

    def train(self, spec, updates):
        """What `benchmarks.project_training` measures in about so many updates."""
        options = {
            "spec": spec.to_json(),
            "warm_up": 2,
            "updates": -(-updates // self.calls),
            "updates_per_call": self.calls,
            "jit_compile": self.jit_compile,
        }
        return run_child("project_training", options, environment=TF32[self.precision])


def list_cases(recipes, calls):
    """All Cases, what matters most first: those that XLA compiles for minutes last."""
    cases = itertools.starmap(Case, itertools.product(recipes, TF32, calls, (False, True)))
    return sorted(cases, key=lambda case: (case.jit_compile, case.precision != "TF32"))


def measure(settings, recipes, say):
    """All measurements that the time is enough for.

    Args:
      settings: FULL, QUICK or a variation.
      recipes: dict of name -> ExperimentSpec.
      say: called with a line for each result.

    Returns:
      The document for JSON.
    """
    started = time.monotonic()
    speeds, skipped = {}, []
    for case in list_cases(recipes, settings["calls"]):
        if time.monotonic() - started > settings["seconds"] / 2:  # the other half is for what follows
            skipped.append(str(case))
            continue
        speeds[case] = case.train(recipes[case.recipe], settings["timed"])
        say(f"{case}: {speeds[case]['images_per_second']:.0f} images/s")
    differences = _compare(recipes["reference"], settings["compared"])
    for precision, largest in differences["largest"].items():
        say(f"{precision}: differs from the CPU by {', '.join(f'{one:.1g}' for one in largest)} in the first updates")
    whole = {}
    for recipe in dict.fromkeys(case.recipe for case in speeds):
        best = max(
            (case for case in speeds if case.recipe == recipe), key=lambda case: speeds[case]["images_per_second"]
        )
        left = (settings["seconds"] - (time.monotonic() - started)) / 2
        possible = int(left / speeds[best]["update_seconds"])
        trained = max(1, min(settings["updates"], possible))
        result = best.train(recipes[recipe], trained)
        seconds = settings["updates"] * result["update_seconds"]
        case = {"case": str(best), "trained": trained, "updates": settings["updates"], "seconds": seconds}
        whole[recipe] = {**case, **result}
        say(f"{best}: {seconds:.0f} s for {settings['updates']:,} updates, by {trained:,} of them")
    return {
        "devices": describe_devices(find_gpus()),
        "machine": describe_machine(),
        "versions": describe_versions({}),
        "settings": settings,
        "speeds": {str(case): result for case, result in speeds.items()},
        "skipped": skipped,
        "differences": differences,
        "whole": whole,
    }


def _compare(spec, updates):
    """What the first updates log on the CPU and in each precision, and for each update the largest difference."""
    options = {"spec": spec.to_json(), "updates": updates}
    values = {
        name: run_child("first_updates", options, environment=where) for name, where in {"CPU": CPU, **TF32}.items()
    }
    on_cpu = values["CPU"]["values"]
    largest = {name: [_difference(*pair) for pair in zip(values[name]["values"], on_cpu)] for name in TF32}
    return {"values": values, "largest": largest}


def _difference(found, expected):
    return max(abs(a - b) / max(abs(b), 1e-3) for a, b in zip(found, expected))  # accuracies may be 0


def main(arguments=None):
    """The command; returns the exit status: 0, 1 after a failed measurement, 2 after wrong input."""
    parser = Parser(__doc__)
    parser.add_argument("--quick", action="store_true", help="a few updates of everything, to try the program itself")
    parser.add_argument("--cpu", action="store_true", help="go on where there is no GPU, to try the program itself")
    parser.add_argument("--output", type=Path, default=Path("gpu_check.json"), help="default: %(default)s")
    return run_command(parser, _check, arguments)


def _check(options):
    if not options.output.parent.is_dir():
        raise InputError("output", f"{options.output} was given, but {options.output.parent} is no folder. Make it.")
    if not find_gpus() and not options.cpu:
        raise InputError("gpu", "TensorFlow finds none here, but one is needed. --cpu tries the program all the same.")
    recipes = {"reference": REFERENCE, "default": DEFAULT}
    recipes = {name: dataclasses.replace(spec, precision="float32") for name, spec in recipes.items()}
    document = measure(QUICK if options.quick else FULL, recipes, lambda line: print(line, flush=True))
    write_json(options.output, document)
    print(f"The results are in {options.output}.")


if __name__ == "__main__":
    sys.exit(main())
