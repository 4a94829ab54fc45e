"""House numbers, celebrities and CIFAR-10, 32x32 in colour, with the networks of Table 2."""

import dataclasses
from typing import Any

from infogan.distributions import MeanGaussian
from infogan.latents import category_codes, continuous_codes, noise_vector
from infogan.recipes import SMALL_SET, Experiment
from infogan.schedule import Schedule, one_after_another, schedules_from_text
from infogan.spec import ExperimentSpec

SVHN_PAPER = ExperimentSpec(
    name="svhn",
    recipe="paper",
    dataset="svhn",
    network="svhn",
    output_dist=MeanGaussian(32 * 32 * 3),
    # Sec. 7.2 speaks of two continuous codes; with the 168 inputs of G that Appendix C.2 gives there are four.
    latent_spec=(noise_vector(124), *category_codes(10, 10, 10, 10), *continuous_codes(4)),
    leaky_rate=0.1,
    info_reg_coeff=1.0,
    # "Smaller" (Sec. 6) is all that the paper says.
    continuous_weight=0.1,
    discriminator_learning_rate=2e-4,
    generator_learning_rate=1e-3,
)

SHORT: dict[str, Any] = {
    **SMALL_SET,
    "discriminator_learning_rate": 4e-4,  # twice the paper's, as is G's
    "generator_learning_rate": 2e-3,
    "turning_schedule": Schedule.from_text("0:0.3"),
    "augmentation_fill": "edge",
    "weight_averaging": 0.98,
}
"""What the recipes of SVHN and CelebA share, to need some 2,000 updates."""

# The first continuous code is tied to what real images vary in most, which is their light. It comes in before all the
# others, while G draws little else. All come in with more than their lambda, so that G takes them up.
# DEVIATION: the deviations of Q's continuous codes are 1; the paper learns them (docs/differences.md).
SVHN_DEFAULT = dataclasses.replace(
    SVHN_PAPER,
    recipe="default",
    **SHORT,
    latent_spec=(*SVHN_PAPER.latent_spec[:5], *continuous_codes(4, fix_std=True)),
    continuous_weight=0.5,
    code_schedules=(
        *one_after_another(Schedule.from_text("800:0,850:1.3,930:1"), 4, apart=120),
        Schedule.from_text("140:0,150:6,400:6,500:5"),
        *one_after_another(Schedule.from_text("300:0,310:3,510:3,610:2"), 3, apart=160),
    ),
    continuous_view_information=0.2,
    mode_seeking=0.02,
    max_epoch=18,
)

SVHN = Experiment(
    "InfoGAN on SVHN (arXiv:1606.03657, Sec. 7.2 and Appendix C.2): four categorical and four continuous codes.",
    (SVHN_DEFAULT, SVHN_PAPER),
)

CELEBA_PAPER = ExperimentSpec(
    name="celeba",
    recipe="paper",
    dataset="celeba",
    network="svhn",  # Table 3 prints the layers of Table 2
    output_dist=MeanGaussian(32 * 32 * 3),
    latent_spec=(noise_vector(128), *category_codes(*[10] * 10)),
    leaky_rate=0.1,
    info_reg_coeff=1.0,
    continuous_weight=0.0,  # there are no continuous codes
    discriminator_learning_rate=2e-4,
    generator_learning_rate=1e-3,
)

# A code comes in with more than its lambda, so that G takes it up.
CELEBA_DEFAULT = dataclasses.replace(
    CELEBA_PAPER,
    recipe="default",
    **SHORT,
    code_schedules=one_after_another(Schedule.from_text("200:0,260:1.5,340:1"), len(CELEBA_PAPER.codes), apart=100),
    augmentation_colour=0.5,
    view_information=0.3,
    mode_seeking=0.05,
    max_epoch=20,
)

CELEBA = Experiment(
    "InfoGAN on CelebA (arXiv:1606.03657, Sec. 7.2 and Appendix C.3): ten categorical codes.",
    (CELEBA_DEFAULT, CELEBA_PAPER),
)

CIFAR10_DEFAULT = ExperimentSpec(
    name="cifar10",
    recipe="default",
    dataset="cifar10",
    network="svhn",
    output_dist=MeanGaussian(32 * 32 * 3),
    latent_spec=(noise_vector(128), *category_codes(10), *continuous_codes(2, fix_std=True)),
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

CIFAR10 = Experiment(
    "InfoGAN on CIFAR-10, which is not in the paper: networks of SVHN, one categorical and two continuous codes.",
    (CIFAR10_DEFAULT,),
)
