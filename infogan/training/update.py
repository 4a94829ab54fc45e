"""The graph of one update: a step of D and Q, then a step of G that sees the updated D; several in one session run."""

import dataclasses
import functools
import itertools
from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

import numpy as np

from infogan.data.lazy_images import Images
from infogan.distributions import DistInfo, Distribution
from infogan.model.augmentation import augment, change_colours, cut_out
from infogan.model.gan import Judgement, RegularizedGAN, split_judgement
from infogan.model.layers import GENERATED, REAL, Normalisation
from infogan.model.losses import DISCRIMINATOR, GENERATOR, Logged, Term
from infogan.model.replicas import count_replicas, gather_from_replicas, own_share
from infogan.schedule import Schedule
from infogan.spec import ExperimentSpec
from infogan.system.messages import InputError
from infogan.system.tf1 import Operation, Session, Tensor, Variable, fold_in, tf, without_deprecations

AVERAGING_START = 10.0
"""Updates after which averages of weights begin to be longer than a tenth of the run so far."""


class Update(NamedTuple):
    """One whole update, ready to be run.

    Attributes:
      counter: int64 Variable, updates finished; all random numbers of an update follow from it and the seed.
      step: Operation that performs one update and raises the counter.
      names: names of the logged quantities, as `group/name`.
      values: Tensor [len(names)], the quantities of the update that `step` performs.
      totals: Variable [len(names)], their sum since it was last set to 0; saved with the weights, so that a resumed
        run logs the same means.
      averages: dict of variable name -> Variable, the average of that weight; empty without weight averaging.
    """

    counter: Variable
    step: Operation
    names: list[str]
    values: Tensor
    totals: Variable
    averages: dict[str, Variable]


def build_update(model: RegularizedGAN, spec: ExperimentSpec, images: Tensor | Images) -> Update:
    """Builds one update of the objective (arXiv:1606.03657, Eq. 6).

        D step:  trunk, D and Q minimise  discriminator_loss - sum_c lambda_c L_I(c)
        G step:  G minimises              generator_loss     - sum_c lambda_c L_I(c)

    and whatever else `spec.objective` holds. Each step draws latents of its own, as in the authors' code; of several G
    steps the last one's quantities are logged.

    Args:
      model: RegularizedGAN.
      spec: ExperimentSpec.
      images: uint8 [N, H, W, C], the training set: a Tensor, or what is read batch by batch: an array or LazyImages.

    Returns:
      Update.
    """
    counter = _build_state("update", [], tf.int64)
    done, seed = tf.cast(counter, tf.float32), _seed_of_update(spec.seed, counter)
    real = _build_batch(model, spec, counter, images, spec.copies)  # [B, H, W, C]
    d_step, of_d = minimise(build_discriminator_step(model, spec, real, done, seed))
    g_step, of_g = _build_generator_steps(model, spec, done, seed, after=d_step)
    with tf.control_dependencies([g_step]):
        averages, moved_averages = build_averages(model, spec.weight_averaging, done)
    quantities = {**of_d, **of_g}
    values = _join_quantities(quantities.values())  # [len(quantities)]
    totals = _build_state("totals", [len(quantities)], tf.float32)
    with tf.control_dependencies([g_step, moved_averages]):
        step = tf.group(counter.assign_add(1), totals.assign_add(values))
    return Update(counter, step, list(quantities), values, totals, averages)


def _build_generator_steps(
    model: RegularizedGAN, spec: ExperimentSpec, done: Tensor, seed: Tensor, after: Operation
) -> tuple[Operation, dict[str, Logged]]:
    """G's steps of an update one after another, as `minimise` gives a step; the optimiser is that of all of them."""
    moved, optimizer = after, None
    logged: dict[str, Logged] = {}
    for number in range(spec.generator_steps):
        with tf.control_dependencies([moved]):
            step = build_generator_step(model, spec, done, seed, number, optimizer)
            moved, logged = minimise(step)
        optimizer = step.optimizer
    return moved, logged


def join_updates(updates: Sequence[Update]) -> Update:
    """One Update from those of every replica of this process."""
    if len(updates) == 1:
        return updates[0]
    return updates[0]._replace(step=tf.group(*(update.step for update in updates)))


def _build_state(name: str, shape: Any, dtype: Any) -> Variable:
    aggregation = tf.VariableAggregation.ONLY_FIRST_REPLICA  # every replica assigns the same
    return tf.get_variable(name, shape, dtype, tf.zeros_initializer(), trainable=False, aggregation=aggregation)


def _join_quantities(quantities: Collection[Logged]) -> Tensor:
    """Of the whole batch from those of the replicas' shares: Tensor [len(quantities)]."""
    values = tf.stack([quantity.value for quantity in quantities])
    if count_replicas() == 1:
        return values
    of_replicas = tf.unstack(gather_from_replicas(values), axis=1)  # [replicas] each
    return tf.stack([quantity.join(parts) for quantity, parts in zip(quantities, of_replicas)])


def build_settling(model: RegularizedGAN, spec: ExperimentSpec, images: Tensor | Images, number: Tensor) -> Operation:
    """Replaces batch norm's moving averages by plain means over batches, with the weights as they are.

    Training moves the averages while the weights move, and on augmented images. Run for number = 0, 1, ... with the
    last weights, this makes them the means over unaugmented images, which is what a user classifies (Wu and Johnson
    2021, "Rethinking 'Batch' in BatchNorm", Sec. 3). Nothing that training computes with changes: a run that gets
    longer goes on as if it had never ended.

    Args:
      model: RegularizedGAN.
      spec: ExperimentSpec.
      images: uint8 [N, H, W, C], the training set: a Tensor, or what is read batch by batch: an array or LazyImages.
      number: int64 Tensor; how many batches the averages hold already.

    Returns:
      Operation.
    """
    share = 1.0 / (1.0 + tf.cast(number, tf.float32))
    of_generator = Normalisation([GENERATED], batch_statistics=True, share=share)
    of_both = Normalisation([REAL, GENERATED], batch_statistics=True, share=share)
    z = _sample_latents(model, spec, _seed_of_update(spec.seed, -1 - number))  # [B, latent_dist.dim]
    real, generated = _build_batch(model, spec, number, images), model.generate(z, of_generator)  # [B, H, W, C] each
    model.discriminate(tf.concat([real, generated], axis=0), of_both)  # [2 B, H, W, C]
    # Under spectral normalisation D and Q have no batch norm, and what this pass would move is a state of the training.
    return tf.group(*of_generator.updates, *([] if spec.spectral_norm else of_both.updates))


def _build_batch(
    model: RegularizedGAN, spec: ExperimentSpec, number: Tensor, images: Tensor | Images, copies: int = 1
) -> Tensor:
    """This replica's share of a batch of real images: [B, H, W, C], in the range of generated ones."""
    return model.read_images(_take(images, own_share(build_batch_indices(spec, number, images.shape[0], copies))))


def _take(images: Tensor | Images, indices: Tensor) -> Tensor:
    """Images by their numbers: from the device, or from a file."""
    if not isinstance(images, Images):
        return tf.gather(images, indices)
    batch = tf.numpy_function(lambda chosen: np.asarray(images[chosen]), [indices], tf.uint8)  # of no known shape
    batch.set_shape([*indices.shape, *images.shape[1:]])
    return batch


def _seed_of_update(seed: int, number: Tensor) -> Tensor:
    """What all draws of an update are folded from, by name: int64 Tensor [2]; the same whenever it is computed."""
    return tf.random.experimental.stateless_fold_in(tf.constant([seed, 1], tf.int64), number)


def _sample_latents(model: RegularizedGAN, spec: ExperimentSpec, seed: Tensor) -> Tensor:
    """This replica's share of a batch of latents: [B, latent_dist.dim]."""
    return own_share(model.sample_latents(spec.batch_size, fold_in(seed, "latents")))


def build_batch_indices(spec: ExperimentSpec, counter: Tensor, images: int, copies: int = 1) -> Tensor:
    """Which images make this update's batch: [B], each `copies` times in a row.

    Each pass over the set has an order of its own.
    """
    position = counter * (spec.batch_size // copies) + tf.range(spec.batch_size, dtype=tf.int64) // copies  # [B]
    number_of_pass = position // images
    zeros = tf.zeros_like(position)
    return tf.raw_ops.RandomIndexShuffle(
        index=position % images,
        seed=tf.stack([zeros + spec.seed, number_of_pass, zeros], axis=1),  # [B, 3]
        max_index=zeros + (images - 1),
        rounds=4,
    )


@dataclasses.dataclass
class Step:
    """One step of an update, as a `losses.Term` sees it.

    Attributes:
      name: DISCRIMINATOR or GENERATOR.
      model: RegularizedGAN.
      spec: ExperimentSpec.
      done: scalar float Tensor, updates that are finished.
      seed: integer Tensor [2]; `fold_in(step.seed, NAME)` is the seed of a draw of that name.
      z: Tensor [B, latent_dist.dim], the latents that the generated images are made of.
      seen: Tensor [2 B, H, W, C], what D and Q see in one pass, augmented if all images are: real images, then
        generated ones; in G's step [B, H, W, C], generated ones alone. Take gradients of what D and Q answer by this
        tensor, not by its parts.
      generated: Tensor [B, H, W, C], the generated images in it.
      on_generated: Judgement of these.
      networks: dict of name, as `Term.trains` has it -> list of variables that the step trains.
      optimizer: `tf.train.Optimizer` of these, at the rate of the update.
      moves: operations that move batch norm's averages.
      real: Tensor [B, H, W, C], the real images in it; None in G's step.
      on_real: Judgement of these; None in G's step.
      on_views: Judgement of augmented real images, the `spec.views` of an image in a row, which is `on_real` or that of
        a pass of Q's own; None in G's step.
    """

    name: str
    model: RegularizedGAN
    spec: ExperimentSpec
    done: Tensor
    seed: Tensor
    z: Tensor
    seen: Tensor
    generated: Tensor
    on_generated: Judgement
    networks: dict[str, list[Variable]]
    optimizer: Any
    moves: list[Operation]
    real: Tensor | None = None
    on_real: Judgement | None = None
    on_views: Judgement | None = None

    @functools.cached_property
    def information(self) -> dict[str, Tensor]:
        """L_I of each code on the generated images: dict of code name -> scalar Tensor, in nats."""
        return self.model.information(self.z, self.on_generated.reg_dist_info)

    def share(self, schedule: Schedule) -> float | Tensor:
        """What a Schedule gives at this update: a float, or a scalar Tensor."""
        return read_schedule(schedule, self.done)

    def descend(self, loss: Tensor, variables: Sequence[Variable], learning_rate: float, name: str) -> Operation:
        """Moves variables of a term's own down a loss, by an optimiser of their own with the spec's settings.

        Args:
          loss: scalar Tensor.
          variables: sequence of variables.
          learning_rate: float, at the start of the run; it falls as those of the steps do.
          name: str, of the optimiser.
        """
        optimizer = _build_optimizer(self.spec, learning_rate, self.done, name)
        with without_deprecations():
            return optimizer.apply_gradients(_gradients(loss, variables))

    def read(self, judgement: Judgement, code: str) -> tuple[Distribution, DistInfo]:
        """(distribution, `dist_info` of Q's posterior) of one code in a Judgement."""
        infos = self.model.reg_latent_dist.split_dist_info(judgement.reg_dist_info)
        return next(
            (latent.distribution, info) for latent, info in zip(self.model.reg_latents, infos) if latent.name == code
        )


def read_schedule(schedule: Schedule, done: Tensor) -> float | Tensor:
    """The share that a Schedule gives after `done` updates (scalar float Tensor): a float or scalar Tensor."""
    if not schedule.points:
        return 1.0
    share = schedule.points[0][1]
    for (start, before), (end, after) in itertools.pairwise(schedule.points):
        share += (after - before) * tf.clip_by_value((done - start) / (end - start), 0.0, 1.0)
    return share


def build_discriminator_step(
    model: RegularizedGAN, spec: ExperimentSpec, real: Tensor, done: Tensor, seed: Tensor
) -> Step:
    """The step of the trunk, D and Q.

    Args:
      model: RegularizedGAN.
      spec: ExperimentSpec.
      real: Tensor [B, H, W, C], real images.
      done: scalar float Tensor, updates that are finished.
      seed: integer Tensor [2], of the update.

    Returns:
      Step.
    """
    seed = fold_in(seed, DISCRIMINATOR)
    z = _sample_latents(model, spec, seed)  # [B, latent_dist.dim]
    generated = model.generate(z, Normalisation([GENERATED], batch_statistics=True))  # [B, H, W, C]
    # One pass over both: the same numbers as two passes, with half as many matrix products of twice the size.
    shown = _mirror(spec, real) if spec.copies > 1 else real
    images = _show(spec, tf.concat([shown, generated], axis=0), done, seed, parts=2)  # [2 B, H, W, C]
    normalisation = Normalisation([REAL, GENERATED], batch_statistics=True)
    # DEVIATION: the halves are normalised separately; the paper does not say.
    on_real, on_generated = split_judgement(model.discriminate(images, normalisation))
    on_views = on_real
    if spec.copies < spec.views:
        views = _mirror(spec, tf.repeat(real, spec.views, axis=0))  # [views B, H, W, C]
        views = _augment(spec, views, done, seed)
        # Whose moving averages stay as they are: those of real images are what D sees.
        on_views = model.discriminate(views, Normalisation([REAL], batch_statistics=True))
    real, generated = tf.split(images, 2)  # [B, H, W, C] each
    networks = {"discriminator": model.discriminator_variables, "recognition": model.recognition_variables}
    optimizer = _build_optimizer(spec, spec.discriminator_learning_rate, done, DISCRIMINATOR)
    moves = normalisation.updates
    return Step(
        *(DISCRIMINATOR, model, spec, done, seed, z, images, generated, on_generated, networks),
        *(optimizer, moves, real, on_real, on_views),
    )


def build_generator_step(
    model: RegularizedGAN,
    spec: ExperimentSpec,
    done: Tensor,
    seed: Tensor,
    number: int = 0,
    optimizer: Any = None,
) -> Step:
    """A step of G, with further arguments and results as `build_discriminator_step`.

    Args:
      number: int, of the step among G's steps of the update; each has draws of its own.
      optimizer: that of the step before it, whose moments it goes on with; None makes one.
    """
    seed = fold_in(seed, f"{GENERATOR}_{number}" if number else GENERATOR)
    normalisation = Normalisation([GENERATED], batch_statistics=True)
    z = _sample_latents(model, spec, seed)  # [B, latent_dist.dim]
    images = _show(spec, model.generate(z, normalisation), done, seed)  # [B, H, W, C]
    judgement = model.discriminate(images, normalisation)
    networks = {"generator": model.generator_variables}
    optimizer = optimizer or _build_optimizer(spec, spec.generator_learning_rate, done, GENERATOR)
    moves = normalisation.updates
    return Step(GENERATOR, model, spec, done, seed, z, images, images, judgement, networks, optimizer, moves)


def _build_optimizer(spec: ExperimentSpec, learning_rate: float, done: Tensor, name: str) -> Any:
    """The `tf.train.Optimizer` of a step, or of a network of a term's own, after `done` updates."""
    return spec.optimizer.build(learning_rate * spec.rate_share(done, tf.minimum), name)


def _mirror(spec: ExperimentSpec, views: Tensor) -> Tensor:
    """Mirrors the second of each image's two views, [B, H, W, C], if the spec asks for it."""
    if not spec.mirrored_views:
        return views
    is_second = tf.equal(tf.range(tf.shape(views)[0]) % 2, 1)
    return tf.where(is_second, tf.reverse(views, axis=[2]), views)


def _show(spec: ExperimentSpec, images: Tensor, done: Tensor, seed: Tensor, parts: int = 1) -> Tensor:
    """Images as D and Q see them: augmented, unless Q's views alone are."""
    return _augment(spec, images, done, seed, parts) if spec.augmentation_of == "all" else images


def _augment(spec: ExperimentSpec, images: Tensor, done: Tensor, seed: Tensor, parts: int = 1) -> Tensor:
    """Changes images at random: colours first, so that what fills the outside and the cuts is the same for all."""
    turning, scaling = (read_schedule(schedule, done) for schedule in (spec.turning_schedule, spec.scaling_schedule))
    of_maps, of_colours, of_cuts = (fold_in(seed, name) for name in ("augmentation", "colours", "cuts"))
    with tf.name_scope("augmentation"):  # by which a trace of the update knows its operations
        images = change_colours(images, spec.augmentation_colour, spec.output_dist.pixel_range, of_colours, parts)
        images = augment(images, spec.augmentation, of_maps, parts, turning, scaling, spec.augmentation_fill)
        return cut_out(images, spec.augmentation_cutout, of_cuts, parts)


def minimise(step: Step) -> tuple[Operation, dict[str, Logged]]:
    """Moves the step's networks down the sum of its terms.

    Args:
      step: Step.

    Returns:
      The Operation, and a dict of the quantities it logs: "group/name" -> Logged.
    """
    losses: dict[tuple[str, ...], tuple[list[Tensor], list[Variable]]] = {}
    quantities: dict[str, Tensor | Logged] = {}
    trainings: list[Callable[[], Any]] = []
    for term in step.spec.objective:
        if step.name not in term.steps:
            continue
        value = term.build(step)
        quantities.update(value.logged)
        trainings += [value.train] if value.train else []
        if value.loss is not None:
            weight = term.weight * step.share(term.schedule)
            trains = tuple(term.trains or step.networks)
            _check_networks(term, trains, step)
            # Terms that train the same networks are added up first: one pass back through the graph for all of them.
            of_networks, own = losses.setdefault(trains, ([], []))
            of_networks.append(weight * value.loss)
            own.extend(value.variables)
    gradients: dict[Any, list[Tensor]] = {}
    for names, (terms, own) in losses.items():
        variables = [variable for name in names for variable in step.networks[name]] + own
        for gradient, variable in _gradients(tf.add_n(terms), variables):
            gradients.setdefault(variable.ref(), []).append(gradient)
    joined = [(tf.add_n(parts) if len(parts) > 1 else parts[0], ref.deref()) for ref, parts in gradients.items()]
    with tf.control_dependencies([*step.moves, *(gradient for gradient, _ in joined)] if trainings else []):
        trained = [train() for train in trainings]
    # The averages move before the weights: Q's pass over real images may be in no gradient, so nothing else would order
    # the two. Those of generated images are moved by G's step too, which sees the newer networks.
    # RMSPropOptimizer makes its slots as of old.
    with tf.control_dependencies([*step.moves, *tf.nest.flatten(trained)]), without_deprecations():
        moved = step.optimizer.apply_gradients(joined)
    quantities[f"gradient/{step.name}"] = _norm(joined)
    return moved, {name: _as_logged(quantity) for name, quantity in quantities.items()}


def _check_networks(term: Term, trains: Sequence[str], step: Step) -> None:
    if unknown := [name for name in trains if name not in step.networks]:
        raise InputError(
            "terms",
            f"{type(term).__name__} trains {', '.join(unknown)}, but the {step.name}'s step has only "
            f"{', '.join(step.networks)}. Leave that step out of its `steps`, or give no loss there.",
        )


def _as_logged(quantity: Tensor | Logged) -> Logged:
    return quantity if isinstance(quantity, Logged) else Logged(quantity, tf.reduce_mean)


def _gradients(loss: Tensor, variables: Sequence[Variable]) -> list[tuple[Tensor, Variable]]:
    """Pairs of gradient and variable, of those that the loss depends on."""
    if count_replicas() > 1:  # the optimiser adds up the gradients of all replicas
        loss = loss / count_replicas()
    pairs = zip(tf.gradients(loss, variables), variables)
    return [(gradient, variable) for gradient, variable in pairs if gradient is not None]


def _norm(gradients: Sequence[tuple[Tensor, Variable]]) -> Tensor:
    """Length of all gradients together; not finite as soon as a number in them, or its square in Adam, is not.

    Of a replica: that of its own part of the sum, times their number. The mean over the replicas is longer than the sum
    by what cancels between them, but a length of the sum itself would need every gradient sent twice.
    """
    return tf.global_norm([gradient for gradient, _ in gradients]) * count_replicas()


def build_averages(model: RegularizedGAN, decay: float, done: Tensor) -> tuple[dict[str, Variable], Operation]:
    """Running averages of the networks' variables: dict of variable name -> average, and the operation that moves them.

        average <- average + (1 - d) (variable - average),    d = min(decay, n / (n + 10)) after n updates

    Batch norm's moving averages are averaged as well: they describe the weights they are used with.

    Args:
      model: RegularizedGAN, all of whose parts have been called.
      decay: float below 1; 0 makes none.
      done: scalar float Tensor, updates that are finished.
    """
    if decay == 0:
        return {}, tf.no_op()
    share = 1.0 - tf.minimum(decay, done / (done + AVERAGING_START))
    averages, moves = {}, []
    for variable in model.variables:
        average = _build_state(f"averages/{variable.op.name}", variable.shape, variable.dtype.base_dtype)
        averages[variable.op.name] = average
        moves.append(average.assign_sub(share * (average - variable)))
    return averages, tf.group(*moves)


def build_swap(pairs: Sequence[tuple[Variable, Variable]]) -> Operation:
    """An Operation that exchanges the values of variables, pair by pair."""
    values = [(first.read_value(), second.read_value()) for first, second in pairs]
    with tf.control_dependencies(tf.nest.flatten(values)):
        return tf.group(
            *(
                tf.group(first.assign(of_second), second.assign(of_first))
                for (first, second), (of_first, of_second) in zip(pairs, values)
            )
        )


class UpdateCall:
    """One update, or several one after another, performed by one session run.

    A call ends early at the first update whose quantities are not all finite.

    Args:
      update: Update.
      limit: int64 placeholder, how many updates to perform; None for one.
      performed: None, or scalar Tensor, how many were.
      values: None, or the quantities of the last of them.

    Attributes:
      fetches: what a session run fetches to perform them: quantities, and an operation or how many were performed.
      names: names of the logged quantities.
      counter: the Update's counter.
      totals: the Update's totals.
      averages: the Update's averages.
      clear_totals: Operation that sets the totals to 0.
    """

    def __init__(
        self, update: Update, limit: Tensor | None = None, performed: Tensor | None = None, values: Tensor | None = None
    ) -> None:
        self._limit = limit
        self.fetches = [update.values, update.step] if limit is None else [values, performed]
        self.names, self.counter = update.names, update.counter
        self.totals, self.averages = update.totals, update.averages
        self.clear_totals = tf.group(self.totals.assign(tf.zeros(self.totals.shape)))

    def bind(self, session: Session) -> Callable[[int], tuple[np.ndarray, int]]:
        """A function of how many updates to perform at most.

        It returns the quantities of the last update performed, array [len(names)], and how many were performed.
        """
        if self._limit is None:
            run_update = session.make_callable(self.fetches)
            return lambda limit: (run_update()[0], 1)
        run_updates = session.make_callable(self.fetches, feed_list=[self._limit])

        def run(limit: int) -> tuple[np.ndarray, int]:
            values, performed = run_updates(limit)
            return values, int(performed)

        return run


def build_loop(build: Callable[[], list[Update]]) -> UpdateCall:
    """An UpdateCall of as many updates as it is told.

    Args:
      build: function without arguments that builds an Update for each replica of this process, as a list; further calls
        of it share the variables.
    """
    limit, built = tf.placeholder(tf.int64, []), []

    def is_wanted(performed: Tensor, values: Tensor) -> Tensor:
        return (performed < limit) & tf.reduce_all(tf.is_finite(values))

    def perform(performed: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        with tf.variable_scope(tf.get_variable_scope(), reuse=tf.AUTO_REUSE):
            built.append(join_updates(build()))
        with tf.control_dependencies([built[-1].step]):
            return performed + 1, tf.identity(built[-1].values)

    start = [tf.zeros([], tf.int64), tf.zeros([1])]
    shapes = [tf.TensorShape([]), tf.TensorShape([None])]  # how many quantities there are shows when they are built
    performed, values = tf.while_loop(is_wanted, perform, start, shapes, parallel_iterations=1)
    return UpdateCall(built[-1], limit, performed, values)
