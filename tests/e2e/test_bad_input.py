from dataclasses import replace

import pytest

from support.command import Trapline
from tests.e2e.counting_site import CountingSite

GOOD = "crawls:\n  docs:\n    urls: [https://example.com/]\n"
BAD = {
    "broken YAML": ("crawls:\n  docs: [\n", ":2: not valid YAML"),
    "unknown key": (GOOD + "    colour: red\n", ":4: crawls.docs.colour: unknown key"),
    "unknown lane": (GOOD + "    lane: fast\n", ":4: crawls.docs.lane: "),
    "bad cron": (GOOD + "    schedule: cron(0 8 * * *)\n", ":4: crawls.docs.schedule: "),
    "bad URL": ("crawls:\n  docs:\n    urls: [example]\n", ":3: crawls.docs.urls[0]: "),
    "file URL": ("crawls:\n  docs:\n    urls: ['file:///etc/passwd']\n", ":3: crawls.docs.urls[0]: "),
    "two crawls with one name": (GOOD + GOOD.removeprefix("crawls:\n"), ":4: crawls.docs: stands twice"),
    "no pages": ("crawls:\n  docs: {timeout: 3s}\n", ":2: crawls.docs"),
    "a sitemap that is HTML": (
        "crawls:\n  docs:\n    timeout: 3s\n    sitemap: '{site}/sitemap.html'\n",
        ":4: crawls.docs.sitemap: ",
    ),
    "empty file": ("", ": empty"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_is_refused_in_one_line(command: Trapline, site: CountingSite, what: str):
    """Each bad file is refused with one line that names file, line and field, exit code 2, and nothing written."""
    text, expected = BAD[what]
    config = command.config(text.replace("{site}", site.url))
    done = command.run("crawl", config, timeout=30)
    assert done.code == 2, done.err
    (line,) = done.err.splitlines()
    assert line.startswith(config + expected), line
    assert not done.out
    assert not command.data_dir.exists()


@pytest.mark.parametrize(("path", "expected"), [("missing.yaml", "no such file"), ("", "a directory")])
def test_no_file_is_refused_in_one_line(command: Trapline, path: str, expected: str):
    """A missing file, or a directory in its place, is refused with one line that names it."""
    config = str(command.folder / path)
    done = command.run("crawl", config, timeout=30)
    assert done.code == 2, done.err
    (line,) = done.err.splitlines()
    assert line.startswith(config)
    assert expected in line
    assert not command.data_dir.exists()


def test_a_broken_sitemap_keeps_no_other_crawl_from_running(command: Trapline, site: CountingSite):
    """The other crawls of the file run; the crawl itself ends refused, with its reason, and the command with 2."""
    good = f"crawls:\n  docs:\n    urls: ['{site.url}/p/1']\n    settle: 0\n"
    done = command.run("crawl", command.config(good + f"  more:\n    sitemap: '{site.url}/sitemap.html'\n"))
    assert done.code == 2
    assert "crawls.more.sitemap: " in done.out + done.err
    with command.ledger() as ledger:
        outcomes = ledger.rows("SELECT crawl, outcome::text, tasks_done FROM trapline.run ORDER BY crawl")
    assert [tuple(row.values()) for row in outcomes] == [("docs", "completed", 1), ("more", "refused", 0)]


def test_a_temporary_folder_that_is_not_there_is_refused(command: Trapline, site: CountingSite):
    """The browser would fail each visit for it; the command says so, and visits nothing."""
    command.environ["TMPDIR"] = str(command.folder / "missing")
    config = command.config(f"crawls: {{docs: {{urls: ['{site.url}/p/1']}}}}")
    for words in (("crawl", config), ("serve", config, "--no-web")):
        done = command.run(*words)
        assert (done.code, done.out) == (2, "")
        assert done.err == f"environment: TMPDIR: '{command.folder}/missing' is no folder that this user may write\n"
    assert site.visits("/p/1") == 0


@pytest.mark.parametrize(
    ("output", "code", "said"),
    [("> /dev/full", 4, "trapline: standard output: No space left on device\n"), ("| head -c 1 > /dev/null", 141, "")],
)
def test_output_that_nobody_takes_ends_a_crawl_with_its_cause(
    command: Trapline, site: CountingSite, output: str, code: int, said: str
):
    """A full disk behind standard output, or a reader that has enough: the data directory is not to blame."""
    config = command.config(f"crawls: {{docs: {{urls: ['{site.url}/p/1'], settle: 0}}}}")
    shell = f'set -o pipefail; "$@" {output}'
    crawl = (*command.program, "crawl", config)
    done = replace(command, program=("bash", "-c", shell, "sh")).run(*crawl)
    assert (done.code, done.err) == (code, said)
    again = command.crawl(config)
    assert again.code == 0, again.err
