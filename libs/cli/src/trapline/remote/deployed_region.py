"""Finds the region of a deployment in the files of the clone that it was deployed from."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

_FOLDER = Path("terraform/envs")
_REGION = re.compile(r'^region\s*=\s*"([a-z0-9-]+)"', re.MULTILINE)
"""The line of a tfvars file, as `terraform fmt` writes it."""


def deployed_region(environment: str, *, environ: Mapping[str, str], folder: Path) -> str | None:
    """Return the region of ``environment``; ``None`` leaves it to the profile.

    What `make deploy` wrote about a deployment comes first, for a region of the shell is that of other work as well;
    then AWS_REGION, then the line that a person wrote. They are looked for in ``folder`` and in those above it.
    """
    envs = [above / _FOLDER for above in (folder, *folder.parents)]
    for answers in (one / f"{environment}.account.tfvars.json" for one in envs):
        if found := _answered(answers):
            return found
    # boto3 itself reads AWS_DEFAULT_REGION only, the AWS command reads this one
    if environ.get("AWS_REGION"):
        return environ["AWS_REGION"]
    for tfvars in (one / f"{environment}.tfvars" for one in envs):
        if tfvars.is_file() and (line := _REGION.search(tfvars.read_text(errors="replace"))):
            return line[1]
    return None


def _answered(file: Path) -> str | None:
    try:
        found = json.loads(file.read_text())["region"]
    except (OSError, ValueError, KeyError, TypeError):
        return None  # there is none, or another tool's: the next place is asked
    return found if isinstance(found, str) else None
