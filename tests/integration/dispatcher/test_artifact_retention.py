"""On AWS the tick deletes artifacts that the ledger does not name, none that it names or is about to name."""

import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import timedelta

import pytest

from support.aged_bucket import URL, AgedBucket
from support.aws import BUCKET, account_with_a_bucket
from support.dispatcher_stage import Stage
from support.ledger import complete, make_old, one_ready, open_run
from trapline_common.aws.stored_artifacts import S3StoredArtifacts
from trapline_common.config.models import CrawlConfig
from trapline_common.domain.stored_artifacts import Keeping, StoredArtifacts, StoredPage, StoredVersion
from trapline_common.ledger import artifacts, tasks
from trapline_common.ledger.connection import Database
from trapline_dispatcher.maintenance.artifact_retention import Swept, sweep_artifacts

PAGE = "https://a.example/"
BACKSTOP = timedelta(days=180)
DAY = 86_400.0


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[AgedBucket]:
    with account_with_a_bucket(monkeypatch) as client:
        yield AgedBucket.made(client)


async def name(database: Database, *keys: str) -> None:
    """Commit an observation for each picture."""
    for number, key in enumerate(keys):
        await open_run(database, [PAGE], crawl=CrawlConfig(name=f"crawl{number}", urls=(PAGE,)))
        (task,) = await tasks.lease_share(database, await one_ready(database), share=25, another=False)
        await complete(database, task)
        await database.connection.execute(
            "UPDATE trapline.observation SET screenshot = $1 WHERE task_id = $2", key, task.lease.task_id
        )


async def sweep(database: Database, store: StoredArtifacts, *, clock: Callable[[], float] = time.monotonic) -> Swept:
    """Walk as a tick does, for ten seconds of the clock."""
    keeping = Keeping(store=store, backstop=BACKSTOP)
    return await sweep_artifacts(keeping, database, within=10.0, clock=clock)


async def a_day_later(database: Database) -> None:
    await make_old(database, "artifact_walk", "began_at", DAY)


async def test_the_tick_deletes_what_the_ledger_does_not_name(
    stage: Stage, database: Database, bucket: AgedBucket
) -> None:
    """Seven days after its last put a key goes with all its versions; what is named, or younger, stays."""
    named, over, young, shown = [
        await bucket.put(data, days_ago=days) for data, days in ((b"1", 60), (b"2", 30), (b"3", 6.9), (b"4", 30))
    ]
    await bucket.put(b"2", days_ago=7.1)
    assert bucket.versions(over) == [7.1, 30.0]
    await name(database, named)
    await database.connection.execute("INSERT INTO trapline.session (crawl, screenshot) VALUES ('docs', $1)", shown)
    await database.connection.execute("INSERT INTO trapline.unnamed_artifact (key) VALUES ($1)", over)
    await make_old(database, "unnamed_artifact", "since", 60.0)
    stage.keeping = Keeping(store=bucket.retentions, backstop=BACKSTOP)
    done = await stage.reap()
    assert (done.artifacts_deleted, done.artifacts_put_again) == (2, 0)
    assert [bucket.versions(key) for key in (named, over, young, shown)] == [[60.0], [], [6.9], [30.0]]
    assert await artifacts.unnamed(database, most=9) == [], "the ledger's notes are done with"


async def test_what_the_ledger_names_never_grows_as_old_as_the_backstop(database: Database, bucket: AgedBucket) -> None:
    """At half of it an artifact is put again, with the type that it has now; the version before goes in a week."""
    key = await bucket.put(b"<p>", suffix=".html", days_ago=100)
    bucket.client.put_object(Bucket=BUCKET, Key=f"artifacts/{key}", Body=b"<p>", ContentType="text/html")
    bucket.age(key, 90.1)
    younger = await bucket.put(b"1", days_ago=89.9)
    await name(database, key, younger)
    assert await sweep(database, bucket.retentions) == Swept(deleted=1, put_again=1)
    assert (bucket.versions(key), bucket.versions(younger)) == ([0.0, 90.1], [89.9])
    assert bucket.type_of(key).startswith("text/plain")
    await a_day_later(database)
    assert await sweep(database, bucket.retentions) == Swept(deleted=1, put_again=0)
    assert bucket.versions(key) == [0.0]
    assert await bucket.crawlers.get(key) == b"<p>"


async def test_kept_html_is_never_served_as_a_page(bucket: AgedBucket) -> None:
    """From the bucket's origin its scripts would run with a person's rights there."""
    assert bucket.type_of(await bucket.put(b"<script>", suffix=".html")) == "text/plain; charset=utf-8"


async def test_an_unchanged_picture_is_not_stored_again_at_every_visit(bucket: AgedBucket) -> None:
    """Only when it is three days old: then retention leaves it for a week more, and its commit takes minutes."""
    key = await bucket.put(b"1", days_ago=2.9)
    await bucket.crawlers.put(b"1", suffix=".png")
    assert bucket.versions(key) == [2.9]
    await bucket.put(b"1", suffix=".jpg")
    bucket.age(key, 3.1)
    await bucket.crawlers.put(b"1", suffix=".png")
    assert bucket.versions(key) == [0.0, 3.1]


async def nothing() -> None:
    """Do nothing between the steps."""


class Interrupted(S3StoredArtifacts):
    """The store of a tick beside which something happens between its steps."""

    def __init__(self, bucket: AgedBucket, *, most: int = 1000) -> None:
        super().__init__(bucket.client, URL, most=most)
        self.after_list: Callable[[], Awaitable[None]] = nothing
        self.before_delete: Callable[[], Awaitable[None]] = nothing
        self.pages = 0

    async def page(self, after: str) -> StoredPage:
        self.pages += 1
        found = await super().page(after)
        await self.after_list()
        return found

    async def delete(self, versions: Sequence[StoredVersion]) -> None:
        await self.before_delete()
        await super().delete(versions)


@pytest.mark.parametrize("moment", ["after_list", "before_delete"])
async def test_what_is_put_again_beside_the_tick_stays(database: Database, bucket: AgedBucket, moment: str) -> None:
    """A crawler puts an old picture that no run names, after it was listed, or after the ledger was asked."""
    key = await bucket.put(b"1", days_ago=30)
    store = Interrupted(bucket)

    async def put() -> None:
        await bucket.crawlers.put(b"1", suffix=".png")

    setattr(store, moment, put)
    assert await sweep(database, store) == Swept(deleted=1, put_again=0)
    assert bucket.versions(key) == [0.0]
    assert await bucket.crawlers.get(key) == b"1"


async def test_what_is_committed_after_it_was_listed_stays(database: Database, bucket: AgedBucket) -> None:
    """Retention un-named a picture that a crawler found fresh; its run is committed while the tick decides."""
    key = await bucket.put(b"1", days_ago=30)
    store = Interrupted(bucket)

    async def commit() -> None:
        await name(database, key)

    store.after_list = commit
    assert await sweep(database, store) == Swept(deleted=0, put_again=0)
    assert bucket.versions(key) == [30.0]


async def test_a_tick_goes_on_where_the_tick_before_stopped(database: Database, bucket: AgedBucket) -> None:
    """One page, four versions, in each of these ticks; at the end the next walk waits for a day."""
    keys = [await bucket.put(bytes([number]), days_ago=100) for number in range(10)]
    await name(database, *keys)
    walks = list[int]()
    while not walks or await artifacts.walk(database, bucket.retentions.name) is not None:
        times = iter([0.0, 0.0, 0.0, 11.0])
        walks.append((await sweep(database, bucket.retentions, clock=lambda times=times: next(times, 11.0))).put_again)
    assert (sum(walks), max(walks) <= 4, len(walks) >= 3) == (10, True, True)
    assert [bucket.versions(key) for key in keys] == [[0.0, 100.0]] * 10
    late = await bucket.put(b"late", days_ago=30)
    await sweep(database, bucket.retentions)
    assert bucket.versions(late) == [30.0]
    await a_day_later(database)
    await sweep(database, bucket.retentions)
    assert bucket.versions(late) == []


async def test_putting_again_stops_in_time_and_goes_on(database: Database, bucket: AgedBucket) -> None:
    """A tick whose time is over leaves the rest of a page's old artifacts to the next."""
    keys = [await bucket.put(bytes([number]), days_ago=100) for number in range(10)]
    await name(database, *keys)
    whole = S3StoredArtifacts(bucket.client, URL)
    times = iter([0.0, 0.0, 0.0, 11.0])
    first = await sweep(database, whole, clock=lambda: next(times, 11.0))
    second = await sweep(database, whole)
    assert (first.put_again, second.put_again) == (8, 2)
    assert [bucket.versions(key)[0] for key in keys] == [0.0] * 10


async def test_a_key_with_more_versions_than_a_page_goes_whole(database: Database, bucket: AgedBucket) -> None:
    """A release before stored an unchanged picture at every visit."""
    key = await bucket.put(b"1", days_ago=30)
    for days in range(29, 20, -1):
        bucket.client.put_object(Bucket=BUCKET, Key=f"artifacts/{key}", Body=b"1")
        bucket.age(key, days)
    other = await bucket.put(b"2", days_ago=30)
    assert await sweep(database, bucket.retentions) == Swept(deleted=11, put_again=0)
    assert (bucket.versions(key), bucket.versions(other)) == ([], [])


async def test_what_was_deleted_by_hand_can_be_brought_back(database: Database, bucket: AgedBucket) -> None:
    """A key that a person deleted keeps its versions: the bucket's own rule ends them."""
    key = await bucket.put(b"1", days_ago=30)
    bucket.client.delete_object(Bucket=BUCKET, Key=f"artifacts/{key}")
    bucket.age(key, 20)
    await sweep(database, bucket.retentions)
    assert bucket.versions(key) == [30.0]


async def test_a_tick_that_is_behind_stops(database: Database, bucket: AgedBucket) -> None:
    """Two ticks that overlap decide about the same page; only one moves the walk, and no page is left out."""
    await name(database, *[await bucket.put(bytes([number]), days_ago=100) for number in range(10)])
    store = Interrupted(bucket, most=4)
    others = list[int]()

    async def other_tick() -> None:
        store.after_list = nothing
        others.append((await sweep(database, bucket.retentions)).put_again)

    store.after_list = other_tick
    assert (await sweep(database, store)).put_again <= 4
    assert (others, store.pages) == ([10], 1)
    assert await artifacts.walk(database, store.name) is None
