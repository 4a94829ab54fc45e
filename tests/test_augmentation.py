"""The random affine maps, against scipy's resampling with the same random amounts."""

import math

import numpy as np
import pytest
from scipy import ndimage

from infogan.model import augmentation
from infogan.model.augmentation import LOG_SCALE, ROTATION, SHEAR, SHIFT, augment
from infogan.system.tf1 import tf

SEED = (3, 4)
SHAPE = (6, 12, 9, 2)


def evaluate(build, *arrays, shape=(None, *SHAPE[1:])):
    """Runs build(*placeholders) in a graph of its own; the placeholders do not know the batch size."""
    with tf.Graph().as_default(), tf.Session() as session:
        holders = [tf.placeholder(tf.float32, shape) for _ in arrays]
        return session.run(build(*holders), dict(zip(holders, arrays)))


def augmented(images):
    return evaluate(lambda x: augment(x, 1.0, tf.constant(SEED)), images)


def make_images(seed=0, shape=SHAPE):
    return np.random.default_rng(seed).uniform(size=shape).astype(np.float32)


def expected_images(images, strength, seed):
    """scipy's affine_transform of each channel, in float64; its positions are (row, column)."""
    draws = evaluate(lambda: tf.random.stateless_uniform([6, len(images), 1, 1], tf.constant(seed), -1.0, 1.0))
    center, result = (np.array(images.shape[1:3]) - 1.0) / 2.0, np.empty(images.shape)
    for i, (rotation, shear, *scale, right, down) in enumerate(strength * draws[:, :, 0, 0].T.astype(np.float64)):
        cos, sin = math.cos(ROTATION * rotation), math.sin(ROTATION * rotation)
        scale_x, scale_y = np.exp(LOG_SCALE * np.array(scale))
        matrix = np.array([[cos, sin], [-sin, cos]]) @ np.diag([scale_y, scale_x]) + [[0.0, 0.0], [SHEAR * shear, 0.0]]
        offset = center + SHIFT * np.array([down, right]) - matrix @ center
        for c in range(images.shape[3]):
            channel = images[i, :, :, c].astype(np.float64)
            result[i, :, :, c] = ndimage.affine_transform(channel, matrix, offset, order=1, mode="grid-constant")
    return result


def test_strength_0_gives_the_same_tensor():
    with tf.Graph().as_default():
        images = tf.placeholder(tf.float32, [None, *SHAPE[1:]])
        assert augment(images, 0.0, tf.constant(SEED)) is images


@pytest.mark.parametrize("shape", [SHAPE, (6, 12, 9, 1), (6, 28, 28, 1)], ids=str)
@pytest.mark.parametrize("strength", [0.3, 1.0, 6.0])
def test_agrees_with_scipy(shape, strength):
    images = make_images(shape=shape)
    actual = evaluate(lambda x: augment(x, strength, tf.constant(SEED)), images, shape=(None, *shape[1:]))
    np.testing.assert_allclose(actual, expected_images(images, strength, SEED), atol=2e-5)


def test_one_known_map(monkeypatch):
    """A shift alone, by whole pixels, moves the image and leaves zeros behind it."""
    for constant, value in {"ROTATION": 0.0, "SHEAR": 0.0, "LOG_SCALE": 0.0, "SHIFT": 2.0}.items():
        monkeypatch.setattr(augmentation, constant, value)
    monkeypatch.setattr(tf.random, "stateless_uniform", lambda shape, *_: tf.ones(shape))
    images, expected = make_images(), np.zeros(SHAPE)
    expected[:, :-2, :-2] = images[:, 2:, 2:]
    np.testing.assert_allclose(augmented(images), expected, atol=1e-6)


def test_turning_is_the_share_of_rotation_and_shear(monkeypatch):
    images = make_images()
    quarter = evaluate(lambda x: augment(x, 1.0, tf.constant(SEED), turning=0.25), images)
    for name in ("ROTATION", "SHEAR"):
        monkeypatch.setattr(augmentation, name, getattr(augmentation, name) / 4)
    np.testing.assert_allclose(quarter, augmented(images), atol=1e-6)
    assert np.abs(quarter - images).max() > 0.1  # scale and shift are whole


def test_gradient_is_the_adjoint():
    """The map is linear in the images: <A x, y> = <x, A^T y>, where A^T y is the gradient."""
    x, y = make_images(1), make_images(2)

    def build(x, y):
        mapped = augment(x, 1.0, tf.constant(SEED))
        return mapped, tf.gradients(mapped, x, grad_ys=y)[0]

    mapped, adjoint = evaluate(build, x, y)
    for one, other, z, gradient in zip(mapped, x, y, adjoint):  # image by image: none may reach into another
        assert np.vdot(one, z) == pytest.approx(np.vdot(other, gradient), rel=1e-5)
    np.testing.assert_allclose(augmented(2.0 * x - y), 2.0 * mapped - augmented(y), atol=1e-5)


def test_same_seed_same_maps():
    x = make_images()
    seeds = (SEED, SEED, (3, 5), (4, 4))
    first, second, *others = evaluate(lambda x: [augment(x, 1.0, tf.constant(seed)) for seed in seeds], x)
    np.testing.assert_array_equal(first, second)
    assert not any(np.array_equal(first, other) for other in others)


def test_equal_graphs_repeat_bit_for_bit():
    x, shape = make_images(shape=(32, 28, 28, 1)), (None, 28, 28, 1)

    def build(x):
        mapped = augment(x, 1.0, tf.constant(SEED))
        return mapped, tf.gradients(tf.square(mapped), x)[0]

    for one, other in zip(evaluate(build, x, shape=shape), evaluate(build, x, shape=shape)):
        np.testing.assert_array_equal(one, other)


def test_each_image_gets_a_map_of_its_own_and_all_its_channels_the_same():
    images = np.tile(make_images(shape=(1, *SHAPE[1:3], 1)), [SHAPE[0], 1, 1, 2])
    mapped = augmented(images)
    assert len(np.unique(mapped.reshape(len(mapped), -1), axis=0)) == len(mapped)
    np.testing.assert_array_equal(mapped[..., 0], mapped[..., 1])
