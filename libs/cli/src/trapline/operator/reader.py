"""The reader function of a deployment: what a person looks at, for those who may look and not act.

It is called directly, as the operator function is. It logs in as ``trapline_reader``, which has SELECT alone, so what
it refuses here it could not do either.
"""

import os
from collections.abc import Mapping
from typing import Any

from trapline.exit_codes import ExitCode
from trapline.operator.perform import perform
from trapline.remote.allowlist import LOOKING
from trapline.remote.protocol import Performed, parse_call
from trapline_common.aws.ledger_login import address
from trapline_common.domain.errors import MessageRefusedError
from trapline_common.platform.lambda_runtime import LambdaContext


def handler(event: Mapping[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Lambda's entry point: ``{"v": 1, "command": ["view", "overview"]}`` to its exit code and its two streams."""
    try:
        call = parse_call(event)
    except MessageRefusedError as error:
        return Performed(exit=ExitCode.REFUSED, stderr=f"{error}\n").body()
    return perform(call, address=address(os.environ), performed=LOOKING).body()
