"""Known answers: a perfect, a useless and a duplicated code."""

import itertools

import numpy as np
import pytest

from infogan.evaluation.error_rate import compute_error_rate, count_pairs, match_categories

LABELS = np.arange(1000) % 10


def error(categories, number_of_categories=10):
    counts = count_pairs(categories, LABELS, number_of_categories, 10)
    return compute_error_rate(categories, LABELS, match_categories(counts))


def test_perfect_but_permuted():
    assert error(np.random.default_rng(0).permutation(10)[LABELS]) == 0


def test_useless():
    assert error(np.zeros_like(LABELS)) == pytest.approx(0.9)


def test_merged_digits_cannot_both_be_right():
    assert error(np.where(LABELS == 9, 4, LABELS)) == pytest.approx(0.1)


def test_split_digit_counts_as_error():
    categories = np.where((LABELS == 1) & (np.arange(1000) // 10 % 2 == 0), 9, np.minimum(LABELS, 8))
    # Category 8 holds 8 and 9; category 9 is half of the ones. Best: 8 or 9 lost, and either way half of the ones.
    assert error(categories) == pytest.approx(0.15)


def test_more_categories_than_classes():
    categories = np.where((LABELS == 1) & (np.arange(1000) // 10 % 2 == 0), 11, LABELS)
    matching = match_categories(count_pairs(categories, LABELS, 12, 10))
    assert sorted(matching.tolist()) == [-1, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert error(categories, 12) == pytest.approx(0.05)


def test_matching_is_the_best_of_all():
    counts = np.random.default_rng(1).integers(0, 50, (6, 6))
    best = max(sum(counts[i, p[i]] for i in range(6)) for p in itertools.permutations(range(6)))
    assert counts[np.arange(6), match_categories(counts)].sum() == best
