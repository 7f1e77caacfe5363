"""Zips and images on their way to where Lambda takes them from, in an account of moto's."""

import base64
import hashlib
import json

import pytest

from tools.deploy.build import Built
from tools.deploy.container_engine import Engine
from tools.deploy.push import image_digest, pushed
from tools.deploy.releases import Release
from tools.shell import ToolError

BUCKET = "trapline-dev-123456789012"


@pytest.fixture
def bucket(account):
    """The environment's bucket, versioned as ours are."""
    s3 = account.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": account.region})
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    return s3


def zipped(folder, content=b"code"):
    (folder / "a.zip").write_bytes(content)
    total = hashlib.sha256(b"code")
    sha256 = base64.b64encode(total.digest()).decode()
    release = Release(version="0.1.0", key=f"packages/notifier/{total.hexdigest()}.zip", sha256=sha256)
    return Built(release=release, zip=folder / "a.zip")


def test_a_zip_lies_under_its_own_hash_and_is_pushed_once(account, bucket, tmp_path):
    """The object has the checksum that S3 worked out itself; what is there already is not pushed again."""
    for _ in range(2):
        release = pushed(zipped(tmp_path), account, bucket=BUCKET, repository=None)
    there = bucket.get_object(Bucket=BUCKET, Key=release.key, ChecksumMode="ENABLED")
    assert there["Body"].read() == b"code"
    assert there["ChecksumSHA256"] == release.sha256
    assert len(bucket.list_object_versions(Bucket=BUCKET)["Versions"]) == 1


def test_what_stopped_half_way_is_pushed_again(account, bucket, tmp_path):
    """An object of another content under the key does not pass for the zip."""
    built = zipped(tmp_path)
    bucket.put_object(Bucket=BUCKET, Key=built.release.key, Body=b"co", ChecksumAlgorithm="SHA256")
    pushed(built, account, bucket=BUCKET, repository=None)
    assert bucket.get_object(Bucket=BUCKET, Key=built.release.key)["Body"].read() == b"code"


def test_a_missing_bucket_is_an_error_of_one_line(account, tmp_path):
    """What AWS refuses is an error with its reason, not a traceback."""
    with pytest.raises(ToolError, match=r"pushing failed: .*bucket"):
        pushed(zipped(tmp_path), account, bucket="trapline-none", repository=None)


def test_an_image_on_a_base_for_tests_is_not_pushed(account, tmp_path):
    """Whatever built it: an image that may hold a machine's trust store or settings is refused at ECR's door."""
    ecr = account.client("ecr")
    uri = ecr.create_repository(repositoryName="trapline-dev/crawler")["repository"]["repositoryUri"]
    docker = tmp_path / "docker"
    docker.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\necho ci\n')
    docker.chmod(0o755)
    release = Release(version="0.1.0", source="x")
    built = Built(release=release, image=f"sha256:{'a' * 64}", engine=Engine(program=str(docker)))
    with pytest.raises(ToolError, match="never pushed"):
        pushed(built, account, bucket=BUCKET, repository=uri)
    assert "push" not in (tmp_path / "asked").read_text().split()


def test_an_image_that_ecr_has_is_not_pushed_again(account, tmp_path):
    """The tag names the version and the image, so it is the same one: its digest is taken, and no engine is called."""
    ecr = account.client("ecr")
    uri = ecr.create_repository(repositoryName="trapline-dev/crawler")["repository"]["repositoryUri"]
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    manifest = json.dumps({"schemaVersion": 2, "mediaType": kind, "layers": [], "config": {"digest": "sha256:0"}})
    tag = f"0.1.0-{'a' * 12}"
    there = ecr.put_image(repositoryName="trapline-dev/crawler", imageManifest=manifest, imageTag=tag)
    digest = there["image"]["imageId"]["imageDigest"]
    engine = Engine(program=str(tmp_path / "none"))
    built = Built(release=Release(version="0.1.0", source="x"), image=f"sha256:{'a' * 64}", engine=engine)
    assert pushed(built, account, bucket=BUCKET, repository=uri).digest == digest
    assert image_digest(ecr, "trapline-dev/crawler", {"imageDigest": digest}) == digest
    assert image_digest(ecr, "trapline-dev/crawler", {"imageDigest": f"sha256:{'0' * 64}"}) is None
    assert image_digest(ecr, "trapline-none/crawler", {"imageDigest": digest}) is None
