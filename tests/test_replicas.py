"""Two virtual CPU devices compute what one does."""

import numpy as np
import pytest

from infogan.model.layers import GENERATED, REAL, Network, Normalisation, batch_norm
from infogan.model.replicas import count_replicas, gather_from_replicas, own_number, own_share, sum_over_replicas
from infogan.system.tf1 import choose_precision, session_config, tf

DEVICES = ["/cpu:0", "/cpu:1"]


def on_replicas(build, precision="float32"):
    """What build() makes on each of two virtual devices, evaluated: a list."""
    made = []
    with tf.Graph().as_default():
        strategy = tf.distribute.MirroredStrategy(DEVICES)
        with strategy.scope():
            strategy.run(lambda: made.append(build()))
        return evaluate(made, precision)


def on_one(build, precision="float32"):
    with tf.Graph().as_default():
        return evaluate(build(), precision)


def evaluate(made, precision):
    config = session_config(precision)
    config.device_count["CPU"] = 2
    config.graph_options.rewrite_options.remapping = 2  # as `LocalDevices` sets it
    with tf.Session(config=config) as session:
        session.run(tf.global_variables_initializer())
        values = session.run(made)
        AVERAGES.clear()
        AVERAGES.extend(session.run([v for v in tf.global_variables() if v.op.name.endswith(("/mean", "/variance"))]))
        return values


AVERAGES = []
"""Batch norm's moving averages after the last `evaluate`."""


def test_shares_make_up_the_batch():
    batch = np.arange(12).reshape(6, 2)
    shares = on_replicas(lambda: own_share(tf.constant(batch)))
    np.testing.assert_array_equal(np.concatenate(shares), batch)


def test_shares_of_parts_make_up_the_parts():
    shares = on_replicas(lambda: own_share(tf.constant([0, 1, 2, 3, 10, 11, 12, 13]), parts=2))
    assert [share.tolist() for share in shares] == [[0, 1, 10, 11], [2, 3, 12, 13]]


def test_one_replicas_nan_stays_in_its_row():
    rows = on_replicas(lambda: gather_from_replicas(tf.constant([[1.0, 2.0], [np.nan, 4.0]])[own_number()]))
    for gathered in rows:
        np.testing.assert_array_equal(gathered, [[1.0, 2.0], [np.nan, 4.0]])


def test_without_a_strategy_nothing_is_added():
    with tf.Graph().as_default() as graph:
        x = tf.zeros([4, 3])
        operations = len(graph.get_operations())
        assert own_share(x) is x
        assert sum_over_replicas(x) is x
        assert count_replicas() == 1
        assert len(graph.get_operations()) == operations


def test_gradient_of_the_sum_reaches_every_replica():
    # y = (w_0 x_0 + w_1 x_1)^2 on both replicas, of the same w: d(y_0 + y_1)/dw_i = 2 * 2 (w_0 x_0 + w_1 x_1) x_i.
    def build():
        w = tf.get_variable("w", initializer=3.0)
        x = tf.constant([5.0, 7.0])[own_number()]
        return tf.gradients(tf.square(sum_over_replicas(w * x)), w)[0]

    assert on_replicas(build) == pytest.approx([2 * 2 * 36 * 5, 2 * 2 * 36 * 7])


@pytest.mark.parametrize("shape", [(8, 5), (8, 4, 4, 5)])
def test_batch_norm_and_its_gradients_are_those_of_the_whole_batch(shape):
    rng = np.random.default_rng(0)
    batch, weights = rng.normal(0.5, 2.0, shape).astype(np.float32), rng.normal(size=shape).astype(np.float32)

    def build():
        network = Network("n", 0, [batch_norm()])
        x, weight = own_share(tf.constant(batch), parts=2), own_share(tf.constant(weights), parts=2)
        normalisation = Normalisation([REAL, GENERATED], batch_statistics=True)
        y = network(x, normalisation)
        gradients = tf.gradients(tf.reduce_sum(weight * tf.sigmoid(y)), [x, *network.trainable_variables])
        return y, gradients, tf.group(*normalisation.updates)

    whole_y, whole_gradients, _ = on_one(build)
    whole_averages = list(AVERAGES)
    replicas = on_replicas(build)
    halves = np.split(whole_y, 2), np.split(whole_gradients[0], 2)  # real and generated
    for number, (y, gradients, _) in enumerate(replicas):
        for found, parts in ((y, halves[0]), (gradients[0], halves[1])):
            expected = np.concatenate([np.split(part, 2)[number] for part in parts])
            np.testing.assert_allclose(found, expected, atol=2e-5)
    assert len(AVERAGES) == len(whole_averages) == 4
    for found, expected in zip(AVERAGES, whole_averages):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    for index in (1, 2):  # scale and offset: each replica has its share of the gradient
        total = sum(gradients[index] for _, gradients, _ in replicas)
        np.testing.assert_allclose(total, whole_gradients[index], rtol=1e-4, atol=1e-4)


@pytest.mark.skipif(choose_precision("auto") != "bfloat16", reason="this machine does not train in bfloat16")
def test_between_bfloat16_convolutions_the_moments_are_those_of_one_device():
    # Channels whose deviation is small beside their mean: a mean of squares in bfloat16 gives variances below 0.
    rng = np.random.default_rng(0)
    shapes = (0.2, (16, 8, 8, 6)), (1.0, (3, 3, 6, 16)), (0.0, (3, 3, 16, 8))
    images, first, second = (rng.normal(mean, 0.05, shape).astype(np.float32) for mean, shape in shapes)

    def build():
        normalisation = Normalisation([REAL], batch_statistics=True)
        kernels = [tf.get_variable(f"kernel{i}", initializer=kernel) for i, kernel in enumerate((first, second))]
        batch = tf.placeholder_with_default(images, images.shape)  # TensorFlow computes with constants beforehand
        x = tf.nn.conv2d(own_share(batch), kernels[0], 1, "VALID")
        y = Network("n", 0, [batch_norm()])(x, normalisation)
        score = tf.nn.conv2d(tf.nn.leaky_relu(y), kernels[1], 1, "VALID")
        loss = tf.reduce_mean(tf.square(score)) / count_replicas()
        return y, tf.gradients(loss, kernels), tf.group(*normalisation.updates)

    whole_y, whole_gradients, _ = on_one(build, "bfloat16")
    whole_averages = list(AVERAGES)
    replicas = on_replicas(build, "bfloat16")
    np.testing.assert_allclose(np.concatenate([y for y, _, _ in replicas]), whole_y, atol=0.02)
    for found, expected in zip(AVERAGES, whole_averages):
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    for index, expected in enumerate(whole_gradients):
        total = sum(gradients[index] for _, gradients, _ in replicas)
        np.testing.assert_allclose(total, expected, atol=0.03 * np.abs(expected).max())
