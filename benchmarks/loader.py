"""How fast the images are read from their files."""

import numpy as np

from benchmarks.timing import time_calls
from infogan.data import mnist


def measure(calls):
    """Images per second of MNIST's loader: SHA-256, decompression and checks of both splits.

    Args:
      calls: repetitions, of which the median counts.

    Returns:
      dict: `loaded_per_second`, `load_seconds` for the whole set.
    """
    dataset = mnist.load()
    seconds = float(np.median(time_calls(mnist.load, 0, calls)))
    return {"loaded_per_second": (len(dataset.train) + len(dataset.test)) / seconds, "load_seconds": seconds}
