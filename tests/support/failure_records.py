"""Records of the crawler's failure queue, in the shape that Lambda's on-failure destination documents."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

from support.dispatcher_stage import Stage
from trapline_common.domain.answers import DispatcherAnswer
from trapline_common.domain.messages import Crawl


def record(invocation_id: UUID, *, request_id: str, condition: str = "RetriesExhausted", **more: Any) -> dict[str, str]:
    """Return one SQS record. ``RetriesExhausted`` comes with the function's error, ``EventAgeExceeded`` without."""
    body = {
        "version": "1.0",
        "timestamp": "2026-03-01T08:16:05.568Z",
        "requestContext": {
            "requestId": request_id,
            "functionArn": "arn:aws:lambda:eu-central-1:123456789012:function:crawler:$LATEST",
            "condition": condition,
            "approximateInvokeCount": 1,
        },
        "requestPayload": Crawl(invocation_id=invocation_id, lane="default").event(),
        **more,
    }
    return {"messageId": str(uuid4()), "eventSource": "aws:sqs", "body": json.dumps(body)}


def crashed(error: str = "Task timed out after 900.00 seconds") -> dict[str, Any]:
    """Return what the record of a function that ran and failed has besides."""
    return {
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "responsePayload": {"errorMessage": error},
    }


async def report(stage: Stage, *records: Mapping[str, Any]) -> DispatcherAnswer:
    """Deliver a batch of the queue."""
    return await stage.handle({"Records": list(records)})
