"""The product's times, made short: a storm has to see an hour of Lambda's misfortunes in half a minute."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Seconds, all passed to the product as settings or arguments. Their order by size is that of the real values."""

    tick: float = 1.0
    """Between two ticks of the dispatcher's reap."""
    heartbeat: float = 0.25
    """Between two heartbeats of a crawler."""
    seldom: float = 0.7
    """The same of every second crawler: what it does until it learns that it was cancelled is worth seeing."""
    silence: float = 2.0
    """Without a heartbeat until a crawler ends by itself: two thirds of ``heartbeat_ttl``."""
    heartbeat_ttl: float = 3.0
    """Without a heartbeat until an invocation counts as orphaned."""
    believed: float = 1.5
    """Without a heartbeat until a report that an invocation failed is believed: two of ``seldom``."""
    lowered: float = 3.5
    """Until crawlers above a lowered cap open nothing more: the longest silence, a visit, and time for both."""
    ask_again: float = 1.8
    """Without an answer until an invocation is asked for again."""
    event_age: float = 3.0
    """Until Lambda gives up on an event; shorter than ``pending_ttl``, as on Lambda."""
    pending_ttl: float = 4.5
    """Without a start until an invocation counts as orphaned."""
    late: float = 6.5
    """How late an event may come: beyond ``pending_ttl`` by at least a tick, so that it finds its row ``orphaned``."""
    asleep: float = 4.5
    """How long a process stays stopped: beyond ``heartbeat_ttl`` and a tick."""
    unstarted_wait: float = 0.3
    """By which a task comes later for each lease that died before it was started."""
    opening: float = 2.0
    """Until a run that is still ``opening`` is resumed."""
    command: float = 4.0
    """For one command of Postgres, and for a connection."""
    in_transaction: float = 1.5
    """That a transaction may be idle."""
    transaction: float = 3.0
    """For one transaction."""
    hold: float = 4.0
    """That the notifier holds the alerts that it has claimed."""
    reserve: float = 1.5
    """Before its deadline, when the notifier stops claiming."""
    back_off: float = 2.0
    """Until the notifier tries a message again the first time; at most three times that."""
    answer: float = 1.2
    """Until a call to the cloud counts as unanswered."""
    linger: float = 5.0
    """That a crawler without a task waits for more."""
    function: float = 40.0
    """The timeout of the crawler function; the others have half of it."""
    tell: float = 1.0
    """From an end until the tick tells it."""
    reassurance: float = 1.0
    """Between two heartbeats of a crawler for which an execution waits."""
    token_silence: float = 6.0
    """Without a heartbeat until an execution stops to wait: beyond ``pending_ttl``."""
    rests: float = 2.0
    """By which the next slice of a durable invocation may be late, beside ``heartbeat_ttl``."""
    late_slice: float = 6.5
    """How late a slice may come: beyond ``rests`` and ``heartbeat_ttl`` by at least a tick."""
    visible: float = 3.0
    """Until a message of the queue whose crawler died is handed out again."""
    falls: float = 3.0
    """That the tick may take to fall asleep: longer than its two calls, and shorter than ``asleep``."""
    lately: float = 5.0
    """Within which a tick must have come, so that it is believed to be awake."""
    retries: tuple[float, float] = (0.5, 1.0)
    """Lambda's pauses before the two further deliveries of a failed event."""
    seed_limit: float = 240.0
    """For one seed to come to its end, a broken one too: that an alert is lost shows only then."""
