"""The profiles are data that was found out; these are the facts that must not be lost from it."""

import struct
import zlib

import pytest

from trapline_common.domain.errors import InputRefusedError
from trapline_crawler.browser.profiles import AUTO, CANDIDATES, FIXED, MACHINE, MULTI, SINGLE
from trapline_crawler.browser.self_test import first_pixel
from trapline_crawler.settings import Settings

ENVIRONMENT = {"DATABASE_URL": "postgresql:///x", "TRAPLINE_ARTIFACTS": "/tmp/a", "TRAPLINE_NUDGES": "postgres"}


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(*, depth: int = 8, kind: int = 2, row: bytes = b"\0\x0a\xa0\x28", parts: int = 1) -> bytes:
    packed = zlib.compress(row)
    size = -(-len(packed) // parts)
    body = b"".join(chunk(b"IDAT", packed[at : at + size]) for at in range(0, len(packed), size))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, depth, kind, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + body + chunk(b"IEND", b"")


def test_machine_adds_nothing():
    """On a machine of one's own the browser gets no switch of a profile, and keeps its sandbox."""
    assert MACHINE.switches == ()
    assert MACHINE.sandbox
    assert MACHINE.many_contexts


@pytest.mark.parametrize("profile", CANDIDATES, ids=lambda profile: profile.name)
def test_lambda_profiles_start_no_refused_process(profile):
    """Lambda's sandbox refuses a zygote and a GPU process: both are off in its profiles, and so is Chromium's own."""
    assert {"--no-zygote", "--in-process-gpu", "--disable-dev-shm-usage"} <= set(profile.switches)
    assert not profile.sandbox


def test_profiles_leave_features_alone():
    """No profile passes a list of features: the last list wins, and would replace the crawler's own."""
    switches = [switch for profile in FIXED.values() for switch in profile.switches]
    assert [switch for switch in switches if "features" in switch] == []


def test_many_processes_are_tried_first():
    """``multi`` goes first; the one-process profile is the fallback, and is known to hold one context only."""
    assert CANDIDATES == (MULTI, SINGLE)
    assert "--single-process" in SINGLE.switches
    assert not SINGLE.many_contexts


@pytest.mark.parametrize("value", [None, "", "machine", "multi", "single", AUTO])
def test_setting_names_a_profile(value):
    """The setting takes every profile and ``auto``; without it the browser runs as on any machine."""
    environ = ENVIRONMENT if value is None else ENVIRONMENT | {"TRAPLINE_BROWSER_PROFILE": value}
    assert Settings.read(environ).browser_profile == (value or "machine")


def test_unknown_profile_is_refused():
    """Another value is refused with those that exist."""
    with pytest.raises(InputRefusedError, match=r"'sngle'; it is one of auto, machine, multi, single"):
        Settings.read(ENVIRONMENT | {"TRAPLINE_BROWSER_PROFILE": "sngle"})


@pytest.mark.parametrize("filtered", range(5))
def test_first_pixel_is_read_under_every_filter(filtered):
    """The first pixel of a picture is read under each filter of its first row, and from pixels in several chunks."""
    assert first_pixel(png(row=bytes([filtered]) + b"\x0a\xa0\x28", parts=3)) == (10, 160, 40)
    assert first_pixel(png(kind=6, row=bytes([filtered]) + b"\x0a\xa0\x28\xff")) == (10, 160, 40)


@pytest.mark.parametrize(
    "data",
    [b"", b"\x89PNG\r\n\x1a\n", b"GIF89a" + b"x" * 40, png(depth=16), png(kind=3), png(row=b"\0\x0a"), png()[:45]],
    ids=["empty", "signature only", "another kind", "16 bits", "palette", "half a pixel", "cut off"],
)
def test_what_is_no_picture_has_no_pixel(data):
    """Bytes that are no true-colour PNG, or are cut off, give no pixel and no error."""
    assert first_pixel(data) is None
