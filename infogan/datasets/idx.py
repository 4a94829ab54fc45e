"""Arrays in the idx format of MNIST, gzipped or not, read with numpy and nothing else."""

import gzip
import math
import zlib

import numpy as np

from infogan.datasets.limits import check_unpacked_size
from infogan.errors import InputError

UNSIGNED_BYTE = 0x08
LARGEST_ARRAY = 2**32
"""Bytes beyond which a header is not believed."""


def load_idx(path, dimensions):
    """Reads an idx file of unsigned bytes.

    The header is two zero bytes, the type, the number of dimensions, then the dimensions as big-endian 32-bit integers.

    Args:
      path: `pathlib.Path` of the file; it may be gzipped, whatever its name.
      dimensions: how many dimensions it must have.

    Returns:
      uint8 array.

    Raises:
      InputError: naming the file, if it cannot be read or is not such a file.
    """
    try:
        with path.open("rb") as raw:
            is_gzip = raw.read(2) == b"\x1f\x8b"
        with gzip.open(path) if is_gzip else path.open("rb") as file:
            shape = _read_shape(path, file.read(4 + 4 * dimensions), dimensions)
            # Before anything is allocated: reading asks for memory as large as the header says.
            check_unpacked_size(path, path.stat().st_size, math.prod(shape))
            expected = math.prod(shape)
            # One byte more than announced is asked for, so a longer file shows without being read to its end.
            body = file.read(expected + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(path, f"it cannot be read ({error}), but an idx file is needed. Fetch it again.") from error
    if len(body) != expected:
        found = "more" if len(body) > expected else f"{len(body):,}"
        raise InputError(
            path, f"its header announces {expected:,} bytes but {found} follow, so it is damaged. Fetch it again."
        )
    return np.frombuffer(body, np.uint8).reshape(shape)


def _read_shape(path, header, dimensions):
    magic = bytes([0, 0, UNSIGNED_BYTE, dimensions])
    if len(header) != 4 + 4 * dimensions or header[:4] != magic:
        raise InputError(
            path,
            f"it starts with {header[:4].hex() or 'nothing'}, but an idx file of this kind starts with {magic.hex()}.",
        )
    shape = tuple(int(size) for size in np.frombuffer(header, ">u4", offset=4))
    if math.prod(shape) > LARGEST_ARRAY:
        raise InputError(path, f"its header announces an array of {shape}, but {LARGEST_ARRAY:,} bytes are the limit.")
    return shape
