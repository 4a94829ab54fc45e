"""Files that are there and may not be read: that is said, no file is called damaged, and none is moved."""

import os
import re
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from infogan.cli.study import load_study
from infogan.data.arrays import load_idx
from infogan.system.messages import InputError
from infogan.system.tf1 import tf_path
from infogan.training.checkpoints import describe_last_checkpoint, newest_intact, set_aside_damaged, write_manifest
from infogan.training.run_folder import RunFolder, open_run
from infogan.training.run_log import load_metrics

NOBODY = 65534


@contextmanager
def without_privileges():
    """Root may read everything; this process is nobody inside."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


@pytest.fixture
def folder(spec, dataset):
    """A run with checkpoints of updates 1 and 2, where nobody may read too."""
    with tempfile.TemporaryDirectory() as root:
        os.chmod(root, 0o755)
        folder = RunFolder(Path(root, "logs"), Path(root, "ckt"), "run")
        folder.create(spec, dataset)
        for update in (1, 2):
            for part in ("index", "data-00000-of-00001"):
                (folder.checkpoints / f"model-{update}.{part}").write_text(f"{update} {part}")
            files = {path.name: path for path in folder.checkpoints.glob(f"model-{update}.*")}
            write_manifest(folder.checkpoints / f"model-{update}.manifest.json", update, files, weights=["kernel"])
        folder.metrics.write_text("")
        (folder.log / "report.json").write_text("{}")
        yield folder


@pytest.mark.parametrize("name", ["model-2.index", "model-2.data-00000-of-00001", "model-2.manifest.json", "."])
@pytest.mark.parametrize("look", [newest_intact, set_aside_damaged])
def test_a_checkpoint_that_may_not_be_read_is_not_damaged(folder, look, name, capsys):
    path = folder.checkpoints / name
    before = sorted(folder.checkpoints.iterdir())
    path.chmod(0o311 if name == "." else 0)  # a folder that may be entered, and not listed
    with without_privileges(), pytest.raises(InputError) as caught:
        look(folder.checkpoints)
    assert str(caught.value).startswith(f"{path}: it cannot be read (Permission denied), but it is needed. Make it")
    path.chmod(0o755)
    assert sorted(folder.checkpoints.iterdir()) == before
    assert capsys.readouterr().err == ""
    assert look(folder.checkpoints) in (2, None)


READERS = {
    "ckt/run/spec.json": RunFolder.load_spec,
    "ckt/run/rollbacks.json": RunFolder.load_rollbacks,
    "ckt/run/dataset.json": lambda folder: folder.check_dataset(None),
    "logs/run/report.json": RunFolder.load_report,
    "logs/run/metrics.jsonl": lambda folder: load_metrics(folder.metrics),
    "logs/study.json": lambda folder: load_study(folder.log.with_name("study.json")),
    "logs/train-images-idx3-ubyte": lambda folder: load_idx(folder.log.with_name("train-images-idx3-ubyte"), 3),
    "ckt/run": lambda folder: open_run(folder.checkpoints),
    "logs/run": lambda folder: open_run(folder.log),
}


@pytest.mark.parametrize("name", READERS)
def test_files_of_a_run_that_may_not_be_read(folder, name):
    path = folder.log.parent.parent / name
    if not path.exists():
        path.write_text("{}")
    path.chmod(0)
    with without_privileges(), pytest.raises(InputError) as caught:
        READERS[name](folder)
    path.chmod(0o755)
    message = str(caught.value)
    assert message.startswith(str(path)) and "cannot be read (Permission denied)" in message
    assert not re.search("Remove|Start a new|Fetch", message)


def test_a_run_that_may_not_be_entered_is_named_when_it_is_resumed(folder):
    roots = folder.log.parent, folder.checkpoints.parent
    folder.checkpoints.chmod(0o700)
    with without_privileges(), pytest.raises(InputError, match=r"ckt/run\S*: it cannot be read \(Permission denied\)"):
        RunFolder.find(*roots, "run")
    folder.checkpoints.parent.chmod(0o300)
    with without_privileges(), pytest.raises(InputError, match=r"ckt: it cannot be read \(Permission denied\)"):
        RunFolder.find(*roots)


def test_the_last_checkpoint_of_a_folder_that_may_not_be_read(folder):
    folder.checkpoints.chmod(0o300)
    with without_privileges():
        assert "cannot be read (Permission denied)" in describe_last_checkpoint(folder.checkpoints)


def test_a_path_that_is_not_utf_8_is_reached_through_one_that_is(tmp_path):
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    assert tf_path(tmp_path) == str(tmp_path)
    assert os.path.samefile(tf_path(folder), folder)
    assert tf_path(folder).isascii()
