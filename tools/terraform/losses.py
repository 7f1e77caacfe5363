"""What a plan would take away for good: no apply of the tools' does that; `make destroy` does, and says so first."""

from collections.abc import Mapping
from typing import Any

KEPT: Mapping[str, str] = {
    "aws_db_instance": "the ledger",
    "aws_ecr_repository": "the images that a rollback needs",
    "aws_kms_key": "the key of all that it encrypted",
    "aws_s3_bucket": "screenshots, archives and packages",
    "aws_secretsmanager_secret": "what a person put into it",
    "aws_sns_topic": "its subscriptions, which each person would have to confirm again",
}
"""By type of resource: what is lost with it."""
MOVED = frozenset({'module.secrets.aws_secretsmanager_secret.this["session-key"]'})
"""What releases before had: the key of sessions, which is a parameter of SSM now. Nobody put it there by hand."""
_NEVER_WORKED = "replace_because_tainted"
"""Terraform's word for what an earlier apply could not make to its end."""


def losses(plan: Mapping[str, Any]) -> list[str]:
    """Return a line for each thing that ``plan``, as ``terraform show -json`` has it, takes away or makes anew."""
    lines = []
    for one in plan.get("resource_changes", ()):
        change = one["change"]
        if one["type"] not in KEPT or "delete" not in change["actions"] or one["address"] in MOVED:
            continue
        if one.get("action_reason") == _NEVER_WORKED:
            continue
        why = ", ".join(".".join(map(str, path)) for path in change.get("replace_paths", ()))
        anew = f"would be made anew, because of {why}" if why else "would go"
        lines.append(f"{one['address']} {anew}: {KEPT[one['type']]}")
    return lines
