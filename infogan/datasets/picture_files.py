"""Which files of a folder or archive are the pictures of a set, and in which order they are taken."""

import hashlib

from infogan.datasets.file_sources import UnreadableFile
from infogan.datasets.picture_decoding import SUFFIXES, is_grey
from infogan.errors import InputError

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
    return sorted(entries, key=lambda entry: hashlib.sha256(ascii(entry.name).encode()).digest())


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
