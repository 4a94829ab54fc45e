"""Lines for people reach them, and never end a run."""

import io
import signal
import subprocess
import sys
import types

import progressbar
import pytest
from conftest import ROOT

from infogan.cli import Parser, run_command
from infogan.system.messages import InputError, note, say, show_progress, warn
from infogan.training.signals import StopSignals


def test_a_name_that_is_no_text_is_said(monkeypatch):
    out = io.TextIOWrapper(io.BytesIO(), "utf-8")
    monkeypatch.setattr(sys, "stdout", out)
    say("pictures of bilder_\udcfc")
    assert out.buffer.getvalue() == b"pictures of bilder_\\udcfc\n"


def test_nobody_has_to_read(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    note("one")
    warn("two")


def test_a_reader_that_leaves_ends_nothing(monkeypatch):
    def fail(text):
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(sys, "stderr", types.SimpleNamespace(write=fail, flush=lambda: None))
    warn("nobody hears it")


LEAVE = """
import sys
from infogan.system.messages import say
out = sys.stdout
say("nobody reads it")
say("nor that")
print(sys.stdout is out, file=sys.stderr)
"""


def test_a_program_whose_reader_leaves_keeps_its_stream_and_its_exit_status():
    command = f"{sys.executable} -c '{LEAVE}' | true; exit ${{PIPESTATUS[0]}}"
    result = subprocess.run(["bash", "-c", f"sleep 0.2; {command}"], capture_output=True, text=True, cwd=ROOT)
    assert (result.returncode, result.stderr) == (0, "True\n")


class Terminal(io.StringIO):
    """Standard error that says it is a terminal."""

    def isatty(self):
        return True


@pytest.mark.parametrize(("is_noted", "told"), [(True, "reading\n"), (False, "")])
def test_progress_is_a_bar_on_a_terminal_and_a_line_at_most_elsewhere(monkeypatch, capsys, is_noted, told):
    def read():
        with show_progress("reading", 3, is_noted) as show:
            for done in (1, 2, 3):
                show(done)

    read()
    assert capsys.readouterr().err == told
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    for name in ("original_stderr", "stderr"):
        monkeypatch.setattr(progressbar.streams, name, terminal)  # which it took when it was imported
    read()
    assert "100%" in terminal.getvalue()


def test_a_warning_is_called_so(capsys):
    warn("low")
    assert capsys.readouterr().err == "warning: low\n"


def test_a_signal_ends_a_command_in_one_line(capsys):
    """Also of a process that is the first of a container, for which the system ignores signals without a handler."""
    previous = signal.signal(signal.SIGINT, signal.SIG_DFL)  # as launchers leave it
    try:
        parser = Parser("Waits.")
        stop = StopSignals(advice="Go on.")
        assert run_command(parser, lambda options: signal.raise_signal(signal.SIGINT), [], stop=stop) == 130
    finally:
        signal.signal(signal.SIGINT, previous)
    assert "stopped by SIGINT. Go on.\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argument", "told"),
    [
        ("root_dir", "--root-dir"),
        ("count", "-n"),
        ("dataset", "--data-dir"),
        ("run", "run"),
        ("Split.images", "Split.images"),
    ],
)
def test_an_error_names_the_flag_that_gives_a_programs_argument(capsys, argument, told):
    def refuse(options):
        raise InputError(argument, "it is wrong.")

    parser = Parser("Refuses.")
    parser.add_argument("run")
    for names, options in ((["--root-dir"], {}), (["-n", "--number"], {"dest": "count"}), (["--data-dir"], {})):
        parser.add_argument(*names, **options)
    assert run_command(parser, refuse, ["mine"]) == 2
    assert capsys.readouterr().err == f"{parser.prog}: {told}: it is wrong.\n"
