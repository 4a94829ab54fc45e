"""The port of the authors' code, trained as long as the authors train, and the error of its digit meanwhile."""

import dataclasses
import time

from benchmarks.reference_port import discriminate, flatten, open_training
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
    seen, curve = flatten(look.images), []
    with open_training(spec, dataset.train.images) as (session, update):
        seen_in = tf.placeholder(tf.float32, seen.shape)
        _, flat = discriminate(seen_in)
        read = [tf.nn.softmax(flat[:, :10]), flat]
        started = time.perf_counter()
        for done in range(1, spec.updates + 1):
            update()
            if done % every == 0 or done == spec.updates:
                values, _ = look.measure(_name_codes(*session.run(read, {seen_in: seen})))
                curve.append([time.perf_counter() - started, done, values["evaluation/error_rate/digit"]])
    return describe_curve(curve)


def _name_codes(probabilities, flat):
    """Q's posteriors by code; of the continuous ones only the means are read."""
    return {"digit": {"prob": probabilities}, "rotation": {"mean": flat[:, 10:11]}, "width": {"mean": flat[:, 11:12]}}
