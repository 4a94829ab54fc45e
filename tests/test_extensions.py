"""What a program adds of its own, each in one place: a term, an optimiser, a family of latents."""

import dataclasses
from typing import ClassVar

import numpy as np
import pytest
from test_trainer import build, go_on, saved_variables, start, train
from test_updates import run_updates

import infogan
from infogan.codes import read_values
from infogan.distributions import Distribution, seed_pair
from infogan.evaluation.recognition import measure_information
from infogan.latents import Latent
from infogan.model.layers import Network, Normalisation, dense
from infogan.model.losses import DISCRIMINATOR, GENERATOR, Adversarial, Logged, Term, TermValue
from infogan.model.optimizers import Momentum, Optimizer, RMSProp
from infogan.schedule import Schedule
from infogan.spec import ExperimentSpec
from infogan.system.messages import InputError
from infogan.system.tf1 import fold_in, tf
from infogan.training.checkpoints import find_checkpoints
from infogan.training.loop import FirstLook
from infogan.training.update import build_averages, build_swap

pytestmark = pytest.mark.usefixtures("quick_graphs")


@dataclasses.dataclass(frozen=True)
class Brightness(Term):
    """A term with a network of its own, which reads how bright a generated image is from what Q sees of it."""

    steps: ClassVar[tuple] = (GENERATOR,)
    target: float = 0.5

    def build(self, step):
        reader = Network("brightness", 0, [dense(1)])
        read = reader(step.on_generated.q_features, Normalisation([], batch_statistics=False))[:, 0]
        actual = tf.reduce_mean(step.generated, axis=[1, 2, 3])
        noise = tf.random.stateless_normal([], fold_in(step.seed, "brightness"))
        loss = tf.reduce_mean(tf.square(read - actual) + tf.square(actual - self.target))
        logged = {
            "brightness/loss": loss,
            "brightness/noise": noise,
            "brightness/most": Logged(tf.reduce_max(actual), max),
        }
        return TermValue(loss, logged, reader.trainable_variables)


@dataclasses.dataclass(frozen=True)
class QAlone(Term):
    """Trains Q's own layers in D's step, and nothing else."""

    steps: ClassVar[tuple] = (DISCRIMINATOR,)
    trains: ClassVar[tuple] = ("recognition",)

    def build(self, step):
        return TermValue(-step.information["digit"], {})


@dataclasses.dataclass(frozen=True)
class Uneven(Distribution):
    """Kinds that are not equally common, with a key of its own; G is given their numbers."""

    shares: tuple
    kind = "categorical"
    effective_dim = 1
    dist_info_keys = ("share",)

    @property
    def dim(self):
        return len(self.shares)

    @property
    def prior_entropy(self):
        return -float(np.sum(self.shares * np.log(self.shares)))

    def sweep(self, columns, limit):
        return np.eye(self.dim, dtype=np.float32)

    def embed(self, x):
        return tf.reduce_sum(x * np.arange(self.dim, dtype=np.float32), axis=1, keepdims=True)

    def sample_prior(self, batch_size, seed=None):
        logits = tf.fill([batch_size, 1], 1.0) * np.log(np.float32(self.shares))
        return tf.one_hot(tf.random.stateless_categorical(logits, 1, seed_pair(seed))[:, 0], self.dim)

    def activate_dist(self, flat):
        return {"share": tf.nn.softmax(flat)}

    def logli(self, x, dist_info):
        return tf.log(tf.reduce_sum(x * dist_info["share"], axis=1))

    def probabilities(self, dist_info):
        return dist_info["share"]


@dataclasses.dataclass(frozen=True)
class SignDescent(Optimizer):
    """Every weight moves by the rate, whatever the length of its gradient."""

    def build(self, learning_rate, name):
        class Signed(tf.train.GradientDescentOptimizer):
            def apply_gradients(self, pairs, *arguments, **options):
                signs = [(tf.sign(gradient), variable) for gradient, variable in pairs]
                return super().apply_gradients(signs, *arguments, **options)

        return Signed(learning_rate, name=f"sign_{name}")


def moved_by(before, after):
    """Names of the networks that hold a weight which differs."""
    names = ("trunk", "discriminator", "recognition", "generator", "brightness")
    return {
        name.split("/")[0]
        for name in before
        if name.split("/")[0] in names and not name.endswith(("mean", "variance")) and "adam" not in name
        if not np.array_equal(before[name], after[name])
    }


def test_a_term_is_minimised_and_logged_and_trains_its_own_network(spec):
    (plain,), (_, without) = run_updates(spec)
    (values,), (start, weak) = run_updates(dataclasses.replace(spec, terms=(Brightness(weight=1e-3),)))
    _, (_, strong) = run_updates(dataclasses.replace(spec, terms=(Brightness(weight=100.0),)))
    assert moved_by(weak, strong) == {"generator", "brightness"}
    assert moved_by(start, strong) >= {"brightness"}
    assert values["brightness/loss"] > 0 and values["brightness/most"] > 0
    # Its draw moves no other: D's step is what it is without the term.
    for name in plain:
        if not name.startswith(("gradient/gen", "brightness/")):
            assert values[name] == plain[name], name
    assert moved_by(without, weak) == {"generator"}


def test_a_term_comes_in_when_its_schedule_says(spec):
    late = Brightness(weight=100.0, schedule=Schedule(((5, 0.0), (6, 1.0))))
    _, (start, after) = run_updates(dataclasses.replace(spec, terms=(late,)))
    assert "brightness" not in moved_by(start, after)


def test_a_term_trains_the_networks_it_names(spec):
    _, (_, weak) = run_updates(dataclasses.replace(spec, terms=(QAlone(weight=1e-3),)))
    _, (_, strong) = run_updates(dataclasses.replace(spec, terms=(QAlone(weight=1e3),)))
    assert "trunk" not in moved_by(weak, strong)
    assert moved_by(weak, strong) >= {"recognition"}


def test_a_term_that_trains_what_its_step_does_not_move_is_refused(spec):
    @dataclasses.dataclass(frozen=True)
    class QAlways(QAlone):
        steps: ClassVar[tuple] = (DISCRIMINATOR, GENERATOR)

    with pytest.raises(InputError, match=r"^terms: QAlways trains recognition, but the generator's step has only gen"):
        run_updates(dataclasses.replace(spec, terms=(QAlways(),)), 0)


def test_a_loss_that_there_is_not_is_refused():
    with pytest.raises(InputError, match=r"^Adversarial\.kind: 'wgan' was given, but one of standard, hinge is needed"):
        Adversarial(kind="wgan")


def test_an_optimiser_of_ones_own(spec):
    spec = dataclasses.replace(spec, optimizer=SignDescent(), discriminator_learning_rate=1e-3)
    _, (start, after) = run_updates(spec)
    step = after["trunk/0_conv/kernel"] - start["trunk/0_conv/kernel"]
    np.testing.assert_allclose(np.abs(step), 1e-3, rtol=1e-3)


def test_what_tensorflow_deprecates_of_its_own_optimisers_is_not_said(spec, monkeypatch):
    earlier, before, levels = tf.logging.get_verbosity(), tf.logging.WARN, []
    tf.logging.set_verbosity(before)  # whatever an earlier test left

    class Old(tf.train.GradientDescentOptimizer):
        def apply_gradients(self, *arguments, **options):
            levels.append(tf.logging.get_verbosity())
            return super().apply_gradients(*arguments, **options)

    monkeypatch.setattr(RMSProp, "build", lambda self, rate, name: Old(rate))
    run_updates(dataclasses.replace(spec, optimizer=RMSProp()), 0)
    assert set(levels) == {tf.logging.ERROR} != {before}
    assert tf.logging.get_verbosity() == before
    tf.logging.set_verbosity(earlier)


@pytest.mark.parametrize("value", [RMSProp(0.8), Momentum(0.5), SignDescent()])
def test_specs_with_such_values_go_to_json_and_back(spec, value):
    terms = (Brightness(2.0, Schedule(((1, 0.0), (4, 1.0))), target=0.25),)
    spec = dataclasses.replace(spec, optimizer=value, terms=terms, weight_averaging=0.9)
    assert ExperimentSpec.from_json(spec.to_json()) == spec


def test_averages_are_those_of_the_formula(spec):
    """average <- average + (1 - min(decay, n / (n + 10))) (weight - average), begun at the first update's weights."""
    spec = dataclasses.replace(spec, weight_averaging=0.1)
    weights = run_updates(spec, 3)[1][1:]
    name = "generator/0_dense/kernel"
    expected = weights[0][name]
    np.testing.assert_allclose(weights[0][f"averages/{name}"], expected, atol=1e-7)
    for n in (1, 2):
        share = 1.0 - min(0.1, n / (n + 10.0))
        expected = expected + share * (weights[n][name] - expected)
        np.testing.assert_allclose(weights[n][f"averages/{name}"], expected, atol=1e-7)
    averaged = {name for name in weights[0] if f"averages/{name}" in weights[0]}
    assert {name.split("/")[0] for name in averaged} == {"trunk", "discriminator", "recognition", "generator"}
    assert any(name.endswith("real/mean") for name in averaged)


def test_without_averaging_there_are_no_averages(spec):
    with tf.Graph().as_default():
        model = infogan.model.gan.RegularizedGAN.of_spec(spec)
        assert build_averages(model, 0.0, tf.constant(0.0))[0] == {}


def test_a_swap_exchanges_values():
    with tf.Graph().as_default(), tf.Session() as session:
        pairs = [
            (
                tf.get_variable(f"a{i}", [], initializer=tf.constant_initializer(i)),
                tf.get_variable(f"b{i}", [], initializer=tf.constant_initializer(10 + i)),
            )
            for i in range(3)
        ]
        swap = build_swap(pairs)
        session.run(tf.global_variables_initializer())
        session.run(swap)
        assert session.run(pairs) == [(10.0, 0.0), (11.0, 1.0), (12.0, 2.0)]


def test_a_run_with_all_of_them_is_looked_at_resumes_and_is_used_with_its_averages(spec, dataset, tmp_path):
    spec = dataclasses.replace(
        spec, optimizer=RMSProp(), weight_averaging=0.5, terms=(Brightness(),), generator_learning_rate=1e-4
    )
    # Its network is trained from the third update on, and is none of those that a trained model needs.
    spec = dataclasses.replace(spec, contrastive_weight=2.0, contrastive_schedule=Schedule(((1, 0.0), (2, 1.0))))
    whole, stopped = (start(spec, dataset, tmp_path, name) for name in ("whole", "stopped"))
    train(spec, dataset, whole)
    seen, images = [], dataset.train.images
    look = FirstLook(3, images, lambda posteriors: seen.append(posteriors) or ({"evaluation/none": 0.0}, "looked"))
    trainer = build(spec, dataset, stopped, updates_per_call=2, look=look)
    with pytest.raises(BaseException, match="SIGTERM"):
        go_on(trainer, stop_at=2)
    assert find_checkpoints(stopped.checkpoints) == [3]
    with infogan.load(stopped.checkpoints) as loaded:
        np.testing.assert_allclose(seen[0]["digit"]["prob"], loaded.encode(images)["digit"]["prob"], rtol=1e-4)
    go_on(trainer)
    saved, resumed = (saved_variables(folder, spec.updates) for folder in (whole, stopped))
    assert "contrastive/0_dense/kernel/rmsprop_contrastive" in saved
    for name, value in saved.items():
        np.testing.assert_array_equal(value, resumed[name], err_msg=name)
    with infogan.load(whole.checkpoints) as loaded:
        assert loaded.age == "4 updates, averages of decay 0.5"
        used = loaded._session.run({v.op.name: v for v in loaded._model.variables})
    assert len(used) > 20
    for name, value in used.items():
        np.testing.assert_array_equal(value, saved[f"averages/{name}"], err_msg=name)
    name = "generator/0_dense/kernel"  # which nothing changes after the last update
    before = saved_variables(whole, 3)
    expected = before[f"averages/{name}"] + (1.0 - 3 / 13) * (saved[name] - before[f"averages/{name}"])
    np.testing.assert_allclose(saved[f"averages/{name}"], expected, atol=1e-7)
    assert not np.array_equal(saved[name], expected)


def test_a_family_of_latents_is_trained_and_measured_by_what_it_says(spec):
    uneven = Uneven((0.5, 0.3, 0.2))
    latents = (*spec.latent_spec[:1], Latent("sort", uneven))
    spec = dataclasses.replace(
        spec, latent_spec=latents, paper_values=(), augmentation=1.0, view_information=0.5, info_reg_coeff=5.0
    )
    assert ExperimentSpec.from_json(spec.to_json()) == spec
    (values,), _ = run_updates(spec)
    assert values["mi/sort"] + values["cross_entropy/sort"] == pytest.approx(1.0297, abs=1e-4)  # H(c)
    assert 0 <= values["view_information/sort"] < np.log(3)
    answers = {"sort": {"share": np.float32([[0.2, 0.7, 0.1], [0.1, 0.1, 0.8]])}}
    assert read_values(spec.codes, answers)["sort"].tolist() == [1, 2]
    rows = {metric.name: metric for metric in measure_information(spec.codes, {"sort": 0.5}, answers)}
    assert rows["L_I"].range == (0.0, pytest.approx(1.0297, abs=1e-4))
    assert rows["mean entropy of Q, test images"].value == pytest.approx(0.7204, abs=1e-3)
    with tf.Graph().as_default(), tf.Session() as session:
        drawn = session.run(uneven.sample_prior(20_000, 5))
    np.testing.assert_allclose(drawn.mean(axis=0), uneven.shares, atol=0.02)  # five standard errors
