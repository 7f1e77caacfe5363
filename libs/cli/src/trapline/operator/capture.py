"""Standard streams of a command that the operator function performs for a caller elsewhere."""

import io

from trapline.remote.protocol import TOO_LARGE
from trapline_common.domain.errors import TraplineError
from trapline_common.platform.plain_json import wire_size


class AnswerTooLargeError(TraplineError):
    """The output is larger than an answer may be."""


class Captured(io.StringIO):
    """Keeps what a command writes, up to ``limit`` bytes of an answer; with ``terminal`` it passes for a terminal.

    Raises ``AnswerTooLargeError`` at the write that goes beyond, and is ``overflowed`` then: commands that print much
    only read, so no work is left half done.
    """

    def __init__(self, *, terminal: bool, limit: int) -> None:
        super().__init__()
        self._terminal = terminal
        self._left = limit
        self.overflowed = False

    def isatty(self) -> bool:
        return self._terminal

    def write(self, text: str, /) -> int:
        self._left -= wire_size(text)
        if self._left < 0:
            self.overflowed = True
            raise AnswerTooLargeError(TOO_LARGE)
        return super().write(text)
