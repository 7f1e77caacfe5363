import pytest

from tools.shell import ToolError
from tools.workspace.supported_platform import SUPPORTED, Platform, refuse_unsupported

LINUX = Platform("Linux", "x86_64", "glibc")
MAC = Platform("Darwin", "arm64", "")


@pytest.mark.parametrize("machine", [LINUX, LINUX._replace(processor="aarch64"), MAC], ids=lambda one: one.processor)
def test_a_supported_machine_is_taken(machine):
    """Linux with glibc on both processors that the locks have wheels for, and Apple silicon."""
    refuse_unsupported(machine)


@pytest.mark.parametrize(
    ("machine", "reason"),
    [
        (Platform("Windows", "AMD64", ""), "Windows on AMD64.*WSL 2"),
        (LINUX._replace(processor="riscv64"), "Linux on riscv64.*no wheels for this processor"),
        (LINUX._replace(c_library=""), "a C library other than glibc"),
        (MAC._replace(processor="x86_64"), "no wheels for Intel Macs"),
        (LINUX._replace(system="FreeBSD"), "FreeBSD"),
    ],
    ids=["Windows", "another processor", "musl", "Intel Mac", "another system"],
)
def test_another_machine_is_refused_in_words(machine, reason):
    """One line says what is not supported, why, and what is."""
    with pytest.raises(ToolError, match=reason) as refused:
        refuse_unsupported(machine)
    assert str(refused.value).endswith(SUPPORTED)
    assert "\n" not in str(refused.value)


def test_an_old_python_is_refused_with_the_one_that_is_needed():
    """The version at hand and the oldest that works are in the message."""
    with pytest.raises(ToolError, match=r"Python 3\.11 or newer is needed; this is 3\.9\.1"):
        refuse_unsupported(LINUX, python=(3, 9, 1))


def test_the_machine_that_runs_the_tests_is_supported():
    """What setup reads of this machine is one of the supported."""
    refuse_unsupported()
