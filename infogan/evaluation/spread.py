"""How much samples differ from one another: whether G has collapsed."""

import numpy as np

from infogan.evaluation.metric import Metric, once_a_run
from infogan.system.seeds import derive_seed

IMAGES = 200
LEAST_SPREAD = 0.05
"""Of what real images have: below it samples look alike, and what a code seems to do is chance."""


@once_a_run
def _compare_with_training_images(run, dataset):
    chosen = np.random.default_rng(derive_seed(0, "spread")).permutation(len(dataset.train))[:IMAGES]
    latents = run.sample_latents(IMAGES, derive_seed(run.spec.seed, "spread"))
    return measure_spread(run.generate(latents), dataset.train.images[np.sort(chosen)])


def spread(run, dataset, settings):
    """The metric: how much samples differ, and a note if they do not."""
    metrics, notes = _compare_with_training_images(run, dataset)
    return metrics + notes


def are_alike(run, dataset):
    """Whether all samples look alike, so that codes do nothing to them."""
    return bool(_compare_with_training_images(run, dataset)[1])


def compute_spread(images):
    """Variance of a pixel among images, as the mean over pixels.

    Args:
      images: array [N, H, W, C].

    Returns:
      float, 0 where all images are alike.
    """
    return float(np.var(images, axis=0, dtype=np.float64).mean())


def measure_spread(generated, real):
    """Whether samples differ as real images do.

    Args:
      generated: float array [N, H, W, C] in [0, 1].
      real: uint8 array [M, H, W, C].

    Returns:
      (list of Metric, empty where the real images are all alike; list of str, a line if the samples have collapsed).
    """
    most = compute_spread(real / np.float32(255.0))
    if most == 0.0:
        return [], []
    ratio = compute_spread(generated) / most
    notes = []
    if not ratio >= LEAST_SPREAD:
        notes.append(
            f"Samples look alike: they vary {100 * ratio:.2g} % as much as real images do. G has collapsed, or was not "
            "trained for long enough. What codes do to its images is left out."
        )
    return [Metric("pixel variance of samples", ratio, "share", note="real images: 100 %")], notes
