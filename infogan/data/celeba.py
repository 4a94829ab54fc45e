"""CelebA: 202,599 aligned and cropped faces, 178x218 RGB (Liu et al. 2015), with 40 binary attributes."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from infogan.data.archives import LARGEST_FILE, UnreadableFile, choose_entries, open_source
from infogan.data.dataset import Dataset, Split, describe_near, find_source, hold_out_last
from infogan.data.factors import Factor
from infogan.data.picture_files import Preparation, check_pictures, is_picture, shuffle
from infogan.data.pixel_cache import load_pixels
from infogan.system.checks import StrPath
from infogan.system.messages import InputError, note

CROP = (25 / 178, 45 / 218, 153 / 178, 173 / 218)
"""Head, hair and chin: the 128 x 128 pixels from (25, 45) of an official picture, as shares of width and height."""
IMAGES = ("img_align_celeba.zip", "img_align_celeba", "Img/img_align_celeba.zip", "Img/img_align_celeba")
"""The last two: as in the folder that the owners share."""
ATTRIBUTES, PARTITION = "list_attr_celeba", "list_eval_partition"
LISTS = tuple(f"{stem}{suffix}" for stem in (ATTRIBUTES, PARTITION) for suffix in (".txt", ".csv"))
BOM = b"\xef\xbb\xbf"
"""With which some programs begin a text."""
FOLDERS = (".", "..", "../Anno", "../Eval")
"""Where a list may lie, seen from the folder that holds the images' zip or folder."""
WITHOUT = {
    PARTITION: "a tenth of the images is the test split",
    ATTRIBUTES: "there are no attributes for the evaluation",
}
TRAIN, VALIDATION, TEST = b"0", b"1", b"2"
"""Parts of the official partition."""
NEEDED = (
    "the aligned images are needed. Get img_align_celeba.zip from https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html "
    "and put it there as it is (docs/datasets.md)."
)


def load(data_dir: StrPath | None = None, image_size: int | tuple[int, int] | None = None) -> Dataset:
    """Reads CelebA.

    Args:
      data_dir: folder with `img_align_celeba.zip` or the folder `img_align_celeba`; beside it, or in the zip, if
        wanted, `list_attr_celeba` and `list_eval_partition`, each as `.txt` or, as Kaggle has them, `.csv`.
      image_size: (H, W) of the images, or the side of square ones; None for 32, those of Table 3.

    Returns:
      Dataset with uint8 images [N, H, W, 3], mapped from the cache on disk. Its factors are the
      attributes, all binary. It is split by the official partition, or else a tenth that the pictures' names choose is
      the test split.

    Raises:
      InputError: naming the file that is missing or damaged.
    """
    path = find_source(data_dir, IMAGES, NEEDED)
    with open_source(path) as source:
        files = choose_entries(source, lambda name: is_picture(name) or _file_name(name) in LISTS)
        pictures = check_pictures(source, [entry for entry in files if is_picture(entry.name)])
        partition, attributes = (_find_list(source, files, stem) for stem in (PARTITION, ATTRIBUTES))
        entries, first_test = _split(partition, pictures)
        pixels = load_pixels(source, entries, Preparation(image_size or 32, 3, CROP))
    names = [_file_name(entries[place].name) for place in pixels.kept]
    everything = Split(pixels.images, None, _parse_attributes(attributes, names))
    if first_test == len(entries):
        return hold_out_last(everything, f"{path}{pixels.note}")
    first_test = int(np.searchsorted(pixels.kept, first_test))
    return Dataset(everything.part(None, first_test), everything.part(first_test, None), f"{path}{pixels.note}")


def _file_name(name):
    return name.rsplit("/", 1)[-1]


class _List(NamedTuple):
    """One of CelebA's lists.

    Attributes:
      where: file that holds it, for messages.
      columns: names of the numbers in a row; empty where the list gives none.
      rows: dict of an image's name -> the rest of its line, in bytes.
    """

    where: str
    columns: list[str]
    rows: dict[bytes, bytes]


def _find_list(source, files, stem):
    """The list beside the images, or among them; None where there is none, which it says."""
    names = (f"{stem}.txt", f"{stem}.csv")
    beside = (source.path.parent / folder / name for folder in FOLDERS for name in names)
    if path := next(filter(Path.is_file, beside), None):
        return _parse_list(path, _read(path, path.stat().st_size, lambda: path.read_bytes()))
    if entry := next((entry for entry in files if _file_name(entry.name) in names), None):
        where = f"{source.path}: {entry.name}"
        return _parse_list(where, _read(where, entry.size, lambda: source.read(entry)))
    near = describe_near(source.path.parent, names, [*LISTS, *IMAGES])
    note(f"{source.path}: no {stem}.txt or .csv beside it{near}, so {WITHOUT[stem]}")
    return None


def _read(where, size, read):
    """The bytes of a list in plain text, none of one that is too long."""
    try:
        content = read() if size <= LARGEST_FILE else b""
        content = content.removeprefix(BOM)
        content.decode("ascii")
    except (OSError, UnreadableFile, UnicodeDecodeError) as error:
        raise InputError(where, f"it cannot be read ({error}), but a list in plain text is needed.") from error
    return content


def _parse_list(where, content):
    """_List of a file's bytes.

    The owners' lists begin with a count and the names of the columns, or at once with the rows; copies in CSV with the
    names.
    """
    lines = content.replace(b",", b" ").replace(b'"', b"").rstrip().splitlines()
    if not lines:
        raise InputError(where, "it is empty or too long. Fetch it again.")
    heads, columns = 0, list[bytes]()
    if lines[0].strip().isdigit():
        heads, columns = 2, lines[1].split() if len(lines) > 1 else []
    elif b"," in content:
        heads, columns = 1, lines[0].split()[1:]
    # 8 million numbers: the rows are not taken apart.
    rows = {name: rest for name, _, rest in (line.partition(b" ") for line in lines[heads:])}
    if len(rows) < len(lines) - heads:
        _refuse_contradictions(where, lines[heads:], rows)
    return _List(str(where), [column.decode() for column in columns], rows)


def _refuse_contradictions(where, lines, rows):
    """Refuses a list with two different lines of a picture."""
    for name, _, rest in (line.partition(b" ") for line in lines):
        if rest.split() != rows[name].split():
            problem = f"it has two different lines of {name.decode()!r}, but one is needed. Fetch it again."
            raise InputError(where, problem)


def _split(partition, entries):
    """The entries, those of the training part first, and where those of the test part begin."""
    if partition is None:
        return shuffle(entries), len(entries)
    where, _, rows = partition
    if not all(rows.values()):
        raise InputError(where, "it has lines without a part. Fetch it again.")
    parts = [rows.get(_file_name(entry.name).encode(), b"").strip() for entry in entries]
    for entry, part in zip(entries, parts):
        if part not in (TRAIN, VALIDATION, TEST):
            raise InputError(where, f"it gives no part 0, 1 or 2 for {entry.name!r}, but each image needs one.")
    train, test = ([entry for entry, part in zip(entries, parts) if part == wanted] for wanted in (TRAIN, TEST))
    if not train:
        raise InputError(
            where,
            f"none of the {len(entries):,} images is in its training part, but some must be. Fetch the matching list.",
        )
    if left_out := parts.count(VALIDATION):
        note(f"{where}: {left_out:,} images are its validation part, which is in neither split")
    if test:
        return train + test, len(train)
    note(f"{where}: none of the images is in its test part, so {WITHOUT[PARTITION]}")
    return shuffle(train), len(train)


def _parse_attributes(attributes, names):
    """dict of attribute -> binary Factor; empty without the list."""
    if attributes is None:
        return {}
    where, columns, rows = attributes
    if not columns:
        raise InputError(where, "it names no attributes, but their names are needed. Fetch it again.")
    # Each row becomes a byte a number.
    digits = [rows.get(name.encode(), b"").replace(b"-1", b"0").translate(None, b" \t\r") for name in names]
    for name, row in zip(names, digits):
        if len(row) != len(columns):
            raise InputError(where, f"it has no line of {len(columns)} attributes for {name!r}. Fetch it again.")
    table = np.frombuffer(b"".join(digits), np.uint8) - ord("0")
    if table.max() > 1:
        raise InputError(where, "it holds other values than 1 and -1, or 1 and 0. Fetch it again.")
    table = table.reshape(len(names), len(columns)).T.astype(np.float32, order="C")
    return {name: Factor(values, "binary") for name, values in zip(columns, table)}
