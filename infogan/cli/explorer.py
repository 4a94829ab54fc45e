"""What the page shows, as values: pictures of codes, films, links, and what Q and D make of an uploaded picture."""

import logging
import math
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from infogan import grids
from infogan.codes import (
    FILM_VALUES,
    CodeDescription,
    describe_values,
    film_order,
    find_code,
    frame_milliseconds,
    place_values,
    usual_values,
)
from infogan.data.archives import UnreadableFile
from infogan.data.picture_files import Preparation, decode_picture, quiet_pillow
from infogan.latents import Latent, latent_slices
from infogan.run import TrainedRun
from infogan.system.checks import SEED, Kind, choice, number, quote, whole
from infogan.system.messages import InputError

ROWS, COLUMNS = 4, 8
FILM_ROWS, FILM_COLUMNS = 2, 4
CANDIDATES = 300
"""Draws of noise among which the one closest to an uploaded picture is sought; G has no inverse."""
MORPH_FRAMES, MORPH_MILLISECONDS = 24, 80
KEYS = "seed", "sweep"
"""What a link calls the seed of the noise and the code of the sweep, beside the codes by their names."""

Settings = Sequence[float | None]


class Point(NamedTuple):
    """What the page shows at a time: a morph goes from one to another.

    Attributes:
      settings: as of `Explorer`.
      seed: of the noise.
      noise: float array [dim], that of an uploaded picture, which then counts in place of the seed; or None.
    """

    settings: Settings
    seed: int
    noise: np.ndarray | None = None


class Explorer:
    """Pictures of a trained run.

    Settings of the page are the value of each code, as `generate` takes it, in the spec's order; None is none.
    """

    def __init__(self, run: TrainedRun) -> None:
        self.run = run
        self.codes = run.spec.codes
        self.has_noise = len(run.spec.codes) < len(run.spec.latent_spec)
        names = {code.name for code in self.codes}
        self._seed_key, self._sweep_key = (f".{key}" if key in names else key for key in KEYS)  # no name has a dot

    def start(self, code: Latent) -> float:
        """The setting with which a control begins."""
        if code.distribution.is_discrete:
            return 0
        return float(np.mean(self.run.spec.sweep_ends(code)))

    def draw(self, settings: Settings, seed: int) -> np.ndarray:
        """A grid of images that differ in noise alone: float32 [ROWS, COLUMNS, H, W, C]; one image without noise."""
        rows, columns = self._shape(ROWS, COLUMNS)
        images = self.run.generate(self._values(settings), seed=seed, count=rows * columns)
        return images.reshape(rows, columns, *images.shape[1:])

    def draw_again(self, settings: Settings, noise: np.ndarray) -> np.ndarray:
        """The one image of these codes and a noise that `recognise` found: float32 [1, 1, H, W, C]."""
        return self.run.generate(self._values(settings), noise=noise)[None]

    def film(self, name: str, settings: Settings, seed: int) -> bytes:
        """The sweep of a code, all else as set: a GIF."""
        code = find_code(self.run.spec, name)
        values = usual_values(code, FILM_VALUES, self.run.spec.sweep_limit)
        values = values[film_order(code, values)]
        base = self._latents_of(Point(settings, seed))
        latents = np.stack([place_values(self.run.spec, base, {name: value}) for value in values])
        return self._encode_film(latents, frame_milliseconds(code))

    def morph(self, start: Point, end: Point) -> bytes:
        """The way from one Point to another and back, a GIF: latents move on straight lines, angles the shorter way."""
        first, last = map(self._latents_of, (start, end))
        change = last - first  # [images, dim]
        places = latent_slices(self.run.spec.latent_spec)
        for code in self.codes:
            if code.distribution.kind == "circular":
                change[:, places[code.name]] = (change[:, places[code.name]] + 1.0) % 2.0 - 1.0
        shares = np.linspace(0.0, 1.0, MORPH_FRAMES)
        shares = np.concatenate([shares, shares[-2:0:-1]])
        return self._encode_film(first + shares[:, None, None] * change, MORPH_MILLISECONDS)

    def _latents_of(self, point):
        """Latents [images, dim] of a film's first picture: one of an uploaded picture, else FILM_ROWS rows."""
        if point.noise is not None:
            return self.run.latents(self._values(point.settings), noise=point.noise)
        return self.run.latents(
            self._values(point.settings), seed=point.seed, count=math.prod(self._shape(FILM_ROWS, FILM_COLUMNS))
        )

    def _encode_film(self, latents, milliseconds):
        """Of latents [frames, images, dim], a film."""
        rows, scale = (1, 6) if latents.shape[1] == 1 else (FILM_ROWS, 3)
        images = self.run.generate_from(latents.reshape(len(latents), rows, -1, latents.shape[-1]))
        return grids.encode_gif([grids.tile(frame) for frame in images], milliseconds, scale)

    def write_link(self, settings: Settings, seed: int, swept: str) -> str:
        """The query string that `read_link` takes."""
        values = {code.name: f"{value:g}" for code, value in zip(self.codes, settings) if value is not None}
        return "?" + urllib.parse.urlencode({**values, self._seed_key: seed, self._sweep_key: swept})

    def read_link(self, query: Mapping[str, str]) -> tuple[list[float], int, str]:
        """The settings, the seed and the code of the sweep of a query string; what it leaves out is as at first.

        Args:
          query: dict of name -> text. Names that begin with __ are Gradio's own.

        Raises:
          InputError: if it names what is no setting, or a value that the setting does not have.
        """
        kinds: dict[str, Kind] = {self._seed_key: SEED, self._sweep_key: choice([code.name for code in self.codes])}
        kinds |= {code.name: self._kind_of(code) for code in self.codes}
        values: dict[str, Any] = {self._seed_key: 0, self._sweep_key: self.codes[-1].name}
        values |= {code.name: self.start(code) for code in self.codes}
        for name, text in query.items():
            if name.startswith("__"):
                continue
            if name not in kinds:
                raise InputError("link", f"{quote(name)} was given, but the settings are {', '.join(kinds)}.")
            try:
                value = kinds[name].from_text(text)
            except ValueError:
                value = text
            values[name] = kinds[name].check(f"link, {name}", value)
        return [values[code.name] for code in self.codes], values[self._seed_key], values[self._sweep_key]

    def _kind_of(self, code):
        count = code.distribution.number_of_values
        return number(*self.run.spec.sweep_ends(code)) if count is None else whole(0, count - 1)

    def translate(self, settings: Settings, other: "Explorer") -> list[float | None]:
        """These settings for another run: a category becomes that of the same class, where both runs know classes."""
        translated = []
        for code, value in zip(self.codes, settings):
            mine, theirs = self.run.codes[code.name], other.run.codes[code.name]
            if value is not None and mine.is_matched and theirs.is_matched and mine.labels[int(value)] in theirs.labels:
                value = theirs.labels.index(mine.labels[int(value)])
            translated.append(value)
        return translated

    def recognise(self, image: np.ndarray) -> tuple[list[float], np.ndarray, list[str]]:
        """What Q and D make of a picture.

        Args:
          image: uint8 array [H, W, C], as `read_picture` gives it.

        Returns:
          settings: Q's most probable value of each code.
          noise: float32 [dim], of CANDIDATES draws the one whose image with these codes is closest.
          facts: lines for people.
        """
        posterior = self.run.encode(image[None])
        real = float(self.run.discriminate(image[None])[0])
        settings = [self._most_probable(code, posterior[code.name]) for code in self.codes]
        latents = self.run.latents(self._values(settings), count=CANDIDATES)
        distances = np.square(self.run.generate_from(latents) - image / 255.0).sum(axis=(1, 2, 3))
        facts = [f"D takes it for real with {100 * real:.0f} %"]
        facts += [self._describe(code, posterior[code.name]) for code in self.codes]
        return settings, self._noise_of(latents[distances.argmin()]), facts

    def _shape(self, rows, columns):
        """(rows, columns) of a grid whose images differ in noise alone; without noise there is but one."""
        return (rows, columns) if self.has_noise else (1, 1)

    def _values(self, settings):
        for code, setting in zip(self.codes, settings):
            if setting is None:
                raise InputError(code.name, "nothing was chosen, but it needs a value.")
        return {code.name: setting for code, setting in zip(self.codes, settings)}

    def _most_probable(self, code, info):
        (value,) = code.distribution.read(info)
        if code.distribution.is_discrete:
            return int(value)
        return round(float(np.clip(value, *self.run.spec.sweep_ends(code))), 2)

    def _describe(self, code, info):
        if code.distribution.is_discrete:
            (probabilities,) = code.distribution.probabilities(info)
            likely, labels = np.argsort(-probabilities)[:3], self.run.codes[code.name].labels
            return f"{code.name}: " + ", ".join(f"{labels[i]} with {100 * probabilities[i]:.1f} %" for i in likely)
        numbers = (f"{key} {', '.join(f'{x:.2f}' for x in info[key][0])}" for key in code.distribution.dist_info_keys)
        return f"{code.name}: " + ", ".join(numbers)

    def _noise_of(self, latents):
        places = latent_slices(self.run.spec.latent_spec)
        return np.concatenate([latents[:0], *(latents[places[each.name]] for each in self.run.spec.noise)])


def check_comparable(run: TrainedRun, other: TrainedRun) -> None:
    """Refuses to compare runs that the same controls cannot move.

    Raises:
      InputError: if their codes, or the values of these, differ.
    """
    theirs, mine = (
        ", ".join(f"{code.name} ({describe_values(code, *each.spec.sweep_ends(code))})" for code in each.spec.codes)
        for each in (other, run)
    )
    if theirs != mine:
        raise InputError(
            "--compare",
            f"the codes of {other.folder.name} are {theirs}, but those of {run.folder.name} are {mine}. Give a run of "
            "the same codes.",
        )


def choices(code: Latent, description: CodeDescription) -> list[tuple[str, int]]:
    """Labels and settings of a discrete code's buttons, by class: (label, number of the value)."""
    labels = description.labels if description.is_matched else map(str, range(code.distribution.number_of_values or 0))
    # Classes are numbers; "no class" comes last.
    return sorted(((label, value) for value, label in enumerate(labels)), key=lambda button: _class_of(button[0]))


def _class_of(label):
    return int(label) if label.isdecimal() else math.inf


@quiet_pillow()
def read_picture(content: bytes, image_shape: tuple[int, int, int], is_inverted: bool = False) -> np.ndarray:
    """An uploaded file as the model sees it, prepared as training images are: its middle, in the model's size.

    Args:
      content: a PNG, JPEG, GIF, BMP or WebP file.
      image_shape: (H, W, C), C being 1 or 3.
      is_inverted: True turns dark into light, as for ink on paper.

    Returns:
      uint8 array [H, W, C].

    Raises:
      InputError: if it is no such file, or too large.
    """
    height, width, channels = image_shape
    try:
        image = decode_picture(content, Preparation((height, width), channels))
    except UnreadableFile as error:
        needed = "a PNG, JPEG, GIF, BMP or WebP is needed"
        raise InputError("picture", f"the file cannot be read ({error}), but {needed}.") from error
    return 255 - image if is_inverted else image


def note_malformed(error: Exception) -> None:
    """One line on the terminal: without the error's text, which is the visitor's, and without its trace."""
    logging.getLogger("infogan").warning("a request was not understood (%s)", type(error).__name__)
