"""Steps before the visits, through the real command."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.command import Trapline, finish
from support.login_site import PASSWORD, USER, LoginSite
from support.processes import crawlers


@pytest.fixture
def site() -> Iterator[LoginSite]:
    """A site behind a log-in."""
    with LoginSite() as running:
        yield running


def configured(command: Trapline, site: LoginSite, *, password: str = PASSWORD, **values: object) -> str:
    """Write a config of four pages behind the log-in, and tell the command its secrets."""
    command.environ |= {"TRAPLINE_SECRET_SITE_USER": USER, "TRAPLINE_SECRET_SITE_PASSWORD": password}
    crawl = {"urls": site.pages(4), "steps": site.steps(), "logged_in_check": {"selector": "#who"}, "timeout": "10s"}
    lanes = {"default": {"tasks_per_invocation": 1, "pages_in_flight": 1}}
    alert = {"on": ["failure"], "after_failures": 1}
    crawl |= {"alert": alert, "retries": 0, "watch": "h1", "settle": 0, **values}
    return command.config(json.dumps({"lanes": lanes, "crawls": {"account": crawl}}))  # JSON is YAML


def test_a_crawler_killed_during_its_log_in_costs_another_log_in_and_nothing_else(command: Trapline, site: LoginSite):
    """The crawler that logs in is killed while the others wait for it: one of them logs in, and every page is done."""
    config = configured(command, site)
    site.hold()
    with command.start("crawl", config, "--json", "--max-invocations", "2") as process:
        assert site.arrived.wait(60)
        with command.ledger() as ledger:
            process_name = ledger.until(
                "SELECT max(i.place) FROM trapline.session s JOIN trapline.invocation i ON i.id = s.holder", bool
            )
        victim = next(pid for pid in crawlers(process.pid) if str(pid) == process_name.split(":")[2])
        os.kill(victim, signal.SIGKILL)
        site.release()
        done = finish(process)
    assert done.code == 0, done.err
    assert done.json["runs"][0]["tasks"] == {"done": 4, "failed": 0}
    assert all(logged_in for path, logged_in in site.visits)
    assert site.log_ins <= 2  # what the killed one had sent still arrives


def test_no_secret_is_left_on_the_disk(command: Trapline, site: LoginSite):
    """Of a run that fails at its last step, no file of the data directory, Postgres' own among them, holds a secret."""
    site.echo_the_password()
    wrong = f"{PASSWORD}-wrong"
    config = configured(
        command, site, password=wrong, steps=site.steps({"wait_for": "#who"}), timeout="3s", html="always"
    )
    done = command.crawl(config)
    assert done.code == 1, done.err
    (run,) = done.json["runs"]
    assert {failure["reason"] for failure in run["failures"]} == {"step"}
    files = [path for path in command.data_dir.rglob("*") if path.is_file()]
    assert [path for path in files if path.suffix == ".html"]
    held = b"".join(path.read_bytes() for path in files) + (done.out + done.err).encode()
    for value in (wrong, USER):
        assert value.encode() not in held


def test_a_try_does_the_steps_and_shows_where_they_stopped(command: Trapline, site: LoginSite):
    """It visits the page logged in; with a step that fails it names the step, keeps a picture, and stores nothing."""
    done = command.run("try", configured(command, site), "account", "--json")
    assert done.code == 0, done.err
    assert (done.json["text"], site.log_ins) == ("Page /account/0", 1)
    config = configured(command, site, steps=site.steps({"wait_for": "#nowhere"}), timeout="3s")
    done = command.run("try", config, "account", "--json")
    assert done.code == 1, done.err
    assert done.json["failure"]["reason"] == "step"
    assert done.json["failure"]["detail"].startswith("step 6, wait_for: ")
    assert Path(done.json["screenshot"]).read_bytes().startswith(b"\x89PNG")
    assert not command.data_dir.exists()
