"""The channels file."""

from pathlib import Path

import pytest

from trapline_common.domain.errors import InputRefusedError
from trapline_common.local.channels import parse_channels, read_channels
from trapline_common.local.secrets import LocalSecrets

SECRETS = LocalSecrets(
    {"TRAPLINE_SECRET_HOOK": "slack://tokenA/tokenB/tokenC", "TRAPLINE_SECRET_T": "s3cret"}, Path("none")
)


async def _parse(text: str) -> dict[str, str]:
    return await parse_channels(text, where="channels.yaml", secrets=SECRETS)


async def test_addresses_by_name_with_their_secrets(tmp_path: Path) -> None:
    """An address may be, or hold, a secret."""
    path = tmp_path / "channels.yaml"
    path.write_text("ops: ${secret:HOOK}\nteam: json://host/${secret:T}\n")
    assert await read_channels(path, SECRETS) == {"ops": "slack://tokenA/tokenB/tokenC", "team": "json://host/s3cret"}


async def test_no_file_and_an_empty_file_mean_no_channels(tmp_path: Path) -> None:
    """Without the file alerts go to the terminal alone."""
    assert await read_channels(tmp_path / "channels.yaml", SECRETS) == {}
    assert await _parse("# nothing yet\n") == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: json://x/\nops: nonsense\n", "channels.yaml:2: ops: the address must be a URL"),
        ("ops: json://${secret:NONE}/\n", "channels.yaml:1: ops: there is no secret 'NONE'"),
        ("ops: json://${secret:}/\n", "channels.yaml:1: ops: malformed secret reference"),
        ("ops: [json://x/]\n", "channels.yaml:1: ops: the address must be a URL"),
        ("'a b': json://x/\n", "channels.yaml:1: a b: a channel's name has"),
        ("- json://x/\n", "channels.yaml:1: must be a mapping"),
        ("a: json://x/\na: json://y/\n", "channels.yaml:2: a: stands twice; first on line 1"),
        ("a: json://x/\n? [b]\n: json://y/\n", "channels.yaml:2: a key must be plain text"),
        ("a: json://x/\n<<: {b: json://y/}\n", "channels.yaml:2: << merge keys are not read"),
        ("a: json://x/\nb: !!python/name:os.system x\n", "channels.yaml:2: b: the tag"),
        ("a: 'x\n", "channels.yaml:1: not valid YAML: while scanning a quoted scalar"),
        ("a: json://x/\nb: &x [*x]\n", "channels.yaml: not valid YAML: more than 200000 values"),
    ],
)
async def test_bad_files_are_refused_with_line_and_name(text: str, expected: str) -> None:
    """Each problem names the file, the line, the channel and the reason."""
    with pytest.raises(InputRefusedError) as caught:
        await _parse(text)
    assert str(caught.value).startswith(expected)


async def test_every_problem_is_named_and_no_address_is() -> None:
    """All lines with a problem are reported at once, without showing a token."""
    with pytest.raises(InputRefusedError) as caught:
        await _parse("a: tokenX\nb: tokenY ${secret:T}\n")
    assert len(str(caught.value).splitlines()) == 2
    assert "token" not in str(caught.value)
    assert "s3cret" not in str(caught.value)


async def test_a_file_that_is_not_utf_8_is_refused_with_its_line(tmp_path: Path) -> None:
    """A file that an editor saved in another encoding is refused with the line of the first byte that is wrong."""
    path = tmp_path / "channels.yaml"
    path.write_bytes("a: json://x/\nb: json://\xe4/\n".encode("latin-1"))
    with pytest.raises(InputRefusedError, match=r"channels\.yaml:2: not UTF-8"):
        await read_channels(path, SECRETS)


async def test_a_folder_in_its_place_is_refused(tmp_path: Path) -> None:
    """A file that can't be read is the user's to mend, and the error says so."""
    with pytest.raises(InputRefusedError, match="can't be read"):
        await read_channels(tmp_path, SECRETS)
