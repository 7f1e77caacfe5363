import json
import re
import subprocess

import pytest

from tools.shell import ROOT
from tools.workspace.environment import SCANNER

SOURCES = sorted((ROOT / "terraform").rglob("*.tf"))
SKIP = re.compile(r"#checkov:skip=(?P<rule>[A-Z0-9_]+):?(?P<reason>.*)")
VALUES = re.compile(r"\b(secret_string|secret_binary|password|auth_token|random_password|master_password)\s*=")


@pytest.fixture(scope="session")
def scan():
    """Checkov's findings in terraform/, from a venv of its own, without a call to a server."""
    SCANNER.ensure()
    command = [SCANNER.path / "bin/checkov", "--directory", "terraform", "--framework", "terraform", "--output", "json"]
    done = subprocess.run(
        [*command, "--skip-download"], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    return json.loads(done.stdout)


def test_checkov_finds_nothing(scan):
    """No rule of checkov fails, and it did look at every kind of thing that is made."""
    failed = [f"{one['check_id']} {one['resource']}: {one['check_name']}" for one in scan["results"]["failed_checks"]]
    assert failed == []
    assert scan["summary"]["parsing_errors"] == 0
    assert scan["summary"]["passed"] > 100


def test_every_skip_is_used_and_has_its_reason(scan):
    """A skipped rule says why on its line, and none is skipped that would not fail."""
    written = [match for path in SOURCES for match in SKIP.finditer(path.read_text())]
    assert [match["rule"] for match in written if len(match["reason"].split()) < 2] == []
    reported = {one["check_id"] for one in scan["results"]["skipped_checks"]}
    assert {match["rule"] for match in written} == reported


def test_every_wildcard_has_its_reason_on_its_line():
    """A statement on every resource says on the same line why it can't be narrower."""
    lines = [f"{path.name}: {line.strip()}" for path in SOURCES for line in path.read_text().splitlines()]
    wild = [line for line in lines if re.search(r'Resource\s*=\s*(\[\s*)?"\*"', line)]
    assert wild
    assert [line for line in wild if "#" not in line] == []


def test_no_secret_passes_through_terraform():
    """No argument takes the value of a secret: Terraform makes empty secrets, and RDS keeps its own password."""
    found = [f"{path.name}: {match[0]}" for path in SOURCES for match in VALUES.finditer(path.read_text())]
    assert found == []
