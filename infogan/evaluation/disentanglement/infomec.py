"""InfoMEC (Hsu et al. 2023): modularity, explicitness and compactness as shares of information."""

import math

import numpy as np
from sklearn.feature_selection import mutual_info_classif
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from infogan.evaluation.disentanglement.mig import compute_information, find_entropies
from infogan.evaluation.disentanglement.sample import Sample

NEIGHBOURS = 10
LEAST_RANGE = 1 / 20
"""A code whose range is at most this share of the widest is dead."""


def find_normalised_information(sample: Sample) -> np.ndarray:
    """I(code; factor) / H(factor), by nearest neighbours, of categories by counts: float array [codes, factors]."""
    codes = sample.codes
    rows = [
        [_estimate(values, factor, is_discrete) for factor in sample.levels.T]
        for values, is_discrete in zip(codes.values.T, codes.discrete)
    ]
    return np.array(rows) / find_entropies(sample)


def _estimate(values: np.ndarray, factor: np.ndarray, is_discrete: bool) -> float:
    if is_discrete:
        return compute_information(values.astype(np.int64), factor)
    deviation = values.std()
    scaled = (values - values.mean()) / (deviation if deviation > 0 else 1.0)
    return float(mutual_info_classif(scaled[:, None], factor, n_neighbors=NEIGHBOURS, random_state=0)[0])


def find_active(sample: Sample) -> np.ndarray:
    """Which codes vary enough to count: bool array [codes]."""
    ranges = np.ptp(sample.codes.values, axis=0)
    widest = ranges[~sample.codes.discrete].max(initial=0.0)
    return np.where(sample.codes.discrete, ranges > 0, ranges > LEAST_RANGE * widest)


def info_m(information: np.ndarray) -> float:
    """How far each code knows one factor alone: (mean_j max_i / sum_i - 1/S) / (1 - 1/S).

    Args:
      information: float array [codes that are active, S factors], normalised.

    Returns:
      float from 0 to 1; NaN where it has no meaning, without codes or for a single factor.
    """
    codes, factors = information.shape
    if factors < 2 or codes < 1:
        return math.nan
    sums = information.sum(axis=1)
    shares = np.divide(information.max(axis=1), sums, out=np.full(codes, 1.0 / factors), where=sums > 0)
    return float((shares.mean() - 1.0 / factors) / (1.0 - 1.0 / factors))


def info_c(information: np.ndarray) -> float:
    """How far each factor is known by one code alone: as `info_m` of the transposed information."""
    return info_m(information.T)


def info_e(sample: Sample) -> float:
    """How far factors can be predicted linearly: mean of 1 - CE / CE_null, of logistic regressions without penalty.

    Classes are balanced, so CE_null is ln of the number of values.
    """
    codes = sample.codes.standardised
    if codes.shape[1] == 0:
        return 0.0
    shares = []
    for factor in sample.levels.T:
        classifier = LogisticRegression(C=np.inf, class_weight="balanced")
        classifier.fit(codes, factor)  # at most 100 steps, as the authors have it
        shares.append(1.0 - log_loss(factor, classifier.predict_proba(codes)) / math.log(factor.max() + 1))
    return float(np.mean(shares))
