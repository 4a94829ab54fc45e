"""FactorVAE (Kim and Mnih 2018) and BetaVAE (Higgins et al. 2017): which factor was held equal in a group of images?"""

from collections.abc import Iterator

import numpy as np
from sklearn.linear_model import LogisticRegression

from infogan.evaluation.disentanglement.sample import Sample

GROUPS_AT_ONCE = 500


def draw_groups(
    sample: Sample, count: int, size: int, random: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Groups of images that share the value of a factor; the factors take turns.

    Yields:
      (int array [groups], the factor that each shares; int array [groups, size], places of its images), some groups at
      a time.
    """
    for start in range(0, count, GROUPS_AT_ONCE):
        fixed = np.arange(start, min(start + GROUPS_AT_ONCE, count)) % len(sample.factors)
        shown = sample.levels[random.integers(0, len(sample), len(fixed)), fixed]
        yield fixed, _draw(sample, fixed, np.repeat(shown[:, None], size, axis=1), random)


def draw_pairs(
    sample: Sample, count: int, size: int, random: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """As `draw_groups`, but in a group only the two images of each pair share a value.

    Yields:
      (int array [groups], int arrays [groups, size] of the first and of the second images).
    """
    for start in range(0, count, GROUPS_AT_ONCE):
        fixed = np.arange(start, min(start + GROUPS_AT_ONCE, count)) % len(sample.factors)
        first = random.integers(0, len(sample), (len(fixed), size))
        yield fixed, first, _draw(sample, fixed, sample.levels[first, fixed[:, None]], random)


def _draw(sample: Sample, fixed: np.ndarray, levels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Images [groups, size] with given values [groups, size] of the factor of each group."""
    places = np.empty(levels.shape, np.intp)
    for factor in np.unique(fixed):
        rows = fixed == factor
        places[rows] = sample.draw_alike(factor, levels[rows], random)
    return places


def count_votes(sample: Sample, count: int, size: int, active: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Votes of groups: the code that varies least in a group, for its size, votes for the factor the group shares.

    Args:
      sample: Sample.
      count: how many groups there are.
      size: how many images are in each.
      active: bool array [codes]: those that may vote.
      random: draws the groups.

    Returns:
      int array [codes, factors]. The variance of a code of several columns is their sum.
    """
    codes = sample.codes
    spread = codes.sum_by_code(codes.columns.var(axis=0))
    votes = np.zeros((codes.count, len(sample.factors)), np.int64)
    for fixed, places in draw_groups(sample, count, size, random):
        of_group = codes.sum_by_code(codes.columns[places].var(axis=1))
        np.add.at(votes, (find_steadiest(of_group, spread, active), fixed), 1)
    return votes


def find_steadiest(variances: np.ndarray, spread: np.ndarray, active: np.ndarray) -> np.ndarray:
    """The code that varies least in each group, for its size: int array [groups].

    Args:
      variances: float array [groups, codes], within each group.
      spread: float array [codes], over all images.
      active: bool array [codes]: those that may vote.
    """
    share = np.divide(variances, spread, out=np.full_like(variances, np.inf), where=active)
    return share.argmin(axis=1)


def factor_vae(
    sample: Sample, votes: int, test_votes: int, size: int, least_deviation: float, random: np.random.Generator
) -> float:
    """Share of the votes that are right where each code stands for the factor that it voted for most.

    Args:
      sample: Sample.
      votes: groups by which codes are told what they stand for.
      test_votes: further groups, on which the score is taken; 0 takes it on the same votes.
      size: images in a group.
      least_deviation: codes that deviate less have no vote.
      random: draws the groups.

    Returns:
      float from 0 to 1; 0 where no code may vote.
    """
    deviation = np.sqrt(sample.codes.sum_by_code(sample.codes.columns.var(axis=0)))
    active = (deviation > 0) & (deviation >= least_deviation)
    if not active.any():
        return 0.0
    learned = count_votes(sample, votes, size, active, random)
    tested = count_votes(sample, test_votes, size, active, random) if test_votes else learned
    return float(tested[np.arange(len(tested)), learned.argmax(axis=1)].sum() / tested.sum())


def beta_vae(
    sample: Sample, votes: int, test_votes: int, size: int, one_value: bool, random: np.random.Generator
) -> float:
    """Accuracy with which a linear classifier names the shared factor by the mean |difference| of each code in pairs.

    Args:
      sample: Sample.
      votes: as for `factor_vae`.
      test_votes: as for `factor_vae`.
      size: images in a group if `one_value`, else pairs.
      one_value: whether all images of a group share one value, or the two of each pair theirs.
      random: draws the groups.
    """
    differences = _differ_in_groups if one_value else _differ_in_pairs
    classifier = LogisticRegression()
    fitted = differences(sample, votes, size, random)
    classifier.fit(*fitted)
    return float(classifier.score(*(differences(sample, test_votes, size, random) if test_votes else fitted)))


def _differ_in_groups(sample, count, size, random):
    """(mean |difference| of successive images [groups, columns], the factor of each group)."""
    columns = sample.codes.columns
    found = [
        (np.abs(columns[places[:, 0::2]] - columns[places[:, 1::2]]).mean(axis=1), fixed)
        for fixed, places in draw_groups(sample, count, size, random)
    ]
    return tuple(map(np.concatenate, zip(*found)))


def _differ_in_pairs(sample, count, size, random):
    columns = sample.codes.columns
    found = [
        (np.abs(columns[first] - columns[second]).mean(axis=1), fixed)
        for fixed, first, second in draw_pairs(sample, count, size, random)
    ]
    return tuple(map(np.concatenate, zip(*found)))
