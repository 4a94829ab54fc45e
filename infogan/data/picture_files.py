"""One picture file of whatever size and kind -> uint8 pixels of the size a network takes."""

import dataclasses
import hashlib
import io
import threading
import warnings

import numpy as np
from PIL import ExifTags, Image, ImageOps

from infogan.data.archives import LARGEST_PIXELS, UnreadableFile, describe_error
from infogan.system.errors import InputError

SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp")
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")
SMALL_PIXELS = 2**22
"""Beyond this one picture is decoded at a time, so that memory does not grow with the number of threads."""

# LARGEST_PIXELS is lower than the number at which Pillow warns.
warnings.simplefilter("ignore", Image.DecompressionBombWarning)

_large_picture = threading.Lock()


@dataclasses.dataclass(frozen=True)
class Preparation:
    """What is done with each picture of a set.

    Attributes:
      image_size: (height, width) of the result, or the side of a square.
      channels: 1 for grey (ITU-R 601 luma) or 3 for RGB.
      crop: (left, top, right, bottom) as shares of width and height; None for the largest part in the middle that has
        the proportions of the result.
    """

    image_size: int | tuple
    channels: int
    crop: tuple | None = None

    def __post_init__(self):
        sides = self.image_size if isinstance(self.image_size, tuple) else (self.image_size,) * 2
        if len(sides) != 2 or not all(type(side) is int and 8 <= side <= 1024 for side in sides):
            raise InputError("image_size", f"{self.image_size!r} was given, but 8 to 1024 pixels a side are needed.")

    @property
    def shape(self):
        """(H, W, C) of the result."""
        sides = self.image_size if isinstance(self.image_size, tuple) else (self.image_size,) * 2
        return (*sides, self.channels)


def decode_picture(content, preparation):
    """Decodes, crops and resizes a picture.

    Turned upright as its EXIF data say, transparent parts become white, of an animation the first frame is taken;
    resized bicubically with a filter that widens with the reduction, so nothing aliases.

    Args:
      content: bytes of a PNG, JPEG, GIF, BMP or WebP file.
      preparation: Preparation.

    Returns:
      uint8 array [H, W, channels].

    Raises:
      UnreadableFile: if it is none of these, is damaged, or its header announces more than `LARGEST_PIXELS`.
    """
    try:
        with _open(content) as picture:
            if picture.width * picture.height <= SMALL_PIXELS:
                return _prepare(picture, preparation)
            with _large_picture:
                return _prepare(picture, preparation)
    except UnreadableFile:
        raise
    except Exception as error:  # Pillow raises whatever a damaged file leads to, SyntaxError among them
        raise UnreadableFile(_describe(error)) from error


def is_grey(content):
    """Whether a picture file holds no colour, as its header and palette say.

    Raises:
      UnreadableFile: as `decode_picture`.
    """
    try:
        with _open(content) as picture:
            if picture.mode == "P":
                colours = np.reshape(picture.getpalette("RGB"), (-1, 3))
                return bool((colours == colours[:, :1]).all())
            return picture.mode in ("1", "L", "LA") or picture.mode.startswith("I")
    except UnreadableFile:
        raise
    except Exception as error:
        raise UnreadableFile(_describe(error)) from error


def _open(content):
    if not content:
        raise UnreadableFile("it is empty")
    picture = Image.open(io.BytesIO(content), formats=FORMATS)
    # Nothing has been decoded so far: this is what the header announces.
    if picture.width * picture.height > LARGEST_PIXELS:
        raise UnreadableFile(f"{picture.width} x {picture.height} pixels, but {LARGEST_PIXELS:,} is the limit")
    return picture


def _describe(error):
    if isinstance(error, Image.UnidentifiedImageError):
        return "it is no PNG, JPEG, GIF, BMP or WebP"
    return describe_error(error)


def _prepare(picture, preparation):
    height, width, channels = preparation.shape
    plain = _plain(picture)
    # The picture is turned upright once it is small, so one that lies on its side becomes small lying.
    size = (height, width) if _lies(plain) else (width, height)
    small = plain.resize(size, Image.Resampling.BICUBIC, _crop_box(plain.size, size, preparation.crop))
    small = ImageOps.exif_transpose(small)
    if small.mode == "RGBA":
        small = Image.alpha_composite(Image.new("RGBA", small.size, "white"), small)
    pixels = np.asarray(small.convert("L" if channels == 1 else "RGB"))
    return pixels.reshape(height, width, channels)


def _lies(picture):
    """Whether a picture's EXIF data have it turned by a quarter."""
    return picture.getexif().get(ExifTags.Base.Orientation) in (5, 6, 7, 8)


def _plain(picture):
    """The picture with 8 bits a channel: grey, RGB, or RGBA where it has transparency."""
    if picture.mode.startswith("I"):  # 16 bits
        plain = Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
        plain.info = picture.info  # where its orientation stands
        return plain
    mode = "RGBA" if picture.has_transparency_data else "L" if picture.mode in ("1", "L") else "RGB"
    return picture if picture.mode == mode else picture.convert(mode)


def _crop_box(size, result, crop):
    """What is cut out of a picture of size (width, height) for a result of another (width, height)."""
    width, height = size
    if crop is not None:
        left, top, right, bottom = crop
        return left * width, top * height, right * width, bottom * height
    scale = min(width / result[0], height / result[1])
    left, top = (width - scale * result[0]) / 2, (height - scale * result[1]) / 2
    return left, top, width - left, height - top


LOOKED_AT = 100
"""Pictures that decide whether a set is grey."""


def list_pictures(source):
    """The entries of an opened source that are pictures by their names, without what file managers leave behind.

    Raises:
      InputError: naming the source, if there are none.
    """
    pictures = [entry for entry in source.entries() if _is_picture(entry.name)]
    if not pictures:
        raise InputError(source.path, f"it holds no picture, but files are needed that end in {', '.join(SUFFIXES)}.")
    return pictures


def shuffle(entries):
    """The entries in an order that only their names decide, so that each part of it is like the whole."""
    return sorted(entries, key=lambda entry: hash_name(entry.name))


def hash_name(name):
    """Bytes that order names at random, and the same way each time."""
    return hashlib.sha256(ascii(name).encode()).digest()


def count_channels(source, entries):
    """1 if more than half of the first `LOOKED_AT` readable entries are grey pictures, else 3."""
    grey = [_is_grey(source, entry) for entry in entries[:LOOKED_AT]]
    return 1 if 2 * grey.count(True) > len(grey) - grey.count(None) else 3


def _is_grey(source, entry):
    try:
        return is_grey(source.read(entry))
    except UnreadableFile:
        return None  # counted when it is decoded


def _is_picture(name):
    parts = name.split("/")
    is_hidden = any(part.startswith(".") and part != "." for part in parts)  # tar has names such as ./a.png
    return name.lower().endswith(SUFFIXES) and not is_hidden and "__MACOSX" not in parts[:-1]
