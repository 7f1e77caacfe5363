"""Where a person finds an artifact: a URL in S3 or a path on this machine."""

from pathlib import Path

from trapline_common.local.artifacts import DirectoryArtifacts

ARTIFACTS = "artifacts"
"""The artifacts' folder in the data directory."""


def artifact_location(data_dir: Path, key: str, *, bucket: str = "") -> str:
    """Return the object's URL below ``bucket`` (``s3://...``) or the file's path on this machine, else the key."""
    if bucket.startswith("s3://"):
        return f"{bucket.rstrip('/')}/{key}"
    try:
        location = DirectoryArtifacts(data_dir / ARTIFACTS).location(key)
    except KeyError:
        return key
    return location if Path(location).is_file() else key
