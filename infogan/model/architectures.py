"""Architectures: the tables of the paper's Appendix C, and `dcgan` for other pictures, as values.

An `Architecture` is four functions that return the rows of a `layers.Network`. A spec takes one of ARCHITECTURES by
name.
"""

import dataclasses
import itertools
import math
from collections.abc import Callable

from infogan.model.layers import batch_norm, conv, dense, leaky_relu, relu, reshape, up_conv
from infogan.system.errors import InputError


@dataclasses.dataclass(frozen=True)
class Architecture:
    """The networks of a model, for images of certain shapes.

    Attributes:
      name: what a spec calls it.
      image_shapes: the shapes (H, W, C) it can make.
      shapes_in_words: the same for people.
      trunk: function of (image_shape, leaky_rate): rows of what D and Q share; [B, H, W, C] -> [B, N].
      discriminator_head: function without arguments: rows of D's own layers; [B, N] -> logits [B, 1].
      recognition_head: function of (leaky_rate, outputs): rows of Q's own layers; [B, N] -> [B, outputs].
      generator: function of image_shape: rows of G; latents [B, dim] -> [B, H, W, C] before the output distribution.
    """

    name: str
    image_shapes: tuple
    shapes_in_words: str
    trunk: Callable
    discriminator_head: Callable
    recognition_head: Callable
    generator: Callable


def find_architecture(name):
    """The Architecture of that name, one of ARCHITECTURES.

    Raises:
      InputError: if there is none.
    """
    if name not in ARCHITECTURES:
        raise InputError("network", f"{name!r} was given, but the known ones are {', '.join(ARCHITECTURES)}.")
    return ARCHITECTURES[name]


def find_image_shape(numbers, image_size=None):
    """The shape (H, W, C) of grey or RGB images of a size.

    Args:
      numbers: H * W * C, the `dim` of an output distribution.
      image_size: (H, W), or the side of a square; None for whatever square it is: S * S and 3 * S * S are never equal.

    Raises:
      InputError: if no such image has so many numbers.
    """
    for channels in (1, 3):
        height, width = find_sides(image_size or math.isqrt(numbers // channels))
        if height * width * channels == numbers:
            return height, width, channels
    if image_size is None:
        raise InputError(
            "output_dist",
            f"dim {numbers:,} was given, but no square in grey or RGB has so many numbers. Give image_size, too.",
        )
    raise InputError(
        "image_size",
        f"{show_size(image_size)} was given, but output_dist has {numbers:,} numbers, which are neither one nor three "
        "for each pixel.",
    )


def check_image_shape(network, image_shape, where):
    """Refuses images that an architecture does not make; `where` is the field that asks for them.

    Raises:
      InputError: if it makes no such images, or there is no such architecture.
    """
    architecture = find_architecture(network)
    if tuple(image_shape) not in architecture.image_shapes:
        raise InputError(
            where,
            f"{show_size(image_shape)} was given, but {architecture.name} makes {architecture.shapes_in_words}.",
        )


def find_sides(image_size):
    """(H, W) of an `image_size`, which is that already, or the side of a square."""
    return (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)


def show_size(image_size):
    """ "64x96" of (64, 96), "64x96x3" of (64, 96, 3), and of a side that side twice."""
    return "x".join(map(str, find_sides(image_size)))


def one_output():
    """D's own layer in every table: "FC. output layer for D"."""
    return [dense(1)]


def q_with_hidden_layer(leaky_rate, outputs):
    """Q's own layers in Tables 1 to 3: "FC. 128-batchnorm-lRELU-FC.output for Q"."""
    return [dense(128), batch_norm(), leaky_relu(leaky_rate), dense(outputs)]


def q_without_hidden_layer(leaky_rate, outputs):
    """Q's own layer in Tables 4 and 6: "FC. output layer for Q"; D and Q share everything else."""
    return [dense(outputs)]


def _mnist_trunk(image_shape, leaky_rate):
    """Table 1, left, and Table 4, left: [B, 28, 28, 1] or [B, 32, 32, 1] -> [B, 1024]."""
    return [
        conv(64), leaky_relu(leaky_rate),
        conv(128), batch_norm(), leaky_relu(leaky_rate),
        reshape(-1),
        dense(1024), batch_norm(), leaky_relu(leaky_rate),
    ]  # fmt: skip


def _mnist_generator(image_shape):
    """Table 1, right, and Table 4, right; latents [B, 74] -> [B, 28, 28, 1], or [B, 133] -> [B, 32, 32, 1].

    The tables do not print the last layer's stride; 28x28 and 32x32 need 2. Table 1 prints no sigmoid either, which the
    authors' code has; here it belongs to the output distribution.
    """
    rows, columns = image_shape[0] // 4, image_shape[1] // 4
    return [
        dense(1024), batch_norm(), relu(),
        dense(rows * columns * 128), batch_norm(), relu(),
        reshape(rows, columns, 128),
        up_conv(64), batch_norm(), relu(),
        up_conv(1),
    ]  # fmt: skip


def _svhn_trunk(image_shape, leaky_rate):
    """Tables 2 and 3, left, which print the same layers; [B, 32, 32, 3] -> [B, 4096], without a dense layer."""
    return [
        conv(64), leaky_relu(leaky_rate),
        conv(128), batch_norm(), leaky_relu(leaky_rate),
        conv(256), batch_norm(), leaky_relu(leaky_rate),
        reshape(-1),
    ]  # fmt: skip


def _svhn_generator(image_shape):
    """Tables 2 and 3, right; latents [B, 168] or [B, 228] -> [B, 32, 32, 3] before the output distribution's tanh.

    As printed, the second and third up-convolution have no batch norm.
    """
    return [
        dense(2 * 2 * 448), batch_norm(), relu(),
        reshape(2, 2, 448),
        up_conv(256), batch_norm(), relu(),
        up_conv(128), relu(),
        up_conv(64), relu(),
        up_conv(3),
    ]  # fmt: skip


def _chairs_trunk(image_shape, leaky_rate):
    """Table 6, left; [B, 64, 64, 1] -> [B, 1024]."""
    return [
        conv(64), leaky_relu(leaky_rate),
        conv(128), batch_norm(), leaky_relu(leaky_rate),
        conv(256), batch_norm(), leaky_relu(leaky_rate),
        conv(256, stride=1), batch_norm(), leaky_relu(leaky_rate),
        conv(256, stride=1), batch_norm(), leaky_relu(leaky_rate),
        reshape(-1),
        dense(1024), batch_norm(), leaky_relu(leaky_rate),
    ]  # fmt: skip


def _chairs_generator(image_shape):
    """Table 6, right; latents [B, 189] -> [B, 64, 64, 1] before the output distribution's sigmoid.

    The table does not print the last layer's stride; 64x64 needs 2.
    """
    return [
        dense(1024), batch_norm(), relu(),
        dense(8 * 8 * 256), batch_norm(), relu(),
        reshape(8, 8, 256),
        up_conv(256, stride=1), batch_norm(), relu(),
        up_conv(256, stride=1), batch_norm(), relu(),
        up_conv(128), batch_norm(), relu(),
        up_conv(64), batch_norm(), relu(),
        up_conv(1),
    ]  # fmt: skip


DCGAN_SIDES = range(16, 257, 16)
"""Heights and widths of the pictures that `dcgan` makes, beside 28x28."""
FIRST_CHANNELS, MOST_CHANNELS = 64, 512
SMALL_MAP = 7
"""Shorter side of a map at which DCGAN's stages end."""


def _dcgan_trunk(image_shape, leaky_rate):
    """Table 2's pattern with as many stages as the picture needs: [B, H, W, C] -> [B, N].

    Each stage halves both sides, until the shorter one is 7 or less, or one is odd: 28x28 -> 7x7, 64x96 -> 4x6,
    144x144 -> 9x9. Channels double from 64, up to 512. As in DCGAN (Radford et al. 2016, arXiv:1511.06434) every
    convolution of D but the first has batch norm, and so has every up-convolution of G but the last.
    """
    rows = []
    for channels in _stage_channels(image_shape):
        rows += [conv(channels), *([batch_norm()] if rows else []), leaky_relu(leaky_rate)]
    return [*rows, reshape(-1)]


def _dcgan_generator(image_shape):
    """A dense layer to the smallest map, then up-convolutions; latents -> [B, H, W, C], before output_dist."""
    first, *others = reversed(_stage_channels(image_shape))
    height, width = (side >> len(others) + 1 for side in image_shape[:2])
    rows = [dense(height * width * first), batch_norm(), relu(), reshape(height, width, first)]
    for channels in others:
        rows += [up_conv(channels), batch_norm(), relu()]
    return [*rows, up_conv(image_shape[-1])]


def _stage_channels(image_shape):
    """Channels after each stage, from the picture to the smallest map: (64, 128, 256) for 32x32."""
    height, width = image_shape[:2]
    channels = []
    while min(height, width) > SMALL_MAP and height % 2 == width % 2 == 0:
        channels.append(min(FIRST_CHANNELS << len(channels), MOST_CHANNELS))
        height, width = height // 2, width // 2
    return channels


_DCGAN_SIZES = ((28, 28), *itertools.product(DCGAN_SIDES, DCGAN_SIDES))
_DCGAN_SHAPES = tuple((*size, channels) for size in _DCGAN_SIZES for channels in (1, 3))
_DCGAN_WORDS = "28x28, or sides that are multiples of 16 from 16 to 256, in grey or RGB"

ARCHITECTURES = {
    architecture.name: architecture
    for architecture in (
        Architecture(
            "mnist", ((28, 28, 1),), "28x28x1", _mnist_trunk, one_output, q_with_hidden_layer, _mnist_generator
        ),
        Architecture("svhn", ((32, 32, 3),), "32x32x3", _svhn_trunk, one_output, q_with_hidden_layer, _svhn_generator),
        Architecture(
            "faces", ((32, 32, 1),), "32x32x1", _mnist_trunk, one_output, q_without_hidden_layer, _mnist_generator
        ),
        Architecture(
            "chairs", ((64, 64, 1),), "64x64x1", _chairs_trunk, one_output, q_without_hidden_layer, _chairs_generator
        ),
        Architecture(
            "dcgan", _DCGAN_SHAPES, _DCGAN_WORDS, _dcgan_trunk, one_output, q_with_hidden_layer, _dcgan_generator
        ),
    )
}
"""`mnist` is Table 1, `svhn` Tables 2 and 3, `faces` Table 4, `chairs` Table 6, `dcgan` in no table."""
