"""Finds, watches and kills real processes."""

import os
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TypeVar

import psutil

T = TypeVar("T")
CRAWLER = "trapline_machine.crawler_process"


def eventually(read: Callable[[], T], is_so: Callable[[T], bool], *, within: float = 30, what: str = "") -> T:
    """Read until it is so, and return what was read. Fails after ``within`` seconds."""
    until = time.monotonic() + within
    while True:
        found = read()
        if is_so(found):
            return found
        assert time.monotonic() < until, f"not within {within} s: {what or read}: {found!r}"
        time.sleep(0.05)


def descendants(pid: int) -> list[int]:
    """Return the ids of every process below ``pid``."""
    try:
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def crawlers(pid: int) -> list[int]:
    """Return the ids of the crawler processes of the command ``pid``."""
    found = []
    with suppress(psutil.NoSuchProcess):
        for child in psutil.Process(pid).children():
            with suppress(psutil.NoSuchProcess):
                if CRAWLER in child.cmdline():
                    found.append(child.pid)
    return found


def renderers(browsers: Iterable[int]) -> list[int]:
    """Return the renderer processes of the browsers whose main processes are named."""
    groups = set()
    for pid in browsers:
        with suppress(ProcessLookupError):
            groups.add(os.getpgid(pid))
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, ProcessLookupError):
            if os.getpgid(process.pid) in groups and "--type=renderer" in process.cmdline():
                found.append(process.pid)
    return found


def alive(pids: Iterable[int]) -> list[int]:
    """Return those that still run: a zombie does not."""
    found = []
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                found.append(pid)
    return found


def until_gone(pids: Iterable[int], *, within: float = 30) -> None:
    """Wait until none of them runs."""
    known = list(pids)
    eventually(lambda: alive(known), lambda left: not left, within=within, what="processes left")


def kill_all(pids: Iterable[int]) -> None:
    """SIGKILL each."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
