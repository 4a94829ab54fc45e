"""Any folder or zip of pictures: nested, of mixed sizes and formats, grey or in colour; or one array of images."""

import math
import re

import numpy as np

from infogan.data.archives import LARGEST_PIXELS, open_source
from infogan.data.arrays import SUFFIXES, open_arrays, tell_unused
from infogan.data.dataset import Dataset, Split, check_data_dir, hold_out_last
from infogan.data.picture_files import Preparation, count_channels, list_pictures, prepare_pixels, shuffle, to_bytes
from infogan.data.pixel_cache import load_pixels
from infogan.system.checks import StrPath
from infogan.system.messages import InputError, note

NEEDED = f"a folder, zip or tar of pictures is needed, or a file of images that ends in {', '.join(SUFFIXES)}."
PART = re.compile(
    r"(train(ing)?|test(ing)?|val(id(ation)?)?|dev|part|batch|chunk|shard|split|fold|images?|img)s?[-_ ]*\d*"
)
"""Names of folders that hold a part of a set, not a class."""
LABELS = "labels.npy"
"""Where the labels of an .npy file are."""
MOST_CLASSES = 1000
LARGEST_LABEL = 2**31
SMALLEST_SIDE = 8
"""Fewer pixels than any picture has; an axis as short as this holds something else."""


def load(
    data_dir: StrPath | None = None,
    image_size: int | tuple[int, int] | None = None,
    channels: int | None = None,
    input_range: tuple[float, float] | None = None,
) -> Dataset:
    """Reads pictures or an array of images, each cut to the part in its middle that has the result's proportions.

    A tenth of them is the test split: of pictures one that their names choose, of an array one drawn at random, the
    same in each run. Folders that look like classes, or an array `labels`, give labels.

    Args:
      data_dir: folder, zip or uncompressed tar with PNG, JPEG, GIF, BMP, WebP or TIFF files, however deep; or an .npy,
        .npz or .h5 file with `images` [N, H, W] or [N, H, W, C] and, if wanted, `labels` [N]; those of an .npy file are
        `labels.npy` beside it.
      image_size: (H, W) of the images, or the side of square ones, 8 to 1024 pixels each; None for 32.
      channels: 1 for grey, 3 for RGB; None for what the array has, or most of the first 100 pictures.
      input_range: None, or (low, high), the values in the files that become 0 and 255.

    Returns:
      Dataset with uint8 images [N, H, W, channels]; those of pictures are mapped from the cache on disk.

    Raises:
      InputError: naming the folder or file that is missing or damaged.
    """
    path = _find_array(check_data_dir(data_dir, NEEDED))
    image_size = 32 if image_size is None else image_size
    if channels not in (None, 1, 3):
        raise InputError("channels", f"{channels!r} was given, but 1 (grey) or 3 (RGB) is needed.")
    if path.is_file() and path.suffix.lower() in SUFFIXES:
        return hold_out_last(_load_array(path, image_size, channels, input_range), str(path))
    with open_source(path) as source:
        entries = shuffle(list_pictures(source))
        channels = channels or count_channels(source, entries)
        preparation = Preparation(image_size, channels, input_range=input_range)
        pixels = load_pixels(source, entries, preparation)
    labels = _label_by_folder(path, [entries[place].name for place in pixels.kept])
    return hold_out_last(Split(pixels.images, labels), f"{path}{pixels.note}")


def _find_array(path):
    """The file of arrays in a folder that holds nothing else but, maybe, its labels; else the path itself."""
    if not path.is_dir():
        return path
    files = [file for file in path.iterdir() if not file.name.startswith(".") and file.name != LABELS]
    return files[0] if len(files) == 1 and files[0].is_file() and files[0].suffix.lower() in SUFFIXES else path


def _label_by_folder(path, names):
    """Labels [N] where the folders of pictures look like classes, which is said; else None.

    Levels of folders that are the same for all pictures, or that hold parts of a set, count for nothing. Just one other
    level makes classes.
    """
    folders = [name.removeprefix("./").split("/")[:-1] for name in names]
    if len({len(parts) for parts in folders}) != 1:
        return None
    levels = [(sorted(set(level)), level) for level in zip(*folders)]
    levels = [(found, level) for found, level in levels if len(found) > 1 and not all(map(_is_part, found))]
    if len(levels) != 1:
        return None
    (classes, level), *_ = levels
    if len(classes) > min(MOST_CLASSES, len(names) // 2):
        return None
    note(f"{path}: its {len(classes):,} folders are labels, which only the evaluation uses: {_list_some(classes)}")
    number_of = {name: number for number, name in enumerate(classes)}
    return _compact(np.array([number_of[name] for name in level]))


def _is_part(folder):
    return PART.fullmatch(folder.lower()) is not None


def _list_some(names, most=10):
    """The first of several names, with the numbers that the report has in their place."""
    listed = [f"{number} {name!r}" for number, name in enumerate(names[:most])]
    return ", ".join(listed) + (", ..." if len(names) > most else "")


def _compact(labels):
    return labels.astype(np.uint8 if labels.max() < 256 else np.int64)


def _load_array(path, image_size, channels, input_range):
    """The Split of a file's images and labels, in an order that is drawn at random and always the same."""
    with open_arrays(path) as arrays:
        name, images = _find_images(path, arrays)
        channels = channels or (3 if len(images.shape) == 4 and images.shape[3] > 1 else 1)
        place_of = np.random.default_rng(0).permutation(images.shape[0])
        tell_unused(path, arrays, (name, "labels"))
        ends = _find_range(path, name, images, input_range)
        pixels = _make_pixels(path, images, ends, Preparation(image_size, channels), place_of)
        labels = _find_labels(path, arrays, len(pixels))
    if labels is not None:
        labels = labels[np.argsort(place_of)]
    return Split(pixels, labels)


def _find_images(path, arrays):
    """(name, LargeArray) of the images: `images`, or else the only array that may be some."""
    found = {name: array for name, array in arrays.items() if array.is_numeric and len(array.shape) in (3, 4)}
    name = "images" if "images" in arrays else next(iter(found), None)
    if name is None or (name != "images" and len(found) > 1):
        held = ", ".join(f"{name!r} {_show(array)}" for name, array in arrays.items()) or "no array"
        raise InputError(
            path, f"it holds {held}, but one array of images [N, H, W] or [N, H, W, C] is needed. Call it 'images'."
        )
    _check_shape(path, name, arrays[name])
    return name, arrays[name]


def _check_shape(path, name, array):
    count, height, width, channels = (*array.shape, 1, 1, 1, 1)[:4]
    is_known = array.is_numeric and len(array.shape) in (3, 4) and channels in (1, 3, 4) and count > 0
    if is_known and min(height, width) >= SMALLEST_SIDE and height * width <= LARGEST_PIXELS:
        return
    advice = ""
    if len(array.shape) == 4 and height in (1, 3, 4):
        advice = " Its channels seem to come first: save array.transpose(0, 2, 3, 1)."
    raise InputError(
        path,
        f"its {name!r} is {_show(array)}, but numbers [N, H, W] or [N, H, W, C] are needed, with H and W of at "
        f"least {SMALLEST_SIDE} and C of 1, 3 or 4.{advice}",
    )


def _show(array):
    return f"{array.dtype} {[*array.shape]}"


def _make_pixels(path, images, ends, preparation, place_of):
    """uint8 array [N, H, W, C] of images as the preparation asks for, image i at `place_of[i]`.

    `ends` are the values that become 0 and 255.
    """
    shape = preparation.shape
    try:
        pixels = np.empty((len(place_of), *shape), np.uint8)
    except MemoryError as error:
        needed = len(place_of) * math.prod(shape) / 2**30
        raise InputError(path, f"its images need {needed:.1f} GB of memory. Give a smaller --image-size.") from error
    start = 0
    for piece in images.pieces():
        for place, image in zip(place_of[start : start + len(piece)], to_bytes(piece, *ends)):
            fits = image.reshape(*image.shape[:2], -1).shape == shape
            pixels[place] = image.reshape(shape) if fits else prepare_pixels(image, preparation)
        start += len(piece)
    return pixels


def _find_range(path, name, images, given):
    """The values that become 0 and 255: those given, or what the array makes plain; else all, which is said."""
    low, high = np.inf, -np.inf
    for piece in images.pieces():
        low, high = min(low, float(piece.min())), max(high, float(piece.max()))
        if not np.isfinite([low, high, piece.sum(dtype=np.float64)]).all():
            raise InputError(path, f"its {name!r} holds NaN or infinite numbers, but finite ones are needed.")
    if given is not None:
        return given
    if low >= 0 and high <= 1:
        return 0.0, 1.0
    if images.dtype == np.uint8 or (low >= 0 and 128 <= high <= 255):
        return 0.0, 255.0
    if -1 <= low <= -0.5 and high <= 1:
        return -1.0, 1.0
    note(
        f"{path}: {low:g} to {high:g}, the range of the whole set, becomes 0 to 255 "
        "(another one: --pixel-range LOW,HIGH)"
    )
    return low, high


def _find_labels(path, arrays, count):
    """Whole numbers [N] from 0, or None where there are no such labels, which is said."""
    if path.suffix.lower() == ".npy" and (beside := path.with_name(LABELS)).exists() and beside != path:
        with open_arrays(beside) as of_file:
            return _check_labels(beside, of_file["images"], count)
    return _check_labels(path, arrays["labels"], count) if "labels" in arrays else None


def _check_labels(path, array, count):
    if array.shape[:1] != (count,):
        raise InputError(path, f"its labels are {_show(array)}, but one for each of {count:,} images is needed.")
    is_readable = array.is_numeric and array.shape in ((count,), (count, 1))
    labels = array.read() if is_readable else np.full(count, -1)
    if not ((labels >= 0) & (labels <= LARGEST_LABEL) & (labels % 1 == 0)).all():
        note(f"{path}: its labels, {_show(array)}, are not used: they are not whole numbers [{count}] from 0")
        return None
    note(f"{path}: its labels, {len(np.unique(labels)):,} different ones, are used by the evaluation only")
    return _compact(labels.ravel().astype(np.int64))
