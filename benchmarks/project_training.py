"""The project's own training: the update that `infogan.training` builds, as the trainer runs it."""

import contextlib
from typing import NamedTuple

from benchmarks.timing import describe_updates, time_calls
from infogan.data import load_dataset
from infogan.model.gan import RegularizedGAN
from infogan.spec import ExperimentSpec
from infogan.system.tf1 import check_precision, find_gpus, session_config, tf
from infogan.training.update import (
    UpdateCall,
    build_batch_indices,
    build_loop,
    build_update,
    join_updates,
)


class Training(NamedTuple):
    """An update in an open session: `run(n)` performs n of them; `draw()` gathers and casts the images of one."""

    call: UpdateCall
    run: object
    draw: object
    session: object


@contextlib.contextmanager
def open_training(spec, updates_per_call=1, jit_compile=False):
    """A Training of an ExperimentSpec, while it is entered.

    Raises:
      InputError: if this machine does not compute the spec's precision.
    """
    check_precision(spec.precision, "precision", "Take float32.")
    images = load_dataset(spec).train.images
    with tf.Graph().as_default():
        model = RegularizedGAN.of_spec(spec)
        images_in = tf.placeholder(tf.uint8, images.shape)
        on_device = tf.Variable(images_in, trainable=False, collections=[tf.GraphKeys.LOCAL_VARIABLES])

        def build():
            return [build_update(model, spec, on_device)]

        call = UpdateCall(join_updates(build())) if updates_per_call == 1 else build_loop(build)
        batch = model.read_images(tf.gather(on_device, build_batch_indices(spec, call.counter, len(images))))
        with tf.Session(config=session_config(spec.precision, jit_compile)) as session:
            session.run(tf.global_variables_initializer())
            session.run(on_device.initializer, {images_in: images})
            yield Training(call, call.bind(session), session.make_callable(batch.op), session)


def measure(spec, warm_up, updates, updates_per_call=1, jit_compile=False):
    """Time of an update, and of that part of it which fetches the images from the variable they lie in.

    Args:
      spec: JSON of an ExperimentSpec.
      warm_up: session runs that are not counted.
      updates: session runs that are.
      updates_per_call: updates in each.
      jit_compile: True lets XLA compile them.

    Returns:
      dict: see `describe_updates`; `input_seconds` the median time of drawing, gathering and casting a batch alone,
      with a session call of its own: at least what an update waits for its input; on a GPU also `gpu_peak_bytes`.

    Raises:
      InputError: if this machine does not compute the spec's precision.
    """
    spec = ExperimentSpec.from_json(spec)
    with open_training(spec, updates_per_call, jit_compile) as training:
        seconds = time_calls(lambda: training.run(updates_per_call), warm_up, updates)
        result = describe_updates([each / updates_per_call for each in seconds], spec.batch_size)
        input_seconds = time_calls(training.draw, warm_up, 10 * updates)
    if find_gpus():
        result["gpu_peak_bytes"] = tf.config.experimental.get_memory_info("GPU:0")["peak"]
    return {**result, "input_seconds": describe_updates(input_seconds, spec.batch_size)["update_seconds"]}
