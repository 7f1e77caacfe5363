"""The ways in which an invocation is asked for."""

from enum import StrEnum


class Via(StrEnum):
    """Who hands an invocation's row to Lambda. Frozen in the row when it is made."""

    EVENT = "event"  # the dispatcher, by an asynchronous Invoke
    MAP = "map"  # an execution of the wave machine, one child for each row
    QUEUE = "queue"  # such a child, by a message of the lane's queue, whose end it waits for
    DURABLE = "durable"  # the dispatcher, by an asynchronous Invoke of the durable function


WAVED = frozenset({Via.MAP, Via.QUEUE})
"""The ways that go through an execution of the wave machine."""
