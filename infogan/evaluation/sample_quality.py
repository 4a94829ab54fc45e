"""How near generated images are to real ones, by a classifier of the set, and whether they differ from one another.

The classifier is small, trained once and kept. It never takes part in the training of a GAN, and it never sees a test
label.
"""

import hashlib
import inspect
import io
import os
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.special import rel_entr

from infogan.data import Dataset, Split
from infogan.data.lazy_images import Images, content, cut
from infogan.evaluation.metric import Found, Metric, Settings, once_a_run
from infogan.model import layers
from infogan.model.architectures import ImageShape
from infogan.model.layers import REAL, Network, Normalisation, batch_norm, conv, dense, relu, reshape
from infogan.run import TrainedRun, count_batch
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
    """Of all that the weights follow from: the images, the labels, the classifier and its layers."""
    chosen = (images.shape, labels.dtype.str, FEATURES, BATCH, EPOCHS, LEARNING_RATE, SEED)
    digest = hashlib.sha256(repr(chosen).encode())
    digest.update(content(images))
    digest.update(np.ascontiguousarray(labels).data)
    digest.update(inspect.getsource(Classifier).encode() + Path(layers.__file__).read_bytes())
    return digest.hexdigest()[:24]


FEWEST_IMAGES = 2
"""A single image has no covariance."""


def sample_quality(run: TrainedRun, dataset: Dataset, settings: Settings) -> Found:
    """The metric: how near samples are to real images; nothing without a classifier."""
    classifier, _ = find_classifier(run, dataset)
    if not classifier:
        return []
    count = min(settings.images, len(dataset.train), len(dataset.test))
    if count < FEWEST_IMAGES:
        return [f"{count} test images are too few for a distance to them: sample quality is left out."]
    draw = np.random.default_rng(derive_seed(0, "real images")).permutation
    chosen = [(split, draw(len(split))[:count]) for split in (dataset.train, dataset.test)]
    latents = run.sample_latents(count, derive_seed(run.spec.seed, "sample quality"))
    parts = -(-count // count_batch(run.image_shape))
    generated = classifier.predict_batches(map(run.generate_from, np.array_split(latents, parts)))
    real = [
        classifier.predict_batches(split.images[places] for places in np.array_split(order, parts))
        for split, order in chosen
    ]
    return measure_sample_quality(generated, *real)


def compute_frechet_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Squared Frechet distance between the Gaussians with the moments of two sets.

        |m1 - m2|^2 + Tr(S1 + S2 - 2 (S1 S2)^(1/2))

    Args:
      first: array [N, D].
      second: array [M, D].

    Returns:
      float, 0 for equal moments.
    """
    offset = first.mean(axis=0, dtype=np.float64) - second.mean(axis=0, dtype=np.float64)
    root = _square_root(np.cov(first, rowvar=False))
    covariance = np.cov(second, rowvar=False)
    # S1 S2 has the eigenvalues of the symmetric S1^(1/2) S2 S1^(1/2), which stay real and not negative.
    shared = np.sqrt(np.linalg.eigvalsh(root @ covariance @ root).clip(0.0)).sum()
    return float(offset @ offset + np.trace(root @ root) + np.trace(covariance) - 2.0 * shared)


def _square_root(covariance: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(values.clip(0.0))) @ vectors.T


def compute_score(probabilities: np.ndarray) -> float:
    """exp of the mean KL(p(y | x) || p(y)): 1 where images say nothing of their class, at most the number of classes.

    Args:
      probabilities: array [N, classes], p(y | x).

    Returns:
      float.
    """
    probabilities = np.asarray(probabilities, np.float64)
    return float(np.exp(rel_entr(probabilities, probabilities.mean(axis=0)).sum(axis=1).mean()))


def measure_sample_quality(generated: Prediction, train: Prediction, test: Prediction) -> list[Metric]:
    """Metrics of generated images beside those of real ones.

    Args:
      generated: Prediction for generated images.
      train: Prediction for as many training images.
      test: Prediction for the test images.

    Returns:
      list of Metric.
    """
    near = compute_frechet_distance(train.features, test.features)
    best = compute_score(test.probabilities)
    distance = compute_frechet_distance(generated.features, test.features)
    score = compute_score(generated.probabilities)
    return [
        Metric("Frechet distance to test images", distance, "", note=f"training images: {near:.3f}", better="lower"),
        Metric("Frechet distance, training to test images", near, ""),
        Metric("classifier score", score, "", note=f"test images: {best:.3f}", better="higher"),
    ]


IMAGES = 200
LEAST_SPREAD = 0.2
"""Below it samples look alike: what a code seems to do is chance. Real images have 1."""


def spread(run: TrainedRun, dataset: Dataset, settings: Settings) -> Found:
    """The metric: how much samples differ, and a note if they do not."""
    metrics, notes = _compare_with_training_images(run, dataset)
    return metrics + notes


def are_alike(run: TrainedRun, dataset: Dataset) -> bool:
    """Whether all samples look alike, so that codes do nothing to them."""
    return bool(_compare_with_training_images(run, dataset)[1])


@once_a_run
def _compare_with_training_images(run: TrainedRun, dataset: Dataset) -> tuple[list[Metric], list[str]]:
    chosen = np.random.default_rng(derive_seed(0, "spread")).permutation(len(dataset.train))[:IMAGES]
    latents = run.sample_latents(IMAGES, derive_seed(run.spec.seed, "spread"))
    return measure_spread(run.generate_from(latents), dataset.train.images[np.sort(chosen)])


def compute_spread(generated: np.ndarray, real: np.ndarray) -> float:
    """Mean squared distance of samples from one another, over that from real images.

        2 Var(x) / (Var(x) + Var(y) + |E x - E y|^2)

    Args:
      generated: array [N, H, W, C] of samples x.
      real: array [M, H, W, C] of real images y, in the same range.

    Returns:
      float: 1 for samples that are distributed as real images are; 0 where all are the same; near 0 also where they
      differ, but are so far from any real image that they look the same.
    """
    moments = [(np.mean(x, axis=0, dtype=np.float64), np.var(x, axis=0, dtype=np.float64)) for x in (generated, real)]
    (mean, variance), (real_mean, real_variance) = moments
    return float(2.0 * variance.sum() / (variance + real_variance + np.square(mean - real_mean)).sum())


def measure_spread(generated: np.ndarray, real: np.ndarray) -> tuple[list[Metric], list[str]]:
    """Whether samples differ as real images do.

    Args:
      generated: float array [N, H, W, C] in [0, 1].
      real: uint8 array [M, H, W, C].

    Returns:
      (list of Metric, empty where the real images are all alike; list of str, a line if the samples have collapsed).
    """
    if (real == real[:1]).all():
        return [], []
    ratio = compute_spread(generated, real / np.float32(255.0))
    notes = []
    if not ratio >= LEAST_SPREAD:  # not: NaN
        notes.append(
            f"Samples look alike: their spread is {100 * ratio:.2g} % of that of real images. G has collapsed, or was "
            "not trained for long enough. What codes do to its images is left out."
        )
    return [Metric("spread of samples", ratio, "share", note="real images: 100 %")], notes
