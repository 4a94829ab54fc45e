"""Ctrl-C and SIGTERM: a run ends between two updates, not inside one."""

import os
import signal
import sys
import threading
from contextlib import contextmanager

SECONDS_TO_TRY_AGAIN = 0.01


class Interrupted(BaseException):
    """The run was asked to stop. Like KeyboardInterrupt it is no Exception, so that nothing swallows it by accident.

    Attributes:
      exit_status: 128 + the signal's number, as a shell reports it: 130 for Ctrl-C, 143 for SIGTERM.
    """

    def __init__(self, number):
        super().__init__(signal.Signals(number).name)
        self.exit_status = 128 + number


class StopSignals:
    """Catches SIGINT and SIGTERM while it is entered.

    The first signal raises Interrupted at once, except inside `deferred()`, where it is noted in `received` for the
    loop to look at. Later ones are ignored until the process ends: an impatient second Ctrl-C must not break the saving
    that the first one asked for.

    What is raised in the callback of a weak reference or in a finaliser, Python drops; such a signal is sent again.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self):
        self.received = None
        self._is_deferred = False

    def __enter__(self):
        self._previous = {number: signal.signal(number, self._handle) for number in self.SIGNALS}
        self._previous_hook, sys.unraisablehook = sys.unraisablehook, self._handle_dropped
        return self

    def __exit__(self, *exception):
        sys.unraisablehook = self._previous_hook
        for number, handler in self._previous.items():
            signal.signal(number, handler if self.received is None else signal.SIG_IGN)

    @contextmanager
    def deferred(self):
        """Signals are only noted inside; one that nothing looked at raises Interrupted at the end."""
        self._is_deferred = True
        try:
            yield
        finally:
            self._is_deferred = False
        self.raise_if_received()

    def raise_if_received(self):
        """Raises Interrupted if a signal has come."""
        if self.received is not None:
            raise Interrupted(self.received)

    def receive(self, number):
        """Notes a signal that another process of the same run received."""
        if self.received is None:
            self.received = number

    def _handle(self, number, frame):
        if self.received is None:
            self.received = number
            if not self._is_deferred:
                raise Interrupted(number)

    def _handle_dropped(self, dropped):
        if not isinstance(dropped.exc_value, Interrupted):
            self._previous_hook(dropped)
            return
        self.received = None
        number = dropped.exc_value.exit_status - 128
        # Later, from another thread: what is raised before this function returns would be dropped as well.
        threading.Timer(SECONDS_TO_TRY_AGAIN, os.kill, (os.getpid(), number)).start()
