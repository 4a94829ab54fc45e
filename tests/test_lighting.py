"""Known answers: samples whose light and surroundings are drawn as codes say."""

import dataclasses

import numpy as np
import pytest
from conftest import StandIn

from infogan.evaluation import lighting as module
from infogan.evaluation.lighting import (
    QUALITIES,
    compute_change_outside,
    context,
    lighting,
    measure_light,
    measure_lighting,
)
from infogan.evaluation.metric import Claim, Settings, compare

VALUES = np.linspace(-2, 2, 11)


def test_light_of_known_images():
    images = np.zeros((3, 4, 6, 3))
    images[0] = 0.5
    images[1, :, 3:] = 0.8  # the right half
    images[2, :2] = [0.9, 0.0, 0.0]  # the upper half, in red
    light = measure_light(images)
    np.testing.assert_allclose(light["brightness"], [0.5, 0.4, 0.15])
    np.testing.assert_allclose(light["light from the right"], [0.0, 0.8, 0.0], atol=1e-12)
    np.testing.assert_allclose(light["light from below"], [0.0, 0.0, -0.3], atol=1e-12)


@pytest.mark.parametrize("shape", [(5, 7), (4, 4)])
def test_an_even_image_has_light_from_nowhere_whatever_its_size(shape):
    light = measure_light(np.full((2, *shape, 1), 0.25))
    assert light["brightness"].tolist() == [0.25] * 2
    assert light["light from the right"].tolist() == light["light from below"].tolist() == [0.0] * 2


def draw_lights(rows=100, seed=0, **codes):
    """Lights of rows of samples for each code: what it changes, how strongly, in noise of deviation 1."""
    draw, lights = np.random.default_rng(seed), {}
    for code, (changed, strength) in codes.items():
        seen = {quality: draw.normal(size=(rows, 11)) for quality in QUALITIES}
        if changed:
            seen[changed] += strength * VALUES
        lights[code] = seen
    return lights


def test_the_code_that_stands_for_light_is_found_and_claimed():
    lights = draw_lights(continuous_1=(None, 0), continuous_2=("light from below", -10.0))
    *rows, best = measure_lighting(dict.fromkeys(lights, VALUES), lights, Claim("Fig. 5(a), drawn", 0.8))
    found = {(metric.code, metric.factor): metric.value for metric in rows}
    assert found["continuous_2", "light from below"] > 0.95
    assert found["continuous_2", "brightness"] < 5 / np.sqrt(1100)
    assert found["continuous_1", "light from below"] < 5 / np.sqrt(1100)
    assert best.value > 0.95 and best.note == "continuous_2: light from below"
    assert compare([best], ())[0]["holds"] is True
    change = next(metric.change for metric in rows if metric.factor == best.note.split(": ")[1] and metric.value > 0.9)
    assert (change.low, change.high) == pytest.approx((2000, -2000), rel=0.1)


def test_codes_that_do_nothing_score_as_chance_though_the_best_of_many_is_chosen():
    """On the rows that chose it the best of 24 pairs would have more than 2 deviations of 1 / sqrt(110)."""
    scores = []
    for group in range(10):
        lights = draw_lights(20, group, **{f"continuous_{i}": (None, 0) for i in range(8)})
        *_, best = measure_lighting(dict.fromkeys(lights, VALUES), lights)
        scores.append(best.value)
    # |N(0, 1 / 110)| has a mean of 0.076 and a deviation of 0.057: 4 deviations of the mean of ten.
    assert np.mean(scores) < 0.15


def test_the_change_outside_over_that_in_the_middle():
    images = np.zeros((5, 4, 8, 8, 3))
    ramp = np.arange(4.0)[None, :, None, None, None]
    assert compute_change_outside(images + ramp) == pytest.approx(1.0)
    images[:, :, 2:6, 2:6] = ramp
    assert compute_change_outside(images) == 0.0
    assert compute_change_outside(images + 2 * ramp) == pytest.approx(4 / 9)
    assert np.isinf(compute_change_outside(images - np.where(images > 0, images, 0) + (images == 0) * ramp))


@pytest.fixture
def plates(spec, dataset, monkeypatch):
    """Stands for a TrainedRun of house numbers whose category makes the surroundings lighter, and leaves the middle."""
    monkeypatch.setattr(module, "are_alike", lambda run, dataset: False)
    monkeypatch.setattr(module, "find_classifier", lambda run, dataset: (None, "there is none"))
    place = sum(latent.distribution.dim for latent in spec.latent_spec if not latent.regularised)

    def generate(latents):
        images = np.full((*latents.shape[:-1], 8, 8, 1), 0.5)
        images[..., 0, :, 0] = (latents[..., place : place + 10] * np.arange(10) / 10).sum(axis=-1)[..., None]
        images[..., 3, 4, 0] += 0.1 * latents[..., -1]  # width, in the middle
        return images.astype(np.float32)

    dim = sum(latent.distribution.dim for latent in spec.latent_spec)
    return StandIn(
        spec=dataclasses.replace(spec, dataset="svhn", seed=0),
        sample_latents=lambda count, seed: np.random.default_rng(seed).uniform(-1, 1, (count, dim)),
        generate_from=generate,
    )


def test_whole_metrics_of_plates_and_of_digits(plates, dataset):
    metrics = lighting(plates, dataset, Settings(rows=20))
    assert {metric.code for metric in metrics} == {"rotation", "width", None}
    assert metrics[-1].claim is not None
    (change,) = context(plates, dataset, Settings(rows=20))
    assert (change.code, change.value) == ("digit", np.inf)  # the category leaves the middle as it is
    plates.spec = dataclasses.replace(plates.spec, dataset="mnist")
    assert lighting(plates, dataset, Settings()) == context(plates, dataset, Settings()) == []
    plates.spec = dataclasses.replace(plates.spec, dataset="svhn", variant="gan")
    assert lighting(plates, dataset, Settings(rows=20))[-1].claim is None
