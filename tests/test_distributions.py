"""The contract of every distribution: one set of tests over the whole family.

A new latent is one more line in MEMBERS; a new family also says in `activated` and `law` what its parameters and its
density are, in float64. Everything expected follows from those densities: entropies, divergences and moments are sums
over the support or over a grid, gradients are central differences.
"""

import dataclasses
import itertools
import math
import os
import pathlib
import pickle
import subprocess
import sys

import numpy as np
import pytest
from scipy import special, stats

import infogan
from infogan.distributions import (
    TINY,
    Bernoulli,
    Categorical,
    Circular,
    Gaussian,
    GaussianPosterior,
    MeanBernoulli,
    MeanGaussian,
    Product,
    Uniform,
)
from infogan.system.tf1 import tf

MEMBERS = [  # distribution, dim, effective_dim, dist_flat_dim, is_discrete
    (Categorical(10), 10, 1, 10, True),
    (Gaussian(3), 3, 3, 6, False),
    (Gaussian(2, fix_std=True), 2, 2, 4, False),
    (Uniform(2), 2, 2, 4, False),
    (Uniform(1, fix_std=True), 1, 1, 2, False),
    (Circular(), 1, 1, 2, False),
    (Bernoulli(4), 4, 4, 4, True),
    (MeanBernoulli(4), 4, 4, 4, False),
    (MeanGaussian(4), 4, 4, 4, False),
    (Product([Categorical(3)]), 3, 1, 3, True),
    (Product([Categorical(3), Uniform(1), Uniform(1)]), 5, 3, 7, False),
    (Product([Circular(), Product([Circular(), Bernoulli(2)])]), 4, 4, 6, False),
    (Product([Gaussian(1), Product([MeanBernoulli(2), Gaussian(1, fix_std=True)])]), 4, 4, 6, False),
    (Product([Categorical(3), Product([Bernoulli(2), Categorical(3)]), Bernoulli(2)]), 10, 6, 10, True),
]
DISTS = [member[0] for member in MEMBERS]
FALSE_ALARM_RATE = 1e-6
BATCH = 5
DRAWS = 20_000
UNIFORM = stats.uniform(-1.0, 2.0)


pytestmark = pytest.mark.usefixtures("quick_graphs")


@pytest.fixture(params=DISTS, ids=repr)
def dist(request):
    return request.param


def activate_in_each_way(dist, *flats):
    """The `dist_info` of network outputs by a name: as a network gives it, and without the keys in brackets."""
    whole = [dist.activate_dist(flat) for flat in flats]
    bare = [{key: info[key] for key in dist.dist_info_keys} for info in whole]
    return {"with logits": whole, "without logits": bare}


def evaluate(build, *arrays, runs=1):
    """Runs build(*placeholders) in a graph of its own; the placeholders [None, n] do not know the batch size."""
    with tf.Graph().as_default(), tf.Session() as session:
        holders = [tf.placeholder(tf.float32, [None, array.shape[1]]) for array in arrays]
        nodes = build(*holders)
        values = [session.run(nodes, dict(zip(holders, arrays))) for _ in range(runs)]
    return values[0] if runs == 1 else values


def compare(actual, expected, what=""):
    np.testing.assert_allclose(actual, expected, rtol=2e-5, atol=2e-5, err_msg=what)


# The reference in float64. Every leaf of nested products has a Law, and all numbers in nats are sums over the leaves.
# A leaf consists of independent parts: a categorical is one, any other leaf has one for each of its dimensions.


class Law:
    """Distributions of one leaf, from log_density(x [B or 1, K, dim]) -> [B, K, parts].

    A sum over `points` [K, dim] with `weights` is the sum or integral over all values.
    """

    def __init__(self, leaf, log_density, points, weights=1.0):
        self.leaf, self.log_density, self.points = leaf, log_density, points
        self.logs = log_density(points[None])
        self.mass = weights * np.exp(self.logs)

    def logli(self, x):
        return self.log_density(x[:, None]).sum((1, 2))

    def marginal_logli(self, x):
        return np.log(np.exp(self.log_density(x[None])).mean(0)).sum(-1)

    def entropy(self):
        return -(self.mass * self.logs).sum((1, 2))

    def marginal_entropy(self):
        return np.full(BATCH, stats.entropy(self.mass.mean(0)).sum())

    def kl(self, other):
        return (self.mass * (self.logs - other.logs)).sum((1, 2))

    def moment(self, k):
        """E[sample**k] for the first row: [dim]. The sample of a MeanBernoulli or MeanGaussian is its mean."""
        powers = (1, k) if is_mean(self.leaf) else (k, 1)
        return (self.mass[0] * self.points ** powers[0]).sum(0) ** powers[1]


def is_mean(leaf):
    return isinstance(leaf, (MeanBernoulli, MeanGaussian))


def is_score_only(leaf):
    return isinstance(leaf, (Categorical, Bernoulli, Circular)) and not is_mean(leaf)


def activated(leaf, flat):
    if isinstance(leaf, Categorical):
        return {"prob": special.softmax(flat, axis=1)}
    if isinstance(leaf, MeanGaussian):
        return {"mean": np.tanh(flat), "stddev": np.ones_like(flat)}
    if isinstance(leaf, GaussianPosterior):
        mean, log_variance = np.split(flat, 2, axis=1)
        return {"mean": mean, "stddev": np.sqrt(np.exp(log_variance * (not leaf.fix_std)))}
    if isinstance(leaf, Circular):
        cosine, sine = np.split(flat, 2, axis=1)
        return {"mean": np.arctan2(sine, cosine) / np.pi, "concentration": np.hypot(cosine, sine)}
    return {"p": special.expit(flat)}


def prior_info(leaf):
    """That of zero outputs: equal probabilities, N(0, 1); for Uniform the deviation of U(-1, 1)."""
    info = activated(leaf, np.zeros([1, leaf.dist_flat_dim]))
    return {**info, "stddev": info["stddev"] * UNIFORM.std()} if isinstance(leaf, Uniform) else info


def law(leaf, info):
    info, ones = {key: value[:, None] for key, value in info.items()}, np.ones(leaf.dim)
    if isinstance(leaf, Categorical):
        return Law(leaf, lambda x: special.xlogy(x, info["prob"]).sum(-1, keepdims=True), np.eye(leaf.dim))
    if isinstance(
        leaf, GaussianPosterior
    ):  # A sum over an even grid is exact to rounding where a deviation spans a few steps.
        grid, step = np.linspace(-40.0, 40.0, 1601, retstep=True)
        return Law(leaf, stats.norm(info["mean"], info["stddev"]).logpdf, grid[:, None] * ones, step)
    if isinstance(leaf, Circular):  # A sum over the circle is exact to rounding; its moments, cut at 1, are to 1e-6.
        count = 2_000
        grid = (np.arange(count) + 0.5) * 2.0 / count - 1.0
        of_angle = stats.vonmises(np.maximum(info["concentration"], 1e-12), np.pi * info["mean"])
        return Law(leaf, lambda x: of_angle.logpdf(np.pi * x) + math.log(np.pi), grid[:, None], 2.0 / count)
    bits = np.array([[0.0], [1.0]]) * ones
    return Law(leaf, lambda x: special.xlogy(x, info["p"]) + special.xlog1py(1.0 - x, -info["p"]), bits)


def prior_law(leaf):
    if not isinstance(leaf, Uniform):
        return law(leaf, prior_info(leaf))
    nodes, weights = np.polynomial.legendre.leggauss(5)  # exact for moments up to the ninth
    return Law(leaf, UNIFORM.logpdf, nodes[:, None] * np.ones(leaf.dim), weights[:, None])


def leaves(dist):
    return [leaf for part in dist.dists for leaf in leaves(part)] if isinstance(dist, Product) else [dist]


def split(dist, array, width="dim"):
    return np.split(array, np.cumsum([getattr(leaf, width) for leaf in leaves(dist)])[:-1], axis=1)


def laws(dist, flat=None):
    """One Law a leaf: of the network outputs `flat`, or of the prior."""
    if flat is None:
        return [prior_law(leaf) for leaf in leaves(dist)]
    flats = split(dist, np.asarray(flat, np.float64), "dist_flat_dim")
    return [law(leaf, activated(leaf, part)) for leaf, part in zip(leaves(dist), flats)]


METHODS = {  # in nats: arguments (samples x, posteriors p and q), and the reference for one leaf
    "logli": ("xp", lambda x, p, q, prior: p.logli(x)),
    "nonreparam_logli": ("xp", lambda x, p, q, prior: p.logli(x) * is_score_only(p.leaf)),
    "marginal_logli": ("xp", lambda x, p, q, prior: p.marginal_logli(x)),
    "logli_prior": ("x", lambda x, p, q, prior: prior.logli(x)),
    "entropy": ("p", lambda x, p, q, prior: p.entropy()),
    "marginal_entropy": ("p", lambda x, p, q, prior: p.marginal_entropy()),
    "kl": ("pq", lambda x, p, q, prior: p.kl(q)),
    "kl_prior": ("p", lambda x, p, q, prior: p.kl(prior)),
}


def expected_nats(dist, method, x, flat_p, flat_q):
    parts = zip(split(dist, x), laws(dist, flat_p), laws(dist, flat_q), laws(dist))
    return sum(METHODS[method][1](*part) for part in parts)


def build_nats(dist, method, x, p, q):
    given = {"x": x, "p": p, "q": q}
    return getattr(dist, method)(*[given[name] for name in METHODS[method][0]])


def refusal(dist, method):
    """What the refusal of a method without a closed form says."""
    if method == "kl_prior" and any(isinstance(leaf, Uniform) for leaf in leaves(dist)):
        return r"^Uniform\.kl_prior: .* is infinite\. Use logli of samples"
    if method == "marginal_entropy" and any(isinstance(leaf, GaussianPosterior) for leaf in leaves(dist)):
        return r"^(Mean)?(Gaussian|Uniform)\.marginal_entropy: .* no closed form\. Average -marginal_logli"
    if method == "marginal_entropy" and any(isinstance(leaf, Circular) for leaf in leaves(dist)):
        return r"^Circular\.marginal_entropy: .* no closed form\. Average -marginal_logli"
    return None


def cross_moments(reference, power):
    """E[y y^T] of y = (1, x**power), x one sample of the first row."""
    means = np.concatenate([[1.0]] + [p.moment(power) for p in reference])
    result, first = np.outer(means, means), 1
    for p in reference:
        block = slice(first, first + p.leaf.dim)
        result[block, block] *= not isinstance(p.leaf, Categorical)  # only one number of a one-hot vector is not 0
        first += p.leaf.dim
    np.fill_diagonal(result, np.concatenate([[1.0]] + [p.moment(2 * power) for p in reference]))
    return result


# Inputs: network outputs, and samples that both the prior and the posterior can give.


def make_flat(dist, seed=0, rows=BATCH):
    return np.random.default_rng(seed).normal(size=[rows, dist.dist_flat_dim]).astype(np.float32)


def make_x(dist, seed=0, rows=BATCH):
    generator, columns = np.random.default_rng(seed), []
    for leaf in leaves(dist):
        if isinstance(leaf, Categorical):
            columns.append(np.eye(leaf.dim)[generator.integers(leaf.dim, size=rows)])
        elif isinstance(leaf, (Gaussian, Circular)):
            columns.append(generator.uniform(-1.0, 1.0, size=[rows, leaf.dim]))
        else:
            columns.append(generator.integers(2, size=[rows, leaf.dim]))
    return np.concatenate(columns, axis=1).astype(np.float32)


# What a distribution says of itself.


@pytest.mark.parametrize("dist, dim, effective_dim, flat_dim, is_discrete", MEMBERS, ids=map(repr, DISTS))
def test_sizes(dist, dim, effective_dim, flat_dim, is_discrete):
    assert (dist.dim, dist.effective_dim, dist.dist_flat_dim) == (dim, effective_dim, flat_dim)
    with tf.Graph().as_default():
        info = dist.activate_dist(tf.placeholder(tf.float32, [None, flat_dim]))
        assert dist.sample(info, seed=1).shape.as_list() == [None, dim]
        assert dist.sample_prior(BATCH, seed=1).shape.as_list() == [BATCH, dim]


@pytest.mark.parametrize("dist, is_discrete", [(member[0], member[-1]) for member in MEMBERS], ids=map(repr, DISTS))
def test_is_discrete(dist, is_discrete):
    assert dist.is_discrete == is_discrete


@pytest.mark.parametrize(
    "dist, kind",
    [
        (Categorical(3), "categorical"),
        (Bernoulli(1), "binary"),
        (Gaussian(1), "continuous"),
        (Uniform(1), "continuous"),
        (Circular(), "circular"),
        (MeanBernoulli(1), None),
        (MeanGaussian(1), None),
        (Product([Uniform(1)]), None),
    ],
)
def test_kinds_of_codes(dist, kind):
    assert dist.kind == kind


@pytest.mark.parametrize(
    "code, values, answer",
    [
        (Categorical(4), [3, 0, 2], lambda x: {"prob": 0.1 + 0.6 * x}),
        (Bernoulli(1), [1, 0, 1], lambda x: {"p": 0.4 + 0.2 * x}),
        (Uniform(1), [-1.5, 0.25, 1.0], lambda x: {"mean": x, "stddev": 2.0 + x}),
        (Gaussian(1, fix_std=True), [3.0, 0.25, 1.0], lambda x: {"mean": x, "stddev": 1.0 + 0.0 * x}),
        (Circular(), [-0.75, 0.0, 1.0], lambda x: {"mean": x, "concentration": 1.0 + x}),
    ],
)
def test_what_is_read_is_the_value_that_the_answer_is_about(code, values, answer):
    vectors = code.value_vectors(np.array(values))
    assert vectors.dtype == np.float32 and vectors.shape == (3, code.dim)
    read = code.read(answer(vectors))
    assert read.tolist() == values
    assert (read.dtype.kind == "i") == code.is_discrete


@pytest.mark.parametrize("code", [Categorical(3), Bernoulli(1)])
def test_probabilities_are_those_of_the_values(code):
    flat = make_flat(code)
    found = evaluate(lambda f: code.probabilities(code.activate_dist(f)), flat)
    for value in range(code.number_of_values):
        x = np.tile(code.value_vectors(np.array([value])), (BATCH, 1))
        compare(found[:, value], np.exp(evaluate(lambda x, f: code.logli(x, code.activate_dist(f)), x, flat)))
    in_arrays = code.probabilities(evaluate(code.activate_dist, flat))
    assert type(in_arrays) is np.ndarray
    compare(in_arrays, found)


@pytest.mark.parametrize(
    "code, expected",
    [
        (Categorical(10), (0.0, math.log(10))),
        (Bernoulli(1), (0.0, math.log(2))),
        (Gaussian(1), None),
        (Circular(), None),
        # H(c) and the mean of log Q: of N(0, 1) over the prior, and of N(c, 1) at c.
        (Uniform(1, fix_std=True), (math.log(2) - 0.5 * (math.log(2 * math.pi) + 1 / 3), -0.226)),
        (Gaussian(1, fix_std=True), (0.0, 0.5)),
    ],
)
def test_range_of_what_q_can_know(code, expected):
    assert code.information_range == (None if expected is None else pytest.approx(expected, abs=1e-3))


@pytest.mark.parametrize(
    "values, expected", [([-1, 0, 1], True), ([0, 1, 4], True), ([0, 0.5], False), ([-1, 0.5], False), ([0, 0], False)]
)
def test_an_angle_goes_around_in_whole_turns(values, expected):
    assert Circular().goes_around(np.array(values, float)) == expected
    assert not Uniform(1).goes_around(np.array(values, float))


def test_priors_change_and_posteriors_stay():
    assert Uniform(2, fix_std=True).with_prior("gaussian") == Gaussian(2, fix_std=True)
    assert Gaussian(1).with_prior("uniform") == Uniform(1)
    assert {dist.prior_name for dist in (Categorical(2), Circular(), MeanGaussian(1), Bernoulli(1))} == {None}


def test_a_gaussian_posterior_lends_no_prior():
    """A family that forgets its prior must not have that of N(0, 1)."""
    own = GaussianPosterior(1)
    for ask in (lambda: own.prior_entropy, lambda: own.prior_variance, lambda: own.sample_prior(2, 0)):
        with pytest.raises(NotImplementedError):
            ask()
    with tf.Graph().as_default(), pytest.raises(NotImplementedError):
        own.logli_prior(tf.zeros([2, 1]))


def test_is_a_value(dist):
    copy = pickle.loads(pickle.dumps(dist))
    assert copy == dist and hash(copy) == hash(dist)
    assert [other for other in DISTS if other == dist] == [dist]
    with pytest.raises(dataclasses.FrozenInstanceError):
        dist.dim = 7


def test_dist_info(dist):
    flat = make_flat(dist)
    pairs = list(zip(leaves(dist), split(dist, flat, "dist_flat_dim")))
    wanted_prior = [prior_info(leaf) for leaf, _ in pairs]
    wanted_posterior = [activated(leaf, part) for leaf, part in pairs]
    for info, wanted in (
        (evaluate(lambda: dist.prior_dist_info(BATCH)), wanted_prior),
        (evaluate(lambda x: dist.prior_dist_info(tf.shape(x)[0]), flat), wanted_prior),
        (evaluate(dist.activate_dist, flat), wanted_posterior),
    ):
        values = [(key, value) for leaf_info in wanted for key, value in leaf_info.items()]
        for name, (key, value) in zip(dist.dist_info_keys, values, strict=True):
            assert name.removeprefix("id_").endswith(key) and info[name].shape == (BATCH, value.shape[1])
            compare(info[name], np.broadcast_to(value, info[name].shape))


def test_keys_of_a_product():
    product = Product([Categorical(3), Product([Bernoulli(2), Gaussian(1)])])
    assert product.dist_info_keys == ["id_0_prob", "id_1_id_0_p", "id_1_id_1_mean", "id_1_id_1_stddev"]


@pytest.mark.parametrize(
    "code, expected",
    [
        (Categorical(3), np.eye(3)),
        (Bernoulli(1), [[0.0], [1.0]]),
        (Gaussian(1), [[-2.0], [-1.0], [0.0], [1.0], [2.0]]),
        (Uniform(2), [[-2.0] * 2, [-1.0] * 2, [0.0] * 2, [1.0] * 2, [2.0] * 2]),
        (Circular(), [[-1.0], [-0.5], [0.0], [0.5], [1.0]]),  # once around, where others go further
    ],
    ids=["Categorical(3)", "Bernoulli(1)", "Gaussian(1)", "Uniform(2)", "Circular()"],
)
def test_sweep(code, expected):
    values = code.sweep(columns=5, limit=2.0)
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, expected)


def test_a_product_has_no_sweep():
    with pytest.raises(NotImplementedError, match="Sweep each factor"):
        Product([Categorical(3)]).sweep(columns=5, limit=2.0)


def test_describing_latents_imports_no_tensorflow():
    code = (
        "import sys, infogan.distributions as d, infogan.spec as s\n"
        "latents = [s.Latent('z', d.Gaussian(62), False), s.Latent('digit', d.Categorical(10))]\n"
        "product = d.Product([d.Uniform(2), d.MeanBernoulli(4), *(latent.distribution for latent in latents)])\n"
        "assert product.dim and product.dist_flat_dim and product.prior_entropy and product.dist_info_keys\n"
        "assert 'tensorflow' not in sys.modules\n"
    )
    run_python(code)


def run_python(code):
    """In a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(pathlib.Path(infogan.__file__).parents[1])}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


# Numbers in nats.

DIFFERENTIABLE = {"logli": 1.0, "entropy": 0.7, "kl": -0.4}


def test_nats(dist):
    x, flat_p, flat_q = make_x(dist), make_flat(dist, 1), make_flat(dist, 2)
    known = [method for method in METHODS if not refusal(dist, method)]

    def build(x, p, q):
        ways = activate_in_each_way(dist, p, q)
        return {(method, way): build_nats(dist, method, x, *ways[way]) for method in known for way in ways}

    expected = {method: expected_nats(dist, method, x, flat_p, flat_q) for method in known}
    for (method, way), found in evaluate(build, x, flat_p, flat_q).items():
        compare(found, expected[method], f"{method} {way}")


def test_nats_that_a_family_does_not_have(dist):
    x, flat_p, flat_q = make_x(dist), make_flat(dist, 1), make_flat(dist, 2)
    for method in filter(lambda method: refusal(dist, method), METHODS):

        def build(x, p, q, method=method):
            return build_nats(dist, method, x, dist.activate_dist(p), dist.activate_dist(q))

        with pytest.raises(NotImplementedError, match=refusal(dist, method)):
            evaluate(build, x, flat_p, flat_q)


def test_gradient(dist):
    """Of a weighted sum of all that can be differentiated: an error in one of them is not made up by another."""
    x, flat_p, flat_q = make_x(dist), make_flat(dist, 1), make_flat(dist, 2)

    def build(x, p, q):
        ways = activate_in_each_way(dist, p, q)
        sums = {
            way: tf.add_n([weight * build_nats(dist, method, x, *infos) for method, weight in DIFFERENTIABLE.items()])
            for way, infos in ways.items()
        }
        return {way: tf.gradients(value, p, unconnected_gradients="zero")[0] for way, value in sums.items()}

    def expected_sum(step):
        return sum(w * expected_nats(dist, method, x, flat_p + step, flat_q) for method, w in DIFFERENTIABLE.items())

    steps = 1e-5 * np.eye(dist.dist_flat_dim)
    expected = np.stack([(expected_sum(step) - expected_sum(-step)) / 2e-5 for step in steps], axis=1)
    for way, found in evaluate(build, x, flat_p, flat_q).items():
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4, err_msg=way)


def test_logli_of_grey_pixels_is_the_negative_cross_entropy():
    dist, x = MeanBernoulli(4), np.linspace(0.0, 1.0, 4 * BATCH).reshape(BATCH, 4)
    flat = make_flat(dist)
    expected = (x * special.log_expit(flat) + (1.0 - x) * special.log_expit(-flat)).sum(1)
    compare(evaluate(lambda f, x: dist.logli(x, dist.activate_dist(f)), flat, x), expected)


@pytest.mark.parametrize("dim", [1, 3])
def test_logli_prior_of_uniform_ends_at_one(dim):
    inside = np.array([[1.0], [-1.0], [0.0]], np.float32) * np.ones(dim, np.float32)
    outside = np.zeros([2, dim], np.float32)
    outside[:, -1] = np.nextafter(np.float32([1.0, -1.0]), np.float32([2.0, -2.0]))
    compare(evaluate(Uniform(dim).logli_prior, inside), [-dim * math.log(2.0)] * 3)
    np.testing.assert_array_equal(evaluate(Uniform(dim).logli_prior, outside), [-np.inf] * 2)


def test_prior_entropy(dist):
    assert isinstance(dist.prior_entropy, float)
    assert dist.prior_entropy == pytest.approx(sum(p.entropy()[0] for p in laws(dist)), rel=1e-9)


# Extreme outputs.


def test_extreme_outputs_give_finite_logli_and_gradient(dist):
    flat = np.array(list(itertools.product([-50.0, 50.0], repeat=dist.dist_flat_dim)), np.float32)

    def build(f, x):
        log_likelihood = dist.logli(x, dist.activate_dist(f))
        return log_likelihood, tf.gradients(log_likelihood, f)[0]

    for values in evaluate(build, flat, make_x(dist, rows=len(flat))):
        assert np.isfinite(values).all()


def test_extreme_outputs_keep_their_logli():
    flat, x = np.array([[50.0, -50.0], [-50.0, 50.0]]), np.array([[0.0, 1.0], [0.0, 1.0]])
    of_categorical = (special.log_softmax(flat, axis=1) * x).sum(1)
    of_bernoulli = (x * special.log_expit(flat) + (1.0 - x) * special.log_expit(-flat)).sum(1)
    for dist, expected in ((Categorical(2), of_categorical), (Bernoulli(2), of_bernoulli)):
        compare(evaluate(lambda f, x, dist=dist: dist.logli(x, dist.activate_dist(f)), flat, x), expected)


def test_probabilities_and_deviations_without_logits_are_clipped(dist):
    def build(x):
        of_prior = dist.prior_dist_info(tf.shape(x)[0])
        made = []
        for value in (0.0, 1.0):
            info = {key: tf.fill(tf.shape(part), value) for key, part in of_prior.items()}
            numbers = [dist.logli(x, info), dist.entropy(info), dist.kl(of_prior, info)]
            made += [*numbers, *tf.gradients(numbers, list(info.values()))]
        return made

    assert all(np.isfinite(values).all() for values in evaluate(build, make_x(dist)))


def test_impossible_category_has_the_smallest_probability():
    prob, x = np.array([[0.0, 1.0]]), np.array([[1.0, 0.0]])
    compare(evaluate(lambda prob, x: Categorical(2).logli(x, {"prob": prob}), prob, x), [math.log(TINY)])


# Samples.

RANDOM = [dist for dist in DISTS if not is_mean(dist)]


@pytest.mark.parametrize("source", ["prior", "posterior"])
def test_moments_of_samples(dist, source):
    """Means, variances and covariances; one false alarm in a million runs over all of them together."""
    flat = make_flat(dist, rows=1)
    if source == "prior":
        reference, x = laws(dist), evaluate(lambda: dist.sample_prior(DRAWS, seed=1))
    else:
        reference = laws(dist, flat)
        x = evaluate(lambda f: dist.sample(dist.activate_dist(f), seed=1), np.repeat(flat, DRAWS, axis=0))
    y = np.concatenate([np.ones([DRAWS, 1]), x], axis=1)
    expected = cross_moments(reference, 1)
    standard_error = np.sqrt(np.maximum(cross_moments(reference, 2) - expected**2, 0.0) / DRAWS)
    z = stats.norm.isf(FALSE_ALARM_RATE / 2.0 / expected.size)
    assert (np.abs(y.T @ y / DRAWS - expected) <= z * standard_error + 1e-6).all()


@pytest.mark.parametrize("dist, cdf", [(Gaussian(2), stats.norm.cdf), (Uniform(2), UNIFORM.cdf)])
def test_shape_of_continuous_priors(dist, cdf):
    x = evaluate(lambda: dist.sample_prior(DRAWS, seed=2))
    assert stats.kstest(x.ravel(), cdf).pvalue > FALSE_ALARM_RATE


def test_gradient_of_samples(dist):
    """Against differences of the same draw; samples of discrete leaves carry none."""
    flat, step = make_flat(dist), 0.01
    smooth = np.concatenate([np.full(leaf.dim, not is_score_only(leaf)) for leaf in leaves(dist)])
    weights = np.arange(1.0, dist.dim + 1.0, dtype=np.float32)

    with tf.Graph().as_default(), tf.Session() as session:
        f = tf.placeholder(tf.float32, flat.shape)
        draw = dist.sample(dist.activate_dist(f), seed=3) * weights
        gradient = session.run(tf.gradients(draw, f, unconnected_gradients="zero")[0], {f: flat})
        above, below = (
            np.stack([session.run(draw, {f: flat + s}) for s in sign * step * np.eye(flat.shape[1])], axis=1)
            for sign in (1, -1)
        )
    np.testing.assert_allclose(gradient, ((above - below) * smooth).sum(axis=2) / (2.0 * step), atol=3e-3)


@pytest.mark.parametrize("dist", RANDOM, ids=repr)
@pytest.mark.parametrize("method", ["sample", "sample_prior"])
def test_seeds(dist, method):
    def draw(seed):
        return getattr(dist, method)(64 if method == "sample_prior" else dist.prior_dist_info(64), seed)

    def build():
        pair = tf.constant([7, 8])
        return [draw(seed) for seed in (7, np.int32(7), pair, pair, 8, tf.constant([8, 8], tf.int64), None, None)]

    first, second = evaluate(build, runs=2)
    again = evaluate(lambda: [draw(seed) for seed in (7, tf.constant([7, 8]), None)])
    np.testing.assert_array_equal(second[:6], first[:6])
    for one, other in ((0, 1), (2, 3)):
        np.testing.assert_array_equal(first[one], first[other])
    np.testing.assert_array_equal(again[:2], [first[0], first[2]])
    assert all_differ([first[0], first[2], *first[4:], *second[6:], again[2]])


def all_differ(arrays):
    return all(not np.array_equal(a, b) for a, b in itertools.combinations(arrays, 2))


@pytest.mark.parametrize("dist", [Categorical(10), Uniform(2), RANDOM[-1]], ids=repr)
@pytest.mark.parametrize("seed", [None, 7, np.array([7, 8])], ids=["no seed", "int", "pair"])
def test_equal_factors_draw_different_numbers(dist, seed):
    product = Product([dist, Product([dist, dist])])
    draws = evaluate(lambda: (product.sample_prior(64, seed), product.sample(product.prior_dist_info(64), seed)))
    for x in draws:
        assert all_differ(np.split(x, 3, axis=1))


@pytest.mark.parametrize("concentration", [0.0, 1e-3, 0.5, 4.0, 100.0, 1e4])
def test_shape_of_angles(concentration):
    def build(mean):
        return Circular().sample({"mean": mean, "concentration": tf.fill(tf.shape(mean), concentration)}, seed=4)

    x = evaluate(build, np.full([DRAWS, 1], 0.75, np.float32))
    assert (np.abs(x) <= 1.0).all()
    turned = np.angle(np.exp(1j * np.pi * (x.ravel().astype(np.float64) - 0.75)))
    assert stats.kstest(turned, stats.vonmises(max(concentration, 1e-12)).cdf).pvalue > FALSE_ALARM_RATE


def test_the_ends_of_an_angle_are_one():
    x = np.array([[-1.0], [-0.5], [0.0], [1.0]], np.float32)
    compare(evaluate(Circular().embed, x), [[-1.0, 0.0], [0.0, -1.0], [1.0, 0.0], [-1.0, 0.0]])
    flat = make_flat(Circular(), rows=4)
    first, last = (
        evaluate(lambda f, x=v: Circular().logli(x + 0.0 * f[:, :1], Circular().activate_dist(f)), flat)
        for v in (-1.0, 1.0)
    )
    compare(first, last)


ON_ALL_CORES = """
import os
os.sched_setaffinity(0, range(os.cpu_count()))  # tests have one core each
from infogan.distributions import Categorical, seed_pair
from infogan.system.tf1 import tf
with tf.Session() as session:
    drawn = tf.argmax(Categorical(10).sample_prior(5000, 3), axis=1)
    one_row = tf.random.stateless_categorical(tf.zeros([1, 10]), 5000, seed_pair(3))[0]
    drawn, one_row = session.run([drawn, one_row])
assert (drawn == one_row).all(), (drawn != one_row).mean()
"""


def test_categories_do_not_depend_on_the_number_of_threads():
    """TensorFlow's own draws do, but for those of one row, which one thread makes."""
    run_python(ON_ALL_CORES)


# Products.


def test_a_product_embeds_its_angles_alone():
    product, x = Product([Uniform(2), Product([Circular(), Categorical(2)])]), np.array([[0.1, 0.2, 0.5, 0.0, 1.0]])
    compare(evaluate(product.embed, x), [[0.1, 0.2, 0.0, 1.0, 0.0, 1.0]])


def test_product_takes_apart_and_joins():
    product = Product([Categorical(2), *[Gaussian(1)] * 10, Product([Bernoulli(2), Uniform(1)])])
    flat, x = make_flat(product), make_x(product)

    def build(f, x):
        info = product.activate_dist(f)
        infos, parts = product.split_dist_info(info), product.split_var(x)
        assert product.join_dist_infos(infos) == info
        assert [list(part) for part in infos[:2]] == [["prob", "logits"], ["mean", "stddev", "log_stddev"]]
        flats = product.split_dist_flat(f)
        assert [part.shape[1] for part in parts] == product.dims == [2] + [1] * 10 + [3]
        assert [part.shape[1] for part in flats] == product.dist_flat_dims == [2] + [2] * 10 + [4]
        return tf.concat(flats, axis=1), product.join_vars(parts)

    for actual, expected in zip(evaluate(build, flat, x), (flat, x)):
        np.testing.assert_array_equal(actual, expected)
