"""InfoGAN on dSprites: five continuous codes; in no experiment of the paper.

Recipe cr is InfoGAN-CR (Lin et al. 2020, arXiv:1906.06034), modified the InfoGAN that its authors compare it with. The
images are rendered, once, unless --data-dir has the owners' file. Their true factors are for the evaluation alone.
"""

import dataclasses
import sys
from pathlib import Path

if (clone := Path(__file__).resolve().parent.parent).joinpath("infogan", "cli").is_dir():
    sys.path.insert(0, str(clone))  # the package beside this folder need not be installed

from infogan.cli.flags import SIZE_FLAG
from infogan.cli.train import main
from infogan.distributions import MeanBernoulli, Uniform
from infogan.evaluation.disentanglement.published import paper_values
from infogan.schedule import Schedule
from infogan.spec import INFOGAN_CR, SHORT, ExperimentSpec, Latent, continuous_codes

# What the authors of InfoGAN-CR call InfoGAN (modified): their checkpoint of update 287,999, before alpha comes in.
MODIFIED = ExperimentSpec(
    name="dsprites",
    recipe="modified",
    dataset="dsprites",
    output_dist=MeanBernoulli(64 * 64),
    latent_spec=(Latent("noise", Uniform(5), regularised=False), *continuous_codes(5, fix_std=True)),
    **INFOGAN_CR,
    updates_per_epoch=11_520,
    max_epoch=25,
    paper_values=paper_values("InfoGAN modified"),
)

CR = dataclasses.replace(
    MODIFIED,
    recipe="cr",
    contrastive_weight=2.0,
    contrastive_schedule=Schedule(((287_999, 0.0), (288_000, 1.0))),
    max_epoch=28,
    paper_values=paper_values("InfoGAN-CR"),
)

DEFAULT = dataclasses.replace(MODIFIED, recipe="default", **SHORT, paper_values=CR.paper_values)

if __name__ == "__main__":
    recipes = {spec.recipe: spec for spec in (DEFAULT, MODIFIED, CR)}
    sys.exit(main(__doc__, recipes, flags={"image_size": SIZE_FLAG}))
