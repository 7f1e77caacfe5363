"""What the command reads from the ledger while it works, and at the end."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from trapline_common.domain.ids import RunId
from trapline_common.domain.lifecycle import RunOutcome, RunStatus
from trapline_common.ledger.connection import Database
from trapline_common.ledger.queries import load

_QUERIES = load("progress")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unended:
    """A run opened by hand that has not ended."""

    run_id: RunId
    crawl: str
    request: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run is, in tasks."""

    run_id: RunId
    crawl: str
    status: RunStatus
    outcome: RunOutcome | None
    reason: str | None
    total: int
    done: int
    failed: int

    @property
    def ended(self) -> int:
        return self.done + self.failed


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedPage:
    """A page of a run that failed."""

    url: str
    """The page's address, as the crawl names it."""
    reason: str
    """One word, of ``Reason``; empty where the ledger holds none."""
    detail: str | None
    """One line for a person."""

    def __str__(self) -> str:
        return ": ".join(part for part in (self.reason, self.detail) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """What became of a run. ``failures`` holds one item per failed page."""

    run_id: RunId
    crawl: str
    outcome: RunOutcome | None
    reason: str | None
    seconds: float
    total: int
    done: int
    failed: int
    pages: int
    changes: int
    screenshots: int
    alerts: int
    failures: tuple[FailedPage, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the object of ``--json``."""
        return {
            "run_id": self.run_id,
            "crawl": self.crawl,
            "tasks": {"done": self.done, "failed": self.failed},
            "pages": self.pages,
            "seconds": round(self.seconds, 3),
            "changes": self.changes,
            "failures": [{"url": page.url, "reason": page.reason, "detail": page.detail} for page in self.failures],
            "alerts": self.alerts,
        }


async def left_open(database: Database) -> list[Unended]:
    """Return the runs that were opened by hand and have not ended, whoever works on them."""
    rows = await database.fetch(_QUERIES["left_open"])
    return [Unended(run_id=RunId(row["id"]), crawl=row["crawl"], request=row["request"]) for row in rows]


async def try_hold(database: Database, request: UUID) -> bool:
    """Hold the run of ``request`` until this connection ends; ``False`` when another living command holds it."""
    return bool(await database.fetchval(_QUERIES["try_hold"], str(request)))


async def progress(database: Database, run_ids: Sequence[RunId]) -> list[Progress]:
    """Return how far the runs are, in the order they were opened."""
    return [
        Progress(
            run_id=RunId(row["id"]),
            crawl=row["crawl"],
            status=RunStatus(row["status"]),
            outcome=None if row["outcome"] is None else RunOutcome(row["outcome"]),
            reason=row["reason"],
            total=row["total"],
            done=row["done"],
            failed=row["failed"],
        )
        for row in await database.fetch(_QUERIES["progress"], list(run_ids))
    ]


async def active_invocations(database: Database) -> list[dict[str, Any]]:
    """Return id, lane, hop, request id and place of every invocation that counts against a cap."""
    return [dict(row) for row in await database.fetch(_QUERIES["active_invocations"])]


async def ended_invocations(database: Database, ids: Sequence[UUID]) -> set[UUID]:
    """Return which of the invocations have ended."""
    return {row["id"] for row in await database.fetch(_QUERIES["ended_invocations"], list(ids))}


async def alerts_waiting(database: Database) -> int:
    """Return how many alerts are still to be sent."""
    return int(await database.fetchval(_QUERIES["alerts_waiting"]))


async def report(database: Database, run_ids: Sequence[RunId]) -> list[RunReport]:
    """Return what became of the runs, in the order they were opened."""
    failures: dict[int, list[FailedPage]] = {}
    for row in await database.fetch(_QUERIES["failures"], list(run_ids)):
        page = FailedPage(url=row["url"], reason=row["reason"] or "", detail=row["detail"])
        failures.setdefault(row["run_id"], []).append(page)
    found = []
    for row in await database.fetch(_QUERIES["report"], list(run_ids)):
        outcome = None if row["outcome"] is None else RunOutcome(row["outcome"])
        found.append(
            RunReport(
                run_id=RunId(row["id"]),
                crawl=row["crawl"],
                outcome=outcome,
                reason=row["reason"],
                seconds=row["seconds"],
                total=row["total"],
                done=row["done"],
                failed=row["failed"],
                pages=row["pages"],
                changes=row["changes"],
                screenshots=row["screenshots"],
                alerts=row["alerts"],
                failures=tuple(failures.get(row["id"], ())),
            )
        )
    return found
