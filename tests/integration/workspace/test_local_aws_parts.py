"""The parts beneath the local AWS: processes by id, the web hook, addresses."""

import json
import subprocess
import sys
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import psutil
import pytest

from tests.site.hook import AS_SENT, TO_READ, WebHook
from tools.local_aws.keeper import without_password
from tools.local_aws.processes import StartedProcess
from tools.local_aws.system import load, stop

PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def parent():
    """A process with a child, in a session of its own; and the child's id."""
    command = [sys.executable, "-c", PARENT]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        child = int(process.stdout.readline())
        yield process, child
        process.kill()


def test_a_process_ends_with_what_it_started(parent):
    """Nothing below an ended process goes on."""
    process, child = parent
    StartedProcess.of(process.pid).end(patience=5)
    assert process.poll() is not None
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE


def test_a_reused_id_belongs_to_another_process(parent):
    """A process that has the id but not the time of start is left alone."""
    process, _ = parent
    boot, _, start = StartedProcess.of(process.pid).identity.rpartition(":")
    StartedProcess(pid=process.pid, identity=f"{boot}:{int(start) - 6000}").end()
    assert process.poll() is None


def test_nothing_to_stop_is_fine(tmp_path):
    """`make down` twice, or before any `make up`, does nothing."""
    assert load(tmp_path) is None
    assert stop(tmp_path) is False


def test_what_an_older_release_started_can_be_ended(tmp_path, parent):
    """A state file that lacks what this release writes still leads to the processes, and they are ended."""
    process, _ = parent
    one = {"pid": process.pid, "created": psutil.Process(process.pid).create_time()}
    (tmp_path / "system.json").write_text(json.dumps({"keeper": one, "emulator": one}))
    assert not load(tmp_path).runs()
    assert stop(tmp_path)
    assert process.poll() is not None


def test_the_hook_keeps_and_prints_messages(tmp_path):
    """Each message is there as it was sent, and as a person reads it; what is none is refused."""
    with WebHook(tmp_path) as hook:
        url = hook.channel.replace("json://", "http://")
        message = {"title": "[trapline] shop: 1 page failed", "message": "why"}
        with urlopen(Request(url, data=json.dumps(message).encode(), method="POST")) as answer:
            assert answer.status == 200
        with pytest.raises(HTTPError, match="400") as caught:
            urlopen(Request(url, data=b"nonsense", method="POST"))
        caught.value.close()
    assert json.loads((tmp_path / AS_SENT).read_text()) == message
    assert (tmp_path / TO_READ).read_text() == "[trapline] shop: 1 page failed\nwhy\n\n"


def test_the_address_has_no_password():
    """Terraform refuses addresses with a password, even an empty one."""
    for more in ("", "&port=5432&sslmode=disable&target_session_attrs=any"):
        given = f"postgresql://postgres:@/postgres?host=/tmp/x%20y{more}"
        assert without_password(given) == "postgresql://postgres@/postgres?host=/tmp/x%20y"
    assert without_password("postgresql://postgres:@/p?host=/x&port=5433").endswith("/p?host=/x&port=5433")
