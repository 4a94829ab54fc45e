"""Train on your own arrays: small pictures of discs, drawn here, with a label and a true factor, but without files.

python examples/own_arrays.py --updates 2000     # 2,000 updates show discs; the default only shows the way
"""

import sys

import numpy as np

import infogan
from infogan import Categorical, ExperimentSpec, Latent, MeanBernoulli, Uniform
from infogan.cli import Parser, run_command
from infogan.data import Dataset, Factor, Split


def draw_discs(count, seed):
    """Split of `count` images 28x28: a disc in one of the four quarters, of any radius from 3 to 6 pixels."""
    random = np.random.default_rng(seed)
    quarter, radius = random.integers(0, 4, count), random.uniform(3, 6, count)
    centre_y, centre_x = 7 + 14 * (quarter // 2), 7 + 14 * (quarter % 2)
    y, x = np.mgrid[:28, :28]
    distance = np.hypot(y - centre_y[:, None, None], x - centre_x[:, None, None])
    inside = np.clip(radius[:, None, None] - distance + 0.5, 0, 1)
    images = (255 * inside).astype(np.uint8)[..., None]
    # Label and factor are for the evaluation alone: categories are matched to the one, codes compared with the other.
    return Split(images, quarter.astype(np.uint8), {"radius": Factor(radius, "ordered")})


def make_spec(updates):
    return ExperimentSpec(
        name="discs",
        recipe="mine",
        dataset="discs",
        network="mnist",  # the table for 28x28 grey images
        output_dist=MeanBernoulli(28 * 28),
        latent_spec=(
            Latent("noise", Uniform(16), regularised=False),
            Latent("place", Categorical(4)),
            Latent("size", Uniform(1, fix_std=True)),
        ),
        leaky_rate=0.1,
        info_reg_coeff=1.0,
        continuous_weight=0.5,
        discriminator_learning_rate=2e-4,
        generator_learning_rate=1e-3,
        batch_size=32,
        max_epoch=1,
        updates_per_epoch=updates,
    )


def train(updates, log_dir, checkpoint_dir):
    """Trains and draws; returns the run's checkpoint folder."""
    if updates < 1:
        raise infogan.InputError("--updates", f"{updates} was given, but a whole number of at least 1 is needed.")
    dataset = Dataset(draw_discs(2000, seed=0), draw_discs(500, seed=1), "discs drawn by the example")
    path = infogan.train(make_spec(updates), dataset, log_dir, checkpoint_dir)
    with infogan.load(path) as run:
        images = run.generate(codes={"place": np.arange(4), "size": 0.0})
    print(f"{path}: one image per place, of mean grey {np.round(images.mean(axis=(1, 2, 3)), 3)}")
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
