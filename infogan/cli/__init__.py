"""The command lines: here what they share, beside it one file for each command of `infogan`.

A wrong input is one line and exit status 2; so is a missing package, at the import. `infogan` itself imports none of
them.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

from infogan.system.checks import PATH, Kind
from infogan.system.messages import InputError, TrainingFailed, note
from infogan.training.signals import Interrupted, StopSignals

NEEDED = (
    *("tensorflow", "tf_keras", "numpy", "scipy", "sklearn", "skimage", "imageio", "progressbar", "PIL", "matplotlib"),
    *("tensorboard", "pooch"),
)

if missing := [name for name in NEEDED if find_spec(name) is None]:
    is_clone = (Path(__file__).parents[2] / "Makefile").exists()
    advice = "Run `make setup`, then use .venv/bin/python." if is_clone else "Install infogan with its dependencies."
    note(f"{Path(sys.argv[0]).name}: {', '.join(missing)} is not installed for {sys.executable}. {advice}")
    raise SystemExit(2)


class Parser(argparse.ArgumentParser):
    """Refuses a wrong flag in one line."""

    def __init__(self, description: str | None) -> None:
        super().__init__(
            description=description, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
        )

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message.rstrip('.')}. See --help.\n")

    def name_flag(self, argument: str) -> str:
        """What an argument of a program's call is called here: the flag with that `dest`, else the same."""
        flags = {action.dest: action.option_strings[0] for action in self._actions if action.option_strings}
        return flags.get("data_dir" if argument == "dataset" else argument, argument)


def argument(kind: Kind) -> Callable[[str], Any]:
    """The `type` of an argparse argument: it makes a value of a kind of its text.

    It refuses a wrong one in the words of all refusals. An empty path is one: an unset variable is no folder.
    """

    def read(text):
        try:
            value = kind.from_text(text)
            if kind.options or kind.accepts(value):  # argparse itself names the options
                return kind.keep(value)
        except InputError as error:
            raise argparse.ArgumentTypeError(error.problem) from None
        except ValueError:
            pass
        raise argparse.ArgumentTypeError(kind.refuse(text))

    return read


def add_data_dir(parser: argparse.ArgumentParser, about: str) -> None:
    """Adds --data-dir, which may be given several times; `find_data_dir` reads it."""
    parser.add_argument("--data-dir", type=argument(PATH), action="append", help=about)


def find_data_dir(options: argparse.Namespace) -> Path | list[Path] | None:
    """What was given as --data-dir: one path, a list of several, None for none."""
    given = options.data_dir
    return given[0] if given and len(given) == 1 else given


def check_folder(where: str, path: Path) -> None:
    """Refuses a path where something else than a folder is; there may be nothing yet.

    Raises:
      InputError: naming `where`.
    """
    if path.exists() and not path.is_dir():
        raise InputError(where, f"{path} was given, but it is not a folder. Give one.")


def complete(parser: Parser) -> None:
    """Answers the shell where it asks how a line goes on, and ends the process; else does nothing."""
    if "_ARGCOMPLETE" in os.environ:
        try:
            import argcomplete
        except ImportError:  # it is another environment's that asks
            raise SystemExit(1) from None
        argcomplete.autocomplete(parser)


class ExitStatus:
    """A context in which errors end in one line on standard error, and the status that a command then has.

    Args:
      parser: of the command, whose name and flags the line has.
      stop: what caught a signal, with its advice.

    Attributes:
      status: 0; 1 after a failed training; 2 after wrong input; 128 + its number after a signal.
    """

    def __init__(self, parser: Parser, stop: StopSignals) -> None:
        self._parser, self._stop, self.status = parser, stop, 0

    def __enter__(self) -> "ExitStatus":
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, InputError):
            message, self.status = f"{self._parser.name_flag(error.where)}: {error.problem}", 2
        elif isinstance(error, TrainingFailed):
            message, self.status = str(error), 1
        elif isinstance(error, OSError):
            message, self.status = f"{error.filename or 'a file'}: {error.strerror or error}.", 2
        elif isinstance(error, Interrupted):
            message, self.status = f"stopped by {error}. {self._stop.advice}".rstrip(), error.exit_status
        else:
            return False
        note(f"{self._parser.prog}: {message}")
        return True


def run_command(
    parser: Parser,
    command: Callable[..., None],
    arguments: Sequence[str] | None = None,
    passes_on: bool = False,
    stop: StopSignals | None = None,
) -> int:
    """Parses the arguments and runs a command; returns the exit status.

    Args:
      parser: of the arguments.
      command: function of the parsed options, and of the list of those it does not know if it passes them on.
      arguments: None for the process's own.
      passes_on: True takes arguments that the parser does not know.
      stop: catches signals, for a command that has advice to give.
    """
    complete(parser)
    parsed = parser.parse_known_args(arguments) if passes_on else (parser.parse_args(arguments),)
    stop = stop or StopSignals()
    with ExitStatus(parser, stop) as ended, stop:
        command(*parsed)
    return ended.status
