"""Pickles of strangers: arrays, lists and strings come out, and nothing that they name is run."""

import datetime
import functools
import os
import pickle
import random

import numpy as np
import pytest
from dataset_files import cifar_batches, python2_pickle

from infogan.data.inert_pickle import load_pickle
from infogan.system.errors import InputError


def test_what_it_may_hold_comes_out():
    value = {"data": np.arange(12, dtype=np.uint8).reshape(3, 4), "labels": [1, 2, 3], "name": "x", "none": None}
    for protocol in (2, 3, 4):
        found = load_pickle("file", pickle.dumps(value, protocol))
        np.testing.assert_array_equal(found.pop("data"), value["data"])
        assert found == {"labels": [1, 2, 3], "name": "x", "none": None}


class Calls:
    """Its pickle calls `function(*arguments)`."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_nothing_is_run(tmp_path, protocol):
    trace = tmp_path / "trace"
    command = f"open({str(trace)!r}, 'w')"
    for attack in (Calls(os.system, f"touch {trace}"), Calls(eval, command), Calls(open, trace, "w")):
        for value in (attack, [attack], {"data": attack}):
            with pytest.raises(InputError, match="file: it is no pickle of arrays, lists and strings"):
                load_pickle("file", pickle.dumps(value, protocol))
    assert not trace.exists()


@pytest.mark.parametrize(
    "value",
    [functools.partial(print), datetime.date(2000, 1, 1), np.array([None]), np.float64(1), range(3), {1}, 1j, OSError],
)
def test_other_objects_are_refused(value):
    for protocol in (2, 4):
        with pytest.raises(InputError, match="file: "):
            load_pickle("file", pickle.dumps({"data": value}, protocol))


@pytest.mark.parametrize("array", [np.zeros(3), np.zeros((3, 3), np.uint8, "F")[:, :2], np.zeros(3, "S1")])
def test_other_arrays_are_refused(array):
    with pytest.raises(InputError, match="it holds an array of"):
        load_pickle("file", pickle.dumps({"data": np.asfortranarray(array)}, 2))


RECONSTRUCT = b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80\x02",
        b"\x80\x02}r\xff\xff\xff\xff.",  # a table of 4 billion remembered objects
        b"\x80\x02" + b"(" * 2000 + b"t" * 2000 + b".",  # tuples so deep that the stack would end
        b"\x80\x02]" + b"\x85" * 100_000 + b"}" + b"s.",
        RECONSTRUCT + b"}X\x01\x00\x00\x00aK\x01sb.",  # sets an attribute of what it names
        b"\x80\x02cnumpy\nndarray\n(K\x03tR.",  # makes an array by itself
        RECONSTRUCT + b")R(K\x01\x8a\x05\xff\xff\xff\xff\x7f\x85cnumpy\ndtype\nU\x02u1\x85R\x89U\x01xtb.",  # of 2**39
        b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x04\x00\x00\x00zlib\x86R.",
        b"I" + b"9" * 10_000 + b"\n.",
        b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7f.",
        b"\x80\x02T\xff\xff\xff\x7f.",
        b"\x80\x04\x8c\x03a\nb\x8c\x04\x1b[2J\x93.",  # a name of two lines that clears the screen
    ],
)
def test_hostile_pickles_are_refused(content):
    with pytest.raises(InputError, match="file: it is no pickle of arrays, lists and strings") as refusal:
        load_pickle("file", content)
    assert str(refusal.value).isprintable(), "one line, without control characters"


def test_damaged_pickles_end_cleanly():
    data, labels = cifar_batches()["test_batch"]
    whole, rng, refused = python2_pickle(labels[:2], data[:2]), random.Random(0), 0
    # Damage in the pixels does no harm to the reader: all places but one in the middle of them.
    places = [place for place in range(len(whole)) if not 150 < place < len(whole) - 60]
    for _ in range(500):
        content = bytearray(whole[: rng.choice([len(whole)] * 9 + [rng.randrange(len(whole))])])
        for _ in range(rng.choice([1, 1, 5])):
            content[rng.choice(places) % len(content)] = rng.randrange(256)
        try:
            load_pickle("file", bytes(content))
        except InputError:
            refused += 1
    assert refused > 100
