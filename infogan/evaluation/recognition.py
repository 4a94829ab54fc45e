"""What Q reads of images: which classes the categories of a code hold (paper, Sec. 7.2), and L_I of each code (Eq. 5).

The paper gives 5 % on MNIST without a protocol. Here each category is matched to a class on the training images, and
the error is counted on the test images.
"""

import dataclasses
import warnings
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.special import xlogy
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from infogan.codes import MOST_SHOWN, read_values
from infogan.data import Dataset
from infogan.distributions import DistInfo
from infogan.evaluation.figures import draw_confusion
from infogan.evaluation.metric import Found, Metric, Picture, Settings, once_a_run
from infogan.latents import Latent
from infogan.run import TrainedRun
from infogan.spec import ExperimentSpec
from infogan.system.tf1 import derive_seed

MOST_CLUSTERS = 100
"""Of more classes k-means takes minutes."""
RESTARTS = 10
"""Of k-means, from other centres; the tightest clusters count."""
PUBLISHED = {
    "mnist": ("ClusterGAN 0.910", ""),
    "fashion_mnist": (
        "InfoGAN 0.61, ClusterGAN 0.61, InfoGAN-CR 0.64, CoDeGAN 0.65",
        "InfoGAN 0.59, InfoGAN-CR 0.64, CoDeGAN 0.66",
    ),
    "cifar10": (
        "ClusterGAN 0.18, InfoGAN 0.31, InfoGAN-CR 0.34, CoDeGAN 0.44",
        "ClusterGAN 0.05, InfoGAN 0.21, InfoGAN-CR 0.24, CoDeGAN 0.35",
    ),
}
"""Purity and NMI after k-means on an encoder's features, by data set: as published without labels or pretraining, by
github.com/sudiptodip15/ClusterGAN (mean of 10 runs) and github.com/learninginvision/CoDeGAN (a figure; seeds not
stated)."""


class Match(NamedTuple):
    """A categorical code and the classes.

    Attributes:
      of_train, of_test: int arrays [N], the likeliest category of each image.
      classes: int array [categories]: the class that each category stands for, counted from 0; -1 for none.
    """

    of_train: np.ndarray
    of_test: np.ndarray
    classes: np.ndarray


def error_rates(run: TrainedRun, dataset: Dataset, settings: Settings) -> Found:
    """How well categories classify: the metric of each categorical code, and its confusion matrix."""
    codes = categorical_codes(run.spec)
    if not codes:
        return []
    classes = find_classes(dataset)
    if not classes:
        return ["The set has no labels: error rates are left out."]
    (known, labels), matches = classes, match_codes(run, dataset)
    by_batch = [run.values(split, batch_statistics=True) for split in (dataset.train, dataset.test)]
    found = []
    for code in codes:
        match = matches[code.name]
        headline, *others = measure_error_rates(code, match, *labels)
        of_train, of_test = (categories[code.name] for categories in by_batch)
        error, *_ = measure_error_rates(code, match_code(code, of_train, of_test, labels[0]), *labels)
        found += [headline, dataclasses.replace(error, name="error rate, batch statistics in Q"), *others]
    return found + [_draw_confusion(code, matches[code.name], known, labels[1]) for code in codes[:MOST_SHOWN]]


def clusters(run: TrainedRun, dataset: Dataset, settings: Settings) -> Found:
    """The metric: which classes k-means finds in what Q's last layer sees of test images, whatever the codes are."""
    classes = find_classes(dataset)
    if not classes:
        return []
    order = np.random.default_rng(derive_seed(0, "clusters")).permutation(len(dataset.test))  # a set may be sorted
    chosen = np.sort(order[: settings.images])
    labels = classes[1][1][chosen]
    if not 2 <= len(np.unique(labels)) <= min(MOST_CLUSTERS, len(labels)):
        return []
    return measure_clusters(run.features(dataset.test.images[chosen]), labels, run.spec.dataset)


def measure_clusters(features: np.ndarray, labels: np.ndarray, dataset: str = "") -> list[Metric]:
    """Metrics of k-means with as many clusters as there are classes; it sees no label.

    Args:
      features: float array [N, F].
      labels: int array [N], classes counted from 0.
      dataset: name of the set, for what others published.

    Returns:
      list of Metric.
    """
    count = len(np.unique(labels))
    with warnings.catch_warnings():  # of features that are all alike: the numbers say it
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = KMeans(count, n_init=RESTARTS, random_state=0).fit_predict(features)
    purity = compute_purity(count_pairs(found, labels, count, int(labels.max()) + 1))
    notes = [f"published: {text}" if text else "" for text in PUBLISHED.get(dataset, ("", ""))]
    nmi = float(normalized_mutual_info_score(labels, found))
    return [
        Metric("purity, k-means on Q's features", purity, "share", note=notes[0], better="higher"),
        Metric("NMI, k-means on Q's features", nmi, "of 1", note=notes[1], better="higher"),
    ]


def categorical_codes(spec: ExperimentSpec) -> list[Latent]:
    """The codes that are categories."""
    return [code for code in spec.codes if code.distribution.kind == "categorical"]


@once_a_run
def match_codes(run: TrainedRun, dataset: Dataset) -> dict[str, Match]:
    """The Match of each categorical code, by name; empty for a set without labels."""
    classes = find_classes(dataset)
    if not classes:
        return {}
    _, (labels, _) = classes
    codes = categorical_codes(run.spec)
    of_train, of_test = run.values(dataset.train), read_values(codes, run.read(dataset.test))
    return {code.name: match_code(code, of_train[code.name], of_test[code.name], labels) for code in codes}


def describe_categories(run: TrainedRun, dataset: Dataset) -> dict[str, list]:
    """The label of the class that each category stands for, -1 for none: dict of code name -> list."""
    classes = find_classes(dataset)
    if not classes:
        return {}
    known, _ = classes
    return {
        name: np.where(match.classes < 0, -1, known[match.classes]).tolist()
        for name, match in match_codes(run, dataset).items()
    }


def choose_order(run: TrainedRun, dataset: Dataset) -> dict[str, np.ndarray]:
    """The order in which to show categories, by class where these are known: dict of code name -> int array."""
    matches = match_codes(run, dataset)
    return {
        code.name: order_categories(matches[code.name].classes) if matches else np.arange(code.distribution.dim)
        for code in categorical_codes(run.spec)
    }


def _draw_confusion(code: Latent, match: Match, known: np.ndarray, labels: np.ndarray) -> Picture:
    counts = count_pairs(match.of_test, labels, code.distribution.dim, len(known))
    many = [(count, what) for count, what in zip(counts.T.shape, ("classes", "categories")) if count > MOST_SHOWN]
    left_out = " and ".join(f"{MOST_SHOWN} of {count:,} {what}" for count, what in many)
    caption = f"Test images: the classes that the categories of {code.name} hold, per cent of each class"
    caption += f"; the commonest {left_out}." if left_out else "."
    picture = draw_confusion(counts, order_categories(match.classes), known)
    return Picture(f"confusion_{code.name}.png", picture, caption)


def find_classes(dataset: Dataset) -> tuple[np.ndarray, list[np.ndarray]] | None:
    """`index_classes` of the training and the test labels; None for a set without labels."""
    train, test = dataset.train.labels, dataset.test.labels
    return None if train is None or test is None else index_classes(train, test)


def index_classes(*labels: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Labels as classes that occur, counted from 0: labels may be years, or numbers of people.

    Args:
      *labels: int arrays.

    Returns:
      (int array [classes]: the label of each class, rising; a list of int arrays: of each of `labels` the classes).
    """
    known = np.unique(np.concatenate(labels))
    return known, [np.searchsorted(known, of_one) for of_one in labels]


def count_pairs(
    categories: np.ndarray, labels: np.ndarray, number_of_categories: int, number_of_classes: int
) -> np.ndarray:
    """How often each category met each class: int array [categories, classes]."""
    counts = np.zeros((number_of_categories, number_of_classes), np.int64)
    np.add.at(counts, (categories, labels), 1)
    return counts


def match_code(code: Latent, of_train: np.ndarray, of_test: np.ndarray, train_labels: np.ndarray) -> Match:
    """The Match of a code's categories, found on training images, whose classes are given, counted from 0."""
    counts = count_pairs(of_train, train_labels, code.distribution.dim, int(train_labels.max()) + 1)
    return Match(of_train, of_test, match_categories(counts))


def match_categories(counts: np.ndarray) -> np.ndarray:
    """The one-to-one matching of categories to classes with the most images right.

    Args:
      counts: int array [categories, classes].

    Returns:
      int array [categories]: the class of each category; -1 where there are more categories than classes.
    """
    categories, classes = linear_sum_assignment(counts, maximize=True)
    matching = np.full(len(counts), -1)
    matching[categories] = classes
    return matching


def vote_for_classes(counts: np.ndarray) -> np.ndarray:
    """The class that each category met most often, -1 for one that met none: int array [categories].

    Several categories may stand for one class, so a split class costs nothing and a merged one still does.
    """
    return np.where(counts.sum(axis=1) > 0, counts.argmax(axis=1), -1)


def compute_purity(counts: np.ndarray) -> float:
    """Share of images that are of the commonest class of their category: as a majority vote, by the same images.

    Args:
      counts: int array [categories, classes].

    Returns:
      float, from the share of the commonest class to 1.
    """
    return float(counts.max(axis=1).sum() / counts.sum())


def compute_error_rate(categories: np.ndarray, labels: np.ndarray, matching: np.ndarray) -> float:
    """Share of images whose category is not matched to their label."""
    return float(np.mean(matching[categories] != labels))


def order_categories(matching: np.ndarray) -> np.ndarray:
    """The categories in the order of the classes they are matched to, those without a class last: int array."""
    return np.argsort(np.where(matching < 0, len(matching) + matching.max() + 1, matching), kind="stable")


def measure_error_rates(code: Latent, match: Match, train_labels: np.ndarray, test_labels: np.ndarray) -> list[Metric]:
    """Metrics of one categorical code.

    Args:
      match: Match of its categories.
      train_labels: int array [N], classes counted from 0, as `index_classes` gives them.
      test_labels: int array [M], likewise.

    Returns:
      list of Metric.
    """
    number_of_classes = int(max(train_labels.max(), test_labels.max())) + 1
    of_test = count_pairs(match.of_test, test_labels, code.distribution.dim, number_of_classes)
    voted = vote_for_classes(count_pairs(match.of_train, train_labels, code.distribution.dim, number_of_classes))
    values = {
        "error rate": ("share", "lower", compute_error_rate(match.of_test, test_labels, match.classes)),
        "majority-vote error": ("share", "lower", compute_error_rate(match.of_test, test_labels, voted)),
        "purity": ("share", "higher", compute_purity(of_test)),
        "NMI": ("of 1", "higher", float(normalized_mutual_info_score(test_labels, match.of_test))),
        "ARI": ("of 1", "higher", float(adjusted_rand_score(test_labels, match.of_test))),
    }
    return [Metric(name, value, unit, code.name, better=better) for name, (unit, better, value) in values.items()]


def information(run: TrainedRun, dataset: Dataset, settings: Settings) -> Found:
    """The metric: L_I of each code, and how sure and how balanced Q is."""
    of_codes = run.mutual_information(settings.samples, derive_seed(run.spec.seed, "mutual information"))
    return measure_information(run.spec.codes, of_codes, run.read(dataset.test))


def compute_mean_entropy(probabilities: np.ndarray) -> float:
    """Mean of H(Q(c | x)) over images: 0 where Q is sure of each image, at most ln K.

    Args:
      probabilities: array [N, K], Q(c | x).

    Returns:
      float, in nats.
    """
    return float(_entropy(probabilities.astype(np.float64)).mean())


def compute_entropy_of_mean(probabilities: np.ndarray) -> float:
    """H of the mean of Q(c | x) over images: ln K where all categories are used alike, 0 where one is always taken.

    Args:
      probabilities: array [N, K], Q(c | x).

    Returns:
      float, in nats.
    """
    return float(_entropy(probabilities.astype(np.float64).mean(axis=0)))


def _entropy(probabilities: np.ndarray) -> np.ndarray:
    return -xlogy(probabilities, probabilities).sum(axis=-1)


def measure_information(
    codes: Sequence[Latent], information: Mapping[str, float], posteriors: Mapping[str, DistInfo]
) -> list[Metric]:
    """Metrics of all codes.

    Args:
      information: dict of code name -> float, L_I over fresh samples, in nats.
      posteriors: dict of code name -> `dist_info` of Q on real images.

    Returns:
      list of Metric.
    """
    metrics = [
        Metric(
            "L_I",
            information[code.name],
            "nats",
            code.name,
            better="higher",
            range=code.distribution.information_range,
        )
        for code in codes
    ]
    for code in codes:
        if code.distribution.is_discrete:
            probabilities = code.distribution.probabilities(posteriors[code.name])
            most = f"at most {code.distribution.prior_entropy:.3f}"
            mean_entropy, entropy_of_mean = compute_mean_entropy(probabilities), compute_entropy_of_mean(probabilities)
            metrics += [
                Metric("mean entropy of Q, test images", mean_entropy, "nats", code.name, better="lower"),
                Metric("entropy of Q's mean, test images", entropy_of_mean, "nats", code.name, most, "higher"),
            ]
    return metrics
