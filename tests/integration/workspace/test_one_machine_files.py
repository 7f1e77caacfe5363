"""What one machine is run with: a systemd unit and compose files."""

import configparser
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from tools.shell import ROOT
from trapline_machine.event_loop import SEND_WITHIN, STOP_WITHIN
from trapline_machine.last_alerts import LAST_ALERTS_WITHIN

UNIT = ROOT / "libs/machine/systemd/trapline.service"
LONGEST_END = STOP_WITHIN + SEND_WITHIN + LAST_ALERTS_WITHIN
"""Seconds that an end in order may take, before Postgres stops."""


def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read(UNIT)
    return parser


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    """Every section and key is one that systemd knows; where it is installed, it verifies the unit itself."""
    found = unit()
    assert found.sections() == ["Unit", "Service", "Install"]
    program, *words = found["Service"]["ExecStart"].split()
    assert words == ["serve", "/etc/trapline/crawls.yaml", "--data-dir", "/var/lib/trapline"]
    assert found["Service"]["RestartPreventExitStatus"] == "2", "a refused file is not served by starting again"
    assert found["Service"]["KillMode"] == "mixed", "crawlers are told to stop by `serve` alone"
    if (systemd := shutil.which("systemd-analyze")) is not None:
        copy = tmp_path / UNIT.name
        copy.write_text(UNIT.read_text().replace(program, sys.executable))
        done = subprocess.run([systemd, "verify", str(copy)], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr.strip()) == (0, "")


def test_everyone_waits_for_an_end_in_order() -> None:
    """Neither systemd nor an engine kills what still hands its tasks back."""
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["trapline"]
    assert int(unit()["Service"]["TimeoutStopSec"]) > LONGEST_END
    assert int(compose["stop_grace_period"].removesuffix("s")) > LONGEST_END


def test_compose_publishes_on_this_machine_alone() -> None:
    """A port of the container is one of the host's 127.0.0.1; nothing runs with more rights than it needs."""
    for name in ("compose.yaml", "compose.postgres.yaml"):
        for service in yaml.safe_load((ROOT / name).read_text())["services"].values():
            for port in service.get("ports", []):
                assert re.match(r"127\.0\.0\.1:\d+:\d+$", port), port
            assert not {"privileged", "network_mode", "pid", "cap_add"} & service.keys()
    service = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["trapline"]
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])


def test_a_ledger_beside_it_has_a_password() -> None:
    """No password is written down: without one nothing starts."""
    services = yaml.safe_load((ROOT / "compose.postgres.yaml").read_text())["services"]
    for text in (services["postgres"]["environment"]["POSTGRES_PASSWORD"], str(services["trapline"]["environment"])):
        assert re.search(r"\$\{TRAPLINE_POSTGRES_PASSWORD:\?[^}]+\}", text)
    assert "ports" not in services["postgres"]
