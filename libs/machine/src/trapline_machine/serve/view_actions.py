"""What forms of the web view do under ``trapline serve``: it opens runs itself; anything else is a command."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from trapline.access.acting import acted_by
from trapline.exit_codes import ExitCode
from trapline_common.domain.answers import DispatcherAnswer, Opened, Refused
from trapline_common.domain.lifecycle import RunStatus
from trapline_common.domain.messages import OpenRun
from trapline_web.ports import Actions, Outcome

Dispatch = Callable[[Mapping[str, Any]], Awaitable[DispatcherAnswer]]
"""The dispatcher of this process."""


class ViewActions:
    """Keeps the ``Actions`` port."""

    def __init__(self, *, dispatch: Dispatch, others: Actions) -> None:
        self._dispatch = dispatch
        self._others = others

    async def perform(self, arguments: Sequence[str]) -> Outcome:
        """Perform one command line; `run` needs no deployment here. Raises ``TransientError``."""
        if arguments[0] != "run":
            return await self._others.perform(arguments)
        request = UUID(arguments[arguments.index("--request") + 1])
        message = OpenRun(crawl=arguments[-1], request=request, acted_by=acted_by())
        answer = await self._dispatch(message.event())
        if isinstance(answer, Refused):
            return Outcome(exit=ExitCode.REFUSED, out="", err=answer.reason)
        if not isinstance(answer, Opened):
            raise TypeError(f"the dispatcher answered an order for a run with {type(answer).__name__}")
        return _outcome(answer)


def _outcome(opened: Opened) -> Outcome:
    out = json.dumps({"run_id": opened.run_id})
    if opened.pages_refused is not None:
        return Outcome(exit=ExitCode.REFUSED, out=out, err=f"run {opened.run_id} was refused: {opened.pages_refused}")
    skipped = opened.waits_for is not None and opened.status is RunStatus.ENDED
    return Outcome(exit=ExitCode.NOTHING_RUN if skipped else ExitCode.DONE, out=out, err="")
