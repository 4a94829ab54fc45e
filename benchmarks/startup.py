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
    command = [sys.executable, str(LAUNCHER), "--recipe", recipe, "--run-name", name]
    command += ["--max-epoch", str(updates), "--updates-per-epoch", "1"]
    command += ["--log-dir", f"{folder}/logs", "--checkpoint-dir", f"{folder}/ckt"]
    errors = Path(folder) / f"{name}.stderr"
    with errors.open("w") as stderr:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True)
        first = None
        for line in process.stdout:
            if first is None and line.startswith("epoch 1/"):
                first = time.perf_counter() - started
        _, status, usage = os.wait4(process.pid, 0)
    if status or first is None:
        raise RuntimeError(f"the launcher ended with status {status}:\n{errors.read_text()}")
    return {"first_update_seconds": first, "peak_bytes": largest_resident_bytes(usage)}
