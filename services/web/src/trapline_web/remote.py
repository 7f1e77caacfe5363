"""Screens, pictures and actions of a deployment: each is one command that its operator function performs."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from trapline_common.domain.errors import InputRefusedError, TransientError
from trapline_common.ledger.views.screens.catalogue import named_screen
from trapline_web.ports import Outcome

Perform = Callable[[Sequence[str]], Awaitable[Outcome]]
"""Has the operator function perform one command line. Raises ``TransientError`` when it can't be called."""
_REFUSED = 2


class RemoteViews:
    """Keeps the ``Views`` port: one call a screen."""

    def __init__(self, perform: Perform) -> None:
        self._perform = perform

    async def read(self, name: str, parameters: Mapping[str, str]) -> Any:
        """Return a screen's model, as this machine's ledger would give it."""
        screen = named_screen(name)
        screen.parameters(parameters)  # what is wrong in them is said without a call
        given = [f"{key}={text}" for key, text in parameters.items() if text]
        outcome = await self._perform(["view", name, "--", *given])
        if outcome.exit == _REFUSED:
            raise InputRefusedError(outcome.err.strip() or "refused")
        if outcome.exit:
            raise TransientError(outcome.err.strip() or f"`trapline view` ended with {outcome.exit}")
        return None if outcome.out.strip() == "null" else screen.answer.validate_json(outcome.out)

    async def close(self) -> None:
        """Let go of nothing."""


class RemoteActions:
    """Keeps the ``Actions`` port."""

    def __init__(self, perform: Perform) -> None:
        self._perform = perform

    async def perform(self, arguments: Sequence[str]) -> Outcome:
        """Have the operator function perform one command line."""
        return await self._perform(arguments)


async def signed_address(perform: Perform, key: str) -> str:
    """Return an address under which an artifact can be fetched for some minutes; nobody but the view sees it.

    Raises ``KeyError`` when the deployment's ledger does not name it.
    """
    outcome = await perform(["artifact", "--json", "--", key])
    if outcome.exit == _REFUSED:
        raise KeyError(key)
    if outcome.exit:
        raise TransientError(outcome.err.strip() or f"`trapline artifact` ended with {outcome.exit}")
    return str(json.loads(outcome.out)["url"])
