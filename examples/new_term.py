"""A loss term of your own: a penalty on large outputs of D, which keeps it from growing ever surer of real images.

    python examples/new_term.py --updates 2000     # the default only shows the way

A run with such a term names its class in spec.json. To load it again, import the module that defines the class first:

    from examples.new_term import Drift
    run = infogan.load("ckt/drift/NAME")
"""

import dataclasses
import sys
from typing import ClassVar

import numpy as np

import infogan
from infogan import Categorical, ExperimentSpec, Latent, MeanBernoulli, Uniform
from infogan.cli import Parser, run_command
from infogan.data import Dataset, Split
from infogan.model.losses import DISCRIMINATOR, Term, TermValue
from infogan.system.tf1 import tf
from infogan.training.run_log import load_metrics


@dataclasses.dataclass(frozen=True)
class Drift(Term):
    """Mean square of D's logits on real images (Karras et al. 2018, arXiv:1710.10196, Appendix A.1: weight 0.001)."""

    steps: ClassVar[tuple] = (DISCRIMINATOR,)

    def build(self, step):
        square = tf.reduce_mean(tf.square(step.on_real.logits))  # of [B]
        return TermValue(square, {"drift/squared_logit": square})


def draw_discs(count, seed):
    """Split of `count` images 28x28: a disc in one of the four quarters."""
    random = np.random.default_rng(seed)
    place, (top, left) = random.integers(0, 4, count), random.uniform(5, 9, (2, count))
    y, x = np.mgrid[:28, :28]
    down, right = top + 14 * (place // 2), left + 14 * (place % 2)
    distance = np.hypot(y - down[:, None, None], x - right[:, None, None])
    images = (255 * np.clip(5.5 - distance, 0, 1)).astype(np.uint8)[..., None]
    return Split(images, place.astype(np.uint8))


def make_spec(updates, weight):
    return ExperimentSpec(
        name="drift",
        recipe="mine",
        dataset="discs",
        network="mnist",
        output_dist=MeanBernoulli(28 * 28),
        latent_spec=(Latent("noise", Uniform(16), regularised=False), Latent("place", Categorical(4))),
        leaky_rate=0.1,
        info_reg_coeff=1.0,
        continuous_weight=0.0,
        discriminator_learning_rate=2e-4,
        generator_learning_rate=1e-3,
        terms=(Drift(weight),),
        batch_size=32,
        max_epoch=1,
        updates_per_epoch=updates,
    )


def train(updates, weight, log_dir, checkpoint_dir):
    """Trains, and shows what the term logged; returns the run's checkpoint folder."""
    if updates < 1:
        raise infogan.InputError("--updates", f"{updates} was given, but a whole number of at least 1 is needed.")
    dataset = Dataset(draw_discs(2000, seed=0), draw_discs(500, seed=1), "discs drawn by the example")
    path = infogan.train(make_spec(updates, weight), dataset, log_dir, checkpoint_dir)
    with infogan.load(path) as run:
        logged = load_metrics(run.folder.metrics)[-1]["drift/squared_logit"]
    print(f"{path}: squared logits of D on real images, mean over the run: {logged:.3g}")
    return path


def main(arguments=None):
    parser = Parser(__doc__)
    parser.add_argument("--updates", type=int, default=4)
    parser.add_argument("--weight", type=float, default=0.001, help="of the penalty; 0 only logs it (default: 0.001)")
    parser.add_argument("--log-dir", default="logs")
    parser.add_argument("--checkpoint-dir", default="ckt")
    return run_command(
        parser,
        lambda options: train(options.updates, options.weight, options.log_dir, options.checkpoint_dir),
        arguments,
    )


if __name__ == "__main__":
    sys.exit(main())
