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
    """The drain's parts; all but the outbox may stay warm between invocations."""

    outbox: Callable[[], AbstractAsyncContextManager[Outbox]]
    """Opens one connection for one invocation and closes it."""
    publisher: Publisher
    """Sends messages: to the topic, or to the terminal and the channels of one machine."""
    operations: Operations
    """Takes reports about alerts that no channel accepts."""
    pacer: Pacer
    """Keeps the pace between two messages."""
    clock: Callable[[], float]
    """A monotonic clock, in seconds."""
    limits: DrainLimits = field(default_factory=DrainLimits)
    """The bounds of one drain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayServices:
    """The relay's parts."""

    channels: Callable[[], Awaitable[Channels]]
    """Reads the channels anew for each event, so that a changed address counts at once."""
    delivered: MutableMapping[str, frozenset[str]] = field(default_factory=dict)
    """In a warm environment: the channels that took a message, by its id, while another channel failed."""
