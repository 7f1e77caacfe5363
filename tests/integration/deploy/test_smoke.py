"""The smoke test's report: what each function answers over real HTTP on loopback, and what becomes of it."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import pytest

from tools.deploy import smoke as module
from tools.deploy.account import Account
from tools.deploy.smoke import call, smoke
from tools.shell import ToolError

NAMES = ("crawler", "dispatcher", "notifier", "operator", "reader")
FUNCTION = "arn:aws:lambda:eu-central-1:123456789012:function:trapline-dev-{0}:live"
OUTPUTS = {
    "functions": {name: {"release": "0.1.0", "alias": FUNCTION.format(name)} for name in NAMES},
    "topics": {"alerts": "arn:aws:sns:eu-central-1:123456789012:trapline-dev-alerts"},
}
_REPORT = (
    "REPORT RequestId: 1\tDuration: 999 ms\tBilled Duration: {0} ms\tMemory Size: 2048 MB\tMax Memory Used: {1} MB\t"
)
COLD = _REPORT.format(4000, 700) + "Init Duration: 1890.5 ms\t\n"
WARM = _REPORT.format(1000, 650) + "\n"
SUBSCRIPTIONS = '<ListSubscriptionsByTopicResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/">\
<ListSubscriptionsByTopicResult><Subscriptions><member><SubscriptionArn>{0}</SubscriptionArn><Protocol>email</Protocol>\
<Endpoint>me@example.org</Endpoint></member></Subscriptions></ListSubscriptionsByTopicResult>\
</ListSubscriptionsByTopicResponse>'
PASSED = {"v": 1, "profiles": {"multi": None, "single": None}, "seconds": {"multi": 0.4, "single": 0.6}}

FAILED = PASSED | {"profiles": {"multi": "no text", "single": None}}


class Deployment:
    """Answers as a sound deployment does; a test breaks one thing."""

    def __init__(self):
        self.checks = [(PASSED, COLD), (PASSED, WARM)]
        self.answers = {"dispatcher": {"v": 1, "ended": 0}, "notifier": {"v": 1, "sent": 0, "refused": 0}}
        self.errors = set()
        self.shown = [{"status": "open"}, {"status": "ended", "done": 3, "failed": 0}]
        self.exits = {}
        self.subscription = "arn:aws:sns:eu-central-1:123456789012:trapline-dev-alerts:1"
        self.asked = []

    def answer(self, path, body):
        """Return headers and text of the answer."""
        if "/functions/" not in path:
            return {}, SUBSCRIPTIONS.format(self.subscription)
        name = unquote(path).split("trapline-dev-")[1].split(":")[0]
        message = json.loads(body)
        self.asked.append((name, message.get("type") or message["command"]))
        headers = {"X-Amz-Function-Error": "Unhandled"} if name in self.errors else {}
        if name == "crawler":
            said, log = self.checks.pop(0)
            return headers | {"X-Amz-Log-Result": base64.b64encode(log.encode()).decode()}, json.dumps(said)
        if name not in {"operator", "reader"}:
            return headers, json.dumps(self.answers[name])
        command = message["command"]
        text = {"run": '{"run_id": 7, "tasks": 3}', "status": "{}", "view": "{}", "alert": "topic: sent\n"}.get(
            command[0]
        )
        if command[0] == "show":
            text = json.dumps(self.shown.pop(0))
        exit_code = self.exits.get(command[0], 0)
        said = {"stdout": "", "stderr": "what went wrong"} if exit_code else {"stdout": text, "stderr": ""}
        return headers, json.dumps({"v": 1, "exit": exit_code, **said})


@pytest.fixture
def deployment(monkeypatch):
    """The endpoint of AWS, with a sound deployment behind it."""
    stage = Deployment()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            headers, text = stage.answer(self.path, body)
            self.send_response(200)
            for name, value in {**headers, "Content-Length": str(len(text.encode()))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *arguments):
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setattr(module, "_BETWEEN", 0.01)
        yield stage
        server.shutdown()


@pytest.fixture
def here():
    """The account behind that endpoint."""
    return Account(id="123456789012", caller="t", region="eu-central-1", ignore_endpoints=False)


def test_a_sound_deployment_is_one_table(deployment, here, capsys):
    """Both profiles, cold and warm times, GB-seconds, each role's log-in, the crawl and the alert: one row for each."""
    smoke(here, OUTPUTS, environment="dev", crawl="smoke")
    rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines() if line.startswith("| ")][1:]
    found = {row[0].removeprefix("| "): row[1] for row in rows}
    assert all(row[-1] == "ok |" for row in rows)
    assert found["deployment"].startswith("dev, eu-central-1, crawler 0.1.0")
    assert found["crawler's browser, first call"] == (
        "multi passed its self-test in 0.4 s, single passed its self-test in 0.6 s"
    )
    assert "cold (1.89 s of init)" in found["cold and warm start"]
    assert found["cold and warm start"].endswith("warm")
    assert found["GB-seconds of both calls"] == "10.00, at most 700 of 2048 MB used"
    assert {f"log-in as trapline_{name}" for name in NAMES} <= set(found)
    assert found["addresses confirmed"] == "all"
    assert found["crawl smoke"].startswith("run 7: 3 pages done, 0 failed")
    assert found["test alert"] == "topic: sent"
    assert [one for one in deployment.asked if one[0] != "operator"] == [
        *(("crawler", "check"), ("crawler", "check"), ("dispatcher", "reap"), ("notifier", "drain")),
        ("reader", ["view", "lanes"]),
    ]


@pytest.mark.parametrize(
    ("row", "change"),
    [
        (
            "crawler's browser, first call",
            {"checks": [(FAILED, COLD)] * 2},
        ),
        ("crawler's browser, first call", {"checks": [({"refused": "type: Input should be crawl"}, COLD)] * 2}),
        ("log-in as trapline_crawler", {"errors": {"crawler"}}),
        ("log-in as trapline_dispatcher", {"errors": {"dispatcher"}}),
        ("log-in as trapline_notifier", {"answers": {"dispatcher": {}, "notifier": {"refused": "no message"}}}),
        ("log-in as trapline_operator", {"exits": {"status": 4}}),
        ("log-in as trapline_reader", {"exits": {"view": 4}}),
        ("addresses confirmed", {"subscription": "PendingConfirmation"}),
        ("crawl smoke", {"exits": {"run": 2}}),
        ("crawl smoke", {"shown": [{"status": "ended", "done": 2, "failed": 1}]}),
        ("test alert", {"exits": {"alert": 4}}),
    ],
)
def test_what_is_wrong_is_a_row_and_stops_no_other(deployment, here, capsys, row, change):
    """One thing that is broken fails its own row and the command; every other row is still there."""
    for name, value in change.items():
        setattr(deployment, name, value)
    with pytest.raises(ToolError, match=f"are not as they should be: .*{row}"):
        smoke(here, OUTPUTS, environment="dev", crawl="smoke")
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")][1:]
    assert len(lines) == 13
    assert any(line.startswith(f"| {row}") and line.endswith("FAILED |") for line in lines)
    assert any(line.endswith("ok |") for line in lines)


def test_where_lambda_reports_nothing_the_table_says_so(deployment, here, capsys):
    """A local AWS sends no REPORT line: the times are those seen from here, and no GB-second is made up."""
    deployment.checks = [(PASSED, "")] * 3
    made = call(here.client("lambda"), OUTPUTS["functions"]["crawler"]["alias"], {"v": 1, "type": "check"})
    assert made.report == {}
    smoke(here, OUTPUTS, environment="dev", crawl="smoke")
    text = capsys.readouterr().out
    assert "as seen from here" in text
    assert "Lambda reports none here" in text
