"""Finding a dataset's files in the folder that the user gave."""

import os
from pathlib import Path

from infogan.errors import InputError


def find_source(data_dir, names, needed):
    """The first of several files or folders that is there.

    Args:
      data_dir: the user's folder, or one of these files itself; None if none was given.
      names: their names; "." is the folder itself.
      needed: "<what is needed>. <where to get it and where to put it>", for messages.

    Returns:
      `pathlib.Path`.

    Raises:
      InputError: if there is none.
    """
    folder = check_data_dir(data_dir, needed)
    if folder.is_file() or folder.name in names:
        return folder
    for name in names:
        if (folder / name).exists():
            return folder / name
    raise InputError("--data-dir", f"{folder} holds no {' and no '.join(names)}, but {needed}")


def check_data_dir(data_dir, needed):
    """The user's folder or file as a `pathlib.Path`.

    Raises:
      InputError: if none was given, it is not there, or it cannot be read.
    """
    if data_dir is None:
        raise InputError("--data-dir", f"nothing was given, but {needed}")
    folder = Path(data_dir)
    try:
        if folder.is_dir():
            os.listdir(folder)
        else:
            folder.open("rb").close()
    except OSError as error:
        raise InputError("--data-dir", f"{folder} cannot be opened ({error.strerror}), but {needed}") from error
    return folder
