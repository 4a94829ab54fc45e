"""What TensorFlow runs on, and how sessions use it."""

import os
import re
import sys
import tempfile
from contextlib import contextmanager

from infogan.tf1 import tf

# Information that TensorFlow's libraries print before any log level applies, and the failed search for a GPU that
# `find_gpus` reports in words of its own. Everything else is passed on.
CHATTER = re.compile(
    rb"I\d{4} |WARNING: All log messages before absl::InitializeLog|To enable the following instructions|.*cuInit"
)


def find_gpus():
    """Names of the GPUs that TensorFlow can use, as `["NVIDIA H100 80GB HBM3"]`; imports TensorFlow."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")  # no information, but warnings and errors
    with _without_chatter():
        devices = tf.config.list_physical_devices("GPU")
        details = [tf.config.experimental.get_device_details(device) for device in devices]
    return [detail.get("device_name", "GPU") for detail in details]


def session_config():
    """Settings of every session: GPU memory is taken as needed, not all at once."""
    config = tf.ConfigProto()
    config.gpu_options.allow_growth = True
    return config


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
