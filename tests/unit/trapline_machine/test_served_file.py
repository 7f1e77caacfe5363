"""The file that is served: read when it changed, refused when it is broken."""

import os
from pathlib import Path

import pytest

from support.crawling import KnownSecrets
from trapline_common.config.load import load_config
from trapline_common.domain.errors import InputRefusedError
from trapline_machine.serve.served_file import ServedFile

GOOD = "crawls: {docs: {urls: [https://a.example/]}}"
OTHER = "crawls: {other: {urls: [https://a.example/], alert: {to: [ops]}}}"
CHANNELS = "ops: json://a.example/hook"


@pytest.fixture
def served(tmp_path: Path) -> ServedFile:
    (tmp_path / "crawls.yaml").write_text(GOOD)
    return ServedFile(path=tmp_path / "crawls.yaml", data_dir=tmp_path, secrets=KnownSecrets())


async def settled(served: ServedFile) -> bool:
    """Look until two looks found the same; return whether the files were read."""
    return await served.changed() or await served.changed()


async def test_a_changed_file_is_read_once(served: ServedFile) -> None:
    """Read when it is another file and has stopped changing; not when nothing changed."""
    await served.read()
    assert not await settled(served)
    (served.data_dir / "channels.yaml").write_text(CHANNELS)
    served.path.write_text(OTHER)
    assert not await served.changed(), "it may still be written"
    assert await served.changed()
    assert list((await served.current()).crawls) == ["other"]
    assert not await settled(served)


async def test_one_of_the_same_size_and_time_is_seen(served: ServedFile) -> None:
    """An editor that puts a new file in its place is noticed, even with the old one's size and time."""
    await served.read()
    before = served.path.stat()
    new = served.path.with_suffix(".new")
    new.write_text(GOOD.replace("docs", "news"))
    os.utime(new, ns=(before.st_atime_ns, before.st_mtime_ns))
    new.replace(served.path)
    assert await settled(served)
    assert list(served.config.crawls) == ["news"]


async def test_a_broken_file_is_refused_and_the_old_one_goes_on(served: ServedFile) -> None:
    """In the words with which a command refuses it: broken, gone, or with a channel that there is not."""
    await served.read()
    for text in ("crawls: {docs: {url: x}}", "a: [", None, OTHER):
        if text is None:
            served.path.unlink()
        else:
            served.path.write_text(text)
        assert await settled(served)
        if text != OTHER:
            with pytest.raises(InputRefusedError) as refused:
                load_config(served.path)
            assert served.refused == str(refused.value)
        else:
            assert served.refused is not None
            assert "there is no channel ops" in served.refused
        assert list(served.config.crawls) == ["docs"]
        assert not await settled(served), "it is not said again"
    (served.data_dir / "channels.yaml").write_text(CHANNELS)
    assert await settled(served), "the channels file counts too"
    assert served.refused is None
    assert list(served.config.crawls) == ["other"]


async def test_at_the_start_a_broken_file_is_an_error(served: ServedFile) -> None:
    """There is no old one to go on with."""
    served.path.write_text("a: [")
    with pytest.raises(InputRefusedError):
        await served.read()
