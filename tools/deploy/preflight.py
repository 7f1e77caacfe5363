"""What a first deploy looks at before anything is built or billed; all that is missing is said at once.

Each look is a function that returns what it missed. One that may not look says so as a note, for a deploy may go well
all the same; one that fails for another reason is missing itself.
"""

import re
import subprocess
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tools.deploy.account import Account
from tools.deploy.container_engine import container_engine
from tools.deploy.image import refuse_cross
from tools.deploy.permissions import Denial, denied
from tools.deploy.settings import Settings
from tools.shell import ToolError, say
from tools.terraform import binary as terraform
from tools.terraform import deployer

OLDEST_TERRAFORM = (1, 11)
"""The lockfile of the S3 backend; terraform/versions.tf has the same."""
OTHER_PARTITIONS = re.compile(r"(cn|us-gov|us-iso[a-z]?|eu-isoe|eusc)-")
"""How regions begin that terraform/variables.tf refuses: other addresses, and other certificates of RDS."""
BESIDE_CRAWLERS = 5
"""Executions that a busy minute needs beside the crawlers: `other_executions` of terraform/checks.tf."""
_FREE_CLASSES = frozenset({"db.t3.micro", "db.t4g.micro"})
"""What RDS makes on AWS's Free plan: others are refused (FreeTierRestrictionError, as people report it)."""
_FREE_BACKUP_DAYS = 1
"""Days of backups that RDS keeps on the Free plan: more is refused in the same way."""
_REFUSED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"})
"""AWS's words for a caller who may not ask."""
_NOT_YET = frozenset({"OptInRequired", "SubscriptionRequiredException", "PendingVerification"})
"""AWS's words for an account whose sign-up is not complete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """One thing without which the deploy would fail."""

    what: str
    """What is missing, in one line."""
    do: str
    """What helps."""


@dataclass(slots=True, kw_only=True)
class Found:
    """What all the looks together found; they add to it."""

    missing: list[Missing] = field(default_factory=list)
    """What stops the deploy."""
    notes: list[str] = field(default_factory=list)
    """What a person should know, and what stops nothing."""

    def add(self, what: str, do: str) -> None:
        """Note that something is missing."""
        self.missing.append(Missing(what=what, do=do))

    def refuse(self, name: str) -> None:
        """Raise ``ToolError`` with everything that is missing, if anything is; print the notes."""
        for note in self.notes:
            say(f"deploy: note: {note}")
        if self.missing:
            listed = "".join(f"\n  - {one.what}\n      {one.do}" for one in self.missing)
            raise ToolError(f"{name} can't be deployed yet; nothing was built or made. What is missing:{listed}")


def look_at_machine(found: Found, *, environ: Mapping[str, str], settings: Settings) -> None:
    """Look for what this machine must have: Terraform, and for the image a container engine and the processor."""
    try:
        program = terraform.binary(environ)
    except ToolError as error:
        found.add(str(error), "name the program, or leave the variable out")
        program = None
    else:
        if program is None:
            found.add("Terraform is missing", "install Terraform 1.11 or newer: developer.hashicorp.com/terraform")
    if program is not None:
        try:
            asked = subprocess.run(
                [program, "version", "-json"], capture_output=True, text=True, timeout=60, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:  # of another processor, or not to be executed
            found.add(f"{program} does not run ({error})", "install Terraform for this machine's processor")
            return
        version = re.search(r'"terraform_version": *"(\d+)\.(\d+)', asked.stdout)
        if version is None or tuple(map(int, version.groups())) < OLDEST_TERRAFORM:
            what = ".".join(version.groups()) if version else "of an unknown version"
            found.add(f"Terraform is {what}", f"install {'.'.join(map(str, OLDEST_TERRAFORM))} or newer")
    if settings.local_aws:
        return
    try:
        engine = container_engine()
    except ToolError as error:
        what, _, do = str(error).rpartition("; ")
        found.add(what, f"{do}: it builds the crawler's image")
        return
    try:
        refuse_cross(engine, settings.architecture)
    except ToolError as error:
        found.add(str(error), "an image of another processor would be emulated for hours, or fail")


def look_at_account(
    found: Found, account: Account, settings: Settings, *, environment: str, crawlers: int, orchestrated: bool = False
) -> None:
    """Look at the account: its region, its plan, its quotas, and what the caller may do.

    ``crawlers``: those that the lanes of crawls.yaml allow at once; ``orchestrated``: whether AWS starts some of them.
    """
    if settings.account_id not in {None, account.id}:
        found.add(
            f"{environment} is in account {settings.account_id}, and these credentials are of account {account.id}",
            "sign in to that account, for example by AWS_PROFILE=...",
        )
        return
    if not _look(found, "the region", lambda: _region(found, account)):
        return
    _look(found, "the account's plan", lambda: _plan(found, account, settings))
    _look(found, "the executions at once", lambda: _executions(found, account, crawlers))
    if not settings.local_aws:
        kinds = deployer.kinds(
            network=settings.network_mode == "made",
            instance=settings.nat == "instance",
            key=settings.customer_key,
            orchestration=orchestrated,
        )
        _look(found, "the caller's permissions", lambda: _permissions(found, account, environment, kinds))


def _look(found: Found, at: str, look: Callable[[], None]) -> bool:
    """Take one look; return whether AWS answered."""
    try:
        look()
    except ClientError as error:
        code, text = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
        if code in _NOT_YET:
            found.add(
                f"the account's sign-up is not complete ({code})",
                "finish it at console.aws.amazon.com: payment, identity, support plan; AWS takes up to 24 hours",
            )
        elif code in _REFUSED:
            found.notes.append(f"could not look at {at}: you may not ask ({text or code})")
        else:
            found.add(f"could not look at {at}: {code}: {text}", "try again; if it stays, ask AWS with these words")
        return False
    except BotoCoreError as error:
        found.add(f"could not look at {at}: {error}", "is the network there, and is the region's name right?")
        return False
    return True


def _region(found: Found, account: Account) -> None:
    """Ask us-east-1, which every account has: a region that the account has not enabled answers nobody."""
    ec2 = account.client("ec2", region="us-east-1" if account.partition == "aws" else None)
    try:
        (one,) = ec2.describe_regions(RegionNames=[account.region], AllRegions=True)["Regions"]
    except ClientError as error:
        code = error.response["Error"].get("Code", "")
        if code == "InvalidParameterValue":
            found.add(f"AWS has no region {account.region}", "give another: AWS_REGION=...")
            return
        raise
    if one.get("OptInStatus") == "not-opted-in":
        found.add(
            f"the account has not enabled the region {account.region}",
            f"enable it: aws account enable-region --region-name {account.region} (it takes minutes to hours)",
        )


def _plan(found: Found, account: Account, settings: Settings) -> None:
    if settings.local_aws:
        return
    # The service is in us-east-1 alone, for every region
    state = account.client("freetier", region="us-east-1").get_account_plan_state()
    if state.get("accountPlanType") != "FREE":
        return
    if state.get("accountPlanStatus") in {"NOT_STARTED", "EXPIRED"}:
        found.add(
            f"the account's Free plan is {state['accountPlanStatus'].lower().replace('_', ' ')}",
            "upgrade the account to a paid plan: Billing and Cost Management, Account plan",
        )
    lines = _beyond_free_plan(settings.database, nat=settings.nat)
    if lines:
        found.add(
            f"the account is on AWS's Free plan, which refuses {', '.join(lines)}",
            f"set them in {settings.environment}.tfvars, or upgrade the account's plan",
        )
    credit = state.get("accountPlanRemainingCredits", {}).get("amount")
    until = state.get("accountPlanExpirationDate")
    if until is not None:
        left = f", {credit:.0f} dollars of credit are left" if credit is not None else ""
        found.notes.append(f"the account is on AWS's Free plan until {until:%Y-%m-%d}{left}; then AWS closes it")


def _beyond_free_plan(database: Mapping[str, Any], *, nat: str | None) -> list[str]:
    """Return what RDS and EC2 refuse of the settings on the Free plan, with what they take.

    The values left out are those of terraform/variables.tf; a test compares them.
    """
    values: dict[str, Any] = {"instance_class": "db.t4g.micro", "backup_days": 7} | {
        key: value for key, value in database.items() if value is not None
    }
    lines = []
    if values["instance_class"] not in _FREE_CLASSES:
        lines.append(f"instance_class {values['instance_class']} (it makes db.t4g.micro)")
    if values["backup_days"] > _FREE_BACKUP_DAYS:
        lines.append(f"backup_days {values['backup_days']} (it takes 0 and {_FREE_BACKUP_DAYS})")
    if nat == "instance":  # of EC2's types the Free plan has t3.micro, t4g.micro and some larger ones
        lines.append('network.nat "instance", a t4g.nano (EC2 refuses it there; take "gateway")')
    return lines


def _executions(found: Found, account: Account, crawlers: int) -> None:
    limit = int(account.client("lambda").get_account_settings()["AccountLimit"]["ConcurrentExecutions"])
    left = limit - BESIDE_CRAWLERS
    if left < 1:
        found.add(
            f"the account allows {limit} executions of Lambda at once, and Trapline needs {BESIDE_CRAWLERS + 1}",
            "ask AWS for more: Service Quotas, AWS Lambda, Concurrent executions (L-B99A9384)",
        )
    elif left < crawlers:
        found.notes.append(
            f"the account allows {limit} executions of Lambda at once: of the {crawlers} crawlers that crawls.yaml"
            f" allows {left} will run, so that dispatcher and notifier are not kept waiting; Service Quotas, AWS"
            " Lambda, Concurrent executions, gives more"
        )


def _permissions(found: Found, account: Account, environment: str, kinds: set[str]) -> None:
    try:
        lacking = denied(account, environment, kinds)
    except ClientError as error:
        if error.response["Error"].get("Code") != "NoSuchEntity":
            raise
        # A role below a path, which the caller may not look up
        found.notes.append("could not look at the caller's permissions: IAM knows the role by another path")
        return
    unsure = [one for one in lacking if one.depends_on]
    if unsure:
        keys = sorted({key for one in unsure for key in one.depends_on})
        found.notes.append(
            f"IAM can't say beforehand whether {account.caller} may {_listed([one.action for one in unsure])}: that"
            f" depends on {', '.join(keys)}"
        )
    by_whom: defaultdict[str, list[Denial]] = defaultdict(list)
    for one in lacking:
        if not one.depends_on:
            by_whom[one.by].append(one)
    for whom, denials in sorted(by_whom.items()):
        actions = _listed([one.action for one in denials])
        if whom:
            found.add(f"{whom} denies {account.caller} {actions}", "only whoever wrote that can allow it: ask them")
        else:
            found.add(
                f"{account.caller} may not {actions}",
                "an administrator gives you the policies that this prints: .venv/bin/python -m"
                f" tools.terraform.deployer {environment} {account.region} {account.id}; docs/aws.md, 'Who deploys'",
            )


def _listed(names: Sequence[str], *, at_most: int = 12) -> str:
    shown = ", ".join(names[:at_most])
    return shown if len(names) <= at_most else f"{shown} and {len(names) - at_most} more"
