"""How Trapline calls AWS: in a thread, with short timeouts, and its errors mapped to the reaction they ask for."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from trapline_common.domain.errors import RefusedError, TransientError

T = TypeVar("T")

CLIENT_CONFIG = Config(
    connect_timeout=2,
    read_timeout=5,
    retries={"mode": "standard", "total_max_attempts": 2},
    tcp_keepalive=True,
)
"""For every client: a call ends within about 15 s, come what may, so that a deadline of seconds can be kept."""

REFUSED = frozenset({"InvalidParameter", "InvalidParameterValue", "ParameterValueInvalid", "ValidationException"})
"""Error codes that speak about what was sent; any other code speaks about the service or our set-up, which may mend."""


async def call(request: Callable[[], T]) -> T:
    """Run one boto3 call in a thread and return its answer.

    Raises ``RefusedError`` when the content of the request was refused for good, and ``TransientError`` for everything
    else: throttling, an outage, and also a missing permission or a wrong name, because those are mended from outside.
    """
    try:
        return await asyncio.to_thread(request)
    except ParamValidationError as error:
        raise RefusedError(str(error)) from error
    except ClientError as error:
        details = error.response.get("Error", {})
        code, text = details.get("Code", "unknown"), details.get("Message", "")
        reason = f"{error.operation_name}: {code}: {text}"
        # SNS answers InvalidParameter for a malformed ARN too; that is our set-up, not the content.
        if code in REFUSED and "Arn" not in text:
            raise RefusedError(reason) from error
        raise TransientError(reason) from error
    except BotoCoreError as error:
        raise TransientError(f"{type(error).__name__}: {error}") from error
