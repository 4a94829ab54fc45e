"""Files that are either whole or not there."""

import json
import os


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


def write_json(path, value):
    """Writes a JSON document atomically."""
    write_atomically(path, json.dumps(value, indent=1) + "\n")
