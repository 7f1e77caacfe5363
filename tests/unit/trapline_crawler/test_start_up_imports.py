"""What a crawler's start imports: each process of each invocation pays for it."""

import subprocess
import sys

HEAVY = ("rich", "boto3", "botocore", "typer", "apprise", "PIL", "trapline_crawler.pictures")
"""Libraries that other parts need, and a crawler on one machine does not."""


def test_a_crawler_imports_no_library_that_it_does_not_use() -> None:
    """The command brings rich to each machine, and structlog would take it along."""
    start = "import sys, trapline_crawler.handler, trapline_crawler.wiring"
    code = f"{start}; print([name for name in {HEAVY} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout.strip() == "[]"


def test_the_command_still_has_rich() -> None:
    """Its tables need what is kept from structlog alone."""
    start = "import trapline_common.platform.logging, rich.table, structlog.dev"
    code = f"{start}; print(structlog.dev.rich, rich.table.Table)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout.startswith("None <class")
