"""A month of each environment at AWS's list prices, by its own plan."""

import json
from datetime import date

import pytest

from tools.shell import ROOT, ToolError
from tools.terraform.cost import PRICES, monthly_cost, prices, table

MOST_FOR_DEV = 25.0
"""US dollars a month at us-east-1's list prices, before free tiers, with address and disk."""
FEW = 10
WAY_OUT = ("NAT gateways", "NAT instance with its disk", "public IPv4 addresses")
FILE = json.loads(PRICES.read_text())


def test_dev_is_cheap_and_the_documentation_says_what_both_cost(plans):
    """The table in docs/aws.md is what the plans cost; dev stays below its limit."""
    costs = {name: monthly_cost(plans(name)) for name in ("dev", "prod")}
    assert costs["dev"].total <= MOST_FOR_DEV
    assert table(costs) in (ROOT / "docs/aws.md").read_text(), table(costs)
    assert f"prices of {FILE['date']}" in (ROOT / "docs/aws.md").read_text()


def test_the_readme_says_the_same(plans):
    """Its two rows are the totals, and those without a way out of our own, in whole dollars."""
    rows = {"settings": [], "network": []}
    for name in ("dev", "prod"):
        cost = monthly_cost(plans(name))
        rows["settings"].append(f"{cost.total:.0f}")
        rows["network"].append(f"{cost.total - sum(cost.parts.get(part, 0.0) for part in WAY_OUT):.0f}")
    text = (ROOT / "README.md").read_text()
    assert f"| a month, besides, `dev` / `prod` settings | about {' / '.join(rows['settings'])} |" in text
    assert f"| the same in a network of your own | about {' / '.join(rows['network'])} |" in text


def test_dev_has_few_alarms_and_nothing_that_is_paid_for_comfort(plans):
    """With the relay on it has ten alarms at most, no key of its own, no gateway and no enhanced monitoring."""
    plan = plans("dev", relay=True)
    made = [one["type"] for one in plan["resource_changes"]]
    assert 5 < made.count("aws_cloudwatch_metric_alarm") <= FEW
    assert {"aws_kms_key", "aws_nat_gateway"}.isdisjoint(made)
    assert made.count("aws_instance") == 1
    (database,) = [one for one in plan["resource_changes"] if one["type"] == "aws_db_instance"]
    assert database["change"]["after"]["monitoring_interval"] == 0
    assert monthly_cost(plan).total <= MOST_FOR_DEV


def test_every_part_is_counted(plans):
    """A gateway, a zone more, a larger disk and an alarm each cost what the list says."""
    dev = monthly_cost(plans("dev"))
    assert dev.parts["public IPv4 addresses"] == pytest.approx(730 * 0.005)
    assert dev.parts["NAT instance with its disk"] == pytest.approx(730 * 0.0042 + 8 * 0.08)
    larger = plans("dev")
    (database,) = [one for one in larger["resource_changes"] if one["type"] == "aws_db_instance"]
    database["change"]["after"] |= {"multi_az": True, "allocated_storage": 40}
    assert monthly_cost(larger).total - dev.total == pytest.approx(730 * 0.016 + 40 * 0.23 - 20 * 0.115)


def test_what_has_no_price_is_refused(plans):
    """A new type of resource, or another size, is not taken for free."""
    plan = plans("dev")
    plan["resource_changes"].append({"type": "aws_eks_cluster", "change": {"after": {}}})
    with pytest.raises(ToolError, match="what aws_eks_cluster costs is not known"):
        monthly_cost(plan)
    plan = plans("dev")
    (database,) = [one for one in plan["resource_changes"] if one["type"] == "aws_db_instance"]
    database["change"]["after"]["instance_class"] = "db.r7g.large"
    with pytest.raises(ToolError, match=r"no price of 'db\.r7g\.large'"):
        monthly_cost(plan)


@pytest.mark.parametrize(
    ("kind", "argument", "value"),
    [
        ("aws_vpc_endpoint", "vpc_endpoint_type", "Interface"),
        ("aws_ssm_parameter", "tier", "Advanced"),
        ("aws_db_instance", "performance_insights_retention_period", 93),
        ("aws_cloudwatch_metric_alarm", "metric_query", [{"id": "a"}, {"id": "b"}]),
    ],
)
def test_what_is_free_in_one_form_is_refused_in_another(plans, kind, argument, value):
    """A type that costs nothing, or one price, in the form that is planned is not taken for that in any other."""
    plan = plans("dev")
    one = next(change for change in plan["resource_changes"] if change["type"] == kind)
    one["change"]["after"][argument] = value
    with pytest.raises(ToolError, match=f"what {kind} costs with {argument} = "):
        monthly_cost(plan)


def test_every_price_has_its_source_and_the_file_its_day():
    """Each figure can be looked up where AWS publishes it."""
    assert FILE["sources"].keys() == prices().keys()
    assert all(source.startswith("https://aws.amazon.com/") for source in FILE["sources"].values())
    assert date.fromisoformat(FILE["date"]) >= date(2025, 1, 1)
