"""A lock between processes, which ends with the process that holds it."""

import contextlib
import fcntl


@contextlib.contextmanager
def locked(path, wait=True):
    """Holds the lock of a file; the system frees it when the process ends, however it ends.

    Args:
      path: `pathlib.Path` of the file, which is made if need be and stays.
      wait: whether to wait until no other process holds it.

    Raises:
      BlockingIOError: if another process holds it and `wait` is False.
      OSError: if the file cannot be written.
    """
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
