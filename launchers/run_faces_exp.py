"""InfoGAN on rendered 3D faces (arXiv:1606.03657, Sec. 7.2 and Appendix C.4): five continuous codes.

The paper trains a network for each factor of variation: with --recipe paper, --factor chooses the row of Table 5.
"""

import dataclasses
import sys
from pathlib import Path

if (clone := Path(__file__).resolve().parent.parent).joinpath("infogan", "cli").is_dir():
    sys.path.insert(0, str(clone))  # the package beside this folder need not be installed

from infogan.cli.flags import PICTURE_FLAGS, factor_flag
from infogan.cli.train import main
from infogan.distributions import MeanBernoulli, Uniform
from infogan.schedule import schedules_from_text
from infogan.spec import SMALL_SET, ExperimentSpec, Latent, continuous_codes

LIGHTING = {"discriminator_learning_rate": 8e-4, "generator_learning_rate": 3e-4, "continuous_weight": 0.1}
TABLE_5 = {
    "azimuth": {"discriminator_learning_rate": 2e-4, "generator_learning_rate": 5e-4, "continuous_weight": 0.2},
    "elevation": {"discriminator_learning_rate": 4e-4, "generator_learning_rate": 3e-4, "continuous_weight": 0.1},
    "lighting": LIGHTING,
    "width": LIGHTING,  # wide or narrow, found in the network of the lighting
}

PAPER = ExperimentSpec(
    name="faces",
    recipe="paper",
    dataset="faces3d",
    network="faces",
    output_dist=MeanBernoulli(32 * 32),
    latent_spec=(Latent("noise", Uniform(128), regularised=False), *continuous_codes(5)),
    leaky_rate=0.1,
    info_reg_coeff=1.0,  # there are no categorical codes
    sweep_limit=1.0,  # Fig. 3
    factor="azimuth",
    **TABLE_5["azimuth"],
)

# One network for all factors: docs/differences.md lists what is changed, docs/notes/experiments.md what led there.
DEFAULT = dataclasses.replace(
    PAPER,
    recipe="default",
    latent_spec=(Latent("noise", Uniform(2), regularised=False), *continuous_codes(5, fix_std=True)),
    factor=None,
    continuous_weight=1.0,
    **SMALL_SET,
    code_schedules=schedules_from_text("800:0,1100:1/1600:0,1900:1/2400:0,2700:1/3200:0,3500:1/3600:0,3900:1"),
    max_epoch=50,
)

FLAGS = {"factor": factor_flag(TABLE_5), **PICTURE_FLAGS}

if __name__ == "__main__":
    sys.exit(main(__doc__, {spec.recipe: spec for spec in (DEFAULT, PAPER)}, flags=FLAGS))
