"""The seam between the command and the runtime: each function that a command loads is there, as agreed."""

import inspect
from importlib.metadata import entry_points
from typing import get_args, get_type_hints

import pytest

from trapline.access import one_machine
from trapline.access.one_machine import GROUP, Registered
from trapline_common.domain.answers import DispatcherAnswer, Reaped
from trapline_common.domain.ids import RunId
from trapline_common.domain.messages import Message
from trapline_common.ledger.connection import Database

SEAM = {name: value for name, value in vars(one_machine).items() if isinstance(value, Registered)}


def test_each_function_is_registered_under_its_name_and_no_other_is() -> None:
    """The names in the command are the names of the entry points that the runtime declares."""
    assert {registered.name for registered in SEAM.values()} == set(SEAM)
    assert {found.name for found in entry_points(group=GROUP)} == set(SEAM)


LATE = {
    "Database": Database,
    "DispatcherAnswer": DispatcherAnswer,
    "Message": Message,
    "Reaped": Reaped,
    "RunId": RunId,
}
"""What the protocols' annotations name, and the command loads only where it is used."""


@pytest.mark.parametrize("name", SEAM)
def test_a_function_takes_and_returns_what_its_protocol_says(name: str) -> None:
    """No type checker sees across an entry point: parameters and annotations are compared here."""
    (protocol,) = get_args(get_type_hints(one_machine)[name])
    function = inspect.unwrap(SEAM[name].load())
    agreed = inspect.signature(protocol.__call__, globals={**vars(one_machine), **LATE}, eval_str=True)
    wanted = [(each.name, each.kind, each.annotation) for each in list(agreed.parameters.values())[1:]]
    found = inspect.signature(function)
    assert [(each.name, each.kind, each.annotation) for each in found.parameters.values()] == wanted
    assert inspect.iscoroutinefunction(function) == inspect.iscoroutinefunction(protocol.__call__)
    if inspect.iscoroutinefunction(function):
        assert found.return_annotation == agreed.return_annotation
