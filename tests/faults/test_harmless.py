"""What does no harm to a file changes nothing: comments, trailing bytes, another order, things of other programs.

Properties, which hypothesis tries on examples of its own choice: the same ones each time.
"""

import dataclasses
import gzip
import io
import json
import shutil
import tarfile
import zipfile
import zlib

import numpy as np
import pytest
import scipy.io
from dataset_files import (
    celeba_files,
    chair_files,
    face_arrays,
    picture,
    random_images,
    write_celeba_lists,
    write_files,
    write_idx_files,
    write_zip,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of
from test_dataset_contract import load

from infogan.data.arrays import load_idx, load_npz
from infogan.data.picture_files import Preparation, decode_picture
from infogan.spec import ExperimentSpec
from infogan.system.messages import InputError

few = settings(
    max_examples=15,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
TRAILING = st.binary(max_size=600)
LATIN = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)
PACKED = {True: zipfile.ZIP_DEFLATED, False: zipfile.ZIP_STORED}
FOREIGN = {"__MACOSX/._a": b"\0\5\x16\7", ".DS_Store": b"\0\0\0\1Bud1", "notes/README.md": b"hello", "Thumbs.db": b"\0"}


def read(name, folder, cache):
    """The Dataset, read from its files and not from what an earlier example left in the cache."""
    shutil.rmtree(cache, ignore_errors=True)
    return load(name, folder)


def assert_same(found, expected):
    for split in ("train", "test"):
        one, other = getattr(found, split), getattr(expected, split)
        np.testing.assert_array_equal(one.images, other.images)
        np.testing.assert_array_equal(one.labels, other.labels)
        assert one.factors.keys() == other.factors.keys()
        for name, factor in one.factors.items():
            np.testing.assert_array_equal(factor.values, other.factors[name].values)


@pytest.fixture(scope="module")
def celeba(tmp_path_factory):
    """The files of a small CelebA and what is read of them."""
    files = celeba_files()
    folder = tmp_path_factory.mktemp("celeba")
    write_zip(folder / "img_align_celeba.zip", files)
    return files, load("celeba", folder)


@few
@given(order=st.permutations(range(40)), comment=st.binary(max_size=200), trailing=TRAILING, packed=st.booleans())
def test_zip(celeba, tmp_path, cache_folder, order, comment, trailing, packed):
    files, expected = celeba
    path = tmp_path / "img_align_celeba.zip"
    names = list(files)
    with zipfile.ZipFile(path, "w", PACKED[packed]) as archive:
        for name, content in FOREIGN.items():
            archive.writestr(name, content)
        for number in order:
            archive.writestr(names[number], files[names[number]])
        archive.comment = comment.replace(b"PK", b"pk")
    with path.open("ab") as file:
        file.write(trailing.replace(b"PK", b"pk"))
    assert_same(read("celeba", tmp_path, cache_folder), expected)


@few
@given(order=st.permutations(range(32)), comment=LATIN, trailing=st.integers(0, 40), form=st.sampled_from((0, 1, 2)))
def test_tar(tmp_path, cache_folder, order, comment, trailing, form):
    files = chair_files()
    folder = tmp_path / "files"
    if not folder.exists():
        write_files(folder, files)
    names = list(files)
    headers = {"comment": comment} if form == tarfile.PAX_FORMAT else None
    path = tmp_path / "rendered_chairs.tar"
    with tarfile.open(path, "w", format=form, pax_headers=headers) as archive:
        for name, content in [*FOREIGN.items(), *((names[number], files[names[number]]) for number in order)]:
            member = tarfile.TarInfo(name)
            member.size, member.mtime, member.uname = len(content), 1_600_000_000, "someone"
            archive.addfile(member, io.BytesIO(content))
    with path.open("ab") as file:
        file.write(bytes(512 * trailing))
    assert_same(read("chairs", path.parent, cache_folder), read("chairs", folder, cache_folder))


@few
@given(order=st.permutations(range(3)), comment=st.binary(max_size=200), packed=st.booleans())
def test_npz(tmp_path, order, comment, packed):
    known = face_arrays()
    more = {"names": np.array(["a", "b"]), **known}
    names = list(more)
    with zipfile.ZipFile(tmp_path / "faces.npz", "w", PACKED[packed]) as archive:
        for number in order:
            content = io.BytesIO()
            np.save(content, more[names[number]])
            archive.writestr(f"{names[number]}.npy", content.getvalue())
        archive.comment = comment.replace(b"PK", b"pk")
    found = load_npz(tmp_path / "faces.npz", list(known))
    for name, values in known.items():
        np.testing.assert_array_equal(found[name], values)


@few
@given(order=st.permutations(range(5)), trailing=st.integers(0, 600), packed=st.booleans(), seed=st.integers(0, 9))
def test_mat(tmp_path, order, trailing, packed, seed):
    images = random_images(10, 32, 32, 3, seed)
    labels = (np.arange(10, dtype=np.uint8) + 1)[:, None]
    arrays = {
        "X": images.transpose(1, 2, 3, 0),
        "y": labels,
        "who": "someone",
        "more": {"a": 1.0},
        "cells": np.array([1, "b"], object),
    }
    names = list(arrays)
    path = tmp_path / "train_32x32.mat"
    scipy.io.savemat(path, {names[number]: arrays[names[number]] for number in order}, do_compression=packed)
    with path.open("ab") as file:
        file.write(bytes(trailing))
    found = load("svhn", tmp_path)
    both = [*found.train.images, *found.test.images]
    assert sorted(image.tobytes() for image in both) == sorted(image.tobytes() for image in images)


@few
@given(name=LATIN, level=st.integers(1, 9), padding=st.integers(0, 600), cut=st.integers(1, 1000))
def test_gzip(tmp_path, name, level, padding, cut):
    """Another level, a name inside, several members one after another, and zeros to fill up a block."""
    expected = load("mnist", write_idx_files(tmp_path))
    for path in tmp_path.glob("*.gz"):
        plain = gzip.decompress(path.read_bytes())
        packed = io.BytesIO()
        with gzip.GzipFile(name, "wb", level, packed) as member:
            member.write(plain[:cut])
        path.write_bytes(packed.getvalue() + gzip.compress(plain[cut:]) + bytes(padding))
    assert_same(load("mnist", tmp_path), expected)


@few
@given(
    array=arrays_of.arrays(np.uint8, arrays_of.array_shapes(min_dims=3, max_dims=3, max_side=6)),
    trailing=st.binary(min_size=1, max_size=20),
)
def test_idx_of_any_shape(tmp_path, array, trailing):
    """Bytes beyond what the header announces are no harmless matter here: the header itself may be what is wrong."""
    header = bytes([0, 0, 8, 3]) + np.array(array.shape, ">u4").tobytes()
    path = tmp_path / "images"
    path.write_bytes(header + array.tobytes())
    np.testing.assert_array_equal(load_idx(path, 3), array)
    path.write_bytes(header + array.tobytes() + trailing)
    with pytest.raises(InputError, match="but more follow, so it is damaged"):
        load_idx(path, 3)


@few
@given(end=st.sampled_from(("\n", "\r\n")), spaces=st.integers(0, 3), blank=st.integers(0, 3), order=st.randoms())
def test_lists(celeba, tmp_path, cache_folder, end, spaces, blank, order):
    """Line ends of Windows, spaces at the end of a line, blank lines at the end, another order."""
    folder = tmp_path / "lists"
    if not folder.exists():
        folder.mkdir()
        write_zip(folder / "img_align_celeba.zip", celeba[0])
    write_celeba_lists(folder)
    expected = read("celeba", folder, cache_folder)
    for path, heads in ((folder / "list_attr_celeba.txt", 2), (folder / "list_eval_partition.txt", 0)):
        lines = path.read_text().splitlines()
        rows = lines[heads:]
        order.shuffle(rows)
        changed = "".join(f"{line.rstrip()}{' ' * spaces}{end}" for line in [*lines[:heads], *rows]) + end * blank
        path.write_bytes(changed.encode())
    assert_same(read("celeba", folder, cache_folder), expected)


COMMENTS = {
    "PNG": lambda content, note: content[:33] + _png_chunk(b"tEXt", b"Comment\0" + note) + content[33:],
    "JPEG": lambda content, note: content[:2] + b"\xff\xfe" + (len(note) + 2).to_bytes(2, "big") + note + content[2:],
    "GIF": lambda content, note: content[:-1] + b"\x21\xfe" + bytes([len(note)]) + note + b"\0;" if note else content,
    "BMP": lambda content, note: content,
}
"""Writes a comment into a picture file, at a place where its format has one."""


def _png_chunk(kind, content):
    return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")


@few
@given(kind=st.sampled_from(sorted(COMMENTS)), note=st.binary(max_size=200), trailing=TRAILING, seed=st.integers(0, 9))
def test_pictures(kind, note, trailing, seed):
    content = picture(random_images(1, 40, 30, 3, seed)[0], kind)
    changed = COMMENTS[kind](content, note) + trailing
    preparation = Preparation(32, 3)
    np.testing.assert_array_equal(decode_picture(changed, preparation), decode_picture(content, preparation))


@few
@given(seed=st.integers(0, 2**31 - 1), rate=st.floats(1e-8, 1.0), indent=st.integers(0, 8), order=st.randoms())
def test_spec(spec, seed, rate, indent, order):
    """Any spec is the same after it was written, and in whatever order and with whatever spaces it is written."""
    spec = dataclasses.replace(spec, seed=seed, generator_learning_rate=rate)
    items = list(json.loads(spec.to_json()).items())
    order.shuffle(items)
    assert ExperimentSpec.from_json(json.dumps(dict(items), indent=indent) + " \n\n") == spec
