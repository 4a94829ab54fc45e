"""What the library's calls take: a wrong argument gets one line that names it, what was given and what is needed."""

import re

import numpy as np
import pytest

import infogan
from infogan.cli.export import export_run
from infogan.data import Dataset, Factor, Split, check_dataset, load_dataset
from infogan.data.mnist import load as load_mnist
from infogan.distributions import Bernoulli, Categorical, Gaussian, MeanGaussian, Product, Uniform
from infogan.latents import category_codes, continuous_codes
from infogan.schedule import Schedule
from infogan.system.checks import PATH, quote
from infogan.system.messages import InputError

IMAGES = np.zeros((8, 28, 28, 1), np.uint8)
SPLIT = Split(IMAGES)
PAIR = Dataset(SPLIT, SPLIT, "mine")

WRONG = {
    "load: None": (lambda spec: infogan.load(None), "path: None was given, but a path is needed"),
    "load: unset": (lambda spec: infogan.load(""), "path: '' was given, but a path is needed"),
    "load: a spec": (lambda spec: infogan.load([spec]), "path: [ExperimentSpec("),
    "train: no spec": (lambda spec: infogan.train("mnist", None), "spec: 'mnist' was given, but an ExperimentSpec"),
    "train: arrays": (
        lambda spec: infogan.train(spec, IMAGES),
        "dataset: an array of shape [8, 28, 28, 1] and type uint8 was given, but a Dataset",
    ),
    "train: a pair": (lambda spec: infogan.train(spec, (SPLIT, SPLIT)), "dataset: (Split("),
    "train: root": (
        lambda spec: infogan.train(spec, PAIR, log_dir=None),
        "log_dir: None was given, but a path",
    ),
    "train: unset root": (
        lambda spec: infogan.train(spec, PAIR, checkpoint_dir=""),
        "checkpoint_dir: '' was given, but a path",
    ),
    "train: name": (
        lambda spec: infogan.train(spec, PAIR, name="../x"),
        "name: '../x' was given, but a name of letters",
    ),
    "train: resume": (lambda spec: infogan.train(spec, PAIR, resume="last"), "resume: 'last' was given, but True or"),
    "evaluate: no path": (lambda spec: infogan.evaluate(None, PAIR), "path: None was given, but a path is needed"),
    "split: a list": (lambda spec: Split([[0.0]]), "Split.images: [[0.0]] was given, but a uint8 array [N, H, W, C]"),
    "split: floats": (
        lambda spec: Split(IMAGES / 255.0),
        "Split.images: an array of shape [8, 28, 28, 1] and type float64 was given",
    ),
    "split: flat": (
        lambda spec: Split(IMAGES.reshape(8, -1)),
        "Split.images: an array of shape [8, 784] and type uint8",
    ),
    "split: labels": (
        lambda spec: Split(IMAGES, [0, 1, 2, 3]),
        "Split.labels: [0, 1, 2, 3] was given, but an array, or",
    ),
    "split: factors": (
        lambda spec: Split(IMAGES, None, [1]),
        "Split.factors: [1] was given, but a dict of name -> Factor",
    ),
    "split: groups": (lambda spec: Split(IMAGES, None, {}, (1, 2)), "Split.groups: (1, 2) was given, but an array, or"),
    "factor: a list": (lambda spec: Factor([1, 2], "ordered"), "Factor.values: [1, 2] was given, but an array"),
    "factor: kind": (lambda spec: Factor(np.ones(2), np.ones(2)), "Factor.kind: an array of shape [2] and type"),
    "dataset: no test": (
        lambda spec: Dataset(SPLIT, None, "mine"),
        "Dataset.test: None was given, but a Split of images",
    ),
    "dataset: images": (lambda spec: Dataset(IMAGES, SPLIT, "mine"), "Dataset.train: an array of shape"),
    "dataset: source": (lambda spec: Dataset(SPLIT, SPLIT, 3), "Dataset.source: 3 was given, but a text"),
    "check_dataset": (lambda spec: check_dataset(SPLIT), "dataset: Split("),
    "load_dataset: unset": (lambda spec: load_dataset(spec, ""), "data_dir: '' was given, but a path is needed"),
    "mnist: unset": (lambda spec: load_mnist(""), "data_dir: '' was given, but a path is needed"),
    "categories": (lambda spec: Categorical("10"), "Categorical.dim: '10' was given, but a whole number of at least 1"),
    "no categories": (lambda spec: Categorical(0), "Categorical.dim: 0 was given"),
    "a share of a number": (lambda spec: Uniform(1.5), "Uniform.dim: 1.5 was given"),
    "a negative size": (lambda spec: MeanGaussian(-3), "MeanGaussian.dim: -3 was given"),
    "no bits": (lambda spec: Bernoulli(None), "Bernoulli.dim: None was given"),
    "deviation": (lambda spec: Gaussian(1, "yes"), "Gaussian.fix_std: 'yes' was given, but True or False is needed"),
    "factors": (lambda spec: Product(Uniform(1)), "Product.dists: Uniform(dim=1, fix_std=False) was given, but a list"),
    "factors that are none": (lambda spec: Product([1]), "Product.dists: [1] was given, but a list of distributions"),
    "category_codes": (lambda spec: category_codes("3"), "Categorical.dim: '3' was given"),
    "continuous_codes": (lambda spec: continuous_codes("3"), "count: '3' was given, but a whole number"),
    "schedule": (lambda spec: Schedule("400:0"), "schedule: '400:0' was given, but shares"),
    "export: no run": (
        lambda spec: export_run("ckt/run", "onnx", "out"),
        "run: 'ckt/run' was given, but a trained run",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_argument_gets_one_line(case, spec, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    call, message = WRONG[case]
    with pytest.raises(InputError, match=f"^{re.escape(message)}") as caught:
        call(spec)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_quote_is_one_short_line():
    assert quote(np.zeros((500, 2))) == "an array of shape [500, 2] and type float64"
    assert quote(np.float32(2)) == repr(np.float32(2))
    assert quote("a\nb") == r"'a\nb'"
    assert len(quote(list(range(10_000)))) < 110


@pytest.mark.parametrize("value", [None, 5, [], b"ckt", "a\0b"])
def test_only_an_empty_path_is_said_to_come_from_an_unset_variable(value):
    assert PATH.refuse(value) == f"{value!r} was given, but a path is needed."
    assert "an unset variable" in PATH.refuse("")


def test_arguments_of_numpy_are_taken(spec):
    assert Categorical(np.int64(3)) == Categorical(3)
    assert type(Uniform(np.uint8(2)).dim) is int
    assert Product([Uniform(1), Categorical(2)]).dists == (Uniform(1), Categorical(2))
