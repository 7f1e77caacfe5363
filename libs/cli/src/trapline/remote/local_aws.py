"""Finds the local AWS of `make up` by its state file, so that it takes no environment variable."""

import json
from pathlib import Path
from typing import TypedDict

from trapline_common.domain.errors import InputRefusedError

LOCAL = "local"
"""The environment that `make up` deploys (terraform/envs/local.tfvars)."""
STATE = "aws/system.json"
"""Below the data directory; tools/local_aws/system.py writes it once everything runs."""
ROOT_KEY = "test"
"""Access key and secret of the emulator's root user, which it is made with."""
REGION = "us-east-1"


class Settings(TypedDict, total=False):
    """What boto3's client takes to reach it."""

    endpoint_url: str
    """The emulator's URL on loopback."""
    verify: str
    """The path of its certificate."""
    region_name: str | None
    """``None``: as boto3 finds it."""
    aws_access_key_id: str
    """The emulator's root user."""
    aws_secret_access_key: str
    """The same word as its key."""


def local_settings(data_dir: Path) -> Settings:
    """Return how to reach the local AWS. Raises ``InputRefusedError`` when none is up below ``data_dir``."""
    state = data_dir / STATE
    try:
        found = json.loads(state.read_text())
        endpoint, certificate = str(found["endpoint"]), str(found["certificate"])
    except FileNotFoundError as error:
        raise InputRefusedError(
            f"no local AWS is up here ({state} is not there): `make up` starts it; in another folder, give --data-dir"
        ) from error
    except (OSError, ValueError, KeyError) as error:
        raise InputRefusedError(f"{state} can't be read ({error}): `make down`, then `make up`") from error
    return Settings(
        endpoint_url=endpoint,
        verify=certificate,
        region_name=REGION,
        aws_access_key_id=ROOT_KEY,
        aws_secret_access_key=ROOT_KEY,
    )
