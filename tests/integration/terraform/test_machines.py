"""The state machines' definitions: their grammar, and what breaks a machine without breaking its grammar."""

import copy
import re

import pytest

from support import asl, asl_validator
from tools.shell import ROOT
from trapline_common.ledger import rescue

ALIAS = "arn:aws:lambda:eu-central-1:123456789012:function:trapline-test-{}:live"
VALUES = {
    "partition": "aws",
    "crawler": ALIAS.format("crawler"),
    "dispatcher": ALIAS.format("dispatcher"),
    "notifier": ALIAS.format("notifier"),
    "queue_prefix": "https://sqs.eu-central-1.amazonaws.com/123456789012/trapline-test-lane-",
    "crawler_timeout": 900,
    "dispatcher_timeout": 300,
    "notifier_timeout": 300,
    "rounds": 200,
    "pending_ttl": int(rescue.PENDING_TTL),
}
CALL = ("States", "Every invocation", "ItemProcessor", "States", "Crawl")
QUEUE = (*CALL[:-1], "Through the queue")
EVERY = CALL[:2]


@pytest.fixture(scope="module", params=asl.MACHINES)
def machine(request):
    """One definition, by its name."""
    return asl.rendered(request.param, VALUES)


def broken(path, key, value, *, of="wave"):
    """Return a definition in which ``key`` at ``path`` is ``value``; ``...`` takes the key away."""
    definition = copy.deepcopy(asl.rendered(of, VALUES))
    place = definition
    for step in path:
        place = place[step]
    if value is ...:
        del place[key]
    else:
        place[key] = value
    return definition


def test_a_machine_is_sound(machine):
    """Neither the public validator nor our own rules find a fault in it."""
    assert asl_validator.errors(machine) == []
    assert asl.faults(machine, pending_ttl=VALUES["pending_ttl"]) == []


@pytest.mark.parametrize(
    ("path", "key", "value", "code"),
    [
        (CALL, "Next", "Nowhere", "MISSING_TRANSITION_TARGET"),
        (CALL, "TimeoutSeconds", "960", "SCHEMA_VALIDATION_FAILED"),
        (EVERY, "ItemReader", {"Resource": 1}, "SCHEMA_VALIDATION_FAILED"),
    ],
)
def test_the_validator_finds_what_breaks_the_grammar(path, key, value, code):
    """A target that is not there and a value of the wrong type are errors, so the validator does look."""
    assert code in {error["Error code"] for error in asl_validator.errors(broken(path, key, value))}


RETRY = {"ErrorEquals": ["Lambda.TooManyRequestsException"], "JitterStrategy": "FULL", "IntervalSeconds": 2}
SILENT = {"ErrorEquals": ["Lambda.TooManyRequestsException"], "MaxAttempts": 2}


@pytest.mark.parametrize(
    ("path", "key", "value", "fault"),
    [
        ((*EVERY, "ItemProcessor", "ProcessorConfig"), "ExecutionType", "EXPRESS", "Through the queue: an EXPRESS"),
        (QUEUE, "HeartbeatSeconds", 1350, "Through the queue: a heartbeat that is no shorter"),
        (QUEUE, "HeartbeatSeconds", 330, "Through the queue: the heartbeat ends a call that lies in the queue"),
        (QUEUE, "HeartbeatSeconds", ..., "Through the queue: the heartbeat ends"),
        ((*QUEUE, "Parameters", "MessageBody"), "task_token.$", "$.item.hop", "Through the queue: waits for a token"),
        (CALL, "Retry", [RETRY | {"JitterStrategy": "full"}], "Crawl: a Retry without a JitterStrategy"),
        (CALL, "Retry", [SILENT], "Crawl: a Retry without a JitterStrategy"),
        (CALL, "Retry", [RETRY | {"ErrorEquals": ["Lambda.SdkClientException"]}], "Crawl: repeats a call"),
        (QUEUE, "Retry", [RETRY | {"ErrorEquals": ["States.Timeout"]}], "Through the queue: repeats a call"),
        (CALL, "Retry", [RETRY | {"MaxAttempts": 8}], "Crawl: repeats for longer than the ledger waits"),
        (CALL, "Catch", [], "Crawl: a call that is lost is not reported"),
        (CALL, "TimeoutSeconds", ..., "Crawl: a Task without TimeoutSeconds"),
        ((*CALL, "Parameters"), "FunctionName", ALIAS.format("crawler")[:-5], "Crawl: calls a function past its alias"),
        ((*CALL, "Parameters"), "FunctionName", ALIAS.format("crawler")[:-4] + "7", "Crawl: calls a function past"),
        ((*CALL[:-1], "Lost"), "OutputPath", ..., "Lost: a child ends with an answer"),
        ((*CALL[:-1], "Nothing is left"), "OutputPath", "$.item", "Nothing is left: a child ends with an answer"),
        (EVERY, "ResultPath", "$.all", "Every invocation: the answers of all children"),
        (EVERY, "ItemBatcher", {"MaxItemsPerBatch": 10}, "Every invocation: ItemBatcher"),
        (EVERY, "ResultWriter", {"Resource": "x"}, "Every invocation: ResultWriter"),
    ],
)
def test_each_rule_finds_the_break_that_it_is_for(path, key, value, fault):
    """On a copy that is broken in one place the rule speaks, and no other."""
    found = asl.faults(broken(path, key, value), pending_ttl=VALUES["pending_ttl"])
    assert [one for one in found if one.startswith(fault)] == found
    assert found


def test_an_express_machine_is_refused_where_it_waits():
    """The machine's own type counts where no Map says another."""
    found = asl.faults(asl.rendered("run", VALUES), pending_ttl=VALUES["pending_ttl"], express=True)
    assert [one.partition(":")[0] for one in found] == ["Tick and wait", "Open and wait"]


def test_a_child_waits_until_its_report_is_believed():
    """Else as many dispatchers would, each with a connection to the ledger, as crawlers died together."""
    states = asl.rendered("wave", VALUES)["States"]["Every invocation"]["ItemProcessor"]["States"]
    waits = [name for name, state in states.items() if state.get("Next") == "Lost"]
    assert {name: states[name]["Seconds"] for name in waits} == {"Until it is silent": rescue.BELIEVED_AFTER}
    caught = {one["Next"] for state in states.values() for one in state.get("Catch", [])}
    assert set(waits) <= caught
    assert "Lost" not in caught


def test_the_machines_wait_as_long_as_the_ledger():
    """Terraform's default is the ledger's own constant: the budget of repeats and the heartbeat follow from it."""
    text = (ROOT / "terraform/modules/orchestration/variables.tf").read_text()
    default = re.search(r'variable "pending_ttl" \{.*?default\s*=\s*(\d+)', text, re.DOTALL)
    assert default is not None
    assert int(default[1]) == rescue.PENDING_TTL
