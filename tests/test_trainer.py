"""Whole runs: resumed ones equal uninterrupted ones, and what ends a run is told."""

import contextlib
import dataclasses
import errno
import fcntl
import itertools
import json
import math
import os
import re
import shutil
import signal
import struct
import sys
import termios
import threading
import time
import types
import weakref
from contextlib import contextmanager

import numpy as np
import progressbar
import pytest
from conftest import SMALL, random_dataset

from infogan import experiment
from infogan.data.lazy_images import LazyImages
from infogan.system.messages import InputError, NumbersFailed, TrainingFailed, say
from infogan.system.tf1 import tf
from infogan.training import loop as trainer_module
from infogan.training import run_log
from infogan.training.checkpoints import KEPT, Checkpoints, find_checkpoints
from infogan.training.loop import FirstLook, InfoGANTrainer
from infogan.training.run_folder import RunFolder
from infogan.training.run_log import Progress, RunLog, load_evaluations, load_metrics
from infogan.training.signals import SECONDS_TO_TRY_AGAIN, Interrupted, StopSignals


def start(spec, dataset, root, name):
    folder = RunFolder(root / "logs", root / "ckt", name)
    folder.create(spec, dataset)
    return folder


def build(spec, dataset, folder, updates_per_call=1, **options):
    """A trainer, with which `go_on` can train several times: to build its graph takes longer than to train."""
    return InfoGANTrainer(spec, dataset.train.images, folder, StopSignals(), updates_per_call, **options)


def go_on(trainer, folder=None, stop_at=None):
    """Trains from the folder's newest checkpoint; with `stop_at`, a SIGTERM arrives before that call of the session."""
    if folder:
        trainer._folder, trainer._checkpoints._folder = folder, folder.checkpoints
    with StopSignals() as trainer._stop, pytest.MonkeyPatch.context() as patch:
        if stop_at is not None:
            _signal_before_call(patch, stop_at)
        trainer.train()


def _signal_before_call(patch, number):
    calls = iter(range(1, 1000))
    original = tf.Session.make_callable

    def make_callable(session, fetches, **options):
        run = original(session, fetches, **options)

        def run_and_signal(*arguments):
            if next(calls) == number:
                signal.raise_signal(signal.SIGTERM)
            return run(*arguments)

        return run_and_signal

    patch.setattr(tf.Session, "make_callable", make_callable)


def train(*arguments, stop_at=None, **options):
    go_on(build(*arguments, **options), stop_at=stop_at)


@pytest.fixture(autouse=True, scope="module")
def few_settling_batches():
    """All runs of this file settle alike."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer_module, "SETTLING_BATCHES", 3)
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """(run, trainer) of `spec` on `dataset`: the run is finished, the trainer trains others too."""
    dataset = random_dataset()
    folder = start(SMALL, dataset, tmp_path_factory.mktemp("whole"), "whole")
    trainer = build(SMALL, dataset, folder, None)
    go_on(trainer)
    return folder, trainer


@pytest.fixture
def whole(trained):
    """That run, for all who compare with one; nobody changes it."""
    return trained[0]


@pytest.fixture
def trainer(trained):
    """Its trainer; `go_on` needs a folder."""
    return trained[1]


@pytest.fixture(scope="module")
def unsettled(tmp_path_factory):
    """(run, previews) of the same updates, each an epoch, saved by time, seldom previewed, without settling."""
    previews, dataset = [], random_dataset()
    spec = dataclasses.replace(SMALL, updates_per_epoch=1, max_epoch=4, snapshot_interval=1000)
    folder = start(spec, dataset, tmp_path_factory.mktemp("unsettled"), "unsettled")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunLog, "write_preview", lambda log, picture, update: previews.append((picture.shape, update)))
        for name, value in {"PREVIEW_UPDATES": 1, "PREVIEW_SHARE": 1e-9, "SETTLING_BATCHES": 0}.items():
            patch.setattr(trainer_module, name, value)
        train(spec, dataset, folder, checkpoint_seconds=0.0)
    return folder, previews


def copy_run(run, root):
    """The same run in other folders, where it may be changed."""
    copy = RunFolder(root / "logs", root / "ckt", run.name)
    shutil.copytree(run.log, copy.log)
    shutil.copytree(run.checkpoints, copy.checkpoints)
    return copy


def saved_variables(folder, update):
    reader = tf.train.load_checkpoint(str(folder.checkpoints / f"model-{update}"))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def without_speed(lines):
    return [{key: value for key, value in line.items() if not key.startswith("speed/")} for line in lines]


def test_resumed_run_equals_uninterrupted_run(spec, dataset, whole, tmp_path):
    """Stopped inside an epoch, at its end, and in the next."""
    parts = start(spec, dataset, tmp_path, "parts")
    trainer = build(spec, dataset, parts)
    for update in (1, 2, 3):
        with pytest.raises(Interrupted):
            go_on(trainer, stop_at=1)
        assert find_checkpoints(parts.checkpoints)[-1] == update
    go_on(trainer)
    expected, found = saved_variables(whole, 4), saved_variables(parts, 4)
    assert expected.keys() == found.keys()
    assert any("adam_generator" in name or "Adam" in name for name in expected)
    for name in expected:
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)
    assert without_speed(load_metrics(parts.metrics)) == without_speed(load_metrics(whole.metrics))
    frames = {path.name: path.read_bytes() for path in whole.frames.iterdir()}
    assert {path.name: path.read_bytes() for path in parts.frames.iterdir()} == frames


def test_a_finished_run_that_gets_longer_equals_one_that_was_as_long_from_the_start(spec, dataset, whole, tmp_path):
    parts = start(spec, dataset, tmp_path, "parts")
    short = dataclasses.replace(spec, max_epoch=1)
    train(short, dataset, parts)
    folder, longer = experiment.lengthen(parts, short, 2, dataset)
    assert (folder, longer) == (parts, spec)
    train(longer, dataset, folder)
    expected, found = saved_variables(whole, 4), saved_variables(parts, 4)
    for name in expected:
        # Batch norm's averages settle twice, each time from where they were: in another order of sums.
        tolerance = {"rtol": 1e-4, "atol": 1e-7} if name.endswith(("/mean", "/variance")) else {"rtol": 0}
        np.testing.assert_allclose(found[name], expected[name], err_msg=name, **tolerance)
    assert without_speed(load_metrics(parts.metrics)) == without_speed(load_metrics(whole.metrics))


def test_several_updates_per_call_leave_the_same_run(spec, dataset, tmp_path):
    spec = dataclasses.replace(spec, updates_per_epoch=4, snapshot_interval=3)  # calls of 3, 1, 2 and 2 updates
    ones, parts = start(spec, dataset, tmp_path, "ones"), start(spec, dataset, tmp_path, "parts")
    train(spec, dataset, ones)
    trainer = build(spec, dataset, parts, updates_per_call=8)
    with pytest.raises(Interrupted):
        go_on(trainer, stop_at=2)
    assert find_checkpoints(parts.checkpoints) == [3, 4]  # the signal ended the run after the call at hand
    go_on(trainer)
    assert find_checkpoints(parts.checkpoints) == [4, 6, 8]
    expected, found = saved_variables(ones, 8), saved_variables(parts, 8)
    for name in expected:
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)
    assert without_speed(load_metrics(parts.metrics)) == without_speed(load_metrics(ones.metrics))


def test_a_gpu_gets_as_many_updates_a_call_as_half_a_second_holds(spec, dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(trainer_module, "find_gpus", lambda: ["a GPU"])
    monkeypatch.setattr(trainer_module, "CALL_SECONDS", 1e6)
    monkeypatch.setattr(trainer_module, "MOST_UPDATES_PER_CALL", 3)
    spec = dataclasses.replace(spec, updates_per_epoch=9)
    folder = start(spec, dataset, tmp_path, "run")
    with pytest.raises(Interrupted):
        train(spec, dataset, folder, updates_per_call=None, stop_at=2)
    assert find_checkpoints(folder.checkpoints) == [3]  # one update, and then two, for the checkpoint ends a call


def test_one_update_a_call_without_a_gpu(trainer):
    assert trainer._updates_before_pause(0) == 1


def look_at(dataset, every):
    """A FirstLook that measures how sure Q is of the first image's digit, and nothing else."""

    def measure(posteriors):
        assert posteriors["digit"]["prob"].shape == (len(dataset.train), 10)
        return {"evaluation/first": float(posteriors["digit"]["prob"][0].max())}, "looked"

    return FirstLook(every, dataset.train.images, measure)


def test_looking_at_a_run_changes_nothing(spec, dataset, whole, tmp_path, monkeypatch, capsys):
    """Previews and evaluations after each update, of which one is done again: weights and numbers stay bit for bit."""
    for name in ("PREVIEW_UPDATES", "PREVIEW_SHARE"):
        monkeypatch.setattr(trainer_module, name, 1)
    folder = start(spec, dataset, tmp_path, "run")
    trainer = build(spec, dataset, folder, updates_per_call=8, look=look_at(dataset, 1))
    with pytest.raises(Interrupted):
        go_on(trainer, stop_at=2)
    first = load_evaluations(folder.evaluations)
    assert [line["update"] for line in first] == [1, 2]
    preview = (folder.log / "preview.png").read_bytes()
    with folder.evaluations.open("a") as file:
        file.write('{"update": 3, "evaluation/first": 0.0}\n')  # beyond the checkpoint
    go_on(trainer)
    lines = load_evaluations(folder.evaluations)
    assert lines[:2] == first
    assert [line["update"] for line in lines] == [1, 2, 3]  # the report follows the last update
    assert lines[2]["evaluation/first"] > 0.0
    assert capsys.readouterr().out.count("update 3/4: looked\n") == 1
    assert (folder.log / "preview.png").read_bytes() != preview
    expected, found = saved_variables(whole, 4), saved_variables(folder, 4)
    assert expected.keys() == found.keys()
    for name in expected:
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)
    assert without_speed(load_metrics(folder.metrics)) == without_speed(load_metrics(whole.metrics))


def test_the_preview_is_a_sweep_of_the_first_code_and_waits_for_its_turn(unsettled):
    assert unsettled[1] == [((5 * 28, 10 * 28), update) for update in (1, 4)]  # the last update has one in any case


def test_not_a_number_inside_a_call_is_found_at_its_update(spec, dataset, tmp_path, monkeypatch):
    spec = dataclasses.replace(spec, updates_per_epoch=10, max_epoch=1, snapshot_interval=10)
    break_gradients(monkeypatch, at=2, builds=1)
    with pytest.raises(TrainingFailed, match=r"^update 2: gradient/generator = (inf|nan), .* There is no checkpoint "):
        train(spec, dataset, start(spec, dataset, tmp_path, "run"), updates_per_call=10)


def test_what_was_logged_beyond_the_checkpoint_is_done_again(whole, trainer, tmp_path):
    folder = copy_run(whole, tmp_path)
    lines, frames = load_metrics(folder.metrics), sorted(path.name for path in folder.frames.iterdir())
    for path in folder.checkpoints.glob("model-4.*"):
        path.unlink()
    assert find_checkpoints(folder.checkpoints) == [3]
    with folder.metrics.open("a") as file:
        file.write('{"epoch": 3, "upd')  # a line that a crash cut short
    go_on(trainer, folder)
    assert without_speed(load_metrics(folder.metrics)) == without_speed(lines)
    assert sorted(path.name for path in folder.frames.iterdir()) == frames


def test_checkpoints_at_every_interval_and_at_the_end(whole):
    assert find_checkpoints(whole.checkpoints) == [3, 4]
    assert KEPT >= 2


def test_checkpoints_by_time_of_which_old_ones_are_removed(unsettled):
    folder, _ = unsettled
    assert find_checkpoints(folder.checkpoints) == [2, 3, 4]
    files = sorted(path.name for path in folder.checkpoints.glob("model-*"))
    assert len(files) == 3 * KEPT, files


def test_checkpoint_of_another_graph_is_refused(spec, dataset, trainer, tmp_path):
    folder = start(spec, dataset, tmp_path, "run")
    with tf.Graph().as_default(), tf.Session() as session:
        session.run(tf.Variable(1.0, name="other").initializer)
        Checkpoints(folder.checkpoints).save(session, 3)
    with pytest.raises(InputError, match="model-3: it is no readable checkpoint"):
        go_on(trainer, folder)


@pytest.mark.parametrize("is_lazy", [False, True])
def test_a_set_that_stays_in_its_file_gives_the_same_run(spec, dataset, whole, tmp_path, monkeypatch, is_lazy):
    path = tmp_path / "images.npy"
    np.save(path, 255 - dataset.train.images if is_lazy else dataset.train.images)
    images = np.load(path, mmap_mode="r")
    if is_lazy:
        images = LazyImages(images, images.shape[1:], lambda rows, numbers: 255 - rows)
    in_file = dataclasses.replace(dataset.train, images=images)
    monkeypatch.setattr(trainer_module, "MOST_BYTES_ON_DEVICE", 0)
    streamed = start(spec, dataset, tmp_path, "streamed")
    train(spec, dataclasses.replace(dataset, train=in_file), streamed)
    saved = [saved_variables(folder, spec.updates) for folder in (whole, streamed)]
    assert saved[0].keys() == saved[1].keys()
    for name, value in saved[0].items():
        np.testing.assert_array_equal(value, saved[1][name])


def test_averages_settle_after_the_last_update_and_weights_stay(whole, unsettled):
    settled = saved_variables(whole, 4)
    for name, value in saved_variables(unsettled[0], 4).items():
        is_average = name.endswith(("/mean", "/variance"))
        assert np.array_equal(value, settled[name]) != is_average, name


def test_the_session_computes_in_the_precision_of_the_spec(spec, dataset, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(trainer_module, "session_config", lambda *given: asked.append(given) or 1 / 0)
    spec = dataclasses.replace(spec, precision="bfloat16")  # float32 is what all others here are trained in
    with pytest.raises(ZeroDivisionError):
        train(spec, dataset, start(spec, dataset, tmp_path, "run"), jit_compile=True)
    assert asked == [("bfloat16", True)]


def test_the_graph_is_finalised(trainer):
    assert trainer._graph.finalized


def test_metrics_are_means_over_the_epoch(whole, unsettled):
    each, means = load_metrics(unsettled[0].metrics), load_metrics(whole.metrics)
    for key in means[0]:
        if "/" in key and not key.startswith("speed/"):
            assert means[0][key] == pytest.approx((each[0][key] + each[1][key]) / 2, rel=1e-5, abs=1e-6), key
            assert math.isfinite(means[1][key])
    assert [line["images_seen"] for line in means] == [16, 32]


def test_infinite_weights_are_never_saved(spec, dataset, tmp_path):
    # G's last step is in no loss: only a look at the weights finds it.
    spec = dataclasses.replace(spec, updates_per_epoch=1, max_epoch=1)
    object.__setattr__(spec, "generator_learning_rate", math.inf)  # a spec made as it should be refuses it
    folder = start(spec, dataset, tmp_path, "run")
    with pytest.raises(TrainingFailed, match=r"update 1: .*generator/.* not finite. There is no checkpoint before it"):
        train(spec, dataset, folder)
    assert find_checkpoints(folder.checkpoints) == []


def test_a_checkpoint_that_cannot_be_written_leaves_the_older_ones(spec, dataset, trainer, tmp_path, monkeypatch):
    folder = start(spec, dataset, tmp_path, "run")
    save = tf.train.Saver.save

    def fail_at_the_end(saver, session, path, global_step, **options):
        save(saver, session, path, global_step, **options)
        if global_step == spec.updates:
            raise tf.errors.ResourceExhaustedError(
                None, None, "Graph execution error:\n\nmodel-4.data; No space left on device"
            )

    monkeypatch.setattr(tf.train.Saver, "save", fail_at_the_end)
    with pytest.raises(
        TrainingFailed, match=r"cannot be written \(No space left on device\)\. The last good .* update 3"
    ):
        go_on(trainer, folder)
    assert find_checkpoints(folder.checkpoints) == [3]
    assert not list(folder.checkpoints.glob("model-4*"))


LINE = {"epoch": 1, "update": 2, "speed/images_per_second": 50.0}
WHOLE = json.dumps(LINE).encode() + b"\n"
DAMAGES = {
    "garbage": (WHOLE + b"\xff\xfe\n", "line 2 is damaged"),
    "no object": (b"5\n", "line 1 is damaged"),
    "no speed": (b'{"epoch": 1, "update": 2}\n', "line 1 is damaged"),
    "doubled": (2 * WHOLE, "line 2 is damaged"),
    "lost": (b"", "it holds 0 epochs, but the checkpoint follows epoch 1"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_metrics_are_refused(spec, dataset, tmp_path, damage):
    content, message = DAMAGES[damage]
    folder = start(spec, dataset, tmp_path, "run")
    folder.metrics.write_bytes(content)
    with tf.Graph().as_default(), pytest.raises(InputError, match=message):
        RunLog(folder, update=2, epochs=1)


def test_a_line_of_a_log_that_a_kill_cut_short_is_written_again(spec, dataset, tmp_path):
    """Also where it was the first one."""
    folder = start(spec, dataset, tmp_path, "run")
    for log in (folder.metrics, folder.evaluations):
        log.write_text('{"epoch": 1, "upda')
    with tf.Graph().as_default():
        log = RunLog(folder, update=0, epochs=0)
        log.write_metrics(LINE)
        log.write_evaluation({"update": 1})
        log.close()
    assert load_metrics(folder.metrics) == [LINE]
    assert load_evaluations(folder.evaluations) == [{"update": 1}]


def test_a_run_that_has_lost_its_metrics_does_not_go_on(whole, trainer, tmp_path):
    folder = copy_run(whole, tmp_path)
    folder.metrics.unlink()
    with pytest.raises(InputError, match="it holds 0 epochs, but the checkpoint follows epoch 2"):
        go_on(trainer, folder)


def test_signals_are_deferred_and_then_raised():
    reached = []
    with pytest.raises(Interrupted) as caught, StopSignals() as stop, stop.deferred():
        signal.raise_signal(signal.SIGINT)
        reached.append(stop.received)
    assert reached == [signal.SIGINT]
    assert caught.value.exit_status == 130


def test_only_the_first_signal_counts():
    with StopSignals():
        with pytest.raises(Interrupted):
            signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGINT)  # after the end too


class Referent:
    """What a weak reference can be made to."""


def test_a_hangup_that_is_ignored_stays_so_as_nohup_asks():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with StopSignals() as stop:
        signal.raise_signal(signal.SIGHUP)
    assert stop.received is None
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN


@pytest.mark.parametrize(("ends_process", "prompt"), [(False, None), (True, ">>> ")], ids=["library", "interactive"])
def test_handlers_are_put_back_where_the_process_goes_on(monkeypatch, ends_process, prompt):
    if prompt:
        monkeypatch.setattr(sys, "ps1", prompt, raising=False)
    before = [signal.getsignal(number) for number in StopSignals.SIGNALS]
    with pytest.raises(Interrupted), StopSignals(ends_process):
        signal.raise_signal(signal.SIGTERM)
    assert [signal.getsignal(number) for number in StopSignals.SIGNALS] == before


def test_outside_the_main_thread_no_signal_is_caught():
    def enter():
        with StopSignals():
            caught.append((signal.getsignal(signal.SIGINT), sys.unraisablehook))

    caught = []
    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert caught == [(signal.getsignal(signal.SIGINT), sys.unraisablehook)]


class ClosedBar:
    """A bar on a terminal that was closed."""

    tries = 0

    def start(self):
        return self

    def update(self, value, force):
        self.tries += 1
        raise OSError(errno.EIO, "Input/output error")

    def finish(self, dirty):
        raise OSError(errno.EIO, "Input/output error")


def test_a_terminal_that_is_closed_does_not_end_a_run_before_it_is_saved(spec, monkeypatch):
    bars = []
    monkeypatch.setattr("progressbar.ProgressBar", lambda **options: bars.append(ClosedBar()) or bars[0])
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    progress = Progress(0, spec)
    progress.advance(1, {})
    progress.advance(2, {})
    progress.close()
    assert bars[0].tries == 1


@contextmanager
def terminal(monkeypatch, columns):
    """Standard output is a terminal of that width; yields what it has shown, a list of bytes that is filled."""
    shown, (inner, outer) = [], os.openpty()
    fcntl.ioctl(outer, termios.TIOCSWINSZ, struct.pack("HHHH", 20, columns, 0, 0))

    def read():
        with contextlib.suppress(OSError):  # nobody writes to it any more
            while part := os.read(inner, 1000):
                shown.append(part)

    reader = threading.Thread(target=read)
    reader.start()
    for name in ("COLUMNS", "LINES"):  # pytest imports readline, which sets them; a bar asks these first
        monkeypatch.delenv(name, raising=False)
    kept = os.dup(1)
    os.dup2(outer, 1)  # of which a bar asks how wide it is
    try:
        with open(outer, "w") as out, monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", out)
            patch.setattr(progressbar.streams, "original_stdout", out)  # which it took when it was imported
            patch.setattr(progressbar.streams, "stdout", out)
            yield shown
    finally:
        os.dup2(kept, 1)
        os.close(kept)
    reader.join()
    os.close(inner)


@pytest.mark.parametrize("columns", [30, 60, 200])
def test_a_terminal_shows_one_line_that_fits(spec, whole, monkeypatch, columns):
    """With another line between two states of it; `make test-all` looks at a whole run."""
    _, line = load_metrics(whole.metrics)
    seconds = (0.01 * tick for tick in itertools.count())  # else images/s have more digits on a faster machine
    monkeypatch.setattr(run_log, "time", types.SimpleNamespace(monotonic=lambda: next(seconds)))
    with terminal(monkeypatch, columns) as shown:
        progress = Progress(0, spec)
        for update in range(1, spec.updates):
            progress.advance(update, line)
        progress.report_epoch(line)
        say("told")
        progress.advance(spec.updates, line)
        progress.close()
    text = re.sub(rb"\x1b\[[0-9;]*m", b"", b"".join(shown)).decode()  # without colours
    *_, last = states = [part for part in re.split(r"[\r\n]", text) if part.startswith("update ")]
    assert max(map(len, states)) <= columns
    assert re.match(r"update 4/4, 0:00:00 left", last)
    loss = f"D {line['loss/discriminator']:.3f}, G {line['loss/generator']:.3f}"
    assert (loss in last, "images/s" in last) == (columns >= 60, columns >= 60)
    assert (f"L_I width {line['mi/width']:.2f} |######" in last) == (columns == 200)
    others = {part.strip() for part in re.split(r"[\r\n]", text)} - {part.strip() for part in states}
    assert others == {"", "told"}  # no line of an epoch, and a line of its own for what is said


@pytest.mark.parametrize("number", StopSignals.SIGNALS)
def test_a_signal_that_python_drops_comes_again(number, capfd):
    referent = Referent()
    reference = weakref.ref(referent, lambda reference: signal.raise_signal(number))
    with pytest.raises(Interrupted) as caught, StopSignals():
        del referent
        assert reference() is None
        time.sleep(5)  # the signal cuts it short
    assert caught.value.exit_status == 128 + number
    assert capfd.readouterr().err == ""


def test_a_signal_that_comes_again_while_python_still_drops_it_is_not_lost(monkeypatch):
    """As on a busy machine, where the hook takes longer than the signal. Sent twice, it never comes after the end."""
    sent, seconds = [], iter((0.01, 0.3))
    send_later = StopSignals._send_later

    def send_at_once_and_later(stop, number):
        sent.append(number)
        if len(sent) == 1:
            signal.raise_signal(number)
        send_later(stop, number)

    sleep = time.sleep
    monkeypatch.setattr(time, "sleep", lambda asked: sleep(next(seconds) if asked == SECONDS_TO_TRY_AGAIN else asked))
    monkeypatch.setattr(StopSignals, "_send_later", send_at_once_and_later)
    referent = Referent()
    reference = weakref.ref(referent, lambda reference: signal.raise_signal(signal.SIGTERM))
    with pytest.raises(Interrupted), StopSignals():
        del referent
        assert reference() is None
        sleep(5)  # the signal cuts it short
    assert len(sent) == 2
    late = []
    signal.signal(signal.SIGTERM, lambda number, frame: late.append(number))
    sleep(0.5)
    assert late == []


def test_what_else_python_drops_is_reported_as_ever(monkeypatch):
    reported = []
    monkeypatch.setattr(sys, "unraisablehook", lambda dropped: reported.append(dropped.exc_type))
    referent = Referent()
    reference = weakref.ref(referent, lambda reference: 1 / 0)
    with StopSignals():
        del referent
    assert reference() is None
    assert reported == [ZeroDivisionError]


def test_handlers_are_put_back_when_no_signal_came():
    before = signal.getsignal(signal.SIGINT), sys.unraisablehook
    with StopSignals():
        pass
    assert (signal.getsignal(signal.SIGINT), sys.unraisablehook) == before


def break_gradients(monkeypatch, at, builds):
    """A gradient of G becomes infinite in update `at`, in the graphs of the first `builds` trainers."""
    from infogan.training import update

    original, graphs = update._gradients, []

    def gradients(loss, variables):
        pairs = original(loss, variables)
        if not variables[0].op.name.startswith("generator"):
            return pairs
        graphs.append(tf.get_default_graph())
        if len(set(graphs)) > builds:
            return pairs
        counter = next(variable for variable in tf.global_variables() if variable.op.name == "update")
        (gradient, variable), *others = pairs
        return [(tf.where(tf.equal(counter, at - 1), gradient + math.inf, gradient), variable), *others]

    monkeypatch.setattr(update, "_gradients", gradients)


def run_experiment(spec, dataset, folder, monkeypatch, **options):
    from infogan.evaluation import evaluate

    monkeypatch.setattr(evaluate, "evaluate_run", lambda *arguments: {})
    with StopSignals() as stop:
        experiment.run(spec, folder, dataset, stop, experiment.Execution(**options))


def test_a_bad_gradient_is_caught_at_its_update_by_name(spec, dataset, tmp_path, monkeypatch):
    spec = dataclasses.replace(spec, snapshot_interval=1)
    break_gradients(monkeypatch, at=2, builds=1)
    folder = start(spec, dataset, tmp_path, "run")
    expected = r"^update 2: gradient/generator = (inf|nan), generator/\S+ and \d+ more variables are not finite\. "
    with pytest.raises(NumbersFailed, match=expected + r"The last good checkpoint is that of update 1,") as caught:
        run_experiment(spec, dataset, folder, monkeypatch)
    assert str(caught.value).endswith(f", in {folder.checkpoints}.")
    assert find_checkpoints(folder.checkpoints) == [1]
    status = json.loads((folder.log / "status.json").read_text())
    assert (status["state"], status["update"], status["message"]) == ("failed", 1, str(caught.value))
    assert folder.load_rollbacks() == []


def test_rollback_goes_on_with_other_random_numbers(spec, dataset, whole, tmp_path, monkeypatch, capsys):
    spec = dataclasses.replace(spec, snapshot_interval=1)
    folder = start(spec, dataset, tmp_path, "run")
    break_gradients(monkeypatch, at=3, builds=1)
    run_experiment(spec, dataset, folder, monkeypatch, on_nan="rollback")
    (rollback,) = folder.load_rollbacks()
    assert rollback["to"] == 2
    assert rollback["problem"].startswith("update 3: gradient/generator = ")
    assert "(rollback 1 of 3)" in capsys.readouterr().err
    status = json.loads((folder.log / "status.json").read_text())
    assert (status["state"], status["update"], status["rollbacks"]) == ("finished", 4, 1)
    lines, others = load_metrics(folder.metrics), load_metrics(whole.metrics)
    assert without_speed(lines[:1]) == without_speed(others[:1])
    assert lines[1]["loss/discriminator"] != others[1]["loss/discriminator"]
    assert all(np.isfinite(value).all() for value in saved_variables(folder, 4).values())


def test_a_run_goes_back_three_times_at_most(spec, dataset, tmp_path, monkeypatch):
    def fail(*arguments):
        streams.append(arguments[6])
        raise NumbersFailed("update 1: loss/generator = nan.")

    streams = []
    monkeypatch.setattr(experiment, "InfoGANTrainer", fail)
    folder = start(spec, dataset, tmp_path, "run")
    with pytest.raises(NumbersFailed, match=r"update 1: loss/generator = nan\. The run was rolled back 3 times"):
        run_experiment(spec, dataset, folder, monkeypatch, on_nan="rollback")
    assert streams == [0, 1, 2, 3]
    assert [rollback["to"] for rollback in folder.load_rollbacks()] == [0, 0, 0]
    assert json.loads((folder.log / "status.json").read_text())["state"] == "failed"


def test_a_picture_of_many_images_is_drawn_in_batches_of_the_training(spec):
    trainer = InfoGANTrainer.__new__(InfoGANTrainer)  # without its graph
    trainer._spec = spec
    sizes = []

    class Session:
        def run(self, fetches, feed):
            sizes.append(len(feed["latents"]))
            return feed["latents"][:, :, None, None]

    latents = np.arange(30.0).reshape(30, 1)
    assert trainer._run_batches(Session(), "images", "latents", latents).ravel().tolist() == latents.ravel().tolist()
    assert sum(sizes) == 30
    assert max(sizes) <= spec.batch_size
