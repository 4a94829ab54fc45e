"""True factors of a set, such as an azimuth: of what kind each is, and images by its values."""

import dataclasses
import functools
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from infogan.system.checks import choice, instance
from infogan.system.messages import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from infogan.data.arrays import LargeArray
    from infogan.data.dataset import Split

KINDS = ("ordered", "circular", "nominal", "binary")


@dataclasses.dataclass(frozen=True)
class Factor:
    """What varied when the images of a set were made. The set declares its kind; nothing is guessed from the values.

    Attributes:
      values: array [N], a finite number for each image.
      kind: "ordered" for numbers of which more is more; "circular" for an angle that goes all the way around; "nominal"
        for whole numbers that only tell kinds apart; "binary" for 0 and 1.
      period: the full turn of a circular factor in the units of its values, such as 360; None for the other kinds.
    """

    values: np.ndarray
    kind: str
    period: float | None = None

    def __post_init__(self) -> None:
        instance(np.ndarray, "an array of numbers").check("Factor.values", self.values)
        choice(KINDS).check("Factor.kind", self.kind)
        if self.kind == "circular":
            if not isinstance(self.period, int | float) or not 0 < self.period < math.inf:
                raise InputError(
                    "period", f"{self.period!r} was given, but a circular factor needs the length of a full turn."
                )
        elif self.period is not None:
            raise InputError("period", f"{self.period!r} was given, but a factor that is {self.kind} has none.")

    @functools.cached_property
    def numbered(self) -> tuple[np.ndarray, np.ndarray]:
        """(array of the values that occur, from low to high; int array [N], which of these each image has)."""
        return np.unique(self.values, return_inverse=True)

    def select(self, chosen: slice | np.ndarray) -> "Factor":
        """The factor of some of the images: a slice or an array of places."""
        return dataclasses.replace(self, values=self.values[chosen])

    def describe(self) -> str:
        """Its kind, as "circular with period 360"."""
        return self.kind if self.period is None else f"{self.kind} with period {self.period:g}"

    def check(self, name: str, count: int) -> None:
        """Refuses values that are not those of `count` images, or do not suit the kind.

        Raises:
          InputError: naming the factor.
        """
        values = self.values
        if not isinstance(values, np.ndarray) or values.dtype.kind not in "iuf" or values.shape != (count,):
            raise InputError(
                "dataset", f"{name} of {describe_array(values)} was given, but numbers [{count}] are needed."
            )
        if not np.isfinite(values).all():
            raise InputError("dataset", f"{name} holds numbers that are not finite, but one for each image is needed.")
        if self.kind == "nominal" and (values != np.floor(values)).any():
            wrong = values[values != np.floor(values)][0]
            raise InputError("dataset", f"{name} is nominal and holds {wrong:g}, but whole numbers are needed.")
        if self.kind == "binary" and not np.isin(values, (0, 1)).all():
            wrong = values[~np.isin(values, (0, 1))][0]
            raise InputError("dataset", f"{name} is binary and holds {wrong:g}, but only 0 and 1 are allowed.")


def describe_array(values: object) -> str:
    """Shape and type for messages; the type alone of what is no array."""
    if not isinstance(values, np.ndarray):
        return f"type {type(values).__name__}"
    return f"shape {[*values.shape]} and type {values.dtype}"


def join_factors(splits: "Sequence[Split]") -> dict[str, Factor]:
    """The factors of several splits by name, with the values of one split after those of another."""
    first = splits[0].factors
    return {
        name: dataclasses.replace(factor, values=np.concatenate([split.factors[name].values for split in splits]))
        for name, factor in first.items()
    }


def read_table(
    path: "Path", table: "LargeArray | np.ndarray", known: Mapping[str, Factor], count: int, advice: str
) -> dict[str, Factor]:
    """The factors of the images of a file, whose values are the columns of a table in it.

    Args:
      path: the file, for messages.
      table: numbers [N, len(known)].
      known: dict of name -> Factor of all values there are, in the order of the columns.
      count: N, how many images there are.
      advice: what to do about a table that does not suit.

    Raises:
      InputError: naming the file, if the table has another shape or holds other values.
    """
    if table.shape != (count, len(known)) or table.dtype.kind not in "iuf":
        found = f"{table.dtype} {[*table.shape]}"
        raise InputError(path, f"its factors are {found}, but numbers {[count, len(known)]} are needed. {advice}")
    columns = (table if isinstance(table, np.ndarray) else table.read()).T.astype(np.float32)
    for (name, factor), column in zip(known.items(), columns):
        values = np.unique(column)
        if len(wrong := values[~np.isclose(values[:, None], factor.values).any(axis=1)]):
            raise InputError(path, f"its {name} has the value {wrong[0]:g}, but this set has no such value. {advice}")
    return {name: dataclasses.replace(factor, values=column) for (name, factor), column in zip(known.items(), columns)}


class FactorGrid:
    """Images by the values of their factors, in a set that has an image of every combination of these.

        grid = dataset.grid()
        random = np.random.default_rng(0)
        combinations = grid.draw(64, random, {"azimuth": 92})  # azimuth fixed, the other factors drawn
        images = grid.images(combinations, random)
        image = grid.images(grid.find({"azimuth": 92, "elevation": 20, "chair": 3}))

    A combination is a row of level numbers, one for each factor in the order of `levels`.

    Attributes:
      levels: dict of factor name -> array of its values, from low to high.
      sizes: tuple, how many levels each factor has.
    """

    def __init__(self, splits: "Sequence[Split]", source: str) -> None:
        """Looks up which images show which combination; keep the grid, since this takes a second for a large set.

        Args:
          splits: which together hold the combinations.
          source: where they came from, for messages.

        Raises:
          InputError: if there are no factors, or a combination of their values has no image.
        """
        self._splits = splits
        if not all(split.factors for split in splits):
            raise InputError(source, "it has no true factors, but sampling by factor needs them.")
        found = {name: factor.numbered for name, factor in join_factors(splits).items()}
        self.levels = {name: levels for name, (levels, _) in found.items()}
        self.sizes = tuple(len(levels) for levels in self.levels.values())
        numbers = [number for _, number in found.values()]
        self._check_size(len(numbers[0]), source)
        cells = np.ravel_multi_index(numbers, self.sizes)
        self._order = np.argsort(cells, kind="stable")
        self._counts = np.bincount(cells, minlength=math.prod(self.sizes))
        self._starts = np.cumsum(self._counts) - self._counts
        self._check_complete(source)

    def draw(self, count: int, random: np.random.Generator, fixed: Mapping[str, float] | None = None) -> np.ndarray:
        """Combinations, uniformly drawn: int array [count, factors].

        Args:
          count: how many.
          random: draws them.
          fixed: factor name -> its value in all of them; None draws every factor.

        Raises:
          InputError: if a factor has no such value.
        """
        drawn = random.integers(0, self.sizes, (count, len(self.sizes)))
        for name, value in (fixed or {}).items():
            column, level = self._locate(name, value)
            drawn[:, column] = level
        return drawn

    def find(self, values: Mapping[str, ArrayLike]) -> np.ndarray:
        """The combination of given values: int array [1, factors], or [N, factors] for arrays of values.

        Args:
          values: factor name -> a value or an array [N], for every factor.

        Raises:
          InputError: if a factor is missing or has no such value.
        """
        for name in self.levels:
            if name not in values:
                raise InputError("factors", f"no {name} was given, but each of {', '.join(self.levels)} is needed.")
        columns = dict(self._locate(name, value) for name, value in values.items())
        return np.stack(np.broadcast_arrays(*(columns[i] for i in sorted(columns))), axis=1)

    def places(self, combinations: ArrayLike, random: np.random.Generator | None = None) -> np.ndarray:
        """Which image shows each combination: int array [N], counted through the splits, training images first.

        Args:
          combinations: int array [N, factors] of level numbers.
          random: chooses among several images of a combination; None takes the first.

        Raises:
          InputError: if a number is none of a level.
        """
        try:
            cells = np.ravel_multi_index(np.asarray(combinations).T, self.sizes)
        except (TypeError, ValueError) as error:
            needed = f"rows of level numbers below {self.sizes} are needed"
            raise InputError("combinations", f"they cannot be used ({error}), but {needed}.") from error
        among = 0 if random is None else random.integers(0, self._counts[cells])
        return self._order[self._starts[cells] + among]

    def images(self, combinations: ArrayLike, random: np.random.Generator | None = None) -> np.ndarray:
        """The images at `places`: uint8 array [N, H, W, C]."""
        places = self.places(combinations, random)
        images = np.empty((len(places), *self._splits[0].images.shape[1:]), np.uint8)
        start = 0
        for split in self._splits:
            inside = (places >= start) & (places < start + len(split))
            images[inside] = split.images[places[inside] - start]
            start += len(split)
        return images

    def _locate(self, name, values):
        """Which factor it is, and the level numbers of its values: (int, int array [N])."""
        if name not in self.levels:
            raise InputError("factors", f"{name!r} was given, but the factors are {', '.join(self.levels)}.")
        levels = self.levels[name].astype(float)
        try:
            values = np.atleast_1d(values).astype(float)
        except (TypeError, ValueError) as error:
            raise InputError("factors", f"{name} {values!r} was given, but a number is needed.") from error
        nearest = np.searchsorted((levels[1:] + levels[:-1]) / 2, values)
        # Factors are float32, in which 0.7 is not Python's 0.7.
        if not (close := np.isclose(levels[nearest], values)).all():
            known = ", ".join(f"{level:g}" for level in levels[:10]) + (", ..." if len(levels) > 10 else "")
            raise InputError("factors", f"{name} {values[~close][0]:g} was given, but it has the values {known}.")
        return list(self.levels).index(name), nearest

    def _check_size(self, count, source):
        if math.prod(self.sizes) > count:
            raise self._incomplete(source, f"there are {count:,} images")

    def _check_complete(self, source):
        if missing := int((self._counts == 0).sum()):
            raise self._incomplete(source, f"{missing:,} combinations have no image")

    def _incomplete(self, source, problem):
        sizes = " x ".join(f"{size:,} {name}" for name, size in list(zip(self.levels, self.sizes))[:6])
        sizes += " x ..." if len(self.sizes) > 6 else ""
        return InputError(
            source,
            f"its factors have {sizes} values, but {problem}. Sampling by factor needs an image of every combination.",
        )
