"""TensorFlow as this project uses it: its import, devices, sessions, and seeds of draws.

Importing TensorFlow takes seconds. Everything in infogan that builds a graph says

    from infogan.system.tf1 import tf

and pays for the import only when the first graph is built, so `--help` and the refusal of a wrong flag stay instant.
"""

import functools
import importlib
import os
import platform
import re
import sys
import tempfile
import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from infogan.system.checks import StrPath
from infogan.system.messages import InputError

# `tf.layers` lives in tf-keras (Keras 2); under Keras 3 every layer raises AttributeError. TensorFlow looks at
# this when Keras is first touched, so it also works when the user imported tensorflow before infogan.
os.environ["TF_USE_LEGACY_KERAS"] = "1"

# TensorFlow leaves oneDNN off on processors without AVX-512, where it helps as well (docs/performance.md). It looks at
# this when it is imported; whoever has set it has said what is wanted.
if platform.machine() in ("x86_64", "AMD64"):
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")


class _LazyModule:
    """Stands for a module until one of its attributes is asked for."""

    def __init__(self, name):
        self._name = name

    def __getattr__(self, attribute):
        if attribute.startswith("__"):  # pickle, copy and inspect probe for these: no reason to import
            raise AttributeError(attribute)
        value = getattr(importlib.import_module(self._name), attribute)
        setattr(self, attribute, value)
        return value


tf: Any = _LazyModule("tensorflow.compat.v1")
Tensor = Any
Variable = Any
Operation = Any
Session = Any
"""TensorFlow ships no types that mypy can read, and importing it for an annotation would take seconds."""


def tf_path(folder: StrPath) -> str:
    """The path of a folder as text that TensorFlow takes.

    TensorFlow refuses paths that are not UTF-8, which Linux allows: such a folder is reached through its descriptor.
    """
    path = os.fspath(folder)
    try:
        path.encode()
        return path
    except UnicodeEncodeError:
        return f"/proc/self/fd/{_open_folder(path, os.stat(path).st_ino)}"


@functools.cache
def _open_folder(path, inode):
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY)


# Information that TensorFlow's libraries print before any log level applies, and the failed search for a GPU that
# `find_gpus` reports in words of its own. Everything else is passed on.
CHATTER = re.compile(
    rb"I\d{4} |WARNING: All log messages before absl::InitializeLog|To enable the following instructions|.*cuInit"
)

REWRITE = "TF_AUTO_MIXED_PRECISION_GRAPH_REWRITE"
FLOAT32_OPERATIONS = ("Exp", "Log", "Log1p", "LogSoftmax", "Mean", "Softmax", "Softplus", "SoftplusGrad", "Sum")
"""What losses and information are made of. Left to itself TensorFlow computes them in bfloat16, to two digits."""
XLA_FLAGS, XLA_ON_CPU = "TF_XLA_FLAGS", "--tf_xla_cpu_global_jit"
NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")
VERSIONS = {"CUDA": "cuda_version", "cuDNN": "cudnn_version"}

WARNINGS, ERRORS = "1", "2"
"""What TensorFlow's libraries may say: warnings and errors, but no information; errors alone."""

_starting = threading.Lock()
_gpus: list[str] | None = None
"""What the first `find_gpus` found; None before."""
_process: int | None = None
"""Number of the process that uses TensorFlow; None before."""


def find_gpus(log_level: str = WARNINGS) -> list[str]:
    """Names of the GPUs that TensorFlow can use, as `["NVIDIA H100 80GB HBM3"]`.

    The first call starts TensorFlow. It alone holds back the process's standard error, with which two threads at once
    would lose it.

    Args:
      log_level: WARNINGS or ERRORS; TensorFlow keeps it. TF_CPP_MIN_LOG_LEVEL comes first, if it is set.
    """
    global _gpus
    check_process()
    with _starting:
        if _gpus is None:
            level = os.environ.get("TF_CPP_MIN_LOG_LEVEL", log_level)
            with set_variables(TF_CPP_MIN_LOG_LEVEL=level), _without_chatter():
                devices = tf.config.list_physical_devices("GPU")
                details = [tf.config.experimental.get_device_details(device) for device in devices]
            _gpus = [detail.get("device_name", "GPU") for detail in details]
    return list(_gpus)


def check_process() -> None:
    """Notes which process uses TensorFlow, and refuses its forks: they lack its threads, and would wait for ever.

    Raises:
      InputError: in a process that was forked from one that has passed here.
    """
    global _process
    if _process is None:
        _process = os.getpid()
    if _process != os.getpid():
        raise InputError(
            "multiprocessing",
            "this process was forked from one that uses TensorFlow, but TensorFlow's threads are not in it. "
            'Use "spawn", as in multiprocessing.get_context("spawn").Pool().',
        )


def describe_devices(gpus: Sequence[str]) -> str:
    """What a run computes on, in words.

        GPU: NVIDIA H100 80GB HBM3, CUDA 12.5.1, cuDNN 9
        no GPU: running on the CPU

    Args:
      gpus: what `find_gpus` found. The versions are those that TensorFlow is built for.
    """
    if gpus:
        build = importlib.import_module("tensorflow").sysconfig.get_build_info()  # no part of tensorflow.compat.v1
        versions = [f"{name} {build[key]}" for name, key in VERSIONS.items() if key in build]
        return "GPU: " + ", ".join([*gpus, *versions])
    if NVIDIA_DRIVER.exists():
        return "no GPU that TensorFlow can use, though there is an NVIDIA driver: running on the CPU"
    return "no GPU: running on the CPU"


@contextmanager
def without_deprecations() -> Iterator[None]:
    """Holds back TensorFlow's warnings where it deprecates what it uses itself: nobody can do anything about them."""
    before = tf.logging.get_verbosity()
    tf.logging.set_verbosity(tf.logging.ERROR)
    try:
        yield
    finally:
        tf.logging.set_verbosity(before)


def choose_precision(requested: str) -> str:
    """The precision of products and convolutions: "float32" or "bfloat16".

    Args:
      requested: one of the two, or "auto": bfloat16 on a CPU with instructions for it. A GPU gets float32, whose
        products TensorFlow rounds to TF32 there.

    Raises:
      InputError: if bfloat16 is requested where nothing computes it natively.
    """
    if requested == "auto":
        return "bfloat16" if cpu_has_bfloat16() and not find_gpus() else "float32"
    check_precision(requested, "precision", "Leave it out.")
    return requested


def check_precision(precision: str, where: object, advice: str) -> None:
    """Refuses bfloat16 where nothing computes it natively.

    Args:
      precision: "float32" or "bfloat16".
      where: the flag, field or file at fault.
      advice: a sentence, what to do about it.

    Raises:
      InputError: if this machine does not train in that precision.
    """
    if precision == "bfloat16" and ((has_gpu := bool(find_gpus())) or not cpu_has_bfloat16()):
        device = "a GPU, where float32 runs in TF32" if has_gpu else "a CPU without instructions for it"
        raise InputError(where, f"bfloat16 was given, but this machine trains on {device}. {advice}")


def cpu_has_bfloat16() -> bool:
    """Whether the processor has instructions for bfloat16; not known but on Linux."""
    try:
        words = set(Path("/proc/cpuinfo").read_text().split())
    except OSError:  # no Linux
        return False
    return bool(words & {"avx512_bf16", "amx_bf16", "bf16"})


def session_config(precision: str = "float32", jit_compile: bool = False) -> Any:
    """`tf.ConfigProto` of every session: GPU memory is taken as needed, not all at once.

    Args:
      precision: "bfloat16" rounds what enters products and convolutions, and what lies between them, to bfloat16.
        Weights, losses, batch norm's statistics and Adam stay float32; for that, two environment variables are set,
        which TensorFlow's rewriting of a graph for bfloat16 reads.
      jit_compile: True lets XLA compile what it can of each graph. For a CPU an environment variable is set, which
        TensorFlow reads before its first session run.
    """
    check_process()
    config = tf.ConfigProto()
    config.gpu_options.allow_growth = True
    if precision == "bfloat16":
        os.environ[f"{REWRITE}_INFERLIST_REMOVE"] = os.environ[f"{REWRITE}_DENYLIST_ADD"] = ",".join(FLOAT32_OPERATIONS)
        config.graph_options.rewrite_options.auto_mixed_precision_onednn_bfloat16 = 1  # on
    if jit_compile:
        flags = os.environ.get(XLA_FLAGS, "")
        if XLA_ON_CPU not in flags:
            os.environ[XLA_FLAGS] = f"{flags} {XLA_ON_CPU}".strip()
        config.graph_options.optimizer_options.global_jit_level = tf.OptimizerOptions.ON_2
    return config


@contextmanager
def set_variables(**values: str) -> Iterator[None]:
    """Sets environment variables while it is entered: the process may be somebody else's, as with `infogan.load`."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _without_chatter():
    """Holds back what is written to the process's standard error, C++ libraries included, and passes on the rest."""
    if sys.stderr is None:  # closed by whoever started the process
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held_back:
        os.dup2(held_back.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            held_back.seek(0)
            for line in held_back:
                if not CHATTER.match(line):
                    os.write(2, line)


def derive_seed(seed: int, *purpose: str | int) -> int:
    """A 31-bit seed that follows from `seed` and a path of names and numbers; other paths give unrelated seeds."""
    path = zlib.crc32(repr(purpose).encode())
    return int(np.random.SeedSequence([seed, path]).generate_state(1)[0] >> 1)


def fold_in(seed: Tensor, name: str) -> Tensor:
    """The seed of the draw of that name: integer Tensor [2].

    Args:
      seed: integer Tensor [2], of everything that draws by name below it.
      name: of the draw.
    """
    return tf.random.experimental.stateless_fold_in(seed, zlib.crc32(name.encode()) >> 1)
