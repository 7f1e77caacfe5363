"""Real processes that only sleep stand in for crawlers: what is shown is how many there are, and when they end."""

import errno
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from trapline_common.domain.errors import TransientError
from trapline_common.domain.messages import Crawl
from trapline_machine import process_start, processes
from trapline_machine.process_registry import Registry
from trapline_machine.process_start import EarlyCrawler
from trapline_machine.processes import EndedProcess, ProcessInvoker


@pytest.fixture
def sleeper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """The environment in which what is started takes its invocation, then waits for its life line's end, or SIGTERM."""
    (tmp_path / "sleeper.py").write_text(
        "import sys; sys.stdin.readline(); sys.exit(0 if sys.stdin.read() == '' else 1)"
    )
    monkeypatch.setattr(process_start, "MODULE", "sleeper")
    return {**os.environ, "PYTHONPATH": str(tmp_path)}


def new(tmp_path: Path, environ: Mapping[str, str], ended: list[EndedProcess], **more: Any) -> ProcessInvoker:
    settings = {"most": 2, "strict": True, **more}
    return ProcessInvoker(
        seconds=60, logs=tmp_path / "logs", registry=Registry(folder=tmp_path / "processes"), environ=environ,
        on_end=ended.append, **settings,
    )  # fmt: skip


def call(lane: str = "default") -> dict[str, Any]:
    return Crawl(invocation_id=uuid4(), lane=lane).event()


def lanes(invoker: ProcessInvoker) -> list[str]:
    return sorted(child.message.lane for child in invoker._children.values())


async def watched(child: processes._Child) -> None:
    """Wait until the process is gone and all that follows from it is done."""
    assert child.watch is not None
    await child.watch


async def test_what_is_over_the_bound_waits_for_its_turn(tmp_path: Path, sleeper: Mapping[str, str]):
    """Of three accepted calls two run; the third starts as soon as one of them has ended."""
    ended: list[EndedProcess] = []
    invoker = new(tmp_path, sleeper, ended)
    calls = [call(), call(), call()]
    for one in calls:
        await invoker.invoke(one)
    assert [str(one) for one in invoker.invocations] == [one["invocation_id"] for one in calls[:2]]
    first = next(iter(invoker._children.values()))
    assert first.process.stdin is not None
    first.process.stdin.close()
    await watched(first)
    assert ended[0].status == 0
    assert calls[2]["invocation_id"] in [str(one) for one in invoker.invocations]
    await invoker.kill()
    assert sorted(one.status or 0 for one in ended) == [-9, -9, 0]


async def test_a_busy_lane_keeps_no_other_lane_from_starting(tmp_path: Path, sleeper: Mapping[str, str]):
    """Unless a number was asked for, a lane without a process gets one beyond the bound, and only one."""
    invoker = new(tmp_path, sleeper, [], strict=False)
    for lane in ("slow", "slow", "slow", "fast", "fast"):
        await invoker.invoke(call(lane))
    assert lanes(invoker) == ["fast", "slow", "slow"]
    await invoker.kill()


async def test_an_asked_for_number_is_never_passed(tmp_path: Path, sleeper: Mapping[str, str]):
    """With ``--max-invocations 2`` there are two processes, however many lanes wait."""
    invoker = new(tmp_path, sleeper, [])
    for lane in ("slow", "slow", "fast"):
        await invoker.invoke(call(lane))
    assert lanes(invoker) == ["slow", "slow"]
    await invoker.kill()


async def test_a_stopped_command_takes_no_more_and_reports_what_waited(tmp_path: Path, sleeper: Mapping[str, str]):
    """A stop ends the processes, reports the queued call as never started, and refuses further ones for now."""
    ended: list[EndedProcess] = []
    invoker = new(tmp_path, sleeper, ended, most=1)
    await invoker.invoke(call())
    await invoker.invoke(call())
    assert await invoker.stop(within=30)
    assert [one.status for one in ended] == [None, -signal.SIGTERM]
    with pytest.raises(TransientError):
        await invoker.invoke(call())


async def test_a_process_whose_invocation_was_orphaned_holds_up_no_other(tmp_path: Path, sleeper: Mapping[str, str]):
    """A stopped process whose invocation has ended lets the next one start, and is killed when it does not end."""
    ended: list[EndedProcess] = []
    now = [0.0]
    invoker = new(tmp_path, sleeper, ended, most=1, clock=lambda: now[0])
    await invoker.invoke(call())
    (lost,) = invoker.invocations
    stalled = invoker._children[lost]
    os.kill(stalled.process.pid, signal.SIGSTOP)
    await invoker.invoke(call())
    assert invoker.invocations == [lost]
    await invoker.disown([lost])
    assert len(invoker.invocations) == 2
    now[0] = processes.LOST_FOR + 1
    await invoker.disown([lost])
    await watched(stalled)
    assert lost not in invoker.invocations
    assert [one.status for one in ended] == [-signal.SIGKILL]
    await invoker.kill()


async def test_a_call_that_is_asked_again_starts_nothing(tmp_path: Path, sleeper: Mapping[str, str]):
    """The same invocation asked for twice has one process."""
    invoker = new(tmp_path, sleeper, [])
    one = call()
    await invoker.invoke(one)
    await invoker.invoke(one)
    assert len(invoker.invocations) == 1
    assert not invoker._waiting
    await invoker.kill()


async def test_what_can_not_be_noted_is_reported_and_not_asked_again_for_ever(
    tmp_path: Path, sleeper: Mapping[str, str]
):
    """With no room for the registry's file nothing starts, and the reason is what the command tells."""
    ended: list[EndedProcess] = []
    (tmp_path / "processes").touch()
    invoker = new(tmp_path, sleeper, ended)
    await invoker.invoke(call())
    assert (invoker.invocations, [one.status for one in ended]) == ([], [None])
    assert "can't be started" in ended[0].why
    assert "processes" in ended[0].why


async def test_a_process_that_no_other_command_would_know_of_is_killed(
    tmp_path: Path, sleeper: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
):
    """The disk fills between the two notes of a start: the process ends, is reported, and its place is free again."""
    ended: list[EndedProcess] = []
    invoker = new(tmp_path, sleeper, ended, most=1)
    note = Registry.note

    def full(registry: Registry, invocation_id: UUID, *, process_name: str, request_id: str) -> None:
        if request_id:
            raise OSError(errno.ENOSPC, "No space left on device", str(registry.folder))
        note(registry, invocation_id, process_name=process_name, request_id=request_id)

    monkeypatch.setattr(Registry, "note", full)
    await invoker.invoke(call())
    await watched(next(iter(invoker._children.values())))
    assert ([one.status for one in ended], invoker.invocations) == ([-signal.SIGKILL], [])
    monkeypatch.setattr(Registry, "note", note)
    await invoker.invoke(call())
    assert len(invoker.invocations) == 1
    await invoker.kill()


async def test_the_first_invocation_gets_the_process_that_was_started_early(tmp_path: Path, sleeper: Mapping[str, str]):
    """It is given its invocation, log and environment; the second invocation gets a process of its own."""
    early = await EarlyCrawler.begin(sleeper)
    assert early._process is not None
    pid, ended = early._process.pid, list[EndedProcess]()
    invoker = new(tmp_path, sleeper, ended, early=early)
    await invoker.invoke(call())
    await invoker.invoke(call())
    first, second = invoker._children.values()
    assert first.process.pid == pid != second.process.pid
    assert (tmp_path / "logs" / f"{first.message.invocation_id}.log").exists()
    await early.close()  # it is not its any more
    assert first.process.returncode is None
    for child in (first, second):
        assert child.process.stdin is not None
        child.process.stdin.close()
        await watched(child)
    assert [one.status for one in ended] == [0, 0]  # each had read a line before its life line ended


async def test_an_early_process_that_died_is_not_used(tmp_path: Path, sleeper: Mapping[str, str]):
    """The invocation gets another one, whose log says why if it dies too."""
    early = await EarlyCrawler.begin(sleeper)
    assert early._process is not None
    early._process.kill()
    await early._process.wait()
    invoker = new(tmp_path, sleeper, [], early=early)
    await invoker.invoke(call())
    assert len(invoker.invocations) == 1
    await invoker.kill()


async def test_an_early_process_that_nobody_took_ends_with_the_command(sleeper: Mapping[str, str]):
    """A file that is refused leaves no process."""
    early = await EarlyCrawler.begin(sleeper)
    process = early._process
    assert process is not None
    await early.close()
    assert process.returncode == -signal.SIGKILL
