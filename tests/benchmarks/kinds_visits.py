"""One lap of ``benchmarks.kinds``: visits pages with the product's visitor, gate and proxy, in a process of its own.

It is run as a file, by the interpreter of the checkout that is measured, which may be an older one. It reads a job as
JSON from standard input, ``{"urls", "isolation", "in_flight"}``, and prints ``{"pages", "seconds", "cpu"}``: seconds of
wall time, and of the processor for the whole process tree, after the first ``in_flight`` pages.
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterable
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from trapline_common.config.models import CrawlConfig
from trapline_common.egress.address_policy import AddressPolicy
from trapline_common.egress.gate import Gate
from trapline_common.local.artifacts import DirectoryArtifacts
from trapline_common.local.secrets import LocalSecrets
from trapline_crawler.browser.find import find_browser
from trapline_crawler.browser.supervisor import Browser
from trapline_crawler.proxy.browser_proxies import BrowserProxies
from trapline_crawler.visit.visitor import BrowserVisitor

TICKS = os.sysconf("SC_CLK_TCK")


class HereGate(Gate):
    """Every host is this machine: pages can be on as many sites as a lap needs."""

    async def addresses(self, host: str, port: int) -> Any:
        """Return loopback's address."""
        return await super().addresses("127.0.0.1", port)


def cpu(root: int) -> float:
    """Return the processor's seconds of a process, of its living descendants, and of those that these waited for."""
    table = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                fields = (Path(entry.path) / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it ended meanwhile
            table[int(entry.name)] = (int(fields[1]), sum(int(one) for one in fields[11:15]) / TICKS)
    inside = {root}
    while more := {pid for pid, (parent, _) in table.items() if parent in inside and pid not in inside}:
        inside |= more
    return sum(table[pid][1] for pid in inside if pid in table)


async def main() -> None:
    """Run the lap."""
    job = json.load(sys.stdin)
    gate = HereGate(policy=AddressPolicy(allow_private=(ip_network("127.0.0.0/8"),)))
    browser = Browser(find_browser(None), environ=os.environ, proxies=lambda: BrowserProxies(gate))
    crawl = CrawlConfig.model_validate(
        {"name": "bench", "isolation": job["isolation"], "screenshot": "never", "html": "never"}
    )
    with tempfile.TemporaryDirectory(prefix="trapline-bench-") as folder:
        secrets = LocalSecrets(os.environ, Path(folder))
        visitor = BrowserVisitor(browser, artifacts=DirectoryArtifacts(Path(folder)), secrets=secrets)

        async def visit(urls: Iterable[str]) -> int:
            count = 0
            for url in urls:
                found = await visitor.visit(url, crawl)
                if found.failure is not None:
                    raise SystemExit(f"{url} failed: {found.failure}")
                count += 1
            return count

        try:
            await asyncio.gather(*(visit([url]) for url in job["urls"][: job["in_flight"]]))
            left = iter(job["urls"][job["in_flight"] :])
            start, used = time.monotonic(), cpu(os.getpid())
            pages = sum(await asyncio.gather(*(visit(left) for _ in range(job["in_flight"]))))
            seconds, used = time.monotonic() - start, cpu(os.getpid()) - used
        finally:
            await visitor.close()
    print(json.dumps({"pages": pages, "seconds": seconds, "cpu": used}))


if __name__ == "__main__":
    asyncio.run(main())
