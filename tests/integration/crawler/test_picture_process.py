"""The process that compares pictures: its limits, its environment, and that nobody believes what it can't know."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from support.pictures import page, png, with_box
from trapline_common.domain.picture import Compared, Difference, NotCompared, Picture, RegionKind
from trapline_crawler.pictures import comparer
from trapline_crawler.pictures.child import LENGTHS
from trapline_crawler.pictures.comparer import Comparer

OLD = page(300, width=200)
NEW = with_box(OLD, (20, 100, 40, 20))
FACTS = Picture(width=200, height=300, scale=1.0, browser="141", made="settings")
ANSWER: dict[str, Any] = {
    "pixels": 800,
    "area": 60_000,
    "regions": [["changed", [16, 96, 48, 32], [16, 96, 48, 32]]],
    "more": 0,
}


async def _compared(old: bytes, new: bytes, **more: Any) -> Compared:
    return await Comparer().compare(old, new, before=FACTS, after=FACTS, tolerance=18, **more)


async def test_two_pictures() -> None:
    """The answer of the process is the difference."""
    found = await _compared(png(OLD), png(NEW))
    assert isinstance(found, Difference)
    ((kind, old, new),) = [(one.kind, one.old, one.new) for one in found.regions]
    assert (kind, old, new) == (RegionKind.CHANGED, (16, 100, 48, 20), (16, 100, 48, 20))
    assert (found.area, found.more) == (60_000, 0)


async def test_regions_of_a_part_are_places_in_the_whole_picture() -> None:
    """What is watched begins at 90 here: the region is where the picture has it."""
    watched = Picture(width=200, height=300, scale=1.0, browser="141", made="settings", watch=(10, 90, 150, 100))
    found = await Comparer().compare(png(OLD), png(NEW), before=watched, after=watched, tolerance=18)
    assert isinstance(found, Difference)
    assert [one.new for one in found.regions] == [(10, 100, 48 + 16, 20)]


async def test_it_takes_no_longer_than_it_may() -> None:
    """A comparison that is not done in time is given up, and its process with it."""
    found = await _compared(png(OLD), png(NEW), within=0.001)
    assert isinstance(found, NotCompared)
    assert "within" in found.reason


async def test_it_has_no_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its environment is the way to its modules, and nothing of the crawler's."""
    script, seen = tmp_path / "python", tmp_path / "seen"
    script.write_text(f"#!/bin/sh\n/usr/bin/env > {seen}\n")
    script.chmod(0o755)
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:secret@h/d")
    monkeypatch.setattr(sys, "executable", str(script))
    assert isinstance(await _compared(png(OLD), png(NEW)), NotCompared)
    names = {line.partition("=")[0] for line in seen.read_text().splitlines()}
    assert names - {"PWD", "_", "SHLVL", "OLDPWD"} == {"PYTHONPATH", "PYTHONDONTWRITEBYTECODE"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"pixels": -1},
        {"area": 1e300},
        {"more": True},
        {"regions": "many"},
        {"regions": [["changed", [0, 0, 1, 1], [190, 0, 48, 16]]]},
        {"regions": [["moved", [0, 0, 1, 1], [0, 0, 1, 1]]]},
        {"regions": [["changed", [0, 0, 1], [0, 0, 1, 1]]]},
        {"regions": [["changed", [0, 0, 1, 1], [0, 0, 1, 1]]] * 41},
    ],
    ids=["less than none", "no number", "a flag", "no list", "outside", "another kind", "no box", "too many"],
)
async def test_an_answer_that_can_not_be_true(monkeypatch: pytest.MonkeyPatch, wrong: dict[str, object]) -> None:
    """A picture that took its process over tells of nothing but numbers and places that the pictures have."""

    async def answer(_: bytes) -> bytes:
        return json.dumps({**ANSWER, **wrong}).encode()

    monkeypatch.setattr(comparer, "_ask", answer)
    found = await _compared(b"", b"")
    assert found == NotCompared(reason="the process that compares pictures gave no answer that can be true")


async def _child(limits: str, old: bytes, new: bytes) -> tuple[int | None, bytes]:
    """Run the child's own program with other limits; return its exit code and its answer."""
    program = f"import trapline_crawler.pictures.child as child; {limits}; child.main()"
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    part = {"ignored": [], "watch": None}
    asked = json.dumps({"old": part, "new": part, "tolerance": 18}).encode()
    answer, _ = await running.communicate(LENGTHS.pack(len(asked), len(old), len(new)) + asked + old + new)
    return running.returncode, answer


async def test_memory_is_bounded() -> None:
    """A picture that takes more memory than the process may have is told, and brings nothing else down."""
    large = png(Image.new("RGB", (5_000, 6_000)))
    code, answer = await _child("child.MEMORY = 150 * 1024 * 1024", large, large)
    assert code == 0
    assert json.loads(answer) == {"unfit": "the picture before: it takes more than 150 MiB"}


async def test_processor_time_is_bounded() -> None:
    """The system ends a process that computes for too long."""
    code, answer = await _child("child.SECONDS = 1; child._question = lambda _: [0 for _ in iter(int, 1)]", b"", b"")
    assert code is not None
    assert code < 0
    assert answer == b""
