"""The record of releases, and versions."""

import json
import shutil

import pytest

from tools.deploy.bump_version import bump
from tools.deploy.releases import Release, load, store, unversioned
from tools.deploy.services import VERSIONED
from tools.shell import ROOT, ToolError
from tools.workspace.packages import Package

PACKAGE = Package(name="p", folder="p", module="p")
ZIP = Release(version="0.1.0", key="packages/notifier/a.zip", sha256="YQ==", runtime="python3.13", schema=3)


def test_a_record_comes_back_as_it_was_written(tmp_path):
    """Every record is read again as it was written, and no empty value is written for Terraform to stumble over."""
    image = Release(version="0.2.0", digest=f"sha256:{'a' * 64}", source="b", schema=3)
    path = tmp_path / "dev.releases.tfvars.json"
    assert load(path) == {}
    store(path, {"notifier": ZIP, "crawler": image})
    assert load(path) == {"crawler": image, "notifier": ZIP}
    assert json.loads(path.read_text())["releases"]["crawler"].keys() == {"version", "digest", "source", "schema"}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("text", ["", "[]", '{"releases": {"crawler": {"no": 1}}}', '{"releases": []}', "{}"])
def test_a_broken_record_is_refused(tmp_path, text):
    """A record that a merge broke is named with what restores it, and never taken for an empty one."""
    (tmp_path / "dev.releases.tfvars.json").write_text(text)
    with pytest.raises(ToolError, match="restore it with git"):
        load(tmp_path / "dev.releases.tfvars.json")


def test_a_changed_content_needs_a_version_of_its_own():
    """Another content under the same version is found; the same content, or another version, is fine."""
    changed = Release(version="0.1.0", key="packages/notifier/c.zip", sha256="Yw==")
    newer = Release(version="0.1.1", key="packages/notifier/c.zip", sha256="Yw==")
    assert unversioned({"notifier": ZIP}, {"notifier": changed}) == ["notifier"]
    assert unversioned({"notifier": ZIP}, {"notifier": newer}) == []
    assert unversioned({"notifier": ZIP}, {"notifier": ZIP}) == []
    assert unversioned({}, {"notifier": ZIP}) == []


def test_an_image_is_judged_by_what_it_was_built_from():
    """An image that was built again has another digest and is still the same version."""
    first = Release(version="0.1.0", digest="sha256:a", source="x")
    assert unversioned({"crawler": first}, {"crawler": Release(version="0.1.0", digest="sha256:b", source="x")}) == []
    assert unversioned({"crawler": first}, {"crawler": Release(version="0.1.0", source="y")}) == ["crawler"]


@pytest.fixture
def package(tmp_path):
    """A package with something new in its CHANGELOG."""
    (tmp_path / "p").mkdir()
    (tmp_path / "p/pyproject.toml").write_text('[project]\nname = "p"\nversion = "0.1.0"\n\n[x]\nminimum = "0.1.0"\n')
    (tmp_path / "p/CHANGELOG.md").write_text("# Changelog of p\n\n## Unreleased\n\n- New.\n\n## 0.1.0\n\nFirst.\n")
    return tmp_path


def test_a_version_turns_what_is_unreleased_into_itself(package):
    """The pyproject file has the new version, nothing else in it changed, and the CHANGELOG says what it brings."""
    assert bump(PACKAGE, "minor", root=package) == ("0.1.0", "0.2.0")
    pyproject = (package / "p/pyproject.toml").read_text()
    assert pyproject == '[project]\nname = "p"\nversion = "0.2.0"\n\n[x]\nminimum = "0.1.0"\n'
    assert "## 0.2.0\n\n- New.\n\n## 0.1.0" in (package / "p/CHANGELOG.md").read_text()


@pytest.mark.parametrize(
    "changes",
    ["# Changelog\n\n## 0.1.0\n\nFirst.\n", "# Changelog\n\n## Unreleased\n\n## 0.1.0\n"],
    ids=["none", "empty"],
)
def test_a_version_without_news_is_refused(package, changes):
    """A version that brings nothing the CHANGELOG knows of is refused, and no file is touched."""
    (package / "p/CHANGELOG.md").write_text(changes)
    before = (package / "p/pyproject.toml").read_text()
    with pytest.raises(ToolError, match="## Unreleased"):
        bump(PACKAGE, "patch", root=package)
    assert (package / "p/pyproject.toml").read_text() == before


@pytest.mark.parametrize("part", ["", "huge"])
def test_an_unknown_bump_is_refused_with_the_valid_ones(package, part):
    """A missing or wrong BUMP names the three."""
    with pytest.raises(ToolError, match="major, minor"):
        bump(PACKAGE, part, root=package)


@pytest.mark.parametrize(("part", "new"), [("major", "2.0.0"), ("minor", "1.3.0"), ("patch", "1.2.4")])
def test_the_next_version(package, part, new):
    """A raised number takes those after it to nought."""
    pyproject = package / "p/pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace('version = "0.1.0"', 'version = "1.2.3"'))
    assert bump(PACKAGE, part, root=package) == ("1.2.3", new)


@pytest.mark.parametrize("one", VERSIONED.values(), ids=lambda one: one.name)
def test_every_package_can_be_versioned(one, tmp_path):
    """The tool that raises versions takes each pyproject file of the workspace."""
    shutil.copytree(ROOT / one.folder, tmp_path / one.folder, ignore=shutil.ignore_patterns("src"))
    (tmp_path / one.folder / "CHANGELOG.md").write_text("## Unreleased\n\n- New.\n")
    old, new = bump(one, "major", root=tmp_path)
    assert (old, new) == (one.version, f"{int(one.version.partition('.')[0]) + 1}.0.0")
