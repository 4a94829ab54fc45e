"""Table 1's layers, and what batch norm does with the two populations."""

import numpy as np
import pytest

from infogan.networks import load_architecture, mnist
from infogan.networks.layers import (
    GENERATED,
    REAL,
    Network,
    Normalisation,
    batch_norm,
    conv,
    dense,
    leaky_relu,
    up_conv,
)
from infogan.seeds import derive_seed
from infogan.tf1 import tf

BATCH = 6


def evaluate(fetches, feed=None, before=()):
    """Initialises the current graph and runs `before`, then `fetches`."""
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for operations in before:
            session.run(operations, feed)
        return session.run(fetches, feed)


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as graph:
        yield graph


def shapes(network):
    """The shapes of a network's kernels, in order."""
    return [tuple(v.shape) for v in network.trainable_variables if "kernel" in v.name]


def scales(network):
    return [tuple(v.shape) for v in network.trainable_variables if "scale" in v.name]


def test_table_1_trunk_and_heads():
    trunk, discriminator = mnist.build_trunk(0, 0.1), mnist.build_discriminator_head(0)
    recognition = mnist.build_recognition_head(0, 0.1, 14)
    features = trunk(tf.zeros([BATCH, 28, 28, 1]), Normalisation([REAL], True))
    assert features.shape == (BATCH, 1024)
    assert discriminator(features, Normalisation([REAL], True)).shape == (BATCH, 1)
    assert recognition(features, Normalisation([REAL], True)).shape == (BATCH, 14)
    assert shapes(trunk) == [(4, 4, 1, 64), (4, 4, 64, 128), (7 * 7 * 128, 1024)]
    assert scales(trunk) == [(128,), (1024,)]  # no batch norm after the first convolution
    assert shapes(discriminator) == [(1024, 1)]
    assert shapes(recognition) == [(1024, 128), (128, 14)]
    assert scales(recognition) == [(128,)]


def test_no_bias_before_batch_norm():
    generator = mnist.build_generator(0)
    generator(tf.zeros([BATCH, 74]), Normalisation([GENERATED], True))
    assert [v.name for v in generator.trainable_variables if "bias" in v.name] == ["generator/10_up_conv/bias:0"]


def test_table_1_generator():
    generator = mnist.build_generator(0)
    assert generator(tf.zeros([BATCH, 74]), Normalisation([GENERATED], True)).shape == (BATCH, 28, 28, 1)
    assert shapes(generator) == [(74, 1024), (1024, 7 * 7 * 128), (4, 4, 64, 128), (4, 4, 1, 64)]
    assert scales(generator) == [(1024,), (7 * 7 * 128,), (64,)]


def test_unknown_batch_size():
    images = tf.placeholder(tf.float32, [None, 28, 28, 1])
    features = mnist.build_trunk(0, 0.1)(images, Normalisation([REAL], False))
    assert evaluate(features, {images: np.zeros([3, 28, 28, 1])}).shape == (3, 1024)


def test_unknown_architecture_is_refused():
    with pytest.raises(ValueError, match="'lenet' was given, but the known ones are mnist"):
        load_architecture("lenet")


def test_leaky_relu_uses_the_rate():
    assert evaluate(Network("n", 0, [leaky_relu(0.1)])(tf.constant([-2.0, 3.0]), None)).tolist() == pytest.approx(
        [-0.2, 3]
    )


def test_initial_values_follow_from_seed_and_position():
    def kernels(seed, name):
        with tf.Graph().as_default():
            network = Network(name, seed, [conv(3), conv(3), up_conv(3), batch_norm(), dense(5)])
            network(tf.zeros([2, 8, 8, 3]), Normalisation([REAL], True))
            return evaluate(network.trainable_variables)

    same, again, other_seed, other_name = kernels(1, "a"), kernels(1, "a"), kernels(2, "a"), kernels(1, "b")
    for values, repeated in zip(same, again):
        np.testing.assert_array_equal(values, repeated)
    assert not np.array_equal(same[0], other_seed[0])
    assert not np.array_equal(same[0], other_name[0])
    assert not np.array_equal(same[0], same[2])  # two equal layers of one network differ


def test_derived_seeds_do_not_collide():
    paths = [(seed, "trunk", position) for seed in range(50) for position in range(50)]
    assert (
        len({derive_seed(*path) for path in paths}) > len(paths) - 3
    )  # 2,500 draws of 2^31: 0.0015 collisions expected


@pytest.mark.parametrize("shape", [(64, 5), (16, 4, 4, 5)])
def test_batch_norm_in_training_uses_the_batch(shape):
    x = np.random.default_rng(0).normal(3.0, 2.0, shape).astype(np.float32)
    network = Network("n", 0, [batch_norm()])
    y, (scale, offset) = evaluate([network(tf.constant(x), Normalisation([REAL], True)), network.trainable_variables])
    axes = tuple(range(len(shape) - 1))
    wide = x.astype(np.float64)
    expected = (wide - wide.mean(axes)) / np.sqrt(wide.var(axes) + 1e-5) * scale + offset
    np.testing.assert_allclose(y, expected, atol=1e-4)


def test_moving_averages_are_kept_apart():
    rng = np.random.default_rng(0)
    batches = {REAL: rng.normal(5, 1, (512, 3)), GENERATED: rng.normal(-5, 2, (512, 3))}
    network = Network("n", 0, [batch_norm()])
    updates, results = [], {}
    for population, batch in batches.items():
        training = Normalisation([population], batch_statistics=True)
        network(tf.constant(batch, tf.float32), training)
        updates += training.updates
        results[population] = network(tf.constant(batch, tf.float32), Normalisation([population], False))
    fetched = evaluate([results, network.trainable_variables], before=[updates] * 150)
    outputs, (scale, _) = fetched
    for population in batches:
        np.testing.assert_allclose(outputs[population].mean(0), 0, atol=0.02)
        np.testing.assert_allclose(outputs[population].std(0) / scale, 1, atol=0.02)


def test_without_batch_statistics_an_image_stands_alone():
    images = np.random.default_rng(0).normal(size=(8, 28, 28, 1)).astype(np.float32)
    trunk = mnist.build_trunk(0, 0.1)
    together = trunk(tf.constant(images), Normalisation([REAL], False))
    alone = trunk(tf.constant(images[:1]), Normalisation([REAL], False))
    first, single = evaluate([together, alone])
    np.testing.assert_allclose(first[:1], single, atol=1e-6)
