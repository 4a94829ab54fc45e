"""Grids of images as PNG, GIF and MP4."""

import io
import tempfile
from collections.abc import Sequence
from pathlib import Path

import imageio.v3 as imageio
import numpy as np

SCALE = 2
"""Screen pixels per image pixel."""
MOST_PIXELS = 1_000_000
"""Of a picture that is one of many, as a film's frame: a run leaves as much as it shows, whatever its images' size."""


def tile(images: np.ndarray) -> np.ndarray:
    """One picture of a grid of images.

    Args:
      images: array [rows, columns, H, W, C], float in [0, 1] or uint8.

    Returns:
      uint8 array [rows * H, columns * W, C], or without C where it is 1.
    """
    rows, columns, height, width, channels = images.shape
    picture = images.transpose(0, 2, 1, 3, 4).reshape(rows * height, columns * width, channels)
    if picture.dtype != np.uint8:
        picture = np.round(np.clip(picture, 0.0, 1.0) * 255.0).astype(np.uint8)
    return picture[..., 0] if channels == 1 else picture


def shrink(picture: np.ndarray, most: int = MOST_PIXELS) -> np.ndarray:
    """A uint8 picture [H, W] or [H, W, 3] of at most `most` pixels: of a larger one, means of equal squares."""
    factor = 1
    while (picture.shape[0] // factor) * (picture.shape[1] // factor) > most:
        factor += 1
    if factor == 1:
        return picture
    height, width = (size // factor for size in picture.shape[:2])
    squares = picture[: height * factor, : width * factor].reshape(height, factor, width, factor, -1)
    return squares.mean(axis=(1, 3)).round().astype(np.uint8).reshape(height, width, *picture.shape[2:])


def stack(pictures: Sequence[np.ndarray], gap: int = 4) -> np.ndarray:
    """Pictures of equal channels below one another, left-aligned, on white."""
    width = max(picture.shape[1] for picture in pictures)
    parts = []
    for picture in pictures:
        padding = [(0, gap), (0, width - picture.shape[1])] + [(0, 0)] * (picture.ndim - 2)
        parts.append(np.pad(picture, padding, constant_values=255))
    return np.concatenate(parts)[:-gap]


def encode_png(picture: np.ndarray, scale: int = 1) -> bytes:
    """PNG bytes of a uint8 picture [H, W] or [H, W, 3], enlarged by `scale`."""
    return imageio.imwrite("<bytes>", _enlarge(picture, scale), extension=".png")


def encode_gif(pictures: Sequence[np.ndarray], milliseconds: float, scale: int = SCALE) -> bytes:
    """GIF bytes of uint8 pictures of one size, repeating for ever, enlarged by `scale`."""
    buffer = io.BytesIO()
    frames = np.stack([_enlarge(picture, scale) for picture in pictures])
    imageio.imwrite(buffer, frames, extension=".gif", duration=milliseconds, loop=0)
    return buffer.getvalue()


def encode_mp4(pictures: Sequence[np.ndarray], milliseconds: float) -> bytes:
    """Bytes of an H.264 film of uint8 pictures of one size, enlarged by SCALE; needs imageio-ffmpeg."""
    frames = np.stack([_enlarge(picture, SCALE) for picture in pictures])
    frames = np.broadcast_to(frames[..., None], (*frames.shape, 3)) if frames.ndim == 3 else frames
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "film.mp4"
        # SCALE makes both sides even, which is all that H.264 needs.
        imageio.imwrite(film, frames, plugin="FFMPEG", fps=1000.0 / milliseconds, macro_block_size=SCALE)
        return film.read_bytes()


def _enlarge(picture: np.ndarray, scale: int) -> np.ndarray:
    return picture.repeat(scale, axis=0).repeat(scale, axis=1)
