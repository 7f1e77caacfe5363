"""An event that a queue hands over: one record, whose body is the message."""

import json
from collections.abc import Mapping

from trapline_common.domain.errors import MessageRefusedError


def unwrapped(event: object) -> object:
    """Return the message of an event: the body of a queue's one record, or the event itself.

    Raises ``MessageRefusedError`` for a batch, of which a crawler could work on one alone, and a body that is no JSON.
    """
    if not isinstance(event, Mapping) or "Records" not in event:
        return event
    records = event["Records"]
    if not isinstance(records, list) or len(records) != 1 or not isinstance(records[0], Mapping):
        raise MessageRefusedError("Records: one record is expected, so the mapping's batch size is 1")
    try:
        return json.loads(records[0].get("body", ""))
    except (TypeError, ValueError) as error:
        raise MessageRefusedError(f"Records.0.body: {error}") from error
