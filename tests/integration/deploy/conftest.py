"""An account of moto's, and credentials of no real account."""

from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from tools.deploy.account import Account

REGION = "eu-central-1"


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials of no real account, and no endpoint of the developer's shell."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it would keep these credentials for later tests


@pytest.fixture
def account() -> Iterator[Account]:
    """An empty account."""
    with mock_aws():
        yield Account(
            id="123456789012", caller="arn:aws:iam::123456789012:user/t", region=REGION, ignore_endpoints=True
        )
