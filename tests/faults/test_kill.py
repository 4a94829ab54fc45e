"""Kills a training with SIGKILL again and again: what it leaves in the end is what an uninterrupted one leaves."""

import dataclasses
import io
import json
import time

import numpy as np
import pytest
from conftest import random_split
from killed_training import STAGES, Watched
from PIL import Image

from infogan.data import Dataset
from infogan.recipes import mnist
from infogan.system.tf1 import tf
from infogan.training.checkpoints import find_checkpoints, find_damage
from infogan.training.run_folder import RunFolder
from infogan.training.run_log import load_metrics

KILLS_OF_ALL, LONG_TESTS = 30, 3
"""How often `make test-all` kills in all, and in how many tests beside that of `make test`."""
LONG = [pytest.param(number, marks=pytest.mark.slow) for number in range(1, LONG_TESTS + 1)]
DATASET = Dataset(random_split(24, 0), random_split(16, 1), "random numbers")
LONGEST = {"starting": 2.0, "updating": 0.5, "writing a checkpoint": 0.5, "evaluating": 3.0}
"""Seconds within which a stage is hit after it began; the others take milliseconds."""


def start(root, spec, name):
    folder = RunFolder(root / "logs", root / "ckt", name)
    folder.create(spec, DATASET)
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """An uninterrupted run, made once: (spec, RunFolder)."""
    import conftest

    spec = dataclasses.replace(
        mnist.DEFAULT,
        network=conftest.NETWORK,
        batch_size=8,
        max_epoch=3,
        updates_per_epoch=2,
        snapshot_interval=2,
        seed=3,
        augmentation=0.0,
        constant_rate_share=1.0,
    )
    folder = start(tmp_path_factory.mktemp("whole"), spec, "run")
    assert Watched(spec, DATASET, folder).wait() == 0
    return spec, folder


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("number", [0, *LONG])
def test_a_run_that_is_killed_ends_as_if_it_never_was(whole, tmp_path, number):
    spec, expected = whole
    folder = start(tmp_path, spec, "run")
    random = np.random.default_rng(number)
    # `make test` hits the writing of a checkpoint, of metrics and of pictures; the others everything in turn.
    aims = STAGES[2:5] if number == 0 else choose_aims(KILLS_OF_ALL // LONG_TESTS, random)
    killed, runs = [], 1
    while len(killed) < len(aims):
        training = Watched(spec, DATASET, folder)
        moment = wait_for(training, aims[len(killed)], random)
        update = training.update
        if training.kill():
            killed.append(moment)
            check_remains(spec, folder, update)
        if moment == "evaluating":  # no more than that could be hit in this run
            finish(spec, folder, expected)
            runs += 1
            folder = start(tmp_path, spec, f"run{runs}")
    finish(spec, folder, expected)
    print(f"number {number}: {runs} runs killed while {', '.join(killed)}", flush=True)


def choose_aims(count, random):
    """Every stage in turn, in an order of its own each time."""
    return [aim for _ in range(-(-count // len(STAGES))) for aim in random.permutation(STAGES).tolist()][:count]


def finish(spec, folder, expected):
    assert Watched(spec, DATASET, folder).wait() == 0
    check_equal(spec, folder, expected)


def wait_for(training, aim, random):
    """Waits for a random moment of a stage, or of evaluating, which is the last; returns the stage then reached."""
    while training.is_running and training.stage not in (aim, "evaluating"):
        time.sleep(0.0005)
    time.sleep(random.uniform(0, LONGEST.get(aim, 0.01)))
    return training.stage


def check_remains(spec, folder, update):
    """Right after a kill everything that is there is whole, and no more than an interval of updates is lost."""
    saved = find_checkpoints(folder.checkpoints)
    assert all(find_damage(folder.checkpoints, number) == "" for number in saved)
    assert update - (saved[-1] if saved else 0) <= spec.snapshot_interval
    load_metrics(folder.metrics)  # refuses damaged or doubled lines
    for path in (folder.log / "status.json", folder.log / "environment.json", folder.log / "report.json"):
        assert not path.exists() or json.loads(path.read_text())
    for path in folder.log.rglob("[!.]*.png"):
        Image.open(io.BytesIO(path.read_bytes())).load()


def check_equal(spec, folder, expected):
    found, values = saved_variables(folder, spec), saved_variables(expected, spec)
    assert found.keys() == values.keys()
    assert any("adam" in name.lower() for name in values)
    for name, value in values.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)
    assert without_speed(load_metrics(folder.metrics)) == without_speed(load_metrics(expected.metrics))
    assert contents(folder, ".png") == contents(expected, ".png")
    assert contents(folder, "").keys() == contents(expected, "").keys()
    report, expected_report = (json.loads((run.log / "report.json").read_text()) for run in (folder, expected))
    assert without_duration(report) == without_duration(expected_report)
    assert json.loads((folder.log / "status.json").read_text())["state"] == "finished"


def without_duration(report):
    return [metric for metric in report["metrics"] if metric["name"] != "training speed"]


def saved_variables(folder, spec):
    reader = tf.train.load_checkpoint(str(folder.checkpoints / f"model-{spec.updates}"))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def without_speed(lines):
    return [{key: value for key, value in line.items() if not key.startswith("speed/")} for line in lines]


def contents(folder, suffix):
    """name -> content of all files of a run but TensorBoard's, of which each process has one."""
    return {
        (root.parent.name, path.relative_to(root)): path.read_bytes()
        for root in (folder.log, folder.checkpoints)
        for path in root.rglob(f"*{suffix}")
        if path.is_file() and not path.name.startswith("events.")
    }
