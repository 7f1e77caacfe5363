"""Whose account it is."""

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    ProfileNotFound,
    UnauthorizedSSOTokenError,
)
from moto import mock_aws

from tools.deploy.account import Account, account, signed_in
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


def refused(code, message="no"):
    return ClientError({"Error": {"Code": code, "Message": message}}, "GetCallerIdentity")


@pytest.mark.parametrize(
    ("error", "do"),
    [
        (refused("RequestTimeTooSkewed"), "clock"),
        (refused("SignatureDoesNotMatch", "Signature expired: 20260101T000000Z is now earlier than"), "clock"),
        (refused("SignatureDoesNotMatch", "The request signature we calculated does not match"), "sign in"),
        (refused("ExpiredToken"), "sign in"),
        (UnauthorizedSSOTokenError(), "aws sso login"),
        (CredentialRetrievalError(provider="custom-process", error_msg="exit 1"), "sign in"),
        (ProfileNotFound(profile="gone"), "list-profiles"),
        (ConnectTimeoutError(endpoint_url="https://sts"), "network"),
    ],
)
def test_who_can_not_be_known_hears_what_helps(tmp_path, monkeypatch, error, do):
    """An expired log-in, a clock that is off, a profile that is not there and no network each have their remedy."""

    def fails(*_, **__):
        raise error

    monkeypatch.setattr(Account, "client", fails)
    with pytest.raises(ToolError, match=f"does not know who you are .*; .*{do}"):
        account(environment(tmp_path, None))


def test_a_region_that_is_not_there_is_no_matter_of_the_log_in(monkeypatch):
    """Its address is unknown; us-east-1 knows who it is, and the look at the region says what is wrong."""
    asked = []

    class Sts:
        def __init__(self, region):
            self.region = region

        def get_caller_identity(self):
            asked.append(self.region)
            if self.region is None:
                raise EndpointConnectionError(endpoint_url="https://sts.eu-cental-1.amazonaws.com")
            return {"Account": "123456789012", "Arn": "arn:aws:iam::123456789012:user/t"}

    monkeypatch.setattr(Account, "client", lambda _, _service, region=None: Sts(region))
    assert signed_in("eu-cental-1", local_aws=False).id == "123456789012"
    assert asked == [None, "us-east-1"]


def test_nobodys_credentials_are_refused_in_one_line(tmp_path, monkeypatch):
    """Without credentials the deploy tries nothing and says what to do."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(ToolError, match="does not know who you are"):
        account(environment(tmp_path, None))
