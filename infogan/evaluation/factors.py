"""What the codes know of the true factors of a set: azimuths, lighting, shapes, attributes.

Which code stands for a factor is chosen on one half of the images, and whatever a score fits is fitted there. The score
is taken on the other half.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from scipy import stats
from sklearn.metrics import normalized_mutual_info_score

from infogan.codes import read_values
from infogan.data import Dataset, Factor, Split
from infogan.data.factors import join_factors
from infogan.distributions import DISCRETE, KINDS
from infogan.evaluation.metric import Found, Metric, Settings
from infogan.evaluation.report import format_value
from infogan.run import TrainedRun
from infogan.system.tf1 import derive_seed

DEGREE = 3
"""Of the polynomial in a linear code that is fitted to a circle."""
BINS = 20
"""Into which the values of a continuous code are sorted, as many images in each, to tell kinds apart by them."""
TINY = 1e-12
"""Less is a constant."""
FEWEST_IMAGES = 16
"""With fewer a half, or a half of it, may hold nothing that differs."""
ENOUGH_IMAGES = 1000
"""Of fewer test images, what Q says of true factors differs too much from half to half."""
FEWEST_GROUPS = 4
"""A code is chosen on half of them by fitting to one half of that and scoring on the other."""


def true_factors(run: TrainedRun, dataset: Dataset, settings: Settings) -> Found:
    """The metric: what codes know of the true factors, by the test images, and by all where these are few.

    Factors are no part of training, so training images are as good a measure as any but for Q's having seen them. Where
    a set is split by objects, such as identities or chairs, those that Q has seen have rows of their own.
    """
    train, test = dataset.train, dataset.test
    if _has_objects(train) and _has_objects(test):
        held_out, seen = _measure_splits(run, [test]), _measure_splits(run, [train])
        rows = [dataclasses.replace(row, name=f"{row.name}{SEEN}") for row in seen if isinstance(row, Metric)]
        told = [row for row in held_out if row != HALVES]
        return [*told, *(row for row in rows if row.code is None), _describe_objects(train, test)]
    splits = [test] if test.factors else []
    if train.factors and (not splits or len(test) < ENOUGH_IMAGES):
        splits.append(train)
    return _measure_splits(run, splits) if splits else []


SEEN = ", objects trained on"
HALVES = "The best code for a factor was chosen on one half of the images and scored on the other."


def _has_objects(split: Split) -> bool:
    return bool(split.factors) and len(split) >= FEWEST_IMAGES and _count_objects(split) >= FEWEST_GROUPS


def _count_objects(split: Split) -> int:
    return 0 if split.groups is None else len(np.unique(split.groups))


def _describe_objects(train: Split, test: Split) -> str:
    seen, held_out = map(_count_objects, (train, test))
    return (
        f"True factors are measured on images of {held_out:,} objects that training never saw, and rows that end in "
        f"{SEEN.removeprefix(', ')!r} on those of {seen:,} that it saw. A code is chosen on half of the objects and "
        "scored on the other half."
    )


def _measure_splits(run: TrainedRun, splits: Sequence[Split]) -> list[Metric | str]:
    read = [read_values(run.spec.codes, run.read(split)) for split in splits]
    readings = {
        code.name: Reading(code.distribution.kind, np.concatenate([values[code.name] for values in read]))
        for code in run.spec.codes
    }
    groups = None if splits[0].groups is None else np.concatenate([split.groups for split in splits])
    seed = derive_seed(run.spec.seed, "halves")
    metrics, notes = measure_factors(readings, join_factors(splits), seed, groups)
    return [*metrics, *notes]


@dataclasses.dataclass(frozen=True)
class Reading:
    """What Q read of a code on all images.

    Attributes:
      kind: of `Distribution`.
      values: array [N], as `Distribution.read` gives them.
    """

    kind: str | None
    values: np.ndarray


def split_in_halves(groups: np.ndarray, seed: int, within: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Two bool arrays [N], of which each holds a random half of the groups: no group is in both.

    Args:
      groups: int array [N], of which group each image is; `np.arange(N)` has each image for itself.
      within: bool array [N], the images to be split; None for all.
    """
    within = np.ones(len(groups), bool) if within is None else within
    numbers = np.unique(groups[within])
    chosen = np.random.default_rng(seed).permutation(numbers)[: len(numbers) // 2]
    first = within & np.isin(groups, chosen)
    return first, within & ~first


def compute_correlation(code: Reading, factor: Factor, fitted: np.ndarray, scored: np.ndarray) -> float:
    """|Spearman| of a linear code with an ordered factor; 0 where either is constant. Nothing is fitted."""
    if np.ptp(code.values[scored]) == 0 or np.ptp(factor.values[scored]) == 0:
        return 0.0
    return abs(float(stats.spearmanr(code.values[scored], factor.values[scored]).statistic))


def compute_explained(code: Reading, factor: Factor, fitted: np.ndarray, scored: np.ndarray) -> float:
    """Share of the variance of an ordered factor, or of (cos, sin) of a circular one, that a code explains.

    A linear code explains what a cubic in it predicts, an angle what its cosine and sine do (the circular-linear
    correlation, squared), categories what their means do.

    Args:
      factor: Factor, ordered or circular.
      fitted: bool array [N], the images on which the prediction is fitted.
      scored: bool array [N], those on which it is scored.

    Returns:
      float, at most 1; 0 where the prediction is no better than a constant, below 0 where it is worse.
    """
    target = _locate(factor)
    variance = np.square(target[scored] - target[scored].mean(axis=0)).mean()
    if variance < TINY:
        return 0.0
    predict = _predict_by_category if code.kind in DISCRETE else _predict_by_terms
    residual = np.square(target - predict(code, target, fitted))[scored].mean()
    return float(1.0 - residual / variance)


def _locate(factor: Factor) -> np.ndarray:
    """Where the values of a factor lie: on a line [N, 1], standardised, or on a circle [N, 2]."""
    values = factor.values.astype(np.float64)
    if factor.period is None:  # ordered
        return _standardise(values, np.ones(len(values), bool))[:, None]
    return _place_on_circle(2.0 * np.pi * values / factor.period)


def _place_on_circle(angle: np.ndarray) -> np.ndarray:
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _standardise(values: np.ndarray, among: np.ndarray) -> np.ndarray:
    return (values - values[among].mean()) / max(float(values[among].std()), TINY)


def _predict_by_terms(code: Reading, target: np.ndarray, fitted: np.ndarray) -> np.ndarray:
    """By least squares: from the cosine and sine of an angle, or the powers of a number."""
    values = code.values.astype(np.float64)
    if code.kind == "circular":
        terms = np.column_stack([_place_on_circle(np.pi * values), np.ones(len(values))])
    else:  # standardised: powers of a raw code may differ by many orders
        terms = np.vander(_standardise(values, fitted), DEGREE + 1)
    return terms @ np.linalg.lstsq(terms[fitted], target[fitted], rcond=None)[0]


def _predict_by_category(code: Reading, target: np.ndarray, fitted: np.ndarray) -> np.ndarray:
    """The mean of each category, and of all images for one that was not fitted."""
    counts = np.bincount(code.values[fitted], minlength=code.values.max() + 1)[:, None]
    sums = np.zeros((len(counts), target.shape[1]))
    np.add.at(sums, code.values[fitted], target[fitted])
    return np.where(counts > 0, sums / np.maximum(counts, 1), target[fitted].mean(axis=0))[code.values]


def compute_information(code: Reading, factor: Factor, fitted: np.ndarray, scored: np.ndarray) -> float:
    """Normalised mutual information of categories with a nominal factor; 0 if either is constant. Nothing is fitted."""
    if np.ptp(code.values[scored]) == 0 or np.ptp(factor.values[scored]) == 0:
        return 0.0
    return float(normalized_mutual_info_score(factor.values[scored], code.values[scored]))


def compute_accuracy(code: Reading, factor: Factor, fitted: np.ndarray, scored: np.ndarray) -> float:
    """Share of the images of a kind that a code tells right, mean over the kinds: balanced accuracy.

    A category, or a bin of a continuous code, stands for the kind of which the largest share lies in it: a rare kind
    counts as much as a common one. Knowing nothing, a code is right on one in the number of kinds.

    Args and Returns: as `compute_explained`; from 0 to 1.
    """
    _, kinds = factor.numbered
    bins = code.values if code.kind in DISCRETE else _sort_into_bins(code.values, fitted)
    shape = (bins.max() + 1, kinds.max() + 1)
    pairs = np.ravel_multi_index((bins, kinds), shape)
    of_fitted, of_scored = (
        np.bincount(pairs[half], minlength=np.prod(shape)).reshape(shape) for half in (fitted, scored)
    )
    stands_for = (of_fitted / np.maximum(of_fitted.sum(axis=0), 1)).argmax(axis=1)
    right = np.where(stands_for[:, None] == np.arange(shape[1]), of_scored, 0).sum(axis=0)
    images = of_scored.sum(axis=0)
    return float(np.mean(right[images > 0] / images[images > 0]))


def _sort_into_bins(values: np.ndarray, fitted: np.ndarray) -> np.ndarray:
    edges = np.quantile(values[fitted], np.arange(1, BINS) / BINS)
    return np.digitize(values, np.unique(edges))


@dataclasses.dataclass(frozen=True)
class Score:
    """How a kind of code is scored against a kind of factor; 1 is its ceiling.

    Attributes:
      name: that of its rows, with the factor's in place of {}.
      codes: kinds of code that it is for.
      factors: kinds of `Factor` that it is for.
      compute: function of (Reading, Factor, fitted, scored), of which the latter are bool arrays [N].
      unit: of `Metric`.
      strength: of `Metric`; None for a score that is not 0 if a code knows nothing.
    """

    name: str
    codes: tuple[str, ...]
    factors: tuple[str, ...]
    compute: Callable[[Reading, Factor, np.ndarray, np.ndarray], float]
    unit: str = ""
    strength: str | None = None


EXPLAINED = "variance of {} explained"
SCORES = (
    Score("|Spearman| with {}", ("continuous",), ("ordered",), compute_correlation, strength="|Spearman|"),
    Score(EXPLAINED, ("circular", *DISCRETE), ("ordered",), compute_explained, strength="variance explained"),
    Score(EXPLAINED, KINDS, ("circular",), compute_explained, strength="variance explained"),
    Score("NMI with {}", DISCRETE, ("nominal",), compute_information, strength="NMI"),
    Score("balanced accuracy for {}", KINDS, ("nominal", "binary"), compute_accuracy, "share"),
)


def measure_factors(
    readings: Mapping[str, Reading], factors: Mapping[str, Factor], seed: int, groups: np.ndarray | None = None
) -> tuple[list[Metric], list[str]]:
    """Metrics of all factors.

    Args:
      readings: dict of code name -> Reading of real images.
      factors: dict of name -> Factor of these images.
      seed: int, of the halves.
      groups: None, or int array [N]: images of one object, which are kept in one half.

    Returns:
      (list of Metric, list of str). The last row of each score of a factor is that of the code that stands for it,
      which the row's note names, beside what the same code reaches by chance.
    """
    metrics, notes = [], []
    count = len(next(iter(factors.values())).values) if factors else 0
    if count < FEWEST_IMAGES:
        return [], [f"The true factors of {count} images are too few to measure by: {FEWEST_IMAGES} are needed."]
    groups = np.arange(count) if groups is None else groups
    if len(np.unique(groups)) < FEWEST_GROUPS:
        return [], [f"Images of fewer than {FEWEST_GROUPS} objects are too few to measure the true factors by."]
    for name, factor in factors.items():
        if np.ptp(factor.values) == 0:
            notes.append(f"{name} is the same in all of these images: it is not measured.")
            continue
        fair = np.arange(count) if _names_the_group(factor, groups) else groups
        for score in SCORES:
            suited = {code: reading for code, reading in readings.items() if reading.kind in score.codes}
            if suited and factor.kind in score.factors:
                metrics += _measure(score, suited, name, factor, fair, seed)
    if metrics:
        notes.append(HALVES)
    return metrics, notes


def _names_the_group(factor: Factor, groups: np.ndarray) -> bool:
    """Whether a factor tells which object it is: what holds for some objects then says nothing of the others."""
    if factor.kind != "nominal":
        return False
    pairs = np.unique(np.stack([factor.values.astype(np.int64), groups]), axis=1)
    return pairs.shape[1] == len(np.unique(factor.values))


def _measure(
    score: Score, codes: Mapping[str, Reading], name: str, factor: Factor, groups: np.ndarray, seed: int
) -> list[Metric]:
    """Metrics of one score of one factor: of each code, but for attributes, and of the code that stands for it."""
    chosen_on, scored_on = split_in_halves(groups, seed)
    quarters = split_in_halves(groups, seed, chosen_on)
    chosen = {
        code: score.compute(reading, factor, *quarters) + score.compute(reading, factor, *quarters[::-1])
        for code, reading in codes.items()
    }
    best = max(chosen, key=chosen.__getitem__)
    shown = [best] if factor.kind == "binary" else codes  # of attributes there are dozens
    scores = {code: score.compute(codes[code], factor, chosen_on, scored_on) for code in shown}
    order = np.random.default_rng(seed).permutation(len(groups))
    shuffled = dataclasses.replace(codes[best], values=codes[best].values[order])  # knows nothing of any image
    chance = score.compute(shuffled, factor, chosen_on, scored_on)
    note = f"{best}; {format_value(chance, score.unit)} by chance"
    if factor.kind == "binary" and codes[best].kind in DISCRETE:
        note += f"; {_describe_richest(codes[best].values, factor.values, chosen_on, scored_on)}"
    metric = score.name.format(name)
    told = {} if factor.kind == "binary" else scores
    rows = [Metric(metric, told[c], score.unit, c, factor=name, strength=score.strength) for c in told]
    best_row = Metric(f"{metric}, best code", scores[best], score.unit, note=note, better="higher", factor=name)
    return [*rows, best_row]


def _describe_richest(
    categories: np.ndarray, attribute: np.ndarray, chosen_on: np.ndarray, scored_on: np.ndarray
) -> str:
    """The category with the largest share of an attribute, and that share on the other half."""
    count = categories.max() + 1
    images, present = (np.bincount(categories[chosen_on], weights, count) for weights in (None, attribute[chosen_on]))
    richest = int((present / np.maximum(images, 1)).argmax())
    found = attribute[scored_on & (categories == richest)]
    return (
        f"category {richest} has it in {100 * found.mean():.1f} %" if len(found) else f"category {richest} has it most"
    )
