"""The random affine maps, against scipy's resampling with the same random amounts."""

import math

import numpy as np
import pytest
from scipy import ndimage

from infogan.model import augmentation
from infogan.model.augmentation import (
    BRIGHTNESS,
    CONTRAST,
    LOG_SCALE,
    ROTATION,
    SATURATION,
    SHEAR,
    SHIFT,
    augment,
    change_colours,
    cut_out,
)
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


def expected_images(images, strength, seed, mode="grid-constant"):
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
            result[i, :, :, c] = ndimage.affine_transform(channel, matrix, offset, order=1, mode=mode)
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


@pytest.mark.parametrize("strength", [1.0, 6.0])
def test_edges_agree_with_scipy(strength):
    images = make_images()
    actual = evaluate(lambda x: augment(x, strength, tf.constant(SEED), fill="edge"), images)
    np.testing.assert_allclose(actual, expected_images(images, strength, SEED, "nearest"), atol=2e-5)


def test_an_even_image_stays_even_with_its_edges_repeated():
    images = np.full(SHAPE, 0.7, np.float32)
    np.testing.assert_allclose(
        evaluate(lambda x: augment(x, 6.0, tf.constant(SEED), fill="edge"), images), 0.7, atol=1e-6
    )
    assert np.abs(evaluate(lambda x: augment(x, 6.0, tf.constant(SEED)), images)).min() == 0.0


def draw_known(monkeypatch, *amounts):
    """Random numbers are these, the same for each image."""

    def draw(shape, *_):
        return tf.ones(shape) * tf.reshape(tf.constant(amounts), [-1, 1, 1, 1])

    monkeypatch.setattr(tf.random, "stateless_uniform", draw)


@pytest.mark.parametrize("strength", [0.5, 1.0])
@pytest.mark.parametrize("pixel_range", [(0.0, 1.0), (-1.0, 1.0)])
def test_known_changes_of_colour(monkeypatch, strength, pixel_range):
    images, width = make_images(shape=(4, 5, 6, 3)), pixel_range[1] - pixel_range[0]
    for amounts in ((1.0, 0.0, 0.0), (0.0, -0.6, 0.0), (0.0, 0.0, 1.0), (-0.5, 0.25, -0.75)):
        draw_known(monkeypatch, *amounts)
        actual = evaluate(
            lambda x: change_colours(x, strength, pixel_range, tf.constant(SEED)), images, shape=(None, 5, 6, 3)
        )
        brightness, saturation, contrast = strength * np.array(amounts)
        expected = images.astype(np.float64) + BRIGHTNESS * width * brightness
        grey = expected.mean(axis=3, keepdims=True)
        expected = grey + (1 + SATURATION * saturation) * (expected - grey)
        mean = expected.mean(axis=(1, 2, 3), keepdims=True)
        np.testing.assert_allclose(actual, mean + (1 + CONTRAST * contrast) * (expected - mean), atol=1e-6)


def test_saturation_and_contrast_of_0(monkeypatch):
    """Known without the formulas: no saturation is grey, and the contrast of a grey image scales its deviation."""
    images, shape = make_images(shape=(4, 5, 6, 3)), (None, 5, 6, 3)
    draw_known(monkeypatch, 0.0, -1.0, 0.0)
    grey = evaluate(lambda x: change_colours(x, 1.0, (0.0, 1.0), tf.constant(SEED)), images, shape=shape)
    assert np.ptp(grey, axis=3).max() < 1e-6
    np.testing.assert_allclose(grey.mean(axis=3), images.mean(axis=3), atol=1e-6)
    draw_known(monkeypatch, 0.0, 0.0, 1.0)
    stark = evaluate(lambda x: change_colours(x, 1.0, (0.0, 1.0), tf.constant(SEED)), images, shape=shape)
    np.testing.assert_allclose(stark.std(axis=(1, 2, 3)), 1.5 * images.std(axis=(1, 2, 3)), rtol=1e-5)
    np.testing.assert_allclose(stark.mean(axis=(1, 2, 3)), images.mean(axis=(1, 2, 3)), atol=1e-6)


def test_a_known_cut(monkeypatch):
    """Half the height and width, around the middle, and in the lower right corner, where a quarter of it is inside."""
    images = make_images(shape=(3, 8, 12, 2)) + 1.0
    for place, rows, columns in ((0.0, slice(2, 6), slice(3, 9)), (1.0, slice(6, 8), slice(9, 12))):
        draw_known(monkeypatch, place, place)
        expected = images.copy()
        expected[:, rows, columns] = 0.0
        cut = evaluate(lambda x: cut_out(x, 0.5, tf.constant(SEED)), images, shape=(None, 8, 12, 2))
        np.testing.assert_array_equal(cut, expected)


def test_cuts_are_all_over_the_image():
    """A pixel is cut with a probability of 1/4 in the middle and about 1/16 in a corner: 4,000 images, 5 deviations."""
    images = np.ones((4000, 16, 16, 1), np.float32)
    cut = 1.0 - evaluate(lambda x: cut_out(x, 0.5, tf.constant(SEED)), images, shape=(None, 16, 16, 1)).mean(axis=0)
    assert cut[8, 8, 0] == pytest.approx(0.25, abs=5 * np.sqrt(0.25 * 0.75 / 4000))
    near = (0.5 * 17 / 16 / 2) ** 2  # a corner's pixel has its own middle half a pixel inside
    assert cut[0, 0, 0] == pytest.approx(near, abs=5 * np.sqrt(near * (1 - near) / 4000))


@pytest.mark.parametrize(
    "change",
    [
        lambda x: change_colours(x, 1.0, (-1.0, 1.0), tf.constant(SEED)),
        lambda x: cut_out(x, 0.5, tf.constant(SEED)),
        lambda x: augment(x, 1.0, tf.constant(SEED), fill="edge"),
    ],
    ids=["colours", "cut", "edge"],
)
def test_maps_that_came_later_are_differentiable_and_keep_images_apart(change):
    """All are affine in the images: f(x + y) - f(x) is the derivative's product with y, image by image."""
    x, y = make_images(1), make_images(2)

    def build(x, y):
        return change(x), change(x + y), tf.gradients(change(x), x, grad_ys=y)[0]

    at_x, at_both, adjoint = evaluate(build, x, y)
    linear = at_both - at_x  # A y, and the adjoint is A^T y
    for forward, backward, z in zip(linear, adjoint, y):
        assert np.vdot(forward, z) == pytest.approx(np.vdot(backward, z), rel=1e-4)
    assert len({round(float(np.vdot(one, one)), 4) for one in linear - y}) > 1  # of its own for each image


def test_none_of_it_gives_the_same_tensor():
    with tf.Graph().as_default():
        images = tf.placeholder(tf.float32, [None, *SHAPE[1:]])
        assert change_colours(images, 0.0, (0.0, 1.0), tf.constant(SEED)) is images
        assert cut_out(images, 0.0, tf.constant(SEED)) is images


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
