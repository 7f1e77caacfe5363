"""MiniStack with its gaps closed and a quicker clock, run by .venv-aws: `python tools/local_aws/emulator.py`.

MiniStack 1.5.33 keeps the settings of asynchronous events (retries, age, failure queue) by alias as it should, but for
an event that comes through an alias it reads the version record behind it, which has none. On AWS the alias's settings
hold, and Trapline sets them there, so this script does the same. MiniStack also lists a version of a secret without a
value, lets a new `rate` schedule wait, and ends a connection after 1,000 requests with answers on their way: Terraform
then fails, or asks again for what is done. It lets no role answer a task token by its machine, nor touch a schedule by
its group, gives a child its parent's name, makes no function durable by CloudFormation, and forgets a durable execution
that an event began. It takes every email address for one that has followed its link.
Standard library and MiniStack only.
"""

import contextvars
import importlib
import json
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

LOOKS = 1
"""Seconds between two looks at the schedules: MiniStack's 10 would be most of the way from a tick to its alert."""
PARTS = 8
"""Of a qualified function's ARN, split at colons: arn, aws, lambda, region, account, function, name, qualifier."""


def with_alias_settings(function: Mapping[str, Any], functions: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return MiniStack's ``function`` record with the settings of the alias through which it was called."""
    config = function.get("config") or function
    parts = str(config.get("FunctionArn", "")).split(":")
    if len(parts) != PARTS or function.get("event_invoke_config"):
        return function
    *_, name, qualifier = parts
    settings = (functions.get(name) or {}).get("event_invoke_configs", {}).get(qualifier)
    return function if settings is None else {**function, "event_invoke_config": settings}


def close_the_gap(service: Any) -> None:
    """Wrap MiniStack's own function; raises ``AttributeError`` when a new release has another shape."""
    original: Callable[[Mapping[str, Any], Any], None] = service.invoke_async_with_retry
    functions = service._functions  # noqa: SLF001  (what the service itself looks functions up in)

    def invoke(function: Mapping[str, Any], event: Any) -> None:
        original(with_alias_settings(function, functions), event)

    service.invoke_async_with_retry = invoke


def go_on_with_durable_events(service: Any) -> None:
    """Let an execution of a durable function that an event began go on after its waits, as one of a call does.

    ``service.invoke_durable_resume`` looks at what the function said. ``AttributeError`` at another shape.
    """
    original, resume = service.invoke_async_with_retry, service.invoke_durable_resume

    def invoke(function: Mapping[str, Any], event: Any) -> None:
        durable = event.get("DurableExecutionArn") if isinstance(event, Mapping) else None
        if durable is None:
            original(function, event)
            return
        name = str((function.get("config") or function)["FunctionName"])
        begin = contextvars.copy_context().run  # the account and the region of the request
        threading.Thread(target=begin, args=(resume, name, durable, event), daemon=True).start()

    service.invoke_async_with_retry = invoke


def make_functions_durable(provisioners: Any, functions: Any) -> None:
    """Let CloudFormation keep a function's DurableConfig; MiniStack calls one durable by a key of its own in it.

    Raises ``AttributeError`` or ``KeyError`` when a new release has another shape.
    """
    handlers = provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]  # noqa: SLF001
    original = handlers["create"]

    def create(logical_id: str, properties: Mapping[str, Any], stack: str) -> Any:
        made = original(logical_id, properties, stack)
        if durable := properties.get("DurableConfig"):
            functions[made[0]]["config"]["DurableConfig"] = {**durable, "Enabled": True}
        return made

    handlers["create"] = create


def answer_by_the_machine(actions: Any, states: Any) -> None:
    """Let a role answer the task tokens of the machines that its policy names: MiniStack asks for a right to all.

    Raises ``AttributeError`` when a new release has another shape.
    """
    original = actions.extract_resource_arn
    work, wait = states._execute_task, states._invoke_with_callback  # noqa: SLF001
    machines: dict[str, str] = {}
    at_work: contextvars.ContextVar[str] = contextvars.ContextVar("at_work")

    def execute(state: Any, given: Any, execution: Mapping[str, Any], context: Any) -> Any:
        at_work.set(execution["stateMachineArn"])
        return work(state, given, execution, context)

    def invoke(resource: str, given: Any, token: str, state: Any) -> Any:
        machines[token] = at_work.get()
        return wait(resource, given, token, state)

    def extract(service: str, method: str, path: str, headers: Any, body: bytes, *more: Any) -> str:
        found: str = original(service, method, path, headers, body, *more)
        asked = service == "states" and found == "*" and b"taskToken" in body
        return machines.get(json.loads(body)["taskToken"], found) if asked else found

    actions.extract_resource_arn = extract
    states._execute_task, states._invoke_with_callback = execute, invoke  # noqa: SLF001


def name_schedules(actions: Any) -> None:
    """Let a role touch the schedules that its policy names with their group: MiniStack takes each for one of `default`.

    The group is GetSchedule's and DeleteSchedule's query, and the others' body. Raises ``AttributeError`` when a new
    release has another shape.
    """
    original = actions.extract_resource_arn
    of_default = ":schedule/default/"

    def extract(service: str, method: str, path: str, headers: Any, body: bytes, query: Any, *more: Any) -> str:
        found: str = original(service, method, path, headers, body, query, *more)
        if service != "scheduler" or of_default not in found:
            return found
        asked = query.get("groupName") or json.loads(body or b"{}").get("GroupName") or "default"
        group = asked if isinstance(asked, str) else asked[0]
        return found.replace(of_default, f":schedule/{group}/")

    actions.extract_resource_arn = extract


def name_children(states: Any) -> None:
    """Let a child of a Distributed Map see its own name as that of its execution: MiniStack shows it its parent's.

    Raises ``AttributeError`` when a new release has another shape.
    """
    original = states._run_sub_machine  # noqa: SLF001

    def run(children: Any, start: str, given: Any, execution: Mapping[str, Any], context: Mapping[str, Any]) -> Any:
        own = {**context["Execution"], "Id": execution["executionArn"], "Name": execution["name"]}
        return original(children, start, given, execution, {**context, "Execution": own})

    states._run_sub_machine = run  # noqa: SLF001


def leave_out_empty_versions(service: Any) -> None:
    """Let DescribeSecret name versions that hold a value, as AWS does: a secret without a value has none.

    Raises ``AttributeError`` when a new release has another shape.
    """
    original: Callable[[Mapping[str, Any]], dict[str, list[str]]] = service._vid_to_stages  # noqa: SLF001

    def stages(secret: Mapping[str, Any]) -> dict[str, list[str]]:
        held = {key for key, one in secret["Versions"].items() if one.get("SecretString") or one.get("SecretBinary")}
        return {version: labels for version, labels in original(secret).items() if version in held}

    service._vid_to_stages = stages  # noqa: SLF001


def look_often(service: Any) -> None:
    """Let the scheduler look each second for what is due; ``AttributeError`` where a release has another shape."""
    del service._SCHEDULE_TICK_INTERVAL  # noqa: SLF001  (there is no setting)
    service._SCHEDULE_TICK_INTERVAL = LOOKS  # noqa: SLF001


def keep_connections(config: Any) -> None:
    """Let a connection take any number of requests; ``AttributeError`` where a release has another shape."""
    del config.keep_alive_max_requests
    config.keep_alive_max_requests = sys.maxsize


def let_people_confirm(service: Any, mails: Path) -> None:
    """Let an email address wait for its link, as on AWS; each mail is a line of the file ``mails``: address and link.

    MiniStack sends such an address everything at once. Raises ``AttributeError`` when a new release has another shape.
    """
    subscribe, listed = service._subscribe, service._list_subscriptions_by_topic  # noqa: SLF001
    topic_of, refresh = service._get_topic, service._refresh_subscription_counts  # noqa: SLF001

    def added(params: Any) -> Any:
        topic, wrong = topic_of(service._p(params, "TopicArn"), "sns:Subscribe")  # noqa: SLF001
        known = {one["arn"] for one in topic["subscriptions"]} if wrong is None else set()
        answer = subscribe(params)
        for one in topic["subscriptions"] if wrong is None else ():
            if one["arn"] in known or one["protocol"] != "email":
                continue
            one |= {"confirmed": False, "token": uuid4().hex}
            one["attributes"] |= {"PendingConfirmation": "true", "ConfirmationWasAuthenticated": "false"}
            query = urlencode({"Action": "ConfirmSubscription", "TopicArn": topic["arn"], "Token": one["token"]})
            with mails.open("a") as file:
                file.write(json.dumps({"to": one["endpoint"], "link": f"/?{query}"}) + "\n")
        if wrong is None:
            refresh(topic)
        return answer

    def listing(params: Any) -> Any:
        status, headers, body = listed(params)
        topic, wrong = topic_of(service._p(params, "TopicArn"), "sns:ListSubscriptionsByTopic")  # noqa: SLF001
        for one in topic["subscriptions"] if wrong is None else ():
            if not one["confirmed"]:
                body = body.replace(one["arn"].encode(), b"PendingConfirmation")
        return status, headers, body

    service._subscribe, service._list_subscriptions_by_topic = added, listing  # noqa: SLF001


def fire_at_once(service: Any) -> None:
    """Let a new `rate` schedule without a StartDate fire now and not only after its first interval, as on AWS.

    ("Schedule types on EventBridge Scheduler".) Raises ``AttributeError`` when a new release has another shape.
    """
    original: Callable[[], None] = service._tick_schedules  # noqa: SLF001
    schedules, fired = service._schedules, service._schedule_last_fired  # noqa: SLF001

    def tick() -> None:
        for key, schedule in list(schedules._data.items()):  # noqa: SLF001
            if str(schedule.get("ScheduleExpression")).startswith("rate(") and not schedule.get("StartDate"):
                fired.setdefault(key, 0.0)  # the time of its last tick, which never was
        original()

    service._tick_schedules = tick  # noqa: SLF001


def main() -> None:
    """Close the gaps, look often, and serve until a signal, on the one port of its settings."""
    functions = importlib.import_module("ministack.services.lambda_svc")
    close_the_gap(functions)
    go_on_with_durable_events(functions)
    provisioners = importlib.import_module("ministack.services.cloudformation.provisioners")
    make_functions_durable(provisioners, functions._functions)  # noqa: SLF001
    states = importlib.import_module("ministack.services.stepfunctions")
    name_children(states)
    actions = importlib.import_module("ministack.core.iam_actions")
    answer_by_the_machine(actions, states)
    name_schedules(actions)
    leave_out_empty_versions(importlib.import_module("ministack.services.secretsmanager"))
    keep_connections(importlib.import_module("hypercorn.config").Config)
    let_people_confirm(importlib.import_module("ministack.services.sns"), Path("mails.jsonl"))
    scheduler = importlib.import_module("ministack.services.scheduler")
    look_often(scheduler)
    fire_at_once(scheduler)
    app: Any = importlib.import_module("ministack.app")
    app._port_is_bindable = lambda *_: False  # noqa: SLF001  (with TLS it takes port 443 as well where it can)
    app.main()


if __name__ == "__main__":
    # The files beside this script are not the emulator's, and its functions' workers must not inherit it
    sys.path.pop(0)
    main()
