"""The notifier's Lambda: a nudge or the minute's sweep drains the outbox."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from trapline_common.domain.answers import Drained, Refused
from trapline_common.domain.errors import MessageRefusedError
from trapline_common.domain.messages import parse_drain
from trapline_common.platform.lambda_runtime import AWS_CLIENTS, Deadline, LambdaContext, load_at_init, run
from trapline_common.platform.logging import get_logger
from trapline_notifier.drain import OutboxDrain
from trapline_notifier.services import Services

_log = get_logger("notifier")

load_at_init(*AWS_CLIENTS, "trapline_notifier.wiring")


async def handle(event: Mapping[str, Any], context: LambdaContext, services: Services) -> Drained | Refused:
    """Drain the outbox and return the counts. Raises ``TransientError`` for the platform to retry the event."""
    try:
        parse_drain(event)
    except MessageRefusedError as error:
        _log.error("event_dropped", reason=str(error))
        return Refused(reason=str(error))
    async with services.outbox() as outbox:
        drain = OutboxDrain(
            outbox=outbox,
            channels=await services.channels(await outbox.channels()),
            operations=services.operations,
            pacer=services.pacer,
            deadline=Deadline.of(context, clock=services.clock),
            limits=services.limits,
            closed=services.closed,
            web=services.web,
        )
        return Drained(**asdict(await drain.run()))


def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Lambda's entry point."""
    from trapline_notifier.wiring import services

    return run(lambda: handle(event, context, services())).body()
