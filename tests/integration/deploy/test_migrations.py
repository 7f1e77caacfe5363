"""Migrating through the operator function: Invoke over real HTTP on loopback, with scripted answers."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import pytest

from tools.deploy import migrations, operator_call
from tools.deploy.account import Account
from tools.shell import ToolError

FUNCTION = "arn:aws:lambda:eu-central-1:123456789012:function:trapline-dev-operator:live"
DONE = {"v": 1, "exit": 0, "stdout": "applied 0004_x\n", "stderr": ""}


@pytest.fixture
def operator(monkeypatch):
    """What answers Invoke; ``answers``: status, headers and body, in order; ``asked``: path, kind and payload."""
    answers, asked = [], []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            payload = json.loads(self.rfile.read(int(self.headers["content-length"])))
            asked.append((unquote(self.path), self.headers.get("x-amz-invocation-type"), payload))
            status, headers, body = answers.pop(0)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        yield answers, asked
        server.shutdown()


@pytest.fixture
def here():
    """The account behind that endpoint."""
    return Account(id="123456789012", caller="t", region="eu-central-1", ignore_endpoints=False)


def answer(value, **headers):
    return 200, headers, json.dumps(value).encode()


def test_the_operator_is_asked_once_and_waited_for(operator, here, capsys):
    """The message is the operator's own, through the alias, and what it printed is shown."""
    answers, asked = operator
    answers.append(answer(DONE))
    migrations.migrate(here, FUNCTION)
    ((path, kind, payload),) = asked
    assert path == f"/2015-03-31/functions/{FUNCTION}/invocations"
    assert kind in {None, "RequestResponse"}
    assert payload == {"v": 1, "command": ["migrate"]}
    assert "applied 0004_x" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (answer(DONE | {"exit": 1, "stderr": "0002 has another text"}), r"migrating failed \(exit 1\)"),
        (answer({"errorMessage": "Task timed out"}, **{"X-Amz-Function-Error": "Unhandled"}), "Task timed out"),
        (answer({"v": 2, "exit": 0}), "answered"),
        (answer(DONE | {"exit": None}), "migrating failed"),
        ((200, {}, b"nonsense"), "nonsense"),
        ((404, {"x-amzn-ErrorType": "ResourceNotFoundException"}, b"{}"), "could not be called"),
        ((500, {"x-amzn-ErrorType": "InternalFailure"}, b"{}"), "could not be called"),
    ],
)
def test_any_answer_but_success_is_a_failure(operator, here, given, message):
    """Only exit 0 in an answer of our version lets a deploy go on; the call is not repeated beside a running one."""
    answers, asked = operator
    answers.append(given)
    with pytest.raises(ToolError, match=message):
        migrations.migrate(here, FUNCTION)
    assert len(asked) == 1


def test_an_operator_that_is_not_ready_is_asked_again(operator, here, monkeypatch):
    """A function in a VPC that was idle refuses its first calls: they did not begin, and are repeated."""
    monkeypatch.setattr(operator_call, "_BETWEEN", 0.01)
    answers, asked = operator
    answers += [(502, {"x-amzn-ErrorType": "ResourceNotReadyException"}, b"{}")] * 2
    answers.append(answer(DONE))
    migrations.migrate(here, FUNCTION)
    assert len(asked) == 3
