"""The bucket's artifacts as retention sees them: with their versions, which alone can be deleted without a race."""

from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from trapline_common.aws.artifacts import content_type
from trapline_common.aws.calls import call
from trapline_common.domain.errors import TransientError
from trapline_common.domain.stored_artifacts import StoredPage, StoredVersion

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import (
        ListObjectVersionsOutputTypeDef,
        ListObjectVersionsRequestTypeDef,
        ObjectIdentifierTypeDef,
        ObjectVersionTypeDef,
    )

PAGE = 1000
"""Versions that S3 lists at most in one request."""

LISTS_OF_ONE_KEY = 10
"""Requests for the versions of one key at most. A release before stored an unchanged picture at every visit; of one
with more than 10,000 versions the newest are decided about, and the next walk finds what is left."""

AT_ONCE = 250
"""Versions of one request to delete: S3 takes 1,000, and would need longer for them than our calls wait."""


class S3StoredArtifacts:
    """Keeps the ``StoredArtifacts`` port below ``s3://bucket/prefix``; the bucket keeps versions."""

    __slots__ = ("_bucket", "_client", "_most", "_prefix", "name")

    def __init__(self, client: "S3Client", url: str, *, most: int = PAGE) -> None:
        parts = urlsplit(url)
        self.name = url.rstrip("/")
        self._client = client
        self._bucket = parts.netloc
        self._prefix = f"{parts.path.strip('/')}/" if parts.path.strip("/") else ""
        self._most = most

    async def page(self, after: str) -> StoredPage:
        """Return the versions of the keys after that one, at least of one whole key. Raises ``TransientError``."""
        found, marker, version_marker = list[StoredVersion](), self._path(after) if after else "", ""
        seen = list[str]()
        for _ in range(LISTS_OF_ONE_KEY):
            listed = await self._list(marker, version_marker)
            found += [self._read(version) for version in listed.get("Versions", ())]
            seen += [self._key(each["Key"]) for each in (*listed.get("Versions", ()), *listed.get("DeleteMarkers", ()))]
            if not listed["IsTruncated"]:
                return StoredPage(versions=tuple(version for version in found if version.key > after), last=None)
            marker, version_marker = listed["NextKeyMarker"], listed["NextVersionIdMarker"]
            whole = [key for key in seen if after < key < self._key(marker)]
            if whole:
                last = max(whole)
                return StoredPage(versions=tuple(one for one in found if after < one.key <= last), last=last)
        return StoredPage(versions=tuple(found), last=self._key(marker))

    async def delete(self, versions: Sequence[StoredVersion]) -> None:
        """Delete these versions by their ids. Raises ``TransientError`` that names one which S3 did not delete."""
        for first in range(0, len(versions), AT_ONCE):
            await self._delete(versions[first : first + AT_ONCE])

    async def put_again(self, version: StoredVersion) -> None:
        """Copy a version onto its key, with the type that its suffix has now. Raises ``TransientError``."""
        path = self._path(version.key)

        def copy() -> None:
            try:
                self._client.copy_object(
                    Bucket=self._bucket,
                    Key=path,
                    CopySource={"Bucket": self._bucket, "Key": path, "VersionId": version.version},
                    ContentType=content_type(version.key),
                    MetadataDirective="REPLACE",  # S3 copies nothing onto itself that stays as it is
                )
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") not in {"NoSuchKey", "NoSuchVersion"}:
                    raise

        await call(copy)

    async def _delete(self, versions: Sequence[StoredVersion]) -> None:
        gone: list[ObjectIdentifierTypeDef] = [
            {"Key": self._path(version.key), "VersionId": version.version} for version in versions
        ]
        answer = await call(
            lambda: self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": gone, "Quiet": True})
        )
        for error in answer.get("Errors", ()):
            raise TransientError(f"DeleteObjects: {error.get('Code')}: {error.get('Key')}: {error.get('Message')}")

    async def _list(self, marker: str, version_marker: str) -> "ListObjectVersionsOutputTypeDef":
        asked: ListObjectVersionsRequestTypeDef = {
            "Bucket": self._bucket,
            "Prefix": self._prefix,
            "MaxKeys": self._most,
        }
        if marker:
            asked["KeyMarker"] = marker
        if version_marker:
            asked["VersionIdMarker"] = version_marker
        return await call(lambda: self._client.list_object_versions(**asked))

    def _read(self, found: "ObjectVersionTypeDef") -> StoredVersion:
        return StoredVersion(
            key=self._key(found["Key"]),
            version=found["VersionId"],
            put_at=found["LastModified"],
            newest=found["IsLatest"],
        )

    def _path(self, key: str) -> str:
        return f"{self._prefix}{key}"

    def _key(self, path: str) -> str:
        return path.removeprefix(self._prefix)
