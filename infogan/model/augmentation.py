"""Random maps of the images that D and Q see, real and generated alike: affine ones, of colours, and squares cut out.

The paper says nothing of augmentation. G's images pass through the same maps, so D compares two mapped distributions
and cannot learn the training set by heart, while maps this small leave G little reason to draw mapped images itself
(Karras et al. 2020, "Training Generative Adversarial Networks with Limited Data", Sec. 2.2; the exact condition there
is that the mapping of distributions can be inverted, which is not shown for these). Colours and squares are those of
Zhao et al. 2020, "Differentiable Augmentation for Data-Efficient GAN Training" (arXiv:2006.10738).
"""

import math
from collections.abc import Sequence

from infogan.model.replicas import count_replicas, own_share
from infogan.system.tf1 import Tensor, tf

ROTATION = 15.0 * math.pi / 180.0
SHEAR = 0.2
LOG_SCALE = 0.12
SHIFT = 2.0
"""Largest rotation (radians), horizontal shear, log of the scale and shift (pixels) at strength 1.

What is varied this much Q learns to overlook: no code comes to stand for width, which the scale hides, and categories
do not come to stand for slants.
"""

FILLS = ("zero", "edge")
"""What lies outside an image: 0, which is black in [0, 1] and grey in [-1, 1], or its outermost pixels again."""
BRIGHTNESS, SATURATION, CONTRAST = 0.25, 1.0, 0.5
"""Largest change at strength 1: of brightness in shares of the pixel range, of the factors of saturation and contrast,
which are 1 where nothing changes. At strength 1 these are the authors' `rand_brightness`, `rand_saturation` and
`rand_contrast`, whose images lie in [-1, 1]."""


def augment(
    images: Tensor,
    strength: float,
    seed: Tensor,
    parts: int = 1,
    turning: float | Tensor = 1.0,
    scaling: float | Tensor = 1.0,
    fill: str = "zero",
) -> Tensor:
    """Rotates, shears, scales and shifts each image by random amounts.

    Bilinear, differentiable with respect to the images.

    Args:
      images: Tensor [B, H, W, C].
      strength: float; the amounts are uniform up to `strength` times the module's constants. 0 changes nothing.
      seed: integer Tensor [2].
      parts: of how many equal parts the batch is made; see `infogan.model.replicas.own_share`.
      turning: scalar, share of rotation and shear that is applied.
      scaling: scalar, share of the log of the scale that is applied.
      fill: one of FILLS, what lies outside.

    Returns:
      Tensor [B, H, W, C].
    """
    if strength == 0:
        return images
    batch_size, (height, width) = tf.shape(images)[0], images.shape[1:3].as_list()
    amounts = [strength * amount for amount in _draw(6, images, seed, parts)]  # [B, 1, 1] each
    column, row = _source_positions(amounts, height, width, turning, scaling)
    left, top = tf.floor(column), tf.floor(row)
    right_share, bottom_share = (column - left)[..., None], (row - top)[..., None]  # [B, H, W, 1]

    # One pixel of border, onto which everything outside is clipped.
    mode = "SYMMETRIC" if fill == "edge" else "CONSTANT"
    padded = tf.pad(images, [[0, 0], [1, 1], [1, 1], [0, 0]], mode)  # [B, H + 2, W + 2, C]
    pixels = tf.reshape(padded, [batch_size, (height + 2) * (width + 2), images.shape[3]])

    def pixel_at(row: Tensor, column: Tensor) -> Tensor:  # [B, H, W] each -> [B, H, W, C]
        row = tf.cast(tf.clip_by_value(row + 1, 0, height + 1), tf.int32)
        column = tf.cast(tf.clip_by_value(column + 1, 0, width + 1), tf.int32)
        return tf.gather(pixels, row * (width + 2) + column, batch_dims=1)

    upper = (1 - right_share) * pixel_at(top, left) + right_share * pixel_at(top, left + 1)
    lower = (1 - right_share) * pixel_at(top + 1, left) + right_share * pixel_at(top + 1, left + 1)
    return (1 - bottom_share) * upper + bottom_share * lower


def _source_positions(
    amounts: Sequence[Tensor], height: int, width: int, turning: float | Tensor, scaling: float | Tensor
) -> tuple[Tensor, Tensor]:
    """Where in its source each pixel of the result lies: column and row, [B, H, W] each."""
    angle, shear = turning * ROTATION * amounts[0], turning * SHEAR * amounts[1]
    scale_x, scale_y = tf.exp(scaling * LOG_SCALE * amounts[2]), tf.exp(scaling * LOG_SCALE * amounts[3])
    center_x, center_y = (width - 1) / 2, (height - 1) / 2
    x = tf.range(width, dtype=tf.float32)[None, None, :] - center_x  # [1, 1, W]
    y = tf.range(height, dtype=tf.float32)[None, :, None] - center_y  # [1, H, 1]
    column = tf.cos(angle) * scale_x * x + (shear - tf.sin(angle) * scale_y) * y + SHIFT * amounts[4] + center_x
    row = tf.sin(angle) * scale_x * x + tf.cos(angle) * scale_y * y + SHIFT * amounts[5] + center_y
    return column, row


def change_colours(
    images: Tensor, strength: float, pixel_range: tuple[float, float], seed: Tensor, parts: int = 1
) -> Tensor:
    """Changes brightness, saturation and contrast of each image by random amounts.

        x + b,    then m + s (x - m) with m the mean of each pixel's channels,    then m + k (x - m) with m the image's

    b, s and k are uniform around 0, 1 and 1 by `strength` times the module's constants. Grey images have no saturation.
    Results may leave the range: a limit would take the gradient from what lies beyond it.

    Args:
      images: Tensor [B, H, W, C].
      strength: float; 0 changes nothing.
      pixel_range: the lowest and the highest value of a pixel.
      seed: integer Tensor [2].
      parts: as in `augment`.

    Returns:
      Tensor [B, H, W, C].
    """
    if strength == 0:
        return images
    brightness, saturation, contrast = (
        strength * amount[..., None]
        for amount in _draw(3, images, seed, parts)  # [B, 1, 1, 1] each
    )
    images += BRIGHTNESS * (pixel_range[1] - pixel_range[0]) * brightness
    images = _scale_around_mean(images, 1.0 + SATURATION * saturation, axis=[3])
    return _scale_around_mean(images, 1.0 + CONTRAST * contrast, axis=[1, 2, 3])


def _scale_around_mean(images: Tensor, factor: Tensor, axis: list[int]) -> Tensor:
    mean = tf.reduce_mean(images, axis, keepdims=True)
    return mean + factor * (images - mean)


def cut_out(images: Tensor, share: float, seed: Tensor, parts: int = 1) -> Tensor:
    """Sets a rectangle in each image to 0; its middle is anywhere in the image, so it may reach beyond the edge.

    Args:
      images: Tensor [B, H, W, C].
      share: float, the rectangle's height and width as shares of the image's; 0 cuts out nothing, the authors have 0.5.
      seed: integer Tensor [2].
      parts: as in `augment`.

    Returns:
      Tensor [B, H, W, C].
    """
    if share == 0:
        return images
    down, right = _draw(2, images, seed, parts)  # where the middle is, [B, 1, 1] each
    height, width = images.shape[1:3].as_list()
    y = (tf.range(height, dtype=tf.float32)[None, :, None] + 0.5) * 2.0 / height - 1.0  # [1, H, 1], from -1 to 1
    x = (tf.range(width, dtype=tf.float32)[None, None, :] + 0.5) * 2.0 / width - 1.0  # [1, 1, W]
    is_cut = (tf.abs(y - down) < share) & (tf.abs(x - right) < share)  # [B, H, W]
    return images * tf.cast(~is_cut, images.dtype)[..., None]


def _draw(count: int, images: Tensor, seed: Tensor, parts: int) -> list[Tensor]:
    """So many numbers from -1 to 1 for each image of this replica: [B, 1, 1] each."""
    drawn = tf.random.stateless_uniform([count, tf.shape(images)[0] * count_replicas(), 1, 1], seed, -1.0, 1.0)
    return [own_share(drawn[i], parts) for i in range(count)]
