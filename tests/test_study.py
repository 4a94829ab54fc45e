"""Studies keep what is finished, go on where they stopped, and refuse to mix what differs."""

import json
import os
import signal
import textwrap
import threading
import time

import pytest

from infogan.errors import InputError, TrainingFailed
from infogan.study import Study, load_study, parse_seeds, run_study
from infogan.training.interruption import Interrupted, StopSignals

# Takes a launcher's arguments and leaves what a run leaves; its error rate follows from the seed. Fails where a file
# of that name says so.
LAUNCHER = textwrap.dedent(
    """
    import argparse, json, pathlib, sys
    parser = argparse.ArgumentParser()
    for flag in ("--log-dir", "--checkpoint-dir", "--run-name", "--resume", "--recipe"):
        parser.add_argument(flag)
    parser.add_argument("--seed", type=int)
    options = parser.parse_args()
    name = options.run_name or options.resume
    log, checkpoints = (pathlib.Path(root) / name for root in (options.log_dir, options.checkpoint_dir))
    for folder in (log, checkpoints):
        folder.mkdir(parents=True, exist_ok=bool(options.resume))
    (checkpoints / "spec.json").write_text("{}")
    with (checkpoints / "calls").open("a") as calls:
        calls.write("resumed " if options.resume else "new ")
    if (log.parent / f"fail{options.seed}").exists():
        sys.exit(1)
    spec = {"seed": options.seed, "recipe": options.recipe, "updates_per_epoch": 60, "batch_size": 100}
    row = {"name": "error rate", "code": "digit", "ours": 0.01 * (options.seed + 1), "unit": "share", "better": "lower",
           "note": "", "paper": 0.05, "bound": None, "source": "Sec. 7.2", "rule": "at most", "holds": True}
    (log / "report.json").write_text(json.dumps({"seed": options.seed, "metrics": [row], "spec": spec}))
    line = {"epoch": 1, "update": 60, "speed/images_per_second": 50.0}
    (log / "metrics.jsonl").write_text(json.dumps(line) + "\\n")
    """
)


@pytest.fixture
def study(tmp_path):
    launcher = tmp_path / "run_exp.py"
    launcher.write_text(LAUNCHER)
    logs, checkpoints = tmp_path / "logs", tmp_path / "ckt"
    return Study("s", launcher, ("--recipe", "paper"), (0, 1, 2), logs, checkpoints, tmp_path / "docs" / "s.json")


def calls(study, seed):
    return (study.checkpoint_root / f"s_seed{seed}" / "calls").read_text().split()


def test_every_seed_is_run_and_summarised(study):
    document = run_study(study)
    assert document == json.loads(study.path.read_text())
    assert [run["seed"] for run in document["runs"]] == [0, 1, 2]
    assert [run["minutes"] for run in document["runs"]] == [2.0] * 3  # 60 updates of 100 images at 50 images/s
    assert "seed" not in document["spec"]
    (row,) = document["summary"]
    assert row["mean"] == pytest.approx(0.02)
    assert row["deviation"] == pytest.approx(0.01)
    assert row["worst"] == 0.03
    assert row["holds"] == 3


def test_a_finished_seed_is_not_run_again(study):
    run_study(study._replace(seeds=(1,)))
    run_study(study)
    assert [calls(study, seed) for seed in (0, 1, 2)] == [["new"]] * 3


def test_a_failed_seed_is_named_and_resumed_by_the_same_command(study):
    study.log_root.mkdir()
    (study.log_root / "fail1").touch()
    with pytest.raises(TrainingFailed, match="seeds 1 failed"):
        run_study(study)
    assert [run["seed"] for run in load_study(study.path)["runs"]] == [0, 2]
    (study.log_root / "fail1").unlink()
    assert [run["seed"] for run in run_study(study)["runs"]] == [0, 1, 2]
    assert calls(study, 1) == ["new", "resumed"]


def test_a_signal_reaches_the_runs_and_nothing_is_begun_after_it(study):
    study.launcher.write_text(
        "import pathlib, signal, sys, time\n"
        f"place = pathlib.Path({str(study.log_root)!r})\n"
        "def stop(*_):\n"
        "    (place / 'stopped').touch()\n"
        "    sys.exit(143)\n"
        "signal.signal(signal.SIGTERM, stop)\n"
        "(place / 'begun').open('a').write('x')\n"
        "time.sleep(60)\n"
    )

    def interrupt():
        while not (study.log_root / "begun").exists():
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=interrupt).start()
    with pytest.raises(Interrupted), StopSignals():
        run_study(study)
    assert (study.log_root / "stopped").exists()
    assert len((study.log_root / "begun").read_text()) <= os.cpu_count()
    assert not study.path.exists()


def test_another_command_is_refused(study):
    run_study(study._replace(seeds=(0,)))
    before = study.path.read_text()
    with pytest.raises(InputError, match="holds a study of --recipe paper, but --recipe reference was given"):
        run_study(study._replace(arguments=("--recipe", "reference")))
    assert study.path.read_text() == before


def test_another_spec_is_refused(study):
    run_study(study._replace(seeds=(0,)))
    study.launcher.write_text(LAUNCHER.replace('"batch_size": 100', '"batch_size": 200'))
    with pytest.raises(InputError, match=r"runs of another spec \(batch_size differ\)"):
        run_study(study)
    assert [run["seed"] for run in load_study(study.path)["runs"]] == [0]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"runs": []}', '{"name": 1, "arguments": [], "runs": [1]}'])
def test_a_damaged_file_is_refused(study, text):
    study.path.parent.mkdir()
    study.path.write_text(text)
    with pytest.raises(InputError, match="it holds no study"):
        run_study(study)
    assert study.path.read_text() == text


def test_seeds():
    assert parse_seeds("0-3") == (0, 1, 2, 3)
    assert parse_seeds("5,0-2,1") == (5, 0, 1, 2)
    for text in ("", "a", "3-1", "1,,2", "-"):
        with pytest.raises(ValueError):
            parse_seeds(text)
