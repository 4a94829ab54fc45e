"""Lines for people: what is said and noted, how far a long reading is, and the errors that end a run in one line.

Nothing said ever ends the program: nobody may be reading, or the terminal may lack a letter.
"""

import atexit
import contextlib
import difflib
import functools
import os
import sys
from collections.abc import Callable, Iterable, Iterator


def say(text: str) -> None:
    """Prints to standard output; goes on in silence when nobody reads it any more, as after `| head`."""
    try:
        _print(text, sys.stdout)
    except OSError:
        _drop_unread_at_exit()


@functools.cache
def _drop_unread_at_exit():
    """Else Python, which cannot print what is left, says so and ends with status 120."""

    def drop_unread():
        try:
            sys.stdout.flush()
        except OSError:
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115  stays open until the process has ended

    atexit.register(drop_unread)


def note(text: str) -> None:
    """Prints to standard error, unless it is closed or nobody reads it any more."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError):
            _print(text, sys.stderr)


def warn(text: str) -> None:
    """Prints a warning to standard error, as `note`."""
    note(f"warning: {text}")


def _print(text, file):
    """In one piece: a study's threads speak at once."""
    try:
        print(f"{text}\n", end="", flush=True, file=file)
    except UnicodeEncodeError:  # a file's name that is no text, or a letter that the terminal does not have
        print(text.encode("ascii", "backslashreplace").decode() + "\n", end="", flush=True, file=file)


@contextlib.contextmanager
def show_progress(text: str, most: int, is_noted: bool = True) -> Iterator[Callable[[int], None]]:
    """Yields a function that takes how much is done: a bar on a terminal, else one line in all.

    Args:
      text: what is done.
      most: what is done at the end, at least 1; more is shown as that.
      is_noted: False leaves that line out, for what belongs to something that is told anyway.
    """
    if sys.stderr is None or not sys.stderr.isatty():
        if is_noted:
            note(text)
        yield lambda done: None
        return
    import progressbar  # here, since infogan.cli says in one line that it is missing, and needs this file

    widgets = [text, " ", progressbar.Percentage(), " ", progressbar.Bar(), " ", progressbar.ETA()]
    with progressbar.ProgressBar(max_value=most, max_error=False, widgets=widgets, fd=sys.stderr) as bar:
        yield bar.update


def refuse_name(given: str, known: Iterable[str]) -> str:
    """The problem with a name that is not known, as `InputError` takes it: the nearest of the known ones is first."""
    near = difflib.get_close_matches(given, known := list(known), 1)
    names = ", ".join([*near, *(name for name in known if name not in near)])
    return f"{given!r} was given, but the known ones are {names}."


class InputError(ValueError):
    """Something the user gave cannot be used; the command line prints it and exits with status 2.

        <where>: <what was given>, but <what is needed>. <what to do>

    Args:
      where: the field, flag or file at fault.
      problem: "<what was given>, but <what is needed>.", and what to do about it.
    """

    def __init__(self, where: object, problem: str) -> None:
        super().__init__(f"{where}: {problem}")
        self.where = str(where)
        self.problem = problem

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        # A pool of processes hangs for ever at an exception that it cannot read.
        return type(self), (self.where, self.problem)


class TrainingFailed(RuntimeError):
    """Training cannot go on, as after a NaN; the command line prints it and exits with status 1."""


class NumbersFailed(TrainingFailed):
    """A loss, gradient or weight is not finite any more. What was saved before is."""
