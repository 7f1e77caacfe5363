"""The state machines' definitions as Terraform renders them, and what must hold of them beyond their grammar.

The public validator knows types and targets of states. The rules here are those that it does not know, of which each
has broken a machine somewhere: a wait that can't end, a repeat of what may have happened, an answer that grows.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tools.shell import ROOT

FOLDER = ROOT / "terraform/modules/orchestration"
MACHINES = ("wave", "run")
DEFINITE = frozenset({"Lambda.TooManyRequestsException"})
"""Errors after which Lambda has certainly not begun the call: only after these may a crawler be called once more."""
JITTER = frozenset({"FULL", "NONE"})
"""What a state machine knows; any other word is taken without a complaint and does nothing."""
_PLACE = re.compile(r"\$\{([a-z_]+(?: \+ (?:[a-z_]+|[0-9]+))*)\}")
_ALIAS = re.compile(r"arn:[^:]+:lambda:[^:]+:[^:]+:function:[^:]+:(?P<alias>[^:]+)")

State = Mapping[str, Any]


def rendered(machine: str, values: Mapping[str, str | int]) -> Any:
    """Return the definition of ``machine`` with ``values`` in its places, as ``templatefile`` puts them there."""

    def value(found: re.Match[str]) -> str:
        parts = [values[part] if part in values else int(part) for part in found[1].split(" + ")]
        return str(parts[0]) if len(parts) == 1 else str(sum(int(part) for part in parts))

    return json.loads(_PLACE.sub(value, (FOLDER / f"{machine}.asl.json").read_text()))


def faults(definition: Any, *, pending_ttl: int, express: bool = False) -> list[str]:
    """Return what is wrong with a definition, as `state: fault`.

    ``pending_ttl``: seconds after which the ledger gives up an invocation. ``express``: the machine's own type.
    """
    found = []
    for name, state, child in _states(definition["States"], child=False):
        found += [f"{name}: {fault}" for fault in _of_state(state, pending_ttl=pending_ttl)]
        if child and _ends(state) and state.get("OutputPath", "$") is not None:
            found.append(f"{name}: a child ends with an answer, and all answers must fit into one state")
        if state["Type"] == "Map":
            found += [f"{name}: {key} is not wanted here" for key in ("ItemBatcher", "ResultWriter") if key in state]
            if state.get("ResultPath", "$") is not None:
                found.append(f"{name}: the answers of all children become the state")
    return found + [f"{name}: an EXPRESS execution can't wait for a token" for name in _waiting(definition, express)]


def _states(states: Mapping[str, State], *, child: bool) -> Iterator[tuple[str, State, bool]]:
    """Yield each state, also those of the children of a Map, and whether it is one of these."""
    for name, state in states.items():
        yield name, state, child
        if state["Type"] == "Map":
            yield from _states(state["ItemProcessor"]["States"], child=True)


def _waiting(definition: Any, express: bool) -> Iterator[str]:
    """Yield the states that wait for a token, or for another execution, where executions are EXPRESS."""
    for name, state in definition["States"].items():
        if state["Type"] == "Map":
            processor = state["ItemProcessor"]
            kind = processor.get("ProcessorConfig", {}).get("ExecutionType")
            yield from _waiting(processor, express if kind is None else kind == "EXPRESS")
        elif express and (".waitForTaskToken" in state.get("Resource", "") or ".sync" in state.get("Resource", "")):
            yield name


def _ends(state: State) -> bool:
    return state["Type"] == "Succeed" or bool(state.get("End"))


def _of_state(state: State, *, pending_ttl: int) -> Iterator[str]:
    retries = state.get("Retry", [])
    if any(one.get("JitterStrategy") not in JITTER for one in retries):
        yield "a Retry without a JitterStrategy, or with one that is unknown"
    if state["Type"] != "Task":
        return
    given = state.get("Parameters", state.get("Arguments"))
    called = given.get("FunctionName")
    alias = _ALIAS.fullmatch(called) if called is not None else None
    if called is not None and (alias is None or alias["alias"].isdigit() or alias["alias"] == "$LATEST"):
        yield "calls a function past its alias, so that a deploy would change the machine"
    timeout = state.get("TimeoutSeconds")
    if timeout is None:
        yield "a Task without TimeoutSeconds waits for a year"
    waits = ".waitForTaskToken" in state["Resource"]
    if waits and "$$.Task.Token" not in json.dumps(given):
        yield "waits for a token that it gives nobody"
    heartbeat = state.get("HeartbeatSeconds")
    if heartbeat is not None and timeout is not None and heartbeat >= timeout:
        yield "a heartbeat that is no shorter than the time-out is none"
    message = given.get("Payload", given.get("MessageBody", {}))
    if isinstance(message, Mapping) and message.get("type") == "crawl":
        yield from _of_a_call_of_a_crawler(state, retries, waits=waits, pending_ttl=pending_ttl)


def _of_a_call_of_a_crawler(state: State, retries: list[Any], *, waits: bool, pending_ttl: int) -> Iterator[str]:
    errors = {error for one in retries for error in one["ErrorEquals"]}
    queued = {error for error in errors if error.startswith("SQS.")}
    if errors - DEFINITE - (queued if waits else set()):
        yield "repeats a call of a crawler that may have happened"
    if sum(_longest(one) for one in retries) >= pending_ttl:
        yield "repeats for longer than the ledger waits for a crawler"
    heartbeat = state.get("HeartbeatSeconds")
    if waits and (heartbeat is None or heartbeat <= pending_ttl):
        yield "the heartbeat ends a call that lies in the queue, where no crawler can give a sign of life"
    caught = state.get("Catch", [])
    if not any("States.ALL" in one["ErrorEquals"] for one in caught):
        yield "a call that is lost is not reported"


def _longest(retry: Mapping[str, Any]) -> float:
    """Return the most seconds that a Retry waits in all, with no luck in its jitter."""
    interval, rate = retry.get("IntervalSeconds", 1), retry.get("BackoffRate", 2.0)
    waits = (interval * rate**attempt for attempt in range(retry.get("MaxAttempts", 3)))
    return float(sum(min(wait, retry.get("MaxDelaySeconds", wait)) for wait in waits))
