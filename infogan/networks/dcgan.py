"""Networks for pictures of several sizes, in no table of the paper: Table 2's pattern with as many stages as they need.

Each stage halves or doubles the sides, between the picture and a map of 7x7 (pictures of 28x28) or 4x4. Channels double
from 64 towards the small maps, up to 512. As in DCGAN (Radford et al. 2016, arXiv:1511.06434) every up-convolution of G
but the last has batch norm, and so has every convolution of D but the first.
"""

from infogan.networks.layers import batch_norm, conv, dense, leaky_relu, relu, reshape, up_conv

SIZES = (28, 32, 64, 128)
IMAGE_SHAPES = tuple((size, size, channels) for size in SIZES for channels in (1, 3))

FIRST_CHANNELS, MOST_CHANNELS = 64, 512
LARGEST_MAP = 7
"""Sides of the map at which the stages end, at most."""


def trunk(image_shape, leaky_rate):
    """What D and Q share: convolutions; [B, H, W, C] -> [B, N]."""
    rows = []
    for channels in _stage_channels(image_shape):
        rows += [conv(channels), *([batch_norm()] if rows else []), leaky_relu(leaky_rate)]
    return [*rows, reshape(-1)]


def discriminator_head():
    """Output unit of D, as in Table 2; [B, N] -> logits [B, 1]."""
    return [dense(1)]


def recognition_head(leaky_rate, outputs):
    """Q's own layers, as in Table 2; [B, N] -> [B, outputs]."""
    return [dense(128), batch_norm(), leaky_relu(leaky_rate), dense(outputs)]


def generator(image_shape):
    """A dense layer to the smallest map, up-convolutions; latents -> [B, H, W, C] before the output distribution."""
    first, *others = reversed(_stage_channels(image_shape))
    side = image_shape[0] >> (len(others) + 1)
    rows = [dense(side * side * first), batch_norm(), relu(), reshape(side, side, first)]
    for channels in others:
        rows += [up_conv(channels), batch_norm(), relu()]
    return [*rows, up_conv(image_shape[-1])]


def _stage_channels(image_shape):
    """Channels after each stage, from the picture to the smallest map: (64, 128, 256) for 32x32."""
    stages = 0
    while image_shape[0] >> stages > LARGEST_MAP:
        stages += 1
    return [min(FIRST_CHANNELS << stage, MOST_CHANNELS) for stage in range(stages)]
