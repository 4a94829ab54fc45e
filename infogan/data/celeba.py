"""CelebA: 202,599 aligned and cropped faces, 178x218 RGB (Liu et al. 2015), with 40 binary attributes."""

import numpy as np

from infogan.data.archives import LARGEST_FILE, open_source
from infogan.data.dataset import Dataset, Split, find_source, hold_out_last
from infogan.data.factors import Factor
from infogan.data.picture_files import Preparation, list_pictures, shuffle
from infogan.data.pixel_cache import load_pixels
from infogan.system.errors import InputError

CROP = (25 / 178, 45 / 218, 153 / 178, 173 / 218)
"""Head, hair and chin: the 128 x 128 pixels from (25, 45) of an official picture, as shares of width and height."""
ATTRIBUTES, PARTITION = "list_attr_celeba.txt", "list_eval_partition.txt"
TRAIN, TEST = b"0", b"2"
"""Parts of the official partition; 1, its validation part, is in neither split."""
NEEDED = (
    "the aligned images are needed. Get img_align_celeba.zip from https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html "
    "and put it there as it is (docs/datasets.md)."
)


def load(data_dir=None, image_size=None):
    """Reads CelebA.

    Args:
      data_dir: folder with `img_align_celeba.zip` or the folder `img_align_celeba`; beside it, if wanted,
        `list_attr_celeba.txt` and `list_eval_partition.txt`.
      image_size: (H, W) of the images, or the side of square ones; None for 32, those of Table 3.

    Returns:
      Dataset with uint8 images [N, H, W, 3], mapped from the cache on disk. Its factors are the
      attributes, all binary. It is split by the official partition, or else a tenth that the pictures' names choose is
      the test split.

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
        return hold_out_last(everything, f"{path}{pixels.note}")
    first_test = int(np.searchsorted(pixels.kept, first_test))
    return Dataset(everything.part(None, first_test), everything.part(first_test, None), f"{path}{pixels.note}")


def _file_name(entry):
    return entry.name.rsplit("/", 1)[-1]


def _partition(path, entries):
    """The entries, those of the training part first, and where those of the test part begin, if the file is there."""
    if not path.exists():
        return shuffle(entries), len(entries)
    part_of = dict(line.split() for line in _read_lines(path, 2))
    parts = [part_of.get(_file_name(entry).encode()) for entry in entries]
    for entry, part in zip(entries, parts):
        if part not in (b"0", b"1", b"2"):
            raise InputError(path, f"it gives no part 0, 1 or 2 for {entry.name!r}, but each image needs one.")
    train, test = ([entry for entry, part in zip(entries, parts) if part == wanted] for wanted in (TRAIN, TEST))
    if not train:
        raise InputError(path, f"none of the {len(entries):,} images is in its training part, but some must be.")
    return (train + test if test else shuffle(train)), len(train)


def _load_attributes(path, names):
    """dict of attribute -> binary Factor; empty without the file."""
    if not path.exists():
        return {}
    lines = _read_lines(path)
    attributes = lines[1].decode().split() if len(lines) > 1 else []
    if not attributes:
        raise InputError(path, "its second line names no attributes, but it must. Fetch it again.")
    # 8 million numbers: each line becomes a byte a number, and is not taken apart.
    rows = {}
    for line in lines[2:]:
        name, _, values = line.partition(b" ")
        rows[name] = values.replace(b"-1", b"0").translate(None, b" \t\r")
    for name in names:
        if len(rows.get(name.encode(), b"")) != len(attributes):
            raise InputError(path, f"it has no line of {len(attributes)} attributes for {name!r}. Fetch it again.")
    table = np.frombuffer(b"".join(rows[name.encode()] for name in names), np.uint8) - ord("0")
    if table.max() > 1:
        raise InputError(path, "it holds other values than 1 and -1. Fetch it again.")
    table = table.reshape(len(names), len(attributes)).T.astype(np.float32, order="C")
    return {name: Factor(values, "binary") for name, values in zip(attributes, table)}


def _read_lines(path, words=None):
    """The lines of a list in plain text, as bytes, each of that many words."""
    try:
        content = path.read_bytes() if path.stat().st_size <= LARGEST_FILE else b""
        content.decode("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(path, f"it cannot be read ({error}), but a list in plain text is needed.") from error
    lines = content.rstrip().splitlines()
    if not lines or (words and any(len(line.split()) != words for line in lines)):
        raise InputError(path, "it is empty, too long, or has lines of another length. Fetch it again.")
    return lines
