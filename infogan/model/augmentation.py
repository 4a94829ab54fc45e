"""Random affine maps of the images that D and Q see, real and generated alike.

The paper says nothing of augmentation. G's images pass through the same maps, so D compares two mapped distributions
and cannot learn the training set by heart, while maps this small leave G little reason to draw mapped images itself
(Karras et al. 2020, "Training Generative Adversarial Networks with Limited Data", Sec. 2.2; the exact condition there
is that the mapping of distributions can be inverted, which is not shown for these).
"""

import math

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


def augment(
    images: Tensor,
    strength: float,
    seed: Tensor,
    parts: int = 1,
    turning: float | Tensor = 1.0,
    scaling: float | Tensor = 1.0,
) -> Tensor:
    """Rotates, shears, scales and shifts each image by random amounts.

    Bilinear, outside is 0, differentiable with respect to the images.

    Args:
      images: Tensor [B, H, W, C].
      strength: float; the amounts are uniform up to `strength` times the module's constants. 0 changes nothing.
      seed: integer Tensor [2].
      parts: of how many equal parts the batch is made; see `infogan.model.replicas.own_share`.
      turning: scalar, share of rotation and shear that is applied.
      scaling: scalar, share of the log of the scale that is applied.

    Returns:
      Tensor [B, H, W, C].
    """
    if strength == 0:
        return images
    batch_size, (height, width) = tf.shape(images)[0], images.shape[1:3].as_list()
    column, row = _source_positions(batch_size, height, width, strength, seed, parts, turning, scaling)
    left, top = tf.floor(column), tf.floor(row)
    right_share, bottom_share = (column - left)[..., None], (row - top)[..., None]  # [B, H, W, 1]

    # One pixel of border, onto which everything outside is clipped.
    padded = tf.pad(images, [[0, 0], [1, 1], [1, 1], [0, 0]])  # [B, H + 2, W + 2, C]
    pixels = tf.reshape(padded, [batch_size, (height + 2) * (width + 2), images.shape[3]])

    def pixel_at(row: Tensor, column: Tensor) -> Tensor:  # [B, H, W] each -> [B, H, W, C]
        row = tf.cast(tf.clip_by_value(row + 1, 0, height + 1), tf.int32)
        column = tf.cast(tf.clip_by_value(column + 1, 0, width + 1), tf.int32)
        return tf.gather(pixels, row * (width + 2) + column, batch_dims=1)

    upper = (1 - right_share) * pixel_at(top, left) + right_share * pixel_at(top, left + 1)
    lower = (1 - right_share) * pixel_at(top + 1, left) + right_share * pixel_at(top + 1, left + 1)
    return (1 - bottom_share) * upper + bottom_share * lower


def _source_positions(
    batch_size: Tensor,
    height: int,
    width: int,
    strength: float,
    seed: Tensor,
    parts: int,
    turning: float | Tensor,
    scaling: float | Tensor,
) -> tuple[Tensor, Tensor]:
    """Where in its source each pixel of the result lies: column and row, [B, H, W] each."""
    drawn = strength * tf.random.stateless_uniform([6, batch_size * count_replicas(), 1, 1], seed, -1.0, 1.0)
    amounts = [own_share(drawn[i], parts) for i in range(6)]  # [B, 1, 1] each
    angle, shear = turning * ROTATION * amounts[0], turning * SHEAR * amounts[1]
    scale_x, scale_y = tf.exp(scaling * LOG_SCALE * amounts[2]), tf.exp(scaling * LOG_SCALE * amounts[3])
    center_x, center_y = (width - 1) / 2, (height - 1) / 2
    x = tf.range(width, dtype=tf.float32)[None, None, :] - center_x  # [1, 1, W]
    y = tf.range(height, dtype=tf.float32)[None, :, None] - center_y  # [1, H, 1]
    column = tf.cos(angle) * scale_x * x + (shear - tf.sin(angle) * scale_y) * y + SHIFT * amounts[4] + center_x
    row = tf.sin(angle) * scale_x * x + tf.cos(angle) * scale_y * y + SHIFT * amounts[5] + center_y
    return column, row
