"""Pictures of pages over runs, compared by the real process in a real ledger; only the visits are scripted."""

import json
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from support.crawler_stage import Stage
from support.crawling import LIMITS, KnownSecrets, new_browser
from support.hostile import Request, answer, hostile_site
from support.ledger import urls
from support.pictures import bomb, noise, page, png, with_box, with_rows
from support.visitor import bad, good
from trapline_common.config.models import CrawlConfig
from trapline_common.domain.ids import PageId
from trapline_common.domain.observation import Observation
from trapline_common.domain.picture import Picture
from trapline_common.ledger.artifacts import deletable
from trapline_common.ledger.pictures import accept_picture
from trapline_common.local.artifacts import DirectoryArtifacts
from trapline_crawler.visit.visitor import BrowserVisitor

URL = urls(1)[0]
OLD = page()
BANNER = with_rows(OLD, 0, noise(48))
PRICE = with_box(OLD, (30, 400, 40, 12))
SALE = with_box(OLD, (30, 800, 40, 12), (20, 120, 20))
FACTS = Picture(width=640, height=1200, scale=1.0, browser="141", made="settings")


class Page:
    """One page whose picture a test sets before each run."""

    def __init__(self, stage: Stage, **settings: Any) -> None:
        self.stage = stage
        self.crawl = CrawlConfig.model_validate(
            {"name": "docs", "urls": [URL], "screenshot": "full_page", "visual": {}, **settings}
        )

    async def shows(self, picture: Image.Image | bytes, *, text: str = "hello", **facts: Any) -> dict[str, Any]:
        """Run the crawl on a page that looks so; return what the ledger says of its picture."""
        data = picture if isinstance(picture, bytes) else png(picture)
        size = {} if isinstance(picture, bytes) else {"width": picture.width, "height": picture.height}
        key = await DirectoryArtifacts(self.stage.artifacts).put(data, suffix=".png")
        noted = replace(FACTS, **{**size, **facts})
        return await self.has(replace(good(URL, text), screenshot=key, picture=noted))

    async def has(self, observation: Observation) -> dict[str, Any]:
        """Run the crawl with this visit."""
        self.stage.visitor.script(URL, observation)
        await self.stage.open([URL], crawl=self.crawl)
        await self.stage.live()
        ((visual,),) = await self.stage.rows("SELECT visual FROM trapline.observation ORDER BY id DESC LIMIT 1")
        return {} if visual is None else dict(json.loads(visual))

    async def outcomes(self, *pictures: Image.Image) -> list[str]:
        """Run the crawl once for each picture; return what each was."""
        return [(await self.shows(picture))["outcome"] for picture in pictures]

    async def baseline(self) -> str | None:
        """Return the key of the page's picture baseline."""
        ((key,),) = await self.stage.rows("SELECT visual_key FROM trapline.page")
        return str(key) if key is not None else None


async def test_a_banner_is_one_region_and_one_alert(stage: Stage) -> None:
    """The first picture is the baseline, the same one is equal, and a banner above it is one region of 48 rows."""
    shop = Page(stage)
    assert await shop.outcomes(OLD, OLD) == ["first", "equal"]
    found = await shop.shows(BANNER)
    assert (found["outcome"], found["pixels"], found["more"]) == ("changed", 48 * 640, 0)
    assert found["regions"] == [{"kind": "inserted", "old": [0, 0, 640, 0], "new": [0, 0, 640, 48]}]
    ((payload,),) = await stage.rows("SELECT payload FROM trapline.alert WHERE kind = 'change'")
    told = json.loads(payload)
    assert (told["diff"], told["fields"], told["picture"]["regions"]) == ("", [], 1)
    assert told["picture"]["share"] == pytest.approx(48 / 1248)
    assert told["picture"]["before"] == str(stage.artifacts / found["against"])
    assert await shop.outcomes(BANNER) == ["equal"]
    assert await stage.alerts() == ["change"]


async def test_a_text_and_its_picture_are_one_alert(stage: Stage) -> None:
    """A page whose text and picture change in one visit is one change, which tells of both."""
    shop = Page(stage)
    await shop.shows(OLD, text="49")
    assert (await shop.shows(PRICE, text="59"))["outcome"] == "changed"
    ((payload,),) = await stage.rows("SELECT payload FROM trapline.alert WHERE kind = 'change'")
    told = json.loads(payload)
    assert "+59" in told["diff"]
    assert told["picture"]["regions"] == 1


async def test_a_picture_that_lasts_is_a_change(stage: Stage) -> None:
    """With ``confirm_after: 2`` a picture must be seen in two runs; one that differs by specks alone is the same."""
    shop = Page(stage, confirm_after=2)
    speck = with_box(PRICE, (600, 1100, 1, 1))
    assert await shop.outcomes(OLD, PRICE, OLD, PRICE, SALE, SALE) == [
        *("first", "held", "equal", "held", "held", "changed")
    ]
    assert await stage.alerts() == ["change"]
    assert await shop.outcomes(PRICE, speck) == ["held", "changed"]


async def test_little_is_no_change_until_it_adds_up(stage: Stage) -> None:
    """Less than ``min_change`` leaves the baseline, so that a drift is measured from where it began."""
    shop = Page(stage, visual={"min_change": "800 pixels"})
    both = with_box(PRICE, (30, 800, 40, 12))
    assert await shop.outcomes(OLD, PRICE, both) == ["first", "slight", "changed"]


async def test_another_browser_or_setting_is_a_new_baseline_in_silence(stage: Stage) -> None:
    """What was made otherwise is compared with nothing, whatever it shows."""
    shop = Page(stage)
    await shop.shows(OLD)
    found = await shop.shows(BANNER, made="other settings")
    assert (found["outcome"], found["against"]) == ("reset", None)
    assert await stage.alerts() == []
    assert (await shop.shows(BANNER, made="other settings"))["outcome"] == "equal"


async def test_a_baseline_by_hand_stays_until_it_is_accepted(stage: Stage) -> None:
    """It is told once that a page differs from it; accepting the new picture makes that the baseline, twice as once."""
    shop = Page(stage, visual={"baseline": "manual"})
    assert await shop.outcomes(OLD, PRICE, PRICE, PRICE) == ["first", "changed", "told", "told"]
    assert await shop.outcomes(SALE, OLD, PRICE) == ["changed", "equal", "changed"]
    assert await stage.alerts() == ["change"] * 3
    ((page_id,),) = await stage.rows("SELECT id FROM trapline.page")
    first = await accept_picture(stage.database, PageId(page_id))
    assert first == await accept_picture(stage.database, PageId(page_id)) == await shop.baseline()
    assert await shop.outcomes(PRICE, OLD) == ["equal", "changed"]


async def test_nothing_that_can_not_be_compared_is_accepted(stage: Stage) -> None:
    """Neither a picture that did not hold still nor that of a failed visit becomes a baseline by hand."""
    shop = Page(stage)
    await shop.shows(OLD, unstable=True)
    ((page_id,),) = await stage.rows("SELECT id FROM trapline.page")
    assert await accept_picture(stage.database, PageId(page_id)) is None
    assert await shop.baseline() is None


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"GIF89a" + bytes(200), "the new picture: it is no PNG"),
        (png(OLD)[:5000], "the new picture: it is a broken PNG (OSError)"),
        (bomb(20_000, 20_000), "at most 32,000,000 are compared"),
    ],
    ids=["no PNG", "cut short", "bomb"],
)
async def test_a_picture_that_can_not_be_read_fails_no_visit(stage: Stage, data: bytes, reason: str) -> None:
    """The visit is good, the picture says why it was not compared, and the baseline stays."""
    shop = Page(stage)
    await shop.shows(OLD)
    before = await shop.baseline()
    found = await shop.shows(data)
    assert found["outcome"] == "failed"
    assert reason in found["reason"]
    assert await shop.baseline() == before
    assert await stage.tasks() == {"done": 2}
    assert await stage.alerts() == []
    assert (await shop.shows(PRICE))["outcome"] == "changed"


async def test_a_picture_that_moves_is_not_judged(stage: Stage) -> None:
    """It says so, and the baseline stays."""
    shop = Page(stage)
    await shop.shows(OLD)
    assert (await shop.shows(BANNER, unstable=True))["outcome"] == "unstable"
    assert (await shop.shows(OLD))["outcome"] == "equal"


async def test_a_baseline_that_is_gone_is_replaced(stage: Stage) -> None:
    """Where somebody emptied the store, the next picture says so and is the baseline from then on."""
    shop = Page(stage)
    await shop.shows(OLD)
    key = await shop.baseline()
    assert key is not None
    (stage.artifacts / key).unlink()
    found = await shop.shows(PRICE)
    assert (found["outcome"], "in the store no more" in found["reason"]) == ("failed", True)
    assert (await shop.shows(PRICE))["outcome"] == "equal"


async def test_a_failed_visit_says_nothing_of_the_picture(stage: Stage) -> None:
    """Its picture is no baseline, and the one of before stays."""
    shop = Page(stage)
    await shop.shows(OLD)
    assert await shop.has(replace(bad(URL), screenshot=None)) == {}
    assert (await shop.shows(OLD))["outcome"] == "equal"


async def test_the_ledger_names_a_baseline_at_any_age(stage: Stage) -> None:
    """The picture stays when every observation of it is gone; replaced, it is noted for deletion."""
    shop = Page(stage)
    await shop.shows(OLD)
    key = await shop.baseline()
    assert key is not None
    await stage.rows("DELETE FROM trapline.observation")
    assert (await deletable(stage.database, [key])).named == {key}
    assert (await shop.shows(PRICE))["outcome"] == "changed"
    assert (await deletable(stage.database, [key])).named == frozenset()
    assert (key,) in await stage.rows("SELECT key FROM trapline.unnamed_artifact")


async def test_a_crawl_that_compares_no_more_lets_go_of_its_baseline(stage: Stage) -> None:
    """Without ``visual`` the page's row names no picture any more."""
    shop = Page(stage)
    await shop.shows(OLD)
    shop.crawl = shop.crawl.model_copy(update={"visual": None})
    assert await shop.has(good(URL)) == {}
    assert await shop.baseline() is None


async def test_a_page_in_a_real_browser(stage: Stage) -> None:
    """From the browser to the alert: a page of which only a colour changes is a change of its picture."""
    colours = iter(["green", "green", "crimson"])

    async def send(request: Request) -> None:
        box = f"<p>text</p><div style='width: 100px; height: 50px; background: {next(colours)}'></div>"
        await answer(request, f"<!doctype html><title>A page</title><body>{box}</body>".encode())

    browser = new_browser()
    async with hostile_site(more={"/box": send}) as site:
        url = f"{site.origin}/box"
        crawl = CrawlConfig.model_validate({"name": "docs", "urls": [url], "screenshot": "viewport", "visual": {}})
        for _ in range(3):
            visitor = BrowserVisitor(
                browser, artifacts=DirectoryArtifacts(stage.artifacts), secrets=KnownSecrets(), limits=LIMITS
            )
            await stage.open([url], crawl=crawl)
            await stage.live(visitor=visitor)
    found = [json.loads(row[0]) for row in await stage.rows("SELECT visual FROM trapline.observation ORDER BY id")]
    assert [one["outcome"] for one in found] == ["first", "equal", "changed"]
    assert [region["new"][2] for region in found[2]["regions"]] == [112]
    assert await stage.alerts() == ["change"]
