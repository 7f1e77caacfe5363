"""Small pictures of lists: of what the ledger names alone, made once, by a process that a hostile picture can't use."""

import asyncio
import sys
import time
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from support.pictures import bomb, noise, page, png
from support.web_ledger import digest
from support.web_stage import Stage
from support.web_view import Served
from trapline_common.domain.errors import TransientError
from trapline_web.thumbnails import maker as module
from trapline_web.thumbnails.child import HEIGHT, LENGTH, MOST_BYTES, MOST_PIXELS, WIDTH
from trapline_web.thumbnails.kept import Thumbnails
from trapline_web.thumbnails.maker import ThumbnailMaker


class Store:
    """Keeps the ``Pictures`` port over a mapping, and counts what is read."""

    def __init__(self, **pictures: bytes) -> None:
        self.pictures = pictures
        self.named = set(pictures)
        self.reads: list[str] = []

    async def read(self, key: str) -> bytes:
        """Return a picture."""
        if key not in self.named:
            raise KeyError(key)
        self.reads.append(key)
        return self.pictures[key]

    async def is_named(self, key: str) -> bool:
        """Look."""
        return key in self.named


async def made(picture: bytes) -> bytes | None:
    """Make one small picture."""
    maker = ThumbnailMaker()
    try:
        return await maker.make(picture)
    finally:
        await maker.close()


def opened(data: bytes | None) -> Image.Image:
    """Decode a small picture."""
    assert data is not None
    return Image.open(BytesIO(data), formats=["WEBP"])


async def test_lists_show_small_pictures(view: Served, shop: Stage) -> None:
    """Overview, changes, failures and a run name small pictures, and each is a WebP of some kilobytes."""
    for path in ("/", "/changes", f"/runs/{shop.seeded.last['products']}"):
        text = (await view.get(path)).text
        assert '<img src="/thumbnails/' in text, path
        assert '<img src="/pictures/' not in text, path
    whole = await view.get(f"/pictures/{shop.seeded.keys[0]}")
    reply = await view.get(f"/thumbnails/{shop.seeded.keys[0]}")
    assert reply.status == 200
    assert reply.headers["content-type"] == "image/webp"
    assert reply.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert reply.headers["cache-control"] == whole.headers["cache-control"] == "private, max-age=86400, immutable"
    assert opened(reply.body).size == (WIDTH, HEIGHT)


async def test_who_may_not_see_the_picture_sees_no_small_one(
    view: Served, bad_view: Served, shop: Stage, bad: Stage
) -> None:
    """Without the cookie, of a key that the ledger does not name, of no picture, and of a picture that is none."""
    data = png(page(300))
    unnamed = f"{digest(data)[:2]}/{digest(data)}.png"
    (shop.artifacts / unnamed).parent.mkdir(exist_ok=True)
    (shop.artifacts / unnamed).write_bytes(data)
    assert (await view.get(f"/thumbnails/{shop.seeded.keys[0]}", entered=False)).status == 401
    assert (await view.get(f"/thumbnails/{unnamed}")).status == 404
    assert (await view.get(f"/thumbnails/{shop.seeded.html}")).status == 404
    assert (await bad_view.get(f"/thumbnails/{bad.seeded.keys[-1]}")).status == 404


async def test_a_small_picture_is_made_once_and_only_while_the_ledger_names_it() -> None:
    """Asked for by many at once it is made once; when retention took the picture, what is kept is not given either."""
    store = Store(a=png(page(400)), broken=b"\x89PNG\r\n\x1a\n")
    thumbnails = Thumbnails(store)
    try:
        found = await asyncio.gather(*(thumbnails.read("a") for _ in range(5)))
        assert len({id(each) for each in found}) == 1
        reads = len(store.reads)
        assert await thumbnails.read("a") == found[0]
        for _ in range(2):
            with pytest.raises(KeyError):
                await thumbnails.read("broken")
        assert store.reads[reads:] == ["broken"]
        store.named.discard("a")
        with pytest.raises(KeyError):
            await thumbnails.read("a")
    finally:
        await thumbnails.close()


async def test_what_is_kept_has_a_bound() -> None:
    """The one that was not asked for longest goes."""
    store = Store(**{name: png(page(400, seed=number)) for number, name in enumerate("abc")})
    one = await made(store.pictures["a"])
    assert one is not None
    thumbnails = Thumbnails(store, kept_bytes=int(2.7 * (len(one) + 300)))
    try:
        for name in "abacab":
            await thumbnails.read(name)
    finally:
        await thumbnails.close()
    assert store.reads == ["a", "b", "c", "b"]


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1280, 800), (360, 225)),
        ((1280, 9_000), (360, 225)),
        ((1200, 60), (360, 60)),
        ((60, 40), (60, 40)),
        ((90, 2_000), (90, 225)),
    ],
)
async def test_a_small_picture_shows_the_top(size: tuple[int, int], expected: tuple[int, int]) -> None:
    """A tall page is cut, a wide banner shows its middle, and what is small already stays as it is."""
    picture = page(size[1], width=size[0])
    picture.paste((200, 0, 0), (0, 0, size[0], min(size[1], 30)))
    found = opened(await made(png(picture)))
    assert found.size == expected
    red, green, _ = found.convert("RGB").getpixel((expected[0] // 2, 1))  # type: ignore[misc]
    assert red > 150
    assert green < 60


async def test_nothing_of_a_page_but_its_pixels_is_kept() -> None:
    """Neither a profile nor a comment of the picture comes along, and the noisiest picture stays small."""
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "hostile")
    into = BytesIO()
    noise(225, width=360).save(into, "PNG", pnginfo=info, icc_profile=b"hostile" * 100)
    found = await made(into.getvalue())
    assert found is not None
    assert b"hostile" not in found
    assert b"ICCP" not in found
    assert len(found) < MOST_BYTES


HOSTILE = {
    "a bomb": bomb(30_000, 30_000),
    "one pixel too many": bomb(MOST_PIXELS // 100 + 1, 100),
    "cut off": png(page(400))[:2_000],
    "no png": b"GIF89a" + b"x" * 100,
    "a claim": b"\x89PNG\r\n\x1a\n" + b"\x00\x00\x00\rIHDR" + b"\xff" * 17,
    "nothing": b"",
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_picture_of_which_none_can_be_made(name: str) -> None:
    """Bombs, stumps and other kinds give none, in little time, and the next picture is made all the same."""
    maker = ThumbnailMaker()
    try:
        started = time.process_time()
        assert await maker.make(HOSTILE[name]) is None
        assert time.process_time() - started < 0.5
        assert opened(await maker.make(png(page(300)))).size == (360, 225)
    finally:
        await maker.close()


ESCAPES = {
    "memory": "bytes(child.MEMORY)",
    "processor time": "spin()",
    "time": "time.sleep(600)",
    "files": "write(sys.argv[1])",
    "the answers": "os.write(1, b'forged')",
    "the questions": "os.read(0, 1)",
    "a longer answer": "bytes(child.MOST_BYTES + 1)",
    "an error": "1 // 0",
}
TAKEN_OVER = """
import os, sys, time
from trapline_web.thumbnails import child
child.SECONDS, child.WALL_SECONDS = 1, 3
def spin():
    while True: pass
def write(path):
    with open(path, 'wb') as file: file.write(b'x')
def taken_over(_):
    return {escape} or b'escaped'
child.small = taken_over
assert child._forked(b'') == b''
"""


@pytest.mark.parametrize("name", ESCAPES)
async def test_a_picture_that_takes_its_process_over_gets_nowhere(name: str, tmp_path: Path) -> None:
    """No memory, no time, no file, and neither the next question nor the next answer: the system ends it."""
    file = tmp_path / "written"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", TAKEN_OVER.format(escape=ESCAPES[name]), str(file)), stdin=-3, stdout=-1, stderr=-1
    )
    out, err = await asyncio.wait_for(process.communicate(), 30)
    assert (process.returncode, out) == (0, b""), err.decode()
    assert not file.exists() or file.read_bytes() == b""


ANSWERS = {
    "ends": "pass",
    "says too much": "sys.stdout.buffer.write(b'\\xff' * 8)",
    "says half": "sys.stdout.buffer.write(b'\\x00\\x00\\x00\\x10half')",
    "is no picture": "sys.stdout.buffer.write(b'\\x00\\x00\\x00\\x0f<svg onload=x/>')",
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_what_the_process_answers_is_believed_by_nobody(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """What is no WebP of its length is none; what can't be read is an error, and a new process follows."""

    async def started() -> asyncio.subprocess.Process:
        code = f"import sys; sys.stdin.buffer.read({LENGTH.size + 3}); {ANSWERS[name]}"
        return await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, stdin=-1, stdout=-1, stderr=-3, start_new_session=True
        )

    maker = ThumbnailMaker()
    with monkeypatch.context() as patched:
        patched.setattr(module, "_started", started)
        if name == "is no picture":
            assert await maker.make(b"abc") is None
        else:
            with pytest.raises(TransientError):
                await maker.make(b"abc")
    assert opened(await maker.make(png(page(300)))).size == (360, 225)
    await maker.close()


async def test_the_process_ends_when_nobody_asks() -> None:
    """After a while without a question there is no process; the next question starts one."""
    maker = ThumbnailMaker(idle=0.05)
    assert await maker.make(png(page(300))) is not None
    process = maker._process
    assert process is not None
    await asyncio.wait_for(process.wait(), 10)
    assert await maker.make(png(page(300))) is not None
    await maker.close()
