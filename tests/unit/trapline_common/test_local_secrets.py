"""Secrets of one machine."""

from pathlib import Path

import pytest

from trapline_common.domain.errors import SecretUnreadableError
from trapline_common.local.secrets import LocalSecrets


async def test_the_environment_comes_before_the_file(tmp_path: Path) -> None:
    """A variable wins over a file; without one the file counts, less its line end."""
    (tmp_path / "site-login").write_text("from file \r\n")
    name = "site-login"
    assert await LocalSecrets({"TRAPLINE_SECRET_SITE_LOGIN": "from env"}, tmp_path).resolve(name) == "from env"
    assert await LocalSecrets({}, tmp_path).resolve(name) == "from file "
    assert await LocalSecrets({"TRAPLINE_SECRET_SITE_LOGIN": ""}, tmp_path).resolve(name) == ""


async def test_a_name_may_have_folders(tmp_path: Path) -> None:
    """A name with slashes, as in Secrets Manager, is a file in folders."""
    (tmp_path / "prod").mkdir()
    (tmp_path / "prod" / "token").write_text("t")
    assert await LocalSecrets({}, tmp_path).resolve("prod/token") == "t"


@pytest.mark.parametrize("name", ["missing", "../outside", "a/../../outside", "/etc/hostname", ".", "folder", "binary"])
async def test_there_is_no_such_secret(tmp_path: Path, name: str) -> None:
    """A missing file, a folder, what is no text, and every name that leads out of the folder: none is a secret."""
    folder = tmp_path / "secrets"
    (folder / "folder").mkdir(parents=True)
    (folder / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "outside").write_text("no")
    with pytest.raises(KeyError):
        await LocalSecrets({}, folder).resolve(name)


async def test_a_secret_that_can_not_be_read_is_not_missing(tmp_path: Path) -> None:
    """A file that is no text, or may not be read, is told apart from one that is not there."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for name, reason in (
        ("binary", "its file is not UTF-8"),
        ("folder", "its file can't be read: Is a directory"),
        ("loop", "its file can't be read: Too many levels of symbolic links"),
    ):
        with pytest.raises(SecretUnreadableError) as caught:
            await LocalSecrets({}, tmp_path).resolve(name)
        assert caught.value.reason == reason
    with pytest.raises(KeyError) as missing:
        await LocalSecrets({}, tmp_path).resolve("binary/below")
    assert not isinstance(missing.value, SecretUnreadableError)
