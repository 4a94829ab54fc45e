"""Renders of 3D faces, 32x32 grey: a folder of pictures, or arrays in an .npz or .mat file."""

import numpy as np
from PIL import Image

from infogan.data.archives import open_source
from infogan.data.arrays import load_mat, load_npz
from infogan.data.dataset import Dataset, Split, check_data_dir, hold_out, hold_out_last
from infogan.data.factors import Factor
from infogan.data.picture_files import Preparation, list_pictures, shuffle
from infogan.data.pixel_cache import load_pixels
from infogan.system.checks import StrPath
from infogan.system.messages import InputError, note

FACTORS = ("lighting", "azimuth", "elevation")
"""Order of the columns of `factors_standardised`."""
LARGEST_FACTOR = 1e30
NEEDED = (
    "renders of faces are needed: a folder of pictures, or an .npz or .mat file with an array 'images' [N, H, W]. "
    "Render the Basel face model, https://faces.dmi.unibas.ch/bfm/, or bring your own (docs/datasets.md)."
)


def load(
    data_dir: StrPath | None = None,
    image_size: int | tuple[int, int] | None = None,
    input_range: tuple[float, float] | None = None,
) -> Dataset:
    """Reads renders of faces.

    Args:
      data_dir: an .npz or .mat file or a folder with one; or a folder, zip or tar of pictures. The file holds `images`,
        uint8 or, from 0 to 1, float, [N, H, W], and, where they are known, `lighting`, `azimuth`, `elevation` and
        `width`, each [N], or `factors_standardised` [N, 3] of the first three.
      image_size: (H, W) of the images, or the side of square ones; None for 32, those of Table 4.
      input_range: None, or (low, high), the values in the files of pictures that become 0 and 255.

    Returns:
      Dataset with uint8 images [N, H, W, 1]; its factors are those of the file, all ordered, since
      such heads turn to either side, but not around. A tenth is the test split: drawn at random from arrays, chosen by
      the names of pictures.

    Raises:
      InputError: naming the file that is missing or damaged.
    """
    path = check_data_dir(data_dir, NEEDED)
    if path.is_dir():
        arrays = sorted(file for file in path.iterdir() if file.suffix in (".npz", ".mat"))
        if len(arrays) > 1:
            raise InputError(path, f"it holds {len(arrays)} .npz and .mat files, but one is needed. Give its own name.")
        if arrays:
            if others := len(list(path.iterdir())) - 1:
                note(f"{path}: {arrays[0].name} is read; passed over: what else lies there ({others})")
            path = arrays[0]
    if path.suffix in (".npz", ".mat"):
        if input_range is not None:
            raise InputError("input_range", f"it was given, but {path.name} holds arrays. It is for pictures.")
        return hold_out(_load_arrays(path, image_size or 32), str(path))
    with open_source(path) as source:
        preparation = Preparation(image_size or 32, 1, input_range=input_range)
        pixels = load_pixels(source, shuffle(list_pictures(source)), preparation)
    return hold_out_last(Split(pixels.images), f"{path}{pixels.note}")


def _load_arrays(path, image_size):
    names = ("images", "factors_standardised", *FACTORS, "width")
    arrays = (load_npz if path.suffix == ".npz" else load_mat)(path, names)
    if "images" not in arrays:
        raise InputError(path, f"it holds no array 'images', but {NEEDED}")
    images = _to_uint8(path, arrays.pop("images"))
    height, width, _ = Preparation(image_size, 1).shape
    return Split(_resize(images, height, width), None, _collect_factors(path, arrays, len(images)))


def _to_uint8(path, images):
    if images.ndim != 3 or 0 in images.shape:
        raise InputError(path, f"its images have the shape {images.shape}, but [N, H, W] is needed.")
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind != "f" or not (images.min() >= 0 and images.max() <= 1):
        raise InputError(path, f"its images are {images.dtype}, but uint8, or floats from 0 to 1, are needed.")
    return np.round(images * 255).astype(np.uint8)


def _resize(images, height, width):
    if images.shape[1:] != (height, width):
        bicubic = Image.Resampling.BICUBIC
        images = np.stack([np.asarray(Image.fromarray(image).resize((width, height), bicubic)) for image in images])
    return images[..., None]


def _collect_factors(path, arrays, count):
    """dict of name -> ordered Factor."""
    table = arrays.pop("factors_standardised", None)
    if table is not None:
        if table.shape != (count, len(FACTORS)):
            raise InputError(path, f"its factors_standardised are {table.shape}, but {(count, 3)} is needed.")
        arrays = dict(zip(FACTORS, table.T)) | arrays
    factors = {}
    for name, values in arrays.items():
        is_usable = values.size == count and values.dtype.kind in "fiu"
        if not is_usable or not (np.abs(values) <= LARGEST_FACTOR).all():
            raise InputError(path, f"its {name!r} is {values.dtype} {values.shape}, but {count} numbers are needed.")
        factors[name] = Factor(values.astype(np.float32).ravel(), "ordered")
    return factors
