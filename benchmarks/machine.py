"""What the machine can do: the rate of matrix products of the layers' shapes, and the rate of memory."""

import itertools
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from benchmarks.floor import list_shapes
from benchmarks.operations import list_products
from benchmarks.timing import time_calls
from infogan.spec import ExperimentSpec
from infogan.system.tf1 import check_precision, find_gpus, tf

BATCH_SIZES = (128, 256)
"""A step's batch, and real and generated images as one."""


def measure(spec, precision, calls, megabytes):
    """Rates of products and of memory.

    Args:
      spec: JSON of the ExperimentSpec whose layers give the shapes.
      precision: "float32" or "bfloat16".
      calls: repetitions, of which the fastest counts.
      megabytes: size of each array that memory is measured with.

    Returns:
      dict: `products` with operations per second by shape, `best` of them, `memory` with bytes per second by kind.

    Raises:
      InputError: if this machine does not compute the precision.
    """
    check_precision(precision, "precision", "Take float32.")
    products, _ = list_products(ExperimentSpec.from_json(spec))
    rates = measure_products(list_shapes(products, BATCH_SIZES), precision, calls)
    return {"products": rates, "best": max(rates.values()), "memory": measure_memory(megabytes, calls)}


def measure_products(shapes, precision, calls):
    """Operations per second of each matrix product of `list_shapes`: dict of name -> float."""
    rates = {}
    for kind, rows, k, n in shapes:
        with tf.Graph().as_default():
            x, weights, gradient = (_variable(shape, precision) for shape in ([rows, k], [k, n], [rows, n]))
            product = _build_product(kind, x, weights, gradient)
            with tf.Session() as session:
                session.run(tf.global_variables_initializer())
                seconds = min(time_calls(session.make_callable(product.op), 2, calls))
        rates[f"{kind} {rows}x{k}x{n}"] = 2 * rows * k * n / seconds
    return rates


def _build_product(kind, x, weights, gradient):
    if kind == "forward":
        return tf.matmul(x, weights)
    if kind == "weight gradient":
        return tf.matmul(x, gradient, transpose_a=True)
    return tf.matmul(gradient, weights, transpose_b=True)


def _variable(shape, precision):
    return tf.Variable(tf.cast(tf.random.stateless_normal(shape, [0, 1]), precision))


def measure_memory(megabytes, calls):
    """Bytes per second with arrays far beyond any cache, of which the fastest of `calls` counts.

    Returns:
      dict: "add in place" (a += b) by TensorFlow, where training runs; on a CPU also "copy" (a = b) and "triad"
      (a = b + c) by numpy, a part of the arrays for each processor. Bytes that must be moved are counted, not those
      that a cache fetches before it overwrites them.
    """
    numbers = megabytes * 2**20 // 4
    rates = {"add in place": 3 * 4 * numbers / min(_time_add(numbers, calls))}
    if not find_gpus():
        a, b, c = (np.full(numbers, value, np.float32) for value in (0, 1, 2))
        rates["copy"] = 2 * 4 * numbers / min(_time_threads(numbers, calls, lambda s: np.copyto(a[s], b[s])))
        rates["triad"] = 3 * 4 * numbers / min(_time_threads(numbers, calls, lambda s: np.add(b[s], c[s], out=a[s])))
    return rates


def _time_add(numbers, calls):
    with tf.Graph().as_default(), tf.Session() as session:
        a, b = (tf.Variable(tf.fill([numbers], value)) for value in (0.0, 1.0))
        session.run(tf.global_variables_initializer())
        return time_calls(session.make_callable(a.assign_add(b).op), 2, calls)


def _time_threads(numbers, calls, work):
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    edges = np.linspace(0, numbers, processors + 1).astype(int)
    parts = [slice(start, stop) for start, stop in itertools.pairwise(edges)]
    with ThreadPoolExecutor(processors) as pool:
        return time_calls(lambda: list(pool.map(work, parts)), 2, calls)
