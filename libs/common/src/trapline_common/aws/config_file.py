"""``crawls.yaml`` as an S3 object."""

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from trapline_common.aws.calls import call
from trapline_common.config.document import MAX_BYTES
from trapline_common.config.load import decode, parse_config
from trapline_common.config.models import Config

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


async def read_config_object(client: "S3Client", url: str) -> Config:
    """Read and check the config at ``s3://bucket/key``.

    Raises ``InputRefusedError`` for what is wrong in it and ``TransientError`` when it can't be read.
    """
    parts = urlsplit(url)

    def get() -> bytes:
        return client.get_object(Bucket=parts.netloc, Key=parts.path.lstrip("/"))["Body"].read(MAX_BYTES + 1)

    return parse_config(decode(await call(get), url), url)
