"""Several whole updates in one session run: for devices so fast that the host's part of a run shows."""

from infogan.tf1 import tf


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
