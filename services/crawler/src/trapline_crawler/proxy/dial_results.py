"""Results of the browser's last dials, by host and port: the browser itself only reports that its proxy failed."""

import errno
import os
import socket
from collections import OrderedDict
from dataclasses import dataclass
from typing import Generic, TypeVar

from trapline_common.domain.observation import Failure, Reason
from trapline_common.egress.gate import AddressRefusedError
from trapline_crawler.proxy.socks5 import Reply, Target

T = TypeVar("T")
KEPT = 512
"""Hosts remembered for one browser context; a page that names more loses the oldest, and gets a vaguer reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """How long one dial took."""

    dns: float
    """Milliseconds to look the name up."""
    connect: float
    """Milliseconds to connect."""


class Recent(Generic[T]):
    """The last result for each target, the ``KEPT`` newest."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: OrderedDict[Target, T] = OrderedDict()

    def put(self, target: Target, result: T) -> None:
        """Remember ``result`` as the last one."""
        self._known[target] = result
        self._known.move_to_end(target)
        if len(self._known) > KEPT:
            self._known.popitem(last=False)

    def get(self, target: Target) -> T | None:
        """Return the last result; ``None`` when there is none."""
        return self._known.get(target)

    def drop(self, target: Target) -> None:
        """Forget a target."""
        self._known.pop(target, None)


def failure_of(target: Target, error: Exception) -> tuple[Failure, Reply]:
    """Return what a dial's error means for a visit, and the reply to the browser."""
    where = f"{target.host}:{target.port}"
    match error:
        case AddressRefusedError():
            return Failure(reason=Reason.ADDRESS_REFUSED, detail=str(error), retry=False), Reply.NOT_ALLOWED
        case socket.gaierror():
            detail = f"{target.host}: {error.strerror or 'the name was not resolved'}"
            return Failure(reason=Reason.DNS, detail=detail, retry=True), Reply.HOST_UNREACHABLE
        case TimeoutError():
            detail = f"{where}: no answer to the connection attempt"
            return Failure(reason=Reason.TIMEOUT, detail=detail, retry=True), Reply.HOST_UNREACHABLE
        case OSError():
            words = "connection refused" if error.errno == errno.ECONNREFUSED else os.strerror(error.errno or 0).lower()
            reply = Reply.REFUSED if error.errno == errno.ECONNREFUSED else Reply.HOST_UNREACHABLE
            return Failure(reason=Reason.CONNECT, detail=f"{where}: {words}", retry=True), reply
        case _:
            detail = f"{where}: {type(error).__name__}"
            return Failure(reason=Reason.CONNECT, detail=detail, retry=True), Reply.FAILED
