"""Which precision a run gets, and what it changes."""

import dataclasses
import os
import platform
import subprocess
import sys
import time
import types
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from infogan.model.gan import RegularizedGAN
from infogan.system import tf1
from infogan.system.messages import InputError
from infogan.system.tf1 import choose_precision, session_config, tf
from infogan.training.update import build_update

pytestmark = pytest.mark.usefixtures("wide")

CASES = [
    ("auto", True, [], "bfloat16"),
    ("auto", False, [], "float32"),
    ("auto", True, ["GPU"], "float32"),
    ("float32", True, [], "float32"),
    ("bfloat16", True, [], "bfloat16"),
    ("bfloat16", False, [], "on a CPU without instructions for it"),
    ("bfloat16", True, ["GPU"], "on a GPU, where float32 runs in TF32"),
]


@pytest.mark.parametrize(("requested", "cpu_has_it", "gpus", "expected"), CASES)
def test_precision_follows_the_hardware(monkeypatch, requested, cpu_has_it, gpus, expected):
    monkeypatch.setattr(tf1, "cpu_has_bfloat16", lambda: cpu_has_it)
    monkeypatch.setattr(tf1, "find_gpus", lambda: gpus)
    if " " in expected:
        with pytest.raises(InputError, match=f"precision: bfloat16 was given, but this machine trains {expected}"):
            choose_precision(requested)
    else:
        assert choose_precision(requested) == expected


def test_what_a_run_computes_on_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr(tf1, "NVIDIA_DRIVER", tmp_path / "version")
    assert tf1.describe_devices([]) == "no GPU: running on the CPU"
    (tmp_path / "version").touch()
    assert tf1.describe_devices([]).startswith("no GPU that TensorFlow can use, though there is an NVIDIA driver")
    build = {"cuda_version": "12.5.1", "cudnn_version": "9", "is_cuda_build": True}
    monkeypatch.setattr("tensorflow.sysconfig.get_build_info", lambda: build)
    assert tf1.describe_devices(["NVIDIA H100"]) == "GPU: NVIDIA H100, CUDA 12.5.1, cuDNN 9"
    monkeypatch.setattr("tensorflow.sysconfig.get_build_info", dict)  # a TensorFlow without CUDA, as for other GPUs
    assert tf1.describe_devices(["Metal"]) == "GPU: Metal"


@pytest.fixture
def slow_start(monkeypatch):
    """TensorFlow before its start, which takes a moment and is noted: a list of the log levels then."""
    starts = []

    def list_devices(kind):
        starts.append(os.environ["TF_CPP_MIN_LOG_LEVEL"])
        os.write(2, b"I0000 00:00:00 chatter\n")
        time.sleep(0.02)
        os.write(2, b"W0000 00:00:00 no driver\n")
        return []

    monkeypatch.setattr(tf1, "tf", types.SimpleNamespace(config=types.SimpleNamespace()))
    tf1.tf.config.list_physical_devices = list_devices
    monkeypatch.setattr(tf1, "_gpus", None)
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    return starts


def test_threads_that_start_tensorflow_at_once_keep_standard_error(slow_start, unchanged_process, capfd):
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: tf1.find_gpus(), range(4))) == [[]] * 4
    assert slow_start == ["1"]
    assert capfd.readouterr().err == "W0000 00:00:00 no driver\n"


@pytest.mark.parametrize(("given", "expected"), [(None, "2"), ("0", "0")])
def test_the_log_level_is_the_users_and_else_set_for_the_start_alone(slow_start, monkeypatch, given, expected):
    if given is not None:
        monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", given)
    tf1.find_gpus(tf1.ERRORS)
    assert slow_start == [expected]
    assert os.environ.get("TF_CPP_MIN_LOG_LEVEL") == given


def test_variables_are_put_back_after_an_error_too(monkeypatch):
    monkeypatch.setenv("INFOGAN_TEST_OLD", "before")
    with pytest.raises(KeyError), tf1.set_variables(INFOGAN_TEST_OLD="inside", INFOGAN_TEST_NEW="inside"):
        assert os.environ["INFOGAN_TEST_OLD"] == os.environ["INFOGAN_TEST_NEW"] == "inside"
        raise KeyError
    assert os.environ["INFOGAN_TEST_OLD"] == "before"
    assert "INFOGAN_TEST_NEW" not in os.environ


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="oneDNN is for x86")
def test_onednn_computes_unless_the_user_says_otherwise():
    name = "TF_ENABLE_ONEDNN_OPTS"
    is_on = "tf.constant; from tensorflow.python.framework import test_util as t; print(t.IsMklEnabled())"
    is_asked_for = f"import os; print(os.environ[{name!r}])"
    for given, ask, expected in (({}, is_on, "True"), *(({name: n}, is_asked_for, n) for n in "01")):
        environment = {**{key: value for key, value in os.environ.items() if key != name}, **given}
        command = [sys.executable, "-c", f"from infogan.system.tf1 import tf; {ask}"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == expected


def test_xla_is_asked_for_on_the_cpu_too_and_leaves_other_flags_of_it(monkeypatch):
    monkeypatch.setenv("TF_XLA_FLAGS", "--tf_xla_clustering_debug")
    assert session_config().graph_options.optimizer_options.global_jit_level == 0
    assert os.environ["TF_XLA_FLAGS"] == "--tf_xla_clustering_debug"
    for _ in range(2):
        config = session_config(jit_compile=True)
        assert config.graph_options.optimizer_options.global_jit_level == tf.OptimizerOptions.ON_2
        assert os.environ["TF_XLA_FLAGS"] == "--tf_xla_clustering_debug --tf_xla_cpu_global_jit"


XLA = """
from infogan.system.tf1 import session_config, tf
with tf.Graph().as_default():
    scale = tf.Variable(1.0)
    x = scale * tf.random.stateless_normal([1000], [3, 4])
    y = tf.reduce_sum(tf.exp(tf.tanh(x) * 2.0) - x)
    with tf.Session(config=session_config(jit_compile=COMPILES)) as session:
        session.run(scale.initializer)
        print(session.run(y))
"""


@pytest.mark.slow
def test_xla_draws_the_same_random_numbers():
    """Only a process that has not run a session yet compiles."""
    found = {}
    for compiles in (False, True):
        command = [sys.executable, "-c", XLA.replace("COMPILES", str(compiles))]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert ("Compiled cluster using XLA" in done.stderr) == compiles
        found[compiles] = float(done.stdout)
    assert found[True] == pytest.approx(found[False], rel=1e-5)


@pytest.mark.skipif(not tf1.cpu_has_bfloat16(), reason="this CPU has no instructions for bfloat16")
def test_bfloat16_changes_the_numbers_a_little_and_no_type(spec, dataset):
    values = {}
    for precision in ("float32", "bfloat16"):
        spec = dataclasses.replace(spec, precision=precision)
        with tf.Graph().as_default(), tf.Session(config=session_config(precision)) as session:
            model = RegularizedGAN.of_spec(spec)
            update = build_update(model, spec, tf.constant(dataset.train.images))
            session.run(tf.global_variables_initializer())
            values[precision] = session.run([update.values, update.step])[0]
            assert {v.dtype.base_dtype for v in tf.trainable_variables()} == {tf.float32}
    assert np.any(values["float32"] != values["bfloat16"])
    np.testing.assert_allclose(values["bfloat16"], values["float32"], rtol=0.05, atol=0.05)
    losses = {
        name: value for name, value in zip(update.names, values["bfloat16"]) if name.split("/")[0] in {"loss", "mi"}
    }
    for name, value in losses.items():
        assert np.float32(value).view(np.uint32) & 0xFFFF, f"{name} was rounded to bfloat16"
