"""How well the categories of a code, matched one-to-one to classes, classify images (paper, Sec. 7.2).

The paper gives 5 % on MNIST without a protocol. Here each category is matched to a class on the training images, and
the error is counted on the test images.
"""

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from infogan.evaluation.metric import Metric


def index_classes(*labels):
    """Labels as classes that occur, counted from 0: labels may be years, or numbers of people.

    Args:
      *labels: int arrays.

    Returns:
      (int array [classes]: the label of each class, rising; a list of int arrays: of each of `labels` the classes).
    """
    known = np.unique(np.concatenate(labels))
    return known, [np.searchsorted(known, of_one) for of_one in labels]


def count_pairs(categories, labels, number_of_categories, number_of_classes):
    """How often each category met each class: int array [categories, classes]."""
    counts = np.zeros((number_of_categories, number_of_classes), np.int64)
    np.add.at(counts, (categories, labels), 1)
    return counts


def match_categories(counts):
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


def vote_for_classes(counts):
    """The class that each category met most often, -1 for one that met none: int array [categories].

    Several categories may stand for one class, so a split class costs nothing and a merged one still does.
    """
    return np.where(counts.sum(axis=1) > 0, counts.argmax(axis=1), -1)


def compute_error_rate(categories, labels, matching):
    """Share of images whose category is not matched to their label."""
    return float(np.mean(matching[categories] != labels))


def order_categories(matching):
    """The categories in the order of the classes they are matched to, those without a class last: int array."""
    return np.argsort(np.where(matching < 0, len(matching) + matching.max() + 1, matching), kind="stable")


def measure_error_rates(code, of_train, of_test, train_labels, test_labels):
    """Metrics of one categorical code.

    Args:
      code: Latent.
      of_train: int array [N], the likeliest category of each training image.
      of_test: the same of each test image.
      train_labels: int array [N], classes counted from 0, as `index_classes` gives them.
      test_labels: int array [M], likewise.

    Returns:
      (list of Metric, int array [categories]: the matching).
    """
    number_of_classes = int(max(train_labels.max(), test_labels.max())) + 1
    counts = count_pairs(of_train, train_labels, code.distribution.dim, number_of_classes)
    matching = match_categories(counts)
    values = {
        "error rate": ("share", "lower", compute_error_rate(of_test, test_labels, matching)),
        "majority-vote error": ("share", "lower", compute_error_rate(of_test, test_labels, vote_for_classes(counts))),
        "NMI": ("of 1", "higher", float(normalized_mutual_info_score(test_labels, of_test))),
        "ARI": ("of 1", "higher", float(adjusted_rand_score(test_labels, of_test))),
    }
    return [
        Metric(name, value, unit, code.name, better=better) for name, (unit, better, value) in values.items()
    ], matching
