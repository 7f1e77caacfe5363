"""The jobs of one tick, each by itself: one that raises is told, costs itself, and stops no other."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self, TypeVar

from trapline_common.domain.errors import JobsFailedError, LedgerUnavailableError, TransientError
from trapline_common.ledger.connection import Database
from trapline_common.platform.logging import get_logger

T = TypeVar("T")

CONNECTIONS = 3
"""New connections of one tick at most, each for the jobs after one that lost its own."""

LONGEST_TEXT = 300
"""Characters of one error in the text of them all."""

_log = get_logger("tick")


class SeparateJobs:
    """Runs jobs one after the other. ``tell``, after the last, raises what they raised.

    ``connect`` opens a connection in place of one that a job lost, by a statement that never came back for example:
    without it the rest of the tick would be lost to one stuck lane.
    """

    def __init__(self, database: Database, *, connect: Callable[[], Awaitable[Database]]) -> None:
        self.database = database
        self.faults: dict[str, Exception] = {}
        self._connect = connect
        self._connected = 0
        self._ours = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._ours.__aexit__(kind, error, trace)

    async def run(self, job: str, work: Callable[[Database], Awaitable[T]], *, instead: T) -> T:
        """Return what ``work`` returns; ``instead`` when it raises, which is logged under the name ``job``.

        Raises ``LedgerUnavailableError`` when the ledger itself is away: then no other job could do anything.
        """
        try:
            return await work(self.database)
        except Exception as error:  # noqa: BLE001  (``tell`` raises it when the other jobs are done)
            _log.error("job_failed", job=job, error=type(error).__name__, reason=str(error)[:LONGEST_TEXT])
            if self.database.connection.is_closed():
                await self._reconnect(error)
            self.faults[job] = error
        return instead

    async def find(self, job: str, work: Callable[[Database], Awaitable[list[T]]]) -> list[T]:
        """Return what ``work`` finds; nothing when it raises, as ``run`` does."""
        return await self.run(job, work, instead=list[T]())

    def tell(self) -> None:
        """Raise what the jobs raised: the platform's alarm for a failed tick tells a person.

        Raises ``TransientError``, or ``JobsFailedError`` when an error is of another class.
        """
        if not self.faults:
            return
        text = "; ".join(f"{job}: {str(error)[:LONGEST_TEXT]}" for job, error in self.faults.items())
        transient = all(isinstance(error, TransientError) for error in self.faults.values())
        first = next(iter(self.faults.values()))
        raise (TransientError(text) if transient else JobsFailedError(text)) from first

    async def _reconnect(self, error: Exception) -> None:
        self._connected += 1
        if self._connected > CONNECTIONS:
            raise LedgerUnavailableError(f"{CONNECTIONS + 1} connections of one tick were lost; the last: {error}")
        self.database = await self._ours.enter_async_context(await self._connect())
