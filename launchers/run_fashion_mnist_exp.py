"""InfoGAN on Fashion-MNIST, in no experiment of the paper: networks and codes of its MNIST experiment."""

import sys
from pathlib import Path

if (clone := Path(__file__).resolve().parent.parent).joinpath("infogan", "cli").is_dir():
    sys.path.insert(0, str(clone))  # the package beside this folder need not be installed

from infogan.cli.train import main
from infogan.distributions import MeanBernoulli, Uniform
from infogan.schedule import Schedule, schedules_from_text
from infogan.spec import ExperimentSpec, Latent, category_codes, continuous_codes

# Networks, codes and rates of run_mnist_exp.py's recipe `robust`, and the order in which `default` lets codes come in.
DEFAULT = ExperimentSpec(
    name="fashion_mnist",
    recipe="default",
    dataset="fashion_mnist",
    network="mnist",
    output_dist=MeanBernoulli(28 * 28),
    latent_spec=(
        Latent("noise", Uniform(62), regularised=False),
        *category_codes(10),
        *continuous_codes(2, fix_std=True),
    ),
    leaky_rate=0.1,
    info_reg_coeff=1.0,
    continuous_weight=0.5,
    discriminator_learning_rate=2e-4,
    generator_learning_rate=1e-3,
    constant_rate_share=0.5,
    code_schedules=schedules_from_text("200:0,1000:1/1200:0,1400:1/1800:0,2000:1"),
    augmentation=1.0,
    turning_schedule=Schedule.from_text("1000:1,1200:0.2"),
    view_information=1.0,
    batch_size=80,
    max_epoch=40,
)

if __name__ == "__main__":
    sys.exit(main(__doc__, {DEFAULT.recipe: DEFAULT}))
