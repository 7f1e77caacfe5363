"""Which certificate authorities the environment names."""

import os
from pathlib import Path

import pytest

from support.own_authority import Authority
from trapline_common.domain.errors import InputRefusedError
from trapline_common.egress.certificates import CA_CERTIFICATES, certificates_from_env, trusting
from trapline_common.egress.settings import gate_from_env

ONE, TWO = Authority.made("one"), Authority.made("two")


def test_files_and_text(tmp_path: Path) -> None:
    """Files of one or more certificates, with text around them; or the text itself, as on AWS; or nothing."""
    first, second = tmp_path / "first.pem", tmp_path / "second.pem"
    first.write_text(f"# ours\n{ONE.pem}\n{TWO.pem}")
    second.write_text(TWO.pem)
    assert certificates_from_env({CA_CERTIFICATES: str(first)}) == (ONE.der, TWO.der)
    assert certificates_from_env({CA_CERTIFICATES: f"{second}{os.pathsep}{first}"}) == (TWO.der, ONE.der, TWO.der)
    assert certificates_from_env({CA_CERTIFICATES: ONE.pem}) == (ONE.der,)
    assert certificates_from_env({CA_CERTIFICATES: " "}) == certificates_from_env({}) == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "No such file"),
        ("", "no certificate in it"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "can't be read"),
        ("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n", "can't be read"),
        (f"{ONE.pem}\n-----BEGIN PRIVATE KEY-----\n", "holds a private key"),
    ],
)
def test_what_is_wrong_is_refused(tmp_path: Path, text: str | None, words: str) -> None:
    """With the variable's name and the file's, before anything is visited."""
    file = tmp_path / "ca.pem"
    if text is not None:
        file.write_text(text)
    with pytest.raises(InputRefusedError, match=rf"{CA_CERTIFICATES}: .*ca.pem: .*{words}"):
        gate_from_env({CA_CERTIFICATES: str(file)})


def test_the_public_authorities_stay_trusted() -> None:
    """Ours are added to them, and to a context of its own."""
    context = trusting((ONE.der,))
    assert context is not None
    assert len(context.get_ca_certs()) > 100
    assert ONE.der in context.get_ca_certs(binary_form=True)
    assert trusting(()) is None
