"""Ctrl-C once: end in order. Twice: end now. SIGTERM means the same, and so does SIGHUP, unless `nohup` ignores it."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(slots=True)
class Interrupts:
    """The signals that asked this command to stop."""

    first: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by the first signal: end in order."""
    second: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by the second: end now."""
    number: int = 0
    """The number of the first signal; 0 until it comes."""

    @property
    def exit_code(self) -> int:
        """Return the exit code that a shell expects of a process that a signal ended."""
        return 128 + self.number

    def take(self, number: int) -> None:
        """Note one signal."""
        if self.first.is_set():
            self.second.set()
        else:
            self.number = number
            self.first.set()


@contextmanager
def caught_interrupts() -> Iterator[Interrupts]:
    """Catch the signals while the block lasts. Needs a running event loop."""
    loop, found = asyncio.get_running_loop(), Interrupts()
    wanted = [
        each for each in SIGNALS if each != signal.SIGHUP or signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN
    ]
    before = {number: signal.getsignal(number) for number in wanted}
    for number in wanted:
        loop.add_signal_handler(number, found.take, number)
    try:
        yield found
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)  # asyncio puts the system's own there, which would end the command's end
