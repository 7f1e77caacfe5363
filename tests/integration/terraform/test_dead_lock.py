"""A lock of the state that a killed Terraform left goes with the next command, and no other lock ever does."""

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from getpass import getuser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import gethostname
from typing import ClassVar
from urllib.parse import urlsplit

import pytest

from tools.shell import ROOT, ToolError
from tools.terraform import binary as terraform
from tools.terraform.dead_lock import dead_lock, forget, is_noted, noted
from tools.terraform.root import Root

WAITS = """
resource "terraform_data" "slow" {
  provisioner "local-exec" {
    command = "echo at work > at-work; read line < gate"
  }
}
terraform {
  backend "s3" {
    bucket                      = "states"
    key                         = "trapline/dev.tfstate"
    region                      = "eu-central-1"
    use_lockfile                = true
    use_path_style              = true
    skip_credentials_validation = true
    skip_metadata_api_check     = true
    skip_requesting_account_id  = true
    skip_s3_checksum            = true
  }
}
"""
"""A module whose apply holds the lock until a line is written into `gate`."""
LIST = '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><KeyCount>0</KeyCount></ListBucketResult>'
NO_KEY = "<Error><Code>NoSuchKey</Code><Message>no</Message></Error>"
TAKEN = "<Error><Code>PreconditionFailed</Code><Message>taken</Message></Error>"


class States(BaseHTTPRequestHandler):
    """As much of S3 as Terraform's backend asks for: objects, and a put of what must not be there yet."""

    objects: ClassVar[dict[str, bytes]] = {}

    def do_PUT(self):
        name, body = urlsplit(self.path).path, self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("If-None-Match") == "*" and name in self.objects:
            self.answer(412, TAKEN.encode())
        else:
            self.objects[name] = body
            self.answer(200, b"")

    def do_GET(self):
        parts = urlsplit(self.path)
        if "list-type" in parts.query:
            self.answer(200, LIST.encode())
        elif parts.path in self.objects:
            self.answer(200, self.objects[parts.path])
        else:
            self.answer(404, NO_KEY.encode())

    do_HEAD = do_GET  # noqa: N815  (the server calls it so)

    def do_DELETE(self):
        self.objects.pop(urlsplit(self.path).path, None)
        self.answer(204, b"")

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *arguments):
        """Say nothing."""


@pytest.fixture
def states(monkeypatch):
    """S3 on loopback, with an empty bucket."""
    States.objects = {}
    with ThreadingHTTPServer(("127.0.0.1", 0), States) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{server.server_port}")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "testing")
        yield States.objects
        server.shutdown()


REFUSAL = """
Error: Error acquiring the state lock
Lock Info:
  ID:        0a1b2c3d
  Path:      states/trapline/dev.tfstate
  Operation: OperationTypeApply
  Who:       {who}
  Version:   1.11.4
  Created:   {created}
"""
LOCK = "/states/trapline/dev.tfstate.tflock"
ME = f"{getuser()}@{gethostname()}"


def refusal(*, who=ME, after=1.0):
    created = datetime.now(UTC) + timedelta(seconds=after)
    return REFUSAL.format(who=who, created=f"{created:%Y-%m-%d %H:%M:%S.%f}789 +0000 UTC")


@pytest.fixture
def folder(tmp_path):
    """A folder in which a Terraform is noted that nobody saw end."""
    with noted(tmp_path) as tell:
        tell(-signal.SIGKILL)
    return tmp_path


def test_a_lock_of_our_own_dead_terraform_is_known(folder):
    """This user's, on this machine, taken soon after the start that was noted: by its id, as Terraform prints it."""
    assert dead_lock(folder, refusal(), environ={}) == "0a1b2c3d"


@pytest.mark.parametrize(
    "lock",
    [{"who": f"{getuser()}@elsewhere"}, {"who": f"somebody@{gethostname()}"}, {"after": -60.0}, {"after": 600.0}],
    ids=["another machine", "another user", "older than ours", "much later"],
)
def test_anothers_lock_is_left_alone(folder, lock):
    """A lock of another machine or user, or of another time, is held by somebody who may be at work."""
    assert dead_lock(folder, refusal(**lock), environ={}) is None
    assert dead_lock(folder, "Error acquiring the state lock: no such bucket", environ={}) is None


def test_a_note_goes_when_terraform_has_ended(tmp_path):
    """Success, failure and an orderly end leave no lock; a killed one leaves it."""
    for status, stays in ((0, False), (1, False), (-signal.SIGKILL, True)):
        with noted(tmp_path) as tell:
            tell(status)
        assert is_noted(tmp_path) == stays
    forget(tmp_path)


@pytest.fixture
def held(terraform_binary, tmp_path, states):
    """A root whose Terraform applies and holds the state's lock; its process, and what is told of its status."""
    folder, data = tmp_path / "module", tmp_path / "data/dev"
    folder.mkdir()
    data.mkdir(parents=True)
    (folder / "main.tf").write_text(WAITS)
    os.mkfifo(folder / "gate")
    environ = terraform.environment(os.environ, data=data)
    subprocess.run([terraform_binary, f"-chdir={folder}", "init"], env=environ, check=True, capture_output=True)
    root = Root(binary=terraform_binary, environ=dict(os.environ), data=data, backend=(), variables=(), folder=folder)
    with noted(data) as tell:
        process = subprocess.Popen(
            [terraform_binary, f"-chdir={folder}", "apply", "-auto-approve"],
            env=environ, stdout=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        give_up = time.monotonic() + 60
        while not (folder / "at-work").exists():
            assert process.poll() is None
            assert time.monotonic() < give_up
            time.sleep(0.05)
        yield root, process, tell
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_the_next_command_goes_on_after_a_killed_terraform(held, states, capsys):
    """Terraform's own lock, left by a kill, is taken away by the next command, and the state can be locked again."""
    root, process, tell = held
    os.killpg(process.pid, signal.SIGKILL)
    tell(process.wait())
    assert LOCK in states
    root.release_dead_lock()
    assert "its lock is gone" in capsys.readouterr().out
    assert LOCK not in states
    assert not is_noted(root.data)
    root.release_dead_lock()
    assert capsys.readouterr().out == ""


def test_a_terraform_that_is_at_work_keeps_its_lock(held, states):
    """While it runs its lock is nobody's to take, and a refusal says who may, by which command."""
    root, _, _ = held
    root.release_dead_lock()
    assert is_noted(root.data)
    assert LOCK in states
    with pytest.raises(ToolError, match=r"(?s)another apply holds the state.*force-unlock [0-9a-f-]{36}$"):
        replace(root, environ=root.environ)._change(
            "plan", root._command("plan", "-input=false", "-lock-timeout=0s"), quiet=True
        )


ORDERLY = """#!/bin/sh
trap 'sleep 1; touch "$0.ended"; exit 1' INT
touch "$0.started"
while :; do sleep 0.05; done
"""
"""A Terraform that takes a second to give its lock back."""
PROPOSES = """
import sys
from pathlib import Path
from tools.terraform.root import Root
root = Root(binary=sys.argv[1], environ={"PATH": "/usr/bin:/bin"}, data=Path(sys.argv[2]), backend=(), variables=())
root.proposal(releases={})
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_plan_that_is_interrupted_gives_its_lock_back(tmp_path, number):
    """Ctrl-C while a first deploy plans: Terraform gets its time, as in an apply, and no note and no lock stay."""
    program = tmp_path / "terraform"
    program.write_text(ORDERLY)
    program.chmod(0o755)
    data = tmp_path / "data"
    data.mkdir()
    command = [sys.executable, "-c", PROPOSES, str(program), str(data)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL, start_new_session=True) as process:
        give_up = time.monotonic() + 60
        while not (tmp_path / "terraform.started").exists():
            assert time.monotonic() < give_up
            time.sleep(0.02)
        os.killpg(process.pid, number)
        assert process.wait(60) != 0
    assert (tmp_path / "terraform.ended").exists()
    assert not is_noted(data)
