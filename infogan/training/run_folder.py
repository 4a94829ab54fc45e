"""Where a run lives: logs/<experiment>/<run>/ for people, ckt/<experiment>/<run>/ for the checkpoints.

Both folders hold the spec, and where the other one lies; the checkpoint folder is what a resumed run or an evaluation
starts from. Errors name the arguments of a program (`name`, `log_dir`); a command line shows them as its flags.
"""

import datetime
import hashlib
import itertools
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from infogan.data import Dataset
from infogan.data.lazy_images import content
from infogan.spec import ExperimentSpec
from infogan.system.checks import FILE_NAME, PATH, StrPath
from infogan.system.files import TEMPORARY, load_json, locked, reading, remove_abandoned, write_atomically, write_json
from infogan.system.messages import InputError
from infogan.training.checkpoints import find_checkpoints, newest_intact

COUNTERPART = "counterpart.json"
"""The file in each of the two folders that says where the other one is."""


class RunFolder:
    """The two folders of one run.

    Args:
      log_root: folder below which the run's logs are kept, as logs/mnist.
      checkpoint_root: folder below which its checkpoints are kept, as ckt/mnist.
      name: the run's name; None makes one of the time, which `create` changes if another run has it.

    Raises:
      InputError: if the name is no plain file name.
    """

    def __init__(self, log_root: StrPath, checkpoint_root: StrPath, name: str | None = None) -> None:
        self._is_named = name is not None
        if name is None:
            name = next(_names_of_now())
        self.name = FILE_NAME.check("name", name)
        self.log = Path(log_root) / name
        self.checkpoints = Path(checkpoint_root) / name

    @classmethod
    def find(cls, log_root: StrPath, checkpoint_root: StrPath, name: str | None = None) -> "RunFolder":
        """The existing run of that name; None takes the one that was started last.

        Raises:
          InputError: if there is no such run, it cannot be read, or its log folder cannot be written.
        """
        root = Path(checkpoint_root)
        names = _list_runs(root)
        if name is None and not names:
            raise InputError("resume", f"{root} holds no run to continue. Start a new one.")
        name = names[-1] if name is None else name.rstrip("/")
        if not _is_run(root, name):
            held = (
                f"holds only {', '.join(sorted(names))}. Choose one of these."
                if names
                else "holds no run. Start a new one."
            )
            raise InputError("resume", f"{name!r} was given, but {root} {held}")
        folder = cls(log_root, checkpoint_root, name)
        try:
            folder.frames.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError("log_dir", f"{folder.log} cannot be written ({error.strerror}).") from error
        return folder

    @property
    def samples(self) -> Path:
        """Folder of the run's pictures."""
        return self.log / "samples"

    @property
    def frames(self) -> Path:
        """Folder of the pictures taken during training, one a file, named by update."""
        return self.samples / "training"

    @property
    def metrics(self) -> Path:
        """The log, one JSON object an epoch."""
        return self.log / "metrics.jsonl"

    @property
    def evaluations(self) -> Path:
        """What was measured during the training, one JSON object an evaluation."""
        return self.log / "evaluations.jsonl"

    def create(self, spec: ExperimentSpec, dataset: Dataset, origin: "RunFolder | None" = None) -> None:
        """Makes both folders and writes what the run is made of; what a process left that was killed here is reused.

        Args:
          origin: None, or the RunFolder from whose newest checkpoint this run goes on.

        Raises:
          InputError: if either folder holds something or cannot be written, or another process is at it; nothing is
            left behind then.
        """
        made: list[tuple[Path, list[Path]]] = []
        is_anothers = False
        try:
            if not self._is_named:
                self._take_unused_name(made)
            self._check_unused(origin)
            _make(self.log, "log_dir", made)
            _make(self.checkpoints, "checkpoint_dir", made)
            is_anothers = True  # what was made may be, until it is locked and still holds nothing
            with self.lock("name"):
                self._check_unused(origin)
                is_anothers = False
                write_json(self.checkpoints / "dataset.json", _fingerprint(dataset))
                write_atomically(self.log / "spec.json", spec.to_json())
                if origin:
                    self._take_over(origin)
                # This is what makes the folder a run that can be resumed, and `find` makes the folder below if need be.
                write_atomically(self.checkpoints / "spec.json", spec.to_json())
                self.frames.mkdir(parents=True, exist_ok=True)
        except BaseException as error:
            for folder, parents in [] if is_anothers else reversed(made):
                shutil.rmtree(folder, ignore_errors=True)
                with suppress(OSError):  # another run may be in them by now
                    for parent in parents:
                        parent.rmdir()
            if isinstance(error, OSError):
                raise InputError(error.filename or self.log, f"it cannot be written ({error.strerror}).") from error
            raise

    def extend(self, spec: ExperimentSpec, dataset: Dataset) -> "RunFolder":
        """Makes a run of another spec that goes on from this one's newest checkpoint; returns its RunFolder.

        Raises:
          InputError: if this run is being trained, or as `create`.
        """
        extension = RunFolder(self.log.parent, self.checkpoints.parent, f"{self.name}-epoch{spec.max_epoch}")
        with self.lock():
            extension.create(spec, dataset, self)
        return extension

    def _take_over(self, origin: "RunFolder") -> None:
        """Copies what another run has reached: its newest checkpoint and its log."""
        update = newest_intact(origin.checkpoints)
        for path in (*origin.checkpoints.glob(f"model-{update}.*"), origin.checkpoints / "rollbacks.json"):
            if path.exists():
                write_atomically(self.checkpoints / path.name, path.read_bytes())
        for log, own in ((origin.metrics, self.metrics), (origin.evaluations, self.evaluations)):
            if log.exists():
                write_atomically(own, log.read_bytes())
        if origin.frames.exists():
            shutil.copytree(origin.frames, self.frames, dirs_exist_ok=True)
        write_json(self.checkpoints / "origin.json", {"run": origin.name, "update": update})

    def load_origin(self) -> dict[str, Any]:
        """The `run` from whose `update` this one goes on; an empty dict for one that began at 0.

        Raises:
          InputError: if the file is damaged.
        """
        path, name, advice = self.checkpoints / "origin.json", "origin of a run", "Restore it."
        origin = load_json(path, dict, name, advice)
        if origin and not (isinstance(origin.get("run"), str) and isinstance(origin.get("update"), int)):
            raise InputError(path, f"it is no {name} (`run` is no name, or `update` no number). {advice}")
        return origin

    def store_spec(self, spec: ExperimentSpec) -> None:
        """Writes the spec of a run that got longer."""
        for folder in (self.log, self.checkpoints):  # the latter's counts
            write_atomically(folder / "spec.json", spec.to_json())

    def _check_unused(self, origin: "RunFolder | None") -> None:
        """Refuses folders that hold anything but what `create` leaves when it is killed."""
        logs, checkpoints = {"spec.json"}, {"lock", "dataset.json"}
        if origin:
            logs |= {path.name for path in (self.metrics, self.evaluations, self.samples)}
            checkpoints |= {"rollbacks.json", "origin.json", *(path.name for path in self.checkpoints.glob("model-*"))}
        _check_holds_only(self.log, logs, "log_dir")
        _check_holds_only(self.checkpoints, checkpoints, "checkpoint_dir")

    def _take_unused_name(self, made: list[tuple[Path, list[Path]]]) -> None:
        for name in _names_of_now():
            log, checkpoints = self.log.with_name(name), self.checkpoints.with_name(name)
            if not checkpoints.exists() and _make(log, "log_dir", made):
                self.name, self.log, self.checkpoints = name, log, checkpoints
                return

    def load_spec(self) -> ExperimentSpec:
        """The spec the run was started with.

        Raises:
          InputError: if its file cannot be read, is damaged or of a newer version.
        """
        path = self.checkpoints / "spec.json"
        with reading(path):
            content = path.read_bytes()
        try:
            return ExperimentSpec.from_json(content.decode())
        except UnicodeDecodeError as error:
            raise InputError(path, f"it is no ExperimentSpec ({error}). Start a new run.") from error
        except InputError as error:
            where = path if error.where == "spec.json" else f"{path}, {error.where}"
            raise InputError(where, error.problem) from error

    def load_report(self) -> dict[str, Any]:
        """What the run's evaluation measured, the content of report.json; an empty dict before.

        Raises:
          InputError: if the file is damaged.
        """
        path, advice = self.log / "report.json", "Evaluate the run again."
        report = load_json(path, dict, "report", advice)
        if not are_rows(report.get("metrics", [])):
            raise InputError(path, f"it is no report (its metrics are no rows of numbers). {advice}")
        return report

    def load_fingerprint(self) -> dict[str, Any]:
        """The `source` and the `sha256` of the images and labels that the run was started with.

        Raises:
          InputError: if the file is damaged.
        """
        path = self.checkpoints / "dataset.json"
        begun = load_json(path, dict, "description of the run's images", "Restore it, or start a new run.")
        for key in ("sha256", "source"):
            if key not in begun:
                raise InputError(
                    path,
                    f"it does not say which images the run uses ({key!r} is missing). Restore it, or start a new run.",
                )
        return begun

    def check_dataset(self, dataset: Dataset) -> None:
        """Refuses to go on with other images or labels than the run was started with.

        Raises:
          InputError: if they differ.
        """
        begun = self.load_fingerprint()
        given = _fingerprint(dataset)
        if given["sha256"] != begun["sha256"]:
            source = begun["source"]
            others = f"those of {source}" if source != given["source"] else "other ones of that name"
            raise InputError(
                "dataset",
                f"the images of {given['source']} were given, but the run was started with {others}. Give these, or "
                "start a new run.",
            )

    @contextmanager
    def lock(self, argument: str = "resume") -> Iterator[None]:
        """Holds the run for this process; the system frees it when the process ends, however it ends.

        Files that a process left unfinished when it was killed are removed.

        Raises:
          InputError: naming the argument, if another process holds it, or the folder cannot be written.
        """
        path = self.checkpoints / "lock"
        refusal = InputError(argument, f"{self.name} is being trained by another process. Wait for it.")
        with ExitStack() as stack:
            try:
                stack.enter_context(locked(path, refusal))
            except OSError as error:
                raise InputError(path, f"it cannot be written ({error.strerror}), but a run needs to.") from error
            for folder in (self.log, self.checkpoints):
                remove_abandoned(folder)
            yield

    def store_counterparts(self) -> None:
        """Writes into either folder where the other one lies, seen from there: both can be moved together."""
        for folder, other in ((self.log, self.checkpoints), (self.checkpoints, self.log)):
            write_json(folder / COUNTERPART, {"path": os.path.relpath(other.resolve(), folder.resolve())})

    def load_rollbacks(self) -> list[dict[str, Any]]:
        """What `add_rollback` noted, oldest first.

        Raises:
          InputError: if the file is damaged.
        """
        return load_json(self.checkpoints / "rollbacks.json", list, "list of rollbacks", "Start a new run.")

    def add_rollback(self, update: int, problem: str) -> None:
        """Notes that numbers went bad, and that the run goes on from `update`."""
        write_json(self.checkpoints / "rollbacks.json", [*self.load_rollbacks(), {"to": update, "problem": problem}])

    def write_status(self, state: str, update: int, updates: int, message: str = "") -> None:
        """Writes status.json: running, finished, interrupted or failed, and how far the run is."""
        write_json(
            self.log / "status.json",
            {
                "state": state,
                "update": update,
                "updates": updates,
                "message": message,
                "rollbacks": len(self.load_rollbacks()),
                "changed": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
                "process": os.getpid(),
                "host": socket.gethostname(),
            },
        )


def are_rows(metrics: object) -> bool:
    """Whether JSON holds the `metrics` of a report, of one version or another."""
    return isinstance(metrics, list) and all(
        isinstance(row, dict)
        and {"name", "code", "unit"} <= row.keys()
        and isinstance(row.get("ours"), int | float | None)
        for row in metrics
    )


def _names_of_now() -> Iterator[str]:
    time = datetime.datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    yield time
    yield from (f"{time}-{count}" for count in itertools.count(2))


def _list_runs(root: Path) -> list[str]:
    """Names of the runs below a root that can be looked at, the one that was started last at the end."""
    try:
        with reading(root):
            names = filter(FILE_NAME.accepts, os.listdir(root))
    except (FileNotFoundError, NotADirectoryError):
        return []
    specs = [path for path in (root / name / "spec.json" for name in names) if os.path.isfile(path)]
    return [path.parent.name for path in sorted(specs, key=lambda path: (path.stat().st_mtime_ns, path))]


def _is_run(root: Path, name: str) -> bool:
    """Whether a root holds a run of that name.

    Raises:
      InputError: if that cannot be seen.
    """
    with reading(root / name):
        return FILE_NAME.accepts(name) and (root / name / "spec.json").is_file()


def _check_holds_only(folder: Path, names: set[str], argument: str) -> None:
    """Refuses a folder that holds anything but files of these names and unfinished ones."""
    try:
        held = {path.name for path in folder.iterdir()} if folder.exists() else set()
    except OSError as error:
        raise InputError(argument, f"{folder} cannot be read ({error.strerror}). Choose another folder.") from error
    if not {name for name in held if not TEMPORARY.fullmatch(name)} <= names:
        raise InputError(
            argument,
            f"{folder} is not empty, but a new run needs a folder of its own. Choose another name"
            + (f", or resume {folder.name}." if (folder / "spec.json").exists() else "."),
        )


def _make(folder: Path, argument: str, made: list[tuple[Path, list[Path]]]) -> bool:
    """Makes a folder unless it is there, in which case False is returned.

    A new one is appended to `made`, with the parents that were made for it, the deepest first.
    """
    try:
        parents = [path for path in folder.parents if not path.exists()]
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            folder.mkdir()
            is_new = True
            made.append((folder, parents))
        except FileExistsError:
            is_new = False
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(argument, f"{folder} cannot be written ({error.strerror}). Choose another folder.") from error
    return is_new


def _fingerprint(dataset: Dataset) -> dict[str, Any]:
    digest = hashlib.sha256()
    for split in (dataset.train, dataset.test):
        digest.update(content(split.images))
        if split.labels is not None:
            digest.update(np.ascontiguousarray(split.labels).data)
    return {"source": dataset.source, "images": len(dataset.train), "sha256": digest.hexdigest()}


COUNTERPARTS = {"logs": "ckt", "ckt": "logs"}


def open_run(path: StrPath, log_root: StrPath | None = None, checkpoint_root: StrPath | None = None) -> RunFolder:
    """The run that a folder belongs to; nothing is written.

    A run has two folders of the same name: logs/<experiment>/<run> for people, ckt/<experiment>/<run> for checkpoints.
    The other one is looked for in the root that is given for it, else where the run has stored that it is, else where
    the path has `ckt` in place of `logs`. A folder of checkpoints that lies elsewhere is its own log folder.

    Args:
      path: either folder, a `pathlib.Path` or str.
      log_root: folder that holds the run's log folder, None for the default layout.
      checkpoint_root: folder that holds its checkpoint folder, None for the default layout.

    Returns:
      RunFolder, whose log folder may be missing.

    Raises:
      InputError: if it is no run's folder, cannot be read, or the folder with the checkpoints is not found.
    """
    given = PATH.check("path", path).absolute()
    with reading(given):
        if not (given / "spec.json").is_file():
            raise InputError(path, _describe_missing(given))
        if (given / "dataset.json").is_file() or find_checkpoints(given):
            root = log_root or _stored_root(given) or _counterpart_root(given, "ckt") or given.parent
            return _name_folder(path, root, given.parent)
        root = checkpoint_root or _stored_root(given) or _counterpart_root(given, "logs")
        if root is None:
            raise InputError(
                path,
                "it holds no checkpoint, and does not lie below logs/, so where its checkpoints are is not known. "
                "Give the folder of its checkpoints.",
            )
        folder = _name_folder(path, given.parent, root)
        if not (folder.checkpoints / "spec.json").is_file():
            raise InputError(
                path,
                f"its checkpoints are needed, but {folder.checkpoints} holds no run. Give the folder of its "
                "checkpoints.",
            )
        return folder


def _name_folder(path: StrPath, log_root: StrPath, checkpoint_root: StrPath) -> RunFolder:
    try:
        return RunFolder(log_root, checkpoint_root, Path(path).absolute().name)
    except InputError as error:
        raise InputError(path, f"{error.problem} Rename the folder.") from None


def _stored_root(folder: Path) -> Path | None:
    """The root of the other folder as `store_counterparts` wrote it; None if it did not, or there is no run now."""
    advice = "Remove it: the other folder is then looked for by its name."
    stored = load_json(folder / COUNTERPART, dict, "path of the run's other folder", advice).get("path")
    if not isinstance(stored, str):
        return None
    root = Path(os.path.normpath(folder.resolve() / stored)).parent
    return root if os.path.isfile(root / folder.name / "spec.json") else None


def _counterpart_root(path: Path, kind: str) -> Path | None:
    """The parent of `path` with the nearest folder named `kind` replaced by its counterpart; None if there is none."""
    parts = list(path.parent.parts)
    if kind not in parts:
        return None
    parts[len(parts) - 1 - parts[::-1].index(kind)] = COUNTERPARTS[kind]
    return Path(*parts)


def _describe_missing(path: Path) -> str:
    runs = sorted(spec.parent.name for spec in path.glob("*/spec.json"))
    if runs:
        return f"it is no run, but holds the runs {', '.join(runs)}. Give the folder of one of these."
    if path.is_dir():
        return "it holds no run (no spec.json), but a run's folder is needed. Give one such as ckt/mnist/NAME."
    return "there is no such folder, but a run's is needed. Give one such as ckt/mnist/NAME."
