""".mat and .npz files of strangers: bounded before they are believed, and never pickles."""

import io
import math
import random
import struct
import zipfile
import zlib

import numpy as np
import pytest
import scipy.io
from dataset_files import random_images

from infogan.data import archives
from infogan.data.arrays import load_mat, load_npz
from infogan.system.messages import InputError

ARRAYS = {"X": random_images(5, 8, 8), "y": np.arange(5.0)[:, None], "text": "hello"}


KINDS = ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8")


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(3, 4, 2, 5), (1, 1), (7, 3), (0, 2), (2, 2, 2)])
def test_mat_files_come_out_as_scipy_reads_them(tmp_path, compressed, kind, shape):
    path = tmp_path / "a.mat"
    arrays = {"cells": np.array([[1, "a"]], object), "X": random_images(1, 4, 30, 1).ravel()[: math.prod(shape)]}
    arrays["X"] = arrays["X"].reshape(shape).astype(kind)
    scipy.io.savemat(path, arrays | {"text": "hello", "last": np.eye(2)}, do_compression=compressed)
    found = load_mat(path, ("X", "last", "z"))
    assert found.keys() == {"X", "last"}
    for name in found:
        expected = scipy.io.loadmat(path)[name]
        np.testing.assert_array_equal(found[name], expected)
        assert found[name].dtype == expected.dtype


def test_bytes_after_the_last_array_do_no_harm(tmp_path):
    path = tmp_path / "a.mat"
    scipy.io.savemat(path, ARRAYS)
    path.write_bytes(path.read_bytes() + b"\0\n" * 20)
    np.testing.assert_array_equal(load_mat(path, ("X",))["X"], ARRAYS["X"])


def test_a_double_array_may_be_stored_as_bytes(tmp_path):
    """As MATLAB stores small whole numbers, and scipy does not."""
    element = bytearray(array_element((2, 3), 6, bytes(range(6)) + b"\0\0"))
    element[8] = 6
    (tmp_path / "a.mat").write_bytes(mat((14, bytes(element))))
    found = load_mat(tmp_path / "a.mat", ("X",))["X"]
    np.testing.assert_array_equal(found, scipy.io.loadmat(tmp_path / "a.mat")["X"])
    assert found.dtype == np.float64


def mat(*elements):
    header = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"
    return header + b"".join(struct.pack("<II", kind, len(content)) + content for kind, content in elements)


def array_element(shape, size, content, kind=2):
    """An uint8 array X that announces a shape and a number of bytes."""
    flags = struct.pack("<IIII", 6, 8, 9, 0)
    dimensions = struct.pack("<II", 5, 4 * len(shape)) + struct.pack(f"<{len(shape)}i", *shape)
    dimensions += bytes(-len(dimensions) % 8)
    name = struct.pack("<HHcxxx", 1, 1, b"X")
    return flags + dimensions + name + struct.pack("<II", kind, size) + content


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "not a MATLAB 5 file"),
        (b"\x89HDF\r\n" + bytes(200), "not a MATLAB 5 file, but one is needed. .* save it with -v7"),
        (mat((15, b"no zlib")), "it is damaged"),
        (mat((15, zlib.compress(bytes(4)))), "it is damaged"),
        (mat((15, zlib.compress(bytes(1000))[:-5])), "ends early"),
        (mat((15, b""))[:-4] + b"\xff\xff\xff\xff", "ends after 136 bytes, before its last array"),
        (mat((14, array_element((100_000, 100_000), 10, bytes(10)))), "damaged"),
        (mat((14, array_element((10, 1), 2**32 - 1, bytes(10)))), "damaged"),
        (mat((14, array_element((-5, -2), 10, bytes(10)))), r"shape \(-5, -2\)"),
        (mat((14, array_element((10, 1), 10, bytes(10), kind=99))), "of kind 99"),
        (mat((14, array_element((10, 1), 10, bytes(9)))), "a part of 10 bytes"),
        (mat((14, array_element((9, 1), 10, bytes(10)))), r"shape \(9, 1\), but 10 bytes"),
        (mat(*[(14, array_element((1, 1), 1, bytes(8)))] * 1001), "1,000 arrays or more"),
    ],
)
def test_damaged_mat_files_are_refused(tmp_path, content, message):
    (tmp_path / "a.mat").write_bytes(content)
    with pytest.raises(InputError, match=rf"a\.mat: .*{message}"):
        raise InputError("a.mat", f"gave {load_mat(tmp_path / 'a.mat', ('X',))}")


def test_bombs_in_mat_files_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "FREE_BYTES", 2**20)
    (tmp_path / "a.mat").write_bytes(mat((15, zlib.compress(bytes(2**23)))))
    with pytest.raises(InputError, match=r"a\.mat: .* decompression bomb"):
        load_mat(tmp_path / "a.mat", ("X",))


@pytest.mark.parametrize("compressed", [False, True])
def test_mutated_mat_files_end_cleanly(tmp_path, compressed):
    path = tmp_path / "a.mat"
    scipy.io.savemat(path, ARRAYS, do_compression=compressed)
    mutate(path, lambda: load_mat(path, ("X", "y")))


def test_mutated_npz_files_end_cleanly(tmp_path):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, X=ARRAYS["X"], y=ARRAYS["y"])
    mutate(path, lambda: load_npz(path, ("X", "y")))


def mutate(path, load):
    """Flips bytes of the file, half of the time in its first 300 bytes, and cuts it: it is read or refused."""
    whole, rng, refused = path.read_bytes(), random.Random(0), 0
    for _ in range(200):
        content = bytearray(whole[: rng.choice([len(whole)] * 4 + [rng.randrange(len(whole))])])
        for _ in range(rng.choice([1, 1, 10]) if content else 0):
            content[rng.randrange(rng.choice([len(content), min(300, len(content))]))] = rng.randrange(256)
        path.write_bytes(content)
        try:
            load()
        except InputError as error:
            refused += 1
            assert str(error).startswith(str(path))
    assert refused > 30


def test_npz_files_come_out(tmp_path):
    np.savez(tmp_path / "a.npz", **ARRAYS)
    found = load_npz(tmp_path / "a.npz", ("X", "y", "z"))
    assert found.keys() == {"X", "y"}
    np.testing.assert_array_equal(found["X"], ARRAYS["X"])


def test_pickles_in_npz_files_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", X=np.array([print, {}], object))
    with pytest.raises(InputError, match=r"a\.npz: its array 'X\.npy' cannot be read .*pickled objects"):
        load_npz(tmp_path / "a.npz", ("X",))


@pytest.mark.parametrize("shape", [(10**12,), (3,), (5,), (-4,), (2**70,)])
def test_npz_headers_that_lie_are_refused(tmp_path, shape):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("X.npy", file.getvalue() + bytes(4))
    with pytest.raises(InputError, match=r"its array 'X\.npy' cannot be read \(its header announces"):
        load_npz(tmp_path / "a.npz", ("X",))
