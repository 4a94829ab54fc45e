"""The examples run, and do what they say."""

import importlib.util
import json
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT
from scipy import stats

import infogan
from infogan.system.tf1 import tf


def load_example(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_own_arrays(tmp_path, capsys):
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
        ("new_latent", ["--updates", "-3"], "--updates: -3 was given, but a whole number of at least 1 is needed."),
        ("own_arrays", ["--updates", "0"], "--updates: 0 was given, but a whole number of at least 1 is needed."),
    ],
)
def test_examples_refuse_in_one_line(name, arguments, message, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", [f"{name}.py"])
    assert load_example(name).main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


def test_a_new_latent_trains_and_reloads_once_imported(tmp_path, capsys):
    module = load_example("new_latent")
    path = module.train(2, tmp_path / "logs", tmp_path / "ckt")
    assert "correlation of amounts" in capsys.readouterr().out
    entry = json.loads((path / "spec.json").read_text())["latent_spec"][1]
    assert entry["distribution"] == {"type": "Exponential", "dim": 1, "fix_std": True}
    with infogan.load(path) as run:
        assert run.spec == module.make_spec(2)
        assert run.generate(codes={"amount": [0.0, 1.0]}).shape == (2, 28, 28, 1)
        assert run.spec.codes[0].distribution.sweep(3, 2.0).tolist() == [[0.0], [1.0], [2.0]]
    # Another process does not know the class before its module is imported.
    code = f"import infogan; infogan.load({str(path)!r})"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert "the distribution 'Exponential' was given, but no class has that name. Import the module" in result.stderr


def test_the_new_latents_prior_is_exponential():
    amount, at = load_example("new_latent").Exponential(1), np.array([[-0.5], [0.0], [1.5]], np.float32)
    with tf.Graph().as_default(), tf.Session() as session:
        density, drawn = session.run([amount.logli_prior(tf.constant(at)), amount.sample_prior(4000, 1)])
    np.testing.assert_allclose(density, stats.expon.logpdf(at[:, 0]), rtol=1e-6)
    assert amount.prior_entropy == pytest.approx(stats.expon.entropy())
    # Kolmogorov-Smirnov, false alarm rate 1e-6.
    assert stats.kstest(drawn[:, 0], stats.expon.cdf).pvalue > 1e-6
