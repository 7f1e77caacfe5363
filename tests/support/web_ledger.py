"""A ledger for the web view: rounds of a small shop, with changes, failures, a recovery, pictures and hostile texts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

from support.ledger import complete, one_ready, open_run
from support.png import png
from trapline_common.config.models import CrawlConfig
from trapline_common.content.text import content_hash
from trapline_common.domain.ids import RunId
from trapline_common.domain.observation import Failure, Observation, Reason, Timings
from trapline_common.ledger import invocations, known_crawls, runs, tasks
from trapline_common.ledger.connection import Database
from trapline_common.local.artifacts import DirectoryArtifacts

ROUNDS = 8
APART = timedelta(hours=6)
SHOP = "https://shop.example"
GOODS = ("kettle", "axe", "tent")
PRICES = {"kettle": (3450, 3290, 3290, 3150, 3150, 3390, 2950, 2950), "axe": (11200,) * 6 + (10900,) * 2}
BROKEN = {"tent": {5, 6, 7}, "axe": {2}}

HOSTILE = (
    '<script>alert("hostile-1")</script>',
    "\"><img src=https://evil.example/hostile-2 onerror=alert('hostile-2')>",
    "'-alert(`hostile-3`)-'",
    "</title><svg onload=alert('hostile-4')>",
    "{{ 7 * 7 }}{% raw %}${7*7}hostile-5",
    "\u202egnp.exe\u202c\u200bhostile-6\x1b[31m",
    "]]><x:script xmlns:x='http://www.w3.org/1999/xhtml'>alert('hostile-7')</x:script>",
)
"""Texts that try to become something else: elements, attributes, templates, other writing directions."""
ALL_HOSTILE = " ".join(HOSTILE)
HOSTILE_PAGE = "https://shop.example/<script>alert('hostile-url')</script>?\"onmouseover=alert(1)"


@dataclass(slots=True, kw_only=True)
class Seeded:
    """What the ledger holds."""

    first: dict[str, int] = field(default_factory=dict)
    """The first run of each crawl."""
    last: dict[str, int] = field(default_factory=dict)
    """The last run of each crawl."""
    open: int = 0
    """The run that is open."""
    pages: dict[str, int] = field(default_factory=dict)
    """Page numbers by URL."""
    keys: list[str] = field(default_factory=list)
    """Artifact keys of the screenshots."""
    html: str = ""
    """The artifact key of a page's HTML."""


def seen(url: str, text: str, fields: Mapping[str, str | None], **more: object) -> Observation:
    """Return a good visit."""
    return Observation(
        url=url,
        final_url=url,
        status=200,
        text=text,
        fields=dict(fields),
        content_hash=content_hash(text, fields),
        size=3_000,
        timings=Timings(total=420.0),
        **more,
    )  # type: ignore[arg-type]


async def crawled(database: Database, crawl: CrawlConfig, visits: Sequence[Observation]) -> RunId:
    """Run a crawl whose visits find ``visits``, to its end."""
    run_id = await open_run(database, [visit.url for visit in visits], crawl=crawl)
    held = await one_ready(database)
    found = {visit.url: visit for visit in visits}
    for task in await tasks.lease_share(database, held, share=100, another=False):
        await tasks.start(database, task.lease)
        await complete(database, task, observation=found[task.url])
    assert await invocations.succeed(database, held)
    assert await runs.end_if_done(database, run_id)
    return run_id


async def seed(database: Database, artifacts: Path, *, hostile: bool = False) -> Seeded:
    """Crawl the shop in rounds six hours apart, the last one just now, and open one more run."""
    store, found = DirectoryArtifacts(artifacts), Seeded()
    shop = CrawlConfig(
        name="products",
        urls=tuple(f"{SHOP}/products/{name}" for name in GOODS),
        extract={"price": ".price"},
        alert={"on": ["failure", "change", "recovery", "summary"]},
    )
    await known_crawls.take(database, [shop], source="crawls.yaml")
    for number in range(ROUNDS):
        visits = [await _visit(store, found, name, number, hostile=hostile) for name in GOODS]
        run = await crawled(database, shop, visits)
        found.first.setdefault("products", run)
        found.last["products"] = run
        if number < ROUNDS - 1:
            await _pass(database, APART)
    await database.connection.execute(
        "UPDATE trapline.alert SET status = 'sent', sent_at = created_at WHERE status = 'due'"
    )
    if hostile:
        await _hostile(database, store, found)
    waiting = [f"https://docs.example/{number}" for number in range(4)]
    found.open = await open_run(database, waiting, crawl=CrawlConfig(name="docs", urls=tuple(waiting)))
    held = await one_ready(database)
    leased = await tasks.lease_share(database, held, share=2, another=False)
    await tasks.start(database, leased[0].lease)
    await complete(database, leased[0])
    # a slow machine must not make the one that works look silent
    await database.connection.execute(
        "UPDATE trapline.invocation SET heartbeat_at = now() + interval '1 day' WHERE ended_at IS NULL"
    )
    for row in await database.connection.fetch("SELECT id, url FROM trapline.page"):
        found.pages[row["url"]] = row["id"]
    await database.connection.execute("ANALYZE")
    return found


async def _visit(store: DirectoryArtifacts, found: Seeded, name: str, number: int, *, hostile: bool) -> Observation:
    url = f"{SHOP}/products/{name}"
    if number in BROKEN.get(name, set()):
        html = await store.put(f"<h1>{name} is broken</h1>".encode(), suffix=".html")
        found.html = html
        words = f"status 500, expected 200 {ALL_HOSTILE if hostile else ''}".strip()
        failure = Failure(reason=Reason.HTTP_STATUS, detail=words, retry=False)
        return Observation(url=url, status=500, failure=failure, html=html, timings=Timings(total=90.0))
    price = PRICES.get(name, (17_800,) * ROUNDS)[number]
    picture = png(640, 400, ground=(251, 250, 247), box=(40, 40, 200 + price // 400, 120))
    key = await store.put(picture, suffix=".png")
    found.keys.append(key)
    cost = f"${price / 100:.2f}"
    title = f"{name.title()} {ALL_HOSTILE}" if hostile else f"{name.title()} - Northern Outfitters"
    text = f"{name.title()}\n{cost}\nShips within three days."
    fields: dict[str, str | None] = {"price": cost, ALL_HOSTILE: ALL_HOSTILE} if hostile else {"price": cost}
    return seen(url, text, fields, title=title, screenshot=key)


async def _hostile(database: Database, store: DirectoryArtifacts, found: Seeded) -> None:
    """Crawl one page whose every text is hostile, twice, with a change between, and a picture that is none."""
    crawl = CrawlConfig(name="bad", urls=(HOSTILE_PAGE,))
    fake = await store.put(f"<svg onload=alert('hostile-picture')>{ALL_HOSTILE}</svg>".encode(), suffix=".png")
    found.keys.append(fake)
    for lines in (HOSTILE, tuple(reversed(HOSTILE))):
        text = "\n".join(lines)
        visit = seen(
            HOSTILE_PAGE, text, {"x": lines[0]}, title=ALL_HOSTILE, screenshot=fake, html=fake, note=ALL_HOSTILE
        )
        found.last["bad"] = await crawled(database, crawl, [visit])


async def _pass(database: Database, time: timedelta) -> None:
    """Let everything that is in the ledger be older."""
    await database.connection.execute("SET session_replication_role = replica")
    for table, columns in _TIMES.items():
        moved = ", ".join(f"{column} = {column} - $1::interval" for column in columns)
        await database.connection.execute(f"UPDATE trapline.{table} SET {moved}", time)
    await database.connection.execute("RESET session_replication_role")


_TIMES = {
    "run": ("created_at", "tried_at", "opened_at", "ended_at"),
    "task": ("run_at", "leased_at", "started_at", "ended_at"),
    "observation": ("observed_at",),
    "page": ("failing_since", "alerted_at", "baseline_at"),
    "invocation": ("created_at", "asked_at", "pending_at", "ready_at", "running_at", "heartbeat_at", "ended_at"),
    "alert": ("created_at", "sent_at"),
}


def digest(data: bytes) -> str:
    """Return the SHA-256 in hex."""
    return sha256(data).hexdigest()
