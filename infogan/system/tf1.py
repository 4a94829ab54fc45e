"""`tensorflow.compat.v1`, imported on first use.

Importing TensorFlow takes seconds. Everything in infogan that builds a graph says

    from infogan.system.tf1 import tf

and pays for the import only when the first graph is built, so `--help` and the refusal of a wrong flag stay instant.
"""

import functools
import importlib
import os
import platform

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


tf = _LazyModule("tensorflow.compat.v1")


def tf_path(folder):
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
