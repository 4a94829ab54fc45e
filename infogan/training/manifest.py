"""The manifest of a checkpoint: size and checksum of each of its files, by which damage is found before it is read."""

import hashlib
import json

from infogan.atomic_file import write_json

LARGEST_MANIFEST = 2**20
"""Bytes of a manifest that are believed."""


def write_manifest(path, update, files):
    """Writes a manifest.

    Args:
      path: where to.
      update: finished updates that the checkpoint holds.
      files: dict of the name that a file will have -> `pathlib.Path` of it now.
    """
    entries = {name: {"size": file.stat().st_size, "sha256": _hash(file)} for name, file in files.items()}
    write_json(path, {"update": update, "files": entries})


def find_damage(folder, update):
    """What is wrong with a checkpoint: an empty text if nothing is.

    Args:
      folder: `pathlib.Path` of the checkpoints.
      update: which of them.
    """
    path = folder / f"model-{update}.manifest.json"
    try:
        with path.open("rb") as file:
            manifest = json.loads(file.read(LARGEST_MANIFEST))
        if manifest["update"] != update:
            return f"its manifest is that of update {manifest['update']!r:.20}"
        entries = [(name, entry["size"], entry["sha256"]) for name, entry in manifest["files"].items()]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return "its manifest cannot be read"
    present = {file.name for file in folder.glob(f"model-{update}.*")} - {path.name}
    if {name for name, _, _ in entries} != present:
        return "its files are not those of its manifest"
    return next(filter(None, (_compare(folder / name, size, sha256) for name, size, sha256 in entries)), "")


def _compare(file, size, sha256):
    try:
        found = file.stat().st_size
        if found != size:
            return f"{file.name} has {found:,} bytes in place of {size}"
        return "" if _hash(file) == sha256 else f"{file.name} has another checksum than its manifest"
    except OSError as error:
        return f"{file.name} cannot be read: {error.strerror}"


def _hash(path):
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(2**20):
            digest.update(piece)
    return digest.hexdigest()
