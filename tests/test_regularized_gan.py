"""Which part of the latent vector meets which of Q's outputs."""

import numpy as np
from scipy.special import log_softmax
from scipy.stats import norm

from infogan.distributions import Categorical, MeanBernoulli, Uniform
from infogan.latents import Latent
from infogan.model.gan import RegularizedGAN
from infogan.system.tf1 import tf


def test_each_code_is_compared_with_its_own_outputs():
    """Noise stands between the codes; Q gives a mean and a deviation (which is fixed) or a logit for each category."""
    latents = (
        Latent("first", Uniform(1, fix_std=True)),
        Latent("noise", Uniform(3), regularised=False),
        Latent("kind", Categorical(4)),
        Latent("last", Uniform(1, fix_std=True)),
    )
    rng = np.random.default_rng(0)
    z = rng.uniform(-1, 1, (5, 9)).astype(np.float32)
    kinds = rng.integers(0, 4, 5)
    z[:, 4:8] = np.eye(4)[kinds]
    flat = rng.normal(size=(5, 8)).astype(np.float32)
    with tf.Graph().as_default(), tf.Session() as session:
        model = RegularizedGAN(MeanBernoulli(28 * 28), latents, "mnist", 0.1, 0)
        posterior = model.reg_latent_dist.activate_dist(tf.constant(flat))
        codes, found = session.run([model.reg_z(tf.constant(z)), model.reg_logli(tf.constant(z), posterior)])
    np.testing.assert_array_equal(codes, z[:, [0, 4, 5, 6, 7, 8]])
    assert list(found) == ["first", "kind", "last"]
    np.testing.assert_allclose(found["first"], norm.logpdf(z[:, 0], flat[:, 0]), atol=1e-5)
    np.testing.assert_allclose(found["kind"], log_softmax(flat[:, 2:6], axis=1)[np.arange(5), kinds], atol=1e-5)
    np.testing.assert_allclose(found["last"], norm.logpdf(z[:, 8], flat[:, 6]), atol=1e-5)
