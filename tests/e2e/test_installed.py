"""The wheels in an environment that holds nothing else: what a user has after installing them."""

import json
import subprocess
import sys
from pathlib import Path

from support.command import Trapline
from support.manual import find_manual, page_urls, serve
from support.wheels import NAMES, build_wheels, closure, empty_environment, link_installed

PAGES = 4
CONFIG = """
crawls:
  manual:
    urls: {urls}
    screenshot: never
"""


def installed(folder: Path) -> Path:
    """Install every wheel into an empty environment, beside what they declare; return the command."""
    wheels = build_wheels(folder / "wheels")
    python, site = empty_environment(folder / "env")
    link_installed(set.union(*(closure(name, wheels)[1] for name in NAMES)), site)
    install = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--offline", "--no-deps", "--python"]
    subprocess.run([*install, str(python), *map(str, wheels.values())], check=True)
    return folder / "env/bin/trapline"


def test_the_wheels_alone_crawl_pages_to_their_end(command: Trapline):
    """Installed, the command lists `crawl` and `try`, and crawls pages of a real manual with a real browser: exit 0."""
    command.program = (str(installed(command.folder)),)
    listed = command.run("--help")
    names = [line.split()[1] for line in listed.out.splitlines() if line.startswith("│ ")]
    assert {"crawl", "try", "run", "status"} <= set(names)
    assert "not installed" not in listed.out  # how the command names those two where the runtime is missing
    manual = find_manual(at_least=PAGES)
    with serve(manual) as base:
        config = command.config(CONFIG.format(urls=json.dumps(page_urls(manual, base, PAGES))))
        done = command.crawl(config)
    assert done.code == 0, done.err
    (run,) = done.json["runs"]
    assert (run["tasks"], run["pages"]) == ({"done": PAGES, "failed": 0}, PAGES)
