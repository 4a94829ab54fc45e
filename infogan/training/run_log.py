"""What a run writes while it trains: metrics.jsonl, evaluations.jsonl, TensorBoard events, pictures, its progress."""

import contextlib
import datetime
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
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

FEWEST_COLUMNS = 10
"""Of a bar on a terminal; a shorter one is left out."""


class RunLog:
    """The log of one run, cut back to the update it goes on from.

    Made inside the graph of the trainer, which TensorFlow's event writer asks for.

    Args:
      update: updates that are finished; anything logged beyond them is removed, because it will be computed again.
      epochs: epochs that are finished.

    Raises:
      InputError: if metrics.jsonl or evaluations.jsonl is damaged, or metrics.jsonl lacks an epoch.
    """

    def __init__(self, folder: RunFolder, update: int, epochs: int) -> None:
        self._folder = folder
        lines = [line for line in load_metrics(folder.metrics) if line["update"] <= update]
        if len(lines) != epochs:
            raise InputError(
                folder.metrics, f"it holds {len(lines)} epochs, but the checkpoint follows epoch {epochs}. Restore it."
            )
        write_atomically(folder.metrics, "".join(map(_as_line, lines)))
        if folder.evaluations.exists():
            kept = [line for line in load_evaluations(folder.evaluations) if line["update"] <= update]
            write_atomically(folder.evaluations, "".join(map(_as_line, kept)))
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
        self._append(self._folder.metrics, line)

    def write_evaluation(self, line: dict[str, Any]) -> None:
        """Appends one object to evaluations.jsonl and its numbers to TensorBoard.

        Args:
          line: dict with `update` and quantities named `group/name`.
        """
        self._append(self._folder.evaluations, line)

    def write_pictures(self, pictures: Mapping[str, np.ndarray], update: int) -> None:
        """Writes one picture per code to TensorBoard, and all of them as a frame of the film.

        Args:
          pictures: dict of code name -> uint8 picture.
          update: updates that are finished.
        """
        self._write([_as_image(f"samples/{name}", picture) for name, picture in pictures.items()], update)
        frame = grids.shrink(grids.stack(list(pictures.values())))
        write_atomically(self._folder.frames / f"{update:07d}.png", grids.encode_png(frame))

    def write_preview(self, picture: np.ndarray, update: int) -> None:
        """Puts a uint8 picture in place of preview.png, and adds it to TensorBoard."""
        self._write([_as_image("preview", picture)], update)
        write_atomically(self._folder.log / "preview.png", grids.encode_png(picture, grids.SCALE))

    def close(self) -> None:
        """Writes out what TensorBoard's writer still holds."""
        with contextlib.suppress(tf.errors.OpError):  # all of it has been flushed; another error may be on its way
            self._writer.close()

    def _append(self, path: Path, line: dict[str, Any]) -> None:
        with path.open("a") as file:
            file.write(_as_line(line))
            file.flush()
            os.fsync(file.fileno())
        scalars = [tf.Summary.Value(tag=key, simple_value=value) for key, value in line.items() if "/" in key]
        self._write(scalars, line["update"])

    def _write(self, values: Sequence[Any], update: int) -> None:
        try:
            self._writer.add_summary(tf.Summary(value=values), update)
            self._writer.flush()
        except tf.errors.OpError as error:
            raise OSError(0, describe_reason(error), str(self._folder.log)) from error


class Unrecorded:
    """Stands for the log and the progress of a process that writes nothing."""

    def advance(self, update: int, quantities: Mapping[str, float]) -> None:
        """An update is finished."""

    def close(self) -> None:
        """Nothing is held."""


def load_metrics(path: Path) -> list[dict[str, Any]]:
    """The objects of metrics.jsonl, oldest first; a last line that a crash cut short is left out.

    Raises:
      InputError: naming the line, if one is damaged, or epochs are missing or doubled; if the file cannot be read.
    """

    def is_expected(line: dict[str, Any], number: int) -> bool:
        return line["epoch"] == number and line["update"] > 0 and line["speed/images_per_second"] > 0

    return _load_lines(path, is_expected, "epoch")


def load_evaluations(path: Path) -> list[dict[str, Any]]:
    """The objects of evaluations.jsonl, as `load_metrics`."""
    return _load_lines(path, lambda line, number: line["update"] > 0, "evaluation")


def _load_lines(path: Path, is_expected: Callable[[dict[str, Any], int], bool], kind: str) -> list[dict[str, Any]]:
    """The objects of a log; `is_expected` takes an object and the number of its line, counted from 1."""
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
            is_next = is_expected(line, number)
        except (ValueError, KeyError, TypeError, RecursionError):
            is_next = False
        if not is_next:
            raise InputError(
                path,
                f"line {number} is damaged, but the object of {kind} {number} is needed. Restore it, or train anew.",
            )
        lines.append(line)
    return lines


def find_frames(folder: Path) -> list[tuple[int, Path]]:
    """The frames of the film of a training: list of (update, path), oldest first."""
    return sorted((int(path.stem), path) for path in folder.glob("*.png") if path.stem.isdecimal())


def _as_line(value: dict[str, Any]) -> str:
    return json.dumps(value) + "\n"


def _as_image(tag: str, picture: np.ndarray) -> Any:
    height, width = picture.shape[:2]
    image = tf.Summary.Image(height=height, width=width, encoded_image_string=grids.encode_png(picture))
    return tf.Summary.Value(tag=tag, image=image)


class Progress:
    """Reports the updates of a run: on a terminal in one line that is written again and again, else a line an epoch.

    Args:
      start: updates that are finished already.
    """

    def __init__(self, start: int, spec: ExperimentSpec) -> None:
        self._spec = spec
        self._start, self._started = start, time.monotonic()
        self._bar = None
        if sys.stdout is not None and sys.stdout.isatty():
            self._state = _State(start, spec)
            self._bar = progressbar.ProgressBar(
                max_value=spec.updates, initial_value=start, widgets=[self._state], fd=sys.stdout, redirect_stdout=True
            ).start()

    def advance(self, update: int, quantities: Mapping[str, float]) -> None:
        """More updates are finished; `quantities` are those of the last one, by name."""
        if self._bar:
            self._state.note(update, quantities)
            try:
                self._bar.update(update, force=update == self._spec.updates)
            except OSError:  # the terminal was closed: the run still has to be saved
                self.close()

    def report_epoch(self, line: dict[str, Any]) -> None:
        """An epoch is finished; `line` is its object of metrics.jsonl."""
        if self._bar:
            return
        done = line["update"] - self._start
        left = (self._spec.updates - line["update"]) * (time.monotonic() - self._started) / done
        say(
            f"epoch {line['epoch']}/{self._spec.max_epoch}, update {line['update']}: "
            f"{_tell_losses(line)}, {', '.join(_tell_information(line, self._spec))}, "
            f"{line['speed/images_per_second']:.0f} images/s, {left / 60:.0f} min left"
        )

    def close(self) -> None:
        """Leaves the terminal as it was."""
        if self._bar:
            with contextlib.suppress(OSError):
                self._bar.finish(dirty=True)
            self._bar = None


class _State(progressbar.widgets.AutoWidthWidgetBase):
    """How far a run is and what it does, in as much of it as a line of the terminal holds; a bar fills the rest."""

    copy = False  # else the bar shows a copy of it, which nobody tells anything

    def __init__(self, update: int, spec: ExperimentSpec) -> None:
        super().__init__()
        self._spec, self._update = spec, update
        self._quantities: Mapping[str, float] = {}
        self._clock, self._calls, self._seconds = time.monotonic(), 0, 0.0

    def note(self, update: int, quantities: Mapping[str, float]) -> None:
        now = time.monotonic()
        seconds = (now - self._clock) / max(1, update - self._update)
        self._clock, self._update, self._quantities = now, update, quantities
        self._calls += 1
        if self._calls > 1:  # the first call takes seconds longer
            self._seconds += (seconds - self._seconds) * max(0.02, 1 / (self._calls - 1))

    def __call__(self, progress: Any, data: Any, width: int = 0, *arguments: Any) -> str:
        text, *others = self._parts()
        for part in others:
            if len(text) + 2 + len(part) <= width:
                text += f", {part}"
        room = width - len(text) - len(" ||")
        if room >= FEWEST_COLUMNS:
            text += f" |{'#' * (room * self._update // self._spec.updates):{room}}|"
        return text[:width]

    def _parts(self) -> Iterable[str]:
        """What there is to say, the most important first."""
        spec = self._spec
        yield f"update {self._update:,}/{spec.updates:,}"
        if self._seconds:
            yield f"{datetime.timedelta(seconds=round((spec.updates - self._update) * self._seconds))} left"
        if self._quantities:
            yield _tell_losses(self._quantities)
        if self._seconds:
            yield f"{spec.batch_size / self._seconds:.0f} images/s"
        if self._quantities:
            yield from _tell_information(self._quantities, spec)


def _tell_losses(quantities: Mapping[str, float]) -> str:
    return f"D {quantities['loss/discriminator']:.3f}, G {quantities['loss/generator']:.3f}"


def _tell_information(quantities: Mapping[str, float], spec: ExperimentSpec) -> list[str]:
    return [f"L_I {code.name} {quantities[f'mi/{code.name}']:.2f}" for code in spec.codes]
