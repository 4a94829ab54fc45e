"""Scores of anybody's representation by the command line, and of a trained run in its report."""

import dataclasses
import json

import numpy as np
import pytest
from conftest import SMALL, read_refusal
from test_evaluate import save_untrained

from infogan.cli.disentanglement import main
from infogan.data import Dataset, Factor, Split, hold_out
from infogan.distributions import Bernoulli, Categorical, Circular, Gaussian, Uniform
from infogan.evaluation.disentanglement import protocols, trained
from infogan.evaluation.disentanglement.published import DSPRITES, paper_values
from infogan.evaluation.disentanglement.trained import disentanglement_scores, encoder_of
from infogan.evaluation.metric import Findings, Metric, Picture, Settings, compare
from infogan.latents import Latent
from infogan.run import TrainedRun


@pytest.fixture
def small(monkeypatch):
    """Fast settings that are faster still, and without trees."""
    for name, protocol in list(protocols.PROTOCOLS.items()):
        cheap = tuple(score for score in protocol.scores if score != "DCI")
        few = dataclasses.replace(protocol, scores=cheap, fitted=500, tested=min(protocol.tested, 200), votes=60)
        monkeypatch.setitem(protocols.PROTOCOLS, name, few)


@pytest.fixture
def files(tmp_path):
    """Codes that are three factors, and the factors: (folder, codes, dict of factors)."""
    levels = np.random.default_rng(0).integers(0, (2, 4, 5), (800, 3))
    factors = dict(zip(("kind", "size", "turn"), levels.T))
    np.save(tmp_path / "codes.npy", levels.astype(np.float32))
    np.savez(tmp_path / "factors.npz", **factors)
    return tmp_path, levels, factors


def test_files_are_scored_and_written(files, small, capsys):
    folder, _, _ = files
    paths = ["--codes", str(folder / "codes.npy"), "--factors", str(folder / "factors.npz")]
    assert main([*paths, "--nominal", "kind", "--fast", "--output", str(folder / "found")]) == 0
    said = capsys.readouterr().out
    assert said.index("infogan_cr") < said.index("dlib") < said.index("infomec")
    document = json.loads((folder / "found" / "disentanglement.json").read_text())
    assert document["factors"] == ["kind", "size", "turn"] and document["images"] == 800
    assert set(document["protocols"]) == {"infogan_cr", "dlib", "infomec"}
    found = document["protocols"]["infogan_cr"]["scores"]
    assert found["FactorVAE"] == {"value": 1.0, "ceiling": 1.0} and found["SAP"]["value"] > 0.4
    assert document["protocols"]["dlib"]["settings"]["one_value"] is False
    np.testing.assert_allclose(np.diag(document["information"]), 1)
    assert (folder / "found" / "codes_by_factors.png").read_bytes().startswith(b"\x89PNG")


def test_one_protocol_alone_writes_nothing_where_no_folder_is_named(files, small, capsys):
    folder, _, _ = files
    before = set(folder.iterdir())
    paths = ["--codes", str(folder / "codes.npy"), "--factors", str(folder / "factors.npz")]
    assert main([*paths, "--protocol", "infomec"]) == 0
    assert "InfoM" in (said := capsys.readouterr().out) and "MIG" not in said
    assert set(folder.iterdir()) == before


def spoil(codes, factors, kind):
    if kind == "NaN":
        codes = np.where(np.arange(len(codes))[:, None] == 3, np.nan, codes)
    if kind == "length":
        codes = codes[:-1]
    if kind == "axes":
        codes = codes[:, 0]
    if kind == "text":
        codes = np.array([["a"]])
    if kind == "few":
        codes, factors = codes[:30], {name: values[:30] for name, values in factors.items()}
    if kind == "many values":
        factors = {**factors, "light": np.arange(len(codes)) / 7}
    if kind == "one factor":
        factors = {"size": factors["size"]}
    if kind == "pickle":
        factors = {**factors, "name": np.array([{}] * len(codes), object)}
    return codes, factors


@pytest.mark.parametrize(
    "kind, message",
    [
        ("NaN", "codes: 1 of 800 rows hold NaN"),
        ("length", "factors: kind has values of shape [800], but there are codes of 799 images"),
        ("axes", "codes.npy: it holds int64 of shape [800], but numbers [N, codes] are needed"),
        ("text", "but numbers [N, codes] are needed"),
        ("few", "factors: size has 4 values in 30 images, but 10 images per value are needed"),
        ("many values", "factors: light has 800 values, but 200 are the most"),
        ("one factor", "factors: 1 of them vary, but disentanglement needs at least 2"),
        ("pickle", "factors.npz: its name is object of shape [800], but numbers [N] are needed"),
    ],
)
def test_files_that_do_not_suit_are_refused(files, capsys, kind, message):
    folder, codes, factors = files
    codes, factors = spoil(codes, factors, kind)
    np.save(folder / "codes.npy", codes)
    np.savez(folder / "factors.npz", **factors)
    paths = ["--codes", str(folder / "codes.npy"), "--factors", str(folder / "factors.npz")]
    assert message in read_refusal(capsys, main, [*paths, "--output", str(folder / "found")])
    assert not (folder / "found").exists()


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "--codes: nothing was given"),
        (["--codes", "codes.npy"], "--factors: nothing was given"),
        (["--codes", "codes.npy", "--factors", "none.npz"], "--factors: none.npz was given, but there is no such file"),
        (["--codes", "factors.npz", "--factors", "codes.npy"], "--codes: factors.npz was given, but an .npy file"),
        (["--codes", "codes.npy", "--factors", "codes.npy"], "--factors: codes.npy was given, but an .npz file"),
        (["--codes", "codes.npy", "--factors", "factors.npz", "--nominal", "form"], "--nominal: 'form' was given"),
        (
            ["--codes", "codes.npy", "--factors", "factors.npz", "--output", "codes.npy"],
            "--output: codes.npy was given",
        ),
        (["--run", "somewhere", "--codes", "codes.npy"], "--run: it was given with files"),
        (["--run", "somewhere", "--nominal", "kind"], "--nominal: it was given with --run"),
        (["--run", "somewhere"], "somewhere: "),
    ],
)
def test_flags_that_do_not_go_together_are_refused(files, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(files[0])
    assert message in read_refusal(capsys, main, arguments)


def make_set():
    """Random images of every combination of three factors."""
    sizes = {"kind": 2, "size": 4, "turn": 5}
    levels = np.tile(np.stack(np.unravel_index(np.arange(40), tuple(sizes.values())), axis=1), (20, 1))
    images = np.random.default_rng(0).integers(0, 256, (len(levels), 28, 28, 1), np.uint8)
    factors = {name: Factor(column, "ordered") for name, column in zip(sizes, levels.T)}
    return hold_out(Split(images, None, factors), "drawn")


CODES = (
    Latent("noise", Uniform(5), regularised=False),
    Latent("kind", Categorical(3)),
    Latent("turn", Circular()),
    Latent("on", Bernoulli(1)),
    Latent("width", Uniform(1)),
    Latent("height", Gaussian(1)),
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    dataset, root = make_set(), tmp_path_factory.mktemp("run")
    folder = save_untrained(dataclasses.replace(SMALL, latent_spec=CODES, paper_values=()), dataset, root)
    with TrainedRun(folder) as run:
        yield run, dataset


def test_a_run_is_scored_in_its_report(run, small):
    run, dataset = run
    images = dataset.train.images[:5]
    codes = encoder_of(run)(images)
    posteriors = run.encode(images)
    assert codes.discrete.tolist() == [True, False, True, False, False]
    assert codes.owners.tolist() == [0, 0, 0, 1, 1, 2, 2, 3, 4]
    np.testing.assert_array_equal(codes.values[:, 0], posteriors["kind"]["prob"].argmax(axis=1))
    np.testing.assert_allclose(codes.columns[:, 3], np.cos(np.pi * posteriors["turn"]["mean"][:, 0]), rtol=1e-5)
    np.testing.assert_allclose(codes.values[:, 3], posteriors["width"]["mean"][:, 0])

    findings = Findings()
    findings.add(disentanglement_scores, disentanglement_scores(run, dataset, Settings()))
    rows = {metric.name: metric for metric in findings.metrics}
    assert {"FactorVAE (infogan_cr)", "MIG (dlib)", "InfoM"} <= set(rows)
    assert rows["FactorVAE (dlib)"].note.startswith("a perfect encoder: 1.000")
    assert findings.notes == [trained.FAST.format(800)]
    (picture,) = findings.pictures
    assert isinstance(picture, Picture) and picture.path == "codes_by_factors.png"

    no_grid = dataclasses.replace(dataset, train=dataset.train.part(None, 30), test=dataset.test.part(None, 3))
    assert disentanglement_scores(run, no_grid, Settings()) == []
    bare = Dataset(Split(dataset.train.images), Split(dataset.test.images), "bare")
    assert disentanglement_scores(run, bare, Settings()) == []


def test_a_factor_of_too_many_values_is_left_out_of_a_report(run, small):
    run, dataset = run
    images = np.concatenate([dataset.train.images, dataset.test.images])[:700]
    kind, serial = np.repeat([0, 1], 350), np.tile(np.arange(350), 2)
    factors = {"kind": Factor(kind, "binary"), "serial": Factor(serial, "nominal")}
    found = disentanglement_scores(run, hold_out(Split(images, None, factors), "drawn"), Settings())
    (note,) = found
    assert note.startswith("serial is left out of the scores of disentanglement: it has 350 values, but 200 are")


def test_factors_of_any_value_are_scored_in_bins(run, small):
    """MIG and DCI need kinds; the edges are the same in both splits, and what has few values is left as it is."""
    run, dataset = run
    images = np.concatenate([dataset.train.images, dataset.test.images])[:800]
    spread, kind = np.random.default_rng(0).permutation(800).astype(np.float32), np.arange(800) % 3
    factors = {"spread": Factor(spread, "ordered"), "kind": Factor(kind, "nominal")}
    drawn = hold_out(Split(images, None, factors), "drawn")
    binned = trained.sort_factors(drawn)
    for split, before in ((binned.train, drawn.train), (binned.test, drawn.test)):
        np.testing.assert_array_equal(split.factors["spread"].values, before.factors["spread"].values // 79.9)
        np.testing.assert_array_equal(split.factors["kind"].values, before.factors["kind"].values)
    found = disentanglement_scores(run, drawn, Settings())
    assert [row.name for row in found if isinstance(row, Metric)] == [
        "MIG (dlib)",
        *(f"DCI {part} (dlib)" for part in ("disentanglement", "completeness", "informativeness")),
    ]
    assert any(isinstance(row, str) and row.startswith("Factors that take any value are in 10 bins") for row in found)


def test_published_scores_are_values_of_a_recipe():
    values = paper_values("InfoGAN-CR")
    assert {value.metric: value.value for value in values}["MIG (infogan_cr)"] == 0.37
    (row,) = compare([Metric("FactorVAE (infogan_cr)", 0.9)], values)
    assert row["paper"] == 0.88 and row["holds"]
    (row,) = compare([Metric("FactorVAE (dlib)", 0.9)], values)
    assert row["paper"] is None
    known = set(protocols.INFOGAN_CR.scores)
    assert all(set(published.scores) <= known for published in DSPRITES["infogan_cr"])
