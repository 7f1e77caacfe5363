"""The lock of the AWS provider: one version, for every platform, and the one that this machine has is in it."""

import os
import re
import subprocess

from tools.shell import ROOT
from tools.terraform import binary as terraform

TEXT = (ROOT / "terraform" / terraform.LOCK).read_text()
PLATFORMS = 15
"""Zip files of a release of the provider: HashiCorp publishes it for so many platforms."""


def test_the_lock_is_for_every_platform_and_names_no_place():
    """One provider of the registry, in the version that is tested, with the hash of each platform's zip file."""
    assert re.findall(r'provider "([^"]+)"', TEXT) == [str(terraform.PROVIDER)]
    assert re.findall(r'version += "([^"]+)"', TEXT)[0].startswith(terraform.VERSIONS)
    assert len(set(re.findall(r'"zh:[0-9a-f]{64}"', TEXT))) == PLATFORMS
    assert len(set(re.findall(r'"h1:[A-Za-z0-9+/]{43}="', TEXT))) >= 2
    known = re.compile(
        r'(#.*|provider "[^"]+" \{|  (version|constraints) += "[^"/]+"|  hashes = \[|    "(zh|h1):\S+",|  \]|\})?'
    )
    assert [line for line in TEXT.splitlines() if not known.fullmatch(line)] == []


def test_this_machines_provider_is_the_locked_one(terraform_binary, tmp_path):
    """Terraform's own check of what it installs, and the lock is not written; a provider of other bytes is refused."""
    (tmp_path / "versions.tf").write_text((ROOT / "terraform/versions.tf").read_text())
    (tmp_path / terraform.LOCK).write_text(TEXT)

    def init():
        command = terraform.init_command(terraform_binary, tmp_path, environ=os.environ, options=["-backend=false"])
        environ = terraform.environment(os.environ, data=tmp_path / "data")
        return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)

    command = terraform.init_command("terraform", tmp_path, environ={})
    assert "-lockfile=readonly" in command
    assert "-lockfile=readonly" not in terraform.init_command("terraform", tmp_path / "data", environ={})
    done = init()
    assert done.returncode == 0, done.stderr
    assert "not updated" not in done.stdout + done.stderr
    assert (tmp_path / terraform.LOCK).read_text() == TEXT
    (tmp_path / terraform.LOCK).write_text(re.sub(r'"h1:[^"]+"', f'"h1:{"A" * 43}="', TEXT))
    assert "checksums" in init().stderr
