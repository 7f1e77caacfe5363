"""Make ``last_release.sql.gz`` anew: ``python -m tests.integration.upgrade.make_ledger``. README.md says when."""

import gzip
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.support.last_release import COMMIT, environment, unpack
from tests.support.upgrade_site import FOLDER, UpgradeSite, upgrade_site
from tools.shell import say
from trapline_machine.embedded_postgres import embedded_postgres
from trapline_machine.postgres_programs import current

DUMP = FOLDER / "last_release.sql.gz"
PG_DUMP = current() / "pg_dump"
_LEFT_OUT = ("\\", "SET transaction_timeout", "--")
OPTIONS = ("--schema=trapline", "--no-owner", "--rows-per-insert=100", "--inserts")


def crawl(folder: Path, site: UpgradeSite, dsn: str, *more: str) -> "subprocess.Popen[str]":
    """Start ``trapline crawl`` of the last release."""
    config = folder / "crawls.yaml"
    config.write_text(site.config())
    command = [sys.executable, "-m", "trapline", "crawl", str(config), "--json", *more]
    environ = {
        **environment(folder / "code"),
        "DATABASE_URL": dsn,
        "TRAPLINE_DATA_DIR": str(folder / "data"),
        "TRAPLINE_ALLOW_PRIVATE": "127.0.0.0/8",
    }
    return subprocess.Popen(command, cwd=folder, env=environ, stdout=subprocess.PIPE, text=True, start_new_session=True)


def three_crawls(folder: Path, site: UpgradeSite, dsn: str) -> None:
    """Crawl everything twice, with a change between; then leave a run open by killing the command at a page."""
    site.answers_slow.set()
    site.pass_is = "open"
    for _ in range(2):
        with crawl(folder, site, dsn) as process:
            process.communicate(timeout=180)
        assert process.returncode == 1, "one page is broken: the command says so"
        site.pass_is = "closed"
    site.answers_slow.clear()
    site.asked_slow.clear()
    with crawl(folder, site, dsn, "--only", "left") as process:
        assert site.asked_slow.wait(60), "the crawler never asked for the slow page"
        os.killpg(process.pid, signal.SIGKILL)
    site.answers_slow.set()


def main() -> None:
    """Write the dump."""
    with tempfile.TemporaryDirectory(prefix="tl-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)  # Postgres runs as another user when this runs as root
        unpack(folder / "code")
        with embedded_postgres(folder) as dsn, upgrade_site() as site:
            three_crawls(folder, site, dsn)
            done = subprocess.run([PG_DUMP, *OPTIONS, dsn], check=True, capture_output=True, text=True)
            replaced = {
                site.url: "@SITE@",
                site.url.removeprefix("http://"): "@HOST@",
                str(folder / "data"): "/var/lib/trapline",
                socket.gethostname(): "last-release",
            }
    DUMP.write_bytes(gzip.compress(cleaned(done.stdout, replaced).encode(), mtime=0))
    say(f"wrote {DUMP}: {DUMP.stat().st_size} bytes")


def cleaned(text: str, replaced: Mapping[str, str]) -> str:
    """Return the dump without what psql or a newer Postgres alone reads, times long past, names ``replaced``."""
    text = "".join(line for line in text.splitlines(keepends=True) if not line.startswith(_LEFT_OUT))
    for found, placeholder in replaced.items():
        text = text.replace(found, placeholder)
    text = re.sub(r"\b20\d\d-\d\d-\d\d(?= \d\d:\d\d:\d\d)", "2020-01-01", text)
    return f"-- A ledger of the release {COMMIT}.\n{text}"


if __name__ == "__main__":
    main()
