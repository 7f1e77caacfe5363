"""Artifacts in a directory."""

import asyncio
from pathlib import Path

import pytest

from trapline_common.domain.errors import TransientError
from trapline_common.local.artifacts import DirectoryArtifacts


def _files(folder: Path) -> list[str]:
    return [str(path) for path in folder.rglob("*") if path.is_file()]


async def test_same_bytes_same_key(tmp_path: Path):
    """Bytes stored twice, even at once, have one key and one file, and come back as they were."""
    store = DirectoryArtifacts(tmp_path)
    keys = await asyncio.gather(*(store.put(b"picture", suffix=".png") for _ in range(8)))
    assert len(set(keys)) == 1
    assert await store.get(keys[0]) == b"picture"
    assert _files(tmp_path) == [store.location(keys[0])]


@pytest.mark.parametrize("key", ["../../etc/passwd", "ab/cd", "", "/etc/passwd", "ab/" + "c" * 64 + ".png"])
async def test_foreign_keys_are_refused(tmp_path: Path, key: str):
    """Only keys of ours lead to a file: no other path can be read through the store."""
    with pytest.raises(KeyError):
        await DirectoryArtifacts(tmp_path).get(key)


async def test_unknown_key(tmp_path: Path):
    """A key under which nothing lies is a ``KeyError``."""
    with pytest.raises(KeyError):
        await DirectoryArtifacts(tmp_path).get("ab/ab" + "0" * 62 + ".png")


async def test_unwritable_directory_is_transient(tmp_path: Path):
    """A directory that can't be written is worth another attempt, and says why."""
    blocker = tmp_path / "file"
    blocker.write_bytes(b"")
    with pytest.raises(TransientError, match="can't be written"):
        await DirectoryArtifacts(blocker).put(b"x", suffix=".png")
