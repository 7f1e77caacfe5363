"""`make demo`: the real command on a small site that changes between two crawls. About half a minute."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from tests.site.server import DemoSite
from tools.shell import ROOT, ToolError, main_guard, say

DATA = ROOT / ".trapline/demo"
TEMPLATE = ROOT / "tests/site/crawls.yaml"
EXPECTED = frozenset({0, 1})
"""Exit codes of `trapline crawl` that the demo expects: 1 says that a page failed, and one is broken on purpose."""


def trapline(*arguments: str) -> list[str]:
    """Return the command line of the workspace's own command."""
    return [str(Path(sys.executable).parent / "trapline"), *arguments]


def step(title: str, command: Sequence[str], *, expected: frozenset[int] = frozenset({0})) -> None:
    """Print what comes and the command as a user would type it, and run it. Raises ``ToolError``."""
    say(f"\n== {title}\n$ {shown(command)}")
    status = subprocess.run(list(command), cwd=ROOT, env=own_environment(), check=False, timeout=300).returncode
    if status not in expected:
        raise ToolError(f"{shown(command)}: exit {status}")


def shown(command: Sequence[str]) -> str:
    """Return a command as a user would type it in the workspace."""
    return " ".join(["trapline", *(argument.replace(f"{ROOT}/", "") for argument in command[1:])])


def own_environment() -> dict[str, str]:
    """Return the environment without the user's ledger: the demo brings a Postgres, and writes into no other."""
    return {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}


def screenshots(folder: Path) -> list[Path]:
    """Return the screenshots below ``folder``, the newest first."""
    return sorted(folder.rglob("*.png"), key=lambda path: path.stat().st_mtime, reverse=True)


def main(data: Path = DATA) -> int:
    """Crawl the shop, change it, crawl it again, and show what Trapline made of it."""
    started = time.monotonic()
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(parents=True)
    config = data / "crawls.yaml"
    where = ("--data-dir", str(data))
    with DemoSite() as site:
        shop = urlsplit(site.url).netloc  # on this machine, which is closed but for the shop's own port
        crawl = ("crawl", str(config), "--allow-private", shop, *where)
        config.write_text(TEMPLATE.read_text().replace("@SITE@", site.url))
        say(f"The demo shop is at {site.url}; its workshop page is broken.")
        step("First crawl: every page becomes its own baseline", trapline(*crawl), expected=EXPECTED)
        site.shop.set_price("kettle", 2_950)
        site.shop.break_page("tent")
        site.shop.mend_page("workshop")
        say("\nThe shop changes: the kettle is $29.50 now, the tent's page breaks, the workshop's page is mended.")
        step("Second crawl: what changed, what failed, what recovered", trapline(*crawl), expected=EXPECTED)
        step("The runs", trapline("runs", *where))
        step("What changed on the kettle's page", trapline("diff", f"{site.url}/products/kettle", *where))
    pictures = screenshots(data)
    if not pictures:
        raise ToolError(f"no screenshot was kept below {data}")
    say(f"\n{len(pictures)} screenshots are in {os.path.commonpath([path.parent for path in pictures])}")
    say(f"The crawls file is {config}")
    say(f"Done in {time.monotonic() - started:.0f} s.")
    look = trapline("web", *where)
    if os.environ.get("SERVE", "") in {"", "0"}:
        say(f"\nLook at it in a browser: {shown(look)}   (or `make demo SERVE=1`, which serves it when it is done)")
    else:
        # as a user would type it: it prints the address, and Ctrl-C ends it
        subprocess.run(look, cwd=ROOT, env=own_environment(), check=False)
    return 0


if __name__ == "__main__":
    main_guard(main)
