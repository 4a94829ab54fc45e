"""How near generated images are to real ones, by a classifier of the set, and whether they differ from one another."""

import numpy as np
from scipy.special import rel_entr

from infogan.data import Dataset
from infogan.evaluation.classifier import Prediction, find_classifier
from infogan.evaluation.metric import Found, Metric, Settings, once_a_run
from infogan.run import TrainedRun, count_batch
from infogan.system.tf1 import derive_seed

FEWEST_IMAGES = 2
"""A single image has no covariance."""


def sample_quality(run: TrainedRun, dataset: Dataset, settings: Settings) -> Found:
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
    generated = classifier.predict_batches(map(run.generate_from, np.array_split(latents, parts)))
    real = [
        classifier.predict_batches(split.images[places] for places in np.array_split(order, parts))
        for split, order in chosen
    ]
    return measure_sample_quality(generated, *real)


def compute_frechet_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Squared Frechet distance between the Gaussians with the moments of two sets.

        |m1 - m2|^2 + Tr(S1 + S2 - 2 (S1 S2)^(1/2))

    Args:
      first: array [N, D].
      second: array [M, D].

    Returns:
      float, 0 for equal moments.
    """
    offset = first.mean(axis=0, dtype=np.float64) - second.mean(axis=0, dtype=np.float64)
    root = _square_root(np.cov(first, rowvar=False))
    covariance = np.cov(second, rowvar=False)
    # S1 S2 has the eigenvalues of the symmetric S1^(1/2) S2 S1^(1/2), which stay real and not negative.
    shared = np.sqrt(np.linalg.eigvalsh(root @ covariance @ root).clip(0.0)).sum()
    return float(offset @ offset + np.trace(root @ root) + np.trace(covariance) - 2.0 * shared)


def _square_root(covariance: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(values.clip(0.0))) @ vectors.T


def compute_score(probabilities: np.ndarray) -> float:
    """exp of the mean KL(p(y | x) || p(y)): 1 where images say nothing of their class, at most the number of classes.

    Args:
      probabilities: array [N, classes], p(y | x).

    Returns:
      float.
    """
    probabilities = np.asarray(probabilities, np.float64)
    return float(np.exp(rel_entr(probabilities, probabilities.mean(axis=0)).sum(axis=1).mean()))


def measure_sample_quality(generated: Prediction, train: Prediction, test: Prediction) -> list[Metric]:
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


IMAGES = 200
LEAST_SPREAD = 0.2
"""Below it samples look alike: what a code seems to do is chance. Real images have 1."""


def spread(run: TrainedRun, dataset: Dataset, settings: Settings) -> Found:
    """The metric: how much samples differ, and a note if they do not."""
    metrics, notes = _compare_with_training_images(run, dataset)
    return metrics + notes


def are_alike(run: TrainedRun, dataset: Dataset) -> bool:
    """Whether all samples look alike, so that codes do nothing to them."""
    return bool(_compare_with_training_images(run, dataset)[1])


@once_a_run
def _compare_with_training_images(run: TrainedRun, dataset: Dataset) -> tuple[list[Metric], list[str]]:
    chosen = np.random.default_rng(derive_seed(0, "spread")).permutation(len(dataset.train))[:IMAGES]
    latents = run.sample_latents(IMAGES, derive_seed(run.spec.seed, "spread"))
    return measure_spread(run.generate_from(latents), dataset.train.images[np.sort(chosen)])


def compute_spread(generated: np.ndarray, real: np.ndarray) -> float:
    """Mean squared distance of samples from one another, over that from real images.

        2 Var(x) / (Var(x) + Var(y) + |E x - E y|^2)

    Args:
      generated: array [N, H, W, C] of samples x.
      real: array [M, H, W, C] of real images y, in the same range.

    Returns:
      float: 1 for samples that are distributed as real images are; 0 where all are the same; near 0 also where they
      differ, but are so far from any real image that they look the same.
    """
    moments = [(np.mean(x, axis=0, dtype=np.float64), np.var(x, axis=0, dtype=np.float64)) for x in (generated, real)]
    (mean, variance), (real_mean, real_variance) = moments
    return float(2.0 * variance.sum() / (variance + real_variance + np.square(mean - real_mean)).sum())


def measure_spread(generated: np.ndarray, real: np.ndarray) -> tuple[list[Metric], list[str]]:
    """Whether samples differ as real images do.

    Args:
      generated: float array [N, H, W, C] in [0, 1].
      real: uint8 array [M, H, W, C].

    Returns:
      (list of Metric, empty where the real images are all alike; list of str, a line if the samples have collapsed).
    """
    if (real == real[:1]).all():
        return [], []
    ratio = compute_spread(generated, real / np.float32(255.0))
    notes = []
    if not ratio >= LEAST_SPREAD:  # not: NaN
        notes.append(
            f"Samples look alike: their spread is {100 * ratio:.2g} % of that of real images. G has collapsed, or was "
            "not trained for long enough. What codes do to its images is left out."
        )
    return [Metric("spread of samples", ratio, "share", note="real images: 100 %")], notes
