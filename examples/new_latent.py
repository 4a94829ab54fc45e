"""A latent of your own: how much there is of something, of which there is mostly little and now and then a lot.

    python examples/new_latent.py --updates 3000     # the default only shows the way

A run with such a latent names its class in spec.json. To load it again, import the module that defines the class first:

    from examples.new_latent import Exponential
    run = infogan.load("ckt/amount/NAME")
"""

import dataclasses
import sys

import numpy as np

import infogan
from infogan import ExperimentSpec, Gaussian, Latent, MeanBernoulli, Uniform
from infogan.cli.main import Parser, run_command
from infogan.data import Dataset, Split
from infogan.system.tf1 import tf


@dataclasses.dataclass(frozen=True)
class Exponential(Gaussian):
    """Positive numbers with the density exp(-x) a priori; Gaussian around what Q reads a posteriori.

    All that `Gaussian` says of the posterior holds: this class says what the prior is.
    """

    prior_in_words = "positive, exp(-x)"
    prior_variance = 1.0

    @property
    def prior_entropy(self):
        return float(self.dim)

    def sweep(self, columns, limit):
        return np.repeat(np.linspace(0, limit, columns, dtype=np.float32)[:, None], self.dim, axis=1)

    def sample_prior(self, batch_size, seed=None):
        # Gaussian draws with the seeds of this package: None, an int or a tensor [2]. Half the square of the length of
        # a normal point in the plane is exponential.
        points = Gaussian(2 * self.dim).sample_prior(batch_size, seed)
        return 0.5 * (tf.square(points[:, : self.dim]) + tf.square(points[:, self.dim :]))

    def logli_prior(self, x):
        inside = tf.reduce_all(x >= 0.0, axis=1)
        return tf.where(inside, -tf.reduce_sum(x, axis=1), tf.fill(tf.shape(inside), -np.inf))


def draw_discs(count, seed):
    """uint8 [count, 28, 28, 1]: discs, mostly small, now and then large."""
    radius = 2 + 2 * np.random.default_rng(seed).exponential(size=count)[:, None, None]
    y, x = np.mgrid[:28, :28] - 13.5
    return np.uint8(255 * (np.hypot(x, y) < radius))[..., None]


def make_spec(updates):
    return ExperimentSpec(
        name="amount",
        recipe="mine",
        dataset="discs",
        network="mnist",
        output_dist=MeanBernoulli(28 * 28),
        latent_spec=(Latent("noise", Uniform(16), regularised=False), Latent("amount", Exponential(1, fix_std=True))),
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
    """Trains, and compares amounts given with those read back; returns the run's checkpoint folder."""
    if updates < 1:
        raise infogan.InputError("--updates", f"{updates} was given, but a whole number of at least 1 is needed.")
    one_class = np.zeros(2000, np.uint8)
    images, test = Split(draw_discs(2000, 0), one_class), Split(draw_discs(500, 1), one_class[:500])
    dataset = Dataset(images, test, "discs drawn by the example")
    path = infogan.train(make_spec(updates), dataset, log_dir, checkpoint_dir)
    with infogan.load(path) as run:
        given = np.linspace(0, 3, 16, dtype=np.float32)
        read = run.encode(run.generate(codes={"amount": given}))["amount"]["mean"][:, 0]
    print(f"{path}: correlation of amounts given to G and those Q reads back: {np.corrcoef(given, read)[0, 1]:.2f}")
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
