"""Runs an experiment for several seeds and aggregates them: mean, deviation and worst of each number.

What is finished is kept in logs/<experiment>/<name>.json after each seed, and the same command goes on where it
stopped.
Further arguments are the experiment's own, as in `%(prog)s faces --seeds 0-4 --name faces_azimuth --factor azimuth`.
"""

import argparse
import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import infogan
from infogan.cli import Parser, argument, run_command
from infogan.evaluation.report import format_summary, summarise, without_seed
from infogan.recipes import MODULES
from infogan.system.checks import FILE_NAME, PATH
from infogan.system.files import locked, reading, write_json
from infogan.system.messages import InputError, TrainingFailed, refuse_name, say
from infogan.training.run_log import load_metrics
from infogan.training.signals import StopSignals

REFUSED = 2
"""Exit status of a run that refuses its input."""
LOOK_EVERY = 0.2
"""Seconds between two looks for the spec of a run that is being set up."""
MOST_SEEDS = 1000
"""In one range; more is a slip of the pen."""
HAS_AFFINITY = hasattr(os, "sched_setaffinity")


class Study(NamedTuple):
    """Which runs a study is made of.

    Attributes:
      name: of the study; a run is called `<name>_seed<seed>`.
      command: what starts a run, as `start_command` gives it.
      arguments: what the command is given beside the seed and the run's name.
      seeds: one for each run.
      log_root, checkpoint_root: roots of the runs' folders.
    """

    name: str
    command: tuple[str, ...]
    arguments: tuple[str, ...]
    seeds: tuple[int, ...]
    log_root: Path
    checkpoint_root: Path

    @property
    def path(self) -> Path:
        """The JSON file that keeps what is finished."""
        return self.log_root / f"{self.name}.json"


def main() -> int:
    """The command line; returns the exit status."""
    parser = Parser(__doc__)
    known = f"{', '.join(MODULES)}, or a launcher of your own, as run_mine_exp.py"
    parser.add_argument("experiment", type=_parse_experiment, metavar="EXPERIMENT", help=known)
    parser.add_argument("--seeds", type=parse_seeds, required=True, metavar="SEEDS", help="such as 0-9 or 0,3,7-8")
    parser.add_argument("--recipe", help="of the experiment (default: the experiment's own)")
    parser.add_argument(
        "--name",
        type=argument(FILE_NAME),
        help="of the study (default: <experiment>, with a recipe <experiment>_<recipe>)",
    )
    parser.add_argument(
        "--log-dir", type=argument(PATH), help="root of the runs' folders, and the study's (default: logs/<experiment>)"
    )
    parser.add_argument(
        "--checkpoint-dir", type=argument(PATH), help="root of their checkpoints (default: ckt/<experiment>)"
    )
    return run_command(parser, _run, passes_on=True, stop=StopSignals(advice="The same command goes on from there."))


def _parse_experiment(text):
    if text.endswith(".py"):
        if not Path(text).is_file():
            raise argparse.ArgumentTypeError(f"{text!r} was given, but there is no such file.")
        return text
    name = text.replace("-", "_")  # as in the name of its command
    if name not in MODULES:
        raise argparse.ArgumentTypeError(refuse_name(text, MODULES))
    return name


def _run(options, more):
    recipe = ("--recipe", options.recipe) if options.recipe else ()
    experiment = Path(options.experiment).stem.removeprefix("run_").removesuffix("_exp")
    name = options.name or "_".join((experiment, *recipe[1:]))
    study = Study(
        name,
        start_command(options.experiment),
        (*recipe, *more),
        options.seeds,
        options.log_dir or Path("logs") / experiment,
        options.checkpoint_dir or Path("ckt") / experiment,
    )
    document = run_study(study)
    seeds = ", ".join(str(run["seed"]) for run in document["runs"])
    say(f"\n{name}, seeds {seeds}\n\n{format_summary(document['summary'])}\n\nkept in {study.path}")


def start_command(experiment: str) -> tuple[str, ...]:
    """What starts a run: a launcher's file, or an experiment of this package, which need not be installed."""
    if experiment.endswith(".py"):
        return sys.executable, experiment
    return sys.executable, str(Path(infogan.__file__).parent), experiment


def run_study(study: Study) -> dict[str, Any]:
    """Runs or resumes every seed that the study's file does not hold yet; keeps each as soon as it is finished.

    Runs share the machine, one a GPU or one a core (several cores each where there are fewer seeds): on two cores, two
    runs of one core each do 1.3 times the work of one of two.

    Returns:
      The JSON document: `name`, `arguments`, `spec` (without the seed), `runs` (per seed the report, without its
      spec, and `minutes` of training) and `summary` (rows of `infogan.evaluation.report.summarise`).

    Raises:
      InputError: if another process is at the study, or the file is no study or one of another command or spec, or a
        run refuses what it is given: the other runs are then stopped, as by a signal.
      TrainingFailed: naming the seeds whose run failed; what the others found is kept.
    """
    study.log_root.mkdir(parents=True, exist_ok=True)
    refusal = InputError(study.path, "another process is working on this study. Wait for it, or choose another --name.")
    with locked(study.log_root / f"{study.name}.lock", refusal):
        return _run_missing(study)


def _run_missing(study):
    document = load_study(study.path) or {"name": study.name, "arguments": list(study.arguments), "runs": []}
    if document["arguments"] != list(study.arguments):
        raise InputError(
            study.path,
            f"it holds a study of {' '.join(document['arguments']) or 'no arguments'}, but "
            f"{' '.join(study.arguments) or 'none'} was given. Choose another --name.",
        )
    kept = {run["seed"] for run in document["runs"]}
    missing = [seed for seed in study.seeds if seed not in kept]
    if len(missing) < len(study.seeds):
        held = ", ".join(str(seed) for seed in study.seeds if seed in kept)
        say(f"{study.path} holds seeds {held}: they are not trained again. To train anew, choose another --name.")
    failed = []
    with closing(_run_seeds(study, missing, document.get("spec"))) as finished:
        for seed, status in finished:
            if status == 0:
                _keep(study, document, seed)
            elif status == REFUSED:
                raise InputError(f"seed {seed}", _last_line(_console(study, seed)))
            else:
                failed.append(seed)
                say(f"seed {seed}: failed with status {status}; see {_console(study, seed)}")
    if failed:
        seeds = ", ".join(map(str, sorted(failed)))
        raise TrainingFailed(f"seeds {seeds} of {study.name} failed. The same command tries them again.")
    return document


def parse_seeds(text: str) -> tuple[int, ...]:
    """`0-9` or `0,3,7-8` as seeds, each once.

    Raises:
      argparse.ArgumentTypeError: if it is neither.
    """
    seeds: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,10})(?:-(\d{1,10}))?\s*", part)
        some = range(int(match[1]), int(match[2] or match[1]) + 1) if match else ()
        if not 0 < len(some) <= MOST_SEEDS:
            raise argparse.ArgumentTypeError(f"{text!r} was given, but seeds are needed, as 0-9 or 0,3,7-8")
        seeds.extend(some)
    return tuple(dict.fromkeys(seeds))


def load_study(path: Path) -> dict[str, Any] | None:
    """A study's JSON document, None if there is no file.

    Its spec is brought to this version, so that runs of today can join those of before.

    Raises:
      InputError: if it is damaged, or of a newer version.
    """
    try:
        with reading(path):
            text = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        document = json.loads(text)
        is_study = {"name", "arguments", "runs"} <= document.keys() and isinstance(document["arguments"], list)
        if is_study and all({"seed", "metrics"} <= run.keys() for run in document["runs"]):
            if "spec" in document:
                document["spec"] = without_seed(document["spec"])
            return document
    except InputError as error:
        raise InputError(path, error.problem) from error
    except (ValueError, AttributeError, TypeError, RecursionError):
        pass
    raise InputError(path, "it holds no study. Restore it, or choose another --name.")


def _run_seeds(study, seeds, spec):
    """Runs or resumes each seed in a process of its own, as many at once as the machine has room for.

    Args:
      spec: None, or the spec (without the seed) that the study's file holds.

    Yields:
      (seed, exit status), each as soon as it is known.

    Raises:
      InputError: if a run begins that is one of another spec.
    """
    if not seeds:
        return
    slots: queue.Queue[_Slot] = queue.Queue()
    for slot in _find_slots(len(seeds)):
        slots.put(slot)
    processes, starting, is_stopping = [], threading.Lock(), threading.Event()

    def run_seed(seed):
        slot = slots.get()
        try:
            with starting:
                if is_stopping.is_set():
                    return None
                process = _start(study, seed, slot)
                processes.append(process)
            if spec is not None:
                _check_begun(study, seed, process, spec)
            return process.wait()
        finally:
            slots.put(slot)

    pool = ThreadPoolExecutor(slots.qsize())
    try:
        seed_of = {pool.submit(run_seed, seed): seed for seed in seeds}
        for run in as_completed(seed_of):
            yield seed_of[run], run.result()
    except BaseException:
        with starting:  # a thread may be about to start one
            is_stopping.set()
        pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)  # the run saves its last update
        raise
    finally:
        pool.shutdown()


class _Slot(NamedTuple):
    """A share of the machine: a GPU, as CUDA_VISIBLE_DEVICES names it, or a set of cores."""

    gpu: str | None
    cores: tuple[int, ...]


def _find_slots(most):
    """At most that many slots."""
    from infogan.system.tf1 import find_gpus

    # Without affinity, as on macOS, the system spreads the runs.
    cores = sorted(os.sched_getaffinity(0)) if HAS_AFFINITY else list(range(os.cpu_count() or 1))
    if gpus := find_gpus():
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        names = visible.split(",") if visible else map(str, range(len(gpus)))
        return [_Slot(name.strip(), tuple(cores)) for name, _ in zip(names, gpus)][:most]
    count = min(most, len(cores))
    return [_Slot(None, tuple(cores[number::count])) for number in range(count)]


def _start(study, seed, slot):
    """Starts or resumes the run of a seed, in a session of its own: signals reach it through the study alone."""
    name = find_log(study, seed).name
    is_begun = (study.checkpoint_root / name / "spec.json").exists()
    command = [*study.command, *study.arguments, "--seed", str(seed)]
    command += ["--log-dir", str(study.log_root), "--checkpoint-dir", str(study.checkpoint_root)]
    command += ["--resume" if is_begun else "--run-name", name]
    environment = dict(os.environ)
    if slot.gpu is not None:
        environment["CUDA_VISIBLE_DEVICES"] = slot.gpu
    if HAS_AFFINITY:
        os.sched_setaffinity(0, slot.cores)  # of this thread, from which the process inherits it
    say(f"seed {seed}: {'resumes' if is_begun else 'starts'}; its output is in {_console(study, seed)}")
    with _console(study, seed).open("a") as console:
        return subprocess.Popen(
            command,
            env=environment,
            stdout=console,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )


def find_log(study: Study, seed: int) -> Path:
    """The log folder of a seed's run."""
    return study.log_root / f"{study.name}_seed{seed}"


def _console(study, seed):
    return study.log_root / f"{find_log(study, seed).name}.txt"


def _last_line(path):
    """What a run said last, without the name of its command."""
    lines = path.read_text(errors="replace").split("\n")
    said = [line for line in lines if line.strip()][-1:] or [f"it printed nothing; see {path}"]
    return re.sub(r"^(\S+\.py|infogan \S+): ", "", said[0])


def _check_begun(study, seed, process, spec):
    """Waits until a run has written its spec, and compares it: before it trains, not after."""
    path = study.checkpoint_root / find_log(study, seed).name / "spec.json"
    while not path.exists():
        if process.poll() is not None:
            return
        time.sleep(LOOK_EVERY)
    try:
        begun = without_seed(json.loads(path.read_text()))
    except (ValueError, AttributeError, TypeError):
        return  # of a run that is resumed, and will refuse it
    _check_spec(study, begun, spec)


def _check_spec(study, spec, held):
    changed = sorted(key for key in spec if spec[key] != held[key] and key != "paper_values")  # no run depends on these
    if changed:
        raise InputError(
            study.path, f"it holds runs of another spec ({', '.join(changed)} differ). Choose another --name."
        )


def _keep(study, document, seed):
    """Adds a finished run to the study's file."""
    log = find_log(study, seed)
    report = json.loads((log / "report.json").read_text())
    if report["seed"] != seed:
        raise InputError(f"seed {seed}", f"its run has seed {report['seed']}. Use --seeds, not --seed.")
    spec = without_seed(report.pop("spec"))
    _check_spec(study, spec, document.setdefault("spec", spec))
    report["minutes"] = sum(
        spec["updates_per_epoch"] * spec["batch_size"] / line["speed/images_per_second"] / 60
        for line in load_metrics(log / "metrics.jsonl")
    )
    document["runs"] = sorted([*document["runs"], report], key=lambda run: run["seed"])
    document["summary"] = summarise(document["runs"])
    write_json(study.path, document)
    errors = [f"{100 * row['ours']:.2f} % {row['name']}" for row in report["metrics"] if row["name"] == "error rate"]
    say(f"seed {seed}: finished{''.join(f', {error}' for error in errors)}; kept in {study.path}")
