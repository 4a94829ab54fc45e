"""The pixels of a set, decoded or rendered once and kept on disk as one uint8 array."""

import contextlib
import dataclasses
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

import numpy as np
from PIL import Image

from infogan.data.archives import Entry, Source, UnreadableFile
from infogan.data.arrays import HEADER_ERRORS
from infogan.data.picture_files import Preparation, decode_picture, inspect_picture, measure_range, quiet_pillow
from infogan.system.files import find_cache_folder, locked, write_json
from infogan.system.messages import InputError, note, show_progress, warn

VERSION = 2
"""Raised whenever the same picture would give other pixels."""
CHUNK = 256
"""Pictures that are decoded before their pixels are written."""
UNREADABLE_SHARE = 0.01
"""Pictures that may be left out because they cannot be read; a larger share is an error."""


def keep_array(key: str, row_shape: tuple[int, ...], make: Callable[[], Iterable[np.ndarray]]) -> np.ndarray:
    """A uint8 array [N, *row_shape] that is made once and kept in the cache, mapped from disk and read only.

    Args:
      key: name in the cache, another one for whatever makes another array.
      row_shape: the array's shape but for its first axis.
      make: function that gives it in consecutive parts.

    Raises:
      InputError: naming the cache, if it cannot be written.
    """
    folder = find_cache_folder()
    path = folder / f"{key}.npy"
    with _cache_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with locked(path.with_suffix(".lock")):
            if (found := _map_array(path, row_shape)) is None:
                with _new_file(path) as file:
                    _write_header(file, (0, *row_shape))
                    count = sum(_write_part(file, part) for part in make())
                    file.seek(0)
                    _write_header(file, (count, *row_shape))
                found = _map_array(path, row_shape)
    return found if found is not None else _refuse_disk(folder)


def file_key(path: Path) -> str:
    """What changes with a file: a part of the key of what is made of it."""
    status = path.stat()
    # The time of the last change of anything, which a copy or `touch` cannot put back.
    return hashlib.sha256(f"{path.name!r} {status.st_size} {status.st_ctime_ns}".encode()).hexdigest()[:32]


def _write_part(file, part):
    """How many rows there were."""
    file.write(np.ascontiguousarray(part).data)
    return len(part)


def _map_array(path, row_shape):
    """None where there is no such array, or it is damaged."""
    try:
        array = np.load(path, mmap_mode="r")
    except (OSError, EOFError, *HEADER_ERRORS):
        return None
    return array if array.shape[1:] == row_shape and array.dtype == np.uint8 else None


def _refuse_disk(folder: Path) -> NoReturn:
    raise InputError(folder, "the disk returned other bytes than were written, but a working one is needed.")


@contextlib.contextmanager
def _new_file(path):
    """A file that has its name once all of it is on the disk."""
    partial = path.with_suffix(".partial")
    try:
        # Written, not mapped: pages of a mapped file would count as this process's memory.
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


@dataclasses.dataclass(frozen=True)
class Pixels:
    """What `load_pixels` gives.

    Attributes:
      images: uint8 array [N, H, W, C], mapped from disk and read only.
      kept: int array [N], the places of these pictures in the list of entries.
      note: text for `Dataset.source`: how many pictures were left out, or nothing.
    """

    images: np.ndarray
    kept: np.ndarray
    note: str


@quiet_pillow()
def load_pixels(source: Source, entries: Sequence[Entry], preparation: Preparation) -> Pixels:
    """The pixels of pictures in the given order, from the cache if it holds them.

    The cache is a file for each set of (names, sizes and times of change or checksums of the pictures, preparation,
    version of this code), in `find_cache_folder()`. It is written under a temporary name, a run of the pictures at a
    time; of two processes that want the same one the second waits.

    Args:
      source: where the pictures lie.
      entries: those of its files that are pictures.
      preparation: what is done with each.

    Returns:
      Pixels. The names of unreadable pictures, up to 1 % of them, are said, and so is what of the others is not as in
      the files: frames after the first, and values of more than 8 bits, which the range of the whole set decides.

    Raises:
      InputError: naming the source, if more cannot be read; naming the cache, if it cannot be written.
    """
    key = _fingerprint(entries, preparation)
    folder = find_cache_folder()
    with _cache_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / f"{key}.lock"):
            if not (found := _read(folder / key, preparation, len(entries))):
                _build(folder / key, source, entries, preparation)
                found = _read(folder / key, preparation, len(entries))
    if not found:
        _refuse_disk(folder)
    images, listing = found
    unreadable = listing["unreadable"]
    _tell(source, len(entries), listing)
    left_out = f", without {len(unreadable)} unreadable pictures" if unreadable else ""
    return Pixels(images, np.delete(np.arange(len(entries)), list(unreadable)), left_out)


def _tell(source, count, listing):
    """Says what of the files is not in the pixels."""
    if unreadable := listing["unreadable"]:
        names = ", ".join(f"{name!r} ({reason})" for name, reason in unreadable.values())
        warn(f"{source.path}: {len(unreadable)} of {count} pictures cannot be read: {names}")
    if with_more := listing["with_more_frames"]:
        note(f"{source.path}: {with_more:,} pictures have several frames or pages; only the first of each is used")
    if listing["range"]:
        low, high = listing["range"]
        note(
            f"{source.path}: the pictures have more than 8 bits; {low:g} to {high:g}, the range of the whole set, "
            "becomes 0 to 255 (another one: --pixel-range LOW,HIGH)"
        )


def _fingerprint(entries, preparation):
    digest = hashlib.sha256(repr((VERSION, preparation)).encode())
    for entry in entries:
        digest.update(f"{entry.name!r} {entry.size} {entry.stamp}\n".encode())
    return digest.hexdigest()[:32]


@contextlib.contextmanager
def _cache_errors(folder):
    try:
        yield
    except OSError as error:
        raise InputError(
            folder, f"the cache cannot be kept there ({error.strerror or error}). Set INFOGAN_CACHE to another folder."
        ) from error


def _read(path, preparation, count):
    """(images, listing) of a finished cache; None where there is none or it is damaged."""
    try:
        listing = _parse_listing(path.with_suffix(".json").read_text())
    except (OSError, KeyError, AttributeError, *HEADER_ERRORS):
        return None
    images = _map_array(path.with_suffix(".npy"), preparation.shape)
    is_whole = images is not None and len(images) == count - len(listing["unreadable"])
    return (images, listing) if is_whole else None


def _parse_listing(text):
    """What `_build` found out about the pictures: dict of `unreadable`, `with_more_frames` and `range`."""
    listing = json.loads(text)
    low, high = map(float, listing["range"] or (0, 0))
    return {
        "unreadable": {int(place): tuple(entry) for place, entry in listing["unreadable"].items()},
        "with_more_frames": int(listing["with_more_frames"]),
        "range": (low, high) if listing["range"] else None,
    }


class _RangeNeeded(Exception):
    """A picture of more than 8 bits came up, so the range of the whole set has to be known first."""


def _build(path, source, entries, preparation):
    try:
        _build_with(path, source, entries, preparation, None)
    except _RangeNeeded:
        of_set = _measure_set(source, entries)
        _build_with(path, source, entries, dataclasses.replace(preparation, deep_range=of_set), of_set)


def _measure_set(source, entries):
    """The lowest and the highest value of all pictures of more than 8 bits."""

    def measure(entry):
        try:
            return measure_range(source.read(entry))
        except UnreadableFile:
            return None

    text = f"{source.path.name}: looking for the range of {len(entries):,} pictures, once"
    with _pool() as pool, show_progress(text, len(entries)) as advance:
        ranges: list[tuple[float, float]] = []
        for start in range(0, len(entries), CHUNK):
            ranges += filter(None, pool.map(measure, entries[start : start + CHUNK]))
            advance(min(start + CHUNK, len(entries)))
    lows, highs = zip(*ranges) if ranges else ((0.0,), (1.0,))
    return min(lows), max(highs)


def _pool():
    return ThreadPoolExecutor(min(8, os.cpu_count() or 1))


def _build_with(path, source, entries, preparation, of_set):
    with _new_file(path.with_suffix(".npy")) as file:
        _write_header(file, (len(entries), *preparation.shape))
        unreadable, with_more_frames = _write_pixels(file, source, entries, preparation)
        file.seek(0)
        _write_header(file, (len(entries) - len(unreadable), *preparation.shape))
        listing = {"unreadable": unreadable, "with_more_frames": with_more_frames, "range": of_set}
        write_json(path.with_suffix(".json"), listing)


def _write_header(file, shape):
    # numpy leaves room in the header for a first dimension of any length, so a second header fits in.
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})


def _write_pixels(file, source, entries, preparation):
    """Appends the pixels of all readable pictures.

    Returns:
      (dict of place -> (name, reason) of the others, how many pictures have frames after the first).
    """
    Image.init()  # not safe from several threads
    unreadable, with_more_frames = {}, []

    def decode(entry):
        try:
            content = source.read(entry)
            is_deep, has_more_frames = inspect_picture(content)
            if is_deep and not (preparation.input_range or preparation.deep_range):
                raise _RangeNeeded
            with_more_frames.append(has_more_frames)
            return decode_picture(content, preparation)
        except UnreadableFile as error:
            return str(error)

    height, width, _ = preparation.shape
    how = "once" if preparation.deep_range is None else "stretched by that range"
    text = f"{source.path.name}: decoding {len(entries):,} pictures to {height}x{width}, {how}"
    with _pool() as pool, show_progress(text, len(entries)) as advance:
        for start in range(0, len(entries), CHUNK):
            for place, result in enumerate(pool.map(decode, entries[start : start + CHUNK]), start):
                if isinstance(result, str):
                    unreadable[place] = (entries[place].name, result)
                    _check_share(source, unreadable, len(entries))
                else:
                    file.write(result.tobytes())
            advance(min(start + CHUNK, len(entries)))
    return unreadable, sum(with_more_frames)


def _check_share(source, unreadable, count):
    if len(unreadable) <= UNREADABLE_SHARE * count:
        return
    names = "; ".join(f"{name!r}: {reason}" for name, reason in list(unreadable.values())[:3])
    raise InputError(
        source.path,
        f"{len(unreadable):,} or more of its {count:,} pictures cannot be read ({names}), but at most 1 % may be left "
        "out. Fix or remove them.",
    )
