"""``trapline mutes``: what is muted now, until when, why, and by whom."""

import asyncio
from functools import partial

from trapline.access.options import DEFAULT_DATA_DIR, DatabaseUrl, DataDir, Json, Limit
from trapline.listing import Listing
from trapline.render.tables.mutes import mute_table
from trapline_common.ledger.views.mutes import list_mutes


def mutes(
    limit: Limit = 100,
    json: Json = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """List what is muted now, the first to end first. `trapline status` shows it too.

    Exits with 0.

    Examples:

      trapline mutes
      trapline mutes --env prod --json | jq '.mutes[].reason'
    """
    listing = Listing(name="mutes", read=partial(list_mutes, limit=limit), table=mute_table, limit=limit)
    asyncio.run(listing.show(data_dir=data_dir, database_url=database_url, json=json))
