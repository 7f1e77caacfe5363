import os
import signal

from support.command import Trapline, finish, interrupt
from support.processes import descendants, eventually, until_gone
from tests.e2e.counting_site import CountingSite

CONFIG = """
lanes: {{default: {{tasks_per_invocation: 10, pages_in_flight: 2}}}}
crawls:
  docs: {{urls: {urls}, settle: 0, isolation: crawl, timeout: 60s}}
"""
HELD = "SELECT count(*)::int FROM trapline.task WHERE status = 'leased'"


def test_ctrl_c_hands_the_tasks_back(command: Trapline, site: CountingSite):
    """Ctrl-C in the middle ends with 130, no task held and no process left; the next crawl goes on where it stopped."""
    config = command.config(CONFIG.format(urls=site.pages(40)))
    with site.hold("/p/30"), command.start("crawl", config) as process, command.ledger() as ledger:
        eventually(lambda: site.visits("/p/30"), bool, within=60)
        below = descendants(process.pid)
        interrupt(process)
        done = finish(process)
        until_gone(below)
        assert done.code == 130, done.err
        assert "tasks wait in the ledger" in done.out
        assert ledger.value(HELD) == 0
        assert ledger.value("SELECT count(*)::int FROM trapline.task WHERE rescues > 0 OR attempts > 0") == 0
        before = ledger.value("SELECT count(*)::int FROM trapline.observation")
        assert 0 < before < 40
    assert not command.browsers()

    again = command.crawl(config)
    assert again.code == 0, again.err
    (run,) = again.json["runs"]
    assert (run["run_id"], run["tasks"]) == (1, {"done": 40, "failed": 0})
    assert sum(site.visits(f"/p/{number}") for number in range(40)) <= 40 + 2 * 2  # only what was in flight, again


def test_a_second_ctrl_c_does_not_wait(command: Trapline, site: CountingSite):
    """Ctrl-C twice kills a crawler that does not stop; its task goes back all the same."""
    config = command.config(CONFIG.format(urls=site.pages(1)))
    with site.hold("/p/0"), command.start("crawl", config) as process, command.ledger() as ledger:
        eventually(lambda: site.visits("/p/0"), bool, within=60)
        below = descendants(process.pid)
        process_name = ledger.value("SELECT place FROM trapline.invocation WHERE status = 'running'")

        os.kill(int(process_name.split(":")[2]), signal.SIGSTOP)  # so that it can't stop in order
        interrupt(process)
        assert process.stdout is not None
        assert any("stopping" in line for line in iter(process.stdout.readline, ""))
        interrupt(process)
        done = finish(process, timeout=20)
        until_gone(below)
        assert done.code == 130, done.err
        assert ledger.value(HELD) == 0
    assert not command.browsers()
