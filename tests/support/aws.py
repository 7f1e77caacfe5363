"""Accounts that moto keeps in memory, and the names in them."""

from collections.abc import Iterator
from contextlib import contextmanager

import boto3
import pytest
from moto import mock_aws
from mypy_boto3_s3 import S3Client

from trapline_common.aws.calls import CLIENT_CONFIG

BUCKET = "trapline-bucket"
"""The one bucket that is there."""


@contextmanager
def account_with_a_bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Client]:
    """Let boto3 reach an account in memory that has one bucket."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it would keep these credentials for later tests
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1", config=CLIENT_CONFIG)
        client.create_bucket(Bucket=BUCKET)
        yield client
