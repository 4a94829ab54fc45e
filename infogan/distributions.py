"""Distributions of latent codes and of images, as objects.

A distribution is a value: it knows its dimensions and describes itself without TensorFlow. Its methods build graph
nodes. Parameters of a batch of distributions travel in a `dist_info`, a dict of tensors [B, dim]:

    Categorical               prob                 (+ logits)
    Gaussian, Uniform,
    MeanGaussian              mean, stddev         (+ log_stddev)
    Circular                  mean, concentration  (+ direction)
    Bernoulli, MeanBernoulli  p                    (+ logits)
    Product                   id_<i>_<key> for every key of its i-th factor

The keys in brackets are added by `activate_dist`. Where they are present they are used in place of the
probabilities, so log-likelihoods and gradients stay finite for network outputs of +-50; a `dist_info` without them
is clipped at TINY before a logarithm is taken.

Public names follow the authors' code (openai/InfoGAN, infogan/misc/distributions.py), whose users look for them, also
where this package itself does not call them (`kl`, `marginal_entropy`, ...). Log-likelihoods, entropies and
divergences are in nats and have shape [B]. Batch sizes may be unknown (None) when the graph is built.

Seeds: wherever `seed` is taken it is None (fresh numbers in every session run), an int, or an integer tensor of
shape [2]; the latter two always draw the same numbers.
"""

import dataclasses
import math
import numbers
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from infogan.system.checks import SWITCH, Checked, instance, setting, several, whole
from infogan.system.tf1 import Tensor, tf

DistInfo = dict[str, Tensor]
"""Parameters of a batch of distributions by key: tensors [B, dim], or arrays where they were fetched."""
Seed = int | Tensor | None

DIM = whole(1)

TINY = 1e-8
LOG_2PI = math.log(2.0 * math.pi)
KINDS = ("categorical", "binary", "continuous", "circular")
"""What a code can be; each family says which of these its codes are."""
DISCRETE = ("categorical", "binary")
PROPOSALS = 40
"""Of a von Mises sample: each is accepted with a probability of at least 0.65 (Best and Fisher 1979)."""
LEAST_CONCENTRATION = 1e-6
"""Of a von Mises sample: less cannot be told from a uniform angle in float32."""


def seed_pair(seed: Seed) -> Tensor:
    """The seed of a stateless draw, from None, an int or a tensor [2]."""
    if seed is None:
        return tf.random.uniform([2], tf.int32.min, tf.int32.max, tf.int32)
    if isinstance(seed, numbers.Integral):
        return tf.constant([seed, 0], tf.int64)
    return seed


def _sum_last(values: Tensor) -> Tensor:
    return tf.reduce_sum(values, axis=-1)


def _push_apart(
    first: Tensor, second: Tensor, gap: float | Tensor, inner: float | Tensor = 1.0
) -> tuple[Tensor, Tensor]:
    """`inner` times each, moved by half the gap away from the other."""
    push = 0.5 * gap * tf.sign(first - second)
    return inner * first + push, inner * second - push


def _numbers(count: int) -> str:
    return "a number" if count == 1 else f"{count} numbers"


def _log_of(probability: Tensor) -> Tensor:
    return tf.log(tf.clip_by_value(probability, TINY, 1.0))


class Distribution(Checked):
    """A family of distributions over vectors [dim]; the base class states what every family offers."""

    dim: int
    """Numbers in one sample."""

    kind: ClassVar[str | None] = None
    """What a code of this family is, one of KINDS; None for a family that codes cannot be of."""

    prior_name: ClassVar[str | None] = None
    """What `with_prior` calls the prior of a family that has others to choose from."""

    pixel_range: ClassVar[tuple[float, float]]
    """Least and greatest number in a sample, black and white: a family whose samples are images has it."""

    @property
    def is_discrete(self) -> bool:
        """True where a sample is one of finitely many vectors."""
        return self.kind in DISCRETE

    @property
    def effective_dim(self) -> int:
        """Dimensions that can vary freely: 1 for a one-hot vector, `dim` for independent numbers."""
        return self.dim

    @property
    def dist_flat_dim(self) -> int:
        """Network outputs that `activate_dist` needs for one distribution."""
        return self.dim

    @property
    def dist_info_keys(self) -> list[str]:
        """Keys that every `dist_info` of this family holds."""
        raise NotImplementedError

    @property
    def prior_entropy(self) -> float:
        """Entropy H(c) of the prior in nats, a float; differential for continuous families."""
        raise NotImplementedError

    @property
    def prior_in_words(self) -> str:
        """The prior of one sample, for people."""
        return repr(self)

    @property
    def information_range(self) -> tuple[float, float] | None:
        """L_I in nats of a code of which Q knows nothing, and of one of which it knows all; None where unknown."""
        return (0.0, self.prior_entropy) if self.is_discrete else None

    def embed(self, x: Tensor) -> Tensor:
        """What G is given for samples x [B, dim]: x itself, unless a family says otherwise; [B, any]."""
        return x

    def sweep(self, columns: int, limit: float) -> np.ndarray:
        """Values that show what a code does, one a row, from low to high.

        Args:
          columns: how many values a continuous code gets; a discrete one gets each of its values once.
          limit: continuous codes run from -limit to limit, or as far of that as their prior reaches.

        Returns:
          float32 array [values, dim].
        """
        return np.repeat(np.linspace(-limit, limit, columns, dtype=np.float32)[:, None], self.dim, axis=1)

    @property
    def number_of_values(self) -> int | None:
        """How many values a discrete code has; None for a continuous one."""
        return len(self.sweep(1, 1.0)) if self.is_discrete else None

    def value_vectors(self, values: np.ndarray) -> np.ndarray:
        """The samples that are meant by values of a code.

        Args:
          values: array [...]; of a discrete family ints, which count its values from 0 in the order of `sweep`.

        Returns:
          float32 array [..., dim].
        """
        return self.sweep(1, 1.0)[values] if self.is_discrete else np.asarray(values[..., None], np.float32)

    def goes_around(self, values: np.ndarray) -> bool:
        """Whether array [N], the values of a sweep in order, ends where it began: whole turns of an angle."""
        return False

    def probabilities(self, dist_info: DistInfo) -> Tensor:
        """The probability of each value of a discrete code: [B, values], an array or a tensor as in `dist_info`."""
        raise NotImplementedError

    def read(self, dist_info: DistInfo) -> np.ndarray:
        """The value of a code that Q's answers mean, as `value_vectors` takes it.

        Args:
          dist_info: dict of arrays [N, dim].

        Returns:
          array [N]: the likeliest value of a discrete code, the middle of a continuous one's distribution.
        """
        return self.probabilities(dist_info).argmax(axis=1)

    def watched(self, dist_info: DistInfo) -> dict[str, Tensor]:
        """Dict of name -> Tensor: what of Q's answers to log the least and the greatest of during training."""
        return {}

    def prior_dist_info(self, batch_size: int | Tensor) -> DistInfo:
        """`dist_info` of the prior, repeated `batch_size` times."""
        raise NotImplementedError

    def activate_dist(self, flat: Tensor) -> DistInfo:
        """Turns network outputs [B, dist_flat_dim] into a `dist_info` that also carries logits or log-deviations."""
        raise NotImplementedError

    def sample(self, dist_info: DistInfo, seed: Seed = None) -> Tensor:
        """Draws one sample [dim] from each distribution of the batch: [B, dim]."""
        raise NotImplementedError

    def sample_prior(self, batch_size: int | Tensor, seed: Seed = None) -> Tensor:
        """Draws [batch_size, dim] from the prior."""
        return self.sample(self.prior_dist_info(batch_size), seed)

    def sample_apart(self, batch_size: int | Tensor, gap: float | Tensor, seed: Seed = None) -> tuple[Tensor, Tensor]:
        """Draws pairs of samples that are not the same, [batch_size, dim] each.

        Args:
          batch_size: how many pairs.
          gap: scalar, the least distance of two numbers, from 0 to 2, the length of [-1, 1]; of two angles it is half
            of that. Two values of a discrete family differ, whatever it is.
          seed: as everywhere.
        """
        first, second = self._sample_two(batch_size, seed)
        return (first, second) if self.is_discrete else _push_apart(first, second, gap)

    def _sample_two(self, batch_size: int | Tensor, seed: Seed) -> tuple[Tensor, Tensor]:
        """Two samples of the prior, [batch_size, dim] each; of a discrete family the second is one of the others."""
        seeds = [tf.random.experimental.stateless_fold_in(seed_pair(seed), number) for number in (0, 1)]
        first = self.sample_prior(batch_size, seeds[0])
        if not self.is_discrete:
            return first, self.sample_prior(batch_size, seeds[1])
        count = self.number_of_values or 1
        steps = tf.random.stateless_uniform([batch_size], seeds[1], 1, max(count, 2), tf.int64)
        return first, self._value_at((self._number_of(first) + steps) % count)  # a single value stays itself

    def _number_of(self, x: Tensor) -> Tensor:
        """Which of a discrete family's values each of x [B, dim] is, in the order of `sweep`: int64 [B]."""
        return tf.argmin(tf.reduce_sum(tf.abs(x[:, None] - self.sweep(1, 1.0)), axis=2), axis=1)

    def _value_at(self, numbers: Tensor) -> Tensor:
        """The samples [B, dim] of such numbers."""
        return tf.gather(self.sweep(1, 1.0), numbers)

    def logli(self, x: Tensor, dist_info: DistInfo) -> Tensor:
        """log p(x | dist_info) of samples x [B, dim]: [B]."""
        raise NotImplementedError

    def logli_prior(self, x: Tensor) -> Tensor:
        """log p(x) of samples x [B, dim] under the prior: [B]."""
        return self.logli(x, self.prior_dist_info(tf.shape(x)[0]))

    def nonreparam_logli(self, x: Tensor, dist_info: DistInfo) -> Tensor:
        """The part of `logli` through which a sample carries no gradient, for score-function estimators: [B].

        The whole log-likelihood for discrete samples, zero for reparametrised ones.
        """
        raise NotImplementedError

    def kl(self, p: DistInfo, q: DistInfo) -> Tensor:
        """KL(p || q) between two `dist_info` batches: [B]."""
        raise NotImplementedError

    def kl_prior(self, dist_info: DistInfo) -> Tensor:
        """KL(dist_info || prior): [B]."""
        first = dist_info[self.dist_info_keys[0]]
        return self.kl(dist_info, self.prior_dist_info(tf.shape(first)[0]))

    def entropy(self, dist_info: DistInfo) -> Tensor:
        """Entropy of each distribution of the batch: [B]."""
        raise NotImplementedError

    def marginal_entropy(self, dist_info: DistInfo) -> Tensor:
        """Entropy of the batch's average distribution, dimension by dimension, repeated for each element: [B]."""
        raise NotImplementedError

    def marginal_logli(self, x: Tensor, dist_info: DistInfo) -> Tensor:
        """log-likelihood of x [B, dim] under the batch's average distribution, dimension by dimension: [B]."""
        raise NotImplementedError


@dataclasses.dataclass(frozen=True)
class Categorical(Distribution):
    """One of `dim` categories, as a one-hot vector; the prior is uniform."""

    dim: int = setting(DIM, "how many categories there are")
    kind: ClassVar[str | None] = "categorical"

    @property
    def effective_dim(self) -> int:
        return 1

    @property
    def dist_info_keys(self) -> list[str]:
        return ["prob"]

    @property
    def prior_entropy(self) -> float:
        return math.log(self.dim)

    @property
    def prior_in_words(self) -> str:
        return f"uniform over {self.dim} categories"

    def sweep(self, columns: int, limit: float) -> np.ndarray:
        return np.eye(self.dim, dtype=np.float32)

    @property
    def number_of_values(self) -> int | None:
        return self.dim

    def value_vectors(self, values: np.ndarray) -> np.ndarray:
        # Not rows of `sweep`: of 100,000 categories it has 40 GB.
        vectors = np.zeros((*values.shape, self.dim), np.float32)
        np.put_along_axis(vectors, values[..., None], 1.0, axis=-1)
        return vectors

    def _number_of(self, x: Tensor) -> Tensor:
        return tf.argmax(x, axis=1)

    def _value_at(self, numbers: Tensor) -> Tensor:
        return tf.one_hot(numbers, self.dim)

    def probabilities(self, dist_info: DistInfo) -> Tensor:
        return dist_info["prob"]

    def prior_dist_info(self, batch_size: int | Tensor) -> DistInfo:
        return {"prob": tf.fill([batch_size, self.dim], 1.0 / self.dim)}

    def activate_dist(self, flat: Tensor) -> DistInfo:
        return {"prob": tf.nn.softmax(flat), "logits": flat}

    def sample(self, dist_info: DistInfo, seed: Seed = None) -> Tensor:
        # What tf.random.stateless_categorical draws with one thread: with more it draws other numbers, once there are
        # some hundred rows.
        log_prob = tf.cast(self._log_prob(dist_info), tf.float64)
        bounds = tf.cumsum(tf.exp(log_prob - tf.reduce_max(log_prob, axis=1, keepdims=True)), axis=1)  # [B, dim]
        drawn = tf.random.stateless_uniform(tf.shape(bounds)[:1], seed_pair(seed), dtype=tf.float64)
        is_below = bounds[:, :-1] <= drawn[:, None] * bounds[:, -1:]
        return tf.one_hot(tf.reduce_sum(tf.cast(is_below, tf.int32), axis=1), self.dim)

    def logli(self, x: Tensor, dist_info: DistInfo) -> Tensor:
        return _sum_last(self._log_prob(dist_info) * x)

    def nonreparam_logli(self, x: Tensor, dist_info: DistInfo) -> Tensor:
        return self.logli(x, dist_info)

    def kl(self, p: DistInfo, q: DistInfo) -> Tensor:
        return _sum_last(p["prob"] * (self._log_prob(p) - self._log_prob(q)))

    def entropy(self, dist_info: DistInfo) -> Tensor:
        return -_sum_last(dist_info["prob"] * self._log_prob(dist_info))

    def marginal_entropy(self, dist_info: DistInfo) -> Tensor:
        return self.entropy(self._average(dist_info))

    def marginal_logli(self, x: Tensor, dist_info: DistInfo) -> Tensor:
        return self.logli(x, self._average(dist_info))

    def _log_prob(self, dist_info: DistInfo) -> Tensor:
        if "logits" in dist_info:
            return tf.nn.log_softmax(dist_info["logits"])
        return _log_of(dist_info["prob"])

    def _average(self, dist_info: DistInfo) -> DistInfo:
        prob = dist_info["prob"]
        return {"prob": tf.zeros_like(prob) + tf.reduce_mean(prob, axis=0, keepdims=True)}


@dataclasses.dataclass(frozen=True)
class GaussianPosterior(Distribution):
    """Numbers of which Q's answers are independent normal distributions; a subclass says what the prior is.

    Args:
      dim: numbers in one sample.
      fix_std: True fixes the deviation that `activate_dist` gives to 1; False learns it as
        stddev = sqrt(exp(output)) = exp(output / 2).
    """

    dim: int = setting(DIM, "numbers in one sample")
    fix_std: bool = setting(
        SWITCH, "True fixes the deviation of `activate_dist` to 1; False: stddev = exp(output / 2)", False
    )
    kind: ClassVar[str | None] = "continuous"

    @property
    def dist_flat_dim(self) -> int:
        return 2 * self.dim

    @property
    def dist_info_keys(self) -> list[str]:
        return ["mean", "stddev"]

    @property
    def prior_variance(self) -> float:
        """Variance of each number under the prior, a float."""
        raise NotImplementedError

    @property
    def information_range(self) -> tuple[float, float] | None:
        if not self.fix_std:  # no bound: Q may be ever surer
            return None
        nothing, everything = (
            self.prior_entropy - 0.5 * self.dim * (LOG_2PI + error) for error in (self.prior_variance, 0.0)
        )
        return nothing, everything

    def with_prior(self, name: str) -> "GaussianPosterior":
        """The distribution with the same posterior and the prior "uniform" or "gaussian"."""
        return {family.prior_name: family for family in (Uniform, Gaussian)}[name](self.dim, self.fix_std)

    def read(self, dist_info: DistInfo) -> np.ndarray:
        return dist_info["mean"][:, 0]

    def watched(self, dist_info: DistInfo) -> dict[str, Tensor]:
        return {"stddev": dist_info["stddev"]}

    def activate_dist(self, flat: Tensor) -> DistInfo:
        mean = flat[:, : self.dim]
        log_stddev = tf.zeros_like(mean) if self.fix_std else 0.5 * flat[:, self.dim :]
        return {"mean": mean, "stddev": tf.exp(log_stddev), "log_stddev": log_stddev}

    def sample(self, dist_info: DistInfo, seed: Seed = None) -> Tensor:
        noise = tf.random.stateless_normal(tf.shape(dist_info["mean"]), seed_pair(seed))
        return dist_info["mean"] + noise * dist_info["stddev"]

    def logli(self, x: Tensor, dist_info: DistInfo) -> Tensor:
        return _sum_last(self._log_density(x, dist_info["mean"], self._log_stddev(dist_info)))

    def nonreparam_logli(self, x: Tensor, dist_info: DistInfo) -> Tensor:
        return tf.zeros_like(x[:, 0])

    def kl(self, p: DistInfo, q: DistInfo) -> Tensor:
        log_p, log_q = self._log_stddev(p), self._log_stddev(q)
        distance = (p["mean"] - q["mean"]) * tf.exp(-log_q)
        return _sum_last(log_q - log_p + 0.5 * (tf.exp(2.0 * (log_p - log_q)) + tf.square(distance) - 1.0))

    def entropy(self, dist_info: DistInfo) -> Tensor:
        return _sum_last(self._log_stddev(dist_info) + 0.5 * (LOG_2PI + 1.0))

    def marginal_entropy(self, dist_info: DistInfo) -> Tensor:
        raise NotImplementedError(
            f"{type(self).__name__}.marginal_entropy: the average of a batch of Gaussians is a mixture, whose entropy "
            "has no closed form. Average -marginal_logli over samples instead."
        )

    def marginal_logli(self, x: Tensor, dist_info: DistInfo) -> Tensor:
        log_density = self._log_density(x[:, None], dist_info["mean"][None], self._log_stddev(dist_info)[None])
        batch_size = tf.cast(tf.shape(dist_info["mean"])[0], x.dtype)
        return _sum_last(tf.reduce_logsumexp(log_density, axis=1) - tf.log(batch_size))

    def _log_stddev(self, dist_info: DistInfo) -> Tensor:
        if "log_stddev" in dist_info:
            return dist_info["log_stddev"]
        return tf.log(tf.maximum(dist_info["stddev"], TINY))

    def _log_density(self, x: Tensor, mean: Tensor, log_stddev: Tensor) -> Tensor:
        return -0.5 * (LOG_2PI + tf.square((x - mean) * tf.exp(-log_stddev))) - log_stddev


@dataclasses.dataclass(frozen=True)
class Gaussian(GaussianPosterior):
    """Independent normal numbers; the prior is N(0, 1)."""

    prior_name: ClassVar[str | None] = "gaussian"
    prior_variance: ClassVar[float] = 1.0

    @property
    def prior_entropy(self) -> float:
        return 0.5 * self.dim * (LOG_2PI + 1.0)

    @property
    def prior_in_words(self) -> str:
        return f"{_numbers(self.dim)} from N(0, 1)"

    def prior_dist_info(self, batch_size: int | Tensor) -> DistInfo:
        return {"mean": tf.zeros([batch_size, self.dim]), "stddev": tf.ones([batch_size, self.dim])}


@dataclasses.dataclass(frozen=True)
class Uniform(GaussianPosterior):
    """Independent numbers, uniform on [-1, 1] a priori, with a Gaussian posterior (paper, Appendix C).

    DEVIATION: the authors' code gives this prior the density and the entropy of N(0, 1); here they are those of
    U(-1, 1), so the logged mutual information is right.
    """

    prior_name: ClassVar[str | None] = "uniform"
    prior_variance: ClassVar[float] = 1.0 / 3.0

    @property
    def prior_entropy(self) -> float:
        return self.dim * math.log(2.0)

    @property
    def prior_in_words(self) -> str:
        return f"{_numbers(self.dim)} uniform on [-1, 1]"

    def prior_dist_info(self, batch_size: int | Tensor) -> DistInfo:
        """Mean 0 and deviation 1/sqrt(3): the moments of U(-1, 1), itself no member of the posterior family."""
        shape = [batch_size, self.dim]
        return {"mean": tf.zeros(shape), "stddev": tf.fill(shape, math.sqrt(self.prior_variance))}

    def sample_prior(self, batch_size: int | Tensor, seed: Seed = None) -> Tensor:
        return tf.random.stateless_uniform([batch_size, self.dim], seed_pair(seed), -1.0, 1.0)

    def sample_apart(self, batch_size: int | Tensor, gap: float | Tensor, seed: Seed = None) -> tuple[Tensor, Tensor]:
        """As InfoGAN-CR draws them (arXiv:1906.06034): on [-1 + gap / 2, 1 - gap / 2], then pushed apart by gap / 2."""
        first, second = self._sample_two(batch_size, seed)
        return _push_apart(first, second, gap, inner=1.0 - 0.5 * gap)

    def logli_prior(self, x: Tensor) -> Tensor:
        """-dim * ln 2 inside [-1, 1]^dim, minus infinity outside."""
        inside = tf.reduce_all(tf.abs(x) <= 1.0, axis=-1)
        zeros = tf.zeros_like(x[:, 0])
        return tf.where(inside, zeros - self.prior_entropy, zeros - math.inf)

    def kl_prior(self, dist_info: DistInfo) -> Tensor:
        raise NotImplementedError(
            "Uniform.kl_prior: a Gaussian posterior has mass outside [-1, 1], so its divergence from the uniform prior "
            "is infinite. Use logli of samples of the prior, as L_I does."
        )


@dataclasses.dataclass(frozen=True)
class Circular(Distribution):
    """An angle in half turns, from -1 to 1, which are the same; uniform a priori, with a von Mises posterior.

    For a factor that goes around, as the azimuth of an object: a number on a line has to cut the circle somewhere, or
    to fold it. G is given (cos, sin) of the angle, and Q's outputs are concentration * (cos, sin) of the mean. The
    paper has no such code. Densities are those of the number of half turns.
    """

    dim: ClassVar[int] = 1  # type: ignore[misc]  # a ClassVar makes it no field, as is meant
    kind: ClassVar[str | None] = "circular"

    @property
    def dist_flat_dim(self) -> int:
        return 2

    @property
    def dist_info_keys(self) -> list[str]:
        return ["mean", "concentration"]

    @property
    def prior_entropy(self) -> float:
        return math.log(2.0)

    @property
    def prior_in_words(self) -> str:
        return "an angle, uniform from -1 to 1 half turns"

    def embed(self, x: Tensor) -> Tensor:
        """(cos, sin) of the angles x [B, 1]: [B, 2]."""
        return tf.concat([tf.cos(math.pi * x), tf.sin(math.pi * x)], axis=1)

    def sweep(self, columns: int, limit: float) -> np.ndarray:
        return super().sweep(columns, min(limit, 1.0))

    def goes_around(self, values: np.ndarray) -> bool:
        turns = abs(values[-1] - values[0]) / 2.0
        return turns > 0.5 and np.isclose(turns, np.round(turns))

    def read(self, dist_info: DistInfo) -> np.ndarray:
        return dist_info["mean"][:, 0]

    def prior_dist_info(self, batch_size: int | Tensor) -> DistInfo:
        return {"mean": tf.zeros([batch_size, 1]), "concentration": tf.zeros([batch_size, 1])}

    def activate_dist(self, flat: Tensor) -> DistInfo:
        # A square root has no gradient at 0.
        concentration = tf.sqrt(tf.reduce_sum(tf.square(flat), axis=1, keepdims=True) + TINY**2)
        return {
            "mean": tf.atan2(flat[:, 1:], flat[:, :1]) / math.pi,
            "concentration": concentration,
            "direction": flat,
        }

    def sample(self, dist_info: DistInfo, seed: Seed = None) -> Tensor:
        """By rejection from a wrapped Cauchy distribution (Best and Fisher 1979); carries no gradient."""
        mean = dist_info["mean"]
        concentration = tf.maximum(dist_info["concentration"], LEAST_CONCENTRATION)
        shape = tf.concat([[3, PROPOSALS], tf.shape(mean)], axis=0)
        place, height, side = tf.unstack(tf.random.stateless_uniform(shape, seed_pair(seed), TINY, 1.0))
        # Their formulas, written so that neither small nor large concentrations cancel.
        root = tf.sqrt(1.0 + tf.sqrt(1.0 + 4.0 * tf.square(concentration)))
        decay = 2.0 * concentration / (root * (root + math.sqrt(2.0)))
        excess = tf.square(1.0 - decay) / (2.0 * decay)
        cosine = tf.cos(math.pi * place)
        drop = excess * (1.0 - cosine) / (1.0 + excess + cosine)  # 1 - cos of the proposed angle
        surplus = concentration * (excess + drop)
        first = tf.argmax(tf.cast(tf.log(surplus / height) + 1.0 - surplus >= 0.0, tf.int32), axis=0)
        angle = tf.sign(side - 0.5) * 2.0 * tf.asin(tf.sqrt(tf.clip_by_value(0.5 * drop, 0.0, 1.0)))
        angle = tf.reduce_sum(angle * tf.one_hot(first, PROPOSALS, axis=0), axis=0)
        return tf.stop_gradient(tf.floormod(mean + angle / math.pi + 1.0, 2.0) - 1.0)

    def sample_prior(self, batch_size: int | Tensor, seed: Seed = None) -> Tensor:
        return tf.random.stateless_uniform([batch_size, 1], seed_pair(seed), -1.0, 1.0)

    def sample_apart(self, batch_size: int | Tensor, gap: float | Tensor, seed: Seed = None) -> tuple[Tensor, Tensor]:
        first, second = self._sample_two(batch_size, seed)
        least = 0.5 * gap
        turn = least + (1.0 - least) * (second + 1.0)  # uniform from `least` on either side
        return first, tf.floormod(first + turn + 1.0, 2.0) - 1.0

    def logli(self, x: Tensor, dist_info: DistInfo) -> Tensor:
        concentration = dist_info["concentration"]
        if "direction" in dist_info:
            agreement = tf.reduce_sum(self.embed(x) * dist_info["direction"], axis=1, keepdims=True)
        else:
            agreement = concentration * tf.cos(math.pi * (x - dist_info["mean"]))
        return _sum_last(agreement - self._log_normaliser(concentration))

    def nonreparam_logli(self, x: Tensor, dist_info: DistInfo) -> Tensor:
        return self.logli(x, dist_info)

    def kl(self, p: DistInfo, q: DistInfo) -> Tensor:
        agreement = q["concentration"] * tf.cos(math.pi * (p["mean"] - q["mean"]))
        gain = self._resultant(p["concentration"]) * (p["concentration"] - agreement)
        return _sum_last(gain - self._log_normaliser(p["concentration"]) + self._log_normaliser(q["concentration"]))

    def entropy(self, dist_info: DistInfo) -> Tensor:
        concentration = dist_info["concentration"]
        return _sum_last(self._log_normaliser(concentration) - concentration * self._resultant(concentration))

    def marginal_entropy(self, dist_info: DistInfo) -> Tensor:
        raise NotImplementedError(
            "Circular.marginal_entropy: the average of a batch is a mixture, whose entropy has no closed form. Average "
            "-marginal_logli over samples instead."
        )

    def marginal_logli(self, x: Tensor, dist_info: DistInfo) -> Tensor:
        mean, concentration = dist_info["mean"][None], dist_info["concentration"][None]
        log_density = concentration * tf.cos(math.pi * (x[:, None] - mean)) - self._log_normaliser(concentration)
        batch_size = tf.cast(tf.shape(dist_info["mean"])[0], x.dtype)
        return _sum_last(tf.reduce_logsumexp(log_density, axis=1) - tf.log(batch_size))

    def _log_normaliser(self, concentration: Tensor) -> Tensor:
        """log of the integral of exp(concentration cos(pi c)) over c from -1 to 1."""
        return math.log(2.0) + tf.log(tf.math.bessel_i0e(concentration)) + concentration

    def _resultant(self, concentration: Tensor) -> Tensor:
        """E[cos] of the angle about its mean."""
        return tf.math.bessel_i1e(concentration) / tf.math.bessel_i0e(concentration)


@dataclasses.dataclass(frozen=True)
class MeanGaussian(Gaussian):
    """Gaussian of unit deviation around tanh(output) whose sample is its mean: colours in [-1, 1] with a gradient."""

    kind: ClassVar[str | None] = None  # its samples are no draws
    prior_name: ClassVar[str | None] = None
    fix_std: ClassVar[bool] = True  # type: ignore[misc]  # a ClassVar takes the field away, as is meant
    pixel_range: ClassVar[tuple[float, float]] = (-1.0, 1.0)

    @property
    def dist_flat_dim(self) -> int:
        return self.dim

    def activate_dist(self, flat: Tensor) -> DistInfo:
        mean = tf.nn.tanh(flat)
        return {"mean": mean, "stddev": tf.ones_like(mean), "log_stddev": tf.zeros_like(mean)}

    def sample(self, dist_info: DistInfo, seed: Seed = None) -> Tensor:
        return dist_info["mean"]


@dataclasses.dataclass(frozen=True)
class Bernoulli(Distribution):
    """Independent bits; the prior is a fair coin."""

    dim: int = setting(DIM, "how many bits there are")
    kind: ClassVar[str | None] = "binary"

    def sweep(self, columns: int, limit: float) -> np.ndarray:
        return np.repeat(np.array([[0.0], [1.0]], np.float32), self.dim, axis=1)

    def probabilities(self, dist_info: DistInfo) -> Tensor:
        """Of 0 and of 1, for a single bit."""
        return np.array([1.0, 0.0], np.float32) + np.array([-1.0, 1.0], np.float32) * dist_info["p"]

    @property
    def dist_info_keys(self) -> list[str]:
        return ["p"]

    @property
    def prior_entropy(self) -> float:
        return self.dim * math.log(2.0)

    @property
    def prior_in_words(self) -> str:
        return "a fair coin" if self.dim == 1 else f"{self.dim} fair coins"

    def prior_dist_info(self, batch_size: int | Tensor) -> DistInfo:
        return {"p": tf.fill([batch_size, self.dim], 0.5)}

    def activate_dist(self, flat: Tensor) -> DistInfo:
        return {"p": tf.nn.sigmoid(flat), "logits": flat}

    def sample(self, dist_info: DistInfo, seed: Seed = None) -> Tensor:
        p = dist_info["p"]
        return tf.cast(tf.random.stateless_uniform(tf.shape(p), seed_pair(seed)) < p, p.dtype)

    def logli(self, x: Tensor, dist_info: DistInfo) -> Tensor:
        log_p, log_not_p = self._log_probs(dist_info)
        return _sum_last(x * log_p + (1.0 - x) * log_not_p)

    def nonreparam_logli(self, x: Tensor, dist_info: DistInfo) -> Tensor:
        return self.logli(x, dist_info)

    def kl(self, p: DistInfo, q: DistInfo) -> Tensor:
        (log_p, log_not_p), (log_q, log_not_q) = self._log_probs(p), self._log_probs(q)
        return _sum_last(p["p"] * (log_p - log_q) + (1.0 - p["p"]) * (log_not_p - log_not_q))

    def entropy(self, dist_info: DistInfo) -> Tensor:
        log_p, log_not_p = self._log_probs(dist_info)
        return -_sum_last(dist_info["p"] * log_p + (1.0 - dist_info["p"]) * log_not_p)

    def marginal_entropy(self, dist_info: DistInfo) -> Tensor:
        return self.entropy(self._average(dist_info))

    def marginal_logli(self, x: Tensor, dist_info: DistInfo) -> Tensor:
        return self.logli(x, self._average(dist_info))

    def _log_probs(self, dist_info: DistInfo) -> tuple[Tensor, Tensor]:
        """log p and log (1 - p)."""
        if "logits" in dist_info:
            return -tf.nn.softplus(-dist_info["logits"]), -tf.nn.softplus(dist_info["logits"])
        return _log_of(dist_info["p"]), _log_of(1.0 - dist_info["p"])

    def _average(self, dist_info: DistInfo) -> DistInfo:
        p = dist_info["p"]
        return {"p": tf.zeros_like(p) + tf.reduce_mean(p, axis=0, keepdims=True)}


@dataclasses.dataclass(frozen=True)
class MeanBernoulli(Bernoulli):
    """Bernoulli whose sample is its mean p: grey pixels in [0, 1] that carry a gradient."""

    kind: ClassVar[str | None] = None  # its samples are no draws
    pixel_range: ClassVar[tuple[float, float]] = (0.0, 1.0)

    def sample(self, dist_info: DistInfo, seed: Seed = None) -> Tensor:
        return dist_info["p"]

    def nonreparam_logli(self, x: Tensor, dist_info: DistInfo) -> Tensor:
        return tf.zeros_like(x[:, 0])


@dataclasses.dataclass(frozen=True)
class Product(Distribution):
    """Independent factors, concatenated. Quantities in nats are sums over the factors.

    Args:
      dists: the factors, a sequence of distributions.
    """

    dists: Sequence[Distribution] = setting(
        several(instance(Distribution, "a distribution"), "a list of distributions"), "the factors"
    )

    @property
    def dim(self) -> int:  # type: ignore[override]  # a field elsewhere: nobody sets it there either
        return sum(self.dims)

    @property
    def dims(self) -> list[int]:
        """Numbers in a sample of each factor."""
        return [dist.dim for dist in self.dists]

    @property
    def effective_dim(self) -> int:
        return sum(dist.effective_dim for dist in self.dists)

    @property
    def is_discrete(self) -> bool:
        return all(dist.is_discrete for dist in self.dists)

    @property
    def dist_flat_dim(self) -> int:
        return sum(self.dist_flat_dims)

    @property
    def dist_flat_dims(self) -> list[int]:
        """Network outputs for each factor."""
        return [dist.dist_flat_dim for dist in self.dists]

    @property
    def dist_info_keys(self) -> list[str]:
        return [f"id_{index}_{key}" for index, dist in enumerate(self.dists) for key in dist.dist_info_keys]

    @property
    def prior_entropy(self) -> float:
        return sum(dist.prior_entropy for dist in self.dists)

    def sweep(self, columns: int, limit: float) -> np.ndarray:
        raise NotImplementedError("Product.sweep: several factors have no common order. Sweep each factor.")

    def embed(self, x: Tensor) -> Tensor:
        return tf.concat([dist.embed(part) for dist, part in zip(self.dists, self.split_var(x))], axis=1)

    def split_var(self, x: Tensor) -> list[Tensor]:
        """Splits samples [B, dim] into one tensor per factor."""
        return tf.split(x, self.dims, axis=1)

    def join_vars(self, xs: Sequence[Tensor]) -> Tensor:
        """Concatenates one tensor per factor into samples [B, dim]."""
        return tf.concat(xs, axis=1)

    def split_dist_flat(self, flat: Tensor) -> list[Tensor]:
        """Splits network outputs [B, dist_flat_dim] into one tensor per factor."""
        return tf.split(flat, self.dist_flat_dims, axis=1)

    def split_dist_info(self, dist_info: DistInfo) -> list[DistInfo]:
        """Splits a `dist_info` into one per factor."""
        infos = []
        for index in range(len(self.dists)):
            prefix = f"id_{index}_"
            infos.append({k[len(prefix) :]: v for k, v in dist_info.items() if k.startswith(prefix)})
        return infos

    def join_dist_infos(self, dist_infos: Sequence[DistInfo]) -> DistInfo:
        """Joins one `dist_info` per factor."""
        return {f"id_{i}_{key}": value for i, info in enumerate(dist_infos) for key, value in info.items()}

    def prior_dist_info(self, batch_size: int | Tensor) -> DistInfo:
        return self.join_dist_infos([dist.prior_dist_info(batch_size) for dist in self.dists])

    def activate_dist(self, flat: Tensor) -> DistInfo:
        flats = self.split_dist_flat(flat)
        return self.join_dist_infos([dist.activate_dist(part) for dist, part in zip(self.dists, flats)])

    def sample(self, dist_info: DistInfo, seed: Seed = None) -> Tensor:
        infos, seeds = self.split_dist_info(dist_info), self._seeds(seed)
        return self.join_vars([dist.sample(info, own) for dist, info, own in zip(self.dists, infos, seeds)])

    def sample_prior(self, batch_size: int | Tensor, seed: Seed = None) -> Tensor:
        return self.join_vars([dist.sample_prior(batch_size, s) for dist, s in zip(self.dists, self._seeds(seed))])

    def logli(self, x: Tensor, dist_info: DistInfo) -> Tensor:
        return self._sum("logli", self.split_var(x), self.split_dist_info(dist_info))

    def logli_prior(self, x: Tensor) -> Tensor:
        return self._sum("logli_prior", self.split_var(x))

    def nonreparam_logli(self, x: Tensor, dist_info: DistInfo) -> Tensor:
        return self._sum("nonreparam_logli", self.split_var(x), self.split_dist_info(dist_info))

    def kl(self, p: DistInfo, q: DistInfo) -> Tensor:
        return self._sum("kl", self.split_dist_info(p), self.split_dist_info(q))

    def kl_prior(self, dist_info: DistInfo) -> Tensor:
        return self._sum("kl_prior", self.split_dist_info(dist_info))

    def entropy(self, dist_info: DistInfo) -> Tensor:
        return self._sum("entropy", self.split_dist_info(dist_info))

    def marginal_entropy(self, dist_info: DistInfo) -> Tensor:
        """Sum of the factors' marginal entropies: an upper bound on the entropy of the average distribution."""
        return self._sum("marginal_entropy", self.split_dist_info(dist_info))

    def marginal_logli(self, x: Tensor, dist_info: DistInfo) -> Tensor:
        return self._sum("marginal_logli", self.split_var(x), self.split_dist_info(dist_info))

    def _sum(self, method: str, *parts: Sequence[Any]) -> Tensor:
        return tf.add_n([getattr(dist, method)(*args) for dist, *args in zip(self.dists, *parts)])

    def _seeds(self, seed: Seed) -> list[Seed]:
        """A seed of its own for each factor: equal factors must not draw equal numbers."""
        if seed is None:
            return [None] * len(self.dists)
        return [tf.random.experimental.stateless_fold_in(seed_pair(seed), i) for i in range(len(self.dists))]
