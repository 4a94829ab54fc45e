"""Every launcher from its command line to its pictures, on images that the tests make up."""

import dataclasses
import json
import re
import runpy
import sys
import types

import imageio.v3 as imageio
import numpy as np
import pytest
from conftest import ROOT, narrow_tables

from infogan import experiment
from infogan.cli import train
from infogan.data import Dataset, Split
from infogan.distributions import Bernoulli, Categorical, Circular, Gaussian, GaussianPosterior, Product, Uniform
from infogan.evaluation import evaluate
from infogan.evaluation.metric import Settings
from infogan.latents import Latent
from infogan.model.gan import check_networks
from infogan.model.optimizers import Adam
from infogan.recipes import MODULES, Experiment, factor_sets, mnist
from infogan.recipes.flags import CODE_FLAGS, FLAGS
from infogan.spec import ExperimentSpec
from infogan.system.messages import InputError, TrainingFailed
from infogan.system.tf1 import tf
from infogan.training import loop
from infogan.training.run_folder import RunFolder
from infogan.training.signals import StopSignals


def launch(name, *arguments):
    """Runs launchers/run_<name>_exp.py as __main__ in this process; returns the exit status."""
    path = ROOT / "launchers" / f"run_{name}_exp.py"
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as ended:
        patch.setattr(sys, "argv", [str(path), *map(str, arguments)])
        runpy.run_path(str(path), run_name="__main__")
    return ended.value.code


def make_split(shape, count, seed):
    images = np.random.default_rng(seed).integers(0, 256, (count, *shape), np.uint8)
    return Split(images, np.arange(count, dtype=np.uint8) % 10)


@pytest.fixture
def given(monkeypatch):
    """Random images in place of the files; a list of the (dataset, data_dir) that were asked for."""
    asked = []

    def load_dataset(spec, data_dir=None, trust_archive=False):
        asked.append((spec.dataset, data_dir and str(data_dir)))
        shape = spec.image_shape
        if data_dir and data_dir.name == "grey":
            shape = (*shape[:2], 1)
        if data_dir and data_dir.name == "small":
            shape = (20, 20, 3)
        return Dataset(make_split(shape, 20, 0), make_split(shape, 10, 1), "random numbers")

    monkeypatch.setattr(train, "load_dataset", load_dataset)
    monkeypatch.setattr(evaluate, "QUICK", Settings(samples=20))
    monkeypatch.setattr(loop, "SETTLING_BATCHES", 2)
    return asked


@pytest.fixture
def narrow():
    """Networks with few weights: what is run here is all that is around them."""
    with narrow_tables():
        yield


def run_smoke(name, root, *arguments):
    """A run of two updates: its log folder, or the exit status if it was refused."""
    few = ["--smoke", "--batch-size", 4, "--max-epoch", 1, "--updates-per-epoch", 2]
    folders = ["--log-dir", root / "logs", "--checkpoint-dir", root / "ckt", "--run-name", "run"]
    status = launch(name, *few, *folders, *arguments)
    return root / "logs" / "run" if status == 0 else status


CASES = {  # launcher: arguments beside --smoke; categories of each categorical code, continuous codes, [H, W, C]
    "fashion_mnist": ([], [10], 2, (28, 28, 1)),
    "svhn": ([], [10] * 4, 4, (32, 32, 3)),
    "celeba": (["--gan-loss", "hinge"], [10] * 10, 0, (32, 32, 3)),
    "faces": (["--recipe", "paper", "--factor", "elevation"], [], 5, (32, 32, 1)),
    "chairs": ([], [], 7, (32, 32, 1)),
    "chairs of the paper": (["--recipe", "paper", "--factor", "width"], [20] * 3, 1, (64, 64, 1)),
    "cifar10": (["--spectral-norm", "--continuous-prior", "gaussian"], [10], 2, (32, 32, 3)),
    "dsprites": (["--recipe", "cr", "--image-size", 32, "--contrastive-schedule", "none"], [], 5, (32, 32, 1)),
    "images": (
        ["--data-dir", "grey", "--image-size", "16x32", "--categorical", "3,2", "--continuous", 1, "--noise-dim", 7],
        [3, 2],
        1,
        (16, 32, 1),
    ),
}


LIKE_DSPRITES = {
    "shapes3d": (6, (64, 64, 3)),
    "cars3d": (3, (64, 64, 3)),
    "smallnorb": (4, (64, 64, 1)),
    "mpi3d": (7, (64, 64, 3)),
}
"""Codes and [H, W, C]."""


def test_every_launcher_has_a_case():
    assert {case.split()[0] for case in CASES} == {*MODULES} - {"mnist", *LIKE_DSPRITES}
    launchers = {path.stem for path in (ROOT / "launchers").glob("run_*_exp.py")}
    assert launchers == {f"run_{name}_exp" for name in (*MODULES, "figure1")}


def check_smoke(case, tmp_path):
    arguments, categorical, continuous, (height, width, channels) = CASES[case]
    logs = run_smoke(case.split()[0], tmp_path, *arguments)
    spec = ExperimentSpec.from_json((logs / "spec.json").read_text())
    assert spec == ExperimentSpec.from_json((tmp_path / "ckt" / "run" / "spec.json").read_text())
    assert json.loads((logs / "status.json").read_text())["state"] == "finished"
    columns = categorical + [10] * continuous
    assert len(spec.codes) == len(columns)
    for code, values in zip(spec.codes, columns):
        picture = imageio.imread(logs / "samples" / f"{code.name}.png")
        colours = (channels,) * (channels > 1)
        assert picture.shape == (5 * 2 * height, values * 2 * width, *colours)
        # G starts with outputs near 0: grey, in whichever range its pixels are.
        assert 100 < picture.mean() < 155


@pytest.mark.parametrize("case", ["cifar10", "images"])
def test_smoke(case, given, narrow, tmp_path):
    """In colour and in grey, square and not; tests/test_evaluate.py has angles, and codes without a category."""
    check_smoke(case, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_smoke_with_the_networks_of_the_launcher(case, given, tmp_path):
    check_smoke(case, tmp_path)


def saved_spec(root):
    return ExperimentSpec.from_json((root / "ckt" / "run" / "spec.json").read_text())


@pytest.fixture
def untrained(given, monkeypatch):
    """Launches without training: a run is set up, and that is all."""
    monkeypatch.setattr(train, "run", lambda *arguments: {"metrics": [], "notes": []})
    return given


@pytest.mark.parametrize("name", LIKE_DSPRITES)
def test_sets_like_dsprites_are_learned_as_it_is(name, untrained, tmp_path):
    run_smoke(name, tmp_path)
    spec, (codes, shape) = saved_spec(tmp_path), LIKE_DSPRITES[name]
    assert (len(spec.codes), spec.image_shape, spec.network, spec.generator_steps) == (codes, shape, "infogan_cr", 2)
    assert untrained == [(name, f"data/{name}")]


def test_values_of_infogan_cr_for_dsprites():
    modified, cr = factor_sets.MODIFIED, factor_sets.CR
    assert (modified.updates, cr.updates, cr.batch_size) == (288_000, 322_560, 64)
    assert (modified.contrastive_weight, cr.contrastive_weight, cr.contrastive_schedule.start) == (0, 2, 287_999)
    assert (cr.info_reg_coeff, cr.continuous_weight, cr.optimizer) == (0.05, 0.05, Adam(0.5))
    assert (cr.discriminator_learning_rate, cr.generator_learning_rate, cr.spectral_norm) == (2e-3, 1e-3, True)


@pytest.mark.parametrize("case", CASES)
def test_every_launcher_sets_up_a_run_whose_networks_fit(case, untrained, tmp_path):
    arguments, categorical, continuous, shape = CASES[case]
    run_smoke(case.split()[0], tmp_path, *arguments)
    spec = saved_spec(tmp_path)
    check_networks(spec)
    values = [code.distribution.number_of_values for code in spec.codes]
    assert (values, spec.image_shape) == (categorical + [None] * continuous, shape)


def test_flags_reach_the_spec(untrained, tmp_path):
    arguments = ["--gan-loss", "hinge", "--spectral-norm", "--continuous-prior", "gaussian", "--noise-dim", 9]
    run_smoke("svhn", tmp_path, *arguments)
    spec = saved_spec(tmp_path)
    assert (spec.gan_loss, spec.spectral_norm, spec.sweep_limit) == ("hinge", True, 4.0)
    families = [type(latent.distribution).__name__ for latent in spec.latent_spec]
    assert families == ["Uniform"] + ["Categorical"] * 4 + ["Gaussian"] * 4
    assert spec.latent_spec[0].distribution.dim == 9


def test_noise_of_a_fixed_size_is_left_as_it_is():
    latents = (Latent("noise", Product([Uniform(3), Uniform(4)]), regularised=False), Latent("code", Uniform(1)))
    spec = dataclasses.replace(mnist.PAPER, latent_spec=latents, code_schedules=(), paper_values=())
    with pytest.raises(InputError, match="noise_dim: 5 was given, but the noise of this experiment has a fixed size"):
        FLAGS["noise_dim"].change(spec, 5)


def failing(error):
    def fail(*_):
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            lambda: OSError(28, "No space left on device"),
            "a file: No space left on device. There is no",
        ),
        (
            lambda: OSError(30, "Read-only file system", "status.json"),
            "status.json: Read-only file system. There",
        ),
        (
            lambda: tf.errors.ResourceExhaustedError(None, None, "OOM"),
            "The device's memory is exhausted. Take a",
        ),
    ],
)
def test_what_the_machine_lacks_ends_a_run_in_one_line(spec, dataset, tmp_path, monkeypatch, error, message):
    folder = RunFolder(tmp_path / "logs", tmp_path / "ckt", "run")
    folder.create(spec, dataset)
    monkeypatch.setattr(experiment, "_train", failing(error()))
    with pytest.raises(TrainingFailed, match=message):
        experiment.run(spec, folder, dataset, StopSignals())
    assert json.loads((folder.log / "status.json").read_text())["state"] == "failed"


def test_a_run_that_cannot_be_evaluated_is_not_said_to_be_running(spec, dataset, tmp_path, monkeypatch):
    folder = RunFolder(tmp_path / "logs", tmp_path / "ckt", "run")
    folder.create(spec, dataset)
    monkeypatch.setattr(experiment, "_train", lambda *_: folder.write_status("running", 0, spec.updates))
    monkeypatch.setattr(evaluate, "evaluate_run", failing(InputError("INFOGAN_CACHE", "it is full.")))
    with pytest.raises(InputError, match=r"INFOGAN_CACHE: it is full"):
        experiment.run(spec, folder, dataset, StopSignals())
    status = json.loads((folder.log / "status.json").read_text())
    assert (status["state"], status["message"]) == ("failed", "INFOGAN_CACHE: it is full.")


def test_flags_together_make_a_spec_though_one_alone_would_not(untrained, tmp_path):
    folders = ["--log-dir", tmp_path / "logs", "--checkpoint-dir", tmp_path / "ckt", "--run-name", "run"]
    flags = ["--smoke", "--batch-size", 9, "--augmentation", 0, "--view-information", 0, *folders]
    assert train.main(Experiment("MNIST", (mnist.ROBUST,)), [str(flag) for flag in flags]) == 0
    spec = saved_spec(tmp_path)
    assert (spec.batch_size, spec.augmentation, spec.view_information) == (9, 0.0, 0.0)


def test_a_prior_that_the_recipe_has_anyway_changes_nothing(untrained, tmp_path):
    paper = ["--recipe", "paper"]
    given_too = ["--continuous-prior", "uniform", "--no-spectral-norm", "--factor", "azimuth"]
    run_smoke("faces", tmp_path / "plain", *paper)
    run_smoke("faces", tmp_path / "asked", *paper, *given_too)
    assert saved_spec(tmp_path / "plain") == saved_spec(tmp_path / "asked")


class Skewed(GaussianPosterior):
    """A family that the flags do not know."""


def test_flags_change_the_codes_they_speak_of_and_no_others(spec):
    kinds = {"kind": Categorical(4), "with": Bernoulli(1), "size": Skewed(1), "width": Uniform(1), "turn": Circular()}
    spec = dataclasses.replace(spec, latent_spec=tuple(Latent(name, family) for name, family in kinds.items()))
    fewer = CODE_FLAGS["categorical"].change(spec, (2, 3))
    assert [code.name for code in fewer.codes] == ["category_1", "category_2", "with", "size", "width", "turn"]
    assert [flag.read(spec) for flag in CODE_FLAGS.values()] == [1, (4,), 2]
    normal = FLAGS["continuous_prior"].change(spec, "gaussian")
    assert [code.distribution for code in normal.codes] == [*(kinds | {"width": Gaussian(1)}).values()]
    assert (FLAGS["continuous_prior"].read(spec), FLAGS["continuous_prior"].read(normal)) == ("uniform", "gaussian")


@pytest.mark.parametrize(
    ("arguments", "shape", "codes"),
    [
        ([], (64, 64, 3), [("category_1", 10), ("continuous_1", 1), ("continuous_2", 1)]),
        (["--categorical", "none", "--image-size", 128], (128, 128, 3), [("continuous_1", 1), ("continuous_2", 1)]),
        (
            ["--image-size", "48", "--circular", 1, "--categorical", "none", "--continuous", 0],
            (48, 48, 3),
            [("circular_1", 1)],
        ),
        (["--image-size", "64x96", "--continuous", 0], (64, 96, 3), [("category_1", 10)]),
        (["--continuous", 0, "--categorical", "10, 4"], (64, 64, 3), [("category_1", 10), ("category_2", 4)]),
        (
            ["--circular", 2, "--continuous", 1],
            (64, 64, 3),
            [("category_1", 10), ("continuous_1", 1), ("circular_1", 1), ("circular_2", 1)],
        ),
        (["--categorical", "none", "--continuous", 0, "--circular", 1], (64, 64, 3), [("circular_1", 1)]),
    ],
    ids=[
        "defaults",
        "no categories",
        "another side",
        "no square",
        "no continuous codes",
        "circular codes",
        "circular codes alone",
    ],
)
def test_codes_and_size_of_images(untrained, tmp_path, arguments, shape, codes):
    run_smoke("images", tmp_path, *arguments)
    spec = saved_spec(tmp_path)
    assert spec.image_shape == shape
    assert spec.image_size == (shape[0] if shape[0] == shape[1] else shape[:2])
    assert [(code.name, code.distribution.dim) for code in spec.codes] == codes


def test_residual_networks_can_be_chosen(untrained, tmp_path):
    run_smoke("images", tmp_path, "--network", "resnet", "--image-size", "32")
    spec = saved_spec(tmp_path)
    assert (spec.network, spec.image_shape) == ("resnet", (32, 32, 3))


def test_chairs_have_an_angle_for_their_turn_and_codes_for_which_chair_it_is(untrained, tmp_path):
    run_smoke("chairs", tmp_path)
    spec = saved_spec(tmp_path)
    kinds = {code.name: type(code.distribution).__name__ for code in spec.codes}
    assert kinds == {"circular_1": "Circular"} | {f"continuous_{number}": "Uniform" for number in range(1, 7)}
    assert (spec.factor, spec.image_size, spec.network) == (None, 32, "faces")


def test_a_given_rate_counts_more_than_the_factor(untrained, tmp_path):
    run_smoke("faces", tmp_path, "--generator-learning-rate", 0.5, "--factor", "lighting")
    spec = saved_spec(tmp_path)
    assert (spec.factor, spec.generator_learning_rate, spec.discriminator_learning_rate) == ("lighting", 0.5, 8e-4)


PAPER = {  # Tables 5 and 7: rate of D and Q, rate of G, lambda of the categorical and of the continuous codes
    ("svhn", None): (2e-4, 1e-3, 1.0, 0.1),
    ("celeba", None): (2e-4, 1e-3, 1.0, 0.0),
    ("faces", "azimuth"): (2e-4, 5e-4, 1.0, 0.2),
    ("faces", "elevation"): (4e-4, 3e-4, 1.0, 0.1),
    ("faces", "lighting"): (8e-4, 3e-4, 1.0, 0.1),
    ("faces", "width"): (8e-4, 3e-4, 1.0, 0.1),
    ("chairs", "rotation"): (2e-4, 1e-3, 1.0, 10.0),
    ("chairs", "width"): (2e-4, 1e-3, 2.0, 0.05),
}


INPUTS_OF_G = {"svhn": 168, "celeba": 228, "faces": 133, "chairs": 189}  # as the paper states them


@pytest.mark.parametrize(("name", "factor"), PAPER)
def test_recipes_obey_the_paper(untrained, tmp_path, name, factor):
    run_smoke(name, tmp_path, "--recipe", "paper", *(["--factor", factor] if factor else []))
    spec = saved_spec(tmp_path)
    rates = (spec.discriminator_learning_rate, spec.generator_learning_rate)
    assert (*rates, spec.info_reg_coeff, spec.continuous_weight) == PAPER[name, factor]
    assert (spec.recipe, spec.factor, spec.leaky_rate, spec.constant_rate_share) == ("paper", factor, 0.1, 1.0)
    assert not any(getattr(code.distribution, "fix_std", False) for code in spec.codes)
    assert sum(latent.distribution.dim for latent in spec.latent_spec) == INPUTS_OF_G[name]
    assert spec.optimizer == Adam(0.5)
    assert spec.sweep_limit == (1.0 if factor else 2.0)


WRONG = {
    "no number": ("images", ["--categorical", "10,x"], "argument --categorical: '10,x' was given, but a list of"),
    "one category": ("images", ["--categorical", "1"], "argument --categorical: '1' was given, but a list of at"),
    "too many codes": ("images", ["--categorical", ",".join(["2"] * 101)], "argument --categorical: '2,2,"),
    "negative count": ("images", ["--continuous=-1"], "argument --continuous: '-1' was given, but a whole number of"),
    "huge count": ("images", ["--continuous", "1000000000"], "but a whole number of at least 0 and at most 100 is"),
    "no code": (
        "images",
        ["--continuous", "0", "--categorical", "none"],
        "--categorical, --continuous, --circular: no code was asked for, but InfoGAN needs one.",
    ),
    "size of no network": ("images", ["--image-size", "33"], "--image-size: 33x33x3 was given, but dcgan"),
    "side too long": ("images", ["--image-size", "64x272"], "--image-size: 64x272x3 was given, but dcgan"),
    "no side": ("images", ["--image-size", "0x64"], "argument --image-size: '0x64' was given, but a side"),
    "size of another network": (
        "images",
        ["--network", "resnet", "--image-size", "48"],
        "--image-size: 48x48x3 was given, but resnet makes 32x32 and 64x64, in grey or RGB.",
    ),
    "unknown network": ("images", ["--network", "svhn"], "argument --network: invalid choice: 'svhn'"),
    "no size": ("images", ["--image-size", "64*96"], "argument --image-size: '64*96' was given, but a side"),
    "three sides": ("images", ["--image-size", "64x96x3"], "argument --image-size: '64x96x3' was given, but a side"),
    "huge category": ("images", ["--categorical", "1000000000"], "argument --categorical: '1000000000' was"),
    "unknown channels": ("images", ["--channels", "4"], "argument --channels: invalid choice: 4"),
    "no turn either": (
        "images",
        ["--circular", "0", "--continuous", "0", "--categorical", "none"],
        "no code was asked",
    ),
    "unset folder": ("images", ["--data-dir", ""], "argument --data-dir: '' was given, but a path is needed: an unset"),
    "unset root": ("svhn", ["--checkpoint-dir", ""], "argument --checkpoint-dir: '' was given, but a path is needed"),
    "unknown factor": ("faces", ["--factor", "age"], "argument --factor: invalid choice: 'age'"),
    "factor of others": ("chairs", ["--factor", "azimuth"], "argument --factor: invalid choice: 'azimuth'"),
    "factor elsewhere": ("svhn", ["--factor", "azimuth"], "unrecognized arguments: --factor azimuth"),
    "unknown loss": ("svhn", ["--gan-loss", "wgan"], "argument --gan-loss: invalid choice: 'wgan'"),
    "unknown prior": ("svhn", ["--continuous-prior", "beta"], "argument --continuous-prior: invalid choice: 'beta'"),
    "prior of nothing": (
        "celeba",
        ["--continuous-prior", "gaussian"],
        "--continuous-prior: gaussian was given, but this experiment has no uniform or normal code.",
    ),
    "images of another size": ("svhn", ["--data-dir", "small"], "--data-dir: its images are 20x20x3, but 32x32x3 is"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_gets_one_line_and_status_2(case, untrained, tmp_path, capsys):
    name, arguments, message = WRONG[case]
    assert run_smoke(name, tmp_path, *arguments) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("faces", ["--factor", "width"], "--factor: width was given, but run was started with none."),
        ("images", ["--categorical", "10,10"], "--categorical: 10,10 was given, but run was started with 10."),
        ("images", ["--image-size", 32], "--image-size: 32x32 was given, but run was started with 64x64."),
        ("images", ["--channels", 3], "--channels: 3 was given, but run was started with none."),
        ("svhn", ["--spectral-norm"], "--spectral-norm: True was given, but run was started with False."),
        ("svhn", ["--continuous-prior", "gaussian"], "gaussian was given, but run was started with uniform."),
    ],
)
def test_resuming_with_another_value_is_refused(untrained, tmp_path, capsys, name, arguments, message):
    run_smoke(name, tmp_path)
    roots = ["--log-dir", tmp_path / "logs", "--checkpoint-dir", tmp_path / "ckt"]
    assert launch(name, "--resume", *roots, *arguments) == 2
    assert message in capsys.readouterr().err


def test_where_images_are_looked_for(untrained, tmp_path, monkeypatch):
    fetched = []
    download = types.SimpleNamespace(download_dataset=lambda name, folder: fetched.append((name, str(folder))))
    monkeypatch.setitem(sys.modules, "infogan.data.download", download)
    for number, (name, arguments) in enumerate(
        [
            ("svhn", []),
            ("svhn", ["--data-dir", "mine"]),
            ("mnist", []),
            ("mnist", ["--download"]),
            ("cifar10", ["--download", "--data-dir", "mine"]),
            ("images", []),
        ]
    ):
        run_smoke(name, tmp_path / str(number), *arguments)
    folders = ["data/svhn", "mine", None, "data/mnist", "mine", None]
    assert untrained == list(zip(["svhn", "svhn", "mnist", "mnist", "cifar10", "images"], folders))
    assert fetched == [("mnist", "data/mnist"), ("cifar10", "mine")]


def test_ports_page_names_flags_that_exist(capsys):
    text = (ROOT / "docs" / "coming_from_other_ports.md").read_text()
    last_columns = re.findall(r"^\|.*\|(.*)\|$", text, re.MULTILINE)
    ours = {flag for column in last_columns for flag in re.findall(r"--[a-z][a-z-]+", column)}
    for name in ("mnist", "images"):
        launch(name, "--help")
    known = capsys.readouterr().out
    assert len(ours) > 15
    assert not [flag for flag in ours if flag not in known]
