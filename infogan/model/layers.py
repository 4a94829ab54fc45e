"""Layers of the paper's tables and of residual networks over `tf.layers`, and `Network`, a chain of them.

A `Row` such as `conv(64)` describes a layer, or as `residual(...)` a block. `Network` builds it with a name and a seed
of its own: the default initialisers of `tf.layers` ignore the graph's seed. The layer classes of
`tf.layers` are used, not its functions: they are the same code without the deprecation warnings.

Initial values follow the authors' code (the paper gives none): convolutions truncated normal, dense layers and
up-convolutions normal, deviation 0.02; batch norm's scale N(1, 0.02); biases 0.
"""

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from infogan.model.replicas import count_replicas, gather_from_replicas, sum_over_replicas
from infogan.system.tf1 import Operation, Tensor, Variable, derive_seed, tf

KERNEL = 4
"""Height and width of every convolution in the paper's tables."""

INITIAL_DEVIATION = 0.02
BATCH_NORM_EPSILON = 1e-5
BATCH_NORM_DECAY = 0.9
"""Both from the authors' code; the paper names neither."""

REAL, GENERATED = "real", "generated"
"""The two populations of images, whose statistics batch norm keeps apart."""


@dataclasses.dataclass
class Normalisation:
    """How batch norm treats one pass through a network.

    Attributes:
      populations: what the batch is made of: `[REAL]`, `[GENERATED]`, or both, for a batch whose first half is real and
        whose second half is generated. Each part is normalised by itself, with its own moving averages.
      batch_statistics: True normalises by the part's own mean and variance, as in training; False by the moving
        averages, so that an image's result does not depend on its neighbours.
      share: weight of this batch in the moving averages that it moves; a float or a scalar Tensor.
      updates: operations that a pass with batch statistics appends; running them moves the averages.
    """

    populations: list[str]
    batch_statistics: bool
    share: float | Tensor = 1.0 - BATCH_NORM_DECAY
    updates: list[Operation] = dataclasses.field(default_factory=list)

    @property
    def updates_spectra(self) -> bool:
        """Whether spectral normalisation moves on with this pass: in D's step, the one that sees real images."""
        return self.batch_statistics and REAL in self.populations


Layer = Callable[[Tensor, Normalisation], Tensor]


class Place(NamedTuple):
    """Where a row stands in a network, and what it has to know of it.

    Attributes:
      name: variable scope of its layer, below that of the network or block around it.
      path: the network's seed and name and the row's position in it, from which its own seed follows.
      use_bias: whether a bias is of use: batch norm, where it comes next, subtracts the mean and with it any bias.
      spectral_norm: whether kernels are divided by their largest singular value.
    """

    name: str
    path: tuple
    use_bias: bool
    spectral_norm: bool

    @property
    def seed(self) -> int:
        """An int of this place's own."""
        return derive_seed(*self.path)


class Row(NamedTuple):
    """A layer, or a block of layers, that has no place in a network yet.

    Attributes:
      kind: part of the name of its variables.
      build: function of a Place: the layer, a function of (x, normalisation), with `variables` if it has
        any.
      printed: how a table of the paper's would print it, such as "c4s2-64"; "" for a row that no such table has.
    """

    kind: str
    build: Callable[[Place], Layer]
    printed: str = ""


class Network:
    """Layers applied one after another; calling it again reuses its variables.

    Args:
      name: variable scope, unique in its graph.
      seed: int; every layer's initial values follow from it, the name and the layer's position.
      rows: sequence of Row: what `conv`, `dense`, `residual`, ... return, in order.
      spectral_norm: True leaves batch norm out and divides every kernel by its largest singular value.
    """

    def __init__(self, name: str, seed: int, rows: Sequence[Row], spectral_norm: bool = False) -> None:
        self._name = name
        self._layers = _build_layers(rows, (seed, name), spectral_norm)

    def __call__(self, x: Tensor, normalisation: Normalisation) -> Tensor:
        return self.apply(x, normalisation)[0]

    def apply(self, x: Tensor, normalisation: Normalisation) -> tuple[Tensor, Tensor]:
        """The output for x, and what the last layer saw."""
        with tf.variable_scope(self._name, reuse=tf.AUTO_REUSE):
            seen = _apply(self._layers[:-1], x, normalisation)
            return self._layers[-1](seen, normalisation), seen

    @property
    def trainable_variables(self) -> list[Variable]:
        """The weights of all layers; complete once the network has been called."""
        return [variable for variable in self.variables if variable.trainable]

    @property
    def variables(self) -> list[Variable]:
        """The weights, batch norm's averages and the vectors of spectral normalisation, likewise."""
        return _collect_variables(self._layers)


def _build_layers(rows: Sequence[Row], path: tuple, spectral_norm: bool) -> list[Layer]:
    """The layers of rows that follow one another; `path` is that of what holds them."""
    rows = [row for row in rows if not (spectral_norm and row.kind == "batch_norm")]
    next_kinds = [row.kind for row in rows[1:]] + [""]
    return [
        row.build(Place(f"{i}_{row.kind}", (*path, i), next_kind != "batch_norm", spectral_norm))
        for i, (row, next_kind) in enumerate(zip(rows, next_kinds))
    ]


def _apply(layers: Sequence[Layer], x: Tensor, normalisation: Normalisation) -> Tensor:
    for layer in layers:
        x = layer(x, normalisation)
    return x


def _collect_variables(layers: Sequence[Layer]) -> list[Variable]:
    return [variable for layer in layers for variable in getattr(layer, "variables", [])]


class _Weighted:
    """A layer of `tf.layers`, which has no use for the normalisation."""

    def __init__(self, layer: Any) -> None:
        self._layer = layer

    def __call__(self, x: Tensor, normalisation: Normalisation) -> Tensor:
        # Once built, a layer only computes: its `__call__` would lead back to the graph of its second use, which may be
        # a branch or a loop's body.
        return self._layer.call(x) if self._layer.built else self._layer(x)

    @property
    def variables(self) -> list[Variable]:
        return self._layer.variables


def conv(filters: int, stride: int = 2, kernel: int = KERNEL) -> Row:
    """`c4s2-64`: 4x4 convolution, stride 2, 64 channels; [B, H, W, C] -> [B, H/2, W/2, 64]."""
    sizes = filters, kernel, stride, "same"
    printed = f"c{kernel}s{stride}-{filters}"
    return Row("conv", lambda place: _weigh(place, tf.layers.Conv2D, tf.truncated_normal_initializer, *sizes), printed)


def up_conv(filters: int, stride: int = 2, kernel: int = KERNEL) -> Row:
    """`u4s2-64`: 4x4 up-convolution, stride 2, 64 channels; [B, H, W, C] -> [B, 2H, 2W, 64]."""
    sizes = filters, kernel, stride, "same"
    printed = f"u{kernel}s{stride}-{filters}"
    return Row(
        "up_conv",
        lambda place: _weigh(place, tf.layers.Conv2DTranspose, tf.random_normal_initializer, *sizes),
        printed,
    )


def dense(units: int) -> Row:
    """`FC 1024`: [B, N] -> [B, 1024]."""
    printed = f"FC {units}"
    return Row("dense", lambda place: _weigh(place, tf.layers.Dense, tf.random_normal_initializer, units), printed)


def _weigh(place: Place, family: Callable, initializer: Callable, *sizes: Any) -> Layer:
    """A layer of `tf.layers` as a network applies it."""
    initial = initializer(stddev=INITIAL_DEVIATION, seed=place.seed)
    layer = family(*sizes, use_bias=place.use_bias, kernel_initializer=initial, name=place.name)
    return SpectralNorm(layer, derive_seed(*place.path, "u")) if place.spectral_norm else _Weighted(layer)


def residual(*rows: Row, shortcut: Sequence[Row] = ()) -> Row:
    """Residual block: rows(x) + shortcut(x), He et al. 2016 (arXiv:1512.03385), Eq. 1 and 2; [B, ...] -> [B, ...].

    Between a block that ends in a convolution and a `leaky_relu` put batch norm: otherwise TensorFlow 2.21 prints
    "remapper failed", and trains without fusing operations.

    Args:
      rows: Rows, one after another.
      shortcut: sequence of Rows that bring x to the shape of the result; () adds x itself.
    """
    return Row("residual", lambda place: _Residual(place, rows, shortcut))


class _Residual:
    def __init__(self, place: Place, rows: Sequence[Row], shortcut: Sequence[Row]) -> None:
        self._name = place.name
        self._layers = _build_layers(rows, place.path, place.spectral_norm)
        self._shortcut = _build_layers(shortcut, (*place.path, "shortcut"), place.spectral_norm)

    def __call__(self, x: Tensor, normalisation: Normalisation) -> Tensor:
        with tf.variable_scope(self._name):
            y = _apply(self._layers, x, normalisation)
            with tf.variable_scope("shortcut"):
                return y + _apply(self._shortcut, x, normalisation)

    @property
    def variables(self) -> list[Variable]:
        return _collect_variables(self._layers + self._shortcut)


def _function(kind: str, function: Callable[[Tensor], Tensor], printed: str = "") -> Row:
    return Row(kind, lambda place: lambda x, normalisation: function(x), printed)


def relu() -> Row:
    """Rectifier."""
    return _function("relu", lambda x: tf.nn.relu(x), "ReLU")


def leaky_relu(rate: float) -> Row:
    """Rectifier that lets `rate` of a negative input through (paper: 0.1; authors' code: 0.01)."""
    return _function("leaky_relu", lambda x: tf.nn.leaky_relu(x, rate), "lReLU")


def reshape(*shape: int) -> Row:
    """[B, ...] -> [B, *shape]; `reshape(-1)` flattens."""
    return _function("reshape", lambda x: tf.reshape(x, [-1, *shape] if shape != (-1,) else [-1, np.prod(x.shape[1:])]))


def up_sample() -> Row:
    """Each pixel becomes four: [B, H, W, C] -> [B, 2H, 2W, C]."""
    return _function("up_sample", lambda x: tf.depth_to_space(tf.concat([x] * 4, axis=3), 2))


def down_sample() -> Row:
    """The mean of each 2x2 pixels: [B, H, W, C] -> [B, H/2, W/2, C]."""
    return _function("down_sample", lambda x: tf.nn.avg_pool2d(x, 2, 2, "VALID"))


def mean_pool() -> Row:
    """The mean of each channel: [B, H, W, C] -> [B, C]."""
    return _function("mean_pool", lambda x: tf.reduce_mean(x, axis=[1, 2]))


def batch_norm() -> Row:
    """Batch normalisation over all axes but the last."""
    return Row("batch_norm", lambda place: _BatchNorm(place.name, place.seed), "BN")


class _BatchNorm:
    """One scale and offset; moving averages for each population.

    Not `tf.layers.BatchNormalization`, which keeps one pair of averages: D sees real and generated batches, whose
    statistics differ, and a real image must be classified with those of real images.
    """

    def __init__(self, name: str, seed: int) -> None:
        self._name = name
        self._scale_initializer = tf.random_normal_initializer(1.0, INITIAL_DEVIATION, seed=seed)
        self._weights: list[Variable] = []
        self._averages: dict[str, list[Variable]] = {}

    def __call__(self, x: Tensor, normalisation: Normalisation) -> Tensor:
        channels = int(x.shape[-1])
        with tf.variable_scope(self._name):
            scale = tf.get_variable("scale", [channels], initializer=self._scale_initializer)
            offset = tf.get_variable("offset", [channels], initializer=tf.zeros_initializer())
            self._weights = [scale, offset]
            populations = normalisation.populations
            parts = [x] if len(populations) == 1 else tf.split(x, len(populations))  # [B / populations, ...] each
            results = [
                self._normalise(part, scale, offset, population, normalisation)
                for part, population in zip(parts, populations)
            ]
            return results[0] if len(results) == 1 else tf.concat(results, axis=0)

    @property
    def variables(self) -> list[Variable]:
        return [*self._weights, *itertools.chain(*self._averages.values())]

    def _normalise(
        self, x: Tensor, scale: Tensor, offset: Tensor, population: str, normalisation: Normalisation
    ) -> Tensor:
        with tf.variable_scope(population):
            mean = _build_average("mean", scale.shape, tf.zeros_initializer())
            variance = _build_average("variance", scale.shape, tf.ones_initializer())
        self._averages[population] = [mean, variance]
        # [B, H, W, C], or [B, 1, 1, C]. Indices such as [:, None, None, :] would copy all numbers on the way back.
        image = x if x.shape.ndims == 4 else tf.reshape(x, [-1, 1, 1, x.shape[1]])
        if normalisation.batch_statistics:
            y, batch_mean, batch_variance = _normalise_by_batch(image, scale, offset)
            for average, value in ((mean, batch_mean), (variance, batch_variance)):
                normalisation.updates.append(average.assign_sub(normalisation.share * (average - value)))
        else:
            y, _, _ = _fused_batch_norm(image, scale, offset, (mean, variance))
        return y if x.shape.ndims == 4 else tf.reshape(y, [-1, x.shape[1]])


def _build_average(name: str, shape: Any, initializer: Any) -> Variable:
    # Replicas move their averages by the same numbers, so one replica's are everybody's.
    aggregation = tf.VariableAggregation.ONLY_FIRST_REPLICA
    return tf.get_variable(name, shape, initializer=initializer, trainable=False, aggregation=aggregation)


def _normalise_by_batch(image: Tensor, scale: Tensor, offset: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The normalised batch [B, H, W, C], its mean and its unbiased variance [C]; the batch is that of all replicas."""
    y, mean, variance = _fused_batch_norm(image, scale, offset)
    if count_replicas() == 1:
        return y, mean, variance
    own_size = tf.cast(tf.size(image) // tf.size(mean), tf.float32)  # numbers of a channel
    moments = gather_from_replicas(tf.stack([mean, variance * (own_size - 1.0) / own_size]))  # [replicas, 2, C]
    means, variances = tf.unstack(moments, axis=1)  # [replicas, C] each
    mean = tf.reduce_mean(means, axis=0)
    # Sums of squares: a mean of squares less the square of the mean can round to less than 0.
    variance = tf.reduce_mean(variances + tf.math.squared_difference(means, mean), axis=0)
    size = own_size * count_replicas()
    y = tf.custom_gradient(_normalise_by_moments)(image, scale, offset, mean, variance, size)
    return y, mean, variance * size / (size - 1.0)


def _normalise_by_moments(
    image: Tensor, scale: Tensor, offset: Tensor, mean: Tensor, variance: Tensor, size: Tensor
) -> tuple[Tensor, Callable]:
    """Normalises by the moments of all replicas' images, `size` numbers a channel; the gradient counts the moments in.

    With y = scale x' + offset, x' = (x - mean) / deviation: dx = scale / deviation (dy - mean(dy) - x' mean(dy x')),
    the means being those of all replicas (Ioffe and Szegedy 2015, arXiv:1502.03167, Sec. 3).

    Returns:
      The normalised image, and the function that builds its gradients: for `tf.custom_gradient`.
    """
    y, _, _ = _fused_batch_norm(image, scale, offset, (mean, variance))

    def build_gradients(dy: Tensor) -> tuple[Tensor | None, ...]:
        dx, dscale, doffset = tf.gradients(y, [image, scale, offset], dy)  # as if the moments were constants
        factor = scale * tf.rsqrt(variance + BATCH_NORM_EPSILON)
        mean_dy, mean_product = tf.unstack(factor * sum_over_replicas(tf.stack([doffset, dscale])) / size)
        of_moments, _, _ = _fused_batch_norm(image, mean_product, mean_dy, (mean, variance))
        return dx - of_moments, dscale, doffset, None, None, None

    return y, build_gradients


def _fused_batch_norm(
    image: Tensor, scale: Tensor, offset: Tensor, moments: tuple[Tensor | None, Tensor | None] = (None, None)
) -> tuple[Tensor, Tensor, Tensor]:
    """Normalises by the image's own moments, or by a given mean and variance. Keeps float32 in itself at any precision.

    Returns:
      The normalised image, its mean and its unbiased variance [C].
    """
    mean, variance = moments
    return tf.nn.fused_batch_norm(
        image, scale, offset, mean, variance, epsilon=BATCH_NORM_EPSILON, is_training=mean is None
    )


class SpectralNorm:
    """A convolution or dense layer whose kernel W is divided by its largest singular value sigma.

        y = W x / sigma + b,    sigma = v' W u,    v = W u / |W u|,    u <- W' v / |W' v|

    W is the kernel as a matrix [inputs, outputs], a convolution's with its window among the inputs. sigma comes from
    one step of the power iteration (Algorithm 1) from the stored u; no gradient flows through u and v. The stored u
    moves once in a D step and in no G step, like batch norm's averages of real images, and is in the checkpoints.

    Args:
      layer: a layer of `tf.layers` with a kernel.
      seed: int, from which the first u follows.
    """

    def __init__(self, layer: Any, seed: int) -> None:
        self._layer, self._linear = layer, _Weighted(layer)
        self._initializer = tf.random_normal_initializer(seed=seed)
        self._u: Variable | None = None

    def __call__(self, x: Tensor, normalisation: Normalisation) -> Tensor:
        y, bias = self._linear(x, normalisation), self._layer.bias
        sigma = self._measure(normalisation)
        # The layer is linear in its kernel, so its result is scaled in place of the kernel.
        return y / sigma if bias is None else (y - bias) / sigma + bias

    def _measure(self, normalisation: Normalisation) -> Tensor:
        """sigma as a scalar Tensor; in a pass that moves the stored u, its operation is noted."""
        kernel = self._layer.kernel
        outputs = int(kernel.shape[-1])
        matrix = tf.reshape(kernel, [-1, outputs])  # [inputs, outputs]
        if self._u is None:
            with tf.variable_scope(self._layer.name):
                self._u = tf.get_variable(
                    "u",
                    [outputs, 1],
                    initializer=self._initializer,
                    trainable=False,
                    # Every replica finds the same. The mean waits until all have read u, the first one's would not.
                    aggregation=tf.VariableAggregation.MEAN,
                )
        v = tf.stop_gradient(tf.nn.l2_normalize(matrix @ self._u))  # [inputs, 1]
        next_u = tf.stop_gradient(tf.nn.l2_normalize(tf.matmul(matrix, v, transpose_a=True)))  # [outputs, 1]
        if normalisation.updates_spectra:
            normalisation.updates.append(self._u.assign(next_u))
        return tf.reduce_sum(v * (matrix @ next_u))

    @property
    def variables(self) -> list[Variable]:
        return [*self._layer.variables, self._u]
