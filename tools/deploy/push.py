"""Pushes zips to the bucket and the image to ECR, where Lambda takes them from. A second push is harmless."""

import base64
from dataclasses import replace
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tools.deploy.account import Account
from tools.deploy.build import Built
from tools.deploy.container_engine import Engine
from tools.deploy.image import refuse_base
from tools.deploy.registry import Login, push
from tools.deploy.releases import Release
from tools.shell import ToolError, say

_ABSENT = frozenset({"404", "NoSuchKey", "ImageNotFoundException", "RepositoryNotFoundException"})


def pushed(built: Built, account: Account, *, bucket: str, repository: str | None) -> Release:
    """Push ``built`` unless it is there already; return its release, complete. Raises ``ToolError``."""
    release = built.release
    try:
        if built.zip is not None:
            _push_zip(built.zip, release, account.client("s3"), bucket)
        elif built.image is not None and built.engine is not None and repository is not None:
            digest = _push_image(built.engine, built.image, release, account.client("ecr"), repository)
            return replace(release, digest=digest)
    except (BotoCoreError, ClientError) as error:
        raise ToolError(f"pushing failed: {error}") from error
    return release


def _push_zip(file: Path, release: Release, s3: Any, bucket: str) -> None:
    try:
        existing = s3.head_object(Bucket=bucket, Key=release.key, ChecksumMode="ENABLED")
        if existing.get("ChecksumSHA256") == release.sha256:
            return
    except ClientError as error:
        if error.response["Error"]["Code"] not in _ABSENT:
            raise
    say(f"deploy: pushing s3://{bucket}/{release.key}")
    with file.open("rb") as body:  # S3 refuses it when what arrives has another checksum
        s3.put_object(
            Bucket=bucket,
            Key=release.key,
            Body=body,
            ContentType="application/zip",
            ChecksumAlgorithm="SHA256",
            ChecksumSHA256=release.sha256,
        )


def _push_image(engine: Engine, image: str, release: Release, ecr: Any, repository: str) -> str:
    """Push under a tag of version and image id: ECR's tags are immutable, and so the same tag is the same image."""
    tag = f"{release.version}-{image.removeprefix('sha256:')[:12]}"
    existing = image_digest(ecr, repository.partition("/")[2], {"imageTag": tag})
    if existing is not None:
        return existing
    refuse_base(engine, image)
    say(f"deploy: pushing {repository}:{tag}")
    (authorization,) = ecr.get_authorization_token()["authorizationData"]
    user, _, token = base64.b64decode(authorization["authorizationToken"]).decode().partition(":")
    return push(engine, image, repository=repository, tag=tag, login=Login(user=user, token=token))


def image_digest(ecr: Any, repository: str, image: dict[str, str]) -> str | None:
    """Return the digest of the image that ``image`` names by tag or by digest; ``None`` when ECR has no such image."""
    try:
        (found,) = ecr.describe_images(repositoryName=repository, imageIds=[image])["imageDetails"]
    except ClientError as error:
        if error.response["Error"]["Code"] not in _ABSENT:
            raise
        return None
    return str(found["imageDigest"])
