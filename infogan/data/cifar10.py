"""CIFAR-10: 50,000 training and 10,000 test images, 32x32 RGB, in ten classes (Krizhevsky 2009)."""

import re

import numpy as np

from infogan.data.archives import UnreadableFile, open_source, read_tar_gz
from infogan.data.dataset import Dataset, Split, check_data_dir, find_source
from infogan.system.checks import StrPath
from infogan.system.messages import InputError, note

FIRST_BATCH = "data_batch_1.bin"
BINARY = ("cifar-10-binary.tar.gz", "cifar-10-batches-bin", FIRST_BATCH)
FOR_PYTHON = ("cifar-10-python.tar.gz", "cifar-10-batches-py", "data_batch_1")
"""The same images as pickles, which would have to be trusted."""
NEEDED = f"{BINARY[0]} is needed. Fetch it with --download (docs/datasets.md)."
BATCH_NAME = re.compile(r"(?:.*/)?(data_batch_[1-5]|test_batch)\.bin")
LARGEST_BATCH = 2**26
"""Bytes; the official ones have 31 million."""
CLASSES = 10
TRAINING_BATCHES = 5
PIXELS = 3 * 32 * 32


def load(data_dir: StrPath | None = None) -> Dataset:
    """Reads CIFAR-10 from its binary archive, or from what it unpacks to; whichever training batches are there.

    Args:
      data_dir: folder with `cifar-10-binary.tar.gz`, with `cifar-10-batches-bin` or with the batches, or one of the
        first two itself.

    Returns:
      Dataset with uint8 images [N, 32, 32, 3] and labels 0..9: airplane, automobile, bird, cat, deer, dog, frog, horse,
      ship, truck.

    Raises:
      InputError: naming the file that is missing or damaged, or the archive for Python, which is not read.
    """
    _refuse_pickles(check_data_dir(data_dir, NEEDED))
    path = find_source(data_dir, BINARY, NEEDED)
    if path.name == FIRST_BATCH:
        path = path.parent
    batches = _parse_batches(path, _read_batches(path))
    train = [batches[name] for name in sorted(batches) if name != "test_batch"]
    if not train or "test_batch" not in batches:
        found = ", ".join(sorted(batches)) or "none"
        raise InputError(
            path, f"its binary batches are {found}, but data_batch_1 and test_batch are needed. Fetch it again."
        )
    if len(train) < TRAINING_BATCHES:
        note(f"{path}: only {len(train)} of CIFAR-10's {TRAINING_BATCHES} training batches are there")
    return Dataset(_join(train), _join([batches["test_batch"]]), str(path))


def _refuse_pickles(folder):
    if any((folder / name).exists() for name in BINARY):
        return
    for path in (folder, *(folder / name for name in FOR_PYTHON)):
        if path.name in FOR_PYTHON and path.exists():
            raise InputError(path, f"it is CIFAR-10 for Python, in pickles, which are not read, but {NEEDED}")


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
    """dict of batch -> (planes [N, 3072], labels [N])."""
    batches = {}
    for name, content in contents.items():
        match = BATCH_NAME.fullmatch(name)
        assert match  # or the file would not have been read
        batch = match[1]
        if batch in batches:
            raise InputError(path, f"it holds {batch} twice, but one copy of CIFAR-10 is needed. Keep one folder.")
        batches[batch] = _parse_batch(f"{path}: {name}", content)
    return batches


def _parse_batch(where, content):
    if not content or len(content) % (1 + PIXELS):
        raise InputError(where, f"{len(content):,} bytes, but records of {1 + PIXELS:,} are needed. Fetch it again.")
    records = np.frombuffer(content, np.uint8).reshape(-1, 1 + PIXELS)
    labels = records[:, 0]
    if labels.max() >= CLASSES:
        raise InputError(
            where, f"it holds the label {labels.max()}, but labels are 0 to {CLASSES - 1}. Fetch it again."
        )
    return records[:, 1:], labels


def _join(batches):
    """A record holds the red, then the green, then the blue plane, each row by row."""
    planes = np.concatenate([data for data, _ in batches]).reshape(-1, 3, 32, 32)
    return Split(np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), np.concatenate([labels for _, labels in batches]))
