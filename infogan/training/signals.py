"""Signals that ask a run to stop: it ends between two updates, not inside one."""

import _thread
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

SECONDS_TO_TRY_AGAIN = 0.01


class Interrupted(BaseException):
    """The run was asked to stop. Like KeyboardInterrupt it is no Exception, so that nothing swallows it by accident.

    Attributes:
      number: the signal's number.
      exit_status: 128 + the signal's number, as a shell reports it: 130 for Ctrl-C, 143 for SIGTERM.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number
        self.exit_status = 128 + number


class StopSignals:
    """Catches SIGINT, SIGTERM and SIGHUP, which a closed terminal sends, while it is entered.

    The first signal raises Interrupted at once, except inside `deferred()`, where it is noted in `received` for the
    loop to look at. Later ones are ignored: an impatient second Ctrl-C must not break the saving that the first one
    asked for. SIGHUP is left alone where it is ignored, as under nohup. Only the main thread of a process can catch
    signals; entered in another one, this does nothing.

    What is raised in the callback of a weak reference or in a finaliser, Python drops; such a signal is sent again, and
    the end waits for it: with the handlers back it would end the process.

    Args:
      ends_process: True ignores further signals after the end too, until the process ends, unless Python or IPython
        goes on to its next prompt. False puts the handlers back, as a program expects of a library.
      advice: a sentence for people, what to do after a signal. It may change on the way.
    """

    SIGNALS: ClassVar[tuple[signal.Signals, ...]] = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def __init__(self, ends_process: bool = True, advice: str = "") -> None:
        self.advice = advice
        self.received: int | None = None
        self._is_deferred = False
        self._is_dropping = False
        self._sending: list[threading.Lock] = []  # each is held until its signal has been sent again
        self._ends_process = ends_process

    def __enter__(self) -> "StopSignals":
        caught = filter(_can_be_caught, self.SIGNALS)
        self._previous = {number: signal.signal(number, self._handle) for number in caught}
        self._previous_hook = sys.unraisablehook
        if self._previous:
            sys.unraisablehook = self._handle_dropped
        return self

    def __exit__(self, *exception: object) -> None:
        try:
            while self._sending:
                self._sending.pop().acquire()
        finally:
            self._put_back()

    def _put_back(self) -> None:
        if self._previous:
            sys.unraisablehook = self._previous_hook
        # Python and IPython have a prompt where a person types; a script has none.
        is_last = self.received is not None and self._ends_process and not hasattr(sys, "ps1")
        for number, handler in self._previous.items():
            signal.signal(number, signal.SIG_IGN if is_last else handler)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Signals are only noted inside; one that nothing looked at raises Interrupted at the end."""
        self._is_deferred = True
        try:
            yield
        finally:
            self._is_deferred = False
        self.raise_if_received()

    def raise_if_received(self) -> None:
        """Raises Interrupted if a signal has come."""
        if self.received is not None:
            raise Interrupted(self.received)

    def receive(self, number: int) -> None:
        """Notes a signal that another process of the same run received."""
        if self.received is None:
            self.received = number

    def _handle(self, number: int, frame: Any) -> None:
        if self._is_dropping:
            self._send_later(number)
        elif self.received is None:
            self.received = number
            if not self._is_deferred:
                raise Interrupted(number)

    def _handle_dropped(self, dropped: Any) -> None:
        if not isinstance(dropped.exc_value, Interrupted):
            self._previous_hook(dropped)
            return
        # What is raised before this function returns would be dropped as well.
        self._is_dropping = True
        self.received = None
        self._send_later(dropped.exc_value.number)
        self._is_dropping = False

    def _send_later(self, number: int) -> None:
        sending = threading.Lock()
        sending.acquire()
        self._sending.append(sending)

        def send() -> None:
            time.sleep(SECONDS_TO_TRY_AGAIN)
            os.kill(os.getpid(), number)
            sending.release()

        # threading.Thread waits for its thread to start, which on a busy machine takes longer than the sleep.
        _thread.start_new_thread(send, ())


def _can_be_caught(number: int) -> bool:
    handler = signal.getsignal(number)
    is_wanted = handler is not None and (number != signal.SIGHUP or handler != signal.SIG_IGN)
    return is_wanted and threading.current_thread() is threading.main_thread()
