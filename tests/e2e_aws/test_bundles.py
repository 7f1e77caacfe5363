"""The real builds of the zips, from the hashed locks; they need the package index."""

import os
import subprocess
import sys
import zipfile

from tools.deploy.bundle import CA_NAME, TARGETS, THIS_MACHINE, build


def test_a_service_built_twice_is_the_same_and_imports_alone(tmp_path):
    """The real build, for this machine: equal bytes, and its handler loads from the unpacked zip and nothing else."""
    first, second = (build("notifier", THIS_MACHINE, destination=tmp_path / name) for name in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as archive:
        archive.extractall(tmp_path / "code")
    handlers = "import trapline_notifier.handler, trapline_notifier.relay; print(trapline_notifier.__file__)"
    environ = {"PYTHONPATH": str(tmp_path / "code"), "PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1"}
    # -S: none of this environment's own packages
    done = subprocess.run(
        [sys.executable, "-S", "-c", handlers], env=environ, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(str(tmp_path))


def test_a_zip_for_lambda_holds_lambdas_binaries(tmp_path):
    """On any build machine the compiled modules are for Python 3.13 on the processor that was asked for."""
    (tmp_path / "ca.pem").write_text("certificates")
    path = build("dispatcher", TARGETS["arm64"], destination=tmp_path, ca=tmp_path / "ca.pem")
    with zipfile.ZipFile(path) as archive:
        compiled = [name for name in archive.namelist() if name.endswith(".so")]
        assert archive.read(CA_NAME) == b"certificates"
    assert compiled
    assert all("cpython-313-aarch64-linux-gnu" in name or ".abi3." in name for name in compiled)
