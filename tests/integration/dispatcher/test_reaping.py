"""The minute's tick: a reap finds what was lost, returns it in numbers, and mends it once."""

from support.dispatcher_stage import EAGER, Stage
from support.ledger import make_old, make_ready
from trapline_common.domain.answers import Counted, Reaped
from trapline_common.domain.ids import InvocationId
from trapline_common.ledger import tasks
from trapline_common.ledger.retention import Retention

NOTHING = Reaped()


async def test_an_empty_ledger_needs_nothing(stage: Stage) -> None:
    """A reap of a quiet system does nothing and wakes no service."""
    assert await stage.reap() == NOTHING
    assert (stage.invoker.asked, stage.nudger.sent) == ([], [])


async def test_what_never_started_is_orphaned_and_replaced(stage: Stage) -> None:
    """An event that Lambda accepted and never delivered is given up after 330 s, and another is asked for."""
    await stage.open("other")
    await make_old(stage.database, "invocation", "pending_at", 331)
    assert await stage.reap() == Reaped(orphaned=1, asked=1)
    assert await stage.rows("SELECT status::text, reason FROM trapline.invocation ORDER BY created_at") == [
        ("orphaned", "never started"),
        ("pending", None),
    ]


async def test_what_stopped_beating_is_orphaned_and_its_tasks_go_on(stage: Stage) -> None:
    """45 s without a heartbeat: its tasks go back, the started one charged, and crawlers are asked for them."""
    await stage.open("docs")
    held = await make_ready(stage.database, InvocationId(stage.invoker.ids[0]))
    share = await tasks.lease_share(stage.database, held, share=2, another=False)
    await tasks.start(stage.database, share[0].lease)
    await make_old(stage.database, "invocation", "heartbeat_at", 46)
    assert await stage.reap() == Reaped(orphaned=1, returned=2, asked=1)
    assert await stage.rows("SELECT status::text, rescues FROM trapline.task ORDER BY id") == [
        ("created", 1),
        ("created", 0),
        ("created", 0),
    ]
    assert len(set(stage.invoker.ids)) == 3


async def test_a_poison_page_is_failed_with_an_alert_and_its_run_ended(stage: Stage) -> None:
    """The third invocation that dies with a page: the page is ``failed``, the run ends, the notifier is woken."""
    await stage.open("other")
    held = await make_ready(stage.database, InvocationId(stage.invoker.ids[0]))
    await stage.rows("UPDATE trapline.task SET rescues = 2")
    (task,) = await tasks.lease_share(stage.database, held, share=2, another=False)
    await tasks.start(stage.database, task.lease)
    await make_old(stage.database, "invocation", "heartbeat_at", 46)
    assert await stage.reap() == Reaped(orphaned=1, poisoned=1, ended=1)
    assert await stage.runs() == [("other", "ended", "completed")]
    assert await stage.rows("SELECT kind FROM trapline.alert WHERE status = 'due'") == [("failure",)]
    assert stage.nudger.to("notifier") == [{"v": 1, "type": "drain"}]


async def test_alerts_left_behind_are_swept(stage: Stage) -> None:
    """A nudge that was lost costs a minute: every reap wakes the notifier while an alert is due."""
    await stage.rows("INSERT INTO trapline.alert (kind, crawl, payload) VALUES ('change', 'docs', '{}')")
    await stage.reap()
    await stage.reap()
    assert len(stage.nudger.to("notifier")) == 2


async def test_reaps_count_starts_a_fresh_chain(stage: Stage) -> None:
    """A crawler's nudge hands its hop on; what the reap asks for begins again at 0."""
    await stage.open("other")
    await stage.rows("UPDATE trapline.invocation SET status = 'failed', ended_at = now()")
    await stage.count(lane="default", hop=7)
    await stage.rows("UPDATE trapline.invocation SET status = 'failed', ended_at = now() WHERE status = 'pending'")
    await stage.reap()
    assert [message["hop"] for message in stage.invoker.asked] == [0, 7, 0]


async def test_a_count_of_one_lane_leaves_the_others_alone(stage: Stage) -> None:
    """A nudge names its lane; without a name every busy lane is counted; an unknown one asks for nothing."""
    stage.configure("""
lanes: {default: {}, polite: {}}
crawls:
  a: {urls: [https://a.example/]}
  b: {urls: [https://b.example/], lane: polite}
""")
    await stage.open("a")
    await stage.open("b")
    await stage.rows("UPDATE trapline.invocation SET status = 'failed', ended_at = now()")
    assert await stage.count(lane="polite") == Counted(asked=1)
    assert await stage.count(lane="nowhere") == Counted(asked=0)
    assert await stage.count() == Counted(asked=1)
    assert [message["lane"] for message in stage.invoker.asked] == ["default", "polite", "polite", "default"]


async def test_reap_again_and_again_changes_nothing_more(stage: Stage) -> None:
    """What one reap has mended the next leaves alone, even when nothing has to get old first."""
    await stage.open("docs")
    await stage.reap()
    asked = len(stage.invoker.asked)
    stage.timeouts = EAGER
    assert await stage.reap() == NOTHING
    assert len(stage.invoker.asked) == asked


async def test_what_was_kept_long_enough_is_deleted_last(stage: Stage) -> None:
    """With days to keep, the tick deletes older runs with their tasks; without, it keeps everything."""
    for _ in range(2):
        await stage.open("other")
        await stage.end_runs()
        await stage.reap()
    await stage.rows("UPDATE trapline.run SET ended_at = ended_at - interval '31 days' WHERE id = 1")
    assert (await stage.reap()).retired == 0
    stage.retention = Retention(days=30)
    assert (await stage.reap()).retired == 3
    assert await stage.rows("SELECT id FROM trapline.run") == [(2,)]
