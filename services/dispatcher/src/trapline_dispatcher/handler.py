"""The dispatcher's entry point: parse, delegate, translate."""

from collections.abc import Mapping
from typing import Any

from trapline_common.domain.answers import DispatcherAnswer, Reaped, Refused
from trapline_common.domain.errors import MessageRefusedError
from trapline_common.platform.lambda_runtime import AWS_CLIENTS, LambdaContext, load_at_init, run
from trapline_common.platform.logging import get_logger
from trapline_dispatcher import wiring
from trapline_dispatcher.maintenance.hourly_look import goes_on_sleeping
from trapline_dispatcher.routes import dispatch
from trapline_dispatcher.runs.telling_ends import tell_refused
from trapline_dispatcher.services import Services

_log = get_logger("dispatcher")

load_at_init(*AWS_CLIENTS)


def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Lambda's entry point. It re-raises what is transient, so that Lambda retries the event."""
    return run(lambda: handle(event, context, wiring.services())).body()


async def handle(event: Mapping[str, Any], _context: LambdaContext, services: Services) -> DispatcherAnswer:
    """Do what one event asks for, on one connection. An event that is not ours is dropped with its reason.

    The hourly look of a tick that sleeps opens none.
    """
    if await goes_on_sleeping(services, event):
        return Reaped()
    async with await services.connect() as database:
        try:
            return await dispatch(services, database, event)
        except MessageRefusedError as error:
            _log.error("message_refused", reason=str(error))
            await tell_refused(services, event, str(error))
            return Refused(reason=str(error))
