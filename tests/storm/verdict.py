"""The checks of the ledger after the storm: what must and what must not be there."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from tests.storm import attic, journal
from tests.storm.causes import due_alerts
from tests.storm.faults import FaultLog
from tests.storm.hush import muted_pages
from tests.storm.hush import told as told_of_muted
from tests.storm.machine import Machine
from tests.storm.pages import DEADLY
from tests.storm.telling_order import out_of_order
from tests.storm.topic import CHANNELS, Topic
from tests.storm.world import LANES, World
from trapline_common.ledger.rescue import MAX_RESCUES

TASKS = """
SELECT count(*) AS tasks,
    count(*) FILTER (WHERE status = 'done') AS done,
    count(*) FILTER (WHERE status = 'failed') AS failed,
    count(*) FILTER (WHERE reason IS DISTINCT FROM 'cancelled'
        AND NOT EXISTS (SELECT FROM trapline.observation o WHERE o.task_id = t.id)) AS without_result,
    coalesce(sum(outages), 0) AS outages,
    coalesce(max(lease_seq) FILTER (WHERE url LIKE '%' || $1 || '%'), 0) AS leases_of_deadly
FROM trapline.task t
"""
LEASES = "SELECT id, lease_seq, invocation_id::text AS holder, urls IS NOT NULL AS ordered FROM trapline.task"
INVOCATIONS = (
    "SELECT count(*) AS made, coalesce(sum(stale), 0) AS stale, sum(duplicates) AS duplicates FROM trapline.invocation"
)
COUNTS = """
SELECT coalesce(sum(made), 0) AS made, coalesce(sum(needed), 0) AS needed,
    coalesce(sum(greatest(0, made - needed)), 0) AS over
FROM storm.count
"""
STEPS = "SELECT lane, change FROM storm.step WHERE change <> 0 ORDER BY pg_xact_commit_timestamp(xmin), change"
LEFT = """
SELECT format('task %s %s, run_at in %s s, attempts %s, rescues %s, lease %s of %s (%s: %s)', t.id, t.status,
    round(extract(epoch FROM t.run_at - now()), 1), t.attempts, t.rescues, t.lease_seq, t.invocation_id, i.status,
    i.reason)
FROM trapline.task t LEFT JOIN trapline.invocation i ON i.id = t.invocation_id WHERE t.ended_at IS NULL
UNION ALL
SELECT format('invocation %s %s of lane %s at %s, made %s s ago, asks %s, beat %s s ago', id, status, lane, place,
    round(extract(epoch FROM now() - created_at), 1), asks, round(extract(epoch FROM now() - heartbeat_at), 1))
FROM trapline.invocation WHERE ended_at IS NULL
UNION ALL
SELECT format('run %s of %s %s, tried %s s ago', id, crawl, status, round(extract(epoch FROM now() - tried_at), 1))
FROM trapline.run WHERE status <> 'ended'
UNION ALL
SELECT format('%s in a transaction for %s s, %s, waits for %s: %s', application_name,
    round(extract(epoch FROM now() - xact_start)), state, wait_event, left(query, 60))
FROM pg_stat_activity WHERE xact_start < now() - interval '2 s' AND datname = current_database()
LIMIT 12
"""
TOKENS = """
SELECT w.token, format('of run %s', w.run_id) FROM trapline.waiter w JOIN trapline.run r ON r.id = w.run_id
WHERE r.ended_at < now() - make_interval(secs => $1)
UNION ALL
SELECT i.task_token, format('of invocation %s, %s', i.id, i.status) FROM trapline.invocation i
WHERE i.task_token IS NOT NULL AND i.ended_at < now() - make_interval(secs => $1)
"""
ENDED = "SELECT id FROM trapline.run WHERE crawl <> 'attic' AND ended_at < now() - make_interval(secs => $1)"
WITHOUT_TOKEN = "SELECT id FROM trapline.invocation WHERE via = 'queue' AND ready_at IS NOT NULL AND task_token IS NULL"
SOON, PATIENCE = 5.0, 30.0
"""Seconds after an end within which the word of it may be on its way: in a storm that has come to its own end, and in
calm weather without that. Until then it has been repeated often enough."""
MOST_KILLS = 2 * (MAX_RESCUES + 1) + 2
"""Crawlers that a page may kill in its two runs: each death is charged to it, and a result may get lost with one more.
"""
MOST_ANSWERS = 10
"""Answers to one token: one, and a repeat for each that got lost, by two reapers at once."""
MOST_LEASES = 10
"""Leases of a page that is never started: its budget is half of that, and the storm may cut off a few more in order."""
ALERTS = "SELECT id, kind, run_id, page_id FROM trapline.alert WHERE status <> 'muted' ORDER BY id"


@dataclass(slots=True, kw_only=True)
class Verdict:
    """What became of one seed; it is good when ``violations`` is empty. ``judge`` fills it in."""

    seed: int
    """Which storm it was."""
    tasks: int = 0
    """In the ledger."""
    done: int = 0
    """Tasks that ended ``done``."""
    failed: int = 0
    """Tasks that ended ``failed``."""
    lost: int = 0
    """Tasks of the world that did neither."""
    doubled: int = 0
    """Tasks with a result accepted twice, or of a process that no longer held them."""
    worst: dict[str, int] = field(default_factory=dict)
    """The most invocations in flight at once, by lane."""
    processes: dict[str, int] = field(default_factory=dict)
    """The most crawler processes that could run at once, by lane."""
    visits: dict[str, int] = field(default_factory=dict)
    """The most visits of its host that were open at once, by lane."""
    stopped: int = 0
    """Crawler processes that were seen under SIGSTOP."""
    made: int = 0
    """Rows of invocations."""
    asked: int = 0
    """Invocations that the counts asked for, worked out anew as each was made."""
    calm: int = 0
    """Invocations that a world without faults makes."""
    worth: int = 0
    """Invocations that the faults may have cost on top of it."""
    due: int = 0
    """Alerts that have a cause."""
    delivered: int = 0
    """Of them: those that arrived."""
    alerts_lost: int = 0
    """Of them: those that did not."""
    muted: int = 0
    """Alerts about pages that were muted: they are recorded, and nobody hears of them."""
    repeats: int = 0
    """Deliveries of an alert to a channel beyond its first."""
    turned: int = 0
    """Messages that told a channel something else than what happened, in another order, or under another id."""
    stale: int = 0
    """Results that the ledger refused because of the fence."""
    texts: int = 0
    """Observations of old runs that retention keeps."""
    texts_lost: int = 0
    """Of them: those whose text is not what it was."""
    deadlocks: int = 0
    """Deadlocks in Postgres' log."""
    duplicates: int = 0
    """Events that found their invocation started already."""
    executions: int = 0
    """Executions of Step Functions that were started."""
    slices: int = 0
    """Slices of durable invocations that were begun."""
    waited: int = 0
    """Task tokens that the ledger knows."""
    unanswered: int = 0
    """Of them: those whose answer never arrived."""
    ends: int = 0
    """Runs that ended."""
    untold: int = 0
    """Of them: those that nobody heard of."""
    told_again: int = 0
    """Events about ends beyond the first about each: subscribers drop them by the run's number."""
    faults: dict[str, int] = field(default_factory=dict)
    """How often each kind struck."""
    recovery: list[float] = field(default_factory=list)
    """Seconds from each fault until nothing of it was left."""
    seconds: float = 0.0
    """How long the seed ran."""
    calm_for: float = 0.0
    """Seconds since the weather was bad."""
    samples: int = 0
    """How often the sampler looked."""
    ended: bool = False
    """Whether the storm came to its end within its limit."""
    violations: list[str] = field(default_factory=list)
    """A sentence for each guarantee that did not hold."""
    certain: list[str] = field(default_factory=list)
    """Of them: those that a machine that was too slow can't explain."""

    def must(self, held: object, sentence: str, *, at_the_end: bool = False) -> None:
        """Note a violation unless it held. ``at_the_end``: it says something only of a storm that came to its end."""
        if not held:
            self.violations.append(sentence)
            if self.ended or not at_the_end:
                self.certain.append(sentence)


async def judge(
    verdict: Verdict,
    connection: "asyncpg.Connection[Any]",
    *,
    world: World,
    folder: Path,
    faults: FaultLog,
    topic: Topic,
) -> None:
    """Fill in the verdict from the ledger, the journal, and what the cloud and its topic have seen."""
    events = list(journal.read(folder / "journal"))
    await _tasks(verdict, connection, world)
    await _results(verdict, connection, events)
    await _invocations(verdict, connection, events)
    await _alerts(verdict, connection, topic)
    verdict.calm, verdict.worth = world.calm, faults.worth
    verdict.faults, verdict.recovery = dict(faults.kinds()), faults.recoveries()
    verdict.must(
        verdict.made <= verdict.calm + verdict.worth,
        f"{verdict.made} invocations: more than {verdict.calm} and the {verdict.worth} that the faults were worth",
    )
    for sentence in shared_or_deadly(events):
        verdict.must(not sentence, sentence)
    verdict.slices = sum(event["event"] == "resumed" for event in events)
    for error, count in Counter(event["error"] for event in events if event["event"] == "error").items():
        verdict.must(not error, f"an error that no fault explains, {count} times: {error}")


async def judge_retention(verdict: Verdict, connection: "asyncpg.Connection[Any]") -> None:
    """Compare every kept observation's text with what it was before two reaps at once deleted old runs."""
    verdict.texts, verdict.texts_lost, gone = await attic.compare(connection)
    verdict.must(verdict.texts_lost == 0, f"{verdict.texts_lost} of {verdict.texts} kept observations lost their text")
    verdict.must(gone > 0, "retention deleted nothing", at_the_end=True)


async def judge_ends(verdict: Verdict, connection: "asyncpg.Connection[Any]", machine: Machine) -> None:
    """Compare who waits, and which runs ended, with what arrived at the executions and on the bus."""
    soon = SOON if verdict.ended else PATIENCE
    tokens = {row[0]: row[1] for row in await connection.fetch(TOKENS, soon)}
    silent = sorted(who for token, who in tokens.items() if not machine.heard[token])
    ended = [row[0] for row in await connection.fetch(ENDED, soon)]
    untold = [run for run in ended if not machine.announced[run]]
    verdict.executions, verdict.waited, verdict.unanswered = machine.started, len(tokens), len(silent)
    verdict.ends, verdict.untold = len(ended), len(untold)
    verdict.told_again = sum(machine.announced.values()) - len(machine.announced)
    late = verdict.ended or verdict.calm_for > PATIENCE
    verdict.must(not silent or not late, f"{len(silent)} task tokens were never answered: {', '.join(silent[:5])}")
    verdict.must(not untold or not late, f"{len(untold)} ends of runs were never told: {untold[:5]}")
    twice = [row for row, waves in machine.given.items() if len(waves) > 1]
    verdict.must(not twice, f"{len(twice)} invocations were given to two executions")
    deaf = [str(row[0]) for row in await connection.fetch(WITHOUT_TOKEN) if str(row[0]) in machine.queued]
    verdict.must(not deaf, f"{len(deaf)} invocations of the queue became ready without the token that waits")
    for sentence in too_often(machine.heard):
        verdict.must(not sentence, sentence)


def too_often(heard: Mapping[str, int]) -> list[str]:
    """Return a sentence if task tokens were answered more often than lost answers explain."""
    many = [token for token, times in heard.items() if times > MOST_ANSWERS]
    return [f"{len(many)} task tokens were answered more than {MOST_ANSWERS} times"] if many else []


def shared_or_deadly(events: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return a sentence for rows that two executions resumed, and for pages that killed too many crawlers."""
    executions: defaultdict[str, set[str]] = defaultdict(set)
    kills = Counter[str]()
    for event in events:
        if event["event"] == "resumed":
            executions[event["invocation"]].add(event["execution"])
        elif event["event"] == "poisoned":
            kills[event["url"]] += 1
    shared = [row for row, names in executions.items() if len(names) > 1]
    deadly = [f"{url} killed {times} crawlers" for url, times in kills.items() if times > MOST_KILLS]
    return [f"{len(shared)} invocations were resumed by two executions"] * bool(shared) + deadly


def judge_locks(verdict: Verdict, deadlocks: int) -> None:
    """Look at what Postgres' log says of this seed's database."""
    verdict.deadlocks = deadlocks
    verdict.must(not deadlocks, f"{deadlocks} deadlocks in Postgres' log")


async def _tasks(verdict: Verdict, connection: "asyncpg.Connection[Any]", world: World) -> None:
    row = await connection.fetchrow(TASKS, DEADLY)
    assert row is not None
    verdict.tasks, verdict.done, verdict.failed = row["tasks"], row["done"], row["failed"]
    verdict.lost = max(world.tasks, verdict.tasks) - verdict.done - verdict.failed
    left = [str(row[0]) for row in await connection.fetch(LEFT)]
    verdict.must(verdict.lost == 0, f"{verdict.lost} tasks were lost", at_the_end=True)
    verdict.must(not left, f"left open: {'; '.join(left)}", at_the_end=True)
    verdict.must(row["outages"] == 0, f"{row['outages']} visits were lost to an artifact store that was away")
    verdict.must(
        row["leases_of_deadly"] <= MOST_LEASES,
        f"a page that kills its crawler before it is started was leased {row['leases_of_deadly']} times",
    )
    verdict.must(row["without_result"] == 0, f"{row['without_result']} tasks have no result", at_the_end=True)


async def _results(verdict: Verdict, connection: "asyncpg.Connection[Any]", events: list[dict[str, Any]]) -> None:
    completed = [event for event in events if event["event"] == "completed"]
    times = Counter((event["task"], event["position"]) for event in completed)
    twice = {task for (task, _position), count in times.items() if count > 1}
    leases = {row["id"]: (row["lease_seq"], row["holder"]) for row in await connection.fetch(LEASES)}
    late = {
        event["task"]
        for event in completed
        if event["status"] in {"done", "failed"} and leases[event["task"]] != (event["fence"], str(event["holder"]))
    }
    verdict.doubled = len(twice | late)
    verdict.must(not twice, f"{len(twice)} tasks have a result that was accepted twice")
    verdict.must(not late, f"{len(late)} tasks have a result of an invocation that did not hold them")


async def _invocations(verdict: Verdict, connection: "asyncpg.Connection[Any]", events: list[dict[str, Any]]) -> None:
    row, counts = await connection.fetchrow(INVOCATIONS), await connection.fetchrow(COUNTS)
    above = await connection.fetchval("SELECT count(*) FROM storm.above_cap")
    verdict.must(not above, f"{above} tasks were leased by invocations above their lane's cap")
    assert row is not None
    assert counts is not None
    verdict.made, verdict.stale, verdict.duplicates = row["made"], row["stale"], row["duplicates"] or 0
    verdict.asked = counts["needed"]
    verdict.must(counts["over"] == 0, f"{counts['over']} invocations were made that the count did not ask for")
    for lane, worst in _replay(await connection.fetch(STEPS)).items():
        verdict.worst[lane] = max(worst, verdict.worst.get(lane, 0))
    for lane, worst in verdict.worst.items():
        cap = LANES[lane].max_invocations
        verdict.must(worst <= cap, f"{worst} invocations in flight in a lane of {cap}")
    won = Counter(event["invocation"] for event in events if event["event"] == "ready")
    twice = sum(count > 1 for count in won.values())
    verdict.must(not twice, f"{twice} invocations were won by two processes")


def _replay(steps: Iterable[asyncpg.Record]) -> Counter[str]:
    """Return the most invocations active at once by lane, in the commits' order; of one moment, ends come first."""
    active, worst = Counter[str](), Counter[str]()
    for step in steps:
        active[step["lane"]] += step["change"]
        worst[step["lane"]] = max(worst[step["lane"]], active[step["lane"]])
    return worst


async def _alerts(verdict: Verdict, connection: "asyncpg.Connection[Any]", topic: Topic) -> None:
    quiet = await muted_pages(connection)
    due = {cause for cause in await due_alerts(connection) if cause[2] not in quiet}
    verdict.muted, heard = await told_of_muted(connection)
    verdict.must(not heard, f"{heard} alerts about muted pages were told")
    rows = {
        row["id"]: ("failure" if row["kind"] == "expectation" else row["kind"], row["run_id"], row["page_id"])
        for row in await connection.fetch(ALERTS)
    }
    delivered = [topic.delivered(channel) for channel in CHANNELS]
    everywhere = set.intersection(*({*channel, *topic.reported} for channel in delivered))
    arrived = {rows[alert] for alert in everywhere if alert in rows}
    written = Counter(rows.values())
    verdict.due, verdict.delivered = len(due), len(due & arrived)
    verdict.alerts_lost = len(due - arrived)
    verdict.repeats = sum(sum(channel.values()) - len(channel) for channel in delivered)
    told = {row["id"]: (row["kind"], row["page_id"]) for row in await connection.fetch(ALERTS)}
    wrong = [
        f"{channel}: {sentence}"
        for channel in CHANNELS
        for sentence in out_of_order(topic.arrived[channel], told, refused=topic.reported)
    ]
    verdict.turned = len(wrong)
    verdict.must(not wrong, f"{len(wrong)} messages told something else than what happened: {'; '.join(wrong[:3])}")
    verdict.must(not verdict.alerts_lost, f"{verdict.alerts_lost} alerts were lost", at_the_end=True)
    # At any moment: they commit together
    unwritten = due - set(written)
    verdict.must(not unwritten, f"{len(unwritten)} causes have no alert")
    verdict.must(set(written) <= due, f"{len(set(written) - due)} alerts have no cause")
    again = sum(count > 1 for count in written.values())
    verdict.must(not again, f"{again} causes have two alerts")
