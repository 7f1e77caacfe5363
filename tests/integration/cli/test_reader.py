"""The reader function's handler, in this process, as its own role: it shows screens, and does nothing else."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from support.postgres import as_role
from trapline.operator.reader import handler
from trapline.remote.allowlist import ALLOWED, LOOKING
from trapline_common.ledger.connection import Database
from trapline_common.platform.lambda_runtime import Deadline, LocalContext

from .conftest import Stage

Look = Callable[..., dict[str, Any]]
KEY = "ab/" + "ab" * 32 + ".png"


@pytest.fixture
def look(dsn: str, monkeypatch: pytest.MonkeyPatch) -> Look:
    """Call the function as Lambda does, with the environment that Terraform gives it, and no other setting of ours."""
    monkeypatch.setenv("DATABASE_URL", as_role(dsn, "trapline_reader"))
    monkeypatch.setenv("TRAPLINE_ARTIFACTS", "s3://bucket/artifacts")
    for name in ("TRAPLINE_DATABASE_AUTH", "TRAPLINE_CONFIG", "TRAPLINE_DISPATCHER_FUNCTION"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "of-a-test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")

    def call(*command: str, **more: Any) -> dict[str, Any]:
        context = LocalContext(aws_request_id="request", deadline=Deadline.after(60))
        return handler({"v": 1, "command": list(command), **more}, context)

    return call


def test_a_screen_is_shown(look: Look, stage: Stage) -> None:
    """With the rights of its role alone."""
    answer = look("view", "run", "--", f"id={stage.second}")
    assert (answer["exit"], answer["stderr"]) == (0, "")
    assert json.loads(answer["stdout"])["run"]["id"] == stage.second


async def test_a_pictures_address_is_signed_if_the_ledger_names_it(
    look: Look, stage: Stage, database: Database
) -> None:
    """Of that one key, for five minutes; of a key that no visit has, nothing is told."""
    refused = await asyncio.to_thread(look, "artifact", "--json", "--", KEY)
    assert (refused["exit"], refused["stdout"]) == (2, "")
    await database.connection.execute(
        "UPDATE trapline.observation SET screenshot = $1 WHERE id = (SELECT max(id) FROM trapline.observation)", KEY
    )
    answer = await asyncio.to_thread(look, "artifact", "--json", "--", KEY)
    assert answer["exit"] == 0, answer
    url = json.loads(answer["stdout"])["url"]
    assert f"/artifacts/{KEY}?" in url
    assert "X-Amz-Expires=300" in url


@pytest.mark.parametrize("command", sorted(ALLOWED - LOOKING))
def test_every_other_command_is_refused_before_it_begins(look: Look, stage: Stage, command: str) -> None:
    """Also those that only read: who may call this function sees what the screens show."""
    answer = look(command, str(stage.open))
    assert (answer["exit"], answer["stdout"]) == (2, "")
    assert answer["stderr"] == (
        f"{command}: the reader function performs artifact and view alone; the operator, the rest\n"
    )


@pytest.mark.parametrize("option", ["--database-url=postgresql://elsewhere/", "--data-dir=/tmp", "--env=prod"])
def test_it_reads_no_other_ledger(look: Look, stage: Stage, option: str) -> None:
    """The address is its own, whatever a caller asks for; an event that is none is refused too."""
    answer = look("view", option, "overview")
    assert answer["exit"] == 2
    assert "has no meaning in a deployment" in answer["stderr"]
    assert handler({"v": 1}, LocalContext(aws_request_id="request", deadline=Deadline.after(60)))["exit"] == 2
