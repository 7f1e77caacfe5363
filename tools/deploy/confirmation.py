"""The last step of a first deploy: each address follows the link in its mail, and then a test alert goes out."""

import time
from collections.abc import Callable, Mapping

from botocore.exceptions import BotoCoreError, ClientError

from tools.deploy.account import Account
from tools.shell import ToolError, say

PATIENCE = 1800.0
"""Seconds that a person gets to find the mail; the link itself holds for days."""
_BETWEEN = 3.0
"""Seconds between two looks."""


def unconfirmed(account: Account, topics: Mapping[str, str]) -> list[str]:
    """Return the addresses that have not followed their link, each with its topic. Raises ``ToolError``.

    ``topics``: ARNs by name, as Terraform's output has them.
    """
    sns, found = account.client("sns"), []
    try:
        for name, arn in sorted(topics.items()):
            for page in sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=arn):
                found += [
                    f"{one['Endpoint']} ({name})"
                    for one in page["Subscriptions"]
                    if one["Protocol"] == "email" and one["SubscriptionArn"] == "PendingConfirmation"
                ]
    except (BotoCoreError, ClientError) as error:
        raise ToolError(f"the topics' subscriptions can't be read: {error}") from error
    return found


def wait_for_links(
    account: Account,
    topics: Mapping[str, str],
    *,
    patience: float = PATIENCE,
    sleep: Callable[[float], None] = time.sleep,
) -> list[str]:
    """Wait until each address has followed its link; return those that have not after ``patience`` seconds."""
    waiting = unconfirmed(account, topics)
    if not waiting:
        return []
    say("deploy: each of these has a mail 'AWS Notification - Subscription Confirmation' (look among the junk too):")
    for one in waiting:
        say(f"  {one}")
    say(f"deploy: follow the link in the newest of each; waiting {patience / 60:.0f} minutes (Ctrl-C breaks nothing)")
    give_up = time.monotonic() + patience
    while waiting and time.monotonic() < give_up:
        sleep(_BETWEEN)
        left = unconfirmed(account, topics)
        for one in waiting:
            if one not in left:
                say(f"deploy: confirmed by {one}")
        waiting = left
    return waiting
