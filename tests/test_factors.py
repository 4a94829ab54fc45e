"""Known answers: codes that are a factor, know nothing of it, or know it on some of the images only."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest

from infogan.data import Dataset, Factor, Split
from infogan.distributions import Uniform
from infogan.evaluation.factors import SCORES, Reading, measure_factors, split_in_halves, true_factors
from infogan.evaluation.metric import Metric
from infogan.latents import Latent

COUNT, SEED = 4000, 0
RANDOM = np.random.default_rng(0)
FIRST, SECOND = split_in_halves(np.arange(COUNT), SEED)
AZIMUTH = RANDOM.uniform(0, 360, COUNT).astype(np.float32)
LIGHT = RANDOM.normal(size=COUNT).astype(np.float32)
LEVEL, SHAPE = RANDOM.integers(0, 5, COUNT), RANDOM.integers(0, 3, COUNT)
GLASSES = (RANDOM.random(COUNT) < 0.2).astype(np.float32)
NOISE = RANDOM.normal(size=COUNT).astype(np.float32)


def number(values):
    return Reading("continuous", np.asarray(values, np.float32))


def angle(half_turns):
    return Reading("circular", ((half_turns + 1) % 2 - 1).astype(np.float32))


def categories(numbers):
    return Reading("categorical", numbers)


def bit(numbers):
    return Reading("binary", numbers)


def cubic_ceiling():
    """How much of a circle a cubic in the angle itself explains, by least squares on a grid."""
    x = np.linspace(-1, 1, 10_001)
    target = np.stack([np.cos(np.pi * x), np.sin(np.pi * x)], axis=1)
    residual = target - np.vander(x, 4) @ np.linalg.lstsq(np.vander(x, 4), target, rcond=None)[0]
    return 1 - residual.var(axis=0).sum() / target.var(axis=0).sum()


TURN = AZIMUTH / 180


class Case(NamedTuple):
    """A factor, the name of a score, a kind of code, and codes of it.

    Attributes:
      perfect: the code that is the factor.
      contrary: one of which nothing is right that was fitted to the perfect one; None where nothing is fitted.
      ceiling: what the perfect one scores.
      chance: what one scores that knows nothing.
    """

    factor: Factor
    name: str
    kind: Callable
    perfect: np.ndarray
    contrary: np.ndarray | None = None
    ceiling: float = 1.0
    chance: float = 0.0


CORRELATION, EXPLAINED, ACCURACY = "|Spearman| with it", "variance of it explained", "balanced accuracy for it"
LINE, CIRCLE, SHAPES = Factor(LIGHT, "ordered"), Factor(AZIMUTH, "circular", 360), Factor(7 * SHAPE, "nominal")
NEXT, WEARS, ATTRIBUTE = (SHAPE + 1) % 3, GLASSES.astype(int), Factor(GLASSES, "binary")
SAWTOOTH = 6 / np.pi**2  # what the first harmonic explains of a line that starts again after a turn
CASES = {
    "a number by a number": Case(LINE, CORRELATION, number, -np.exp(LIGHT)),
    "a number by an angle": Case(Factor(AZIMUTH, "ordered"), EXPLAINED, angle, TURN, TURN + 1, SAWTOOTH),
    "a number by a category": Case(Factor(LEVEL, "ordered"), EXPLAINED, categories, LEVEL, 4 - LEVEL),
    "a circle by a number": Case(CIRCLE, EXPLAINED, number, TURN - 1, (TURN + 1) % 2 - 1, cubic_ceiling()),
    "a circle by an angle": Case(Factor(AZIMUTH / 360, "circular", 1), EXPLAINED, angle, 0.3 - TURN, 1.3 - TURN),
    "a circle by a category": Case(Factor(9 * LEVEL, "circular", 45), EXPLAINED, categories, LEVEL, (LEVEL + 2) % 5),
    "the information of a category": Case(SHAPES, "NMI with it", categories, SHAPE),
    "a number by a bit": Case(Factor(9 * WEARS, "ordered"), EXPLAINED, bit, WEARS, 1 - WEARS),
    "a circle by a bit": Case(Factor(9 * WEARS, "circular", 45), EXPLAINED, bit, WEARS, 1 - WEARS),
    "the information of a bit": Case(Factor(9 * WEARS, "nominal"), "NMI with it", bit, WEARS),
    "a kind by a bit": Case(Factor(9 * WEARS, "nominal"), ACCURACY, bit, 1 - WEARS, WEARS, 1, 1 / 2),
    "an attribute by a bit": Case(ATTRIBUTE, ACCURACY, bit, WEARS, 1 - WEARS, 1, 1 / 2),
    "a kind by a category": Case(SHAPES, ACCURACY, categories, NEXT, SHAPE, 1, 1 / 3),
    "a kind by a number": Case(SHAPES, ACCURACY, number, NEXT - 1.0, SHAPE - 1.0, 1, 1 / 3),
    "a kind by an angle": Case(SHAPES, ACCURACY, angle, 0.7 * SHAPE, 0.7 * NEXT, 1, 1 / 3),
    "an attribute by a category": Case(ATTRIBUTE, ACCURACY, categories, 3 * WEARS, 3 - 3 * WEARS, 1, 1 / 2),
    "an attribute by a number": Case(ATTRIBUTE, ACCURACY, number, GLASSES, 1 - GLASSES, 1, 1 / 2),
    "an attribute by an angle": Case(ATTRIBUTE, ACCURACY, angle, GLASSES, 1 - GLASSES, 1, 1 / 2),
}


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]


def measure(codes, factor, **options):
    """dict of (name of the row, code) -> Metric."""
    metrics, _ = measure_factors(codes, {"it": factor}, SEED, **options)
    return {(metric.name, metric.code): metric for metric in metrics}


def read_note(best):
    """Which code stands for the factor, and what it reaches by chance."""
    code, by_chance, *_ = best.note.split("; ")
    return code, float(by_chance.split()[0]) / (100 if "%" in by_chance else 1)


def test_every_score_has_a_case():
    tried = {(factor.kind, kind(code).kind, name) for factor, name, kind, code, *_ in CASES.values()}
    for score in SCORES:
        for factor in score.factors:
            name = score.name.format("it")
            codes = {code for found, code, by in tried if (found, by) == (factor, name)}
            assert codes == set(score.codes), (name, factor)


def test_a_perfect_code_scores_the_ceiling_and_one_by_chance_scores_chance(case):
    factor, name, kind, perfect, _, ceiling, chance = case
    useless = kind(np.random.default_rng(1).permutation(perfect))
    best = measure({"useless": useless, "perfect": kind(perfect)}, factor)[f"{name}, best code", None]
    assert best.value == pytest.approx(ceiling, abs=0.015)
    # 2000 images: four standard errors are 0.06 of an accuracy whose rarer kind has 400, less of all else.
    assert read_note(best) == ("perfect", pytest.approx(chance, abs=0.06))
    assert measure({"useless": useless}, factor)[f"{name}, best code", None].value == pytest.approx(chance, abs=0.06)


def test_a_code_is_chosen_on_one_half_and_scored_on_the_other(case):
    factor, name, kind, perfect, _, ceiling, chance = case
    useless = np.random.default_rng(1).permutation(perfect)
    early, late = np.where(FIRST, perfect, useless), np.where(FIRST, useless, perfect)
    best = measure({"late": kind(late), "early": kind(early)}, factor)[f"{name}, best code", None]
    assert best.note.split(";")[0] == "early"
    assert best.value < chance + 0.06 < ceiling


def test_what_a_score_fits_is_fitted_to_the_half_that_is_not_scored(case):
    factor, name, kind, perfect, contrary, _, chance = case
    if contrary is None:
        pytest.skip("nothing is fitted")
    changes = measure({"code": kind(np.where(FIRST, perfect, contrary))}, factor)[f"{name}, best code", None]
    assert changes.value < chance


def test_the_score_is_that_of_the_half_that_chose_nothing(case):
    factor, name, kind, perfect, _, ceiling, _ = case
    wrong = SECOND & (np.random.default_rng(2).random(COUNT) < 0.3)
    code = np.where(wrong, np.random.default_rng(1).permutation(perfect), perfect)
    assert measure({"code": kind(code)}, factor)[f"{name}, best code", None].value < ceiling - 0.1


def test_each_code_has_a_row_scored_on_the_second_half(case):
    factor, name, kind, perfect, _, ceiling, chance = case
    rows = measure({"early": kind(np.where(FIRST, perfect, np.roll(perfect, 1))), "all": kind(perfect)}, factor)
    if factor.kind == "binary":
        assert set(rows) == {(f"{name}, best code", None)}
    else:
        assert rows[name, "early"].value < chance + 0.06
        assert rows[name, "all"].value == pytest.approx(ceiling, abs=0.015)
        assert {row.factor for row in rows.values()} == {"it"}


@pytest.mark.parametrize("factor", [Factor(LIGHT, "ordered"), Factor(SHAPE, "nominal")], ids=["ordered", "nominal"])
def test_a_code_that_fits_by_its_many_categories_is_not_chosen(factor):
    rich = categories(np.arange(COUNT) % 1000)
    knows = np.where(RANDOM.random(COUNT) < 0.5, factor.values > 0.5, RANDOM.random(COUNT) < 0.5)
    rows = measure({"rich": rich, "knows": categories(knows.astype(int))}, factor)
    assert [read_note(row)[0] for (name, _), row in rows.items() if "NMI" not in name and row.note] == ["knows"]
    best = [row for (name, _), row in measure({"rich": rich}, factor).items() if "NMI" not in name and row.note]
    assert [read_note(row)[1] for row in best] == [pytest.approx(0.3 if factor.kind == "nominal" else -0.9, abs=0.3)]


def test_the_richest_category_is_found_on_the_first_half_and_told_of_the_second():
    rare = np.where(RANDOM.random(COUNT) < 0.2, 2, 0)
    # A third of the attribute on the first half: in all of category 1, though more of it is in category 0.
    numbers = np.where(FIRST & (GLASSES > 0.5) & (NOISE > 0.5), 1, rare)
    note = measure({"who": categories(numbers)}, Factor(GLASSES, "binary"))["balanced accuracy for it, best code", None]
    assert note.note.endswith("category 1 has it most")  # no image of the second half is in it
    numbers[SECOND & (LIGHT > 2)] = 1
    share = 100 * GLASSES[SECOND & (LIGHT > 2)].mean()
    note = measure({"who": categories(numbers)}, Factor(GLASSES, "binary"))["balanced accuracy for it, best code", None]
    assert note.note.endswith(f"category 1 has it in {share:.1f} %")


def test_a_rare_kind_counts_as_much_as_a_common_one():
    rare = (RANDOM.random(COUNT) < 0.02).astype(int)
    nine_tenths = np.where(RANDOM.random(COUNT) < 0.9, rare, 1 - rare)
    best = measure({"code": categories(nine_tenths)}, Factor(rare, "nominal"))["balanced accuracy for it", "code"]
    assert best.value == pytest.approx(0.9, abs=0.1)  # 40 rare images: twice the standard error


def test_halves_are_apart_and_the_same_for_a_seed():
    assert (FIRST ^ SECOND).all()
    assert FIRST.sum() == COUNT // 2
    np.testing.assert_array_equal(FIRST, split_in_halves(np.arange(COUNT), SEED)[0])
    assert not np.array_equal(FIRST, split_in_halves(np.arange(COUNT), 1)[0])
    third, fourth = split_in_halves(np.arange(COUNT), SEED, FIRST)
    np.testing.assert_array_equal(third ^ fourth, FIRST)
    assert third.sum() == COUNT // 4


def test_no_group_is_in_both_halves():
    groups = np.arange(COUNT) % 7
    first, second = (set(groups[half]) for half in split_in_halves(groups, 3))
    assert (len(first), len(second), first & second) == (3, 4, set())


def test_a_code_that_knows_some_objects_only_is_scored_on_the_others():
    groups = np.arange(COUNT) % 8
    known = split_in_halves(groups, SEED)[0]
    codes = {"turn": angle(np.where(known, TURN, NOISE)), "through": angle(TURN)}
    rows = measure(codes, Factor(AZIMUTH, "circular", 360), groups=groups)
    assert rows["variance of it explained", "turn"].value < 0.05
    assert rows["variance of it explained", "through"].value == pytest.approx(1)


def test_which_object_it_is_is_measured_on_other_images_of_the_same_objects():
    groups = np.arange(COUNT) % 8
    rows = measure({"object": categories((groups + 3) % 8)}, Factor(groups, "nominal"), groups=groups)
    assert rows["balanced accuracy for it", "object"].value == 1
    assert rows["NMI with it", "object"].value == pytest.approx(1)
    # The kind of object is no name of it: what was learned of some objects has to hold for others.
    kind = Factor(groups // 2 % 2, "nominal")
    known = split_in_halves(groups, SEED)[0]
    rows = measure({"object": categories(np.where(known, kind.values, SHAPE))}, kind, groups=groups)
    assert rows["balanced accuracy for it", "object"].value < 0.6


def test_nothing_follows_from_a_name():
    """What is ordered is ranked even if it is an azimuth of a whole turn; what is circular goes around by any name."""
    metrics, _ = measure_factors(
        {"turn": number(TURN)},
        {"light_azimuth": Factor(AZIMUTH, "ordered"), "heading": Factor(np.minimum(AZIMUTH, 90), "circular", 360)},
        SEED,
    )
    assert {metric.name for metric in metrics if metric.code} == {
        "|Spearman| with light_azimuth",
        "variance of heading explained",
    }


@pytest.mark.parametrize("count", [0, 1, 3, 15])
def test_too_few_images_are_not_measured_by(count):
    codes = {"turn": number(np.zeros(count))}
    metrics, notes = measure_factors(codes, {"it": Factor(AZIMUTH[:count], "ordered")}, 0)
    assert metrics == []
    assert notes == [f"The true factors of {count} images are too few to measure by: 16 are needed."]


class Reader:
    """A run whose one code is the azimuth on images of the objects that training saw, and noise on others."""

    spec = SimpleNamespace(seed=0, codes=(Latent("code", Uniform(1)),))

    def read(self, split):
        knows = split.groups.max() < 10
        values = split.factors["azimuth"].values if knows else np.random.default_rng(0).random(len(split))
        return {"code": {"mean": values[:, None].astype(np.float32)}}


def draw_objects(first, count):
    images = np.zeros((400, 4, 4, 1), np.uint8)
    factors = {"azimuth": Factor(np.random.default_rng(first).random(400), "ordered")}
    return Split(images, None, factors, first + np.arange(400) % count)


def test_objects_trained_on_have_rows_of_their_own():
    dataset = Dataset(draw_objects(0, 10), draw_objects(10, 5), "objects")
    *rows, told = true_factors(Reader(), dataset, None)
    values = {row.name: row.value for row in rows if isinstance(row, Metric) and row.code is None}
    assert values["|Spearman| with azimuth, best code, objects trained on"] == pytest.approx(1)
    assert values["|Spearman| with azimuth, best code"] < 0.3  # 200 images: the standard error is 0.07
    assert "of 5 objects that training never saw" in told and "of 10 that it saw" in told


def test_too_few_held_out_objects_are_measured_with_the_others():
    dataset = Dataset(draw_objects(0, 10), draw_objects(7, 3), "objects")
    rows = true_factors(Reader(), dataset, None)
    names = {row.name for row in rows if isinstance(row, Metric)}
    assert names == {"|Spearman| with azimuth", "|Spearman| with azimuth, best code"}


def test_few_objects_are_not_measured_by():
    metrics, notes = measure_factors(
        {"turn": number(NOISE)}, {"it": Factor(AZIMUTH, "ordered")}, 0, np.arange(COUNT) % 3
    )
    assert (metrics, notes) == ([], ["Images of fewer than 4 objects are too few to measure the true factors by."])


def test_a_factor_that_does_not_vary_is_said_and_left_out():
    factors = {"it": Factor(np.full(COUNT, 30.0), "ordered"), "glasses": Factor(np.zeros(COUNT), "binary")}
    metrics, notes = measure_factors({"turn": number(NOISE)}, factors, 0)
    assert metrics == []
    assert notes == [f"{name} is the same in all of these images: it is not measured." for name in factors]


@pytest.mark.parametrize("code", [number(np.zeros(COUNT)), angle(np.zeros(COUNT)), categories(np.zeros(COUNT, int))])
@pytest.mark.parametrize("factor", [LIGHT, AZIMUTH, SHAPE, GLASSES], ids=["ordered", "circular", "nominal", "binary"])
def test_a_constant_code_knows_nothing(factor, code, request):
    kind = request.node.callspec.id.split("-")[0]
    factor = Factor(factor, kind, 360 if kind == "circular" else None)
    for row in measure({"code": code}, factor).values():
        chance = 1 / len(np.unique(factor.values)) if "accuracy" in row.name else 0
        assert row.value == pytest.approx(chance, abs=0.01)


def test_no_codes_of_a_kind_give_no_rows():
    assert set(measure({"code": number(NOISE)}, Factor(SHAPE, "nominal"))) == {
        ("balanced accuracy for it", "code"),
        ("balanced accuracy for it, best code", None),
    }


def test_the_scale_of_a_code_makes_no_difference():
    rows = measure({"far": number(1e6 * TURN + 5e6)}, CIRCLE)
    assert rows[EXPLAINED, "far"].value == pytest.approx(cubic_ceiling(), abs=0.015)


def test_a_category_of_which_nothing_is_known_predicts_the_mean():
    quarter_turn = Factor(np.linspace(0, 90, 400), "circular", 360)
    explained = measure({"unseen": categories(np.arange(400))}, quarter_turn)[EXPLAINED, "unseen"]
    assert explained.value == pytest.approx(0, abs=0.05)
