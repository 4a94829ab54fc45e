"""Shows how far a run is: a line an epoch, and on a terminal a bar below it."""

import sys
import time

import progressbar

from infogan.messages import say


class Progress:
    """Reports the updates of a run.

    Args:
      start: updates that are finished already.
      spec: ExperimentSpec.
    """

    def __init__(self, start, spec):
        self._spec = spec
        self._start, self._started = start, time.monotonic()
        self._bar = None
        if sys.stdout is not None and sys.stdout.isatty():
            widgets = [progressbar.Percentage(), " ", progressbar.Bar(), " ", progressbar.ETA()]
            self._bar = progressbar.ProgressBar(
                max_value=spec.updates, initial_value=start, widgets=widgets, fd=sys.stdout, redirect_stdout=True
            ).start()

    def advance(self, update):
        """One more update is finished."""
        if self._bar:
            self._bar.update(update)

    def report_epoch(self, line):
        """An epoch is finished; `line` is its object of metrics.jsonl."""
        information = ", ".join(f"L_I {code.name} {line[f'mi/{code.name}']:.2f}" for code in self._spec.codes)
        done = line["update"] - self._start
        left = (self._spec.updates - line["update"]) * (time.monotonic() - self._started) / done
        say(
            f"epoch {line['epoch']}/{self._spec.max_epoch}, update {line['update']}: "
            f"D {line['loss/discriminator']:.3f}, G {line['loss/generator']:.3f}, {information}, "
            f"{line['speed/images_per_second']:.0f} images/s, {left / 60:.0f} min left"
        )

    def close(self):
        """Leaves the terminal as it was."""
        if self._bar:
            self._bar.finish(dirty=True)
