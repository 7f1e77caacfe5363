"""Artifacts in S3."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from trapline_common.aws.calls import call
from trapline_common.domain.artifact_key import key_of
from trapline_common.domain.errors import TransientError
from trapline_common.domain.stored_artifacts import FRESH_FOR

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# A page's HTML is never served as such: from our bucket's origin its scripts would run with a person's rights there.
_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".html": "text/plain; charset=utf-8", ".txt": "text/plain"}


_MISSING = frozenset({"NoSuchKey", "AccessDenied", "404", "403"})
"""Codes of what is not there: whoever may read artifacts and not list them is told no more of a key without one. An
answer to HEAD has no code but its status."""


def content_type(key: str) -> str:
    """Return the type that S3 serves an artifact as, by the suffix of its key."""
    return _TYPES.get(PurePosixPath(key).suffix, "application/octet-stream")


def _utc() -> datetime:
    return datetime.now(UTC)


class S3Artifacts:
    """Keeps the ``ArtifactStore`` port below ``s3://bucket/prefix``; the bucket encrypts.

    What was put a short time ago is not put again.
    """

    __slots__ = ("_bucket", "_client", "_now", "_prefix")

    def __init__(self, client: "S3Client", url: str, *, now: Callable[[], datetime] = _utc) -> None:
        parts = urlsplit(url)
        self._now = now
        self._client = client
        self._bucket = parts.netloc
        self._prefix = parts.path.strip("/")

    async def put(self, data: bytes, *, suffix: str) -> str:
        """Store ``data`` and return its key. Raises ``TransientError`` when S3 can't take it."""
        key = key_of(data, suffix)
        if await self._fresh(key):
            return key
        kind = content_type(key)
        await call(
            lambda: self._client.put_object(Bucket=self._bucket, Key=self._path(key), Body=data, ContentType=kind)
        )
        return key

    async def get(self, key: str) -> bytes:
        """Return the artifact under ``key``. Raises ``KeyError`` when there is none, ``TransientError`` for now."""

        def read() -> bytes | None:
            try:
                return self._client.get_object(Bucket=self._bucket, Key=self._path(key))["Body"].read()
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") in _MISSING:
                    return None
                raise

        data = await call(read)
        if data is None:
            raise KeyError(key)
        return data

    def location(self, key: str) -> str:
        """Return the object's ``s3://`` URL."""
        return f"s3://{self._bucket}/{self._path(key)}"

    async def _fresh(self, key: str) -> bool:
        """Return whether the key was put so lately that retention leaves it until what names it is committed."""

        def ask() -> datetime | None:
            try:
                return self._client.head_object(Bucket=self._bucket, Key=self._path(key))["LastModified"]
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") in _MISSING:
                    return None
                raise

        try:
            put_at = await call(ask)
        except TransientError:
            return False  # the put itself says whether S3 is away
        return put_at is not None and self._now() - put_at < FRESH_FOR

    def _path(self, key: str) -> str:
        return f"{self._prefix}/{key}" if self._prefix else key
