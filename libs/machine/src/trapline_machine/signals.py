"""Ctrl-C once: end in order. Twice: end now. SIGTERM and SIGHUP mean the same."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(slots=True)
class Interrupts:
    """``number`` is the first signal that came; the shell sees ``128 + number``."""

    first: asyncio.Event = field(default_factory=asyncio.Event)
    second: asyncio.Event = field(default_factory=asyncio.Event)
    number: int = 0

    @property
    def exit_code(self) -> int:
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
    for number in SIGNALS:
        loop.add_signal_handler(number, found.take, number)
    try:
        yield found
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
