"""What is measured while a run trains: known answers, and what it never sees."""

import dataclasses

import numpy as np
import pytest
from conftest import SMALL, random_split

from infogan.data import Dataset, Factor, Split
from infogan.distributions import Uniform
from infogan.evaluation.first_look import SAMPLE, can_look, plan_first_look
from infogan.latents import Latent

COUNT = 3000
IMAGES = np.zeros((COUNT, 28, 28, 1), np.uint8)
LABELS = np.random.default_rng(0).integers(0, 10, COUNT)
LEVEL = np.random.default_rng(1).normal(size=COUNT).astype(np.float32)


def dataset(labels=None, factors=None):
    """A set whose images' first two pixels hold their number in it."""
    images = IMAGES.copy()
    images[:, 0, 0, 0], images[:, 0, 1, 0] = np.divmod(np.arange(COUNT), 256)
    train = Split(images, labels, factors or {})
    return Dataset(train, random_split(16, 1), "numbers")


def numbers(look):
    """Which images of the set are looked at, by their pixels."""
    first, second = look.images[:, 0, 0, 0], look.images[:, 0, 1, 0]
    return first.astype(int) * 256 + second


def posteriors(digits, rotation=None):
    one_hot = np.eye(10, dtype=np.float32)[digits]
    mean = np.zeros((len(digits), 1), np.float32) if rotation is None else rotation[:, None]
    return {
        "digit": {"prob": one_hot},
        "rotation": {"mean": mean, "stddev": np.ones_like(mean)},
        "width": {"mean": np.zeros_like(mean), "stddev": np.ones_like(mean)},
    }


@pytest.mark.parametrize("wrong", [0.0, 0.25])
def test_the_error_is_the_share_of_other_digits_whatever_categories_are_called(wrong):
    look = plan_first_look(SMALL, dataset(LABELS), 5)
    seen = LABELS[numbers(look)]
    flipped = np.random.default_rng(2).random(len(seen)) < wrong
    called = np.random.default_rng(3).permutation(10)
    values, line = look.measure(posteriors(called[np.where(flipped, (seen + 1) % 10, seen)]))
    expected = flipped[SAMPLE // 2 :].mean()
    assert values == {"evaluation/error_rate/digit": pytest.approx(expected)}
    assert line == (
        f"error of digit {100 * expected:.1f} % so far (1,000 training images; the report uses 16 test images)"
    )


def test_of_true_factors_the_best_code_is_told():
    look = plan_first_look(SMALL, dataset(factors={"level": Factor(LEVEL, "ordered")}), 5)
    chosen = numbers(look)
    values, line = look.measure(posteriors(np.zeros(len(chosen), int), -LEVEL[chosen]))
    assert values["evaluation/|Spearman| with level, best code"] == pytest.approx(1.0)
    assert line.startswith("|Spearman| with level 1.000")


def test_a_sample_of_the_training_images_is_looked_at():
    look = plan_first_look(SMALL, dataset(LABELS), 5)
    assert look.every == 5
    assert len(set(numbers(look))) == SAMPLE
    again, other = (plan_first_look(spec, dataset(LABELS), 5) for spec in (SMALL, dataclasses.replace(SMALL, seed=4)))
    np.testing.assert_array_equal(numbers(again), numbers(look))
    assert not np.array_equal(numbers(other), numbers(look))


def test_where_there_is_nothing_to_measure_by_there_is_no_look():
    continuous = dataclasses.replace(SMALL, latent_spec=(Latent("rotation", Uniform(1)),))
    assert not can_look(SMALL, dataset())
    assert not can_look(continuous, dataset(LABELS))
    assert plan_first_look(SMALL, dataset(), 5) is None
    assert plan_first_look(SMALL, dataset(LABELS), 0) is None
