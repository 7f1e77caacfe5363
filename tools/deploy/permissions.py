"""What a deployer must be allowed, asked of IAM's own simulator; what is asked is ``tools.terraform.deployer``'s."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from tools.deploy.account import Account
from tools.terraform import deployer

_AT_ONCE = 50
"""Actions of one question to IAM, so that a refusal for size is far."""
_ASKED_OF: Mapping[str, tuple[str, ...]] = {
    deployer.PASSED_TO: ("lambda.amazonaws.com", "scheduler.amazonaws.com"),
    deployer.LINKED_TO: ("rds.amazonaws.com",),
}
"""By key of a condition: for which services IAM is asked, each by itself: those that every environment needs. Of an
action without such a condition the first is told all the same, so that the key is not missed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Denial:
    """An action that the caller may not perform, as far as IAM can tell."""

    action: str
    """IAM's name of it."""
    by: str = ""
    """Who denies it, where it is not the caller's own policies."""
    depends_on: tuple[str, ...] = field(default=())
    """Keys of conditions that IAM's simulator can't know: with them the action may be allowed all the same."""


def denied(account: Account, environment: str, kinds: Iterable[str]) -> list[Denial]:
    """Return what the caller may not do of what an environment with these types needs. Raises ``ClientError``.

    One resource is asked of for each action, so that a policy that names Trapline's own is taken for what it allows.
    The root user may do everything, and IAM simulates nothing for it.
    """
    principal = _principal(account)
    if principal is None:
        return []
    iam, found = account.client("iam"), dict[str, Denial]()
    wanted = deployer.actions(kinds) - {"sts:GetCallerIdentity"}  # nobody can be denied that
    places = deployer.asked(wanted, name=environment, region=account.region, account=account.id)
    for resource, actions in places.items():
        for names, known in _questions(actions):
            context = [_entry(key, value) for key, value in {"aws:RequestedRegion": account.region, **known}.items()]
            pages = iam.get_paginator("simulate_principal_policy").paginate(
                PolicySourceArn=principal, ActionNames=names, ResourceArns=[resource], ContextEntries=context
            )
            for one in (result for page in pages for result in page["EvaluationResults"]):
                if one["EvalDecision"] != "allowed":
                    found.setdefault(one["EvalActionName"], _denial(one))
    return [found[action] for action in sorted(found)]


def _questions(actions: Iterable[str]) -> Iterator[tuple[list[str], dict[str, str]]]:
    """Yield actions that can be asked of together, with the values of conditions' keys that they come with."""
    usual = {key: services[0] for key, services in _ASKED_OF.items()}
    only = {action: deployer.condition(action) for action in sorted(actions)}
    free = [action for action, key in only.items() if key is None]
    for start in range(0, len(free), _AT_ONCE):
        yield free[start : start + _AT_ONCE], usual
    for action, key in only.items():
        for service in _ASKED_OF[key] if key is not None else ():
            yield [action], usual | {str(key): service}


def _entry(key: str, value: str) -> dict[str, Any]:
    return {"ContextKeyName": key, "ContextKeyType": "string", "ContextKeyValues": [value]}


def _denial(result: Mapping[str, Any]) -> Denial:
    by = ""
    if not result.get("OrganizationsDecisionDetail", {}).get("AllowedByOrganizations", True):
        by = "a policy of your organization"
    elif not result.get("PermissionsBoundaryDecisionDetail", {}).get("AllowedByPermissionsBoundary", True):
        by = "your permissions boundary"
    keys: set[str] = set()
    if result["EvalDecision"] == "implicitDeny" and not by:  # a policy that denies by its own words misses no value
        for part in (result, *result.get("ResourceSpecificResults", ())):
            keys |= set(part.get("MissingContextValues", ()))
    return Denial(action=result["EvalActionName"], by=by, depends_on=tuple(sorted(keys)))


def _principal(account: Account) -> str | None:
    """Return the ARN that IAM simulates for the caller: a user's own, or the role's behind a session."""
    *_, name = account.caller.split(":", 5)
    kind, _, rest = name.partition("/")
    if kind == "assumed-role":
        role = rest.partition("/")[0]
        try:
            return str(account.client("iam").get_role(RoleName=role)["Role"]["Arn"])  # it knows the role's path
        except ClientError as error:
            if error.response["Error"].get("Code") != "AccessDenied":
                raise
            return f"arn:{account.partition}:iam::{account.id}:role/{role}"
    return account.caller if kind == "user" else None
