"""The picture baselines of pages: read by the crawler that judges a picture, set by a person who accepts one."""

import json

from trapline_common.alerts.page_state import PageState
from trapline_common.domain.ids import PageId
from trapline_common.domain.picture import PagePicture
from trapline_common.domain.picture_json import read_page
from trapline_common.ledger.connection import Database
from trapline_common.ledger.queries import load

_QUERIES = load("pictures")


async def page_picture(database: Database, page: PageState) -> PagePicture | None:
    """Return the page's picture baseline; ``None``: it has none, or its row was updated since ``page`` was read.

    Then the verdict is refused, and the page read again.
    """
    document = await database.fetchval(_QUERIES["of_page"], page.page_id, page.version)
    return None if document is None else read_page(json.loads(document))


async def accept_picture(database: Database, page_id: PageId, observation_id: int | None = None) -> str | None:
    """Make the picture of an observation, or of the newest good one, the page's baseline; return its artifact's key.

    ``None``: there is no picture that can be compared, so nothing was written. Twice is harmless. A crawler that judges
    the page meanwhile finds its version moved, and judges again.
    """
    key: str | None = await database.fetchval(_QUERIES["accept"], page_id, observation_id)
    return key
