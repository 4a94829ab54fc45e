"""Table 1: the networks for MNIST, 28x28 grey images."""

from infogan.networks.layers import batch_norm, conv, dense, leaky_relu, relu, reshape, up_conv

IMAGE_SHAPES = ((28, 28, 1),)


def trunk(image_shape, leaky_rate):
    """Table 1, left: what D and Q share; [B, 28, 28, 1] -> [B, 1024]."""
    return [
        conv(64), leaky_relu(leaky_rate),
        conv(128), batch_norm(), leaky_relu(leaky_rate),
        reshape(-1),
        dense(1024), batch_norm(), leaky_relu(leaky_rate),
    ]  # fmt: skip


def discriminator_head():
    """Table 1, left, "FC. output layer for D"; [B, 1024] -> logits [B, 1]."""
    return [dense(1)]


def recognition_head(leaky_rate, outputs):
    """Table 1, left, "FC. 128-batchnorm-lRELU-FC.output for Q"; [B, 1024] -> [B, outputs]."""
    return [dense(128), batch_norm(), leaky_relu(leaky_rate), dense(outputs)]


def generator(image_shape):
    """Table 1, right; latents [B, 74] -> [B, 28, 28, 1] before the output distribution.

    The table prints neither the last layer's stride nor its sigmoid; 28x28 needs stride 2, and the authors' code has
    the sigmoid. Here it belongs to the output distribution.
    """
    return [
        dense(1024), batch_norm(), relu(),
        dense(7 * 7 * 128), batch_norm(), relu(),
        reshape(7, 7, 128),
        up_conv(64), batch_norm(), relu(),
        up_conv(1),
    ]  # fmt: skip
