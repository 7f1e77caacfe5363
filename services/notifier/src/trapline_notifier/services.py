"""What the handlers work with; ``wiring`` makes it on AWS, the one-machine runtime makes its own."""

from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from trapline_common.domain.ports import Outbox
from trapline_notifier.drain import DrainLimits
from trapline_notifier.pace import Pacer
from trapline_notifier.ports import Operations, Publisher
from trapline_notifier.publishers.channels import Channels


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The drain's parts. ``outbox`` opens one connection for one invocation and closes it; the rest may stay warm."""

    outbox: Callable[[], AbstractAsyncContextManager[Outbox]]
    publisher: Publisher
    operations: Operations
    pacer: Pacer
    clock: Callable[[], float]
    limits: DrainLimits = field(default_factory=DrainLimits)


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayServices:
    """The relay's parts. ``channels`` reads the channels anew for each event, so that a changed address counts at once.

    ``delivered`` remembers, in a warm environment, which channels took a message whose delivery failed elsewhere.
    """

    channels: Callable[[], Awaitable[Channels]]
    delivered: MutableMapping[str, frozenset[str]] = field(default_factory=dict)
