"""The examples run, and do what they say."""

import dataclasses
import importlib.util
import json
import subprocess
import sys
import types

import imageio.v3 as imageio
import numpy as np
import pytest
from conftest import ROOT, narrow_tables
from scipy import stats

import infogan
from infogan.cli import generate
from infogan.cli.explorer import Explorer
from infogan.cli.export import export_run
from infogan.evaluation import evaluate
from infogan.evaluation.metric import Settings
from infogan.system.tf1 import tf
from infogan.training import loop


@pytest.fixture(autouse=True, scope="module")
def small():
    """Networks with few weights, and an evaluation of few samples."""
    with narrow_tables(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluate, "FULL", Settings(samples=100, images=100, rows=10))
        patch.setattr(loop, "SETTLING_BATCHES", 2)
        yield


def load_example(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_own_arrays(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(evaluate, "METRICS", evaluate.QUICK_METRICS)  # the new latent below meets all of them
    path = load_example("own_arrays").train(2, tmp_path / "logs", tmp_path / "ckt")
    assert (path.parent, path.parent.parent.name) == (path.parents[1] / "discs", "ckt")
    assert (path.parents[2] / "logs" / "discs" / path.name / "report.json").exists()
    assert "one image per place, of mean grey [" in capsys.readouterr().out
    with infogan.load(path) as run:
        assert (run.update, list(run.codes)) == (2, ["place", "size"])
        rows = {(row["name"], row["code"]) for row in run.report["metrics"]}
        assert {("|Spearman| with radius", "size"), ("variance of radius explained", "place")} <= rows


def test_the_discs_are_as_described():
    discs = load_example("own_arrays").draw_discs(40, seed=0)
    images = discs.images
    assert (images.shape, images.dtype, images.max()) == ((40, 28, 28, 1), np.uint8, 255)
    brightest = images.reshape(40, 2, 14, 2, 14).sum(axis=(2, 4)).reshape(40, 4).argmax(axis=1)
    np.testing.assert_array_equal(brightest, discs.labels)
    area = images.sum(axis=(1, 2, 3)) / 255
    np.testing.assert_allclose(area, np.pi * discs.factors["radius"].values ** 2, rtol=0.05)


def test_few_labels(smoke_run, capsys):
    scores = load_example("few_labels").compare(smoke_run[1], 50)
    assert scores.keys() == {"pixels", "codes"}
    assert scores["pixels"] > 0.4  # chance is 0.1; the codes of six updates know nothing yet
    assert "50 labels, codes: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("few_labels", ["ckt/mnist/none"], "few_labels.py: ckt/mnist/none: "),
        ("few_labels", ["ckt/mnist/none", "--labels", "0"], "--labels: 0 was given, but from 10 to 10,000 are needed."),
        ("new_term", ["--updates", "0"], "--updates: 0 was given, but a whole number of at least 1 is needed."),
        ("new_term", ["--weight", "-1"], "Drift.weight: -1.0 was given, but a number of at least 0 and"),
        ("new_latent", ["--updates", "-3"], "--updates: -3 was given, but a whole number of at least 1 is needed."),
        ("own_arrays", ["--updates", "0"], "--updates: 0 was given, but a whole number of at least 1 is needed."),
    ],
)
def test_examples_refuse_in_one_line(name, arguments, message, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", [f"{name}.py"])
    assert load_example(name).main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


def test_a_new_term_trains_and_reloads_once_imported(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(evaluate, "evaluate_run", lambda dataset, folder, metrics: None)  # not what is new here
    module = load_example("new_term")
    path = module.train(2, 5.0, tmp_path / "logs", tmp_path / "ckt")
    assert float(capsys.readouterr().out.rsplit(maxsplit=1)[-1]) > 0
    (entry,) = json.loads((path / "spec.json").read_text())["terms"]
    assert (entry["type"], entry["weight"]) == ("Drift", 5.0)
    with infogan.load(path) as run:
        assert run.spec == dataclasses.replace(module.make_spec(2, 5.0), precision=run.spec.precision)  # was auto


def test_the_new_term_is_the_mean_square_of_the_logits_on_real_images():
    with tf.Graph().as_default(), tf.Session() as session:
        step = types.SimpleNamespace(on_real=types.SimpleNamespace(logits=tf.constant([1.0, -2.0, 4.0])))
        term = load_example("new_term").Drift().build(step)
        assert session.run([term.loss, term.logged["drift/squared_logit"]]) == [7.0, 7.0]


@pytest.fixture(scope="module")
def beta_run(tmp_path_factory):
    """(the example's module, the folder of a run of it)."""
    module, folder = load_example("new_latent"), tmp_path_factory.mktemp("latent")
    return module, module.train(2, folder / "logs", folder / "ckt")


def test_a_new_latent_reloads_once_imported(beta_run):
    module, path = beta_run
    entry = json.loads((path / "spec.json").read_text())["latent_spec"][1]
    assert entry["distribution"] == {"type": "Beta", "low": 2.0, "high": 2.0}
    with infogan.load(path) as run:
        assert run.spec == dataclasses.replace(module.make_spec(2), precision=run.spec.precision)  # was auto
    # Another process does not know the class before its module is imported.
    code = f"import infogan; infogan.load({str(path)!r})"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert "the distribution 'Beta' was given, but no class has that name. Import the module" in result.stderr


def test_a_new_latent_is_measured_and_swept(beta_run):
    _, path = beta_run
    with infogan.load(path) as run:
        metrics = {(row["name"], row["code"]): row for row in run.report["metrics"]}
        assert {("L_I", "size"), ("|Spearman| with radius", "size")} <= metrics.keys()
        assert metrics["L_I", "size"]["ours"] < 0  # Q knows nothing after two updates
        assert run.codes["size"].prior == "a number from Beta(2, 2)"
        assert run.codes["size"].values == "numbers, shown from 0 to 1"
        logs = run.folder.log
        page = (logs / "report.md").read_text()
        assert "size, from 0 to 1; rows are samples." in page
        film = imageio.imread(logs / "samples" / "size.gif")
        assert len(film) == 30  # there and back
        metadata = (logs / "embedding" / "metadata.tsv").read_text().split()
        assert all(0 <= float(value) <= 1 for value in metadata)


def test_a_new_latent_is_explored(beta_run):
    _, path = beta_run
    with infogan.load(path) as run:
        explorer = Explorer(run)
        assert explorer.start(explorer.codes[0]) == 0.5
        image = run.generate(codes={"size": 0.25})
        settings, _, facts = explorer.recognise(np.uint8(255 * image[0]))
        assert 0 <= settings[0] <= 1
        assert facts[1].startswith("size: low ") and ", high " in facts[1]
        assert explorer.draw(settings, 0).shape == (4, 8, 28, 28, 1)


def test_a_new_latent_is_generated_and_exported(beta_run, tmp_path, capsys):
    _, path = beta_run
    arguments = [str(path), "--code", "size=0.2,1.5", "--output", str(tmp_path / "sizes.png")]
    assert generate.main(arguments) == 0
    assert "note: size goes to 1.5, but the run was evaluated from 0 to 1 only" in capsys.readouterr().err
    with infogan.load(path) as run:
        export_run(run, "savedmodel", tmp_path / "model")
    signatures = json.loads((tmp_path / "model" / "signatures.json").read_text())
    assert signatures["generate"]["inputs"]["size"] == ["N", 1]
    assert signatures["encode"]["outputs"] == {"size_low": ["N", 1], "size_high": ["N", 1]}


def test_the_new_latent_is_a_beta_distribution():
    uneven, at = load_example("new_latent").Beta(2.0, 5.0), np.array([[0.0], [0.1], [0.75]], np.float32)
    shapes = np.array([[0.5, 3.0], [2.0, 2.0], [40.0, 1.0]], np.float32)
    with tf.Graph().as_default(), tf.Session() as session:
        info = dict(zip(uneven.dist_info_keys, tf.split(tf.constant(shapes), 2, axis=1)))
        density = uneven.logli(tf.constant(at), info)
        draws = [uneven.sample_prior(4000, seed) for seed in (1, 1, 2, None, None)]
        density, answer, (drawn, again, other, *fresh) = session.run(
            [density, uneven.activate_dist(tf.constant([[0.0, 60.0]])), draws]
        )
    expected = stats.beta(*shapes.T).logpdf(np.clip(at[:, 0], 1e-6, 1))
    np.testing.assert_allclose(density, expected, rtol=1e-4)
    assert {key: value.item() for key, value in answer.items()} == pytest.approx({"low": 0.793, "high": 60.1}, abs=0.01)
    # Kolmogorov-Smirnov, false alarm rate 1e-6.
    assert stats.kstest(drawn[:, 0], stats.beta(2, 5).cdf).pvalue > 1e-6
    np.testing.assert_array_equal(drawn, again)
    assert not np.array_equal(drawn, other) and not np.array_equal(*fresh)
    # H is minus the mean of the log density over the prior.
    points = (np.arange(100_000) + 0.5) / 100_000
    prior = stats.beta(2, 5).pdf(points)
    assert uneven.prior_entropy == pytest.approx(-(prior * np.log(prior)).mean(), abs=1e-5)
    assert uneven.read({"low": shapes[:, :1], "high": shapes[:, 1:]}) == pytest.approx([1 / 7, 0.5, 40 / 41])
