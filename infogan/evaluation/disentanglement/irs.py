"""IRS, the interventional robustness score (Suter et al. 2019): does a code stay while other factors vary?"""

import numpy as np

from infogan.evaluation.disentanglement.mig import sort_into_bins
from infogan.evaluation.disentanglement.sample import Sample

QUANTILE = 0.99


def irs(sample: Sample) -> float:
    """Mean over the codes, by their ranges, of 1 - deviation / range for the factor that holds the code best.

    The deviation is the 99 % quantile of |code - its mean| among images that share a value (a bin) of the factor, mean
    over the values; the range is the largest |code - its mean| of all images. 0 where all codes are constant.
    """
    codes = sample.codes.values[:, np.ptp(sample.codes.values, axis=0) > 0]
    if codes.shape[1] == 0:
        return 0.0
    ranges = np.abs(codes - codes.mean(axis=0)).max(axis=0)
    deviations = np.stack([_deviate(codes, sort_into_bins(factor)) for factor in sample.levels.T])
    return float(np.average((1.0 - deviations / ranges).max(axis=0), weights=ranges))


def _deviate(codes: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """float array [codes]"""
    groups = [codes[bins == number] for number in np.unique(bins)]
    return np.mean([np.quantile(np.abs(group - group.mean(axis=0)), QUANTILE, axis=0) for group in groups], axis=0)
