"""Fixtures of the end-to-end tests."""

from collections.abc import Iterator

import pytest

from support.command import Trapline, trapline
from tests.e2e.counting_site import CountingSite


@pytest.fixture
def command() -> Iterator[Trapline]:
    """The ``trapline`` command with an empty data directory."""
    with trapline() as found:
        yield found


@pytest.fixture
def site() -> Iterator[CountingSite]:
    """A site that counts its visits."""
    with CountingSite() as found:
        yield found
