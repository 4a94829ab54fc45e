"""Rendered chairs: 1,393 chairs from 62 directions each, on white (Aubry et al. 2014)."""

import re

import numpy as np

from infogan.data.archives import choose_entries, open_source
from infogan.data.dataset import Dataset, Split, find_source, hold_out_last
from infogan.data.factors import Factor
from infogan.data.picture_files import Preparation, hash_name
from infogan.data.pixel_cache import load_pixels
from infogan.system.checks import StrPath
from infogan.system.messages import InputError

RENDER = re.compile(r"(?:.*/)?([^/]+)/renders/image_\d+_p(\d{1,3})_t(\d{1,3})_r\d+\.png")
"""chair / renders / image _ number _ elevation in degrees _ azimuth in degrees _ distance."""
NEEDED = (
    "the rendered chairs are needed. Get rendered_chairs.tar from "
    "https://www.di.ens.fr/willow/research/seeing3Dchairs/ and put it there as it is (docs/datasets.md)."
)


def load(data_dir: StrPath | None = None, image_size: int | tuple[int, int] | None = None) -> Dataset:
    """Reads the rendered chairs, the whole of each picture.

    Args:
      data_dir: folder with `rendered_chairs.tar` or the folder `rendered_chairs`.
      image_size: (H, W) of the images, or the side of square ones; None for 64, those of Table 6.

    Returns:
      Dataset with uint8 images [N, H, W, 1], dark on white (255), mapped from the cache on disk.
      Factors are the "azimuth", which goes around, and the "elevation", both in degrees, and the "chair", a number that
      is its group, too. A tenth of the chairs, chosen by their names alone, is the test split.

    Raises:
      InputError: naming the file that is missing or damaged.
    """
    path = find_source(data_dir, ("rendered_chairs.tar", "rendered_chairs"), NEEDED)
    with open_source(path) as source:
        entries = choose_entries(source, RENDER.fullmatch)
        # Chairs in an order that is like none of their names', so that the last tenth is like the rest.
        entries.sort(key=lambda entry: (hash_name(_describe(entry)[0]), _describe(entry), entry.name))
        chairs = sorted({_describe(entry)[0] for entry in entries})
        if len(chairs) < 2:
            raise InputError(
                path,
                f"it holds {len(chairs)} chairs, but 2 or more CHAIR/renders/image_000_p020_t000_r096.png are needed.",
            )
        pixels = load_pixels(source, entries, Preparation(image_size or 64, 1))
    described = [_describe(entries[place]) for place in pixels.kept]
    place_of = {chair: place for place, chair in enumerate(chairs)}
    groups = np.array([place_of[chair] for chair, _, _ in described])
    factors = {
        "azimuth": Factor(np.array([azimuth for _, _, azimuth in described], np.float32), "circular", 360),
        "elevation": Factor(np.array([elevation for _, elevation, _ in described], np.float32), "ordered"),
        "chair": Factor(groups, "nominal"),
    }
    return hold_out_last(Split(pixels.images, None, factors, groups), f"{path}{pixels.note}")


def _describe(entry):
    """(chair, elevation, azimuth) as the name says."""
    match = RENDER.fullmatch(entry.name)
    assert match  # or the entry would not have been chosen
    chair, elevation, azimuth = match.groups()
    return chair, int(elevation), int(azimuth)
