"""What Q knows of each code: L_I on generated images (Eq. 5), and how sure and how balanced it is on real ones."""

import numpy as np
from scipy.special import xlogy

from infogan.distributions import LOG_2PI
from infogan.evaluation.metric import Metric
from infogan.system.seeds import derive_seed


def information(run, dataset, settings):
    """The metric: L_I of each code, and how sure and how balanced Q is."""
    of_codes = run.mutual_information(settings.samples, derive_seed(run.spec.seed, "mutual information"))
    return measure_information(run.spec.codes, of_codes, run.read(dataset.test))


def compute_mean_entropy(probabilities):
    """Mean of H(Q(c | x)) over images: 0 where Q is sure of each image, at most ln K.

    Args:
      probabilities: array [N, K], Q(c | x).

    Returns:
      float, in nats.
    """
    return float(_entropy(probabilities.astype(np.float64)).mean())


def compute_entropy_of_mean(probabilities):
    """H of the mean of Q(c | x) over images: ln K where all categories are used alike, 0 where one is always taken.

    Args:
      probabilities: array [N, K], Q(c | x).

    Returns:
      float, in nats.
    """
    return float(_entropy(probabilities.astype(np.float64).mean(axis=0)))


def _entropy(probabilities):
    return -xlogy(probabilities, probabilities).sum(axis=-1)


def measure_information(codes, information, posteriors):
    """Metrics of all codes.

    Args:
      codes: sequence of Latent.
      information: dict of code name -> float, L_I over fresh samples, in nats.
      posteriors: dict of code name -> `dist_info` of Q on real images.

    Returns:
      list of Metric.
    """
    metrics = [
        Metric("L_I", information[code.name], "nats", code.name, better="higher", range=_range_of_information(code))
        for code in codes
    ]
    for code in codes:
        if "prob" in posteriors[code.name]:
            probabilities, most = posteriors[code.name]["prob"], f"at most {code.distribution.prior_entropy:.3f}"
            mean_entropy, entropy_of_mean = compute_mean_entropy(probabilities), compute_entropy_of_mean(probabilities)
            metrics += [
                Metric("mean entropy of Q, test images", mean_entropy, "nats", code.name, better="lower"),
                Metric("entropy of Q's mean, test images", entropy_of_mean, "nats", code.name, most, "higher"),
            ]
    return metrics


def _range_of_information(code):
    """What L_I is if Q knows nothing and if it knows all: of a discrete code 0 and H(c), with unit deviation less."""
    entropy = code.distribution.prior_entropy
    if code.distribution.is_discrete:
        return 0.0, entropy
    if not getattr(code.distribution, "fix_std", False):
        return None
    return tuple(entropy - 0.5 * (LOG_2PI + error) for error in (code.distribution.prior_variance, 0.0))
