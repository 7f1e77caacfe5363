"""The product's times, made short: a storm has to see an hour of Lambda's misfortunes in half a minute."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Seconds, all passed to the product as settings or arguments. The order of the sizes is that of the real values.

    ``event_age`` < ``pending_ttl``, as on Lambda; ``late`` is beyond ``pending_ttl`` by at least a tick, so that what comes
    then finds its row ``orphaned``. ``asleep``: how long a process stays stopped, beyond ``heartbeat_ttl`` and a tick.
    """

    tick: float = 1.0
    heartbeat: float = 0.25
    heartbeat_ttl: float = 3.0
    ask_again: float = 1.8
    event_age: float = 3.0
    pending_ttl: float = 4.5
    late: float = 6.5
    asleep: float = 4.5
    opening: float = 2.0
    command: float = 4.0
    in_transaction: float = 1.5
    transaction: float = 3.0
    hold: float = 4.0
    reserve: float = 1.5
    answer: float = 1.2
    linger: float = 5.0
    function: float = 40.0
    retries: tuple[float, float] = (0.5, 1.0)
    seed_limit: float = 150.0
