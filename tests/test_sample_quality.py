"""Known answers: sets with chosen moments, for which the distance has a closed form."""

import numpy as np
import pytest

from infogan.evaluation.judges import Prediction, RandomNetwork
from infogan.evaluation.sample_quality import (
    compute_frechet_distance,
    compute_score,
    measure_random_distance,
    measure_sample_quality,
)


def with_moments(mean, covariance, count=400, seed=0):
    """A set whose sample mean and covariance are exactly these."""
    raw = np.random.default_rng(seed).normal(size=(count, len(mean)))
    raw -= raw.mean(axis=0)
    white = raw @ np.linalg.inv(np.linalg.cholesky(np.cov(raw, rowvar=False))).T
    return white @ np.linalg.cholesky(covariance).T + mean


def test_distance_of_a_set_to_itself_is_zero():
    features = np.random.default_rng(0).normal(size=(300, 8))
    assert compute_frechet_distance(features, features) == pytest.approx(0.0, abs=1e-9)


def test_distance_of_shifted_sets_is_the_shift_squared():
    first = with_moments(np.zeros(3), np.eye(3))
    second = with_moments(np.array([3.0, 0.0, 4.0]), np.eye(3), seed=1)
    assert compute_frechet_distance(first, second) == pytest.approx(25.0)


def test_distance_of_scaled_sets():
    # Diagonal covariances: the sum of (deviation - deviation)^2.
    first = with_moments(np.zeros(3), np.diag([1.0, 4.0, 9.0]))
    second = with_moments(np.zeros(3), np.diag([4.0, 4.0, 25.0]), seed=1)
    assert compute_frechet_distance(first, second) == pytest.approx(1.0 + 0.0 + 4.0)


def test_distance_of_correlated_sets():
    # For two dimensions: Tr (S1 S2)^(1/2) = sqrt(Tr(S1 S2) + 2 sqrt(det(S1 S2))).
    one, two = np.array([[2.0, 0.8], [0.8, 1.0]]), np.array([[1.0, -0.5], [-0.5, 3.0]])
    shared = np.sqrt(np.trace(one @ two) + 2 * np.sqrt(np.linalg.det(one @ two)))
    expected = np.trace(one) + np.trace(two) - 2 * shared
    sets = with_moments(np.zeros(2), one), with_moments(np.zeros(2), two, seed=1)
    assert compute_frechet_distance(*sets) == pytest.approx(expected)
    assert compute_frechet_distance(*sets[::-1]) == pytest.approx(expected)


def test_distance_of_fewer_images_than_features():
    first, second = np.random.default_rng(0).normal(size=(2, 5, 12))
    one, two = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    shared = np.sqrt(np.linalg.eigvals(one @ two).real.clip(0.0)).sum()
    expected = np.square(first.mean(0) - second.mean(0)).sum() + np.trace(one) + np.trace(two) - 2.0 * shared
    assert compute_frechet_distance(first, second) == pytest.approx(expected, rel=1e-5)


def test_distance_with_features_that_never_change():
    features = np.random.default_rng(0).normal(size=(50, 4))
    features[:, 2] = 0.0
    assert compute_frechet_distance(features, features + [0, 0, 2.0, 0]) == pytest.approx(4.0, abs=1e-6)


def test_score_of_sure_and_balanced_of_useless_and_of_a_single_class():
    assert compute_score(np.eye(10)[np.arange(1000) % 10]) == pytest.approx(10.0)
    assert compute_score(np.full((1000, 10), 0.1)) == pytest.approx(1.0)
    assert compute_score(np.eye(10)[np.zeros(1000, int)]) == pytest.approx(1.0)
    assert compute_score(np.eye(10)[np.arange(1000) % 4]) == pytest.approx(4.0)


def test_real_images_are_nearer_than_shifted_ones():
    def predict(seed, shift):
        features = np.random.default_rng(seed).normal(size=(2000, 4)) + shift
        return Prediction(np.eye(4)[np.arange(2000) % 4], features, np.arange(2000) % 4)

    metrics = measure_sample_quality(predict(0, 1.0), predict(1, 0.0), predict(2, 0.0))
    values = {metric.name: metric.value for metric in metrics}
    assert values["Frechet distance, training to test images"] < 0.05
    assert values["Frechet distance to test images"] == pytest.approx(4.0, abs=0.5)
    assert values["classifier score"] == pytest.approx(4.0)


def test_random_distance_is_in_units_of_the_training_images_variance():
    scale = np.array([1.0, 7.0, 0.0])  # the last feature never changes
    train, test, other = (np.random.default_rng(seed).normal(size=(4000, 3)) * scale for seed in (0, 1, 2))
    (metric,) = measure_random_distance(other + [5.0, 5.0, 0.0], train, test)
    assert metric.value == pytest.approx(50 / 50, rel=0.1)  # a shift of 5 in two features, whose variances are 1 and 49
    assert float(metric.note.rsplit(maxsplit=1)[-1]) < 0.01
    assert measure_random_distance(10.0 * other, 10.0 * train, 10.0 * test)[0].value == pytest.approx(
        measure_random_distance(other, train, test)[0].value
    )
    (metric,) = measure_random_distance(np.tile(test.mean(axis=0), (50, 1)), train, test)  # collapsed
    assert metric.value == pytest.approx(1.0, rel=0.1)
    assert measure_random_distance(other, np.ones((50, 3)), test) == []


def draw_shapes(count, seed):
    """Squares of random place, size and colour on a random background."""
    draw = np.random.default_rng(seed)
    images = np.ones((count, 20, 20, 3), np.float32) * draw.uniform(size=(count, 1, 1, 3)).astype(np.float32)
    for image in images:
        top, left, side = draw.integers(0, 12), draw.integers(0, 12), draw.integers(4, 9)
        image[top : top + side, left : left + side] = draw.uniform(size=3)
    return images


def test_random_features_rank_images_by_how_much_they_are_spoiled():
    real, other, spoiled = draw_shapes(600, 0), draw_shapes(600, 1), draw_shapes(600, 2)
    draw = np.random.default_rng(3)
    with RandomNetwork((20, 20, 3)) as network, RandomNetwork((20, 20, 3)) as again:
        train, test = network.predict(real).features, network.predict(other).features
        np.testing.assert_array_equal(again.predict(real).features, train)  # the weights are always the same
        as_bytes = network.predict(np.round(255 * real).astype(np.uint8)).features
        np.testing.assert_allclose(as_bytes, train, atol=0.1 * train.std())

        def find_distance(images):
            return measure_random_distance(network.predict(images).features, train, test)[0].value

        mixed = [share * draw.uniform(size=spoiled.shape) + (1 - share) * spoiled for share in (0.0, 0.1, 0.3, 0.6)]
        by_noise = [find_distance(images.astype(np.float32)) for images in mixed]
        by_shade = [find_distance(spoiled * shade) for shade in (1.0, 0.8, 0.6, 0.3)]
        few = [find_distance(np.repeat(spoiled[:kept], 600 // kept, axis=0)) for kept in (600, 20, 3)]
    for distances in (by_noise, by_shade, few):
        assert np.all(np.diff(distances) > 0), distances
