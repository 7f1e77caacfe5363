"""What the handlers work with; ``wiring`` makes it on AWS, the one-machine runtime makes its own."""

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trapline_common.domain.ports import Outbox
from trapline_common.domain.web_view import WebView
from trapline_notifier.channel_drain import DrainLimits
from trapline_notifier.message import NOWHERE
from trapline_notifier.pace import Pacer
from trapline_notifier.ports import Channel, Operations

if TYPE_CHECKING:  # it imports Apprise, which only those load who send to a chat channel themselves
    from trapline_notifier.publishers.channels import Channels

TOPIC = "the topic"
"""The ledger's name for the SNS topic. Like ``TERMINAL`` it has a blank, so no name of a channels file is the same."""
TERMINAL = "the terminal"
"""The ledger's name for the terminal of one machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The drain's parts; all but the outbox may stay warm between invocations."""

    outbox: Callable[[], AbstractAsyncContextManager[Outbox]]
    """Opens one connection for one invocation and closes it."""
    channels: Callable[[Sequence[str]], Awaitable[Sequence[Channel]]]
    """Returns the channels that there are now; it gets the names of those that the ledger knows."""
    operations: Operations
    """Takes reports about alerts that no channel accepts."""
    pacer: Pacer
    """Keeps the pace between two messages."""
    clock: Callable[[], float]
    """A monotonic clock, in seconds."""
    limits: DrainLimits = field(default_factory=DrainLimits)
    """The bounds of one drain."""
    web: WebView = NOWHERE
    """Where messages link to."""
    closed: bool = False
    """Whether an ``alert.to`` that names none of the channels is a mistake; on AWS the topic's subscribers filter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayServices:
    """The relay's parts."""

    channels: "Callable[[], Awaitable[Channels]]"
    """Reads the channels anew for each event, so that a changed address counts at once."""
    delivered: MutableMapping[str, frozenset[str]] = field(default_factory=dict)
    """In a warm environment: the channels that took a message, by its id."""
