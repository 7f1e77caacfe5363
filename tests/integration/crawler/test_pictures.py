"""Pictures that are compared, as a real browser makes them: what holds still, is hidden, painted over or cut to."""

from collections.abc import AsyncIterator, Callable
from io import BytesIO

import pytest
import pytest_asyncio
from PIL import Image

from support.crawling import crawl
from support.hostile import HostileSite, Page, Request, answer, hostile_site, page
from trapline_common.config.models import CrawlConfig
from trapline_common.domain.observation import Observation
from trapline_common.local.artifacts import DirectoryArtifacts
from trapline_crawler.visit.visitor import BrowserVisitor

pytestmark = pytest.mark.asyncio(loop_scope="module")

NewVisitor = Callable[..., BrowserVisitor]
GREY = (128, 128, 128)


def _gif() -> bytes:
    """Return a picture that is red and blue in turns, a tenth of a second each."""
    frames = [Image.new("RGB", (40, 40), colour) for colour in ((255, 0, 0), (0, 0, 255))]
    into = BytesIO()
    frames[0].save(into, "GIF", save_all=True, append_images=frames[1:], duration=100, loop=0)
    return into.getvalue()


async def _turns(request: Request) -> None:
    await answer(request, _gif(), kind="image/gif")


_ANIMATED = (
    "<style>@keyframes turn { to { transform: rotate(360deg); background: red } }"
    "@keyframes come { from { opacity: 0 } }"
    "#a { width: 80px; height: 80px; background: green; animation: turn 700ms linear infinite }"
    "#b { animation: come 900ms ease-out } #c { transition: margin 5s; margin-left: 0 }</style>"
    "<div id=a></div><p id=b>it comes</p><p id=c>it moves</p><img src=/turns.gif width=40 height=40>"
    "<svg width=100 height=40><rect width=20 height=20><animate attributeName=x from=0 to=80 dur=600ms"
    " repeatCount=indefinite /></rect></svg><marquee>news</marquee><input autofocus value=caret>"
    "<div id=d></div><script>c.style.marginLeft = '200px'; if (!matchMedia('(prefers-reduced-motion)').matches)"
    " setInterval(() => { d.textContent = Math.random() }, 20)</script>"
)
PAGES: dict[str, Page] = {
    "/turns.gif": _turns,
    "/animated": page(_ANIMATED),
    "/moves": page("<p id=p></p><script>setInterval(() => { p.textContent = Math.random() }, 1)</script>"),
    "/advert": page(
        "<div id=banner style='height: 60px; background: orange'>cookies?</div><p>text</p>"
        "<div class=ad style='height: 50px; width: 300px; background: red'><script>setInterval(() => {"
        "document.querySelector('.ad').style.background = `hsl(${Math.random() * 360} 90% 50%)` }, 1)</script></div>"
        "<p id=plans style='margin: 20px; width: 200px; height: 100px; background: rgb(0, 0, 255)'></p>",
        more="Content-Security-Policy: style-src-elem 'none'\r\n",
    ),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pages() -> AsyncIterator[HostileSite]:
    """The pages."""
    async with hostile_site(more=PAGES) as running:
        yield running


def _compared(**settings: object) -> CrawlConfig:
    still = {"quiet": 0.05, "at_most": 0.3}
    return crawl(
        **{
            "settle": still,
            "screenshot": "viewport",
            "viewport": {"width": 400, "height": 400},
            "visual": {},
            **settings,
        }
    )


async def _picture(store: DirectoryArtifacts, found: Observation) -> Image.Image:
    assert found.screenshot is not None, found
    picture = Image.open(BytesIO(await store.get(found.screenshot)))
    return picture.convert("RGB")


async def test_an_animated_page_is_the_same_twenty_times(new_visitor: NewVisitor, pages: HostileSite) -> None:
    """CSS, SVG and GIF animations, a transition, a marquee and a caret stand still: twenty visits, one picture."""
    visitor = new_visitor()
    found = [await visitor.visit(pages.origin + "/animated", _compared()) for _ in range(20)]
    assert {one.failure for one in found} == {None}
    assert {one.picture.unstable for one in found if one.picture is not None} == {False}
    assert len({one.screenshot for one in found}) == 1


async def test_a_page_that_moves_all_the_time_says_so(new_visitor: NewVisitor, pages: HostileSite) -> None:
    """Where no two shots in a row are equal, the picture is kept and marked."""
    found = await new_visitor().visit(pages.origin + "/moves", _compared())
    assert found.picture is not None
    assert found.picture.unstable
    assert found.screenshot is not None


async def test_ignored_and_hidden_elements(
    new_visitor: NewVisitor, pages: HostileSite, store: DirectoryArtifacts
) -> None:
    """An advert that changes all the time is grey paint at a place that is noted; a hidden banner takes no room."""
    visitor = new_visitor()
    config = _compared(visual={"ignore": [".ad"], "hide": ["#banner"], "watch": "#plans"})
    found = await visitor.visit(pages.origin + "/advert", config)
    assert found.picture is not None
    assert (found.picture.unstable, found.picture.problem) == (False, None)
    ((x, y, width, height),) = found.picture.ignored
    picture = await _picture(store, found)
    assert (width, height) == (300, 50)
    assert picture.crop((x, y, x + width, y + height)).getcolors() == [(300 * 50, GREY)]
    assert found.picture.watch is not None
    left, top, wide, high = found.picture.watch
    assert picture.crop((left, top, left + wide, top + high)).getcolors() == [(200 * 100, (0, 0, 255))]
    drawn = await visitor.visit(pages.origin + "/advert", _compared(visual={"ignore": [".ad"]}))
    assert drawn.picture is not None
    assert drawn.picture.ignored[0][1] >= y + 60
    assert found.text == drawn.text


async def test_a_screenshot_of_an_element(
    new_visitor: NewVisitor, pages: HostileSite, store: DirectoryArtifacts
) -> None:
    """The picture is the element; where nothing matches, it shows the window, and the visit says so."""
    visitor = new_visitor()
    for visual in (None, {}):
        found = await visitor.visit(
            pages.origin + "/advert", _compared(screenshot={"element": "#plans"}, visual=visual)
        )
        assert (await _picture(store, found)).getcolors() == [(200 * 100, (0, 0, 255))]
        assert found.note is None
        lost = await visitor.visit(pages.origin + "/advert", _compared(screenshot={"element": "#none"}, visual=visual))
        assert (await _picture(store, lost)).size == (400, 400)
        assert lost.note == "the picture shows the window: nothing that has a size matches #none"
        assert (lost.picture is None) == (visual is None)
        assert lost.picture is None or lost.picture.problem == lost.note


async def test_what_is_watched_and_is_not_there(new_visitor: NewVisitor, pages: HostileSite) -> None:
    """A picture without what ``visual.watch`` names can't be compared, and says why; the visit is good."""
    found = await new_visitor().visit(pages.origin + "/advert", _compared(visual={"watch": "#none"}))
    assert found.failure is None
    assert found.picture is not None
    assert found.picture.problem == "nothing that has a size matches `visual.watch`, #none"


async def test_a_picture_is_of_its_settings(new_visitor: NewVisitor, pages: HostileSite) -> None:
    """Another window, another element to hide: another baseline. Another ``tolerance``: the same one."""
    visitor = new_visitor()

    async def made(**settings: object) -> str:
        found = await visitor.visit(pages.origin + "/advert", _compared(**settings))
        assert found.picture is not None
        assert found.picture.browser.isdecimal()
        return found.picture.made

    first = await made(visual={"ignore": [".ad"]})
    assert first == await made(visual={"ignore": [".ad"], "tolerance": 0, "min_change": 9})
    assert first != await made(visual={"ignore": [".ad"], "hide": ["#banner"]})
    assert first != await made(visual={"ignore": [".ad"]}, viewport={"width": 500, "height": 400})


async def test_a_crawl_that_compares_nothing_notes_nothing(new_visitor: NewVisitor, pages: HostileSite) -> None:
    """Its picture is kept as it always was."""
    found = await new_visitor().visit(pages.origin + "/advert", _compared(visual=None))
    assert found.screenshot is not None
    assert found.picture is None
