"""The order in which test files run: a random one, but for what takes long and for what tells one story."""

from collections.abc import Sequence
from pathlib import PurePath

import pytest

STORIES = "tests/e2e_aws"
"""Each file there deploys once, and its tests follow what happens to a user, from the first apply to the destroy."""
LONG = (
    "tests/integration/crawler",
    "tests/integration/crawler_loop",
    "tests/integration/crawler_sessions",
    "tests/integration/ledger",
    "tests/integration/cli",
    "tests/integration/upgrade",
    "tests/integration/terraform",
    "tests/integration/workspace",
    "tests/web",
    "tests/e2e",
)
"""Folders whose files take long: a file that begins last keeps one worker busy alone. Those that start many processes
come late, when the stories, whose local AWS wants the processors too, are told."""


def arranged(items: Sequence[pytest.Item], root: PurePath) -> list[pytest.Item]:
    """Return ``items`` as `pytest-randomly` shuffled them, the long folders first and stories as they are written."""

    def key(item: pytest.Item) -> tuple[int, str, int]:
        folder = item.path.relative_to(root).parent.as_posix()
        if folder == STORIES:
            return -1, item.path.name, item.location[1] or 0
        return LONG.index(folder) if folder in LONG else len(LONG), "", 0

    return sorted(items, key=key)
