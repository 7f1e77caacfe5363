"""Which locks a statement of the ledger waits for, read from its SQL and that of the functions it calls.

``ORDER`` is the one order, as docs/architecture.md has it. A transaction that waits for a lock while it holds one that
comes later in the order can take part in a deadlock.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

ORDER = (
    "tick",
    "crawl",
    "lane limits",
    "run",
    "schedule",
    "serving",
    "retired_run",
    "waiter",
    "page_chunk",
    "lane",
    "mutes",
    "mute",
    "invocation",
    "task",
    "page",
    "observation",
    "session",
    "host",
    "host_turn",
    "host_visit",
    "robots",
    "channel",
    "alert",
    "delivery",
    "told_cause",
    "unnamed_artifact",
    "artifact_walk",
    "pace",
)
"""Advisory locks (crawl, lane, mutes) and the rows of tables; a row of the table ``lane`` is "lane limits"."""

_TABLES = {"lane": "lane limits"}
_EVENT = re.compile(
    r"pg_advisory_xact_lock(?:_shared)?\s*\(\s*trapline\.(?P<key>lane|mute)_key\(\s*(?P<advisory>'crawl '|\w|\$)"
    r"|\b(?P<write>UPDATE|INSERT\s+INTO|DELETE\s+FROM)\s+trapline\.(?P<table>\w+)"
    r"|\bFROM\s+trapline\.(?P<read>\w+)(?:\s+(?:AS\s+)?(?P<alias>(?!WHERE|JOIN|FOR|ORDER|CROSS|LEFT)\w+))?"
    r"|\bFOR\s+(?:NO\s+KEY\s+UPDATE|UPDATE|KEY\s+SHARE|SHARE)(?:\s+OF\s+(?P<of>\w+))?(?P<skip>\s+SKIP\s+LOCKED)?"
    r"|\btrapline\.(?P<call>(?!lane_key|mute_key)\w+)\s*\(",
    re.IGNORECASE,
)
_COMMENT = re.compile(r"--[^\n]*")


class Taken(NamedTuple):
    """One lock that a statement takes."""

    name: str
    """A name of ``ORDER``."""
    waits: bool
    """Whether it waits for it; ``SKIP LOCKED`` does not."""


def locks(sql: str, functions: Mapping[str, str]) -> Iterator[Taken]:
    """Yield the locks of ``sql`` in the order in which it is written; ``functions``: source by name."""
    seen: dict[str, str] = {}
    last = ""
    for found in _EVENT.finditer(_COMMENT.sub("", sql)):
        if found["advisory"] is not None:
            name = "mutes" if found["key"] == "mute" else "crawl" if found["advisory"].startswith("'") else "lane"
            yield Taken(name, waits=True)
        elif found["write"] is not None:
            yield Taken(_TABLES.get(found["table"], found["table"]), waits=True)
        elif found["read"] is not None:
            last = found["read"]
            seen[found["alias"] or last] = last
        elif found["call"] is not None:
            if found["call"] in functions:
                yield from locks(functions[found["call"]], functions)
        elif last:
            table = seen.get(found["of"] or "", last)
            yield Taken(_TABLES.get(table, table), waits=found["skip"] is None)


def out_of_order(taken: Sequence[Taken]) -> list[tuple[str, str]]:
    """Return each pair (held, waited for) of a transaction that is against the order.

    A lock of a kind that it holds already is the same row, or a later one of its table.
    """
    found, held = [], set[str]()
    for one in taken:
        place = ORDER.index(one.name)
        if one.waits and one.name not in held:
            found += [(other, one.name) for other in held if ORDER.index(other) > place]
        held.add(one.name)
    return sorted(set(found), key=lambda pair: (ORDER.index(pair[0]), ORDER.index(pair[1])))
