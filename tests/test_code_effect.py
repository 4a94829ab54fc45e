"""Known answers: a generator that draws bars, whose codes do what they are told."""

import types

import numpy as np
import pytest
from conftest import StandIn
from test_digit_style import draw_bar

from infogan.distributions import Categorical, Uniform
from infogan.evaluation.code_effect import (
    QUALITIES,
    find_separate_codes,
    measure_code_effects,
    measure_style,
)
from infogan.evaluation.code_strength import compute_share_unchanged, correlate
from infogan.evaluation.metric import compare
from infogan.latents import Latent

LATENTS = (
    Latent("noise", Uniform(1), regularised=False),
    Latent("digit", Categorical(10)),
    *map(Latent, "ab", [Uniform(1)] * 2),
)
VALUES = np.linspace(-2, 2, 11)
RISING = np.tile(VALUES, (20, 1))


class Bars(StandIn):
    """Code `a` widens a bar, code `b` leans it."""

    spec = types.SimpleNamespace(latent_spec=LATENTS, codes=LATENTS[1:], sweep_limit=2.0)

    def sample_latents(self, count, seed):
        return np.random.default_rng(seed).uniform(-1, 1, (count, 13)).astype(np.float32)

    def generate_from(self, latents):
        flat = latents.reshape(-1, 13)
        images = [draw_bar(6.0 + 1.5 * z[11], 16.0 + z[0], degrees=10.0 * z[12]) for z in flat]
        return np.stack(images).reshape(*latents.shape[:2], 28, 28, 1)


@pytest.fixture(scope="module")
def bars():
    return {code: Bars().sweep(code, VALUES, rows=20) for code in "ab"}


def test_a_sweep_has_every_category_as_often(monkeypatch):
    seen = []
    monkeypatch.setattr(Bars, "generate_from", lambda self, latents: seen.append(latents))
    Bars().sweep("a", VALUES, rows=100)
    (latents,) = seen
    assert latents.shape == (100, 11, 13)
    assert latents[:, 0, 1:11].sum(axis=0).tolist() == [10] * 10
    np.testing.assert_allclose(latents[:, :, 11], np.tile(np.linspace(-2, 2, 11), (100, 1)), atol=1e-6)
    assert (latents[:, 5, 11] == 0).all()
    np.testing.assert_array_equal(np.delete(latents, 11, 2), np.delete(latents[:, :1], 11, 2).repeat(11, axis=1))


def test_bars_are_found_to_widen_and_to_lean(bars):
    styles = {}
    for code, images in bars.items():
        style = measure_style(images[..., 0].reshape(-1, 28, 28))
        styles[code] = {quality: values.reshape(20, 11) for quality, values in style.items()}
    metrics, notes = measure_code_effects(dict.fromkeys(styles, VALUES), styles, {}, claims=True)
    found = {(metric.name, metric.code): metric.value for metric in metrics}
    assert found["|Spearman| with width", "a"] > 0.98
    assert found["|Spearman| with slant", "a"] < 0.3
    assert found["|Spearman| with slant", "b"] > 0.98
    assert found["slant by one code, form by another", None] > 0.9
    claim = next(metric.claim for metric in metrics if metric.claim)
    assert claim.bound == 0.8
    assert {row["rule"] for row in compare(metrics, ()) if row["bound"] is not None} == {"at least"}
    assert notes[1].startswith("b was found to control slant most")
    assert "|Spearman| 1.00" in notes[1] or "|Spearman| 0.99" in notes[1]


def test_correlation_of_a_perfect_a_useless_and_a_hidden_effect():
    assert correlate(VALUES, -RISING) == pytest.approx((-1, -1))
    assert correlate(VALUES, np.ones_like(RISING)) == (0, 0)
    together, within = correlate(VALUES, np.random.default_rng(0).normal(size=(500, 11)))
    assert abs(together) < 5 / np.sqrt(5500)
    assert abs(within) < 5 / np.sqrt(5000)
    # A small effect among images that differ much: always there within a row, hardly seen between images.
    together, within = correlate(VALUES, RISING + 100.0 * np.arange(20)[:, None])
    assert within == pytest.approx(1)
    assert together < 0.2


def test_images_without_style_are_left_out():
    broken = RISING.copy()
    broken[3] = np.nan
    broken[4, 2] = np.nan
    together, within = correlate(VALUES, broken)
    assert together == pytest.approx(1)
    assert within == pytest.approx(19 / 20)  # a row without any image counts as no effect


def test_share_of_digits_that_stay():
    classes = np.full((4, 11), 7)
    assert compute_share_unchanged(classes) == 1.0
    classes[0, :5] = 1
    assert compute_share_unchanged(classes) == pytest.approx(35 / 40)
    classes[:, 5] = 3  # only the middle decides what it is compared with
    assert compute_share_unchanged(classes) == 0.0


def strengths(**codes):
    return {code: dict(zip(QUALITIES, values)) for code, values in codes.items()}


def test_separate_codes_of_a_perfect_a_duplicated_and_a_useless_model():
    perfect = strengths(a=(0.95, 0.1, 0.2), b=(0.1, 0.9, 0.5))
    assert find_separate_codes(perfect) == (0.9, "a: slant 0.95; b: width 0.90")
    assert find_separate_codes(dict(reversed(perfect.items())))[0] == 0.9
    assert find_separate_codes(strengths(a=(0.95, 0.1, 0.2), b=(0.95, 0.1, 0.2)))[0] == 0.2
    assert find_separate_codes(strengths(a=(0.9, 0.9, 0.9), b=(0.1, 0.1, 0.0)))[0] == 0.1
    assert find_separate_codes(strengths(a=(0.9, 0, 0), b=(0, 0, 0), c=(0, 0, 0.8)))[0] == 0.8


def test_one_code_alone_and_a_plain_gan_make_no_claim():
    style = dict.fromkeys(QUALITIES, RISING)
    metrics, _ = measure_code_effects({"a": VALUES}, {"a": style}, {"a": np.zeros((20, 11), int)}, claims=True)
    assert [metric.name for metric in metrics][-1] == "same digit, -2 to 2"
    assert not [metric for metric in metrics if metric.claim]
    metrics, _ = measure_code_effects({"a": VALUES, "b": VALUES}, {"a": style, "b": style}, {}, claims=False)
    assert not [metric for metric in metrics if metric.claim]


def test_a_code_is_measured_over_a_sweep_of_its_own():
    style = dict.fromkeys(QUALITIES, RISING)
    values = {"share": np.linspace(0, 1, 11, dtype=np.float32), "width": VALUES}
    metrics, notes = measure_code_effects(
        values, dict.fromkeys(values, style), {"share": np.zeros((20, 11), int)}, True
    )
    found = {(metric.name, metric.code): metric.value for metric in metrics}
    assert found["|Spearman| with slant", "share"] == pytest.approx(1)
    assert found["same digit, 0 to 1", "share"] == 1.0
    assert "as the code goes from 0 to 1." in notes[0] and "as the code goes from -2 to 2." in notes[1]
