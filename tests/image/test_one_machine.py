"""The image of one machine: `trapline serve` in a container as compose.yaml runs it."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.counting_site import CountingSite
from tools.ci.base_image import base_image
from tools.deploy.container_engine import Engine
from tools.shell import ROOT

TAG = "trapline:test"
FILE = "crawls: {{docs: {{urls: ['{url}/p/1'], schedule: rate(1 hour), settle: 0}}}}"


@pytest.fixture(scope="session")
def machine_image(docker: Engine, figures: dict[str, Any]) -> str:
    """The image of one machine, of this working tree."""
    arguments = ["build", "--network", "host", "--tag", TAG]
    if (base := base_image(docker, os.environ)) is not None:
        arguments += ["--build-arg", f"BASE_IMAGE={base}"]
    docker.output(*arguments, str(ROOT), timeout=1800)
    size = int(docker.output("image", "inspect", "--format", "{{.Size}}", TAG))
    figures["image of one machine, MB"] = round(size / 1e6)
    return TAG


def as_composed(folder: Path, volume: str) -> list[str]:
    """Return how compose.yaml runs the container, as words of ``docker run``; on the host's network, for the site."""
    service = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["trapline"]
    words = ["--init", "--network", "host", "--env", "TRAPLINE_ALLOW_PRIVATE=127.0.0.0/8"]
    assert service["init"]
    assert service["read_only"]
    words += ["--read-only", *(f"--tmpfs={each}" for each in service["tmpfs"])]
    words += [f"--cap-drop={each}" for each in service["cap_drop"]]
    words += [f"--security-opt={each.replace('seccomp=./', f'seccomp={ROOT}/')}" for each in service["security_opt"]]
    words += [f"--pids-limit={service['pids_limit']}", f"--volume={folder}:/etc/trapline:ro"]
    return [*words, f"--volume={volume}:/var/lib/trapline"]


@contextmanager
def serving(docker: Engine, image: str, words: list[str]) -> Iterator[str]:
    """Run the container; it is removed at the end, however that comes."""
    name = docker.output("run", "--detach", *words, image)
    try:
        yield name
    finally:
        subprocess.run(docker.command("rm", "--force", name), capture_output=True, check=False, timeout=60)


def runs(docker: Engine, name: str) -> list[dict[str, Any]]:
    """Ask the ledger in the container."""
    done = subprocess.run(
        docker.command("exec", name, "trapline", "runs", "--json"), capture_output=True, text=True, check=False
    )
    found = json.loads(done.stdout or "null")
    return found["runs"] if found else []


def until_completed(docker: Engine, name: str, count: int) -> None:
    """Wait for so many runs that have ended, each with its page visited."""
    until = time.monotonic() + 120
    while len(ended := [run for run in runs(docker, name) if run["outcome"] == "completed"]) < count:
        assert time.monotonic() < until, docker.output("logs", name)
        time.sleep(0.5)
    assert [run["done"] for run in ended] == [1] * count, docker.output("exec", name, "trapline", "show", "1")


def test_it_serves_stops_in_order_and_goes_on(docker: Engine, machine_image: str, tmp_path: Path) -> None:
    """Not root, read-only, without capabilities: it crawls, ends with 0 when stopped, and goes on with its volume."""
    tmp_path.chmod(0o755)
    volume = docker.output("volume", "create")
    try:
        with CountingSite() as site:
            (tmp_path / "crawls.yaml").write_text(FILE.format(url=site.url))
            with serving(docker, machine_image, as_composed(tmp_path, volume)) as name:
                until_completed(docker, name, 1)
                (tmp_path / "new").write_text(FILE.format(url=site.url).replace("docs", "more"))
                (tmp_path / "new").replace(tmp_path / "crawls.yaml")
                until_completed(docker, name, 2)
                assert docker.output("exec", name, "id", "-u") == "10001"
                docker.output("stop", "--time", "90", name, timeout=120)
                assert docker.output("inspect", "--format", "{{.State.ExitCode}}", name) == "0"
                assert "stopped; what is left waits in the ledger" in docker.output("logs", name)
            with serving(docker, machine_image, as_composed(tmp_path, volume)) as name:
                until_completed(docker, name, 2)
                assert site.visits("/p/1") == 2, "an hour has not gone by"
    finally:
        docker.output("volume", "rm", "--force", volume)
