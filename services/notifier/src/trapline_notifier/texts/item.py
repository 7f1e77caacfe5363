"""One telling as lines for a person, before it is written for a channel: email and chat say the same things."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from trapline_common.domain.ports import AlertRow
from trapline_common.domain.web_view import WebView
from trapline_common.platform.text import counted, duration, percent
from trapline_notifier.texts.advice import advice
from trapline_notifier.texts.safe_text import one_line, url
from trapline_notifier.texts.telling import Telling

_STEPS = 6
"""Earlier alerts that one telling lists; more would hide the last word."""
_GONE = "the page's text (the earlier text is no longer kept, so there is no diff)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One telling in words. No value is escaped for a channel yet."""

    url: str
    """The page, empty where the alert is about none."""
    what: str
    """What happened, one line, the page's own words among them."""
    facts: tuple[tuple[str, str], ...]
    """Labels and values, in the order in which they are shown."""
    diff: str = ""
    """A unified diff, or empty."""
    advice: str = ""
    """The advice, or empty."""
    link: str = ""
    """Its address in the web view, or empty."""


def describe(told: Telling[AlertRow], web: WebView) -> Item:
    """Return the telling's lines, with its address in ``web``.

    Takes any payload, so that one of another release can't stop the rest.
    """
    row = told.last
    payload = row.payload
    shape = {"change": _change, "recovery": _recovery, "summary": _summary, "test": _test}.get(told.kind, _failure)
    what, facts, todo = shape(told, payload)
    return Item(
        url=url(payload.get("url") or ""),
        what=what,
        facts=(
            *facts,
            *_before(told),
            *_page(payload),
            ("Run", str(row.run_id) if row.run_id is not None else "none"),
        ),
        diff=str(payload.get("diff") or ""),
        advice=todo,
        link=link_of(row, web),
    )


def link_of(row: AlertRow, web: WebView) -> str:
    """Return where the web view shows what an alert tells: its page as it was then, or its run; empty without one."""
    if row.page_id is not None:
        return web.page(row.page_id, row.payload.get("observation_id"))
    return "" if row.run_id is None else web.run(row.run_id)


def _before(told: Telling[AlertRow]) -> Iterator[tuple[str, str]]:
    """Yield what happened before and was not told in time, oldest first."""
    steps = [_step(row) for row in told.earlier]
    if len(steps) > _STEPS:
        left_out = len(steps) - _STEPS + 1
        steps[1 : 1 + left_out] = [f"{left_out} more"]
    if steps:
        yield "Before", "; ".join(steps)


def _step(row: AlertRow) -> str:
    what = {"recovery": "good again", "reminder": "still failed"}.get(row.kind, "failed")
    where = f" in run {row.run_id}" if row.run_id is not None else ""
    cause = "" if row.kind == "recovery" else f" ({_cause(row.payload)})"
    return f"{what}{where}{cause}"


def _page(payload: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if payload.get("title"):
        yield "Title", one_line(payload["title"], 160)
    if payload.get("final_url") and payload["final_url"] != payload.get("url"):
        yield "Final URL", url(payload["final_url"])
    if payload.get("screenshot"):
        yield "Screenshot", one_line(payload["screenshot"], 1_000)


_Shape = tuple[str, tuple[tuple[str, str], ...], str]


def _cause(payload: Mapping[str, Any]) -> str:
    reason, detail = one_line(payload.get("reason", "unknown"), 40), one_line(payload.get("detail") or "", 300)
    return f"{reason}: {detail}" if detail else reason


def _failure(told: Telling[AlertRow], payload: Mapping[str, Any]) -> _Shape:
    cause = _cause(payload)
    detail = one_line(payload.get("detail") or payload.get("reason", "unknown"), 300)
    what = {"expectation": f"not as expected: {detail}", "reminder": f"still fails: {cause}"}.get(told.kind, cause)
    if told.was_good_before:
        what = f"was good again, and fails again: {what}"
    facts = [("Failing for", _row_of_runs(payload))]
    if payload.get("last_good_run") is not None:
        facts.append(("Last good", f"run {payload['last_good_run']}"))
    elif "last_good_run" in payload:
        facts.append(("Last good", "never"))
    if payload.get("status") is not None and str(payload["status"]) not in cause:
        facts.append(("HTTP status", one_line(payload["status"], 10)))
    return what, tuple(facts), advice(payload.get("reason"))


def _row_of_runs(payload: Mapping[str, Any]) -> str:
    failures = payload.get("failures")
    runs = counted(failures, "run") + (" in a row" if failures != 1 else "") if isinstance(failures, int) else "unknown"
    lasted = _duration(payload.get("failing_for"))
    return f"{runs}, {lasted}" if lasted else runs


def _duration(seconds: object) -> str:
    """Return a duration as text, empty for a value that is no number of seconds: any payload must be shown."""
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 <= seconds < float("inf"):
        return ""
    return duration(seconds)


def _change(_told: Telling[AlertRow], payload: Mapping[str, Any]) -> _Shape:
    fields = [item for item in payload.get("fields") or () if isinstance(item, Mapping)]
    changed = tuple(
        (one_line(item.get("name", "field"), 60), f"{_value(item.get('old'))} -> {_value(item.get('new'))}")
        for item in fields
    )
    names = ", ".join(name for name, _ in changed)
    text = _GONE if payload.get("diff") is None else "the page's text" if payload["diff"] else ""
    picture = tuple(_picture(payload.get("picture")))
    shown = "the page's picture" if picture else ""
    what = "changed: " + " and ".join(part for part in (one_line(names, 120), text, shown) if part)
    baseline = payload.get("baseline_run")
    since = () if baseline is None else (("Compared with", f"run {baseline}"),)
    return what, (*changed, *picture, *since), ""


def _picture(found: object) -> Iterator[tuple[str, str]]:
    """Yield what differs in the page's picture, and where the picture before is."""
    if not isinstance(found, Mapping):
        return
    regions, share = found.get("regions"), found.get("share")
    if isinstance(regions, int) and isinstance(share, int | float):
        yield "Picture", f"{counted(regions, 'region')} changed, {percent(share)}"
    if found.get("before"):
        yield "Picture before", one_line(found["before"], 1_000)


def _value(value: object) -> str:
    return "nothing" if value is None else one_line(value, 120) or "empty"


def _recovery(told: Telling[AlertRow], payload: Mapping[str, Any]) -> _Shape:
    what = "failed, and is good again" if told.failed_before else "good again"
    facts = [("Had failed for", _row_of_runs(payload))]
    known = payload.get("acknowledged")
    if isinstance(known, Mapping):
        facts.append(("Known to", f"{one_line(known.get('by', ''), 100)}: {one_line(known.get('reason', ''), 300)}"))
    return what, tuple(facts), ""


def _summary(told: Telling[AlertRow], payload: Mapping[str, Any]) -> _Shape:
    row = told.last
    outcome = one_line(payload.get("outcome", "completed"), 30)
    facts = [
        ("Done", f"{payload.get('done', 0):,}"),
        ("Failed", f"{payload.get('failed', 0):,}"),
        ("Changes", f"{payload.get('changes', 0):,}"),
        ("Took", _duration(payload.get("seconds")) or "unknown"),
    ]
    if payload.get("detail"):
        facts.append(("Why", one_line(payload["detail"], 300)))
    facts += [
        (
            one_line(worst.get("reason", "unknown"), 40),
            f"{worst.get('count', 0):,}, such as {url(worst.get('example', ''))}",
        )
        for worst in payload.get("worst") or ()
        if isinstance(worst, Mapping)
    ]
    todo = f"`trapline show {row.run_id}` lists every failed page." if payload.get("failed") else ""
    return f"run {row.run_id} {'ended' if outcome == 'completed' else 'was ' + outcome}", tuple(facts), todo


def _test(_told: Telling[AlertRow], _payload: Mapping[str, Any]) -> _Shape:
    return "a test: this channel works", (), "Nothing. Alerts about your crawls will arrive here."
