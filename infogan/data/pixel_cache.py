"""The pixels of a set of pictures, decoded once and kept on disk as one uint8 array."""

import contextlib
import dataclasses
import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import Image

from infogan.data.archives import UnreadableFile
from infogan.data.arrays import HEADER_ERRORS
from infogan.data.picture_files import decode_picture
from infogan.system.errors import InputError
from infogan.system.files import find_cache_folder, locked, write_json
from infogan.system.messages import show_progress, warn

VERSION = 1
"""Raised whenever the same picture would give other pixels."""
CHUNK = 256
"""Pictures that are decoded before their pixels are written."""
UNREADABLE_SHARE = 0.01
"""Pictures that may be left out because they cannot be read; a larger share is an error."""


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


def load_pixels(source, entries, preparation):
    """The pixels of pictures in the given order, from the cache if it holds them.

    The cache is a file for each set of (names, sizes and times of change or checksums of the pictures, preparation,
    version of this code), in `find_cache_folder()`. It is written under a temporary name, a run of the pictures at a
    time; of two processes that want the same one the second waits.

    Args:
      source: an opened source of `infogan.data.archives`.
      entries: its entries that are pictures.
      preparation: Preparation.

    Returns:
      Pixels. The names of unreadable pictures, up to 1 % of them, are said.

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
        raise InputError(folder, "what was written there came back changed, but a working disk is needed.")
    images, unreadable = found
    if unreadable:
        names = ", ".join(f"{name!r} ({reason})" for name, reason in unreadable.values())
        warn(f"{source.path}: {len(unreadable)} of {len(entries)} pictures cannot be read: {names}")
    note = f", without {len(unreadable)} unreadable pictures" if unreadable else ""
    return Pixels(images, np.delete(np.arange(len(entries)), list(unreadable)), note)


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
    """(images, unreadable) of a finished cache; None where there is none or it is damaged."""
    try:
        listing = json.loads(path.with_suffix(".json").read_text())
        unreadable = {int(place): tuple(entry) for place, entry in listing["unreadable"].items()}
        images = np.load(path.with_suffix(".npy"), mmap_mode="r")
    except (OSError, EOFError, KeyError, AttributeError, *HEADER_ERRORS):
        return None
    shape = (count - len(unreadable), *preparation.shape)
    return (images, unreadable) if images.shape == shape and images.dtype == np.uint8 else None


def _build(path, source, entries, preparation):
    partial = path.with_suffix(".partial")
    try:
        # Written, not mapped: pages of a mapped file would count as this process's memory.
        with partial.open("wb") as file:
            _write_header(file, len(entries), preparation)
            unreadable = _write_pixels(file, source, entries, preparation)
            file.seek(0)
            _write_header(file, len(entries) - len(unreadable), preparation)
            file.flush()
            os.fsync(file.fileno())
        write_json(path.with_suffix(".json"), {"unreadable": unreadable})
        os.replace(partial, path.with_suffix(".npy"))
    finally:
        partial.unlink(missing_ok=True)


def _write_header(file, count, preparation):
    shape = (count, *preparation.shape)
    # numpy leaves room in the header for a first dimension of any length, so a second header fits in.
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})


def _write_pixels(file, source, entries, preparation):
    """Appends the pixels of all readable pictures; returns place -> (name, reason) of the others."""
    Image.init()  # not safe from several threads
    unreadable = {}

    def decode(entry):
        try:
            return decode_picture(source.read(entry), preparation)
        except UnreadableFile as error:
            return str(error)

    height, width, _ = preparation.shape
    text = f"{source.path.name}: decoding {len(entries):,} pictures to {height}x{width}, once"
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool, show_progress(text, len(entries)) as advance:
        for start in range(0, len(entries), CHUNK):
            for place, result in enumerate(pool.map(decode, entries[start : start + CHUNK]), start):
                if isinstance(result, str):
                    unreadable[place] = (entries[place].name, result)
                    _check_share(source, unreadable, len(entries))
                else:
                    file.write(result.tobytes())
            advance(min(start + CHUNK, len(entries)))
    return unreadable


def _check_share(source, unreadable, count):
    if len(unreadable) <= UNREADABLE_SHARE * count:
        return
    names = "; ".join(f"{name!r}: {reason}" for name, reason in list(unreadable.values())[:3])
    raise InputError(
        source.path,
        f"{len(unreadable):,} or more of its {count:,} pictures cannot be read ({names}), but at most 1 % may be left "
        "out. Mend or remove them.",
    )
