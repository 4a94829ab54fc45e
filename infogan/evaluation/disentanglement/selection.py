"""Choosing a run without labels: ModelCentrality (Lin et al. 2020) and UDR (Duan et al. 2020).

Both say how much a run agrees with the others. Runs that disentangle the factors of a set find the same ones, up to
their order and sign; runs that entangle them do so each in a way of its own.

**ModelCentrality**. G of run j makes groups of images in which one code is held fixed: all have the value that one draw
of the prior gave it, while the noise and the other codes are drawn for each image. Q of run i reads the images. The
code that varies least in a group, for its variance over free images, votes for the code that was held fixed:

    S_ij = share of votes that are right, where each code of i stands for the code of j that it voted for most
    B = (S + S^T) / 2,    score_i = mean of B_ij over j != i

The variance of a code is a sum over its columns (`sample.Codes`), so it has a meaning for every kind:

    continuous          the variance of Q's mean
    circular            1 - R^2 of Q's mean angles, R the length of their mean direction
    categorical, binary the sum over categories of the variance of their probability; where Q is sure, the chance that
                        two images are of different categories

**UDR**. R_ab is the strength with which code a of run i goes with code b of run j, over real images:

    udr_ij = mean over both axes of max(R)^2 / sum(R),    score_i = median of udr_ij over j != i

Of two numbers R is |Spearman|. Of other kinds it is the root mean square of the canonical correlations between what
stands for the codes: ranks of a number, cosine and sine of an angle, an indicator of each likeliest category. Of two
numbers that is |Spearman| again, of two categorical codes Cramer's V.

DEVIATION: UDR leaves out codes whose posterior is near the prior (KL of a VAE). Q has none; codes are left out whose
Q deviates less than LEAST_DEVIATION over the images.
DEVIATION: ModelCentrality's authors take variances from 73,728 free images; here there are 10,000.
"""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from infogan.data.lazy_images import Images
from infogan.evaluation.disentanglement.sample import ENCODED_AT_ONCE, Codes, Encoder, join_codes
from infogan.evaluation.disentanglement.votes import find_steadiest
from infogan.system.checks import LARGEST_SEED
from infogan.system.messages import InputError, show_progress

DRAWS = 20203
"""Names the stream of random numbers that draws images."""
LEAST_DEVIATION = 0.05
"""Of a code that UDR looks at; FactorVAE of `dlib` leaves out codes that deviate less, too."""
FREE = -1
"""In place of the number of a code: none is held fixed."""
ROUNDING = 9
"""Decimals of a score that decide: the order of a sum must not."""


@dataclasses.dataclass(frozen=True)
class Amounts:
    """How many images are compared: more is more exact, and slower.

    Attributes:
      groups: groups of images in which each code is held fixed.
      size: images in a group.
      free: images with no code held fixed, for the variances.
      real: images of the data set, for UDR.
    """

    groups: int = 100
    size: int = 100
    free: int = 10_000
    real: int = 10_000


FULL, FAST = Amounts(), Amounts(groups=20, size=50, free=1_000, real=2_000)


class Model(NamedTuple):
    """A run as functions of images.

    Attributes:
      name: what to call it.
      codes: how many codes it has.
      draw: function of an int array [groups], the code that each group holds fixed or FREE, of the number of images in
        a group and of a seed; it gives uint8 [groups * size, H, W, C], one group after another.
      encode: Q, a function of such images.
    """

    name: str
    codes: int
    draw: Callable[[np.ndarray, int, int], np.ndarray]
    encode: Encoder


class Ranking(NamedTuple):
    """What one score says of the runs.

    Attributes:
      matrix: float array [runs, runs], symmetric: how much two of them agree, on the diagonal each with itself.
      scores: float array [runs].
      order: int array [runs], the best first. Of equal ones that is better which agrees more with itself.
    """

    matrix: np.ndarray
    scores: np.ndarray
    order: np.ndarray

    @property
    def ties(self) -> int:
        """How many runs have the score of the best one."""
        return int((self.scores.round(ROUNDING) == self.scores[self.order[0]].round(ROUNDING)).sum()) - 1


class Selection(NamedTuple):
    """What `select` finds.

    Attributes:
      votes: float array [runs, runs], S: a row for each encoder, a column for each generator.
      rankings: dict of score -> Ranking, "ModelCentrality" first.
    """

    votes: np.ndarray
    rankings: dict[str, Ranking]


def select(models: Sequence[Model], images: Images, amounts: Amounts = FULL, seed: int = 0) -> Selection:
    """Ranks models by their agreement with each other; no label is used.

    Args:
      models: at least two. Two always have the same score; it then decides which one agrees more with itself.
      images: uint8 [N, H, W, C] of the data set, of which some are drawn for UDR.
      amounts: how many images are compared, FULL or FAST.
      seed: of all that is drawn; every model makes images of the same latents.

    Raises:
      InputError: naming the model, if its codes are no finite numbers.
    """
    votes = find_votes(models, amounts, seed)
    agreement = find_udr(_encode_real(models, images, amounts, seed))
    centrality = rank((votes + votes.T) / 2.0, np.mean)
    return Selection(votes, {"ModelCentrality": centrality, "UDR": rank(agreement, np.median)})


def rank(matrix: np.ndarray, average: Callable[..., np.ndarray]) -> Ranking:
    """The Ranking by the average, `np.mean` or `np.median`, of each row of a matrix without the diagonal."""
    count = len(matrix)
    others = matrix[~np.eye(count, dtype=bool)].reshape(count, count - 1)
    scores = average(others, axis=1)
    order = np.lexsort((-np.diag(matrix).round(ROUNDING), -scores.round(ROUNDING)))
    return Ranking(matrix, scores, order)


def find_votes(models: Sequence[Model], amounts: Amounts, seed: int = 0) -> np.ndarray:
    """S: how well each model's encoder tells which code each model held fixed; float array [encoders, generators]."""
    images = sum(amounts.free + model.codes * amounts.groups * amounts.size for model in models)
    votes = np.zeros((len(models), len(models)))
    with show_progress(f"each of {len(models)} runs reads the images of all", images * len(models)) as show:
        done = 0

        def encode(reader: Model, seen: np.ndarray) -> Codes:
            nonlocal done
            codes = _encode(reader, seen)
            show(done := done + len(seen))
            return codes

        for column, model in enumerate(models):
            votes[:, column] = _count_right(model, models, amounts, seed, encode)
    return votes


def _count_right(
    model: Model, readers: Sequence[Model], amounts: Amounts, seed: int, encode: Callable[[Model, np.ndarray], Codes]
) -> list[float]:
    """The share of right votes of each reader on the images of one model, which are drawn once and not kept."""
    random = np.random.default_rng([seed, DRAWS])
    free: list[list[Codes]] = [[] for _ in readers]
    for _, images in _draw(model, np.full(amounts.free, FREE), 1, random):
        for parts, reader in zip(free, readers):
            parts.append(encode(reader, images))
    spreads = [codes.sum_by_code(codes.columns.var(axis=0)) for codes in map(join_codes, free)]
    votes = [np.zeros((len(spread), model.codes), np.int64) for spread in spreads]
    for fixed, images in _draw(model, np.arange(model.codes * amounts.groups) % model.codes, amounts.size, random):
        for reader, spread, counted in zip(readers, spreads, votes):
            codes = encode(reader, images)
            columns = codes.columns.reshape(len(fixed), amounts.size, -1)
            steadiest = find_steadiest(codes.sum_by_code(columns.var(axis=1)), spread, spread > 0)
            np.add.at(counted, (steadiest, fixed), 1)
    return [counted.max(axis=1).sum() / counted.sum() for counted in votes]


def _draw(
    model: Model, fixed: np.ndarray, size: int, random: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Groups of a model's images, some at a time: (the code that each holds fixed, the images)."""
    at_once = max(1, ENCODED_AT_ONCE // size)
    for start in range(0, len(fixed), at_once):
        some = fixed[start : start + at_once]
        yield some, model.draw(some, size, int(random.integers(LARGEST_SEED)))


def _encode(model: Model, images: np.ndarray) -> Codes:
    codes = model.encode(images)
    codes = codes if isinstance(codes, Codes) else Codes.of(codes)
    if not (np.isfinite(codes.columns).all() and np.isfinite(codes.values).all()):
        raise InputError(model.name, "its codes hold NaN or infinity, but finite numbers are needed. Leave it out.")
    return codes


def _encode_real(models: Sequence[Model], images: Images, amounts: Amounts, seed: int) -> list[Codes]:
    """The codes of each model on the same images of the data set."""
    places = np.sort(np.random.default_rng([seed, DRAWS]).permutation(len(images))[: amounts.real])
    parts: list[list[Codes]] = [[] for _ in models]
    with show_progress(f"each of {len(models)} runs reads real images", len(places)) as show:
        for start in range(0, len(places), ENCODED_AT_ONCE):
            some = np.asarray(images[places[start : start + ENCODED_AT_ONCE]])
            for read, model in zip(parts, models):
                read.append(_encode(model, some))
            show(start + len(some))
    return [join_codes(read) for read in parts]


def find_udr(encoded: Sequence[Codes]) -> np.ndarray:
    """udr_ij between what several encoders say of the same images: symmetric float array [encoders, encoders]."""
    bases = [_find_bases(codes) for codes in encoded]
    matrix = np.zeros((len(bases), len(bases)))
    for row, first in enumerate(bases):
        for column, second in enumerate(bases[: row + 1]):
            matrix[row, column] = matrix[column, row] = relative_strength(_associate(first, second))
    return matrix


def relative_strength(strengths: np.ndarray) -> float:
    """Mean over both axes of max^2 / sum: 1 where each code goes with one of the other encoder's and no further one.

    Args:
      strengths: float array [codes, codes], not negative; 0 where either encoder has no code.
    """
    if not strengths.size:
        return 0.0
    shares = [
        np.divide(most**2, total, out=np.zeros_like(total), where=total > 0).mean()
        for most, total in ((strengths.max(axis=axis), strengths.sum(axis=axis)) for axis in (0, 1))
    ]
    return float(np.mean(shares))


def _find_bases(codes: Codes) -> list[np.ndarray]:
    """An orthonormal basis [N, rank] of what stands for each code that deviates."""
    deviations = np.sqrt(codes.sum_by_code(codes.columns.var(axis=0)))
    bases = [_find_basis(codes, code) for code, deviates in enumerate(deviations >= LEAST_DEVIATION) if deviates]
    return [basis for basis in bases if basis.shape[1]]  # the likeliest category may be the same for all images


def _find_basis(codes: Codes, code: int) -> np.ndarray:
    columns = codes.columns[:, codes.owners == code]
    if codes.discrete[code]:
        values = codes.values[:, code]
        columns = (values[:, None] == np.unique(values)).astype(np.float64)
    elif columns.shape[1] == 1:
        columns = stats.rankdata(columns, axis=0)
    basis, sizes, _ = np.linalg.svd(columns - columns.mean(axis=0), full_matrices=False)
    return basis[:, sizes > 1e-6 * np.sqrt(len(columns))]


def _associate(first: Sequence[np.ndarray], second: Sequence[np.ndarray]) -> np.ndarray:
    """R: root mean square of the canonical correlations of each pair of codes; float array [codes, codes]."""
    strengths = [
        [np.linalg.norm(one.T @ other) / np.sqrt(min(one.shape[1], other.shape[1])) for other in second]
        for one in first
    ]
    return np.array(strengths, np.float64).reshape(len(first), len(second))
