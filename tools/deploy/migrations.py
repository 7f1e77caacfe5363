"""Brings the ledger's schema up to date by the operator function, which alone may: the database is private."""

from typing import Any

from tools.deploy.account import Account
from tools.deploy.operator_call import CLIENT_SETTINGS, perform
from tools.shell import ToolError, say

_STANDS = "No other service was deployed: what ran before goes on. Mend it and run this again"


def migrate(account: Account, function: str) -> None:
    """Run the migrations in ``account`` by ``function`` (an alias's ARN). Raises ``ToolError`` as ``invoke`` does."""
    say("deploy: migrating the ledger")
    invoke(account.client("lambda", **CLIENT_SETTINGS), function)


def invoke(client: Any, function: str) -> None:
    """Have ``function`` migrate, and print its output. Harmless where no migration is missing.

    Raises ``ToolError`` when they fail; nothing was changed then, because they are one transaction.
    """
    result = perform(client, function, ["migrate"], then=_STANDS)
    if result.get("exit") != 0:
        raise ToolError(f"migrating failed (exit {result.get('exit')}). {_STANDS}")
