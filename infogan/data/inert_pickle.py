"""Pickles of dicts, lists, strings, numbers and arrays of bytes, read without running anything that they name."""

import io
import math
import pickle
import pickletools

import numpy as np

from infogan.data.archives import describe_error
from infogan.system.errors import InputError

OPCODES = {
    *("PROTO", "FRAME", "STOP", "MARK", "POP", "GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD"),
    *("NONE", "NEWTRUE", "NEWFALSE", "INT", "BININT", "BININT1", "BININT2", "LONG1"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE"),
    *("BINBYTES", "SHORT_BINBYTES", "EMPTY_LIST", "LIST", "APPEND", "APPENDS"),
    *("EMPTY_DICT", "DICT", "SETITEM", "SETITEMS", "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"),
    *("GET", "BINGET", "LONG_BINGET", "PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"),
}
"""Steps of the pickle machine that such a pickle needs."""
MOST_TUPLES = 1000
"""Tuples nested without bound would exhaust the stack."""


def load_pickle(path, content):
    """Reads a pickle without executing anything in it.

    What it names is never imported: for the names that numpy's arrays need there are stand-ins that keep what they are
    given, and every other name is refused. The list of steps is checked before the first one is taken.

    Args:
      path: where it came from, for messages.
      content: bytes.

    Returns:
      dict, list, bytes, str, int, None, or uint8 array for numpy's arrays of bytes; strings of Python 2 come as bytes.

    Raises:
      InputError: naming the file, if it is damaged or needs more than that.
    """
    try:
        _check_steps(content)
        return _plain(_InertUnpickler(io.BytesIO(content), encoding="bytes").load())
    except Exception as error:  # a damaged pickle can raise nearly anything
        problem = f"it is no pickle of arrays, lists and strings ({describe_error(error)}), but one is needed."
        raise InputError(path, f"{problem} Fetch it again.") from error


def _check_steps(content):
    tuples = 0
    for opcode, argument, _ in pickletools.genops(content):
        if opcode.name not in OPCODES:
            raise ValueError(f"it takes the step {opcode.name}")
        # The table of remembered objects is as long as its highest number.
        if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT") and argument > len(content):
            raise ValueError(f"it remembers an object number {argument}")
        tuples += "TUPLE" in opcode.name
    if tuples > MOST_TUPLES:
        raise ValueError(f"it holds {tuples:,} tuples")


class _InertUnpickler(pickle.Unpickler):
    def find_class(self, module, name):
        if (module, name) in STAND_INS:
            return STAND_INS[module, name]
        raise ValueError(f"it names {module}.{name}")


class _Array:
    """Keeps the state of a numpy array: (version, shape, dtype, is in Fortran's order, bytes)."""

    def __init__(self, *arguments):
        self.state = None

    def __setstate__(self, state):
        self.state = state

    def plain(self):
        _, shape, dtype, is_fortran, content = self.state
        if dtype.name not in ("u1", b"u1", "|u1", b"|u1"):
            raise ValueError(f"it holds an array of {dtype.name}")
        if is_fortran or math.prod(shape) != len(content):
            raise ValueError(f"it holds an array of {shape} in {len(content):,} bytes")
        return np.frombuffer(content, np.uint8).reshape(shape)


class _DType:
    """Keeps the name of a numpy dtype."""

    def __init__(self, name="", *arguments):
        self.name = name

    def __setstate__(self, state):
        pass


class _Name:
    """Stands for what a pickle names; it can be called, if it has a function, but not changed."""

    __slots__ = ("_function",)

    def __init__(self, function=None):
        self._function = function

    def __call__(self, *arguments):
        return self._function(*arguments)

    def __setstate__(self, state):
        raise ValueError("it changes what it names")


def _encode(text, encoding="latin1"):
    """How Python 3 writes bytes for Python 2."""
    if not isinstance(text, str) or encoding != "latin1":
        raise ValueError("it encodes what is no text")
    return text.encode("latin1")


STAND_INS = {
    ("numpy.core.multiarray", "_reconstruct"): _Name(_Array),
    ("numpy._core.multiarray", "_reconstruct"): _Name(_Array),
    ("numpy", "ndarray"): _Name(),
    ("numpy", "dtype"): _Name(_DType),
    ("_codecs", "encode"): _Name(_encode),
}


def _plain(value):
    """Arrays in place of their stand-ins, at the top of the pickle and in a dict there."""
    if isinstance(value, dict):
        return {key: _plain(item) if isinstance(item, _Array) else item for key, item in value.items()}
    return value.plain() if isinstance(value, _Array) else value
