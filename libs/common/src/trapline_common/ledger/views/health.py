"""The parts of a status that need a person, in words. Pure."""

from trapline_common.config.schedule_times import next_after
from trapline_common.ledger.views.status import LaneRow, Status
from trapline_common.platform.text import counted, duration

_ALERT_PATIENCE = 180.0
"""Seconds an alert may be due: the minute tick sweeps up a lost nudge, and a refused channel is tried again."""
_FAILURES_IN_A_ROW = 3
"""Messages that a channel did not take: fewer are a hiccup, which the notifier's back-off gets over."""
_LEAST_GRACE, _LONGEST_GRACE = 300.0, 7_200.0
"""Seconds for which a run may be late, at least and at most; between them a quarter of the time to the firing after."""
_SILENCE = 180.0
"""Seconds a ``trapline serve`` may be silent: it says every minute that it lives."""
_OPENING_PATIENCE = 180.0
"""Seconds a run may be ``opening``: the reaper resumes a stale one after 60."""


def problems(status: Status) -> list[str]:
    """Return one line for each thing that needs attention, with what to do; empty when all is well."""
    return [*_serving(status), *_lanes(status), *_overdue(status), *_runs(status), *_pages(status), *_alerts(status)]


def _serving(status: Status) -> list[str]:
    serving = status.serving
    if serving is None or serving.stopped_at is not None:  # stopped by a person; its crawls will be overdue
        return []
    found = []
    away = (status.at - serving.seen_at).total_seconds()
    if away > _SILENCE:
        found.append(
            f"`trapline serve` ({serving.where}) has not been heard of for {duration(away)}; start it again: "
            f"`trapline serve {serving.file}`"
        )
    if serving.refused is not None:
        first, *more = serving.refused.splitlines()
        further = f" (and {counted(len(more), 'further line')})" if more else ""
        found.append(f"{first}{further}; it is refused, and what it said before goes on")
    return found


def _lanes(status: Status) -> list[str]:
    found = [line for lane in status.lanes for line in _lane(lane)]
    ended = status.invocations_last_day
    if ended.failed or ended.orphaned:
        found.append(
            f"{counted(ended.failed + ended.orphaned, 'invocation')} ended badly in the last 24 h "
            f"({ended.failed} failed, {ended.orphaned} orphaned); see `trapline invocations --failed`"
        )
    return found


def _lane(lane: LaneRow) -> list[str]:
    if lane.stalled:
        stalled = counted(lane.stalled, "invocation")
        return [
            f"lane {lane.name}: {stalled} stopped beating; the minute tick rescues their tasks, or `trapline reap` now"
        ]
    if lane.waiting and not lane.idle + lane.running:
        wait = counted(lane.waiting, "task waits", "tasks wait")
        return [f"lane {lane.name}: {wait} and no invocation works; the next tick or `trapline crawl` takes them"]
    return []


def _overdue(status: Status) -> list[str]:
    """Return the crawls that their schedule should have opened: cron, or whatever fires it, may have died."""
    found = []
    for crawl in status.scheduled:
        due = None if crawl.under_way else next_after(crawl.schedule, crawl.timezone, crawl.since)
        if due is None or status.at <= due:
            continue
        following = next_after(crawl.schedule, crawl.timezone, due)
        interval = _LONGEST_GRACE * 4 if following is None else (following - due).total_seconds()
        if (status.at - due).total_seconds() > min(max(interval / 4, _LEAST_GRACE), _LONGEST_GRACE):
            found.append(
                f"crawl {crawl.crawl} is overdue for {duration((status.at - due).total_seconds())}: `{crawl.schedule}` "
                f"should have opened a run; look at what fires it, or `trapline forget {crawl.crawl}` if it is gone"
            )
    return found


def _runs(status: Status) -> list[str]:
    stuck = [
        f"run {run.id} of {run.crawl} is opening for {duration(run.seconds)}; "
        "it waits for an earlier run, or its sitemap"
        for run in status.open_runs
        if run.status == "opening" and run.seconds > _OPENING_PATIENCE
    ]
    refused = [
        f"run {last.run.id} of {last.run.crawl} was refused: {last.run.reason}"
        for last in status.last_runs
        if last.run.outcome == "refused"
    ]
    return stuck + refused


def _pages(status: Status) -> list[str]:
    failing = status.failing_total - status.failing_known
    if not failing:
        return []
    return [f"{counted(failing, 'page fails', 'pages fail')}; see below"]


def _alerts(status: Status) -> list[str]:
    alerts, found = status.alerts, []
    if alerts.oldest_due_seconds is not None and alerts.oldest_due_seconds > _ALERT_PATIENCE:
        wait = (
            f"{counted(alerts.due, 'alert waits', 'alerts wait')}, the oldest for {duration(alerts.oldest_due_seconds)}"
        )
        found.append(f"{wait}: the next tick or `trapline crawl` sends them; else see `trapline alert --test`")
    if alerts.refused:
        found.append(f"{counted(alerts.refused, 'alert was', 'alerts were')} refused by a channel for good")
    found += [
        f"channel {channel.name} takes no message: {channel.reason}; "
        f"{counted(channel.due, 'alert waits', 'alerts wait')} for it, see `trapline alert --test`"
        for channel in status.channels
        if channel.failures >= _FAILURES_IN_A_ROW
        or (channel.since is not None and (status.at - channel.since).total_seconds() > _ALERT_PATIENCE)
    ]
    return found
