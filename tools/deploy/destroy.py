"""`make destroy`: it says what protects an environment before it touches anything, and afterwards what stays."""

import re
import time
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from tools.deploy.account import Account
from tools.deploy.environments import Environment, is_careful
from tools.deploy.steps import Deploy
from tools.shell import ToolError, say

_WAITS = re.compile(r"aws_(subnet|security_group)\.\S+: Still destroying")
"""What Terraform says while the network can't go."""
_BETWEEN = 60.0
"""Seconds between two looks at what is left."""


def destroy(deploy: Deploy) -> None:
    """Take the environment down, as ``refuse_protected`` let it. Raises ``ToolError``."""
    environment = deploy.environment
    deploy.announce(deploy.recorded())
    say(f"destroy: all of trapline-{environment.name} goes, the ledger and every artifact with it")
    deploy.root.destroy(seen=Interfaces(deploy.account, environment.name).look)
    environment.releases.unlink(missing_ok=True)  # nothing runs, so nothing is recorded
    say(stays(environment))


@dataclass(slots=True)
class Interfaces:
    """Tells a person why nothing seems to happen: Lambda gives its network interfaces back when it likes."""

    account: Account
    """Where they are."""
    name: str
    """The environment's name."""
    looked: float | None = None
    """When AWS was last asked, by the monotonic clock; ``None``: never."""

    def look(self, text: str) -> None:
        """Say how many are left, once a minute, while ``text`` of Terraform says that it waits for the network."""
        if not _WAITS.search(text) or (self.looked is not None and time.monotonic() - self.looked < _BETWEEN):
            return
        self.looked = time.monotonic()
        try:
            left = self.account.client("ec2").describe_network_interfaces(
                Filters=[{"Name": "description", "Values": [f"AWS Lambda VPC ENI-trapline-{self.name}-*"]}]
            )["NetworkInterfaces"]
        except (BotoCoreError, ClientError) as error:
            say(f"destroy: how many network interfaces are left can't be asked ({error}); AWS takes 20 to 45 minutes")
            return
        if left:
            say(
                f"destroy: {len(left)} network interfaces of functions are left; AWS gives them back 20 to 45 minutes"
                " after the functions went, and the network goes after them: leave this running"
            )


def refuse_protected(environment: Environment) -> None:
    """Raise ``ToolError`` with what to do first, where the database is protected from deletion."""
    settings, name = environment.settings, environment.name
    if settings.local_aws or not settings.protected:
        return
    confirmed = f" CONFIRM={name}" if is_careful(environment.name) else ""
    steps = [
        "take a snapshot of the database if you may want it again: none is made for you",
        f"set deletion_protection = false in `database` of {environment.tfvars.name} and commit",
        f"make apply ENV={name}{confirmed}",
    ]
    if not settings.disposable:
        steps.append(
            f"empty the bucket trapline-{name}-<account>-<region>, all versions, and the image repository"
            f" trapline-{name}/crawler: Terraform deletes neither while it holds anything"
        )
    steps.append(f"make destroy ENV={name}{confirmed}")
    listed = "".join(f"\n  {number}. {step}" for number, step in enumerate(steps, 1))
    raise ToolError(f"{name}'s database is protected from deletion. To give it up:{listed}")


def stays(environment: Environment) -> str:
    """Return what is still there after a destroy, and for how long."""
    disposable = environment.settings.disposable
    lines = [
        f"destroy: done, and terraform/envs/{environment.releases.name} went with it: commit that",
        f"  stays  the state's bucket, named in {environment.backend.name}: it is yours",
        f"  stays  the key, which AWS deletes in {7 if disposable else 30} days",
    ]
    if not disposable:
        lines.append("  stays  the secrets, for 30 days; their names are taken until then")
    return "\n".join(lines)
