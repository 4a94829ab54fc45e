"""Finds a run again from either of its folders."""

from pathlib import Path

from infogan.errors import InputError
from infogan.training.checkpoints import find_checkpoints
from infogan.training.run_folder import RunFolder

COUNTERPARTS = {"logs": "ckt", "ckt": "logs"}


def open_run(path, log_root=None, checkpoint_root=None):
    """The run that a folder belongs to; nothing is written.

    A run has two folders of the same name: logs/<experiment>/<run> for people, ckt/<experiment>/<run> for checkpoints.
    The other one is looked for in the root that is given for it, else where the path has `ckt` in place of `logs`. A
    folder of checkpoints that lies elsewhere is its own log folder.

    Args:
      path: either folder, a `pathlib.Path` or str.
      log_root: folder that holds the run's log folder, None for the default layout.
      checkpoint_root: folder that holds its checkpoint folder, None for the default layout.

    Returns:
      RunFolder, whose log folder may be missing.

    Raises:
      InputError: if it is no run's folder, or the folder with the checkpoints is not found.
    """
    given = Path(path).absolute()
    if not (given / "spec.json").is_file():
        raise InputError(path, _describe_missing(given))
    if (given / "dataset.json").is_file() or find_checkpoints(given):
        return _name_folder(path, log_root or _counterpart_root(given, "ckt") or given.parent, given.parent)
    root = checkpoint_root or _counterpart_root(given, "logs")
    if root is None:
        raise InputError(
            path,
            "it holds no checkpoint, and does not lie below logs/, so where its checkpoints are is not known. "
            "Give their folder, or --checkpoint-dir.",
        )
    folder = _name_folder(path, given.parent, root)
    if not (folder.checkpoints / "spec.json").is_file():
        raise InputError(
            path, f"its checkpoints are needed, but {folder.checkpoints} holds no run. Say where: --checkpoint-dir."
        )
    return folder


def _name_folder(path, log_root, checkpoint_root):
    try:
        return RunFolder(log_root, checkpoint_root, Path(path).absolute().name)
    except InputError as error:
        raise InputError(path, f"{error.problem} Rename the folder.") from None


def _counterpart_root(path, kind):
    """The parent of `path` with the nearest folder named `kind` replaced by its counterpart; None if there is none."""
    parts = list(path.parent.parts)
    if kind not in parts:
        return None
    parts[len(parts) - 1 - parts[::-1].index(kind)] = COUNTERPARTS[kind]
    return Path(*parts)


def _describe_missing(path):
    runs = sorted(spec.parent.name for spec in path.glob("*/spec.json"))
    if runs:
        return f"it is no run, but holds the runs {', '.join(runs)}. Give the folder of one of these."
    if path.is_dir():
        return "it holds no run (no spec.json), but a run's folder is needed. Give one such as ckt/mnist/NAME."
    return "there is no such folder, but a run's is needed. Give one such as ckt/mnist/NAME."
