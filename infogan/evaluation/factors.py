"""What the codes know of the true factors of a set: azimuths, lighting, attributes.

Which code stands for a factor is chosen on one half of the images and scored on the other.
"""

import numpy as np
from scipy import stats
from sklearn.metrics import mutual_info_score

from infogan.codes import CORRELATION, EXPLAINED
from infogan.evaluation.metric import Metric

LEAST_CIRCLE = 180.0
DEGREE = 3
FEWEST_IMAGES = 16
"""With fewer a half, or a half of it, may hold nothing that differs."""
FEWEST_GROUPS = 4
"""A code is chosen on half of them by fitting to one half of that and scoring on the other."""


def is_circular(name, values):
    """Whether a factor is an angle that goes around: an azimuth in degrees that spans more than half a circle.

    A rank correlation means nothing for such a factor: 359 degrees lie beside 1.
    """
    return name.endswith("azimuth") and float(np.ptp(values)) > LEAST_CIRCLE


def is_attribute(values):
    """Whether a factor is 0 or 1."""
    return bool(np.isin(values, (0, 1)).all())


def split_in_halves(groups, seed):
    """Two bool arrays [N], of which each holds a random half of the groups: no group is in both.

    Args:
      groups: int array [N], of which group each image is; `np.arange(N)` has each image for itself.
      seed: int.
    """
    numbers = np.unique(groups)
    chosen = np.random.default_rng(seed).permutation(numbers)[: len(numbers) // 2]
    first = np.isin(groups, chosen)
    return first, ~first


def compute_correlation(code, factor):
    """|Spearman| of a code's posterior means [N] with a factor [N]; 0 where either is constant."""
    if np.ptp(code) == 0 or np.ptp(factor) == 0:
        return 0.0
    return abs(float(stats.spearmanr(code, factor).statistic))


def compute_explained_circle(code, degrees, halves):
    """Share of the variance of (cos, sin) of an angle that a cubic in the code explains.

    Args:
      code: array [N], posterior means.
      degrees: array [N].
      halves: two bool arrays [N]: on which images the cubic is fitted, and on which it is scored.

    Returns:
      float, at most 1; 0 where the cubic is no better than a constant, below 0 where it is worse.
    """
    fitted, scored = halves
    angle = np.radians(degrees.astype(np.float64))
    target = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    # Powers of a standardised code: those of a raw one may differ by many orders.
    standard = (code.astype(np.float64) - code[fitted].mean()) / max(float(code[fitted].std()), 1e-12)
    powers = np.vander(standard, DEGREE + 1)
    coefficients = np.linalg.lstsq(powers[fitted], target[fitted], rcond=None)[0]
    residual = np.square(target - powers @ coefficients)[scored].sum()
    return float(1.0 - residual / np.square(target[scored] - target[scored].mean(axis=0)).sum())


def compute_purity(categories, attribute, halves):
    """Share of images whose attribute is the one that their category mostly has.

    Args:
      categories: int array [N].
      attribute: array [N] of 0 and 1.
      halves: two bool arrays [N]: where the category's attribute is found, and where the share is counted.

    Returns:
      float; that of a code that knows nothing is the share of the commoner value.
    """
    found, counted = halves
    votes = np.zeros(categories.max() + 1)
    np.add.at(votes, categories[found], np.where(attribute[found] > 0.5, 1.0, -1.0))
    return float(np.mean((votes[categories[counted]] > 0) == (attribute[counted] > 0.5)))


def measure_factors(posteriors, factors, seed, groups=None):
    """Metrics of all factors.

    Args:
      posteriors: dict of code name -> `dist_info` of Q on real images, arrays [N, dim].
      factors: dict of name -> array [N].
      seed: int, of the halves.
      groups: None, or int array [N]: images of one object, which are kept in one half.

    Returns:
      (list of Metric, list of str: which code was found to stand for which factor).
    """
    continuous = {name: info["mean"][:, 0] for name, info in posteriors.items() if "mean" in info}
    numbers = {name: mean for name, mean in continuous.items() if "concentration" not in posteriors[name]}  # no angles
    categorical = {name: info["prob"].argmax(axis=1) for name, info in posteriors.items() if "prob" in info}
    metrics, notes = [], []
    count = len(next(iter(factors.values()), ()))
    if count < FEWEST_IMAGES:
        return [], [f"The true factors of {count} images are too few to measure by: {FEWEST_IMAGES} are needed."]
    groups = np.arange(count) if groups is None else groups
    if len(np.unique(groups)) < FEWEST_GROUPS:
        return [], [f"Images of fewer than {FEWEST_GROUPS} objects are too few to measure the true factors by."]
    halves = split_in_halves(groups, seed)
    for name, values in factors.items():
        # Where the circle of an angle is cut is arbitrary, and with it every rank.
        if codes := continuous if is_circular(name, values) else numbers:
            rows, best = _measure_continuous(codes, name, values, groups, halves)
            metrics += rows
            notes.append(f"{name}: {best} was found to follow it most, on the half of the images that is not scored.")
        if categorical and is_attribute(values):
            metrics.append(_measure_attribute(categorical, name, values, halves))
    return metrics, notes


def _measure_continuous(codes, name, values, groups, halves):
    chosen_on, scored_on = halves
    if is_circular(name, values):
        metric = EXPLAINED.format(name)
        quarters = split_in_halves(groups[chosen_on], 0)
        chosen = {c: compute_explained_circle(x[chosen_on], values[chosen_on], quarters) for c, x in codes.items()}
        scores = {c: compute_explained_circle(x, values, halves) for c, x in codes.items()}
    else:
        metric = f"{CORRELATION}{name}"
        chosen = {c: compute_correlation(x[chosen_on], values[chosen_on]) for c, x in codes.items()}
        scores = {c: compute_correlation(x[scored_on], values[scored_on]) for c, x in codes.items()}
    best = max(chosen, key=chosen.get)
    rows = [Metric(metric, score, "", code) for code, score in scores.items()]
    rows.append(Metric(f"{metric}, best code", scores[best], "", note=best, better="higher"))
    return rows, best


def _measure_attribute(codes, name, values, halves):
    chosen_on, scored_on = halves
    known = {code: mutual_info_score(values[chosen_on], found[chosen_on]) for code, found in codes.items()}
    best = max(known, key=known.get)
    purity = compute_purity(codes[best], values, halves)
    commoner = max(float(np.mean(values[scored_on] > 0.5)), float(np.mean(values[scored_on] <= 0.5)))
    note = f"commoner value: {100 * commoner:.1f} %; {_describe_richest(codes[best], values, halves)}"
    return Metric(f"purity against {name}", purity, "share", best, note, "higher")


def _describe_richest(categories, values, halves):
    """The category with the largest share of an attribute, and that share on the other half."""
    shares = []
    for half in halves:
        present = np.bincount(categories[half], values[half] > 0.5, categories.max() + 1)
        shares.append(present / np.maximum(np.bincount(categories[half], minlength=categories.max() + 1), 1))
    richest = int(shares[0].argmax())
    return f"category {richest} has it in {100 * shares[1][richest]:.1f} %"
