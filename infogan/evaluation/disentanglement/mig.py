"""MIG, the mutual information gap (Chen et al. 2018): does one code alone know each factor?"""

import numpy as np

from infogan.evaluation.disentanglement.sample import Sample

BINS = 20
ROUNDING = 1e-12
"""Information of less nats is none."""


def sort_into_bins(values: np.ndarray, bins: int = BINS) -> np.ndarray:
    """Numbers of the bins of equal width, from the lowest to the highest value, in which values lie: int array [N]."""
    edges = np.linspace(values.min(), values.max(), bins + 1)
    return np.searchsorted(edges[1:-1], values, side="right")


def compute_information(first: np.ndarray, second: np.ndarray) -> float:
    """Mutual information of two int arrays [N], of numbers from 0, by counts; in nats."""
    counts = np.zeros((first.max() + 1, second.max() + 1))
    np.add.at(counts, (first, second), 1)
    joint = counts / counts.sum()
    independent = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0)
    seen = joint > 0
    information = float((joint[seen] * np.log(joint[seen] / independent[seen])).sum())
    return information if information > ROUNDING else 0.0


def find_information(sample: Sample) -> np.ndarray:
    """Mutual information of the binned values of each code with each factor: float array [codes, factors], nats."""
    codes = sample.codes
    binned = [
        values.astype(np.int64) if is_discrete else sort_into_bins(values)
        for values, is_discrete in zip(codes.values.T, codes.discrete)
    ]
    return np.array([[compute_information(code, factor) for factor in sample.levels.T] for code in binned])


def find_entropies(sample: Sample) -> np.ndarray:
    """H of each factor: float array [factors], nats."""
    return np.array([compute_information(factor, factor) for factor in sample.levels.T])


def mig(information: np.ndarray, entropies: np.ndarray) -> float:
    """Mean over the factors of (I_1 - I_2) / H: how much more the best code knows than the next.

    Args:
      information: float array [codes, factors].
      entropies: float array [factors].
    """
    ranked = np.sort(np.vstack([information, np.zeros_like(entropies)]), axis=0)  # a single code has no next one
    return float(np.mean((ranked[-1] - ranked[-2]) / entropies))
