"""Renders of 3D faces, 32x32 grey, shipped with the package; others from a folder of pictures or a file of arrays."""

import dataclasses
import re
from pathlib import Path

import numpy as np

from infogan.data.archives import open_source
from infogan.data.arrays import load_mat, load_npz
from infogan.data.dataset import Dataset, Split, check_data_dir, check_shipped, hold_out, hold_out_last
from infogan.data.factors import Factor
from infogan.data.picture_files import Preparation, list_pictures, prepare_pixels, shuffle
from infogan.data.pixel_cache import load_pixels
from infogan.system.checks import IDENTIFIER, StrPath
from infogan.system.messages import InputError, note

SHIPPED = Path(__file__).parent / "faces_files" / "faces.npz"
"""12,000 renders of 1,000 identities."""
SHA256 = "a3a829658790cb76e9e9de967ea402d42fee2cb14d0c5ef8c169b59b1addb5bb"
FACTORS = ("lighting", "azimuth", "elevation")
"""Order of the columns of `factors_standardised`."""
GROUP = "identity"
"""The factor that says whose face it is, and so which images stay together."""
LARGEST_FACTOR = 1e30
SIZED = re.compile(r".*_(\d+)x(\d+)x(\d+)\.npz")
"""A file whose name says how many pictures of which size it holds, as faces_12000x32x32.npz."""
NEEDED = (
    "renders of faces are needed: a folder of pictures, or an .npz or .mat file with an array 'images' [N, H, W]. "
    "Leave --data-dir out for those that are shipped, or bring your own (docs/datasets.md)."
)


def load(
    data_dir: StrPath | None = None,
    image_size: int | tuple[int, int] | None = None,
    input_range: tuple[float, float] | None = None,
) -> Dataset:
    """Reads renders of faces.

    Args:
      data_dir: None for the shipped ones; an .npz or .mat file or a folder with one; or a folder, zip or tar of
        pictures. The file holds `images`, uint8 or, from 0 to 1, float, [N, H, W], and what is known of them: `factors`
        [N, K] with the `names` [K] of its columns; or `lighting`, `azimuth`, `elevation` and `width`, each [N]; or
        `factors_standardised` [N, 3] of the first three. Of several files in a folder the one is read whose name says
        that its pictures have the size that is asked for.
      image_size: (H, W) of the images, or the side of square ones; None for 32, those of Table 4. Of pictures with
        other proportions the middle is taken.
      input_range: None, or (low, high), the values in the files of pictures that become 0 and 255.

    Returns:
      Dataset with uint8 images [N, H, W, 1]. Its factors are those of the file, all ordered, since such heads turn to
      either side, but not around; but for "identity", which is nominal, and the group. A tenth of the identities is the
      test split, drawn at random, or of the images where identities are not known; of pictures it is chosen by their
      names.

    Raises:
      InputError: naming the file that is missing or damaged.
    """
    if data_dir is None:
        check_shipped(SHIPPED, SHA256)
        return dataclasses.replace(_load_file(SHIPPED, image_size, input_range), source="faces shipped with infogan")
    path = check_data_dir(data_dir, NEEDED)
    if path.is_dir():
        path = _find_arrays(path, Preparation(image_size or 32, 1)) or path
    if path.suffix in (".npz", ".mat"):
        return _load_file(path, image_size, input_range)
    with open_source(path) as source:
        preparation = Preparation(image_size or 32, 1, input_range=input_range)
        pixels = load_pixels(source, shuffle(list_pictures(source)), preparation)
    return hold_out_last(Split(pixels.images), f"{path}{pixels.note}")


def _find_arrays(folder, preparation):
    """The file of arrays in a folder; None where there is none."""
    files = sorted(file for file in folder.iterdir() if file.suffix in (".npz", ".mat"))
    if len(files) > 1:
        sized = [file for file in files if _size_in_name(file.name) == preparation.shape[:2]]
        if len(sized) != 1:
            raise InputError(
                folder,
                f"it holds {len(files)} .npz and .mat files, but one is needed, or one whose name ends in the size, as "
                "_12000x32x32.npz. Give the path of one file.",
            )
        files = sized
    if files and (others := len(list(folder.iterdir())) - 1):
        note(f"{folder}: {files[0].name} is read; passed over: what else lies there ({others})")
    return files[0] if files else None


def _size_in_name(name):
    match = SIZED.fullmatch(name)
    return match and (int(match[2]), int(match[3]))


def _load_file(path, image_size, input_range):
    if input_range is not None:
        raise InputError("input_range", f"it was given, but {path.name} holds arrays. It is for pictures.")
    names = ("images", "factors", "names", "factors_standardised", *FACTORS, "width")
    arrays = (load_npz if path.suffix == ".npz" else load_mat)(path, names)
    if "images" not in arrays:
        raise InputError(path, f"it holds no array 'images', but {NEEDED}")
    images = _to_uint8(path, arrays.pop("images"))
    preparation = Preparation(image_size or 32, 1)
    if images.shape[1:] != preparation.shape[:2]:
        images = np.stack([prepare_pixels(image, preparation)[..., 0] for image in images])
    factors = _collect_factors(path, arrays, len(images))
    groups = factors[GROUP].values if GROUP in factors else None
    return hold_out(Split(images[..., None], None, factors, groups), str(path))


def _to_uint8(path, images):
    if images.ndim != 3 or 0 in images.shape:
        raise InputError(path, f"its images have the shape {images.shape}, but [N, H, W] is needed.")
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind != "f" or not (images.min() >= 0 and images.max() <= 1):
        raise InputError(path, f"its images are {images.dtype}, but uint8, or floats from 0 to 1, are needed.")
    return np.round(images * 255).astype(np.uint8)


def _collect_factors(path, arrays, count):
    """dict of name -> Factor."""
    columns = _name_columns(path, arrays.pop("factors", None), arrays.pop("names", None), count)
    table = arrays.pop("factors_standardised", None)
    if table is not None:
        if table.shape != (count, len(FACTORS)):
            raise InputError(path, f"its factors_standardised are {table.shape}, but {(count, 3)} is needed.")
        columns |= dict(zip(FACTORS, table.T))
    return {name: _make_factor(path, name, values, count) for name, values in (columns | arrays).items()}


def _name_columns(path, table, names, count):
    """The columns of `factors` by name."""
    if table is None and names is None:
        return {}
    found = [] if names is None else [str(name) for name in names.ravel()]
    fits = table is not None and table.shape == (count, len(found)) and len(set(found)) == len(found)
    if not fits or not all(map(IDENTIFIER.accepts, found)):
        shape = None if table is None else [*table.shape]
        raise InputError(
            path,
            f"its 'factors' are {shape} with the names {', '.join(found)[:100] or None}, but {count} rows are needed, "
            "and a name of its own for each column, as azimuth.",
        )
    return dict(zip(found, table.T))


def _make_factor(path, name, values, count):
    if values.size != count or values.dtype.kind not in "fiu":
        raise InputError(path, f"its {name!r} is {values.dtype} {values.shape}, but {count} numbers are needed.")
    if missing := int((~(np.abs(values) <= LARGEST_FACTOR)).sum()):
        raise InputError(
            path,
            f"its {name!r} is no finite number for {missing:,} of {count:,} pictures, but each needs one. Leave "
            "these pictures out, or the factor.",
        )
    values = values.ravel()
    if name != GROUP:
        return Factor(values.astype(np.float32), "ordered")
    if (values != np.floor(values)).any():
        wrong = values[values != np.floor(values)][0]
        raise InputError(path, f"its 'identity' holds {wrong:g}, but whole numbers are needed, one for each head.")
    return Factor(values.astype(np.int64), "nominal")
