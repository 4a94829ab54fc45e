"""Arrays in .npy, .npz, HDF5 and idx files, without pickles, with every header checked against what follows it."""

import contextlib
import functools
import gzip
import math
import tokenize
import zlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from infogan.data.archives import (
    ARCHIVE_ERRORS,
    UnreadableFile,
    check_unpacked_size,
    describe_error,
    open_source,
)
from infogan.system.errors import InputError
from infogan.system.files import reading
from infogan.system.messages import note

HEADER_ERRORS = (ValueError, TypeError, SyntaxError, tokenize.TokenError, RecursionError, OverflowError)
"""What numpy's reader of headers, which are Python literals, lets through on damaged ones."""


PIECE = 2**24
"""Bytes of an array that are read at once."""
SUFFIXES = (".npy", ".npz", ".h5", ".hdf5")
"""Files that `open_arrays` reads."""


class LargeArray(NamedTuple):
    """An array in a file, which may be larger than memory.

    Attributes:
      shape: tuple of int.
      dtype: numpy dtype.
      pieces: function without arguments: an iterator over consecutive parts of the array, along its first axis.
      is_numeric: whether it holds numbers, and has an axis.
    """

    shape: tuple
    dtype: np.dtype
    pieces: Callable

    @property
    def is_numeric(self):
        return self.dtype.kind in "buif" and len(self.shape) > 0

    def read(self):
        """The whole array; of one without an axis an array [1]."""
        return np.concatenate([np.empty((0, *self.shape[1:]), self.dtype), *self.pieces()])


@contextlib.contextmanager
def open_arrays(path):
    """Opens a file of arrays.

    Args:
      path: `pathlib.Path` of one of `SUFFIXES`.

    Yields:
      dict of name -> LargeArray; of an .npy file the name is "images".

    Raises:
      InputError: naming the file, if it is damaged or unpacks to far more than its size; also from inside, when an
        array is read that is damaged or holds pickled objects.
    """
    opened = {".npy": _open_npy, ".npz": _open_npz}.get(path.suffix.lower(), _open_h5)
    with _refuse_damage(path, "it"), opened(path) as arrays:
        yield arrays


def load_npz(path, names):
    """Reads arrays of an .npz file: dict of name -> array, without those names that the file does not hold.

    Raises:
      InputError: as `open_arrays`.
    """
    with open_arrays(path) as arrays:
        found = [name for name in names if name in arrays]
        if found:
            tell_unused(path, arrays, names)
        return {name: arrays[name].read() for name in found}


def tell_unused(path, arrays, names):
    """Says which arrays of a file are none of those that have these names."""
    if others := [name for name in arrays if name not in names]:
        note(f"{path}: passed over: the arrays {', '.join(others)}")


@contextlib.contextmanager
def _refuse_damage(path, what):
    try:
        yield
    except InputError:
        raise
    except (*ARCHIVE_ERRORS, *HEADER_ERRORS, UnreadableFile, KeyError, RuntimeError, MemoryError) as error:
        reason = describe_error(error)
        raise InputError(path, f"{what} cannot be read ({reason}), so it may be damaged. Fetch it again.") from error


@contextlib.contextmanager
def _open_npy(path):
    with path.open("rb") as file:
        shape, is_fortran, dtype = _check_header(file, path.stat().st_size)
        order, is_empty = "F" if is_fortran else "C", dtype.hasobject or not math.prod(shape)
        # Mapped: only the pieces that are looked at are read.
        array = () if is_empty else np.memmap(file, dtype, "r", file.tell(), shape, order)
        yield {"images": _sliced(array, shape, dtype)}


@contextlib.contextmanager
def _open_npz(path):
    with open_source(path) as source:
        if not hasattr(source, "open"):
            raise InputError(path, "it is no zip, but an .npz file is one. Save it again with numpy.savez.")
        entries = [entry for entry in source.entries() if entry.name.endswith(".npy")]
        yield {entry.name.removesuffix(".npy"): _streamed(source, entry) for entry in entries}


def _streamed(source, entry):
    """The LargeArray of an entry of a zip."""
    refuse_damage = functools.partial(_refuse_damage, source.path, f"its array {entry.name!r}")
    with refuse_damage(), source.open(entry) as file:
        shape, is_fortran, dtype = _check_header(file, entry.size)

    def pieces():
        with refuse_damage(), source.open(entry) as file:
            _check_header(file, entry.size)
            if dtype.hasobject:
                raise ValueError("it holds pickled objects, which can run anything")
            if is_fortran:  # its first axis is the last to be complete
                yield np.frombuffer(file.read(), dtype).reshape(shape, order="F")
                return
            for start, stop in _steps(shape, dtype):
                content = file.read(math.prod(shape[1:]) * dtype.itemsize * (stop - start))
                yield np.frombuffer(content, dtype).reshape(stop - start, *shape[1:])

    return LargeArray(shape, dtype, pieces)


@contextlib.contextmanager
def _open_h5(path):
    import h5py  # comes with TensorFlow; only these files need it

    with h5py.File(path, "r") as file:
        # A link can lead to another file, and so can the parts of an external or virtual data set.
        own = [name for name in file if isinstance(file.get(name, getlink=True), h5py.HardLink)]
        found = {name: file[name] for name in own if isinstance(file[name], h5py.Dataset)}
        for name, data in found.items():
            if data.external or data.is_virtual:
                raise InputError(path, f"its {name!r} lies in another file, but one file is needed. Copy it into this.")
            check_unpacked_size(path, path.stat().st_size, math.prod(data.shape or ()) * data.dtype.itemsize)
        yield {name: _sliced(data, data.shape or (), data.dtype) for name, data in found.items()}


def _sliced(array, shape, dtype):
    return LargeArray(shape, dtype, lambda: (array[start:stop] for start, stop in _steps(shape, dtype)))


def _steps(shape, dtype):
    """Pairs (start, stop) that cut the first axis of an array into pieces."""
    count = shape[0] if shape else 1
    rows = max(1, PIECE // max(1, math.prod(shape[1:]) * dtype.itemsize))
    return ((start, min(start + rows, count)) for start in range(0, count, rows))


def _check_header(file, size):
    """(shape, is in Fortran's order, dtype), as the header of a .npy file of that many bytes announces them."""
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"version {version}")
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, is_fortran, dtype = read(file)
    is_whole = min(shape, default=0) >= 0 and math.prod(shape) * dtype.itemsize == size - file.tell()
    if not is_whole and not dtype.hasobject:
        raise ValueError(f"its header announces {shape} of {dtype}, but {size - file.tell():,} bytes follow")
    return shape, is_fortran, dtype


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
        with reading(path), path.open("rb") as raw:
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
