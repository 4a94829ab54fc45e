"""Figure 1's table and picture, from curves whose values are known."""

import io
import json
import sys

import imageio.v3 as imageio
import numpy as np
import pytest

from infogan.cli import figure1
from infogan.cli.figure1 import (
    ENTROPY,
    compare_with_paper,
    find_peak,
    format_comparison,
    measure_curves,
    write_figure,
)
from infogan.cli.study import Study
from infogan.evaluation.figures import draw_information
from infogan.system.messages import InputError, TrainingFailed

UPDATES = np.arange(4, 937, 4)


@pytest.fixture
def curves():
    """InfoGAN's curves are update / 1000, with 0.1 between two seeds; the GAN's peak is 0.5 at update 120."""
    rising = UPDATES / 1000
    peaked = 0.5 - np.abs(UPDATES - 120) / 1000
    return {"infogan": (UPDATES, np.stack([rising, rising + 0.1])), "gan": (UPDATES, np.stack([peaked, peaked]))}


def test_comparison_takes_the_epoch_that_ends_by_the_papers_update(curves):
    rows = {(row["variant"], row["update"]): row for row in compare_with_paper(curves)}
    first = rows["infogan", 25]  # the log's epochs end at 24 and 28
    assert [first[key] for key in ("mean", "lowest", "highest")] == pytest.approx([0.074, 0.024, 0.124])
    assert first["paper"] == [2.0, 2.0]
    assert rows["infogan", 936]["mean"] == pytest.approx(0.986)
    assert rows["gan", 240]["mean"] == pytest.approx(0.38)


def test_an_update_before_the_first_epochs_end_is_left_out(curves):
    late = {variant: (updates[24:], information[:, 24:]) for variant, (updates, information) in curves.items()}
    assert [row["update"] for row in compare_with_paper(late)] == [100, 240, 936, 240, 936]


def test_an_update_after_the_runs_end_is_left_out(curves):
    short = {variant: (updates[:26], information[:, :26]) for variant, (updates, information) in curves.items()}
    assert {row["update"] for row in compare_with_paper(short)} == {25, 100}


def test_peak_of_the_gan(curves):
    assert find_peak(curves) == (120, pytest.approx(0.5))


def test_table(curves):
    lines = format_comparison(curves).splitlines()
    assert lines[2].split() == ["InfoGAN", "25", "0.074", "0.024", "0.124", "2"]
    assert lines[-1] == f"H(c) = {np.log(10):.3f}"
    assert "near 0.6 at 110 to 150" in lines[-2]


def test_files(curves, tmp_path):
    document = json.loads(write_figure(tmp_path, "figure1", (0, 1), curves).read_text())
    assert document["seeds"] == [0, 1]
    assert document["curves"]["gan"]["update"] == UPDATES.tolist()
    assert imageio.imread(tmp_path / "figure1.png").shape[0] > 300


def test_picture_shows_both_curves(curves):
    with_both = imageio.imread(io.BytesIO(draw_information(curves, ENTROPY, [])))
    without_gan = imageio.imread(io.BytesIO(draw_information({"infogan": curves["infogan"]}, ENTROPY, [])))
    assert not np.array_equal(with_both, without_gan)


LAUNCHER = """
import json, pathlib, sys
options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
seed = int(options["--seed"])
if seed > 1:
    sys.exit(1)
log = pathlib.Path(options["--log-dir"], options["--run-name"])
log.mkdir(parents=True)
line = {"epoch": 1, "update": 4, "mi/digit": 0.25 + 0.25 * seed, "speed/images_per_second": 1.0}
(log / "metrics.jsonl").write_text(json.dumps(line) + "\\n")
spec = {"seed": seed, "updates_per_epoch": 4, "batch_size": 8}
(log / "report.json").write_text(json.dumps({"seed": seed, "metrics": [], "spec": spec}))
"""


def test_the_launcher_trains_infogan_and_the_plain_gan(tmp_path, monkeypatch):
    asked = {}
    monkeypatch.setattr(figure1, "measure_curves", lambda studies: asked.update(studies) or {})
    monkeypatch.setattr(figure1, "format_comparison", str)
    monkeypatch.setattr(figure1, "write_figure", lambda *given: given)
    monkeypatch.setattr(sys, "argv", ["figure1", "--seeds", "4-5", "--log-dir", str(tmp_path), "--smoke"])
    assert figure1.main() == 0
    assert {name: study.arguments for name, study in asked.items()} == {
        "infogan": ("--recipe", "figure1", "--smoke"),
        "gan": ("--recipe", "figure1", "--baseline", "gan", "--smoke"),
    }
    assert {(study.command[-1], study.seeds, study.log_root) for study in asked.values()} == {
        ("mnist", (4, 5), tmp_path)
    }


def test_runs_are_found_again_and_failures_are_named(tmp_path):
    launcher = tmp_path / "launcher.py"
    launcher.write_text(LAUNCHER)
    study = Study("figure1_gan", (sys.executable, str(launcher)), (), (0, 1), tmp_path, tmp_path / "ckt")
    for _ in range(2):  # the second time nothing is run: the launcher would find its folder there
        updates, information = measure_curves({"gan": study})["gan"]
        assert updates.tolist() == [4]
        assert information.tolist() == [[0.25], [0.5]]
    log = tmp_path / "figure1_gan_seed1" / "metrics.jsonl"
    lines = log.read_text()
    log.unlink()
    with pytest.raises(InputError, match="it holds 0 epochs, but a finished run's are needed"):
        measure_curves({"gan": study})
    log.write_text(lines)
    with pytest.raises(TrainingFailed, match="seeds 2 of figure1_gan failed"):
        measure_curves({"gan": study._replace(seeds=(0, 2))})
    with pytest.raises(InputError, match="holds a study of no arguments, but --batch-size 7 was given"):
        measure_curves({"gan": study._replace(arguments=("--batch-size", "7"))})
