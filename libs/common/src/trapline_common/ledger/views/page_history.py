"""One page over time: its state, its visits, two of them compared, and how its fields and load times went."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from trapline_common.ledger.queries import load
from trapline_common.ledger.views.pictures import PictureRow, picture_row
from trapline_common.ledger.views.together import Read, Row, row_of, rows_of

_QUERIES = load("views/page_history")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageState:
    """A page as it is now."""

    id: int
    """The page's number."""
    crawl: str
    """The crawl that visits it."""
    url: str
    """Its URL."""
    failures: int
    """Runs in a row that failed on it."""
    since: datetime | None
    """When the first of them did."""
    alerted: bool
    """Whether a failure alert exists that no recovery followed."""
    baseline_at: datetime | None
    """When its present content was accepted; ``None``: no good visit so far."""
    baseline_run: int | None
    """The newest run that saw that content."""
    candidate_seen: int
    """Runs in a row that saw another content, which is not accepted so far."""
    picture_waits: bool
    """Whether another picture than the baseline's was seen, and is not accepted so far."""
    acked_at: datetime | None
    """When its failure was acknowledged; ``None``: nobody did."""
    acked_by: str | None
    """Who acknowledged it."""
    ack_reason: str | None
    """What they said of it."""
    baseline_by: str | None
    """Who accepted its present content by hand; ``None``: visits did."""
    muted_until: datetime | None
    """Until when it, or its crawl, is muted; ``None``: it is not."""
    mute_reason: str | None
    """Why."""
    muted_by: str | None
    """Who muted it."""
    crawl_muted: bool | None
    """Whether that mute is of the whole crawl; ``None``: there is none."""
    visits: int
    """Observations that are kept."""
    changes: int
    """Those of them that found a change."""
    failed: int
    """Those of them that failed."""
    first_at: datetime | None
    """When the oldest was made."""
    title: str | None
    """Its newest title."""
    at: datetime
    """Now, by the database's clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One observation of a page."""

    id: int
    """Its number."""
    run_id: int
    """The run."""
    at: datetime
    """When it was made."""
    status: int | None
    """The HTTP status."""
    reason: str | None
    """Why it failed; ``None`` for a good one."""
    detail: str | None
    """The same in one line."""
    note: str | None
    """What the visit left out."""
    changed: bool
    """Whether it is an accepted change."""
    accepted: bool
    """Whether it became the baseline."""
    title: str | None
    """The page's title."""
    fields: Mapping[str, str | None]
    """The extracted fields by name."""
    content_hash: str | None
    """The hash of the watched text and the fields."""
    total_ms: float | None
    """How long it took, in milliseconds."""
    size: int | None
    """Bytes over the wire."""
    screenshot: str | None
    """The artifact key of the screenshot."""
    html: str | None
    """The artifact key of the page's HTML."""
    final_url: str | None
    """Where redirects led."""
    redirects: int
    """Redirects followed."""
    console_errors: int
    """Errors that the page wrote to the browser's console."""
    visual: PictureRow | None
    """What its picture is to the page; ``None``: the crawl compares none."""
    picture_width: int | None
    """Pixels of its picture, where pictures are compared."""
    picture_height: int | None
    """The same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldStep:
    """A moment at which the fields, or being good, differ from the visit before."""

    at: datetime
    """The moment."""
    fields: Mapping[str, str | None]
    """The fields from then on."""
    failed: bool
    """Whether that visit failed."""
    changed: bool
    """Whether it is an accepted change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadPart:
    """Some good visits in a row."""

    at: datetime
    """The first of them."""
    most_ms: float | None
    """The longest, in milliseconds."""
    mean_ms: float | None
    """Their mean."""
    mean_size: float | None
    """Bytes over the wire, the mean."""


def page_state(page_id: int) -> Read[PageState | None]:
    """Read a page as it is now, if there is such."""
    return Read(query=_QUERIES["state"], arguments=(page_id,), made=row_of(PageState))


def page_visits(page_id: int, *, before: int | None, limit: int) -> Read[tuple[Visit, ...]]:
    """Read a page's observations, newest first. ``before``: the last one that was shown."""
    return Read(query=_QUERIES["visits"], arguments=(page_id, before, limit), made=_visits)


def observation_pair(
    page_id: int, *, older: int | None, newer: int | None
) -> Read[tuple[tuple[Visit, str | None], ...]]:
    """Read at most two observations, the older first, each with its text where one is kept.

    Without ``newer``: the newest change, or else the newest good visit. Without ``older``: the accepted one before it.
    """
    return Read(
        query=_QUERIES["pair"],
        arguments=(page_id, older, newer),
        made=lambda rows: tuple(zip(_visits(rows), (row["text"] for row in rows), strict=True)),
    )


def field_steps(page_id: int, *, newest: int) -> Read[tuple[FieldStep, ...]]:
    """Read the steps among a page's newest visits, oldest first."""
    return Read(query=_QUERIES["field_steps"], arguments=(page_id, newest), made=rows_of(FieldStep))


def load_parts(page_id: int, *, newest: int) -> Read[tuple[LoadPart, ...]]:
    """Read how long a page's newest visits took, in at most 120 parts, oldest first."""
    return Read(query=_QUERIES["loads"], arguments=(page_id, newest), made=rows_of(LoadPart))


def _visits(rows: list[Row]) -> tuple[Visit, ...]:
    return rows_of(Visit)([{**row, "visual": picture_row(row["visual"])} for row in rows])
