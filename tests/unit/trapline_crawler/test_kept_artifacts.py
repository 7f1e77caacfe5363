"""An artifact store that is away costs the artifact: two attempts, then it is left alone for a time that doubles."""

import asyncio
from collections.abc import Callable

import pytest
import structlog

from trapline_common.domain.errors import RefusedError, TransientError
from trapline_crawler.visit import kept_artifacts
from trapline_crawler.visit.kept_artifacts import AWAY_FOR, LONGEST_AWAY, BackingOffStore, keep


class Store:
    """An ``ArtifactStore`` that fails as it is told."""

    def __init__(self) -> None:
        self.asked = 0
        self.fault: Callable[[], BaseException] | None = None
        self.hangs = False

    async def put(self, data: bytes, *, suffix: str) -> str:
        self.asked += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.fault is not None:
            raise self.fault()
        return f"key{suffix}"

    async def get(self, key: str) -> bytes:
        raise KeyError(key)

    def location(self, key: str) -> str:
        return key


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_artifacts, "AGAIN_AFTER", 0.0)
    monkeypatch.setattr(kept_artifacts, "WITHIN", 0.05)


@pytest.mark.parametrize(
    ("fault", "attempts"),
    [
        (lambda: TransientError("s3: KMS.DisabledException"), 2),
        (lambda: OSError(28, "No space left on device"), 2),
        (lambda: RefusedError("InvalidParameterValue"), 1),
    ],
)
async def test_a_store_that_is_away_is_not_asked_by_every_page(
    fault: Callable[[], BaseException], attempts: int
) -> None:
    """A thousand pages while it is away ask it a few times, each gets ``None`` at once, and the log says so."""
    store, clock = Store(), Clock()
    store.fault = fault
    backing_off = BackingOffStore(store, clock=clock)
    with structlog.testing.capture_logs() as logs:
        for _ in range(1000):
            assert await keep(backing_off, b"x", suffix=".png", crawl="docs") is None
            clock.now += 1.0
    away = [line["seconds"] for line in logs if line["event"] == "artifact_store_away"]
    assert away == [min(LONGEST_AWAY, AWAY_FOR * 2**n) for n in range(len(away))]
    assert store.asked == attempts * len(away) <= 14
    assert sum(line["event"] == "evidence_missing" for line in logs) == 1000


async def test_it_is_used_again_when_it_is_back() -> None:
    """After its time the next page finds it well, and the back-off begins anew with the next failure."""
    store, clock = Store(), Clock()
    store.fault = lambda: TransientError("SlowDown")
    backing_off = BackingOffStore(store, clock=clock)
    assert await keep(backing_off, b"x", suffix=".png", crawl="docs") is None
    store.fault = None
    assert await keep(backing_off, b"x", suffix=".png", crawl="docs") is None
    clock.now += AWAY_FOR
    assert await keep(backing_off, b"x", suffix=".png", crawl="docs") == "key.png"
    assert await keep(backing_off, b"x", suffix=".html", crawl="docs") == "key.html"


async def test_one_slow_answer_is_tried_again_at_once() -> None:
    """A single failed call, as S3 has them, loses nothing."""
    store = Store()

    def once() -> BaseException:
        store.fault = None
        return TransientError("SlowDown")

    store.fault = once
    assert await BackingOffStore(store).put(b"x", suffix=".png") == "key.png"
    assert store.asked == 2


async def test_a_store_that_hangs_holds_no_visit() -> None:
    """An upload that never ends is given up, as one that fails."""
    store = Store()
    store.hangs = True
    async with asyncio.timeout(5):
        assert await keep(BackingOffStore(store), b"x", suffix=".png", crawl="docs") is None
