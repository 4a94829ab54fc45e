"""What every dataset gives: arrays, and labels that only the evaluation sees."""

import dataclasses
import difflib
import hashlib
import itertools
import os
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import numpy as np

from infogan.data.factors import Factor, FactorGrid, describe_array
from infogan.data.lazy_images import Images, LazyImages
from infogan.system.checks import PATH, TEXT, Kind, StrPath, instance, optional
from infogan.system.messages import InputError, note, warn

IMAGES = Kind(
    "a uint8 array [N, H, W, C]",
    lambda images: isinstance(images, np.ndarray | LazyImages) and images.dtype == np.uint8 and images.ndim == 4,
)
ARRAY = instance(np.ndarray, "an array")
FACTORS = instance(dict, "a dict of name -> Factor")


@dataclasses.dataclass(frozen=True)
class Split:
    """Images with what is known about them.

    Attributes:
      images: uint8 array [N, H, W, C], or `LazyImages`, which are unpacked when they are read.
      labels: uint8 array [N], the class of each image; None for a set without classes. Training never reads them.
      factors: dict of name -> `Factor`, what varied when the images were made. Training never reads them.
      groups: None, or int array [N]: images with the same number show the same object, and what is chosen by some
        objects is scored on others.
    """

    images: Images
    labels: np.ndarray | None = None
    factors: dict[str, Factor] = dataclasses.field(default_factory=dict)
    groups: np.ndarray | None = None

    def __post_init__(self) -> None:
        IMAGES.check("Split.images", self.images)
        for name in ("labels", "groups"):
            optional(ARRAY).check(f"Split.{name}", getattr(self, name))
        FACTORS.check("Split.factors", self.factors)

    def __len__(self) -> int:
        return len(self.images)

    def part(self, start: int | None, stop: int | None) -> "Split":
        """The images from `start` to `stop`."""
        return self.select(slice(start, stop))

    def select(self, chosen: slice | np.ndarray) -> "Split":
        """Some of the images: a slice, which copies nothing, or an array of places."""
        labels, groups = (None if numbers is None else numbers[chosen] for numbers in (self.labels, self.groups))
        factors = {name: factor.select(chosen) for name, factor in self.factors.items()}
        images = self.images.select(chosen) if isinstance(self.images, LazyImages) else self.images[chosen]
        return Split(images, labels, factors, groups)


SPLIT = instance(Split, "a Split of images")


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A training and a test split.

    Attributes:
      train: what the model learns from; its labels fix which category stands for which class.
      test: what the error rate is measured on.
      source: where it came from, for logs.
      complete: the same set before images were kept back or left out; None where this is all of it.
    """

    train: Split
    test: Split
    source: str
    complete: "Dataset | None" = None

    def __post_init__(self) -> None:
        for name, kind in (("train", SPLIT), ("test", SPLIT), ("source", TEXT)):
            kind.check(f"Dataset.{name}", getattr(self, name))

    def limit(self, held_out: int, most: int | None) -> "Dataset":
        """The set without its first `held_out` training images, and at most `most` images of each split (None: all)."""
        train = self.train.part(held_out, None).part(None, most)
        return Dataset(train, self.test.part(None, most), self.source, self.complete or self)

    def grid(self) -> FactorGrid:
        """A `FactorGrid` of all images of both splits, those that were kept back or left out included.

        Raises:
          InputError: if the factors do not form a grid.
        """
        whole = self.complete or self
        return FactorGrid((whole.train, whole.test), self.source)


def check_dataset(dataset: Dataset) -> None:
    """Refuses what is known of a set's images if it does not suit them, as the evaluation would once all is trained.

    Raises:
      InputError: if labels, factors or groups are not one for each image, or of another kind than `Split` says; if
        factors of the two splits have other names or kinds, or one split alone has groups.
    """
    instance(Dataset, "a Dataset").check("dataset", dataset)
    train, test = dataset.train, dataset.test
    for split in (train, test):
        _check_labels(split)
        for name, factor in split.factors.items():
            if not isinstance(factor, Factor):
                raise InputError(
                    "dataset",
                    f"{name} of {describe_array(factor)} was given, but a factor says its kind. Write "
                    f'"{name}": Factor(values, "ordered"), or another kind.',
                )
            factor.check(name, len(split))
        if split.groups is not None:
            _check_groups(split)
    _check_same_factors(train.factors, test.factors)
    if (train.groups is None) != (test.groups is None):
        raise InputError("dataset", "groups of one split were given, but those of both are needed, or none.")


def _check_labels(split):
    labels, count = split.labels, len(split)
    if labels is not None and (labels.dtype.kind not in "iu" or labels.shape != (count,) or labels.min(initial=0) < 0):
        raise InputError(
            "dataset",
            f"labels of shape {[*labels.shape]} and type {labels.dtype} were given, but whole numbers [{count}] from 0 "
            "are needed, or None.",
        )


def _check_groups(split):
    groups, count = split.groups, len(split)
    if groups.dtype.kind not in "iu" or groups.shape != (count,):
        raise InputError(
            "dataset",
            f"groups of {describe_array(groups)} were given, but whole numbers [{count}] are needed, or None.",
        )


def _check_same_factors(train, test):
    if train and test and train.keys() != test.keys():
        raise InputError(
            "dataset",
            f"the factors {', '.join(train)} of training images and {', '.join(test)} of test images were given, but "
            "the same ones are needed.",
        )
    for name in train.keys() & test.keys():
        of_train, of_test = train[name].describe(), test[name].describe()
        if of_train != of_test:
            raise InputError(
                "dataset",
                f"{name} is {of_train} in training images and {of_test} in test images, but the same is needed.",
            )


TEST_SHARE = 0.1
"""Share of a set without a test split that is held out as one."""
SPLIT_SEED = 0
"""Which images these are is the same for every run."""


def hold_out(split: Split, source: str) -> Dataset:
    """A tenth of a set, at least one image, drawn at random, becomes its test split; the order of all is drawn, too.

    Where there are groups a tenth of them is drawn: the images of an object are all in one split.

    Raises:
      InputError: if there are fewer than two images or groups.
    """
    groups = np.arange(len(split)) if split.groups is None else split.groups
    _, number = np.unique(groups, return_inverse=True)
    drawn = np.random.default_rng(SPLIT_SEED).permutation(1 + number.max(initial=-1))
    return hold_out_last(split.select(np.argsort(drawn[number], kind="stable")), source)


def hold_out_last(split: Split, source: str) -> Dataset:
    """The last tenth becomes the test split, of a set whose order is random already; this copies no image.

    Where there are groups it is the last tenth of them, and the images of each lie together.

    Raises:
      InputError: as `hold_out`.
    """
    groups = np.arange(len(split)) if split.groups is None else split.groups
    starts = np.flatnonzero(np.concatenate([[True], groups[1:] != groups[:-1]])[: len(split)])
    if len(starts) < 2:
        what = "images" if split.groups is None else "objects"
        raise InputError(
            source, f"it gives {len(starts)} {what}, but at least 2 are needed: one to train, one to test."
        )
    first = starts[-max(1, round(TEST_SHARE * len(starts)))]
    return Dataset(split.part(None, first), split.part(first, None), source)


def find_source(data_dir: StrPath | None, names: Sequence[str], needed: str) -> Path:
    """The first of several files or folders that is there.

    Args:
      data_dir: the user's folder, or one of these files itself; None if none was given.
      names: their names; "." is the folder itself.
      needed: "<what is needed>. <where to get it and where to put it>", for messages.

    Raises:
      InputError: if there is none.
    """
    folder = check_data_dir(data_dir, needed)
    if folder.is_file() or folder.name in names:
        return folder
    there = [name for name in names if (folder / name).exists()]
    if len(there) > 1:
        note(f"{folder}: {there[0]} is read; passed over: {', '.join(there[1:])}")
    if there:
        return folder / there[0]
    near = describe_near(folder, names, names)
    raise InputError("data_dir", f"{folder} holds no {' and no '.join(names)}{near}, but {needed}")


NEAR = 0.8
"""Likeness of two names, as difflib measures it, from which one may be the other's copy, or the other renamed."""

MOST_NAMES = 1000
"""Names that are compared: in a folder of 200,000 pictures nobody should wait for it."""


def describe_near(folder: Path, names: Iterable[str], known: Collection[str]) -> str:
    """ " (but X: rename it if that is it)" where a folder holds X, almost one of these names; else an empty text.

    Args:
      folder: where it was looked for.
      names: names of which one was looked for.
      known: all names that the set knows: none of them is a near miss of another.
    """
    files = itertools.islice(folder.iterdir(), MOST_NAMES)
    there = {path.name.lower(): path.name for path in files if path.name not in known}
    near = (difflib.get_close_matches(name.lower(), there, 1, NEAR) for name in names)
    found = sorted({there[match] for matches in near for match in matches})
    return f" (but {', '.join(found)}: rename it if that is it)" if found else ""


def check_data_dir(data_dir: StrPath | None, needed: str) -> Path:
    """The user's folder or file.

    Raises:
      InputError: if none was given, it is not there, or it cannot be read.
    """
    if data_dir is None:
        raise InputError("data_dir", f"nothing was given, but {needed}")
    folder = PATH.check("data_dir", data_dir)
    try:
        if folder.is_dir():
            os.listdir(folder)
        else:
            folder.open("rb").close()
    except OSError as error:
        raise InputError("data_dir", f"{folder} cannot be opened ({error.strerror}), but {needed}") from error
    return folder


def check_shipped(path: Path, sha256: str) -> None:
    """Refuses a file that comes with the package if its bytes are not the shipped ones.

    Raises:
      InputError: naming the file.
    """
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != sha256:
        raise InputError(
            path, f"its SHA-256 is {found}, but {sha256} is the shipped file's. Restore it: git checkout -- {path}"
        )


LOOKED_AT = 2**22
"""Bytes of a set's images that are looked at."""
TAIL = 0.001
"""Share of the pixels, at either end, that a set's range of values is told without: a few hot pixels say nothing."""
NARROW = 64
"""Grey levels, of 256, that images with some contrast take up."""
ALIKE = 1 / 128
"""Share of that range by which the images deviate from their mean at the least, where there is anything to learn."""
LARGE_SHARE = 0.1
"""Share of images from which blank ones and copies of others are worth a word."""


def warn_of_pixels(images: Images, where: str) -> None:
    """Says in one line what is odd about the pixels of a set; nothing where nothing is.

    Args:
      images: uint8 array [N, H, W, C], or LazyImages.
      where: what the set is called.
    """
    step = max(1, images.nbytes // LOOKED_AT)
    if problems := describe_pixels(np.asarray(images[::step])):
        warn(f"{where}: {'; '.join(problems)}")


def describe_pixels(images: np.ndarray) -> list[str]:
    """What is odd about the pixels of uint8 images [N, H, W, C]."""
    problems = []
    low, high = find_range(images)
    if high - low < NARROW:
        problems.append(
            f"nearly all pixels lie between {low} and {high} of 255; if the files hold another range of values, "
            "give it as --pixel-range LOW,HIGH"
        )
    deviation = images.std(axis=0, dtype=np.float32).mean()
    if deviation <= ALIKE * (high - low):
        problems.append(f"the images are almost alike: {deviation:.1f} grey levels from their mean")
    rows = images.reshape(len(images), -1)
    blank = (rows.min(axis=1) == rows.max(axis=1)).mean()
    copies = 1 - len({row.tobytes() for row in rows}) / len(rows)
    problems += [
        f"{share:.0%} of the images are {what}"
        for share, what in ((blank, "of a single colour"), (copies, "copies of others"))
        if share >= LARGE_SHARE
    ]
    return problems


def find_range(images: np.ndarray) -> tuple[int, int]:
    """The lowest and the highest value of uint8 images, without `TAIL` of the pixels at either end."""
    counts = np.bincount(images.ravel(), minlength=256)
    shares = np.cumsum(counts) / counts.sum()
    return int(np.searchsorted(shares, TAIL, side="right")), int(np.searchsorted(shares, 1 - TAIL))
