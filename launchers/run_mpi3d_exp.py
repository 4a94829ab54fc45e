"""InfoGAN on MPI3D (an object that a robot's arm moves): seven continuous codes; in no experiment of the paper.

The networks are those of run_dsprites_exp.py. True factors are for the evaluation alone.
"""

import sys
from pathlib import Path

if (clone := Path(__file__).resolve().parent.parent).joinpath("infogan", "cli").is_dir():
    sys.path.insert(0, str(clone))  # the package beside this folder need not be installed

from infogan.cli.flags import CODE_FLAGS, SIZE_FLAG
from infogan.cli.train import main
from infogan.distributions import MeanBernoulli, Uniform
from infogan.spec import INFOGAN_CR, SHORT, ExperimentSpec, Latent, continuous_codes

DEFAULT = ExperimentSpec(
    name="mpi3d",
    recipe="default",
    dataset="mpi3d",
    output_dist=MeanBernoulli(64 * 64 * 3),
    latent_spec=(Latent("noise", Uniform(5), regularised=False), *continuous_codes(7, fix_std=True)),
    **(INFOGAN_CR | SHORT),
)

if __name__ == "__main__":
    sys.exit(main(__doc__, {DEFAULT.recipe: DEFAULT}, flags={"image_size": SIZE_FLAG, **CODE_FLAGS}))
