"""Known answers: a perfect, a useless and a duplicated code."""

import itertools

import numpy as np
import pytest

from infogan.distributions import Categorical
from infogan.evaluation.recognition import (
    compute_error_rate,
    count_pairs,
    match_categories,
    match_code,
    measure_error_rates,
    order_categories,
    vote_for_classes,
)
from infogan.spec import Latent

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


def measure(categories, number_of_categories=10):
    """The metrics where training and test images are the same."""
    code = Latent("digit", Categorical(number_of_categories))
    metrics = measure_error_rates(code, match_code(code, categories, categories, LABELS), LABELS, LABELS)
    return {metric.name: metric.value for metric in metrics}


def test_all_metrics_of_a_perfect_code():
    found = measure(np.random.default_rng(0).permutation(10)[LABELS])
    assert (found["error rate"], found["majority-vote error"]) == (0, 0)
    assert found["NMI"] == pytest.approx(1)
    assert found["ARI"] == pytest.approx(1)


def test_all_metrics_of_a_useless_code():
    found = measure(np.arange(1000) // 100)  # every category holds every digit alike
    assert found["error rate"] == found["majority-vote error"] == pytest.approx(0.9)
    assert found["NMI"] == pytest.approx(0, abs=1e-9)
    assert abs(found["ARI"]) < 0.02


def test_a_duplicated_digit_costs_nothing_by_votes():
    categories = np.where((LABELS == 1) & (np.arange(1000) // 10 % 2 == 0), 10, LABELS)
    found = measure(categories, 11)
    assert found["error rate"] == pytest.approx(0.05)
    assert found["majority-vote error"] == 0
    assert 0.9 < found["NMI"] < 1


def test_a_merged_digit_costs_as_much_by_votes():
    found = measure(np.where(LABELS == 9, 4, LABELS))
    assert found["error rate"] == found["majority-vote error"] == pytest.approx(0.1)


def test_a_category_that_was_never_met_is_never_right():
    counts = count_pairs(np.zeros(10, int), np.zeros(10, int), 3, 2)
    assert vote_for_classes(counts).tolist() == [0, -1, -1]
    assert compute_error_rate(np.array([0, 1]), np.array([0, 0]), vote_for_classes(counts)) == 0.5


def test_the_matching_comes_from_the_training_images_only():
    code = Latent("digit", Categorical(2))
    train, test = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])
    match = match_code(code, train, 1 - test, train)
    metrics = measure_error_rates(code, match, train, test)
    assert match.classes.tolist() == [0, 1]
    assert metrics[0].value == 1


def test_categories_in_the_order_of_their_classes():
    assert order_categories(np.array([2, -1, 0, 1])).tolist() == [2, 3, 0, 1]
