"""Arrays in .npy, .npz, HDF5 and idx files, without pickles, with every header checked against what follows it.

Files of MATLAB 5 (MathWorks' "MAT-File Format", level 5) are not read by scipy, which tests compare this with: scipy
1.17 believes the kinds of data that a file names, and a single damaged byte can crash the process: 5 of 1,500 files
damaged by `tests/faults/mutate.py` did.
"""

import contextlib
import functools
import gzip
import io
import math
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from infogan.data.archives import (
    ARCHIVE_ERRORS,
    UnreadableFile,
    check_unpacked_size,
    describe_error,
    open_source,
)
from infogan.system.files import reading
from infogan.system.messages import InputError, note

HEADER_ERRORS = (ValueError, TypeError, SyntaxError, tokenize.TokenError, RecursionError, OverflowError)
"""What numpy's reader of headers, which are Python literals, lets through on damaged ones."""


PIECE = 2**24
"""Bytes of an array that are read at once."""
LARGEST_PIECE = 2**28
"""The same of an array in HDF5 whose chunks hold parts of that many images; dSprites' hold 23,040."""
SUFFIXES = (".npy", ".npz", ".h5", ".hdf5")
"""Files that `open_arrays` reads."""


class LargeArray(NamedTuple):
    """An array in a file, which may be larger than memory.

    Attributes:
      shape: that of the whole array.
      dtype: kind of its numbers.
      pieces: gives consecutive parts of the array, along its first axis.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    pieces: Callable[[], Iterator[np.ndarray]]

    @property
    def is_numeric(self) -> bool:
        """Whether it holds numbers, and has an axis."""
        return self.dtype.kind in "buif" and len(self.shape) > 0

    def read(self) -> np.ndarray:
        """The whole array; of one without an axis an array [1]."""
        return np.concatenate([np.empty((0, *self.shape[1:]), self.dtype), *self.pieces()])


@contextlib.contextmanager
def open_arrays(path: Path) -> Iterator[dict[str, LargeArray]]:
    """Opens a file of arrays.

    Args:
      path: file with one of `SUFFIXES`.

    Yields:
      the arrays by name, which is "images" of an .npy file.

    Raises:
      InputError: naming the file, if it is damaged or unpacks to far more than its size; also from inside, when an
        array is read that is damaged or holds pickled objects.
    """
    opened = {".npy": _open_npy, ".npz": _open_npz}.get(path.suffix.lower(), _open_h5)
    with _refuse_damage(path, "it"), opened(path) as arrays:
        yield arrays


def load_npz(path: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Reads arrays of an .npz file by name, without those names that the file does not hold.

    Raises:
      InputError: as `open_arrays`.
    """
    with open_arrays(path) as arrays:
        found = [name for name in names if name in arrays]
        if found:
            tell_unused(path, arrays, names)
        return {name: arrays[name].read() for name in found}


def tell_unused(path: Path, arrays: Iterable[str], names: Sequence[str]) -> None:
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
        order: Literal["F", "C"] = "F" if is_fortran else "C"
        is_empty = dtype.hasobject or not math.prod(shape)
        # Mapped: only the pieces that are looked at are read.
        array = () if is_empty else np.memmap(file, dtype, "r", file.tell(), shape, order)
        yield {"images": _sliced(array, shape, dtype)}


@contextlib.contextmanager
def _open_npz(path):
    if not zipfile.is_zipfile(path):
        raise InputError(
            path, "it is not a zip, but every .npz file is one. It may be incomplete: fetch or save it again."
        )
    with open_source(path) as source:
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
        own: dict[str, Any] = {}
        # A link can lead to another file: it is not followed. The parts of an external or virtual data set can, too.
        file.visititems(own.__setitem__)
        found = {name: data for name, data in own.items() if isinstance(data, h5py.Dataset)}
        for name, data in found.items():
            if data.external or data.is_virtual:
                raise InputError(
                    path, f"its {name!r} lies in another file, but all data must be in this one. Copy it here."
                )
            check_unpacked_size(path, path.stat().st_size, math.prod(data.shape or ()) * data.dtype.itemsize)
        yield {name: _h5_array(path, name, data) for name, data in found.items()}


def _h5_array(path, name, data):
    shape = data.shape or ()

    def pieces():
        # Here, since whoever reads may write to a disk meanwhile, whose errors are others.
        with _refuse_damage(path, f"its array {name!r}"):
            yield from (data[start:stop] for start, stop in _steps(shape, data.dtype, data.chunks))

    return LargeArray(shape, data.dtype, pieces)


def _sliced(array, shape, dtype):
    return LargeArray(shape, dtype, lambda: (array[start:stop] for start, stop in _steps(shape, dtype)))


def _steps(shape, dtype, chunks=None):
    """Pairs (start, stop) that cut the first axis of an array into pieces, none within a chunk of moderate size."""
    count = shape[0] if shape else 1
    size = max(1, math.prod(shape[1:]) * dtype.itemsize)
    rows = max(1, PIECE // size)
    if chunks and chunks[0] * size <= LARGEST_PIECE:  # or a chunk would be unpacked for each piece that it is part of
        rows = max(1, rows // chunks[0]) * chunks[0]
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


def load_idx(path: Path, dimensions: int) -> np.ndarray:
    """Reads an idx file of unsigned bytes.

    The header is two zero bytes, the type, the number of dimensions, then the dimensions as big-endian 32-bit integers.

    Args:
      path: the file; it may be gzipped, whatever its name.
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


HEADER = 128
MATRIX, COMPRESSED = 14, 15
"""miMATRIX, an array, and miCOMPRESSED, an element that holds a deflated one: the two kinds at the top of a file."""
STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
"""Kinds in which numbers are stored: a double array of small whole numbers may be stored as bytes."""
NUMERIC = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
"""Classes of arrays of numbers, and what they come as."""
OTHERS = {1: "cell", 2: "struct", 3: "object", 4: "text", 5: "sparse array"}
IS_COMPLEX = 0x0800
MOST_ELEMENTS = 1000
MAT_PIECE = 2**16
"""Bytes that are inflated at once: at most 66 MB come out."""


def load_mat(path: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Reads arrays of real numbers of a MATLAB 5 file by name, without those names that the file does not hold.

    Raises:
      InputError: naming the file, if it is not such a file, is damaged, unpacks to far more than its size, or holds
        something else than numbers under one of the names.
    """
    try:
        return parse_mat(path, path.read_bytes(), names)
    except OSError as error:
        raise InputError(path, f"it cannot be read ({error.strerror}), but a MATLAB file is needed.") from error


def parse_mat(path: Path, content: bytes, names: Sequence[str]) -> dict[str, np.ndarray]:
    """The same of the bytes of such a file, which is at a path or inside the archive there."""
    arrays = {}
    try:
        for order, matrix in _matrices(path, memoryview(content)):
            name, array = _parse_matrix(path, order, matrix, names)
            arrays[name] = array
    except (struct.error, zlib.error, UnicodeDecodeError, _Damaged) as error:
        reason = describe_error(error)
        raise InputError(path, f"it cannot be read ({reason}), so it is damaged. Fetch it again.") from error
    return {name: arrays[name] for name in names if name in arrays}


class _Damaged(Exception):
    pass


def _matrices(path, content):
    """Pairs of the order of bytes, "<" or ">", and the parts of each array at the top of the file."""
    if content[124:128] not in (b"\x00\x01IM", b"\x01\x00MI"):
        raise InputError(path, "it is not a MATLAB 5 file, but one is needed. Fetch it again, or save it with -v7.")
    order = "<" if content[126:128] == b"IM" else ">"
    position, unpacked = HEADER, 0
    for _ in range(MOST_ELEMENTS):
        if position + 8 > len(content):
            return
        kind, size = struct.unpack_from(f"{order}II", content, position)
        if kind not in (MATRIX, COMPRESSED):
            return  # what follows the last array
        position += 8 + size
        if position > len(content):
            raise _Damaged(f"it ends after {len(content):,} bytes, before its last array does")
        element = content[position - size : position]
        if kind == COMPRESSED:
            element = _inflate(path, element, len(content), unpacked)
            unpacked += len(element)
            kind, size = struct.unpack_from(f"{order}II", element)
            element = element[8:]
        if kind != MATRIX or size != len(element):
            raise _Damaged(f"an array announces {size:,} bytes, but has {len(element):,}")
        yield order, element
    raise InputError(path, f"it holds {MOST_ELEMENTS:,} arrays or more, but a data set holds a few.")


def _inflate(path, element, packed, unpacked):
    inflater, plain = zlib.decompressobj(), io.BytesIO()
    for start in range(0, len(element), MAT_PIECE):
        plain.write(inflater.decompress(element[start : start + MAT_PIECE]))
        check_unpacked_size(path, packed, unpacked + plain.tell())
    if not inflater.eof:
        raise _Damaged("one of its arrays ends early")
    return plain.getbuffer()


def _parse_matrix(path, order, matrix, names):
    """(name, array) of the parts of an array; the array is None unless its name is one of `names`."""
    (_, flags), position = _read_part(order, matrix, 0)
    (_, dimensions), position = _read_part(order, matrix, position)
    (_, name), position = _read_part(order, matrix, position)
    name = bytes(name).decode("latin1")
    if name not in names:
        return name, None
    flags, _ = struct.unpack(f"{order}II", flags)
    if flags & 0xFF not in NUMERIC or flags & IS_COMPLEX:
        kind = OTHERS.get(flags & 0xFF, "complex array" if flags & IS_COMPLEX else "thing of another kind")
        raise InputError(path, f"its {name!r} is a {kind}, but an array of real numbers is needed.")
    shape = struct.unpack(f"{order}{len(dimensions) // 4}i", dimensions)
    (stored, data), _ = _read_part(order, matrix, position)
    if stored not in STORED or min(shape, default=-1) < 0:
        raise _Damaged(f"its {name!r} has the shape {shape} of numbers of kind {stored}")
    numbers_stored = np.dtype(order + STORED[stored])
    if math.prod(shape) * numbers_stored.itemsize != len(data):
        raise _Damaged(f"its {name!r} has the shape {shape}, but {len(data):,} bytes")
    numbers = np.frombuffer(data, numbers_stored).astype(NUMERIC[flags & 0xFF], copy=False)
    return name, numbers.reshape(shape, order="F")


def _read_part(order, matrix, position):
    """((kind, content), where the next part begins)."""
    (kind,) = struct.unpack_from(f"{order}I", matrix, position)
    if kind >> 16:  # up to four bytes are packed into the tag itself
        size, start, end = kind >> 16, position + 4, position + 8
        if size > 4:
            raise _Damaged(f"a small part of {size} bytes")
        kind &= 0xFFFF
    else:
        (size,) = struct.unpack_from(f"{order}I", matrix, position + 4)
        start, end = position + 8, position + 8 + size + -size % 8
    if start + size > len(matrix):
        raise _Damaged(f"a part of {size:,} bytes in an array of {len(matrix):,}")
    return (kind, matrix[start : start + size]), end
