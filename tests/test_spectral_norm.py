"""Spectral normalisation against numpy's singular value decomposition."""

import dataclasses

import numpy as np
import pytest

from infogan.model.gan import RegularizedGAN
from infogan.model.layers import (
    GENERATED,
    REAL,
    Network,
    Normalisation,
    batch_norm,
    conv,
    dense,
    leaky_relu,
    reshape,
)
from infogan.system.tf1 import tf
from infogan.training.update import (
    build_discriminator_step,
    build_generator_step,
    build_update,
    minimise,
)

pytestmark = pytest.mark.usefixtures("wide", "quick_graphs")

D_STEP = [REAL, GENERATED]


@pytest.fixture
def session():
    with tf.Graph().as_default(), tf.Session() as session:
        yield session


def largest_singular_value(kernel):
    return np.linalg.svd(np.asarray(kernel, np.float64).reshape(-1, kernel.shape[-1]), compute_uv=False)[0]


@pytest.mark.parametrize(("row", "shape"), [(conv(7), (6, 8, 8, 3)), (dense(5), (6, 11))], ids=["conv", "dense"])
def test_layer_is_divided_by_the_largest_singular_value(session, row, shape):
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    network = Network("n", 0, [row], spectral_norm=True)
    training = Normalisation(D_STEP, batch_statistics=True)
    network(tf.constant(x), training)
    y = network(tf.constant(x), Normalisation([REAL], batch_statistics=False))
    kernel, bias = network.trainable_variables
    session.run(tf.global_variables_initializer())
    session.run(bias.assign(np.linspace(-1.0, 1.0, bias.shape[0])))
    for _ in range(200):
        session.run(training.updates)
    values, weights, offsets = session.run([y, kernel, bias])
    sigma = largest_singular_value(weights)
    assert not 0.99 < sigma < 1.01
    with tf.Graph().as_default(), tf.Session() as other:
        scaled = tf.constant(weights.astype(np.float64) / sigma)
        wide = tf.constant(x, tf.float64)
        plain = other.run(tf.nn.conv2d(wide, scaled, 2, "SAME") if len(shape) == 4 else wide @ scaled)
    np.testing.assert_allclose(values, plain + offsets, atol=1e-5)


def test_gradient_is_that_of_the_normalised_layer(session):
    """d/dW of f(W / sigma(W)): central differences in float64, where sigma is that of the singular vectors."""
    rng = np.random.default_rng(1)
    x, direction = rng.normal(size=(4, 6)), rng.normal(size=(4, 3))
    network = Network("n", 0, [dense(3)], spectral_norm=True)
    training = Normalisation(D_STEP, batch_statistics=True)
    y = network(tf.constant(x, tf.float32), training)
    gradient = tf.gradients(tf.reduce_sum(y * direction.astype(np.float32)), network.trainable_variables[0])[0]
    session.run(tf.global_variables_initializer())
    for _ in range(200):
        session.run(training.updates)
    kernel, found = session.run([network.trainable_variables[0], gradient])

    def loss(weights):
        return (x @ (weights / largest_singular_value(weights)) * direction).sum()

    expected, wide = np.zeros(kernel.shape), kernel.astype(np.float64)
    for place in np.ndindex(kernel.shape):
        step = np.zeros(kernel.shape)
        step[place] = 1e-6
        expected[place] = (loss(wide + step) - loss(wide - step)) / 2e-6
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())


def test_batch_norm_is_left_out_and_nothing_else(session):
    rows = [conv(4), batch_norm(), leaky_relu(0.1), reshape(-1), dense(3)]
    network = Network("n", 0, rows, spectral_norm=True)
    network(tf.zeros([2, 8, 8, 1]), Normalisation([REAL], True))
    assert [v.op.name for v in network.trainable_variables] == [
        *("n/0_conv/kernel", "n/0_conv/bias", "n/3_dense/kernel", "n/3_dense/bias")
    ]


def test_only_a_pass_over_real_images_in_training_moves_u(session):
    network, moves = Network("n", 0, [dense(3)], spectral_norm=True), {}
    for populations, batch_statistics in ((D_STEP, True), ([GENERATED], True), ([REAL], False)):
        normalisation = Normalisation(populations, batch_statistics)
        network(tf.ones([2, 4]), normalisation)
        moves[tuple(populations)] = len(normalisation.updates)
    assert moves == {tuple(D_STEP): 1, (GENERATED,): 0, (REAL,): 0}


def spectra(session):
    """u of every layer by name."""
    return session.run({v.op.name: v for v in tf.global_variables() if v.op.name.endswith("/u")})


def test_a_d_step_moves_every_u_once_and_a_g_step_none(spec, session):
    spec = dataclasses.replace(spec, spectral_norm=True)
    model = RegularizedGAN.of_spec(spec)
    images = tf.zeros([24, 28, 28, 1], tf.uint8)
    build_update(model, spec, images)
    with tf.variable_scope("again"):
        real = model.read_images(images[:8])
        d_step, _ = minimise(build_discriminator_step(model, spec, real, 0.0, (3, 0)))
        g_step, _ = minimise(build_generator_step(model, spec, 0.0, (3, 0)))
    session.run(tf.global_variables_initializer())
    kernels = session.run({v.op.name: v for v in tf.trainable_variables() if "kernel" in v.op.name})
    before = spectra(session)
    assert {name.split("/")[0] for name in before} == {"trunk", "discriminator", "recognition"}
    assert len(before) == 2 + 1 + 2
    session.run(g_step)
    for name, u in spectra(session).items():
        np.testing.assert_array_equal(u, before[name], err_msg=name)
    session.run(d_step)
    for name, u in spectra(session).items():
        matrix = kernels[name.removesuffix("u") + "kernel"].reshape(-1, len(u)).astype(np.float64)
        v = matrix @ before[name]
        expected = matrix.T @ v
        np.testing.assert_allclose(u, expected / np.linalg.norm(expected), atol=1e-5, err_msg=name)
    norms = [v.op.name for v in tf.global_variables() if v.op.name.endswith("/mean")]
    assert norms
    assert all("generator/" in name for name in norms)
