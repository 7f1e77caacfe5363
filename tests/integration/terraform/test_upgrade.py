"""What today's root would do to an environment that the last release made: nothing of value goes."""

import json
import os
import shutil
from pathlib import Path

import pytest

from support import last_release
from tests.integration.terraform.conftest import Terraform
from tools.shell import ROOT
from tools.terraform import binary as terraform
from tools.terraform.losses import KEPT, MOVED, losses

CHANGED = {
    "module.database[0].aws_db_instance.this": {"allow_major_version_upgrade"},
    "module.key[0].aws_kms_key.this": {"policy"},
}
"""Arguments of what is kept that may change, each in place; one that is new here is looked up: does it make it anew?"""


@pytest.fixture(scope="module")
def planned(terraform_binary, provider, tmp_path_factory):
    """The plans of the file's runs, by name."""
    base = tmp_path_factory.mktemp("upgrade")
    folder = shutil.copytree(ROOT / "terraform", base / "terraform", ignore=shutil.ignore_patterns("*.tftest.hcl"))
    shutil.copy(ROOT / "crawls.yaml", base)
    (last_release.unpack(base / "last", "terraform") / "terraform").rename(folder / "before")
    shutil.copy(Path(__file__).with_name("upgrade.tftest.hcl"), folder / "tests")
    made = Terraform(binary=terraform_binary, folder=folder, data=base / "data", provider=provider)
    made.must(*terraform.init_command(terraform_binary, folder, environ=os.environ, options=["-backend=false"])[2:])
    done = made.run("test", "-json", "-verbose")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    plans = {event["@testrun"]: event["test_plan"] for event in events if event["type"] == "test_plan"}
    assert plans.keys() == {"as_the_page_says", "unprepared"}, done.stdout[-3000:] + done.stderr
    return plans


def kept(plan):
    """Return what is kept, by address: the change, and the names of arguments that are known to differ."""
    found = {}
    for one in plan["resource_changes"]:
        change = one["change"]
        before, after = change["before"] or {}, change["after"] or {}
        if one["type"] in KEPT and before:
            names = {name for name in before if name not in change["after_unknown"] and before[name] != after.get(name)}
            found[one["address"]] = (change["actions"], names)
    return found


def test_an_upgrade_keeps_what_cannot_be_made_again(planned):
    """With the settings of docs/upgrades.md the ledger, bucket, images, key, topics and secrets stay as they are."""
    found = kept(planned["as_the_page_says"])
    gone = {address for address, (actions, _) in found.items() if "delete" in actions}
    assert gone == MOVED
    assert {address: names for address, (_, names) in found.items() if names and address not in gone} == CHANGED
    assert {address.rpartition(".")[0].rpartition(".")[2] for address in found} == set(KEPT)
    text = (ROOT / "docs/upgrades.md").read_text()
    assert 'bucket       = "trapline-dev-123456789012"' in text
    assert "customer_key = true" in text


def test_without_them_it_would_lose_some_of_it(planned):
    """The bucket would get another name, images another key, and the key would go that still encrypts the database."""
    found = kept(planned["unprepared"])
    assert "bucket" in found["module.storage.aws_s3_bucket.this"][1]
    assert "encryption_configuration" in found["module.image_repository[0].aws_ecr_repository.this"][1]
    assert "kms_key_id" not in found["module.database[0].aws_db_instance.this"][1]
    (line,) = losses(planned["unprepared"])  # a mocked provider does not know what makes a resource anew
    assert line.startswith("module.key[0].aws_kms_key.this would go")
