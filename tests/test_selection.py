"""Choosing among runs without labels: known answers, codes of every kind, and what the command refuses."""

import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, SMALL, random_dataset, read_refusal
from scipy import stats
from test_evaluate import save_untrained

from infogan.cli import select as command
from infogan.codes import code_vectors
from infogan.distributions import Bernoulli, Categorical, Circular, Uniform
from infogan.evaluation.disentanglement import selection
from infogan.evaluation.disentanglement.sample import Codes
from infogan.evaluation.disentanglement.selection import (
    Amounts,
    Model,
    find_udr,
    find_votes,
    rank,
    relative_strength,
    select,
)
from infogan.evaluation.disentanglement.trained import model_of
from infogan.latents import Latent, latent_slices
from infogan.run import TrainedRun
from infogan.system.files import write_json
from infogan.system.messages import InputError

FEW = Amounts(groups=10, size=20, free=200, real=300)
FACTORS = 4


def make_model(name, mixing, noise=0.05, read=None):
    """A model whose images are FACTORS numbers: its codes times `mixing`; Q inverts that, with some error.

    `read` [FACTORS, codes] replaces the inverse.
    """
    inverse = np.linalg.inv(mixing) if read is None else read
    random = np.random.default_rng(len(name))

    def draw(fixed, size, seed):
        codes = np.random.default_rng(seed).uniform(-1, 1, (len(fixed), size, FACTORS))
        for code in range(FACTORS):
            codes[fixed == code, :, code] = codes[fixed == code, :1, code]
        return codes.reshape(-1, FACTORS) @ mixing

    def encode(images):
        codes = images @ inverse
        return codes + noise * random.standard_normal(codes.shape)

    return Model(name, FACTORS, draw, encode)


def turn(seed):
    """A random rotation, which entangles all factors."""
    return stats.special_ortho_group.rvs(FACTORS, random_state=seed)


def permute(order, signs):
    return np.eye(FACTORS)[order] * np.array(signs)


REAL = np.random.default_rng(1).uniform(-1, 1, (500, FACTORS))
ALIKE = (
    make_model("straight", np.eye(FACTORS)),
    make_model("permuted", permute([2, 0, 3, 1], [1, -1, 1, -1])),
    make_model("scaled", 3 * permute([3, 2, 1, 0], [-1, -1, -1, 1])),
)
USELESS = make_model("useless", turn(5), read=np.zeros((FACTORS, FACTORS)))


def test_copies_that_are_permuted_and_flipped_agree_wholly_and_a_useless_run_comes_last():
    models = [USELESS, *ALIKE, make_model("entangled", turn(6))]
    found = select(models, REAL, FEW)
    for ranking in found.rankings.values():
        assert set(ranking.order[:3]) == {1, 2, 3}
        assert ranking.order[-1] == 0
    centrality = found.rankings["ModelCentrality"]
    np.testing.assert_array_equal(centrality.matrix[1:4, 1:4], 1.0)
    np.testing.assert_array_equal(centrality.matrix, (found.votes + found.votes.T) / 2)
    assert centrality.scores[1] == pytest.approx(centrality.matrix[1, [0, 2, 3, 4]].mean())
    udr = found.rankings["UDR"]
    assert udr.scores[1] == pytest.approx(np.median(udr.matrix[1, [0, 2, 3, 4]]))
    assert found.votes[0, 1:4].max() < 0.6  # noise says nothing of which code was held fixed


def test_the_run_that_is_planted_is_picked():
    """The others each entangle a pair of factors of their own: only the planted one shares three with every other."""
    entangled = []
    for pair in ((0, 1), (1, 2), (2, 3), (0, 3), (0, 2)):
        mixing = np.eye(FACTORS)
        mixing[np.ix_(pair, pair)] = [[0.7, -0.7], [0.7, 0.7]]
        entangled.append(make_model(f"entangles {pair}", mixing))
    models = [*entangled[:3], make_model("planted", np.eye(FACTORS)), *entangled[3:]]
    for name, ranking in select(models, REAL, FEW).rankings.items():
        assert ranking.order[0] == 3, name
        assert ranking.ties == 0


def test_the_amount_that_is_drawn_is_what_was_asked_for():
    seen = []
    counting = ALIKE[0]._replace(encode=lambda images: seen.append(len(images)) or images)
    find_votes([counting, ALIKE[1]], FEW)
    assert sum(seen) == 2 * (FEW.free + FACTORS * FEW.groups * FEW.size)


def test_a_seed_repeats_the_votes():
    fixed = [model._replace(encode=lambda images: np.tanh(images)) for model in (ALIKE[0], make_model("e", turn(6)))]
    np.testing.assert_array_equal(find_votes(fixed, FEW, 3), find_votes(fixed, FEW, 3))


def test_codes_that_are_no_numbers_are_refused_by_name():
    broken = ALIKE[0]._replace(name="broken", encode=lambda images: np.where(images > 0.9, np.nan, images))
    with pytest.raises(InputError, match="broken: its codes hold NaN or infinity"):
        find_votes([ALIKE[1], broken], FEW)


def test_the_best_of_equal_runs_agrees_more_with_itself():
    matrix = np.array([[0.2, 0.6, 0.6], [0.6, 0.9, 0.6], [0.6, 0.6, 0.5]])
    ranking = rank(matrix, np.mean)
    assert ranking.order.tolist() == [1, 2, 0]
    assert ranking.ties == 2


def test_relative_strength_has_known_values():
    assert relative_strength(np.eye(3)[[2, 0, 1]]) == 1.0
    assert relative_strength(np.full((2, 2), 0.5)) == pytest.approx(0.25)
    assert relative_strength(np.zeros((2, 3))) == 0.0
    assert relative_strength(np.zeros((0, 3))) == 0.0
    # Columns: 1, 0.8^2 / 1.4; rows: 1, 0.8, 0.6.
    assert relative_strength(np.array([[1, 0], [0, 0.8], [0, 0.6]])) == pytest.approx((1 + 0.64 / 1.4) / 4 + 0.4)


def test_udr_of_numbers_is_that_of_spearman_without_dead_codes():
    random = np.random.default_rng(2)
    first = random.standard_normal((400, 3))
    second = np.exp(first[:, [1, 0]] + 0.5 * random.standard_normal((400, 2)))
    strengths = np.abs(stats.spearmanr(first, second).statistic[:3, 3:])
    matrix = find_udr([Codes.of(first), Codes.of(second)])
    assert matrix[0, 1] == matrix[1, 0] == pytest.approx(relative_strength(strengths))
    dead = np.concatenate([second, 0.9 * selection.LEAST_DEVIATION * random.standard_normal((400, 1))], axis=1)
    assert find_udr([Codes.of(first), Codes.of(dead)])[0, 1] == pytest.approx(matrix[0, 1])
    alive = np.concatenate([second, 1.2 * selection.LEAST_DEVIATION * random.standard_normal((400, 1))], axis=1)
    assert find_udr([Codes.of(first), Codes.of(alive)])[0, 1] < matrix[0, 1] - 0.05


def make_codes(kind, angle):
    """`Codes` with a category in one-hot form, an angle in half turns and a number."""
    columns = np.concatenate(
        [np.eye(4)[kind], np.stack([np.cos(np.pi * angle), np.sin(np.pi * angle)], axis=1)], axis=1
    )
    return Codes(np.stack([kind, angle], axis=1), columns, np.array([0] * 4 + [1] * 2), np.array([True, False]))


def test_udr_of_categories_and_angles_does_not_depend_on_their_names_and_origin():
    random = np.random.default_rng(3)
    kind, angle = random.integers(0, 4, 900), random.uniform(-1, 1, 900)
    straight = make_codes(kind, angle)
    renamed = make_codes(np.array([2, 0, 3, 1])[kind], (1.7 - angle + 1) % 2 - 1)
    shuffled = make_codes(random.permutation(kind), random.permutation(angle))
    matrix = find_udr([straight, renamed, shuffled])
    assert matrix[0, 1] == pytest.approx(matrix[0, 0])
    assert matrix[0, 1] > 0.9 > 0.2 > matrix[0, 2]
    noisy = np.where(random.uniform(size=900) < 0.5, kind, random.integers(0, 4, 900))
    table = stats.contingency.crosstab(kind, noisy).count
    pair = find_udr([Codes(v[:, None], np.eye(4)[v], np.zeros(4, int), np.array([True])) for v in (kind, noisy)])
    assert pair[0, 1] == pytest.approx(stats.contingency.association(table, "cramer"))


CODES = (
    Latent("noise", Uniform(3), regularised=False),
    Latent("kind", Categorical(4)),
    Latent("turn", Circular()),
    Latent("on", Bernoulli(1)),
    Latent("width", Uniform(1)),
)
SPEC = dataclasses.replace(SMALL, latent_spec=CODES, paper_values=(), max_epoch=1, updates_per_epoch=1)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Three runs of one update that nothing was learned in: their log folders."""
    root, logs = tmp_path_factory.mktemp("runs"), []
    first = save_untrained(SPEC, random_dataset(), root)
    for name in "abc":
        for folder, kind in ((first.log, "logs"), (first.checkpoints, "ckt")):
            shutil.copytree(folder, root / kind / name)
        report = {"metrics": [make_row("NMI", "abc".index(name), "higher"), make_row("error rate", 0.5, "lower")]}
        write_json(root / "logs" / name / "report.json", report)
        logs.append(root / "logs" / name)
    return logs


def make_row(name, value, better):
    return {"name": name, "code": "kind", "ours": value, "unit": "", "better": better}


def test_a_run_holds_any_code_fixed_and_draws_the_others(runs):
    with TrainedRun(command.open_run(runs[0])) as run:
        drawn = []
        run.generate_from = lambda latents: drawn.append(latents) or np.zeros((len(latents), 28, 28, 1), np.float32)
        model = model_of(run)
        assert model.codes == 4
        images = model.draw(np.array([0, 1, 2, 3, -1]), 6, 7)
        assert images.dtype == np.uint8 and images.shape == (30, 28, 28, 1)
        latents = drawn[0].reshape(5, 6, -1)
        for group, held in enumerate(("kind", "turn", "on", "width", None)):
            for name, place in latent_slices(CODES).items():
                is_fixed = (np.ptp(latents[group, :, place], axis=0) == 0).all()
                assert is_fixed == (name == held), (held, name)
        prior = code_vectors(CODES[1], np.arange(4)).tolist()
        assert latents[0, 0, 3:7].tolist() in prior


@pytest.fixture
def few(monkeypatch):
    """Settings that take no time, and the data set of the runs."""
    monkeypatch.setattr(selection, "FAST", Amounts(groups=2, size=5, free=20, real=24))
    monkeypatch.setattr(command, "load_dataset", lambda spec, folder: random_dataset())


def test_runs_are_compared_and_what_was_found_is_written(runs, few, capsys):
    assert command.main([*map(str, runs), "--fast"]) == 0
    said = capsys.readouterr().out
    assert "ModelCentrality picks a, though 2 others have the same score" in said
    assert "beats the mean of all runs in 0 of 2 quantities" in said
    output = runs[0].parent / "selection"
    document = json.loads((output / "selection.json").read_text())
    assert [run["name"] for run in document["runs"]] == ["a", "b", "c"]
    assert document["codes"] == ["kind", "turn", "on", "width"]
    assert document["picks"] == {"ModelCentrality": "a", "UDR": "a"}
    assert document["amounts"]["groups"] == 2
    assert np.shape(document["votes"]) == np.shape(document["matrices"]["UDR"]) == (3, 3)
    row = document["reports"][0]
    assert (row["mean"], row["best"], row["picked"]["UDR"], row["beats_mean"]["UDR"]) == (1, 2, 0, False)
    assert (output / "selection.png").read_bytes().startswith(b"\x89PNG")


def test_picks_are_compared_in_what_all_reports_measured_and_judge():
    def report(error, purity, **more):
        rows = [make_row("error", error, "lower"), make_row("purity", purity, "higher"), make_row("size", 1.0, None)]
        speed = {**make_row("training speed", 9.0, "higher"), "unit": "images/s"}
        return {"metrics": [*rows, speed, *(make_row(name, value, "higher") for name, value in more.items())]}

    reports = [report(0.2, 0.9, NMI=1.0), report(0.4, 0.9, NMI=None), report(0.9, 0.9)]
    error, purity = command.compare_reports(reports, {"first": 0, "last": 2})
    assert (error["mean"], error["best"]) == (pytest.approx(0.5), 0.2)
    assert error["picked"] == {"first": 0.2, "last": 0.9}
    assert error["beats_mean"] == {"first": True, "last": False}
    assert purity["name"] == "purity" and purity["best"] == 0.9
    assert command.compare_reports([*reports, {}], {"first": 0}) == []


def test_a_study_stands_for_its_finished_runs(runs, tmp_path, monkeypatch, capsys):
    for seed, run in enumerate(runs):
        for kind in ("logs", "ckt"):
            shutil.copytree(run.parent.parent / kind / run.name, tmp_path / kind / "mnist" / f"s_seed{seed}")
    document = {"name": "s", "arguments": [], "runs": [{"seed": seed, "metrics": []} for seed in (0, 2)]}
    write_json(tmp_path / "logs" / "mnist" / "s.json", document)
    monkeypatch.chdir(tmp_path)
    for study in ("s", "logs/mnist/s.json"):
        folders, results = command._find_runs([Path(study)])
        assert [folder.name for folder in folders] == ["s_seed0", "s_seed2"]
        assert results == "s_selection"
    assert len(command._find_runs([Path("s"), runs[0]])[0]) == 3
    (tmp_path / "logs" / "faces").mkdir()
    write_json(tmp_path / "logs" / "faces" / "s.json", document)
    assert "s: it is the name of the studies logs/faces/s.json, logs/mnist/s.json" in read_refusal(
        capsys, command.main, ["s"]
    )
    refusal = read_refusal(capsys, command.main, ["logs/faces/s.json"])
    assert "its runs are needed, but logs/faces/s_seed0 is not there" in refusal
    assert "t: there is no such folder, and no study logs/*/t.json" in read_refusal(capsys, command.main, ["t"])
    (tmp_path / "list.json").write_text("[]")
    assert "list.json: it holds no study. Give a study's" in read_refusal(capsys, command.main, ["list.json"])


def copy_run(run, root, **changes):
    """A run like another one, of another spec."""
    for kind in ("logs", "ckt"):
        shutil.copytree(run.parent.parent / kind / run.name, root / kind / "other")
        (root / kind / "other" / "spec.json").write_text(dataclasses.replace(SPEC, **changes).to_json())
    return root / "logs" / "other"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"latent_spec": CODES[:-1]}, "other: its codes are kind (uniform over 4 categories), turn"),
        (
            {"latent_spec": (*CODES[:-1], Latent("width", Uniform(1)), Latent("x", Circular()))},
            "other: its codes are kind (uniform over 4 categories), turn",
        ),
        (
            {"dataset": "fashion_mnist"},
            "other: its images are 28x28x1 of fashion_mnist, but those of a are 28x28x1 of mnist",
        ),
        ({"max_epoch": 7}, "other: it has 1 of 7 updates, but finished runs are compared"),
        ({"dataset": "mine"}, "other: a program trained it on arrays of its own"),
    ],
)
def test_runs_that_cannot_be_compared_are_refused(runs, tmp_path, capsys, changes, message):
    other = copy_run(runs[0], tmp_path, **changes)
    output = tmp_path / "found"
    assert message in read_refusal(capsys, command.main, [str(runs[0]), str(other), "--output", str(output)])
    assert not output.exists()


def test_images_that_are_not_there_leave_no_folder(runs, tmp_path, capsys):
    arguments = [*map(str, runs), "--data-dir", str(tmp_path / "none"), "--output", str(tmp_path / "found")]
    assert "--data-dir: " in read_refusal(capsys, command.main, arguments)
    assert not (tmp_path / "found").exists()


def test_runs_of_images_of_another_size_or_of_other_ones_are_refused(runs, tmp_path, capsys):
    size = {"image_size": 32, "output_dist": dataclasses.replace(SPEC.output_dist, dim=32 * 32)}
    larger = copy_run(runs[0], tmp_path / "1", **size)
    assert "its images are 32x32x1 of mnist, but those of a are 28x28x1 of mnist" in read_refusal(
        capsys, command.main, [str(runs[0]), str(larger)]
    )
    other = copy_run(runs[0], tmp_path / "2")
    for source, message in (("mine", "mine, but those of a are random numbers"), ("random numbers", "other ones, but")):
        write_json(tmp_path / "2" / "ckt" / "other" / "dataset.json", {"source": source, "sha256": "0"})
        refusal = read_refusal(capsys, command.main, [str(runs[0]), str(other)])
        assert f"other: its training images are {message}" in refusal


def test_one_run_or_one_twice_is_refused(runs, tmp_path, capsys):
    run, checkpoints = runs[0], runs[0].parent.parent / "ckt" / "a"
    assert "RUN: a was given, but at least 2 runs are compared" in read_refusal(capsys, command.main, [str(run)])
    for again in (run, checkpoints):
        assert "a: it was given twice" in read_refusal(capsys, command.main, [str(run), str(runs[1]), str(again)])
    (tmp_path / "file").touch()
    refusal = read_refusal(capsys, command.main, [str(run), str(runs[1]), "--output", str(tmp_path / "file")])
    assert "--output: " in refusal and "but it is not a folder" in refusal
    assert "no/where: there is no such folder" in read_refusal(capsys, command.main, [str(run), "no/where"])


def test_pythons_own_module_select_is_not_hidden_by_the_launcher():
    """Python puts the folder of a script first on the path; what the scripts import needs that module."""
    launcher = ROOT / "launchers" / "evaluate.py"
    program = (
        "import runpy, sys; sys.modules.pop('select', None); sys.path[0] = sys.argv[1]; runpy.run_path(sys.argv[2])"
    )
    program += "; runpy.run_path(sys.argv[2]); import select; print(select.select)"
    given = [sys.executable, "-c", program, str(launcher.parent), str(launcher)]
    result = subprocess.run(given, capture_output=True, text=True)
    assert result.stdout == "<built-in function select>\n", result.stderr
