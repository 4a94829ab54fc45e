"""From the command to the first update, and the memory of a whole run of the launcher."""

import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.process import ROOT
from benchmarks.timing import largest_resident_bytes

LAUNCHER = ROOT / "launchers" / "run_mnist_exp.py"


def measure(folder, recipe, name, updates):
    """Runs the launcher as a user would, on the whole training set, its evaluation and pictures included.

    Args:
      folder: where the run goes.
      recipe: recipe of the launcher.
      name: name of the run.
      updates: updates to train.

    Returns:
      dict: `first_update_seconds` from the start of the process to the line after the first update, `peak_bytes` of
      the process until its end.
    """
    lines, usage = run_launcher(
        folder, name, ["--recipe", recipe, "--max-epoch", str(updates), "--updates-per-epoch", "1"]
    )
    first = next((seconds for seconds, line in lines if line.startswith("epoch 1/")), None)
    if first is None:
        raise RuntimeError("the launcher printed no line of the first epoch")
    return {"first_update_seconds": first, "peak_bytes": largest_resident_bytes(usage)}


def run_launcher(folder, name, arguments):
    """Runs MNIST's launcher to its end.

    Args:
      folder: where the run goes: below it are `logs` and `ckt`.
      name: name of the run.
      arguments: further ones of the launcher.

    Returns:
      (list of (seconds since the start of the process, line that it printed), its resource usage).

    Raises:
      RuntimeError: if it fails, with what it said.
    """
    command = [sys.executable, str(LAUNCHER), "--run-name", name, *arguments]
    command += ["--log-dir", f"{folder}/logs", "--checkpoint-dir", f"{folder}/ckt"]
    errors = Path(folder) / f"{name}.stderr"
    with errors.open("w") as stderr:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True)
        lines = [(time.perf_counter() - started, line) for line in process.stdout]
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        code = os.waitstatus_to_exitcode(status)
        raise RuntimeError(f"the launcher ended with status {code}:\n{errors.read_text()}")
    return lines, usage
