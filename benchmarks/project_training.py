"""The project's own training: the update that `infogan.training` builds, as the trainer runs it."""

from benchmarks.timing import describe_updates, time_calls
from infogan.data import load_dataset
from infogan.model.gan import RegularizedGAN
from infogan.spec import ExperimentSpec
from infogan.system.tf1 import check_precision, session_config, tf
from infogan.training.update import build_batch_indices, build_update


def measure(spec, warm_up, updates):
    """Time of an update, and of that part of it which fetches the images from the variable they lie in.

    Args:
      spec: JSON of an ExperimentSpec.
      warm_up: updates that are not counted.
      updates: updates that are.

    Returns:
      dict: see `describe_updates`; `input_seconds` the median time of drawing, gathering and casting a batch alone,
      with a session call of its own: at least what an update waits for its input.

    Raises:
      InputError: if this machine does not compute the spec's precision.
    """
    spec = ExperimentSpec.from_json(spec)
    check_precision(spec.precision, "precision", "Take float32.")
    images = load_dataset(spec).train.images
    with tf.Graph().as_default():
        model = RegularizedGAN.of_spec(spec)
        images_in = tf.placeholder(tf.uint8, images.shape)
        on_device = tf.Variable(images_in, trainable=False, collections=[tf.GraphKeys.LOCAL_VARIABLES])
        update = build_update(model, spec, on_device)
        indices = build_batch_indices(spec, update.counter, len(images))
        batch = model.read_images(tf.gather(on_device, indices))
        with tf.Session(config=session_config(spec.precision)) as session:
            session.run(tf.global_variables_initializer())
            session.run(on_device.initializer, {images_in: images})
            seconds = time_calls(session.make_callable([update.values, update.step]), warm_up, updates)
            result = describe_updates(seconds, spec.batch_size)
            input_seconds = time_calls(session.make_callable(batch.op), warm_up, 10 * updates)
    return {**result, "input_seconds": describe_updates(input_seconds, spec.batch_size)["update_seconds"]}
