"""`infogan.train` and `infogan.evaluate`: what is interrupted is saved and goes on, in the words of a program."""

import dataclasses
import json
import signal
import threading

import numpy as np
import pytest
from conftest import read_refusal

import infogan
from infogan import experiment
from infogan.cli import evaluate as command
from infogan.evaluation import evaluate
from infogan.system.messages import InputError
from infogan.training.checkpoints import find_checkpoints
from infogan.training.run_folder import RunFolder, open_run


@pytest.fixture(autouse=True)
def roots(tmp_path, monkeypatch):
    """Roots of unusual names below the current folder."""
    monkeypatch.chdir(tmp_path)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever the tests were started from
    return "reports", "weights"


def save(folder, update):
    """As far as a run's folder shows it, a checkpoint."""
    (folder.checkpoints / f"model-{update}.index").write_text("")


@pytest.fixture
def trained(monkeypatch):
    """Trains and evaluates nothing; a list of the (spec, update from which it began) that were to be trained."""

    def train(spec, folder, dataset, stop, execution):
        begun.append((spec, experiment.last_update(folder)))
        with stop.deferred():
            save(folder, 1)
            if stop_by:
                signal.raise_signal(stop_by.pop())
        save(folder, spec.updates)

    def evaluate_run(dataset, folder, more_metrics):
        measured.append(more_metrics)
        report = {"images": len(dataset.test), "first": int(dataset.test.images[0, 0, 0, 0])}
        (folder.log / "report.json").write_text(json.dumps(report))
        return report

    begun, stop_by, measured = [], [], []
    monkeypatch.setattr(experiment, "_train", train)
    monkeypatch.setattr(experiment, "set_aside_damaged", lambda folder: None)
    monkeypatch.setattr(evaluate, "evaluate_run", evaluate_run)
    train.begun, train.stop_by, train.measured = begun, stop_by, measured
    return train


def read_state(folder):
    return json.loads((folder.log / "status.json").read_text())["state"]


def test_a_run_in_folders_of_any_name_is_found_with_its_report(spec, dataset, roots, trained, tmp_path):
    path = infogan.train(spec, dataset, *roots)
    assert open_run(path).load_report()["images"] == 16
    for root in roots:
        (tmp_path / "moved").mkdir(exist_ok=True)
        (tmp_path / root).rename(tmp_path / "moved" / root)
    assert open_run(tmp_path / "moved" / path).load_report()["images"] == 16


def test_what_is_interrupted_is_saved_and_goes_on(spec, dataset, roots, trained):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    trained.stop_by.append(signal.SIGINT)
    with pytest.raises(
        KeyboardInterrupt, match=r"stopped by SIGINT; update 1 is saved, .* name='a', resume=True continues"
    ):
        infogan.train(spec, dataset, *roots, name="a")
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    folder = open_run(f"weights/{spec.name}/a")
    assert (read_state(folder), find_checkpoints(folder.checkpoints)) == ("interrupted", [1])
    infogan.train(spec, dataset, *roots, name="a", resume=True)
    assert trained.begun == [(spec, 0), (spec, 1)]
    assert read_state(folder) == "finished"
    infogan.train(spec, dataset, *roots, resume=True)  # the newest, which is finished: it is evaluated again
    assert trained.begun[-1] == (spec, spec.updates)


def test_other_signals_reach_the_program(spec, dataset, roots, trained, capsys):
    received = []
    signal.signal(signal.SIGTERM, lambda number, frame: received.append(number))
    trained.stop_by.append(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        infogan.train(spec, dataset, *roots, name="a")
    assert received == [signal.SIGTERM]
    assert "stopped by SIGTERM; update 1 is saved" in capsys.readouterr().err


def test_a_thread_can_train(spec, dataset, roots, trained):
    found = []
    thread = threading.Thread(target=lambda: found.append(infogan.train(spec, dataset, *roots)))
    thread.start()
    thread.join()
    assert len(found) == 1


def change_images(dataset):
    images = 255 - dataset.train.images
    return dataclasses.replace(dataset, train=dataclasses.replace(dataset.train, images=images))


REFUSALS = {
    "a name that is taken": ({"name": "a"}, "log_dir: reports/mnist/a is not empty, but .* name, or resume a"),
    "no such run": ({"name": "b", "resume": True}, "resume: 'b' was given, but weights/mnist holds only a"),
    "no name": ({"name": "../a"}, r"name: '\.\./a' was given, but a name of letters"),
    "other images": (
        {"change": change_images, "resume": True},
        "dataset: the images of random numbers .* other ones",
    ),
    "another seed": ({"seed": 4, "resume": True}, "seed: 4 was given, but a was started with 3. Give that, or start a"),
    "fewer epochs": ({"max_epoch": 1, "resume": True}, "max_epoch: 1 was given, but a has done 2 epochs"),
    "no run at all": ({"name": None, "resume": True, "root": "other"}, "resume: other/mnist holds no run to continue"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refusals_are_in_the_words_of_a_program(spec, dataset, roots, trained, case):
    arguments, message = REFUSALS[case]
    options = {"name": "a", **arguments}
    infogan.train(spec, dataset, *roots, name="a")
    checkpoint_dir = options.pop("root", roots[1])
    given = options.pop("change", lambda dataset: dataset)(dataset)
    fields = {name: options.pop(name) for name in ("seed", "max_epoch") if name in options}
    with pytest.raises(InputError, match=message) as caught:
        infogan.train(dataclasses.replace(spec, **fields), given, roots[0], checkpoint_dir, **options)
    assert "--" not in str(caught.value)


def test_a_run_in_use_is_refused_in_the_words_of_a_program(spec, dataset, roots, trained):
    folder = open_run(infogan.train(spec, dataset, *roots, name="a"))
    with (
        folder.lock(),
        pytest.raises(InputError, match=r"^resume: a is being trained by another process\. Wait"),
    ):
        infogan.train(spec, dataset, *roots, name="a", resume=True)


def test_arrays_are_given_again_to_be_evaluated(spec, dataset, roots, trained, capsys):
    spec = dataclasses.replace(spec, dataset="noise", held_out_images=3, max_images=10)
    path = infogan.train(spec, dataset, *roots)
    first = int(dataset.test.images[0, 0, 0, 0])
    for folder in (path, open_run(path).log):
        assert infogan.evaluate(folder, dataset) == {"images": 10, "first": first}
    with pytest.raises(InputError, match=r"^dataset: the images of random numbers were given, but the run was started"):
        infogan.evaluate(path, change_images(dataset))
    wrong = dataclasses.replace(
        dataset, test=dataclasses.replace(dataset.test, images=np.zeros((4, 2, 2, 1), np.uint8))
    )
    with pytest.raises(InputError, match=r"^dataset: uint8 images of shape \[4, 2, 2, 1\] were given"):
        infogan.evaluate(path, wrong)
    assert "Evaluate it in that program: infogan.evaluate(path" in read_refusal(capsys, command.main, [str(path)])


def test_metrics_of_a_programs_own_reach_the_evaluation(spec, dataset, roots, trained, tmp_path):
    def mine(run, dataset, settings):
        return []

    path = infogan.train(spec, dataset, *roots, metrics=[mine])
    infogan.evaluate(path, dataset, metrics=[mine, mine])
    assert trained.measured == [(mine,), (mine, mine)]
    for wrong in (mine, ["brightness"], None):
        with pytest.raises(InputError, match=r"^metrics: .* was given, but a list of functions"):
            infogan.train(spec, dataset, "other", "roots", metrics=wrong)
    assert not (tmp_path / "other").exists()


def make_run(spec, dataset, root, done):
    folder = RunFolder(root / "logs", root / "ckt", "run")
    folder.create(spec, dataset)
    if done:
        save(folder, done)
    return folder


@pytest.mark.parametrize(
    ("share", "done", "max_epoch", "is_same"),
    [
        (1.0, 4, 5, True),  # finished, at constant rates
        (0.5, 0, 5, True),  # not begun
        (0.5, 2, 5, True),  # the rates are about to fall
        (0.5, 3, 5, False),
        (0.9, 3, 2, True),  # no change
    ],
)
def test_a_longer_run_is_the_same_run_while_its_rates_are_those_of_one(
    spec, dataset, tmp_path, monkeypatch, capsys, share, done, max_epoch, is_same
):
    monkeypatch.setattr("infogan.training.run_folder.newest_intact", lambda folder: done)
    spec = dataclasses.replace(spec, constant_rate_share=share)
    folder = make_run(spec, dataset, tmp_path, done)
    (folder.checkpoints / "rollbacks.json").write_text("[{}]")
    (folder.metrics).write_text("metrics")
    (folder.frames / "0000002.png").write_text("frame")
    found, longer = experiment.lengthen(folder, spec, max_epoch, dataset)
    assert longer == dataclasses.replace(spec, max_epoch=max_epoch)
    assert (found is folder) == is_same
    assert folder.load_spec() == spec  # which `run` changes, once it has the lock
    if not is_same:
        assert (found.name, found.load_spec(), found.load_rollbacks()) == ("run-epoch5", longer, [{}])
        assert (found.metrics.read_text(), (found.frames / "0000002.png").read_text()) == ("metrics", "frame")
        assert found.load_origin() == {"run": "run", "update": 3}
        said = capsys.readouterr().out
        assert "are at 50% of their initial value after 3 updates" in said
        assert "from update 5 on, so they rise again to 100%" in said
        with pytest.raises(InputError, match=r"run-epoch5 is not empty, .* or resume run-epoch5\."):
            experiment.lengthen(folder, spec, max_epoch, dataset)
        (found.checkpoints / "spec.json").unlink()  # what a kill leaves that comes just before it is written
        assert experiment.lengthen(folder, spec, max_epoch, dataset)[0].load_spec() == longer


def test_a_run_that_stopped_within_an_epoch_says_how_many_it_has_done(spec, dataset, tmp_path, monkeypatch):
    monkeypatch.setattr("infogan.training.run_folder.newest_intact", lambda folder: 7)
    folder = make_run(dataclasses.replace(spec, updates_per_epoch=3, max_epoch=9), dataset, tmp_path, 7)
    with pytest.raises(InputError, match=r"max_epoch: 2 was given, but run has done 2\.33 epochs"):
        experiment.lengthen(folder, folder.load_spec(), 2, dataset)


def test_a_run_that_got_longer_stores_it(spec, dataset, roots, trained):
    path = infogan.train(spec, dataset, *roots, name="a")
    longer = dataclasses.replace(spec, max_epoch=7)
    assert infogan.train(longer, dataset, *roots, name="a", resume=True) == path
    assert open_run(path).load_spec() == longer
