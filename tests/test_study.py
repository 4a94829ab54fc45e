"""Studies keep what is finished, go on where they stopped, and refuse to mix what differs."""

import argparse
import json
import os
import signal
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from infogan.cli import argument
from infogan.cli import study as study_module
from infogan.cli.study import HAS_AFFINITY, Study, load_study, parse_seeds, run_study
from infogan.spec_document import VERSION
from infogan.system import tf1
from infogan.system.checks import FILE_NAME
from infogan.system.files import locked
from infogan.system.messages import InputError, TrainingFailed
from infogan.training.signals import Interrupted, StopSignals

# Takes a launcher's arguments and leaves what a run leaves; its error rate follows from the seed. Fails where a file
# of that name says so.
LAUNCHER = textwrap.dedent(
    """
    import argparse, json, os, pathlib, sys, time
    HAS_AFFINITY = hasattr(os, "sched_getaffinity")
    parser = argparse.ArgumentParser()
    for flag in ("--log-dir", "--checkpoint-dir", "--run-name", "--resume", "--recipe", "--own-seed"):
        parser.add_argument(flag)
    parser.add_argument("--seed", type=int)
    options = parser.parse_args()
    name = options.run_name or options.resume
    log, checkpoints = (pathlib.Path(root) / name for root in (options.log_dir, options.checkpoint_dir))
    for folder in (log, checkpoints):
        folder.mkdir(parents=True, exist_ok=bool(options.resume))
    spec = {"seed": options.seed, "recipe": options.recipe, "updates_per_epoch": 60, "batch_size": 100}
    (checkpoints / "new").write_text(json.dumps(spec))
    (checkpoints / "new").replace(checkpoints / "spec.json")
    with (checkpoints / "calls").open("a") as calls:
        calls.write("resumed " if options.resume else "new ")
    with (log.parent / "order").open("a") as order:
        order.write(f"{options.seed} on {os.environ.get('CUDA_VISIBLE_DEVICES')} ")
    if HAS_AFFINITY:
        (log.parent / f"cores{options.seed}").write_text(json.dumps(sorted(os.sched_getaffinity(0))))
    for status, word in ((1, "fail"), (2, "refuse")):
        if (log.parent / f"{word}{options.seed}").exists():
            print("run_exp.py: --colour: blue was given, but red is needed.", file=sys.stderr)
            sys.exit(status)
    while (log.parent / f"wait{options.seed}").exists():
        time.sleep(0.02)
    row = {"name": "error rate", "code": "digit", "ours": 0.01 * (options.seed + 1), "unit": "share", "better": "lower",
           "note": "", "paper": 0.05, "bound": None, "source": "Sec. 7.2", "rule": "at most", "holds": True}
    seed = int(options.own_seed or options.seed)
    (log / "report.json").write_text(json.dumps({"seed": seed, "metrics": [row], "spec": spec}))
    cores = len(os.sched_getaffinity(0)) if HAS_AFFINITY else 1
    (log / "environment.json").write_text(json.dumps({"cores": cores, "gpus": []}))
    line = {"epoch": 1, "update": 60, "speed/images_per_second": 50.0}
    (log / "metrics.jsonl").write_text(json.dumps(line) + "\\n")
    """
)


@pytest.fixture
def study(tmp_path):
    launcher = tmp_path / "run_exp.py"
    launcher.write_text(LAUNCHER)
    return Study(
        "s", (sys.executable, str(launcher)), ("--recipe", "paper"), (0, 1, 2), tmp_path / "logs", tmp_path / "ckt"
    )


def launcher_of(study):
    return Path(study.command[-1])


def wait_for(path):
    """Whether a file comes within a minute."""
    until = time.monotonic() + 60
    while not path.exists() and time.monotonic() < until:
        time.sleep(0.02)
    return path.exists()


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


def test_a_finished_seed_is_not_run_again_and_that_is_said(study, capsys):
    run_study(study._replace(seeds=(1,)))
    assert "they are not trained again" not in capsys.readouterr().out
    run_study(study)
    assert "s.json holds seeds 1: they are not trained again." in capsys.readouterr().out
    assert [calls(study, seed) for seed in (0, 1, 2)] == [["new"]] * 3


def test_a_failed_seed_is_named_and_resumed_by_the_same_command(study):
    study.log_root.mkdir()
    (study.log_root / "fail1").touch()
    with pytest.raises(TrainingFailed, match="seeds 1 of s failed"):
        run_study(study)
    assert [run["seed"] for run in load_study(study.path)["runs"]] == [0, 2]
    (study.log_root / "fail1").unlink()
    assert [run["seed"] for run in run_study(study)["runs"]] == [0, 1, 2]
    assert calls(study, 1) == ["new", "resumed"]


def test_a_signal_reaches_the_runs_and_nothing_is_begun_after_it(study, monkeypatch):
    launcher_of(study).write_text(
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
        if wait_for(study.log_root / "begun"):
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(study_module, "_find_slots", lambda most: two_slots())
    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(Interrupted), StopSignals():
        run_study(study)
    assert (study.log_root / "stopped").exists()
    assert len((study.log_root / "begun").read_text()) <= 2  # of three seeds
    assert not study.path.exists()


def two_slots():
    return [study_module._Slot(None, tuple(range(os.cpu_count())))] * 2


def test_a_signal_while_a_run_is_started_reaches_that_run_too(study, monkeypatch):
    start = study_module._start
    launcher_of(study).write_text("import time; time.sleep(60)")

    def start_slowly(*arguments):
        os.kill(os.getpid(), signal.SIGTERM)  # handled by the main thread, while this one has not started it yet
        time.sleep(0.3)
        return start(*arguments)

    monkeypatch.setattr(study_module, "_start", start_slowly)
    began = time.monotonic()
    with pytest.raises(Interrupted), StopSignals():
        run_study(study._replace(seeds=(0,)))
    assert time.monotonic() - began < 30


def test_a_seed_is_kept_as_soon_as_it_is_finished(study, monkeypatch):
    monkeypatch.setattr(study_module, "_find_slots", lambda most: two_slots())
    study.log_root.mkdir()
    (study.log_root / "wait0").touch()

    def let_go():
        wait_for(study.path)
        (study.log_root / "wait0").unlink()

    threading.Thread(target=let_go, daemon=True).start()
    assert [run["seed"] for run in run_study(study)["runs"]] == [0, 1, 2]


def test_what_a_launcher_refuses_is_said_once_and_nothing_else_is_begun(study, monkeypatch):
    monkeypatch.setattr(study_module, "_find_slots", lambda most: two_slots()[:1])
    study.log_root.mkdir()
    (study.log_root / "refuse1").touch()
    with pytest.raises(InputError) as caught:
        run_study(study)
    assert str(caught.value) == "seed 1: --colour: blue was given, but red is needed."
    assert (study.log_root / "order").read_text().split()[::3] == ["0", "1"]
    assert [run["seed"] for run in load_study(study.path)["runs"]] == [0]


@pytest.mark.skipif(not HAS_AFFINITY, reason="the system has no affinity")
def test_cores_are_shared_among_the_runs(study, monkeypatch):
    cores = sorted(os.sched_getaffinity(0))
    monkeypatch.setattr(tf1, "find_gpus", list)
    run_study(study._replace(seeds=(5,)))
    assert json.loads((study.log_root / "cores5").read_text()) == cores
    document = run_study(study)
    used = [json.loads((study.log_root / f"cores{seed}").read_text()) for seed in (0, 1, 2)]
    assert [run["cores"] for run in document["runs"]] == [*map(len, used), len(cores)]
    assert {run["gpus"] for run in document["runs"]} == {0}
    assert min(map(len, used)) == max(1, len(cores) // 3)
    assert {core for each in used for core in each} == set(cores)


@pytest.mark.skipif(not HAS_AFFINITY, reason="the system has no affinity")
def test_a_run_gets_its_cores_and_this_thread_keeps_its_own(study):
    study.log_root.mkdir()
    cores = os.sched_getaffinity(0)
    process = study_module.start_process(study_module.Job(study, 0, "seed 0"), {max(cores)}, os.environ)
    assert os.sched_getaffinity(0) == cores
    assert process.wait(60) == 0
    assert json.loads((study.log_root / "cores0").read_text()) == [max(cores)]


def test_slots_share_six_cores(monkeypatch):
    monkeypatch.setattr(tf1, "find_gpus", list)
    monkeypatch.setattr(study_module, "HAS_AFFINITY", True)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(6)), raising=False)
    for most, each in ((1, 6), (2, 3), (3, 2), (6, 1), (9, 1)):
        slots = study_module._find_slots(most)
        assert [len(slot.cores) for slot in slots] == [each] * min(most, 6)
        assert sorted(core for slot in slots for core in slot.cores) == list(range(6))


def test_gpus_are_those_that_the_user_lets_be_seen(study, monkeypatch):
    monkeypatch.setattr(tf1, "find_gpus", lambda: ["GPU"] * 2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    run_study(study)
    assert set((study.log_root / "order").read_text().split()[2::3]) == {"4", "7"}


def test_names_with_dots_have_consoles_of_their_own(study):
    run_study(study._replace(name="w0.5", seeds=(0, 1)))
    assert sorted(path.name for path in study.log_root.glob("*.txt")) == ["w0.5_seed0.txt", "w0.5_seed1.txt"]


def test_a_run_of_another_seed_is_refused(study):
    with pytest.raises(InputError, match=r"seed 0: its run has seed 7\. Use --seeds"):
        run_study(study._replace(arguments=("--own-seed", "7"), seeds=(0,)))


def test_another_command_is_refused(study):
    run_study(study._replace(seeds=(0,)))
    before = study.path.read_text()
    with pytest.raises(InputError, match="holds a study of --recipe paper, but --recipe reference was given"):
        run_study(study._replace(arguments=("--recipe", "reference")))
    assert study.path.read_text() == before


def test_a_study_that_another_process_is_at_is_refused(study):
    study.log_root.mkdir()
    with locked(study.log_root / "s.lock"), pytest.raises(InputError, match="another process is working on this study"):
        run_study(study)
    assert len(run_study(study)["runs"]) == 3


def test_a_refusal_says_what_its_caller_offers_instead(study, capsys):
    moved = study._replace(instead="move its file away")
    run_study(moved._replace(seeds=(0,)))
    run_study(moved._replace(seeds=(0,)))
    assert "they are not trained again. To train anew, move its file away." in capsys.readouterr().out
    with pytest.raises(InputError, match=r"--recipe other was given\. Move its file away\.$"):
        run_study(moved._replace(arguments=("--recipe", "other")))
    with locked(study.log_root / "s.lock"), pytest.raises(InputError, match=r"Wait for it, or move its file away\.$"):
        run_study(moved)
    study.path.write_text("{")
    with pytest.raises(InputError, match=r"it holds no study\. Restore it, or move its file away\.$"):
        run_study(moved)


def test_another_spec_is_refused(study):
    run_study(study._replace(seeds=(0,)))
    launcher_of(study).write_text(LAUNCHER.replace('"batch_size": 100', '"batch_size": 200'))
    for seed in (1, 2):
        (study.log_root / f"wait{seed}").touch()  # it is refused before it trains
    with pytest.raises(InputError, match=r"runs of another spec \(batch_size differ\)"):
        run_study(study)
    assert [run["seed"] for run in load_study(study.path)["runs"]] == [0]


def test_a_field_that_came_later_makes_no_other_study(study):
    run_study(study._replace(seeds=(0,)))
    document = json.loads(study.path.read_text())
    for name in ("version", "optimizer", "turning_schedule", "scaling_schedule"):
        del document["spec"][name]
    study.path.write_text(json.dumps(document | {"spec": document["spec"] | {"turning_warmup": 8}}))
    launcher_of(study).write_text(
        LAUNCHER.replace(
            '"batch_size": 100', '"batch_size": 100, "turning_schedule": {"points": [[2, 0.3], [8, 1.0]]}, "version": 1'
        )
    )
    assert [run["seed"] for run in run_study(study)["runs"]] == [0, 1, 2]
    kept = json.loads(study.path.read_text())["spec"]
    assert (kept["optimizer"]["beta1"], kept["turning_schedule"]) == (0.5, {"points": [[2, 0.3], [8, 1.0]]})


def test_a_study_of_a_newer_version_is_refused(study):
    run_study(study._replace(seeds=(0,)))
    text = study.path.read_text().replace(f'"version": {VERSION}', '"version": 8')
    study.path.write_text(text)
    with pytest.raises(InputError, match=r"s\.json: it is of version 8, but this program reads versions up to"):
        run_study(study)
    assert study.path.read_text() == text


@pytest.mark.parametrize("text", ["", "[]"])
def test_a_damaged_spec_of_a_begun_run_is_left_to_its_launcher(study, text):
    run_study(study._replace(seeds=(0,)))
    begun = study.checkpoint_root / "s_seed1"
    begun.mkdir()
    (begun / "spec.json").write_text(text)
    (study.log_root / "s_seed1").mkdir()
    (study.log_root / "refuse1").touch()
    with pytest.raises(InputError, match=r"seed 1: --colour: blue was given"):
        run_study(study._replace(seeds=(1,)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"runs": []}',
        '{"name": 1, "arguments": [], "runs": [1]}',
        '{"name": 1, "arguments": null, "runs": []}',
        '{"name": 1, "arguments": [], "runs": [{"seed": 1}]}',
        '{"name": 1, "arguments": [1], "runs": []}',
        '{"name": 1, "arguments": [], "runs": [{"seed": 1, "metrics": 1}]}',
        '{"name": 1, "arguments": [], "runs": [{"seed": 1, "metrics": [{"name": "error rate"}]}]}',
    ],
)
def test_a_damaged_file_is_refused(study, text):
    study.path.parent.mkdir()
    study.path.write_text(text)
    with pytest.raises(InputError, match="it holds no study"):
        run_study(study)
    assert study.path.read_text() == text


def test_seeds():
    assert parse_seeds("0-3") == (0, 1, 2, 3)
    assert parse_seeds("5,0-2,1") == (5, 0, 1, 2)
    for text in ("", "a", "3-1", "1,,2", "-", "0-", "-3", "0-999999999"):
        with pytest.raises(argparse.ArgumentTypeError, match=f"{text!r} was given, but seeds are needed"):
            parse_seeds(text)


def test_names():
    parse_name = argument(FILE_NAME)
    assert parse_name("faces_azimuth") == "faces_azimuth"
    for text in ("", "tries/half", "../x", ".x", "a b"):
        with pytest.raises(argparse.ArgumentTypeError, match="was given, but a name of letters, digits"):
            parse_name(text)


@pytest.mark.parametrize("prefix", ["infogan fashion-mnist: ", "run_mnist_exp.py: ", ""])
def test_what_a_run_refuses_is_said_without_the_name_of_its_command(tmp_path, prefix):
    console = tmp_path / "console.txt"
    console.write_text(f"note\n{prefix}--data-dir: my infogan sets: x.py: it cannot be opened.\n\n")
    assert study_module._last_line(console) == "--data-dir: my infogan sets: x.py: it cannot be opened."
