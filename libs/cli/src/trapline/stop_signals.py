"""What a signal does to a command that catches none itself: it ends it, in silence while it starts, in order later.

Without that a Ctrl-C while the libraries load shows where they were, and a SIGTERM, as `timeout` sends it, leaves
behind what the command had started: the embedded Postgres would go on until the next command.
"""

import os
import signal
from types import FrameType

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
    for number in _UNWINDING:
        _unless_ignored(number, _raise)


def _unless_ignored(number: signal.Signals, handler: "signal._HANDLER") -> None:
    """Leave alone what whoever started this process has it ignore, as `nohup` does."""
    if signal.getsignal(number) is not signal.SIG_IGN:
        signal.signal(number, handler)


def _end(number: int, _frame: FrameType | None) -> None:
    os._exit(_ADDED + number)


def _raise(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(_ADDED + number)
