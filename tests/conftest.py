"""What the tests share: a small spec, a small dataset, one finished smoke run."""

import dataclasses
import logging
import os
import random
import resource
import signal
import socket
import sys
import threading
import types
import warnings
from contextlib import contextmanager
from pathlib import Path

import matplotlib
import numpy as np
import pytest

from infogan import run
from infogan.cli.train import main
from infogan.data import Dataset, Split
from infogan.model import architectures
from infogan.recipes import mnist
from infogan.run import TrainedRun
from infogan.system import tf1
from infogan.system.files import locked
from infogan.training import loop
from infogan.training.signals import StopSignals

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True, scope="session")
def cache_folder(tmp_path_factory):
    """Keeps what is computed once out of the user's own cache."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("INFOGAN_CACHE", str(folder))
        yield folder


@pytest.fixture(autouse=True, scope="session")
def quick_sessions():
    """Runs and trainers compute graphs of float32 as they are: to rewrite one takes longer than to run it a few times.

    Processes that the tests start, and so the slow tests, rewrite them.
    """

    def session_config(precision="float32", jit_compile=False):
        config = tf1.session_config(precision, jit_compile)
        as_it_is = precision == "float32" and not jit_compile
        config.graph_options.rewrite_options.disable_meta_optimizer = as_it_is
        return config

    with pytest.MonkeyPatch.context() as patch:
        for module in (loop, run):
            patch.setattr(module, "session_config", session_config)
        yield


@pytest.fixture(scope="session")
def quick_graphs():
    """So does each `tf.Session()` of the tests, from the first file on that asks for it."""
    tf1.tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


HANDLERS = {
    number: signal.SIG_DFL if signal.getsignal(number) == signal.SIG_IGN else signal.getsignal(number)
    for number in StopSignals.SIGNALS
}
"""Of the signals that stop a run, when the tests begin; `nohup make test` has one ignored."""


@pytest.fixture(autouse=True)
def signal_handlers():
    """Puts back the handlers that a run which was stopped by a signal leaves ignored, in a test or a shared fixture."""
    _set_handlers()
    yield
    _set_handlers()


def _set_handlers():
    for number, handler in HANDLERS.items():
        signal.signal(number, handler)


def describe_process():
    """State of the whole process, which is not a command's or a call's to change for good: dict of name -> value."""
    loggers = [logging.getLogger(name) for name in ("", "absl", "tensorflow", "infogan", "matplotlib", "PIL")]
    return {
        # Without that of pytest-timeout.
        "signals": {number: signal.getsignal(number) for number in signal.valid_signals() - {signal.SIGALRM}},
        **{f"${name}": value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"},
        "folder": Path.cwd(),
        "mask": Path("/proc/self/status").read_text().split("Umask:")[1].split()[0]
        if sys.platform == "linux"
        else None,
        "limits": {name: resource.getrlimit(getattr(resource, name)) for name in dir(resource) if "RLIMIT_" in name},
        "cores": getattr(os, "sched_getaffinity", lambda process: None)(0),
        "files": [os.fstat(number).st_ino for number in range(3)],
        "hooks": (sys.excepthook, sys.unraisablehook, sys.displayhook, threading.excepthook),
        "path": list(sys.path),
        "warnings": list(warnings.filters),
        "logging": [(logger.level, list(logger.handlers), logger.disabled) for logger in loggers],
        "random": (random.getstate(), *map(str, np.random.get_state())),
        "errors": np.geterr(),
        "depth": sys.getrecursionlimit(),
        "plots": dict(matplotlib.rcParams),
    }


@pytest.fixture
def unchanged_process():
    """Fails the test if the process is not afterwards what it was. Ask for it after what changes the process itself."""
    before = describe_process()
    yield
    after = describe_process()
    assert {name: after[name] for name in after if after[name] != before.get(name)} == {}
    assert set(before) == set(after)


NETWORK, CHANNELS, FEW_CHANNELS = "dcgan", architectures.FIRST_CHANNELS, 8
"""The network of most runs here; the channels of its first stage, which `wide` gives back; those that it has here."""
architectures.FIRST_CHANNELS = FEW_CHANNELS
"""A run's checkpoint has 2 MB in place of Table 1's 158. Processes that the tests start do not know of it."""

SMALL = dataclasses.replace(
    mnist.REFERENCE,
    leaky_rate=0.1,
    continuous_weight=0.5,
    held_out_images=0,
    sweep_limit=2.0,
    batch_size=8,
    precision="float32",
    network=NETWORK,
    max_epoch=2,
    updates_per_epoch=2,
    snapshot_interval=3,
    seed=3,
)
"""Four updates in two epochs, on small batches."""


NARROW = f"""
import runpy, sys
sys.path.insert(0, {str(ROOT)!r})
from infogan.model import architectures
architectures.FIRST_CHANNELS = int(sys.argv[1])
sys.argv[:2] = []
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def narrow_command(launcher, *arguments):
    """A command that runs a launcher with dcgan as it is here: it can load the runs that the tests train."""
    return [sys.executable, "-c", NARROW, str(architectures.FIRST_CHANNELS), str(launcher), *map(str, arguments)]


@contextmanager
def narrow_tables():
    """Inside, the paper's tables too are dcgan with few channels, for the images that each is for."""
    few = architectures.ARCHITECTURES[NETWORK]
    with pytest.MonkeyPatch.context() as patch:
        for name, table in architectures.ARCHITECTURES.items():
            if name not in (NETWORK, "resnet"):
                patch.setitem(architectures._defined, name, table)
                shapes = {"image_shapes": table.image_shapes, "shapes_in_words": table.shapes_in_words}
                patch.setitem(architectures.ARCHITECTURES, name, dataclasses.replace(few, name=name, **shapes))
        yield


@pytest.fixture
def wide(monkeypatch):
    """dcgan has the channels that it ships with."""
    monkeypatch.setattr(architectures, "FIRST_CHANNELS", CHANNELS)


@pytest.fixture
def spec():
    """A copy: some tests force values into it that a spec made as it should be refuses."""
    return dataclasses.replace(SMALL)


@pytest.fixture
def dataset():
    """That of `random_dataset`."""
    return random_dataset()


def random_dataset():
    """Random images with labels: a whole number of batches of 8."""
    return Dataset(random_split(24, 0), random_split(16, 1), "random numbers")


def random_split(count, seed):
    """A Split of random 28x28 images with every label in turn."""
    images = np.random.default_rng(seed).integers(0, 256, (count, 28, 28, 1), np.uint8)
    return Split(images, np.arange(count, dtype=np.uint8) % 10)


class StandIn(types.SimpleNamespace):
    """Stands for a TrainedRun: has what a test gives it, and sweeps with that."""

    sweep = TrainedRun.sweep


def launch(*arguments):
    """Runs the MNIST launcher's command line in this process, with the small networks; returns the exit status."""
    small = tuple(dataclasses.replace(spec, network=NETWORK) for spec in (mnist.DEFAULT, mnist.REFERENCE))
    return main(dataclasses.replace(mnist.MNIST, specs=small), [str(argument) for argument in arguments])


def read_refusal(capsys, main, *arguments):
    """The one line with which a command line refuses wrong input, with exit status 2."""
    try:
        status = main(*arguments)
    except SystemExit as error:  # argparse
        status = error.code
    err = capsys.readouterr().err
    assert status == 2
    assert err.count("\n") == 1
    return err


SECRET = "a-secret-of-the-environment"
_blocked = []


def _refuse_network(event, arguments):
    """Called by Python before each use of a socket, by whatever library."""
    of_socket = event in ("socket.connect", "socket.bind", "socket.sendto")
    leads_out = event == "socket.getaddrinfo" or (of_socket and arguments[0].family != socket.AF_UNIX)
    if _blocked and leads_out:
        raise PermissionError(f"{event} while the network is blocked")


sys.addaudithook(_refuse_network)  # hooks cannot be removed


@contextmanager
def blocked_network():
    """Whatever reaches for the network inside fails."""
    _blocked.append(True)
    try:
        yield
    finally:
        _blocked.pop()


@pytest.fixture(scope="session")
def smoke_run(tmp_path_factory):
    """A finished run of `--smoke`, without network: (log folder, checkpoint folder); nobody changes it.

    The processes of the tests share it: the first that needs it makes it.
    """
    base = tmp_path_factory.getbasetemp()
    root = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "smoke"
    root.mkdir(exist_ok=True)
    with locked(root / "lock"):
        if not (root / "finished").exists():
            with blocked_network(), pytest.MonkeyPatch.context() as patch:
                patch.setenv("SOMEONES_TOKEN", SECRET)
                folders = ["--log-dir", root / "logs", "--checkpoint-dir", root / "ckt", "--run-name", "smoke"]
                assert launch("--smoke", *folders) == 0
            (root / "finished").touch()
    return root / "logs" / "smoke", root / "ckt" / "smoke"
