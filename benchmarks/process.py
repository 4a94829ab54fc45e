"""Starts measurements, each in a process of its own, and sees what else kept the processors busy meanwhile."""

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

from infogan.system.messages import TrainingFailed

ROOT = Path(__file__).resolve().parent.parent


def run_child(module, options, python=sys.executable, environment=None):
    """Result of `measure(**options)` of a module, measured in a new process.

    Args:
      module: name of a module of this package.
      options: dict for JSON.
      python: the interpreter.
      environment: dict of variables beside this process's.

    Returns:
      The measurement's dict, with `other_load`: processors that others kept busy meanwhile, None where unknown.

    Raises:
      TrainingFailed: if the process fails, with what it said.
    """
    before = _processor_seconds()
    started = time.monotonic()
    command = [str(python), "-m", "benchmarks.child", module, json.dumps(options)]
    variables = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", **(environment or {})}  # of what fails, errors say enough
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=variables)
    seconds = time.monotonic() - started
    if done.returncode:
        raise TrainingFailed(f"{module} failed with status {done.returncode}:\n{done.stderr}")
    result = json.loads(done.stdout.splitlines()[-1])
    after = _processor_seconds()
    if before is None or after is None:
        return {**result, "other_load": None}
    busy, own = (now - then for now, then in zip(after, before))
    return {**result, "other_load": max(0.0, busy - own) / seconds}


def _processor_seconds():
    """Seconds of work so far: of all processes, and of this process's finished children; None without /proc."""
    try:
        fields = Path("/proc/stat").read_text().splitlines()[0].split()
    except OSError:
        return None
    user, nice, system, _, _, interrupts, soft_interrupts = map(int, fields[1:8])
    busy = (user + nice + system + interrupts + soft_interrupts) / os.sysconf("SC_CLK_TCK")
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return busy, children.ru_utime + children.ru_stime
