"""What a first deploy is about to make, in a few lines, with what it costs a month; and the one question."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from tools.deploy.services import CRAWLER, SERVICES, schema
from tools.shell import ToolError, say
from tools.terraform.cost import monthly_cost

_SHOWN = {
    "aws_lambda_function": "functions",
    "aws_db_instance": "database",
    "aws_s3_bucket": "bucket",
    "aws_ecr_repository": "image repository",
    "aws_vpc": "VPC",
    "aws_nat_gateway": "NAT gateway",
    "aws_instance": "NAT instance",
    "aws_kms_key": "key",
    "aws_secretsmanager_secret": "secrets",
    "aws_sns_topic": "topics",
    "aws_sqs_queue": "queues",
    "aws_scheduler_schedule": "schedules",
    "aws_cloudwatch_metric_alarm": "alarms",
    "aws_iam_role": "roles",
}
"""The kinds of resources that a person wants to hear of, in the words of the docs."""


def unbuilt(*, local_aws: bool) -> dict[str, dict[str, Any]]:
    """Return releases as a plan needs them before anything is built: their hashes stand for what is not known yet."""
    found: dict[str, dict[str, Any]] = {}
    for name, package in SERVICES.items():
        code: dict[str, Any] = {"key": f"packages/{name}/unbuilt.zip", "sha256": "unbuilt"}
        if name == CRAWLER and not local_aws:
            code = {"digest": f"sha256:{'0' * 64}"}
        found[name] = {"version": package.version, "schema": schema(), **code}
    return found


def summary(plan: Mapping[str, Any]) -> list[str]:
    """Return what the plan makes, changes and takes away, one line each."""
    doing: dict[str, Counter[str]] = {"makes": Counter(), "changes": Counter(), "takes away": Counter()}
    for resource in plan.get("resource_changes", []):
        if resource.get("mode", "managed") != "managed":
            continue
        actions = resource["change"]["actions"]
        for action, word in (("create", "makes"), ("update", "changes"), ("delete", "takes away")):
            if action in actions:
                doing[word][resource["type"]] += 1
    lines = []
    for word, kinds in doing.items():
        if kinds:
            named = ", ".join(f"{kinds[kind]} {what}" for kind, what in _SHOWN.items() if kinds[kind])
            lines.append(f"{word} {kinds.total()} resources" + (f": {named}" if named else ""))
    return lines or ["changes nothing"]


def agree(name: str, plan: Mapping[str, Any], *, yes: bool, ask: Callable[[str], str] | None) -> None:
    """Show the plan and its price, and ask once. Raises ``ToolError`` unless the answer, or ``yes``, is yes."""
    say(f"{name}: the first deploy")
    for line in summary(plan):
        say(f"  {line}")
    dollars = monthly_cost(plan).total
    say(f"  costs about {dollars:.2f} dollars a month at list prices, crawled or not; docs/aws.md has the prices")
    if yes:
        return
    if ask is None:
        raise ToolError("nobody is here to agree to that: say YES=1; nothing was built or made but the state's bucket")
    if ask("Go on? [y/N] ").strip().lower() not in {"y", "yes"}:
        raise ToolError("stopped as you said; nothing was built or made but the state's bucket")
