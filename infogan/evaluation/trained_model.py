"""A trained model, reloaded from its checkpoint in a graph and session of its own."""

import math
from contextlib import ExitStack

import numpy as np

from infogan.model.gan import RegularizedGAN
from infogan.model.layers import GENERATED, REAL, Normalisation
from infogan.system.devices import session_config
from infogan.system.errors import InputError
from infogan.system.tf1 import tf
from infogan.training.checkpoints import newest_intact, restore_weights

BATCH = 500
"""Most images per session run; results do not depend on it, except with batch statistics."""
READ_AT_ONCE = 5000
BATCH_NUMBERS = BATCH * 64 * 64 * 3
"""Most numbers in the images of a session run, whose layers hold many times that: of large images fewer go together."""


class TrainedModel:
    """Generates images and recognises codes; numpy in and out. Use it as a context manager.

    Attributes:
      spec: ExperimentSpec.
      folder: RunFolder.
      update: updates after which the checkpoint was written.
      computed: dict, in which metrics keep what others need too (`infogan.evaluation.metric.once_a_run`).

    Args:
      spec: ExperimentSpec of the run.
      folder: RunFolder; its newest checkpoint that is whole is read.

    Raises:
      InputError: if the run has no checkpoint, or a damaged one.
    """

    def __init__(self, spec, folder):
        self.spec, self.folder, self.update = spec, folder, newest_intact(folder.checkpoints)
        if self.update is None:
            raise InputError(
                folder.checkpoints, "it holds no checkpoint, but a trained model is needed. Train it first."
            )
        self.computed, self._open = {}, ExitStack()
        self._graph = tf.Graph()
        with self._graph.as_default():
            self._model = RegularizedGAN.of_spec(spec)
            self._build()
            self._session = tf.Session(config=session_config())
            restore_weights(self._session, folder.checkpoints, self.update, self._model.variables)
        self._graph.finalize()

    def _build(self):
        model = self._model
        self._count = tf.placeholder(tf.int32, [])
        self._seed = tf.placeholder(tf.int64, [2])
        self._sampled = model.sample_latents(self._count, self._seed)
        self._latents = tf.placeholder(tf.float32, [None, model.latent_dist.dim])
        generated = model.generate(self._latents)
        self._generated = model.show_images(generated)
        # Reads latents back from the images made of them.
        on_generated = Normalisation([GENERATED], batch_statistics=False)
        read = model.discriminate(generated, on_generated).reg_dist_info
        self._information = model.information(self._latents, read)
        # Not uint8: pixels need not be whole numbers.
        self._images = tf.placeholder(tf.float32, [None, *model.image_shape])
        images = model.read_images(self._images)
        self._posteriors = {}
        for batch_statistics in (False, True):
            judgement = model.discriminate(images, Normalisation([REAL], batch_statistics))
            infos = model.reg_latent_dist.split_dist_info(judgement.reg_dist_info)
            self._posteriors[batch_statistics] = {
                code.name: {key: info[key] for key in code.distribution.dist_info_keys}
                for code, info in zip(self.spec.codes, infos)
            }
            if not batch_statistics:
                self._probability = tf.nn.sigmoid(judgement.logits)
                self._features = judgement.q_features

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        """Frees the session, and what was kept open; a second call does nothing."""
        self._open.close()
        self._session.close()

    def keep_open(self, context):
        """Enters a context that is left when the model is closed; returns what it gives."""
        return self._open.enter_context(context)

    @property
    def image_shape(self):
        """(H, W, C)"""
        return self._model.image_shape

    def sample_latents(self, count, seed):
        """Draws [count, dim] from the prior; the same for the same seed (int)."""
        return self._session.run(self._sampled, {self._count: count, self._seed: [seed, 0]})

    def generate(self, latents):
        """Images of latents.

        Args:
          latents: float array [..., dim].

        Returns:
          float32 array [..., H, W, C], values in [0, 1].
        """
        latents = np.asarray(latents, np.float32)
        flat = latents.reshape(-1, latents.shape[-1])
        return self._run(self._generated, self._latents, flat).reshape(*latents.shape[:-1], *self.image_shape)

    def recognise(self, images, batch_statistics=False):
        """Q's posterior of every code for real images.

        Args:
          images: array [N, H, W, C] of pixels from 0 to 255.
          batch_statistics: True normalises each batch of about BATCH images by itself, False (as a user would
            classify a single image) with the moving averages of real images.

        Returns:
          dict of code name -> `dist_info` of float32 arrays [N, dim].
        """
        return self._run(self._posteriors[batch_statistics], self._images, images)

    def read(self, split):
        """Q's posterior of every code for the images of a Split, as `recognise` gives it; read once and kept."""
        if ("read", id(split)) not in self.computed:
            self.computed["read", id(split)] = self.recognise(split.images)
        return self.computed["read", id(split)]

    def categories(self, split, batch_statistics=False):
        """The likeliest category of each image of a Split, by code: dict of name -> int array [N].

        Probabilities are held of some thousand images at a time: of a large set those of many categories are gigabytes.
        """
        parts = np.array_split(split.images, -(-len(split) // READ_AT_ONCE))
        read = [find_likeliest(self.recognise(part, batch_statistics)) for part in parts]
        return {name: np.concatenate([part[name] for part in read]) for name in read[0]}

    def discriminate(self, images):
        """D(x), the probability that an image is real, with the moving averages of real images.

        Args:
          images: array [N, H, W, C] of pixels from 0 to 255.

        Returns:
          float32 array [N].
        """
        return self._run(self._probability, self._images, images)

    def features(self, images):
        """What Q's last layer sees of images [N, H, W, C] of pixels from 0 to 255: float32 array [N, features]."""
        return self._run(self._features, self._images, images)

    def mutual_information(self, count, seed):
        """L_I of each code over `count` fresh samples: dict of code name -> float, in nats."""
        latents = self.sample_latents(count, seed)
        batches = self._split(latents)
        parts = [(self._session.run(self._information, {self._latents: part}), len(part)) for part in batches]
        return {
            code.name: float(sum(values[code.name] * size for values, size in parts) / count)
            for code in self.spec.codes
        }

    def freeze(self):
        """What `generate`, `recognise` and `discriminate` compute, as a graph without variables.

        Returns:
          GraphDef, and a dict of the tensors in it: `latents`, `generated`, `images` (pixels from 0 to 255),
          `posteriors`, a dict of code name -> `dist_info`, and `probability`.
        """
        tensors = {
            "latents": self._latents,
            "generated": self._generated,
            "images": self._images,
            "posteriors": self._posteriors[False],
            "probability": self._probability,
        }
        with self._graph.as_default():
            operations = [tensor.op.name for tensor in tf.nest.flatten(tensors)]
            definition = tf.graph_util.convert_variables_to_constants(
                self._session, self._graph.as_graph_def(), operations
            )
        return definition, tf.nest.map_structure(lambda tensor: tensor.name, tensors)

    def _run(self, fetches, placeholder, array):
        """Fetches of a whole array, batch by batch. TensorFlow's fused convolutions fail on an empty one."""
        fed = array if len(array) else np.zeros((1, *array.shape[1:]), np.float32)
        parts = [self._session.run(fetches, {placeholder: part}) for part in self._split(fed)]
        return tf.nest.map_structure(lambda *values: np.concatenate(values)[: len(array)], *parts)

    def _split(self, array):
        """Nearly equal parts: a last batch of one image would have no statistics of its own."""
        return np.array_split(array, -(-len(array) // count_batch(self.image_shape)))


def find_likeliest(posteriors):
    """The likeliest category of each image by the posteriors of `recognise`: dict of code name -> int array [N]."""
    return {name: info["prob"].argmax(axis=1) for name, info in posteriors.items() if "prob" in info}


def count_batch(image_shape):
    """Most images of this shape in a session run: BATCH, or fewer where BATCH_NUMBERS are reached before."""
    return max(1, min(BATCH, BATCH_NUMBERS // math.prod(image_shape)))
