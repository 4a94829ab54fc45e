"""A run is found from either of its folders, or refused in one line."""

import shutil

import pytest

from infogan.system.messages import InputError
from infogan.training.run_folder import COUNTERPART, RunFolder, open_run


def make_run(log, checkpoints):
    for folder in (log, checkpoints):
        folder.mkdir(parents=True)
        (folder / "spec.json").write_text("{}")
    (checkpoints / "dataset.json").write_text("{}")
    return log, checkpoints


@pytest.mark.parametrize("below", ["mnist/seed0", "seed0", "study/mnist/seed0"])
def test_either_folder_leads_to_the_other(tmp_path, below):
    run = make_run(tmp_path / "logs" / below, tmp_path / "ckt" / below)
    for given in run:
        folder = open_run(given)
        assert (folder.log, folder.checkpoints) == run


def test_a_folder_whose_name_no_run_can_have_is_refused_by_its_path(tmp_path):
    log, _ = make_run(tmp_path / "logs/mnist/a (copy)", tmp_path / "ckt/mnist/a (copy)")
    with pytest.raises(
        InputError, match=r"a \(copy\): 'a \(copy\)' was given, but a name of letters.* Rename the folder"
    ):
        open_run(log)


def test_relative_paths(tmp_path, monkeypatch):
    log, checkpoints = make_run(tmp_path / "logs/mnist/a", tmp_path / "ckt/mnist/a")
    monkeypatch.chdir(tmp_path / "logs")
    folder = open_run("mnist/a/")
    assert (folder.log, folder.checkpoints, folder.name) == (log, checkpoints, "a")


def test_roots_of_any_name_are_given(tmp_path):
    log, checkpoints = make_run(tmp_path / "one/a", tmp_path / "two/a")
    assert open_run(log, checkpoint_root=checkpoints.parent).checkpoints == checkpoints
    assert open_run(checkpoints, log_root=log.parent).log == log
    with pytest.raises(InputError, match=r"where its checkpoints are is not known. Give the folder"):
        open_run(log)


def test_the_other_folder_is_found_where_the_run_stored_it(tmp_path):
    make_run(tmp_path / "one/reports/a", tmp_path / "one/deep/weights/a")
    RunFolder(tmp_path / "one/reports", tmp_path / "one/deep/weights", "a").store_counterparts()
    (tmp_path / "one").rename(tmp_path / "two")
    log, checkpoints = tmp_path / "two/reports/a", tmp_path / "two/deep/weights/a"
    (tmp_path / "link").symlink_to(tmp_path / "two/deep/weights")
    for given, found in ((log, checkpoints), (checkpoints, checkpoints), (tmp_path / "link/a", tmp_path / "link/a")):
        folder = open_run(given)
        assert (folder.log, folder.checkpoints) == (log, found)


def test_what_was_stored_counts_before_the_names_of_folders_and_after_what_is_given(tmp_path):
    log, checkpoints = make_run(tmp_path / "reports/a", tmp_path / "ckt/a")
    make_run(tmp_path / "logs/a", tmp_path / "third/a")
    RunFolder(log.parent, checkpoints.parent, "a").store_counterparts()
    assert open_run(checkpoints).log == log
    assert open_run(checkpoints, log_root=tmp_path / "logs").log == tmp_path / "logs/a"
    shutil.rmtree(log)
    assert open_run(checkpoints).log == tmp_path / "logs/a"


@pytest.mark.parametrize("content", ["[]", "{", '{"path": 3}', "{}"])
def test_a_stored_place_that_is_none(tmp_path, content):
    log, checkpoints = make_run(tmp_path / "logs/a", tmp_path / "ckt/a")
    (checkpoints / COUNTERPART).write_text(content)
    if content.endswith("}"):
        assert open_run(checkpoints).log == log
    else:
        with pytest.raises(InputError, match=r"counterpart\.json: it is no path of the run's other folder .* Remove"):
            open_run(checkpoints)


def test_checkpoints_that_were_moved_are_a_run_by_themselves(tmp_path):
    _, checkpoints = make_run(tmp_path / "logs/mnist/a", tmp_path / "copy")
    folder = open_run(checkpoints)
    assert (folder.log, folder.checkpoints) == (checkpoints, checkpoints)


def test_a_lost_log_folder_does_not_matter(tmp_path):
    checkpoints = tmp_path / "ckt/mnist/a"
    make_run(tmp_path / "elsewhere", checkpoints)
    assert open_run(checkpoints).log == tmp_path / "logs/mnist/a"


def test_what_holds_no_run_is_refused(tmp_path):
    for path, message in ((tmp_path, "it holds no run"), (tmp_path / "missing", "there is no such folder")):
        with pytest.raises(InputError, match=message):
            open_run(path)
    log, checkpoints = make_run(tmp_path / "logs/mnist/a", tmp_path / "elsewhere/a")
    with pytest.raises(InputError, match=r"its checkpoints are needed, but .*ckt/mnist/a holds no run"):
        open_run(log)
    assert open_run(log, checkpoint_root=checkpoints.parent).checkpoints == checkpoints
    with pytest.raises(InputError, match=r"it is no run, but holds the runs a\. Give the folder"):
        open_run(checkpoints.parent)
