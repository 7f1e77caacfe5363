"""Alerts to the SNS topic, and reports to the operations topic."""

import re

from trapline_common.aws.sns import SnsTopic
from trapline_notifier.message import AlertMessage, channel_texts
from trapline_notifier.texts.subject import subject as clean_subject


class SnsPublisher:
    """A ``Publisher``: people get plain text, programs JSON; subscriptions filter by ``crawl``, ``kind`` and ``to``."""

    __slots__ = ("_topic",)

    def __init__(self, topic: SnsTopic) -> None:
        self._topic = topic

    async def publish(self, message: AlertMessage) -> str:
        """Publish it; see the port."""
        attributes: dict[str, str | tuple[str, ...]] = {
            "crawl": message.crawl,
            "kind": message.kind,
            "to": message.to,
            "message_id": message.id,
        }
        return await self._topic.publish(subject=message.subject, texts=channel_texts(message), attributes=attributes)


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
