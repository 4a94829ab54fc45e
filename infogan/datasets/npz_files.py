"""Arrays of .npz files, without pickles, with every header checked against the bytes that follow it."""

import io
import math
import tokenize

import numpy as np

from infogan.datasets.file_sources import UnreadableFile, open_source
from infogan.datasets.limits import describe_error
from infogan.errors import InputError

LARGEST_ARRAY = 2**29
"""Bytes of one array."""
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
        found = [entry for entry in source.entries() if entry.name in wanted]
        return {wanted[entry.name]: _load(path, source, entry) for entry in found}


def _load(path, source, entry):
    try:
        file = io.BytesIO(source.read(entry, LARGEST_ARRAY))
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
