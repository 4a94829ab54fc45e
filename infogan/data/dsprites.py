"""dSprites: 737,280 pictures of a square, an ellipse and a heart, one of each combination of five factors.

The set of Matthey et al. 2017 (https://github.com/google-deepmind/dsprites-dataset, Apache-2.0) needs no download: it
is rendered, from outlines that were fitted to 320 pictures of its owners and reproduce each pixel of these. Of others a
pixel or two at the rim of an ellipse or heart may differ. The owners' file is read where it is given.
"""

import dataclasses
import functools
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from infogan.data.archives import trust_archives
from infogan.data.arrays import load_npz, open_arrays
from infogan.data.dataset import Dataset, Split, find_source, hold_out
from infogan.data.factors import Factor, read_table
from infogan.data.lazy_images import LazyImages
from infogan.data.pixel_cache import file_key, keep_array
from infogan.system.checks import StrPath, choice
from infogan.system.messages import InputError, show_progress

VERSION = 1
"""Raised whenever a picture would be rendered with other pixels."""
FILES = tuple(f"dsprites_ndarray_co1sh3sc6or40x32y32_64x64.{ending}" for ending in ("npz", "hdf5"))
GET = "Get the owners' file from https://github.com/google-deepmind/dsprites-dataset, or leave --data-dir out."
NEEDED = f"the owners' .npz or .hdf5 is needed. {GET}"
COMPARED, MOST_AT_RIM = 50, 16
"""Pictures of a file that are compared with rendered ones, and pixels that may differ: 7 at most were seen."""
OUTLINES = Path(__file__).parent / "dsprites_outlines.npz"
"""Radii of the heart from straight up to straight down, and of a quarter of the ellipse, at equal angles; in pixels."""
HALF_SIDE = 9.599
"""Of the square, in pixels."""
COLOR = {"color": Factor(np.array([1.0]), "ordered")}
"""The first column of the owners' tables: all is white."""
LEVELS = {
    "shape": Factor(np.array([1.0, 2.0, 3.0]), "nominal"),
    "scale": Factor(np.linspace(0.5, 1, 6), "ordered"),
    "orientation": Factor(np.linspace(0, 2 * np.pi, 40), "circular", 2 * np.pi),
    "x": Factor(np.linspace(0, 1, 32), "ordered"),
    "y": Factor(np.linspace(0, 1, 32), "ordered"),
}
"""The values of each factor in the owners' order, the last fastest."""
MOST = 737_280
"""Pictures of the whole set."""
SQUARE, ELLIPSE, HEART = LEVELS["shape"].values
SIDE = 64
SIZES = (32, 64)
VARIANTS = ("plain", "color", "noise")
POSITIONS = len(LEVELS["x"].values)
STEPS = POSITIONS - 1
MARGIN = 16
"""Pixels from the border to the first position of a sprite's centre."""
REACH = 15
"""Pixels from its centre within which a sprite of any size lies."""


def load(
    data_dir: StrPath | None = None, image_size: int | tuple[int, int] | None = None, variant: str = "plain"
) -> Dataset:
    """Renders dSprites, once, into the cache; or reads the owners' file.

    Args:
      data_dir: None to render the set; or the owners' npz or hdf5, or a folder with one. It may be a part of the set.
      image_size: 64, or 32 for the mean of each 2x2 pixels; (64, 64) and (32, 32) say the same; None for 64.
      variant: "plain", white on black; "color", each picture in a colour, its channels U(0.5, 1) times the white;
        "noise", min(x + U(0, 1), 1) for each pixel and channel. Each picture has its own colour or noise, always the
        same.

    Returns:
      Dataset with images [N, H, W, 1], or 3 channels with colour or noise, which are packed in memory (`LazyImages`).
      Factors are the "shape" (1 square, 2 ellipse, 3 heart), "scale", "orientation" in radians, "x" and "y", with the
      owners' values. Orientations 0 and 2 pi are two values that look the same; a square looks the same after each
      quarter of a turn, an ellipse after each half. A tenth, drawn at random, is the test split.

    Raises:
      InputError: if there is no such size or variant; naming the file that is missing, damaged or another set's.
    """
    unpacking = Unpacking(_check_size(image_size), choice(VARIANTS).check("variant", variant))
    path = None if data_dir is None else find_source(data_dir, FILES, NEEDED)
    packed, factors = _keep_rendered() if path is None else _read_file(path)
    images = LazyImages(packed, unpacking.shape, unpacking)
    return hold_out(Split(images, None, factors), "rendered dSprites" if path is None else str(path))


load_color = functools.partial(load, variant="color")
load_noise = functools.partial(load, variant="noise")


def _check_size(image_size):
    sides = image_size if isinstance(image_size, tuple) else (image_size or SIDE,) * 2
    if sides not in [(side, side) for side in SIZES]:
        raise InputError("image_size", f"{image_size!r} was given, but dSprites has 32 or 64 pixels a side.")
    return sides[0]


@dataclasses.dataclass(frozen=True)
class Unpacking:
    """How the images come out of the bits.

    Attributes:
      side: 64 or 32 pixels.
      variant: one of VARIANTS.
    """

    side: int
    variant: str

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C)."""
        return self.side, self.side, 1 if self.variant == "plain" else 3

    def __call__(self, packed: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """Images of a run of bits each: uint8 [N, H, W, C]; those of 32 pixels hold 0, 64, 128, 191 and 255.

        Args:
          packed: uint8 array [N, 512], 8 pixels a byte, row by row.
          numbers: int array [N], the places of these images in the whole set, of which their colour or noise follows.
        """
        if self.side == SIDE:
            images = np.unpackbits(packed, axis=1) * np.uint8(255)
        else:
            rows = packed.reshape(-1, SIDE // 2, 2, SIDE // 8)
            images = MEANS[rows[:, :, 0], rows[:, :, 1]]  # [N, 32, 8, 4]
        images = images.reshape(-1, self.side, self.side, 1)
        return images if self.variant == "plain" else _VARY[self.variant](images, numbers)


_LIT = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).reshape(256, 4, 2).sum(axis=2)
MEANS = np.round(255 / 4 * (_LIT[:, None] + _LIT[None])).astype(np.uint8)
"""Means of 2x2 pixels by a byte of one row and that of the next: uint8 array [256, 256, 4]."""


def _colour(images, numbers):
    shares = _draw_bytes(numbers, 8).view(np.uint16)[:, :3] / (2**16 - 1)
    colours = np.round(255 * (0.5 + 0.5 * shares)).astype(np.uint16)  # [N, 3]
    # Whole rows of pixels at once: numpy takes 10 times as long for 3 channels at a time.
    rows = np.repeat(images, 3, axis=-1).reshape(*images.shape[:2], -1) * np.tile(colours, images.shape[2])[:, None]
    return np.round(rows / np.float32(255)).astype(np.uint8).reshape(*images.shape[:3], 3)


def _add_noise(images, numbers):
    noise = _draw_bytes(numbers, 3 * math.prod(images.shape[1:])).reshape(*images.shape[:3], 3)
    return noise + np.minimum(np.repeat(images, 3, axis=-1), 255 - noise)


_VARY = {"color": _colour, "noise": _add_noise}


def _draw_bytes(numbers, count):
    """Random bytes that belong to each image, whichever others are read with it: uint8 array [N, count].

    The images' bytes are consecutive parts of the sequence of SplitMix64 (Steele et al. 2014).
    """
    words = count // 8
    state = numbers.astype(np.uint64)[:, None] * np.uint64(words) + np.arange(1, words + 1, dtype=np.uint64)
    state *= np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (state ^ (state >> np.uint64(31))).view(np.uint8)


def _keep_rendered():
    """The whole set: packed images, uint8 [737280, 512], from the cache, and the factors."""
    values = np.meshgrid(*(factor.values.astype(np.float32) for factor in LEVELS.values()), indexing="ij")
    factors = {
        name: dataclasses.replace(factor, values=of_images.ravel())
        for (name, factor), of_images in zip(LEVELS.items(), values)
    }
    return keep_array(f"dsprites-rendered-{VERSION}", (SIDE * SIDE // 8,), _render_all), factors


def _read_file(path):
    """The same of the owners' file."""
    with trust_archives(), open_arrays(path) as arrays:  # what they unpack to is known
        table = arrays.get("latents_values", arrays.get("latents/values"))
        images = arrays.get("imgs")
        if images is None or table is None:
            held = ", ".join(arrays) or "nothing"
            raise InputError(path, f"it holds {held}, but dSprites' 'imgs' and latent values are needed. {GET}")
        count = images.shape[0] if images.shape else 0
        if images.shape != (count, SIDE, SIDE) or not 0 < count <= MOST or images.dtype.kind not in "bui":
            shown = f"{images.dtype} {[*images.shape]}"
            raise InputError(path, f"its 'imgs' are {shown}, but uint8 [{MOST:,}, {SIDE}, {SIDE}] is needed. {GET}")
        factors = read_table(path, table, COLOR | LEVELS, count, GET)
        del factors["color"]
        key = f"dsprites-{VERSION}-{file_key(path)}"
        packed = keep_array(key, (SIDE * SIDE // 8,), lambda: _pack(path, images))
    _check_pictures(path, packed, factors)
    return packed, factors


def _pack(path, images):
    count = images.shape[0]
    with show_progress(f"{path.name}: packing {count:,} pictures, once", count) as advance:
        done = 0
        for piece in images.pieces():
            if piece.min() < 0 or piece.max() > 1:
                raise InputError(path, f"its 'imgs' hold {piece.max()}, but dSprites has only 0 and 1. {GET}")
            done += len(piece)
            yield np.packbits(piece.reshape(len(piece), -1).astype(bool), axis=1)
            advance(done)


def _check_pictures(path, packed, factors):
    """Refuses pictures that do not show what the table says, by a sample of them."""
    outlines = load_npz(OUTLINES, ("heart", "ellipse"))
    values = np.stack([factor.values for factor in factors.values()], axis=1)
    for number in np.linspace(0, len(packed) - 1, COMPARED, dtype=np.int64):
        found = np.unpackbits(packed[number]).reshape(SIDE, SIDE)
        if (wrong := int((found != render_picture(values[number], outlines)).sum())) > MOST_AT_RIM:
            raise InputError(path, f"{wrong} pixels of its picture {number:,} do not match its latent values. {GET}")


def render_picture(values: ArrayLike, outlines: dict[str, np.ndarray]) -> np.ndarray:
    """One picture of the set, of the values of its factors: bool array [64, 64].

    A pixel is white if its centre lies within the outline.
    """
    shape, scale, orientation, x, y = np.asarray(values)
    centres = np.arange(SIDE) + 0.5
    right, down = (centres - (MARGIN + (SIDE - 2 * MARGIN) * position) for position in (x, y))
    return _find_scale(shape, orientation, right, down[:, None], outlines) < scale


def _render_all() -> Iterator[np.ndarray]:
    """The packed images of the set, a shape at a time: uint8 [245760, 512] each."""
    shapes, scales, orientations = (LEVELS[name].values for name in ("shape", "scale", "orientation"))
    outlines = load_npz(OUTLINES, ("heart", "ellipse"))
    with show_progress("dSprites: rendering 737,280 pictures, once", len(shapes) * len(orientations)) as advance:
        for done, shape in enumerate(shapes):
            images = np.empty((len(scales), len(orientations), POSITIONS**2, SIDE * SIDE // 8), np.uint8)
            for turn, orientation in enumerate(orientations):
                images[:, turn] = render_positions(shape, orientation, outlines)
                advance(done * len(orientations) + turn + 1)
            yield images.reshape(-1, images.shape[-1])


def render_positions(shape: float, orientation: float, outlines: dict[str, np.ndarray]) -> np.ndarray:
    """A shape in one orientation, in all sizes and at all positions.

    A pixel is white if its centre lies within the outline. Seen from a sprite's centre, 16 + 32 k / 31 pixels from the
    border at position k, the centres of all pixels lie on one lattice with steps of 1/31 pixel. So the points of
    the lattice are tested once, and each picture is a choice of its rows and columns.

    Args:
      shape: one of its values.
      orientation: in radians, counter-clockwise.
      outlines: arrays of OUTLINES.

    Returns:
      uint8 array [sizes, positions, 512], 8 pixels a byte; x varies slower than y.
    """
    offsets = np.arange(-REACH * STEPS, (REACH - 1) * STEPS + 1) / STEPS + 0.5  # of pixels from the sprite's centre
    position, pixel = np.meshgrid(np.arange(POSITIONS), np.arange(SIDE), indexing="ij")
    place = STEPS * (pixel - MARGIN - position + REACH) - position  # [positions, pixels]: its place among the offsets
    place = place.clip(0, len(offsets) - 1)  # what is further off is as black as the first and the last one
    reached_at = _find_scale(shape, orientation, offsets, offsets[:, None], outlines)  # [offsets, offsets]
    images = []
    for scale in LEVELS["scale"].values:
        rows = np.packbits((reached_at < scale)[:, place], axis=-1).view(np.uint64)[..., 0]  # [offsets, x]
        images.append(np.ascontiguousarray(rows[place].transpose(2, 0, 1)).view(np.uint8))  # [x, y, 64 * 8]
    return np.stack(images).reshape(len(images), POSITIONS**2, SIDE * SIDE // 8)


def _find_scale(shape, orientation, right, down, outlines):
    """The scale at which a shape's outline reaches points, given by their distance from its centre."""
    across = np.cos(orientation) * right - np.sin(orientation) * down
    along = np.sin(orientation) * right + np.cos(orientation) * down
    if shape == SQUARE:
        return np.maximum(np.abs(across), np.abs(along)) / HALF_SIDE
    if shape == ELLIPSE:
        radii, share = outlines["ellipse"], np.arctan2(np.abs(along), np.abs(across)) / (np.pi / 2)
    else:
        radii, share = outlines["heart"], np.arctan2(along, np.abs(across)) / np.pi + 0.5
    return np.hypot(across, along) / np.interp(share * (len(radii) - 1), np.arange(len(radii)), radii)
