"""Known answers: codes that are a factor, know nothing of it, or know another one twice."""

import numpy as np
import pytest

from infogan.evaluation.factors import (
    compute_correlation,
    compute_explained_circle,
    compute_purity,
    is_circular,
    measure_factors,
    split_in_halves,
)

COUNT = 4000
RANDOM = np.random.default_rng(0)
AZIMUTH = RANDOM.uniform(0, 360, COUNT).astype(np.float32)
LIGHT = RANDOM.normal(size=COUNT).astype(np.float32)
GLASSES = (RANDOM.random(COUNT) < 0.2).astype(np.float32)
NOISE = RANDOM.normal(size=COUNT).astype(np.float32)
HALVES = split_in_halves(np.arange(COUNT), 0)


def test_halves_are_apart_and_the_same_for_a_seed():
    assert (HALVES[0] ^ HALVES[1]).all()
    assert HALVES[0].sum() == COUNT // 2
    np.testing.assert_array_equal(HALVES[0], split_in_halves(np.arange(COUNT), 0)[0])
    assert not np.array_equal(HALVES[0], split_in_halves(np.arange(COUNT), 1)[0])


def test_no_group_is_in_both_halves():
    groups = np.arange(COUNT) % 7
    first, second = (set(groups[half]) for half in split_in_halves(groups, 3))
    assert (len(first), len(second), first & second) == (3, 4, set())


def test_correlation_of_a_perfect_and_of_a_useless_code():
    assert compute_correlation(-np.exp(LIGHT), LIGHT) == pytest.approx(1.0)
    assert compute_correlation(NOISE, LIGHT) < 5 / np.sqrt(COUNT)  # five standard errors: false alarm 6e-7
    assert compute_correlation(np.zeros(COUNT), LIGHT) == 0.0


def test_which_factors_are_circular():
    assert is_circular("azimuth", AZIMUTH)
    assert is_circular("light_azimuth", AZIMUTH)
    assert not is_circular("azimuth", AZIMUTH / 4)
    assert not is_circular("elevation", AZIMUTH)


def test_a_code_that_goes_around_explains_the_circle():
    code = AZIMUTH / 180 - 1
    # A cubic cannot be a sine; its best fit on a whole turn leaves this share, by least squares on a grid.
    x = np.linspace(-1, 1, 10_001)
    target = np.stack([np.cos(np.pi * x), np.sin(np.pi * x)], axis=1)
    powers = np.vander(x, 4)
    residual = target - powers @ np.linalg.lstsq(powers, target, rcond=None)[0]
    expected = 1 - residual.var(axis=0).sum() / target.var(axis=0).sum()
    assert 0.9 < expected < 1
    assert compute_explained_circle(code, AZIMUTH, HALVES) == pytest.approx(expected, abs=0.01)
    assert compute_explained_circle(1e6 * code + 5e6, AZIMUTH, HALVES) == pytest.approx(expected, abs=0.01)


def test_a_useless_code_explains_nothing_of_the_circle():
    assert abs(compute_explained_circle(NOISE, AZIMUTH, HALVES)) < 0.01
    assert abs(compute_explained_circle(np.zeros(COUNT), AZIMUTH, HALVES)) < 0.01


def test_purity_of_a_perfect_and_of_a_useless_code():
    assert compute_purity(GLASSES.astype(int) * 3, GLASSES, HALVES) == 1.0
    commoner = 1 - GLASSES[HALVES[1]].mean()
    assert compute_purity(RANDOM.integers(0, 4, COUNT), GLASSES, HALVES) == pytest.approx(commoner)


def categories(numbers):
    return {"prob": np.eye(5, dtype=np.float32)[numbers]}


def test_every_factor_finds_its_code():
    posteriors = {
        "turn": {"mean": (AZIMUTH / 180 - 1)[:, None]},
        "shade": {"mean": LIGHT[:, None] + 0.1 * NOISE[:, None]},
        "again": {"mean": LIGHT[:, None] + 0.5 * NOISE[:, None]},  # knows the same, less well
        "who": categories(np.where(GLASSES > 0.5, 4, RANDOM.integers(0, 4, COUNT))),
        "nothing": categories(RANDOM.integers(0, 5, COUNT)),
    }
    metrics, notes = measure_factors(posteriors, {"azimuth": AZIMUTH, "light": LIGHT, "glasses": GLASSES}, 0)
    found = {(metric.name, metric.code): metric for metric in metrics}
    best = found["variance of azimuth explained, best code", None]
    assert (best.note, best.ours > 0.9) == ("turn", True)
    best = found["|Spearman| with light, best code", None]
    assert (best.note, best.ours > 0.98) == ("shade", True)
    assert 0.8 < found["|Spearman| with light", "again"].ours < best.ours
    assert found["|Spearman| with light", "turn"].ours < 0.12
    purity = found["purity against glasses", "who"]
    assert purity.ours == 1.0
    assert "category 4 has it in 100.0 %" in purity.note
    assert any(note.startswith("azimuth: turn was found") for note in notes)


def test_angles_are_not_ranked():
    angle = {"mean": (AZIMUTH / 180 - 1)[:, None], "concentration": np.ones((COUNT, 1))}
    metrics, notes = measure_factors({"turn": angle}, {"azimuth": AZIMUTH, "light": LIGHT}, 0)
    assert {metric.name for metric in metrics} == {
        "variance of azimuth explained",
        "variance of azimuth explained, best code",
    }
    assert len(notes) == 1


@pytest.mark.parametrize("count", [1, 3, 15])
def test_too_few_images_are_not_measured_by(count):
    posteriors = {"turn": {"mean": np.zeros((count, 1))}, "who": categories(np.zeros(count, int))}
    metrics, notes = measure_factors(posteriors, {"azimuth": AZIMUTH[:count], "glasses": GLASSES[:count]}, 0)
    assert metrics == []
    assert notes == [f"The true factors of {count} images are too few to measure by: 16 are needed."]


def test_a_code_that_is_the_angle_of_some_objects_only_is_scored_on_the_others():
    groups = np.arange(COUNT) % 8
    known = split_in_halves(groups, 0)[0]
    posteriors = {"turn": {"mean": np.where(known, AZIMUTH / 180 - 1, NOISE)[:, None]}}
    metrics, _ = measure_factors(posteriors, {"azimuth": AZIMUTH}, 0, groups)
    assert metrics[-1].ours < 0.05
    seen = {"turn": {"mean": (AZIMUTH / 180 - 1)[:, None]}}
    metrics, _ = measure_factors(seen, {"azimuth": AZIMUTH}, 0, groups)
    assert metrics[-1].ours > 0.9


def test_few_objects_are_not_measured_by():
    posteriors = {"turn": {"mean": NOISE[:, None]}}
    metrics, notes = measure_factors(posteriors, {"azimuth": AZIMUTH}, 0, np.arange(COUNT) % 3)
    assert (metrics, notes) == ([], ["Images of fewer than 4 objects are too few to measure the true factors by."])


def test_no_codes_of_a_kind_give_no_rows():
    factors = {"azimuth": AZIMUTH, "glasses": GLASSES}
    metrics, _ = measure_factors({"who": categories(np.zeros(COUNT, int))}, factors, 0)
    assert [metric.name for metric in metrics] == ["purity against glasses"]
    assert metrics[0].ours == pytest.approx(1 - GLASSES[HALVES[1]].mean())
    metrics, _ = measure_factors({"turn": {"mean": NOISE[:, None]}}, factors, 0)
    assert {metric.code for metric in metrics} == {"turn", None}
