import json
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor

import pytest

from tools.shell import ROOT

FILES = sorted(path.name for path in (ROOT / "terraform/tests").glob("*.tftest.hcl"))
MODULES = sorted(path.name for path in (ROOT / "terraform/modules").iterdir())
KEPT = {"main.tf", "variables.tf", "outputs.tf", "versions.tf", "README.md"}


@pytest.fixture(scope="session")
def reports(root):
    """The answer of `terraform test` for each of its files: the status of every run, and the errors.

    Two of them work side by side.
    """
    halves = [[f"-filter=tests/{file}" for file in FILES[start::2]] for start in range(2)]
    with ThreadPoolExecutor(max_workers=2) as pool:
        outputs = list(pool.map(lambda filters: root.run("test", "-json", *filters), halves))
    statuses, errors = defaultdict(dict), defaultdict(list)
    for line in "".join(done.stdout for done in outputs).splitlines():
        event = json.loads(line)
        name = event.get("@testfile", "").removeprefix("tests/")
        if event["type"] == "test_run" and event["test_run"].get("progress") == "complete":
            statuses[name][event["@testrun"]] = event["test_run"]["status"]
        if event["type"] == "diagnostic" and event["diagnostic"]["severity"] == "error":
            errors[name].append(f"{event['diagnostic']['summary']}: {event['diagnostic']['detail']}")
    assert statuses, "".join(done.stdout + done.stderr for done in outputs)
    return statuses, errors


def test_formatted(root):
    """Every file is formatted as `terraform fmt` does it."""
    assert root.must("fmt", "-check", "-recursive") == ""


def test_valid(root):
    """The root, and with it every module that it uses, is valid and warns of nothing."""
    answer = json.loads(root.run("validate", "-json").stdout)
    assert (answer["valid"], answer["diagnostics"]) == (True, [])


def test_every_environment_has_known_values(root):
    """The settings of each environment name variables that exist: Terraform itself would only warn."""
    declared = set((ROOT / "terraform/variables.tf").read_text().split('"'))
    for file in (ROOT / "terraform/envs").glob("*.tfvars"):
        names = {line.split("=")[0].strip() for line in file.read_text().splitlines() if line[:1].isalpha()}
        assert names <= declared, file.name


@pytest.mark.parametrize("file", FILES)
def test_terraform_test(file, reports):
    """Every run of Terraform's own test file passes, with the provider's schema and nothing asked of AWS."""
    statuses, errors = reports
    assert errors[file] == []
    assert statuses[file]
    assert set(statuses[file].values()) == {"pass"}


@pytest.mark.parametrize("module", MODULES)
def test_modules_are_alike_and_tested(module):
    """Every module has the same files, and a test file of its name that runs it alone."""
    folder = ROOT / "terraform/modules" / module
    assert {path.name for path in folder.iterdir()} >= KEPT
    assert f'source = "./modules/{module}"' in (ROOT / f"terraform/tests/{module}.tftest.hcl").read_text()
    assert (folder / "versions.tf").read_text() == (ROOT / "terraform/modules/function/versions.tf").read_text()
