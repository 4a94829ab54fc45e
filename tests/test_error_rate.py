"""Known answers: a perfect, a useless and a duplicated code."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest

from infogan.data import Dataset, Split
from infogan.distributions import Categorical
from infogan.evaluation.metric import Settings
from infogan.evaluation.recognition import (
    clusters,
    compute_error_rate,
    compute_purity,
    count_pairs,
    match_categories,
    match_code,
    measure_clusters,
    measure_error_rates,
    order_categories,
    vote_for_classes,
)
from infogan.latents import Latent

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
    assert (found["error rate"], found["majority-vote error"], found["purity"]) == (0, 0, 1)
    assert found["NMI"] == pytest.approx(1)
    assert found["ARI"] == pytest.approx(1)


def test_all_metrics_of_a_useless_code():
    found = measure(np.arange(1000) // 100)  # every category holds every digit alike
    assert found["error rate"] == found["majority-vote error"] == pytest.approx(0.9)
    assert found["NMI"] == pytest.approx(0, abs=1e-9)
    assert abs(found["ARI"]) < 0.02
    assert found["purity"] == pytest.approx(0.1)


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


def test_purity_is_that_of_the_textbook():
    """Manning, Raghavan and Schuetze 2008, Figure 16.4: clusters of 6, 6 and 5 hold 5, 4 and 3 of their commonest."""
    counts = np.array([[5, 1, 0], [1, 4, 1], [2, 0, 3]])
    assert compute_purity(counts) == pytest.approx(12 / 17)


def draw_clusters(distance):
    """500 points around five centres, the centres `distance` deviations from the origin on an axis each."""
    labels = np.arange(500) % 5
    return distance * np.eye(5)[labels] + np.random.default_rng(0).normal(size=(500, 5)), labels


def test_k_means_finds_classes_that_lie_apart_and_none_in_noise():
    apart = {metric.name: metric.value for metric in measure_clusters(*draw_clusters(20.0))}
    assert apart == {"purity, k-means on Q's features": 1.0, "NMI, k-means on Q's features": pytest.approx(1.0)}
    mixed = {metric.name: metric.value for metric in measure_clusters(*draw_clusters(0.0))}
    assert 0.2 <= mixed["purity, k-means on Q's features"] < 0.35  # the commonest of 100 in each of five clusters
    assert mixed["NMI, k-means on Q's features"] < 0.05


def test_k_means_sees_all_classes_of_a_sorted_set():
    labels = np.repeat(np.arange(5, dtype=np.uint8), 100)
    split, seen = Split(labels[:, None, None, None], labels), []
    run = SimpleNamespace(spec=SimpleNamespace(dataset="sorted"))
    run.features = lambda images: seen.append(images.ravel()) or np.eye(5)[images.ravel()]
    purity, _ = clusters(run, Dataset(split, split, "sorted"), Settings(images=100))
    assert (len(seen[0]), set(seen[0])) == (100, {0, 1, 2, 3, 4})
    assert purity.value == 1.0


def test_published_numbers_stand_beside_the_set_that_they_are_for():
    purity, nmi = measure_clusters(*draw_clusters(20.0), "cifar10")
    assert "CoDeGAN 0.44" in purity.note and "InfoGAN 0.21" in nmi.note
    assert not any(metric.note for metric in measure_clusters(*draw_clusters(20.0), "svhn"))


@pytest.mark.parametrize("classes", [1, 101])
def test_k_means_is_left_out_of_one_class_and_of_very_many(classes):
    labels = np.arange(202) % classes
    split = Split(np.zeros((202, 2, 2, 1), np.uint8), labels)
    assert clusters(None, Dataset(split, split, "labels"), Settings()) == []
