"""Known answers: a perfect, a useless and a duplicated code."""

import numpy as np
import pytest

from infogan.distributions import Bernoulli, Categorical, Uniform
from infogan.evaluation.recognition import compute_entropy_of_mean, compute_mean_entropy, measure_information
from infogan.latents import Latent

pytestmark = pytest.mark.usefixtures("wide", "quick_graphs")

SURE = np.eye(10, dtype=np.float32)[np.arange(1000) % 10]


def test_a_perfect_code_is_sure_and_balanced():
    assert compute_mean_entropy(SURE) == 0.0
    assert compute_entropy_of_mean(SURE) == pytest.approx(np.log(10))


def test_a_code_that_knows_nothing_is_balanced_but_unsure():
    blind = np.full((1000, 10), 0.1, np.float32)
    assert compute_mean_entropy(blind) == pytest.approx(np.log(10), rel=1e-6)
    assert compute_entropy_of_mean(blind) == pytest.approx(np.log(10), rel=1e-6)


def test_a_collapsed_code_is_sure_of_one_category():
    collapsed = SURE[:1].repeat(1000, axis=0)
    assert compute_mean_entropy(collapsed) == compute_entropy_of_mean(collapsed) == 0.0


def test_two_categories_for_one_class_cost_a_bit():
    halved = (SURE.reshape(1000, 5, 2).mean(axis=2, keepdims=True)).repeat(2, axis=2).reshape(1000, 10)
    assert compute_mean_entropy(halved) == pytest.approx(np.log(2), rel=1e-6)


def test_rows_of_all_codes():
    families = {"digit": Categorical(10), "width": Uniform(1, fix_std=True), "on": Bernoulli(1)}
    answers = {"digit": {"prob": SURE}, "width": {"mean": np.zeros((1000, 1))}, "on": {"p": np.full((1000, 1), 0.5)}}
    codes = [Latent(name, family) for name, family in families.items()]
    metrics = measure_information(codes, {"digit": 2.3, "width": -0.3, "on": 0.0}, answers)
    found = {(metric.name, metric.code): metric for metric in metrics}
    assert found["L_I", "digit"].range == (0.0, pytest.approx(2.303, abs=5e-4))
    assert found["L_I", "width"].range == pytest.approx((-0.392, -0.226), abs=5e-4)
    assert found["mean entropy of Q, test images", "digit"].value == 0.0
    assert found["entropy of Q's mean, test images", "digit"].value == pytest.approx(np.log(10))
    assert found["mean entropy of Q, test images", "on"].value == pytest.approx(np.log(2))
    assert ("mean entropy of Q, test images", "width") not in found
