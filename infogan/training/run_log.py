"""What a run writes while it trains: metrics.jsonl, TensorBoard events and frames of the training film."""

import contextlib
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import progressbar

from infogan import grids
from infogan.spec import ExperimentSpec
from infogan.system.files import reading, write_atomically
from infogan.system.messages import InputError, say
from infogan.system.tf1 import tf, tf_path
from infogan.training.checkpoints import describe_reason
from infogan.training.run_folder import RunFolder


class RunLog:
    """The log of one run, cut back to the update it goes on from.

    Made inside the graph of the trainer, which TensorFlow's event writer asks for.

    Args:
      update: updates that are finished; anything logged beyond them is removed, because it will be computed again.
      epochs: epochs that are finished.

    Raises:
      InputError: if metrics.jsonl is damaged, or lacks an epoch.
    """

    def __init__(self, folder: RunFolder, update: int, epochs: int) -> None:
        self._folder = folder
        lines = [line for line in load_metrics(folder.metrics) if line["update"] <= update]
        if len(lines) != epochs:
            raise InputError(
                folder.metrics, f"it holds {len(lines)} epochs, but the checkpoint follows epoch {epochs}. Restore it."
            )
        write_atomically(folder.metrics, "".join(map(_as_line, lines)))
        for number, frame in find_frames(folder.frames):
            if number > update:
                frame.unlink()
        self._writer = tf.summary.FileWriter(tf_path(folder.log), tf.get_default_graph() if update == 0 else None)
        # TensorBoard drops what an interrupted session logged at this update and beyond.
        self._writer.add_session_log(tf.SessionLog(status=tf.SessionLog.START), update + 1)

    def write_metrics(self, line: dict[str, Any]) -> None:
        """Appends one object to metrics.jsonl and its numbers to TensorBoard.

        Args:
          line: dict with `epoch`, `update` and quantities named `group/name`.
        """
        with self._folder.metrics.open("a") as file:
            file.write(_as_line(line))
            file.flush()
            os.fsync(file.fileno())
        scalars = [tf.Summary.Value(tag=key, simple_value=value) for key, value in line.items() if "/" in key]
        self._write(scalars, line["update"])

    def write_pictures(self, pictures: Mapping[str, np.ndarray], update: int) -> None:
        """Writes one picture per code to TensorBoard, and all of them as a frame of the film.

        Args:
          pictures: dict of code name -> uint8 picture.
          update: updates that are finished.
        """
        values = []
        for name, picture in pictures.items():
            image = tf.Summary.Image(
                height=picture.shape[0], width=picture.shape[1], encoded_image_string=grids.encode_png(picture)
            )
            values.append(tf.Summary.Value(tag=f"samples/{name}", image=image))
        self._write(values, update)
        frame = grids.shrink(grids.stack(list(pictures.values())))
        write_atomically(self._folder.frames / f"{update:07d}.png", grids.encode_png(frame))

    def close(self) -> None:
        """Writes out what TensorBoard's writer still holds."""
        with contextlib.suppress(tf.errors.OpError):  # all of it has been flushed; another error may be on its way
            self._writer.close()

    def _write(self, values: Sequence[Any], update: int) -> None:
        try:
            self._writer.add_summary(tf.Summary(value=values), update)
            self._writer.flush()
        except tf.errors.OpError as error:
            raise OSError(0, describe_reason(error), str(self._folder.log)) from error


class Unrecorded:
    """Stands for the log and the progress of a process that writes nothing."""

    def advance(self, update: int) -> None:
        """An update is finished."""

    def close(self) -> None:
        """Nothing is held."""


def load_metrics(path: Path) -> list[dict[str, Any]]:
    """The objects of metrics.jsonl, oldest first; a last line that a crash cut short is left out.

    Raises:
      InputError: naming the line, if one is damaged, or epochs are missing or doubled; if the file cannot be read.
    """
    try:
        with reading(path):
            content = path.read_bytes()
    except FileNotFoundError:
        return []
    lines = []
    for number, text in enumerate(content.splitlines(keepends=True), start=1):
        if not text.endswith(b"\n"):
            break
        try:
            line = json.loads(text)
            is_next = line["epoch"] == number and line["update"] > 0
        except (ValueError, KeyError, TypeError, RecursionError):
            is_next = False
        if not is_next:
            raise InputError(
                path, f"line {number} is damaged, but the object of epoch {number} is needed. Mend or remove it."
            )
        lines.append(line)
    return lines


def find_frames(folder: Path) -> list[tuple[int, Path]]:
    """The frames of the film of a training: list of (update, path), oldest first."""
    return sorted((int(path.stem), path) for path in folder.glob("*.png") if path.stem.isdecimal())


def _as_line(value: dict[str, Any]) -> str:
    return json.dumps(value) + "\n"


class Progress:
    """Reports the updates of a run.

    Args:
      start: updates that are finished already.
    """

    def __init__(self, start: int, spec: ExperimentSpec) -> None:
        self._spec = spec
        self._start, self._started = start, time.monotonic()
        self._bar = None
        if sys.stdout is not None and sys.stdout.isatty():
            widgets = [progressbar.Percentage(), " ", progressbar.Bar(), " ", progressbar.ETA()]
            self._bar = progressbar.ProgressBar(
                max_value=spec.updates, initial_value=start, widgets=widgets, fd=sys.stdout, redirect_stdout=True
            ).start()

    def advance(self, update: int) -> None:
        """One more update is finished."""
        if self._bar:
            try:
                self._bar.update(update)
            except OSError:  # the terminal was closed: the run still has to be saved
                self.close()

    def report_epoch(self, line: dict[str, Any]) -> None:
        """An epoch is finished; `line` is its object of metrics.jsonl."""
        information = ", ".join(f"L_I {code.name} {line[f'mi/{code.name}']:.2f}" for code in self._spec.codes)
        done = line["update"] - self._start
        left = (self._spec.updates - line["update"]) * (time.monotonic() - self._started) / done
        say(
            f"epoch {line['epoch']}/{self._spec.max_epoch}, update {line['update']}: "
            f"D {line['loss/discriminator']:.3f}, G {line['loss/generator']:.3f}, {information}, "
            f"{line['speed/images_per_second']:.0f} images/s, {left / 60:.0f} min left"
        )

    def close(self) -> None:
        """Leaves the terminal as it was."""
        if self._bar:
            with contextlib.suppress(OSError):
                self._bar.finish(dirty=True)
            self._bar = None
