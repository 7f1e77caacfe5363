"""The dispatcher, as commands reach it: its function in a deployment, else here, in this process."""

import os
from pathlib import Path

from trapline.access import one_machine
from trapline.access.nudges import nudger
from trapline.access.one_machine import Ledger
from trapline_common.domain.answers import A, accepted, read_answer
from trapline_common.domain.ids import LaneName
from trapline_common.domain.messages import Count, Message

FUNCTION = "TRAPLINE_DISPATCHER_FUNCTION"
"""Set in a deployment's operator function: there the dispatcher opens runs and rescues, not the command."""


def is_deployed() -> bool:
    """Return whether this runs in a deployment."""
    return bool(os.environ.get(FUNCTION))


async def ask_deployed(message: Message, kind: type[A], *, variable: str = FUNCTION) -> A:
    """Send a message to a function of the deployment and return its answer, a ``kind``.

    Raises ``MessageRefusedError`` when the function refuses the message, ``TransientError`` when it failed,
    ``UnreadableAnswerError`` when its release is too far from this one.
    """
    from trapline.access.deployment.functions import ask_function  # late: boto3 costs a command 0.4 s of CPU

    return read_answer(kind, await ask_function(os.environ[variable], message))


async def ask_dispatcher(ledger: Ledger, message: Message, kind: type[A], *, data_dir: Path) -> A:
    """Have the dispatcher, there or here, do what ``message`` says. Raises as ``ask_deployed`` does."""
    if is_deployed():
        return await ask_deployed(message, kind)
    return accepted(kind, await one_machine.dispatch.load()(ledger, message, data_dir=data_dir))


async def count_again(dsn: str, lane: LaneName) -> None:
    """Have the lane counted now. A nudge that is lost costs a minute: the next tick counts anyway."""
    message = Count(lane=lane)
    if not is_deployed():
        await nudger(dsn).nudge("dispatcher", message.event())
        return
    from trapline.access.deployment.functions import nudge_dispatcher  # late, as above

    await nudge_dispatcher(os.environ[FUNCTION], message)
