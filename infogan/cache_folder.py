"""Where things are kept that are computed once: decoded pictures, the classifier that judges samples."""

import os
from pathlib import Path


def find_cache_folder():
    """The folder: $INFOGAN_CACHE, else `infogan` below $XDG_CACHE_HOME, else ~/.cache/infogan. It need not exist."""
    if chosen := os.environ.get("INFOGAN_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "infogan"
