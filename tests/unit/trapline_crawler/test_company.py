"""Visits are in the browser together, and one that must be alone is."""

import asyncio

from trapline_crawler.visit.company import Company


async def test_who_had_company():
    """A stay knows whether another visit was in the browser during it, whichever of them came first."""
    company = Company()
    async with company.together() as first:
        assert not first.in_company
        async with company.together() as second:
            assert first.in_company
            assert second.in_company
    async with company.together() as third:
        assert not third.in_company


async def test_one_that_must_be_alone_is():
    """It waits for those that are there, and those that come later wait for it; a cancelled one keeps nobody out."""
    company, seen, leave = Company(), [], asyncio.Event()

    async def beside(name: str) -> None:
        async with company.together():
            seen.append(name)
            await leave.wait()

    async def by_itself() -> None:
        async with company.alone():
            seen.append("alone")

    first = asyncio.create_task(beside("first"))
    await asyncio.sleep(0)
    alone = asyncio.create_task(by_itself())
    given_up = asyncio.create_task(by_itself())
    await asyncio.sleep(0)
    later = asyncio.create_task(beside("later"))
    await asyncio.sleep(0)
    assert seen == ["first"]
    given_up.cancel()
    leave.set()
    await asyncio.gather(first, alone, later)
    assert seen == ["first", "alone", "later"]
