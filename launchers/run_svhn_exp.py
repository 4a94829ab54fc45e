"""InfoGAN on SVHN (arXiv:1606.03657, Sec. 7.2 and Appendix C.2): four categorical and four continuous codes."""

import dataclasses
import sys
from pathlib import Path

if (clone := Path(__file__).resolve().parent.parent).joinpath("infogan", "cli").is_dir():
    sys.path.insert(0, str(clone))  # the package beside this folder need not be installed

from infogan.cli.train import main
from infogan.distributions import MeanGaussian, Uniform
from infogan.schedule import Schedule, one_after_another
from infogan.spec import SMALL_SET, ExperimentSpec, Latent, category_codes, continuous_codes

PAPER = ExperimentSpec(
    name="svhn",
    recipe="paper",
    dataset="svhn",
    network="svhn",
    output_dist=MeanGaussian(32 * 32 * 3),
    # Sec. 7.2 speaks of two continuous codes; with the 168 inputs of G that Appendix C.2 gives there are four.
    latent_spec=(
        Latent("noise", Uniform(124), regularised=False),
        *category_codes(10, 10, 10, 10),
        *continuous_codes(4),
    ),
    leaky_rate=0.1,
    info_reg_coeff=1.0,
    # "Smaller" (Sec. 6) is all that the paper says.
    continuous_weight=0.1,
    discriminator_learning_rate=2e-4,
    generator_learning_rate=1e-3,
)

DEFAULT = dataclasses.replace(
    PAPER,
    recipe="default",
    **SMALL_SET,
    turning_schedule=Schedule.from_text("0:0.3"),
    code_schedules=one_after_another(len(PAPER.codes), first=100, apart=200),
    max_epoch=40,
)

if __name__ == "__main__":
    sys.exit(main(__doc__, {spec.recipe: spec for spec in (DEFAULT, PAPER)}))
