"""The relay's Lambda: subscribed to the topic, it hands each message to Slack, Teams and the rest.

The platform retries a message as a whole (2 more times, then it goes to the relay's failure queue, which has an alarm),
so a broken channel makes the good ones repeat a message at most twice; a warm environment, which remembers the channels
that took it, repeats none.
"""

import json
from collections.abc import Mapping
from typing import Any

from trapline_common.domain.answers import Relayed
from trapline_common.domain.errors import MessageRefusedError, TransientError
from trapline_common.platform.lambda_runtime import AWS_CLIENTS, LambdaContext, load_at_init, run
from trapline_common.platform.logging import get_logger
from trapline_notifier.message import VERSION
from trapline_notifier.publishers.channels import Channels
from trapline_notifier.services import RelayServices

REMEMBERED = 256
"""Messages whose partial delivery a warm environment remembers; the oldest is forgotten first."""

_log = get_logger("relay")

load_at_init(*AWS_CLIENTS, "trapline_notifier.wiring")


async def handle_relay(event: Mapping[str, Any], _context: LambdaContext, services: RelayServices) -> Relayed:
    """Deliver every message of an SNS event. Raises ``TransientError`` naming the channels that failed."""
    channels = await services.channels()
    failed: list[str] = []
    delivered = dropped = 0
    for record in event.get("Records", ()):
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
    done = services.delivered.pop(message["id"], frozenset())
    outcome = await channels.deliver(names, subject=str(message["subject"]), text=str(message["text"]), done=done)
    if outcome.failed:
        services.delivered[message["id"]] = done | frozenset(outcome.delivered)
        while len(services.delivered) > REMEMBERED:
            del services.delivered[next(iter(services.delivered))]
    _log.info("relayed", message=message["id"], delivered=list(outcome.delivered), failed=list(outcome.failed))
    return outcome.failed


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
