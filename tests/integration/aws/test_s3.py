"""Artifacts and the config in S3, against moto."""

from hashlib import sha256

import pytest
from botocore.stub import Stubber
from mypy_boto3_s3 import S3Client

from support.aws import BUCKET
from trapline_common.aws.artifacts import S3Artifacts
from trapline_common.aws.config_file import read_config_object
from trapline_common.config.document import MAX_BYTES
from trapline_common.domain.errors import InputRefusedError, TransientError


@pytest.mark.parametrize("url", [f"s3://{BUCKET}/runs/a", f"s3://{BUCKET}/runs/a/", f"s3://{BUCKET}"])
async def test_an_artifact_is_kept_under_its_content(s3: S3Client, url: str) -> None:
    """The key is the digest of the bytes, below the prefix; put twice it is one object; what comes back is the same."""
    store = S3Artifacts(s3, url)
    digest = sha256(b"pixels").hexdigest()
    key = await store.put(b"pixels", suffix=".png")
    assert key == f"{digest[:2]}/{digest}.png"
    assert await store.put(b"pixels", suffix=".png") == key
    assert await store.get(key) == b"pixels"
    assert store.location(key) == f"{url.rstrip('/')}/{key}"
    (found,) = s3.list_objects_v2(Bucket=BUCKET)["Contents"]
    assert f"s3://{BUCKET}/{found['Key']}" == store.location(key)
    assert s3.head_object(Bucket=BUCKET, Key=found["Key"])["ContentType"] == "image/png"


async def test_a_question_that_s3_does_not_answer_keeps_nothing_from_being_put(s3: S3Client) -> None:
    """Whether a picture is there already is asked to spare a put, and a put is what the visit needs."""
    with Stubber(s3) as stub:
        stub.add_client_error("head_object", service_error_code="503", http_status_code=503)
        stub.add_response("put_object", {})
        key = await S3Artifacts(s3, f"s3://{BUCKET}/p").put(b"pixels", suffix=".png")
        stub.assert_no_pending_responses()
    assert key.endswith(".png")


async def test_what_is_not_there_is_a_key_error(s3: S3Client) -> None:
    """The port's promise: ``KeyError`` for a key that nothing is stored under."""
    with pytest.raises(KeyError):
        await S3Artifacts(s3, f"s3://{BUCKET}/p").get("00/nothing.png")


async def test_a_key_that_may_not_be_told_of_is_a_key_error(s3: S3Client) -> None:
    """To whoever may read and not list, S3 answers 403 for a key without an object (``GetObject`` in its reference)."""
    store = S3Artifacts(s3, f"s3://{BUCKET}/p")
    key = await store.put(b"pixels", suffix=".png")
    with Stubber(s3) as stub:
        stub.add_client_error("get_object", "AccessDenied", "Access Denied", 403)
        with pytest.raises(KeyError):
            await store.get(key)
        stub.add_client_error("get_object", "SlowDown", "Please reduce your request rate.", 503)
        with pytest.raises(TransientError):
            await store.get(key)


async def test_a_bucket_that_is_away_is_transient(s3: S3Client) -> None:
    """A missing bucket, or one we may not use, is mended from outside: tried again, never the page's fault."""
    store = S3Artifacts(s3, "s3://no-such-bucket/p")
    with pytest.raises(TransientError, match="NoSuchBucket"):
        await store.put(b"x", suffix=".txt")


async def test_the_config_is_read_and_checked(s3: S3Client) -> None:
    """``crawls.yaml`` in S3 is the same file with the same rules."""
    s3.put_object(Bucket=BUCKET, Key="conf/crawls.yaml", Body=b"crawls: {docs: {urls: [https://a.example/]}}")
    config = await read_config_object(s3, f"s3://{BUCKET}/conf/crawls.yaml")
    assert config.crawls["docs"].urls == ("https://a.example/",)


async def test_what_is_wrong_in_the_config_names_the_object_and_the_line(s3: S3Client) -> None:
    """A problem reads as on one machine, with the object's URL for the file's name."""
    s3.put_object(Bucket=BUCKET, Key="crawls.yaml", Body=b"crawls:\n  docs:\n    url: https://a.example/\n")
    with pytest.raises(InputRefusedError, match=rf"s3://{BUCKET}/crawls.yaml:3: .*url"):
        await read_config_object(s3, f"s3://{BUCKET}/crawls.yaml")


async def test_a_config_too_large_is_refused_and_never_cut_short(s3: S3Client) -> None:
    """Half a file may be valid YAML with half the crawls: it must not be taken for the whole."""
    comment = b"# " + b"x" * 1022 + b"\n"
    body = b"crawls: {docs: {urls: [https://a.example/]}}\n" + comment * (MAX_BYTES // len(comment) + 1)
    s3.put_object(Bucket=BUCKET, Key="crawls.yaml", Body=body)
    with pytest.raises(InputRefusedError, match="larger than"):
        await read_config_object(s3, f"s3://{BUCKET}/crawls.yaml")


async def test_a_config_that_is_not_there_is_transient(s3: S3Client) -> None:
    """A person forgot to put it there, or replaces it: the tick is tried again and then lies in the queue."""
    with pytest.raises(TransientError, match="NoSuchKey"):
        await read_config_object(s3, f"s3://{BUCKET}/crawls.yaml")
