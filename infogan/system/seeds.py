"""Seeds that follow from the run's seed and from what they are for: adding a draw changes no other."""

import zlib

import numpy as np

from infogan.system.tf1 import tf


def derive_seed(seed, *purpose):
    """A 31-bit seed that follows from `seed` and a path of names and numbers; other paths give unrelated seeds."""
    path = zlib.crc32(repr(purpose).encode())
    return int(np.random.SeedSequence([seed, path]).generate_state(1)[0] >> 1)


def fold_in(seed, name):
    """The seed of the draw of that name: integer Tensor [2].

    Args:
      seed: integer Tensor [2], of everything that draws by name below it.
      name: str.
    """
    return tf.random.experimental.stateless_fold_in(seed, zlib.crc32(name.encode()) >> 1)
