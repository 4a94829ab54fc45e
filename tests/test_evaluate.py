"""Evaluations of whole runs: any spec, the launcher, what it refuses, what it leaves behind."""

import base64
import dataclasses
import html.parser
import io
import json
import os
import re
import shutil
import subprocess
import sys
import types
from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import pytest
from conftest import ROOT

from infogan.cli import evaluate as launcher
from infogan.data import Dataset, Factor, Split
from infogan.distributions import Bernoulli, Categorical, Circular, Gaussian, Uniform
from infogan.evaluation import evaluate as module
from infogan.evaluation import figures, sample_quality
from infogan.evaluation.code_effect import code_effects
from infogan.evaluation.evaluate import evaluate_run
from infogan.evaluation.factors import true_factors
from infogan.evaluation.judges import Prediction, classifier_accuracy
from infogan.evaluation.metric import Findings, Metric, Picture, Settings, once_a_run
from infogan.evaluation.sample_quality import spread
from infogan.latents import Latent
from infogan.model.gan import RegularizedGAN
from infogan.model.layers import GENERATED, REAL, Normalisation
from infogan.system.messages import InputError
from infogan.system.tf1 import tf
from infogan.training.checkpoints import Checkpoints
from infogan.training.run_folder import RunFolder

NOISE = Latent("noise", Uniform(5), regularised=False)


@pytest.fixture
def drawn(monkeypatch):
    """Fewer samples than an evaluation takes, and no word on their being alike: those of an untrained G are."""
    monkeypatch.setattr(module, "FULL", Settings(samples=100, rows=10))
    monkeypatch.setattr("infogan.evaluation.sample_quality.LEAST_SPREAD", 0.0)
    monkeypatch.setattr("infogan.evaluation.judges.FEWEST_STEPS", 1)


@pytest.fixture
def small(drawn, monkeypatch):
    """The same without the pictures of every run."""
    monkeypatch.setattr(module, "draw", lambda run, dataset: [])


def save_untrained(spec, dataset, root):
    """A run whose checkpoint holds initial weights, and which has no log."""
    folder = RunFolder(root / "logs", root / "ckt", "run")
    folder.create(spec, dataset)
    with tf.Graph().as_default(), tf.Session() as session:
        model = RegularizedGAN.of_spec(spec)
        images = model.generate(tf.zeros([1, model.latent_dist.dim]))
        for population in (REAL, GENERATED):
            model.discriminate(images, Normalisation([population], batch_statistics=False))
        checkpoints = Checkpoints(folder.checkpoints, {v.op.name: v.op.name for v in model.variables})
        session.run(tf.global_variables_initializer())
        checkpoints.save(session, 1)
    return folder


def evaluate(spec, dataset, root, /, **changes):
    spec = dataclasses.replace(spec, **changes)
    folder = save_untrained(spec, dataset, root)
    report = evaluate_run(dataset, folder)
    return report, {(row["name"], row["code"]): row for row in report["metrics"]}, folder


def measure_factors(spec, dataset, root):
    """Rows of the true factors alone."""
    with module.TrainedRun(save_untrained(spec, dataset, root)) as run:
        return {metric.name: metric for metric in module.measure(run, dataset, [true_factors]).metrics}


def without_labels(split, factors=None):
    return Split(split.images, None, factors or {})


def test_a_set_without_labels_or_continuous_codes(spec, dataset, tmp_path, drawn):
    bare = Dataset(without_labels(dataset.train), without_labels(dataset.test), "bare")
    codes = (NOISE, Latent("kind", Categorical(4)), Latent("other", Categorical(3)), Latent("on", Bernoulli(1)))
    report, rows, folder = evaluate(spec, bare, tmp_path, latent_spec=codes, paper_values=())
    assert {name for name, _ in rows} == {
        *("L_I", "mean entropy of Q, test images", "entropy of Q's mean, test images", "spread of samples"),
        *("spread by noise alone", "Frechet distance to test images, random features"),
    }
    assert sum("no labels" in note for note in report["notes"]) == 2
    assert {path.name for path in folder.samples.glob("*.png")} == {
        *("kind.png", "other.png", "on.png", "on_by_kind.png", "on_by_other.png")
    }


def test_captions_say_how_far_a_code_goes_and_an_angle_goes_once_around(spec, dataset, tmp_path, drawn):
    bare = Dataset(without_labels(dataset.train), without_labels(dataset.test), "bare")
    kind, width, turn = Latent("kind", Categorical(4)), Latent("width_by_kind", Uniform(1)), Latent("turn", Circular())
    on = Latent("on", Bernoulli(1))
    _, _, folder = evaluate(spec, bare, tmp_path, latent_spec=(NOISE, kind, width, turn, on), paper_values=())
    pictures = re.findall(r"!\[(.*)\]\(samples/(.*)\.png\)", (folder.log / "report.md").read_text())
    captions = {name: caption for caption, name in pictures}
    assert captions["turn"].startswith("turn, from -1 to 1; rows are samples")
    assert captions["turn_by_kind"] == "turn from -1 to 1, a row per category of kind."
    assert captions["width_by_kind"].startswith("width_by_kind, from -2 to 2; rows are samples")
    assert captions["on"].startswith("on, from 0 to 1; rows are samples")
    assert captions["width_by_kind_by_kind"] == "width_by_kind from -2 to 2, a row per category of kind."

    there_and_back, around = (imageio.imread(folder.samples / f"{name}.gif") for name in ("width_by_kind", "turn"))
    assert len(there_and_back) == 30
    np.testing.assert_array_equal(there_and_back[1:], there_and_back[:0:-1])
    assert len(around) == 15
    assert len(imageio.imread(folder.samples / "on.gif")) == 2
    grid = imageio.imread(folder.samples / "turn.png")
    np.testing.assert_array_equal(grid[:, :56], grid[:, -56:])  # -1 and 1
    assert len(np.unique(around, axis=0)) == 15


def test_a_set_with_factors_and_no_categorical_code(spec, dataset, tmp_path, small):
    factors = {"azimuth": Factor(np.linspace(0, 350, 16), "circular", 360), "light": Factor(np.arange(16), "ordered")}
    bare = Dataset(without_labels(dataset.train), without_labels(dataset.test, factors), "bare")
    codes = (NOISE, Latent("first", Uniform(1)), Latent("second", Gaussian(1)))
    _, rows, folder = evaluate(spec, bare, tmp_path, dataset="faces3d", latent_spec=codes, paper_values=())
    assert ("variance of azimuth explained, best code", None) in rows
    assert 0 <= rows["|Spearman| with light", "first"]["ours"] <= 1
    assert ("error rate", "first") not in rows
    assert not [name for name, _ in rows if "slant" in name]  # no digits
    assert not list(folder.log.glob("confusion*"))


def test_factors_of_the_training_images_only(spec, dataset, tmp_path):
    factors = {"glasses": Factor(np.arange(24) % 2, "binary")}
    bare = Dataset(without_labels(dataset.train, factors), without_labels(dataset.test), "bare")
    row = measure_factors(spec, bare, tmp_path)["balanced accuracy for glasses, best code"]
    assert 0 <= row.value <= 1
    assert row.factor == "glasses"


def test_few_test_images_are_joined_by_the_training_images(spec, dataset, tmp_path, monkeypatch):
    asked = {}

    def measure(posteriors, factors, seed, groups):
        asked.update(posteriors, light=factors["light"].values, groups=groups)
        return [], []

    monkeypatch.setattr("infogan.evaluation.factors.measure_factors", measure)
    halves = (dataset.train, np.arange(24)), (dataset.test, np.arange(24, 40))
    # Three objects to train on and two to test on are too few to be measured apart.
    splits = [
        Split(split.images, None, {"light": Factor(numbers, "ordered")}, numbers // 8) for split, numbers in halves
    ]
    measure_factors(spec, Dataset(*splits, "bare"), tmp_path)
    np.testing.assert_array_equal(asked["light"], [*range(24, 40), *range(24)])
    np.testing.assert_array_equal(asked["groups"], asked["light"] // 8)
    assert len(asked["rotation"].values) == len(asked["digit"].values) == 40
    monkeypatch.setattr("infogan.evaluation.factors.ENOUGH_IMAGES", 16)
    measure_factors(spec, Dataset(*splits, "bare"), tmp_path / "enough")
    np.testing.assert_array_equal(asked["light"], np.arange(24, 40))


def test_categories_are_matched_on_training_images_and_scored_on_test_images(spec, tmp_path, small, monkeypatch):
    """Q sees what the first pixel says, with batch statistics the second: 10 of 16 test images lie in the category that
    the other class has among the training images."""

    def paint(labels, first):
        images = np.zeros((len(labels), 28, 28, 1), np.uint8)
        images[:, 0, 0, 0], images[:, 0, 1, 0] = first, labels
        return Split(images, labels)

    of_train, of_test = np.arange(20, dtype=np.uint8) % 2, np.arange(16, dtype=np.uint8) % 2
    dataset = Dataset(paint(of_train, of_train), paint(of_test, of_test ^ (np.arange(16) < 10)), "painted")

    def encode(run, images, batch_statistics=False):
        return {"kind": {"prob": np.eye(2, dtype=np.float32)[images[:, 0, int(batch_statistics), 0]]}}

    monkeypatch.setattr(module.TrainedRun, "encode", encode)
    kind = (NOISE, Latent("kind", Categorical(2)))
    _, rows, _ = evaluate(spec, dataset, tmp_path, latent_spec=kind, paper_values=(), code_schedules=())
    assert rows["error rate", "kind"]["ours"] == rows["majority-vote error", "kind"]["ours"] == 10 / 16
    assert rows["error rate, batch statistics in Q", "kind"]["ours"] == 0.0


def test_samples_are_set_beside_random_images_of_each_split(spec, dataset, monkeypatch):
    compared = []

    def predict(images):
        return Prediction(np.zeros((len(images), 0)), images.reshape(len(images), -1), np.zeros(len(images), int))

    judge = types.SimpleNamespace(predict=predict)
    monkeypatch.setattr(sample_quality, "measure_sample_quality", lambda *sets: compared.extend(sets) or [])
    monkeypatch.setattr(sample_quality, "find_classifier", lambda run, dataset: (judge, None))
    monkeypatch.setattr(sample_quality, "find_random_network", lambda run, dataset: judge)
    run = types.SimpleNamespace(
        spec=spec,
        image_shape=(28, 28, 1),
        sample_latents=lambda count, seed: np.zeros((count, 2)),
        generate_from=lambda latents: np.full((len(latents), 28, 28, 1), -1.0),
    )
    (metric,) = sample_quality.sample_quality(run, dataset, Settings(images=8))
    assert metric.name == "Frechet distance to test images, random features"
    generated, *real = (prediction.features.reshape(-1, 28, 28, 1) for prediction in compared)
    assert generated.shape == (8, 28, 28, 1) and (generated == -1.0).all()
    for images, split in zip(real, (dataset.train, dataset.test)):
        places = [int(np.flatnonzero((split.images == image).all(axis=(1, 2, 3)))[0]) for image in images]
        assert len(set(places)) == 8 and places != list(range(8))


def test_distances_over_those_of_a_baseline(spec, dataset, tmp_path, small):
    """A run over itself is 1, whatever is measured in; the baseline's own number is in the note."""
    spec = dataclasses.replace(spec, paper_values=(), dataset="svhn")
    folder = save_untrained(spec, dataset, tmp_path)
    with module.TrainedRun(folder) as run:
        measured = module.measure(run, dataset, [sample_quality.compare_with(folder), sample_quality.sample_quality])
        ratio, distance = measured.metrics
    assert (ratio.name, ratio.value) == ("Frechet distance to test images, random features, over the baseline's", 1.0)
    assert ratio.note == f"infogan, run: {distance.value:.3f}"


def test_labelled_digits_that_no_classifier_can_read(spec, dataset, tmp_path, small):
    report, rows, folder = evaluate(spec, dataset, tmp_path)
    assert any("but 99 % are needed" in note for note in report["notes"])
    assert not [name for name, _ in rows if name.startswith(("Frechet distance, train", "same digit"))]
    assert rows["Frechet distance to test images, random features", None]["ours"] > 0  # these need no label
    assert 0 <= rows["|Spearman| with slant", "rotation"]["ours"] <= 1
    assert rows["slant by one code, form by another", None]["holds"] in (True, False)
    assert (folder.log / "code_effect.png").exists()


def test_what_codes_do_to_samples_that_are_all_alike_is_left_out(spec, dataset):
    alike = np.zeros((200, 28, 28, 1))
    run = types.SimpleNamespace(
        spec=spec, computed={}, sample_latents=lambda count, seed: None, generate_from=lambda latents: alike
    )
    findings = module.measure(run, dataset, [spread, code_effects])
    assert [metric.name for metric in findings.metrics] == ["spread of samples"]
    assert "Samples look alike: their spread is 0 %" in findings.notes[0]
    assert not findings.pictures


def test_a_set_of_very_many_classes_has_no_classifier(spec, dataset, monkeypatch):
    monkeypatch.setattr("infogan.evaluation.judges.MOST_CLASSES", 9)
    run = types.SimpleNamespace(spec=spec, computed={})
    findings = module.measure(run, dataset, [classifier_accuracy])
    assert findings.notes == ["10 classes are too many for a classifier: its distance and score are left out."]
    assert not findings.metrics


def test_a_classifier_that_guesses_judges_nothing(spec, dataset, tmp_path, small):
    report, rows, _ = evaluate(spec, dataset, tmp_path, dataset="svhn", variant="gan", paper_values=())
    assert any("but 50 % are needed" in note for note in report["notes"])
    assert not [name for name, _ in rows if name.startswith(("Frechet distance, train", "classifier score"))]


def test_other_labelled_sets_state_their_classifier(spec, dataset, tmp_path, small, monkeypatch):
    monkeypatch.setattr("infogan.evaluation.judges.LEAST_ACCURACY", 0.0)
    _, rows, _ = evaluate(spec, dataset, tmp_path, dataset="svhn", variant="gan", paper_values=())
    assert rows["accuracy of the classifier", None]["ours"] < 0.9
    assert rows["Frechet distance to test images", None]["ours"] > 0
    assert 1 <= rows["classifier score", None]["ours"] <= 10
    assert not [name for name, _ in rows if "slant" in name]
    assert rows["light by a continuous code", None]["holds"] is None  # of the plain GAN nothing is claimed


def test_a_single_test_image_has_no_distance(spec, dataset, tmp_path, small, monkeypatch):
    monkeypatch.setattr("infogan.evaluation.judges.LEAST_ACCURACY", 0.0)
    single = dataclasses.replace(dataset, test=dataset.test.part(None, 1))
    report, rows, _ = evaluate(spec, single, tmp_path, dataset="svhn", variant="gan", paper_values=())
    assert any(note.startswith("1 test images are too few for a distance") for note in report["notes"])
    assert not [name for name, _ in rows if name.startswith("Frechet")]


def test_categories_that_are_more_or_fewer_than_the_classes_whose_labels_are_years(spec, dataset, tmp_path, drawn):
    codes = (NOISE, Latent("many", Categorical(12)), Latent("few", Categorical(3)))
    years = [
        dataclasses.replace(split, labels=1990 + 3 * split.labels.astype(int))
        for split in (dataset.train, dataset.test)
    ]
    report, rows, folder = evaluate(spec, Dataset(*years, "years"), tmp_path, latent_spec=codes, paper_values=())
    assert {year for year in report["categories"]["many"] if year >= 0} == {1990 + 3 * label for label in range(10)}
    assert len(set(report["categories"]["few"]) & set(range(1990, 2020, 3))) == 3
    assert max(imageio.imread(folder.log / "confusion_many.png").shape) < 1000
    assert rows["error rate", "few"]["ours"] >= 0.5  # three categories cover at most 6 of 16 images
    assert imageio.imread(folder.samples / "many.png").shape[1] == 12 * 56
    assert (folder.log / "confusion_many.png").exists()


def test_a_class_that_only_test_images_have(spec, dataset, tmp_path, small):
    train = dataclasses.replace(dataset.train, labels=dataset.train.labels % 4)
    _, rows, folder = evaluate(spec, Dataset(train, dataset.test, "uneven"), tmp_path, paper_values=())
    assert rows["error rate", "digit"]["ours"] >= 6 / 16 - 1e-9  # those of the classes 4 to 9
    assert (folder.log / "confusion_digit.png").exists()


@pytest.mark.parametrize(
    ("variant", "code", "figure"),
    [
        ("infogan", "digit", "as in Figure 2(a) of the paper"),
        ("gan", "digit", "as in Figure 2(b), the plain GAN, of the paper"),
        ("infogan", "width", "from -2 to 2; rows are samples, as in Figure 2(c) and (d) of the paper."),
        ("gan", "width", "from -2 to 2; rows are samples."),
    ],
)
def test_pictures_name_their_figure(spec, variant, code, figure):
    latent = next(latent for latent in spec.codes if latent.name == code)
    caption = figures._caption_sweep(dataclasses.replace(spec, variant=variant), latent, code == "digit")
    assert caption.startswith(f"{code}, ")
    assert figure in caption


def test_categories_of_chairs_are_in_no_figure(spec):
    chairs = dataclasses.replace(spec, dataset="chairs")
    digit, rotation, _ = spec.codes
    assert figures._caption_sweep(chairs, rotation, False).endswith("as in Figure 4 of the paper.")
    assert figures._caption_sweep(chairs, digit, True) == "digit, one category per column; rows are samples."


# Metrics of a program's own.


def brightness(run, dataset, settings):
    images = run.generate_from(run.sample_latents(settings.samples, seed=0))
    metric = Metric("brightness", float(images.mean()), "share", better="higher", range=(0.0, 1.0))
    return [metric, f"{len(images)} samples.", Picture("samples/first.png", b"a picture", "The first sample.")]


def test_a_metric_of_a_programs_own_stands_in_every_report(spec, dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "METRICS", ())
    monkeypatch.setattr(module, "FULL", Settings(samples=7))
    folder = save_untrained(spec, dataset, tmp_path)
    report = evaluate_run(dataset, folder, [brightness])
    (row,) = report["metrics"]
    assert row["name"] == "brightness" and 0 < row["ours"] < 1
    assert row["range"] == [0.0, 1.0]
    assert report["notes"] == ["7 samples."]
    for name in ("report.md", "report.html"):
        assert "brightness" in (folder.log / name).read_text()
        assert "0.000 uninformative, 1.000 perfect" in (folder.log / name).read_text()
        assert "The first sample." in (folder.log / name).read_text()
    assert (folder.samples / "first.png").read_bytes() == b"a picture"


@pytest.mark.parametrize("returned", [0.3, [Metric("mine", 1.0), 2], None])
def test_a_metric_that_returns_something_else_gets_one_line(returned):
    def mine(run, dataset, settings):
        return returned

    with pytest.raises(InputError, match=r"mine: it returned (0.3|2|None), but a list of Metrics"):
        module.measure(None, None, [mine])


def test_metrics_share_what_takes_long():
    calls = []

    @once_a_run
    def slow(run, dataset):
        calls.append(dataset)
        return len(calls)

    first, second = types.SimpleNamespace(computed={}), types.SimpleNamespace(computed={})
    assert [slow(first, "a"), slow(first, "a"), slow(second, "a")] == [1, 1, 2]
    assert [slow(first, "b"), slow(first, "a")] == [3, 1]  # each set has its own


def test_fewer_images_are_no_smoke_run(spec, dataset, tmp_path, monkeypatch):
    """Which metrics are measured, and with which settings, follows from `smoke` alone."""
    asked = []
    monkeypatch.setattr(module, "measure", lambda run, dataset, *arguments: asked.append(arguments) or Findings())
    monkeypatch.setattr(module, "draw", lambda run, dataset: [])
    for name, changes in (("few", {"max_images": 10}), ("smoke", {"smoke": True})):
        evaluate(spec, dataset, tmp_path / name, **changes)
    assert asked == [(module.METRICS, module.FULL), (module.QUICK_METRICS, module.QUICK)]


# The launcher.


@pytest.fixture
def run_copy(smoke_run, tmp_path):
    """A copy of the finished smoke run in folders of its own: (log folder, checkpoint folder)."""
    return [Path(shutil.copytree(folder, tmp_path / folder.parent.name / folder.name)) for folder in smoke_run]


def launch_evaluation(*arguments):
    return launcher.main([str(argument) for argument in arguments])


def test_several_runs_give_their_reports_again_each_once_and_a_summary(run_copy, capsys, unchanged_process):
    logs, checkpoints = run_copy
    for folder in run_copy:
        shutil.copytree(folder, folder.parent / "second")
    second = logs.parent / "second"
    names = ("report.json", "report.md", "report.html")
    before = {name: (logs / name).read_bytes() for name in names}
    for folder in (logs, second):
        for name in names:
            (folder / name).unlink()
    assert launch_evaluation(logs, checkpoints.parent / "second", checkpoints) == 0
    for folder in (logs, second):
        assert {name: (folder / name).read_bytes() for name in names} == before
    out = capsys.readouterr().out
    assert out.count("evaluated in") == 2
    assert out.count("A smoke run: what codes do and sample quality are left out") == 2
    assert re.search(r"quantity +ours +paper +where +holds", out)
    error = re.search(r"digit: error rate +(\d+\.\d\d %) +5\.00 % +Sec\. 7\.2 +no", out)[1]
    assert re.search(rf"digit: error rate +{error} +0\.00 % +{error} +5\.00 % +0 of 2 +2\n", out)
    assert not [path for path in logs.rglob("*") if path.name.startswith(".")]


def test_a_baseline_is_measured_beside_each_run(run_copy, capsys, monkeypatch):
    monkeypatch.setattr(sample_quality, "find_classifier", lambda run, dataset: (None, "it takes minutes to train"))
    logs, _ = run_copy
    assert launch_evaluation(logs, "--baseline", logs) == 0
    rows = json.loads((logs / "report.json").read_text())["metrics"]
    (row,) = (row for row in rows if row["name"].endswith("random features, over the baseline's"))
    assert row["ours"] == 1.0 and row["note"].startswith("infogan, smoke: ")


def test_a_baseline_of_other_images_is_refused_before_anything_is_read(run_copy, capsys):
    logs, _ = run_copy
    other = [shutil.copytree(folder, folder.parent / "other") for folder in run_copy]
    for folder in other:
        text = (folder / "spec.json").read_text()
        (folder / "spec.json").write_text(text.replace('"dataset": "mnist"', '"dataset": "fashion_mnist"'))
    mine = [shutil.copytree(folder, folder.parent / "mine") for folder in run_copy]
    (mine[1] / "dataset.json").write_text('{"source": "pictures of mine", "sha256": "0"}')
    before = (logs / "report.json").read_bytes()
    assert launch_evaluation(logs, "--baseline", other[0]) == 2
    assert launch_evaluation(logs, "--baseline", mine[0]) == 2
    assert launch_evaluation(logs, "--baseline", logs.parent / "none") == 2
    wrong, others, missing = capsys.readouterr().err.splitlines()
    assert "--baseline: " in wrong and "a run of fashion_mnist, shipped with infogan, was given, but smoke is" in wrong
    assert (
        "--baseline: " in others and "a run of mnist, pictures of mine, was given, but smoke is one of mnist" in others
    )
    assert f"{logs.parent / 'none'}: " in missing
    assert (logs / "report.json").read_bytes() == before


def test_the_report_says_what_was_run(smoke_run):
    report = json.loads((smoke_run[0] / "report.json").read_text())
    assert report["spec"] == json.loads((smoke_run[0] / "spec.json").read_text())
    assert report["versions"]["tensorflow"].startswith("2.21")
    assert {"name", "code", "ours", "paper", "source", "holds"} <= report["metrics"][0].keys()
    assert all(row["holds"] is None for row in report["metrics"] if row["paper"] is row["bound"] is None)
    markdown = (smoke_run[0] / "report.md").read_text()
    assert markdown.startswith("# mnist, recipe default, infogan, seed 0, update 6\n")
    for path in re.findall(r"!\[.*\]\((.*)\)", markdown):
        assert (smoke_run[0] / path).is_file()


class Page(html.parser.HTMLParser):
    """Collects what a page refers to and whether its tags match."""

    def __init__(self):
        super().__init__()
        self.addresses, self.pictures, self.open = [], [], []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.addresses += [value for key, value in attributes.items() if key in ("src", "href", "srcset", "data")]
        if tag == "img":
            assert attributes["alt"]
            self.pictures.append(attributes["src"])
        if tag not in ("img", "meta"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_is_whole_in_itself(smoke_run):
    text = (smoke_run[0] / "report.html").read_text()
    page = Page()
    page.feed(text)
    assert page.open == []
    assert all(address.startswith("data:image/png;base64,") for address in page.addresses)
    assert "://" not in text
    assert "<script" not in text
    assert "prefers-color-scheme: dark" in text
    assert 'name="viewport"' in text
    assert len(page.pictures) == 10  # six grids, the confusion matrix, three curves
    sizes = [imageio.imread(io.BytesIO(base64.b64decode(picture.split(",")[1]))).shape for picture in page.pictures]
    assert sizes[0][:2] == (5 * 56, 10 * 56)  # Figure 2(a) comes first


def test_a_page_with_too_much_in_it_shows_the_rest_from_files(spec, monkeypatch):
    from infogan.evaluation import report as module

    report = module.build_report(spec, 1, [], [])
    pictures = [Picture(f"samples/{i}.png", bytes(30_000), f"picture {i}") for i in range(5)]
    monkeypatch.setattr(module, "LARGEST_PAGE", 100_000)
    text = module.render_html(report, pictures)
    page = Page()
    page.feed(text)
    assert len(text) <= 100_000
    assert [picture.startswith("data:") for picture in page.pictures] == [True, True, False, False, False]
    assert page.pictures[2] == "samples/2.png"
    assert "3 of the pictures" in text
    monkeypatch.undo()
    assert module.render_html(report, pictures).count("data:image/png") == 5
    drawing = Picture("mine.svg", b"<svg/>", "a metric's own")
    assert 'src="data:image/svg+xml;base64,PHN2Zy8+"' in module.render_html(report, [drawing])


def test_names_are_escaped(spec):
    from infogan.evaluation.report import build_report, render_html

    report = build_report(spec, 1, [Metric("<b>", 1.0, "&", note='"<i>"')], ["<script>"])
    text = render_html(report, [Picture('"><b>', b"", '<img src="x">')])
    assert not re.search(r"<b>|<i>|<script>|<img src=\"x\">", text)


def damage_checkpoints(logs, checkpoints):
    for path in checkpoints.glob("model-*.data-*"):
        path.write_bytes(b"x" * 1000)


def change_spec(logs, checkpoints, **changes):
    spec = {**json.loads((checkpoints / "spec.json").read_text()), **changes}
    (checkpoints / "spec.json").write_text(json.dumps(spec))


DAMAGES = {
    "damaged checkpoints": (damage_checkpoints, "it holds no readable checkpoint (model-6: "),
    "no checkpoint": (lambda logs, ckt: [p.unlink() for p in ckt.glob("model-*")], "it holds no checkpoint"),
    "another version": (lambda *run: change_spec(*run, colour="red"), "it has colour, which this version does not"),
    "a newer version": (lambda *run: change_spec(*run, version=9), "spec.json: it is of version 9, but this program"),
    "another network": (lambda *run: change_spec(*run, leaky_rate=2), "spec.json, leaky_rate: 2 was given, but a"),
    "other images": (lambda *run: change_spec(*run, max_images=999), "but the run was started with other ones"),
    "no run": (lambda logs, ckt: [(path / "spec.json").unlink() for path in (logs, ckt)], "it holds no run"),
    "checkpoints lost": (lambda logs, ckt: shutil.rmtree(ckt), "its checkpoints are needed"),
    "damaged log": (lambda logs, ckt: (logs / "metrics.jsonl").write_text("5\n"), "line 1 is damaged"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_cannot_be_evaluated_gets_one_line_and_leaves_all_as_it_was(run_copy, capfd, damage):
    change, message = DAMAGES[damage]
    change(*run_copy)
    logs = run_copy[0]
    before = {path: path.read_bytes() for path in logs.rglob("*") if path.is_file()}
    assert launch_evaluation(logs) == 2
    captured = capfd.readouterr()
    assert message in captured.err.splitlines()[-1]
    assert captured.err.splitlines()[-1].endswith(".")
    assert "Traceback" not in captured.err
    assert {path: path.read_bytes() for path in logs.rglob("*") if path.is_file()} == before


@pytest.mark.slow
def test_damaged_checkpoints_get_a_single_line_where_tensorflow_starts(run_copy):
    damage_checkpoints(*run_copy)
    command = [sys.executable, str(ROOT / "launchers" / "evaluate.py"), str(run_copy[0])]
    # This process has set the variable itself, for a launcher that trains.
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert result.returncode == 2
    assert result.stderr.startswith(
        f"evaluate.py: {run_copy[1]}: it holds no readable checkpoint (model-6: model-6.data-"
    )
    assert result.stderr.count("\n") == 1


def test_missing_labels_get_one_line(run_copy, tmp_path, capsys):
    from infogan.data.mnist import SHIPPED

    for path in SHIPPED.glob("*images*.gz"):
        shutil.copy(path, tmp_path)
    assert launch_evaluation(run_copy[0], "--data-dir", tmp_path) == 2
    assert f"--data-dir: {tmp_path} holds no train-labels-idx1-ubyte" in capsys.readouterr().err


def test_all_runs_are_looked_at_before_the_first_is_evaluated(run_copy, capsys):
    before = (run_copy[0] / "report.json").stat().st_mtime_ns
    assert launch_evaluation(run_copy[0], run_copy[0].parent / "misspelt") == 2
    assert "misspelt: there is no such folder" in capsys.readouterr().err
    assert (run_copy[0] / "report.json").stat().st_mtime_ns == before


def test_a_run_that_is_half_measured_keeps_its_old_report(run_copy, monkeypatch):
    logs, _ = run_copy
    before = {path: path.read_bytes() for path in logs.rglob("*") if path.is_file()}
    monkeypatch.setattr(module, "draw_curves", lambda *arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        launch_evaluation(logs)
    assert {path: path.read_bytes() for path in logs.rglob("*") if path.is_file()} == before


def test_help_imports_no_tensorflow_and_wrong_flags_get_one_line(tmp_path):
    command = [sys.executable, "-X", "importtime", str(ROOT / "launchers" / "evaluate.py")]
    result = subprocess.run([*command, "--help"], cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0
    assert "RUN_FOLDER" in result.stdout
    assert not re.search(r"\| +(tensorflow|matplotlib|scipy|sklearn|skimage)$", result.stderr, re.MULTILINE)
    for arguments, message in ([], "are required: RUN_FOLDER"), (["a", "--colour"], "unrecognized arguments"):
        result = subprocess.run([command[0], command[-1], *arguments], cwd=tmp_path, capture_output=True, text=True)
        assert result.returncode == 2
        assert message in result.stderr
        assert result.stderr.count("\n") == 1
