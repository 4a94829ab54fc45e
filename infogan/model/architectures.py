"""Architectures: the tables of the paper's Appendix C, and `dcgan`, `resnet` and `infogan_cr` for others, as values.

An `Architecture` is four functions that return the rows of a `layers.Network`. A spec takes one of ARCHITECTURES by
name, or any other as it is:

    TINY = Architecture(
        "tiny",
        ((28, 28, 1),),
        trunk=lambda image_shape, leaky_rate: [conv(16), leaky_relu(leaky_rate), reshape(-1)],
        generator=lambda image_shape: [dense(14 * 14 * 16), relu(), reshape(14, 14, 16), up_conv(1)],
    )
    spec = dataclasses.replace(spec, network=TINY)
"""

import dataclasses
import itertools
import math
from collections.abc import Callable, Sequence

from infogan.model.layers import (
    Row,
    batch_norm,
    conv,
    dense,
    down_sample,
    leaky_relu,
    mean_pool,
    relu,
    reshape,
    residual,
    up_conv,
    up_sample,
)
from infogan.system.checks import IDENTIFIER, TEXT, Checked, Kind, documented, setting, whole
from infogan.system.messages import InputError, refuse_name

ImageShape = tuple[int, int, int]
"""(H, W, C)"""
ImageSize = int | tuple[int, int]
"""(H, W), or the side of a square."""


def one_output() -> list[Row]:
    """D's own layer in every table: "FC. output layer for D"."""
    return [dense(1)]


def q_with_hidden_layer(leaky_rate: float, outputs: int) -> list[Row]:
    """Q's own layers in Tables 1 to 3: "FC. 128-batchnorm-lRELU-FC.output for Q"."""
    return [dense(128), batch_norm(), leaky_relu(leaky_rate), dense(outputs)]


def q_without_hidden_layer(leaky_rate: float, outputs: int) -> list[Row]:
    """Q's own layer in Tables 4 and 6: "FC. output layer for Q"; D and Q share everything else."""
    return [dense(outputs)]


def _is_image_shape(shape: Sequence[int]) -> bool:
    return len(shape) == 3 and all(map(whole(1).accepts, shape)) and shape[2] in (1, 3)


ROWS = Kind("a function that returns rows", callable)
SHAPES = Kind(
    "a list of shapes (H, W, 1 or 3)",
    lambda shapes: len(shapes) > 0 and all(map(_is_image_shape, shapes)),
    lambda shapes: tuple(tuple(map(int, shape)) for shape in shapes),
)


@documented
@dataclasses.dataclass(frozen=True, repr=False)
class Architecture(Checked):
    """The networks of a model, for images of certain shapes.

    A program that reads a spec with an architecture of its own has to import the module that defines it first: the
    spec's JSON holds the name alone.
    """

    name: str = setting(IDENTIFIER, "what a spec's JSON calls it")
    image_shapes: Sequence[ImageShape] = setting(SHAPES, "the shapes (H, W, C) it can make")
    trunk: Callable[[ImageShape, float], Sequence[Row]] = setting(
        ROWS, "function of (image_shape, leaky_rate): rows of what D and Q share; [B, H, W, C] -> [B, N]"
    )
    generator: Callable[[ImageShape], Sequence[Row]] = setting(
        ROWS, "function of image_shape: rows of G; latents [B, dim] -> [B, H, W, C] before the output distribution"
    )
    discriminator_head: Callable[[], Sequence[Row]] = setting(
        ROWS, "function without arguments: rows of D's own layers; [B, N] -> logits [B, 1]", one_output
    )
    recognition_head: Callable[[float, int], Sequence[Row]] = setting(
        ROWS,
        "function of (leaky_rate, outputs): rows of Q's own layers; [B, N] -> [B, outputs]",
        q_with_hidden_layer,
    )
    shapes_in_words: str = setting(TEXT, "`image_shapes` for people; by default they are listed", "")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.shapes_in_words:
            object.__setattr__(self, "shapes_in_words", ", ".join(map(show_size, self.image_shapes)))
        _defined[self.name] = self

    def __repr__(self) -> str:
        return f"Architecture({self.name!r}, ...)"


_defined: dict[str, Architecture] = {}
"""The last Architecture of each name, as a spec's JSON knows nothing but names."""


def find_architecture(network: str | Architecture) -> Architecture:
    """The Architecture called `network`, one of ARCHITECTURES or else the newest of that name; or `network` itself.

    Raises:
      InputError: if there is none, or if it is not the one in ARCHITECTURES that has its name.
    """
    if isinstance(network, Architecture):
        if ARCHITECTURES.get(network.name, network) != network:
            raise InputError(
                "network",
                f"your network is called {network.name!r}, but infogan has one of that name. Choose another name.",
            )
        return network
    if not isinstance(network, str) or network not in _defined:
        raise InputError(
            "network",
            f"{refuse_name(str(network), ARCHITECTURES)} If it is your own, import the module that defines it.",
        )
    return ARCHITECTURES.get(network) or _defined[network]


def find_image_shape(numbers: int, image_size: ImageSize | None = None) -> ImageShape:
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
            f"dim {numbers:,} was given, but no square in grey or RGB has so many numbers. Also give image_size.",
        )
    raise InputError(
        "image_size",
        f"{show_size(image_size)} was given, but output_dist has {numbers:,} numbers, which are neither one nor three "
        "for each pixel.",
    )


def check_image_shape(network: str | Architecture, image_shape: ImageShape, where: str) -> None:
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


def find_sides(image_size: int | Sequence[int]) -> tuple[int, ...]:
    """(H, W) of an `image_size`, which is that already, or the side of a square."""
    return (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)


def show_size(image_size: int | Sequence[int]) -> str:
    """ "64x96" of (64, 96), "64x96x3" of (64, 96, 3), and of a side that side twice."""
    return "x".join(map(str, find_sides(image_size)))


def _mnist_trunk(image_shape: ImageShape, leaky_rate: float) -> list[Row]:
    """Table 1, left, and Table 4, left: [B, 28, 28, 1] or [B, 32, 32, 1] -> [B, 1024]."""
    return [
        conv(64), leaky_relu(leaky_rate),  # [B, H/2, W/2, 64]
        conv(128), batch_norm(), leaky_relu(leaky_rate),  # [B, H/4, W/4, 128]
        reshape(-1),  # [B, 6272] or [B, 8192]
        dense(1024), batch_norm(), leaky_relu(leaky_rate),  # [B, 1024]
    ]  # fmt: skip


def _mnist_generator(image_shape: ImageShape) -> list[Row]:
    """Table 1, right, and Table 4, right; latents [B, 74] -> [B, 28, 28, 1], or [B, 133] -> [B, 32, 32, 1].

    The tables do not print the last layer's stride; 28x28 and 32x32 need 2. Table 1 prints no sigmoid either, which the
    authors' code has; here it belongs to the output distribution.
    """
    rows, columns = image_shape[0] // 4, image_shape[1] // 4
    return [
        dense(1024), batch_norm(), relu(),  # [B, 1024]
        dense(rows * columns * 128), batch_norm(), relu(),
        reshape(rows, columns, 128),  # [B, H/4, W/4, 128]
        up_conv(64), batch_norm(), relu(),  # [B, H/2, W/2, 64]
        up_conv(1),  # [B, H, W, 1]
    ]  # fmt: skip


def _svhn_trunk(image_shape: ImageShape, leaky_rate: float) -> list[Row]:
    """Tables 2 and 3, left, which print the same layers; [B, 32, 32, 3] -> [B, 4096], without a dense layer."""
    return [
        conv(64), leaky_relu(leaky_rate),  # [B, 16, 16, 64]
        conv(128), batch_norm(), leaky_relu(leaky_rate),  # [B, 8, 8, 128]
        conv(256), batch_norm(), leaky_relu(leaky_rate),  # [B, 4, 4, 256]
        reshape(-1),  # [B, 4096]
    ]  # fmt: skip


def _svhn_generator(image_shape: ImageShape) -> list[Row]:
    """Tables 2 and 3, right; latents [B, 168] or [B, 228] -> [B, 32, 32, 3] before the output distribution's tanh.

    As printed, the second and third up-convolution have no batch norm.
    """
    return [
        dense(2 * 2 * 448), batch_norm(), relu(),
        reshape(2, 2, 448),  # [B, 2, 2, 448]
        up_conv(256), batch_norm(), relu(),  # [B, 4, 4, 256]
        up_conv(128), relu(),  # [B, 8, 8, 128]
        up_conv(64), relu(),  # [B, 16, 16, 64]
        up_conv(3),  # [B, 32, 32, 3]
    ]  # fmt: skip


def _chairs_trunk(image_shape: ImageShape, leaky_rate: float) -> list[Row]:
    """Table 6, left; [B, 64, 64, 1] -> [B, 1024]."""
    return [
        conv(64), leaky_relu(leaky_rate),  # [B, 32, 32, 64]
        conv(128), batch_norm(), leaky_relu(leaky_rate),  # [B, 16, 16, 128]
        conv(256), batch_norm(), leaky_relu(leaky_rate),  # [B, 8, 8, 256]
        conv(256, stride=1), batch_norm(), leaky_relu(leaky_rate),
        conv(256, stride=1), batch_norm(), leaky_relu(leaky_rate),
        reshape(-1),  # [B, 16384]
        dense(1024), batch_norm(), leaky_relu(leaky_rate),  # [B, 1024]
    ]  # fmt: skip


def _chairs_generator(image_shape: ImageShape) -> list[Row]:
    """Table 6, right; latents [B, 189] -> [B, 64, 64, 1] before the output distribution's sigmoid.

    The table does not print the last layer's stride; 64x64 needs 2.
    """
    return [
        dense(1024), batch_norm(), relu(),  # [B, 1024]
        dense(8 * 8 * 256), batch_norm(), relu(),
        reshape(8, 8, 256),  # [B, 8, 8, 256]
        up_conv(256, stride=1), batch_norm(), relu(),
        up_conv(256, stride=1), batch_norm(), relu(),
        up_conv(128), batch_norm(), relu(),  # [B, 16, 16, 128]
        up_conv(64), batch_norm(), relu(),  # [B, 32, 32, 64]
        up_conv(1),  # [B, 64, 64, 1]
    ]  # fmt: skip


DCGAN_SIDES = range(16, 257, 16)
"""Heights and widths of the pictures that `dcgan` makes, beside 28x28."""
FIRST_CHANNELS, MOST_CHANNELS = 64, 512
SMALL_MAP = 7
"""Shorter side of a map at which DCGAN's stages end."""


def _dcgan_trunk(image_shape: ImageShape, leaky_rate: float) -> list[Row]:
    """Table 2's pattern with as many stages as the picture needs: [B, H, W, C] -> [B, N].

    Each stage halves both sides, until the shorter one is 7 or less, or one is odd: 28x28 -> 7x7, 64x96 -> 4x6,
    144x144 -> 9x9. Channels double from 64, up to 512. As in DCGAN (Radford et al. 2016, arXiv:1511.06434) every
    convolution of D but the first has batch norm, and so has every up-convolution of G but the last.
    """
    rows: list[Row] = []
    for channels in _stage_channels(image_shape):
        rows += [conv(channels), *([batch_norm()] if rows else []), leaky_relu(leaky_rate)]  # [B, h/2, w/2, channels]
    return [*rows, reshape(-1)]  # [B, N]


def _dcgan_generator(image_shape: ImageShape) -> list[Row]:
    """A dense layer to the smallest map, then up-convolutions; latents -> [B, H, W, C], before output_dist."""
    first, *others = reversed(_stage_channels(image_shape))
    height, width = (side >> len(others) + 1 for side in image_shape[:2])
    rows = [dense(height * width * first), batch_norm(), relu(), reshape(height, width, first)]  # [B, h, w, first]
    for channels in others:
        rows += [up_conv(channels), batch_norm(), relu()]  # [B, 2h, 2w, channels]
    return [*rows, up_conv(image_shape[-1])]  # [B, H, W, C]


def _stage_channels(image_shape: ImageShape) -> list[int]:
    """Channels after each stage, from the picture to the smallest map: (64, 128, 256) for 32x32."""
    height, width = image_shape[:2]
    channels: list[int] = []
    while min(height, width) > SMALL_MAP and height % 2 == width % 2 == 0:
        channels.append(min(FIRST_CHANNELS << len(channels), MOST_CHANNELS))
        height, width = height // 2, width // 2
    return channels


_DCGAN_SIZES = ((28, 28), *itertools.product(DCGAN_SIDES, DCGAN_SIDES))
_DCGAN_SHAPES = tuple((*size, channels) for size in _DCGAN_SIZES for channels in (1, 3))
_DCGAN_WORDS = "28x28, or sides that are multiples of 16 from 16 to 256, in grey or RGB"


def _resnet_trunk(image_shape: ImageShape, leaky_rate: float) -> list[Row]:
    """D of Gulrajani et al. 2017, "Improved Training of Wasserstein GANs" (arXiv:1704.00028); -> [B, 128] or [B, 8192].

    At 32x32 the critic of the authors' gan_cifar_resnet.py, at 64x64 `GoodDiscriminator` of their gan_64x64.py. As in
    the other networks here rectifiers are leaky (ReLU at rate 0), and batch norm comes before them, also in a residual
    network's last (He et al. 2016, arXiv:1603.05027). `spectral_norm` leaves it out, as Miyato et al. 2018
    (arXiv:1802.05957, Table 4 and Figure 8) do.
    """
    if image_shape[0] == 32:
        return [
            _first_down_block(128, leaky_rate),  # [B, 16, 16, 128]
            _down_block(128, 128, leaky_rate),  # [B, 8, 8, 128]
            _plain_block(128, leaky_rate),
            _plain_block(128, leaky_rate),
            batch_norm(),
            leaky_relu(leaky_rate),
            mean_pool(),  # [B, 128]
        ]
    return [
        conv(64, stride=1, kernel=3),  # [B, 64, 64, 64]
        _down_block(64, 128, leaky_rate),  # [B, 32, 32, 128]
        _down_block(128, 256, leaky_rate),  # [B, 16, 16, 256]
        _down_block(256, 512, leaky_rate),  # [B, 8, 8, 512]
        _down_block(512, 512, leaky_rate),  # [B, 4, 4, 512]
        reshape(-1),  # [B, 8192]
    ]


def _resnet_generator(image_shape: ImageShape) -> list[Row]:
    """G of the same: `Generator` at 32x32, `GoodGenerator` at 64x64; latents -> [B, H, W, C], before output_dist."""
    first, blocks = (128, [128] * 3) if image_shape[0] == 32 else (512, [512, 256, 128, 64])
    return [
        dense(4 * 4 * first),
        reshape(4, 4, first),  # [B, 4, 4, first]
        *map(_up_block, blocks),  # [B, H, W, last]: each doubles both sides
        batch_norm(), relu(),
        conv(image_shape[-1], stride=1, kernel=3),  # [B, H, W, C]
    ]  # fmt: skip


def _first_down_block(channels: int, leaky_rate: float) -> Row:
    """The block that sees the image: no rectifier and no batch norm before its first layer; halves both sides."""
    return residual(
        conv(channels, stride=1, kernel=3), leaky_relu(leaky_rate),
        conv(channels, stride=1, kernel=3), down_sample(),
        shortcut=[down_sample(), conv(channels, stride=1, kernel=1)],
    )  # fmt: skip


def _down_block(channels_before: int, channels: int, leaky_rate: float) -> Row:
    """[B, H, W, channels_before] -> [B, H/2, W/2, channels].

    The shortcut's 1x1 convolution and its mean, like those of `_up_block`, could change places: here comes first what
    leaves less to compute.
    """
    return residual(
        batch_norm(), leaky_relu(leaky_rate), conv(channels_before, stride=1, kernel=3),
        batch_norm(), leaky_relu(leaky_rate), conv(channels, stride=1, kernel=3), down_sample(),
        shortcut=[down_sample(), conv(channels, stride=1, kernel=1)],
    )  # fmt: skip


def _plain_block(channels: int, leaky_rate: float) -> Row:
    """[B, H, W, channels] -> the same shape."""
    return residual(
        batch_norm(), leaky_relu(leaky_rate), conv(channels, stride=1, kernel=3),
        batch_norm(), leaky_relu(leaky_rate), conv(channels, stride=1, kernel=3),
    )  # fmt: skip


def _up_block(channels: int) -> Row:
    """[B, H, W, any] -> [B, 2H, 2W, channels]."""
    return residual(
        batch_norm(), relu(), up_sample(), conv(channels, stride=1, kernel=3),
        batch_norm(), relu(), conv(channels, stride=1, kernel=3),
        shortcut=[conv(channels, stride=1, kernel=1), up_sample()],
    )  # fmt: skip


INFOGAN_CR_LEAK = 0.2
"""Of the rectifiers of G's up-convolutions; those of D and Q have the spec's `leaky_rate`."""


def _infogan_cr_trunk(image_shape: ImageShape, leaky_rate: float) -> list[Row]:
    """D of InfoGAN-CR (Lin et al. 2020, arXiv:1906.06034), as the authors' code has it for dSprites; -> [B, 128].

    It has no batch norm; the authors normalise every layer by its spectrum (`spectral_norm`). At 32x32, which they do
    not have, a stage of 32 channels is left out.
    """
    rows: list[Row] = []
    for channels in [32, 32, 64, 64] if image_shape[0] == 64 else [32, 64, 64]:
        rows += [conv(channels), leaky_relu(leaky_rate)]  # [B, h/2, w/2, channels]
    return [*rows, reshape(-1), dense(128), leaky_relu(leaky_rate)]  # [B, 1024], then [B, 128]


def _infogan_cr_recognition(leaky_rate: float, outputs: int) -> list[Row]:
    """Q's own layers in the same: [B, 128] -> [B, outputs]."""
    return [dense(128), leaky_relu(leaky_rate), dense(outputs)]


def _infogan_cr_generator(image_shape: ImageShape) -> list[Row]:
    """G of the same; latents -> [B, H, W, C], before output_dist. Each rectifier comes before its batch norm."""
    rows = [
        dense(128), relu(), batch_norm(),  # [B, 128]
        dense(4 * 4 * 64), relu(), batch_norm(),
        reshape(4, 4, 64),  # [B, 4, 4, 64]
    ]  # fmt: skip
    for channels in [64, 32, 32] if image_shape[0] == 64 else [64, 32]:
        rows += [up_conv(channels), leaky_relu(INFOGAN_CR_LEAK), batch_norm()]  # [B, 2h, 2w, channels]
    return [*rows, up_conv(image_shape[-1])]  # [B, H, W, C]


_SQUARES = tuple((side, side, channels) for side in (32, 64) for channels in (1, 3))
_SQUARES_IN_WORDS = "32x32 and 64x64, in grey or RGB"

ARCHITECTURES = {
    architecture.name: architecture
    for architecture in (
        Architecture("mnist", [(28, 28, 1)], _mnist_trunk, _mnist_generator),
        Architecture("svhn", [(32, 32, 3)], _svhn_trunk, _svhn_generator),
        Architecture("faces", [(32, 32, 1)], _mnist_trunk, _mnist_generator, recognition_head=q_without_hidden_layer),
        Architecture(
            "chairs", [(64, 64, 1)], _chairs_trunk, _chairs_generator, recognition_head=q_without_hidden_layer
        ),
        Architecture("dcgan", _DCGAN_SHAPES, _dcgan_trunk, _dcgan_generator, shapes_in_words=_DCGAN_WORDS),
        Architecture("resnet", _SQUARES, _resnet_trunk, _resnet_generator, shapes_in_words=_SQUARES_IN_WORDS),
        Architecture(
            "infogan_cr",
            _SQUARES,
            _infogan_cr_trunk,
            _infogan_cr_generator,
            recognition_head=_infogan_cr_recognition,
            shapes_in_words=_SQUARES_IN_WORDS,
        ),
    )
}
"""`mnist` is Table 1, `svhn` Tables 2 and 3, `faces` Table 4, `chairs` Table 6; the others are in no table."""
