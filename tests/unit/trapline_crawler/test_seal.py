"""The seal of a checkpoint, and the key of one machine."""

import stat
from multiprocessing import get_context
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from trapline_crawler.sessions.local_key import local_session_key
from trapline_crawler.sessions.seal import MAX_BYTES, Seal

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda more: st.lists(more, max_size=3) | st.dictionaries(st.text(), more, max_size=3),
    max_leaves=8,
)
KEY = Seal.new_key()


@settings(max_examples=40)
@given(st.dictionaries(st.text(), JSON, max_size=3))
def test_what_is_sealed_opens_again(state: dict[str, object]) -> None:
    """Any session comes back as it was, through the same key."""
    assert Seal(KEY).open(Seal(KEY).close(state)) == state


def test_what_is_sealed_shows_nothing() -> None:
    """Neither a cookie's name nor its value can be read, and sealing twice does not look the same."""
    state = {"cookies": [{"name": "session-id", "value": "open-sesame"}]}
    sealed = Seal(KEY).close(state)
    assert b"sesame" not in sealed
    assert b"session-id" not in sealed
    assert sealed != Seal(KEY).close(state)


def test_another_key_or_a_changed_byte_opens_nothing() -> None:
    """A lost or rotated key, or a row that was tampered with, costs the session and raises nothing."""
    sealed = Seal(KEY).close({"a": 1})
    assert Seal(Seal.new_key()).open(sealed) is None
    changed = b"A" if sealed[-9:-8] != b"A" else b"B"
    assert Seal(KEY).open(sealed[:-9] + changed + sealed[-8:]) is None
    assert Seal(KEY).open(b"") is None
    assert Seal(KEY).open(None) is None


def test_a_session_that_unpacks_too_large_is_not_restored() -> None:
    """A page that fills its storage can't fill the memory of the next invocation."""
    assert Seal(KEY).open(Seal(KEY).close({"a": "x" * MAX_BYTES})) is None


def test_one_machine_has_one_key_that_only_its_owner_reads(tmp_path: Path) -> None:
    """Made at the first call, the same ever after; mode 0600 in a directory of mode 0700."""
    first = local_session_key(tmp_path)
    assert local_session_key(tmp_path) == first
    file = tmp_path / "secrets" / "session-key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [path.name for path in file.parent.iterdir()] == ["session-key"]
    Seal(first)


def test_processes_that_start_together_agree_on_the_key(tmp_path: Path) -> None:
    """Several crawlers may be the first: one key wins, and all use it."""
    with get_context("spawn").Pool(4) as pool:
        keys = pool.map(local_session_key, [tmp_path] * 16, chunksize=1)
    assert len(set(keys)) == 1
