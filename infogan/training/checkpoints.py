"""Checkpoints of a run: all variables, one set of files an update, the newest few kept."""

import re

from infogan.errors import InputError
from infogan.tf1 import tf

KEPT = 3


class Checkpoints:
    """Saves and restores the variables of the graph that is current when it is made.

    Args:
      folder: `pathlib.Path` of the run's checkpoint folder.
    """

    def __init__(self, folder):
        self._folder = folder
        # max_to_keep=0: TensorFlow's own clean-up calls a function it deprecates itself; _prune does it instead.
        self._saver = tf.train.Saver(max_to_keep=0)

    def save(self, session, update):
        """Writes a checkpoint named after the number of finished updates."""
        self._saver.save(session, str(self._folder / "model"), global_step=update, write_meta_graph=False)
        for old in find_checkpoints(self._folder)[:-KEPT]:
            for path in self._folder.glob(f"model-{old}.*"):
                path.unlink()

    def restore(self, session, update):
        """Reads the checkpoint of an update.

        Raises:
          InputError: if its files are damaged or belong to another graph.
        """
        path = self._folder / f"model-{update}"
        try:
            self._saver.restore(session, str(path))
        except (tf.errors.OpError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(
                path, f"it is no readable checkpoint of this run ({reason}). Remove it to use an older one."
            ) from error


def find_checkpoints(folder):
    """The updates of which a folder holds checkpoints, oldest first."""
    found = (re.fullmatch(r"model-(\d+)\.index", path.name) for path in folder.glob("model-*.index"))
    return sorted(int(match[1]) for match in found if match)
