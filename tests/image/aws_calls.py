"""The AWS calls the crawler makes, taken over real HTTP and remembered: S3's objects, GetSecretValue, Invoke."""

import json
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler

from tests.site.serving import LoopbackServer, QuietHandler, Served


class AwsCalls(Served):
    """One endpoint for all of AWS, as boto3 sees it with AWS_ENDPOINT_URL. What it does not know is answered 400."""

    def __init__(self, secrets: dict[str, str]) -> None:
        self._secrets = secrets
        self.objects: dict[str, bytes] = {}
        self.invoked: list[str] = []
        self.unknown: list[str] = []
        self._server = LoopbackServer(self._handler())

    @property
    def url(self) -> str:
        """The value of AWS_ENDPOINT_URL."""
        return self._server.url

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        calls = self

        class Handler(QuietHandler, BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                if self.headers.get("Expect") == "100-continue":
                    self.send_response_only(100)
                    self.end_headers()
                calls.objects[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
                self.reply(200, b"", {"ETag": '"0"'})

            def do_HEAD(self) -> None:
                self._object(b"")

            def do_GET(self) -> None:
                self._object(calls.objects.get(self.path, b""))

            def _object(self, body: bytes) -> None:
                if self.path in calls.objects:
                    self.reply(200, body, {"ETag": '"0"', "Last-Modified": formatdate(usegmt=True)})
                else:
                    self.reply(404, b"", {})

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                target = self.headers.get("X-Amz-Target", "")
                if target in {"secretsmanager.GetSecretValue", "AmazonSSM.GetParameter"}:
                    asked = json.loads(body)
                    name = asked.get("SecretId") or asked["Name"]
                    value = calls._secrets[name]
                    answer = {"Name": name, "SecretString": value, "Parameter": {"Version": 2, "Value": value}}
                    self.reply(200, json.dumps(answer).encode(), {"Content-Type": "application/x-amz-json-1.1"})
                elif "/functions/" in self.path and self.path.endswith("/invocations"):
                    calls.invoked.append(self.path.split("/")[3])
                    self.reply(202, b"", {})
                else:
                    calls.unknown.append(f"{self.path} {target}")
                    self.reply(400, b"{}", {})

        return Handler
