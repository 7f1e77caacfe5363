"""The zips for Lambda: what is in them, and that they are the same bytes every time."""

import ast
import os
import zipfile
from pathlib import Path

import pytest

from tools.deploy import bundle
from tools.deploy.bundle import AWS_APIS, TARGETS, build, is_wanted, pack
from tools.deploy.source_digest import is_source
from tools.shell import ROOT, ToolError
from tools.workspace.packages import PACKAGES

SOURCE = [ROOT / package.folder / "src" for package in PACKAGES]


def files(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def test_the_same_files_make_the_same_bytes(tmp_path):
    """Neither the order in which files were written, nor their times, nor the builder's umask is in a zip."""
    first, second = tmp_path / "first", tmp_path / "second"
    files(first, "a.py", "b/c.py")
    files(second, "b/c.py", "a.py")
    os.utime(second / "a.py", (1_000_000_000, 1_000_000_000))
    (second / "a.py").chmod(0o600)
    for folder in (first, second):
        pack(folder, folder.with_suffix(".zip"))
    assert (tmp_path / "first.zip").read_bytes() == (tmp_path / "second.zip").read_bytes()


def test_a_program_stays_one(tmp_path):
    """Playwright's driver keeps its right to run; a module gets none."""
    files(tmp_path / "code", "module.py", "driver/node")
    (tmp_path / "code/driver/node").chmod(0o700)
    pack(tmp_path / "code", tmp_path / "made.zip")
    with zipfile.ZipFile(tmp_path / "made.zip") as archive:
        modes = {entry.filename: oct(entry.external_attr >> 16) for entry in archive.infolist()}
    assert modes == {"driver/node": "0o100755", "module.py": "0o100644"}


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("boto3/client.py", True),
        ("botocore/data/s3/2006-03-01/service-2.json.gz", True),
        ("botocore/data/ec2/2016-11-15/service-2.json.gz", False),
        ("botocore/data/endpoints.json", True),
        ("x-1.dist-info/METADATA", True),
        ("x-1.dist-info/RECORD", False),
        ("x-1.dist-info/direct_url.json", False),
        ("bin/x", False),
        ("x/__pycache__/y.cpython-313.pyc", False),
    ],
)
def test_only_what_code_reads_is_packed(name, wanted):
    """An installer's files about this machine stay out, and so do the descriptions of services that no code calls."""
    assert is_wanted(Path(name)) is wanted


def test_every_aws_service_that_the_code_calls_is_packed():
    """A client of a service without its description would fail only on Lambda, so the sources are searched here."""
    sources = (file.read_text() for folder in SOURCE for file in folder.rglob("*.py"))
    called = {
        node.args[0].value
        for source in sources
        if "client" in source  # to parse the others takes most of the time, and they can't hold the call
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "client"
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }
    assert called
    assert called <= AWS_APIS


def test_byte_code_does_not_make_a_build_stale():
    """Running the tests writes byte code next to the sources; that is no change of theirs."""
    assert not is_source(Path(__file__).parent)
    assert is_source(ROOT / "libs/common/pyproject.toml")


def test_a_zip_for_lambda_needs_the_certificates_of_its_database(tmp_path):
    """Nothing is built that could reach the database unverified; the message says what to do."""
    with pytest.raises(ToolError, match="TRAPLINE_RDS_CA=/path"):
        build("dispatcher", TARGETS["x86_64"], destination=tmp_path, ca=tmp_path / "missing.pem")


def test_a_build_that_is_cut_off_is_built_again(tmp_path, monkeypatch):
    """What lies there after a kill is of other sources, or half a file: no stamp of an earlier build speaks for it."""
    sources, built = "first", []

    def make(service, target, *, destination, ca):
        built.append(sources)
        (destination / f"{service}-{target.name}.zip").write_text(sources)
        if sources == "cut off":
            raise KeyboardInterrupt

    monkeypatch.setattr(bundle, "build", make)
    monkeypatch.setattr(bundle, "source_digest", lambda *_, **__: sources)
    bundle.ensure("notifier", bundle.THIS_MACHINE, destination=tmp_path)
    bundle.ensure("notifier", bundle.THIS_MACHINE, destination=tmp_path)
    sources = "cut off"
    with pytest.raises(KeyboardInterrupt):
        bundle.ensure("notifier", bundle.THIS_MACHINE, destination=tmp_path)
    sources = "first"
    assert bundle.ensure("notifier", bundle.THIS_MACHINE, destination=tmp_path).read_text() == "first"
    assert built == ["first", "cut off", "first"]
