"""Alerts to Slack, Teams, email and the rest, through Apprise: one channel per name of the channels file."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import copy_context
from dataclasses import dataclass, field
from threading import Thread

import apprise

from trapline_common.domain.errors import InputRefusedError, TransientError
from trapline_common.platform.logging import get_logger
from trapline_notifier.publishers.fitting import fitted
from trapline_notifier.publishers.http_answers import HttpAnswer, http_answers

TIMEOUT = 15.0
"""Seconds for one channel, all its connections together; Apprise's own socket timeouts are 4 s each."""
PACE = 0.1
"""Seconds between two requests to a service whose own pace Apprise does not know, such as mail or Teams: it then keeps
5.5 s, which is nobody's limit. The pace of messages is the ledger's (``pace.py``); this is for the requests of one. A
service that wants more says so, and is asked again later."""

UNENDED = 3
"""Sends of one channel that were given up and have not ended, beyond which it is not asked: each holds a thread."""

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
    why: Mapping[str, HttpAnswer] = field(default_factory=dict)
    """What those that failed answered last, where they answered over HTTP."""

    def refused_for_now(self, name: str) -> TransientError:
        """Return the error that says that a channel did not take the message, with the time that it named."""
        answer = self.why.get(name)
        status = "" if answer is None else f" (HTTP {answer.status}{_elsewhere(answer.status)})"
        error = TransientError(f"channel {name} did not take the message{status}")
        error.again_after = None if answer is None else answer.again_after
        return error


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """One message in words, for services of every kind and length."""

    subject: str
    """Its subject."""
    text: str
    """Short Markdown."""
    long_text: str = ""
    """Longer Markdown; empty where the sender has none."""
    mail: str = ""
    """The whole plain text; empty where the sender has none."""


class Channels:
    """The named channels. An address is a secret: it is in no log, no error and no ``repr``."""

    __slots__ = ("_channels", "_unended")

    def __init__(self, addresses: Mapping[str, str]) -> None:
        """Raises ``InputRefusedError`` with the names whose address Apprise does not understand."""
        self._channels: dict[str, apprise.Apprise] = {}
        self._unended: Counter[str] = Counter()
        wrong = []
        for name, address in addresses.items():
            # Without a time of its own Apprise sends in the calling thread, and not in a pool that it never leaves.
            asset = apprise.AppriseAsset(app_id="Trapline", app_desc="Trapline alerts", service_timeout=0)
            channel = apprise.Apprise(asset=asset)
            with _silent_apprise():
                known = channel.add(address)
            if known:
                _set_pace(channel)
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

    async def deliver(self, names: Sequence[str], texts: Texts, *, done: frozenset[str] = frozenset()) -> Delivery:
        """Send a message to ``names`` but those in ``done``, side by side, and say how each went.

        One channel's trouble never touches another's delivery.
        """
        due = [name for name in names if name not in done]
        went = await asyncio.gather(*(self._send(name, texts) for name in due))
        return Delivery(
            delivered=tuple(name for name, (good, _) in zip(due, went, strict=True) if good),
            failed=tuple(name for name, (good, _) in zip(due, went, strict=True) if not good),
            skipped=tuple(name for name in names if name in done),
            why={name: answer for name, (good, answer) in zip(due, went, strict=True) if answer and not good},
        )

    async def _send(self, name: str, texts: Texts) -> tuple[bool, HttpAnswer | None]:
        channel = self._channels[name]
        (service,) = channel
        body, body_format = fitted(service, texts)

        def notify() -> bool:
            return bool(channel.notify(body=body, title=texts.subject, body_format=body_format))

        if self._unended[name] >= UNENDED:
            _log.error("channel_holds_threads", channel=name, sends=UNENDED)
            return False, None
        with http_answers() as answers:
            sending = _in_thread(notify, name)
            try:
                good = await asyncio.wait_for(asyncio.shield(sending), TIMEOUT)
            except TimeoutError:
                good = False
                self._unended[name] += 1
                sending.add_done_callback(lambda _: self._unended.subtract([name]))
        if not good:
            _log.error("channel_failed", channel=name)
        return good, answers[-1] if answers else None


@contextmanager
def _silent_apprise() -> Iterator[None]:
    """Keep out of every log what Apprise says of an address that it does not take: it quotes it, or its token."""
    logger = logging.getLogger("apprise")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


def _in_thread(notify: Callable[[], bool], name: str) -> "asyncio.Future[bool]":
    """Run a send in a thread that nobody waits for when the process ends: no service can keep a command from ending.

    One that never ends holds its own thread, and not one of the pool that all else takes turns on.
    """
    loop = asyncio.get_running_loop()
    sending: asyncio.Future[bool] = loop.create_future()
    context = copy_context()

    def settle(good: bool, error: Exception | None) -> None:
        if error is not None and not sending.done():
            sending.set_exception(error)
        elif not sending.done():
            sending.set_result(good)

    def work() -> None:
        good, failed = False, None
        try:
            good = context.run(notify)
        except Exception as error:  # noqa: BLE001  (whoever waits for the send gets it)
            failed = error
        with suppress(RuntimeError):  # the loop is closed: the command has ended
            loop.call_soon_threadsafe(settle, good, failed)

    Thread(target=work, name=f"channel {name}", daemon=True).start()
    return sending


def _elsewhere(status: int) -> str:
    return ", which names another address: write that one" if status in {301, 302, 303, 307, 308} else ""


def _set_pace(channel: apprise.Apprise) -> None:
    for service in channel:
        if service.request_rate_per_sec == apprise.NotifyBase.request_rate_per_sec:
            service.request_rate_per_sec = PACE
