"""InfoGAN on CIFAR-10, in no experiment of the paper: its SVHN networks, a categorical and two continuous codes."""

import sys
from pathlib import Path

if (clone := Path(__file__).resolve().parent.parent).joinpath("infogan", "cli").is_dir():
    sys.path.insert(0, str(clone))  # the package beside this folder need not be installed

from infogan.cli.train import main
from infogan.distributions import MeanGaussian, Uniform
from infogan.schedule import Schedule, schedules_from_text
from infogan.spec import SMALL_SET, ExperimentSpec, Latent, category_codes, continuous_codes

DEFAULT = ExperimentSpec(
    name="cifar10",
    recipe="default",
    dataset="cifar10",
    network="svhn",
    output_dist=MeanGaussian(32 * 32 * 3),
    latent_spec=(
        Latent("noise", Uniform(128), regularised=False),
        *category_codes(10),
        *continuous_codes(2, fix_std=True),
    ),
    leaky_rate=0.1,
    info_reg_coeff=1.0,
    continuous_weight=0.5,
    discriminator_learning_rate=2e-4,
    generator_learning_rate=1e-3,
    **SMALL_SET,
    turning_schedule=Schedule.from_text("0:0.3"),
    code_schedules=schedules_from_text("1000:0,2000:1/2200:0,2400:1/2600:0,2800:1"),
    max_epoch=60,
)

if __name__ == "__main__":
    sys.exit(main(__doc__, {DEFAULT.recipe: DEFAULT}))
