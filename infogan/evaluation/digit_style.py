"""Slant, width and thickness of digits, after Morpho-MNIST (Castro et al. 2019)."""

import numpy as np
from scipy import ndimage
from skimage.morphology import medial_axis

QUALITIES = ("slant", "width", "thickness")
SCALE = 4
"""Images are enlarged before anything is measured, so that a stroke of two pixels has a skeleton."""
MASS_OUTSIDE = 0.01
"""Share of the mass on either side that the width leaves out."""
LEAST_CONTRAST = 0.1
"""Between the darkest and the brightest pixel of a digit."""
SHEET = 50
"""Images whose skeletons are found in one call, side by side; more are no faster and need 0.6 MB of memory each."""


def measure_style(images):
    """What a digit looks like, whichever digit it is.

        slant      arctan(-u11 / u02) of the central moments of the grey levels, y growing downward; degrees, leaning
                   right is positive
        width      across the upright axis sheared by the slant, from the 1 % to the 99 % point of the mass; pixels
        thickness  twice the mean distance to the background along the medial axis of the image, binarised halfway
                   between its darkest and its brightest pixel; pixels

    Args:
      images: float array [N, H, W], bright strokes on a dark ground, in [0, 1].

    Returns:
      dict of the names in QUALITIES -> float64 array [N]; NaN for an image without contrast.
    """
    parts = [_measure_sheet(part) for part in np.array_split(images, max(1, -(-len(images) // SHEET)))]
    return {name: np.concatenate([part[name] for part in parts]) for name in QUALITIES}


def _measure_sheet(images):
    images = np.asarray(images, np.float64)
    large = _enlarge(images).clip(0.0, 1.0)  # cubic interpolation overshoots
    low, high = large.min(axis=(1, 2)), large.max(axis=(1, 2))
    is_blank = np.ptp(images, axis=(1, 2)) < LEAST_CONTRAST
    shear, width = _measure_shear_and_width(np.where(is_blank[:, None, None], 1.0, large))
    thickness = _measure_thickness(large > ((low + high) / 2)[:, None, None])
    measured = {"slant": np.degrees(np.arctan(shear)), "width": width / SCALE, "thickness": thickness / SCALE}
    return {name: np.where(is_blank, np.nan, values) for name, values in measured.items()}


def _enlarge(images):
    """Cubic spline interpolation of [N, H, W] to SCALE times the size, as two products: it is linear in each axis."""
    rows, columns = (_cubic_matrix(size) for size in images.shape[1:])
    return rows @ images @ columns.T


def _cubic_matrix(size):
    # In grid mode the small pixels tile the large ones; otherwise corner would meet corner, and the factor be 4.11.
    return ndimage.zoom(np.eye(size), (SCALE, 1), order=3, mode="grid-constant", grid_mode=True)


def _measure_shear_and_width(images):
    """tan(slant) and the width in pixels of images [N, H, W]."""
    row, column = np.indices(images.shape[1:])
    mass = images.sum(axis=(1, 2))[:, None, None]
    y = row - (images * row).sum(axis=(1, 2), keepdims=True) / mass
    x = column - (images * column).sum(axis=(1, 2), keepdims=True) / mass
    spread = np.maximum((images * y * y).sum(axis=(1, 2)), 1e-12)  # a single line of pixels has no height
    shear = -(images * x * y).sum(axis=(1, 2)) / spread
    upright = x + shear[:, None, None] * y
    return shear, np.array([_extent(*pair) for pair in zip(upright, images)])


def _extent(position, mass):
    """From the 1 % to the 99 % point of a mass at `position`, in pixels; every pixel is one wide."""
    start = np.floor(position.min()) - 1.0
    whole = np.floor(position - start).astype(int)
    share = position - start - whole
    # Splits a pixel's mass between the two bins it covers.
    bins = np.bincount(whole.ravel(), (mass * (1.0 - share)).ravel(), whole.max() + 2)
    bins[1:] += np.bincount(whole.ravel(), (mass * share).ravel(), whole.max() + 2)[:-1]
    filled = np.concatenate([[0.0], np.cumsum(bins) / bins.sum()])
    low, high = np.interp([MASS_OUTSIDE, 1.0 - MASS_OUTSIDE], filled, np.arange(len(filled)))
    return high - low


def _measure_thickness(strokes):
    """Twice the mean distance along the medial axis of bool images [N, H, W], in pixels; NaN where there is none."""
    count, height, width = strokes.shape
    sheet = np.pad(strokes, ((0, 0), (1, 1), (1, 1))).reshape(count * (height + 2), width + 2)
    # rng: equally good skeletons are chosen between by chance.
    skeleton, distance = medial_axis(sheet, return_distance=True, rng=0)
    length = skeleton.reshape(count, -1).sum(axis=1)
    total = (distance * skeleton).reshape(count, -1).sum(axis=1)
    return 2.0 * np.divide(total, length, out=np.full(count, np.nan), where=length > 0)
