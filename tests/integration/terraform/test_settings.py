"""What `make deploy` knows of an environment is what Terraform knows of it."""

import os
import re

import pytest

from tools.deploy.environments import find
from tools.deploy.settings import read
from tools.shell import ToolError


def test_an_environments_settings_are_terraforms(terraform_binary):
    """The two environments that are checked in, with what decides how they are deployed."""
    dev, prod = (find(name, terraform=terraform_binary, environ=os.environ).settings for name in ("dev", "prod"))
    assert (dev.environment, dev.disposable, dev.protected, dev.local_aws) == ("dev", True, False, False)
    assert (prod.environment, prod.disposable, prod.protected, prod.architecture) == ("prod", False, True, "x86_64")
    assert dev.account_id is None


def test_defaults_are_those_of_the_root(terraform_binary, root, tmp_path):
    """What a file leaves out has the value that the root's own variable has."""
    (tmp_path / "x.tfvars").write_text('environment = "x"\nregion = "eu-central-1"\n')
    found = read(tmp_path / "x.tfvars", terraform=terraform_binary, environ=os.environ)
    text = (root.folder / "variables.tf").read_text()
    defaults = {
        name: text.partition(f'variable "{name}" {{')[2].partition("default     = ")[2].partition("\n")[0]
        for name in ("architecture", "disposable", "local_aws", "account_id")
    }
    assert defaults == {
        "architecture": f'"{found.architecture}"',
        "disposable": str(found.disposable).lower(),
        "local_aws": str(found.local_aws).lower(),
        "account_id": "null",
    }
    assert "deletion_protection = optional(bool, true)" in text
    assert found.protected
    assert found.account_id is None


def test_an_unreadable_file_is_refused_in_terraforms_words(terraform_binary, tmp_path):
    """A slip of the pen is named with its line; a file without a region says so."""
    (tmp_path / "x.tfvars").write_text('environment = "x"\nregion = \n')
    with pytest.raises(ToolError, match=r"x\.tfvars"):
        read(tmp_path / "x.tfvars", terraform=terraform_binary, environ=os.environ)
    (tmp_path / "x.tfvars").write_text('environment = "x"\n')
    with pytest.raises(ToolError, match="region must be set"):
        read(tmp_path / "x.tfvars", terraform=terraform_binary, environ=os.environ)


def variables(folder):
    """Return the variables of a module that are more than a yes or no, by name, each with its block's text."""
    blocks = re.findall(
        r'^variable "([a-z0-9_]+)" \{\n(.*?)^\}', (folder / "variables.tf").read_text(), re.DOTALL | re.MULTILINE
    )
    return {name: body for name, body in blocks if not re.search(r"type += bool", body)}


def refused(*files):
    """Return the variables that runs of these test files give a bad value to."""
    runs = "".join(file.read_text() for file in files)
    failures = " ".join(re.findall(r"expect_failures = \[(.*?)\]", runs, re.DOTALL))
    return set(re.findall(r"\bvar\.([a-z0-9_]+)", failures))


def test_a_bad_value_of_every_variable_is_refused(root):
    """Each variable of the root that is more than a yes or no has a run that gives it a bad value."""
    names = variables(root.folder).keys()
    assert len(names) > 20
    assert names - refused(*(root.folder / "tests").glob("root_*.tftest.hcl")) == set()


def test_every_switch_is_thrown(root):
    """Each variable of the root is set in a run of its tests: none is there that nobody has tried."""
    text = (root.folder / "variables.tf").read_text()
    names = set(re.findall(r'^variable "([a-z0-9_]+)" \{', text, re.MULTILINE))
    runs = "".join(path.read_text() for path in (root.folder / "tests").glob("root_*.tftest.hcl"))
    assert {name for name in names if not re.search(rf"^\s+{name}\s+=", runs, re.MULTILINE)} == set()


NOT_A_PERSONS: dict[str, set[str]] = {
    "names and ARNs that other modules make": {
        *("alarms.name", "alarms.topic_arn", "alarms.machines", "alarms.rules", "alarms.schedule_group"),
        *("alarms.run_log_groups", "alarms.operator_log_group", "alarms.database", "database.subnet_ids"),
        *("database.security_group_id", "function.vpc", "image_repository.function_names", "network.name"),
        *("network.kms_key_arn", "notifications.name", "notifications.notifier", "notifications.relay"),
        *("orchestration.bucket_arn", "schedules.target_arn", "schedules.machine_arn", "schedules.kms_key_arn"),
        "schedules.tick",
    },
    "texts and names that the root has": {"alarms.only", "function.description", "function.alias"},
    "numbers that the root has checked, or has itself": {
        *("orchestration.timeouts", "orchestration.pending_ttl", "orchestration.log_days"),
    },
    "a file that the root has read and checked": {"storage.crawls"},
}
"""Variables of modules whose value no person gives, so that none can be bad, by the reason."""


def test_a_bad_value_of_every_modules_variable_is_refused(root):
    """The same of each module by itself, but for what the root makes; a new variable has a bad value, or its reason."""
    unrefused, unchecked = set(), set()
    for folder in sorted((root.folder / "modules").iterdir()):
        bad = refused(root.folder / f"tests/{folder.name}.tftest.hcl")
        named = variables(folder)
        unrefused |= {f"{folder.name}.{name}" for name in named if name not in bad}
        unchecked |= {f"{folder.name}.{name}" for name, body in named.items() if "validation {" not in body}
    given = set().union(*NOT_A_PERSONS.values())
    assert unrefused == given
    assert given <= unchecked, "what is checked has a bad value that is refused"
