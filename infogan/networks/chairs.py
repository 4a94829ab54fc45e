"""Table 6: the networks for the rendered chairs, 64x64 grey images. D and Q share everything but their output units."""

from infogan.networks.layers import batch_norm, conv, dense, leaky_relu, relu, reshape, up_conv

IMAGE_SHAPES = ((64, 64, 1),)


def trunk(image_shape, leaky_rate):
    """Table 6, left: what D and Q share; [B, 64, 64, 1] -> [B, 1024]."""
    return [
        conv(64), leaky_relu(leaky_rate),
        conv(128), batch_norm(), leaky_relu(leaky_rate),
        conv(256), batch_norm(), leaky_relu(leaky_rate),
        conv(256, stride=1), batch_norm(), leaky_relu(leaky_rate),
        conv(256, stride=1), batch_norm(), leaky_relu(leaky_rate),
        reshape(-1),
        dense(1024), batch_norm(), leaky_relu(leaky_rate),
    ]  # fmt: skip


def discriminator_head():
    """Table 6, left, "FC. output layer" for D; [B, 1024] -> logits [B, 1]."""
    return [dense(1)]


def recognition_head(leaky_rate, outputs):
    """Table 6, left, "FC. output layer" for Q; [B, 1024] -> [B, outputs]."""
    return [dense(outputs)]


def generator(image_shape):
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
