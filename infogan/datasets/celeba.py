"""CelebA: 202,599 aligned and cropped faces, 178x218 RGB (Liu et al. 2015), with 40 binary attributes."""

import numpy as np

from infogan.datasets.data_folder import find_source
from infogan.datasets.dataset import Dataset, Split, hold_out
from infogan.datasets.file_sources import open_source
from infogan.datasets.limits import LARGEST_FILE
from infogan.datasets.picture_decoding import Preparation
from infogan.datasets.picture_files import list_pictures
from infogan.datasets.pixel_cache import load_pixels
from infogan.errors import InputError

CROP = (25 / 178, 45 / 218, 153 / 178, 173 / 218)
"""Head, hair and chin: the 128 x 128 pixels from (25, 45) of an official picture, as shares of width and height."""
ATTRIBUTES, PARTITION = "list_attr_celeba.txt", "list_eval_partition.txt"
TRAIN, TEST = "0", "2"
"""Parts of the official partition; 1, its validation part, is in neither split."""
BINARY = {"-1": 0, "1": 1}
NEEDED = (
    "the aligned images are needed. Get img_align_celeba.zip from https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html "
    "and put it there as it is (docs/datasets.md)."
)


def load(data_dir=None, image_size=None):
    """Reads CelebA.

    Args:
      data_dir: folder with `img_align_celeba.zip` or the folder `img_align_celeba`; beside it, if wanted,
        `list_attr_celeba.txt` and `list_eval_partition.txt`.
      image_size: height and width of the images; None for 32, those of Table 3.

    Returns:
      Dataset with uint8 images [N, image_size, image_size, 3], mapped from the cache on disk. Its factors are the
      attributes, 0 or 1. It is split by the official partition, or else the last tenth is the test split.

    Raises:
      InputError: naming the file that is missing or damaged.
    """
    path = find_source(data_dir, ("img_align_celeba.zip", "img_align_celeba"), NEEDED)
    with open_source(path) as source:
        entries, first_test = _partition(path.parent / PARTITION, list_pictures(source))
        pixels = load_pixels(source, entries, Preparation(image_size or 32, 3, CROP))
    names = [_file_name(entries[place]) for place in pixels.kept]
    everything = Split(pixels.images, None, _load_attributes(path.parent / ATTRIBUTES, names))
    if first_test == len(entries):
        return hold_out(everything, f"{path}{pixels.note}")
    first_test = int(np.searchsorted(pixels.kept, first_test))
    return Dataset(everything.part(None, first_test), everything.part(first_test, None), f"{path}{pixels.note}")


def _file_name(entry):
    return entry.name.rsplit("/", 1)[-1]


def _partition(path, entries):
    """The entries, those of the training part first, and where those of the test part begin."""
    if not path.exists():
        return entries, len(entries)
    part_of = dict(_read_list(path, 2))
    if missing := [entry.name for entry in entries if part_of.get(_file_name(entry)) not in (["0"], ["1"], ["2"])]:
        raise InputError(path, f"it gives no part 0, 1 or 2 for {missing[0]!r}, but each image needs one.")
    train, test = ([entry for entry in entries if part_of[_file_name(entry)] == [part]] for part in (TRAIN, TEST))
    if not train:
        raise InputError(path, f"none of the {len(entries):,} images is in its training part, but some must be.")
    return train + test, len(train)


def _load_attributes(path, names):
    """dict of attribute -> float32 array [N] of 0 and 1; empty without the file."""
    if not path.exists():
        return {}
    lines = _read_list(path)
    next(lines, None)  # how many images there are
    first, rest = next(lines, ("", []))
    attributes = [first, *rest]
    rows = {name: values for name, values in lines if len(values) == len(attributes)}
    if missing := [name for name in names if name not in rows]:
        raise InputError(path, f"it has no line of {len(attributes)} attributes for {missing[0]!r}. Fetch it again.")
    try:
        table = np.frombuffer(b"".join(bytes(BINARY[value] for value in rows[name]) for name in names), np.uint8)
    except KeyError as error:
        raise InputError(path, f"it holds the attribute value {error}, but 1 and -1 are needed.") from error
    table = table.reshape(len(names), len(attributes)).astype(np.float32)
    return dict(zip(attributes, np.ascontiguousarray(table.T)))


def _read_list(path, columns=None):
    """Pairs of the first word of each line and the list of its other words."""
    try:
        content = path.read_bytes() if path.stat().st_size <= LARGEST_FILE else b""
        lines = [line.split() for line in content.decode("ascii").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(path, f"it cannot be read ({error}), but a list in plain text is needed.") from error
    if not lines or (columns and any(len(words) != columns for words in lines)):
        raise InputError(path, "it is empty, too long, or has lines of another length. Fetch it again.")
    return ((words[0], words[1:]) for words in lines)
