"""The archive of runs in S3, against moto."""

import asyncio
import os
from collections.abc import AsyncIterator

import pytest
from mypy_boto3_s3 import S3Client

from support.aws import BUCKET
from trapline_common.aws.archive import S3Archive
from trapline_common.domain.errors import TransientError

MIB = 1024 * 1024


async def _parts(*parts: bytes, error: Exception | None = None) -> AsyncIterator[bytes]:
    for part in parts:
        yield part
    if error is not None:
        raise error


@pytest.mark.parametrize("sizes", [(), (0,), (100,), (6 * MIB, 10), (8 * MIB,), (6 * MIB, 5 * MIB, 5 * MIB, 1)])
async def test_a_run_of_any_size_is_one_object(s3: S3Client, sizes: tuple[int, ...]) -> None:
    """None, one small part, or several: what is read back is what was written, under the same key again."""
    body = [os.urandom(size) for size in sizes]
    store = S3Archive(s3, f"s3://{BUCKET}/runs")
    for _ in range(2):
        await store.write("docs/2026-03-01/7.ndjson.gz", _parts(*body))
    (found,) = s3.list_objects_v2(Bucket=BUCKET)["Contents"]
    assert found["Key"] == "runs/docs/2026-03-01/7.ndjson.gz"
    answer = s3.get_object(Bucket=BUCKET, Key=found["Key"])
    assert answer["Body"].read() == b"".join(body)
    assert answer["ContentType"] == "application/gzip"


async def test_an_upload_that_breaks_off_leaves_nothing(s3: S3Client) -> None:
    """No object, and no parts that are paid for."""
    parts = _parts(b"x" * 9 * MIB, b"y" * 9 * MIB, error=TransientError("the ledger is away"))
    with pytest.raises(TransientError, match="the ledger is away"):
        await S3Archive(s3, f"s3://{BUCKET}/runs").write("key", parts)
    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=BUCKET)


async def test_a_cancelled_upload_leaves_nothing(s3: S3Client) -> None:
    """A deadline in the middle, before the ledger has given the next part, first aborts the upload."""
    waits = asyncio.Event()

    async def parts() -> AsyncIterator[bytes]:
        yield b"x" * 9 * MIB
        waits.set()
        await asyncio.Event().wait()

    writing = asyncio.create_task(S3Archive(s3, f"s3://{BUCKET}/runs").write("key", parts()))
    await waits.wait()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=BUCKET)


async def test_one_part_is_held_at_a_time(s3: S3Client) -> None:
    """A run of any size is read as fast as it is sent, and no faster: the next part is asked for when one was sent."""
    asked, ahead = 0, []

    async def parts() -> AsyncIterator[bytes]:
        nonlocal asked
        for _ in range(6):
            asked += 1
            yield b"x" * 8 * MIB

    def sent(**_: object) -> None:
        ahead.append(asked - len(ahead))

    s3.meta.events.register("before-call.s3.UploadPart", sent)
    await S3Archive(s3, f"s3://{BUCKET}/runs").write("key", parts())
    assert len(ahead) == 6
    assert max(ahead) <= 2


async def test_a_bucket_that_is_away_is_transient(s3: S3Client) -> None:
    """A wrong name is mended from outside."""
    with pytest.raises(TransientError, match="NoSuchBucket"):
        await S3Archive(s3, "s3://no-such-bucket").write("key", _parts(b"x"))
