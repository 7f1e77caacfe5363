"""A versioned bucket of artifacts, of which tests say how long ago each version was put."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from moto.core.utils import utcnow
from moto.s3.models import s3_backends
from mypy_boto3_s3 import S3Client

from support.aws import BUCKET
from trapline_common.aws.artifacts import S3Artifacts
from trapline_common.aws.stored_artifacts import S3StoredArtifacts

URL = f"s3://{BUCKET}/artifacts"
_ACCOUNT = "123456789012"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgedBucket:
    """The bucket, its versions switched on."""

    client: S3Client
    """What reaches it."""

    @classmethod
    def made(cls, client: S3Client) -> "AgedBucket":
        """Switch the bucket's versions on."""
        client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        return cls(client=client)

    @property
    def crawlers(self) -> S3Artifacts:
        """The store as crawlers use it."""
        return S3Artifacts(self.client, URL)

    @property
    def retentions(self) -> S3StoredArtifacts:
        """The store as retention uses it; four versions are a page."""
        return S3StoredArtifacts(self.client, URL, most=4)

    async def put(self, data: bytes, *, days_ago: float = 0, suffix: str = ".png") -> str:
        """Store an artifact as a crawler does, and let that be days ago."""
        key = await self.crawlers.put(data, suffix=suffix)
        self.age(key, days_ago)
        return key

    def age(self, key: str, days: float) -> None:
        """Let the newest version of the key be that old."""
        bucket = s3_backends[_ACCOUNT]["aws"].buckets[BUCKET]
        bucket.keys.getlist(f"artifacts/{key}")[-1].last_modified = utcnow() - timedelta(days=days)

    def versions(self, key: str) -> list[float]:
        """Return the ages of the key's versions in days, the newest first."""
        listed = self.client.list_object_versions(Bucket=BUCKET, Prefix=f"artifacts/{key}").get("Versions", [])
        return [round((datetime.now(UTC) - found["LastModified"]).total_seconds() / 86_400, 2) for found in listed]

    def type_of(self, key: str) -> str:
        """Return the type that the key is served as."""
        return self.client.head_object(Bucket=BUCKET, Key=f"artifacts/{key}")["ContentType"]
