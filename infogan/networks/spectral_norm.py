"""Spectral normalisation (Miyato et al. 2018, arXiv:1802.05957): layers that cannot stretch a difference of inputs."""

from infogan.tf1 import tf


class SpectralNorm:
    """A convolution or dense layer whose kernel W is divided by its largest singular value sigma.

        y = W x / sigma + b,    sigma = v' W u,    v = W u / |W u|,    u <- W' v / |W' v|

    W is the kernel as a matrix [inputs, outputs], a convolution's with its window among the inputs. sigma comes from
    one step of the power iteration (Algorithm 1) from the stored u; no gradient flows through u and v. The stored u
    moves once in a D step and in no G step, like batch norm's averages of real images, and is in the checkpoints.

    Args:
      layer: a layer with `name`, `kernel` and `bias`, which is there or None.
      seed: int, from which the first u follows.
    """

    def __init__(self, layer, seed):
        self._layer = layer
        self._initializer = tf.random_normal_initializer(seed=seed)
        self._u = None

    def __call__(self, x, normalisation):
        y, bias = self._layer(x, normalisation), self._layer.bias
        sigma, move = self._measure()
        if normalisation.updates_spectra:
            normalisation.updates.append(move)
        # The layer is linear in its kernel, so its result is scaled in place of the kernel.
        return y / sigma if bias is None else (y - bias) / sigma + bias

    def _measure(self):
        """sigma as a scalar Tensor, and the operation that stores the next u."""
        kernel = self._layer.kernel
        outputs = int(kernel.shape[-1])
        matrix = tf.reshape(kernel, [-1, outputs])
        if self._u is None:
            with tf.variable_scope(self._layer.name):
                self._u = tf.get_variable(
                    "u",
                    [outputs, 1],
                    initializer=self._initializer,
                    trainable=False,
                    aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,  # every replica finds the same
                )
        v = tf.stop_gradient(tf.nn.l2_normalize(matrix @ self._u))
        next_u = tf.stop_gradient(tf.nn.l2_normalize(tf.matmul(matrix, v, transpose_a=True)))
        return tf.reduce_sum(v * (matrix @ next_u)), self._u.assign(next_u)

    @property
    def trainable_variables(self):
        return self._layer.trainable_variables
