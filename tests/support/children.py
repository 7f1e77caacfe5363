"""Processes that tests start: forked from one server, which has loaded what they need.

There is one such server for a process, and it loads what was asked for before its first child, whoever asked. With a
list for each kind of test, those that came second would load everything anew in each child: a storm then takes ten
times as long, and does not meet what it looks for.
"""

import multiprocessing
from multiprocessing.context import ForkServerContext

_LOADED = ["tests.storm.process", "trapline_crawler.durable_handler", "aws_durable_execution_sdk_python_testing"]


def forked() -> ForkServerContext:
    """Return what starts them."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_LOADED)
    return context
