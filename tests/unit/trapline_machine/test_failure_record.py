from pathlib import Path
from uuid import UUID

import pytest

from trapline_common.domain.messages import Crawl
from trapline_dispatcher.maintenance.failure_records import read_record
from trapline_machine.failure_record import condition_of, failure_event, last_error

INVOCATION = UUID("00000000-0000-0000-0000-000000000001")


@pytest.mark.parametrize(
    ("status", "text"),
    [(1, "exit status 1"), (-9, "killed by SIGKILL"), (-11, "killed by SIGSEGV"), (-50, "killed by signal 50")],
)
def test_an_exit_status_is_written_in_words(status: int, text: str):
    """An exit status says whether the process ended by itself or by which signal."""
    assert condition_of(status) == text


@pytest.mark.parametrize(("error", "detail"), [("boom", "boom"), ("", None)])
def test_the_dispatcher_reads_what_we_report(error: str, detail: str | None):
    """The record has the shape of Lambda's failure queue: the dispatcher's own reader takes it."""
    message = Crawl(invocation_id=INVOCATION, lane="default").event()
    event = failure_event(message, request_id="request", condition="exit status 1", error=error)
    found = read_record(event["Records"][0])
    assert (found.invocation_id, found.request_id) == (INVOCATION, "request")
    assert (found.reason, found.detail) == ("exit status 1", detail)


def test_the_last_error_is_found_in_the_log(tmp_path: Path):
    """Of a log with noise the error that the process itself named last is found; without one there is none."""
    log = tmp_path / "x.log"
    assert last_error(log) is None
    log.write_text("noise\n" * 20_000 + '{"event": "invocation_failed", "error": "first"}\n')
    with log.open("a") as more:
        more.write('{"event": "invocation_failed", "error": "last"}\nTraceback ...\n')
    assert last_error(log) == "last"
    log.write_text('only "invocation_failed" {\n')
    assert last_error(log) is None
