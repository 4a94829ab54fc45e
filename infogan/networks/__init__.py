"""Architectures: one module per table of the paper's Appendix C, and `dcgan` for other pictures.

Each has IMAGE_SHAPES, the shapes [H, W, C] it can make, and four functions that return the rows of a `layers.Network`:
`trunk(image_shape, leaky_rate)`, `discriminator_head()`, `recognition_head(leaky_rate, outputs)` and
`generator(image_shape)`, where `image_shape` is one of IMAGE_SHAPES.
"""

import importlib
import math

from infogan.errors import InputError

ARCHITECTURES = ("mnist", "svhn", "faces", "chairs", "dcgan")


def load_architecture(name):
    """The module of an architecture; `name` is one of ARCHITECTURES.

    Raises:
      InputError: if it is none.
    """
    if name not in ARCHITECTURES:
        raise InputError("network", f"{name!r} was given, but the known ones are {', '.join(ARCHITECTURES)}.")
    return importlib.import_module(f"infogan.networks.{name}")


def find_image_shape(name, pixels):
    """The shape [H, W, C] of an architecture's images that has so many numbers.

    Raises:
      InputError: if it makes no such images, or there is no such architecture.
    """
    shapes = load_architecture(name).IMAGE_SHAPES
    for shape in shapes:
        if math.prod(shape) == pixels:
            return shape
    makes = ", ".join("x".join(map(str, shape)) for shape in shapes)
    raise InputError("output_dist", f"{pixels} pixels were given, but {name} makes {makes}.")
