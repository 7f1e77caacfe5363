"""An artifact's address in S3 for a short while, signed with the credentials of whoever asks."""

from urllib.parse import urlsplit

import boto3
from botocore.config import Config

SECONDS = 300
"""For which it works. A role's session may end it earlier."""


def signed_url(bucket_url: str, key: str) -> str:
    """Return the address of ``key`` below ``s3://bucket/prefix``.

    S3 is made to answer with bytes of no kind, as a download: from the bucket's origin no document of a page's runs.
    """
    parts = urlsplit(bucket_url)
    prefix = parts.path.strip("/")
    # virtual-hosted addresses of the region itself: the global one redirects, and a signature holds for one host
    client = boto3.client("s3", config=Config(signature_version="s3v4", s3={"addressing_style": "auto"}))
    return client.generate_presigned_url(
        "get_object",
        Params={
            "Bucket": parts.netloc,
            "Key": f"{prefix}/{key}" if prefix else key,
            "ResponseContentType": "application/octet-stream",
            "ResponseContentDisposition": "attachment",
        },
        ExpiresIn=SECONDS,
    )
