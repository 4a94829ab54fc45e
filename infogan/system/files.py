"""Files that are whole or not there, even after a power cut; a lock between processes; the cache folder."""

import contextlib
import fcntl
import json
import math
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from infogan.system.messages import InputError

Content = TypeVar("Content", dict, list)

TEMPORARY = re.compile(r"\..+\.(\d+)")
"""Name of a file that `write_atomically` has not finished, with the number of its process."""


def write_atomically(path: Path, content: str | bytes) -> None:
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


def write_json(path: Path, value: object) -> None:
    """Writes a JSON document atomically."""
    write_atomically(path, json.dumps(value, indent=1) + "\n")


def load_json(path: Path, kind: type[Content], name: str, advice: str) -> Content:
    """The content of a JSON file, a dict or list; an empty one where there is no file.

    Args:
      name: what the file is, in words.
      advice: a sentence, what to do where it is not.

    Raises:
      InputError: naming the file, if it cannot be read or is damaged.
    """
    try:
        with reading(path):
            text = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return kind()
    try:
        content = json.loads(text)
        if not isinstance(content, kind):
            raise ValueError(f"{type(content).__name__} in place of {kind.__name__}")
    except (ValueError, RecursionError) as error:
        raise InputError(path, f"it is no {name} ({error}). {advice}") from error
    return content


def json_number(value: float) -> float | None:
    """A number as JSON holds it: None where it is not finite."""
    return value if math.isfinite(value) else None


def remove_abandoned(folder: Path) -> None:
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


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """Tells an error of access as one: it says nothing about what a file holds. A missing file is left to the caller.

    Raises:
      InputError: naming the file, if something inside may not or cannot be read.
    """
    try:
        yield
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError as error:
        raise InputError(
            error.filename or path,
            f"it cannot be read ({error.strerror or error}), but it is needed. Make it readable and try again; nothing "
            "was changed.",
        ) from error


def sync(path: Path) -> None:
    """Waits until the content of a file, or the names in a folder, have reached the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def locked(path: Path, refusal: Exception | None = None) -> Iterator[None]:
    """Holds the lock of a file; the system frees it when the process ends, however it ends.

    Args:
      path: the file, which is made if need be and stays.
      refusal: the exception to raise where another process holds it; None waits until none does.

    Raises:
      OSError: if the file cannot be written.
    """
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (fcntl.LOCK_NB if refusal else 0))
        except BlockingIOError as error:
            if refusal is None:
                raise
            raise refusal from error
        yield


def find_cache_folder() -> Path:
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
        raise InputError(
            "INFOGAN_CACHE", f"it is not set, but {folder} belongs to another user. Set it to a folder of yours."
        )
    return folder
