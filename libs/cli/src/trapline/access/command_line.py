"""The command line that is being executed, as its command sees it beside its own options."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True, kw_only=True)
class ExportPage:
    """The part of an export that one answer of the operator function carries."""

    after: int
    """The observation behind which it begins, 0 for the first page; the caller sets it."""
    at_most: int
    """Bytes of an answer behind which it ends, with the observation that passes them; the caller sets it."""
    last: int = 0
    """The last observation in it; the export sets it."""
    more: bool = False
    """Whether the run has observations behind the last one; the export sets it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandLine:
    """What ``execute`` was called with."""

    arguments: tuple[str, ...]
    """The words, the command's name first."""
    page: ExportPage | None = None
    """The part of an export that is wanted; the operator function sets it. ``None``: all of it."""
    acted_by: str | None = None
    """Who asks, as the caller told the operator function; ``None``: whoever executes it on this machine."""

    @classmethod
    def current(cls) -> "CommandLine":
        """Return the one that is being executed. Raises ``LookupError`` outside of ``executing``."""
        return _CURRENT.get()

    @contextmanager
    def executing(self) -> Iterator[None]:
        """Make this the current one while the block lasts."""
        token = _CURRENT.set(self)
        try:
            yield
        finally:
            _CURRENT.reset(token)


_CURRENT: ContextVar[CommandLine] = ContextVar("command_line")
"""Typer hands a command its own options alone; this carries the rest past it, for one thread and task."""
