"""Rendered chairs from 62 directions each: 71 shipped ones, those of Aubry et al. 2014, or several sources."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from infogan.data.chair_sources import Chairs, check_credits, read_archive, read_arrays
from infogan.data.dataset import Dataset, Split, check_data_dir, check_shipped, find_source, hold_out_last
from infogan.data.factors import Factor, join_factors
from infogan.data.picture_files import Preparation
from infogan.system.checks import StrPath
from infogan.system.messages import InputError

SHIPPED = Path(__file__).parent / "chairs_files" / "chairs.npz"
SHA256 = "5c405b848e708bc8f5a8f3730601188d43f7769f176b3c3bda6ab20b0174664b"
WORD = "shipped"
"""What stands for SHIPPED among several sources."""
NAMES = ("rendered_chairs.tar", "rendered_chairs")
LIKE = re.compile(r"rendered_chairs\w*\.tar|.*_\d+x\d+x\d+x\d+\.npz")
"""Other files in a folder: in the layout of the official archive, or named after the shape of their images."""
NEEDED = (
    "the rendered chairs are needed. Get rendered_chairs.tar from "
    "https://www.di.ens.fr/willow/research/seeing3Dchairs/ and put it there as it is, or leave --data-dir out "
    "for those that are shipped (docs/datasets.md)."
)


def load(
    data_dir: StrPath | Sequence[StrPath] | None = None, image_size: int | tuple[int, int] | None = None
) -> Dataset:
    """Reads rendered chairs, the whole of each picture.

    Args:
      data_dir: None for the shipped ones; a folder with `rendered_chairs.tar`, another tar in its layout or the folder
        `rendered_chairs`; an .npz file as `chair_sources.read_arrays` takes it, or a folder with one that is named
        after the shape of its images, as chairs_71x62x64x64.npz; or a list of these, of which the word "shipped" may
        be one.
      image_size: (H, W) of the images, or the side of square ones; None for 64, those of Table 6.

    Returns:
      Dataset with uint8 images [N, H, W, 1], dark on white (255). Factors are the "azimuth", which goes around, and the
      "elevation", both in degrees, and the "chair", a number that is its group, too. A tenth of the chairs of each
      source, chosen by their names alone, is the test split: the same ones in whatever company.

    Raises:
      InputError: naming the file that is missing or damaged, lacks credits or does not go with the others.
    """
    preparation = Preparation(image_size or 64, 1)
    given = [*data_dir] if isinstance(data_dir, (list, tuple)) else [data_dir]
    sources = [_read(each, preparation) for each in given]
    _check_alike(sources, min(preparation.shape[:2]))
    parts = _number(sources)
    return parts[0] if len(parts) == 1 else _join(parts)


def _read(data_dir, preparation):
    """The Chairs of one source."""
    if data_dir is None or data_dir == WORD:
        check_shipped(SHIPPED, SHA256)
        path = SHIPPED
    else:
        folder = check_data_dir(data_dir, NEEDED)
        like = sorted(path.name for path in folder.iterdir() if LIKE.fullmatch(path.name)) if folder.is_dir() else []
        path = find_source(folder, list(dict.fromkeys((*NAMES, *like))), NEEDED)
    source = (read_arrays if path.suffix == ".npz" else read_archive)(path, preparation)
    check_credits(source)
    return source


def _check_alike(sources: Sequence[Chairs], side: int) -> None:
    """Refuses sources that differ in what is no chair's: a network would tell them apart by that."""
    first = sources[0]
    for source in sources[1:]:
        if source.views != first.views:
            raise InputError(
                source.path,
                f"its pictures are from {_count_views(source)}, those of {first.path} from {_count_views(first)}, but "
                "several sources need the same directions. Train on each alone.",
            )
        if source.is_on_white != first.is_on_white:
            raise InputError(
                source.path,
                f"its ground is {_name_ground(source)}, that of {first.path} {_name_ground(first)}, but several "
                "sources need the same ground. Train on each alone.",
            )
    if len(sources) > 1 and (small := min(sources, key=lambda source: source.side)).side < side:
        raise InputError(
            small.path,
            f"its pictures have {small.side} pixels a side, but {side} or more are needed beside other sources: "
            "D would tell enlarged ones by their blur. Train on it alone.",
        )


def _count_views(source):
    azimuths = {azimuth for _, azimuth in source.views}
    return f"{len(source.views)} directions ({len(azimuths)} azimuths from {min(azimuths):g} to {max(azimuths):g})"


def _name_ground(source):
    return "light" if source.is_on_white else "dark"


def _number(sources: Sequence[Chairs]) -> list[Dataset]:
    """The Dataset of each source, with numbers for its chairs that no other source has."""
    found: dict[object, int] = {}
    parts, start = [], 0
    for number, source in enumerate(sources):
        names = np.unique(source.chair)
        for name in names.tolist():
            pictures = source.images[source.chair == name].tobytes()
            for key in (name, hash(pictures)):  # the same chair may have another name elsewhere
                if (first := found.setdefault(key, number)) != number:
                    raise InputError(
                        source.path,
                        f"the chair {name!r} is here and in {sources[first].path}, but each may occur "
                        "once, so that no test image shows a chair of training. Leave one source out.",
                    )
        groups = start + np.searchsorted(names, source.chair)
        factors = {
            "azimuth": Factor(source.azimuth, "circular", 360),
            "elevation": Factor(source.elevation, "ordered"),
            "chair": Factor(groups, "nominal"),
        }
        where = "chairs shipped with infogan" if source.path == SHIPPED else str(source.path)
        parts.append(hold_out_last(Split(source.images, None, factors, groups), f"{where}{source.note}"))
        start += len(names)
    return parts


def _join(parts: Sequence[Dataset]) -> Dataset:
    """The Dataset of several, one after another in each split."""
    train, test = ([getattr(part, name) for part in parts] for name in ("train", "test"))
    return Dataset(_concatenate(train), _concatenate(test), " and ".join(part.source for part in parts))


def _concatenate(splits: Sequence[Split]) -> Split:
    images, groups = (np.concatenate([getattr(split, name) for split in splits]) for name in ("images", "groups"))
    return Split(images, None, join_factors(splits), groups)
