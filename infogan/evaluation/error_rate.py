"""How well the categories of a code, matched one-to-one to classes, classify images (paper, Sec. 7.2).

The paper gives 5 % on MNIST without a protocol. Here each category is matched to a class on the training images, and
the error is counted on the test images.
"""

import numpy as np
from scipy.optimize import linear_sum_assignment


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


def compute_error_rate(categories, labels, matching):
    """Share of images whose category is not matched to their label."""
    return float(np.mean(matching[categories] != labels))
