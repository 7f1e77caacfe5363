"""Fixtures of the adapters' tests: accounts in memory."""

from collections.abc import Iterator

import pytest
from mypy_boto3_s3 import S3Client

from support.aws import account_with_a_bucket


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Client]:
    """An account in memory with one bucket."""
    with account_with_a_bucket(monkeypatch) as client:
        yield client
