"""Signals that end a command."""

import asyncio
import os
import signal

import pytest

from trapline_machine.signals import caught_interrupts


async def test_a_hang_up_ends_it_unless_it_was_to_be_ignored() -> None:
    """A closed terminal ends a command in order; one that `nohup` started goes on."""
    before = signal.getsignal(signal.SIGHUP)
    try:
        for ignored in (True, False):
            signal.signal(signal.SIGHUP, signal.SIG_IGN if ignored else signal.SIG_DFL)
            with caught_interrupts() as interrupts:
                os.kill(os.getpid(), signal.SIGHUP)
                if ignored:
                    os.kill(os.getpid(), signal.SIGTERM)
                await asyncio.wait_for(interrupts.first.wait(), 5)
                assert interrupts.number == (signal.SIGTERM if ignored else signal.SIGHUP)
                assert not interrupts.second.is_set()
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
async def test_the_second_signal_ends_it_now(first: signal.Signals) -> None:
    """Of two signals the first gives the exit code."""
    with caught_interrupts() as interrupts:
        os.kill(os.getpid(), first)
        await asyncio.wait_for(interrupts.first.wait(), 5)
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(interrupts.second.wait(), 5)
        assert interrupts.exit_code == 128 + first


async def test_afterwards_each_signal_does_what_it_did_before() -> None:
    """What comes behind the block, such as the stop of the embedded Postgres, is not cut off by another default."""
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        mine = signal.getsignal(signal.SIGTERM)
        with caught_interrupts():
            assert signal.getsignal(signal.SIGTERM) is not mine
        assert signal.getsignal(signal.SIGTERM) is mine
    finally:
        signal.signal(signal.SIGTERM, before)
