"""Runs an experiment for several seeds and aggregates them: mean, deviation and worst of each number.

Each finished seed is kept in logs/<experiment>/<name>.json, and the same command resumes where it
stopped.
Further arguments are the experiment's own, as in `%(prog)s faces --seeds 0-4 --name faces_azimuth --factor azimuth`.
With --vary it runs a grid: a study for each combination of values, set side by side in one document, table and picture.
"""

import argparse
import itertools
import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, NamedTuple

import infogan
from infogan.cli import Parser, argument, run_command
from infogan.evaluation.report import format_summary, summarise, without_seed
from infogan.recipes import MODULES
from infogan.system.checks import FILE_NAME, PATH
from infogan.system.files import locked, reading, write_json
from infogan.system.messages import InputError, TrainingFailed, refuse_name, say
from infogan.training.run_folder import are_rows
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
      instead: what someone may do who wants another study, for messages.
    """

    name: str
    command: tuple[str, ...]
    arguments: tuple[str, ...]
    seeds: tuple[int, ...]
    log_root: Path
    checkpoint_root: Path
    instead: str = "choose another --name"

    @property
    def path(self) -> Path:
        """The JSON file that keeps what is finished."""
        return self.log_root / f"{self.name}.json"


class Job(NamedTuple):
    """A run that a study needs.

    Attributes:
      study: whose run it is.
      seed: of the run.
      label: what messages call it.
    """

    study: Study
    seed: int
    label: str

    @property
    def log(self) -> Path:
        """The run's log folder."""
        return find_log(self.study, self.seed)

    @property
    def checkpoints(self) -> Path:
        """The run's checkpoint folder."""
        return self.study.checkpoint_root / self.log.name

    @property
    def console(self) -> Path:
        """The file that takes what the run prints."""
        return self.log.with_name(f"{self.log.name}.txt")

    @property
    def is_begun(self) -> bool:
        """Whether there is a run to resume."""
        return (self.checkpoints / "spec.json").exists()


Check = Callable[[Job, str], None]
"""Takes the text of the spec.json of a run that has begun; raises InputError if it is not the study's spec."""
RunJobs = Callable[[Sequence[Job], Check], Iterator[tuple[Job, int]]]
"""Runs or resumes jobs, and yields each with its exit status as soon as that is known. Closed early, it stops them."""


def main() -> int:
    """The command line; returns the exit status."""
    parser = Parser(__doc__)
    known = f"{', '.join(MODULES)}, or your own launcher, such as run_mine_exp.py"
    parser.add_argument("experiment", type=_parse_experiment, metavar="EXPERIMENT", help=known)
    parser.add_argument(
        "--seeds", type=parse_seeds, required=True, metavar="SEEDS", help="seeds, such as 0-9 or 0,3,7-8"
    )
    parser.add_argument("--recipe", help="recipe of the experiment (default: its default recipe)")
    parser.add_argument(
        "--name",
        type=argument(FILE_NAME),
        help="name of the study (default: <experiment>, or <experiment>_<recipe> if a recipe is given)",
    )
    parser.add_argument(
        "--vary",
        action="append",
        default=[],
        metavar="FIELD=VALUE,...",
        help="compares these values of a field, such as batch_size=32,64; repeat it for all combinations of several "
        "fields; separate values that contain commas by ;",
    )
    parser.add_argument(
        "--on",
        metavar="CLUSTER",
        help="a Ray cluster to run on: ray for the one that this machine is in, or HOST:PORT or ray://HOST:PORT "
        "(default: on this machine alone)",
    )
    parser.add_argument("--log-dir", type=argument(PATH), help="folder for all logs (default: logs/<experiment>)")
    parser.add_argument(
        "--checkpoint-dir",
        type=argument(PATH),
        help="folder for the checkpoints of all runs (default: ckt/<experiment>)",
    )
    return run_command(parser, _run, passes_on=True, stop=StopSignals(advice="The same command resumes from there."))


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
    run_jobs: RunJobs = run_here
    if options.on is not None:
        from infogan.cli.cluster import connect

        run_jobs = connect(options.on)
    if options.vary:
        from infogan.cli.vary import build_grid, run_grid

        run_grid(build_grid(study, options.name is not None, options.experiment, options.vary), run_jobs)
        return
    document = run_study(study, run_jobs)
    seeds = ", ".join(str(run["seed"]) for run in document["runs"])
    say(f"\n{name}, seeds {seeds}\n\n{format_summary(summarise(document['runs']))}\n\nkept in {study.path}")


def start_command(experiment: str) -> tuple[str, ...]:
    """What starts a run: a launcher's file, or an experiment of this package, which need not be installed."""
    if experiment.endswith(".py"):
        return sys.executable, experiment
    return sys.executable, str(Path(infogan.__file__).parent), experiment


def run_study(study: Study, run_jobs: RunJobs | None = None) -> dict[str, Any]:
    """Runs or resumes every seed that the study's file does not hold yet; keeps each as soon as it is finished.

    Runs share the machine, one a GPU or one a core (several cores each where there are fewer seeds): on two cores, two
    runs of one core each do 1.3 times the work of one of two.

    Args:
      run_jobs: what runs them in place of `run_here`.

    Returns:
      The JSON document: `name`, `arguments`, `spec` (without the seed), `runs` (per seed the report, without its
      spec, and its `minutes` of training on how many `cores` and `gpus`) and `summary` (rows of
      `infogan.evaluation.report.summarise`).

    Raises:
      InputError: if another process is at the study, or the file is no study or one of another command or spec, or a
        run refuses what it is given: the other runs are then stopped, as by a signal.
      TrainingFailed: naming the seeds whose run failed; what the others found is kept.
    """
    return run_studies([study], run_jobs)[0]


def run_studies(studies: Sequence[Study], run_jobs: RunJobs | None = None) -> list[dict[str, Any]]:
    """Runs or resumes several studies at once, as `run_study` does one: the first seeds of all, then the second ones.

    Args:
      studies: each with a file of its own.
      run_jobs: what runs them; None for `run_here`.

    Returns:
      The JSON document of each.
    """
    with ExitStack() as stack:
        for study in studies:
            study.log_root.mkdir(parents=True, exist_ok=True)
            problem = f"another process is working on this study. Wait for it, or {study.instead}."
            stack.enter_context(
                locked(study.log_root / f"{study.name}.lock", InputError(study.path, problem)),
            )
        return _run_missing(studies, run_jobs or run_here)


def _run_missing(studies, run_jobs):
    documents = {study: _open(study) for study in studies}
    specs = {study: document["spec"] for study, document in documents.items() if "spec" in document}
    missing = [_list_missing(study, documents[study], len(studies) > 1) for study in studies]
    jobs = [job for row in itertools.zip_longest(*missing) for job in row if job]

    def check(job, text):
        try:
            begun = without_seed(json.loads(text))
        except (ValueError, AttributeError, TypeError):
            return  # of a run that is resumed, and will refuse it
        _check_spec(job.study, begun, specs.setdefault(job.study, begun))

    failed: dict[str, list[int]] = {}
    with closing(run_jobs(jobs, check)) as finished:
        for job, status in finished:
            if status == 0:
                _keep(job, documents[job.study])
            elif status == REFUSED:
                raise InputError(job.label, _last_line(job.console))
            else:
                failed.setdefault(job.study.name, []).append(job.seed)
                say(f"{job.label}: failed with status {status}; see {job.console}")
    if failed:
        names = "; ".join(f"seeds {', '.join(map(str, sorted(seeds)))} of {name}" for name, seeds in failed.items())
        raise TrainingFailed(f"{names} failed. The same command tries them again.")
    return list(documents.values())


def _open(study):
    """The study's document, or a new one."""
    document = load_study(study.path, f"Restore it, or {study.instead}.")
    document = document or {"name": study.name, "arguments": list(study.arguments), "runs": []}
    if document["arguments"] != list(study.arguments):
        raise InputError(
            study.path,
            f"it holds a study of {' '.join(document['arguments']) or 'no arguments'}, but "
            f"{' '.join(study.arguments) or 'none'} was given. {_begin(study.instead)}.",
        )
    return document


def _list_missing(study, document, is_one_of_many):
    kept = {run["seed"] for run in document["runs"]}
    if held := ", ".join(str(seed) for seed in study.seeds if seed in kept):
        say(f"{study.path} holds seeds {held}: they are not trained again. To train anew, {study.instead}.")
    return [
        Job(study, seed, f"{study.name}, seed {seed}" if is_one_of_many else f"seed {seed}")
        for seed in study.seeds
        if seed not in kept
    ]


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
            raise argparse.ArgumentTypeError(f"{text!r} was given, but seeds are needed, such as 0-9 or 0,3,7-8")
        seeds.extend(some)
    return tuple(dict.fromkeys(seeds))


def _begin(sentence):
    return sentence[0].upper() + sentence[1:]


def load_study(path: Path, advice: str = "Restore it.") -> dict[str, Any] | None:
    """A study's JSON document, None if there is no file.

    Its spec is brought to this version, so that runs of today can join those of before.

    Args:
      advice: what to do about a damaged one, for the message.

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
        is_study = "name" in document and all(isinstance(word, str) for word in document["arguments"])
        if is_study and all("seed" in run and are_rows(run["metrics"]) for run in document["runs"]):
            if "spec" in document:
                document["spec"] = without_seed(document["spec"])
            return document
    except InputError as error:
        raise InputError(path, error.problem) from error
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
        pass
    raise InputError(path, f"it holds no study. {advice}")


def run_here(jobs: Sequence[Job], check: Check) -> Iterator[tuple[Job, int]]:
    """Runs or resumes each job in a process of its own, as many at once as the machine has room for: a RunJobs.

    Raises:
      InputError: if a run begins that `check` refuses.
    """
    if not jobs:
        return
    slots: queue.Queue[_Slot] = queue.Queue()
    for slot in _find_slots(len(jobs)):
        slots.put(slot)
    processes, starting, is_stopping = [], threading.Lock(), threading.Event()

    def run(job):
        slot = slots.get()
        try:
            with starting:
                if is_stopping.is_set():
                    return None
                process = _start(job, slot)
                processes.append(process)
            _check_begun(job, process, check)
            return process.wait()
        finally:
            slots.put(slot)

    pool = ThreadPoolExecutor(slots.qsize())
    try:
        job_of = {pool.submit(run, job): job for job in jobs}
        for ended in as_completed(job_of):
            yield job_of[ended], ended.result()
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


def _start(job, slot):
    """Starts or resumes a run in a slot."""
    environment = dict(os.environ)
    if slot.gpu is not None:
        environment["CUDA_VISIBLE_DEVICES"] = slot.gpu
    say(f"{job.label}: {'resumes' if job.is_begun else 'starts'}; its output is in {job.console}")
    return start_process(job, slot.cores if HAS_AFFINITY else None, environment)


def start_process(
    job: Job, cores: Collection[int] | None, environment: Mapping[str, str], **more: Any
) -> subprocess.Popen:
    """Starts or resumes a run, in a session of its own: signals reach it through this process alone.

    Args:
      cores: those that it may use; None for all that this thread may.
      environment: its environment variables.
      **more: what else `subprocess.Popen` takes.
    """
    study, name = job.study, job.log.name
    command = [*study.command, *study.arguments, "--seed", str(job.seed)]
    command += ["--log-dir", str(study.log_root), "--checkpoint-dir", str(study.checkpoint_root)]
    usual = os.sched_getaffinity(0) if cores else None
    try:
        if cores:
            os.sched_setaffinity(0, cores)  # of this thread, from which the process inherits it
        with job.console.open("a") as console:
            return subprocess.Popen(
                [*command, "--resume" if job.is_begun else "--run-name", name],
                env=environment,
                stdout=console,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                **more,
            )
    finally:
        if usual:
            os.sched_setaffinity(0, usual)


def find_log(study: Study, seed: int) -> Path:
    """The log folder of a seed's run."""
    return study.log_root / f"{study.name}_seed{seed}"


def _last_line(path):
    """What a run said last, without the name of its command."""
    lines = path.read_text(errors="replace").split("\n")
    said = [line for line in lines if line.strip()][-1:] or [f"it printed nothing; see {path}"]
    return re.sub(r"^(\S+\.py|infogan \S+): ", "", said[0])


def _check_begun(job, process, check):
    """Waits until a run has written its spec, and compares it: before it trains, not after."""
    path = job.checkpoints / "spec.json"
    while not path.exists():
        if process.poll() is not None:
            return
        time.sleep(LOOK_EVERY)
    check(job, path.read_text(errors="replace"))


def _check_spec(study, spec, held):
    changed = sorted(key for key in spec if spec[key] != held[key] and key != "paper_values")  # no run depends on these
    if changed:
        raise InputError(
            study.path, f"it holds runs of another spec ({', '.join(changed)} differ). {_begin(study.instead)}."
        )


def _keep(job, document):
    """Adds a finished run to the study's file."""
    study, seed = job.study, job.seed
    report = json.loads((job.log / "report.json").read_text())
    if report["seed"] != seed:
        raise InputError(job.label, f"its run has seed {report['seed']}. Use --seeds, not --seed.")
    spec = without_seed(report.pop("spec"))
    _check_spec(study, spec, document.setdefault("spec", spec))
    report["minutes"] = sum(
        spec["updates_per_epoch"] * spec["batch_size"] / line["speed/images_per_second"] / 60
        for line in load_metrics(job.log / "metrics.jsonl")
    )
    path = job.log / "environment.json"
    environment = json.loads(path.read_text()) if path.exists() else {}  # of a launcher with a `main` of its own
    report.update(cores=environment.get("cores"), gpus=len(environment.get("gpus", ())))
    document["runs"] = sorted([*document["runs"], report], key=lambda run: run["seed"])
    document["summary"] = summarise(document["runs"])
    write_json(study.path, document)
    errors = [f"{100 * row['ours']:.2f} % {row['name']}" for row in report["metrics"] if row["name"] == "error rate"]
    say(f"{job.label}: finished{''.join(f', {error}' for error in errors)}; kept in {study.path}")
