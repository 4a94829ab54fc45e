"""Where a run lives: logs/<experiment>/<run>/ for people, ckt/<experiment>/<run>/ for the checkpoints.

Both folders hold the spec; the checkpoint folder is what a resumed run or an evaluation starts from.
"""

import datetime
import fcntl
import hashlib
import json
import os
import re
import shutil
import socket
import tempfile
from contextlib import contextmanager
from pathlib import Path

from infogan.atomic_file import write_atomically, write_json
from infogan.errors import InputError
from infogan.spec import ExperimentSpec

NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class RunFolder:
    """The two folders of one run.

    Args:
      log_root: folder below which the run's logs are kept, as logs/mnist.
      checkpoint_root: folder below which its checkpoints are kept, as ckt/mnist.
      name: the run's name; None makes one of the time.

    Raises:
      InputError: if the name is no plain file name.
    """

    def __init__(self, log_root, checkpoint_root, name=None):
        name = name or datetime.datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
        if not NAME_PATTERN.fullmatch(name):
            raise InputError(
                "--run-name",
                f"{name!r} was given, but a name is made of letters, digits, '.', '_' and '-' (100 at most).",
            )
        self.name = name
        self.log = Path(log_root) / name
        self.checkpoints = Path(checkpoint_root) / name

    @classmethod
    def find(cls, log_root, checkpoint_root, name=None):
        """The existing run of that name; None takes the one that was started last.

        Raises:
          InputError: if there is no such run.
        """
        root = Path(checkpoint_root)
        if name is not None:
            folder = cls(log_root, checkpoint_root, name)
            if not folder._spec_path.is_file():
                raise InputError("--resume", f"{name!r} was given, but {root} holds {_names_of_runs(root)}.")
            return folder
        runs = sorted(root.glob("*/spec.json"), key=lambda path: (path.stat().st_mtime_ns, path))
        if not runs:
            raise InputError("--resume", f"{root} holds no run to continue. Start one without --resume.")
        return cls(log_root, checkpoint_root, runs[-1].parent.name)

    @property
    def samples(self):
        """Folder of the run's pictures."""
        return self.log / "samples"

    @property
    def frames(self):
        """Folder of the pictures taken during training, one a file, named by update."""
        return self.samples / "training"

    @property
    def metrics(self):
        """The log, one JSON object an epoch."""
        return self.log / "metrics.jsonl"

    @property
    def _spec_path(self):
        return self.checkpoints / "spec.json"

    def create(self, spec, dataset):
        """Makes both folders and writes what the run is made of.

        Raises:
          InputError: if either folder holds something or cannot be written; nothing is left behind then.
        """
        for folder, flag in ((self.log, "--log-dir"), (self.checkpoints, "--checkpoint-dir")):
            if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
                raise InputError(
                    flag,
                    f"{folder} is not empty, but a new run needs a folder of its own. "
                    f"Choose another --run-name, or go on with --resume {self.name}.",
                )
        made = []
        for folder, flag in ((self.log, "--log-dir"), (self.checkpoints, "--checkpoint-dir")):
            try:
                made.append(_make_writable(folder))
            except OSError as error:
                for path in filter(None, made):
                    shutil.rmtree(path, ignore_errors=True)
                raise InputError(
                    flag, f"{folder} cannot be written ({error.strerror}). Choose another folder."
                ) from error
        self.frames.mkdir(parents=True)
        for folder in (self.log, self.checkpoints):
            write_atomically(folder / "spec.json", spec.to_json())
        write_json(self.checkpoints / "dataset.json", _fingerprint(dataset))

    def load_spec(self):
        """The spec the run was started with."""
        return ExperimentSpec.from_json(self._spec_path.read_text())

    def check_dataset(self, dataset):
        """Refuses to go on with other images than the run was started with.

        Raises:
          InputError: if they differ.
        """
        begun = json.loads((self.checkpoints / "dataset.json").read_text())
        given = _fingerprint(dataset)
        if given["sha256"] != begun["sha256"]:
            raise InputError(
                "--data-dir",
                f"the images of {given['source']} were given, but the run was started with those of {begun['source']}. "
                "Give these, or start a new run.",
            )

    @contextmanager
    def lock(self):
        """Holds the run for this process; the system frees it when the process ends, however it ends.

        Raises:
          InputError: if another process holds it.
        """
        with (self.checkpoints / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise InputError(
                    "--resume", f"{self.name} is being trained by another process. Wait for it."
                ) from error
            yield

    def write_status(self, state, update, updates, message=""):
        """Writes status.json: running, finished, interrupted or failed, and how far the run is."""
        write_json(
            self.log / "status.json",
            {
                "state": state,
                "update": update,
                "updates": updates,
                "message": message,
                "changed": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
                "process": os.getpid(),
                "host": socket.gethostname(),
            },
        )


def _names_of_runs(root):
    names = sorted(path.parent.name for path in root.glob("*/spec.json"))
    return f"only {', '.join(names)}" if names else "no run"


def _make_writable(folder):
    """Makes the folder; returns its topmost part that was missing, or None."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        return missing[-1] if missing else None


def _fingerprint(dataset):
    digest = hashlib.sha256(dataset.train.images.tobytes()).hexdigest()
    return {"source": dataset.source, "images": len(dataset.train), "sha256": digest}
