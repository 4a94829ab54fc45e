"""Reading MNIST: the shipped files, the user's own, and damaged ones."""

import dataclasses
import gzip
import shutil

import numpy as np
import pytest

from infogan.data import load_dataset, mnist
from infogan.system.messages import InputError


def idx_bytes(array):
    """The array in idx format."""
    header = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    return header + array.astype(np.uint8).tobytes()


@pytest.fixture
def folder(tmp_path):
    """A folder with four small, good idx files, not gzipped."""
    rng = np.random.default_rng(0)
    for part, count in (("train", 40), ("t10k", 20)):
        (tmp_path / f"{part}-images-idx3-ubyte").write_bytes(idx_bytes(rng.integers(0, 256, (count, 28, 28))))
        (tmp_path / f"{part}-labels-idx1-ubyte").write_bytes(idx_bytes(np.arange(count) % 10))
    return tmp_path


def test_shipped_files_are_mnist():
    dataset = mnist.load()
    assert dataset.train.images.shape == (60_000, 28, 28, 1)
    assert dataset.test.images.shape == (10_000, 28, 28, 1)
    assert dataset.train.images.dtype == np.uint8
    # Counts of the digits in the test set, as LeCun et al. publish them.
    assert np.bincount(dataset.test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert dataset.train.labels[:5].tolist() == [5, 0, 4, 1, 9]


def test_shipped_files_are_checked(tmp_path, monkeypatch):
    shutil.copytree(mnist.SHIPPED, tmp_path / "files")
    monkeypatch.setattr(mnist, "SHIPPED", tmp_path / "files")
    path = tmp_path / "files" / "t10k-labels-idx1-ubyte.gz"
    labels = bytearray(gzip.decompress(path.read_bytes()))
    labels[100] = (labels[100] + 1) % 10
    path.write_bytes(gzip.compress(labels))
    with pytest.raises(InputError, match=r"t10k-labels-idx1-ubyte\.gz: its SHA-256 is"):
        mnist.load()


@pytest.mark.parametrize("compress", [False, True])
def test_own_files_gzipped_or_not(folder, compress):
    expected = mnist.load(folder)
    if compress:
        for path in list(folder.iterdir()):
            path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes()))
            path.unlink()
    found = mnist.load(folder)
    for split in ("train", "test"):
        np.testing.assert_array_equal(getattr(found, split).images, getattr(expected, split).images)
        np.testing.assert_array_equal(getattr(found, split).labels, getattr(expected, split).labels)


IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
GOOD_IMAGES = idx_bytes(np.zeros((40, 28, 28)))
DAMAGES = {
    "missing": (IMAGES, None, "holds no train-images-idx3-ubyte and no train-images-idx3-ubyte.gz"),
    "empty": (IMAGES, b"", "starts with nothing"),
    "no idx file": (IMAGES, b"\x89PNG\r\n" * 9, "starts with 89504e47"),
    "header cut short": (IMAGES, GOOD_IMAGES[:9], "starts with 00000803"),
    "truncated": (IMAGES, GOOD_IMAGES[:-1], r"announces 31,360 bytes but 31,359 follow"),
    "too long": (IMAGES, GOOD_IMAGES + b"x", "announces 31,360 bytes but more follow"),
    "huge header": (IMAGES, bytes([0, 0, 8, 3]) + b"\xff" * 12, "are the limit"),
    "truncated gzip": (IMAGES, gzip.compress(GOOD_IMAGES)[:-9], "it cannot be read"),
    "damaged gzip": (IMAGES, b"\x1f\x8b" + b"\x00" * 50, "it cannot be read"),
    "labels in place of images": (IMAGES, idx_bytes(np.zeros(40)), "starts with 00000801"),
    "wrong size": (
        IMAGES,
        idx_bytes(np.zeros((40, 32, 32))),
        "its images are 32x32, but Table 1's networks need 28x28",
    ),
    "fewer labels": (LABELS, idx_bytes(np.zeros(39)), "39 labels for 40 images"),
    "label out of range": (LABELS, idx_bytes(np.full(40, 10)), "holds the label 10"),
    "no image": (IMAGES, idx_bytes(np.zeros((0, 28, 28))), "40 labels for 0 images"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_files_are_refused(folder, damage):
    name, content, message = DAMAGES[damage]
    (folder / name).unlink() if content is None else (folder / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        mnist.load(folder)


def test_a_folder_in_place_of_a_file_is_refused(folder):
    (folder / IMAGES).unlink()
    (folder / IMAGES).mkdir()
    with pytest.raises(InputError, match="holds no train-images"):
        mnist.load(folder)


def test_load_dataset_keeps_images_from_training(spec, folder):
    everything = mnist.load(folder)
    spec = dataclasses.replace(spec, held_out_images=5, max_images=10)
    dataset = load_dataset(spec, folder)
    np.testing.assert_array_equal(dataset.train.images, everything.train.images[5:15])
    np.testing.assert_array_equal(dataset.test.labels, everything.test.labels[:10])


def test_load_dataset_refuses_fewer_images_than_a_batch(spec, folder):
    with pytest.raises(InputError, match="only 40 training images are left"):
        load_dataset(dataclasses.replace(spec, batch_size=41), folder)
