"""The ``crawls.yaml`` that a deployment works by."""

import boto3

from trapline_common.aws.calls import CLIENT_CONFIG
from trapline_common.aws.config_file import read_config_object
from trapline_common.config.models import Config


async def read_deployed_config(url: str) -> Config:
    """Read the file at ``s3://bucket/key``. Raises as ``read_config_object`` does."""
    return await read_config_object(boto3.client("s3", config=CLIENT_CONFIG), url)
