"""Mutes as a table."""

from collections.abc import Sequence
from datetime import datetime

from trapline.render.local_time import minute
from trapline.render.table_cells import Row
from trapline.render.table_layout import Column
from trapline_common.ledger.views.mutes import MuteRow

_COLUMNS = (
    Column(title="CRAWL", flexible=True, least=12),
    Column(title="PAGE", flexible=True, middle=True),
    Column(title="UNTIL"),
    Column(title="KINDS", spare=True),
    Column(title="WHY", flexible=True, least=16),
    Column(title="BY", flexible=True, spare=True),
)


def mute_table(mutes: Sequence[MuteRow], _now: datetime) -> tuple[Sequence[Column], list[Row]]:
    """Return the columns and a row per mute."""
    return _COLUMNS, [_row(mute) for mute in mutes]


def _row(mute: MuteRow) -> Row:
    return (mute.crawl, mute.url or "all", minute(mute.until), ", ".join(mute.kinds), mute.reason, mute.acted_by)
