"""How much samples differ from one another: whether G has collapsed."""

import numpy as np

from infogan.evaluation.metric import Metric, once_a_run
from infogan.system.seeds import derive_seed

IMAGES = 200
LEAST_SPREAD = 0.2
"""Below it samples look alike: what a code seems to do is chance. Real images have 1."""


def spread(run, dataset, settings):
    """The metric: how much samples differ, and a note if they do not."""
    metrics, notes = _compare_with_training_images(run, dataset)
    return metrics + notes


def are_alike(run, dataset):
    """Whether all samples look alike, so that codes do nothing to them."""
    return bool(_compare_with_training_images(run, dataset)[1])


@once_a_run
def _compare_with_training_images(run, dataset):
    chosen = np.random.default_rng(derive_seed(0, "spread")).permutation(len(dataset.train))[:IMAGES]
    latents = run.sample_latents(IMAGES, derive_seed(run.spec.seed, "spread"))
    return measure_spread(run.generate(latents), dataset.train.images[np.sort(chosen)])


def compute_spread(generated, real):
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


def measure_spread(generated, real):
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
