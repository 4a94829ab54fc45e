"""Known answers: drawn strokes of known slant, width and thickness."""

import time

import numpy as np
import pytest

from infogan.evaluation.code_effect import measure_style


def draw_bar(width, height=18.0, degrees=0.0, size=28):
    """An upright bar, sheared by `degrees` to the right; a pixel holds the share of it that the bar covers."""
    fine = (np.arange(size * 10) + 0.5) / 10 - size / 2
    x, y = fine[None, :], fine[:, None]
    inside = (np.abs(x + np.tan(np.radians(degrees)) * y) <= width / 2) & (np.abs(y) <= height / 2)
    return inside.reshape(size, 10, size, 10).mean(axis=(1, 3))


def measure(image):
    return {name: float(values[0]) for name, values in measure_style(image[None]).items()}


@pytest.mark.parametrize("degrees", [-30, -10, 0, 15, 35])
def test_slant_of_a_bar(degrees):
    assert measure(draw_bar(3.0, degrees=degrees))["slant"] == pytest.approx(degrees, abs=0.7)


@pytest.mark.parametrize("degrees", [0, 10, 25, 40])
def test_width_of_a_bar_whatever_its_slant(degrees):
    widths = [measure(draw_bar(width, degrees=degrees))["width"] for width in (4.0, 8.0, 12.0)]
    # Pixels blur either edge by up to half a pixel; the same for all, so differences are 98 % of the true ones.
    np.testing.assert_allclose(np.diff(widths), 0.98 * 4.0, atol=0.35)
    assert 3.9 < widths[0] < 5.1


def draw_ring(radius, thickness, size=28):
    fine = (np.arange(size * 10) + 0.5) / 10 - size / 2
    distance = np.hypot(fine[None, :], fine[:, None])
    return (np.abs(distance - radius) <= thickness / 2).reshape(size, 10, size, 10).mean(axis=(1, 3))


@pytest.mark.parametrize("thickness", [2.0, 3.0, 5.0])
def test_thickness_of_a_ring(thickness):
    measured = measure(draw_ring(8.0, thickness))
    assert measured["thickness"] == pytest.approx(thickness, abs=0.35)
    assert measured["slant"] == pytest.approx(0.0, abs=0.1)


def test_thickness_does_not_depend_on_the_grey_level():
    ring = draw_ring(8.0, 3.0)
    assert measure(0.5 * ring)["thickness"] == pytest.approx(measure(ring)["thickness"], abs=0.1)


def test_an_image_does_not_depend_on_its_neighbours():
    images = np.stack([draw_bar(3.0), draw_ring(8.0, 2.0), draw_bar(9.0, degrees=20)])
    together = measure_style(images)
    for index, image in enumerate(images):
        alone = measure(image)
        assert together["slant"][index] == pytest.approx(alone["slant"])
        assert together["width"][index] == pytest.approx(alone["width"])
        # Between equally good skeletons chance decides, by place.
        assert together["thickness"][index] == pytest.approx(alone["thickness"], abs=0.1)


def test_strokes_that_touch_the_border_do_not_merge():
    bar = np.zeros((2, 28, 28))
    bar[:, :, 12:15] = 1.0
    assert measure_style(bar)["thickness"] == pytest.approx([measure(bar[0])["thickness"]] * 2, abs=0.1)


def test_blank_images_have_no_style():
    measured = measure_style(np.stack([np.zeros((28, 28)), np.full((28, 28), 0.7), draw_bar(3.0)]))
    for values in measured.values():
        assert np.isnan(values).tolist() == [True, True, False]


def test_a_thousand_images_take_seconds():
    images = np.stack([draw_bar(3.0, degrees=degrees) for degrees in range(-20, 20)] * 25)
    started = time.process_time()
    measure_style(images)
    assert time.process_time() - started < 20.0
