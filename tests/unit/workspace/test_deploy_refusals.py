"""What `make deploy` refuses before it asks AWS anything, and what it says then."""

import errno
import os
import subprocess

import pytest

from tools.deploy import __main__ as deploy_main
from tools.deploy import environments
from tools.deploy.__main__ import main
from tools.deploy.destroy import refuse_protected, stays
from tools.deploy.environments import Environment, confirm, known, refuse_dirty, refuse_stateless, restrict_endpoints
from tools.deploy.services import VERSIONED, service
from tools.deploy.settings import Settings
from tools.shell import ROOT, ToolError

ELSEWHERE = "https://lambda.example"
HERE = "https://127.0.0.1:4566"


def environment(folder, name="dev", **settings):
    usual = {"region": "eu-central-1", "account_id": None, "architecture": "x86_64"}
    flags = {"disposable": name == "dev", "local_aws": False, "protected": name != "dev"}
    (folder / "envs").mkdir(exist_ok=True)
    return Environment(
        name=name, folder=folder, settings=Settings(**{"environment": name, **usual, **flags, **settings})
    )


@pytest.mark.parametrize("env", ["", "staging", "local"])
def test_an_unknown_environment_is_refused_with_the_valid_ones(env):
    """A missing or wrong ENV names what there is; the local AWS is `make up`."""
    with pytest.raises(ToolError, match="it is one of dev, prod"):
        known(env)


@pytest.mark.parametrize("name", ["Dev", "1dev", "de-v", "größe", "a" * 17])
def test_a_name_that_aws_would_refuse_is_refused_before(tmp_path, name):
    """A file of that name is there, and Terraform would refuse its name after the state's bucket was made."""
    (tmp_path / "envs").mkdir()
    (tmp_path / f"envs/{name}.tfvars").write_text("")
    with pytest.raises(ToolError, match=f"can't have the name {name}.*1 to 16 of a-z and 0-9.*Rename {name}.tfvars"):
        known(name, tmp_path)
    text = (ROOT / "terraform/variables.tf").read_text()
    assert f'regex("^{environments._NAME.pattern}$", var.environment)' in text


@pytest.mark.parametrize("stray", ["terraform.tfvars", "mine.auto.tfvars", "mine.auto.tfvars.json"])
def test_settings_that_only_terraform_would_read_are_refused(tmp_path, stray):
    """Terraform reads such a file by itself; the price, the region and the permissions would be of other settings."""
    (tmp_path / "envs").mkdir()
    (tmp_path / "envs/dev.tfvars").write_text("")
    (tmp_path / stray).write_text("")
    with pytest.raises(ToolError, match=f"{stray} in terraform/ is read by Terraform for every.*envs/dev.tfvars"):
        environments.find("dev", terraform="/nowhere", environ={}, folder=tmp_path)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_said_in_a_line(monkeypatch, number):
    """Wherever a build or a record meets it; another error of the system's is no such line."""

    def fails(error):
        def act(_options):
            raise OSError(error, os.strerror(error), "/somewhere/x.zip")

        monkeypatch.setattr(deploy_main, "_act", act)
        main(["deploy", "--env", "dev"])

    with pytest.raises(ToolError, match=f"{os.strerror(number)}: /somewhere/x.zip; make room, and run the same"):
        fails(number)
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        fails(errno.EIO)


@pytest.mark.parametrize("wrong", ["", "crawlers", "relay"])
def test_an_unknown_service_is_refused_with_the_valid_ones(wrong):
    """A missing or wrong SERVICE names the four; only `make version` takes the library besides."""
    with pytest.raises(ToolError, match="one of crawler, dispatcher, notifier, operator"):
        service(wrong)
    assert service("common", of=VERSIONED) == "common"


def test_prod_is_asked_for_twice():
    """Only prod's own name confirms it, and dev needs none."""
    for given in ("", "yes", "dev"):
        with pytest.raises(ToolError, match="needs CONFIRM=prod"):
            confirm("prod", given, doing="deploying to")
    confirm("prod", "prod", doing="deploying to")
    confirm("dev", "", doing="deploying to")


@pytest.mark.parametrize("action", ["deploy", "apply", "destroy", "service"])
def test_every_command_that_acts_asks_for_prod(action):
    """No command that changes prod works without its confirmation; nothing was run before it is asked for."""
    more = ["--service", "crawler"] if action == "service" else []
    with pytest.raises(ToolError, match="needs CONFIRM=prod"):
        main([action, "--env", "prod", *more])


def test_a_dirty_tree_is_refused_with_its_files(tmp_path):
    """Changed and new files are named; the record that deploying writes itself is no dirt."""
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run([*git, "init", "-q"], cwd=tmp_path, check=True)
    (tmp_path / "terraform/envs").mkdir(parents=True)
    for name in ("a.py", "terraform/envs/dev.releases.tfvars.json"):
        (tmp_path / name).write_text("{}")
    subprocess.run([*git, "add", "."], cwd=tmp_path, check=True)
    subprocess.run([*git, "commit", "-qm", "x"], cwd=tmp_path, check=True)
    (tmp_path / "terraform/envs/dev.releases.tfvars.json").write_text('{"releases": {}}')
    refuse_dirty(tmp_path)
    (tmp_path / "a.py").write_text("changed")
    (tmp_path / "new.py").write_text("")
    with pytest.raises(ToolError, match=r"(?s)dirty.* M a\.py.*\?\? new\.py"):
        refuse_dirty(tmp_path)


def test_no_commit_at_all_is_no_clean_tree(tmp_path, monkeypatch):
    """Where git can't answer, nothing is deployed."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(ToolError, match="git can't say"):
        refuse_dirty(tmp_path)


def test_a_missing_backend_for_the_state_says_what_to_do(tmp_path):
    """Without its backend file an environment is refused; a state on this machine would be lost."""
    one = environment(tmp_path)
    with pytest.raises(ToolError, match=r"make deploy ENV=dev makes a bucket, and terraform/envs/dev\.backend\.hcl"):
        refuse_stateless(one)
    one.backend.write_text("")
    refuse_stateless(one)


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
def test_no_local_endpoint_leaks_into_an_account(tmp_path, variable):
    """An endpoint that `make up` left in the shell is refused, and those of ~/.aws/config are ignored."""
    with pytest.raises(ToolError, match=f"{variable} is set.*unset it"):
        restrict_endpoints(environment(tmp_path), {variable: HERE})
    assert restrict_endpoints(environment(tmp_path), {"A": "b"}) == {
        "A": "b",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
    }


@pytest.mark.parametrize(
    "environ", [{}, {"AWS_ENDPOINT_URL": ELSEWHERE}, {"AWS_ENDPOINT_URL": HERE, "AWS_ENDPOINT_URL_S3": ELSEWHERE}]
)
def test_a_local_aws_is_on_this_machine(tmp_path, environ):
    """An environment on a local AWS never reaches another one, by no service's own endpoint either."""
    with pytest.raises(ToolError, match="is on a local AWS, but"):
        restrict_endpoints(environment(tmp_path, local_aws=True), environ)
    restrict_endpoints(environment(tmp_path, local_aws=True), {"AWS_ENDPOINT_URL": HERE})


def test_a_protected_database_says_how_to_give_it_up(tmp_path):
    """Destroying prod is refused with every step that would make it possible, what to save and what to empty."""
    with pytest.raises(ToolError) as refused:
        refuse_protected(environment(tmp_path, "prod"))
    text = str(refused.value)
    for word in ("snapshot", "deletion_protection = false", "make apply ENV=prod CONFIRM=prod", "empty the bucket"):
        assert word in text
    refuse_protected(environment(tmp_path))


def test_a_destroy_names_what_stays(tmp_path):
    """The state's bucket and the key stay everywhere, the secrets' names where they can be had back."""
    assert "7 days" in stays(environment(tmp_path))
    assert "secrets" not in stays(environment(tmp_path))
    assert "secrets, for 30 days" in stays(environment(tmp_path, "prod"))


def test_the_environments_are_the_files(tmp_path):
    """An environment is a file in envs/; the records beside them and the local AWS are none."""
    (tmp_path / "envs").mkdir()
    for name in ("b.tfvars", "a.tfvars", "local.tfvars", "a.releases.tfvars.json", "a.backend.hcl"):
        (tmp_path / "envs" / name).write_text("")
    assert environments.names(tmp_path) == ["a", "b"]
