"""Scores of disentanglement: known answers, scikit-learn's own trees as a reference, and what is refused."""

import dataclasses
import math

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.metrics import mutual_info_score

from infogan.data import Dataset, Factor, Split, hold_out
from infogan.data.dataset import hold_out_last
from infogan.evaluation.disentanglement import boosting, ceiling
from infogan.evaluation.disentanglement.boosting import boost
from infogan.evaluation.disentanglement.dci import completeness, disentanglement
from infogan.evaluation.disentanglement.infomec import find_active, info_c, info_m
from infogan.evaluation.disentanglement.irs import irs
from infogan.evaluation.disentanglement.mig import compute_information, find_entropies, find_information, mig
from infogan.evaluation.disentanglement.modularity import explicitness, modularity
from infogan.evaluation.disentanglement.protocols import DLIB, INFOGAN_CR, INFOMEC, make_fast, score, score_encoder
from infogan.evaluation.disentanglement.sample import Codes, Sample, draw_sample
from infogan.evaluation.disentanglement.sap import sap
from infogan.evaluation.disentanglement.votes import beta_vae, draw_groups, draw_pairs, factor_vae
from infogan.system.messages import InputError

SIZES = (3, 4, 6)
KINDS = {"shape": ("nominal", None), "size": ("ordered", None), "turn": ("circular", 6)}


TINY = {
    protocol.name: dataclasses.replace(make_fast(protocol), **sizes, votes=150, test_votes=150)
    for protocol, sizes in (
        (DLIB, {"fitted": 700, "tested": 300}),
        (INFOGAN_CR, {"fitted": 1000}),
        (INFOMEC, {"fitted": 1000}),
    )
}


def make_factors(count=3000, seed=0):
    """Random values of three factors."""
    levels = np.random.default_rng(seed).integers(0, SIZES, (count, 3))
    return {name: Factor(column, *kind) for (name, kind), column in zip(KINDS.items(), levels.T)}


def values_of(factors):
    return np.stack([factor.values for factor in factors.values()], axis=1).astype(float)


@pytest.fixture(scope="module")
def perfect():
    factors = make_factors()
    return Sample(values_of(factors), factors)


@pytest.fixture(scope="module")
def useless():
    factors = make_factors()
    return Sample(np.random.default_rng(1).standard_normal((3000, 4)), factors)


def test_matrices_with_known_answers():
    assert disentanglement(np.eye(4)) == pytest.approx(1) and completeness(np.eye(4)) == pytest.approx(1)
    assert modularity(np.eye(4)) == 1
    assert disentanglement(np.zeros((3, 4))) == pytest.approx(0) and modularity(np.zeros((3, 4))) == 0
    one_dead = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    assert disentanglement(one_dead) == pytest.approx(1) and modularity(one_dead) == pytest.approx(2 / 3)
    two_each = np.repeat(np.eye(5), 2, axis=1)  # five codes, each of two of ten factors
    assert disentanglement(two_each) == pytest.approx(1 - math.log(2) / math.log(10))
    assert modularity(two_each) == pytest.approx(8 / 9)
    copies = two_each.T  # ten codes, of which two each know the same factor
    assert completeness(copies) == pytest.approx(1 - math.log(2) / math.log(10))
    assert mig(copies, np.ones(5)) == 0
    assert completeness(np.array([[1.0, 3.0]]), weighted=False) == 1  # a single code


def test_the_gap_is_that_of_the_two_best_codes_as_a_share_of_the_entropy():
    information = np.array([[0.9, 0.1], [0.3, 0.2], [0.4, 0.0]])
    assert mig(information, np.array([1.0, 0.5])) == pytest.approx((0.5 / 1 + 0.1 / 0.5) / 2)
    assert mig(information[:1], np.array([1.0, 0.5])) == pytest.approx((0.9 + 0.2) / 2)


def test_information_is_that_of_scikit_learn():
    random = np.random.default_rng(0)
    first = random.integers(0, 7, 500)
    second = (first + random.integers(0, 3, 500)) % 5
    assert compute_information(first, second) == pytest.approx(mutual_info_score(first, second))


def test_info_m_and_c_of_matrices():
    assert info_m(np.eye(3)) == 1 and info_c(np.eye(3)) == 1
    assert info_m(np.ones((3, 3))) == pytest.approx(0) and info_c(np.ones((3, 3))) == pytest.approx(0)
    assert info_m(np.array([[3.0, 1.0, 0.0]])) == pytest.approx((0.75 - 1 / 3) / (2 / 3))
    assert math.isnan(info_c(np.array([[3.0, 1.0, 0.0]])))  # one code is no choice
    assert info_m(np.zeros((2, 3))) == pytest.approx(0)


def test_a_perfect_and_a_useless_encoder(perfect, useless):
    random = np.random.default_rng(0)
    for sample, low, high in ((perfect, 0.999, 1), (useless, 0.2, 0.46)):
        for test_votes in (0, 300):
            assert low <= factor_vae(sample, 600, test_votes, 32, 0.0, random) <= high
        for one_value in (True, False):
            assert low <= beta_vae(sample, 600, 300, 32, one_value, random) <= high
    information, entropies = find_information(perfect), find_entropies(perfect)
    # 3,000 points overestimate the information of two factors by some (6 - 1) (4 - 1) / (2 * 3,000) nats.
    assert mig(information, entropies) > 0.99 and modularity(information) > 0.999
    assert mig(find_information(useless), entropies) < 0.02
    assert explicitness(useless, useless, True) == pytest.approx(0.5, abs=0.06)
    assert irs(perfect) == 1 and irs(useless) < 0.4


def test_duplicated_codes_have_no_gap(perfect):
    twice = Sample(np.repeat(perfect.codes.values, 2, axis=1), perfect.factors)
    assert mig(find_information(twice), find_entropies(twice)) == 0
    assert sap(twice, twice, True) == pytest.approx(0, abs=1e-9)
    fast = score(twice, dataclasses.replace(TINY["dlib"], scores=("FactorVAE", "DCI")))
    assert fast["DCI disentanglement"] > 0.99 and fast["DCI completeness"] < 0.75
    assert fast["FactorVAE"] == 1


def test_sap_by_regression_is_the_gap_of_squared_correlations():
    random = np.random.default_rng(0)
    size = random.integers(0, 5, 4000)
    factors = {"size": Factor(size, "ordered"), "kind": Factor(random.integers(0, 2, 4000), "binary")}
    noise = random.standard_normal((4000, 2))
    codes = np.stack([size + noise[:, 0] * size.std(), noise[:, 1], factors["kind"].values], axis=1)
    sample = Sample(codes, factors)
    assert sap(sample, sample, True) == pytest.approx((0.5 + 0.5) / 2, abs=0.04)


def test_groups_share_the_value_of_their_factor(perfect):
    random = np.random.default_rng(0)
    for fixed, places in draw_groups(perfect, 90, 20, random):
        assert (np.bincount(fixed) == 30).all()
        for factor, images in zip(fixed, places):
            assert len(set(perfect.levels[images, factor])) == 1
            assert len({tuple(row) for row in perfect.levels[images]}) > 1
    shown = set()
    for fixed, first, second in draw_pairs(perfect, 90, 20, random):
        for factor, one, other in zip(fixed, first, second):
            np.testing.assert_array_equal(perfect.levels[one, factor], perfect.levels[other, factor])
            shown.add(len(set(perfect.levels[one, factor])))
    assert max(shown) == 6  # a group shows all values


def test_a_code_that_never_changes_has_no_vote(perfect, monkeypatch):
    dead = Sample(np.column_stack([perfect.codes.values, np.full(3000, 7.0)]), perfect.factors)
    assert factor_vae(dead, 300, 0, 20, 0.0, np.random.default_rng(0)) == 1
    assert modularity(find_information(dead)) == pytest.approx(0.75, abs=0.01)
    small = Sample(perfect.codes.values * [1, 1, 0.01], perfect.factors)  # the third deviates by 0.017
    assert factor_vae(small, 300, 0, 20, 0.05, np.random.default_rng(0)) < 0.9
    monkeypatch.setattr(boosting, "STAGES", 2)
    constant = Sample(np.ones((3000, 2)), perfect.factors)
    scores = {name: value for protocol in TINY.values() for name, value in score(constant, protocol).items()}
    assert scores["FactorVAE"] == scores["MIG"] == scores["IRS"] == scores["modularity"] == 0
    assert scores["InfoE"] == 0 and scores["explicitness"] == 0.5


@pytest.mark.parametrize("classes, values", [(2, 3), (2, 4000), (5, 7), (5, 4000)])
def test_trees_are_those_of_scikit_learn(classes, values):
    """Where columns have fewer values than bins the trees are the same; else they differ at the edges of bins."""
    random = np.random.default_rng(classes)
    columns = random.integers(0, values, (600, 3)) / values
    noise = random.standard_normal(600) * 0.15
    target = np.clip((columns[:, 0] + 0.5 * columns[:, 1] + noise) * classes / 1.5, 0, classes - 1).astype(int)
    importances, predicted = boost(columns[:400], target[:400], columns[400:], np.random.default_rng(0))
    reference = GradientBoostingClassifier(random_state=0).fit(columns[:400], target[:400])
    tolerance = 0.005 if values < 100 else 0.05
    np.testing.assert_allclose(importances, reference.feature_importances_, atol=tolerance)
    accuracy, expected = (np.mean(answer == target[400:]) for answer in (predicted, reference.predict(columns[400:])))
    assert accuracy == pytest.approx(expected, abs=0.03)


def test_an_angle_and_categories_are_compared_as_what_they_are():
    factors = make_factors()
    turn, shape = factors["turn"].values, factors["shape"].values
    angle = (turn / 3.0 + 1.0) % 2.0 - 1.0  # half turns
    columns = np.column_stack([np.cos(np.pi * angle), np.sin(np.pi * angle), np.eye(3)[shape]])
    codes = Codes(np.stack([angle, shape], axis=1), columns, np.array([0, 0, 1, 1, 1]), np.array([False, True]))
    sample = Sample(codes, {name: factors[name] for name in ("shape", "turn")})
    assert factor_vae(sample, 300, 0, 20, 0.0, np.random.default_rng(0)) == 1
    few = dataclasses.replace(TINY["dlib"], scores=("DCI", "explicitness", "InfoMEC"))
    scores = score(sample, few)
    assert scores["DCI disentanglement"] > 0.99 and scores["DCI completeness"] > 0.99
    assert scores["explicitness"] > 0.99 and scores["InfoM"] > 0.95
    # As a number an angle of which a value lies at the seam: it varies most where it is fixed.
    flips = np.random.default_rng(0).random(3000) < 0.5
    seam = np.stack([np.where((angle == -1) & flips, 1, angle), shape], axis=1)
    assert factor_vae(Sample(seam, sample.factors), 300, 0, 20, 0.0, np.random.default_rng(0)) < 1


def test_a_code_is_dead_for_infomec_by_its_range(perfect):
    codes = np.column_stack([perfect.codes.values, 0.04 * np.random.default_rng(0).standard_normal(3000)])
    codes[:, 3] = np.clip(codes[:, 3], -0.12, 0.12)
    assert find_active(Sample(codes, perfect.factors)).tolist() == [True, True, True, False]


def make_set(copies=30):
    """Images whose first three pixels are the values of their factors."""
    levels = np.tile(np.stack(np.unravel_index(np.arange(72), SIZES), axis=1), (copies, 1))
    images = np.zeros((len(levels), 8, 8, 1), np.uint8)
    images[:, 0, :3, 0] = levels
    factors = {name: Factor(column, *kind) for (name, kind), column in zip(KINDS.items(), levels.T)}
    split = Split(images, None, {**factors, "colour": Factor(np.zeros(len(levels)), "ordered")})
    return Dataset(split.part(None, 1900), split.part(1900, None), "drawn")


def test_an_encoder_sees_each_image_once_and_training_leaves_none_out():
    seen = []

    def encode(images):
        seen.append(images)
        return images[:, 0, :3, 0]

    dataset = make_set()
    sample = draw_sample(encode, dataset.limit(100, 500), 1500)
    assert sum(map(len, seen)) == len(sample) == 1500
    assert list(sample.factors) == ["shape", "size", "turn"]  # colour never changes
    np.testing.assert_array_equal(sample.codes.values, values_of(sample.factors))
    few = dataclasses.replace(TINY["infogan_cr"], scores=("FactorVAE", "BetaVAE", "MIG"))
    scores = score_encoder(encode, dataset, few)
    assert scores["FactorVAE"] == 1 and scores["MIG"] > 0.99
    assert scores == score_encoder(encode, dataset, few)
    with pytest.raises(InputError, match=r"^drawn: it has no true factors"):
        score_encoder(encode, Dataset(Split(dataset.train.images), Split(dataset.test.images), "drawn"))
    with pytest.raises(InputError, match=r"^encoder: it gave 3 rows for"):
        score_encoder(lambda images: np.zeros((3, 2)), dataset)


def test_images_are_drawn_from_all_over_a_sorted_set():
    """However it was shuffled: `hold_out` draws from a seed, too."""
    size = 20_000
    numbers = {"first": np.arange(size) * 10 // size, "second": np.arange(size) % 7}
    split = Split(np.zeros((size, 1, 1, 1), np.uint8), None, {n: Factor(v, "ordered") for n, v in numbers.items()})
    for dataset in (hold_out(split, "sorted"), hold_out_last(split, "sorted")):
        sample = draw_sample(lambda images: np.zeros((len(images), 1)), dataset, 1000)
        assert np.bincount(sample.levels[:, 0]).min() > 50  # 100 each in the mean; five deviations


def test_ceilings_are_computed_once(perfect, useless, monkeypatch):
    fast = dataclasses.replace(TINY["dlib"], scores=("FactorVAE", "SAP"))
    first = ceiling.find_ceilings(useless, fast)
    assert first["FactorVAE"] == 1 and 0.2 < first["SAP"] < 0.8  # a line does not tell six values apart
    monkeypatch.setattr(ceiling, "score", None)
    assert ceiling.find_ceilings(perfect, fast) == first  # of the same factors


@pytest.mark.parametrize(
    "codes, factors, message",
    [
        (np.zeros(9), make_factors(9), r"codes: an array of shape \[9\] was given"),
        (np.where(np.arange(40)[:, None] == 7, np.nan, np.ones((40, 2))), make_factors(40), "1 of 40 rows hold NaN"),
        (np.full((40, 2), 1e300), make_factors(40), r"40 of 40 rows hold .* a number beyond 1e\+30"),
        (
            np.ones((41, 2)),
            make_factors(40),
            r"factors: shape has values of shape \[40\], but there are codes of 41 images",
        ),
        (np.ones((40, 2)), {"only": make_factors(40)["turn"]}, "factors: 1 of them vary"),
        (np.ones((40, 2)), make_factors(40), "turn has 6 values in 40 images, but 10 images per value are needed"),
        (
            np.ones((3000, 2)),
            {**make_factors(), "light": Factor(np.linspace(0, 1, 3000), "ordered")},
            "light has 3,000 values, but 200 are the most",
        ),
    ],
)
def test_what_cannot_be_scored_is_refused(codes, factors, message):
    with pytest.raises(InputError, match=message):
        Sample(codes, factors)
