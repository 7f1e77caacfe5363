"""What an environment costs in a month although nothing is crawled, by its plan and AWS's list prices of a day.

Before free tiers, in US dollars of us-east-1; other regions differ by a few per cent. Left out is what grows with use:
logs, pictures, images, data through the way out, and the runs themselves.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tools.shell import ToolError

PRICES = Path(__file__).with_name("prices.json")
HOURS = 730
"""Hours of a month, as AWS's calculator has them."""
TICKS = HOURS * 60
"""Minute ticks of a month."""
TICK_SECONDS = 0.5
"""Seconds that a tick is charged for where nothing is due: a warm dispatcher's connection and its look at the ledger,
taken long."""
FREE = frozenset(
    {
        "aws_cloudformation_stack", "aws_cloudwatch_event_rule", "aws_cloudwatch_event_target",
        "aws_cloudwatch_log_group", "aws_db_parameter_group", "aws_db_subnet_group", "aws_default_security_group",
        "aws_ecr_lifecycle_policy", "aws_ecr_repository", "aws_ecr_repository_policy", "aws_eip_association",
        "aws_flow_log", "aws_iam_role", "aws_iam_role_policy", "aws_iam_role_policy_attachment",
        "aws_internet_gateway", "aws_kms_alias", "aws_lambda_alias", "aws_lambda_event_source_mapping",
        "aws_lambda_function", "aws_lambda_function_event_invoke_config", "aws_lambda_permission", "aws_route",
        "aws_route_table", "aws_route_table_association", "aws_s3_bucket", "aws_s3_bucket_lifecycle_configuration",
        "aws_s3_bucket_ownership_controls", "aws_s3_bucket_policy", "aws_s3_bucket_public_access_block",
        "aws_s3_bucket_server_side_encryption_configuration", "aws_s3_bucket_versioning", "aws_s3_object",
        "aws_scheduler_schedule_group", "aws_security_group", "aws_sfn_state_machine", "aws_sns_topic",
        "aws_sns_topic_policy", "aws_sns_topic_subscription", "aws_sqs_queue", "aws_ssm_parameter", "aws_subnet",
        "aws_vpc", "aws_vpc_endpoint", "aws_vpc_security_group_egress_rule", "aws_vpc_security_group_ingress_rule",
        "terraform_data",
    }
)  # fmt: skip
"""Types that cost nothing for being there, as long as they are what ``_FREE_WHILE`` says."""
_FREE_WHILE: Mapping[str, tuple[str, tuple[Any, ...]]] = {
    "aws_vpc_endpoint": ("vpc_endpoint_type", ("Gateway", None)),  # an interface costs by the hour
    "aws_ssm_parameter": ("tier", ("Standard", None)),
    "aws_db_instance": ("performance_insights_retention_period", (7, None)),  # days; longer is paid by the processor
    "aws_cloudwatch_metric_alarm": ("metric_query", ([], None)),  # each metric of an expression is an alarm's price
}
"""By type: the argument by which it would cost more than it is taken for, and the values by which it does not."""

Made = Mapping[str, Any]
"""The arguments of one resource, as the plan has them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """A month of one environment, in US dollars."""

    parts: dict[str, float]
    """Dollars by part, in the order in which a person reads them; a part that is not there is left out."""

    @property
    def total(self) -> float:
        """Dollars in all."""
        return sum(self.parts.values())


@cache
def prices() -> Any:
    """Return the list prices by what they are for."""
    return json.loads(PRICES.read_text())["prices"]


def monthly_cost(plan: Mapping[str, Any]) -> Cost:
    """Return the cost of what ``plan``, as ``terraform show -json`` has it, leaves in the account.

    Raises ``ToolError`` for a type of resource of which nothing is known, and for a size without a price.
    """
    parts: defaultdict[str, float] = defaultdict(float)
    metrics = set()
    for kind, made in _left(plan):
        argument, free = _FREE_WHILE.get(kind, ("", ()))
        if argument and made.get(argument) not in free:
            raise ToolError(
                f"what {kind} costs with {argument} = {made[argument]} is not known: tools/terraform/cost.py"
            )
        if kind == "aws_cloudwatch_log_metric_filter":
            to = made["metric_transformation"][0]
            metrics.add((to["namespace"], to["name"]))
        elif kind == "aws_scheduler_schedule":
            parts["minute tick"] += _tick(made, plan)
        elif kind in _PRICED:
            part, price = _PRICED[kind]
            try:
                parts[part] += price(made)
            except KeyError as error:
                raise ToolError(f"{PRICES.name} has no price of {error}") from error
            if kind == "aws_db_instance":
                parts[STORAGE] += made["allocated_storage"] * prices()["database_gib_month"][_zones(made)]
                parts["secrets"] += prices()["secret_month"]  # RDS keeps the administrator's
        elif kind not in FREE:
            raise ToolError(f"what {kind} costs is not known: tools/terraform/cost.py")
    parts["metrics"] += len(metrics) * prices()["metric_month"]
    return Cost(parts={part: round(parts[part], 4) for part in PARTS if parts[part] > 0})


def _left(plan: Mapping[str, Any]) -> Iterator[tuple[str, Made]]:
    for change in plan["resource_changes"]:
        after = change["change"]["after"]
        if change.get("mode", "managed") == "managed" and after is not None:
            yield change["type"], after


def _instance(made: Made) -> float:
    volume = made["root_block_device"][0]
    disk: float = volume["volume_size"] * prices()["volume_gib_month"][volume["volume_type"]]
    machine: float = HOURS * prices()["instance_hour"][made["instance_type"]]
    return machine + disk


def _database(made: Made) -> float:
    hour: float = prices()["database_hour"][made["instance_class"]][_zones(made)]
    return HOURS * hour


def _zones(made: Made) -> str:
    return "two_zones" if made["multi_az"] else "one_zone"


def _tick(schedule: Made, plan: Mapping[str, Any]) -> float:
    """Return what the minute's schedule costs at the most: while nothing is due it comes once an hour.

    A crawl's own schedule costs its runs, which are use.
    """
    if schedule["name"] != "_reap":
        return 0.0
    dispatcher = next(
        made for kind, made in _left(plan)
        if kind == "aws_lambda_function" and made["function_name"].endswith("-dispatcher")
    )  # fmt: skip
    gib = dispatcher["memory_size"] / 1024
    second: float = gib * prices()["function_gib_second"][dispatcher["architectures"][0]]
    call: float = prices()["schedule_call"] + prices()["function_call"]
    return TICKS * (call + TICK_SECONDS * second)


_PRICED: Mapping[str, tuple[str, Callable[[Made], float]]] = {
    "aws_nat_gateway": ("NAT gateways", lambda _: HOURS * prices()["nat_gateway_hour"]),
    "aws_instance": ("NAT instance with its disk", _instance),
    "aws_eip": ("public IPv4 addresses", lambda _: HOURS * prices()["public_ipv4_hour"]),
    "aws_db_instance": ("database", _database),
    "aws_kms_key": ("key", lambda _: prices()["key_month"]),
    "aws_secretsmanager_secret": ("secrets", lambda _: prices()["secret_month"]),
    "aws_cloudwatch_metric_alarm": ("alarms", lambda _: prices()["alarm_month"]),
}
"""By type: the part that it belongs to, and its dollars a month."""
STORAGE = "its storage"
PARTS = (
    "NAT gateways", "NAT instance with its disk", "public IPv4 addresses", "database", STORAGE, "key", "secrets",
    "alarms", "metrics", "minute tick",
)  # fmt: skip


def table(costs: Mapping[str, Cost]) -> str:
    """Return the costs of environments beside one another, as the documentation has them."""
    found = [part for part in PARTS if any(part in cost.parts for cost in costs.values())]
    rows = [["part", *costs], ["---"] * (len(costs) + 1)]
    rows += [[part, *(_dollars(cost.parts.get(part)) for cost in costs.values())] for part in found]
    rows.append(["**together**", *(f"**{cost.total:.2f}**" for cost in costs.values())])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _dollars(amount: float | None) -> str:
    return "" if amount is None else f"{amount:.2f}"
