"""What codes do to generated images, by a regressor of the factors: known answers, and a regressor that learns."""

import dataclasses
from types import SimpleNamespace

import imageio.v3 as imageio
import numpy as np
import pytest

from infogan.data import Dataset, Factor, Split
from infogan.distributions import Categorical, Circular, Uniform
from infogan.evaluation import factor_sweeps
from infogan.evaluation.factor_reader import FactorReader, find_reader, measure_error, measure_explained, obtain_reader
from infogan.evaluation.factor_sweeps import Sweep, draw_figure, find_best, find_span, measure_movement, measure_sweep
from infogan.latents import Latent

SIDE, ROWS, COLUMNS = 16, 40, 10
SPANS = {"turn": 100.0, "light": 2.0}
NUMBER = Uniform(1)


def paint(count, seed):
    """A bright row whose height is the width, and a bright column whose place is the angle; nothing tells the name."""
    random = np.random.default_rng(seed)
    width, angle, name = random.uniform(0.8, 1.2, count), random.uniform(0, 360, count), random.normal(size=count)
    images = random.integers(0, 30, (count, SIDE, SIDE, 1)).astype(float)
    line = np.arange(SIDE)
    heights, places = (width - 0.8) / 0.4 * (SIDE - 1), angle / 360 * SIDE
    away = np.minimum(np.abs(line - places[:, None]), SIDE - np.abs(line - places[:, None]))  # it goes around
    images[..., 0] += 110 * np.exp(-np.square(line[None] - heights[:, None]) / 4)[:, :, None]
    images[..., 0] += 110 * np.exp(-np.square(away) / 4)[:, None]
    factors = {
        "width": Factor(width, "ordered"),
        "angle": Factor(angle, "circular", 360),
        "name": Factor(name, "ordered"),
        "kind": Factor(np.arange(count) % 3, "nominal"),
    }
    return Split(images.clip(0, 255).astype(np.uint8), None, factors, np.arange(count))


@pytest.fixture(scope="module")
def dataset():
    return Dataset(paint(3000, 0), paint(400, 1), "painted")


@pytest.fixture(scope="module")
def cache(dataset, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    obtain_reader(dataset.train, folder).__exit__()
    return folder


def test_it_reads_what_can_be_read_and_is_kept(dataset, cache, monkeypatch):
    monkeypatch.setattr(FactorReader, "train", lambda *arguments: pytest.fail("trained again"))
    with obtain_reader(dataset.train, cache) as reader:
        read = reader.read(dataset.test.images)
        as_floats = reader.read(dataset.test.images / np.float32(255))
    assert list(read) == ["width", "angle", "name"]
    true = dataset.test.factors
    assert measure_explained(read["width"], true["width"]) > 0.95
    assert measure_explained(read["angle"], true["angle"]) > 0.95
    assert measure_explained(read["name"], true["name"]) < 0.3
    assert measure_error(read["angle"], true["angle"]) < 15, "degrees, also across 0"
    np.testing.assert_allclose(as_floats["width"].values, read["width"].values, atol=1e-4)


def test_it_is_stated_with_its_error_and_reads_only_what_it_can(dataset, cache, monkeypatch):
    monkeypatch.setenv("INFOGAN_CACHE", str(cache))
    run = SimpleNamespace(computed={}, keep_open=lambda context: context)
    reader, quality, rows = find_reader(run, dataset)
    with reader:
        assert list(quality) == ["width", "angle"]
    assert [row.name for row in rows] == [
        f"variance of {name} read by the regressor" for name in ("width", "angle", "name")
    ]
    assert "never seen; median error" in rows[0].note and rows[2].note.endswith("read it from generated images")


def test_errors_go_around_a_circle():
    true, read = (Factor(np.array(values), "circular", 360) for values in ([359.0, 10.0], [1.0, 350.0]))
    assert measure_error(read, true) == pytest.approx(11)
    assert measure_explained(true, true) == 1


def test_movement_is_a_share_of_the_span():
    ordered, circular = Factor(np.linspace(0, 100, 101), "ordered"), Factor(np.zeros(1), "circular", 360)
    assert find_span(ordered) == pytest.approx(98)
    np.testing.assert_allclose(measure_movement(np.array([[1.0, 50, 0], [3, 3, 3]]), ordered, 100), [0.5, 0])
    rows = np.array([[350.0, 10, 0], [0, 180, 90], [7, 7, 7]])
    np.testing.assert_allclose(measure_movement(rows, circular, find_span(circular)), [20 / 180, 1, 0])


def make_sweep(name, turn, light, family=NUMBER, values=None):
    """A sweep in which the code's values decide the factors, by functions of (value, noise)."""
    values = np.linspace(-1, 1, COLUMNS) if values is None else values
    noise = np.random.default_rng(len(name)).normal(size=(ROWS, 1))
    read = {
        "turn": Factor((turn(values) + 0 * noise).ravel(), "ordered"),
        "light": Factor((light(values) + noise).ravel(), "ordered"),
    }
    images = np.zeros((ROWS, len(values), 4, 4, 1), np.float32) + np.linspace(0, 1, ROWS)[:, None, None, None, None]
    return Sweep(Latent(name, family), values, images, read)


def still(values):
    return np.zeros(len(values))


def test_a_code_is_tied_to_what_follows_it_and_the_others_stand_still():
    follows = measure_sweep(make_sweep("a", lambda values: 30 * values, still), SPANS, 0)
    assert [row.name for row in follows] == ["|Spearman| with generated turn", "other generated factors move"]
    assert follows[0].value == pytest.approx(1) and follows[0].code == "a"
    assert follows[0].note == "1.00 within a row; moves over 60% of its range"
    assert (follows[1].value, follows[1].note) == (0, "most: light, 0%")
    drags = measure_sweep(make_sweep("a", lambda values: 30 * values, lambda values: values / 2), SPANS, 0)
    assert (drags[1].value, drags[1].note) == (pytest.approx(0.5), "most: light, 50%")


def test_a_fold_is_no_order():
    folded = measure_sweep(make_sweep("a", lambda values: np.abs(values).round(6), still), {"turn": 1.0}, 0)
    assert folded[0].value < 0.01


def test_the_best_code_of_a_factor_is_found():
    sweeps = [make_sweep("a", still, lambda values: 3 * values), make_sweep("bb", lambda values: -values, still)]
    best, row = find_best(sweeps, "turn", 0)
    assert (best.code.name, row.note, row.name) == ("bb", "bb", "|Spearman| with generated turn, best code")
    assert row.value == pytest.approx(1)
    assert find_best(sweeps, "light", 0)[0].code.name == "a"


@pytest.mark.parametrize(
    "family, values", [(Circular(), np.linspace(-1, 1, COLUMNS)), (Categorical(4), np.arange(4))], ids=["angle", "kind"]
)
def test_codes_of_other_kinds_are_scored_as_on_real_images(family, values):
    each = make_sweep("a", lambda values: np.cos(np.pi * values), still, family, values)
    rows = measure_sweep(each, {"turn": 2.0, "light": 5.0}, 0)
    assert rows[0].name == "variance of generated turn explained"
    assert rows[0].value == pytest.approx(1)


def test_the_figure_has_the_best_row_first_and_the_mean_last():
    """Rows are grey levels; in the third the turn follows the code, in the others it does not move."""
    each = make_sweep("a", still, still)
    turn = each.grid("turn").copy()
    turn[2] = np.linspace(0, 1, COLUMNS)
    each = each._replace(read={**each.read, "turn": dataclasses.replace(each.read["turn"], values=turn.ravel())})
    (picture,) = draw_figure("Figure 3", {"turn": each, "light": each}, SPANS)
    assert picture.path == "samples/figure_3.png" and "turn by a; light by a" in picture.caption
    pixels = imageio.imread(picture.content)
    assert pixels.shape == (6 * 8, 2 * COLUMNS * 8 + 8)
    levels = (np.linspace(0, 1, ROWS) * 255).round()
    assert pixels[::8, 0].tolist() == pytest.approx(
        [levels[2], levels[0], levels[1], levels[3], levels[4], 127.5], abs=1
    )


def test_other_sets_and_sets_without_factors_are_not_measured(dataset):
    run = SimpleNamespace(spec=SimpleNamespace(dataset="mnist"))
    assert factor_sweeps.factor_sweeps(run, dataset, None) == []
    bare = Dataset(Split(dataset.train.images), Split(dataset.test.images), "bare")
    assert factor_sweeps.factor_sweeps(SimpleNamespace(spec=SimpleNamespace(dataset="faces3d")), bare, None) == []
