"""The graph of one update: a step of D and Q, then a step of G that sees the updated D; several in one session run."""

import itertools
from typing import NamedTuple

import numpy as np

from infogan.distributions import Categorical
from infogan.model.augmentation import augment
from infogan.model.layers import GENERATED, REAL, Normalisation
from infogan.model.losses import discriminator_loss, generator_loss, view_information
from infogan.model.replicas import count_replicas, gather_from_replicas, own_share, sum_over_replicas
from infogan.schedule import FULL
from infogan.system.tf1 import tf

WITH_EXTREMES = ("discriminator", "stddev")
"""Groups of logged quantities that are extremes of a batch."""


class Update(NamedTuple):
    """One whole update, ready to be run.

    Attributes:
      counter: int64 Variable, updates finished; all random numbers of an update follow from it and the seed.
      step: Operation that performs one update and raises the counter.
      names: names of the logged quantities, as `group/name`.
      values: Tensor [len(names)], the quantities of the update that `step` performs.
      totals: Variable [len(names)], their sum since it was last set to 0; saved with the weights, so that a resumed
        run logs the same means.
    """

    counter: object
    step: object
    names: list
    values: object
    totals: object


def build_update(model, spec, images):
    """Builds one update of the objective (arXiv:1606.03657, Eq. 6).

        D step:  trunk, D and Q minimise  discriminator_loss - sum_c lambda_c L_I(c)
        G step:  G minimises              generator_loss     - sum_c lambda_c L_I(c)

    With spec.view_information above 0, which the paper does not have, the D step also maximises that much of
    `losses.view_information` of each categorical code.

    Each step draws latents of its own, as in the authors' code. With the variant "gan" L_I trains Q's own layers only.

    Args:
      model: RegularizedGAN.
      spec: ExperimentSpec.
      images: uint8 [N, H, W, C], the training set: a Tensor, or an array that is read batch by batch.

    Returns:
      Update.
    """
    counter = _build_state("update", [], tf.int64)
    seeds = UpdateSeeds(spec.seed, counter)
    strengths = build_strengths(spec, counter)
    real = _build_batch(model, spec, counter, images, spec.views)

    d_step, d_values = build_discriminator_step(model, spec, real, strengths, seeds)
    with tf.control_dependencies([d_step]):
        g_step, g_values = build_generator_step(model, spec, strengths, seeds)

    quantities = {**d_values, **g_values}
    values = tf.stack(list(quantities.values()))
    if count_replicas() > 1:
        values = _join_quantities(list(quantities), values)
    totals = _build_state("totals", [len(quantities)], tf.float32)
    with tf.control_dependencies([g_step]):
        step = tf.group(counter.assign_add(1), totals.assign_add(values))
    return Update(counter, step, list(quantities), values, totals)


def join_updates(updates):
    """One Update from those of every replica of this process."""
    if len(updates) == 1:
        return updates[0]
    return updates[0]._replace(step=tf.group(*(update.step for update in updates)))


def _build_state(name, shape, dtype):
    aggregation = tf.VariableAggregation.ONLY_FIRST_REPLICA  # every replica assigns the same
    return tf.get_variable(name, shape, dtype, tf.zeros_initializer(), trainable=False, aggregation=aggregation)


def _join_quantities(names, values):
    """The quantities of the whole batch from those of the replicas' shares: extremes of extremes, means of means."""
    of_replicas = tf.unstack(gather_from_replicas(values), axis=1)
    return tf.stack([_find_reduction(name)(parts) for name, parts in zip(names, of_replicas)])


def _find_reduction(name):
    group, _, quantity = name.partition("/")
    if group in WITH_EXTREMES and quantity.endswith("_max"):
        return tf.reduce_max
    if group in WITH_EXTREMES and quantity.endswith("_min"):
        return tf.reduce_min
    return tf.reduce_mean


def build_settling(model, spec, images, number):
    """Replaces batch norm's moving averages by plain means over batches, with the weights as they are.

    Training moves the averages while the weights move, and on augmented images. Run for number = 0, 1, ... with the
    last weights, this makes them the means over unaugmented images, which is what a user classifies (Wu and Johnson
    2021, "Rethinking 'Batch' in BatchNorm", Sec. 3).

    Args:
      model: RegularizedGAN.
      spec: ExperimentSpec.
      images: uint8 [N, H, W, C], the training set: a Tensor, or an array that is read batch by batch.
      number: int64 Tensor; how many batches the averages hold already.

    Returns:
      Operation.
    """
    share = 1.0 / (1.0 + tf.cast(number, tf.float32))
    of_generator = Normalisation([GENERATED], batch_statistics=True, share=share)
    of_both = Normalisation([REAL, GENERATED], batch_statistics=True, share=share)
    z = _sample_latents(model, spec, UpdateSeeds(spec.seed, -1 - number))
    model.discriminate(
        tf.concat([_build_batch(model, spec, number, images), model.generate(z, of_generator)], axis=0), of_both
    )
    return tf.group(*of_generator.updates, *of_both.updates)


class UpdateSeeds:
    """A seed for each draw of an update, the same whenever that update is computed."""

    def __init__(self, seed, counter):
        self._of_update = tf.random.experimental.stateless_fold_in(tf.constant([seed, 1], tf.int64), counter)
        self._count = 0

    def next(self):
        self._count += 1
        return tf.random.experimental.stateless_fold_in(self._of_update, self._count)


def _build_batch(model, spec, number, images, views=1):
    """This replica's share of a batch of real images: [B, H, W, C], in the range of generated ones."""
    return model.read_images(_take(images, own_share(build_batch_indices(spec, number, images.shape[0], views))))


def _take(images, indices):
    """Images by their numbers: from the device, or from a file."""
    if not isinstance(images, np.ndarray):
        return tf.gather(images, indices)
    batch = tf.numpy_function(lambda chosen: np.asarray(images[chosen]), [indices], tf.uint8)
    batch.set_shape([*indices.shape, *images.shape[1:]])
    return batch


def _sample_latents(model, spec, seeds):
    """This replica's share of a batch of latents: [B, latent_dist.dim]."""
    return own_share(model.latent_dist.sample_prior(spec.batch_size, seeds.next()))


def build_batch_indices(spec, counter, images, views=1):
    """Which images make this update's batch: [B], each `views` times in a row.

    Each pass over the set has an order of its own.
    """
    position = counter * (spec.batch_size // views) + tf.range(spec.batch_size, dtype=tf.int64) // views
    number_of_pass = position // images
    zeros = tf.zeros_like(position)
    return tf.raw_ops.RandomIndexShuffle(
        index=position % images,
        seed=tf.stack([zeros + spec.seed, number_of_pass, zeros], axis=1),
        max_index=zeros + (images - 1),
        rounds=4,
    )


class Strengths(NamedTuple):
    """What of an update depends on how much of the run is done.

    Attributes:
      rate: scalar, what the learning rates are multiplied by.
      turning: scalar, the share of the augmentation's rotation and shear.
      scaling: scalar, the share of the log of its scale.
      code_weights: dict of code name -> scalar, lambda.
    """

    rate: object
    turning: object
    scaling: object
    code_weights: dict


def build_strengths(spec, counter):
    """The Strengths of the update after `counter` finished ones (int, or int64 Tensor)."""
    done = tf.cast(counter, tf.float32)
    rate = 1.0
    if spec.constant_rate_share < 1:
        rate = tf.minimum(1.0, (1.0 - done / spec.updates) / (1.0 - spec.constant_rate_share))
    schedules = spec.code_schedules or [FULL] * len(spec.codes)
    code_weights = {
        latent.name: spec.code_weight(latent) * _read_schedule(schedule, done)
        for latent, schedule in zip(spec.codes, schedules)
    }
    turning, scaling = (_read_schedule(schedule, done) for schedule in (spec.turning_schedule, spec.scaling_schedule))
    return Strengths(rate, turning, scaling, code_weights)


def _read_schedule(schedule, done):
    """The share that a Schedule gives after `done` updates."""
    if not schedule.points:
        return 1.0
    share = schedule.points[0][1]
    for (start, before), (end, after) in itertools.pairwise(schedule.points):
        share += (after - before) * tf.clip_by_value((done - start) / (end - start), 0.0, 1.0)
    return share


def build_discriminator_step(model, spec, real, strengths, seeds):
    """The step of the trunk, D and Q: an Operation and the quantities it logs."""
    z = _sample_latents(model, spec, seeds)
    generated = model.generate(z, Normalisation([GENERATED], batch_statistics=True))
    # One pass over both: the same numbers as two passes, with half as many matrix products of twice the size.
    images = tf.concat([real, generated], axis=0)
    images = augment(
        images, spec.augmentation, seeds.next(), parts=2, turning=strengths.turning, scaling=strengths.scaling
    )
    normalisation = Normalisation([REAL, GENERATED], batch_statistics=True)
    # DEVIATION: the halves are normalised separately; the paper does not say.
    judgement = model.discriminate(images, normalisation)
    real_logits, generated_logits = tf.split(judgement.logits, 2)
    real_info, generated_info = (
        {key: tf.split(value, 2)[half] for key, value in judgement.reg_dist_info.items()} for half in (0, 1)
    )

    loss = discriminator_loss(real_logits, generated_logits, spec.gan_loss)
    information_loss = -_weigh(model.information(z, generated_info), strengths)
    of_views = _compare_views(model, real_info) if spec.view_information > 0 else {}
    for information in of_views.values():
        information_loss -= spec.view_information * information
    if spec.variant == "gan":
        gradients = [
            *_gradients(loss, model.discriminator_variables),
            *_gradients(information_loss, model.recognition_variables),
        ]
    else:
        gradients = _gradients(loss + information_loss, model.discriminator_variables + model.recognition_variables)
    optimizer = tf.train.AdamOptimizer(
        spec.discriminator_learning_rate * strengths.rate, spec.adam_beta1, name="adam_discriminator"
    )
    # The averages move before the weights: Q's pass over real images is in no gradient, so nothing else would order the
    # two. Those of generated images are moved by G's step too, which sees the newer networks.
    with tf.control_dependencies(normalisation.updates):
        step = optimizer.apply_gradients(gradients)

    real_d, generated_d = tf.sigmoid(real_logits), tf.sigmoid(generated_logits)
    values = {
        "loss/discriminator": loss,
        "accuracy/real": _share(real_logits > 0),
        "accuracy/generated": _share(generated_logits < 0),
        "discriminator/real_max": tf.reduce_max(real_d),
        "discriminator/real_min": tf.reduce_min(real_d),
        "discriminator/generated_max": tf.reduce_max(generated_d),
        "discriminator/generated_min": tf.reduce_min(generated_d),
        "gradient/discriminator": _norm(gradients),
        **{f"view_information/{name}": information for name, information in of_views.items()},
    }
    return step, values


def _compare_views(model, real_info):
    """`view_information` of each categorical code, from Q's posterior of real images that come in pairs of views."""
    information = {}
    for latent, info in zip(model.reg_latents, model.reg_latent_dist.split_dist_info(real_info)):
        if isinstance(latent.distribution, Categorical):
            first, second = info["prob"][0::2], info["prob"][1::2]
            joint = tf.reduce_mean(first[:, :, None] * second[:, None, :], axis=0)
            information[latent.name] = view_information(sum_over_replicas(joint) / count_replicas())
    return information


def build_generator_step(model, spec, strengths, seeds):
    """The step of G: an Operation and the quantities it logs."""
    normalisation = Normalisation([GENERATED], batch_statistics=True)
    z = _sample_latents(model, spec, seeds)
    generated = model.generate(z, normalisation)
    images = augment(generated, spec.augmentation, seeds.next(), turning=strengths.turning, scaling=strengths.scaling)
    judgement = model.discriminate(images, normalisation)

    loss = generator_loss(judgement.logits, spec.gan_loss)
    information = model.information(z, judgement.reg_dist_info)
    total = loss if spec.variant == "gan" else loss - _weigh(information, strengths)
    optimizer = tf.train.AdamOptimizer(
        spec.generator_learning_rate * strengths.rate, spec.adam_beta1, name="adam_generator"
    )
    gradients = _gradients(total, model.generator_variables)
    with tf.control_dependencies(normalisation.updates):
        step = optimizer.apply_gradients(gradients)

    values = {"loss/generator": loss, "gradient/generator": _norm(gradients)}
    for latent, info in zip(model.reg_latents, model.reg_latent_dist.split_dist_info(judgement.reg_dist_info)):
        values[f"mi/{latent.name}"] = information[latent.name]
        values[f"cross_entropy/{latent.name}"] = latent.distribution.prior_entropy - information[latent.name]
        if "stddev" in info:
            values[f"stddev/{latent.name}_max"] = tf.reduce_max(info["stddev"])
            values[f"stddev/{latent.name}_min"] = tf.reduce_min(info["stddev"])
    return step, values


def _weigh(information, strengths):
    return tf.add_n([strengths.code_weights[name] * value for name, value in information.items()])


def _gradients(loss, variables):
    if count_replicas() > 1:  # the optimiser adds up the gradients of all replicas
        loss = loss / count_replicas()
    return list(zip(tf.gradients(loss, variables), variables))


def _norm(gradients):
    """Length of all gradients together; not finite as soon as a number in them, or its square in Adam, is not.

    Of a replica: that of its own part of the sum, times their number. The mean over the replicas is longer than the sum
    by what cancels between them, but a length of the sum itself would need every gradient sent twice.
    """
    return tf.global_norm([gradient for gradient, _ in gradients]) * count_replicas()


def _share(condition):
    return tf.reduce_mean(tf.cast(condition, tf.float32))


class UpdateCall:
    """Up to `most` updates, performed by one session run one after another.

    A call ends early at the first update whose quantities are not all finite. With `most` 1 the graph is that of one
    update and nothing else.

    Args:
      build: function without arguments that builds an Update; further calls of it share the variables.
      most: largest number of updates in a call, at least 1.

    Attributes:
      names: names of the logged quantities.
      counter: the Update's counter.
      totals: the Update's totals.
      clear_totals: Operation that sets the totals to 0.
    """

    def __init__(self, build, most):
        self._limit = None
        if most == 1:
            update = build()
            self._fetches = [update.values, update.step]
        else:
            self._limit = tf.placeholder(tf.int64, [])
            update, self._fetches = _build_loop(build, self._limit)
        self.names, self.counter, self.totals = update.names, update.counter, update.totals
        self.clear_totals = tf.group(self.totals.assign(tf.zeros(self.totals.shape)))

    def bind(self, session):
        """A function of how many updates to perform at most.

        It returns the quantities of the last update performed, array [len(names)], and how many were performed.
        """
        if self._limit is None:
            run_update = session.make_callable(self._fetches)
            return lambda limit: (run_update()[0], 1)
        run_updates = session.make_callable(self._fetches, feed_list=[self._limit])

        def run(limit):
            values, performed = run_updates(limit)
            return values, int(performed)

        return run


def _build_loop(build, limit):
    """The Update inside a loop over updates; the last quantities and the number of updates performed."""
    built = []

    def is_wanted(performed, values):
        return (performed < limit) & tf.reduce_all(tf.is_finite(values))

    def perform(performed, values):
        with tf.variable_scope(tf.get_variable_scope(), reuse=tf.AUTO_REUSE):
            built.append(build())
        with tf.control_dependencies([built[-1].step]):
            return performed + 1, tf.identity(built[-1].values)

    start = [tf.zeros([], tf.int64), tf.zeros([1])]
    shapes = [tf.TensorShape([]), tf.TensorShape([None])]  # how many quantities there are shows when they are built
    performed, values = tf.while_loop(is_wanted, perform, start, shapes, parallel_iterations=1)
    return built[-1], [values, performed]
