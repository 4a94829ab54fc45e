"""A long run: memory, the cost of an update and the number of files stay flat. Slow: `make test-all` runs it."""

import dataclasses
import os
import statistics
import time
from collections import Counter
from pathlib import Path

import pytest

from infogan.evaluation import evaluate
from infogan.evaluation.metric import Settings
from infogan.training.loop import MOST_FRAMES, InfoGANTrainer
from infogan.training.run_folder import RunFolder
from infogan.training.run_log import load_metrics
from infogan.training.signals import StopSignals

UPDATES = int(os.environ.get("INFOGAN_SOAK_UPDATES", "50000"))
PER_EPOCH = UPDATES // 250


class WatchedFolder(RunFolder):
    """Notes memory (MiB) and processor time (s) after each epoch, when the status is written."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.memory, self.seconds = [], []

    def write_status(self, *arguments):
        super().write_status(*arguments)
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        self.memory.append(pages * os.sysconf("SC_PAGE_SIZE") / 2**20)
        self.seconds.append(time.process_time())


@pytest.mark.slow
@pytest.mark.timeout(3 * 3600)
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc, which Linux has")
def test_nothing_grows_in_a_long_run(spec, dataset, tmp_path, capfd, monkeypatch):
    monkeypatch.setattr(evaluate, "FULL", Settings(samples=100))
    spec = dataclasses.replace(
        spec,
        network="mnist",
        max_epoch=UPDATES // PER_EPOCH,
        updates_per_epoch=PER_EPOCH,
        snapshot_interval=2 * PER_EPOCH,
        augmentation=1.0,
    )
    folder = WatchedFolder(tmp_path / "logs", tmp_path / "ckt", "run")
    folder.create(spec, dataset)
    with StopSignals() as stop:
        trainer = InfoGANTrainer(spec, dataset.train.images, folder, stop)
        trainer.train()
    assert trainer._graph.finalized
    evaluate.evaluate_run(dataset, folder)
    warnings = Counter(capfd.readouterr().err.splitlines())
    assert [line for line, times in warnings.items() if times > 1] == []

    epochs = len(folder.memory) // 5  # of each fifth of the run
    second, last = (statistics.median(folder.memory[start:][:epochs]) for start in (epochs, 4 * epochs))
    costs = [after - before for before, after in zip(folder.seconds, folder.seconds[1:])]
    cost_then, cost_last = (statistics.median(costs[start:][:epochs]) for start in (epochs, 4 * epochs))
    events = sum(path.stat().st_size for path in folder.log.glob("events*"))
    with capfd.disabled():
        print(f"\n{spec.updates} updates; memory {second:.0f} MiB in the second fifth, {last:.0f} MiB in the last;")
        then, now = 1000 * cost_then / PER_EPOCH, 1000 * cost_last / PER_EPOCH
        print(f"{then:.1f} and {now:.1f} ms of processor time an update;")
        print(f"{events / 2**20:.2f} MiB of events, {folder.metrics.stat().st_size / 2**20:.2f} MiB of metrics")

    assert last < 1.02 * second
    assert cost_last < 1.5 * cost_then
    assert len(load_metrics(folder.metrics)) == spec.max_epoch
    assert len(list(folder.frames.iterdir())) <= MOST_FRAMES
    assert len(list(folder.checkpoints.iterdir())) <= 3 * 3 + 4  # three checkpoints; spec, data set, lock, the newest
    assert len(list(folder.log.iterdir())) <= 16  # the report in three forms and its pictures among them
