"""The port of the authors' code, trained as long as the authors train, and the error of its digit meanwhile."""

import dataclasses
import time

import numpy as np

from benchmarks.reference_port import build, discriminate, draw_batches
from benchmarks.time_to_quality import describe_curve
from infogan.data import load_dataset
from infogan.evaluation.first_look import plan_first_look
from infogan.spec import ExperimentSpec
from infogan.system.tf1 import tf


def measure(spec, seed, every):
    """Error over time; Q classifies the images that the launcher looks at, all in one batch, with its statistics.

    Args:
      spec: JSON of an ExperimentSpec: batch size, rates, weights of the codes, updates.
      seed: of weights, latents and the order of the images.
      every: updates between two looks at the error.

    Returns:
      dict: see `benchmarks.time_to_quality.describe_curve`; seconds are those since the set-up.
    """
    spec = dataclasses.replace(ExperimentSpec.from_json(spec), seed=seed)
    dataset = load_dataset(spec)
    look = plan_first_look(spec, dataset, every)
    images, seen = (_flatten(some) for some in (dataset.train.images, look.images))
    curve = []
    with tf.Graph().as_default():
        tf.set_random_seed(seed)
        images_in, d_step, g_step, logged = build(spec)
        seen_in = tf.placeholder(tf.float32, seen.shape)
        _, flat = discriminate(seen_in)
        probabilities = tf.nn.softmax(flat[:, :10])
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            batches = draw_batches(images, spec.batch_size, seed)
            started = time.perf_counter()
            for update in range(1, spec.updates + 1):
                feed = {images_in: next(batches)}
                session.run([d_step, *logged], feed)
                session.run(g_step, feed)
                if update % every == 0 or update == spec.updates:
                    values, _ = look.measure(_name_codes(*session.run([probabilities, flat], {seen_in: seen})))
                    curve.append([time.perf_counter() - started, update, values["evaluation/error_rate/digit"]])
    return describe_curve(curve)


def _flatten(images):
    """Float32 [N, 784] from 0 to 1."""
    return images.reshape(-1, 784).astype(np.float32) / 255.0


def _name_codes(probabilities, flat):
    """Q's posteriors by code; of the continuous ones only the means are read."""
    return {"digit": {"prob": probabilities}, "rotation": {"mean": flat[:, 10:11]}, "width": {"mean": flat[:, 11:12]}}
