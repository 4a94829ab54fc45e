"""Sweeps in the paper's layout, grids, films, figures; none grows with the numbers that a user chose."""

import dataclasses
import os
import subprocess
import sys
import types

import imageio.v3 as imageio
import matplotlib
import numpy as np
import pytest
from conftest import ROOT, SMALL, StandIn

from infogan import grids
from infogan.codes import (
    MOST_SHOWN,
    code_by_category_latents,
    place_values,
    sweep_latents,
    usual_values,
    vary_discrete_codes,
)
from infogan.distributions import Bernoulli, Categorical, Uniform
from infogan.evaluation.figures import (
    describe_left_out,
    draw_confusion,
    draw_curves,
    draw_effects,
    draw_information,
    draw_samples,
    draw_training_film,
    draw_traversals,
    find_commonest,
)
from infogan.latents import Latent, category_codes, continuous_codes

LATENTS = (
    Latent("noise", Uniform(3), regularised=False),
    Latent("digit", Categorical(10)),
    Latent("width", Uniform(1)),
    Latent("on", Bernoulli(1)),
)
LABELS = np.arange(2)
BASE = np.random.default_rng(0).uniform(-1, 1, (5, 15)).astype(np.float32)


def test_a_film_goes_without_damaged_frames(tmp_path, capsys):
    images = np.random.default_rng(0).uniform(size=(2, 1, 1, 28, 28, 1))
    first, last = (grids.encode_png(grids.tile(image)) for image in images)
    for update, content in enumerate((first, first[:20], first[:200], b"", last)):
        (tmp_path / f"{update:07d}.png").write_bytes(content)
    (film,) = draw_training_film(tmp_path)
    assert len(imageio.imread(film.content)) == 2
    warned = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[1] for line in warned] == [str(tmp_path / f"000000{update}.png") for update in (1, 2, 3)]
    (tmp_path / "0000000.png").unlink()
    (tmp_path / "0000004.png").unlink()
    assert draw_training_film(tmp_path) == []


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
    picture = imageio.imread(draw_confusion(counts, np.array([1, 0]), LABELS))
    same = imageio.imread(draw_confusion(counts[::-1] * 2, np.array([0, 1]), LABELS))
    assert picture.shape == same.shape
    # Only the labels of the columns differ: below the matrix.
    assert np.array_equal(picture[:200], same[:200])
    assert not np.array_equal(picture, imageio.imread(draw_confusion(counts, np.array([0, 1]), LABELS)))


@pytest.mark.filterwarnings("error")
def test_effects_have_a_panel_per_quality_and_gaps_where_nothing_was_measured():
    values = np.linspace(-2, 2, 11)
    style = {"slant": np.tile(values, (5, 1)), "width": np.full((5, 11), np.nan)}
    one = imageio.imread(draw_effects({"a": values}, {"a": {"slant": style["slant"]}}, {"slant": "degrees"}))
    both = imageio.imread(
        draw_effects(dict.fromkeys("ab", values), {"a": style, "b": style}, {"slant": "degrees", "width": "pixels"})
    )
    assert both.shape[1] == pytest.approx(2 * one.shape[1], abs=2)


def test_values_of_a_discrete_code_are_those_of_its_sweep():
    for family in (Categorical(5), Bernoulli(1)):
        np.testing.assert_array_equal(
            family.value_vectors(np.arange(family.number_of_values)), family.sweep(columns=3, limit=1.0)
        )
    assert Categorical(3).value_vectors(np.array([[2], [0]])).tolist() == [[[0, 0, 1]], [[1, 0, 0]]]
    assert Uniform(1).number_of_values is None


def test_of_many_categories_a_sweep_shows_some_from_the_first_to_the_last():
    latent = Latent("identity", Categorical(30_000))
    latents = sweep_latents((latent,), "identity", vary_discrete_codes((latent,), np.zeros((5, 30_000))), 2.0)
    shown = latents[0].argmax(axis=1)
    assert latents.shape == (5, MOST_SHOWN, 30_000)
    assert (shown[0], shown[-1]) == (0, 29_999)
    assert np.ptp(np.diff(shown)) <= 1
    assert usual_values(latent, 10, 2.0).tolist() == shown.tolist()


def test_pictures_of_many_codes_and_categories_are_few(spec):
    """300 codes have 40,000 pairs."""
    asked = []

    def generate(latents):
        asked.append(latents.shape[:-1])
        return np.zeros((*latents.shape[:-1], 4, 4, 1), np.float32)

    codes = (*category_codes(500, *[2] * 99), *continuous_codes(200))
    many = dataclasses.replace(spec, latent_spec=codes, code_schedules=())
    dim = sum(code.distribution.dim for code in codes)
    model = StandIn(spec=many, generate_from=generate, sample_latents=lambda count, seed: np.zeros((count, dim)))
    order = {code.name: np.arange(code.distribution.dim)[::-1] for code in many.codes[:100]}
    captions = {path: caption for path, _, caption in draw_samples(model, 0, order) if caption}
    assert len(captions) == 2 * MOST_SHOWN
    assert max(asked) == (MOST_SHOWN, 10)
    assert captions["samples/category_1.png"].startswith("category_1, one category per column, 20 of 500; rows")
    assert captions["samples/continuous_1_by_category_1.png"].endswith("a row per category of category_1, 20 of 500.")
    assert describe_left_out(many.codes) == ["Pictures show the first 20 of 300 codes."]
    assert describe_left_out(many.codes[:MOST_SHOWN]) == []


@pytest.mark.parametrize("shape", [(7, 9), (7, 9, 3)])
def test_large_pictures_shrink_to_means_of_squares(shape):
    picture = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    assert grids.shrink(picture, 63) is picture
    half = grids.shrink(picture, 12)
    assert half.shape == (3, 4, *shape[2:])
    np.testing.assert_allclose(half[1, 2], picture[2:4, 4:6].mean(axis=(0, 1)), atol=0.5)
    assert grids.shrink(picture, 11).shape == (2, 3, *shape[2:])


def test_a_confusion_matrix_shows_the_commonest_classes_and_their_categories():
    counts = np.ones((300, 4000), int)
    counts[17, 123] = counts[250, 3999] = 50
    assert find_commonest(counts.sum(axis=0))[[-2, -1]].tolist() == [123, 3999]
    shape = imageio.imread(draw_confusion(counts, np.arange(300)[::-1], np.arange(4000) + 1900)).shape
    assert max(shape) < 2000
    small = imageio.imread(draw_confusion(np.ones((20, 20), int), np.arange(20), np.arange(20) + 1900)).shape
    np.testing.assert_allclose(shape, small, atol=40)


def draw_all(spec):
    line = {"loss/discriminator": 1.0, "loss/generator": 2.0, "accuracy/real": 0.5, "accuracy/generated": 0.5}
    lines = [{"update": update, **line, **{f"mi/{code.name}": 0.1 for code in spec.codes}} for update in (1, 2, 3)]
    values = np.linspace(-2, 2, 11)
    return [
        *(picture.content for picture in draw_curves(spec, lines)),
        draw_confusion(np.eye(2), LABELS, LABELS),
        draw_effects(
            {code.name: values for code in spec.codes},
            {code.name: {"width": values[None]} for code in spec.codes},
            {"width": "pixels"},
        ),
        draw_information({"gan": (np.array([1, 2]), np.ones((2, 2)))}, 2.3, [(1, "gan", 0.1, 0.2)]),
    ]


@pytest.mark.filterwarnings("error")
def test_figures_of_many_codes_are_as_large_as_those_of_few(spec):
    many = dataclasses.replace(spec, latent_spec=(*category_codes(2), *continuous_codes(200)), code_schedules=())
    for of_many, of_few in zip(draw_all(many), draw_all(spec)):
        assert imageio.imread(of_many).shape == imageio.imread(of_few).shape


def test_no_setting_of_the_users_reaches_a_figure(spec):
    settings = {
        **{"text.usetex": True, "figure.facecolor": "black", "axes.prop_cycle": matplotlib.cycler(color=["black"])},
        **{"savefig.bbox": "tight", "savefig.transparent": True, "font.size": 30.0, "axes.formatter.use_locale": True},
    }
    plain = draw_all(spec)
    with matplotlib.rc_context(settings):
        assert draw_all(spec) == plain
        assert {name: matplotlib.rcParams[name] for name in settings} == settings  # and they stay


def test_settings_that_matplotlib_refuses_get_one_line():
    command = [sys.executable, "-c", "import infogan.evaluation.figures"]
    environment = {**os.environ, "MPLBACKEND": "Qt4Agg"}
    result = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT)
    assert "InputError: matplotlib: its settings cannot be used (Key backend: 'Qt4Agg'" in result.stderr


def test_traversals_show_real_images_their_reconstructions_and_sweeps():
    """G is the value of the code that differs, as a shade; Q answers 0.5 and the second of three kinds."""
    latents = (Latent("noise", Uniform(2), False), Latent("width", Uniform(1)), Latent("kind", Categorical(3)))
    spec = dataclasses.replace(SMALL, latent_spec=latents, sweep_limit=1.0, code_schedules=(), paper_values=())
    answers = {"width": {"mean": np.full((3, 1), 0.5)}, "kind": {"prob": np.tile([0.1, 0.8, 0.1], (3, 1))}}

    def generate_from(z):
        return np.broadcast_to((z[..., 2] / 4 + z[..., 4] / 2 + 0.25)[..., None, None, None], (*z.shape[:-1], 4, 4, 1))

    run = types.SimpleNamespace(
        spec=spec,
        encode=lambda images: answers,
        latents=lambda codes, seed: place_values(spec, np.zeros((1, 6), np.float32), codes),
        generate_from=generate_from,
    )
    real = np.full((7, 4, 4, 1), 255, np.uint8)
    (picture,) = draw_traversals(run, real, seed=0)
    shades = imageio.imread(picture.content)[::2, ::2]
    assert shades.shape == (3 * 2 * 4 + 2 * 4, 12 * 4)  # three blocks of two codes, apart
    first, second = shades[0, ::4] / 255, shades[4, ::4] / 255
    np.testing.assert_allclose(first[:2], [1.0, 0.875], atol=0.01)  # the image; 0.5 and the second kind
    np.testing.assert_allclose(first[2:], 0.75 + np.linspace(-1, 1, 10) / 4, atol=0.01)
    np.testing.assert_allclose(second, [1.0, 0.875, 0.375, 0.875, 0.375, *[1.0] * 7], atol=0.01)
