"""Arrays of .npz files, without pickles, with every header checked against the bytes that follow it."""

import gzip
import io
import math
import tokenize
import zlib

import numpy as np

from infogan.data.archives import UnreadableFile, check_unpacked_size, describe_error, is_trusted, open_source
from infogan.system.errors import InputError
from infogan.system.messages import note

LARGEST_ARRAY = 2**29
"""Bytes of one array, unless its archive is trusted."""
HEADER_ERRORS = (ValueError, TypeError, SyntaxError, tokenize.TokenError, RecursionError, OverflowError)
"""What numpy's reader of headers, which are Python literals, lets through on damaged ones."""


def load_npz(path, names):
    """Reads arrays of an .npz file.

    Args:
      path: `pathlib.Path`.
      names: names of the arrays.

    Returns:
      dict of name -> array; without those names that the file does not hold.

    Raises:
      InputError: naming the file, if it is damaged, holds pickled objects, or unpacks to far more than its size.
    """
    with open_source(path) as source:
        wanted = {f"{name}.npy": name for name in names}
        entries = source.entries()
        found = [entry for entry in entries if entry.name in wanted]
        others = [entry.name.removesuffix(".npy") for entry in entries if entry.name not in wanted]
        if found and others:
            note(f"{path}: passed over: the arrays {', '.join(others)}")
        return {wanted[entry.name]: _load(path, source, entry) for entry in found}


def _load(path, source, entry):
    try:
        is_small = entry.size <= LARGEST_ARRAY
        file = io.BytesIO(source.read(entry, entry.size if is_small or is_trusted(path) else LARGEST_ARRAY))
        _check_header(file, entry.size)
        return np.lib.format.read_array(file, allow_pickle=False)
    except (UnreadableFile, MemoryError, EOFError, *HEADER_ERRORS) as error:
        reason = describe_error(error)
        raise InputError(path, f"its array {entry.name!r} cannot be read ({reason}). Fetch it again.") from error


def _check_header(file, size):
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"version {version}")
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    if math.prod(shape) * dtype.itemsize != size - file.tell() and not dtype.hasobject:
        raise ValueError(f"its header announces {shape} of {dtype}, but {size - file.tell():,} bytes follow")
    file.seek(0)


UNSIGNED_BYTE = 0x08
LARGEST_IDX_ARRAY = 2**32
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
    if math.prod(shape) > LARGEST_IDX_ARRAY:
        raise InputError(
            path, f"its header announces an array of {shape}, but {LARGEST_IDX_ARRAY:,} bytes are the limit."
        )
    return shape
