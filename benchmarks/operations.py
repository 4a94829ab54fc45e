"""The operations of an update, read off the networks that a spec names."""

import math

from benchmarks.floor import Product
from infogan.model.gan import RegularizedGAN
from infogan.model.layers import GENERATED, REAL, Normalisation
from infogan.spec import ExperimentSpec
from infogan.system.tf1 import tf


def measure(spec):
    """What an update needs: {"products": list of fields of `Product`, "parameters": trained numbers}.

    Args:
      spec: JSON of an ExperimentSpec.
    """
    products, parameters = list_products(ExperimentSpec.from_json(spec))
    return {"products": [product._asdict() for product in products], "parameters": parameters}


def list_products(spec):
    """The matrix products of one forward pass through every network, and the number of trained parameters.

    Returns:
      (list of Product, int)
    """
    with tf.Graph().as_default() as graph:
        model = RegularizedGAN.of_spec(spec)
        model.generate(tf.zeros([1, model.latent_dist.dim]), Normalisation([GENERATED], batch_statistics=False))
        model.discriminate(tf.zeros([1, *model.image_shape]), Normalisation([REAL], batch_statistics=False))
        products, seen = [], set()
        for operation in graph.get_operations():
            if operation.type in READERS:
                part = operation.name.split("/")[0]
                m, k, n = READERS[operation.type](operation)
                products.append(Product(part, operation.name.split("/")[1], part not in seen, m, k, n))
                seen.add(part)
        variables = [*model.generator_variables, *model.discriminator_variables, *model.recognition_variables]
        return products, sum(math.prod(variable.shape.as_list()) for variable in variables)


def _read_dense(operation):
    k, n = operation.inputs[1].shape.as_list()
    return operation.inputs[0].shape.as_list()[0], k, n


def _read_conv(operation):
    height, width, channels_in, channels_out = operation.inputs[1].shape.as_list()
    rows = math.prod(operation.outputs[0].shape.as_list()[:3])
    return rows, height * width * channels_in, channels_out


def _read_up_conv(operation):
    """An up-convolution is a convolution's gradient: a product for each pixel of its input."""
    height, width, channels_out, channels_in = operation.inputs[1].shape.as_list()
    rows = math.prod(operation.inputs[2].shape.as_list()[:3])
    return rows, channels_in, height * width * channels_out


READERS = {"MatMul": _read_dense, "Conv2D": _read_conv, "Conv2DBackpropInput": _read_up_conv}
"""Shape (m, k, n) of the product that an operation on one image is."""
