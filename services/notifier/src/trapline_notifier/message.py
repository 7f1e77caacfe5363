"""One message: the alerts it is about, and how it reads in each channel."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from trapline_common.domain.ids import AlertId
from trapline_common.domain.ports import AlertRow
from trapline_notifier.texts import chat, email
from trapline_notifier.texts.headline import about, headline
from trapline_notifier.texts.subject import subject

VERSION = 1
SHOWN = 20
"""Alerts one message tells about; the others are counted."""
MAX_BYTES = 240 * 1024
"""SNS takes 256 KiB for all texts of a message and its attributes together; 16 KiB are left for the attributes."""
_DIFF_LIMITS = (16_384, 8_192, 4_096, 2_048, 1_024, 256, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertMessage:
    """One message for a publisher, with its text for each kind of channel."""

    id: str
    """The same whenever the same alerts are sent again: receivers drop repeats by it."""
    kind: str
    """The alerts' kind, such as ``failure``."""
    crawl: str
    """The crawl that they are about."""
    to: tuple[str, ...]
    """The channels that ``alert.to`` names; empty means all."""
    alert_ids: tuple[AlertId, ...]
    """The alerts, each by its own id, which it keeps when it is sent again in another message."""
    subject: str
    """At most 100 ASCII characters."""
    body: str
    """Plain text, for a terminal."""
    email: str
    """The same with a footer."""
    chat: str
    """Short Markdown."""
    data: Mapping[str, Any]
    """JSON for programs; ``v`` is its version."""


def group(rows: Iterable[AlertRow]) -> list[list[AlertRow]]:
    """Return the alerts that make one message each: those of one crawl, kind and ``to``, in the order they came."""
    groups: dict[tuple[str, str, tuple[str, ...]], list[AlertRow]] = {}
    for row in rows:
        groups.setdefault((row.crawl, row.kind, tuple(sorted(set(row.to)))), []).append(row)
    return list(groups.values())


def compose(rows: Sequence[AlertRow]) -> AlertMessage:
    """Return the message about ``rows``, a group. It fits into SNS: diffs are cut first, evenly, as far as it takes."""
    first = rows[0]
    message = _compose(rows, diff_limit=_DIFF_LIMITS[0])
    for limit in _DIFF_LIMITS[1:]:
        if size(message) <= MAX_BYTES:
            break
        message = _compose(rows, diff_limit=limit)
    if size(message) > MAX_BYTES:
        raise ValueError(f"{len(rows)} alerts of {first.crawl!r} make more than {MAX_BYTES} bytes without any diff")
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


def _compose(rows: Sequence[AlertRow], *, diff_limit: int) -> AlertMessage:
    first = rows[0]
    ids = tuple(sorted(row.id for row in rows))
    message_id = sha256(",".join(map(str, ids)).encode()).hexdigest()[:16]
    title = subject(f"[trapline] {headline(first.kind, first.crawl, rows)}{about(rows)}")
    body = email.body(first.kind, first.crawl, rows, shown=SHOWN, diff_limit=diff_limit)
    short = chat.text(first.kind, first.crawl, rows, shown=SHOWN)
    return AlertMessage(
        id=message_id,
        kind=first.kind,
        crawl=first.crawl,
        to=tuple(sorted(set(first.to))),
        alert_ids=ids,
        subject=title,
        body=body,
        email=body + email.footer(first.crawl, message_id=message_id),
        chat=short,
        data={
            "v": VERSION,
            "id": message_id,
            "kind": first.kind,
            "crawl": first.crawl,
            "to": sorted(set(first.to)),
            "subject": title,
            "text": short,
            "count": len(rows),
            "alert_ids": list(ids),
            "alerts": [_item(row, diff_limit=diff_limit) for row in rows[:SHOWN]],
        },
    )


def _item(row: AlertRow, *, diff_limit: int) -> dict[str, Any]:
    # A lone surrogate, which a page's title may hold, has no bytes that could be sent.
    payload = json.loads(json.dumps(dict(row.payload), ensure_ascii=False).encode(errors="replace"))
    if isinstance(payload.get("diff"), str):
        payload["diff"] = email.clipped(payload["diff"], diff_limit) if diff_limit else None
    return {
        "id": row.id,
        "run_id": row.run_id,
        "created_at": row.created_at.isoformat(),
        **payload,
    }
