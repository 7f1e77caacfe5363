"""Alerts on the terminal of ``trapline crawl``."""

from collections.abc import Mapping
from typing import TextIO

from trapline_common.platform.logging import get_logger
from trapline_notifier.message import AlertMessage

_RESET = "\x1b[0m"
_HEADLINES: Mapping[str, str] = {
    "failure": "\x1b[1;31m",
    "expectation": "\x1b[1;31m",
    "blocked": "\x1b[1;31m",
    "reminder": "\x1b[1;31m",
    "change": "\x1b[1;34m",
    "recovery": "\x1b[1;32m",
}
_DIFF: Mapping[str, str] = {"-": "\x1b[31m", "+": "\x1b[32m", "@@": "\x1b[36m"}
_log = get_logger("notifier")


class ConsolePublisher:
    """A ``Publisher`` that writes the plain text to ``stream``, in colour when that is a terminal."""

    __slots__ = ("_colour", "_stream")

    def __init__(self, stream: TextIO, *, colour: bool | None = None) -> None:
        self._stream = stream
        self._colour = stream.isatty() if colour is None else colour

    async def publish(self, message: AlertMessage) -> str:
        """Write it. The receipt is the message's own id."""
        text = _coloured(message) if self._colour else message.body
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        self._stream.write("\n" + text.encode(encoding, "replace").decode(encoding))
        self._stream.flush()
        return message.id


class LogOperations:
    """An ``Operations`` port for one machine: the person who runs it reads its log."""

    __slots__ = ()

    async def report(self, *, subject: str, text: str) -> None:
        """Log it as an error."""
        _log.error("operations_report", subject=subject, text=text)


def _coloured(message: AlertMessage) -> str:
    headline, *lines = message.body.split("\n")
    in_diff = False
    shown = [f"{_HEADLINES.get(message.kind, chr(27) + '[1m')}{headline}{_RESET}"]
    for line in lines:
        bare = line.strip()
        in_diff = bool(bare) and (in_diff or bare.startswith("--- "))
        colour = next((code for mark, code in _DIFF.items() if bare.startswith(mark)), None) if in_diff else None
        shown.append(f"{colour}{line}{_RESET}" if colour else line)
    return "\n".join(shown)
