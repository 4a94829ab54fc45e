"""The contrastive regulariser: its pairs, what its network and G learn of them, and when."""

import dataclasses

import numpy as np
import pytest
from test_extensions import Uneven
from test_updates import IMAGES

from infogan.distributions import Bernoulli, Categorical, Circular, Gaussian, Uniform
from infogan.latents import Latent, latent_slices
from infogan.model.gan import RegularizedGAN
from infogan.schedule import Schedule
from infogan.spec import ExperimentSpec
from infogan.system.messages import InputError
from infogan.system.tf1 import tf
from infogan.training.update import build_update

pytestmark = pytest.mark.usefixtures("wide", "quick_graphs")

COUNT = 4000
LATE = Schedule(((1, 0.0), (2, 1.0)))
"""The third update is the first with the term."""


def draw_apart(distribution, gap):
    with tf.Graph().as_default(), tf.Session() as session:
        return session.run(distribution.sample_apart(COUNT, gap, 7))


@pytest.mark.parametrize("gap", [0.0, 0.5, 2.0])
def test_numbers_are_as_far_apart_as_is_said(gap):
    first, second = draw_apart(Uniform(1), gap)
    assert np.abs(first - second).min() >= gap - 1e-6
    assert max(np.abs(first).max(), np.abs(second).max()) <= 1.0
    # Half of the inner interval's length is 1 - gap / 2; pushed outwards by gap / 2 the mean stays 0.
    assert abs(first.mean()) < 0.08 and abs(second.mean()) < 0.08  # five standard errors of +-1
    if not gap:
        assert np.abs(np.percentile(first, [25, 75]) - [-0.5, 0.5]).max() < 0.05
        assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.08
    first, second = draw_apart(Gaussian(1), gap)
    assert np.abs(first - second).min() >= gap - 1e-6


@pytest.mark.parametrize("gap", [0.0, 0.8, 2.0])
def test_angles_are_half_as_far_apart_around_the_circle(gap):
    first, second = draw_apart(Circular(), gap)
    distance = np.abs(first - second)
    distance = np.minimum(distance, 2.0 - distance)
    assert distance.min() >= gap / 2 - 1e-6
    assert np.abs(second).max() <= 1.0
    assert distance.mean() == pytest.approx((gap / 2 + 1.0) / 2, abs=0.03)  # uniform from gap / 2 to half a turn


@pytest.mark.parametrize(
    "distribution", [Categorical(3), Categorical(2), Bernoulli(1), Uneven((0.8, 0.1, 0.1))], ids=repr
)
def test_values_of_a_discrete_code_differ(distribution):
    first, second = draw_apart(distribution, 0.3)
    assert (first != second).any(axis=1).all()
    values = distribution.sweep(1, 1.0)
    numbers = [np.argmin(np.abs(x[:, None] - values).sum(axis=2), axis=1) for x in (first, second)]
    steps = np.bincount((numbers[1] - numbers[0]) % len(values), minlength=len(values)) / COUNT
    np.testing.assert_allclose(steps[1:], 1 / (len(values) - 1), atol=0.04)


def test_one_category_has_no_other():
    first, second = draw_apart(Categorical(1), 0.0)
    assert (first == second).all()


def test_pairs_share_their_noise_and_one_code(spec):
    latents = (
        Latent("noise", Uniform(4), regularised=False), Latent("digit", Categorical(10)), Latent("turn", Circular()),
        Latent("more", Uniform(2), regularised=False), Latent("width", Uniform(1)), Latent("weight", Gaussian(1)),
    )  # fmt: skip
    with tf.Graph().as_default(), tf.Session() as session:
        model = RegularizedGAN.of_spec(dataclasses.replace(spec, latent_spec=latents, code_schedules=()))
        first, second, shared = session.run(model.sample_pairs(COUNT, 0.5, [3, 0]))
    slices = latent_slices(latents)
    same = {name: (first[:, where] == second[:, where]).all(axis=1) for name, where in slices.items()}
    assert same["noise"].all() and same["more"].all()
    for number, code in enumerate(("digit", "turn", "width", "weight")):
        np.testing.assert_array_equal(same[code], shared == number, err_msg=code)
        assert np.mean(shared == number) == pytest.approx(0.25, abs=0.04)
    width = slices["width"]
    assert np.abs(first[:, width] - second[:, width])[shared != 2].min() >= 0.5 - 1e-6


def follow(spec, *counts):
    """(quantities of the last update, [{variable name: value} after each count of updates])."""
    with tf.Graph().as_default(), tf.Session() as session:
        update = build_update(RegularizedGAN.of_spec(spec), spec, tf.constant(IMAGES))
        variables = {variable.op.name: variable for variable in tf.global_variables()}
        session.run(tf.global_variables_initializer())
        values, states, done = {}, [], 0
        for count in counts:
            for _ in range(done, count):
                values = dict(zip(update.names, session.run([update.values, update.step])[0]))
            states.append(session.run(variables))
            done = count
        return values, states


def moved(before, after):
    """The networks of which a weight differs."""
    names = {name for name in before.keys() & after.keys() if not np.array_equal(before[name], after[name])}
    return {name.split("/")[0] for name in names if name.endswith(("kernel", "bias"))}


C = {"contrastive", "contrastive_trunk"}


def test_it_trains_its_network_in_the_step_of_d_and_g_in_its_own(spec):
    values, (start, weak) = follow(dataclasses.replace(spec, contrastive_weight=1e-3), 0, 1)
    _, (strong,) = follow(dataclasses.replace(spec, contrastive_weight=100.0), 1)
    assert moved(start, weak) >= C
    assert moved(weak, strong) == {"generator"}
    assert values["contrastive/loss"] == pytest.approx(np.log(3), abs=0.2)  # it knows nothing of three codes yet
    assert 0 <= values["contrastive/accuracy"] <= 1
    assert not np.array_equal(start["contrastive_trunk/0_conv/u"], weak["contrastive_trunk/0_conv/u"])
    assert "contrastive/0_dense/u" not in start  # its last layer is not normalised


def test_until_it_comes_in_it_changes_nothing(spec):
    late = dataclasses.replace(spec, contrastive_weight=2.0, contrastive_schedule=LATE)
    values, (start, waiting, after) = follow(late, 0, 2, 3)
    _, (without,) = follow(spec, 2)
    for name, value in without.items():
        if name != "totals" and "power" not in name:
            np.testing.assert_array_equal(value, waiting[name], err_msg=name)
    assert not moved(start, waiting) & C
    assert moved(waiting, after) >= C | {"generator"}
    assert values["contrastive/loss"] == pytest.approx(np.log(3), abs=0.2)
    # Adam's first step is as long as the rate: the updates before did not count.
    step = after["contrastive/0_dense/kernel"] - start["contrastive/0_dense/kernel"]
    np.testing.assert_allclose(np.median(np.abs(step)), spec.discriminator_learning_rate, rtol=1e-2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"latent_spec": (Latent("digit", Categorical(10)),)}, "contrastive_weight: 2 was given, .* two codes"),
        ({"contrastive_gap": Schedule(((0, 2.5), (9, 0.0)))}, "contrastive_gap: 0:2.5,9:0 was given, but"),
    ],
)
def test_what_it_cannot_do_is_refused(spec, changes, message):
    with pytest.raises(InputError, match=message):
        dataclasses.replace(spec, **{"contrastive_weight": 2.0, **changes})


def test_its_values_go_to_json_and_back(spec):
    spec = dataclasses.replace(spec, contrastive_weight=2.0, contrastive_gap=Schedule(((0, 1.9), (9, 0.0))))
    assert ExperimentSpec.from_json(spec.to_json()) == spec
