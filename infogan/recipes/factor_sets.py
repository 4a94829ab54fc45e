"""Sets with true factors, which the evaluation alone sees, with the networks of InfoGAN-CR."""

import dataclasses
from typing import Any

from infogan.distributions import MeanBernoulli
from infogan.evaluation.disentanglement.published import paper_values
from infogan.latents import continuous_codes, noise_vector
from infogan.recipes import Experiment
from infogan.recipes.flags import CODE_FLAGS, SIZE_FLAG
from infogan.schedule import Schedule
from infogan.spec import ExperimentSpec

INFOGAN_CR: dict[str, Any] = {
    "network": "infogan_cr",
    "image_size": 64,
    "leaky_rate": 0.2,
    "info_reg_coeff": 0.05,
    "continuous_weight": 0.05,
    "discriminator_learning_rate": 2e-3,
    "generator_learning_rate": 1e-3,
    "spectral_norm": True,
    "generator_steps": 2,
    "batch_size": 64,
    "sweep_limit": 1.0,
}
"""Fields with the values that the authors of InfoGAN-CR have for dSprites (github.com/fjxmlzn/InfoGAN-CR)."""
SHORT: dict[str, Any] = {"updates_per_epoch": 1000, "max_epoch": 20}
"""What our recipes for dSprites and sets like it change of them, to need a fraction of the updates."""


# What the authors of InfoGAN-CR call InfoGAN (modified): their checkpoint of update 287,999, before alpha comes in.
MODIFIED = ExperimentSpec(
    name="dsprites",
    recipe="modified",
    dataset="dsprites",
    output_dist=MeanBernoulli(64 * 64),
    latent_spec=(noise_vector(5), *continuous_codes(5, fix_std=True)),
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

DSPRITES_DEFAULT = dataclasses.replace(MODIFIED, recipe="default", **SHORT, paper_values=CR.paper_values)

DSPRITES = Experiment(
    """InfoGAN on dSprites, which is not in the paper: five continuous codes.

Recipe cr is InfoGAN-CR (Lin et al. 2020, arXiv:1906.06034); modified is the InfoGAN that its authors compare it with.
The images are rendered once, unless --data-dir has the owners' file. Only the evaluation sees their true factors.
""",
    (DSPRITES_DEFAULT, MODIFIED, CR),
    {"image_size": SIZE_FLAG},
)


def _like_dsprites(name, description, codes, channels):
    """An experiment with dSprites' networks and that many continuous codes."""
    spec = ExperimentSpec(
        name=name,
        recipe="default",
        dataset=name,
        output_dist=MeanBernoulli(64 * 64 * channels),
        latent_spec=(noise_vector(5), *continuous_codes(codes, fix_std=True)),
        **(INFOGAN_CR | SHORT),
    )
    description = f"InfoGAN on {description}; not in the paper.\n\n{LIKE_DSPRITES}"
    return Experiment(description, (spec,), {"image_size": SIZE_FLAG, **CODE_FLAGS})


LIKE_DSPRITES = "The networks are those of dSprites. Only the evaluation sees the true factors."

SHAPES3D = _like_dsprites("shapes3d", "3D Shapes (480,000 pictures of an object in a room): six continuous codes", 6, 3)
CARS3D = _like_dsprites("cars3d", "Cars3D (183 cars from 96 sides): three continuous codes", 3, 3)
SMALLNORB = _like_dsprites("smallnorb", "SmallNORB (50 toys on a turntable): four continuous codes", 4, 1)
MPI3D = _like_dsprites("mpi3d", "MPI3D (an object that a robot's arm moves): seven continuous codes", 7, 3)
