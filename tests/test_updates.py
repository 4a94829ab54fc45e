"""The graph of one update: who moves whom, in which order, from which random numbers."""

import dataclasses
import re
import types

import numpy as np
import pytest
from conftest import CHANNELS, SMALL, random_split

from infogan.distributions import Categorical, Circular, Uniform
from infogan.latents import Latent
from infogan.model import architectures, losses, self_supervision
from infogan.model.gan import RegularizedGAN
from infogan.model.layers import GENERATED, REAL, Normalisation
from infogan.model.losses import (
    DISCRIMINATOR,
    GradientPenalty,
    Information,
    Logged,
    ModeSeeking,
)
from infogan.model.optimizers import Adam
from infogan.model.self_supervision import CategoryBalance, ContinuousViewInformation, ViewInformation
from infogan.schedule import FULL, Schedule
from infogan.system.tf1 import fold_in, tf
from infogan.training import update
from infogan.training.update import (
    build_batch_indices,
    build_discriminator_step,
    build_generator_step,
    build_settling,
    build_update,
    minimise,
    read_schedule,
)

pytestmark = pytest.mark.usefixtures("wide", "quick_graphs")

IMAGES = random_split(24, 0).images
SEED = (7, 0)
DONE = (0.0, 1.0, 2.0, 3.0, 4.0, 10.0)
FIRST_KERNEL = "trunk/0_conv/kernel"
PARTS = ("generator", "trunk", "discriminator", "recognition")


def build_model(spec):
    return RegularizedGAN.of_spec(spec)


def run_updates(spec, count=1):
    """[values of each update], [{variable name: value} at the start and after each of the `count` updates]."""
    with tf.Graph().as_default(), tf.Session() as session:
        update = build_update(build_model(spec), spec, tf.constant(IMAGES))
        session.run(tf.global_variables_initializer())
        variables = {variable.op.name: variable for variable in tf.global_variables()}
        values, weights = [], [session.run(variables)]
        for _ in range(count):
            values.append(dict(zip(update.names, session.run([update.values, update.step])[0])))
            weights.append(session.run(variables))
        return values, weights


@pytest.fixture(scope="module")
def usual():
    """`run_updates` of `spec`, four updates."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(architectures, "FIRST_CHANNELS", CHANNELS)
        return run_updates(SMALL, 4)


def changed_parts(before, after):
    """The networks of which any weight differs."""
    names = [name for name in before if not np.array_equal(before[name], after[name])]
    return {part for part in PARTS for name in names if name.startswith(f"{part}/") and "adam" not in name}


@pytest.mark.parametrize(
    ("build", "moved"),
    [
        (
            lambda model, spec: build_discriminator_step(model, spec, tf.zeros([8, 28, 28, 1]), 0.0, SEED),
            {"trunk", "discriminator", "recognition"},
        ),
        (lambda model, spec: build_generator_step(model, spec, 0.0, SEED), {"generator"}),
    ],
    ids=["D step", "G step"],
)
def test_a_step_moves_its_own_networks_only(spec, build, moved):
    with tf.Graph().as_default(), tf.Session() as session:
        step, _ = minimise(build(build_model(spec), spec))
        trainable = {v.op.name: v for v in tf.trainable_variables()}
        session.run(tf.global_variables_initializer())
        before = session.run(trainable)
        session.run(step)
        after = session.run(trainable)
    assert changed_parts(before, after) == moved
    assert {name.split("/")[0] for name in trainable} == set(PARTS)


def test_generator_step_sees_the_updated_discriminator(spec, usual):
    values = usual[0][0]
    with tf.Graph().as_default(), tf.Session() as session:
        model = build_model(spec)
        counter = tf.constant(0, tf.int64)
        seed = update._seed_of_update(spec.seed, counter)
        real = tf.cast(tf.gather(IMAGES, build_batch_indices(spec, counter, len(IMAGES))), tf.float32) / 255.0
        d_step, _ = minimise(build_discriminator_step(model, spec, real, 0.0, seed))
        _, g_values = minimise(build_generator_step(model, spec, 0.0, seed))
        session.run(tf.global_variables_initializer())
        with_old_d = session.run(g_values["loss/generator"].value)
        session.run(d_step)
        with_new_d = session.run(g_values["loss/generator"].value)
    assert values["loss/generator"] == pytest.approx(with_new_d, abs=1e-5)
    assert values["loss/generator"] != pytest.approx(with_old_d, abs=1e-3)


def test_steps_of_g_follow_one_another_with_draws_of_their_own_and_one_optimiser(spec):
    spec = dataclasses.replace(spec, generator_steps=2)
    _, (_, after) = run_updates(spec)
    powers = sorted(float(value) for name, value in after.items() if "beta1_power" in name)
    assert powers == pytest.approx([0.5**3, 0.5**2])  # of G after two steps, of D after one
    with tf.Graph().as_default(), tf.Session() as session:
        model = build_model(spec)
        counter = tf.constant(0, tf.int64)
        seed = update._seed_of_update(spec.seed, counter)
        real = tf.cast(tf.gather(IMAGES, build_batch_indices(spec, counter, len(IMAGES))), tf.float32) / 255.0
        steps = [build_discriminator_step(model, spec, real, 0.0, seed)]
        steps.append(build_generator_step(model, spec, 0.0, seed))
        steps.append(build_generator_step(model, spec, 0.0, seed, 1, steps[1].optimizer))
        moves = [minimise(step)[0] for step in steps]
        session.run(tf.global_variables_initializer())
        assert not np.isclose(*session.run([step.z[:, :62] for step in steps[1:]])).any()  # the noise
        for move in moves:
            session.run(move)
        for name, value in session.run({v.op.name: v for v in model.generator_variables}).items():
            # A step moves each weight by up to 1e-3, and by as much either way where its gradient is nearly 0.
            assert np.abs(value - after[name]).mean() < 1e-5


def test_same_seed_same_numbers(spec, usual):
    first, weights = usual
    again, same_weights = run_updates(spec, 3)
    assert first[:3] == again
    for name, value in weights[3].items():
        np.testing.assert_array_equal(value, same_weights[3][name], err_msg=name)
    other, _ = run_updates(dataclasses.replace(spec, seed=spec.seed + 1))
    assert other[0]["loss/discriminator"] != first[0]["loss/discriminator"]


def test_draws_follow_from_their_names_alone():
    """A draw more changes none of the others, in whatever order they are made."""
    with tf.Graph().as_default(), tf.Session() as session:
        first, second = (update._seed_of_update(0, tf.constant(number, tf.int64)) for number in (0, 1))
        drawn = [tuple(session.run(fold_in(seed, name))) for seed in (first, second) for name in ("latents", "noise")]
        again = [tuple(session.run(fold_in(first, name))) for name in ("more", "noise", "latents")]
    assert len(set(drawn)) == 4
    assert again[1:] == [drawn[1], drawn[0]]


def test_a_latent_more_changes_no_other_latent(spec):
    more = dataclasses.replace(spec, latent_spec=(Latent("first", Uniform(3), regularised=False), *spec.latent_spec))
    with tf.Graph().as_default(), tf.Session() as session:
        drawn = [session.run(build_model(each).sample_latents(4, SEED)) for each in (spec, more)]
    np.testing.assert_array_equal(drawn[0], drawn[1][:, 3:])
    assert len(np.unique(drawn[0][:, :62])) > 240  # numbers of noise are not each other's


def test_every_pass_covers_every_image_once_in_an_order_of_its_own(spec):
    with tf.Graph().as_default(), tf.Session() as session:
        counter = tf.placeholder(tf.int64, [])
        indices = build_batch_indices(dataclasses.replace(spec, batch_size=10), counter, 24)
        order = np.concatenate([session.run(indices, {counter: update}) for update in range(12)]).reshape(5, 24)
    assert (np.sort(order, axis=1) == np.arange(24)).all()
    assert len({tuple(one_pass) for one_pass in order}) == 5


class Steps:
    """A D step and a G step, each on latents of its own that stay the same however often it is run."""

    def __init__(self, spec, session):
        model = build_model(spec)
        real = model.read_images(tf.constant(IMAGES[: spec.batch_size]))
        of_d = build_discriminator_step(model, spec, real, 0.0, SEED)
        self.d_step, d_values = minimise(of_d)
        self.g_step, g_values = minimise(build_generator_step(model, spec, 0.0, SEED))
        self.d_values, self.g_values = (
            {name: quantity.value for name, quantity in values.items()} for values in (d_values, g_values)
        )
        self.d_values.update({f"mi/{code}": value for code, value in of_d.information.items()})
        self._session, self._initialise = session, tf.global_variables_initializer()
        self.begin_again()

    def begin_again(self):
        self._session.run(self._initialise)

    def change(self, step, quantity, times=1):
        """What running a step so often changes in a quantity."""
        own, others = (self.d_values, self.g_values)[:: 1 if step is self.d_step else -1]
        values = {**others, **own}
        before = self._session.run(values[quantity])
        for _ in range(times):
            self._session.run(step)
        return self._session.run(values[quantity]) - before


@pytest.fixture
def steps(spec):
    """Makes Steps of the spec with small rates and the given changes."""
    with tf.Graph().as_default(), tf.Session() as session:
        small = {"discriminator_learning_rate": 1e-5, "generator_learning_rate": 1e-5}
        yield lambda **changes: Steps(dataclasses.replace(spec, **{**small, **changes}), session)


NO_INFORMATION = {"info_reg_coeff": 0.0, "continuous_weight": 0.0}


def test_d_step_lowers_the_loss_of_d(steps):
    made = steps(**NO_INFORMATION)
    assert made.change(made.d_step, "loss/discriminator") < -1e-5


def test_d_learns_which_images_are_real(steps):
    made = steps(discriminator_learning_rate=2e-4, **NO_INFORMATION)
    made.change(made.d_step, "loss/discriminator", times=20)
    values = made._session.run([made.d_values["accuracy/real"], made.d_values["accuracy/generated"]])
    assert values == [1.0, 1.0]
    assert made._session.run(made.d_values["discriminator/real_min"]) > 0.5


def test_g_step_lowers_the_loss_of_g_and_fools_d(steps):
    made = steps(generator_learning_rate=1e-4, **NO_INFORMATION)
    made.change(made.d_step, "loss/discriminator", times=20)
    before = made._session.run(made.d_values["discriminator/generated_max"])
    assert made.change(made.g_step, "loss/generator", times=10) < -1e-4
    assert made._session.run(made.d_values["discriminator/generated_max"]) > before


@pytest.mark.parametrize("code", ["digit", "width"])
def test_both_steps_raise_the_information_of_weighted_codes(steps, code):
    weight = "info_reg_coeff" if code == "digit" else "continuous_weight"
    made = steps(**{**NO_INFORMATION, weight: 1000.0})
    for step in (made.d_step, made.g_step):
        made.begin_again()
        assert made.change(step, f"mi/{code}", times=5) > 1e-5


def test_plain_gan_leaves_the_information_to_q(steps):
    made = steps(variant="gan", info_reg_coeff=1000.0)
    assert made.change(made.g_step, "loss/generator", times=5) < 0


def test_rates_and_decays_reach_the_optimisers(spec):
    spec = dataclasses.replace(
        spec, discriminator_learning_rate=3e-4, generator_learning_rate=7e-4, optimizer=Adam(0.4)
    )
    spec = dataclasses.replace(spec, constant_rate_share=0.5, max_epoch=2, updates_per_epoch=2)
    with tf.Graph().as_default() as graph, tf.Session() as session:
        update = build_update(build_model(spec), spec, tf.constant(IMAGES))
        session.run(tf.global_variables_initializer())
        # Inputs: var, m, v, two powers, lr, beta1, beta2, epsilon, gradient.
        inputs = {
            operation.name.split("/")[0]: operation.inputs[5:7]
            for operation in graph.get_operations()
            if operation.type == "ResourceApplyAdam"
        }
        for finished, share in ((0, 1.0), (3, 0.5)):  # of four updates, two at the full rate
            session.run(update.counter.assign(finished))
            found = session.run(inputs)
            assert found == {
                "adam_discriminator": pytest.approx([3e-4 * share, 0.4]),
                "adam_generator": pytest.approx([7e-4 * share, 0.4]),
            }


def test_everything_that_d_and_q_see_is_augmented(spec, monkeypatch):
    seen = []

    def watch(images, strength, seed, parts, turning, scaling, fill):
        seen.append((int(images.shape[0] or -1), strength, parts))
        return images

    monkeypatch.setattr(update, "augment", watch)
    with tf.Graph().as_default():
        build_update(build_model(spec), dataclasses.replace(spec, augmentation=0.7), tf.constant(IMAGES))
    assert seen in ([(16, 0.7, 2), (8, 0.7, 1)], [(-1, 0.7, 2), (-1, 0.7, 1)])


def test_plain_gan_trains_q_and_nothing_else_with_it(spec):
    spec = dataclasses.replace(spec, variant="gan")
    _, weak = run_updates(dataclasses.replace(spec, info_reg_coeff=0.001), 2)
    _, strong = run_updates(dataclasses.replace(spec, info_reg_coeff=5.0), 2)
    assert changed_parts(weak[2], strong[2]) == {"recognition"}


def test_nothing_but_d_learns_from_real_images_in_a_plain_gan(spec):
    spec = dataclasses.replace(spec, variant="gan", augmentation=1.0)
    _, plain = run_updates(spec)
    _, same = run_updates(dataclasses.replace(spec, view_information=5.0, category_balance=5.0))
    assert not changed_parts(plain[1], same[1])


def test_new_options_draw_nothing_at_their_defaults(spec):
    """So what a default run computes is bit for bit what it was before there were these options."""
    spec = dataclasses.replace(spec, augmentation=1.0)
    options = {"gradient_penalty": 1.0, "augmentation_colour": 0.5, "augmentation_cutout": 0.5}
    draws = []
    for changed in (spec, dataclasses.replace(spec, **options)):
        with tf.Graph().as_default() as graph:
            build_update(build_model(changed), changed, tf.constant(IMAGES))
            draws.append(sum("StatelessRandomUniform" in operation.type for operation in graph.get_operations()))
    assert draws[1] == draws[0] + 4  # of colours and of cuts, in each step


def test_images_differ_from_step_to_step_in_colour_and_cut(spec):
    """The draws of D's and G's steps, and of real and generated images, are their own."""
    spec = dataclasses.replace(spec, augmentation_colour=1.0, augmentation_cutout=0.5)
    with tf.Graph().as_default(), tf.Session() as session:
        model = build_model(spec)
        steps = [
            build_discriminator_step(model, spec, tf.ones([8, 28, 28, 1]), 0.0, SEED),
            build_generator_step(model, spec, 0.0, SEED),
        ]
        session.run(tf.global_variables_initializer())
        seen = np.concatenate(session.run([step.seen for step in steps]))  # of 8 real and 16 generated images
    cut = seen == 0.0
    assert cut.any(axis=(1, 2, 3)).all() and not cut.all(axis=(1, 2, 3)).any()
    assert len(np.unique(cut.reshape(len(cut), -1), axis=0)) == len(cut)
    assert len(np.unique(seen[:8].max(axis=(1, 2, 3)))) == 8  # white images of eight brightnesses


def test_the_penalty_is_half_the_squared_gradient_on_real_images():
    images = np.random.default_rng(0).normal(size=(6, 2, 3, 1)).astype(np.float32)
    with tf.Graph().as_default(), tf.Session() as session:
        seen, slope = tf.constant(images), tf.constant(2.0)  # three real images, three generated ones
        logits = slope * tf.reduce_sum(seen[:3] ** 2, axis=[1, 2, 3])  # whose gradient is 2 slope x
        step = types.SimpleNamespace(seen=seen, on_real=types.SimpleNamespace(logits=logits))
        term = GradientPenalty().build(step)
        by_slope = tf.gradients(term.loss, slope)[0]
        loss, logged, by_slope = session.run([term.loss, term.logged["penalty/squared_gradient"], by_slope])
    expected = np.mean([np.sum((4 * image) ** 2) for image in images[:3]])
    np.testing.assert_allclose([loss, logged, by_slope], [expected / 2, expected, expected / 2], rtol=1e-6)


def test_the_penalty_of_the_networks_agrees_with_differences(spec):
    """Without batch norm a logit depends on its own image alone: differences pixel by pixel give its gradient."""
    spec = dataclasses.replace(spec, spectral_norm=True, gradient_penalty=10.0, leaky_rate=1.0)  # smooth
    real = np.random.default_rng(3).uniform(size=(8, 28, 28, 1)).astype(np.float32)
    with tf.Graph().as_default(), tf.Session() as session:
        model, images = build_model(spec), tf.placeholder(tf.float32, [None, 28, 28, 1])
        logits = model.discriminate(images, Normalisation([REAL], batch_statistics=False)).logits
        step = build_discriminator_step(model, spec, tf.constant(real), 0.0, SEED)
        penalty = GradientPenalty().build(step)
        move, _ = minimise(step)
        session.run(tf.global_variables_initializer())
        found = session.run(penalty.logged["penalty/squared_gradient"])
        pixels = 50.0 * np.eye(28 * 28, dtype=np.float32).reshape(-1, 28, 28, 1)
        squares = []
        for image in real[:2]:
            above, below = (session.run(logits, {images: image + sign * pixels}) for sign in (1.0, -1.0))
            squares.append(np.sum(((above - below) / 100.0) ** 2))
        assert np.ptp(squares) < 1e-4 * squares[0]  # D is linear here, so each image has the same gradient
        assert found == pytest.approx(squares[0], rel=1e-3)
        before = session.run({v.op.name: v for v in tf.trainable_variables()})
        for _ in range(20):
            session.run(move)
        assert session.run(penalty.logged["penalty/squared_gradient"]) < 0.9 * found
        changed = changed_parts(before, session.run({v.op.name: v for v in tf.trainable_variables()}))
        assert changed == {"trunk", "discriminator", "recognition"}


def test_two_views_of_each_image_follow_each_other(spec):
    with tf.Graph().as_default(), tf.Session() as session:
        counter = tf.placeholder(tf.int64, [])
        indices = build_batch_indices(spec, counter, 24, copies=2)
        batches = np.stack([session.run(indices, {counter: update}) for update in range(6)])
    np.testing.assert_array_equal(batches[:, 0::2], batches[:, 1::2])
    assert sorted(batches[:, 0::2].ravel()) == list(range(24))


@pytest.mark.parametrize("augmentation_of", ["all", "views"])
def test_what_is_augmented(spec, augmentation_of):
    spec = dataclasses.replace(spec, augmentation=1.0, view_information=1.0, augmentation_of=augmentation_of)
    real = np.random.default_rng(0).random((spec.batch_size, *spec.image_shape), np.float32)
    with tf.Graph().as_default(), tf.Session() as session:
        model = RegularizedGAN.of_spec(spec)
        step = build_discriminator_step(model, spec, tf.constant(real), tf.constant(0.0), tf.constant([0, 1], tf.int64))
        session.run(tf.global_variables_initializer())
        seen, on_real, on_views = session.run([step.real, step.on_real.logits, step.on_views.logits])
        batch = session.run(build_batch_indices(spec, tf.constant(0, tf.int64), 24, spec.copies))
    assert np.array_equal(seen, real) == (augmentation_of == "views")
    if augmentation_of == "all":
        np.testing.assert_array_equal(on_views, on_real)
    else:
        assert on_views.shape == (2 * spec.batch_size,)
        assert not np.isclose(on_views[0::2], on_views[1::2]).any()  # which two different maps have changed
    assert len(set(batch)) == spec.batch_size // spec.copies == (4 if augmentation_of == "all" else 8)


@pytest.mark.parametrize("augmentation_of", ["all", "views"])
def test_the_second_view_of_each_image_is_mirrored(spec, monkeypatch, augmentation_of):
    spec = dataclasses.replace(spec, augmentation=1.0, view_information=1.0, augmentation_of=augmentation_of)
    spec = dataclasses.replace(spec, mirrored_views=True)
    monkeypatch.setattr(update, "augment", lambda images, *more: images)
    images = np.random.default_rng(0).random((spec.batch_size // spec.copies, *spec.image_shape), np.float32)
    real = images.repeat(spec.copies, axis=0)
    seen = []
    with tf.Graph().as_default(), tf.Session() as session:
        model = RegularizedGAN.of_spec(spec)
        discriminate = model.discriminate
        monkeypatch.setattr(model, "discriminate", lambda *given: seen.append(given[0]) or discriminate(*given))
        build_discriminator_step(model, spec, tf.constant(real), tf.constant(0.0), tf.constant([0, 1], tf.int64))
        session.run(tf.global_variables_initializer())
        both, *of_views = session.run(seen)
    views = of_views[0] if of_views else both[: len(real)]
    np.testing.assert_array_equal(views[0::2], images)
    np.testing.assert_array_equal(views[1::2], images[:, :, ::-1])
    assert np.array_equal(both[: len(real)], real) == (augmentation_of == "views")  # what D sees


@pytest.mark.parametrize("mirrored_views", [False, True])
def test_an_angle_turns_around_in_a_mirrored_view(mirrored_views):
    """It tells its cosine and its sine. Beside a code that knows the cosine only the sine is left."""
    angles = np.random.default_rng(0).uniform(-1, 1, [1000, 1]).astype(np.float32)
    turned = np.stack([angles, -angles], axis=1).reshape(-1, 1)
    codes = {"front": (Uniform(1), np.cos(np.pi * turned)), "left": (Uniform(1), turned), "turn": (Circular(), turned)}
    told, share = {}, {}
    for names in ("turn", "front turn", "left"):
        with tf.Graph().as_default(), tf.Session() as session:
            step = types.SimpleNamespace(
                on_views="the views",
                spec=types.SimpleNamespace(mirrored_views=mirrored_views),
                model=types.SimpleNamespace(reg_latents=[Latent(name, codes[name][0]) for name in names.split()]),
                read=lambda judgement, code: (codes[code][0], {"mean": tf.constant(codes[code][1])}),
            )
            code = names.split()[-1]
            value = ContinuousViewInformation(code=code).build(step)
            loss, logged = session.run([value.loss, value.logged])
        told[names] = logged[f"view_information/{code}"]
        share[names] = loss + told[names]
    of_one = -0.5 * np.log(1 - 1 / (1 + self_supervision.MEAN_NOISE) ** 2)
    assert told["turn"] == pytest.approx(2 * of_one, abs=0.02)
    assert of_one < told["front turn"] < 1.5 * of_one
    assert told["left"] == pytest.approx(of_one, abs=0.01)  # which its change of sign does not lessen,
    assert share["left"] == pytest.approx(1.0 if mirrored_views else 0.0, abs=0.01)  # but costs it
    assert share["turn"] == pytest.approx(0.0, abs=1e-4)


def test_view_information_is_that_of_the_real_images_and_trains_d_and_q(spec, monkeypatch):
    spec = dataclasses.replace(spec, augmentation=1.0, view_information=1e-6)
    joints = []
    of_joint = self_supervision.view_information
    monkeypatch.setattr(self_supervision, "view_information", lambda joint: joints.append(joint) or of_joint(joint))
    (values,), weak = run_updates(spec)
    _, strong = run_updates(dataclasses.replace(spec, view_information=5.0))
    assert changed_parts(weak[1], strong[1]) == {
        "trunk",
        "recognition",
        "generator",
    }  # G through Q, whose step comes first
    assert [joint.shape.as_list() for joint in joints] == [[10, 10]] * 2  # of the one categorical code
    assert 0 <= values["view_information/digit"] <= np.log(10)
    assert not any(
        isinstance(term, ViewInformation) for term in dataclasses.replace(spec, view_information=0.0).objective
    )


def test_views_that_agree_are_what_it_asks_for(spec):
    """Steps on the term alone raise it: Q comes to give both views of an image the same of all categories."""
    spec = dataclasses.replace(spec, augmentation=0.1, view_information=50.0, info_reg_coeff=0.0, continuous_weight=0.0)
    values, _ = run_updates(spec, 40)
    information = [each["view_information/digit"] for each in values]
    assert np.mean(information[:5]) < 0.001
    assert np.mean(information[-10:]) > 0.03  # of four noisy images


def test_means_of_views_that_agree_are_what_it_asks_for(spec):
    spec = dataclasses.replace(
        spec,
        augmentation=0.1,
        continuous_view_information=50.0,
        info_reg_coeff=0.0,
        continuous_weight=0.0,
    )
    values, _ = run_updates(spec, 40)
    information = [each["view_information/rotation"] for each in values]
    assert np.mean(information[-10:]) > np.mean(information[:5]) + 0.3  # of four noisy images
    assert "view_information/width" not in values[0]


def test_a_second_code_has_to_tell_something_else(spec):
    """Of two codes that agree in both views the second counts for what it adds."""
    means = {"first": [[1.0], [1.0], [-1.0], [-1.0], [2.0], [2.0]]}
    means["same"] = means["first"]
    means["other"] = [[-1.5], [-1.5], [0.5], [0.5], [1.0], [1.0]]  # which does not correlate with the first
    told = {}
    for name in ("same", "other"):
        codes = [Latent("first", Uniform(1)), Latent("kind", Categorical(2)), Latent(name, Uniform(1))]
        with tf.Graph().as_default(), tf.Session() as session:
            step = types.SimpleNamespace(
                on_views="the views",
                spec=spec,
                model=types.SimpleNamespace(reg_latents=codes),
                read=lambda judgement, code: (Uniform(1), {"mean": tf.constant(means[code])}),
            )
            value = ContinuousViewInformation(code=name).build(step)
            loss, logged = session.run([value.loss, value.logged])
        told[name] = logged[f"view_information/{name}"]
        assert loss == -told[name]
    assert told["same"] < 0.35 < 0.8 < told["other"]
    assert told["other"] == pytest.approx(-0.5 * np.log(1 - 1 / (1 + self_supervision.MEAN_NOISE) ** 2), abs=1e-4)


def build_on_real_images(term, distribution, answer):
    """(loss, logged) of a term of D's step where Q gives real images the answer `answer` for the code "kind"."""
    codes = {"kind": (distribution, {key: tf.constant(value) for key, value in answer.items()})}
    step = types.SimpleNamespace(
        name=DISCRIMINATOR, on_views="the real images", read=lambda judgement, code: codes[code]
    )
    with tf.Session() as session:
        value = term.build(step)
        return session.run([value.loss, value.logged])


def test_views_of_one_image_are_compared():
    prob = np.random.default_rng(0).dirichlet([0.5] * 3, 8).astype(np.float32)
    with tf.Graph().as_default():
        loss, found = build_on_real_images(ViewInformation(code="kind"), Categorical(3), {"prob": prob})
    joint = sum(np.outer(first, second) for first, second in zip(prob[::2], prob[1::2])) / 4
    joint = (joint + joint.T) / 2
    expected = (joint * np.log(joint / np.outer(joint.sum(0), joint.sum(0)))).sum()
    assert found == {"view_information/kind": pytest.approx(expected, abs=1e-5)}
    assert loss == pytest.approx(-expected, abs=1e-5)


def test_balance_is_that_of_the_mean_over_the_batch():
    prob = np.random.default_rng(0).dirichlet([0.5] * 3, 8).astype(np.float32)
    with tf.Graph().as_default():
        loss, found = build_on_real_images(CategoryBalance(code="kind"), Categorical(3), {"prob": prob})
    mean = prob.mean(axis=0)
    expected = -(mean * np.log(mean)).sum()
    assert found == {"category_entropy/kind": pytest.approx(expected, abs=1e-5)}
    assert loss == pytest.approx(-expected, abs=1e-5)


def test_equal_shares_are_what_the_balance_asks_for(spec):
    spec = dataclasses.replace(spec, category_balance=1e-6, info_reg_coeff=0.0, continuous_weight=0.0)
    weak, weak_weights = run_updates(spec, 12)
    strong, weights = run_updates(dataclasses.replace(spec, category_balance=50.0), 12)
    missing = [[np.log(10) - each["category_entropy/digit"] for each in values] for values in (weak, strong)]
    assert missing[0][0] == missing[1][0]  # both start alike
    assert missing[0][-1] > 0.5 * missing[0][0]
    assert missing[1][-1] < 0.2 * missing[1][0]
    assert changed_parts(weak_weights[1], weights[1]) == {"trunk", "recognition", "generator"}


@pytest.mark.parametrize("count", [2, 3, 5, 12])
def test_mode_seeking_compares_blocks_of_images_of_the_same_codes(count):
    generator = np.random.default_rng(0)
    z, weights = (
        generator.uniform(-1, 1, (count, 5)).astype(np.float32),
        generator.normal(size=(5, 8 * 4)).astype(np.float32),
    )
    model = types.SimpleNamespace(
        is_noise=np.array([True, True, False, True, False]),
        generate=lambda z, normalisation: tf.reshape(z @ tf.constant(weights), [-1, 8, 4, 1]),
        show_images=lambda images: (images + 1.0) / 2.0,
    )
    with tf.Graph().as_default(), tf.Session() as session:
        value = ModeSeeking().build(types.SimpleNamespace(z=tf.constant(z), model=model))
        loss, logged = session.run([value.loss, value.logged])
    first, second = z[0::4][: max(1, count // 4)], z[1::4][: max(1, count // 4)].copy()
    second[:, [2, 4]] = first[:, [2, 4]]
    blocks = ((first - second) @ weights).reshape(-1, 2, 4 * 4).mean(axis=2)
    distance = np.abs(blocks).mean() / 2
    assert logged == {"noise/distance": pytest.approx(distance, rel=1e-4)}
    of_noise = np.abs(first - second)[:, [0, 1, 3]].mean()
    assert loss == pytest.approx(of_noise / distance, rel=1e-3)


def test_mode_seeking_makes_noise_matter_and_moves_g_alone(spec):
    spec = dataclasses.replace(spec, mode_seeking=1e-6)
    weak, weak_weights = run_updates(spec, 12)
    strong, weights = run_updates(dataclasses.replace(spec, mode_seeking=50.0), 12)
    distances = [[each["noise/distance"] for each in values] for values in (weak, strong)]
    assert distances[0][0] == distances[1][0]  # both start alike
    assert distances[1][-1] > 1.5 * distances[0][-1]
    assert changed_parts(weak_weights[1], weights[1]) == {"generator"}


def test_only_extremes_are_joined_as_extremes(spec):
    with tf.Graph().as_default():
        _, quantities = minimise(build_generator_step(build_model(spec), spec, 0.0, SEED))
    kinds = [quantities[name].join for name in ("stddev/width_max", "stddev/width_min", "mi/width")]
    assert kinds == [tf.reduce_max, tf.reduce_min, tf.reduce_mean]


def test_codes_come_in_when_their_schedules_say(spec):
    schedules = (FULL, Schedule(((2, 0.0), (4, 1.0))), Schedule(((1, 0.5), (3, 2.0), (5, 0.0))))
    spec = dataclasses.replace(spec, code_schedules=schedules)
    terms = {term.code: term for term in spec.objective if isinstance(term, Information)}
    with tf.Graph().as_default(), tf.Session() as session:
        weights = {
            code: session.run(
                [tf.constant(term.weight) * read_schedule(term.schedule, tf.constant(done)) for done in DONE]
            )
            for code, term in terms.items()
        }
    np.testing.assert_allclose(weights["digit"], spec.info_reg_coeff)
    np.testing.assert_allclose(weights["rotation"], spec.continuous_weight * np.array([0, 0, 0, 0.5, 1, 1]), atol=1e-6)
    np.testing.assert_allclose(
        weights["width"], spec.continuous_weight * np.array([0.5, 0.5, 1.25, 2, 1, 0]), atol=1e-6
    )


def test_augmentation_is_as_strong_as_its_schedules_say(spec, monkeypatch):
    spec = dataclasses.replace(spec, augmentation=0.7, turning_schedule=Schedule(((1, 0.2), (3, 1.0))))
    spec = dataclasses.replace(spec, scaling_schedule=Schedule(((0, 1.0), (2, 2.0))))
    seen = []
    monkeypatch.setattr(
        update,
        "augment",
        lambda images, strength, seed, parts, turning, scaling, fill: (
            seen.append({"turning": turning, "scaling": scaling}) or images
        ),
    )
    monkeypatch.setattr(update, "minimise", lambda step: (tf.no_op(), {"loss": Logged(tf.zeros([]), tf.reduce_mean)}))
    with tf.Graph().as_default(), tf.Session() as session:
        counter = build_update(build_model(spec), spec, tf.constant(IMAGES)).counter
        session.run(counter.initializer)
        values = []
        for _ in range(5):
            values.append(session.run(seen))
            session.run(counter.assign_add(1))
    for of_step in zip(*values):  # D's, G's
        np.testing.assert_allclose([shares["turning"] for shares in of_step], [0.2, 0.2, 0.6, 1, 1], atol=1e-6)
        np.testing.assert_allclose([shares["scaling"] for shares in of_step], [1, 1.5, 2, 2, 2], atol=1e-6)
    assert len(values[0]) == 2


def test_a_code_that_has_not_come_in_moves_nothing(spec):
    spec = dataclasses.replace(spec, code_schedules=(FULL, FULL, Schedule(((2, 0.0), (4, 1.0)))))
    _, (start, moved) = run_updates(spec)
    (head,) = (name for name in start if re.fullmatch("recognition/.*kernel", name) and start[name].shape[-1] == 14)
    moved = np.abs(moved[head] - start[head]).max(axis=0)
    assert np.all(moved[:11] > 0)  # the logits of digit, rotation's mean; its deviation is fixed
    assert np.all(moved[12:] == 0)  # width's mean and deviation


def test_learning_rates_fall_to_zero(spec, usual):
    assert spec.constant_rate_share == 1.0
    _, falling = run_updates(dataclasses.replace(spec, constant_rate_share=0.5), 4)
    # Four updates: full rate at 0, 1 and 2, half of it at 3. D's step is compared: G's sees another D already.
    step, full_step = (weights[4][FIRST_KERNEL] - weights[3][FIRST_KERNEL] for weights in (falling, usual[1]))
    np.testing.assert_allclose(step, full_step / 2, atol=1e-6)


def test_logged_quantities(usual):
    (values, *_), (_, weights, *_) = usual
    assert values["cross_entropy/digit"] == pytest.approx(np.log(10) - values["mi/digit"], abs=1e-5)
    assert 0 < values["discriminator/real_min"] <= values["discriminator/real_max"] < 1
    assert 0 < values["stddev/width_min"] <= values["stddev/width_max"]
    assert 0 <= values["accuracy/real"] <= 1
    np.testing.assert_array_equal(weights["totals"], np.float32(list(values.values())))


def test_moving_averages_move_for_both_populations(usual):
    averages = {name: value for name, value in usual[1][1].items() if name.endswith(("/mean", "/variance"))}
    assert len(averages) == 2 * (2 * 1 + 2 * 1 + 2)  # trunk and Q: real and generated; generator: generated
    for name, value in averages.items():
        assert not np.allclose(value, 1.0 if name.endswith("variance") else 0.0, atol=1e-7), name


def test_settled_averages_are_those_of_unaugmented_images(spec):
    spec = dataclasses.replace(spec, batch_size=len(IMAGES), augmentation=1.0)  # each batch is the whole set
    with tf.Graph().as_default(), tf.Session() as session:
        model = build_model(spec)
        number = tf.placeholder(tf.int64, [])
        settle = build_settling(model, spec, tf.constant(IMAGES), number)
        images = tf.constant(IMAGES, tf.float32) / 255.0
        generated = model.generate(model.sample_latents(24, [1, 0]), Normalisation([GENERATED], True))
        by_averages, by_batch = (
            tf.concat(
                [
                    model.discriminate(images, Normalisation([REAL], batch_statistics)).logits,
                    model.discriminate(generated, Normalisation([GENERATED], batch_statistics)).logits,
                ],
                axis=0,
            )
            for batch_statistics in (False, True)
        )
        session.run(tf.global_variables_initializer())
        weights = session.run(tf.trainable_variables())
        for batch in range(5):
            session.run(settle, {number: batch})
        averages, batch = session.run([by_averages, by_batch])
        for before, after in zip(weights, session.run(tf.trainable_variables())):
            np.testing.assert_array_equal(before, after)
    assert np.std(batch) > 0.01
    # The averaged variance is the unbiased one, a factor 24 / 23 off the batch's own.
    np.testing.assert_allclose(averages[:24], batch[:24], atol=0.1 * np.std(batch[:24]))
    # The averages over generated images are those of other latents than these.
    np.testing.assert_allclose(averages[24:], batch[24:], atol=0.5 * np.std(batch[24:]))


def test_settled_averages_are_means_over_all_batches(spec):
    """Three batches of 8 are all 24 images, and nothing before the trunk's first batch norm depends on a batch."""
    name = "trunk/3_batch_norm/real/mean"
    with tf.Graph().as_default(), tf.Session() as session:
        model = build_model(spec)
        number = tf.placeholder(tf.int64, [])
        settle = build_settling(model, spec, tf.constant(IMAGES), number)
        whole = Normalisation([REAL], batch_statistics=True, share=1.0)
        model.discriminate(model.read_images(tf.constant(IMAGES)), whole)
        (mean,) = (variable for variable in tf.global_variables() if variable.op.name == name)
        session.run(tf.global_variables_initializer())
        found = []
        for batch in range(3):
            session.run(settle, {number: batch})
            found.append(session.run(mean))
        session.run(whole.updates)
        expected = session.run(mean)
    np.testing.assert_allclose(found[2], expected, atol=1e-6)
    assert np.abs(found[0] - expected).max() > 1e-4


def test_settling_changes_nothing_but_averages_of_batch_norm(spec):
    """Or a run that gets longer would not end like one that was as long from the start."""
    spec = dataclasses.replace(spec, spectral_norm=True)
    with tf.Graph().as_default(), tf.Session() as session:
        settle = build_settling(build_model(spec), spec, tf.constant(IMAGES), tf.constant(0, tf.int64))
        session.run(tf.global_variables_initializer())
        variables = {variable.op.name: variable for variable in tf.global_variables()}
        before, _, after = session.run(variables), session.run(settle), session.run(variables)
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert changed == {name for name in before if name.endswith(("/mean", "/variance"))}
    assert changed
    assert any(name.endswith("/u") for name in before)


def test_unused_outputs_cost_nothing(spec):
    """Fetching D's logits does not run Q."""
    with tf.Graph().as_default():
        judgement = build_model(spec).discriminate(tf.zeros([2, 28, 28, 1]), Normalisation([REAL], False))
        needed, todo = set(), [judgement.logits.op]
        while todo:
            operation = todo.pop()
            if operation.name not in needed:
                needed.add(operation.name)
                todo += [tensor.op for tensor in operation.inputs]
    assert not any("recognition" in name for name in needed)


def test_the_loss_of_the_spec_is_the_one_that_is_minimised(spec, usual, monkeypatch):
    of_g = []
    loss = losses.generator_loss
    monkeypatch.setattr(losses, "generator_loss", lambda *given: of_g.append(given[1]) or loss(*given))
    (values,), _ = run_updates(dataclasses.replace(spec, gan_loss="hinge"))
    standard = usual[0][0]
    # D starts near 0 on everything: 2 ln 2 of cross entropy, 2 of hinge loss.
    assert values["loss/discriminator"] == pytest.approx(2.0, abs=0.3)
    assert standard["loss/discriminator"] == pytest.approx(2.0 * np.log(2.0), abs=0.3)
    assert values["loss/generator"] < 0 < standard["loss/generator"]  # the mean of -logits, and a cross entropy
    assert of_g == ["hinge"]
