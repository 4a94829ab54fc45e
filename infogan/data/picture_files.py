"""One picture file of whatever size and kind -> uint8 pixels of the size a network takes."""

import contextlib
import dataclasses
import hashlib
import io
import threading
import warnings
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from PIL import ExifTags, Image, ImageOps

from infogan.data.archives import (
    LARGEST_PIXELS,
    Entry,
    Source,
    UnreadableFile,
    choose_entries,
    describe_error,
    is_hidden,
)
from infogan.system.messages import InputError

SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff")
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF")
PLAIN_STARTS = (b"\xff\xd8", b"BM")
"""JPEG and BMP: 8 bits a channel, and a single picture in a file."""
SMALL_PIXELS = 2**22
"""Beyond this one picture is decoded at a time, so that memory does not grow with the number of threads."""

_large_picture = threading.Lock()


@contextlib.contextmanager
def quiet_pillow() -> Iterator[None]:
    """Holds back Pillow's warnings, such as of a TIFF's damaged tags: a line of our own tells what matters of them.

    Python has one list of filters for all threads, so this is entered before those that read are started.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # it comes beyond LARGEST_PIXELS
        warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
        yield


@dataclasses.dataclass(frozen=True)
class Preparation:
    """What is done with each picture of a set.

    Attributes:
      image_size: (height, width) of the result, or the side of a square.
      channels: 1 for grey (ITU-R 601 luma) or 3 for RGB.
      crop: (left, top, right, bottom) as shares of width and height; None for the largest part in the middle that has
        the proportions of the result.
      input_range: None, or (low, high), the values in the files that become 0 and 255.
      deep_range: the same for pictures of more than 8 bits alone; None takes the lowest and the highest value of each.
    """

    image_size: int | tuple[int, int]
    channels: int
    crop: tuple[float, float, float, float] | None = None
    input_range: tuple[float, float] | None = None
    deep_range: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        sides = self.image_size if isinstance(self.image_size, tuple) else (self.image_size,) * 2
        if len(sides) != 2 or not all(type(side) is int and 8 <= side <= 1024 for side in sides):
            raise InputError("image_size", f"{self.image_size!r} was given, but 8 to 1024 pixels a side are needed.")

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C) of the result."""
        sides = self.image_size if isinstance(self.image_size, tuple) else (self.image_size,) * 2
        return (*sides, self.channels)


def decode_picture(content: bytes, preparation: Preparation) -> np.ndarray:
    """Decodes, crops and resizes a picture.

    Turned upright as its EXIF data say, transparent parts become white, of an animation the first frame is taken;
    resized bicubically with a filter that widens with the reduction, so nothing aliases.

    Args:
      content: a PNG, JPEG, GIF, BMP, WebP or TIFF file.
      preparation: what is done with it.

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


def prepare_pixels(pixels: np.ndarray, preparation: Preparation) -> np.ndarray:
    """Crops and resizes a picture that is pixels already, as `decode_picture` does.

    Args:
      pixels: uint8 array [H, W], or [H, W, C] with 1 channel for grey, 3 for RGB or 4 for RGB with opacity.
      preparation: what is done with it.

    Returns:
      uint8 array [H, W, channels] of the preparation's shape.
    """
    return _prepare(Image.fromarray(pixels[..., 0] if pixels.shape[2:] == (1,) else pixels), preparation)


def is_grey(content: bytes) -> bool:
    """Whether a picture file holds no colour, as its header and palette say.

    Raises:
      UnreadableFile: as `decode_picture`.
    """
    try:
        with _open(content) as picture:
            if picture.mode == "P":
                colours = np.reshape(picture.getpalette("RGB"), (-1, 3))
                return bool((colours == colours[:, :1]).all())
            return picture.mode in ("1", "L", "LA") or _is_deep(picture)
    except UnreadableFile:
        raise
    except Exception as error:
        raise UnreadableFile(_describe(error)) from error


def inspect_picture(content: bytes) -> tuple[bool, bool]:
    """(whether a picture file has more than 8 bits a pixel, whether it holds frames or pages after the first).

    A file that cannot be read has neither.
    """
    if content.startswith(PLAIN_STARTS):
        return False, False
    try:
        with _open(content) as picture:
            return _is_deep(picture), getattr(picture, "is_animated", False)
    except Exception:  # whatever a damaged file leads to; it is told when the picture is decoded
        return False, False


def measure_range(content: bytes) -> tuple[float, float] | None:
    """The lowest and the highest value of a picture of more than 8 bits a pixel; None of any other file."""
    if not inspect_picture(content)[0]:
        return None
    try:
        with _open(content) as picture, _large_picture:
            return _measure(_deep_values(picture))
    except Exception:
        return None


def _is_deep(picture):
    """Whether its values are whole numbers of 16 or 32 bits, or floats."""
    return picture.mode.startswith("I") or picture.mode == "F"


def _deep_values(picture):
    values = np.asarray(picture)
    if not np.isfinite(values).all():
        raise UnreadableFile("it holds values that are not finite")
    return values


def _measure(values):
    return float(values.min()), float(values.max())


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
        return "it is no PNG, JPEG, GIF, BMP, WebP or TIFF"
    return describe_error(error)


def _prepare(picture, preparation):
    height, width, channels = preparation.shape
    plain = _plain(picture, preparation)
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


def _plain(picture, preparation):
    """The picture with 8 bits a channel: grey, RGB, or RGBA where it has transparency."""
    if _is_deep(picture):
        values = _deep_values(picture)
        low, high = preparation.input_range or preparation.deep_range or _measure(values)
        plain = Image.fromarray(to_bytes(values, low, high))
        plain.info = picture.info  # where its orientation stands
        return plain
    mode = "RGBA" if picture.has_transparency_data else "L" if picture.mode in ("1", "L") else "RGB"
    plain = picture if picture.mode == mode else picture.convert(mode)
    if preparation.input_range is None:
        return plain
    table = to_bytes(np.arange(256), *preparation.input_range).tolist()
    opacity = list(range(256)) if mode == "RGBA" else []
    return plain.point(table * (len(plain.getbands()) - bool(opacity)) + opacity)


def to_bytes(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Numbers as uint8, `low` to `high` as 0 to 255; what lies outside is cut off."""
    if values.dtype == np.uint8 and (low, high) == (0, 255):
        return values
    factor = 255 / (high - low) if high > low else 0.0
    pixels = np.empty(values.shape, np.uint8)
    for start in range(0, len(values), 256):  # in strips: a large picture in float64 takes hundreds of megabytes
        strip = (values[start : start + 256].astype(np.float64) - low) * factor
        pixels[start : start + 256] = np.clip(np.round(strip), 0, 255)
    return pixels


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


def list_pictures(source: Source) -> list[Entry]:
    """The entries of an opened source that are pictures by their names, without hidden ones; says what it passes over.

    Raises:
      InputError: naming the source, if there are none.
    """
    return check_pictures(source, choose_entries(source, is_picture))


def check_pictures(source: Source, pictures: list[Entry]) -> list[Entry]:
    """Refuses an empty list of pictures, and returns it else.

    Raises:
      InputError: naming the source.
    """
    if not pictures:
        raise InputError(source.path, f"it holds no picture, but files are needed that end in {', '.join(SUFFIXES)}.")
    return pictures


def shuffle(entries: Iterable[Entry]) -> list[Entry]:
    """The entries in an order that only their names decide, so that each part of it is like the whole."""
    return sorted(entries, key=lambda entry: hash_name(entry.name))


def hash_name(name: str) -> bytes:
    """Bytes that order names at random, and the same way each time."""
    return hashlib.sha256(ascii(name).encode()).digest()


@quiet_pillow()
def count_channels(source: Source, entries: Sequence[Entry]) -> int:
    """1 if more than half of the first `LOOKED_AT` readable entries are grey pictures, else 3."""
    grey = [_is_grey(source, entry) for entry in entries[:LOOKED_AT]]
    return 1 if 2 * grey.count(True) > len(grey) - grey.count(None) else 3


def _is_grey(source, entry):
    try:
        return is_grey(source.read(entry))
    except UnreadableFile:
        return None  # counted when it is decoded


def is_picture(name: str) -> bool:
    """Whether a file is a picture by its name, and not hidden."""
    return name.lower().endswith(SUFFIXES) and not is_hidden(name)
