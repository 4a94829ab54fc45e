"""Training on several devices and by several processes gives what one device gives."""

import contextlib
import dataclasses
import json
import math
import os
import signal
import socket
import subprocess
import sys
import time

import pytest
from conftest import ROOT, launch

from infogan.system.messages import InputError
from infogan.system.tf1 import tf
from infogan.training import loop, placement
from infogan.training.loop import InfoGANTrainer
from infogan.training.placement import Agreement, Cluster, LocalDevices, OneDevice, choose_distribution
from infogan.training.run_folder import RunFolder
from infogan.training.run_log import load_metrics
from infogan.training.signals import StopSignals

SETTLING_BATCHES = 3


@pytest.fixture(autouse=True)
def few_settling_batches(monkeypatch):
    monkeypatch.setattr(loop, "SETTLING_BATCHES", SETTLING_BATCHES)


class VirtualDevices(LocalDevices):
    """Two devices made of this machine's processors."""

    def __init__(self):
        super().__init__(["/cpu:0", "/cpu:1"])

    def _session_config(self, config):
        config = super()._session_config(config)
        config.device_count["CPU"] = 2
        return config


def train(spec, dataset, root, name, where):
    folder = RunFolder(root / "logs", root / "ckt", name)
    folder.create(spec, dataset)
    with StopSignals() as stop:
        InfoGANTrainer(spec, dataset.train.images, folder, stop, distribution=where).train()
    return folder


def assert_same_losses(found, expected, tolerance):
    assert len(found) == len(expected) > 0
    for line, other in zip(found, expected):
        assert line.keys() == other.keys()
        for key in line:
            if key.startswith("gradient/"):  # the sum of the parts' lengths, which the length of their sum cannot pass
                assert other[key] * (1 - tolerance) < line[key] < math.inf, key
            elif not key.startswith("speed/"):
                assert line[key] == pytest.approx(other[key], abs=tolerance), key


@pytest.fixture
def smooth_training(monkeypatch):
    """Plain gradient descent between smooth rectifiers: rounding stays as small as it is.

    Adam divides by gradients that are next to 0, and a value at a rectifier's kink takes one slope or the other: either
    makes the last digit visible at once, on one processor and not on another.
    """
    monkeypatch.setattr(
        tf.train,
        "AdamOptimizer",
        lambda rate, beta1, beta2, name: tf.train.GradientDescentOptimizer(10 * rate, name=name),
    )
    monkeypatch.setattr(tf.nn, "relu", tf.nn.softplus)
    monkeypatch.setattr(tf.nn, "leaky_relu", lambda x, rate: rate * x + (1 - rate) * tf.nn.softplus(x))


def test_two_devices_train_as_one(spec, dataset, tmp_path, smooth_training):
    spec = dataclasses.replace(
        spec, seed=1, augmentation=1.0, view_information=0.5, category_balance=0.5, updates_per_epoch=1, max_epoch=3
    )
    spec = dataclasses.replace(spec, augmentation_colour=0.5, augmentation_cutout=0.3, mode_seeking=0.1)
    spec = dataclasses.replace(spec, continuous_view_information=0.5, continuous_view_codes=2, mirrored_views=True)
    one = train(spec, dataset, tmp_path, "one", OneDevice())
    two = train(spec, dataset, tmp_path, "two", VirtualDevices())
    assert_same_losses(load_metrics(two.metrics), load_metrics(one.metrics), 1e-4)
    one_names, two_names = (
        {name for name, _ in tf.train.list_variables(str(folder.checkpoints / "model-3"))} for folder in (one, two)
    )
    assert one_names == two_names  # so a run can be resumed on any number of devices


def test_two_devices_divide_by_the_same_singular_values(spec, dataset, tmp_path, smooth_training):
    """No device moves the vectors of spectral normalisation before all have read them."""
    spec = dataclasses.replace(spec, seed=1, spectral_norm=True, updates_per_epoch=1, max_epoch=2)
    one = train(spec, dataset, tmp_path, "one", OneDevice())
    two = train(spec, dataset, tmp_path, "two", VirtualDevices())
    assert_same_losses(load_metrics(two.metrics), load_metrics(one.metrics), 1e-4)


WORKER = """
import sys
sys.path.insert(0, {tests!r})
import dataclasses, pathlib, conftest, infogan.training.placement
from infogan.training.placement import choose_distribution
from infogan.training.signals import StopSignals
from infogan.training.run_folder import RunFolder
from infogan.training.loop import InfoGANTrainer
infogan.training.loop.SETTLING_BATCHES = {settling}
root = pathlib.Path({root!r})
spec = dataclasses.replace(conftest.SMALL, updates_per_epoch=1, augmentation=1.0, weight_averaging=0.5)
dataset = conftest.Dataset(conftest.random_split(24, 0), conftest.random_split(16, 1), "random numbers")
where = choose_distribution(None, infogan.training.placement.read_cluster(), spec)
folder = RunFolder(root / "logs", root / "ckt", f"run{{where.number}}")
if where.is_chief:
    folder.create(spec, dataset)
with StopSignals() as stop:
    InfoGANTrainer(spec, dataset.train.images, folder, stop, distribution=where).train()
"""


def free_ports(count):
    """Ports below those that a system gives to whoever asks for any: a worker listens seconds after this returns."""
    first, ports = 15_000 + 10 * os.getpid() % 15_000, []
    for port in range(first, first + 1000):
        with socket.socket() as one, contextlib.suppress(OSError):
            one.bind(("127.0.0.1", port))
            ports.append(port)
        if len(ports) == count:
            return ports
    raise AssertionError("no ports are free")


def start_workers(command, cwd, **options):
    """Starts two processes, each with its TF_CONFIG."""
    addresses = [f"127.0.0.1:{port}" for port in free_ports(2)]
    configs = [{"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}} for index in range(2)]
    return [
        subprocess.Popen(
            command,
            cwd=cwd,
            env={**os.environ, "TF_CONFIG": json.dumps(config), "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for config in configs
    ]


def finish(processes):
    """The exit statuses and standard errors; no process is left behind."""
    try:
        ends = [process.communicate(timeout=200)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    return [process.returncode for process in processes], ends


@pytest.mark.slow
def test_two_processes_train_as_one(spec, dataset, tmp_path):
    code = WORKER.format(tests=str(ROOT / "tests"), root=str(tmp_path), settling=SETTLING_BATCHES)
    workers = start_workers([sys.executable, "-c", code], tmp_path)
    spec = dataclasses.replace(spec, updates_per_epoch=1, max_epoch=2, augmentation=1.0, weight_averaging=0.5)
    one = train(spec, dataset, tmp_path, "one", OneDevice())
    statuses, ends = finish(workers)
    assert statuses == [0, 0], ends
    chief = RunFolder(tmp_path / "logs", tmp_path / "ckt", "run0")
    assert_same_losses(load_metrics(chief.metrics), load_metrics(one.metrics), 1e-3)
    assert not (tmp_path / "logs" / "run1").exists()  # the chief alone writes
    assert not (tmp_path / "ckt" / "run1").exists()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_lost_worker_ends_the_others_and_the_run_goes_on(tmp_path):
    launcher = [sys.executable, str(ROOT / "launchers" / "run_mnist_exp.py")]
    new = ["--smoke", "--max-epoch", "5000", "--snapshot-interval", "2", "--run-name", "run", "--precision", "float32"]
    workers = start_workers([*launcher, *new], tmp_path)
    wait_for_epoch(workers[0])
    workers[1].kill()
    statuses, ends = finish(workers)
    assert statuses[0] == 1
    assert "worker 0: another worker ended or cannot be reached" in ends[0].splitlines()[-1]
    status = json.loads((tmp_path / "logs/mnist/run/status.json").read_text())
    assert status["state"] == "failed"

    workers = start_workers([*launcher, "--resume", "run"], tmp_path)
    wait_for_epoch(workers[0])
    workers[1].send_signal(signal.SIGTERM)  # one worker's signal ends all of them after the same update
    statuses, ends = finish(workers)
    assert statuses == [143, 143], ends
    resumed = json.loads((tmp_path / "logs/mnist/run/status.json").read_text())
    assert resumed["state"] == "interrupted"
    assert resumed["update"] > status["update"]


def wait_for_epoch(process):
    until = time.monotonic() + 200
    while not process.stdout.readline().startswith("epoch "):
        assert process.poll() is None and time.monotonic() < until, process.communicate()


CLUSTER = Cluster({"worker": ["host0:1", "host1:1"]}, "worker", 1)

REFUSED = {
    "more than there are": ((3, None), 2, "gpus: 3 was given, but a number from 1 to 2 is needed"),
    "none here": ((1, None), 0, "gpus: 1 was given, but TensorFlow finds no GPU here"),
    "zero": ((0, None), 2, "gpus: 0 was given"),
    "not divided": ((3, None), 4, "batch_size: 8 was given, but 3 replicas must share a batch equally. Change"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_wrong_distributions_are_refused(case, spec, monkeypatch):
    arguments, found, message = REFUSED[case]
    monkeypatch.setattr(placement, "find_gpus", lambda: ["GPU"] * found)
    with pytest.raises(InputError) as caught:
        choose_distribution(*arguments, spec)
    assert message in str(caught.value)


def test_views_of_an_image_stay_together(spec, monkeypatch):
    monkeypatch.setattr(placement, "find_gpus", lambda: ["GPU"] * 4)
    spec = dataclasses.replace(spec, augmentation=1.0, view_information=0.5)
    assert choose_distribution(4, None, spec).replicas == 4
    with pytest.raises(InputError, match=r"12 was given, but 4 .* must .* without parting an image's views"):
        choose_distribution(4, None, dataclasses.replace(spec, batch_size=12))


def test_a_gradient_penalty_on_several_devices_needs_a_d_without_batch_norm(spec, monkeypatch):
    monkeypatch.setattr(placement, "find_gpus", lambda: ["GPU"] * 4)
    spec = dataclasses.replace(spec, gradient_penalty=5.0)
    assert type(choose_distribution(1, None, spec)) is OneDevice
    assert choose_distribution(4, None, dataclasses.replace(spec, spectral_norm=True)).replicas == 4
    with pytest.raises(InputError, match=r"gradient_penalty: 5 was given, .* 4 replicas .* --spectral-norm"):
        choose_distribution(4, None, spec)


def test_what_is_chosen(spec, monkeypatch):
    monkeypatch.setattr(placement, "find_gpus", lambda: ["GPU"] * 4)
    assert type(choose_distribution(None, None, spec)) is OneDevice
    assert type(choose_distribution(1, None, spec)) is OneDevice
    assert choose_distribution(4, None, spec).replicas == 4
    assert choose_distribution(None, CLUSTER, spec).replicas == 2
    workers = choose_distribution(2, CLUSTER, spec)
    assert (workers.replicas, workers.local_replicas, workers.number, workers.is_chief) == (4, 2, 1, False)


def test_more_gpus_than_there_are_get_one_line_and_status_2(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert launch("--gpus", "64") == 2
    err = capsys.readouterr().err
    assert "--gpus: 64 was given, but" in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_tf_config_is_refused_before_tensorflow_is_imported(tmp_path):
    result = subprocess.run(
        [sys.executable, "-X", "importtime", str(ROOT / "launchers" / "run_mnist_exp.py")],
        cwd=tmp_path,
        env={**os.environ, "TF_CONFIG": '{"cluster": {"worker": ["a:1", "b:1"]}}'},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1].startswith("run_mnist_exp.py: TF_CONFIG: ")
    assert "| tensorflow\n" not in result.stderr
    assert list(tmp_path.iterdir()) == []


class Others(OneDevice):
    """Another process, which gives the numbers it is made with."""

    processes = 2

    def __init__(self, *numbers):
        self._numbers = numbers

    def run(self, build, placed):
        return [tf.stack([placed[0], tf.constant(self._numbers, tf.int64)])]


@pytest.mark.parametrize(
    ("others", "message"),
    [((8, 5, 0), "TF_CONFIG: this worker was started with other flags"), ((7, 4, 0), "resume: this worker resumes")],
)
def test_workers_that_disagree_are_refused(others, message):
    with tf.Graph().as_default(), tf.Session() as session, StopSignals() as stop:
        with pytest.raises(InputError, match=message):
            Agreement(Others(*others), 7).reach(session, 5, stop)


def test_a_signal_of_one_process_stops_all():
    with tf.Graph().as_default(), tf.Session() as session, StopSignals() as stop:
        assert Agreement(Others(7, 5, 0), 7).reach(session, 5, stop) is False
        assert Agreement(Others(7, 5, int(signal.SIGTERM)), 7).reach(session, 5, stop) is True
        assert stop.received == signal.SIGTERM
