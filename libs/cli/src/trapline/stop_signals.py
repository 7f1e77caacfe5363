"""What a signal does to a command that catches none itself: it ends it, in silence while it starts, in order later.

Without that a Ctrl-C while the libraries load shows where they were, and a SIGTERM, as `timeout` sends it, leaves
behind what the command had started: the embedded Postgres would go on until the next command.

An exception that a handler raises appears wherever the program happens to be. Under an event loop that may be compiled
code of asyncpg's, or a finaliser, which swallow it: the signal is lost and the command waits for ever. So there the
loop's own next step raises it, as ``asyncio.run`` has it for Ctrl-C.
"""

import os
import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Handle

_UNWINDING = (signal.SIGTERM, signal.SIGHUP)
_ADDED = 128
"""What a shell adds to a signal's number in the exit code of who ended by it."""


def end_at_once() -> None:
    """Have each of the signals end this process on the spot, with its exit code: nothing is begun yet."""
    for number in (signal.SIGINT, *_UNWINDING):
        _unless_ignored(number, _end)


def unwind() -> None:
    """From now on each of the signals raises, so that what was begun is ended: Ctrl-C ``KeyboardInterrupt``."""
    _unless_ignored(signal.SIGINT, signal.default_int_handler)
    unwinding = _Unwinding()
    for number in _UNWINDING:
        _unless_ignored(number, unwinding)


def _unless_ignored(number: signal.Signals, handler: "signal._HANDLER") -> None:
    """Leave alone what whoever started this process has it ignore, as `nohup` does."""
    if signal.getsignal(number) is not signal.SIG_IGN:
        signal.signal(number, handler)


def _end(number: int, _frame: FrameType | None) -> None:
    os._exit(_ADDED + number)


class _Unwinding:
    """The handler of a signal that unwinds the program: at once, or where an event loop runs, in its next step."""

    def __init__(self) -> None:
        self._asked: dict[AbstractEventLoop, Handle] = {}

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        loop = _running_loop()
        if loop is not None and loop not in self._asked:
            self._asked[loop] = loop.call_soon_threadsafe(_raise, number)
            return
        if loop is not None:  # asked before: the loop's step does not end, and whoever sends it twice can't wait
            self._asked[loop].cancel()
        raise SystemExit(_ADDED + number)


def _running_loop() -> "AbstractEventLoop | None":
    """Return this thread's event loop. Nothing is imported for it: most commands that use none don't load asyncio."""
    try:
        running: AbstractEventLoop = sys.modules["asyncio"].get_running_loop()
        return running
    except (KeyError, AttributeError, RuntimeError):  # not loaded, being loaded, not running
        return None


def _raise(number: int) -> None:
    raise SystemExit(_ADDED + number)
