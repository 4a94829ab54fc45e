"""Numeric arrays of MATLAB 5 files, through scipy, with everything bounded before scipy sees it."""

import io
import struct
import zlib

import scipy.io

from infogan.datasets.limits import check_unpacked_size
from infogan.errors import InputError

HEADER = 128
MATRIX, COMPRESSED = 14, 15
"""miMATRIX, an array, and miCOMPRESSED, an element that holds a deflated one: the two kinds at the top of a file."""
NUMERIC = {"double", "single", "logical", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))}
MOST_ELEMENTS = 1000
PIECE = 2**16
"""Bytes that are inflated at once: at most 66 MB come out."""


def load_mat(path, names):
    """Reads arrays of a MATLAB 5 file.

    Only the named variables are read, and only if they are plain numeric arrays: cells, structures, functions and
    objects are refused by their headers.

    Args:
      path: `pathlib.Path`.
      names: names of the variables.

    Returns:
      dict of name -> array; without those names that the file does not hold.

    Raises:
      InputError: naming the file, if it is not such a file, is damaged, or unpacks to far more than its size.
    """
    plain = _inflate(path)
    try:
        found = {name: (shape, kind) for name, shape, kind in scipy.io.whosmat(plain)}
        for name in names:
            if name in found and found[name][1] not in NUMERIC:
                raise InputError(path, f"its {name!r} is a {found[name][1]}, but an array of numbers is needed.")
        plain.seek(0)
        arrays = scipy.io.loadmat(plain, variable_names=list(names))
    except InputError:
        raise
    except Exception as error:  # scipy raises whatever damaged bytes lead to, TypeError among them
        raise InputError(path, f"it cannot be read ({error}), so it is damaged. Fetch it again.") from error
    return {name: arrays[name] for name in names if name in arrays}


def _inflate(path):
    """The same file with every compressed element in plain, so that no length in it exceeds what is there."""
    try:
        content = memoryview(path.read_bytes())
    except OSError as error:
        raise InputError(path, f"it cannot be read ({error.strerror}), but a MATLAB file is needed.") from error
    if content[124:128] not in (b"\x00\x01IM", b"\x01\x00MI"):
        raise InputError(path, "it is no MATLAB 5 file, but one is needed. Fetch it again, or save it with -v7.")
    order = "<" if content[126:128] == b"IM" else ">"
    plain, position = io.BytesIO(), HEADER
    plain.write(content[:HEADER])
    for _ in range(MOST_ELEMENTS):
        if position + 8 > len(content):
            break
        kind, size = struct.unpack_from(f"{order}II", content, position)
        if kind not in (MATRIX, COMPRESSED):
            break
        element = content[position : position + 8 + size]
        if len(element) < 8 + size:
            raise InputError(path, f"it ends after {len(content):,} bytes, before its last array does. Fetch it again.")
        if kind == COMPRESSED:
            _inflate_element(path, element[8:], plain, len(content))
        else:
            plain.write(element)
        position += len(element)
    plain.seek(0)
    return plain


def _inflate_element(path, element, plain, packed):
    inflater = zlib.decompressobj()
    try:
        for start in range(0, len(element), PIECE):
            plain.write(inflater.decompress(element[start : start + PIECE]))
            check_unpacked_size(path, packed, plain.tell())
    except zlib.error as error:
        raise InputError(path, f"it cannot be read ({error}), so it is damaged. Fetch it again.") from error
    if not inflater.eof:
        raise InputError(path, "one of its arrays ends early, so it is damaged. Fetch it again.")
