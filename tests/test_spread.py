"""How much samples differ from one another."""

import numpy as np
import pytest

from infogan.evaluation.spread import compute_spread, measure_spread

REAL = np.random.default_rng(0).integers(0, 256, (50, 4, 4, 3), np.uint8)


def test_the_spread_is_the_mean_variance_of_a_pixel():
    images = np.zeros((4, 1, 2, 1))
    images[:2, 0, 0] = 1.0
    assert compute_spread(images) == pytest.approx(0.25 / 2)
    assert compute_spread(images[:1]) == 0.0


def test_samples_like_real_images_get_no_line():
    (metric,), notes = measure_spread(REAL[::-1] / 255.0, REAL)
    assert metric.value == pytest.approx(1.0)
    assert not notes


@pytest.mark.parametrize("scale", [0.0, 0.1])
def test_samples_that_are_all_alike_get_a_line(scale):
    (metric,), (note,) = measure_spread(0.5 + scale * (REAL / 255.0 - 0.5), REAL)
    assert metric.value == pytest.approx(scale**2)
    assert f"they vary {100 * scale**2:.2g} % as much" in note


def test_real_images_that_are_all_alike_say_nothing_of_samples():
    assert measure_spread(REAL / 255.0, np.repeat(REAL[:1], 5, axis=0)) == ([], [])
