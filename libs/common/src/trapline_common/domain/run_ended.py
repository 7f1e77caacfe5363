"""What the world hears of a run's end: the detail of the event ``Run ended``, and the output of who waits for it."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from trapline_common.domain.ids import RunId
from trapline_common.domain.lifecycle import RunOutcome


def archive_key(crawl: str, day: str, run_id: int) -> str:
    """Return where a run is archived, below the archive's own place; ``day``: of its opening, in UTC."""
    return f"{crawl}/{day}/{run_id}.ndjson.gz"


class RunEnded(BaseModel):
    """One run that ended. Told at least once: a receiver drops repeats by ``run_id``."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    v: Literal[1] = 1
    """The version of the shape; a newer one may add keys."""
    run_id: RunId
    """The run."""
    crawl: str
    """Its crawl, by its name."""
    outcome: RunOutcome
    """How it ended."""
    reason: str | None = None
    """Why it was skipped or refused, for people; ``None`` for one that completed."""
    done: int
    """Tasks that ended ``done``."""
    failed: int
    """Tasks that ended ``failed``."""
    changes: int | None = None
    """Pages that changed; ``None`` where a release ended it that did not count them here."""
    seconds: float
    """From its row to its end."""
    archive: str | None = None
    """The key under which it is, or soon will be, archived; ``None`` for a run that was never opened."""

    @property
    def percent(self) -> float:
        """Return how many of a hundred tasks failed; 0 where there was none."""
        tasks = self.done + self.failed
        return round(100 * self.failed / tasks, 2) if tasks else 0.0

    def body(self) -> dict[str, Any]:
        """Return the JSON object."""
        return {**self.model_dump(mode="json"), "percent": self.percent}
