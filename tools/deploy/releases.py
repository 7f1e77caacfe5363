"""The record of what each service runs, `envs/<environment>.releases.tfvars.json`: a deploy writes it for Terraform.

A deploy records a service only after the migrations it needs, so that applying the record is always safe.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from tools.shell import ToolError


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What one service runs: an image by its digest, or a zip by its key."""

    version: str
    """The service's own, from its pyproject file."""
    digest: str | None = None
    """Of an image in ECR, ``sha256:...``."""
    key: str | None = None
    """Of a zip in the environment's bucket."""
    sha256: str | None = None
    """Of the zip, in base64, as Lambda compares it."""
    runtime: str | None = None
    """Of a zip, as ``python3.13``."""
    source: str | None = None
    """SHA-256 of what an image was built from; its own bytes differ from build to build."""
    schema: int = 0
    """Number of the newest migration that the code knows."""
    ca: str | None = None
    """SHA-256 of the certificates of RDS in it."""

    @property
    def content(self) -> str | None:
        """What must not change under one version."""
        return self.source or self.sha256

    def __str__(self) -> str:
        return f"{self.version:<8} {self.digest or self.key}"


def load(path: Path) -> dict[str, Release]:
    """Return the recorded releases by service; none before the first deploy. Raises ``ToolError``."""
    if not path.is_file():
        return {}
    try:
        return {name: Release(**one) for name, one in json.loads(path.read_text())["releases"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ToolError(f"{path}: this is no record of releases ({error}); restore it with git") from error


def store(path: Path, releases: Mapping[str, Release]) -> None:
    """Write the record, whole or not at all."""
    values = {
        name: {key: value for key, value in asdict(one).items() if value is not None}
        for name, one in sorted(releases.items())
    }
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps({"releases": values}, indent=2) + "\n")
    draft.replace(path)


def unversioned(recorded: Mapping[str, Release], wanted: Mapping[str, Release]) -> list[str]:
    """Return the services whose content differs from what is recorded under the very same version."""
    return sorted(
        name
        for name, one in wanted.items()
        if (old := recorded.get(name)) is not None and old.version == one.version and old.content != one.content
    )
