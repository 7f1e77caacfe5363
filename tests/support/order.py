"""The order in which test files run: a random one, but for what takes long and for what tells one story."""

from collections.abc import Sequence
from functools import cache
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
    "tests/integration/durable",
    "tests/integration/machine",
    "tests/web",
    "tests/e2e/test_storm.py",
    "tests/e2e/test_real_manual.py",
    "tests/e2e",
    "tests/integration",
)
"""Folders whose files take long, and files that take minutes, in the order in which they begin; the first name that a
file is below counts. A file that begins last keeps one worker busy alone: behind these come only files of seconds.
Those that start many processes come late, when the stories, whose local AWS wants the processors too, are told."""


def arranged(items: Sequence[pytest.Item], root: PurePath) -> list[pytest.Item]:
    """Return ``items`` as `pytest-randomly` shuffled them, what takes long first and stories as they are written."""

    @cache
    def place(path: PurePath) -> int:
        below = path.relative_to(root)
        names = {each.as_posix() for each in (below, *below.parents)}
        return -1 if STORIES in names else next((at for at, name in enumerate(LONG) if name in names), len(LONG))

    def key(item: pytest.Item) -> tuple[int, str, int]:
        at = place(item.path)
        return (at, item.path.name, item.location[1] or 0) if at < 0 else (at, "", 0)

    return sorted(items, key=key)
