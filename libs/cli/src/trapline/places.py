"""Where a person finds an artifact on this machine."""

from pathlib import Path

from trapline_common.local.artifacts import DirectoryArtifacts

ARTIFACTS = "artifacts"
"""The artifacts' folder in the data directory."""


def artifact_place(data_dir: Path, key: str) -> str:
    """Return the file's path if it is on this machine, else the key, which is the same in the bucket."""
    try:
        place = DirectoryArtifacts(data_dir / ARTIFACTS).place(key)
    except KeyError:
        return key
    return place if Path(place).is_file() else key
