"""One source of rendered chairs: the official archive's layout, or an .npz file of views.

Azimuth 0 is the front. Azimuths count in degrees, rounded down, as the names in the official archive have them.
"""

import csv
import io
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from infogan.data.archives import UnreadableFile, choose_entries, open_source
from infogan.data.arrays import load_npz
from infogan.data.picture_files import Preparation, hash_name, prepare_pixels
from infogan.data.pixel_cache import load_pixels
from infogan.system.files import reading
from infogan.system.messages import InputError

RENDER = re.compile(r"(?:.*/)?([^/]+)/renders/image_\d+_p(\d{1,3})_t(\d{1,3})_r\d+\.png")
"""chair / renders / image _ number _ elevation in degrees _ azimuth in degrees _ distance."""
ARRAYS = ("images", "ids", "azimuth", "elevation")
LIGHT = 128
"""Grey levels from which the ground is taken for white."""


class Chairs(NamedTuple):
    """What a source holds, chair after chair, in an order of the chairs that is like none of their names'.

    Attributes:
      path: the file or folder.
      images: uint8 array [N, H, W, 1].
      chair: str array [N], the name of each image's chair.
      azimuth, elevation: float32 arrays [N], in degrees.
      side: pixels of the shorter side of a picture before it is resized.
      note: what else the log says of the source.
    """

    path: Path
    images: np.ndarray
    chair: np.ndarray
    azimuth: np.ndarray
    elevation: np.ndarray
    side: int
    note: str = ""

    @property
    def views(self) -> set[tuple[float, float]]:
        """The directions (elevation, azimuth) of its pictures."""
        return set(zip(self.elevation.tolist(), self.azimuth.tolist()))

    @property
    def is_on_white(self) -> bool:
        """Whether the upper edge of its pictures, where no chair is, is light."""
        return bool(np.median(self.images[:, 0]) >= LIGHT)


def read_archive(path: Path, preparation: Preparation) -> Chairs:
    """Reads `rendered_chairs.tar`, another tar in its layout, or the unpacked folder.

    Raises:
      InputError: naming it, if it is damaged or holds fewer than two chairs.
    """
    with open_source(path) as source:
        entries = choose_entries(source, RENDER.fullmatch)
        entries.sort(key=lambda entry: (hash_name(_describe(entry)[0]), _describe(entry), entry.name))
        _check_count(path, {_describe(entry)[0] for entry in entries})
        pixels = load_pixels(source, entries, preparation)
        side = _measure_side(source, entries[0], preparation)
    chair, elevation, azimuth = zip(*(_describe(entries[place]) for place in pixels.kept))
    angles = np.array(azimuth, np.float32), np.array(elevation, np.float32)
    return Chairs(path, pixels.images, np.array(chair), *angles, side, pixels.note)


def _describe(entry):
    """(chair, elevation, azimuth) as the name says."""
    match = RENDER.fullmatch(entry.name)
    assert match  # or the entry would not have been chosen
    chair, elevation, azimuth = match.groups()
    return chair, int(elevation), int(azimuth)


def _check_count(path, chairs):
    if len(chairs) < 2:
        raise InputError(
            path, f"it holds {len(chairs)} chairs, but 2 or more CHAIR/renders/image_000_p020_t000_r096.png are needed."
        )


def _measure_side(source, entry, preparation):
    """The shorter side of a picture, by its header; of one that cannot be read, of what it is resized to."""
    try:
        with Image.open(io.BytesIO(source.read(entry))) as picture:
            return min(picture.size)
    except (UnreadableFile, OSError):  # it is counted where all are decoded
        return min(preparation.shape[:2])


def read_arrays(path: Path, preparation: Preparation) -> Chairs:
    """Reads an .npz file with `images` uint8 [C, V, H, W], `ids` [C], and `azimuth` and `elevation` [V] in degrees.

    Raises:
      InputError: naming it, if it is damaged, or not all is known of all pictures.
    """
    arrays = load_npz(path, ARRAYS)
    if missing := [name for name in ARRAYS if name not in arrays]:
        raise InputError(path, f"it holds no {' and no '.join(missing)}, but {', '.join(ARRAYS)} are needed.")
    images, names = arrays["images"], _name_chairs(path, arrays["ids"].ravel())
    if images.ndim != 4 or images.dtype != np.uint8 or 0 in images.shape:
        found = f"{images.dtype} {[*images.shape]}"
        raise InputError(path, f"its images are {found}, but uint8 [chairs, views, H, W] is needed.")
    count, views, height, width = images.shape
    _check_names(path, names, count)
    order = np.array(sorted(range(count), key=lambda place: hash_name(names[place])))
    azimuth, elevation = (np.tile(_read_angles(path, name, arrays[name], views), count) for name in ARRAYS[2:])
    images = images[order].reshape(-1, height, width)
    if (height, width) != preparation.shape[:2]:
        images = np.stack([prepare_pixels(image, preparation)[..., 0] for image in images])
    return Chairs(
        path, images[..., None], np.repeat(np.array(names)[order], views), azimuth, elevation, min(height, width)
    )


def _name_chairs(path, ids):
    """A list of names. Numbers only count within their file, so they are no names of chairs in others."""
    return [f"{path.stem}/{number}" if ids.dtype.kind in "iu" else str(number) for number in ids]


def _check_names(path, names, count):
    _check_count(path, set(names))
    if len(names) != count or len(set(names)) != count:
        raise InputError(
            path, f"its ids name {len(set(names)):,} chairs, but it has {count:,}, and each needs a name of its own."
        )


def _read_angles(path, name, values, views):
    if values.shape != (views,) or values.dtype.kind not in "fiu":
        raise InputError(path, f"its {name} is {values.dtype} {[*values.shape]}, but {views} numbers are needed.")
    if missing := int((~np.isfinite(values)).sum()):
        raise InputError(
            path, f"its {name} is no finite number for {missing} of {views} views, but each needs one. Leave these out."
        )
    return np.floor(values).astype(np.float32)


def check_credits(source: Chairs) -> None:
    """Refuses a credits file, a .csv of the source's name beside it, that lacks a chair; there may be none.

    Raises:
      InputError: naming the file.
    """
    path = source.path.with_suffix(".csv")
    if not path.exists():
        return
    with reading(path):
        lines = path.read_text("utf8", errors="replace").splitlines()
    try:
        credited = {row.get("id") for row in csv.DictReader(lines)}
    except csv.Error as error:
        raise InputError(path, f"it is no table ({error}), but credits with a column id are needed.") from error
    if missing := sorted(set(source.chair.tolist()) - credited):
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise InputError(
            path,
            f"it has no line for the chair {missing[0]!r}{more}, but each chair of {source.path.name} needs one. Add "
            "it, or leave the chair out.",
        )
