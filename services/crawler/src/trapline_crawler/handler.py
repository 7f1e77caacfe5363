"""The crawler's entry point: parse, delegate, translate."""

import asyncio
from collections.abc import Mapping
from typing import Any

from trapline_common.domain.answers import Checked, Crawled, Refused
from trapline_common.domain.errors import MessageRefusedError
from trapline_common.domain.messages import Check, parse_crawler
from trapline_common.platform.lambda_runtime import AWS_CLIENTS, Deadline, LambdaContext, load_at_init
from trapline_common.platform.logging import get_logger
from trapline_crawler import wiring
from trapline_crawler.queue_record import unwrapped
from trapline_crawler.services import Services
from trapline_crawler.sessions import seal
from trapline_crawler.work.invocation import live

_log = get_logger("crawler")

load_at_init(*AWS_CLIENTS, seal.LIBRARY)


def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Lambda's entry point. An error ends the invocation ``failed`` and is raised, for Lambda's failure queue."""
    return wiring.loop().run(lambda: handle(event, context, wiring.services())).body()


async def handle(
    event: Mapping[str, Any], context: LambdaContext, services: Services, stop: asyncio.Event | None = None
) -> Crawled | Checked | Refused:
    """Work on one invocation, or say what works here. ``stop``: set it to hand everything back and end in order."""
    try:
        message = parse_crawler(unwrapped(event))
    except MessageRefusedError as error:
        _log.error("message_refused", reason=str(error))
        return Refused(reason=str(error))
    if isinstance(message, Check):
        if services.check is None:
            return Refused(reason="check: there is no browser to check here")
        await (await services.connect()).close()  # raises where the ledger does not take this role's log-in
        return await services.check()
    did = await live(
        services,
        message,
        request_id=context.aws_request_id,
        deadline=Deadline.of(context),
        stop=stop or asyncio.Event(),
    )
    return Crawled.model_validate(did)
