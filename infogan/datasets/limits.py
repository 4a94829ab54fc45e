"""What is believed of a file from a stranger before anything is allocated for it."""

import re

from infogan.errors import InputError

LARGEST_FILE = 2**26
"""Bytes of one picture's file, inside an archive or not."""
LARGEST_PIXELS = 8192 * 6144
"""Pixels that the header of a picture may announce; decoding that many takes up to 800 MB of memory, in WebP."""
LEADS_OUT = re.compile(r"^[/\\]|^[A-Za-z]:|(^|[/\\])\.\.([/\\]|$)|\0")
"""Absolute paths, of Windows too, and those with a part `..`."""
MOST_ENTRIES = 2_000_000
"""Files in a folder or an archive."""
FREE_BYTES, LARGEST_RATIO = 2**26, 100
"""An archive may unpack to `FREE_BYTES` in any case, and to `LARGEST_RATIO` times its own size beyond them."""


def describe_error(error):
    """What a library says about a damaged file, in one short line: it may quote whatever the file holds."""
    text = str(error) or type(error).__name__
    return text[:200].encode("unicode_escape").decode()


def allowed_bytes(packed):
    """Bytes to which `packed` bytes may unpack before they are called a bomb."""
    return FREE_BYTES + LARGEST_RATIO * packed


def check_unpacked_size(where, packed, unpacked):
    """Refuses an archive of `packed` bytes that announces or gives `unpacked` bytes.

    Raises:
      InputError: naming the archive.
    """
    if unpacked > allowed_bytes(packed):
        raise InputError(
            where,
            f"its {packed:,} bytes unpack to {unpacked:,} or more, but {allowed_bytes(packed):,} is the limit: "
            "it looks like a decompression bomb. Fetch it from its owner.",
        )


def check_entry_name(where, name):
    """Refuses the name of an archive's entry that leads out of the archive.

    Nothing is ever unpacked to disk, so such a name could do no harm here; but no honest archive holds one.

    Raises:
      InputError: naming the archive.
    """
    if LEADS_OUT.search(name):
        raise InputError(
            where, f"it holds an entry {name[:100]!r} that leads out of it, but none may. Fetch it from its owner."
        )


def check_entry_count(where, count):
    """Refuses more files than any known set has.

    Raises:
      InputError: naming the folder or archive.
    """
    if count > MOST_ENTRIES:
        raise InputError(where, f"it holds more than {MOST_ENTRIES:,} files, but that is the limit.")
