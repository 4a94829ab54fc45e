"""Networks that judge images: a classifier of the set's labels, or of its attributes, and one with random weights.

They are small. The classifiers are trained once and kept. None takes part in the training of a GAN, and none sees a
test label.
"""

import hashlib
import inspect
import io
import os
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, TypeVar

import numpy as np
from sklearn.metrics import balanced_accuracy_score

from infogan.data import Dataset, Split
from infogan.data.lazy_images import Images, content, cut
from infogan.evaluation.metric import Found, Metric, Settings, once_a_run
from infogan.model import layers
from infogan.model.architectures import ImageShape
from infogan.model.layers import REAL, Network, Normalisation, batch_norm, conv, dense, relu, reshape
from infogan.run import TrainedRun
from infogan.system.files import find_cache_folder, write_atomically
from infogan.system.messages import say, show_progress
from infogan.system.tf1 import Tensor, derive_seed, session_config, tf

FEATURES = 128
BATCH, EPOCHS, LEARNING_RATE, SEED = 256, 5, 2e-3, 0
"""Adam's rate falls linearly to 0 over the epochs."""
FEWEST_STEPS = 300
"""A set of some thousand images is seen in more epochs than that."""
PREDICTED_AT_ONCE = 500
MOST_CLASSES = 1000
"""Nothing that is trained in five epochs tells more apart."""
LEAST_ACCURACY, LEAST_ACCURACY_OF = 0.5, {"mnist": 0.99}
"""A classifier that is worse is not used: it would put everything in the same place, and samples beside real images."""
LEAST_BALANCED_ACCURACY = 0.6
"""The same for attributes, mean over them; guessing has 0.5."""


def classifier_accuracy(run: TrainedRun, dataset: Dataset, settings: Settings) -> Found:
    """The metric: how good the classifier is that judges samples, or a note why there is none."""
    _, found = find_classifier(run, dataset)
    return [found]


@once_a_run
def find_classifier(run: TrainedRun, dataset: Dataset) -> "tuple[Judge, Metric] | tuple[None, str]":
    """The classifier of the set's labels, or else of its attributes, if it is good enough.

    Returns:
      (Classifier or AttributeClassifier, Metric: its accuracy), or (None, str: why there is none).
    """
    if dataset.train.labels is None or dataset.test.labels is None:
        if find_attributes(dataset.train) and len(dataset.test):
            return _find_attribute_classifier(run, dataset)
        return None, "The set has no labels, so no classifier: its distance and score are left out."
    if (count := len(np.unique(dataset.train.labels))) > MOST_CLASSES:
        return (
            None,
            f"{count:,} classes are too many for a classifier: its distance and score are left out.",
        )
    classifier = run.keep_open(obtain_classifier(dataset.train))
    accuracy = float(np.mean(classifier.predict(dataset.test.images).classes == dataset.test.labels))
    least = LEAST_ACCURACY_OF.get(run.spec.dataset, LEAST_ACCURACY)
    if accuracy < least:
        return None, (
            f"The classifier judges only {100 * accuracy:.1f} % of the test images right, "
            f"but {100 * least:g} % are needed: what needs it is left out."
        )
    return classifier, Metric("accuracy of the classifier", accuracy, "share")


def _find_attribute_classifier(run, dataset):
    classifier = run.keep_open(obtain_classifier(dataset.train))
    accuracies = measure_attributes(classifier, dataset.test)
    accuracy = float(np.mean([*accuracies.values()])) if accuracies else 0.0
    if accuracy < LEAST_BALANCED_ACCURACY:
        return None, (
            f"The classifier of attributes has a balanced accuracy of only {100 * accuracy:.1f} % on the test images, "
            f"but {100 * LEAST_BALANCED_ACCURACY:g} % are needed: what needs it is left out."
        )
    note = f"mean over {len(accuracies)} attributes; 50 % by chance"
    return classifier, Metric("balanced accuracy of the classifier of attributes", accuracy, "share", note=note)


def find_attributes(split: Split) -> dict[str, np.ndarray]:
    """The binary factors that differ within a split, by name: bool arrays [N]."""
    binary = {name: factor.values.astype(bool) for name, factor in split.factors.items() if factor.kind == "binary"}
    return {name: values for name, values in binary.items() if values.any() and not values.all()}


def measure_attributes(classifier: "AttributeClassifier", test: Split) -> dict[str, float]:
    """Balanced accuracy on test images of each attribute that differs among them, by name."""
    told, present = classifier.predict(test.images).classes, find_attributes(test)
    return {
        name: float(balanced_accuracy_score(present[name], told[:, place]))
        for place, name in enumerate(classifier.attributes)
        if name in present
    }


class Prediction(NamedTuple):
    """What a network makes of images.

    Attributes:
      probabilities: float32 array [N, classes or attributes], or [N, outputs] of numbers that are no probabilities; of
        a fixed network [N, 0].
      features: float32 array [N, F], the last hidden layer.
      classes: int array [N], the likeliest class of each image, as the labels of the training images have it; of
        attributes bool array [N, attributes]; of other networks the `probabilities`.
    """

    probabilities: np.ndarray
    features: np.ndarray
    classes: np.ndarray


class Judge:
    """A network in a graph and session of its own. Use it as a context manager.

    Args:
      image_shape: (H, W, C).
    """

    def __init__(self, image_shape: ImageShape) -> None:
        self._graph = tf.Graph()
        with self._graph.as_default():
            self._images = tf.placeholder(tf.float32, [None, *image_shape])
            self._prediction = self._build()
            self._variables = [variable for variable in tf.global_variables() if "/Adam" not in variable.op.name]
            self._session = tf.Session(config=session_config())
            self._session.run(tf.global_variables_initializer())
        self._graph.finalize()

    def _build(self) -> tuple[Tensor, Tensor]:
        """Probabilities and features of `self._images`."""
        raise NotImplementedError

    def _choose(self, probabilities: np.ndarray) -> np.ndarray:
        """The `classes` of a Prediction."""
        return probabilities

    def __enter__(self) -> "Judge":
        return self

    def __exit__(self, *exception: object) -> None:
        self._session.close()

    def predict(self, images: Images) -> Prediction:
        """Prediction for images [N, H, W, C]: uint8, or floats in [0, 1]."""
        return self.predict_batches(cut(images, max(1, -(-len(images) // PREDICTED_AT_ONCE))))

    def predict_batches(self, batches: Iterable[Images]) -> Prediction:
        """Prediction for the images of several arrays, one after another, of which only one is held."""
        predictions = [self._session.run(self._prediction, {self._images: _as_shares(part)}) for part in batches]
        probabilities, features = (np.concatenate(arrays) for arrays in zip(*predictions))
        return Prediction(probabilities, features, self._choose(probabilities))


class RandomNetwork(Judge):
    """Three convolutions with random weights, which are the same for every run and set; nothing is trained.

    Distances in random features rank sets of images where no trained network suits them (Naeem et al. 2020,
    arXiv:2002.09797, "random embeddings"). The features are the means of 64 channels in each quarter of the image.
    """

    def _build(self) -> tuple[Tensor, Tensor]:
        rows = [conv(32), relu(), conv(64), relu(), conv(64), relu()]
        maps = Network("random", SEED, rows)(self._images - 0.5, Normalisation([REAL], batch_statistics=False))
        height, width = maps.shape[1:3].as_list()
        window = [-(-height // 2), -(-width // 2)]
        quarters = tf.nn.avg_pool2d(maps, window, window, "SAME")  # [B, 2, 2, 64]
        features = tf.reshape(quarters, [-1, int(np.prod(quarters.shape[1:]))])
        return features[:, :0], features


class TrainedJudge(Judge):
    """Two convolutions and a hidden layer, which learn some numbers of each image: a subclass says what these are.

    Args:
      image_shape: (H, W, C).
      outputs: how many numbers.
    """

    name: ClassVar[str] = "classifier"
    purpose: ClassVar[str] = "judges generated images"
    fewest_epochs: ClassVar[int] = EPOCHS

    def __init__(self, image_shape: ImageShape, outputs: int) -> None:
        self._outputs = outputs
        super().__init__(image_shape)

    def _build(self) -> tuple[Tensor, Tensor]:
        body = Network(
            "body",
            SEED,
            [
                conv(32), batch_norm(), relu(),
                conv(64), batch_norm(), relu(),
                reshape(-1),
                dense(FEATURES), batch_norm(), relu(),
            ],
        )  # fmt: skip
        head = Network("head", SEED, [dense(self._outputs)])
        self._build_training(body, head)
        normalisation = Normalisation([REAL], batch_statistics=False)
        features = body(self._images, normalisation)
        return self._activate(head(features, normalisation)), features

    def _build_training(self, body: Network, head: Network) -> None:
        self._targets = self._build_targets()
        self._rate = tf.placeholder(tf.float32, [])
        normalisation = Normalisation([REAL], batch_statistics=True)
        loss = tf.reduce_mean(self._build_loss(head(body(self._images, normalisation), normalisation)))
        weights = body.trainable_variables + head.trainable_variables
        with tf.control_dependencies(normalisation.updates):
            self._step = tf.train.AdamOptimizer(self._rate).minimize(loss, var_list=weights)

    def _build_targets(self) -> Tensor:
        return tf.placeholder(tf.float32, [None, self._outputs])

    def _build_loss(self, outputs: Tensor) -> Tensor:
        """How far outputs [B, outputs] are from `self._targets`: of any shape, its mean is the loss."""
        raise NotImplementedError

    def _activate(self, outputs: Tensor) -> Tensor:
        """The `probabilities` of a Prediction."""
        return outputs

    def train(self, images: Images, targets: np.ndarray) -> None:
        """Learns from uint8 images [N, H, W, C] and targets [N, ...]."""
        batches = -(-len(images) // BATCH)
        epochs = max(self.fewest_epochs, -(-FEWEST_STEPS // batches))
        steps, done = epochs * batches, 0
        with show_progress(f"the {self.name} learns", steps, is_noted=False) as show:
            for epoch in range(epochs):
                order = np.random.default_rng(derive_seed(SEED, "order", epoch)).permutation(len(images))
                for batch in np.array_split(order, batches):
                    rate = LEARNING_RATE * (1.0 - done / steps)
                    feed = {self._images: images[batch] / 255.0, self._targets: targets[batch], self._rate: rate}
                    self._session.run(self._step, feed)
                    done += 1
                    show(done)

    @property
    def weights(self) -> dict[str, np.ndarray]:
        """Everything that was learned: dict of name -> array."""
        values = self._session.run(self._variables)
        return {variable.op.name: value for variable, value in zip(self._variables, values)}

    def load_weights(self, weights: Mapping[str, np.ndarray]) -> None:
        """Takes over the `weights` of another network, all or none.

        Raises:
          ValueError, KeyError: if they are not those of such a network.
        """
        values = [weights[variable.op.name] for variable in self._variables]
        for variable, value in zip(self._variables, values):
            if variable.shape != value.shape:
                raise ValueError(f"{variable.op.name} has the shape {value.shape}, not {variable.shape}")
        initial = {variable.initializer.inputs[1]: value for variable, value in zip(self._variables, values)}
        self._session.run([variable.initializer for variable in self._variables], initial)


class Classifier(TrainedJudge):
    """Tells the labels of images.

    Args:
      image_shape: (H, W, C).
      labels: int array [classes], the labels that there are, rising.
    """

    def __init__(self, image_shape: ImageShape, labels: np.ndarray) -> None:
        self._labels_known = labels
        super().__init__(image_shape, len(labels))

    def _build_targets(self) -> Tensor:
        return tf.placeholder(tf.int32, [None])

    def _build_loss(self, outputs: Tensor) -> Tensor:
        return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=self._targets, logits=outputs)

    def _activate(self, outputs: Tensor) -> Tensor:
        return tf.nn.softmax(outputs)

    def _choose(self, probabilities: np.ndarray) -> np.ndarray:
        return self._labels_known[probabilities.argmax(axis=1)]

    def train(self, images: Images, targets: np.ndarray) -> None:
        """Learns from uint8 images [N, H, W, C] and their labels [N]."""
        super().train(images, np.searchsorted(self._labels_known, targets))


class AttributeClassifier(TrainedJudge):
    """Tells attributes, each of which an image has or has not.

    Args:
      image_shape: (H, W, C).
      shares: dict of attribute -> share of the training images that have it. A rare one is found where it is likelier
        than that, which is right for balanced accuracy.
    """

    def __init__(self, image_shape: ImageShape, shares: Mapping[str, float]) -> None:
        self.attributes, self._shares = list(shares), np.array([*shares.values()])
        super().__init__(image_shape, len(shares))

    def _build_loss(self, outputs: Tensor) -> Tensor:
        return tf.nn.sigmoid_cross_entropy_with_logits(labels=self._targets, logits=outputs)

    def _activate(self, outputs: Tensor) -> Tensor:
        return tf.nn.sigmoid(outputs)

    def _choose(self, probabilities: np.ndarray) -> np.ndarray:
        return probabilities > self._shares


def _as_shares(images: Images) -> np.ndarray:
    images = np.asarray(images)
    return images / np.float32(255.0) if images.dtype == np.uint8 else images


def obtain_classifier(train: Split, cache: Path | None = None) -> Any:
    """The classifier of a training set, or of its attributes if it has no labels: from the cache, or trained now.

    Args:
      train: Split with labels, or with binary factors.
      cache: folder of kept classifiers; None takes `find_cache_folder`.

    Returns:
      Classifier or AttributeClassifier; use it as a context manager, which closes its session.
    """
    images, labels = train.images, train.labels
    if labels is None:
        attributes = find_attributes(train)
        labels = np.stack([*attributes.values()], axis=1)  # [N, attributes]
        shares = {name: float(values.mean()) for name, values in attributes.items()}
        return obtain(AttributeClassifier(images.shape[1:], shares), images, labels, cache)
    return obtain(Classifier(images.shape[1:], np.unique(labels)), images, labels, cache)


Kept = TypeVar("Kept", bound=TrainedJudge)


def obtain(judge: Kept, images: Images, targets: np.ndarray, cache: Path | None = None) -> Kept:
    """A network with the weights that are kept, or else trained now and its weights kept.

    Args:
      judge: untrained.
      images: what it is trained on.
      targets: array [N, ...], what it is to say of each.
      cache: folder of kept weights; None takes `find_cache_folder`.
    """
    path = (cache or find_cache_folder()) / f"{judge.name}-{fingerprint(type(judge), images, targets)}.npz"
    if os.path.exists(path):  # unlike Path.exists, False in a folder of somebody else's
        try:
            content = io.BytesIO(path.read_bytes())
            with np.load(content, allow_pickle=False) as weights:
                judge.load_weights(weights)
            return judge
        except OSError as error:
            say(f"{path} cannot be read ({error.strerror}): the {judge.name} is trained, and not kept")
            judge.train(images, targets)
            return judge
        except (ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            say(f"{path} is damaged ({error}): the {judge.name} is trained again")
    say(f"training the {judge.name} that {judge.purpose} (once; it is kept for later runs)")
    judge.train(images, targets)
    buffer = io.BytesIO()
    np.savez(buffer, **judge.weights)  # type: ignore[arg-type]  # no weight is called as an argument is
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, buffer.getvalue())
    except OSError as error:
        say(f"{path} cannot be written ({error.strerror}): the {judge.name} will be trained again next time")
    return judge


def fingerprint(family: type[TrainedJudge], images: Images, targets: np.ndarray) -> str:
    """Of all that the weights follow from: the images, the targets, the class of the network and its layers."""
    chosen = (
        images.shape,
        targets.dtype.str,
        targets.shape,
        FEATURES,
        BATCH,
        EPOCHS,
        FEWEST_STEPS,
        LEARNING_RATE,
        SEED,
    )
    digest = hashlib.sha256(repr(chosen).encode())
    digest.update(content(images))
    digest.update(np.ascontiguousarray(targets).data)
    sources = "".join(map(inspect.getsource, family.__mro__[:-1]))  # all but object
    digest.update(sources.encode() + Path(layers.__file__).read_bytes())
    return digest.hexdigest()[:24]
