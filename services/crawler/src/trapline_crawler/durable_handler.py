"""The entry point of the durable function: an ordered task in slices, each a step, and unpaid waits between them.

Lambda calls ``handler`` again after each wait, and it begins from its first line: what has ended as a step is not
executed again, its result is read. So nothing outside of a step reads a clock, the ledger, chance or the environment's
state: a replay has to come to the same steps, under the same names. What a step returns or raises is stored by AWS:
words and numbers, and never a URL, a cookie or what a page held.
"""

from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from math import ceil
from typing import Any, TypeVar

from aws_durable_execution_sdk_python import DurableContext, StepContext, durable_execution
from aws_durable_execution_sdk_python.config import Duration, JitterStrategy, StepConfig
from aws_durable_execution_sdk_python.retries import RetryStrategyConfig, create_retry_strategy

from trapline_common.domain.answers import Crawled, Refused
from trapline_common.domain.errors import MessageRefusedError, TraplineError
from trapline_common.domain.messages import parse_crawl
from trapline_common.platform.lambda_runtime import AWS_CLIENTS, Deadline, LambdaContext, load_at_init, run
from trapline_common.platform.logging import get_logger
from trapline_crawler import wiring
from trapline_crawler.services import Services
from trapline_crawler.sessions import seal
from trapline_crawler.work.one_call import Worked
from trapline_crawler.work.slice import DurableInvocation

MOST_SLICES = 1_400
"""Each is a step and a wait: with the first step 2,800 of the 3,000 operations that AWS lets an execution have. Then
the task is handed back, and a new invocation, with an execution of its own, goes on."""

ATTEMPTS = 4
"""Of one step that raises, 2, 4 and 8 seconds apart: within the heartbeats' time to live, so the row stays held."""

AGAIN = StepConfig(
    retry_strategy=create_retry_strategy(
        RetryStrategyConfig(
            max_attempts=ATTEMPTS,
            initial_delay=Duration.from_seconds(2),
            backoff_rate=2,
            jitter_strategy=JitterStrategy.NONE,
        )
    )
)

T = TypeVar("T")
_log = get_logger("crawler")


load_at_init(*AWS_CLIENTS, seal.LIBRARY)


class StepBrokeError(TraplineError):
    """A step raised; ``str()`` is the error's class alone, because AWS stores it. The log has the rest."""


@durable_execution
def handler(event: Mapping[str, Any], context: DurableContext) -> dict[str, Any]:
    """Lambda's entry point. A step that raises again and again ends the invocation, and the execution, ``failed``."""
    return walk(event, context, wiring.services(), call=wiring.loop().run)


def walk(
    event: Mapping[str, Any],
    context: DurableContext,
    services: Services,
    *,
    most: int = MOST_SLICES,
    deadline: Callable[[LambdaContext], Deadline] = Deadline.of,
    call: Callable[[Callable[[], Coroutine[Any, Any, Any]]], Any] = run,
) -> dict[str, Any]:
    """Take one invocation from ``ready`` to its end, in slices with names from a counter; return what they did.

    ``call`` runs each step's coroutine to its end.
    """
    try:
        message = parse_crawl(event)
    except MessageRefusedError as error:
        _log.error("message_refused", reason=str(error))
        return Refused(reason=str(error)).body()
    lambda_context = context.lambda_context
    assert lambda_context is not None, "Lambda calls with a context"
    request_id = lambda_context.aws_request_id
    invocation = DurableInvocation(
        services=services, message=message, execution=context.execution_context.durable_execution_arn
    )

    def ready(_: StepContext) -> bool:
        return bool(_told(lambda: call(lambda: invocation.ready(request_id=request_id))))

    def slice_number(number: int) -> Callable[[StepContext], dict[str, Any]]:
        def work(step: StepContext) -> dict[str, Any]:
            worked: Worked = _told(
                lambda: call(
                    lambda: invocation.slice(
                        request_id=request_id,
                        deadline=deadline(lambda_context),
                        last=number + 1 >= most,
                        last_attempt=step.attempt >= ATTEMPTS,
                    )
                )
            )
            did = {name: value for name, value in worked.counters.facts().items() if value}
            # Whole seconds, one at least: AWS knows no others.
            return {"lost": worked.lost, "rest": None if worked.rest is None else max(1, ceil(worked.rest)), "did": did}

        return work

    if not context.step(ready, name="ready", config=AGAIN):
        return Crawled(duplicate=True).body()
    did: Counter[str] = Counter()
    number = 0
    while True:
        found = context.step(slice_number(number), name=f"slice-{number}", config=AGAIN)
        did.update(found["did"])
        if found["rest"] is None:
            return Crawled.model_validate({**did, "lost": found["lost"]}).body()
        context.wait(Duration.from_seconds(found["rest"]), name=f"rest-{number}")
        number += 1


def _told(step: Callable[[], T]) -> T:
    """Return what the step returns. Raises ``StepBrokeError`` for what it raises, which goes to the log."""
    try:
        return step()
    except TraplineError as error:
        _log.error("step_broke", error=type(error).__name__, reason=str(error))
        raise StepBrokeError(type(error).__name__) from None
    except Exception as error:  # noqa: BLE001  (logged with its traceback, and raised in words that AWS may store)
        _log.exception("step_broke", error=type(error).__name__)
        raise StepBrokeError(type(error).__name__) from None
