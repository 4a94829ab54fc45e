"""Finds a run again from either of its folders."""

from pathlib import Path

from infogan.errors import InputError
from infogan.training.checkpoints import find_checkpoints
from infogan.training.run_folder import RunFolder

COUNTERPARTS = {"logs": "ckt", "ckt": "logs"}


def open_run(path, log_root=None, checkpoint_root=None):
    """The run that a folder belongs to.

    A run has two folders of the same name: logs/<experiment>/<run> for people, ckt/<experiment>/<run> for checkpoints.
    The other one is looked for in the root that is given for it, else where the path has `ckt` in place of `logs`.

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
        raise InputError(path, "it holds no run (no spec.json), but a run's folder below logs/ or ckt/ is needed.")
    if (given / "dataset.json").is_file() or find_checkpoints(given):
        return RunFolder(log_root or _counterpart_root(given, "ckt", "--log-dir"), given.parent, given.name)
    folder = RunFolder(
        given.parent, checkpoint_root or _counterpart_root(given, "logs", "--checkpoint-dir"), given.name
    )
    if not (folder.checkpoints / "spec.json").is_file():
        raise InputError(
            path, f"its checkpoints are needed, but {folder.checkpoints} holds no run. Say where: --checkpoint-dir."
        )
    return folder


def _counterpart_root(path, kind, flag):
    """The parent of `path` with the nearest folder named `kind` replaced by its counterpart."""
    parts = list(path.parent.parts)
    if kind not in parts:
        raise InputError(path, f"it does not lie below {kind}/, so its other folder must be named. Give {flag}.")
    parts[len(parts) - 1 - parts[::-1].index(kind)] = COUNTERPARTS[kind]
    return Path(*parts)
