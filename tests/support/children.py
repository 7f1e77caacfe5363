"""Processes that tests start: forked from one server, which has loaded what they need.

There is one such server for a process, and it loads what was asked for before its first child, whoever asked. With a
list for each kind of test, those that came second would load everything anew in each child: a storm then takes ten
times as long, and does not meet what it looks for.
"""

import ctypes
import multiprocessing
import os
import signal
import sys
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext
from typing import Any

_LOADED = ["tests.storm.process", "trapline_crawler.durable_handler", "aws_durable_execution_sdk_python_testing"]


_SET_DEATH_SIGNAL = 1
"""Linux' prctl: the signal that this process gets when its parent dies."""


def die_with_parent() -> None:
    """Let the kernel kill this process, one under SIGSTOP too, when whoever asked for it dies. It starts none itself.

    The server that forked it dies when nobody is left who may ask for another process; a forked one may, until it
    gives that up. Elsewhere than on Linux the process lives as long as it does.
    """
    asks: Any = vars(forkserver)["_forkserver"]
    os.close(asks._forkserver_alive_fd)
    asks._forkserver_alive_fd = None
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)


def forked() -> ForkServerContext:
    """Return what starts them."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_LOADED)
    return context
