"""Which versions in the artifact store are over, and which are stored anew so that no rule by age takes them.

A key is its content, so all versions of a key are the same bytes: only when they were put differs.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Protocol

OVER_AFTER = timedelta(days=7)
"""After its last put a key that the ledger does not name is over."""

FRESH_FOR = timedelta(days=3)
"""For so long after a put the same bytes are not put again. The difference to ``OVER_AFTER`` is the time in which who
found a key there must have committed what names it, and the bound of all errors of clocks: days, where minutes do."""

UNVERSIONED = "null"
"""S3's id of what was put while the bucket kept no versions: a put replaces it, so deleting it may delete that put."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVersion:
    """One version of one artifact."""

    key: str
    """The artifact's key."""
    version: str
    """The store's id of the version."""
    put_at: datetime
    """When it was put, by the store's clock."""
    newest: bool
    """Whether it is what a reader of the key gets; of a key that was deleted by hand, no version is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPage:
    """A part of the store, in the order of its keys."""

    versions: tuple[StoredVersion, ...]
    """Of each key the newest versions, newest first: all of them, unless the key has more than fit on a page."""
    last: str | None
    """The key after which the next page begins; ``None``: this was the last."""


class StoredArtifacts(Protocol):
    """The artifact store as retention sees it. Each call raises ``TransientError``."""

    @property
    def name(self) -> str:
        """Where the store is, as a URL."""
        ...

    async def page(self, after: str) -> StoredPage:
        """Return what is stored under keys after that one; empty: from the first."""
        ...

    async def delete(self, versions: Sequence[StoredVersion]) -> None:
        """Delete exactly these versions; one that is gone is no error."""
        ...

    async def put_again(self, version: StoredVersion) -> None:
        """Store the same bytes as a new version, put now; one that is gone is no error."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """The bucket of artifacts, and the age at which its own rule would take what is in it."""

    store: StoredArtifacts
    """Where artifacts are."""
    backstop: timedelta
    """From its put until S3 deletes an object; what the ledger names is put again at half of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What is done with the versions of one page."""

    over: tuple[StoredVersion, ...]
    """Those to delete."""
    ageing: tuple[StoredVersion, ...]
    """Those to put again, in the order of their keys."""


def decide(
    versions: Sequence[StoredVersion], *, named: Collection[str], now: datetime, refresh_after: timedelta
) -> Decided:
    """Decide about versions that were listed before the ledger said which of their keys it names.

    In that order nothing that somebody is about to name is lost: who puts after the list makes a version that is not in
    it; who found the key fresh keeps it from being over; and who committed before the ledger spoke has it named.
    """
    over, ageing = list[StoredVersion](), list[StoredVersion]()
    for key, group in groupby(versions, key=lambda version: version.key):
        of_key = list(group)
        newest = next((version for version in of_key if version.newest), None)
        if newest is None:  # deleted by hand: the bucket's own rule ends it, and until then it can be brought back
            continue
        old = [version for version in of_key if now - version.put_at >= OVER_AFTER and version.version != UNVERSIONED]
        if key in named:
            over += [version for version in old if not version.newest]
            ageing += [newest] if now - newest.put_at >= refresh_after else []
        elif newest in old:
            over += old
    return Decided(over=tuple(over), ageing=tuple(ageing))
