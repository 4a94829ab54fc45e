"""Where things are kept that are computed once: decoded pictures, the classifier that judges samples."""

import os
import tempfile
from pathlib import Path

from infogan.errors import InputError


def find_cache_folder():
    """The folder: $INFOGAN_CACHE, else `infogan` below $XDG_CACHE_HOME, else ~/.cache/infogan. It need not exist.

    A user without a home, as a container may have, gets one among the temporary files.
    """
    if chosen := os.environ.get("INFOGAN_CACHE"):
        return Path(chosen)
    if chosen := os.environ.get("XDG_CACHE_HOME"):
        return Path(chosen) / "infogan"
    try:
        return Path.home() / ".cache" / "infogan"
    except RuntimeError:
        return _make_temporary()


def _make_temporary():
    folder = Path(tempfile.gettempdir()) / f"infogan-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():  # somebody else made it, and could have put anything in it
        raise InputError("INFOGAN_CACHE", f"it is needed, because {folder} is another user's. Set it to a folder.")
    return folder
