"""How far a reader walks through the source: files entered and changes of file from a launcher to its report.

    python -m benchmarks.walk

Runs launchers/run_mnist_exp.py --smoke in a temporary folder and listens to the calls of functions whose code lies in
infogan/. It measures the code, not the machine.
"""

import contextlib
import io
import os
import runpy
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = str(ROOT / "infogan") + os.sep
LAUNCHER = str(ROOT / "launchers" / "run_mnist_exp.py")


class Walk:
    """What `sys.setprofile` hears of the main thread.

    Attributes:
      files: paths of the package's files of which a function was called, in the order of their first call.
      changes: how often a function was called in another file of the package than the one called before.
      changes_before_training: the changes until the first call of `Session.run`; None before.
      frames: the package's functions that had been entered, and not left, when Adam's first `apply_gradients` was
        called, from the launcher down: `file:function`; None before.
    """

    def __init__(self):
        self.files, self.changes = {}, 0
        self.changes_before_training, self.frames = None, None
        self._last = None

    def hear(self, frame, event, argument):
        """A function for `sys.setprofile`."""
        if event != "call":
            return
        path, name = frame.f_code.co_filename, frame.f_code.co_name
        if path.startswith(PACKAGE) and name != "<module>":  # importing is no walk
            self.files[path] = None
            self.changes += path != self._last
            self._last = path
        elif self.frames is None and name == "apply_gradients":
            self.frames = _list_functions(frame)
        elif self.changes_before_training is None and name == "run" and path.endswith("client/session.py"):
            self.changes_before_training = self.changes


def _list_functions(frame):
    """`file:function` of the package's frames above this one, from the outermost down."""
    above = []
    while frame := frame.f_back:
        if frame.f_code.co_filename.startswith(PACKAGE):
            above.insert(0, f"{frame.f_code.co_filename.removeprefix(PACKAGE)}:{frame.f_code.co_name}")
    return above


def walk_to_report(folder):
    """The Walk of a smoke run that leaves its files in a folder."""
    walk = Walk()
    arguments, sys.argv = sys.argv, [LAUNCHER, "--smoke", "--log-dir", f"{folder}/l", "--checkpoint-dir", f"{folder}/c"]
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            sys.setprofile(walk.hear)
            runpy.run_path(LAUNCHER, run_name="__main__")
    except SystemExit as end:
        if end.code:
            raise
    finally:
        sys.setprofile(None)
        sys.argv = arguments
    return walk


def main():
    """Prints the counts."""
    with tempfile.TemporaryDirectory() as folder:
        walk = walk_to_report(folder)
    sources = len(list(Path(PACKAGE).rglob("*.py")))
    print(
        f"{sources} source files in infogan/\n"
        f"{len(walk.files)} of them entered from the launcher to the report\n"
        f"{walk.changes} changes of file, {walk.changes_before_training} of them before anything is computed\n"
        f"{len(walk.frames)} frames between the launcher and Adam: {' > '.join(walk.frames)}"
    )


if __name__ == "__main__":
    main()
