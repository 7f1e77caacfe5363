"""The crawler's image, run as Lambda runs it: read-only, not root, no capability, 2 GB, with a Runtime API."""

import asyncio
import json
import os
import re
import time
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from support.crawling import until
from support.ledger import value
from tests.image.conftest import TAG
from tests.image.container import Container
from tests.image.stage import Stage
from tools.ci.base_image import base_image
from tools.deploy.container_engine import Engine
from tools.deploy.image import build
from tools.shell import ROOT

MIB = 1024 * 1024
PAGES = [f"/page-{number}" for number in range(3)]


async def only_driver_left(stage: Stage, container: Container) -> int:
    """Check that of an invocation neither a file nor a process is left but the browser's driver; return its id."""
    await stage.idle()
    own, driver = (int(row.split()[0]) for row in container.processes())
    assert own == 1
    assert "run-driver" in container.sh(f"cat /proc/{driver}/cmdline")
    assert container.files() == []
    return driver


async def test_twenty_invocations_in_one_container(stage: Stage, figures: dict[str, Any]):
    """20 invocations in one container, frozen in between, end well and leave no file; memory is flat.

    Of their processes the browser's driver alone is left, the same after each.
    """
    event = await stage.due("round-0", PAGES, screenshot="viewport")
    seconds, resident, drivers, of_driver = [], [], set(), []
    with stage.start() as container:
        for number in range(20):
            answer = await stage.invoke(event)
            assert answer.error is None
            assert (answer.result or {})["done"] == len(PAGES), answer
            if number == 0:
                figures["cold start: container start to first result, s"] = round(
                    time.monotonic() - container.started, 2
                )
                figures["of which to the first request for an event, s"] = round(
                    (stage.api.first_asked or 0) - container.started, 2
                )
                figures[f"first invocation ({len(PAGES)} pages), s"] = round(answer.seconds, 2)
            else:
                seconds.append(answer.seconds)
            drivers.add(await only_driver_left(stage, container))
            resident.append(container.resident())
            of_driver.append(container.resident(*drivers))
            with container.frozen():
                event = await stage.due(f"round-{number + 1}", PAGES, screenshot="viewport")
        assert (await stage.invoke(event)).error is None
        drivers.add(await only_driver_left(stage, container))
        many = await stage.crawl("many", [f"/page-{number}" for number in range(30)])
        assert (many.result or {})["done"] == 30, many
        logs = container.logs()
    figures["warm invocation (30 pages, 3 at once), s"] = round(many.seconds, 2)
    figures["load of this machine (1, 5, 15 minutes)"] = [round(one, 1) for one in os.getloadavg()]
    figures[f"warm invocation ({len(PAGES)} pages), s"] = f"median {median(seconds):.2f}, most {max(seconds):.2f}"
    figures["runtime's own memory after invocations 1, 5, 20, MiB"] = [resident[n] // MIB for n in (0, 4, 19)]
    figures["peak memory, all processes (PSS), MiB"] = container.peak.bytes // MIB
    assert resident[19] - resident[4] < 4 * MIB, resident
    assert len(drivers) == 1
    figures["driver's memory after invocations 1, 5, 20, MiB"] = [of_driver[n] // MIB for n in (0, 4, 19)]
    assert (
        await value(stage.database, "SELECT count(*) FROM trapline.task WHERE status = 'done'") == 21 * len(PAGES) + 30
    )
    assert await value(stage.database, "SELECT count(*) FROM trapline.invocation WHERE status = 'succeeded'") == 22
    assert any(b"\x89PNG" in picture for picture in stage.aws.objects.values())
    assert stage.aws.unknown == []
    chosen = [json.loads(line) for line in logs.splitlines() if "browser_profile_" in line]
    assert [(line["event"], line["profile"]) for line in chosen] == [("browser_profile_chosen", "multi")]


async def test_event_after_a_renderer_crash_succeeds(stage: Stage):
    """A renderer killed under a page costs that page; the same and the next event end well, and no browser is left."""
    with stage.start() as container:
        assert (await stage.crawl("before", PAGES)).result is not None
        event = await stage.due("crashing", ["/half-loaded"], timeout=4)
        answering = asyncio.create_task(stage.invoke(event))
        await until(lambda: any(request.path == "/silent" for request in stage.site.seen))
        container.kill_renderers()
        answer = await answering
        assert answer.error is None
        assert (answer.result or {})["rescued"] == 1, answer
        await only_driver_left(stage, container)
        after = await stage.crawl("after", PAGES)
        assert (after.result or {})["done"] == len(PAGES)
        await only_driver_left(stage, container)


@pytest.mark.parametrize("isolation", ["page", "crawl"])
async def test_fallback_profile_works_in_the_container(isolation: str, stage: Stage):
    """With the one-process profile, pages in flight at once all succeed, and no browser is left."""
    with stage.start(TRAPLINE_BROWSER_PROFILE="single") as container:
        for name in ("first", "second"):
            answer = await stage.crawl(name, PAGES, isolation=isolation, screenshot="viewport")
            assert (answer.result or {})["done"] == len(PAGES), answer
            await only_driver_left(stage, container)


async def test_a_failure_is_lambdas_too(stage: Stage):
    """An error that ends an invocation is answered as one, for the failure queue, and the next event succeeds."""
    with stage.start() as container:
        event = await stage.due("broken", PAGES)
        await stage.database.connection.execute("ALTER TABLE trapline.observation RENAME TO hidden")
        answer = await stage.invoke(event)
        assert answer.result is None
        assert answer.error is not None
        await stage.database.connection.execute("ALTER TABLE trapline.hidden RENAME TO observation")
        await only_driver_left(stage, container)
        assert (await stage.invoke({"v": 1, "type": "nonsense"})).result is not None


async def test_what_surrounds_the_code(stage: Stage):
    """Not root, no way to become it, no core dumps, fonts for many scripts, HOME in /tmp, and only that is writable."""
    with stage.start() as container:
        await stage.idle()
        assert container.sh("id -u") != "0"
        assert container.sh("grep -i 'core file' /proc/1/limits").split()[4:6] == ["0", "0"]
        assert container.sh("echo $HOME $TMPDIR") == "/tmp /tmp"
        for language in ("en", "el", "ru", "zh-cn", "ja", "ko"):
            assert container.sh(f"fc-list :lang={language} family"), language
        assert "Emoji" in container.sh("fc-list :charset=1f600 family")
        writable = container.sh("find / -xdev -writable ! -type l ! -path '/proc/*' ! -path '/tmp' 2>/dev/null || true")
        assert writable == ""
        assert container.sh("find / -xdev -perm /6000 -type f 2>/dev/null | head -1") == ""


def test_a_code_change_rebuilds_only_the_last_layer(docker: Engine, image: str, tree: Path):
    """When only code or RDS's certificates changed, all layers but the last are the same, so none is uploaded."""

    def layers(found: str) -> list[str]:
        text = docker.output("image", "inspect", "--format", "{{json .RootFS.Layers}}", found)
        return [str(layer) for layer in json.loads(text)]

    tag, base = TAG + "-changed", base_image(docker, os.environ)
    try:
        with (tree / "services/crawler/src/trapline_crawler/handler.py").open("a") as handler:
            handler.write("\nCHANGED = True\n")
        ca = tree / "given.pem"
        ca.write_text("certificates")
        after = layers(build(docker, tag, environ=os.environ, base=base, context=tree, ca=ca))
        found = docker.output("run", "--rm", "--network", "none", "--entrypoint", "cat", tag, "/var/task/rds-ca.pem")
        assert found == "certificates"
    finally:
        docker.output("image", "rm", "--force", tag)
    before = layers(image)
    assert before[:-1] == after[:-1]
    assert before[-1] != after[-1]


def test_dockerfile_names_no_index_and_no_machine():
    """The Dockerfile holds no address, proxy, certificate or index: those are the base image's affair."""
    lines = (ROOT / "services/crawler/Dockerfile").read_text().splitlines()
    text = "\n".join(line for line in lines if not line.startswith("#"))
    assert not re.search(r"://|index-url|proxy|\.crt|ssl|pip\.conf|/etc/apt", text, re.IGNORECASE)
