"""What the noise changes: known answers of the spread within groups, and a whole metric on samples that are chosen."""

import dataclasses
import types

import numpy as np
import pytest

from infogan.data import Dataset, Split
from infogan.evaluation import sample_quality
from infogan.evaluation.metric import Settings
from infogan.evaluation.sample_quality import (
    CODE_DRAWS,
    LEAST_NOISE,
    NOISE_DRAWS,
    compute_spread_within,
    measure_noise,
    noise,
)
from infogan.latents import latent_slices

DRAW = np.random.default_rng(0)
KINDS = np.repeat(np.arange(5), 200)
REAL = 10.0 * np.eye(5)[KINDS] + DRAW.normal(size=(1000, 5))
"""Five kinds that lie apart, of variance 5 each."""
SETTINGS = np.repeat(np.arange(50), 20)
CENTERS = DRAW.normal(size=(50, 5))[SETTINGS]


def test_the_spread_within_groups_is_the_pooled_variance():
    features = np.array([[0.0, 0.0], [2.0, 4.0], [10.0, 10.0], [10.0, 10.0], [13.0, 10.0]])
    # Deviations from the means (1, 2) and (11, 10): 1 + 4 twice, and 1, 1, 4; five numbers less two means.
    assert compute_spread_within(features, np.array([7, 7, 1990, 1990, 1990])) == pytest.approx(16 / 3)
    assert np.isnan(compute_spread_within(features, np.arange(5)))


def test_the_spread_within_groups_has_no_bias_where_groups_are_small():
    """The mean of 400 estimates from pairs, each of variance 2 sigma^4 / 500; 5 deviations of their mean."""
    draw = np.random.default_rng(1)
    found = [compute_spread_within(3.0 * draw.normal(size=(1000, 1)), np.arange(1000) // 2) for _ in range(400)]
    assert np.mean(found) == pytest.approx(9.0, abs=5 * 9.0 * np.sqrt(2 / 500 / 400))


def test_real_images_beside_others_of_their_kind_have_1():
    order = np.random.default_rng(2).permutation(1000)
    first, second = order[:500], order[500:]
    (metric,) = measure_noise(REAL[first], KINDS[first], REAL[second], KINDS[second])
    assert metric.value == pytest.approx(1.0, abs=0.15)  # each a chi-square of some 2,500 degrees: 5 deviations


def test_noise_that_does_nothing_gets_a_line():
    (metric, line) = measure_noise(CENTERS + 0.1 * DRAW.normal(size=(1000, 5)), SETTINGS, REAL, KINDS, "in pixels")
    assert metric.value == pytest.approx(0.01, rel=0.1) and "in pixels" in metric.note
    assert line.startswith("The noise changes little: samples of the same codes differ 1")
    (metric, line) = measure_noise(CENTERS, SETTINGS, REAL, KINDS)
    assert metric.value < 1e-20 and "differ 0.0 % as much as" in line


def test_the_line_begins_at_the_threshold():
    for share, count in ((1.3 * LEAST_NOISE, 1), (0.7 * LEAST_NOISE, 2)):
        samples = CENTERS + np.sqrt(share) * DRAW.normal(size=(1000, 5))
        assert len(measure_noise(samples, SETTINGS, REAL, KINDS)) == count


def test_without_labels_all_real_images_are_of_one_kind():
    metric, *_ = measure_noise(CENTERS + DRAW.normal(size=(1000, 5)), SETTINGS, REAL, None)
    # Of five kinds 10 from the origin: 5 within, and 100 less the 20 of the common mean between them.
    assert metric.value == pytest.approx(5 / 85, rel=0.2)


def test_real_images_that_do_not_differ_say_nothing():
    assert measure_noise(CENTERS, SETTINGS, np.ones((10, 5)), None) == []
    assert measure_noise(CENTERS, SETTINGS, REAL[:5], np.arange(5)) == []


def test_samples_of_a_setting_share_all_codes_and_no_noise(spec, monkeypatch):
    seen = []

    def generate(latents):
        seen.append(latents)
        return np.zeros((len(latents), 28, 28, 1))

    split = Split(np.random.default_rng(0).integers(0, 256, (20, 28, 28, 1), np.uint8), None)
    dim = sum(latent.distribution.dim for latent in spec.latent_spec)
    run = types.SimpleNamespace(
        spec=spec,
        computed={},
        image_shape=(28, 28, 1),
        keep_open=lambda judge: judge,
        sample_latents=lambda count, seed: np.random.default_rng(seed).normal(size=(count, dim)),
        generate_from=generate,
    )
    dataset = Dataset(split, split, "random numbers")
    assert len(noise(run, dataset, Settings())) == 1  # all are black, which another line says
    seen.clear()
    monkeypatch.setattr(sample_quality, "are_alike", lambda run, dataset: False)
    _, line = noise(run, dataset, Settings())
    assert "The noise changes little" in line
    assert np.shape(seen) == (CODE_DRAWS, NOISE_DRAWS, dim)
    for name, place in latent_slices(spec.latent_spec).items():
        of_latent = np.array(seen)[:, :, place].reshape(CODE_DRAWS, NOISE_DRAWS, -1)
        values = 1 if name != "noise" else NOISE_DRAWS
        assert {len(np.unique(group, axis=0)) for group in of_latent} == {values}, name
        assert len(np.unique(of_latent[:, 0], axis=0)) == CODE_DRAWS
    run.spec = dataclasses.replace(spec, latent_spec=spec.codes)
    assert noise(run, dataset, Settings()) == []  # there is no noise
