"""Alerts to Slack, Teams, email and the rest, through Apprise: one channel per name of the channels file."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import apprise

from trapline_common.domain.errors import InputRefusedError
from trapline_common.platform.logging import get_logger

TIMEOUT = 15.0
"""Seconds for one channel, all its connections together; Apprise's own socket timeouts are 4 s each."""

_log = get_logger("notifier")


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How one delivery went: each channel's name is in exactly one of the three."""

    delivered: tuple[str, ...] = ()
    """The channels that took the message now."""
    failed: tuple[str, ...] = ()
    """The channels that did not take it, or not in time."""
    skipped: tuple[str, ...] = ()
    """The channels that had it already."""


class Channels:
    """The named channels. An address is a secret: it is in no log, no error and no ``repr``."""

    __slots__ = ("_channels",)

    def __init__(self, addresses: Mapping[str, str]) -> None:
        """Raises ``InputRefusedError`` with the names whose address Apprise does not understand."""
        self._channels: dict[str, apprise.Apprise] = {}
        wrong = []
        for name, address in addresses.items():
            channel = apprise.Apprise(asset=apprise.AppriseAsset(app_id="Trapline", app_desc="Trapline alerts"))
            if channel.add(address):
                self._channels[name] = channel
            else:
                wrong.append(name)
        if wrong:
            raise InputRefusedError("\n".join(f"channel {name}: Apprise does not know this address" for name in wrong))

    @property
    def names(self) -> tuple[str, ...]:
        """The channels there are."""
        return tuple(self._channels)

    def chosen(self, to: Sequence[str]) -> tuple[str, ...]:
        """Return the channels a message goes to: all of them when ``to`` is empty."""
        return tuple(name for name in self._channels if not to or name in to)

    async def deliver(
        self, names: Sequence[str], *, subject: str, text: str, done: frozenset[str] = frozenset()
    ) -> Delivery:
        """Send Markdown ``text`` to ``names`` but those in ``done``, side by side, and say how each went.

        One channel's trouble never touches another's delivery.
        """
        due = [name for name in names if name not in done]
        went = await asyncio.gather(*(self._send(name, subject=subject, text=text) for name in due))
        return Delivery(
            delivered=tuple(name for name, good in zip(due, went, strict=True) if good),
            failed=tuple(name for name, good in zip(due, went, strict=True) if not good),
            skipped=tuple(name for name in names if name in done),
        )

    async def _send(self, name: str, *, subject: str, text: str) -> bool:
        channel = self._channels[name]

        def notify() -> bool:
            return bool(channel.notify(body=text, title=subject, body_format=apprise.NotifyFormat.MARKDOWN))

        try:
            good = await asyncio.wait_for(asyncio.to_thread(notify), TIMEOUT)
        except TimeoutError:
            good = False
        if not good:
            _log.error("channel_failed", channel=name)
        return good
