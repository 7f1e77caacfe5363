"""The dispatcher, as commands reach it: its function in a deployment, else here, in this process."""

import os
from pathlib import Path
from typing import Any

from trapline.access import one_machine
from trapline.access.one_machine import Ledger
from trapline_common.domain.errors import MessageRefusedError
from trapline_common.domain.ids import LaneName
from trapline_common.domain.messages import Count, Message

FUNCTION = "TRAPLINE_DISPATCHER_FUNCTION"
"""Set in a deployment's operator function; a command that finds it leaves to the dispatcher what is the dispatcher's."""
_SECONDS = 310.0
"""The dispatcher's own time-out is 300 s: a sitemap may be slow."""


def is_deployed() -> bool:
    """Return whether this runs in a deployment."""
    return bool(os.environ.get(FUNCTION))


async def ask_deployed(message: Message, *, variable: str = FUNCTION) -> dict[str, Any]:
    """Send a message to a function of the deployment and return its answer.

    Raises ``MessageRefusedError`` when it is refused, ``TransientError`` when the function failed.
    """
    # Late: boto3 takes a quarter of a second to load, and on one machine nobody needs it
    import boto3

    from trapline_common.aws.lambda_client import ask, waiting_config

    answer = await ask(boto3.client("lambda", config=waiting_config(_SECONDS)), os.environ[variable], message.event())
    if set(answer) == {"refused"}:
        raise MessageRefusedError(answer["refused"])
    return answer


async def ask_dispatcher(ledger: Ledger, message: Message, *, data_dir: Path) -> dict[str, Any]:
    """Have the dispatcher do what ``message`` says, wherever it is. Raises as ``ask_deployed`` does."""
    if is_deployed():
        return await ask_deployed(message)
    return await one_machine.ask_dispatcher(ledger, message, data_dir=data_dir)


async def count_again(dsn: str, lane: LaneName) -> None:
    """Have the lane counted now. A nudge that is lost costs a minute: the next tick counts anyway."""
    message = Count(lane=lane)
    if not is_deployed():
        from trapline.access.nudges import nudger

        await nudger(dsn).nudge("dispatcher", message.event())
        return
    import boto3

    from trapline_common.aws.calls import CLIENT_CONFIG
    from trapline_common.aws.lambda_client import LambdaNudger

    client = boto3.client("lambda", config=CLIENT_CONFIG)
    await LambdaNudger(client, functions={"dispatcher": os.environ[FUNCTION]}).nudge("dispatcher", message.event())
