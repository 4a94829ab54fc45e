"""Seeds that follow from the run's seed and from what they are for."""

import zlib

import numpy as np


def derive_seed(seed, *purpose):
    """A 31-bit seed that follows from `seed` and a path of names and numbers; other paths give unrelated seeds."""
    path = zlib.crc32(repr(purpose).encode())
    return int(np.random.SeedSequence([seed, path]).generate_state(1)[0] >> 1)
