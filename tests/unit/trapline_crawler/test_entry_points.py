"""Both entry points on Lambda work on the event loop that their environment keeps, on which its driver lives."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from trapline_crawler import durable_handler, handler, wiring

Call = Callable[[Callable[[], Coroutine[Any, Any, Any]]], Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What an entry point answers: the loop that it worked on."""

    loop: asyncio.AbstractEventLoop
    """That loop."""

    def body(self) -> Mapping[str, Any]:
        """Return it as the answer of an invocation."""
        return {"loop": self.loop}


async def _answer(*_: object) -> Answer:
    return Answer(asyncio.get_running_loop())


def _walk(_event: object, _context: object, _services: object, *, call: Call) -> Mapping[str, Any]:
    answer: Answer = call(_answer)
    return answer.body()


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Stand for an environment of the function, which has no ledger to work with."""
    monkeypatch.setattr(wiring, "services", lambda: None)
    monkeypatch.setattr(handler, "handle", _answer)
    monkeypatch.setattr(durable_handler, "walk", _walk)
    yield
    wiring.loop().close()
    wiring.loop.cache_clear()


@pytest.mark.parametrize("entry", [handler.handler, durable_handler.handler.__wrapped__], ids=["ordinary", "durable"])
def test_each_call_runs_on_the_loop_that_is_kept(entry: Callable[..., Mapping[str, Any]]):
    """A driver that another loop started would be of no use to the next call, and a new one begun each time."""
    loops = [entry({}, None)["loop"] for _ in range(2)]
    assert loops[0] is loops[1]
    assert wiring.loop().run(_answer).loop is loops[0]
