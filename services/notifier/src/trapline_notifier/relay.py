"""The relay's Lambda: it has the chat channels' addresses and no ledger, and hands a message to one of them.

The notifier asks it, and waits for the answer: order, attempts and back-off of each channel are the ledger's, kept by
the notifier for chat channels as for the topic. What a notifier of the release before published comes through the
topic, to which the relay is subscribed; the platform retries such a message as a whole. A message of this release names
the channels that its notifier serves itself, and the relay leaves them out there.
"""

import json
from collections.abc import Mapping
from typing import Any

from trapline_common.domain.answers import ChannelNames, Refused, Relayed
from trapline_common.domain.errors import MessageRefusedError, TransientError
from trapline_common.domain.messages import Deliver, ListChannels, parse_relay
from trapline_common.platform.lambda_runtime import AWS_CLIENTS, LambdaContext, load_at_init, run
from trapline_common.platform.logging import get_logger
from trapline_notifier.message import VERSION
from trapline_notifier.publishers.channels import Channels, Texts
from trapline_notifier.services import RelayServices

REMEMBERED = 256
"""Messages whose deliveries a warm environment remembers; the oldest is forgotten first."""

_log = get_logger("relay")

load_at_init(*AWS_CLIENTS, "trapline_notifier.wiring")


async def handle_relay(
    event: Mapping[str, Any], _context: LambdaContext, services: RelayServices
) -> Relayed | ChannelNames | Refused:
    """Answer the notifier, or deliver every message of an SNS event.

    Raises ``TransientError`` naming the channels that failed.
    """
    if "Records" in event:
        return await _from_topic(event, services)
    try:
        asked = parse_relay(event)
    except MessageRefusedError as error:
        _log.error("event_dropped", reason=str(error))
        return Refused(reason=str(error))
    channels = await services.channels()
    if isinstance(asked, ListChannels):
        return ChannelNames(channels=channels.names)
    return await _deliver_one(asked, channels, services)


async def _deliver_one(asked: Deliver, channels: Channels, services: RelayServices) -> Relayed:
    if asked.channel not in channels.names:
        raise TransientError(f"there is no channel {asked.channel}")
    done = services.delivered.get(asked.id, frozenset())
    texts = Texts(subject=asked.subject, text=asked.text, long_text=asked.long_text, mail=asked.mail)
    outcome = await channels.deliver((asked.channel,), texts, done=done)
    if outcome.failed:
        refused = outcome.refused_for_now(asked.channel)
        if refused.again_after is None:
            raise refused
        return Relayed(delivered=0, dropped=0, reason=str(refused), again_after=refused.again_after)
    # An answer may be lost on its way to the notifier, which then asks again
    _remember(services, asked.id, done | {asked.channel})
    _log.info("relayed", message=asked.id, delivered=[asked.channel], failed=[])
    return Relayed(delivered=1, dropped=0)


async def _from_topic(event: Mapping[str, Any], services: RelayServices) -> Relayed:
    channels = await services.channels()
    failed: list[str] = []
    delivered = dropped = 0
    for record in event["Records"]:
        try:
            message = _parse(record)
        except MessageRefusedError as error:
            _log.error("event_dropped", reason=str(error))
            dropped += 1
            continue
        missed = await _deliver(message, channels, services)
        failed += missed
        delivered += not missed
    if failed:
        raise TransientError(f"channels that did not take a message: {', '.join(dict.fromkeys(failed))}")
    return Relayed(delivered=delivered, dropped=dropped)


async def _deliver(message: Mapping[str, Any], channels: Channels, services: RelayServices) -> tuple[str, ...]:
    # Names that are no channel of ours may be those of the topic's other subscribers, so they are no error here.
    names = channels.chosen([str(name) for name in message.get("to") or ()])
    served = {str(name) for name in message.get("served") or ()}
    names = tuple(name for name in names if name not in served)
    done = services.delivered.pop(message["id"], frozenset())
    texts = Texts(subject=str(message["subject"]), text=str(message["text"]))
    outcome = await channels.deliver(names, texts, done=done)
    if outcome.failed:
        _remember(services, message["id"], done | frozenset(outcome.delivered))
    _log.info("relayed", message=message["id"], delivered=list(outcome.delivered), failed=list(outcome.failed))
    return outcome.failed


def _remember(services: RelayServices, message: str, channels: frozenset[str]) -> None:
    services.delivered[message] = channels
    while len(services.delivered) > REMEMBERED:
        del services.delivered[next(iter(services.delivered))]


def _parse(record: Any) -> dict[str, Any]:
    """Return the alert message in one SNS record. Raises ``MessageRefusedError`` when it is none of ours."""
    try:
        message = json.loads(record["Sns"]["Message"])
    except (KeyError, TypeError, ValueError) as error:
        raise MessageRefusedError(f"not an SNS record with JSON: {type(error).__name__}: {error}") from error
    if not isinstance(message, dict) or message.get("v") not in {VERSION, VERSION - 1}:
        raise MessageRefusedError("v: not an alert message of a version this release accepts")
    for name in ("id", "subject", "text"):
        if not isinstance(message.get(name), str) or not message[name]:
            raise MessageRefusedError(f"{name}: must be a text")
    return message


def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Lambda's entry point."""
    from trapline_notifier.wiring import relay_services

    return run(lambda: handle_relay(event, context, relay_services())).body()
