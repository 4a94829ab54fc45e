"""Table 4: the networks for the 3D faces, 32x32 grey images. D and Q share everything but their output units."""

from infogan.networks.layers import batch_norm, conv, dense, leaky_relu, relu, reshape, up_conv

IMAGE_SHAPES = ((32, 32, 1),)


def trunk(image_shape, leaky_rate):
    """Table 4, left: what D and Q share; [B, 32, 32, 1] -> [B, 1024]."""
    return [
        conv(64), leaky_relu(leaky_rate),
        conv(128), batch_norm(), leaky_relu(leaky_rate),
        reshape(-1),
        dense(1024), batch_norm(), leaky_relu(leaky_rate),
    ]  # fmt: skip


def discriminator_head():
    """Table 4, left, "FC. output layer" for D; [B, 1024] -> logits [B, 1]."""
    return [dense(1)]


def recognition_head(leaky_rate, outputs):
    """Table 4, left, "FC. output layer" for Q; [B, 1024] -> [B, outputs]."""
    return [dense(outputs)]


def generator(image_shape):
    """Table 4, right; latents [B, 133] -> [B, 32, 32, 1] before the output distribution's sigmoid.

    The table does not print the last layer's stride; 32x32 needs 2.
    """
    return [
        dense(1024), batch_norm(), relu(),
        dense(8 * 8 * 128), batch_norm(), relu(),
        reshape(8, 8, 128),
        up_conv(64), batch_norm(), relu(),
        up_conv(1),
    ]  # fmt: skip
