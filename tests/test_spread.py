"""How much samples differ from one another."""

import numpy as np
import pytest

from infogan.evaluation.sample_quality import compute_spread, measure_spread

REAL = np.random.default_rng(0).integers(0, 256, (50, 4, 4, 3), np.uint8)


def test_the_spread_is_a_ratio_of_mean_squared_distances():
    generated, real = (np.random.default_rng(seed).uniform(0, seed, (20, 2, 3, 1)) for seed in (1, 2))
    among, between = (np.square(generated[:, None] - other[None]).mean() for other in (generated, real))
    assert compute_spread(generated, real) == pytest.approx(among / between)


def test_samples_like_real_images_get_no_line():
    (metric,), notes = measure_spread(REAL[::-1] / 255.0, REAL)
    assert metric.value == pytest.approx(1.0)
    assert not notes


ALIKE = {
    "the same": np.full(REAL.shape, 0.5),
    "nearly the same": 0.5 + 0.1 * (REAL / 255.0 - 0.5),
    "one real image": np.repeat(REAL[:1] / 255.0, 50, axis=0),
    "noise on white, of dark images": 1.0 - 0.3 * (REAL / 255.0),
    "not finite": np.full(REAL.shape, np.nan),
}


@pytest.mark.parametrize("case", ALIKE)
def test_samples_that_look_alike_get_a_line(case):
    dark = case.endswith("dark images")
    (metric,), (note,) = measure_spread(ALIKE[case], REAL // 4 if dark else REAL)
    assert f"their spread is {100 * metric.value:.2g} % of" in note


def test_real_images_that_are_all_alike_say_nothing_of_samples():
    assert measure_spread(REAL / 255.0, np.repeat(REAL[:1], 5, axis=0)) == ([], [])
