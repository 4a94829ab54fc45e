"""Launchers as a user meets them: help, a whole small run, wrong input, signals."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import pytest
from conftest import ROOT, launch, narrow_command, random_split, read_refusal

from infogan.cli.train import main
from infogan.recipes.images import IMAGES

LAUNCHERS = sorted((ROOT / "launchers").glob("*.py"))
MNIST = ROOT / "launchers" / "run_mnist_exp.py"


def start_process(launcher, *arguments, cwd, **options):
    command = [sys.executable, str(launcher), *map(str, arguments)]
    return subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


HELP = """
import runpy, sys, time
for launcher in sys.argv[1:]:
    sys.argv, before = [launcher, "--help"], time.process_time()
    try:
        runpy.run_path(launcher, run_name="__main__")
    except SystemExit as end:
        print(">", end.code, time.process_time() - before)
print(*sys.modules)
"""


def test_help_is_instant_and_imports_nothing_that_takes_long(tmp_path):
    """Of all launchers in one process, where what one imports is there for the next."""
    started = start_process("-c", HELP, *LAUNCHERS, cwd=tmp_path)
    out, err = started.communicate()
    assert (started.returncode, err) == (0, "")
    *helps, modules = re.split(r"^> (0 \S+)$", out, flags=re.MULTILINE)
    for launcher, text, ended in zip(LAUNCHERS, helps[::2], helps[1::2], strict=True):
        assert text.strip().startswith(f"usage: {launcher.name} ")
        # Processor time: others may keep the machine busy. TensorFlow alone takes seconds.
        assert float(ended.split()[1]) < 1.0, launcher
    assert not {"tensorflow", "matplotlib", "scipy", "sklearn", "skimage", "gradio"} & set(modules.split())


WAYS = {
    "as a module": ["-m", "launchers.run_svhn_exp"],
    "isolated": ["-I", "launchers/generate.py"],
    "by runpy": ["-c", "import runpy; runpy.run_path('launchers/run_study.py', run_name='__main__')"],
    "imported": ["-c", "import sys; from launchers.evaluate import main; sys.exit(main())"],
}


@pytest.mark.parametrize("way", WAYS)
def test_a_launcher_starts_in_every_way_that_python_has(way):
    result = subprocess.run([sys.executable, *WAYS[way], "--help"], cwd=ROOT, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("usage: ")


RUN_IN_PYTHON = """
import runpy, signal, sys
handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
sys.argv = ["generate.py", "nowhere", "--list"]
try:
    runpy.run_path("launchers/generate.py", run_name="__main__")
except SystemExit as end:
    print(end.code, {number: signal.getsignal(number) for number in handlers} == handlers)
"""


def test_a_launcher_that_somebodys_python_runs_leaves_its_signals():
    """As `%run launchers/generate.py` in IPython, whose next Ctrl-C must not end it."""
    result = subprocess.run([sys.executable, "-c", RUN_IN_PYTHON], cwd=ROOT, capture_output=True, text=True)
    assert result.stdout == "2 True\n"


ASK = "import runpy, sys; runpy.run_path(sys.argv[1]); import infogan; print(infogan.__file__, *sys.path, sep='\\n')"


def test_a_copied_launcher_uses_the_installed_package_alone(tmp_path):
    (tmp_path / "infogan").mkdir()  # as git names a clone
    copy = tmp_path / "experiments" / "run_mine_exp.py"
    copy.parent.mkdir()
    shutil.copy(ROOT / "launchers" / "run_faces_exp.py", copy)
    installed = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}
    command = [sys.executable, "-c", ASK, copy]
    place, *path = subprocess.run(
        command, cwd=tmp_path, env=installed, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert place == str(ROOT / "infogan" / "__init__.py")
    assert str(tmp_path) not in path


def test_a_launcher_takes_the_package_of_its_own_clone(tmp_path):
    (tmp_path / "launchers").mkdir()
    shutil.copy(ROOT / "launchers" / "explore.py", tmp_path / "launchers")
    (tmp_path / "infogan" / "cli").mkdir(parents=True)
    (tmp_path / "infogan" / "__init__.py").touch()
    (tmp_path / "infogan" / "cli" / "__init__.py").touch()
    (tmp_path / "infogan" / "cli" / "explore.py").write_text("main = lambda: print('ours')")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}  # another one is installed
    process = start_process(tmp_path / "launchers" / "explore.py", cwd=tmp_path, env=environment)
    assert process.communicate() == ("ours\n", "")


def test_smoke_run_leaves_everything(smoke_run):
    logs, checkpoints = smoke_run
    status = json.loads((logs / "status.json").read_text())
    assert (status["state"], status["update"], status["updates"]) == ("finished", 6, 6)
    lines = [json.loads(line) for line in (logs / "metrics.jsonl").read_text().splitlines()]
    assert [line["update"] for line in lines] == [3, 6]
    assert {"loss/generator", "loss/discriminator", "mi/digit", "mi/width", "speed/images_per_second"} <= lines[
        0
    ].keys()
    environment = json.loads((logs / "environment.json").read_text())
    assert environment["packages"]["tensorflow"].startswith("2.21")
    assert (logs / "spec.json").read_text() == (checkpoints / "spec.json").read_text()
    assert list(logs.glob("events.out.tfevents.*"))
    assert {path.name for path in logs.glob("*.png")} == {
        "preview.png",
        "traversals.png",
        "losses.png",
        "mutual_information.png",
        "discriminator_accuracy.png",
        "confusion_digit.png",
    }
    assert {path.name for path in (logs / "samples").iterdir()} == {
        *("digit.png", "rotation.png", "width.png", "rotation_by_digit.png", "width_by_digit.png"),
        *("digit.gif", "rotation.gif", "width.gif", "training.gif", "training"),
    }
    assert {path.name for path in checkpoints.glob("*.index")} == {"model-3.index", "model-6.index"}


def test_smoke_pictures_have_the_papers_layout(smoke_run):
    samples = smoke_run[0] / "samples"
    for name in ("digit", "rotation", "width"):  # 5 rows, 10 columns of 28 pixels, drawn twice as large
        assert imageio.imread(samples / f"{name}.png").shape[:2] == (5 * 56, 10 * 56)
    assert imageio.imread(samples / "width_by_digit.png").shape[:2] == (10 * 56, 10 * 56)
    film = imageio.imread(samples / "rotation.gif")
    assert len(film) == 30
    assert not np.array_equal(film[0], film[15])
    assert len(imageio.imread(samples / "training.gif")) == 2


def test_smoke_report(smoke_run):
    report = json.loads((smoke_run[0] / "report.json").read_text())
    assert (report["name"], report["recipe"], report["seed"], report["update"]) == ("mnist", "default", 0, 6)
    rows = {(row["name"], row["code"]): row for row in report["metrics"]}
    error = rows["error rate", "digit"]
    assert (error["paper"], error["source"], error["holds"]) == (0.05, "Sec. 7.2", False)
    assert 0.5 < error["ours"] <= 1
    assert rows["L_I", "digit"]["ours"] < np.log(10)
    assert rows["training speed", None]["ours"] > 0


def test_events_hold_scalars_and_a_picture_per_code(smoke_run):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(smoke_run[0])).Reload()
    assert set(events.Tags()["images"]) == {"samples/digit", "samples/rotation", "samples/width", "preview"}
    assert [event.step for event in events.Scalars("mi/digit")] == [3, 6]


def test_a_finished_run_can_be_evaluated_again(smoke_run, tmp_path, capsys):
    logs, checkpoints = (
        Path(shutil.copytree(folder, tmp_path / folder.parent.name / folder.name)) for folder in smoke_run
    )
    before = {name: (logs / name).read_text() for name in ("report.json", "environment.json")}
    (logs / "report.json").unlink()
    assert launch("--resume", "--log-dir", logs.parent, "--checkpoint-dir", checkpoints.parent) == 0
    assert {name: (logs / name).read_text() for name in before} == before
    said = capsys.readouterr().out
    assert "digit: error rate" in said
    assert "all updates are done already" in said


@pytest.mark.parametrize(
    ("arguments", "every"), [([], 500), (["--evaluate-every", 0], 0), (["--evaluate-every", 7], 7)]
)
def test_mnist_is_evaluated_every_500_updates_unless_told_otherwise(tmp_path, monkeypatch, arguments, every):
    given = []
    monkeypatch.setattr("infogan.cli.train.run", lambda *parts: given.append(parts[4]) or {"metrics": [], "notes": []})
    launch("--log-dir", tmp_path / "l", "--checkpoint-dir", tmp_path / "c", *arguments)
    assert given[0].evaluate_every == every


def test_a_first_evaluation_of_what_nobody_knows_is_refused(tmp_path, capsys):
    np.save(tmp_path / "images.npy", np.random.default_rng(0).integers(0, 256, (200, 28, 28, 1), np.uint8))
    arguments = ["--data-dir", tmp_path / "images.npy", "--image-size", 28, "--evaluate-every", 5]
    folders = ["--log-dir", tmp_path / "l", "--checkpoint-dir", tmp_path / "c"]
    err = read_refusal(capsys, main, IMAGES, [str(argument) for argument in (*arguments, *folders)])
    assert "--evaluate-every: 5 was given, but" in err
    assert "images.npy has no true factors, nor labels" in err
    assert not (tmp_path / "l").exists()


def test_recipes_and_baseline_reach_the_spec(tmp_path, monkeypatch):
    monkeypatch.setattr("infogan.cli.train.run", lambda *_: {"metrics": [], "notes": []})
    arguments = ["--smoke", "--max-epoch", 1, "--recipe", "reference", "--baseline", "gan", "--noise-dim", 5]
    assert launch(*arguments, "--log-dir", tmp_path / "l", "--checkpoint-dir", tmp_path / "c", "--run-name", "r") == 0
    spec = json.loads((tmp_path / "l" / "r" / "spec.json").read_text())
    assert (spec["recipe"], spec["variant"], spec["leaky_rate"], spec["max_epoch"]) == ("reference", "gan", 0.01, 1)
    assert spec["latent_spec"][0]["distribution"] == {"type": "Uniform", "dim": 5, "fix_std": False}
    assert spec["latent_spec"][2]["distribution"] == {"type": "Uniform", "dim": 1, "fix_std": True}


WRONG = {
    "not a number": (
        ["--batch-size", "x"],
        "argument --batch-size: 'x' was given, but a whole number of at least 2 is needed",
    ),
    "unknown flag": (["--learning-rate", "1"], "unrecognized arguments: --learning-rate 1"),
    "unknown recipe": (["--recipe", "best"], "argument --recipe: invalid choice: 'best'"),
    "unknown precision": (["--precision", "float16"], "argument --precision: invalid choice: 'float16'"),
    "batch of one": (
        ["--batch-size", "1"],
        "--batch-size: '1' was given, but a whole number of at least 2 is needed: batch norm",
    ),
    "batch too large": (["--batch-size", "60001"], "--batch-size: a batch has 60,001 images, but only 60,000"),
    "no epoch": (["--max-epoch", "0"], "--max-epoch: '0' was given, but a whole number of at least 1 is needed"),
    "negative seed": (["--seed", "-1"], "--seed: '-1' was given"),
    "nan": (["--continuous-weight", "nan"], "--continuous-weight: 'nan' was given, but a number of at least 0 and"),
    "too much noise": (["--noise-dim", "1000000000"], "--noise-dim: '1000000000' was given"),
    "name too long": (["--log-dir", "x" * 300], "File name too long"),
    "rate of zero": (
        ["--generator-learning-rate", "0"],
        "--generator-learning-rate: '0' was given, but a number above 0 and",
    ),
    "less than no noise": (["--noise-dim", "-1"], "--noise-dim: '-1' was given"),
    "run name with path": (["--run-name", "../x"], "--run-name: '../x' was given"),
    "unset folder": (["--data-dir", ""], "argument --data-dir: '' was given, but a path is needed: an unset variable"),
    "unset root": (["--log-dir", " "], "argument --log-dir: ' ' was given, but a path is needed"),
    "unset name": (["--run-name", ""], "--run-name: '' was given, but a name of letters"),
    "unset run": (["--resume", ""], "--resume: '' was given, but a name is needed"),
    "no data folder": (["--data-dir", "nowhere"], "--data-dir: nowhere cannot be opened"),
    "empty data folder": (["--data-dir", "."], "holds no train-images-idx3-ubyte"),
    "unwritable": (["--log-dir", "/proc/nowhere"], "/proc/nowhere/"),
    "no time": (["--checkpoint-minutes", "nan"], "--checkpoint-minutes: 'nan' was given, but a number above 0 and"),
    "no updates a call": (
        ["--updates-per-call", "0"],
        "--updates-per-call: '0' was given, but a whole number of at least",
    ),
    "half an update": (
        ["--evaluate-every", "0.5"],
        "--evaluate-every: '0.5' was given, but a whole number of at least 0",
    ),
    "nothing to resume": (["--resume"], "holds no run to continue. Start a new one."),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_gets_one_line_and_status_2(case, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    arguments, message = WRONG[case]
    assert message in read_refusal(capsys, launch, *arguments)
    assert list(tmp_path.iterdir()) == []  # nothing is left behind


def test_a_run_is_never_written_over(smoke_run, capsys):
    logs, checkpoints = smoke_run
    before = {path: path.stat().st_mtime_ns for folder in smoke_run for path in folder.rglob("*")}
    roots = ["--log-dir", logs.parent, "--checkpoint-dir", checkpoints.parent]
    assert launch("--smoke", *roots, "--run-name", "smoke") == 2
    assert "is not empty, but a new run needs a folder of its own" in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for folder in smoke_run for path in folder.rglob("*")} == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--batch-size", "64"], "--batch-size: 64 was given, but smoke was started with 32"),
        (["--noise-dim", "3"], "--noise-dim: 3 was given, but smoke was started with 62"),
        (["--recipe", "reference"], "--recipe: reference was given, but smoke was started with default"),
        (["--baseline", "gan"], "--baseline: gan was given, but smoke was started with infogan"),
        (["--run-name", "other"], "--run-name: it was given with --resume"),
        (["--resume", "gone"], "--resume: 'gone' was given, but"),
        (["--resume", "../smoke"], "--resume: '../smoke' was given, but"),
    ],
)
def test_resuming_another_experiment_is_refused(smoke_run, capsys, arguments, message):
    logs, checkpoints = smoke_run
    roots = ["--log-dir", logs.parent, "--checkpoint-dir", checkpoints.parent]
    assert launch("--resume", "smoke", *roots, *arguments) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("constant_rate_share", "name"), [(1.0, "smoke"), (0.5, "smoke-epoch3")], ids=["constant rates", "falling rates"]
)
def test_a_finished_run_gets_longer(smoke_run, tmp_path, capsys, monkeypatch, constant_rate_share, name):
    def run(spec, folder, *_):
        trained.append((folder.name, spec.max_epoch))
        return {"metrics": [], "notes": []}

    trained = []
    monkeypatch.setattr("infogan.cli.train.run", run)
    logs, ckt = (Path(shutil.copytree(folder, tmp_path / folder.parent.name / folder.name)) for folder in smoke_run)
    spec = json.loads((ckt / "spec.json").read_text())
    (ckt / "spec.json").write_text(json.dumps({**spec, "constant_rate_share": constant_rate_share}))
    roots = ["--log-dir", logs.parent, "--checkpoint-dir", ckt.parent]
    assert launch("--resume", "smoke", "--max-epoch", 3, *roots) == 0
    assert trained == [(name, 3)]
    said = "smoke stays as it is; smoke-epoch3 continues from its newest checkpoint." in capsys.readouterr().out
    assert said == (name != "smoke")
    assert launch("--resume", "smoke", "--max-epoch", 1, *roots) == 2
    assert "--max-epoch: 1 was given, but smoke has done 2 epochs. Give more." in capsys.readouterr().err


def test_resuming_a_whole_run_as_a_smoke_run_is_refused(spec, dataset, tmp_path, capsys):
    from infogan.training.run_folder import RunFolder

    RunFolder(tmp_path / "logs", tmp_path / "ckt", "whole").create(spec, dataset)
    roots = ["--log-dir", tmp_path / "logs", "--checkpoint-dir", tmp_path / "ckt"]
    assert launch("--resume", "whole", "--smoke", *roots) == 2
    assert "--smoke: it was given, but whole is no smoke run" in capsys.readouterr().err


def test_resuming_in_a_precision_that_the_machine_lacks_is_refused(smoke_run, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("infogan.system.tf1.cpu_has_bfloat16", lambda: False)
    monkeypatch.setattr("infogan.system.tf1.find_gpus", list)
    logs, checkpoints = (Path(shutil.copytree(path, tmp_path / path.parent.name / "run")) for path in smoke_run)
    spec = json.loads((checkpoints / "spec.json").read_text())
    (checkpoints / "spec.json").write_text(json.dumps({**spec, "precision": "bfloat16"}))
    for path in checkpoints.glob("model-6.*"):
        path.unlink()
    roots = ["--log-dir", logs.parent, "--checkpoint-dir", checkpoints.parent]
    assert launch("--resume", "run", *roots) == 2
    assert "--resume: bfloat16 was given, but this machine trains on a CPU without" in capsys.readouterr().err


def test_resuming_with_other_images_is_refused(smoke_run, tmp_path, capsys):
    import gzip

    from infogan.data.mnist import SHA256, SHIPPED

    for stem in SHA256:
        content = bytearray(gzip.decompress((SHIPPED / f"{stem}.gz").read_bytes()))
        content[16 + 300] ^= stem == "train-images-idx3-ubyte"
        (tmp_path / stem).write_bytes(content)
    logs, checkpoints = smoke_run
    roots = ["--log-dir", logs.parent, "--checkpoint-dir", checkpoints.parent]
    assert launch("--resume", "smoke", *roots, "--data-dir", tmp_path) == 2
    assert "but the run was started with those of shipped with infogan" in capsys.readouterr().err


def remove(path):
    shutil.rmtree(path) if path.is_dir() else path.unlink()


RESUME_DAMAGES = {
    "spec cut short": (
        lambda logs, ckt: (ckt / "spec.json").write_text('{"name"'),
        "spec.json: it is no ExperimentSpec (",
    ),
    "spec no text": (
        lambda logs, ckt: (ckt / "spec.json").write_bytes(b"\xff\xfe"),
        "spec.json: it is no ExperimentSpec (",
    ),
    "dataset lost": (lambda logs, ckt: remove(ckt / "dataset.json"), "does not say which images"),
    "dataset empty": (lambda logs, ckt: (ckt / "dataset.json").write_text("{}"), "does not say which images"),
    "metrics damaged": (lambda logs, ckt: (logs / "metrics.jsonl").write_text("5\n"), "line 1 is damaged"),
    "log folder a file": (lambda logs, ckt: (remove(logs), logs.write_text("")), "cannot be written"),
    "lock a folder": (lambda logs, ckt: (remove(ckt / "lock"), (ckt / "lock").mkdir()), "lock: it cannot be written"),
    "checkpoints cut short": (
        lambda logs, ckt: [path.write_bytes(b"x" * 1000) for path in ckt.glob("model-*.data-*")],
        "it holds no readable checkpoint (model-6: model-6.data-00000-of-00001 has 1,000 bytes in place of ",
    ),
}


@pytest.mark.parametrize("damage", RESUME_DAMAGES)
def test_resuming_a_damaged_run_gets_one_line(smoke_run, tmp_path, capfd, damage):
    logs, ckt = (Path(shutil.copytree(folder, tmp_path / folder.parent.name / folder.name)) for folder in smoke_run)
    change, message = RESUME_DAMAGES[damage]
    change(logs, ckt)
    status_file = logs / "status.json"
    before = status_file.read_bytes() if logs.is_dir() else None
    assert launch("--resume", "smoke", "--log-dir", logs.parent, "--checkpoint-dir", ckt.parent) == 2
    last = capfd.readouterr().err.splitlines()[-1]
    assert message in last
    if before:
        assert status_file.read_bytes() == before  # a refusal does not touch what a finished run says of itself


def test_a_lost_log_folder_is_made_again(smoke_run, tmp_path, capsys):
    ckt = Path(shutil.copytree(smoke_run[1], tmp_path / "ckt" / "smoke"))
    assert launch("--resume", "smoke/", "--log-dir", tmp_path / "other", "--checkpoint-dir", ckt.parent) == 0
    assert json.loads((tmp_path / "other/smoke/status.json").read_text())["state"] == "finished"
    assert (tmp_path / "other/smoke/samples/digit.png").exists()


@pytest.mark.slow
def test_a_reader_that_leaves_does_not_end_the_training(tmp_path):
    command = f"{sys.executable} {MNIST} --smoke --run-name run | head -1"
    subprocess.run(["bash", "-c", command], cwd=tmp_path, check=True, capture_output=True, timeout=120)
    assert json.loads((tmp_path / "logs/mnist/run/status.json").read_text())["state"] == "finished"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("script") is None, reason="util-linux is not installed")
def test_the_bar_of_a_run_fits_a_narrow_terminal(tmp_path):
    # pytest imports readline, which puts its own COLUMNS and LINES into the environment; a bar asks these first.
    command = f"unset COLUMNS LINES; stty cols 60 rows 20; {sys.executable} {MNIST} --smoke --run-name run"
    result = subprocess.run(["script", "-qec", command, "/dev/null"], cwd=tmp_path, capture_output=True, timeout=120)
    shown = re.sub(rb"\x1b\[[0-9;]*m", b"", result.stdout)  # without colours
    bars = [part for part in re.split(rb"[\r\n]", shown) if b"%" in part and b"|" in part]
    assert bars
    assert max(map(len, bars)) <= 60
    assert b"epoch 2/2, update 6: D " in shown


@contextmanager
def training(folder):
    """A process that trains `run` below the folder, in its second epoch of very many; it is ended."""
    np.save(folder / "images.npy", random_split(20, 0).images[:, :16, :16])
    images = ["--data-dir", "images.npy", "--image-size", 16, "--continuous", 1, "--categorical", "none"]
    few = ["--smoke", "--max-epoch", 5000, "--batch-size", 4, "--snapshot-interval", 100_000, "--run-name", "run"]
    command = narrow_command(ROOT / "launchers" / "run_images_exp.py", *images, *few)
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        line = ""
        while not line.startswith("epoch 2/"):
            line = process.stdout.readline()
            assert line, process.communicate()[1]
        yield process
    finally:
        process.kill()
        process.communicate()


def check_that_a_signal_saves_the_last_update(process, folder, number):
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert err == f"run_images_exp.py: stopped by {signal.Signals(number).name}. Continue with --resume run.\n"
    report = json.loads((folder / "logs/images/run/status.json").read_text())
    assert report["state"] == "interrupted"
    assert (folder / f"ckt/images/run/model-{report['update']}.index").exists()
    assert report["update"] >= 6


def test_a_run_in_use_is_refused_and_a_signal_saves_its_last_update(tmp_path, capsys):
    with training(tmp_path) as process:
        roots = ["--log-dir", f"{tmp_path}/logs/images", "--checkpoint-dir", f"{tmp_path}/ckt/images"]
        err = read_refusal(capsys, main, IMAGES, ["--data-dir", f"{tmp_path}/images.npy", "--resume", "run", *roots])
        assert "run is being trained by another process" in err
        check_that_a_signal_saves_the_last_update(process, tmp_path, signal.SIGINT)


@pytest.mark.slow
def test_a_closed_terminal_saves_the_last_update(tmp_path):
    with training(tmp_path) as process:
        check_that_a_signal_saves_the_last_update(process, tmp_path, signal.SIGHUP)


@pytest.mark.parametrize("launcher", LAUNCHERS, ids=lambda path: path.stem)
def test_missing_packages_get_one_line(launcher, tmp_path):
    command = [sys.executable, "-E", "-S", str(launcher), "--help"]  # -S: without site-packages
    process = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert process.returncode == 2
    assert re.fullmatch(
        rf"{launcher.name}: tensorflow, .* Run `make setup`, then use \.venv/bin/python\.\n", process.stderr
    )
