"""Compares two pictures in a process of its own, and believes nothing of its answer that can't be true."""

import asyncio
import json
import os
import sys
from typing import Any

from trapline_common.domain.picture import Box, Compared, Difference, NotCompared, Picture, Region, RegionKind
from trapline_crawler.pictures.child import LENGTHS
from trapline_crawler.pictures.compare import MOST

WITHIN = 20.0
"""Seconds for one comparison; two full pages take half a second."""
_LONGEST_ANSWER = 64 * 1024
_LARGEST = 2**31 - 1
_LONGEST_REASON = 200


class Comparer:
    """Compares pictures, one comparison at a time: each holds two pictures in memory. One for each process."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def compare(
        self, old: bytes, new: bytes, *, before: Picture, after: Picture, tolerance: int, within: float = WITHIN
    ) -> Compared:
        """Return how the PNGs ``old`` and ``new`` differ, or why they were not compared. Raises nothing of its own.

        The pictures are hostile: a page can make the browser draw what it likes, and a store may hold anything.
        """
        asked = {"old": _part(before), "new": _part(after), "tolerance": tolerance}
        question = json.dumps(asked).encode("ascii")
        try:
            async with asyncio.timeout(within), self._turn:
                answer = await _ask(b"".join((LENGTHS.pack(len(question), len(old), len(new)), question, old, new)))
        except TimeoutError:
            return NotCompared(reason=f"the pictures were not compared within {within:g} s")
        except OSError as error:
            return NotCompared(reason=f"no process could be started that compares the pictures: {error.strerror}")
        if answer is None:
            return NotCompared(reason="the process that compares pictures was ended: it took too much of the machine")
        try:
            return _checked(json.loads(answer), before, after)
        except (ValueError, TypeError, KeyError):
            return NotCompared(reason="the process that compares pictures gave no answer that can be true")


async def _ask(question: bytes) -> bytes | None:
    """Return what a child answers; ``None`` for one that failed. A child outlives neither this call nor its bounds."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-S", "-P", "-m", "trapline_crawler.pictures.child"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    try:
        answer, _ = await child.communicate(question)
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    return answer if child.returncode == 0 and len(answer) <= _LONGEST_ANSWER else None


def _part(picture: Picture) -> dict[str, Any]:
    return {"ignored": picture.ignored, "watch": picture.watch}


def _checked(answer: dict[str, Any], before: Picture, after: Picture) -> Compared:
    """Read an answer. Raises ``ValueError``, ``TypeError`` or ``KeyError`` for one of another shape."""
    if "unfit" in answer:
        return NotCompared(reason=str(answer["unfit"])[:_LONGEST_REASON])
    regions = answer["regions"]
    if not isinstance(regions, list) or len(regions) > MOST:
        raise ValueError("regions")
    area = _number(answer["area"])
    return Difference(
        pixels=min(_number(answer["pixels"]), area),
        area=area,
        regions=tuple(
            Region(kind=RegionKind(kind), old=_box(old, before), new=_box(new, after)) for kind, old, new in regions
        ),
        more=_number(answer["more"]),
    )


def _box(values: list[object], picture: Picture) -> Box:
    """Return a box of the compared part as one of the whole picture."""
    x, y, width, height = map(_number, values)
    if picture.watch is not None:
        x, y = x + picture.watch[0], y + picture.watch[1]
    if x + width > picture.width or y + height > picture.height:
        raise ValueError("outside")
    return x, y, width, height


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _LARGEST:
        raise ValueError("number")
    return value
