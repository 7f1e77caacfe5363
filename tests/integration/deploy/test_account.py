"""Whose account it is."""

import pytest
from moto import mock_aws

from tools.deploy.account import account
from tools.deploy.environments import Environment
from tools.deploy.settings import Settings
from tools.shell import ToolError


def environment(folder, account_id):
    settings = Settings(
        environment="dev", region="eu-central-1", account_id=account_id, architecture="x86_64", disposable=True,
        local_aws=False, protected=False,
    )  # fmt: skip
    return Environment(name="dev", folder=folder, settings=settings)


def test_the_account_is_the_credentials_own(tmp_path):
    """Account and caller come from AWS, the region from the environment, nothing from the shell."""
    with mock_aws():
        found = account(environment(tmp_path, None))
        assert (found.id, found.region) == ("123456789012", "eu-central-1")
        assert account(environment(tmp_path, "123456789012")) == found
        assert found.client("s3").meta.region_name == "eu-central-1"


def test_the_wrong_account_is_refused(tmp_path):
    """Credentials of another account than the environment names are refused, with both accounts."""
    with mock_aws(), pytest.raises(ToolError, match=r"in account 210987654321 .* are of account 123456789012"):
        account(environment(tmp_path, "210987654321"))


def test_nobodys_credentials_are_refused_in_one_line(tmp_path, monkeypatch):
    """Without credentials the deploy tries nothing and says what to do."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(ToolError, match="does not know who you are"):
        account(environment(tmp_path, None))
