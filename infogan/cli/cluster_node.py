"""The part of a study on a cluster that runs on the nodes: a run in folders of its own, which are then sent back."""

import contextlib
import ctypes
import hashlib
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import infogan
from infogan.cli.study import HAS_AFFINITY, LOOK_EVERY, Job, start_process
from infogan.evaluation.report import find_version
from infogan.system.files import locked, sync
from infogan.system.messages import InputError
from infogan.training.checkpoints import find_checkpoints
from infogan.training.run_folder import RunFolder

STOPPED = 128 + signal.SIGTERM
"""Exit status of a run that is not started, because the study was stopped."""
PREFIX = "infogan-run-"
"""Of the folder that a run has on a node, among its temporary files."""
YOUNG = 60
"""Seconds in which nobody else removes it."""
OLD = re.compile(r"model-(\d+)\..*")
"""A file of a checkpoint, with its update."""

Files = Mapping[str, bytes]
"""What a run has in its two folders: content by path, which begins with log/ or checkpoints/."""
Tell = Callable[[str, object], bool]
"""Takes the kind of a message and its content; returns whether the run shall stop. The kinds: `begun`, with the text of
the run's spec.json; `printed`, with bytes; `alive`."""


class Task(NamedTuple):
    """What a node needs to make a run.

    Attributes:
      job: the run.
      begun: its files so far.
      launcher: content of the launcher's file; None for an experiment of this package.
      cores: how many it may use; 0 for all.
      folder: where relative paths in its arguments begin, if the node has it.
    """

    job: Job
    begun: Files
    launcher: bytes | None
    cores: int
    folder: str


def describe_package() -> dict[str, str | None]:
    """What must be the same on all nodes, so that they compute the same: dict of what -> version."""
    root, digest = Path(infogan.__file__).parent, hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes())
    return {
        "infogan": f"{infogan.__version__} ({digest.hexdigest()[:8]})",
        "tensorflow": find_version("tensorflow"),
    }


def make_run(task: Task, tell: Tell) -> tuple[int, Files]:
    """Runs or resumes a run in a process of its own, below a temporary folder.

    Returns:
      (exit status, the run's files).
    """
    _remove_abandoned()
    with tempfile.TemporaryDirectory(prefix=PREFIX) as folder, locked(Path(folder) / "lock"):
        here = _move(task, Path(folder))
        unpack(task.begun, here)
        if tell("alive", None):
            return STOPPED, {}
        with take_cores(task.cores) as cores:
            # Ray gives each task OMP_NUM_THREADS; here as on one machine the cores decide.
            environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
            more = {
                "cwd": task.folder if Path(task.folder).is_dir() else None,
                "preexec_fn": _end_with_parent if sys.platform == "linux" else None,
            }
            status = _wait(start_process(here, cores, environment, **more), here, tell)
        return status, pack(here)


def _remove_abandoned():
    """Removes the folders of runs whose task was killed."""
    for lock in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/lock"):
        with contextlib.suppress(OSError):
            if time.time() - lock.stat().st_mtime > YOUNG:  # else another task may be about to lock it
                with locked(lock, BlockingIOError()):
                    shutil.rmtree(lock.parent, ignore_errors=True)


def _move(task, folder):
    """The job with its folders, and its launcher, below a folder of this node."""
    study, (_, file, *rest) = task.job.study, task.job.study.command
    if task.launcher is None:
        launcher = Path(infogan.__file__).parent
    else:
        launcher = folder / Path(file).name
        launcher.write_bytes(task.launcher)
    command = (sys.executable, str(launcher), *rest)
    moved = study._replace(command=command, log_root=folder / "logs", checkpoint_root=folder / "ckt")
    for root in (moved.log_root, moved.checkpoint_root):
        root.mkdir()
    return task.job._replace(study=moved)


@contextlib.contextmanager
def take_cores(count: int) -> Iterator[list[int] | None]:
    """So many cores of this machine, which no other run of a cluster has; None, for all, if there are not as many."""
    with contextlib.ExitStack() as stack:
        taken: list[int] = []
        if HAS_AFFINITY:
            folder = Path(tempfile.gettempdir()) / f"infogan-cores-{os.getuid()}"
            folder.mkdir(exist_ok=True)
            for core in sorted(os.sched_getaffinity(0)):
                if len(taken) < count:
                    with contextlib.suppress(InputError):
                        stack.enter_context(locked(folder / str(core), InputError(core, "it is taken.")))
                        taken.append(core)
        yield taken if taken and len(taken) == count else None


def _end_with_parent():
    """Has Linux send this process SIGTERM when the task's process ends, as when Ray cancels it."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def _wait(process, here, tell):
    """Tells what the run prints and that it has begun, until it ends."""
    is_begun, printed = False, 0
    try:
        while True:
            is_ended = process.poll() is not None
            with here.console.open("rb") as console:
                console.seek(printed)
                text = console.read()
            printed += len(text)
            is_stopping = tell("printed", text) if text else tell("alive", None)
            spec = here.checkpoints / "spec.json"
            if not is_begun and spec.exists():
                is_begun = True
                tell("begun", spec.read_text(errors="replace"))
            if is_ended:
                return process.returncode
            if is_stopping:
                process.send_signal(signal.SIGTERM)  # the run saves its last update
            time.sleep(5 * LOOK_EVERY)
    except BaseException:
        process.terminate()
        raise


def pack(job: Job) -> Files:
    """The files of a run, of its checkpoints the newest one; none if it has not begun."""
    if not job.is_begun:
        return {}
    newest = str(max(find_checkpoints(job.checkpoints), default=""))
    files = {}
    for name, folder in (("log", job.log), ("checkpoints", job.checkpoints)):
        for path in sorted(folder.rglob("*")):
            checkpoint = OLD.fullmatch(path.name)
            if path.is_file() and not (checkpoint and checkpoint[1] != newest):
                files[f"{name}/{path.relative_to(folder).as_posix()}"] = path.read_bytes()
    return files


def unpack(files: Files, job: Job) -> None:
    """Puts the files of a run into its folders, in place of what is there."""
    if not files:
        return
    for name, folder in (("log", job.log), ("checkpoints", job.checkpoints)):
        incoming, replaced = (folder.with_name(f".{folder.name}.{state}") for state in ("incoming", "replaced"))
        for left in (incoming, replaced):
            shutil.rmtree(left, ignore_errors=True)
        incoming.mkdir(parents=True)
        for path, content in files.items():
            if path.startswith(f"{name}/"):
                file = incoming / path.removeprefix(f"{name}/")
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
                sync(file)
        if folder.exists():
            folder.rename(replaced)
        incoming.rename(folder)
        shutil.rmtree(replaced, ignore_errors=True)
    RunFolder(job.log.parent, job.checkpoints.parent, job.log.name).store_counterparts()
