"""A lock between processes, which ends with the process that holds it."""

import contextlib
import fcntl


@contextlib.contextmanager
def locked(path, refusal=None):
    """Holds the lock of a file; the system frees it when the process ends, however it ends.

    Args:
      path: `pathlib.Path` of the file, which is made if need be and stays.
      refusal: the exception to raise where another process holds it; None waits until none does.

    Raises:
      OSError: if the file cannot be written.
    """
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (fcntl.LOCK_NB if refusal else 0))
        except BlockingIOError as error:
            raise refusal from error
        yield
