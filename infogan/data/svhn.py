"""SVHN, cropped digits: house numbers, 32x32 RGB, in MATLAB files (Netzer et al. 2011)."""

import numpy as np

from infogan.data.arrays import load_mat
from infogan.data.dataset import Dataset, Split, check_data_dir, describe_near, hold_out
from infogan.system.checks import StrPath
from infogan.system.messages import InputError, note

NEEDED = "a folder with train_32x32.mat and test_32x32.mat is needed. Fetch them with --download (docs/datasets.md)."
FILES = ("train_32x32.mat", "test_32x32.mat", "extra_32x32.mat")
ZERO = 10
"""Label of the digit 0 in the files."""


def load(data_dir: StrPath | None = None, extra: bool = False) -> Dataset:
    """Reads SVHN.

    Args:
      data_dir: folder with `train_32x32.mat` and `test_32x32.mat`; without the latter a tenth of the former, drawn at
        random, is held out in its place.
      extra: whether the images of `extra_32x32.mat` follow those of the training file.

    Returns:
      Dataset with uint8 images [N, 32, 32, 3] and labels 0..9.

    Raises:
      InputError: naming the file that is missing or damaged.
    """
    folder = check_data_dir(data_dir, NEEDED)
    training, test, more = FILES
    names = [training, more] if extra else [training]
    for name in names:
        if not (folder / name).is_file():
            raise InputError(
                "data_dir", f"{folder} holds no {name}{describe_near(folder, [name], FILES)}, but {NEEDED}"
            )
    if not extra and (folder / more).exists():
        note(f"{folder}: passed over: {more} (in a program: infogan.data.svhn.load(folder, extra=True))")
    train = _join([_load_split(folder / name) for name in names])
    if not (folder / test).exists():
        note(f"{folder}: no {test}{describe_near(folder, [test], FILES)}, so a tenth of {training} is the test split")
        return hold_out(train, str(folder))
    return Dataset(train, _load_split(folder / test), str(folder))


def _join(splits):
    if len(splits) == 1:
        return splits[0]
    return Split(np.concatenate([split.images for split in splits]), np.concatenate([split.labels for split in splits]))


def _load_split(path):
    arrays = load_mat(path, ("X", "y"))
    for name in ("X", "y"):
        if name not in arrays:
            raise InputError(path, f"it holds no array {name!r}, but SVHN's 'X' and 'y' are needed. Fetch it again.")
    images, labels = arrays["X"], arrays["y"].ravel()
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[:3] != (32, 32, 3):
        raise InputError(
            path,
            f"its X is {images.dtype} {images.shape}, but uint8 (32, 32, 3, N) is needed. Fetch it again.",
        )
    if images.shape[3] != len(labels) or len(labels) == 0:
        raise InputError(path, f"{len(labels):,} labels for {images.shape[3]:,} images, but each image needs one.")
    if not np.isin(labels, np.arange(1, ZERO + 1)).all():
        raise InputError(path, f"it holds labels from {labels.min()} to {labels.max()}, but they are 1 to {ZERO}.")
    return Split(np.ascontiguousarray(images.transpose(3, 0, 1, 2)), (labels % ZERO).astype(np.uint8))
