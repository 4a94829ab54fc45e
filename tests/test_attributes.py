"""Known answers: codes that tell attributes, or nothing; samples in which a category brings an attribute."""

import types

import numpy as np
import pytest
from conftest import StandIn

from infogan.data import Dataset, Factor, Split
from infogan.evaluation import judges
from infogan.evaluation.attributes import FIGURE_6, attributes, choose_attributes, measure_effects, measure_told
from infogan.evaluation.factors import Reading
from infogan.evaluation.judges import AttributeClassifier, measure_attributes, obtain_classifier
from infogan.evaluation.metric import Settings
from infogan.latents import latent_slices

DRAW = np.random.default_rng(0)
COUNT = 4000
GLASSES, SMILE = DRAW.random(COUNT) < 0.07, DRAW.random(COUNT) < 0.5
FACTORS = {"Eyeglasses": Factor(GLASSES.astype(float), "binary"), "Smiling": Factor(SMILE.astype(float), "binary")}


def read(**codes):
    return {name: Reading("categorical", values) for name, values in codes.items()}


def test_codes_that_tell_attributes_and_one_that_does_not():
    found = measure_told(
        read(
            glasses=np.where(GLASSES, 3, DRAW.integers(0, 3, COUNT)),
            smile=np.where(DRAW.random(COUNT) < 0.1, 1 - SMILE, SMILE).astype(int),  # wrong on a tenth
            nothing=DRAW.integers(0, 10, COUNT),
        ),
        FACTORS,
        seed=0,
    )
    values = {(metric.name, metric.code): metric for metric in found}
    accuracy = {
        code: values["balanced accuracy for the attribute it tells", code] for code in ("glasses", "smile", "nothing")
    }
    assert (accuracy["glasses"].value, accuracy["glasses"].factor) == (1.0, "Eyeglasses")
    assert accuracy["smile"].value == pytest.approx(0.9, abs=5 * 0.3 / np.sqrt(2000))
    assert accuracy["nothing"].value == pytest.approx(0.5, abs=5 * 0.5 / np.sqrt(0.07 * 2000))
    assert " by chance" in accuracy["glasses"].note and accuracy["glasses"].note.startswith("Eyeglasses; 5")
    # 1 of 4 categories has all glasses: I = H(glasses), so 2 H(g) / (H(g) + H(c)).
    share = GLASSES.mean()
    entropy = -share * np.log(share) - (1 - share) * np.log(1 - share)
    expected = 2 * entropy / (2 * entropy + (1 - share) * np.log(3))
    assert values["NMI with the attribute it tells", "glasses"].value == pytest.approx(expected, rel=0.1)
    assert values["NMI with the attribute it tells", "nothing"].value < 0.02
    count = found[-1]
    assert (count.value, count.unit, count.note) == (2.0, "of 3", "glasses: Eyeglasses; smile: Smiling")


def test_the_attribute_is_scored_on_images_that_did_not_choose_it():
    """Of 60 attributes drawn at random a code fits one well on the images that choose it: on others 0.5 in the mean."""
    scores = []
    for seed in range(40):
        draw = np.random.default_rng(seed)
        factors = {str(i): Factor((draw.random(64) < 0.5).astype(float), "binary") for i in range(60)}
        scores.append(measure_told(read(code=draw.integers(0, 10, 64)), factors, seed)[0].value)
    assert np.mean(scores) == pytest.approx(0.5, abs=5 * 0.5 / np.sqrt(32 * 40))


def test_an_attribute_that_a_category_brings():
    present = DRAW.random((1000, 4, 2)) < 0.2
    present[:, 2, 1] = DRAW.random(1000) < 0.9
    nothing = DRAW.random((1000, 10, 2)) < 0.2
    found = measure_effects({"category_1": nothing, "category_2": present}, {"Eyeglasses": 0.85, "Smiling": 0.9})
    rows = {(metric.name, metric.code): metric for metric in found}
    accuracy = 5 * np.sqrt((0.09 + 0.16) / 500)
    of_code, of_attribute = (
        rows[key]
        for key in (
            ("change of an attribute of samples", "category_2"),
            ("change of Smiling in samples, best code", None),
        )
    )
    assert of_code.value == of_attribute.value == pytest.approx(0.7, abs=accuracy)
    assert of_code.factor == of_attribute.factor == "Smiling"
    assert "% with category 2; balanced accuracy of the classifier 90 %" in of_code.note
    assert of_attribute.note == of_code.note.replace("Smiling", "category_2")
    for key in (
        ("change of an attribute of samples", "category_1"),
        ("change of Eyeglasses in samples, best code", None),
    ):
        assert rows[key].value == pytest.approx(0.0, abs=accuracy)


def test_the_change_of_samples_is_scored_on_rows_that_did_not_choose_it():
    scores = []
    for seed in range(40):
        seen = dict(zip("cd", np.random.default_rng(seed).random((2, 40, 10, 9)) < 0.5))
        scores.append([metric.value for metric in measure_effects(seen, dict.fromkeys("abefghijk", 0.8))])
    # Two rows of codes, then nine of attributes: each is 0 in the mean.
    assert np.mean(scores, axis=0) == pytest.approx(0.0, abs=5 * np.sqrt(0.5 / 20 / 40))


def draw_faces(count, seed):
    """Grey noise; some have a bright bar above, some a dark one below, and no image has anything else."""
    draw = np.random.default_rng(seed)
    images = draw.integers(80, 160, (count, 12, 12, 1), np.uint8)
    table = draw.random((count, 3)) < [0.1, 0.5, 0.0]
    images[table[:, 0], 2:4] += 80
    images[table[:, 1], 8:10] -= 70
    factors = {
        name: Factor(values.astype(np.float32), "binary") for name, values in zip(("bright", "dark", "never"), table.T)
    }
    return Split(images, None, factors)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Where the classifier is kept: the first test trains it."""
    return tmp_path_factory.mktemp("cache")


def test_the_classifier_finds_rare_and_common_attributes(cache):
    train, test = draw_faces(3000, 0), draw_faces(600, 1)
    with obtain_classifier(train, cache) as classifier:
        assert classifier.attributes == ["bright", "dark"]  # nobody has the third
        accuracies = measure_attributes(classifier, test)
        probabilities = classifier.predict(test.images).probabilities
    assert min(accuracies.values()) > 0.95
    with obtain_classifier(train, cache) as again:  # from the cache
        np.testing.assert_array_equal(again.predict(test.images).probabilities, probabilities)


def test_a_rare_attribute_counts_from_its_share_on():
    with AttributeClassifier((8, 8, 1), {"rare": 0.1, "common": 0.9}) as classifier:
        assert classifier._choose(np.array([[0.2, 0.8], [0.05, 0.95]])).tolist() == [[True, False], [False, True]]


def test_attributes_of_figure_6_are_chosen_where_there_are_any():
    def split(**values):
        return Split(
            np.zeros((4, 2, 2, 1), np.uint8), None, {n: Factor(np.array(v, float), "binary") for n, v in values.items()}
        )

    some = split(young=[0, 1, 0, 1], Wavy_Hair=[0, 1, 1, 1], Bald=[0, 0, 0, 0])
    assert choose_attributes(Dataset(some, some, "faces")) == ["young"]  # none is bald
    other = split(red=[0, 1, 1, 1], round=[1, 1, 1, 1])
    assert choose_attributes(Dataset(other, other, "things")) == ["red"]
    assert len(set(FIGURE_6)) == 9


def test_a_set_without_attributes_has_none(spec, dataset):
    run = types.SimpleNamespace(spec=spec)
    assert attributes(run, dataset, None) == []  # labels, but no factors


def make_run(spec, generate):
    """Stands for a TrainedRun: Q reads the category of the brightest row from real images."""
    dim = sum(latent.distribution.dim for latent in spec.latent_spec)

    def read(split):
        bright = split.images[:, 3, :, 0].mean(axis=1) > 160
        probabilities = np.eye(10, dtype=np.float32)[np.where(bright, 4, np.arange(len(bright)) % 4)]
        infos = {
            code.name: {"mean": np.zeros((len(bright), 1)), "stddev": np.ones((len(bright), 1))} for code in spec.codes
        }
        return {**infos, "digit": {"prob": probabilities}}

    return StandIn(
        spec=spec,
        computed={},
        keep_open=lambda classifier: classifier,
        read=read,
        sample_latents=lambda count, seed: np.random.default_rng(seed).uniform(size=(count, dim)).astype(np.float32),
        generate_from=generate,
    )


def test_the_whole_metric_on_real_images_and_on_samples(spec, monkeypatch, cache):
    """Category 7 draws a dark bar, and Q sees bright bars: each is found, on its side."""
    monkeypatch.setenv("INFOGAN_CACHE", str(cache))
    faces = Dataset(draw_faces(3000, 0), draw_faces(600, 1), "faces")
    place = latent_slices(spec.latent_spec)["digit"]

    def generate(latents):
        images = np.random.default_rng(5).uniform(0.31, 0.63, (*latents.shape[:-1], 12, 12, 1)).astype(np.float32)
        images[latents[..., place].argmax(axis=-1) == 7, 8:10] -= 0.27
        return images

    run = make_run(spec, generate)
    found = attributes(run, faces, Settings(rows=20))
    rows = {metric.name: metric for metric in found if not isinstance(metric, str)}
    told = rows["balanced accuracy for the attribute it tells"]
    assert (told.code, told.factor, told.value) == ("digit", "bright", 1.0)
    assert rows["codes that tell an attribute, from 75 % on"].note == "digit: bright"
    change = rows["change of an attribute of samples"]
    assert (change.factor, change.value) == ("dark", pytest.approx(1.0, abs=0.1)) and "with category 7" in change.note
    assert "bright 9" in found[-1] or "bright 100 %" in found[-1]
    run = make_run(spec, lambda latents: np.full((len(latents), 12, 12, 1), 0.5))  # all alike
    assert not [item for item in attributes(run, faces, Settings(rows=4)) if "change" in getattr(item, "name", "")]


def test_attributes_of_very_few_images_are_left_out_and_named(spec):
    few = draw_faces(60, 3)
    split = Split(few.images, None, {"bright": Factor((np.arange(60) < 5).astype(float), "binary")})
    found = attributes(make_run(spec, None), Dataset(split, split, "faces"), Settings())
    assert found == ["Too few test images to measure bright: 20 with and without it are needed."]


def test_the_classifier_of_attributes_judges_in_place_of_one_of_labels(monkeypatch, cache):
    monkeypatch.setenv("INFOGAN_CACHE", str(cache))

    run = types.SimpleNamespace(computed={}, keep_open=lambda classifier: classifier)
    faces = Dataset(draw_faces(3000, 0), draw_faces(600, 1), "faces")
    classifier, metric = judges.find_classifier(run, faces)
    assert isinstance(classifier, AttributeClassifier) and metric.value > 0.95
    classifier.__exit__()
    monkeypatch.setattr(judges, "LEAST_BALANCED_ACCURACY", 1.01)
    run.computed = {}
    none, note = judges.find_classifier(run, faces)
    assert none is None and "but 101 % are needed" in note
