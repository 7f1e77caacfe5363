import sys

from tools.workspace.packages import Package
from tools.workspace.venv import STAMP, Environment, is_foreign

PACKAGE = Package(name="one", folder="one", module="one")


def workspace(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "one/pyproject.toml").write_text("[project]\n")
    (tmp_path / "lock.txt").write_text("a==1\n")
    (tmp_path / "env/bin").mkdir(parents=True)
    (tmp_path / "env/bin/python").write_text("")
    return Environment(root=tmp_path, name="env", lock="lock.txt", packages=(PACKAGE,))


def test_ready_only_with_the_stamp_of_its_inputs(tmp_path):
    """An environment counts as made only when its stamp matches the lock and the packages' pyproject files."""
    environment = workspace(tmp_path)
    assert not environment.is_ready()
    (environment.path / STAMP).write_text(environment.digest())
    assert environment.is_ready()
    (tmp_path / "lock.txt").write_text("a==2\n")
    assert not environment.is_ready()
    (environment.path / STAMP).write_text(environment.digest())
    (tmp_path / "one/pyproject.toml").write_text("[project]\nname='one'\n")
    assert not environment.is_ready()


def test_moved_environment_is_not_ready(tmp_path):
    """A virtual environment does not survive a move, so a copied stamp is worth nothing elsewhere."""
    first = tmp_path / "first"
    first.mkdir()
    environment = workspace(first)
    (environment.path / STAMP).write_text(environment.digest())
    first.rename(tmp_path / "second")
    moved = Environment(root=tmp_path / "second", name="env", lock="lock.txt", packages=(PACKAGE,))
    assert not moved.is_ready()


def test_environment_of_another_python_is_foreign(tmp_path):
    """An environment of another minor version is cleared, one of this version is kept."""
    settings = tmp_path / "pyvenv.cfg"
    assert not is_foreign(tmp_path)
    settings.write_text("home = /usr/bin\nversion = 3.9.1\n")
    assert is_foreign(tmp_path)
    settings.write_text(f"home = /usr/bin\nversion = {sys.version.split()[0]}\n")
    assert not is_foreign(tmp_path)


def test_environment_of_another_tool_is_foreign(tmp_path):
    """An environment that uv made, of this very version, is cleared: it has no pip."""
    settings = tmp_path / "pyvenv.cfg"
    settings.write_text(f"home = /usr/bin\nuv = 0.9.0\nversion_info = {sys.version.split()[0]}\n")
    assert is_foreign(tmp_path)
