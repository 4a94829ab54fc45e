"""One update in the style of the authors' code (openai/InfoGAN), moved to the TensorFlow of today and nothing else.

As there: images are fed from numpy, latents are drawn in the graph; two session runs an update, one for D and Q and one
for G; D sees real and generated images in passes of their own; batch norm is `tf.nn.moments` and
`tf.nn.batch_normalization` with moving averages under control dependencies; every layer has a bias; probabilities, not
logits, enter the losses; the logged quantities are fetched with D's step. `tf.layers` takes prettytensor's place.
"""

import contextlib
import math

import numpy as np

from benchmarks.timing import describe_updates, time_calls
from infogan.data import load_dataset
from infogan.spec import ExperimentSpec
from infogan.system.tf1 import tf

TINY = 1e-8
LOG_2PI = math.log(2.0 * math.pi)


def measure(spec, warm_up, updates):
    """Time of an update, the batch's choice in numpy included.

    Args:
      spec: JSON of an ExperimentSpec: batch size, rates, weights of the codes.
      warm_up: updates that are not counted.
      updates: updates that are.

    Returns:
      dict: see `describe_updates`.
    """
    spec = ExperimentSpec.from_json(spec)
    with open_training(spec, load_dataset(spec).train.images) as (_, update):
        seconds = time_calls(update, warm_up, updates)
    return describe_updates(seconds, spec.batch_size)


@contextlib.contextmanager
def open_training(spec, images):
    """(session, function that performs an update) of uint8 images [N, 28, 28, 1] and the spec's seed, while entered."""
    with tf.Graph().as_default():
        tf.set_random_seed(spec.seed)
        images_in, d_step, g_step, logged = build(spec)
        batches = draw_batches(flatten(images), spec.batch_size, spec.seed)
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())

            def update():
                feed = {images_in: next(batches)}
                session.run([d_step, *logged], feed)
                session.run(g_step, feed)

            yield session, update


def flatten(images):
    """Float32 [N, 784] from 0 to 1."""
    return images.reshape(-1, 784).astype(np.float32) / 255.0


def draw_batches(images, batch_size, seed):
    """Batches of a fresh order for each pass over the images, without end."""
    generator = np.random.default_rng(seed)
    while True:
        order = generator.permutation(len(images))
        for start in range(0, len(images) - batch_size + 1, batch_size):
            yield images[order[start : start + batch_size]]


def build(spec):
    """The graph: placeholder [B, 784], D's step, G's step, list of logged scalars."""
    batch = spec.batch_size
    images_in = tf.placeholder(tf.float32, [batch, 784])
    categories = tf.one_hot(tf.random_uniform([batch], 0, 10, tf.int32), 10)
    continuous = tf.random_uniform([batch, 2], -1.0, 1.0)
    z = tf.concat([tf.random_uniform([batch, 62], -1.0, 1.0), categories, continuous], axis=1)
    generated = _generate(z)
    real_d, _ = discriminate(images_in)
    generated_d, flat = discriminate(generated)

    log_q_categories = tf.reduce_sum(tf.log(tf.nn.softmax(flat[:, :10]) + TINY) * categories, axis=1)
    categorical = tf.reduce_mean(log_q_categories) + math.log(10.0)
    # Two Gaussian codes of unit deviation, and their entropy under that density, as there.
    log_q_continuous = tf.reduce_sum(-0.5 * LOG_2PI - 0.5 * tf.square(continuous - flat[:, 10:]), axis=1)
    log_prior = tf.reduce_sum(-0.5 * LOG_2PI - 0.5 * tf.square(continuous), axis=1)
    information = tf.reduce_mean(log_q_continuous) - tf.reduce_mean(log_prior)
    weighted = spec.info_reg_coeff * categorical + spec.continuous_weight * information
    d_loss = -tf.reduce_mean(tf.log(real_d + TINY) + tf.log(1.0 - generated_d + TINY)) - weighted
    g_loss = -tf.reduce_mean(tf.log(generated_d + TINY)) - weighted

    d_step = tf.train.AdamOptimizer(spec.discriminator_learning_rate, beta1=0.5).minimize(
        d_loss, var_list=[v for v in tf.trainable_variables() if v.name.startswith("d_")]
    )
    g_step = tf.train.AdamOptimizer(spec.generator_learning_rate, beta1=0.5).minimize(
        g_loss, var_list=[v for v in tf.trainable_variables() if v.name.startswith("g_")]
    )
    extremes = [reduce(d) for d in (real_d, generated_d) for reduce in (tf.reduce_max, tf.reduce_min)]
    return images_in, d_step, g_step, [d_loss, g_loss, categorical, information, *extremes]


def _generate(z):
    with tf.variable_scope("g_net"):
        x = tf.nn.relu(_batch_norm(_dense(z, 1024, "1"), "1_norm"))
        x = tf.nn.relu(_batch_norm(_dense(x, 7 * 7 * 128, "2"), "2_norm"))
        x = _up_conv(tf.reshape(x, [-1, 7, 7, 128]), 64, "3")
        x = _up_conv(tf.nn.relu(_batch_norm(x, "3_norm")), 1, "4")
        return tf.nn.sigmoid(tf.reshape(x, [-1, 784]))


def discriminate(flat_images):
    """Probabilities [B] and the outputs of Q [B, 12]."""
    with tf.variable_scope("d_net", reuse=tf.AUTO_REUSE):
        x = _leaky(_conv(tf.reshape(flat_images, [-1, 28, 28, 1]), 64, "1"))
        x = _leaky(_batch_norm(_conv(x, 128, "2"), "2_norm"))
        x = _leaky(_batch_norm(_dense(tf.reshape(x, [-1, 7 * 7 * 128]), 1024, "3"), "3_norm"))
        q = _leaky(_batch_norm(_dense(x, 128, "4"), "4_norm"))
        return tf.nn.sigmoid(_dense(x, 1, "d")[:, 0]), _dense(q, 12, "q")


def _leaky(x):
    return tf.maximum(x, 0.01 * x)


def _normal():
    return tf.random_normal_initializer(stddev=0.02)


def _dense(x, units, name):
    return tf.layers.Dense(units, kernel_initializer=_normal(), name=name)(x)


def _conv(x, filters, name):
    initial = tf.truncated_normal_initializer(stddev=0.02)
    return tf.layers.Conv2D(filters, 4, 2, "same", kernel_initializer=initial, name=name)(x)


def _up_conv(x, filters, name):
    return tf.layers.Conv2DTranspose(filters, 4, 2, "same", kernel_initializer=_normal(), name=name)(x)


def _batch_norm(x, name):
    with tf.variable_scope(name):
        channels = int(x.shape[-1])
        scale = tf.get_variable("gamma", [channels], initializer=tf.random_normal_initializer(1.0, 0.02))
        offset = tf.get_variable("beta", [channels], initializer=tf.zeros_initializer())
        mean, variance = tf.nn.moments(x, list(range(len(x.shape) - 1)))
        averages = [
            tf.get_variable(kind, [channels], initializer=tf.zeros_initializer(), trainable=False)
            for kind in ("mean", "variance")
        ]
        moves = [a.assign_sub(0.1 * (a - value)) for a, value in zip(averages, (mean, variance))]
        with tf.control_dependencies(moves):
            return tf.nn.batch_normalization(x, mean, variance, offset, scale, 1e-5)
