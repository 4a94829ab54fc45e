"""Checkpoints of a run: all variables, one set of files an update, the newest few kept.

The checkpoint of update 40 is `model-40.data-*`, `model-40.manifest.json` and `model-40.index`, of which the index
comes last and goes first: where there is an index, the checkpoint was whole once.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from infogan.system.files import reading, sync, write_json
from infogan.system.messages import InputError, NumbersFailed, TrainingFailed, warn
from infogan.system.tf1 import Session, Variable, tf, tf_path

KEPT = 3

READER_ERRORS = (ValueError, TypeError, LookupError, RuntimeError, MemoryError, OSError)
"""What TensorFlow's reader of checkpoints turns its errors into."""


class Checkpoints:
    """Saves and restores the variables of the graph that is current when it is made.

    Args:
      folder: `pathlib.Path` of the run's checkpoint folder.
      weights: dict of the name of each variable of the networks -> name of the variable that holds what a trained model
        computes with: the same, or an average of it. It is kept in the manifest. None for a graph without networks.
    """

    def __init__(self, folder: Path, weights: Mapping[str, str] | None = None) -> None:
        self._folder, self._weights = folder, weights or {}
        # max_to_keep=0: TensorFlow's own clean-up calls a function it deprecates itself; `save` does it instead.
        self._saver = tf.train.Saver(max_to_keep=0)
        # Weights first, then Adam's moments: a bad gradient shows in both, and is named after the weight.
        numbers = [variable for variable in tf.global_variables() if variable.dtype.base_dtype.is_floating]
        numbers.sort(key=lambda variable: not variable.trainable)
        self._is_bad = [tf.logical_not(tf.reduce_all(tf.is_finite(variable))) for variable in numbers]
        self._names = [variable.op.name for variable in numbers]

    def find_bad(self, session: Session) -> list[str]:
        """Names of the variables that hold a number which is not finite, weights first."""
        return [name for name, is_bad in zip(self._names, session.run(self._is_bad)) if is_bad]

    def save(self, session: Session, update: int) -> None:
        """Writes a checkpoint named after the number of finished updates.

        Raises:
          NumbersFailed: if a variable is not finite; older checkpoints stay.
          TrainingFailed: if the files cannot be written; older checkpoints stay.
        """
        bad = self.find_bad(session)
        if bad:
            raise NumbersFailed(
                f"update {update}: {describe_bad(bad)} not finite. {describe_last_checkpoint(self._folder)}"
            )
        try:
            _remove_leftovers(self._folder)
            if not self._folder.is_dir():  # TensorFlow would make it again, without what else a run needs
                raise OSError(f"{self._folder} is gone")
            path = f"{tf_path(self._folder)}/saving"
            self._saver.save(session, path, global_step=update, write_meta_graph=False, write_state=False)
            _publish(self._folder, update, self._weights)
        except (tf.errors.OpError, OSError, ValueError) as error:
            with suppress(OSError):  # nothing can be removed from a disk that has become read-only
                _remove_leftovers(self._folder)
            raise TrainingFailed(
                f"update {update}: its checkpoint cannot be written ({describe_reason(error)}). "
                f"{describe_last_checkpoint(self._folder)}"
            ) from error
        for old in find_checkpoints(self._folder)[:-KEPT]:
            _index(self._folder, old).unlink(missing_ok=True)
        _remove_leftovers(self._folder)

    def restore(self, session: Session, update: int) -> None:
        """Reads the checkpoint of an update.

        Raises:
          InputError: if its files cannot be read, are damaged or belong to another graph.
        """
        with _reading(self._folder, update) as path:
            _read_weights(self._folder, update, self._weights)
            _check_shapes(path, {variable.op.name: variable for variable in tf.global_variables()})
            self._saver.restore(session, path)


def restore_weights(session: Session, folder: Path, update: int, variables: Sequence[Variable]) -> None:
    """Fills the networks of a trained model: with averages of the weights, where the run made any.

    Args:
      folder: `pathlib.Path` of the run's checkpoint folder.
      update: which checkpoint.
      variables: list, all variables of the networks.

    Raises:
      InputError: if its files are damaged or belong to other networks.
    """
    with _reading(folder, update) as path:
        weights = _read_weights(folder, update, {variable.op.name for variable in variables})
        saved = {weights[variable.op.name]: variable for variable in variables}
        _check_shapes(path, saved)
        tf.train.Saver(saved).restore(session, path)


def _check_shapes(path: str, variables: Mapping[str, Variable]) -> None:
    """Refuses a checkpoint of other shapes, which TensorFlow would put into the variables all the same.

    Args:
      path: the checkpoint, as TensorFlow takes it.
      variables: dict of name in the checkpoint -> variable. Saver refuses names that are not there.
    """
    shapes = tf.train.load_checkpoint(path).get_variable_to_shape_map()
    for name, variable in variables.items():
        if shapes.get(name, variable.shape) != variable.shape:
            raise InputError(
                path,
                f"its {name} has shape {shapes[name]}, but the network of this program needs {variable.shape}. Use "
                "the network that the run was trained with, or train a new run.",
            )


@contextmanager
def _reading(folder: Path, update: int) -> Iterator[str]:
    """Yields the path of a checkpoint for TensorFlow; what its reader raises becomes one line."""
    path = folder / f"model-{update}"
    with reading(path):
        for file in folder.glob(f"{path.name}.*"):
            file.open("rb").close()
    try:
        yield f"{tf_path(folder)}/{path.name}"
    except InputError:
        raise
    except (tf.errors.OpError, *READER_ERRORS) as error:
        raise InputError(
            path,
            "it is no readable checkpoint of this run: the run's networks have other variables. Use the "
            "version of infogan that wrote it, or train a new run.",
        ) from error


def _read_weights(folder: Path, update: int, known: Collection[str]) -> dict[str, str]:
    """The `weights` of a checkpoint's manifest.

    Raises:
      InputError: if there is one among them that is not among the names `known`: it would be left out unsaid.
    """
    weights = json.loads((folder / f"model-{update}.manifest.json").read_text()).get("weights")
    if weights is None:  # a run of version 0.1, whose optimiser was Adam
        networks = {name.split("/")[0] for name in known}
        saved = tf.train.load_checkpoint(f"{tf_path(folder)}/model-{update}").get_variable_to_shape_map()
        weights = {name: name for name in saved if name.split("/")[0] in networks and "/adam_" not in name}
    if unknown := sorted(set(weights) - set(known)):
        raise InputError(
            folder / f"model-{update}",
            f"it holds {', '.join(unknown)}, which the networks of this version lack. Train a new run.",
        )
    return weights


def newest_intact(folder: Path) -> int | None:
    """The update of the newest checkpoint that is whole, None if there is no checkpoint; warns of damaged ones.

    Raises:
      InputError: if all of them are damaged, or one that counts cannot be read.
    """
    update, damages = _judge(folder)
    for damaged, damage in damages.items():
        warn(f"{folder / f'model-{damaged}'} is damaged ({damage}). The checkpoint of update {update} is used instead.")
    return update


def set_aside_damaged(folder: Path) -> None:
    """Moves damaged checkpoints into the folder `damaged`, as far as they are newer than the newest whole one.

    What a run does next then goes on from that one.

    Raises:
      InputError: if all of them are damaged, or one that counts cannot be read; they stay where they are.
    """
    update, damages = _judge(folder)
    for damaged, damage in damages.items():
        aside = folder / "damaged"
        aside.mkdir(exist_ok=True)
        for path in (_index(folder, damaged), *folder.glob(f"model-{damaged}.*")):
            if path.exists():
                path.replace(aside / path.name)
        warn(f"{aside / f'model-{damaged}'} is damaged ({damage}). The run continues from update {update}.")


def _judge(folder: Path) -> tuple[int | None, dict[int, str]]:
    """The newest whole checkpoint's update, and a dict of newer update -> what is wrong with that checkpoint."""
    damages: dict[int, str] = {}
    with reading(folder):
        updates = find_checkpoints(folder)
    for update in reversed(updates):
        damage = find_damage(folder, update)
        if not damage:
            return update, damages
        damages[update] = damage
    if damages:
        raise InputError(
            folder,
            f"it holds no readable checkpoint ({', '.join(f'model-{u}: {damage}' for u, damage in damages.items())}), "
            "but one is needed. Restore one of them, or start a new run.",
        )
    return None, {}


def _publish(folder: Path, update: int, weights: Mapping[str, str]) -> None:
    """Gives the files that were saved their names, once they are on the disk; the index, which counts, last."""
    saved = {path.name.replace("saving", "model", 1): path for path in folder.glob(f"saving-{update}.*")}
    for path in saved.values():
        sync(path)
    write_manifest(folder / f"model-{update}.manifest.json", update, saved, weights)
    index = _index(folder, update).name
    for name in sorted(saved, key=index.__eq__):
        saved[name].replace(folder / name)
    sync(folder)


def _remove_leftovers(folder: Path) -> None:
    """Removes what a crash left of checkpoints that were being written or removed."""
    whole = set(find_checkpoints(folder))
    for path in (*folder.glob("saving-*"), *folder.glob("model-*")):
        match = re.match(r"model-(\d+)\.", path.name)
        if not (match and int(match[1]) in whole):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _index(folder: Path, update: int) -> Path:
    return folder / f"model-{update}.index"


def describe_bad(names: Sequence[str]) -> str:
    """The first bad variable, and how many more there are."""
    return names[0] + (f" and {len(names) - 1} more variables are" if len(names) > 1 else " is")


def describe_last_checkpoint(folder: Path) -> str:
    """A sentence that says where a failed run can be picked up."""
    try:
        saved = find_checkpoints(folder)
    except OSError as error:
        return f"{folder} cannot be read ({error.strerror})."
    if not saved:
        return "There is no checkpoint before it."
    return f"The last good checkpoint is that of update {saved[-1]}, in {folder}."


def describe_reason(error: Exception) -> str:
    """The part of TensorFlow's message that says what happened, such as "No space left on device"."""
    lines = str(error).splitlines()
    telling = [line for line in lines if "; " in line] or lines
    return telling[0].rsplit("; ", 1)[-1]


def find_checkpoints(folder: Path) -> list[int]:
    """The updates of which a folder holds checkpoints, oldest first.

    Raises:
      OSError: if a folder that is there cannot be read.
    """
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
    found = (re.fullmatch(r"model-(\d+)\.index", name) for name in names)
    return sorted(int(match[1]) for match in found if match)


LARGEST_MANIFEST = 2**20
"""Bytes of a manifest that are believed."""


def write_manifest(path: Path, update: int, files: Mapping[str, Path], weights: Mapping[str, str]) -> None:
    """Writes a manifest.

    Args:
      path: where to.
      update: finished updates that the checkpoint holds.
      files: dict of the name that a file will have -> `pathlib.Path` of it now.
      weights: as `Checkpoints` takes it.
    """
    entries = {name: {"size": file.stat().st_size, "sha256": _hash(file)} for name, file in files.items()}
    write_json(path, {"update": update, "files": entries, "weights": weights})


def find_damage(folder: Path, update: int) -> str:
    """What is wrong with a checkpoint: an empty text if nothing is.

    Args:
      folder: `pathlib.Path` of the checkpoints.
      update: which of them.

    Raises:
      InputError: if a file of it cannot be read, which says nothing about its content.
    """
    path = folder / f"model-{update}.manifest.json"
    try:
        with reading(path), path.open("rb") as file:
            text = file.read(LARGEST_MANIFEST)
    except FileNotFoundError:
        return "its manifest is missing"
    try:
        manifest = json.loads(text)
        if manifest["update"] != update:
            return f"its manifest is that of update {manifest['update']!r:.20}"
        entries = [(name, entry["size"], entry["sha256"]) for name, entry in manifest["files"].items()]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return "its manifest is damaged"
    present = {file.name for file in folder.glob(f"model-{update}.*")} - {path.name}
    if {name for name, _, _ in entries} != present:
        return "its files are not those of its manifest"
    return next(filter(None, (_compare(folder / name, size, sha256) for name, size, sha256 in entries)), "")


def _compare(file: Path, size: int, sha256: str) -> str:
    with reading(file):
        found = file.stat().st_size
        if found != size:
            return f"{file.name} has {found:,} bytes in place of {size}"
        return "" if _hash(file) == sha256 else f"{file.name} has another checksum than its manifest"


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(2**20):
            digest.update(piece)
    return digest.hexdigest()
