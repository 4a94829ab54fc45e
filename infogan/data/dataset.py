"""What every dataset gives: arrays, and labels that only the evaluation sees."""

import dataclasses
import os
from pathlib import Path

import numpy as np

from infogan.system.errors import InputError


@dataclasses.dataclass(frozen=True)
class Split:
    """Images with what is known about them.

    Attributes:
      images: uint8 array [N, H, W, C].
      labels: uint8 array [N], the class of each image; None for a set without classes. Training never reads them.
      factors: dict of name -> float32 array [N], what varied when the images were made, such as an azimuth in degrees,
        or attributes that are 0 or 1. Training never reads them.
      groups: None, or int array [N]: images with the same number show the same object, and what is chosen by some
        objects is scored on others.
    """

    images: np.ndarray
    labels: np.ndarray | None = None
    factors: dict = dataclasses.field(default_factory=dict)
    groups: np.ndarray | None = None

    def __len__(self):
        return len(self.images)

    def part(self, start, stop):
        """The images from `start` to `stop`, either of which may be None."""
        chosen = slice(start, stop)
        labels, groups = (None if numbers is None else numbers[chosen] for numbers in (self.labels, self.groups))
        factors = {name: values[chosen] for name, values in self.factors.items()}
        return Split(self.images[chosen], labels, factors, groups)


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A training and a test split.

    Attributes:
      train: what the model learns from; its labels fix which category stands for which class.
      test: what the error rate is measured on.
      source: where it came from, for logs.
    """

    train: Split
    test: Split
    source: str


def check_dataset(dataset):
    """Refuses what is known of a set's images if it does not suit them, as the evaluation would once all is trained.

    Raises:
      InputError: if labels, factors or groups are not one for each image, or of another kind than `Split` says; if
        factors of the two splits have other names, or one split alone has groups.
    """
    train, test = dataset.train, dataset.test
    for split in (train, test):
        _check_labels(split)
        for name, values in {**split.factors, "groups": split.groups}.items():
            if values is not None:
                _check_numbers(name, values, len(split))
    if train.factors and test.factors and train.factors.keys() != test.factors.keys():
        raise InputError(
            "dataset",
            f"the factors {', '.join(train.factors)} of training images and {', '.join(test.factors)} of test images "
            "were given, but the same ones are needed.",
        )
    if (train.groups is None) != (test.groups is None):
        raise InputError("dataset", "groups of one split were given, but those of both are needed, or none.")


def _check_labels(split):
    labels, count = split.labels, len(split)
    if labels is not None and (labels.dtype.kind not in "iu" or labels.shape != (count,) or labels.min() < 0):
        raise InputError(
            "dataset",
            f"labels of shape {[*labels.shape]} and type {labels.dtype} were given, but whole numbers [{count}] from 0 "
            "are needed, or None.",
        )


def _check_numbers(name, values, count):
    if values.dtype.kind not in "iuf" or values.shape != (count,) or not np.isfinite(values).all():
        raise InputError(
            "dataset",
            f"{name} of shape {[*values.shape]} and type {values.dtype} were given, but finite numbers [{count}] are "
            "needed, one an image.",
        )


TEST_SHARE = 0.1
"""Share of a set without a test split that is held out as one."""


def hold_out(split, source):
    """The last tenth of a set, at least one image, becomes its test split.

    Raises:
      InputError: if there are fewer than two images.
    """
    if len(split) < 2:
        raise InputError(source, f"it gives {len(split)} images, but at least 2 are needed: one to train, one to test.")
    first = len(split) - max(1, round(TEST_SHARE * len(split)))
    return Dataset(split.part(None, first), split.part(first, None), source)


def find_source(data_dir, names, needed):
    """The first of several files or folders that is there.

    Args:
      data_dir: the user's folder, or one of these files itself; None if none was given.
      names: their names; "." is the folder itself.
      needed: "<what is needed>. <where to get it and where to put it>", for messages.

    Returns:
      `pathlib.Path`.

    Raises:
      InputError: if there is none.
    """
    folder = check_data_dir(data_dir, needed)
    if folder.is_file() or folder.name in names:
        return folder
    for name in names:
        if (folder / name).exists():
            return folder / name
    raise InputError("--data-dir", f"{folder} holds no {' and no '.join(names)}, but {needed}")


def check_data_dir(data_dir, needed):
    """The user's folder or file as a `pathlib.Path`.

    Raises:
      InputError: if none was given, it is not there, or it cannot be read.
    """
    if data_dir is None:
        raise InputError("--data-dir", f"nothing was given, but {needed}")
    folder = Path(data_dir)
    try:
        if folder.is_dir():
            os.listdir(folder)
        else:
            folder.open("rb").close()
    except OSError as error:
        raise InputError("--data-dir", f"{folder} cannot be opened ({error.strerror}), but {needed}") from error
    return folder
