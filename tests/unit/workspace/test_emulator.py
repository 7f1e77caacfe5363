"""What the emulator changes in MiniStack: settings of asynchronous events, versions of secrets, ticks of schedules."""

import json
from threading import Event
from types import SimpleNamespace

import pytest

from tools.local_aws.emulator import (
    LOOKS,
    answer_by_the_machine,
    close_the_gap,
    fire_at_once,
    go_on_with_durable_events,
    keep_connections,
    leave_out_empty_versions,
    let_people_confirm,
    look_often,
    make_functions_durable,
    name_children,
    name_schedules,
    with_alias_settings,
)

ARN = "arn:aws:lambda:us-east-1:000000000000:function:crawler"
SETTINGS = {"MaximumRetryAttempts": 0}
FUNCTIONS = {"crawler": {"event_invoke_configs": {"live": SETTINGS}}}


@pytest.mark.parametrize(
    ("function", "settings"),
    [
        ({"config": {"FunctionArn": f"{ARN}:live"}}, SETTINGS),
        ({"config": {"FunctionArn": f"{ARN}:other"}}, None),
        ({"config": {"FunctionArn": ARN}}, None),
        ({"config": {"FunctionArn": f"{ARN}x:live"}}, None),
        ({"config": {"FunctionArn": f"{ARN}:live"}, "event_invoke_config": {"own": 1}}, {"own": 1}),
    ],
)
def test_settings_are_those_of_the_alias_that_was_called(function, settings):
    """Another alias, no alias, or a function that has settings of its own: nothing is put in."""
    assert with_alias_settings(function, FUNCTIONS).get("event_invoke_config") == settings


def test_the_emulators_own_function_is_wrapped():
    """Every asynchronous event passes through here; a release of another shape is refused, not silently passed by."""
    seen = []
    service = SimpleNamespace(_functions=FUNCTIONS, invoke_async_with_retry=lambda *given: seen.append(given))
    close_the_gap(service)
    service.invoke_async_with_retry({"config": {"FunctionArn": f"{ARN}:live"}}, {"an": "event"})
    ((function, event),) = seen
    assert (function["event_invoke_config"], event) == (SETTINGS, {"an": "event"})
    with pytest.raises(AttributeError):
        close_the_gap(SimpleNamespace(_functions={}))


def test_the_scheduler_looks_every_second():
    """A tick is not late by MiniStack's ten seconds; a release without that number is refused, not passed by."""
    service = SimpleNamespace(_SCHEDULE_TICK_INTERVAL=10)
    look_often(service)
    assert service._SCHEDULE_TICK_INTERVAL == LOOKS
    with pytest.raises(AttributeError):
        look_often(SimpleNamespace())


def test_a_connection_takes_any_number_of_requests():
    """Terraform keeps one for thousands; a release without that bound is refused, not passed by."""
    config = SimpleNamespace(keep_alive_max_requests=1000)
    keep_connections(config)
    assert config.keep_alive_max_requests > 1_000_000
    with pytest.raises(AttributeError):
        keep_connections(SimpleNamespace())


def test_a_secret_without_a_value_has_no_version():
    """As on AWS, DescribeSecret tells an empty secret from one with a value; a release of another shape is refused."""

    def staged(secret):
        return {version: one["Stages"] for version, one in secret["Versions"].items()}

    service = SimpleNamespace(_vid_to_stages=staged)
    leave_out_empty_versions(service)
    empty, value = {"Stages": ["AWSPREVIOUS"], "SecretString": None}, {"Stages": ["AWSCURRENT"], "SecretString": "key"}
    assert service._vid_to_stages({"Versions": {"1": empty, "2": value}}) == {"2": ["AWSCURRENT"]}
    with pytest.raises(AttributeError):
        leave_out_empty_versions(SimpleNamespace())


def test_a_new_rate_schedule_fires_at_once():
    """As on AWS; one that has fired keeps its time, and neither cron nor a StartDate is touched."""
    at = {"new": "rate(1 minute)", "old": "rate(1 minute)", "cron": "cron(0 8 * * ? *)", "later": "rate(1 minute)"}
    data = {name: {"ScheduleExpression": expression} for name, expression in at.items()}
    data["later"]["StartDate"] = 2_000_000_000
    ticked = []
    service = SimpleNamespace(
        _schedules=SimpleNamespace(_data=data),
        _schedule_last_fired={"old": 5.0},
        _tick_schedules=lambda: ticked.append(dict(service._schedule_last_fired)),
    )
    fire_at_once(service)
    service._tick_schedules()
    assert ticked == [{"old": 5.0, "new": 0.0}]
    with pytest.raises(AttributeError):
        fire_at_once(SimpleNamespace())


def test_a_durable_execution_that_an_event_began_goes_on():
    """MiniStack looks at what a resumed call answers, so the event of a durable function is worked on as one."""
    seen, went_on = [], Event()

    def resume(name, arn, _event):
        seen.append((name, arn))
        went_on.set()

    service = SimpleNamespace(invoke_async_with_retry=lambda *given: seen.append(given), invoke_durable_resume=resume)
    go_on_with_durable_events(service)
    function = {"config": {"FunctionName": "walker"}}
    service.invoke_async_with_retry(function, {"DurableExecutionArn": "arn:one"})
    assert went_on.wait(5)
    service.invoke_async_with_retry(function, {"type": "crawl"})
    assert seen == [("walker", "arn:one"), (function, {"type": "crawl"})]
    with pytest.raises(AttributeError):
        go_on_with_durable_events(SimpleNamespace(invoke_async_with_retry=None))


def test_cloudformation_makes_a_function_durable():
    """What the template says is kept, with the key by which MiniStack knows a durable function."""
    functions = {"walker": {"config": {}}, "plain": {"config": {}}}
    handlers = {"AWS::Lambda::Function": {"create": lambda logical_id, *_: (logical_id, {})}}
    provisioners = SimpleNamespace(_RESOURCE_HANDLERS=handlers)
    make_functions_durable(provisioners, functions)
    create = handlers["AWS::Lambda::Function"]["create"]
    assert create("walker", {"DurableConfig": {"ExecutionTimeout": 60}}, "stack") == ("walker", {})
    create("plain", {}, "stack")
    assert functions["walker"]["config"] == {"DurableConfig": {"ExecutionTimeout": 60, "Enabled": True}}
    assert functions["plain"]["config"] == {}
    with pytest.raises(AttributeError):
        make_functions_durable(SimpleNamespace(), functions)


def test_a_token_is_answered_by_its_machine():
    """The right to answer is asked for the machine whose execution waits; for an unknown token, for all."""
    actions = SimpleNamespace(extract_resource_arn=lambda *_: "*")
    states = SimpleNamespace(_invoke_with_callback=lambda *_: "waits")
    states._execute_task = lambda *_: states._invoke_with_callback("sqs", {}, "token", {})
    answer_by_the_machine(actions, states)
    assert states._execute_task({}, {}, {"stateMachineArn": "arn:machine"}, {}) == "waits"

    def resource(token):
        return actions.extract_resource_arn("states", "POST", "/", {}, json.dumps({"taskToken": token}).encode())

    assert (resource("token"), resource("other")) == ("arn:machine", "*")
    with pytest.raises(AttributeError):
        answer_by_the_machine(SimpleNamespace(), states)


def test_a_schedule_is_one_of_its_group() -> None:
    """What a policy allows with a schedule is asked with the group that the request names, in its query or its body."""

    def extract(service: str, _method: str, path: str, *_: object) -> str:
        return f"arn:aws:scheduler:us-east-1:1:schedule/default/{path[-5:]}" if service == "scheduler" else "*"

    actions = SimpleNamespace(extract_resource_arn=extract)
    name_schedules(actions)
    arn = "arn:aws:scheduler:us-east-1:1:schedule"
    path = "/schedules/_reap"
    found = [
        actions.extract_resource_arn("scheduler", method, path, {}, body, query, "us-east-1", "1")
        for method, body, query in (
            ("GET", b"", {"groupName": "ours"}),
            ("GET", b"", {"groupName": ["ours"]}),
            ("PUT", b'{"GroupName": "ours"}', {}),
            ("GET", b"", {}),
        )
    ]
    assert found == [f"{arn}/ours/_reap"] * 3 + [f"{arn}/default/_reap"]
    assert actions.extract_resource_arn("sqs", "POST", path, {}, b"", {}, "us-east-1", "1") == "*"
    with pytest.raises(AttributeError):
        name_schedules(SimpleNamespace())


def test_a_child_has_a_name_of_its_own():
    """The context of a child names the child's execution; a release of another shape is refused."""
    states = SimpleNamespace(_run_sub_machine=lambda *given: given[-1]["Execution"])
    name_children(states)
    child = {"executionArn": "arn:child", "name": "child"}
    context = {"Execution": {"Id": "arn:parent", "Name": "parent", "StartTime": "now"}}
    seen = states._run_sub_machine({}, "Start", {}, child, context)
    assert seen == {"Id": "arn:child", "Name": "child", "StartTime": "now"}
    with pytest.raises(AttributeError):
        name_children(SimpleNamespace())


def test_an_address_waits_for_its_link(tmp_path):
    """As on AWS: a mail with a link, and no ARN in the list until it was followed; a queue waits for nothing."""
    topic = {"arn": "arn:topic", "subscriptions": []}

    def subscribe(params):
        one = {"arn": f"arn:{params['Endpoint']}", "protocol": params["Protocol"], "endpoint": params["Endpoint"]}
        topic["subscriptions"].append(one | {"confirmed": True, "token": None, "attributes": {}})
        return "answer"

    service = SimpleNamespace(
        _p=lambda params, name: params[name],
        _get_topic=lambda *_: (topic, None),
        _refresh_subscription_counts=lambda one: one["counts"].append(1) if "counts" in one else None,
        _subscribe=subscribe,
        _list_subscriptions_by_topic=lambda _: (200, {}, b"arn:me@example.org arn:queue"),
    )
    mails = tmp_path / "mails.jsonl"
    let_people_confirm(service, mails)
    for protocol, endpoint in (("email", "me@example.org"), ("sqs", "queue")):
        given = {"TopicArn": "arn:topic", "Protocol": protocol, "Endpoint": endpoint}
        assert service._subscribe(given) == "answer"
    (mail,) = [json.loads(line) for line in mails.read_text().splitlines()]
    assert mail["to"] == "me@example.org"
    assert f"Token={topic['subscriptions'][0]['token']}" in mail["link"]
    assert service._list_subscriptions_by_topic({"TopicArn": "arn:topic"})[2] == b"PendingConfirmation arn:queue"
    topic["subscriptions"][0]["confirmed"] = True
    assert service._list_subscriptions_by_topic({"TopicArn": "arn:topic"})[2] == b"arn:me@example.org arn:queue"
    with pytest.raises(AttributeError):
        let_people_confirm(SimpleNamespace(_subscribe=None), mails)
