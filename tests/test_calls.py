"""Several updates in one session run do what one after another do."""

import numpy as np
import pytest
from conftest import random_split

from infogan.model.gan import RegularizedGAN
from infogan.system.tf1 import tf
from infogan.training.update import Update, UpdateCall, build_loop, build_update

IMAGES = random_split(24, 0).images


def run_calls(spec, most, limits):
    """(updates performed by each call, quantities of the last one, {variable name: value})"""
    with tf.Graph().as_default(), tf.Session() as session:
        model = RegularizedGAN(spec.output_dist, spec.latent_spec, spec.network, spec.leaky_rate, spec.seed)

        def build():
            return [build_update(model, spec, tf.constant(IMAGES))]

        call = build_loop(build) if most > 1 else UpdateCall(*build())
        session.run(tf.global_variables_initializer())
        run = call.bind(session)
        results = [run(limit) for limit in limits]
        variables = session.run({variable.op.name: variable for variable in tf.global_variables()})
        session.run(call.clear_totals)
        assert not session.run(call.totals).any()
        return [performed for _, performed in results], results[-1][0], variables


def test_updates_of_one_call_equal_updates_of_many_bit_for_bit(spec):
    ones, last, expected = run_calls(spec, 1, [1] * 5)
    together, last_together, found = run_calls(spec, 3, [3, 2])
    assert (ones, together) == ([1] * 5, [3, 2])
    np.testing.assert_array_equal(last_together, last)
    assert found.keys() == expected.keys()
    for name in expected:
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)


def build_countdown():
    """An update that does nothing but count, and whose quantity is not a number in the third one."""
    counter = tf.get_variable("update", [], tf.int64, tf.zeros_initializer(), trainable=False)
    totals = tf.get_variable("totals", [1], initializer=tf.zeros_initializer(), trainable=False)
    with tf.control_dependencies([counter.assign_add(1)]):
        values = tf.log(3.0 - tf.cast(counter.read_value(), tf.float32))[None]
    return Update(counter, tf.group(totals.assign_add(values)), ["loss"], values, totals, {})


@pytest.mark.parametrize(("limit", "performed"), [(2, 2), (3, 3), (8, 3)])
def test_a_call_ends_at_the_first_update_that_is_not_finite(limit, performed):
    with tf.Graph().as_default(), tf.Session() as session:
        call = build_loop(lambda: [build_countdown()])
        session.run(tf.global_variables_initializer())
        values, done = call.bind(session)(limit)
        assert done == session.run(call.counter) == performed
        assert np.isfinite(values).all() == (performed < 3)
