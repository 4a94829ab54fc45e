"""InfoGAN on CelebA (arXiv:1606.03657, Sec. 7.2 and Appendix C.3): ten categorical codes."""

import dataclasses
import sys
from pathlib import Path

if (clone := Path(__file__).resolve().parent.parent).joinpath("infogan", "cli").is_dir():
    sys.path.insert(0, str(clone))  # the package beside this folder need not be installed

from infogan.cli.train import main
from infogan.distributions import MeanGaussian, Uniform
from infogan.schedule import Schedule, one_after_another
from infogan.spec import SMALL_SET, ExperimentSpec, Latent, category_codes

PAPER = ExperimentSpec(
    name="celeba",
    recipe="paper",
    dataset="celeba",
    network="svhn",  # Table 3 prints the layers of Table 2
    output_dist=MeanGaussian(32 * 32 * 3),
    latent_spec=(Latent("noise", Uniform(128), regularised=False), *category_codes(*[10] * 10)),
    leaky_rate=0.1,
    info_reg_coeff=1.0,
    continuous_weight=0.0,  # there are no continuous codes
    discriminator_learning_rate=2e-4,
    generator_learning_rate=1e-3,
)

DEFAULT = dataclasses.replace(
    PAPER,
    recipe="default",
    **SMALL_SET,
    turning_schedule=Schedule.from_text("0:0.3"),
    code_schedules=one_after_another(len(PAPER.codes), first=100, apart=200),
    max_epoch=60,
)

if __name__ == "__main__":
    sys.exit(main(__doc__, {spec.recipe: spec for spec in (DEFAULT, PAPER)}))
