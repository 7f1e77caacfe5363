"""Alerts to the SNS topic, and reports to the operations topic."""

import json
import re
from collections.abc import Sequence

from trapline_common.aws.sns import SnsTopic
from trapline_notifier.message import AlertMessage, channel_texts
from trapline_notifier.texts.subject import subject as clean_subject


class SnsPublisher:
    """A ``Publisher``: people get plain text, programs JSON; subscriptions filter by ``crawl``, ``kind`` and ``to``.

    ``served``: chat channels that get the message from this notifier; the relay, a subscriber, leaves them out.
    """

    __slots__ = ("_served", "_topic")

    def __init__(self, topic: SnsTopic, *, served: Sequence[str] = ()) -> None:
        self._topic = topic
        self._served = tuple(served)

    async def publish(self, message: AlertMessage) -> str:
        """Publish it; see the port."""
        attributes: dict[str, str | tuple[str, ...]] = {
            "crawl": message.crawl,
            "kind": message.kind,
            "to": message.to,
            "message_id": message.id,
        }
        texts = channel_texts(message)
        if self._served:
            texts["default"] = json.dumps({**message.data, "served": self._served}, ensure_ascii=False)
        return await self._topic.publish(subject=message.subject, texts=texts, attributes=attributes)


class SnsOperations:
    """An ``Operations`` port over the operations topic."""

    __slots__ = ("_topic",)

    def __init__(self, topic: SnsTopic) -> None:
        self._topic = topic

    async def report(self, *, subject: str, text: str) -> None:
        """Publish it; see the port."""
        # XML 1.0, SNS's own wire format, can't carry control characters.
        plain = re.sub(r"[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "?", text)
        await self._topic.publish(subject=clean_subject(subject), texts={"default": plain}, attributes={})
