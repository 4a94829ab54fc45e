"""Checkpoints of a run: all variables, one set of files an update, the newest few kept."""

import re

from infogan.errors import InputError, TrainingFailed
from infogan.tf1 import tf

KEPT = 3


class Checkpoints:
    """Saves and restores the variables of the graph that is current when it is made.

    Args:
      folder: `pathlib.Path` of the run's checkpoint folder.
    """

    def __init__(self, folder):
        self._folder = folder
        # max_to_keep=0: TensorFlow's own clean-up calls a function it deprecates itself; `save` does it instead.
        self._saver = tf.train.Saver(max_to_keep=0)
        trainable = tf.trainable_variables()
        self._bad_weights = [tf.logical_not(tf.reduce_all(tf.is_finite(variable))) for variable in trainable]
        self._names = [variable.op.name for variable in trainable]

    def save(self, session, update):
        """Writes a checkpoint named after the number of finished updates.

        Raises:
          TrainingFailed: if a weight is not finite, or the files cannot be written; older checkpoints stay.
        """
        bad = [name for name, is_bad in zip(self._names, session.run(self._bad_weights)) if is_bad]
        if bad:
            raise TrainingFailed(
                f"update {update}: {', '.join(bad)} not finite. {describe_last_checkpoint(self._folder)}"
            )
        try:
            self._saver.save(session, str(self._folder / "model"), global_step=update, write_meta_graph=False)
        except (tf.errors.OpError, OSError, ValueError) as error:
            for path in self._folder.glob(f"model-{update}.*"):
                path.unlink(missing_ok=True)
            raise TrainingFailed(
                f"update {update}: its checkpoint cannot be written ({_reason(error)}). "
                f"{describe_last_checkpoint(self._folder)}"
            ) from error
        for old in find_checkpoints(self._folder)[:-KEPT]:
            for path in self._folder.glob(f"model-{old}.*"):
                path.unlink(missing_ok=True)

    def restore(self, session, update):
        """Reads the checkpoint of an update.

        Raises:
          InputError: if its files are damaged or belong to another graph.
        """
        path = self._folder / f"model-{update}"
        try:
            self._saver.restore(session, str(path))
        except (tf.errors.OpError, ValueError) as error:
            raise InputError(
                path, f"it is no readable checkpoint of this run. Remove {path}.* to go on from an older one."
            ) from error


def describe_last_checkpoint(folder):
    """A sentence that says where a failed run can be picked up."""
    saved = find_checkpoints(folder)
    if not saved:
        return "There is no checkpoint before it."
    return f"The last good checkpoint is that of update {saved[-1]}, in {folder}."


def _reason(error):
    """The part of TensorFlow's message that says what happened, such as "No space left on device"."""
    lines = str(error).splitlines()
    telling = [line for line in lines if "; " in line] or lines
    return telling[0].rsplit("; ", 1)[-1]


def find_checkpoints(folder):
    """The updates of which a folder holds checkpoints, oldest first."""
    found = (re.fullmatch(r"model-(\d+)\.index", path.name) for path in folder.glob("model-*.index"))
    return sorted(int(match[1]) for match in found if match)
