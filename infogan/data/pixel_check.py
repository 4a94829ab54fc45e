"""What makes a set of images hard to learn from, found in its pixels: little contrast, or nothing that differs."""

import numpy as np

from infogan.system.messages import warn

LOOKED_AT = 2**22
"""Bytes of a set's images that are looked at."""
TAIL = 0.001
"""Share of the pixels, at either end, that a set's range of values is told without: a few hot pixels say nothing."""
NARROW = 64
"""Grey levels, of 256, that images with some contrast take up."""
ALIKE = 1 / 128
"""Share of that range by which the images deviate from their mean at the least, where there is anything to learn."""
LARGE_SHARE = 0.1
"""Share of images from which blank ones and copies of others are worth a word."""


def warn_of_pixels(images, where):
    """Says in one line what is odd about the pixels of a set; nothing where nothing is.

    Args:
      images: uint8 array [N, H, W, C].
      where: what the set is called.
    """
    step = max(1, images.nbytes // LOOKED_AT)
    if problems := describe_pixels(np.asarray(images[::step])):
        warn(f"{where}: {'; '.join(problems)}")


def describe_pixels(images):
    """list of what is odd about the pixels of uint8 images [N, H, W, C], a text each."""
    problems = []
    low, high = find_range(images)
    if high - low < NARROW:
        problems.append(
            f"nearly all pixels lie between {low} and {high} of 255; if the files hold another range of values, "
            "give it as --pixel-range LOW,HIGH"
        )
    deviation = images.std(axis=0, dtype=np.float32).mean()
    if deviation <= ALIKE * (high - low):
        problems.append(f"the images are almost alike: {deviation:.1f} grey levels from their mean")
    rows = images.reshape(len(images), -1)
    blank = (rows.min(axis=1) == rows.max(axis=1)).mean()
    copies = 1 - len({row.tobytes() for row in rows}) / len(rows)
    problems += [
        f"{share:.0%} of the images are {what}"
        for share, what in ((blank, "of a single colour"), (copies, "copies of others"))
        if share >= LARGE_SHARE
    ]
    return problems


def find_range(images):
    """The lowest and the highest value of uint8 images, without `TAIL` of the pixels at either end."""
    counts = np.bincount(images.ravel(), minlength=256)
    shares = np.cumsum(counts) / counts.sum()
    return int(np.searchsorted(shares, TAIL, side="right")), int(np.searchsorted(shares, 1 - TAIL))
