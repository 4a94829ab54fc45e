"""A latent of your own: an angle, a point on the circle whose ends meet, with a von Mises posterior.

    python examples/new_latent.py --updates 3000     # the default only shows the way

A run with such a latent names its class in spec.json. To load it again, import the module that defines the class first:

    from examples.new_latent import Angle
    run = infogan.load("ckt/angle/NAME")
"""

import dataclasses
import math
import sys

import numpy as np

import infogan
from infogan import Distribution, ExperimentSpec, Latent, MeanBernoulli, Uniform
from infogan.command_line import Parser, run_command
from infogan.datasets import Dataset, Split
from infogan.tf1 import tf


@dataclasses.dataclass(frozen=True)
class Angle(Distribution):
    """An angle, as the point (cos, sin); uniform a priori, von Mises around Q's direction a posteriori.

    log p(x | mean, concentration) = concentration * (x . mean) - log(2 pi I0(concentration))
    """

    dim = 2
    effective_dim = 1
    dist_info_keys = ("mean", "concentration")
    prior_entropy = math.log(2 * math.pi)
    prior_in_words = "an angle, uniform on the circle"
    concentration: float = 4.0

    def sweep(self, columns, limit):
        angles = np.linspace(0, 2 * np.pi, columns, endpoint=False)
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)

    def prior_dist_info(self, batch_size):
        return {"mean": tf.tile([[1.0, 0.0]], [batch_size, 1]), "concentration": tf.zeros([batch_size, 1])}

    def sample_prior(self, batch_size, seed=None):
        angle = tf.random.stateless_uniform([batch_size, 1], _seed_pair(seed), 0.0, 2 * math.pi)
        return tf.concat([tf.cos(angle), tf.sin(angle)], axis=1)

    def activate_dist(self, flat):
        mean = tf.nn.l2_normalize(flat, axis=1)
        return {"mean": mean, "concentration": tf.fill([tf.shape(flat)[0], 1], self.concentration)}

    def logli(self, x, dist_info):
        concentration = dist_info["concentration"][:, 0]
        # i0e(k) = exp(-k) I0(k) does not overflow.
        log_i0 = tf.log(tf.math.bessel_i0e(concentration)) + concentration
        return concentration * tf.reduce_sum(x * dist_info["mean"], axis=1) - log_i0 - math.log(2 * math.pi)


def _seed_pair(seed):
    if seed is None:
        return tf.random.uniform([2], maxval=2**30, dtype=tf.int32)
    return tf.constant([seed, 0], tf.int64) if isinstance(seed, int) else seed


def draw_hands(count, seed):
    """uint8 [count, 28, 28, 1]: clock hands, each at an angle of its own."""
    angle = np.random.default_rng(seed).uniform(0, 2 * np.pi, count)[:, None, None]
    y, x = np.mgrid[:28, :28] - 13.5
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    return np.uint8(255 * ((along > 0) & (along < 12) & (np.abs(across) < 2)))[..., None]


def make_spec(updates):
    return ExperimentSpec(
        name="angle",
        recipe="mine",
        dataset="hands",
        network="mnist",
        output_dist=MeanBernoulli(28 * 28),
        latent_spec=(Latent("noise", Uniform(16), regularised=False), Latent("angle", Angle())),
        leaky_rate=0.1,
        info_reg_coeff=1.0,
        continuous_weight=1.0,
        discriminator_learning_rate=2e-4,
        generator_learning_rate=1e-3,
        batch_size=32,
        max_epoch=1,
        updates_per_epoch=updates,
    )


def train(updates, log_dir, checkpoint_dir):
    """Trains, and compares angles given with those read back; returns the run's checkpoint folder."""
    if updates < 1:
        raise infogan.InputError("--updates", f"{updates} was given, but a whole number of at least 1 is needed.")
    one_class = np.zeros(2000, np.uint8)
    images, test = Split(draw_hands(2000, 0), one_class), Split(draw_hands(500, 1), one_class[:500])
    dataset = Dataset(images, test, "clock hands drawn by the example")
    path = infogan.train(make_spec(updates), dataset, log_dir, checkpoint_dir)
    with infogan.load(path) as run:
        angles = np.linspace(0, 2 * np.pi, 8, endpoint=False)
        given = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        read = run.encode(run.generate(codes={"angle": given}))["angle"]["mean"]
    agreement = float(np.mean(np.sum(given * read, axis=1)))
    print(f"{path}: mean cosine between angles given to G and those Q reads back: {agreement:.2f}")
    return path


def main(arguments=None):
    parser = Parser(__doc__)
    parser.add_argument("--updates", type=int, default=4)
    parser.add_argument("--log-dir", default="logs")
    parser.add_argument("--checkpoint-dir", default="ckt")
    return run_command(
        parser, lambda options: train(options.updates, options.log_dir, options.checkpoint_dir), arguments
    )


if __name__ == "__main__":
    sys.exit(main())
