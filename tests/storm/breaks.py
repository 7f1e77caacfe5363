"""The product broken on purpose, one guard at a time: a storm that does not notice is not worth its name."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from tests.storm.scale import Scale
from tests.support.mutation import Mutation
from trapline_common.domain.via import Via
from trapline_common.ledger import tick
from trapline_common.ledger.connection import Database


async def _note_nothing(*_: object) -> None:
    """Forget who waits."""


async def _leave_it(database: Database, _: object) -> int:
    """Switch nothing on."""
    return (await tick.state(database)).number


OUTBOX = "outbox"
SILENCE = "silence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """One guard taken away."""

    means: str
    """What the product does without the guard."""
    database: Sequence[Mutation] = ()
    """Applied once to the storm's database."""
    queries: Sequence[Mutation] = ()
    """Applied in each process."""
    names: Sequence[tuple[str, object]] = ()
    """Names of the product that get another value in each process."""
    via: Via = Via.EVENT
    """How lanes are worked in its storms."""
    scale: Scale = field(default_factory=Scale)
    """The product's times in its storms."""
    naps: int = 0
    """How often its storm, one for the tick that sleeps, lets it; 0: it is caught by the storm of all parts."""

    def apply_here(self, patch: pytest.MonkeyPatch) -> None:
        """Break this process. Raises ``LookupError`` or ``AttributeError`` when what is to be broken is not there."""
        for mutation in self.queries:
            mutation.apply_to_query(patch)
        for name, value in self.names:
            patch.setattr(name, value)

    async def apply_to(self, dsn: str) -> None:
        """Break the storm's database at ``dsn``."""
        async with await Database.connect(dsn) as database:
            with pytest.MonkeyPatch.context() as patch:
                await self.apply(database, patch)

    async def apply(self, database: Database, patch: pytest.MonkeyPatch) -> None:
        """Break the storm's database, and see that each process will find what it is to break."""
        for mutation in self.database:
            await mutation.apply(database, patch)
        with pytest.MonkeyPatch.context() as here:
            self.apply_here(here)


BREAKS: dict[str, Break] = {
    "mute": Break(
        means="what is muted is told all the same",
        database=(Mutation(target="mute_of", old="m.crawl = of_crawl", new="false"),),
    ),
    "fence": Break(
        means="a result is written without a look at the task's holder",
        database=(
            Mutation(target="record_visit", old="t.lease_seq = fence AND ", new=""),
            Mutation(target="record_visit", old="t.invocation_id = holder AND ", new=""),
            Mutation(target="record_visit", old="AND t.status = 'leased'", new=""),
        ),
    ),
    "cas": Break(
        means="`-> ready` from any status",
        queries=(Mutation(target="invocations.ready", old="AND i.status IN ('created', 'pending')", new=""),),
    ),
    "lane-lock": Break(
        means="the count without the lane's lock",
        queries=(
            Mutation(
                target="lanes.lock_exclusive",
                old="SELECT pg_advisory_xact_lock(trapline.lane_key($1))",
                new="SELECT 1 WHERE $1::text IS NOT NULL",
            ),
        ),
    ),
    OUTBOX: Break(
        means="alerts are written in a transaction of their own, after their cause",
        database=(
            Mutation(
                target="sql",
                old="",
                new="CREATE TRIGGER apart BEFORE INSERT ON trapline.alert "
                "FOR EACH ROW EXECUTE FUNCTION storm.set_apart()",
            ),
        ),
    ),
    "unstarted": Break(
        means="a lease that was never started is not counted",
        queries=(Mutation(target="tasks.rescue", old="THEN t.unstarted + 1 ELSE 0", new="THEN t.unstarted ELSE 0"),),
    ),
    "store": Break(
        means="an artifact store that is away fails the visit",
        names=(("trapline_crawler.visit.kept_artifacts._FAULTS", ()),),
    ),
    "pending": Break(
        means="`-> pending` from any status",
        queries=(Mutation(target="invocations.pending", old="AND status = 'created'", new=""),),
    ),
    "retention": Break(
        means="two reaps retire at once",
        database=(
            Mutation(
                target="retire",
                old="IF NOT pg_try_advisory_xact_lock(trapline.lane_key('the retention')) THEN",
                new="IF false THEN",
            ),
            Mutation(
                target="retire",
                old="INSERT INTO trapline.retired_run (run_id) VALUES (of_run);",
                # A run takes as long as one of many pages would: else one reap is done before the other begins
                new="INSERT INTO trapline.retired_run (run_id) VALUES (of_run); PERFORM pg_sleep(0.05);",
            ),
        ),
    ),
    "lock-order": Break(
        means="a count locks invocations under the lane's lock, and a heartbeat wants that lock under its invocation's",
        queries=(
            Mutation(
                target="lanes.load",
                old="SELECT l.max_invocations, l.tasks_per_invocation,",
                # It takes as long to count as a lane of many tasks would
                new="SELECT l.max_invocations, l.tasks_per_invocation, (SELECT count(*) FROM ("
                "SELECT FROM trapline.invocation i CROSS JOIN (SELECT pg_sleep(0.1)) counting "
                "WHERE i.lane = l.name AND i.status IN ('ready', 'running') FOR NO KEY UPDATE OF i) held),",
            ),
            Mutation(
                target="invocations.heartbeat",
                old="RETURNING l.tasks_per_invocation,",
                new="RETURNING pg_advisory_xact_lock_shared(trapline.lane_key(l.name)) IS NULL, "
                "l.tasks_per_invocation,",
            ),
        ),
    ),
    "order": Break(
        means="an alert does not wait for the earlier one of its page",
        queries=(
            Mutation(target="deliveries.untold", old="e.alert_id < d.alert_id", new="false"),
            Mutation(target="deliveries.again", old="e.alert_id < m.alert_id", new="false"),
        ),
    ),
    SILENCE: Break(means="a crawler goes on without the ledger, however long"),
    "cancelled": Break(
        means="a cancelled invocation's slot is free while its process lives",
        database=(
            Mutation(
                target="sql",
                old="",
                new="CREATE TRIGGER freed AFTER UPDATE OF cancelled_at ON trapline.invocation "
                "FOR EACH ROW EXECUTE FUNCTION storm.end_at_once()",
            ),
        ),
    ),
    "wave": Break(
        means="rows that are asked for again get another execution",
        queries=(Mutation(target="waves.claim", old="coalesce(i.wave, $3)", new="$3"),),
        via=Via.MAP,
        # Asked again a tick late, as on a machine with more to do, rows of the usual time to live are orphaned before
        scale=Scale(pending_ttl=9.0, late=11.0, token_silence=10.5),
    ),
    "token": Break(
        means="a crawler becomes ready before it notes who waits, and dies",
        names=(("trapline_common.ledger.answering.note_token", _note_nothing),),
        via=Via.QUEUE,
    ),
    "answered": Break(
        means="an answer that did not arrive is not repeated",
        queries=(
            Mutation(target="waiters.unanswered", old="w.answered_at IS NULL", new="$1::bigint IS NOT NULL"),
            Mutation(target="invocations.unanswered", old="answered_at IS NULL", new="$1::uuid IS NOT NULL"),
        ),
        via=Via.QUEUE,
    ),
    "again": Break(
        means="an answer that arrived is given again and again",
        queries=(
            Mutation(target="waiters.answered", old="SET answered_at = now()", new="SET answered_at = NULL"),
            Mutation(target="invocations.answered", old="SET answered_at = now()", new="SET answered_at = NULL"),
        ),
        via=Via.QUEUE,
    ),
    "adopt": Break(
        means="a page that cuts a slice off is not charged with it",
        queries=(Mutation(target="slices.adopt", old="t.rescues + h.cut_off::int", new="t.rescues"),),
        via=Via.DURABLE,
    ),
    "resume": Break(
        means="a durable invocation goes on in any execution",
        queries=(Mutation(target="slices.resume", old="i.delivery = $2", new="$2::text IS NOT NULL"),),
        via=Via.DURABLE,
    ),
    "told": Break(
        means="an announcement that did not arrive is not repeated",
        queries=(Mutation(target="runs.untold", old="r.told_at IS NULL", new="$1::bigint IS NOT NULL"),),
    ),
    "tick": Break(
        means="work is made and nobody switches the tick on",
        names=(("trapline_common.ledger.waking.wake", _leave_it),),
        naps=6,
    ),
    "cap": Break(
        means="a lowered cap binds no invocation that is there already",
        database=(Mutation(target="above_cap", old=">= l.max_invocations", new="< 0"),),
    ),
}
