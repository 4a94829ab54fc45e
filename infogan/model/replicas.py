"""What the replicas of one model do together, inside the function that a strategy runs for each of them.

Which replica a function builds is known to TensorFlow (`tf.distribute.get_replica_context`). Without a strategy there
is one replica, and nothing here adds an operation to the graph.
"""

from collections.abc import Callable

from infogan.system.tf1 import Tensor, tf


def count_replicas() -> int:
    """How many replicas compute each update together: 1 without a strategy."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def own_number() -> int:
    """Which of the replicas this is: an int from 0 on."""
    number = tf.distribute.get_replica_context().replica_id_in_sync_group
    return int(tf.get_static_value(number))  # several machines give it as a constant of the graph


def own_share(batch: Tensor, parts: int = 1) -> Tensor:
    """This replica's images of a batch that every replica draws alike.

    Args:
      batch: Tensor [B, ...].
      parts: of how many equal parts the batch is made, such as real and generated images; the replicas divide each.

    Returns:
      Tensor [B / replicas, ...], the replica's share of each part. The shares of all replicas, in their order, make up
      a part.
    """
    if count_replicas() == 1:
        return batch
    size = batch.shape[0] or tf.shape(batch)[0]
    share = size // (parts * count_replicas())
    first = own_number() * share
    return tf.concat([part[first : first + share] for part in tf.split(batch, parts)], axis=0)


def sum_over_replicas(tensor: Tensor) -> Tensor:
    """The sum of every replica's tensor of this name; its gradient is the sum of every replica's gradient.

    `ReplicaContext.all_reduce` has that gradient too, but cannot be used on anything that depends on weights:
    `tf.custom_gradient` walks from the sum back towards the tensor it was given, gets to the other replicas' weights,
    which its function's arguments do not cover, and raises. Here the sum is an argument itself: the walk ends at once.
    """
    if count_replicas() == 1:
        return tensor

    @tf.custom_gradient
    def with_gradient(own: Tensor, total: Tensor) -> tuple[Tensor, Callable]:
        return tf.identity(total), lambda upstream: (_all_reduce(upstream), None)

    return with_gradient(tensor, tf.stop_gradient(_all_reduce(tensor)))


def mean_over_replicas(values: Tensor) -> Tensor:
    """[B, ...] of this replica -> [...], the mean over the images of all replicas."""
    return sum_over_replicas(tf.reduce_mean(values, axis=0)) / count_replicas()


def gather_from_replicas(tensor: Tensor) -> Tensor:
    """Every replica's tensor, on every replica: [replicas, ...]. Carries no gradient."""
    if count_replicas() == 1:
        return tensor[None]
    # Nothing is multiplied, so that one replica's NaN stays in its row.
    before = own_number()
    rows = tf.pad(tensor[None], [[before, count_replicas() - 1 - before]] + [[0, 0]] * tensor.shape.ndims)
    return tf.stop_gradient(_all_reduce(rows))


def _all_reduce(tensor: Tensor) -> Tensor:
    def reduce(strategy, value):
        return strategy.extended.batch_reduce_to(tf.distribute.ReduceOp.SUM, [(value, value)])[0]

    return tf.distribute.get_replica_context().merge_call(reduce, args=(tensor,))
