"""Grids: which cells they have, what is refused, what is kept, compared, drawn and shown by TensorBoard."""

import io
import itertools
import json
import statistics
import sys
import textwrap
from types import SimpleNamespace

import imageio.v3 as imageio
import pytest
from conftest import read_refusal
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins.hparams import api_pb2, list_session_groups
from tensorboard.plugins.hparams.backend_context import Context

from infogan.cli import study as study_module
from infogan.cli.study import Study, load_study, run_study
from infogan.cli.vary import build_grid, compare_cells, format_grid, run_grid
from infogan.evaluation.figures import draw_cells
from infogan.system import tf1
from infogan.system.messages import InputError, TrainingFailed

# Takes a launcher's arguments and leaves what a run leaves; its error rate, in per cent, is that of `error_of`.
LAUNCHER = textwrap.dedent(
    """
    import argparse, json, pathlib, sys
    parser = argparse.ArgumentParser()
    for flag in ("--log-dir", "--checkpoint-dir", "--run-name", "--resume", "--augmentation"):
        parser.add_argument(flag)
    for flag in ("--seed", "--batch-size"):
        parser.add_argument(flag, type=int)
    options = parser.parse_args()
    log = pathlib.Path(options.log_dir) / (options.run_name or options.resume)
    checkpoints = pathlib.Path(options.checkpoint_dir) / log.name
    for folder in (log, checkpoints):
        folder.mkdir(parents=True)
    spec = {"seed": options.seed, "batch_size": options.batch_size, "updates_per_epoch": 60}
    (checkpoints / "spec.json").write_text(json.dumps(spec))
    if pathlib.Path(sys.argv[0]).with_name("fail").exists() and options.batch_size == 64 and options.seed == 1:
        sys.exit("no")
    shared = {"note": "", "bound": None, "source": "Sec. 7.2"}
    error = (options.batch_size + options.seed) / 100
    rows = [
        {"name": "error rate", "code": "digit", "ours": error, "unit": "share", "better": "lower", "paper": 0.05,
         "rule": "at most", "holds": error < 0.05, **shared},
        {"name": "NMI", "code": "digit", "ours": 0.9, "unit": "", "better": "higher", "paper": None,
         "rule": None, "holds": None, **shared},
    ]
    (log / "report.json").write_text(json.dumps({"seed": options.seed, "metrics": rows, "spec": spec}))
    (log / "metrics.jsonl").write_text(json.dumps({"epoch": 1, "update": 60, "speed/images_per_second": 50.0}) + "\\n")
    """
)


@pytest.fixture
def launcher(tmp_path):
    path = tmp_path / "run_exp.py"
    path.write_text(LAUNCHER)
    return path


@pytest.fixture
def base(tmp_path, launcher, monkeypatch):
    """The study that is varied."""
    monkeypatch.setattr(tf1, "find_gpus", list)  # it would import TensorFlow
    return Study("exp", (sys.executable, str(launcher)), (), (0, 1), tmp_path / "logs", tmp_path / "ckt")


def build(base, *variations, experiment=None):
    return build_grid(base, False, experiment or base.command[-1], variations)


def errors_of(document):
    """(batch size, seeds, error rates) of each cell."""
    return [
        (cell["values"]["batch_size"], row["seeds"], row["values"])
        for cell in document["cells"]
        for row in cell["summary"]
        if row["name"] == "error rate"
    ]


def test_each_combination_is_a_study_and_one_document_compares_them(base, capsys):
    grid = build(base, "batch_size=32,64", "augmentation=0,0.5")
    run_grid(grid)
    document = json.loads(grid.path.read_text())
    assert grid.name == "exp_by_batch_size_augmentation"
    assert document["fields"] == ["batch_size", "augmentation"]
    assert [tuple(cell["values"].values()) for cell in document["cells"]] == [
        *(("32", "0"), ("32", "0.5"), ("64", "0"), ("64", "0.5"))
    ]
    assert errors_of(document) == [("32", [0, 1], [0.32, 0.33])] * 2 + [("64", [0, 1], [0.64, 0.65])] * 2
    for cell, description in zip(grid.cells, document["cells"]):
        (row, _) = description["summary"]
        assert row["mean"] == pytest.approx(statistics.fmean(row["values"])) and row["worst"] == max(row["values"])
        study = load_study(cell.study.path)
        assert study["arguments"] == [f"--{name.replace('_', '-')}={text}" for name, text in cell.values.items()]
        assert [run["seed"] for run in study["runs"]] == [0, 1]
        assert (base.log_root / grid.name / f"{cell.study.name}_seed1" / "report.json").exists()
    printed = capsys.readouterr().out
    assert "digit: error rate  32          0             32.50 %  0.71 %     33.00 %  0: 32.00 %, 1: 33.00 %" in printed
    assert "NMI" not in printed  # the paper has no number for it
    assert imageio.imread(grid.path.with_suffix(".png")).std() > 0


def test_a_failed_seed_is_named_with_its_cell_and_the_same_command_tries_it_again(base, launcher, capsys):
    grid = build(base, "batch_size=32,64")
    marker = launcher.with_name("fail")
    marker.touch()
    with pytest.raises(TrainingFailed, match="seeds 1 of batch_size-64 failed"):
        run_grid(grid)
    assert errors_of(json.loads(grid.path.read_text())) == [("32", [0, 1], [0.32, 0.33]), ("64", [0], [0.64])]
    assert "batch_size-64, seed 1: failed with status 1" in capsys.readouterr().out
    marker.unlink()
    (base.checkpoint_root / grid.name / "batch_size-64_seed1" / "spec.json").unlink()  # this launcher cannot resume
    for root in (base.checkpoint_root, base.log_root):
        (root / grid.name / "batch_size-64_seed1").rmdir()
    run_grid(grid)
    assert errors_of(json.loads(grid.path.read_text()))[1] == ("64", [0, 1], [0.64, 0.65])
    assert "batch_size-32.json holds seeds 0, 1: they are not trained again" in capsys.readouterr().out


def test_a_grid_grows_by_values_and_keeps_what_it_has(base, monkeypatch):
    run_grid(build(base, "batch_size=32"))
    started = []
    start = study_module._start
    monkeypatch.setattr(study_module, "_start", lambda job, slot: started.append(job.label) or start(job, slot))
    grid = build(base, "batch_size=16,32")
    run_grid(grid)
    assert sorted(started) == ["batch_size-16, seed 0", "batch_size-16, seed 1"]
    assert [cell for cell, *_ in errors_of(json.loads(grid.path.read_text()))] == ["16", "32"]


def test_a_file_of_another_grid_or_study_is_refused(base):
    named = base._replace(name="mine")
    grid = build_grid(named, True, base.command[-1], ["batch_size=32"])
    run_grid(grid)
    before = grid.path.read_text()
    other = build_grid(named, True, base.command[-1], ["batch_size=32", "augmentation=0"])
    with pytest.raises(InputError, match=r"mine\.json: it holds batch_size, but batch_size, augmentation was given"):
        run_grid(other)
    with pytest.raises(InputError, match="it holds no study"):
        run_study(named)
    assert grid.path.read_text() == before
    grid.path.write_text("{")
    with pytest.raises(InputError, match=r"mine\.json: it is no grid"):
        run_grid(grid)


@pytest.mark.parametrize(
    ("variations", "arguments", "message"),
    [
        (["batch_sise=1,2"], [], "--vary: 'batch_sise' was given, but the known ones are batch_size, "),
        (["batch_size=32,1"], [], "--vary: batch_size: 1 was given, but a whole number of at least 2 is needed"),
        (["batch_size=32,many"], [], "--vary: batch_size: 'many' was given, but a whole number"),
        (["augmentation=-1"], [], "--vary: augmentation: -1.0 was given, but a number of at least 0"),
        (["augmentation=1,1.0"], [], "--vary: augmentation: 1.0 was given twice"),
        (["spectral_norm=yes"], [], "--vary: spectral_norm: 'yes' was given, but True or False is needed"),
        (["recipe=robust,defaul"], [], "--vary: recipe: 'defaul' was given, but one of default, "),
        (["batch_size"], [], "--vary: 'batch_size' was given, but FIELD=VALUE,VALUE is needed"),
        (["batch_size="], [], "--vary: batch_size: '' was given, but a whole number"),
        (["seed=1,2"], [], "--vary: seed was given, but a grid has several seeds"),
        (["batch_size=32", "batch-size=64"], [], "--vary: batch_size was given twice"),
        (["batch_size=32,64"], ["--batch-size", "8"], "--vary: batch_size was given, but --batch-size was given too"),
        (["batch_size=32,64"], ["--batch-size=8"], "--vary: batch_size was given, but --batch-size was given too"),
        (["spectral_norm=true"], ["--no-spectral-norm"], "--vary: spectral_norm was given, but --spectral-norm was"),
        (["recipe=paper,default"], ["--recipe", "paper"], "--vary: recipe was given, but --recipe was given too"),
        (
            ["batch_size=64,65", "view_information=0,0.1"],
            ["--augmentation", "1"],
            "--vary, batch_size=65, view_information=0.1: batch_size: 65 was given, but 2 views of each image need",
        ),
        (["batch_size=32", "augmentation=0"], ["--frob"], "unrecognized arguments: --frob"),
        ([f"batch_size={','.join(map(str, range(2, 1200)))}"], [], "1,198 cells were given, but at most 1,000 are run"),
    ],
)
def test_what_is_wrong_is_refused_in_one_line_before_anything_runs(
    variations, arguments, message, monkeypatch, capsys, tmp_path
):
    monkeypatch.chdir(tmp_path)
    words = itertools.chain.from_iterable(("--vary", variation) for variation in variations)
    monkeypatch.setattr(sys, "argv", ["infogan study", "mnist", "--seeds", "0-1", *words, *arguments])
    assert message in read_refusal(capsys, study_module.main)
    assert not list(tmp_path.iterdir())


def test_values_with_commas_switches_and_long_ones(base):
    grid = build(base, "optimizer=adam,beta1=0.5; rmsprop", "spectral-norm=True,false", experiment="mnist")
    assert [cell.study.arguments for cell in grid.cells] == [
        (f"--optimizer={optimizer}", switch)
        for optimizer in ("adam,beta1=0.5,beta2=0.999", "rmsprop,decay=0.9,momentum=0")
        for switch in ("--spectral-norm", "--no-spectral-norm")
    ]
    rates = build(base, "generator_learning_rate=0.00012345678,1e-3", experiment="mnist").cells
    assert [cell.study.arguments for cell in rates] == [
        ("--generator-learning-rate=0.00012345678",),  # not rounded
        ("--generator-learning-rate=0.001",),
    ]
    schedules = ";".join(f"{'/'.join([f'{i}:0,{i + 900}:1'] * 3)}" for i in range(2))
    long = build(base, f"code_schedules={schedules}", "turning_schedule=none;400:0,600:1", experiment="mnist").cells
    names = {cell.study.name for cell in [*grid.cells, *rates, *long]}
    assert len(names) == len(grid.cells) + len(rates) + len(long)
    assert all(len(f"{name}_seed{2**31 - 1}") <= 100 for name in names)


def summary_row(mean, unit="share"):
    values = [mean - 0.01, mean + 0.01]
    return {"name": "x", "code": None, "unit": unit, "values": values, "mean": mean, "deviation": 0.014, "worst": mean}


@pytest.mark.parametrize("fields", [{"a": "12"}, {"a": "12", "b": "345"}, {"a": "12", "b": "3", "c": "678"}])
def test_pictures_of_a_grid_differ_by_its_numbers_and_miss_cells(fields):
    count = len(list(itertools.product(*fields.values())))

    def draw(*means):
        rows = [summary_row(mean) for mean in means]
        png = draw_cells(fields, {"one": [*rows, *[None] * (count - len(rows))], "two": [None] * count})
        return imageio.imread(io.BytesIO(png))

    assert (draw(0.1, 0.2) != draw(0.1, 0.3)).any()
    assert draw(0.1).std() > 0


def test_the_table_of_other_quantities_where_the_paper_has_none():
    rows = [summary_row(0.5) | {"name": name, "worst": worst, "seeds": [0, 1], "holds": None} for name, worst in WORST]
    cells = [{"values": {"a": "1"}, "summary": rows}, {"values": {"a": "2"}, "summary": []}]
    table = format_grid({"fields": ["a"], "cells": cells})
    assert "known  " in table and "unknown" not in table
    assert "no finished seed measured it" in table


WORST = [("known", 0.6), ("unknown", None)]


def read_table(folder):
    """The rows of TensorBoard's HParams page, by TensorBoard's own code: (hyper-parameters, results) of each run."""
    multiplexer = EventMultiplexer().AddRunsFromDirectory(str(folder))
    multiplexer.Reload()
    context = Context(SimpleNamespace(data_provider=MultiplexerDataProvider(multiplexer, str(folder))))
    request = RequestContext()
    metadata = context.hparams_metadata(request, "")
    experiment = context.experiment_from_metadata(
        request, "", True, metadata, context.hparams_from_data_provider(request, "", 100)
    )
    asked = api_pb2.ListSessionGroupsRequest(
        slice_size=100,
        allowed_statuses=[api_pb2.STATUS_SUCCESS],
        aggregation_type=api_pb2.AGGREGATION_AVG,
        col_params=[api_pb2.ColParams(metric=info.name) for info in experiment.metric_infos],
    )
    groups = list_session_groups.Handler(request, context, "", asked).run().session_groups
    columns = [info.name for info in experiment.hparam_infos], [info.display_name for info in experiment.metric_infos]
    return columns, [
        (dict(group.hparams), {value.name.tag: value.value for value in group.metric_values}) for group in groups
    ]


def test_tensorboard_shows_the_varied_fields_beside_the_results(base):
    grid = build(base, "batch_size=32,64", "augmentation=0,0.5")
    run_grid(grid)
    columns, table = read_table(grid.sessions)
    assert columns == (["augmentation", "batch_size", "seed"], ["error rate of digit"])
    found = {
        tuple(hparams[name].number_value for name in columns[0]): pytest.approx(results["report/error_rate_of_digit"])
        for hparams, results in table
    }
    cells = itertools.product((0, 0.5), (32, 64), (0, 1))
    assert found == {(strength, batch, seed): (batch + seed) / 100 for strength, batch, seed in cells}


def test_a_grid_that_is_not_begun_compares_nothing(base):
    document = compare_cells(build(base, "batch_size=32,64"))
    assert [cell["seeds"] for cell in document["cells"]] == [[], []]
