"""3D faces and chairs, rendered, in grey: the paper trains a network for each factor of variation."""

import dataclasses
from typing import Any

from infogan.distributions import MeanBernoulli
from infogan.latents import Latent, category_codes, circular_codes, continuous_codes, noise_vector
from infogan.recipes import SMALL_SET, Experiment
from infogan.recipes.flags import PICTURE_FLAGS, factor_flag
from infogan.schedule import Schedule, schedules_from_text
from infogan.spec import ExperimentSpec

LIGHTING = {"discriminator_learning_rate": 8e-4, "generator_learning_rate": 3e-4, "continuous_weight": 0.1}
TABLE_5: dict[str, dict[str, Any]] = {
    "azimuth": {"discriminator_learning_rate": 2e-4, "generator_learning_rate": 5e-4, "continuous_weight": 0.2},
    "elevation": {"discriminator_learning_rate": 4e-4, "generator_learning_rate": 3e-4, "continuous_weight": 0.1},
    "lighting": LIGHTING,
    "width": LIGHTING,  # wide or narrow, found in the network of the lighting
}

FACES_PAPER = ExperimentSpec(
    name="faces",
    recipe="paper",
    dataset="faces3d",
    network="faces",
    output_dist=MeanBernoulli(32 * 32),
    latent_spec=(noise_vector(128), *continuous_codes(5)),
    leaky_rate=0.1,
    info_reg_coeff=1.0,  # there are no categorical codes
    sweep_limit=1.0,  # Fig. 3
    factor="azimuth",
    **TABLE_5["azimuth"],
)


def _tie(*codes: Latent) -> dict[str, Any]:
    """What both defaults share: one network, whose codes come in together and are tied to what real images vary in.

    There is no noise, for a factor that G draws from it never comes to a code. docs/differences.md lists the changes,
    docs/notes/experiments.md what led there and what it does not reach.
    """
    return SMALL_SET | {
        "latent_spec": codes,
        "factor": None,
        "continuous_weight": 1.0,
        "discriminator_learning_rate": 6e-4,
        "generator_learning_rate": 2e-3,
        "augmentation_fill": "edge",
        "code_schedules": schedules_from_text("/".join(["200:0,400:1"] * len(codes))),
        "continuous_view_information": 0.1,
        "continuous_view_codes": len(codes),
        "weight_averaging": 0.99,
    }


FACES_DEFAULT = dataclasses.replace(
    FACES_PAPER,
    recipe="default",
    **_tie(*continuous_codes(6, fix_std=True)) | {"augmentation": 0.5},
    scaling_schedule=Schedule.from_text("0:0"),  # scaled images would hide the width
    max_epoch=35,
)

FACES = Experiment(
    """InfoGAN on rendered 3D faces (arXiv:1606.03657, Sec. 7.2 and Appendix C.4).

The paper trains a network for each factor of variation, with five continuous codes: with --recipe paper, --factor
chooses the row of Table 5. The default has one network, six continuous codes and no noise.
""",
    (FACES_DEFAULT, FACES_PAPER),
    {"factor": factor_flag(TABLE_5), **PICTURE_FLAGS},
)

RATES = {"discriminator_learning_rate": 2e-4, "generator_learning_rate": 1e-3}
TABLE_7: dict[str, dict[str, Any]] = {
    "rotation": {**RATES, "continuous_weight": 10.0, "info_reg_coeff": 1.0},
    "width": {**RATES, "continuous_weight": 0.05, "info_reg_coeff": 2.0},
}

CHAIRS_PAPER = ExperimentSpec(
    name="chairs",
    recipe="paper",
    dataset="chairs",
    network="chairs",
    output_dist=MeanBernoulli(64 * 64),
    # Sec. 7.2 speaks of four categorical codes; with the 189 inputs of G that Appendix C.5 gives there are three.
    latent_spec=(
        noise_vector(128),
        *category_codes(20, 20, 20),
        *continuous_codes(1),
    ),
    leaky_rate=0.1,
    sweep_limit=1.0,  # Fig. 4
    factor="rotation",
    **TABLE_7["rotation"],
)

CHAIRS_DEFAULT = dataclasses.replace(
    CHAIRS_PAPER,
    recipe="default",
    network="faces",
    image_size=32,
    output_dist=MeanBernoulli(32 * 32),
    info_reg_coeff=1.0,
    **_tie(*circular_codes(1), *continuous_codes(6, fix_std=True)),
    augmentation_colour=1.0,  # else the codes take the tone of the chairs
    scaling_schedule=Schedule.from_text("0:2.5"),  # and their sizes
    mirrored_views=True,  # so that left and right are the angle's alone
    max_epoch=20,
)

CHAIRS = Experiment(
    """InfoGAN on rendered chairs (arXiv:1606.03657, Sec. 7.2 and Appendix C.5): three categorical codes
and a continuous one.

The paper trains a network for each factor of variation: with --recipe paper, --factor chooses the row of Table 7.
The default trains one network at half the size, with an angle for the rotation, six continuous codes and no noise.
""",
    (CHAIRS_DEFAULT, CHAIRS_PAPER),
    {"factor": factor_flag(TABLE_7)},
)
