"""A set that declares its factors in this file: its kinds, its test split, and images by the values of its factors."""

import dataclasses
import re

import numpy as np
import pytest
from conftest import ROOT

from infogan.data import Dataset, Factor, Split, hold_out, select_images
from infogan.system.messages import InputError

SHAPES, SCALES, TURNS = (0, 1, 2), (0.5, 0.7, 1.0), (0, 90, 180, 270)


def make_grid(copies=1, groups=None):
    """Images of which each pixel is the number of its combination, times 3 plus the number of its copy."""
    shape, scale, turn, copy = (
        array.ravel() for array in np.meshgrid(SHAPES, SCALES, TURNS, range(copies), indexing="ij")
    )
    images = np.zeros((len(shape), 8, 8, 1), np.uint8)
    images += np.uint8((12 * shape + 4 * np.searchsorted(SCALES, scale) + turn // 90) * 3 + copy)[:, None, None, None]
    factors = {
        "shape": Factor(shape, "nominal"),
        "scale": Factor(scale.astype(np.float32), "ordered"),
        "turn": Factor(turn.astype(np.float32), "circular", 360),
    }
    return Split(images, None, factors, groups)


@pytest.fixture
def split_grid():
    return hold_out(make_grid(), "a grid")


def combination_of(images):
    """Level numbers [N, 3], read from the pixels."""
    number = images[:, 0, 0, 0] // 3
    return np.stack([number // 12, number // 4 % 3, number % 4], axis=1)


def test_images_are_found_by_the_values_of_their_factors(split_grid):
    grid = split_grid.grid()
    assert grid.sizes == (3, 3, 4)
    assert {name: levels.tolist() for name, levels in grid.levels.items()} == {
        "shape": [0, 1, 2],
        "scale": [0.5, np.float32(0.7), 1.0],
        "turn": [0, 90, 180, 270],
    }
    one = grid.find({"turn": 180, "shape": 2, "scale": 0.7})
    assert one.tolist() == [[2, 1, 2]]
    assert combination_of(grid.images(one)).tolist() == [[2, 1, 2]]
    several = grid.find({"turn": [0, 270], "shape": np.array([1, 0]), "scale": 0.5})
    assert combination_of(grid.images(several)).tolist() == [[1, 0, 0], [0, 0, 3]]
    everything = np.stack(np.unravel_index(np.arange(36), grid.sizes), axis=1)
    np.testing.assert_array_equal(combination_of(grid.images(everything)), everything)
    assert sorted(grid.places(everything)) == list(range(36))


def test_one_factor_is_fixed_and_the_others_are_drawn(split_grid):
    grid, random = split_grid.grid(), np.random.default_rng(0)
    drawn = grid.draw(3600, random, {"scale": 0.7})
    found = combination_of(grid.images(drawn, random))
    np.testing.assert_array_equal(found, drawn)
    assert set(found[:, 1]) == {1}
    counts = np.bincount(found[:, 0] * 4 + found[:, 2], minlength=12)
    # Each of 12 combinations 300 times: five standard deviations are 83 (false alarm 7e-6).
    assert np.abs(counts - 300).max() < 83
    assert len(np.unique(grid.draw(3600, random), axis=0)) == 36
    np.testing.assert_array_equal(grid.draw(9, np.random.default_rng(5)), grid.draw(9, np.random.default_rng(5)))


def test_images_of_one_combination_are_drawn_alike():
    grid, random = hold_out(make_grid(copies=3), "a grid").grid(), np.random.default_rng(0)
    one = np.repeat(grid.find({"shape": 1, "scale": 1, "turn": 90}), 300, axis=0)
    copies = grid.images(one, random)[:, 0, 0, 0] % 3
    assert np.abs(np.bincount(copies) - 100).max() < 41  # five standard deviations
    assert len(set(grid.places(one))) == 1  # the first one, where nothing is drawn


def test_a_set_is_sampled_as_a_whole_however_little_of_it_is_trained_on(split_grid, spec):
    limited = select_images(dataclasses.replace(spec, held_out_images=5, max_images=9, batch_size=2), split_grid)
    assert (len(limited.train), len(limited.test)) == (9, 4)
    assert limited.grid().sizes == (3, 3, 4)
    again = select_images(dataclasses.replace(spec, held_out_images=0, max_images=4, batch_size=2), limited)
    assert combination_of(again.grid().images(again.grid().find({"turn": 0, "shape": 0, "scale": 1}))).tolist() == [
        [0, 2, 0]
    ]


@pytest.mark.parametrize(
    "split, message",
    [
        (Split(make_grid().images), "it has no true factors, but sampling by factor needs them"),
        (make_grid().part(None, 30), "3 shape x 3 scale x 4 turn values, but there are 30 images"),
        (
            make_grid(copies=2).select(np.arange(70)),
            "3 shape x 3 scale x 4 turn values, but 1 combinations have no image",
        ),
        (
            Split(make_grid().images, None, {"light": Factor(np.linspace(0, 1, 36), "ordered"), **make_grid().factors}),
            "36 light x 3 shape x 3 scale x 4 turn values, but there are 36 images",
        ),
    ],
)
def test_a_set_that_is_no_grid_says_so(split, message):
    with pytest.raises(InputError, match=f"^drawn: .*{message}"):
        hold_out(split, "drawn").grid()


def test_values_that_no_image_has_are_refused(split_grid):
    grid = split_grid.grid()
    for values, message in (
        ({"scale": 0.6}, "scale 0.6 was given, but it has the values 0.5, 0.7, 1"),
        ({"scale": [0.5, 3]}, "scale 3 was given"),
        ({"size": 1}, "'size' was given, but the factors are shape, scale, turn"),
    ):
        with pytest.raises(InputError, match=message):
            grid.draw(2, np.random.default_rng(0), values)
        with pytest.raises(InputError, match=message):
            grid.find({"shape": 0, "scale": 1, "turn": 0, **values})
    for combinations in ([[0, 0, 4]], [[0, 0]], [[0.5, 0, 0]], [[-1, 0, 0]]):
        with pytest.raises(InputError, match=r"^combinations: they cannot be used"):
            grid.places(combinations)
    with pytest.raises(InputError, match="scale 'big' was given, but a number is needed"):
        grid.draw(2, np.random.default_rng(0), {"scale": "big"})
    with pytest.raises(InputError, match="no turn was given, but each of shape, scale, turn is needed"):
        grid.find({"shape": 0, "scale": 1})


def test_the_test_split_is_drawn_from_the_whole_set_once_and_for_all():
    split = Split(np.arange(200, dtype=np.uint8)[:, None, None, None], np.arange(200))
    dataset = hold_out(split, "sorted")
    assert (len(dataset.train), len(dataset.test)) == (180, 20)
    for part in (dataset.train, dataset.test):
        np.testing.assert_array_equal(part.images.ravel(), part.labels)
    assert sorted([*dataset.train.labels, *dataset.test.labels]) == list(range(200))
    assert 60 < dataset.test.labels.mean() < 140  # the mean of 20 is within 40 of 100 but for 1 in 500 seeds
    assert 60 < dataset.train.labels[:20].mean() < 140  # as --smoke takes them
    np.testing.assert_array_equal(dataset.test.labels, hold_out(split, "sorted").test.labels)


def test_images_of_one_object_are_in_one_split():
    groups = np.repeat([40, 7, 99, 3, 12], [30, 1, 4, 25, 9])[np.random.default_rng(1).permutation(69)]
    dataset = hold_out(Split(np.zeros((69, 8, 8, 1), np.uint8), None, {}, groups), "objects")
    train, test = set(dataset.train.groups), set(dataset.test.groups)
    assert (len(train), len(test), train & test) == (4, 1, set())
    assert len(dataset.train) + len(dataset.test) == 69


@pytest.mark.parametrize(
    "count, groups, what", [(0, None, "0 images"), (1, None, "1 images"), (9, np.zeros(9), "1 objects")]
)
def test_a_set_of_one_thing_cannot_be_split(count, groups, what):
    with pytest.raises(InputError, match=f"it gives {what}, but at least 2 are needed"):
        hold_out(Split(np.zeros((count, 8, 8, 1), np.uint8), None, {}, groups), "small")


@pytest.mark.parametrize(
    "kind, period, message",
    [
        (
            "angle",
            None,
            "Factor.kind: 'angle' was given, but one of ordered, circular, nominal, binary is needed",
        ),
        ("circular", None, "period: None was given, but a circular factor needs"),
        ("circular", 0, "period: 0 was given"),
        ("circular", "360", "period: '360' was given"),
        ("ordered", 360, "period: 360 was given, but a factor that is ordered has none"),
    ],
)
def test_a_factor_says_its_kind(kind, period, message):
    with pytest.raises(InputError, match=message):
        Factor(np.zeros(3), kind, period)


def test_a_set_without_a_test_split_of_its_own_may_be_all_of_a_grid():
    grid = Dataset(make_grid(), make_grid().part(None, 4), "all").grid()
    assert combination_of(grid.images(grid.find({"shape": 0, "scale": 0.5, "turn": 90}))).tolist() == [[0, 0, 1]]


def test_the_python_of_the_page_on_datasets_runs():
    names = {}
    for block in re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "datasets.md").read_text(), re.DOTALL):
        exec(compile(block, "datasets.md", "exec"), names)
    assert (names["images"].shape, names["one"].shape) == ((64, 28, 28, 1), (1, 28, 28, 1))
