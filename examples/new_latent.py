"""A latent of your own: a code between 0 and 1, of which the middle is common and the ends are rare.

    python examples/new_latent.py --updates 3000     # the default only shows the way

All that infogan asks of a family of latents is in the one class below. A run with such a latent names the class in
spec.json. To load it again, import the module that defines the class first:

    from examples.new_latent import Beta
    run = infogan.load("ckt/share/NAME")
"""

import dataclasses
import sys

import numpy as np
from scipy import stats

import infogan
from infogan import ExperimentSpec, Latent, MeanBernoulli, Uniform
from infogan.cli import Parser, run_command
from infogan.data import Dataset, Factor, Split
from infogan.distributions import Distribution, seed_pair
from infogan.system.tf1 import tf

LEAST, ROUNDING = 0.1, 1e-6
"""Of a posterior's shapes, so that no density has too sharp an edge; how near to 0 and 1 a density is computed."""


@dataclasses.dataclass(frozen=True)
class Beta(Distribution):
    """A number between 0 and 1; Beta(low, high) a priori, and a Beta distribution a posteriori.

    density(x) = x^(low - 1) (1 - x)^(high - 1) / B(low, high)
    """

    low: float = 2.0
    high: float = 2.0
    dim = 1
    kind = "continuous"
    dist_flat_dim = 2
    dist_info_keys = ["low", "high"]  # noqa: RUF012  nobody changes it

    # What the prior is.

    @property
    def prior_entropy(self):
        return float(stats.beta(self.low, self.high).entropy())

    @property
    def prior_in_words(self):
        return f"a number from Beta({self.low:g}, {self.high:g})"

    def sweep(self, columns, limit):
        return np.linspace(0, min(limit, 1.0), columns, dtype=np.float32)[:, None]

    def sample_prior(self, batch_size, seed=None):
        # A draw has the seed that it is given, or else a resumed run would differ from one that was not stopped.
        shapes = [self.low, self.high]
        draws = tf.random.stateless_gamma([batch_size, 2], seed_pair(seed), shapes)  # of one scale: the share is Beta
        return draws[:, :1] / tf.reduce_sum(draws, axis=1, keepdims=True)

    # What Q's answer is.

    def activate_dist(self, flat):
        shapes = LEAST + tf.nn.softplus(flat)  # [B, 2]
        return {"low": shapes[:, :1], "high": shapes[:, 1:]}

    def logli(self, x, dist_info):
        x = tf.clip_by_value(x, ROUNDING, 1.0 - ROUNDING)
        low, high = dist_info["low"], dist_info["high"]
        powers = (low - 1.0) * tf.log(x) + (high - 1.0) * tf.log(1.0 - x)
        return tf.reduce_sum(powers - tf.math.lbeta(tf.stack([low, high], axis=-1)), axis=1)

    def read(self, dist_info):
        low, high = dist_info["low"][:, 0], dist_info["high"][:, 0]
        return low / (low + high)  # the mean


def draw_discs(count, seed):
    """A Split of discs, 28x28, of which the middle size is the commonest, with their radius as a true factor."""
    radius = (2 + 10 * np.random.default_rng(seed).beta(2, 2, count)).astype(np.float32)
    y, x = np.mgrid[:28, :28] - 13.5
    shades = np.clip(0.5 + radius[:, None, None] - np.hypot(x, y), 0, 1)  # soft edges
    images = (255 * shades).astype(np.uint8)[..., None]
    return Split(images, factors={"radius": Factor(radius, "ordered")})


def make_spec(updates):
    return ExperimentSpec(
        name="share",
        recipe="mine",
        dataset="discs",
        network="mnist",
        output_dist=MeanBernoulli(28 * 28),
        latent_spec=(Latent("noise", Uniform(16), regularised=False), Latent("size", Beta(2.0, 2.0))),
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
    """Trains, and compares sizes given with those read back; returns the run's checkpoint folder."""
    if updates < 1:
        raise infogan.InputError("--updates", f"{updates} was given, but a whole number of at least 1 is needed.")
    dataset = Dataset(draw_discs(2000, 0), draw_discs(500, 1), "discs drawn by the example")
    spec = make_spec(updates)
    path = infogan.train(spec, dataset, log_dir, checkpoint_dir)
    with infogan.load(path) as run:
        given = np.linspace(0, 1, 16, dtype=np.float32)
        images = run.generate(codes={"size": given})
        read = spec.codes[0].distribution.read(run.encode(images)["size"])
    print(f"{path}: correlation of sizes given to G and those Q reads back: {np.corrcoef(given, read)[0, 1]:.2f}")
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
