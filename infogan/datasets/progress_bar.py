"""How far a long reading is, on standard error."""

import contextlib
import sys

import progressbar

from infogan.messages import note


@contextlib.contextmanager
def show_progress(text, most):
    """Yields a function that takes how much is done: a bar on a terminal, else one line in all.

    Args:
      text: what is done.
      most: what is done at the end, at least 1; more is shown as that.
    """
    if sys.stderr is None or not sys.stderr.isatty():
        note(text)
        yield lambda done: None
        return
    widgets = [text, " ", progressbar.Percentage(), " ", progressbar.Bar(), " ", progressbar.ETA()]
    with progressbar.ProgressBar(max_value=most, max_error=False, widgets=widgets, fd=sys.stderr) as bar:
        yield bar.update
