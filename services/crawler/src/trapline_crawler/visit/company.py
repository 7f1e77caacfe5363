"""Who is in the browser: visits in company, and a visit that must be alone because nobody knows whose a fault was."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass


@dataclass(slots=True, kw_only=True, eq=False)
class Stay:
    """One visit's stay in the browser."""

    in_company: bool
    """Whether another visit was in the browser during this one."""


class Company:
    """Any number of visits are in the browser together; one that asks to be alone waits for them, and others for it."""

    def __init__(self) -> None:
        self._changed = asyncio.Condition()
        self._stays: set[Stay] = set()
        self._alone = 0  # visits that are alone, or wait to be

    @asynccontextmanager
    async def together(self) -> AsyncIterator[Stay]:
        """Be in the browser with others; waits while a visit is, or wants to be, alone."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._alone)
            stay = Stay(in_company=bool(self._stays))
            for other in self._stays:
                other.in_company = True
            self._stays.add(stay)
        try:
            yield stay
        finally:
            await self._leave(stay)

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[Stay]:
        """Be in the browser with nobody else."""
        stay = Stay(in_company=False)
        self._alone += 1
        try:
            async with self._changed:
                await self._changed.wait_for(lambda: not self._stays)
                self._stays.add(stay)
            yield stay
        finally:
            self._alone -= 1
            await self._leave(stay)

    async def _leave(self, stay: Stay) -> None:
        self._stays.discard(stay)
        async with self._changed:
            self._changed.notify_all()
