"""``--env`` as it is typed: the real command in a process of its own, and Lambda's Invoke over HTTP on loopback."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from support.command import Done
from support.lambda_answers import LambdaAnswers, lambda_answers
from trapline.remote.protocol import TOO_LARGE

from .conftest import environment, execute


@pytest.fixture
async def function() -> AsyncIterator[LambdaAnswers]:
    """The operator function, with the answers that a test gives it."""
    async with lambda_answers() as found:
        yield found


def aws(function: LambdaAnswers, **more: str) -> dict[str, str]:
    """Return the environment of a person who is logged in to AWS."""
    clean = {name: value for name, value in environment().items() if not name.startswith("AWS_")}
    keys = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "eu-central-1"}
    files = {"AWS_CONFIG_FILE": "/nonexistent", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent"}
    quiet = {"AWS_ENDPOINT_URL": function.url, "AWS_EC2_METADATA_DISABLED": "true"}
    return {**clean, **keys, **files, **quiet, **more}


async def with_env(function: LambdaAnswers, tmp_path: Path, *args: str, stdin: str = "", **more: str) -> Done:
    """Run the command."""
    return await execute(*args, cwd=tmp_path, env=aws(function, **more), stdin=stdin)


async def test_the_command_is_sent_and_its_answer_printed(function: LambdaAnswers, tmp_path: Path) -> None:
    """The alias that takes the traffic is called once, and both streams and the exit code are its answer's."""
    function.answer({"v": 1, "exit": 1, "stdout": "a table\n", "stderr": "a note\n"})
    ran = await with_env(
        function, tmp_path, "runs", "--limit", "5", "--env", "dev", "--data-dir", "elsewhere", "--failed"
    )
    assert (ran.code, ran.out, ran.err) == (1, "a table\n", "a note\n")
    (call,) = function.calls
    assert call.path == "/2015-03-31/functions/trapline-dev-operator/invocations?Qualifier=live"
    assert call.body["v"] == 1
    assert call.body["command"] == ["runs", "--limit", "5", "--failed"]
    assert (call.body["terminal"], call.body["zone"]) == (None, "America/Chicago")


async def test_pages_from_standard_input_go_along(function: LambdaAnswers, tmp_path: Path) -> None:
    """``add RUN -`` reads the pages here that the operator function adds there."""
    function.answer({"v": 1, "exit": 0, "stdout": "", "stderr": ""})
    await with_env(function, tmp_path, "add", "7", "-", "--env=dev", stdin="https://a.example/\n")
    assert function.calls[0].body["command"] == ["add", "7", "-"]
    assert function.calls[0].body["stdin"] == "https://a.example/\n"


async def test_an_export_comes_in_pages_into_one_file(function: LambdaAnswers, tmp_path: Path) -> None:
    """A run that is larger than an answer is asked for page by page; the file appears when it is whole."""
    for stdout, last, more in (("h\n1\n", 4, True), ("2\n", 9, True), ("3\n", 11, False)):
        end = {"last": last, "more": more}
        function.answer({"v": 1, "exit": 0, "stdout": stdout, "stderr": "a note\n", "page": end})
    ran = await with_env(function, tmp_path, "export", "7", "-o", "run.csv", "--env", "dev")
    assert (ran.code, (tmp_path / "run.csv").read_text()) == (0, "h\n1\n2\n3\n")
    assert [call.body["command"] for call in function.calls] == [["export", "7", "--format", "csv"]] * 3
    assert [call.body["page"] for call in function.calls] == [
        {"after": after, "at_most": 2_000_000} for after in (0, 4, 9)
    ]
    function.answer({"v": 1, "exit": 0, "stdout": "h\n", "stderr": "", "page": {"last": 4, "more": True}})
    function.answer({"v": 1, "exit": 4, "stdout": "", "stderr": "trapline: Postgres: gone\n"})
    ran = await with_env(function, tmp_path, "export", "8", "-o", "other.csv", "--env", "dev")
    assert (ran.code, ran.err, (tmp_path / "other.csv").exists()) == (4, "trapline: Postgres: gone\n", False)


async def test_an_operator_of_the_release_before_loses_no_page(function: LambdaAnswers, tmp_path: Path) -> None:
    """It knows no pages: its one answer is the whole run, or an error that says what to do; never the half."""
    function.answer({"v": 1, "exit": 0, "stdout": "h\n1\n2\n3\n", "stderr": ""})
    ran = await with_env(function, tmp_path, "export", "7", "-o", "run.csv", "--env", "dev")
    assert (ran.code, (tmp_path / "run.csv").read_text(), len(function.calls)) == (0, "h\n1\n2\n3\n", 1)
    function.answer({"v": 1, "exit": 1, "stdout": "", "stderr": f"trapline: {TOO_LARGE}\n"})
    ran = await with_env(function, tmp_path, "export", "8", "-o", "other.csv", "--env", "dev")
    assert (ran.code, (tmp_path / "other.csv").exists()) == (4, False)
    assert "the operator function is of an older release" in ran.err


async def test_an_answer_of_a_release_too_far_ahead_is_one_line(function: LambdaAnswers, tmp_path: Path) -> None:
    """Its version is none that this release reads."""
    function.answer({"v": 9, "exit": 0, "stdout": "", "stderr": ""})
    ran = await with_env(function, tmp_path, "status", "--env", "dev")
    assert (ran.code, ran.out) == (4, "")
    assert ran.err == "trapline: an answer that this release can't read (Performed: v: Input should be 0 or 1)\n"


@pytest.mark.parametrize(
    ("status", "error", "reason"),
    [
        (404, "ResourceNotFoundException", "no function trapline-dev-operator in eu-central-1: deploy first"),
        (403, "AccessDeniedException", "they need lambda:InvokeFunction on trapline-dev-operator:live"),
        (403, "ExpiredTokenException", "log in again"),
        (429, "TooManyRequestsException", "no execution is free"),
        (500, "ServiceException", "ServiceException"),
    ],
)
async def test_a_refusal_of_lambda_is_shown_with_what_to_do(
    function: LambdaAnswers, tmp_path: Path, status: int, error: str, reason: str
) -> None:
    """Each error of Invoke leads to one line, and the command is not sent a second time."""
    function.refuse(status, error)
    ran = await with_env(function, tmp_path, "cancel", "7", "--env", "dev")
    assert (ran.code, ran.out, len(function.calls)) == (4, "", 1)
    assert reason in ran.err


async def test_a_function_that_fails_is_shown_with_its_log(function: LambdaAnswers, tmp_path: Path) -> None:
    """A time-out, or a bug there, is one line here with the location of its log."""
    function.answer({"errorMessage": "2026 Task timed out after 900.00 seconds"}, failed=True)
    ran = await with_env(function, tmp_path, "status", "--env", "dev")
    assert ran.code == 4
    assert "Task timed out" in ran.err
    assert "/aws/lambda/trapline-dev-operator" in ran.err


@pytest.mark.parametrize(
    ("args", "more", "code", "reason"),
    [
        (("status", "--env", "dev"), {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, 4, "log in to AWS"),
        (("status", "--env", "dev"), {"AWS_PROFILE": "missing"}, 2, "(missing) could not be found"),
        (("status", "--env", "dev"), {"AWS_REGION": ""}, 2, "terraform/envs/dev.account.tfvars.json"),
        (("status", "--env", "Dev!"), {}, 2, "is no environment"),
        (("status", "--env", "local"), {}, 2, "`make up` starts it"),
        (("status", "--env", "dev", "--limit", "x"), {}, 2, "--limit"),
        (("crawl", "crawls.yaml", "--env", "dev"), {}, 2, "`trapline run NAME --env ENV`"),
        (("try", "crawls.yaml", "x", "--env", "dev"), {}, 2, "needs no deployment"),
        (("config", "crawls.yaml", "--env", "dev"), {}, 2, "name no FILE"),
        (("run", "docs"), {}, 2, "`trapline crawl FILE --only docs`"),
    ],
)
async def test_what_can_not_be_sent_says_why(
    function: LambdaAnswers, tmp_path: Path, args: tuple[str, ...], more: dict[str, str], code: int, reason: str
) -> None:
    """The command finds a mistake here before it sends anything."""
    ran = await with_env(function, tmp_path, *args, **more)
    assert (ran.code, ran.out, function.calls) == (code, "", [])
    assert reason in ran.err


async def test_the_local_aws_is_found_by_its_state_file(function: LambdaAnswers, tmp_path: Path) -> None:
    """``--env local`` needs no variable: endpoint, certificate and keys are those of the running `make up`."""
    certificate = tmp_path / "server.crt"
    certificate.write_text("")
    (tmp_path / "data/aws").mkdir(parents=True)
    state: dict[str, Any] = {"endpoint": function.url, "certificate": str(certificate)}
    (tmp_path / "data/aws/system.json").write_text(json.dumps(state))
    function.answer({"v": 1, "exit": 0, "stdout": "local\n", "stderr": ""})
    clean = {name: value for name, value in environment().items() if not name.startswith("AWS_")}
    ran = await execute("status", "--env", "local", "--data-dir", "data", cwd=tmp_path, env=clean)
    assert (ran.code, ran.out, ran.err) == (0, "local\n", "")
    assert "Credential=test/" in function.calls[0].authorization
