"""Checkpoints on bad disks and from bad disks: the last good one stays, a damaged one is found before it is used."""

import json
import multiprocessing
import os
import resource
import shutil
import signal
import subprocess
from contextlib import contextmanager

import numpy as np
import pytest
from conftest import launch

from infogan.evaluation import evaluate
from infogan.system.messages import InputError, TrainingFailed
from infogan.system.tf1 import tf
from infogan.training.checkpoints import (
    Checkpoints,
    find_checkpoints,
    find_damage,
    newest_intact,
    restore_weights,
    set_aside_damaged,
)
from infogan.training.run_folder import RunFolder

VALUES = 2**16


class Counting:
    """A graph of one variable that holds the number of the update: what is read back tells which was read."""

    def __init__(self, folder):
        self.folder = folder
        self._graph = tf.Graph()
        with self._graph.as_default():
            self._variable = tf.get_variable("weights", [VALUES], initializer=tf.zeros_initializer())
            self._number = tf.placeholder(tf.float32, [])
            self._assign = self._variable.assign(tf.fill([VALUES], self._number))
            self._checkpoints = Checkpoints(folder)
        self._session = tf.Session(graph=self._graph)

    def save(self, *updates):
        for update in updates:
            self._session.run(self._assign, {self._number: update})
            with self._graph.as_default():
                self._checkpoints.save(self._session, update)
        return self

    def read(self, update):
        with self._graph.as_default():
            self._checkpoints.restore(self._session, update)
        return set(self._session.run(self._variable).tolist())


@pytest.fixture
def counting(tmp_path):
    return Counting(tmp_path)


@contextmanager
def mounted(path, size):
    """A disk of that many bytes in memory."""
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        pytest.skip(f"mounting a small disk is not permitted here ({result.stderr.strip()})")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", path], check=True)


@pytest.fixture
def small_disk(tmp_path):
    """A disk on which one checkpoint of 256 KiB fits."""
    with mounted(tmp_path / "disk", 400 * 1024) as path:
        yield path


def flip_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path):
    os.truncate(path, path.stat().st_size // 2)


def change_manifest(folder, change):
    path = folder / "model-2.manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))


DATA, INDEX, MANIFEST = "model-2.data-00000-of-00001", "model-2.index", "model-2.manifest.json"
DAMAGES = {
    "flipped bit": (lambda f: flip_bit(f / DATA), "has another checksum"),
    "cut short": (lambda f: cut(f / DATA), "131,072 bytes in place of 262144"),
    "lost": (lambda f: (f / DATA).unlink(), "not those of its manifest"),
    "flipped bit in the index": (lambda f: flip_bit(f / INDEX), "has another checksum"),
    "empty index": (lambda f: (f / INDEX).write_bytes(b""), "0 bytes in place of"),
    "manifest lost": (lambda f: (f / MANIFEST).unlink(), "manifest is missing"),
    "manifest cut short": (lambda f: cut(f / MANIFEST), "manifest is damaged"),
    "manifest a number": (lambda f: (f / MANIFEST).write_text("5"), "manifest is damaged"),
    "manifest nested": (lambda f: (f / MANIFEST).write_text("[" * 100_000), "manifest is damaged"),
    "another manifest": (lambda f: shutil.copy(f / "model-1.manifest.json", f / MANIFEST), "that of update 1"),
    "a file elsewhere": (
        lambda f: change_manifest(f, lambda m: m["files"].update({"/etc/passwd": {"size": 1, "sha256": ""}})),
        "not those of its manifest",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_found_and_the_one_before_is_used(counting, capfd, damage):
    folder = counting.save(1, 2).folder
    change, reason = DAMAGES[damage]
    assert newest_intact(folder) == 2
    assert find_damage(folder, 2) == ""
    change(folder)
    assert reason in find_damage(folder, 2)
    capfd.readouterr()
    assert newest_intact(folder) == 1
    warning = capfd.readouterr().err.splitlines()[-1]
    assert warning.startswith(f"warning: {folder / 'model-2'} is damaged (")
    assert warning.endswith("The checkpoint of update 1 is used instead.")
    assert find_checkpoints(folder) == [1, 2]  # looking changes nothing
    set_aside_damaged(folder)
    assert find_checkpoints(folder) == [1]
    assert (folder / "damaged" / INDEX).exists()
    assert not list(folder.glob("model-2.*"))
    assert counting.read(1) == {1.0}
    assert find_checkpoints(counting.save(2).folder) == [1, 2]
    assert counting.read(2) == {2.0}


def test_a_folder_whose_name_is_not_utf_8(tmp_path):
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    counting = Counting(folder).save(1, 2)
    assert newest_intact(folder) == 2
    assert counting.read(1) == {1.0}


def test_all_damaged_is_a_refusal(counting):
    folder = counting.save(1, 2).folder
    for path in folder.glob("*.data-*"):
        flip_bit(path)
    for look in (newest_intact, set_aside_damaged):
        with pytest.raises(InputError, match=r"no readable checkpoint \(model-2: .* checksum .*, model-1: .*\)"):
            look(folder)
    assert find_checkpoints(folder) == [1, 2]


def test_what_a_crash_left_is_no_checkpoint_and_is_removed(counting):
    folder = counting.save(1).folder
    (folder / "saving-2.data-00000-of-00001.tempstate1").write_bytes(b"half")
    (folder / "saving-2_temp").mkdir()
    (folder / DATA).write_bytes(b"whole, but the index never came")
    (folder / "notes.txt").write_text("someone's own")
    assert newest_intact(folder) == 1
    counting.save(3)
    kept = {f"model-{u}.{part}" for u in (1, 3) for part in ("index", "data-00000-of-00001", "manifest.json")}
    assert {path.name for path in folder.iterdir()} == {*kept, "notes.txt"}


def test_everything_is_on_the_disk_before_the_index_has_its_name(counting, monkeypatch):
    events = []
    fsync, replace = os.fsync, os.replace
    name = lambda descriptor: os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}"))  # noqa: E731
    monkeypatch.setattr(os, "fsync", lambda d: (events.append(("sync", name(d))), fsync(d)))
    monkeypatch.setattr(os, "replace", lambda a, b: (events.append(("name", os.path.basename(b))), replace(a, b)))
    rename = type(counting.folder).replace
    monkeypatch.setattr(
        type(counting.folder), "replace", lambda a, b: (events.append(("name", b.name)), rename(a, b))[1]
    )
    counting.save(2)
    published = events.index(("name", INDEX))
    for file in ("saving-2.index", "saving-2.data-00000-of-00001"):
        assert events.index(("sync", file)) < published
    assert events.index(("name", MANIFEST)) < published
    assert events.index(("name", DATA)) < published
    assert ("sync", counting.folder.name) in events[published:]


def test_a_full_disk_leaves_the_last_good_checkpoint(small_disk):
    counting = Counting(small_disk).save(1)
    with pytest.raises(TrainingFailed, match=r"update 2: .* written \(No space left on device\)\. The last good"):
        counting.save(2)
    assert newest_intact(small_disk) == 1
    assert counting.read(1) == {1.0}
    assert len(list(small_disk.iterdir())) == 3, "what was half written fills the disk"


def test_a_limit_on_files_leaves_the_last_good_checkpoint(counting):
    counting.save(1)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (VALUES, hard))
    try:
        with pytest.raises(TrainingFailed, match=r"update 2: its checkpoint cannot be written \(File too large\)"):
            counting.save(2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert newest_intact(counting.folder) == 1
    assert find_checkpoints(counting.save(2).folder) == [1, 2]


def test_a_disk_that_becomes_read_only(small_disk):
    counting = Counting(small_disk).save(1)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(TrainingFailed, match=r"update 2: .*Read-only file system\)\. The last good .* update 1"):
        counting.save(2)
    assert newest_intact(small_disk) == 1


def test_a_folder_that_vanishes(counting):
    counting.save(1)
    shutil.rmtree(counting.folder)
    with pytest.raises(TrainingFailed, match=r"update 2: .* is gone\)\. There is no checkpoint before it"):
        counting.save(2)
    assert not counting.folder.exists()


def hold(folder, is_held):
    with folder.lock():
        is_held.set()
        signal.pause()


def test_a_second_process_is_refused_and_the_lock_of_a_dead_one_is_taken_over(spec, dataset, tmp_path, capsys):
    folder = RunFolder(tmp_path / "logs", tmp_path / "ckt", "run")
    folder.create(spec, dataset)
    context = multiprocessing.get_context("fork")
    is_held = context.Event()
    holder = context.Process(target=hold, args=(folder, is_held))
    holder.start()
    assert is_held.wait(60)
    try:
        with pytest.raises(InputError, match=r"run is being trained by another process\. Wait"), folder.lock():
            pass
    finally:
        os.kill(holder.pid, signal.SIGKILL)
        holder.join()
    assert (folder.checkpoints / "lock").exists()
    with folder.lock():
        pass


def test_a_run_whose_newest_checkpoint_is_damaged_goes_on_from_the_one_before(smoke_run, tmp_path, capfd, monkeypatch):
    monkeypatch.setattr(evaluate, "evaluate_run", lambda *_: {"metrics": [], "notes": []})
    logs, ckt = (shutil.copytree(folder, tmp_path / folder.parent.name / folder.name) for folder in smoke_run)
    data = ckt / "model-6.data-00000-of-00001"
    before = data.read_bytes()
    flip_bit(data)
    assert launch("--resume", "smoke", "--log-dir", logs.parent, "--checkpoint-dir", ckt.parent) == 0
    assert "model-6 is damaged (model-6.data-00000-of-00001 has another checksum" in capfd.readouterr().err
    assert json.loads((logs / "status.json").read_text())["state"] == "finished"
    assert np.array_equal(np.frombuffer(data.read_bytes(), np.uint8), np.frombuffer(before, np.uint8))


@pytest.mark.slow
def test_a_run_whose_disk_is_full_keeps_its_checkpoint_and_goes_on_once_there_is_room(smoke_run, tmp_path, capfd):
    """The disk holds one checkpoint of the smoke run and a half; the second of its run does not fit."""
    size = sum(path.stat().st_size for path in smoke_run[1].glob("model-6.*"))
    with mounted(tmp_path / "ckt", size * 3 // 2) as disk:
        roots = ["--log-dir", tmp_path / "logs", "--checkpoint-dir", disk]
        assert launch("--smoke", *roots, "--run-name", "run") == 1
        assert "No space left on device). The last good checkpoint is that of update 3" in capfd.readouterr().err
        status = json.loads((tmp_path / "logs" / "run" / "status.json").read_text())
        assert (status["state"], status["update"]) == ("failed", 3)
        assert newest_intact(disk / "run") == 3
        subprocess.run(["mount", "-o", f"remount,size={size * 4}", disk], check=True)
        assert launch("--resume", "run", *roots) == 0
        assert newest_intact(disk / "run") == 6
        data = "model-6.data-00000-of-00001"
        assert (disk / "run" / data).read_bytes() == (smoke_run[1] / data).read_bytes()


def save_numbers(folder, names, weights=None, update=1):
    """A checkpoint of variables that hold 0, 1, 2, ..."""
    with tf.Graph().as_default(), tf.Session() as session:
        for number, name in enumerate(names):
            tf.get_variable(name, [], initializer=tf.constant_initializer(number))
        session.run(tf.global_variables_initializer())
        Checkpoints(folder, weights).save(session, update)


def read_numbers(folder, names, update=1):
    """What `restore_weights` gives variables of these names."""
    with tf.Graph().as_default(), tf.Session() as session:
        variables = [tf.get_variable(name, []) for name in names]
        restore_weights(session, folder, update, variables)
        return session.run(variables)


def test_a_trained_model_reads_what_the_checkpoint_says_are_its_weights(tmp_path):
    """Slots of any optimiser are none of them, and an average is read in place of its weight."""
    names = ["generator/kernel", "generator/kernel/rmsprop", "averages/generator/kernel", "generator/bias"]
    save_numbers(tmp_path, names, {names[0]: names[2], names[3]: names[3]})
    assert read_numbers(tmp_path, [names[3], names[0]]) == [3.0, 2.0]


def test_weights_that_the_networks_lack_are_not_left_out_unsaid(tmp_path):
    """Networks of another version, which had more weights; without them they would compute something else."""
    names = ["generator/kernel", "generator/bias"]
    save_numbers(tmp_path, names, dict(zip(names, names)))
    refusal = "it holds generator/bias, which the networks of this version lack"
    with pytest.raises(InputError, match=refusal):
        read_numbers(tmp_path, names[:1])
    with tf.Graph().as_default(), tf.Session() as session:
        tf.get_variable(names[0], [])
        with pytest.raises(InputError, match=refusal):
            Checkpoints(tmp_path, {names[0]: names[0]}).restore(session, 1)


def test_a_checkpoint_without_a_list_of_weights_is_one_of_adam(tmp_path):
    """As version 0.1 wrote them."""
    save_numbers(tmp_path, ["generator/kernel", "generator/kernel/adam_generator", "generator/bias", "update"])
    manifest = tmp_path / "model-1.manifest.json"
    content = json.loads(manifest.read_text())
    del content["weights"]
    manifest.write_text(json.dumps(content))
    assert read_numbers(tmp_path, ["generator/kernel", "generator/bias"]) == [0.0, 2.0]
    with pytest.raises(InputError, match="it holds generator/bias, which"):
        read_numbers(tmp_path, ["generator/kernel"])
