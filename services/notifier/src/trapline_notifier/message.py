"""One message: the alerts it is about, and how it reads in each channel."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from trapline_common.domain.ids import AlertId
from trapline_common.domain.ports import AlertHead, AlertRow
from trapline_common.domain.web_view import WebView
from trapline_notifier.texts import chat, email
from trapline_notifier.texts.headline import about, counted_things, headline
from trapline_notifier.texts.item import link_of
from trapline_notifier.texts.subject import subject
from trapline_notifier.texts.telling import Telling, recipients, tellings

VERSION = 1
NOWHERE = WebView()
"""No address that others reach."""
SHOWN = 20
"""Tellings that one message shows; the others are counted."""
MAX_BYTES = 240 * 1024
"""SNS takes 256 KiB for all texts of a message and its attributes together; 16 KiB are left for the attributes."""
_DIFF_LIMITS = (16_384, 8_192, 4_096, 2_048, 1_024, 256, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertMessage:
    """One message for a publisher, with its text for each kind of channel."""

    id: str
    """The same whenever the message is sent again: receivers drop repeats by it."""
    kind: str
    """The alerts' kind, such as ``failure``."""
    crawl: str
    """The crawl that they are about."""
    to: tuple[str, ...]
    """The channels that ``alert.to`` names; empty means all."""
    alert_ids: tuple[AlertId, ...]
    """The alerts, each by its own id; those that were over before they were told among them."""
    subject: str
    """At most 100 ASCII characters."""
    body: str
    """Plain text, for a terminal."""
    email: str
    """The same with a footer."""
    chat: str
    """Short Markdown."""
    long_chat: str
    """Longer Markdown, for a channel that takes it."""
    data: Mapping[str, Any]
    """JSON for programs; ``v`` is its version."""


def group(alerts: Sequence[AlertHead]) -> list[list[AlertId]]:
    """Return the alerts that make one message each, in the order in which the messages are to be sent.

    A message tells one crawl's tellings of one kind for one ``to``. It never lifts an alert above an earlier one of its
    page, nor above or below the alert that ended a run of its crawl.
    """
    groups: list[list[Telling[AlertHead]]] = []
    joined: dict[tuple[str, str, tuple[str, ...]], int] = {}
    newest: dict[object, int] = {}
    for told in tellings(alerts):
        last = told.last
        crawl, page = ("crawl", last.crawl), ("page", last.page_id)
        about_run = last.page_id is None
        # Everything of the crawl that came before one about a run, and every one about a run that came before.
        not_above = newest.get(crawl if about_run else ("run", last.crawl), -1)
        not_above = max(not_above, newest.get(page, -1) if not about_run else -1)
        key = (last.crawl, told.kind, recipients(last))
        index = joined.get(key, -1)
        if index < max(not_above, 0):
            index = len(groups)
            groups.append([])
            joined[key] = index
        groups[index].append(told)
        for thread in (crawl, ("run", last.crawl) if about_run else page):
            newest[thread] = max(index, newest.get(thread, -1))
    return [[alert.id for told in each for alert in told.alerts] for each in groups]


def halves(rows: Sequence[AlertRow]) -> list[list[AlertRow]]:
    """Return two parts of what one message tells, in order. A telling is taken apart only when it is the only one."""
    told = tellings(rows)
    if len(told) > 1:
        middle = len(told) // 2
        return [[row for each in part for row in each.alerts] for part in (told[:middle], told[middle:])]
    alone = told[0].alerts
    return [list(alone[: len(alone) // 2]), list(alone[len(alone) // 2 :])]


def id_of(alerts: Iterable[AlertId]) -> str:
    """Return the id of the first message that tells these alerts."""
    return sha256(",".join(map(str, sorted(alerts))).encode()).hexdigest()[:16]


def compose(rows: Sequence[AlertRow], *, known_as: str | None = None, web: WebView = NOWHERE) -> AlertMessage:
    """Return the message about ``rows``, a group; a repeat is ``known_as`` the first one was. ``web``: it links there.

    It fits into SNS: diffs are cut first, evenly, as far as it takes. Raises ``ValueError`` when that is not enough.
    """
    told = tellings(rows)
    name = known_as or id_of(row.id for row in rows)
    message = _compose(told, name, web=web, diff_limit=_DIFF_LIMITS[0])
    for limit in _DIFF_LIMITS[1:]:
        if size(message) <= MAX_BYTES:
            break
        message = _compose(told, name, web=web, diff_limit=limit)
    if size(message) > MAX_BYTES:
        raise ValueError(f"{len(rows)} alerts of {rows[0].crawl!r} make more than {MAX_BYTES} bytes without any diff")
    return message


def channel_texts(message: AlertMessage) -> dict[str, str]:
    """Return the texts by SNS protocol. ``default`` is JSON: Lambda, SQS and HTTPS take it; people get their own."""
    return {
        "default": json.dumps(message.data, ensure_ascii=False),
        "email": message.email,
        "sms": message.subject,
    }


def size(message: AlertMessage) -> int:
    """Return the bytes the message takes in SNS."""
    return len(json.dumps(channel_texts(message), ensure_ascii=False).encode())


def _compose(told: Sequence[Telling[AlertRow]], name: str, *, web: WebView, diff_limit: int) -> AlertMessage:
    first, kind = told[0].last, told[0].kind
    ids = tuple(sorted(row.id for each in told for row in each.alerts))
    title = subject(f"[trapline] {headline(kind, first.crawl, told)}{about(told)}")
    body = email.body(kind, first.crawl, told, web=web, shown=SHOWN, diff_limit=diff_limit)
    short = chat.text(kind, first.crawl, told, web=web, shown=SHOWN, most=chat.SHORT)
    return AlertMessage(
        id=name,
        kind=kind,
        crawl=first.crawl,
        to=recipients(first),
        alert_ids=ids,
        subject=title,
        body=body,
        email=body + email.footer(first.crawl, web=web, message_id=name),
        chat=short,
        long_chat=chat.text(kind, first.crawl, told, web=web, shown=SHOWN, most=chat.LONG),
        data={
            "v": VERSION,
            "id": name,
            "kind": kind,
            "crawl": first.crawl,
            "to": list(recipients(first)),
            "subject": title,
            "text": short,
            "count": counted_things(kind, told),
            "alert_ids": list(ids),
            "alerts": [_item(each, web=web, diff_limit=diff_limit) for each in told[:SHOWN]],
        },
    )


def _item(told: Telling[AlertRow], *, web: WebView, diff_limit: int) -> dict[str, Any]:
    row = told.last
    # A lone surrogate, which a page's title may hold, has no bytes that could be sent.
    payload = json.loads(json.dumps(dict(row.payload), ensure_ascii=False).encode(errors="replace"))
    if isinstance(payload.get("diff"), str):
        payload["diff"] = email.clipped(payload["diff"], diff_limit) if diff_limit else None
    before = [
        {"id": each.id, "kind": each.kind, "run_id": each.run_id, "created_at": each.created_at.isoformat()}
        for each in told.earlier
    ]
    link = link_of(row, web)
    return {
        "id": row.id,
        "run_id": row.run_id,
        "created_at": row.created_at.isoformat(),
        **({"before": before} if before else {}),
        **payload,
        **({"link": link} if link else {}),
    }
