"""Numeric arrays of MATLAB 5 files.

Not read by scipy, which the tests compare this with: scipy 1.17 believes the kinds of data that a file names, and a
single damaged byte can crash the process: 5 of 1,500 files damaged by `tests/faults/mutate.py` did. The format is that
of MathWorks' "MAT-File Format", level 5.
"""

import io
import math
import struct
import zlib

import numpy as np

from infogan.data.archives import check_unpacked_size, describe_error
from infogan.system.errors import InputError

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
PIECE = 2**16
"""Bytes that are inflated at once: at most 66 MB come out."""


def load_mat(path, names):
    """Reads arrays of real numbers from a MATLAB 5 file.

    Args:
      path: `pathlib.Path`.
      names: names of the arrays.

    Returns:
      dict of name -> array; without those names that the file does not hold.

    Raises:
      InputError: naming the file, if it is not such a file, is damaged, unpacks to far more than its size, or holds
        something else than numbers under one of the names.
    """
    try:
        content = memoryview(path.read_bytes())
        arrays = {}
        for order, matrix in _matrices(path, content):
            name, array = _parse_matrix(path, order, matrix, names)
            arrays[name] = array
    except OSError as error:
        raise InputError(path, f"it cannot be read ({error.strerror}), but a MATLAB file is needed.") from error
    except (struct.error, zlib.error, UnicodeDecodeError, _Damaged) as error:
        reason = describe_error(error)
        raise InputError(path, f"it cannot be read ({reason}), so it is damaged. Fetch it again.") from error
    return {name: arrays[name] for name in names if name in arrays}


class _Damaged(Exception):
    pass


def _matrices(path, content):
    """Pairs of the order of bytes, "<" or ">", and the parts of each array at the top of the file."""
    if content[124:128] not in (b"\x00\x01IM", b"\x01\x00MI"):
        raise InputError(path, "it is no MATLAB 5 file, but one is needed. Fetch it again, or save it with -v7.")
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
    for start in range(0, len(element), PIECE):
        plain.write(inflater.decompress(element[start : start + PIECE]))
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
