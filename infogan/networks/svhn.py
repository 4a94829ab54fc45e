"""Tables 2 and 3: the networks for SVHN and CelebA, 32x32 colour images. The two tables print the same layers."""

from infogan.networks.layers import batch_norm, conv, dense, leaky_relu, relu, reshape, up_conv

IMAGE_SHAPES = ((32, 32, 3),)


def trunk(image_shape, leaky_rate):
    """Tables 2 and 3, left: what D and Q share; [B, 32, 32, 3] -> [B, 4096]. There is no dense layer in it."""
    return [
        conv(64), leaky_relu(leaky_rate),
        conv(128), batch_norm(), leaky_relu(leaky_rate),
        conv(256), batch_norm(), leaky_relu(leaky_rate),
        reshape(-1),
    ]  # fmt: skip


def discriminator_head():
    """Tables 2 and 3, left, "FC. output layer for D"; [B, 4096] -> logits [B, 1]."""
    return [dense(1)]


def recognition_head(leaky_rate, outputs):
    """Tables 2 and 3, left, "FC. 128-batchnorm-lRELU-FC.output for Q"; [B, 4096] -> [B, outputs]."""
    return [dense(128), batch_norm(), leaky_relu(leaky_rate), dense(outputs)]


def generator(image_shape):
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
