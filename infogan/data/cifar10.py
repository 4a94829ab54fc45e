"""CIFAR-10: 50,000 training and 10,000 test images, 32x32 RGB, in ten classes (Krizhevsky 2009)."""

import re

import numpy as np

from infogan.data.archives import UnreadableFile, open_source, read_tar_gz
from infogan.data.dataset import Dataset, Split, find_source
from infogan.data.inert_pickle import load_pickle
from infogan.system.errors import InputError

ARCHIVES = ("cifar-10-python.tar.gz", "cifar-10-binary.tar.gz", "cifar-10-batches-py", "cifar-10-batches-bin")
NEEDED = "one of them is needed. Fetch it with --download (docs/datasets.md)."
BATCH_NAME = re.compile(r"(?:.*/)?(data_batch_[1-5]|test_batch)(\.bin)?")
LARGEST_BATCH = 2**26
"""Bytes; the official ones have 31 million."""
CLASSES = 10
PIXELS = 3 * 32 * 32


def load(data_dir=None):
    """Reads CIFAR-10 from its archive for Python or for C, or from what they unpack to.

    The pickles of the former are read without executing anything in them. Whichever training batches are there are
    taken.

    Args:
      data_dir: folder with one of `ARCHIVES`, or one of them itself.

    Returns:
      Dataset with uint8 images [N, 32, 32, 3] and labels 0..9: airplane, automobile, bird, cat, deer, dog, frog, horse,
      ship, truck.

    Raises:
      InputError: naming the file that is missing or damaged.
    """
    path = find_source(data_dir, [*ARCHIVES, "data_batch_1", "data_batch_1.bin"], NEEDED)
    if path.name in ("data_batch_1", "data_batch_1.bin"):
        path = path.parent
    batches = _parse_batches(path, _read_batches(path))
    train = [batches[name] for name in sorted(batches) if name != "test_batch"]
    if not train or "test_batch" not in batches:
        raise InputError(path, f"it holds the batches {sorted(batches)}, but data_batch_1 and test_batch are needed.")
    return Dataset(_join(train), _join([batches["test_batch"]]), str(path))


def _read_batches(path):
    """dict of name -> bytes."""
    if path.is_file():
        return read_tar_gz(path, BATCH_NAME.fullmatch, LARGEST_BATCH)
    with open_source(path) as source:
        entries = [entry for entry in source.entries() if BATCH_NAME.fullmatch(entry.name)]
        try:
            return {entry.name: source.read(entry) for entry in entries}
        except UnreadableFile as error:
            raise InputError(path, f"a batch cannot be read ({error}). Fetch the archive again.") from error


def _parse_batches(path, contents):
    batches = {}
    for name, content in contents.items():
        batch, is_binary = BATCH_NAME.fullmatch(name).groups()
        if batch in batches:
            raise InputError(path, f"it holds {batch} twice, but one form of CIFAR-10 is needed. Keep one folder.")
        batches[batch] = (_parse_binary if is_binary else _parse_pickle)(f"{path}: {name}", content)
    return batches


def _parse_binary(where, content):
    if not content or len(content) % (1 + PIXELS):
        raise InputError(where, f"{len(content):,} bytes, but records of {1 + PIXELS:,} are needed. Fetch it again.")
    records = np.frombuffer(content, np.uint8).reshape(-1, 1 + PIXELS)
    return _check(where, records[:, 1:], records[:, 0])


def _parse_pickle(where, content):
    batch = load_pickle(where, content)
    batch = {_text(key): value for key, value in batch.items()} if isinstance(batch, dict) else {}
    data, labels = batch.get("data"), batch.get("labels")
    is_good = isinstance(data, np.ndarray) and data.ndim == 2 and data.shape[1] == PIXELS and isinstance(labels, list)
    if not is_good or not all(type(label) is int and 0 <= label < CLASSES for label in labels):
        raise InputError(where, f"it is no batch of CIFAR-10: 'data' [N, {PIXELS}] and 'labels' [N] are needed.")
    return _check(where, data, np.array(labels, np.uint8))


def _text(key):
    return key.decode("latin1") if isinstance(key, bytes) else key


def _check(where, data, labels):
    if len(data) != len(labels) or len(labels) == 0 or labels.max() >= CLASSES:
        raise InputError(
            where, f"{len(labels):,} labels for {len(data):,} images, but each needs one of 0 to {CLASSES - 1}."
        )
    return data, labels


def _join(batches):
    """A record holds the red, then the green, then the blue plane, each row by row."""
    planes = np.concatenate([data for data, _ in batches]).reshape(-1, 3, 32, 32)
    return Split(np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), np.concatenate([labels for _, labels in batches]))
