"""The records of Lambda's on-failure destination, as AWS documents them, and the ones our own runtime makes."""

import json
from pathlib import Path
from uuid import UUID

import pytest

from trapline_common.domain.errors import MessageRefusedError
from trapline_common.domain.ids import InvocationId
from trapline_common.domain.messages import Crawl
from trapline_dispatcher.maintenance.failure_records import FailureRecord, read_record
from trapline_machine.failure_record import failure_event

GOLDEN = Path(__file__).parent / "golden" / "failure-records"
ID = UUID("5b1f3f0e-6c1d-4f7e-9d61-2f4f5c7b8a90")
REQUEST = "e4b46cbf-b738-4880-8880-a18cdf61200e"
REASONS = {
    "retries-exhausted": ("RetriesExhausted", f"RequestId: {REQUEST} Process exited before completing request"),
    "python-error": ("RetriesExhausted", "Postgres: gone"),
    "event-age-exceeded": ("EventAgeExceeded", None),
}


@pytest.mark.parametrize("name", REASONS)
def test_a_documented_record_is_read(name: str) -> None:
    """Which invocation, which delivery, and why, from the record's text as SQS hands it over."""
    reason, detail = REASONS[name]
    assert read_record({"body": (GOLDEN / f"{name}.json").read_text()}) == FailureRecord(
        invocation_id=InvocationId(ID), request_id=REQUEST, reason=reason, detail=detail
    )


def test_every_golden_record_is_expected() -> None:
    """A record without its reason here would be under no contract."""
    assert {file.stem for file in GOLDEN.glob("*.json")} == set(REASONS)


def test_one_machine_reports_in_the_same_shape() -> None:
    """A process that died on one machine is reported as Lambda would: the dispatcher knows one format."""
    message = Crawl(invocation_id=ID, lane="default").event()
    event = failure_event(message, request_id=REQUEST, condition="killed by SIGKILL", error="")
    assert read_record(event["Records"][0]) == FailureRecord(
        invocation_id=InvocationId(ID), request_id=REQUEST, reason="killed by SIGKILL", detail=None
    )


def test_a_record_whose_message_is_of_another_version_is_refused() -> None:
    """It names an invocation that this release could not have made."""
    record = json.loads((GOLDEN / "event-age-exceeded.json").read_text())
    record["requestPayload"]["v"] = 9
    with pytest.raises(MessageRefusedError, match="v: "):
        read_record({"body": json.dumps(record)})
