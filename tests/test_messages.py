"""Lines for people reach them, and never end a run."""

import io
import signal
import sys
import types

from infogan.cli.main import Parser, run_command
from infogan.system.messages import note, say, warn


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


def test_a_warning_is_called_so(capsys):
    warn("low")
    assert capsys.readouterr().err == "warning: low\n"


def test_a_signal_ends_a_command_in_one_line(capsys):
    """Also of a process that is the first of a container, for which the system ignores signals without a handler."""
    previous = signal.signal(signal.SIGINT, signal.SIG_DFL)  # as launchers leave it
    try:
        parser = Parser("Waits.")
        assert run_command(parser, lambda options: signal.raise_signal(signal.SIGINT), [], advice="Go on.") == 130
    finally:
        signal.signal(signal.SIGINT, previous)
    assert "stopped by SIGINT. Go on.\n" in capsys.readouterr().err
