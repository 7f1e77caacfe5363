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


def test_a_bad_value_of_every_variable_is_refused(root):
    """Each variable of the root that is more than a yes or no has a run that gives it a bad value."""
    blocks = re.findall(
        r'^variable "([a-z_]+)" \{\n(.*?)^\}', (root.folder / "variables.tf").read_text(), re.DOTALL | re.MULTILINE
    )
    names = {name for name, body in blocks if not re.search(r"type += bool", body)}
    runs = "".join(path.read_text() for path in (root.folder / "tests").glob("root_*.tftest.hcl"))
    failures = " ".join(re.findall(r"expect_failures = \[(.*?)\]", runs, re.DOTALL))
    refused = set(re.findall(r"\bvar\.([a-z_]+)", failures))
    assert len(names) > 20
    assert names - refused == set()
