"""How near generated images are to real ones, in the features of a classifier of the same set.

Frechet distance: Heusel et al. 2017 (arXiv:1706.08500), Eq. 6. Score: Salimans et al. 2016 (arXiv:1606.03498), Sec. 4.
Both were defined on Inception's features, so the numbers compare with one another only, not with those of papers.
"""

import numpy as np
from scipy.special import rel_entr

from infogan.evaluation.classifier import find_classifier
from infogan.evaluation.metric import Metric
from infogan.evaluation.trained_model import count_batch
from infogan.system.seeds import derive_seed

FEWEST_IMAGES = 2
"""A single image has no covariance."""


def sample_quality(run, dataset, settings):
    """The metric: how near samples are to real images; nothing without a classifier."""
    classifier, _ = find_classifier(run, dataset)
    if not classifier:
        return []
    count = min(settings.images, len(dataset.train), len(dataset.test))
    if count < FEWEST_IMAGES:
        return [f"{count} test images are too few for a distance to them: sample quality is left out."]
    draw = np.random.default_rng(derive_seed(0, "real images")).permutation
    chosen = [(split, draw(len(split))[:count]) for split in (dataset.train, dataset.test)]
    latents = run.sample_latents(count, derive_seed(run.spec.seed, "sample quality"))
    parts = -(-count // count_batch(run.image_shape))
    generated = classifier.predict_batches(map(run.generate, np.array_split(latents, parts)))
    real = [
        classifier.predict_batches(split.images[places] for places in np.array_split(order, parts))
        for split, order in chosen
    ]
    return measure_sample_quality(generated, *real)


def compute_frechet_distance(first, second):
    """Squared Frechet distance between the Gaussians with the moments of two sets.

        |m1 - m2|^2 + Tr(S1 + S2 - 2 (S1 S2)^(1/2))

    Args:
      first: array [N, D].
      second: array [M, D].

    Returns:
      float, 0 for equal moments.
    """
    offset = np.mean(first, axis=0, dtype=np.float64) - np.mean(second, axis=0, dtype=np.float64)
    root = _square_root(np.cov(first, rowvar=False))
    covariance = np.cov(second, rowvar=False)
    # S1 S2 has the eigenvalues of the symmetric S1^(1/2) S2 S1^(1/2), which stay real and not negative.
    shared = np.sqrt(np.linalg.eigvalsh(root @ covariance @ root).clip(0.0)).sum()
    return float(offset @ offset + np.trace(root @ root) + np.trace(covariance) - 2.0 * shared)


def _square_root(covariance):
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(values.clip(0.0))) @ vectors.T


def compute_score(probabilities):
    """exp of the mean KL(p(y | x) || p(y)): 1 where images say nothing of their class, at most the number of classes.

    Args:
      probabilities: array [N, classes], p(y | x).

    Returns:
      float.
    """
    probabilities = np.asarray(probabilities, np.float64)
    return float(np.exp(rel_entr(probabilities, probabilities.mean(axis=0)).sum(axis=1).mean()))


def measure_sample_quality(generated, train, test):
    """Metrics of generated images beside those of real ones.

    Args:
      generated: Prediction for generated images.
      train: Prediction for as many training images.
      test: Prediction for the test images.

    Returns:
      list of Metric.
    """
    near = compute_frechet_distance(train.features, test.features)
    best = compute_score(test.probabilities)
    distance = compute_frechet_distance(generated.features, test.features)
    score = compute_score(generated.probabilities)
    return [
        Metric("Frechet distance to test images", distance, "", note=f"training images: {near:.3f}", better="lower"),
        Metric("Frechet distance, training to test images", near, ""),
        Metric("classifier score", score, "", note=f"test images: {best:.3f}", better="higher"),
    ]
