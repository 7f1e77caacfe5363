import json
import os
import signal

from support.command import Trapline, finish
from support.processes import crawlers, descendants, eventually, until_gone
from tests.e2e.counting_site import CountingSite
from trapline_common.domain.capacity import PAGES_IN_FLIGHT
from trapline_machine.settings import cores

CONFIG = "crawls:\n  {name}: {{urls: {urls}, settle: 0, timeout: 60s}}\n"


def config_of(command: Trapline, name: str, urls: list[str]) -> str:
    return command.config(CONFIG.format(name=name, urls=json.dumps(urls)), name=f"{name}.yaml")


def test_two_commands_share_one_new_data_directory(command: Trapline, site: CountingSite):
    """Two crawls begun at once where there was no ledger both end well; the last one stops the Postgres they shared."""
    pages = site.pages(12)
    with (
        command.start("crawl", config_of(command, "one", pages[:6]), "--json") as one,
        command.start("crawl", config_of(command, "two", pages[6:]), "--json") as two,
    ):
        done = [finish(one), finish(two)]
    assert [each.code for each in done] == [0, 0], [each.err for each in done]
    assert [[run["crawl"] for run in each.json["runs"]] for each in done] == [["one"], ["two"]]
    assert all("left open" not in each.err for each in done)
    assert [site.visits(f"/p/{number}") for number in range(12)] == [1] * 12
    assert not (command.data_dir / "postgres/postmaster.pid").exists()
    assert not command.browsers()


def test_the_same_crawl_begun_twice_is_skipped_the_second_time(command: Trapline, site: CountingSite):
    """While a command works on a crawl's run, a second one opens none, takes nothing over, and says so."""
    config = config_of(command, "docs", site.pages(2))
    with site.hold("/p/0"), command.start("crawl", config, "--json") as first:
        eventually(lambda: site.visits("/p/0"), bool, within=60)
        second = command.crawl(config)
        assert first.poll() is None
        site.release()
        done = finish(first)
    assert (second.code, second.json) == (3, {"runs": []}), second.err
    assert "run 1 is still open (another command works on it)" in second.err
    assert (done.code, done.json["runs"][0]["tasks"]) == (0, {"done": 2, "failed": 0}), done.err


def test_a_queued_crawl_waits_for_the_run_before_it(command: Trapline, site: CountingSite):
    """With ``overlap: queue`` a second command's run begins when the first one's has ended."""
    config = config_of(command, "docs", site.pages(2))
    text = (command.folder / "docs.yaml").read_text().replace("settle: 0", "settle: 0, overlap: queue")
    (command.folder / "docs.yaml").write_text(text)
    with site.hold("/p/0"), command.start("crawl", config, "--json") as first:
        eventually(lambda: site.visits("/p/0"), bool, within=60)
        with command.start("crawl", config, "--json") as second, command.ledger() as ledger:
            ledger.until("SELECT count(*)::int FROM trapline.run WHERE status = 'opening'", lambda count: count == 1)
            site.release()
            done = [finish(first), finish(second)]
    assert [each.code for each in done] == [0, 0], [each.err for each in done]
    assert [each.json["runs"][0]["run_id"] for each in done] == [1, 2]
    assert site.visits("/p/1") == 2


def test_what_a_killed_command_left_is_finished_at_once(command: Trapline, site: CountingSite):
    """A command and its crawler are killed together: the next command knows that they are dead without waiting."""
    config = config_of(command, "docs", site.pages(2))
    with site.hold("/p/0"), command.start("crawl", config) as first:
        eventually(lambda: site.visits("/p/0"), bool, within=60)
        below = descendants(first.pid)
        (crawler,) = crawlers(first.pid)
        os.kill(first.pid, signal.SIGSTOP)  # so that it can't report its crawler's death
        os.kill(crawler, signal.SIGKILL)
        first.kill()
        until_gone(below)
        first.communicate()
    assert not command.browsers()
    done = command.crawl(config, timeout=40)  # the heartbeats alone would take 45 s to tell
    assert done.code == 0, done.err
    assert "run 1 docs: left open by an earlier command; finishing it too" in done.err
    assert [run["tasks"] for run in done.json["runs"]] == [{"done": 2, "failed": 0}]
    with command.ledger() as ledger:
        reasons = "SELECT reason || ': ' || detail FROM trapline.invocation WHERE status = 'failed'"
        assert ledger.value(reasons) == "ProcessGone: its process on this machine is gone"


def test_a_lane_without_a_number_has_a_crawler_for_each_two_cores(command: Trapline, site: CountingSite):
    """However many tasks wait; with a number it has as many as fill the cores. ``lane_plan.py`` says why."""
    lanes = "lanes: {{default: {{tasks_per_invocation: 1{said}}}}}\n"
    for said, many in (("", -(-cores() // 2)), (f", pages_in_flight: {PAGES_IN_FLIGHT}", cores())):
        text = lanes.format(said=said) + CONFIG.format(name="docs", urls=json.dumps(site.pages(60)))
        with site.hold("/p/0"), command.start("crawl", command.config(text), "--json") as running:
            with command.ledger() as ledger:
                ledger.until_tables()
                ledger.until("SELECT count(*)::int FROM trapline.invocation WHERE status = 'running'", bool)
                active = "SELECT count(*)::int FROM trapline.invocation WHERE ended_at IS NULL"
                found = ledger.until(active, bool)
            site.release()
            done = finish(running)
        assert found == many
        assert (done.code, done.json["runs"][0]["tasks"]) == (0, {"done": 60, "failed": 0}), done.err
