"""The three AWS calls the crawler makes, taken over real HTTP and remembered: S3 PutObject, GetSecretValue, Invoke."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self


class AwsCalls:
    """One endpoint for all of AWS, as boto3 sees it with AWS_ENDPOINT_URL. What it does not know is answered 400."""

    def __init__(self, secrets: dict[str, str]) -> None:
        self._secrets = secrets
        self.objects: dict[str, bytes] = {}
        self.invoked: list[str] = []
        self.unknown: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """The value of AWS_ENDPOINT_URL."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        calls = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_PUT(self) -> None:
                if self.headers.get("Expect") == "100-continue":
                    self.send_response_only(100)
                    self.end_headers()
                calls.objects[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
                self._send(200, b"", {"ETag": '"0"'})

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                target = self.headers.get("X-Amz-Target", "")
                if target == "secretsmanager.GetSecretValue":
                    name = json.loads(body)["SecretId"]
                    answer = {"Name": name, "SecretString": calls._secrets[name]}
                    self._send(200, json.dumps(answer).encode(), {"Content-Type": "application/x-amz-json-1.1"})
                elif "/functions/" in self.path and self.path.endswith("/invocations"):
                    calls.invoked.append(self.path.split("/")[3])
                    self._send(202, b"", {})
                else:
                    calls.unknown.append(f"{self.path} {target}")
                    self._send(400, b"{}", {})

            def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Keep the test's output readable."""

        return Handler
