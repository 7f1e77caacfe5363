"""Who is answered, and what no text, name or address of a page can become."""

import re
from html.parser import HTMLParser
from importlib.resources import files

import pytest

from support.web_ledger import digest
from support.web_stage import Stage, addresses
from support.web_view import TOKEN, Recorded, Served, served
from tools.shell import ROOT
from trapline_web.guard import HEADERS
from trapline_web.routes.site import local_path

FORMS = ("/crawls/products/run", "/runs/1/retry", "/runs/1/cancel")


async def test_every_answer_carries_the_headers(view: Served, shop: Stage) -> None:
    """Screens, files, refusals and errors: none may be framed, sniffed, or load anything of another origin."""
    paths = [*addresses(shop).values(), "/static/trapline.css", "/enter", "/nowhere", "/api/v1/overview", "/api/v1/no"]
    for path in [*paths, f"/pictures/{shop.seeded.keys[0]}", f"/thumbnails/{shop.seeded.keys[0]}"]:
        headers = (await view.get(path)).headers
        for name, text in HEADERS.items():
            confined = path.startswith(("/pictures/", "/thumbnails/")) and name == "Content-Security-Policy"
            assert headers[name.lower()] == ("default-src 'none'; sandbox" if confined else text), (path, name)
    foreign = await view.get("/", Host="evil.example")
    assert foreign.headers["content-security-policy"] == HEADERS["Content-Security-Policy"]


async def test_a_screen_is_kept_by_no_cache(view: Served) -> None:
    """What a screen shows stays in this browser, and is asked for anew."""
    assert (await view.get("/alerts")).headers["cache-control"] == "no-store"
    assert (await view.get("/")).headers["cache-control"] == "no-cache, private"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1.evil.example:80", "localhost", ""])
async def test_another_name_of_this_address_is_refused(view: Served, host: str) -> None:
    """A foreign page that rebinds its own name to 127.0.0.1 reads nothing, the door and the files included."""
    for path in ("/", "/enter", "/static/trapline.css", "/api/v1/overview"):
        reply = await view.get(path, Host=host or " ")
        assert reply.status == 403
        assert b"Kettle" not in reply.body


async def test_who_has_no_cookie_sees_nothing(view: Served, shop: Stage) -> None:
    """Other users of this machine reach the port: without the cookie every address is the same closed door."""
    paths = [*addresses(shop).values(), "/nowhere", f"/pictures/{shop.seeded.keys[0]}", f"/html/{shop.seeded.html}"]
    for path in paths:
        reply = await view.get(path, entered=False)
        assert reply.status == 401, path
        assert b"Outfitters" not in reply.body
    assert (await view.get("/api/v1/overview", entered=False)).status == 401
    assert (await view.get("/", Cookie=f"{view.access.cookie_name}=no", entered=False)).status == 401
    assert (await view.get("/", Authorization="Bearer no", entered=False)).status == 401


async def test_the_link_lets_one_browser_in_once(view: Served) -> None:
    """The first visitor gets the cookie, out of reach for scripts and other sites; the second one the door."""
    link = view.access.one_time_link("/failures")
    first = await view.get(link, entered=False)
    assert first.status == 303
    assert first.headers["location"] == "/failures"
    cookie = first.headers["set-cookie"].lower()
    assert cookie.startswith(f"trapline_{view.port}=")
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert (await view.get(link, entered=False)).status == 403
    assert (await view.get("/enter?once=", entered=False)).status == 403


async def test_the_token_lets_in_and_nothing_else(view: Served) -> None:
    """By a form, and for programs as a bearer token."""
    assert (await view.post("/enter", {"token": "wrong", "to": "/"}, entered=False)).status == 403
    good = await view.post("/enter", {"token": TOKEN, "to": "/runs"}, entered=False)
    assert (good.status, good.headers["location"]) == (303, "/runs")
    assert (await view.get("/api/v1/overview", Authorization=f"Bearer {TOKEN}", entered=False)).status == 200


async def test_a_link_from_a_mail_is_asked_for_again_by_this_site(view: Served) -> None:
    """A cross-site link comes without the cookie: the browser asks once more, and of itself no second time."""
    reply = await view.get("/runs/1?show=failed", Sec_Fetch_Site="cross-site", entered=False)
    assert reply.headers["refresh"] == "0; url=/runs/1?show=failed"
    assert "refresh" not in (await view.get("/runs/1", Sec_Fetch_Site="same-origin", entered=False)).headers


@pytest.mark.parametrize("path", FORMS)
async def test_a_form_that_is_not_of_this_view_does_nothing(view: Served, actions: Recorded, path: str) -> None:
    """Without its mark, with a foreign origin, site, name or cookie, or by GET: refused, and nothing is done."""
    mark = {"mark": view.access.form_mark()}
    refused = [
        await view.post(path, {}),
        await view.post(path, {"mark": "x.y"}),
        await view.post(path, mark, Origin="https://evil.example"),
        await view.post(path, mark, Origin="null"),
        await view.post(path, mark, Origin=f"http://localhost:{view.port + 1}"),
        await view.post(path, mark, Origin=""),
        await view.post(path, mark, Sec_Fetch_Site="cross-site"),
        await view.post(path, mark, Sec_Fetch_Site="same-site"),
        await view.post(path, mark, Host="evil.example"),
        await view.post(path, mark, entered=False),
        await view.post(path, mark, entered=False, Cookie=f"{view.access.cookie_name}=x"),
        await view.send("PUT", path, body="mark=x", Origin=view.origin),
        await view.send("DELETE", path),
    ]
    assert [reply.status for reply in refused] == [403] * 9 + [401, 401, 405, 405]
    await view.get(path)
    assert actions.asked == []


async def test_a_view_for_looking_only_has_no_form_and_takes_none(shop: Stage) -> None:
    """With --read-only nothing can be pressed, and what is sent all the same is refused."""
    async with served(shop.dsn, shop.artifacts, actions=None) as view:
        for name, path in addresses(shop).items():
            assert 'method="post"' not in (await view.get(path)).text, name
        for path in FORMS:
            assert (await view.post(path, {"mark": view.access.form_mark()})).status == 403


async def test_a_body_that_is_larger_than_a_form_is_refused(view: Served, actions: Recorded) -> None:
    """A client can't fill the memory of the view."""
    reply = await view.post("/runs/1/cancel", {"mark": "x" * 70_000})
    assert reply.status == 413
    assert actions.asked == []


TRAVERSALS = (
    "../../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "ab/../../web.token",
    "/etc/passwd",
    "ab%2f" + "ab" * 32,
    "ab/" + "ab" * 32 + ".png%00.html",
    "%2e%2e/crawls.yaml",
)


@pytest.mark.parametrize("key", TRAVERSALS)
async def test_no_key_leads_out_of_the_artifacts(view: Served, key: str) -> None:
    """Whatever is asked for in place of a key, no file is read."""
    for kind in ("pictures", "thumbnails", "html"):
        reply = await view.send("GET", f"/{kind}/{key}")
        assert reply.status == 404
        assert b"root:" not in reply.body


async def test_a_file_that_the_ledger_does_not_name_is_not_served(view: Served, shop: Stage) -> None:
    """A valid key of a file that is there, which no observation of this ledger names."""
    data = b"\x89PNG\r\n\x1a\n not of this ledger"
    key = f"{digest(data)[:2]}/{digest(data)}.png"
    (shop.artifacts / key).parent.mkdir(exist_ok=True)
    (shop.artifacts / key).write_bytes(data)
    assert (await view.get(f"/pictures/{key}")).status == 404
    assert (await view.get(f"/pictures/{shop.seeded.keys[0]}")).status == 200


async def test_a_file_that_was_changed_is_not_served(shop: Stage, actions: Recorded) -> None:
    """Its name is its hash: another content under it is an error and no picture."""
    key = shop.seeded.keys[-1]
    whole = (shop.artifacts / key).read_bytes()
    async with served(shop.dsn, shop.artifacts, actions=actions) as view:
        try:
            (shop.artifacts / key).write_bytes(whole + b"x")
            assert (await view.get(f"/pictures/{key}")).status == 503
            assert (await view.get(f"/thumbnails/{key}")).status == 503
        finally:
            (shop.artifacts / key).write_bytes(whole)


async def test_a_picture_is_a_png_by_its_own_bytes(bad_view: Served, bad: Stage) -> None:
    """An SVG with a script, kept under a name that ends in .png, is not sent as a picture."""
    reply = await bad_view.get(f"/pictures/{bad.seeded.keys[-1]}")
    assert reply.status == 404
    good = await bad_view.get(f"/pictures/{bad.seeded.keys[0]}")
    assert good.headers["content-type"] == "image/png"
    assert good.headers["content-security-policy"] == "default-src 'none'; sandbox"


async def test_the_html_of_a_page_is_a_download_and_never_a_document(view: Served, shop: Stage) -> None:
    """It comes as bytes of no kind, as an attachment, sandboxed."""
    reply = await view.get(f"/html/{shop.seeded.html}")
    assert reply.body == b"<h1>tent is broken</h1>"
    assert reply.headers["content-type"] == "application/octet-stream"
    assert reply.headers["content-disposition"].startswith("attachment;")
    assert "sandbox" in reply.headers["content-security-policy"]


class Elements(HTMLParser):
    """Collects what a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: set[tuple[str, str, str | None]] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note each attribute of a tag."""
        self.found.update((tag, name, text) for name, text in attrs)
        self.found.add((tag, "", None))


async def test_hostile_texts_become_no_element_attribute_or_link(bad_view: Served, bad: Stage) -> None:
    """In every screen they are text: no script, handler, style, foreign image or link of another scheme."""
    page = next(number for url, number in bad.seeded.pages.items() if "hostile" in url)
    paths = {**addresses(bad), "bad": f"/pages/{page}", "bad-run": f"/runs/{bad.seeded.last['bad']}"}
    paths["find"] = "/find?q=%3Cscript%3Ealert(1)%3C%2Fscript%3E"
    paths["filter"] = "/pages?q=%22%3E%3Cimg%20src%3Dx%3E"
    paths["reason"] = "/failures?reason=%22%3E%3Csvg%20onload%3Dalert(1)%3E"
    paths["crawl-bad"] = "/crawls/bad"
    told = 0
    for name, path in paths.items():
        text = (await bad_view.get(path)).text
        told += "hostile-1" in text
        assert "\u202e" not in text, name
        assert "\x1b" not in text, name
        for tag, attribute, value in Elements(text).found:
            assert tag != "x:script", name
            assert not attribute.startswith("on"), (name, tag, attribute)
            assert attribute != "style", (name, tag)
            if tag == "script":
                assert attribute in {"", "src", "defer"}, name
            if attribute == "src":
                assert str(value).startswith(("/static/", "/pictures/", "/thumbnails/")), (name, value)
            if attribute in {"href", "action"} and not str(value).startswith(("/", "?", "#")):
                assert tag == "a", name
                assert re.match(r"https://(shop|docs)\.example/", str(value)), (name, value)
        outside = re.findall(r'<a class="out"[^>]*>', text)
        assert all('rel="noopener noreferrer nofollow"' in link for link in outside)
    assert told >= 6


def test_no_template_trusts_a_text_or_holds_a_style_or_a_handler() -> None:
    """What the policy would stop is not written in the first place; our own style alone is in a file, the report."""
    templates = [one for one in files("trapline_web").joinpath("templates").iterdir() if one.name.endswith(".html")]
    assert len(templates) > 15
    for one in templates:
        text = one.read_text("utf-8")
        assert not re.search(r"\|\s*safe\b|autoescape|Markup", text), one.name
        written = re.sub(r"\{%.*?%\}|\{\{.*?\}\}", "", text, flags=re.DOTALL)
        assert not re.search(r"\sstyle=|\son\w+=|javascript:|<script(?! src=)", written), one.name
        assert written.count("<style") == (one.name == "report.html"), one.name
    for path in (ROOT / "services/web/src").rglob("*.py"):
        marked = re.search(r"\bMarkup\b|autoescape=False", path.read_text()) is not None
        assert marked == (path.name == "report.py"), path


async def test_a_hostile_crawl_name_or_address_becomes_no_header(view: Served, actions: Recorded) -> None:
    """Line breaks and schemes in what leads on stay inside this site's own paths."""
    for to in (
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "/x\r\nSet-Cookie: a=b",
        "javascript:alert(1)",
    ):
        reply = await view.post("/enter", {"token": TOKEN, "to": to}, entered=False)
        assert reply.status == 303
        assert reply.headers["location"] == "/"
        assert local_path(to) == "/"
    mark = {"mark": view.access.form_mark()}
    await view.post("/crawls/--help/run", mark)
    assert actions.asked[0][-2:] == ("--", "--help")
