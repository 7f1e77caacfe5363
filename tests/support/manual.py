"""Finds or gets a real HTML manual of other authors, and serves it on loopback from a process of its own."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SETTING = "TRAPLINE_MANUAL"
"""A folder of HTML that is used instead of any other."""
CACHE = ROOT / ".cache/manual"
PACKAGES = (
    "postgresql-doc-15",
    "postgresql-doc-16",
    "postgresql-doc-17",
    "postgresql-doc-14",
    "postgresql-doc-18",
    "python3-doc",
    "gcc-doc",
)
"""Debian's and Ubuntu's documentation packages, the largest first; the PostgreSQL manuals have about 1,150 pages."""
SECOND = ("octave-doc", "python3.11-doc", "python3.13-doc")
"""The same of manuals that other programs made: Texinfo's and Sphinx' pages are built in other ways than DocBook's."""


class NoManualError(Exception):
    """No manual is large enough, and none could be had; ``str()`` says what was tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manual:
    """A folder of HTML."""

    root: Path
    """The folder."""
    pages: tuple[str, ...]
    """The HTML files, relative to ``root``, sorted."""
    source: str
    """A line that says where it came from."""


def read_manual(root: Path, source: str, *, smallest: int = 1) -> Manual:
    """Return the manual under ``root``: every HTML file of ``smallest`` bytes that is really inside it."""
    pages = sorted(
        str(page.relative_to(root))
        for page in root.rglob("*.html")
        if page.is_file() and page.stat().st_size >= smallest
    )
    return Manual(root=root, pages=tuple(pages), source=source)


def find_manual(*, at_least: int = 1000, cache: Path = CACHE) -> Manual:
    """Return a manual of ``at_least`` pages: the one set, one installed, or one unpacked into ``cache``.

    None needs root. Raises ``NoManualError``.
    """
    tried: list[str] = []
    if setting := os.environ.get(SETTING):
        manual = read_manual(Path(setting), SETTING)
        if len(manual.pages) >= at_least:
            return manual
        tried.append(f"{SETTING}: {len(manual.pages)} pages")
    try:
        return _first(PACKAGES, cache, tried, at_least=at_least)
    except NoManualError as error:
        raise NoManualError(f"{error}; name a folder in {SETTING}") from None


def find_second(*, at_least: int, cache: Path = CACHE) -> Manual:
    """Return a manual that is made in another way than ``find_manual``'s, likewise. Raises ``NoManualError``.

    Texinfo makes a page for each name it knows, which only leads on to another: those are left out.
    """
    return _first(SECOND, cache, [], at_least=at_least, smallest=2048)


def _first(packages: Sequence[str], cache: Path, tried: list[str], *, at_least: int, smallest: int = 1) -> Manual:
    for root, source in _candidates(packages, cache, tried):
        manual = read_manual(root, source, smallest=smallest)
        if len(manual.pages) >= at_least:
            return manual
        tried.append(f"{source}: {len(manual.pages)} pages")
    raise NoManualError(f"no HTML manual of {at_least} pages ({'; '.join(tried)})")


def _candidates(packages: Sequence[str], cache: Path, tried: list[str]) -> Iterator[tuple[Path, str]]:
    for package in packages:
        installed = Path("/usr/share/doc") / package
        if installed.is_dir():
            yield installed.resolve(), f"installed {package}"
    for package in packages:
        unpacked = cache / package
        if unpacked.is_dir() or download(package, unpacked, tried):
            yield unpacked, package


def download(package: str, target: Path, tried: list[str]) -> bool:
    """Unpack Debian's ``package`` into ``target``, whole or not at all. What goes wrong is added to ``tried``."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        tried.append(f"{package}: no apt-get here")
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as work:
        command = ["apt-get", "download", "-q", package]
        done = subprocess.run(command, cwd=work, capture_output=True, text=True, timeout=300, check=False)
        debs = list(Path(work).glob("*.deb"))
        if done.returncode or not debs:
            tried.append(f"{package}: {(done.stderr.strip().splitlines() or ['nothing downloaded'])[-1]}")
            return False
        subprocess.run(["dpkg-deb", "-x", str(debs[0]), f"{work}/x"], check=True, timeout=300)
        shutil.rmtree(target, ignore_errors=True)
        Path(f"{work}/x").rename(target)
    return True


@contextmanager
def serve(manual: Manual) -> Iterator[str]:
    """Serve ``manual`` from a process of its own; yields the URL of its root, without a slash at its end."""
    command = [sys.executable, str(Path(__file__).with_name("manual_server.py")), str(manual.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            url = server.stdout.readline().strip()
            if not url:
                raise NoManualError(f"the manual's server ended with {server.wait()}")
            yield url
        finally:
            server.terminate()


def page_urls(manual: Manual, base: str, count: int) -> list[str]:
    """Return the first ``count`` pages' URLs, spread evenly over the whole manual, so that large and small ones mix.

    Raises ``NoManualError`` when it has fewer.
    """
    if count > len(manual.pages):
        raise NoManualError(f"{manual.source} has {len(manual.pages)} pages, not {count}")
    return [f"{base}/{manual.pages[index * len(manual.pages) // count]}" for index in range(count)]
