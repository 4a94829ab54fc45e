"""The shortest time an update can take on a machine of known rates. Plain arithmetic."""

from typing import NamedTuple


class Product(NamedTuple):
    """The matrix product [m * B, k] x [k, n] that a layer is for B images; a convolution is one over its patches.

    Attributes:
      part: "generator", "trunk", "discriminator" or "recognition".
      layer: the layer's name.
      is_first: whether it is its network's first layer, whose input is no other layer's output.
      m: rows for one image: pixels, 1 for a dense layer.
      k: numbers that enter each row's result.
      n: results in each row.
    """

    part: str
    layer: str
    is_first: bool
    m: int
    k: int
    n: int


class Passes(NamedTuple):
    """How many times the batch a part's products are computed on in one update."""

    forward: int
    weight_gradient: int
    input_gradient: int


class Floor(NamedTuple):
    """Seconds that an update needs at least: for its products, for the optimiser's memory traffic, for both."""

    products: float
    optimiser: float

    @property
    def seconds(self):
        return self.products + self.optimiser


# D's step: G forward; trunk and D forward and backward on real and generated images, Q on generated ones.
# G's step: all forward on generated images with new latents; backward through D and Q to G, without their weights.
PASSES = {
    "generator": Passes(forward=2, weight_gradient=1, input_gradient=1),
    "trunk": Passes(forward=3, weight_gradient=2, input_gradient=3),
    "discriminator": Passes(forward=3, weight_gradient=2, input_gradient=3),
    "recognition": Passes(forward=2, weight_gradient=1, input_gradient=2),
}
FIRST_LAYER_INPUT_GRADIENTS = {"generator": 0, "trunk": 1}
"""Latents need no gradient; images need one in G's step only."""

DENSE, CONVOLUTIONS = "dense layers", "convolutions"
WAYS = FORWARD, WEIGHT_GRADIENT, INPUT_GRADIENT = "forward", "weight gradient", "input gradient"
"""In the order of `Passes`."""
PRODUCT_KINDS = [f"{layers}, {way}" for layers in (DENSE, CONVOLUTIONS) for way in WAYS]

ADAM = "Adam"
ADAM_BYTES = 7 * 4
"""For each parameter: gradient, weight and both moments are read, all but the gradient written, in float32."""


def count_passes(product):
    """Passes of one layer."""
    passes = PASSES[product.part]
    if product.is_first and product.part in FIRST_LAYER_INPUT_GRADIENTS:
        return passes._replace(input_gradient=FIRST_LAYER_INPUT_GRADIENTS[product.part])
    return passes


def count_operations(product, batch_size):
    """Additions and multiplications of one layer in one update."""
    return 2 * product.m * product.k * product.n * sum(count_passes(product)) * batch_size


def count_by_kind(products, batch_size):
    """Additions and multiplications of an update: dict of each of PRODUCT_KINDS -> count."""
    counts = dict.fromkeys(PRODUCT_KINDS, 0)
    for product in products:
        layers = DENSE if "dense" in product.layer else CONVOLUTIONS
        for way, passes in zip(WAYS, count_passes(product)):
            counts[f"{layers}, {way}"] += 2 * product.m * product.k * product.n * passes * batch_size
    return counts


def compute_floor(products, parameters, batch_size, operations_per_second, bytes_per_second):
    """The time for an update's products at a rate, and after it for Adam's memory traffic: a Floor.

    Args:
      products: list of Product.
      parameters: trained numbers.
      batch_size: images in a step.
      operations_per_second: the machine's best rate of such products.
      bytes_per_second: the machine's best rate of memory.
    """
    operations = sum(count_operations(product, batch_size) for product in products)
    return Floor(operations / operations_per_second, parameters * ADAM_BYTES / bytes_per_second)


def list_shapes(products, batch_sizes, least_share=0.05):
    """The matrix products of the layers that matter: forward and both gradients, at each batch size.

    Args:
      products: list of Product.
      batch_sizes: list of int.
      least_share: layers with less than this share of all operations are left out.

    Returns:
      List of unique (kind, rows, k, n), where rows = m * B and kind is "forward", "weight gradient" or
      "input gradient".
    """
    operations = [count_operations(product, 1) for product in products]
    shapes = {}
    for product, count in zip(products, operations):
        if count >= least_share * sum(operations):
            for batch_size in batch_sizes:
                for kind in WAYS:
                    shapes[kind, product.m * batch_size, product.k, product.n] = None
    return list(shapes)
