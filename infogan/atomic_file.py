"""Files that are either whole or not there, even after a power cut."""

import json
import os
import re

TEMPORARY = re.compile(r"\..+\.(\d+)")
"""Name of a file that `write_atomically` has not finished, with the number of its process."""


def write_atomically(path, content):
    """Writes text or bytes to `path` so that a reader, or a crash, never meets half of it."""
    data = content.encode() if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync(path.parent)


def write_json(path, value):
    """Writes a JSON document atomically."""
    write_atomically(path, json.dumps(value, indent=1) + "\n")


def remove_abandoned(folder):
    """Removes what `write_atomically` left unfinished in a folder, and below, when its process was killed."""
    for path in folder.rglob(".*"):
        match = TEMPORARY.fullmatch(path.name)
        if match and not _is_alive(int(match[1])):
            path.unlink(missing_ok=True)


def _is_alive(process):
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


def sync(path):
    """Waits until the content of a file, or the names in a folder, have reached the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
