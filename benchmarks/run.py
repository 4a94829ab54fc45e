"""Measures training, its floor on this machine, and everything else a user waits for. See docs/performance.md."""

import argparse
import dataclasses
import datetime
import json
import os
import platform
import sys
import tempfile
from importlib import metadata
from pathlib import Path

from benchmarks import table
from benchmarks.process import ROOT, run_child
from benchmarks.time_to_quality import draw_curves
from benchmarks.timing import medians
from infogan.recipes.mnist import DEFAULT, FAST, REFERENCE
from infogan.system.files import write_atomically, write_json
from infogan.system.messages import InputError, TrainingFailed
from infogan.system.tf1 import find_gpus

PAGE = ROOT / "docs" / "notes" / "performance.md"
CURVES = ROOT / "docs" / "pictures" / "time_to_quality.png"
TORCH_PYTHON = ROOT / ".venv-bench" / "bin" / "python"
FULL = {"rounds": 3, "warm_up": 5, "updates": 40, "calls": 10, "megabytes": 256, "images": 10_000, "epochs": None}
QUICK = {"rounds": 1, "warm_up": 2, "updates": 6, "calls": 3, "megabytes": 64, "images": 1_000, "epochs": 1}
"""A quick run shows that all programs work; its numbers are too few to be quoted."""


@dataclasses.dataclass(frozen=True)
class Program:
    """One measurement.

    Attributes:
      name: unique; a training program's ends with its precision.
      module: module of this package with `measure`.
      options: its keyword arguments.
      title: what the tables call a training program; "" for the others.
      batch_size: images of its update, None for other measurements.
      python: the interpreter.
    """

    name: str
    module: str
    options: dict
    title: str = ""
    batch_size: int | None = None
    python: object = sys.executable


def list_programs(settings, folder, torch_python):
    """All measurements of one round, in order.

    Args:
      settings: FULL, QUICK or a variation.
      folder: where the launcher's runs go.
      torch_python: interpreter that has PyTorch.
    """

    def train(name, title, module, recipe, precision, python=sys.executable, **options):
        spec = dataclasses.replace(recipe, precision=precision)
        options.update(spec=spec.to_json(), warm_up=settings["warm_up"], updates=settings["updates"])
        return Program(f"{name} {precision}", module, options, title, spec.batch_size, python)

    programs = [train("port", "port of the authors' code", "reference_port", REFERENCE, "float32")]
    for precision in ("float32", "bfloat16"):
        programs += [
            train("project", "infogan, recipe reference", "project_training", REFERENCE, precision),
            train("eager", "eager PyTorch", "torch_training", REFERENCE, precision, torch_python),
            train(
                "tuned", "eager PyTorch, channels last, fused Adam", "torch_training", REFERENCE, precision,
                torch_python, tuned=True,
            ),
            train("default", "infogan, recipe default (augmentation)", "project_training", DEFAULT, precision),
            Program(
                f"machine {precision}",
                "machine",
                {
                    "spec": REFERENCE.to_json(),
                    "precision": precision,
                    "calls": settings["calls"],
                    "megabytes": settings["megabytes"],
                },
            ),
        ]  # fmt: skip
        programs += [
            Program(
                f"kinds {recipe.recipe} {precision}",
                "operation_times",
                {
                    "spec": dataclasses.replace(recipe, precision=precision).to_json(),
                    "warm_up": settings["warm_up"],
                    "updates": settings["updates"] // 2,
                },
            )
            for recipe in (REFERENCE, DEFAULT)
        ]
    run = {"folder": str(folder), "name": "measured"}
    return [
        *programs,
        Program("startup", "startup", {**run, "recipe": "reference", "updates": 3}),
        Program("evaluation", "evaluation", {**run, "images": settings["images"], "calls": 3}),
        Program("loader", "loader", {"calls": 3}),
    ]


def list_whole_trainings(epochs, seed):
    """The trainings that are timed until their error is low.

    Args:
      epochs: how many are trained; None for as many as the recipe has.
      seed: of all of them.
    """
    programs = []
    for recipe, every in ((FAST, 100), (DEFAULT, 400)):
        chosen = ["--max-epoch", str(epochs)] if epochs else []
        options = {"recipe": recipe.recipe, "seed": seed, "every": every, "arguments": chosen}
        name = f"infogan, recipe {recipe.recipe}"
        programs.append(Program(name, "time_to_quality", options))
    port = dataclasses.replace(REFERENCE, max_epoch=epochs or REFERENCE.max_epoch)
    options = {"spec": port.to_json(), "seed": seed, "every": 500}
    return [*programs, Program("port of the authors' code", "port_quality", options)]


def measure(settings, torch_python, say):
    """Runs all programs in turn, as many rounds as the settings name, and returns the document for JSON."""
    rounds, trained, programs = {}, {}, []
    for number in range(settings["rounds"]):
        with tempfile.TemporaryDirectory() as folder:
            programs = list_programs(settings, folder, torch_python)
            _run_round(programs, rounds, say, f"round {number + 1} of {settings['rounds']}")
        _run_round(list_whole_trainings(settings["epochs"], number), trained, say, f"seed {number}")
    training = [program for program in programs if program.batch_size]
    return {
        "date": datetime.date.today().isoformat(),
        "machine": describe_machine(),
        "versions": describe_versions(rounds),
        "other_load": _describe_other_load({**rounds, **trained}),
        "settings": settings,
        "batch_sizes": {program.name: program.batch_size for program in training},
        "titles": {program.name: program.title for program in training},
        "floor_batch": REFERENCE.batch_size,
        "operations": run_child("operations", {"spec": REFERENCE.to_json()}),
        "medians": {name: medians(results) for name, results in rounds.items()},
        "rounds": rounds,
        "trained": trained,
    }


def _run_round(programs, rounds, say, which):
    """Adds a result of each program to its list, unless its first says that it cannot be measured here."""
    for program in programs:
        results = rounds.setdefault(program.name, [])
        if not (results and "unavailable" in results[0]):
            results.append(run_child(program.module, program.options, program.python))
            say(f"{which}: {program.name}: {_outline(results[-1])}")


def _outline(result):
    """The one number of a result that is worth a line on the terminal."""
    if "unavailable" in result:
        return f"not measured: {result['unavailable']}"
    key = next(key for key in result if isinstance(result[key], float))
    return f"{key} {result[key]:.4g}"


def _describe_other_load(rounds):
    loads = [result["other_load"] for results in rounds.values() for result in results]
    if None in loads:
        return None
    return {"mean": sum(loads) / len(loads), "most": max(loads)}


def describe_machine():
    """Processor, cores this process may use, GPUs, system, Python."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # no Linux
        lines = []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "processor": models[0] if models else platform.processor() or platform.machine(),
        "cores": cores,
        "gpus": find_gpus(),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def describe_versions(rounds):
    """Versions of what was measured: dict of package -> text."""
    versions = {name: metadata.version(name) for name in ("tensorflow", "tf-keras", "numpy")}
    torch = rounds["eager float32"][0].get("version") if rounds else None
    return {**versions, **({"torch": torch} if torch else {})}


def main(arguments=None):
    """The command; returns the exit status: 0, 1 after a failed measurement, 2 after wrong input."""
    options = _build_parser().parse_args(arguments)
    try:
        page = PAGE.read_text() if options.write_docs else ""
        if page:
            table.insert(page, "")  # refuses a page without markers before hours, not after
        document = _load(options.show) if options.show else _measure_and_save(options)
        text = table.format_document(document)
        if page:
            write_atomically(PAGE, table.insert(page, text))
            if trained := document.get("trained"):
                curves = {name: [result["curve"] for result in results] for name, results in trained.items()}
                write_atomically(CURVES, draw_curves(curves))
        print(text)
    except InputError as error:
        return _refuse(f"{error.where}: {error.problem}", 2)
    except TrainingFailed as error:
        return _refuse(str(error), 1)
    except OSError as error:
        return _refuse(f"{error.filename or 'a file'}: {error.strerror or error}.", 2)
    return 0


def _refuse(message, status):
    print(f"benchmarks.run: {message}", file=sys.stderr)
    return status


def _measure_and_save(options):
    name = f"{datetime.date.today().isoformat()}{'-quick' if options.quick else ''}.json"
    output = options.output or ROOT / "benchmarks" / "results" / name
    if not output.parent.is_dir():
        raise InputError("--output", f"{output} was given, but {output.parent} is no folder. Make it.")
    settings = {"quick": options.quick, **(QUICK if options.quick else FULL)}
    document = measure(settings, options.torch_python, lambda line: print(line, file=sys.stderr, flush=True))
    write_json(output, document)
    return document


def _load(path):
    try:
        document = json.loads(path.read_text())
    except ValueError:
        document = None
    if not isinstance(document, dict) or "medians" not in document:
        raise InputError("--show", f"{path} was given, but a file of this program is needed. Name one of results/.")
    return document


def _build_parser():
    parser = argparse.ArgumentParser(
        prog="benchmarks.run", usage=argparse.SUPPRESS, description=__doc__, allow_abbrev=False
    )
    parser.add_argument("--quick", action="store_true", help="a few updates of everything, once; not to be quoted")
    parser.add_argument("--write-docs", action="store_true", help="put the tables into docs/notes/performance.md")
    parser.add_argument("--show", type=Path, metavar="JSON", help="measure nothing; print the tables of these results")
    parser.add_argument(
        "--output",
        type=Path,
        help="where the results go (default: benchmarks/results/, the date, and -quick if so)",
    )
    parser.add_argument(
        "--torch-python",
        type=Path,
        default=TORCH_PYTHON if TORCH_PYTHON.exists() else Path(sys.executable),
        help="interpreter with PyTorch (default: the one that `make bench` installs)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
