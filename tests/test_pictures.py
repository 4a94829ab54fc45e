"""Sweeps in the paper's layout, grids, films."""

import imageio.v3 as imageio
import numpy as np
import pytest

from infogan import grids
from infogan.codes import code_by_category_latents, sweep_latents, vary_discrete_codes
from infogan.distributions import Bernoulli, Categorical, Uniform
from infogan.evaluation.figures import draw_confusion, draw_effects
from infogan.spec import Latent

LATENTS = (
    Latent("noise", Uniform(3), regularised=False),
    Latent("digit", Categorical(10)),
    Latent("width", Uniform(1)),
    Latent("on", Bernoulli(1)),
)
BASE = np.random.default_rng(0).uniform(-1, 1, (5, 15)).astype(np.float32)


def test_continuous_sweep_changes_one_code_only():
    latents = sweep_latents(LATENTS, "width", BASE, 2.0)
    assert latents.shape == (5, 10, 15)
    np.testing.assert_allclose(latents[:, :, 13], np.tile(np.linspace(-2, 2, 10), (5, 1)), atol=1e-6)
    others = np.delete(latents, 13, axis=2)
    np.testing.assert_array_equal(others, np.repeat(np.delete(BASE, 13, axis=1)[:, None], 10, axis=1))


def test_categorical_sweep_has_a_column_per_category():
    latents = sweep_latents(LATENTS, "digit", BASE, 2.0)
    np.testing.assert_array_equal(latents[2, :, 3:13], np.eye(10))
    assert sweep_latents(LATENTS, "on", BASE, 2.0)[:, :, 14].tolist() == [[0, 1]] * 5


def test_categories_by_values():
    latents = code_by_category_latents(LATENTS, "digit", "width", BASE[0], 1.0)
    assert latents.shape == (10, 10, 15)
    np.testing.assert_array_equal(latents[:, 4, 3:13], np.eye(10))
    np.testing.assert_allclose(latents[7, :, 13], np.linspace(-1, 1, 10), atol=1e-6)
    assert (latents[:, :, :3] == BASE[0, :3]).all()


def test_rows_differ_in_their_discrete_codes():
    varied = vary_discrete_codes(LATENTS, BASE)
    assert varied[:, 3:13].argmax(axis=1).tolist() == [0, 2, 4, 6, 8]
    np.testing.assert_array_equal(varied[:, :3], BASE[:, :3])


def test_tile_puts_rows_below_and_columns_beside():
    images = np.arange(6).reshape(2, 3, 1, 1, 1) / 255.0 * np.ones((2, 3, 4, 5, 1))
    picture = grids.tile(images)
    assert picture.shape == (8, 15)
    assert picture[::4, ::5].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert grids.tile(np.full((1, 1, 2, 2, 3), 7.0)).tolist() == np.full((2, 2, 3), 255).tolist()


def test_stack_aligns_left_on_white():
    picture = grids.stack([np.zeros((2, 3), np.uint8), np.zeros((1, 5), np.uint8)], gap=1)
    assert picture.tolist() == [[0, 0, 0, 255, 255]] * 2 + [[255] * 5] + [[0] * 5]


def test_png_and_gif_read_back(tmp_path):
    frames = [np.full((6, 8), value, np.uint8) for value in (0, 128, 255)]
    (tmp_path / "a.png").write_bytes(grids.encode_png(frames[1], grids.SCALE))
    np.testing.assert_array_equal(imageio.imread(tmp_path / "a.png"), np.full((12, 16), 128))
    (tmp_path / "a.gif").write_bytes(grids.encode_gif(frames, 80))
    film = imageio.imread(tmp_path / "a.gif")
    assert film.shape[:3] == (3, 12, 16)
    np.testing.assert_allclose(film[:, 0, 0].reshape(3, -1)[:, 0], [0, 128, 255], atol=2)
    assert imageio.immeta(tmp_path / "a.gif")["duration"] == 80


def test_confusion_shows_shares_in_the_given_order():
    counts = np.array([[0, 30], [10, 10]])  # category 0 holds class 1
    picture = imageio.imread(draw_confusion(counts, np.array([1, 0])))
    same = imageio.imread(draw_confusion(counts[::-1] * 2, np.array([0, 1])))
    assert picture.shape == same.shape
    # Only the labels of the columns differ: below the matrix.
    assert np.array_equal(picture[:200], same[:200])
    assert not np.array_equal(picture, imageio.imread(draw_confusion(counts, np.array([0, 1]))))
    assert draw_confusion(np.ones((20, 30), int), np.arange(20))


@pytest.mark.filterwarnings("error")
def test_effects_have_a_panel_per_quality_and_gaps_where_nothing_was_measured():
    values = np.linspace(-2, 2, 11)
    style = {"slant": np.tile(values, (5, 1)), "width": np.full((5, 11), np.nan)}
    one = imageio.imread(draw_effects(values, {"a": {"slant": style["slant"]}}, {"slant": "degrees"}))
    both = imageio.imread(draw_effects(values, {"a": style, "b": style}, {"slant": "degrees", "width": "pixels"}))
    assert both.shape[1] == pytest.approx(2 * one.shape[1], abs=2)
