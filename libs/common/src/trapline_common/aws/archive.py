"""The archive in S3 by boto3's managed transfer: one request for what is small, else a multi-part upload."""

import asyncio
import concurrent.futures
import io
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from boto3.s3.transfer import TransferConfig

from trapline_common.aws.calls import call
from trapline_common.domain.errors import TransientError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_TYPE = "application/gzip"
_IN_TURN = TransferConfig(use_threads=False, preferred_transfer_client="classic")
"""One part of 8 MiB at a time: more at once would hold more of a run in memory."""


class S3Archive:
    """Keeps the ``Archive`` port below ``s3://bucket/prefix``; the bucket encrypts, and aborts unfinished uploads."""

    __slots__ = ("_bucket", "_client", "_prefix")

    def __init__(self, client: "S3Client", url: str) -> None:
        where = urlsplit(url)
        self._client = client
        self._bucket = where.netloc
        self._prefix = where.path.strip("/")

    async def write(self, key: str, parts: AsyncIterator[bytes]) -> None:
        """Store ``parts`` under ``key``; an error of ``parts`` aborts the upload. Raises ``TransientError``."""
        path = f"{self._prefix}/{key}" if self._prefix else key
        stream = _Stream(parts, asyncio.get_running_loop())
        upload = asyncio.ensure_future(
            call(
                lambda: self._client.upload_fileobj(
                    io.BufferedReader(stream), self._bucket, path, ExtraArgs={"ContentType": _TYPE}, Config=_IN_TURN
                )
            )
        )
        try:
            await asyncio.shield(upload)
        except asyncio.CancelledError:
            stream.cancel()
            await asyncio.gather(upload, return_exceptions=True)  # until the thread has aborted the upload
            raise


class _Stream(io.RawIOBase):
    """An iterator of the event loop as the file that boto3's thread reads."""

    def __init__(self, parts: AsyncIterator[bytes], loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._parts = parts
        self._loop = loop
        self._unread = memoryview(b"")
        self._cancelled = False
        self._reading: asyncio.Task[Any] | None = None

    def cancel(self) -> None:
        """Let the read that waits, or else the next one, raise, so that boto3 aborts the upload. Called in the loop."""
        self._cancelled = True
        if self._reading is not None:
            self._reading.cancel()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill ``buffer`` as far as the part at hand goes; 0 at the end. Raises what the iterator raises."""
        while not self._unread:
            try:
                part = asyncio.run_coroutine_threadsafe(self._next(), self._loop).result()
            except concurrent.futures.CancelledError as error:
                raise TransientError("the caller cancelled the upload") from error
            if part is None:
                return 0
            self._unread = memoryview(part)
        size = min(len(buffer), len(self._unread))
        buffer[:size] = self._unread[:size]
        self._unread = self._unread[size:]
        return size

    async def _next(self) -> bytes | None:
        if self._cancelled:
            raise TransientError("the caller cancelled the upload")
        self._reading = asyncio.current_task()
        try:
            return await anext(self._parts, None)
        finally:
            self._reading = None
