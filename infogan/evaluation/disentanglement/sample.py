"""What scores are computed from: images of a set, drawn at random and encoded once, with their true factors."""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from infogan.data.dataset import Dataset, Split
from infogan.data.factors import Factor, join_factors
from infogan.system.checks import LARGEST_NUMBER
from infogan.system.messages import InputError, show_progress

ENCODED_AT_ONCE = 2000
DRAWS = 20201
"""Names the stream of random numbers that draws images."""
MOST_VALUES = 200
"""Of a factor: a classifier of more kinds takes hours."""
LEAST_EACH = 10
"""Images that share a value of a factor, in the mean; with fewer, groups of images that share it say little."""
FEWEST_FACTORS = 2
"""A single factor has nothing to be told apart from."""


@dataclasses.dataclass(frozen=True)
class Codes:
    """What an encoder says of some images, in two forms.

    Scores that look at one code at a time (MIG, modularity, SAP, IRS, InfoM, InfoC) take `values`. Scores that compare
    numbers, or predict from all of them (FactorVAE, BetaVAE, DCI, explicitness, InfoE), take `columns`, in which an
    angle has no end and categories no order.

    Attributes:
      values: float64 array [N, codes]: a mean, an angle, or the number of the likeliest category.
      columns: float64 array [N, columns]: a mean, cosine and sine, or the probability of each category.
      owners: int array [columns], rising: the code that each column belongs to.
      discrete: bool array [codes]: whether the values of a code are numbers of categories.
    """

    values: np.ndarray
    columns: np.ndarray
    owners: np.ndarray
    discrete: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray) -> "Codes":
        """Those of an encoder whose codes are plain numbers: an array [N, codes]."""
        values = np.asarray(values, np.float64)
        if values.ndim != 2 or 0 in values.shape:
            raise InputError("codes", f"an array of shape {[*values.shape]} was given, but [N, codes] is needed.")
        return cls(values, values, np.arange(values.shape[1]), np.zeros(values.shape[1], bool))

    def __len__(self) -> int:
        return len(self.values)

    @property
    def count(self) -> int:
        """How many codes there are."""
        return self.values.shape[1]

    @functools.cached_property
    def standardised(self) -> np.ndarray:
        """The columns with mean 0 and deviation 1, without those that are constant: [N, at most columns]."""
        deviation = self.columns.std(axis=0)
        varies = deviation > 0
        return (self.columns[:, varies] - self.columns[:, varies].mean(axis=0)) / deviation[varies]

    @property
    def standardised_owners(self) -> np.ndarray:
        """The owners of the columns of `standardised`."""
        return self.owners[self.columns.std(axis=0) > 0]

    def sum_by_code(self, of_columns: np.ndarray) -> np.ndarray:
        """Sums numbers [..., columns] over the columns of each code: [..., codes]."""
        return np.add.reduceat(of_columns, np.searchsorted(self.owners, np.arange(self.count)), axis=-1)

    def select(self, places: np.ndarray) -> "Codes":
        """Those of some of the images."""
        return dataclasses.replace(self, values=self.values[places], columns=self.columns[places])


Encoder = Callable[[np.ndarray], "np.ndarray | Codes"]
"""A function of images, uint8 [N, H, W, C], that gives an array [N, codes] or `Codes`."""


class Sample:
    """Encoded images and the values of their factors; it draws groups of images that share the value of a factor.

    Attributes:
      codes: Codes of N images.
      factors: dict of name -> Factor of these images, those that vary.
      levels: int array [N, factors], which of its values each factor has.

    Raises:
      InputError: if there are codes that are no finite numbers, or beyond LARGEST_NUMBER, or factors of other images,
        or too few images.
    """

    def __init__(self, codes: "Codes | np.ndarray", factors: Mapping[str, Factor]) -> None:
        self.codes = codes if isinstance(codes, Codes) else Codes.of(codes)
        _check_codes(self.codes)
        for name, factor in factors.items():
            _check_factor(name, factor, len(self.codes))
        self.factors = {name: factor for name, factor in factors.items() if np.ptp(factor.values) > 0}
        if len(self.factors) < FEWEST_FACTORS:
            raise InputError(
                "factors",
                f"{len(self.factors)} of them vary, but disentanglement needs at least {FEWEST_FACTORS}. Give more.",
            )
        for name, reason in find_unsuitable(self.factors).items():
            raise InputError("factors", f"{name} has {reason}. Leave it out, round it or give more images.")
        self.levels = np.stack([factor.numbered[1] for factor in self.factors.values()], axis=1)

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many values each factor has."""
        return tuple(len(factor.numbered[0]) for factor in self.factors.values())

    def select(self, places: np.ndarray) -> "Sample":
        """Some of the images, as a sample of their own."""
        part = object.__new__(Sample)  # what was checked of all images need not hold of a part
        part.codes, part.levels = self.codes.select(places), self.levels[places]
        part.factors = {name: factor.select(places) for name, factor in self.factors.items()}
        return part

    def divide(self, first: int, second: int, random: np.random.Generator) -> "tuple[Sample, Sample]":
        """Two samples of these images, which share none; smaller ones, in the same proportion, where these are few."""
        share = min(1.0, len(self) / (first + second))
        first, second = int(share * first), int(share * second)
        places = random.permutation(len(self))[: first + second]
        return self.select(places[:first]), self.select(places[first:])

    def draw_alike(self, factor: int, levels: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Images with given values of a factor.

        Args:
          factor: its number.
          levels: int array of any shape, numbers of its values.
          random: draws them.

        Returns:
          int array of the same shape: places of images.
        """
        order, starts, counts = self._found[factor]
        return order[starts[levels] + random.integers(0, counts[levels])]

    @functools.cached_property
    def _found(self) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """For each factor the images in the order of its values, where each value begins, and how many have it."""
        found = []
        for numbers in self.levels.T:
            counts = np.bincount(numbers)
            found.append((np.argsort(numbers, kind="stable"), np.cumsum(counts) - counts, counts))
        return found


def _check_codes(codes: Codes) -> None:
    for array in (codes.values, codes.columns):
        if wrong := int((~(np.abs(array) <= LARGEST_NUMBER)).any(axis=1).sum()):  # not: NaN
            given = f"{wrong:,} of {len(array):,} rows hold NaN, infinity or a number beyond {LARGEST_NUMBER:g}"
            raise InputError("codes", f"{given}, but finite numbers within that are needed.")


def _check_factor(name: str, factor: Factor, count: int) -> None:
    if factor.values.shape != (count,):
        given = f"{name} has values of shape {[*factor.values.shape]}"
        raise InputError(
            "factors", f"{given}, but there are codes of {count:,} images. Give the factors of the same images."
        )
    factor.check(name, count)


def find_unsuitable(factors: Mapping[str, Factor], most: int | None = None) -> dict[str, str]:
    """Factors that cannot be scored: dict of name -> reason, as "40 values in 300 images, but ...".

    Args:
      factors: dict of name -> Factor of some images.
      most: how many of the images are going to be drawn; None for all.
    """
    reasons = {}
    for name, factor in factors.items():
        values, images = len(factor.numbered[0]), min(len(factor.values), most or len(factor.values))
        if values > MOST_VALUES:
            reasons[name] = f"{values:,} values, but {MOST_VALUES} are the most that are told apart"
        elif images < LEAST_EACH * values:
            reasons[name] = f"{values:,} values in {images:,} images, but {LEAST_EACH} images per value are needed"
    return reasons


def list_splits(dataset: Dataset) -> list[Split]:
    """The splits of a set that have factors, with the images that training leaves out."""
    whole = dataset.complete or dataset
    return [split for split in (whole.train, whole.test) if split.factors]


def draw_sample(encode: Encoder, dataset: Dataset, count: int, seed: int = 0, left_out: Sequence[str] = ()) -> Sample:
    """Draws images of a set, all alike likely, and encodes each once.

    Args:
      encode: the encoder.
      dataset: Dataset; all its images are drawn from, those included that training leaves out.
      count: how many images; all, where the set has no more.
      seed: of the choice: with the same one, encoders are compared on the same images.
      left_out: names of factors that are not scored.

    Raises:
      InputError: as `Sample`, or if the set has no factors, or the encoder gives another number of codes than there are
        images.
    """
    if not (splits := list_splits(dataset)):
        raise InputError(dataset.source, "it has no true factors, but disentanglement needs them.")
    ends = np.cumsum([len(split) for split in splits])
    # The stream is no other's: `hold_out` shuffles a set, and the same permutation would undo that.
    places = np.sort(np.random.default_rng([seed, DRAWS]).permutation(ends[-1])[:count])
    parts = []
    with show_progress("encoding images", len(places)) as show:
        for split, start in zip(splits, ends - [len(split) for split in splits]):
            own = places[(places >= start) & (places < start + len(split))] - start
            for first in range(0, len(own), ENCODED_AT_ONCE):
                parts.append(_encode(encode, split.images[own[first : first + ENCODED_AT_ONCE]]))
                show(sum(map(len, parts)))
    factors = {name: factor for name, factor in join_factors(splits).items() if name not in left_out}
    return Sample(join_codes(parts), {name: factor.select(places) for name, factor in factors.items()})


def _encode(encode: Encoder, images: np.ndarray) -> Codes:
    codes = encode(images)
    codes = codes if isinstance(codes, Codes) else Codes.of(codes)
    if len(codes) != len(images):
        raise InputError("encoder", f"it gave {len(codes):,} rows for {len(images):,} images. One each is needed.")
    return codes


def join_codes(parts: Sequence[Codes]) -> Codes:
    """The codes of several batches of images, one after another."""
    values, columns = (np.concatenate([getattr(part, name) for part in parts]) for name in ("values", "columns"))
    return dataclasses.replace(parts[0], values=values, columns=columns)
