"""The archive in S3: one request for what is small, a multi-part upload for what is not."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from trapline_common.aws.calls import call

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

_TYPE = "application/gzip"


class S3Archive:
    """Keeps the ``Archive`` port below ``s3://bucket/prefix``; the bucket encrypts, and aborts uploads left unfinished."""

    __slots__ = ("_bucket", "_client", "_prefix")

    def __init__(self, client: "S3Client", url: str) -> None:
        where = urlsplit(url)
        self._client = client
        self._bucket = where.netloc
        self._prefix = where.path.strip("/")

    async def write(self, key: str, parts: AsyncIterator[bytes]) -> None:
        """Store ``parts`` under ``key``. Raises ``TransientError`` when S3 can't take them."""
        path = f"{self._prefix}/{key}" if self._prefix else key
        first = await anext(parts, b"")
        second = await anext(parts, None)
        if second is None:
            await call(lambda: self._client.put_object(Bucket=self._bucket, Key=path, Body=first, ContentType=_TYPE))
            return
        begun = await call(
            lambda: self._client.create_multipart_upload(Bucket=self._bucket, Key=path, ContentType=_TYPE)
        )
        upload = begun["UploadId"]
        try:
            done = [await self._part(path, upload, 1, first), await self._part(path, upload, 2, second)]
            async for part in parts:
                done.append(await self._part(path, upload, len(done) + 1, part))
            await call(
                lambda: self._client.complete_multipart_upload(
                    Bucket=self._bucket, Key=path, UploadId=upload, MultipartUpload={"Parts": done}
                )
            )
        except BaseException:
            await call(lambda: self._client.abort_multipart_upload(Bucket=self._bucket, Key=path, UploadId=upload))
            raise

    async def _part(self, path: str, upload: str, number: int, body: bytes) -> "CompletedPartTypeDef":
        answer = await call(
            lambda: self._client.upload_part(
                Bucket=self._bucket, Key=path, UploadId=upload, PartNumber=number, Body=body
            )
        )
        return {"ETag": answer["ETag"], "PartNumber": number}
