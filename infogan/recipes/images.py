"""Your own pictures."""

from infogan.distributions import MeanGaussian
from infogan.latents import category_codes, continuous_codes, noise_vector
from infogan.recipes import Experiment
from infogan.recipes.flags import CHANNELS_FLAG, CODE_FLAGS, PICTURE_FLAGS, SIZE_FLAG, Flag
from infogan.spec import ExperimentSpec
from infogan.system.checks import choice

DEFAULT = ExperimentSpec(
    name="images",
    recipe="default",
    dataset="images",
    image_size=64,
    network="dcgan",
    output_dist=MeanGaussian(64 * 64 * 3),
    latent_spec=(noise_vector(128), *category_codes(10), *continuous_codes(2, fix_std=True)),
    leaky_rate=0.1,
    info_reg_coeff=1.0,
    continuous_weight=0.5,
    discriminator_learning_rate=2e-4,
    generator_learning_rate=1e-3,
)

IMAGES = Experiment(
    "InfoGAN on your own pictures, given as --data-dir: a folder, zip or tar of pictures, or an array of images.",
    (DEFAULT,),
    {
        "image_size": SIZE_FLAG,
        "network": Flag(
            choice(("dcgan", "resnet", "infogan_cr")),
            "networks: DCGAN's pattern, or for 32x32 and 64x64 residual ones or those of InfoGAN-CR",
            lambda spec: spec.network,
            "network",
        ),
        "channels": CHANNELS_FLAG,
        **PICTURE_FLAGS,
        **CODE_FLAGS,
    },
)
