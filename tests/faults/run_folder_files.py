"""Files of a run's folder that a stranger may have written, and what reads them."""

import json

import numpy as np

from infogan.recipes import mnist
from infogan.system.tf1 import tf
from infogan.training.checkpoints import Checkpoints, newest_intact
from infogan.training.run_folder import RunFolder
from infogan.training.run_log import load_metrics

VALUES = np.arange(100.0, dtype=np.float32)


def _build():
    """A graph as Checkpoints takes it: weights of several shapes, and a counter."""
    tf.get_variable("weights", initializer=VALUES)
    tf.get_variable("kernel", initializer=VALUES.reshape(4, 25))
    tf.get_variable("update", [], tf.int64, tf.zeros_initializer(), trainable=False)


def write_checkpoint(folder):
    with tf.Graph().as_default(), tf.Session() as session:
        _build()
        session.run(tf.global_variables_initializer())
        Checkpoints(folder).save(session, 1)
    return folder


def read_checkpoint(folder):
    """As a run is loaded: what is wrong is refused, what is right gives the values that were saved."""
    update = newest_intact(folder)
    if update is None:
        return
    with tf.Graph().as_default(), tf.Session() as session:
        _build()
        Checkpoints(folder).restore(session, update)
        weights = session.run(tf.global_variables()[0])
    np.testing.assert_array_equal(weights, VALUES)


def _run(folder):
    return RunFolder(folder.parent, folder.parent, folder.name)


def write_spec(folder):
    (folder / "spec.json").write_text(mnist.PAPER.to_json())
    return folder


def write_metrics(folder):
    lines = ({"epoch": n, "update": 10 * n, "mi/digit": 2.0, "speed/images_per_second": 50.0} for n in range(1, 20))
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder / "metrics.jsonl"


def write_report(folder):
    metrics = [{"name": "error", "code": "digit", "value": 0.05, "unit": ""}]
    (folder / "report.json").write_text(json.dumps({"metrics": metrics, "notes": ["a"], "seed": 1}))
    return folder


FORMATS = {
    "checkpoint": (write_checkpoint, read_checkpoint),
    "spec.json": (write_spec, lambda folder: _run(folder).load_spec()),
    "metrics.jsonl": (write_metrics, load_metrics),
    "report.json": (write_report, lambda folder: _run(folder).load_report()),
}
