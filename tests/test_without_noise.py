"""A model whose generator gets codes and nothing else: all that is done with a run works without noise."""

import dataclasses
import json

import numpy as np
import pytest
from conftest import SMALL, random_dataset

import infogan
from infogan.cli.explorer import Explorer
from infogan.cli.export import main as export
from infogan.cli.generate import main as generate
from infogan.latents import continuous_codes
from infogan.model.losses import Information
from infogan.recipes.flags import FLAGS
from infogan.recipes.rendered import FACES_DEFAULT, FACES_PAPER

NOISE = FLAGS["noise_dim"]


def test_the_flag_adds_and_removes_it():
    """Where it was and where it was not, in front of the codes."""
    assert [NOISE.read(spec) for spec in (FACES_DEFAULT, FACES_PAPER)] == [0, 128]
    without = NOISE.change(FACES_PAPER, 0)
    assert without.latent_spec == FACES_PAPER.codes
    assert NOISE.change(without, 128) == FACES_PAPER
    given = NOISE.change(FACES_DEFAULT, 3)
    assert (given.latent_spec[0].name, given.latent_spec[0].distribution.dim, given.codes) == (
        "noise",
        3,
        FACES_DEFAULT.codes,
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run of two codes alone."""
    spec = dataclasses.replace(
        SMALL,
        latent_spec=continuous_codes(2, fix_std=True),
        code_schedules=(),
        paper_values=(),
        weight_averaging=0.5,
        max_epoch=1,
        smoke=True,
    )
    root = tmp_path_factory.mktemp("without")
    folder = infogan.train(spec, random_dataset(), root / "logs", root / "ckt", "codes")
    with infogan.load(folder) as loaded:
        yield loaded


def test_it_is_trained_and_measured(run):
    assert [type(term) for term in run.spec.objective].count(Information) == 2
    names = {row["name"] for row in run.report["metrics"]}
    assert "L_I" in names
    assert (run.folder.log / "samples" / "continuous_2.png").exists()
    assert (run.folder.log / "traversals.png").exists()


def test_codes_decide_the_whole_image(run):
    codes = {"continuous_1": 0.3, "continuous_2": -0.8}
    np.testing.assert_allclose(run.generate(codes, seed=1, count=3), run.generate(codes, seed=2, count=3), atol=1e-6)
    assert run.generate(codes, noise=[]).shape == (1, 28, 28, 1)
    with pytest.raises(infogan.InputError, match=r"noise: an array of shape \[2\] was given, but \[0\]"):
        run.generate(codes, noise=[0.0, 0.0])


def test_the_page_shows_one_image(run):
    explorer = Explorer(run)
    assert explorer.draw([0.1, 0.2], 0).shape == (1, 1, 28, 28, 1)
    assert explorer.film("continuous_1", [0.1, 0.2], 0).startswith(b"GIF8")
    settings, noise, _ = explorer.recognise(np.zeros((28, 28, 1), np.uint8))
    assert explorer.draw_again(settings, noise).shape == (1, 1, 28, 28, 1)


def test_commands_take_it(run, tmp_path):
    folder = str(run.folder.checkpoints)
    assert generate([folder, "--code", "continuous_1=-1:1:3", "--output", str(tmp_path / "sweep.png")]) == 0
    assert export([folder, "--format", "savedmodel", "--output", str(tmp_path / "model")]) == 0
    described = json.loads((tmp_path / "model" / "signatures.json").read_text())
    assert "noise" not in json.dumps(described)
