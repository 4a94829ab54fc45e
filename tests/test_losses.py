"""The terms of the objective against float64."""

import math

import numpy as np
import pytest

from infogan.distributions import Bernoulli, Categorical
from infogan.model.losses import discriminator_loss, generator_loss, mutual_information_bound
from infogan.model.self_supervision import MEAN_NOISE, gaussian_information, view_information
from infogan.system.tf1 import tf

REAL = np.array([-3.0, -0.5, 0.0, 0.2, 4.0])
GENERATED = np.array([2.5, -1.0, 0.7, 0.0, -6.0])
EXTREME = np.array([-100.0, 100.0])


def evaluate(build, *arrays):
    """Runs build(*constants) in a graph of its own."""
    with tf.Graph().as_default(), tf.Session() as session:
        return session.run(build(*[tf.constant(array, tf.float32) for array in arrays]))


def surprise(logits):
    """-log D(x), for D(x) = 1 / (1 + exp(-logits))."""
    return np.logaddexp(0.0, -logits)


@pytest.mark.parametrize(
    "real, generated", [(REAL, GENERATED), (EXTREME, EXTREME), (EXTREME, -EXTREME[:1])], ids=["mild", "sure", "wrong"]
)
def test_losses(real, generated):
    of_d = surprise(real).mean() + surprise(-generated).mean()
    np.testing.assert_allclose(evaluate(discriminator_loss, real, generated), of_d, rtol=1e-6)
    np.testing.assert_allclose(evaluate(generator_loss, generated), surprise(generated).mean(), rtol=1e-6, atol=1e-30)


def test_losses_where_d_cannot_tell():
    zeros = np.zeros(4)
    assert evaluate(discriminator_loss, zeros, zeros) == pytest.approx(2.0 * math.log(2.0))
    assert evaluate(generator_loss, zeros) == pytest.approx(math.log(2.0))


def test_gradients_of_losses():
    """Of D: D(x) - 1 on real and D(x) on generated images; of G: D(x) - 1. Neither vanishes where that side loses."""

    def build(real, generated):
        of_d = tf.gradients(discriminator_loss(real, generated), [real, generated])
        return of_d + tf.gradients(generator_loss(generated), generated)

    logits = np.concatenate([REAL, EXTREME])
    probability = np.exp(-surprise(logits))
    expected = [probability - 1.0, probability, probability - 1.0]
    np.testing.assert_allclose(evaluate(build, logits, logits), np.array(expected) / len(logits), atol=1e-7)


def test_view_information():
    joint = np.random.default_rng(0).dirichlet(np.ones(16)).reshape(4, 4)
    both = (joint + joint.T) / 2
    expected = (both * np.log(both / np.outer(both.sum(axis=0), both.sum(axis=0)))).sum()
    assert evaluate(view_information, joint) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    "joint, expected",
    [
        (np.eye(10) / 10, math.log(10)),  # sure, the same in both views, all categories alike
        (np.diag([0.5, 0.5] + 8 * [0.0]), math.log(2)),
        (np.diag([1.0] + 9 * [0.0]), 0.0),  # everything in one category
        (np.full((10, 10), 0.01), 0.0),  # the views know nothing of each other
    ],
    ids=["perfect", "two of ten", "one of ten", "unrelated"],
)
def test_view_information_of_known_categories(joint, expected):
    value, gradient = evaluate(lambda p: (view_information(p), tf.gradients(view_information(p), p)[0]), joint)
    assert value == pytest.approx(expected, abs=1e-4)
    assert np.isfinite(gradient).all()


MOST_TOLD = -0.5 * math.log(1 - 1 / (1 + MEAN_NOISE) ** 2)
"""Nats, by a dimension that is the same in both views."""


def test_gaussian_information_of_correlations():
    """Two dimensions that correlate by 0.8 and 0.6, of other sizes and far from 0."""
    random = np.random.default_rng(0)
    common, first, second = random.normal(size=(3, 200_000, 2))
    root, scale = np.sqrt([0.8, 0.6]), [1.0, 0.01]
    first, second = (5.0 + scale * (root * common + np.sqrt(1 - root**2) * own) for own in (first, second))
    expected = [-0.5 * math.log(1 - (correlation / (1 + MEAN_NOISE)) ** 2) for correlation in (0.8, 0.6)]
    assert evaluate(gaussian_information, first, second) == pytest.approx(expected, abs=0.02)


def test_gaussian_information_of_a_dimension_is_what_it_adds():
    """By the determinants of all dimensions so far, of which the third repeats the first."""
    random = np.random.default_rng(0)
    common = random.normal(size=(64, 3)) @ [[1.0, 0.9, 1.0, 0.3], [0.0, 0.5, 0.0, 0.2], [0.0, 0.0, 0.0, 1.0]]
    first, second = (common + 0.1 * random.normal(size=(64, 4)) for _ in range(2))
    found = evaluate(gaussian_information, first, second)
    pairs = np.concatenate([np.hstack([first, second]), np.hstack([second, first])])
    joint = np.corrcoef(pairs.T) + MEAN_NOISE * np.eye(8)  # both views, once in either order

    def log_determinant(dimensions):
        return np.linalg.slogdet(joint[np.ix_(dimensions, dimensions)])[1]

    for count in range(1, 5):
        view = np.arange(count)
        whole = log_determinant(view) - 0.5 * log_determinant([*view, *(view + 4)])
        assert found[:count].sum() == pytest.approx(whole, abs=1e-3)
    assert found[0] > found[1] > found[2] > 0


@pytest.mark.parametrize(
    "first, second, expected",
    [
        ([1.0, 2.0, 3.0, 6.0], [1.0, 2.0, 3.0, 6.0], MOST_TOLD),
        ([1.0, 2.0, 3.0, 6.0], [3.0, 3.0, 3.0, 3.0], 0.0),
        ([3.0, 3.0, 3.0, 3.0], [3.0, 3.0, 3.0, 3.0], 0.0),
    ],
    ids=["equal", "one constant", "both constant"],
)
def test_gaussian_information_of_extremes(first, second, expected):
    first, second = np.array(first)[:, None], np.array(second)[:, None]
    value, gradient = evaluate(
        lambda u, v: (gaussian_information(u, v), tf.gradients(gaussian_information(u, v), u)[0]), first, second
    )
    assert value == pytest.approx([expected], abs=1e-5)
    assert np.isfinite(gradient).all()


def test_gaussian_information_of_equal_dimensions_is_finite():
    """However large: then rounding would make the determinant negative, were there no noise in it."""
    first = 1000.0 + 300.0 * np.repeat(np.random.default_rng(0).normal(size=(32, 1)), 7, axis=1)
    value, gradient = evaluate(
        lambda u, v: (gaussian_information(u, v), tf.gradients(gaussian_information(u, v), u)[0]), first, first
    )
    assert value[0] == pytest.approx(MOST_TOLD, abs=1e-3)
    assert 0 < value[-1] < 0.1
    assert np.isfinite(gradient).all()


def test_views_and_balance_are_the_loss_of_the_authors_code():
    """IID_loss of Ji et al. 2019: their `lamb` counts the logarithms of the marginals."""
    joint, weight, lamb = np.random.default_rng(0).dirichlet(np.ones(16)).reshape(4, 4), 3.0, 2.5
    joint = (joint + joint.T) / 2
    marginal = joint.sum(axis=0)
    theirs = -weight * (joint * (np.log(joint) - lamb * np.log(marginal) - lamb * np.log(marginal)[:, None])).sum()
    views, balance = evaluate(
        lambda p, mean: (view_information(p), Categorical(4).entropy({"prob": mean[None]})[0]), joint, marginal
    )
    assert -weight * views - 2 * weight * (lamb - 1) * balance == pytest.approx(theirs, abs=1e-5)


def test_mutual_information_bound():
    entropies = {"digit": math.log(10.0), "width": 0.5}
    log_probs = {"width": np.array([-1.0, -2.0, 0.0]), "digit": np.log([0.5, 0.25, 0.125])}
    bound = evaluate(lambda w, d: mutual_information_bound(entropies, {"width": w, "digit": d}), *log_probs.values())
    assert list(bound) == ["digit", "width"]
    assert bound["digit"] == pytest.approx(math.log(10.0) - 2.0 * math.log(2.0))  # geometric mean 1/4
    assert bound["width"] == pytest.approx(0.5 - 1.0)


@pytest.mark.parametrize("dist", [Categorical(10), Bernoulli(3)], ids=repr)
@pytest.mark.parametrize("sureness", [0.0, 50.0], ids=["uniform posterior", "perfect posterior"])
def test_mutual_information_bound_reaches_its_limits(dist, sureness):
    """0 where Q has learned nothing, H(c) where it is always right."""

    def build():
        c = dist.sample_prior(64, seed=1)
        log_prob = dist.logli(c, dist.activate_dist(sureness * (2.0 * c - 1.0)))
        return mutual_information_bound({"c": dist.prior_entropy}, {"c": log_prob})["c"]

    assert evaluate(build) == pytest.approx(dist.prior_entropy if sureness else 0.0, abs=1e-5)


@pytest.mark.parametrize("log_probs", [{}, {"width": 0.0}, {"digit": 0.0, "width": 0.0}], ids=str)
def test_mutual_information_bound_needs_the_same_codes(log_probs):
    message = rf"mutual_information_bound: entropies of \['digit'\], log_probs of \[{', '.join(map(repr, log_probs))}\]"
    with pytest.raises(ValueError, match=message):
        mutual_information_bound({"digit": 1.0}, log_probs)


@pytest.mark.parametrize("real, generated", [(REAL, GENERATED), (EXTREME, -EXTREME)], ids=["mild", "sure"])
def test_hinge_losses(real, generated):
    of_d = np.maximum(0.0, 1.0 - real).mean() + np.maximum(0.0, 1.0 + generated).mean()
    found = evaluate(lambda r, g: discriminator_loss(r, g, "hinge"), real, generated)
    np.testing.assert_allclose(found, of_d, rtol=1e-6)
    found = evaluate(lambda g: generator_loss(g, "hinge"), generated)
    np.testing.assert_allclose(found, -generated.mean(), rtol=1e-6, atol=1e-6)
