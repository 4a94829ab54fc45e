"""A training in a process of its own that says what it is doing, so that it can be killed in the middle of that."""

import functools
import multiprocessing
import os
from pathlib import Path

from infogan.evaluation import evaluate
from infogan.evaluation.metric import Settings
from infogan.experiment import run
from infogan.system.tf1 import tf
from infogan.training.checkpoints import Checkpoints
from infogan.training.run_log import Progress, RunLog
from infogan.training.signals import StopSignals

STAGES = ("starting", "updating", "writing a checkpoint", "writing metrics", "writing pictures", "evaluating")
"""What a training can be doing; shared with the killer as the place in this list."""

tf.Session  # noqa: B018  imports TensorFlow here, not in each process


class Watched:
    """A training that runs; killed with `kill`.

    Args:
      spec: ExperimentSpec.
      dataset: Dataset.
      folder: RunFolder, created.
    """

    def __init__(self, spec, dataset, folder):
        context = _server()
        self._stage, self._update = context.Value("i", 0), context.Value("q", 0)
        self._process = context.Process(target=_train, args=(spec, dataset, folder, self._stage, self._update))
        self._process.start()

    @property
    def stage(self):
        return STAGES[self._stage.value]

    @property
    def update(self):
        """Updates that were finished when this was asked."""
        return self._update.value

    @property
    def is_running(self):
        return self._process.is_alive()

    def kill(self):
        """SIGKILL; returns False if the training had ended by itself."""
        self._process.kill()
        return self.wait() != 0

    def wait(self):
        """The exit status."""
        self._process.join()
        return self._process.exitcode


@functools.cache
def _server():
    """Processes forked from one that has imported TensorFlow but never used it."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    path = os.environ.get("PYTHONPATH")
    folders = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[2])]
    os.environ["PYTHONPATH"] = os.pathsep.join([*folders, *([path] if path else [])])
    try:
        multiprocessing.forkserver.ensure_running()
    finally:
        if path is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = path
    return context


def _train(spec, dataset, folder, stage, update):
    def reach(name):
        stage.value = STAGES.index(name)

    _mark(Checkpoints, "save", "writing a checkpoint", reach)
    _mark(RunLog, "write_metrics", "writing metrics", reach)
    _mark(RunLog, "write_pictures", "writing pictures", reach)
    advance = Progress.advance

    def note(progress, number, quantities):
        update.value = number
        advance(progress, number, quantities)

    Progress.advance = note
    _shorten_evaluation(reach)
    with folder.lock(), StopSignals() as stop:
        run(spec, folder, dataset, stop)


def _mark(owner, method, name, reach):
    original = getattr(owner, method)

    def marked(self, *arguments):
        reach(name)
        result = original(self, *arguments)
        reach("updating")
        return result

    setattr(owner, method, marked)


def _shorten_evaluation(reach):
    """Fewer samples than an evaluation takes: what it writes counts here."""
    evaluate.FULL = Settings(samples=100, rows=10)
    original = evaluate.evaluate_run

    def marked(*arguments):
        reach("evaluating")
        return original(*arguments)

    evaluate.evaluate_run = marked
