"""What `trapline crawl` loads, and when: a person waits for it."""

import subprocess
import sys

LARGE = ("asyncpg", "httpcore", "psutil", "rich", "ruamel", "structlog", "trapline_common.config.models")
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


def test_the_command_loads_nothing_that_its_crawl_does_not_use():
    """A channel brings Apprise, a terminal the bars, AWS its libraries."""
    loaded = "import sys, trapline_machine.crawl_file, trapline_machine.crawl_runs, trapline_machine.summary"
    assert output(f"{loaded}; print([name for name in {NOT_HERE} if name in sys.modules])") == "[]"


def test_while_postgres_starts_no_table_is_loaded():
    """What only the end of the command needs is loaded when the crawlers are at work."""
    loaded = "import sys, trapline_machine.crawl_file, trapline_machine.crawl_runs"
    names = ("rich", "trapline_machine.summary", "trapline_machine.progress_bars")
    assert output(f"{loaded}; print([name for name in {names} if name in sys.modules])") == "[]"
