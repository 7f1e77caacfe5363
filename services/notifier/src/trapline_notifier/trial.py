"""The test alert of ``trapline alert --test``."""

from collections.abc import Mapping
from datetime import datetime

from trapline_common.domain.errors import RefusedError, TransientError
from trapline_common.domain.ids import AlertId
from trapline_common.domain.ports import AlertRow
from trapline_notifier.message import AlertMessage, compose
from trapline_notifier.ports import Publisher


def trial_message(*, at: datetime) -> AlertMessage:
    """Return a message that says it is a test. Its alert has the id 0, which the ledger never gives."""
    row = AlertRow(id=AlertId(0), kind="test", crawl="trapline", run_id=None, payload={}, to=(), created_at=at)
    return compose([row])


async def send_test(publishers: Mapping[str, Publisher], *, at: datetime) -> dict[str, str | None]:
    """Send a test alert through each publisher, and return by name what went wrong, ``None`` where nothing did."""
    message = trial_message(at=at)
    went: dict[str, str | None] = {}
    for name, publisher in publishers.items():
        try:
            await publisher.publish(message)
        except (RefusedError, TransientError) as error:
            went[name] = str(error)
        else:
            went[name] = None
    return went
