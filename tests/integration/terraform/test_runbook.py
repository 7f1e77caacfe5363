"""The runbook names each alarm that Terraform makes, and none besides."""

import re

import pytest

from tools.shell import ROOT

FUNCTIONS = "(crawler|dispatcher|durable|notifier|operator|reader|relay)"
LANE = "(fragile|licence)"


@pytest.fixture(scope="module")
def made(everything):
    """The names of all alarms of a root with every kind of lane, without the environment's prefix."""
    alarms = [one["values"]["alarm_name"] for one in everything if "alarm_name" in one["values"]]
    names = {name.removeprefix("trapline-test-") for name in alarms}
    assert names
    return names


def headings():
    """Each name in a heading of the runbook, with the text below it."""
    for part in (ROOT / "docs/runbook.md").read_text().split("\n### ")[1:]:
        title, _, text = part.partition("\n")
        for name in re.findall(r"`([^`]*)`", title):
            yield name, text.partition("\n## ")[0]


def pattern(name):
    return re.escape(name).replace("<function>", FUNCTIONS).replace("<lane>", LANE)


def test_each_alarm_has_its_page_and_each_page_its_alarm(made):
    """Who gets an alarm finds what it means; what was taken out of Terraform leaves the runbook, too."""
    patterns = {name: re.compile(pattern(name)) for name, _ in headings()}
    assert {one for one in made if not any(each.fullmatch(one) for each in patterns.values())} == set()
    assert {name for name, each in patterns.items() if not any(map(each.fullmatch, made))} == set()


def test_each_alarm_has_a_command_to_type():
    """A person at night reads what it means, and types what stands there."""
    for name, text in headings():
        assert re.search(r"```\n(trapline|aws|make) ", text), name
