"""Shows how far a run is: a bar on a terminal, a line an epoch elsewhere."""

import sys
import time

import progressbar


class Progress:
    """Reports the updates of a run on standard output.

    Args:
      start: updates that are finished already.
      spec: ExperimentSpec.
    """

    def __init__(self, start, spec):
        self._spec = spec
        self._start, self._started = start, time.monotonic()
        self._bar = None
        if sys.stdout.isatty():
            widgets = [
                progressbar.Percentage(), " ", progressbar.SimpleProgress(), " ", progressbar.Bar(), " ",
                progressbar.ETA(), " ", progressbar.DynamicMessage("state", format="{formatted_value}", width=1),
            ]  # fmt: skip
            self._bar = progressbar.ProgressBar(
                max_value=spec.updates, initial_value=start, widgets=widgets, fd=sys.stdout, redirect_stdout=True
            ).start()
        self._text = ""

    def advance(self, update):
        """One more update is finished."""
        if self._bar:
            self._bar.update(update, state=self._text)

    def report_epoch(self, line):
        """An epoch is finished; `line` is its object of metrics.jsonl."""
        information = ", ".join(f"L_I {code.name} {line[f'mi/{code.name}']:.2f}" for code in self._spec.codes)
        self._text = (
            f"D {line['loss/discriminator']:.3f}, G {line['loss/generator']:.3f}, {information}, "
            f"{line['speed/images_per_second']:.0f} images/s"
        )
        if not self._bar:
            done = line["update"] - self._start
            left = (self._spec.updates - line["update"]) * (time.monotonic() - self._started) / done
            print(
                f"epoch {line['epoch']}/{self._spec.max_epoch}, update {line['update']}: {self._text}, "
                f"{left / 60:.0f} min left",
                flush=True,
            )

    def close(self):
        """Leaves the terminal as it was."""
        if self._bar:
            self._bar.finish(dirty=True)
