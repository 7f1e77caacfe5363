"""What `trapline crawl` loads, and when: a person waits for it."""

import os
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

LARGE = (
    *("asyncpg", "httpcore", "psutil", "pydantic", "rich", "ruamel", "structlog", "typer"),
    *("importlib.metadata", "trapline_common.config.models"),
)
"""Libraries and modules that take long to load, which the command needs, but not before its first crawler starts."""
NOT_HERE = ("apprise", "boto3", "botocore", "playwright", "requests", "rich.progress", "rich.traceback", "PIL")
"""What a crawl of one machine does not need in the command's own process."""


def output(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    return done.stdout.strip()


def test_the_first_crawler_starts_before_anything_large_is_loaded():
    """So its imports run beside the command's own, and not after them."""
    code = f"""
import sys
from trapline_machine.process_start import EarlyCrawler
async def begin(environ):
    print([name for name in {LARGE} if name in sys.modules], flush=True)
    raise SystemExit(0)
EarlyCrawler.begin = begin
sys.argv = ["trapline", "crawl", "absent.yaml"]
from trapline.main import main
main()
"""
    assert output(code) == "[]"


@pytest.mark.parametrize("arguments", [["crawl", "--help"], ["crawl", "crawls.yaml", "-h"], ["status"], []])
def test_a_command_that_crawls_nothing_starts_no_crawler(arguments: list[str]):
    """Its help is asked for, or it is another command."""
    code = f"""
import sys
from trapline_machine import process_start
async def begin(environ):
    print("started", file=sys.__stdout__, flush=True)
    raise SystemExit(0)
process_start.EarlyCrawler.begin = begin
sys.argv = ["trapline", *{arguments!r}]
from trapline.early import begin_early
begin_early(sys.argv[1:])
print("ended")
"""
    assert output(code) == "ended"


def test_a_crawl_that_is_refused_leaves_no_crawler(tmp_path: Path):
    """The process that was started for it ends with the command, whatever that found wrong."""
    mark = uuid4().hex
    command = [str(Path(sys.executable).with_name("trapline")), "crawl", str(tmp_path / "absent.yaml")]
    env = os.environ | {"MARK": mark}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 2, done.stderr
    until = time.monotonic() + 20
    while left := [process.pid for process in psutil.process_iter() if _has(process, mark)]:
        assert time.monotonic() < until, left
        time.sleep(0.05)


def _has(process: psutil.Process, mark: str) -> bool:
    try:
        return process.environ().get("MARK") == mark
    except psutil.Error:
        return False


def test_the_command_loads_nothing_that_its_crawl_does_not_use():
    """A channel brings Apprise, a terminal the bars, AWS its libraries."""
    loaded = "import sys, trapline_machine.crawl_file, trapline_machine.crawl_runs, trapline_machine.summary"
    assert output(f"{loaded}; print([name for name in {NOT_HERE} if name in sys.modules])") == "[]"


def test_while_postgres_starts_no_table_is_loaded():
    """What only the end of the command needs is loaded when the crawlers are at work."""
    loaded = "import sys, trapline_machine.crawl_file, trapline_machine.crawl_runs"
    names = ("rich", "trapline_machine.summary", "trapline_machine.progress_bars")
    assert output(f"{loaded}; print([name for name in {names} if name in sys.modules])") == "[]"
