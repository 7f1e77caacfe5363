"""What the view needs of the outside: where screens, pictures and actions come from, and where it is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class Views(Protocol):
    """Reads screens."""

    async def read(self, name: str, parameters: Mapping[str, str]) -> Any:
        """Return a screen's model, of ``views.screens.catalogue``; ``None``: nothing was crawled yet.

        Raises ``InputRefusedError`` for wrong parameters and for what is not there, ``TransientError`` when the ledger,
        or the way to it, is away.
        """
        ...

    async def close(self) -> None:
        """Let go of what is held."""
        ...


class Pictures(Protocol):
    """Reads artifacts of visits."""

    async def read(self, key: str) -> bytes:
        """Return what is kept under ``key``, if an observation of this ledger names it.

        Raises ``KeyError`` otherwise, ``TransientError`` when the place where they are kept is away.
        """
        ...

    async def is_named(self, key: str) -> bool:
        """Return whether the ledger names what was read under ``key`` before. Raises ``TransientError``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a command."""

    exit: int
    """Its exit code, as `trapline --help` lists them."""
    out: str
    """What it wrote to standard output."""
    err: str
    """What it wrote to standard error."""


class Actions(Protocol):
    """Performs commands: what a form of the view does is what the command of that name does."""

    async def perform(self, arguments: Sequence[str]) -> Outcome:
        """Perform one command line of ``trapline``, without its options of place. Raises ``TransientError``."""
        ...


def no_notices() -> Sequence[str]:
    """Return none."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Which ledger this is, as every screen says it."""

    name: str
    """``this machine``, or the environment's name."""
    command: str = "trapline"
    """What a person types before a command's name here."""
    options: str = ""
    """What a person types behind it, such as ``--env prod``."""
    notices: Callable[[], Sequence[str]] = no_notices
    """Lines that every screen shows on top, such as why a changed file was refused."""
    runs_now: bool = True
    """Whether a form opens a run at once."""

    def typed(self, words: str) -> str:
        """Return the command line of a command and its arguments as a person types it here."""
        return " ".join(part for part in (self.command, words, self.options) if part)

    @property
    def begins(self) -> str:
        """Return the command line that opens the first run: a deployment's file is where it was deployed from."""
        return self.typed("run NAME" if self.options else "crawl crawls.yaml")
