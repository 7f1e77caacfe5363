"""What an environment's own settings make, planned whole."""

import re

import pytest

from tools.shell import ROOT

DEPRECATED_BY_6 = re.compile(
    r"data\.aws_region\.\w+\.name\b|\bnetwork_interface\s*\{|\bvpc\s*=\s*true\b|\baws_eip_vpc\b"
)
"""What version 6 of the provider warns of or dropped, of what these modules could use: the upgrade guide's list."""


def made(plan, kind):
    """Return what the plan makes of one type, by address."""
    return {one["address"]: one["change"]["after"] for one in plan["resource_changes"] if one["type"] == kind}


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_what_all_regions_of_an_account_share_has_the_region_in_its_name(environment, plans):
    """Roles are of the account, and buckets of the world: a second region can hold the same environment."""
    plan = plans(environment)
    named = [one["name"] for one in made(plan, "aws_iam_role").values()]
    named += [one["bucket"] for one in made(plan, "aws_s3_bucket").values()]
    assert len(named) > 5
    assert [name for name in named if not name.endswith("-eu-central-1")] == []
    longest = 63 - (16 - len(environment))  # of a bucket's name, where the environment's has 16 letters
    assert [name for name in named if len(name) > longest] == []


def test_nothing_is_used_that_the_providers_next_version_deprecates():
    """No file names what 6.x warns of; the range declares it."""
    files = {path: path.read_text() for path in (ROOT / "terraform").rglob("*.tf")}
    assert [str(path) for path, text in files.items() if DEPRECATED_BY_6.search(text)] == []
    versions = [text for path, text in files.items() if path.name == "versions.tf"]
    assert len(versions) > 10
    assert all('version = ">= 5.100, < 7.0"' in text for text in versions)
