"""Files that are either whole or not there."""

import json
import os
import tempfile


def write_atomically(path, content):
    """Writes text or bytes to `path` so that a reader, or a crash, never meets half of it."""
    data = content.encode() if isinstance(content, str) else content
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def write_json(path, value):
    """Writes a JSON document atomically."""
    write_atomically(path, json.dumps(value, indent=1) + "\n")
