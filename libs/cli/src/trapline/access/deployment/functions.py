"""The other functions of the deployment, called from its operator function."""

from typing import Any

import boto3

from trapline_common.aws.calls import CLIENT_CONFIG
from trapline_common.aws.lambda_client import LambdaNudger, ask, waiting_config
from trapline_common.domain.messages import Message

_SECONDS = 310.0
"""Until an answer must have come: the dispatcher's own time-out is 300 s, since a sitemap may be slow."""


async def ask_function(name: str, message: Message) -> dict[str, Any]:
    """Call a function and return its answer. Raises ``TransientError`` when it failed or can't be reached."""
    return await ask(boto3.client("lambda", config=waiting_config(_SECONDS)), name, message.event())


async def nudge_dispatcher(function: str, message: Message) -> None:
    """Send the dispatcher an event and wait for no answer; a nudge that fails is logged and lost."""
    client = boto3.client("lambda", config=CLIENT_CONFIG)
    await LambdaNudger(client, functions={"dispatcher": function}).nudge("dispatcher", message.event())
