"""Where a deployment is: told by the clone, by the shell, or by nobody."""

import json

import pytest

from trapline.remote.deployed_region import deployed_region


@pytest.fixture
def clone(tmp_path):
    """A folder deep in a clone with a tfvars file for dev; ``tmp_path`` is the clone."""
    (tmp_path / "terraform/envs").mkdir(parents=True)
    text = 'environment = "dev"\n# region = "us-west-1"\nregion      = "eu-west-3"\n'
    (tmp_path / "terraform/envs/dev.tfvars").write_text(text)
    (tmp_path / "crawls/of/mine").mkdir(parents=True)
    return tmp_path / "crawls/of/mine"


def test_what_the_deploy_wrote_comes_first(clone, tmp_path):
    """The region of a deployment is a fact; the shell's is that of other work as well."""
    answers = tmp_path / "terraform/envs/dev.account.tfvars.json"
    answers.write_text(json.dumps({"region": "us-east-2"}))
    assert deployed_region("dev", environ={"AWS_REGION": "eu-central-1"}, folder=clone) == "us-east-2"
    assert deployed_region("prod", environ={"AWS_REGION": "eu-central-1"}, folder=clone) == "eu-central-1"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"region": null}', "{"])
def test_a_file_that_says_nothing_is_passed_over(clone, tmp_path, text):
    """A broken or foreign file leaves it to the next place."""
    (tmp_path / "terraform/envs/dev.account.tfvars.json").write_text(text)
    assert deployed_region("dev", environ={"AWS_REGION": "eu-central-1"}, folder=clone) == "eu-central-1"
    assert deployed_region("dev", environ={}, folder=clone) == "eu-west-3"


def test_elsewhere_the_shell_or_the_profile_says_it(tmp_path):
    """Outside of a clone nothing is guessed."""
    assert deployed_region("dev", environ={"AWS_REGION": "eu-central-1"}, folder=tmp_path) == "eu-central-1"
    assert deployed_region("dev", environ={"AWS_REGION": ""}, folder=tmp_path) is None
