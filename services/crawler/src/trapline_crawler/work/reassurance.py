"""Who waits for an invocation's end with a task token hears that it is alive, besides the ledger's heartbeats."""

import asyncio

from trapline_common.domain.errors import RefusedError, TransientError
from trapline_common.domain.ports import Waiters
from trapline_common.platform.logging import get_logger

_log = get_logger("crawler")


async def reassure(waiters: Waiters | None, token: str | None, *, every: float) -> None:
    """Beat now and every ``every`` seconds until cancelled; without a token, or without anyone to tell, return.

    A beat that fails is logged and no more: the waiter's own time-out, and the answer after the end, say the rest.
    """
    if waiters is None or token is None:
        return
    while True:
        try:
            await waiters.heartbeat(token)
        except (TransientError, RefusedError) as error:
            _log.warning("waiter_not_reassured", reason=str(error))
        await asyncio.sleep(every)
