"""A small classifier of a labelled set, trained once and kept: it says which digit a generated image shows.

It never takes part in the training of a GAN, and it never sees a test label.
"""

import hashlib
import io
import os
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from infogan.data import Dataset, Split
from infogan.data.lazy_images import Images, content, cut
from infogan.evaluation.metric import Found, Metric, Settings, once_a_run
from infogan.model import layers
from infogan.model.architectures import ImageShape
from infogan.model.layers import REAL, Network, Normalisation, batch_norm, conv, dense, relu, reshape
from infogan.run import TrainedRun
from infogan.system.files import find_cache_folder, write_atomically
from infogan.system.messages import say
from infogan.system.tf1 import derive_seed, session_config, tf

FEATURES = 128
BATCH, EPOCHS, LEARNING_RATE, SEED = 256, 5, 2e-3, 0
"""Adam's rate falls linearly to 0 over the epochs."""
PREDICTED_AT_ONCE = 500
MOST_CLASSES = 1000
"""Nothing that is trained in five epochs tells more apart."""
LEAST_ACCURACY, LEAST_ACCURACY_OF = 0.5, {"mnist": 0.99}
"""A classifier that is worse is not used: it would put everything in the same place, and samples beside real images."""


def classifier_accuracy(run: TrainedRun, dataset: Dataset, settings: Settings) -> Found:
    """The metric: how good the classifier is that judges samples, or a note why there is none."""
    _, found = find_classifier(run, dataset)
    return [found]


@once_a_run
def find_classifier(run: TrainedRun, dataset: Dataset) -> "tuple[Classifier, Metric] | tuple[None, str]":
    """The classifier of the set, if it is good enough.

    Returns:
      (Classifier, Metric: its accuracy), or (None, str: why there is none).
    """
    if dataset.train.labels is None or dataset.test.labels is None:
        return None, "The set has no labels, so no classifier: sample quality is left out."
    if (count := len(np.unique(dataset.train.labels))) > MOST_CLASSES:
        return None, f"{count:,} classes are too many for a classifier: sample quality is left out."
    classifier = run.keep_open(obtain_classifier(dataset.train))
    accuracy = float(np.mean(classifier.predict(dataset.test.images).classes == dataset.test.labels))
    least = LEAST_ACCURACY_OF.get(run.spec.dataset, LEAST_ACCURACY)
    if accuracy < least:
        return None, (
            f"The classifier judges only {100 * accuracy:.1f} % of the test images right, "
            f"but {100 * least:g} % are needed: what needs it is left out."
        )
    return classifier, Metric("accuracy of the classifier", accuracy, "share")


class Prediction(NamedTuple):
    """What the classifier makes of images.

    Attributes:
      probabilities: float32 array [N, classes].
      features: float32 array [N, FEATURES], the last hidden layer.
      classes: int array [N], the likeliest class of each image, as the labels of the training images have it.
    """

    probabilities: np.ndarray
    features: np.ndarray
    classes: np.ndarray


class Classifier:
    """Two convolutions and a hidden layer, in a graph and session of its own. Use it as a context manager.

    Args:
      image_shape: (H, W, C).
      labels: int array [classes], the labels that there are, rising.
    """

    def __init__(self, image_shape: ImageShape, labels: np.ndarray) -> None:
        self._labels_known = labels
        self._graph = tf.Graph()
        with self._graph.as_default():
            self._body = Network(
                "body",
                SEED,
                [
                    conv(32), batch_norm(), relu(),
                    conv(64), batch_norm(), relu(),
                    reshape(-1),
                    dense(FEATURES), batch_norm(), relu(),
                ],
            )  # fmt: skip
            self._head = Network("head", SEED, [dense(len(labels))])
            self._images = tf.placeholder(tf.float32, [None, *image_shape])
            self._build_training()
            self._build_prediction()
            self._variables = [variable for variable in tf.global_variables() if "/Adam" not in variable.op.name]
            self._session = tf.Session(config=session_config())
            self._session.run(tf.global_variables_initializer())
        self._graph.finalize()

    def _build_training(self) -> None:
        self._labels = tf.placeholder(tf.int32, [None])
        self._rate = tf.placeholder(tf.float32, [])
        normalisation = Normalisation([REAL], batch_statistics=True)
        logits = self._head(self._body(self._images, normalisation), normalisation)
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=self._labels, logits=logits))
        weights = self._body.trainable_variables + self._head.trainable_variables
        with tf.control_dependencies(normalisation.updates):
            self._step = tf.train.AdamOptimizer(self._rate).minimize(loss, var_list=weights)

    def _build_prediction(self) -> None:
        normalisation = Normalisation([REAL], batch_statistics=False)
        features = self._body(self._images, normalisation)
        self._prediction = tf.nn.softmax(self._head(features, normalisation)), features

    def __enter__(self) -> "Classifier":
        return self

    def __exit__(self, *exception: object) -> None:
        self._session.close()

    def train(self, images: Images, labels: np.ndarray) -> None:
        """Learns from uint8 images [N, H, W, C] and labels [N]."""
        classes = np.searchsorted(self._labels_known, labels)
        steps, done = EPOCHS * -(-len(images) // BATCH), 0
        for epoch in range(EPOCHS):
            order = np.random.default_rng(derive_seed(SEED, "order", epoch)).permutation(len(images))
            for batch in np.array_split(order, -(-len(images) // BATCH)):
                rate = LEARNING_RATE * (1.0 - done / steps)
                feed = {self._images: images[batch] / 255.0, self._labels: classes[batch], self._rate: rate}
                self._session.run(self._step, feed)
                done += 1

    def predict(self, images: Images) -> Prediction:
        """Prediction for images [N, H, W, C]: uint8, or floats in [0, 1]."""
        return self.predict_batches(cut(images, max(1, -(-len(images) // PREDICTED_AT_ONCE))))

    def predict_batches(self, batches: Iterable[Images]) -> Prediction:
        """Prediction for the images of several arrays, one after another, of which only one is held."""
        predictions = [self._session.run(self._prediction, {self._images: _as_shares(part)}) for part in batches]
        probabilities, features = (np.concatenate(arrays) for arrays in zip(*predictions))
        return Prediction(probabilities, features, self._labels_known[probabilities.argmax(axis=1)])

    @property
    def weights(self) -> dict[str, np.ndarray]:
        """Everything that was learned: dict of name -> array."""
        values = self._session.run(self._variables)
        return {variable.op.name: value for variable, value in zip(self._variables, values)}

    def load_weights(self, weights: Mapping[str, np.ndarray]) -> None:
        """Takes over the `weights` of another classifier, all or none.

        Raises:
          ValueError, KeyError: if they are not those of such a network.
        """
        values = [weights[variable.op.name] for variable in self._variables]
        for variable, value in zip(self._variables, values):
            if variable.shape != value.shape:
                raise ValueError(f"{variable.op.name} has the shape {value.shape}, not {variable.shape}")
        initial = {variable.initializer.inputs[1]: value for variable, value in zip(self._variables, values)}
        self._session.run([variable.initializer for variable in self._variables], initial)


def _as_shares(images: Images) -> np.ndarray:
    images = np.asarray(images)
    return images / np.float32(255.0) if images.dtype == np.uint8 else images


def obtain_classifier(train: Split, cache: Path | None = None) -> Classifier:
    """The classifier of a training set: from the cache, or trained now and put there.

    Args:
      train: Split with labels.
      cache: folder of kept classifiers; None takes `find_cache_folder`.

    Returns:
      Classifier; use it as a context manager, which closes its session.
    """
    images, labels = train.images, train.labels
    assert labels is not None  # see Args
    path = (cache or find_cache_folder()) / f"classifier-{_fingerprint(images, labels)}.npz"
    classifier = Classifier(images.shape[1:], np.unique(labels))
    if os.path.exists(path):  # unlike Path.exists, False in a folder of somebody else's
        try:
            content = io.BytesIO(path.read_bytes())
            with np.load(content, allow_pickle=False) as weights:
                classifier.load_weights(weights)
            return classifier
        except OSError as error:
            say(f"{path} cannot be read ({error.strerror}): the classifier is trained, and not kept")
            classifier.train(images, labels)
            return classifier
        except (ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            say(f"{path} is damaged ({error}): the classifier is trained again")
    say("training the classifier that judges generated images (once; it is kept for later runs)")
    classifier.train(images, labels)
    buffer = io.BytesIO()
    np.savez(buffer, **classifier.weights)  # type: ignore[arg-type]  # no weight is called as an argument is
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, buffer.getvalue())
    except OSError as error:
        say(f"{path} cannot be written ({error.strerror}): the classifier will be trained again next time")
    return classifier


def _fingerprint(images: Images, labels: np.ndarray) -> str:
    """Of all that the weights follow from: the images, the labels, this file and the layers."""
    digest = hashlib.sha256(repr((images.shape, labels.dtype.str)).encode())
    digest.update(content(images))
    digest.update(np.ascontiguousarray(labels).data)
    for source in (__file__, layers.__file__):
        digest.update(Path(source).read_bytes())
    return digest.hexdigest()[:24]
