"""What the command lines share: a wrong input is one line and exit status 2."""

import argparse
import sys

from infogan.errors import InputError


class Parser(argparse.ArgumentParser):
    """Refuses a wrong flag in one line."""

    def __init__(self, description):
        super().__init__(
            description=description, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
        )

    def error(self, message):
        self.exit(2, f"{self.prog}: {message}. See --help.\n")


def run_command(parser, command, arguments=None):
    """Parses the arguments and runs a command.

    Args:
      parser: Parser.
      command: function of the parsed options.
      arguments: list of strings, None for the process's own.

    Returns:
      The exit status: 0, or 2 after wrong input.
    """
    options = parser.parse_args(arguments)
    try:
        command(options)
    except InputError as error:
        message = str(error)
    except OSError as error:
        message = f"{error.filename or 'a file'}: {error.strerror or error}."
    else:
        return 0
    report(parser, message)
    return 2


def report(parser, message):
    """One line on standard error."""
    if sys.stderr is not None:
        print(f"{parser.prog}: {message}", file=sys.stderr, flush=True)
