"""A run's folders: made whole or not at all, by one process, and nothing else is touched."""

import dataclasses
import os
import signal
import subprocess
import sys
import threading
from contextlib import ExitStack

import pytest
from conftest import ROOT

from infogan.system.files import locked
from infogan.system.messages import InputError
from infogan.training import run_folder
from infogan.training.run_folder import RunFolder


def at(root, name=None):
    return RunFolder(root / "logs/mnist", root / "ckt/mnist", name)


def test_runs_without_a_name_that_start_at_once_get_names_of_their_own(spec, dataset, tmp_path):
    folders = [at(tmp_path) for _ in range(4)]  # within a second, before any of them is made
    threads = [threading.Thread(target=folder.create, args=(spec, dataset)) for folder in folders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({folder.name for folder in folders}) == 4
    assert all((folder.checkpoints / "spec.json").exists() and folder.log.is_dir() for folder in folders)


def test_of_two_runs_of_a_name_one_is_refused(spec, dataset, tmp_path, monkeypatch):
    def begin_too(found):
        monkeypatch.undo()
        with pytest.raises(InputError, match=r"^name: run is being trained by another process"):
            at(tmp_path, "run").create(spec, dataset)
        return run_folder._fingerprint(found)

    monkeypatch.setattr(run_folder, "_fingerprint", begin_too)
    at(tmp_path, "run").create(spec, dataset)
    assert at(tmp_path, "run").load_spec() == spec


def test_a_run_that_another_process_began_after_the_first_look_is_left_as_it_is(spec, dataset, tmp_path, monkeypatch):
    def make_after_another(*arguments):
        monkeypatch.undo()
        at(tmp_path, "run").create(dataclasses.replace(spec, seed=77), dataset)
        return run_folder._make(*arguments)

    monkeypatch.setattr(run_folder, "_make", make_after_another)
    with pytest.raises(InputError, match="run is not empty, but a new run needs a folder of its own"):
        at(tmp_path, "run").create(spec, dataset)
    assert at(tmp_path, "run").load_spec().seed == 77
    assert (tmp_path / "logs/mnist/run/spec.json").exists()


def test_what_another_process_uses_is_left_when_it_is_refused(spec, dataset, tmp_path, monkeypatch):
    """Of two starts of a name, the other made the log folder and locks the folder of checkpoints that this one made."""
    with ExitStack() as stack:

        def make(folder, flag, made):
            is_new = run_folder_make(folder, flag, made)
            if flag == "checkpoint_dir":
                stack.enter_context(locked(folder / "lock"))
            return is_new

        run_folder_make = run_folder._make
        monkeypatch.setattr(run_folder, "_make", make)
        (tmp_path / "logs/mnist/run").mkdir(parents=True)
        with pytest.raises(InputError, match=r"^name: run is being trained by another process"):
            at(tmp_path, "run").create(spec, dataset)
    assert (tmp_path / "ckt/mnist/run/lock").exists()


KILLED = """
import os, signal, sys
sys.path.insert(0, {tests!r})
import pathlib, conftest
from infogan.training import run_folder
from infogan.training.run_folder import RunFolder
step = {step!r}
def kill(*_):
    os.kill(os.getpid(), signal.SIGKILL)
setattr(run_folder, step, kill)
dataset = conftest.Dataset(conftest.random_split(24, 0), conftest.random_split(16, 1), "random numbers")
RunFolder("logs/mnist", "ckt/mnist", "run").create(conftest.SMALL, dataset)
"""


@pytest.mark.parametrize("step", ["_fingerprint", "write_json", "write_atomically"])
def test_a_start_that_was_killed_can_be_made_again(spec, dataset, tmp_path, step):
    code = KILLED.format(tests=str(ROOT / "tests"), step=step)
    ended = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert ended.returncode == -signal.SIGKILL
    assert (tmp_path / "logs/mnist/run").is_dir()
    at(tmp_path, "run").create(spec, dataset)
    assert at(tmp_path, "run").load_spec() == spec


@pytest.mark.parametrize(
    "place",
    [
        "logs/mnist/run/notes.txt",
        "logs/mnist/run/samples/mine.png",
        "ckt/mnist/run/model-1.index",
        "ckt/mnist/run/spec.json",
    ],
)
def test_a_folder_that_holds_something_is_refused_and_left_as_it_is(spec, dataset, tmp_path, place):
    (tmp_path / place).parent.mkdir(parents=True)
    (tmp_path / place).write_text("mine")
    with pytest.raises(InputError, match="run is not empty, but a new run needs a folder of its own"):
        at(tmp_path, "run").create(spec, dataset)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / place]
    assert (tmp_path / place).read_text() == "mine"


def test_a_start_that_fails_leaves_nothing_of_its_own_and_everything_of_others(spec, dataset, tmp_path, monkeypatch):
    def fail(_):
        at(tmp_path, "other").create(spec, dataset)  # of another process, in the roots that this one made
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(run_folder, "write_json", lambda *_: fail(monkeypatch.undo()))
    with pytest.raises(InputError, match="cannot be written"):
        at(tmp_path, "run").create(spec, dataset)
    assert [path.name for path in (tmp_path / "logs/mnist").iterdir()] == ["other"]
    assert at(tmp_path, "other").load_spec() == spec
    monkeypatch.setattr(run_folder, "write_json", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        RunFolder(tmp_path / "new/logs", tmp_path / "new/ckt", "run").create(spec, dataset)
    assert not (tmp_path / "new").exists()


def test_a_spec_of_a_network_that_is_not_there_is_refused(spec, dataset, tmp_path):
    folder = at(tmp_path, "run")
    folder.create(spec, dataset)
    path = folder.checkpoints / "spec.json"
    for old, new, field in (
        ('"network": "dcgan"', '"network": "vgg"', "network"),
        ('"dim": 784', '"dim": 700', "output_dist"),
    ):
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        with pytest.raises(InputError, match=f"spec.json, {field}: .* given, but"):
            folder.load_spec()
        path.write_text(text)


@pytest.mark.parametrize("text", ["[]", "{", '{"run": "a"}', '{"run": 1, "update": 3}', '{"run": "a", "update": "3"}'])
def test_a_damaged_origin_is_refused(tmp_path, text):
    folder = RunFolder(tmp_path / "logs", tmp_path / "ckt", "run")
    folder.checkpoints.mkdir(parents=True)
    (folder.checkpoints / "origin.json").write_text(text)
    with pytest.raises(InputError, match=r"origin\.json: it is no origin of a run"):
        folder.load_origin()
