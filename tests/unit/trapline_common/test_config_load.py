"""Loading crawls.yaml: inheritance, short forms, and every problem with its file, line and field."""

from pathlib import Path
from textwrap import dedent

import pytest

from trapline_common.config.load import load_config, parse_config
from trapline_common.config.models import Config, Cookie, CrawlConfig, LaneConfig, Settle
from trapline_common.domain.errors import InputRefusedError
from trapline_common.domain.via import Via

NO_TAB = (
    "not valid YAML: while scanning for the next token found character '\\t' that cannot start any token; "
    "YAML takes no tab there: write blanks in place of each tab"
)

PAGES = "urls: [https://example.com/]"


def crawl(body: str, **around: str) -> CrawlConfig:
    """Load one crawl, ``c``, with a page."""
    return load(f"crawls:\n  c:\n    {PAGES}\n" + indent(body), **around).crawls["c"]


def load(text: str, defaults: str = "", lanes: str = "") -> Config:
    """Load a whole file."""
    head = "".join(f"{key}: {{{value}}}\n" for key, value in (("defaults", defaults), ("lanes", lanes)) if value)
    return parse_config(head + text, "crawls.yaml")


def indent(body: str) -> str:
    """Put a crawl's keys where they belong: its first line is line 4 of the file."""
    return "".join(f"    {line}\n" for line in dedent(body).strip().splitlines())


def problems(text: str) -> list[str]:
    """Return the problems of a file, one a line."""
    with pytest.raises(InputRefusedError) as caught:
        parse_config(text, "crawls.yaml")
    return str(caught.value).splitlines()


def problems_of(body: str) -> list[str]:
    """Return the problems of one crawl, without the part that is always the same."""
    found = problems(f"crawls:\n  c:\n    {PAGES}\n" + indent(body))
    return [line.replace("crawls.yaml:", "", 1).replace(" crawls.c.", " ", 1) for line in found]


def test_the_checked_in_example_is_valid() -> None:
    """The file at the root, which is the documentation's example, loads."""
    root = Path(__file__).parents[3]
    config = load_config(root / "crawls.yaml")
    assert list(config.crawls) == ["pricing", "docs", "smoke"]
    assert config.crawls["docs"].lane == "polite"
    assert config.lanes["polite"].host_delay == 1.0


def test_an_absent_value_is_the_models_default() -> None:
    """A crawl with nothing but a page has every value, and the default lane is always there."""
    config = load(f"crawls: {{c: {{{PAGES}}}}}")
    assert config.crawls["c"] == CrawlConfig(name="c", urls=("https://example.com/",))
    assert config.lanes == {"default": LaneConfig()}


def test_inheritance() -> None:
    """The crawl wins over the defaults; nested maps merge by key, everything else is replaced."""
    found = crawl(
        "settle: {at_most: 5s}\nalert: {on: [change]}\ncookies: {b: new}\nblock: [font]\nheaders: {X-B: '2'}",
        defaults="retries: 4, settle: 500ms, alert: {on: [failure], after_failures: 7}, block: [image],"
        "cookies: [{name: a, value: '1'}, {name: b, value: old, path: /x}], headers: {X-A: '1'}",
    )
    assert found.retries == 4
    assert found.settle == Settle(quiet=0.5, at_most=5)
    assert (found.alert.on, found.alert.after_failures) == (("change",), 7)
    assert found.block == ("font",)
    assert dict(found.headers) == {"X-A": "1", "X-B": "2"}
    assert [cookie.name for cookie in found.cookies] == ["a", "b"]


def test_null_takes_a_default_back() -> None:
    """A crawl can say that it has no selector, or no reminders, where the defaults have one."""
    found = crawl("watch: null\nalert: {remind_every: null}", defaults="watch: main, alert: {remind_every: 1h}")
    assert (found.watch, found.alert.remind_every) == (None, None)


def test_short_forms() -> None:
    """``settle`` as a duration, ``expect`` with bare numbers, cookies as a map or a list."""
    found = crawl(
        "settle: 500ms\nextract: {p: b}\nexpect: {status: 200, p: 50}\ncookies: {a: '1', b: {value: x, path: /b}}"
    )
    assert found.settle == Settle(quiet=0.5)
    assert (found.expect.status, found.expect.fields) == (200, {"p": "50"})
    assert found.cookies == (Cookie(name="a", value="1"), Cookie(name="b", value="x", path="/b"))
    assert crawl("cookies: [{name: a, value: '1'}]").cookies == (Cookie(name="a", value="1"),)


def test_urls_are_normalised() -> None:
    """What a run stores is the one form of each URL."""
    text = "crawls: {c: {urls: ['HTTPS://Example.com:443#x'], sitemap: 'http://E.com'}}"
    found = load(text).crawls["c"]
    assert (found.urls, found.sitemap) == (("https://example.com/",), "http://e.com/")


def test_secrets_stay_references() -> None:
    """A reference in a header or a cookie is kept as it stands."""
    found = crawl("headers: {Authorization: 'Bearer ${secret:api/token}'}\ncookies: {s: '${secret:S}'}")
    assert found.headers["Authorization"] == "Bearer ${secret:api/token}"
    assert found.cookies[0].value == "${secret:S}"
    assert crawl("expect: {contains: 'Hello ${secret:USER}'}").expect.contains == "Hello ${secret:USER}"


def test_steps_are_read() -> None:
    """Every kind of step, its short form, and a log-in page behind a fragment; references stay references."""
    found = crawl("""\
        steps:
          - goto: HTTPS://Example.com/app#/login
          - fill: {selector: "#u", value: "${secret:U}"}
          - select: {selector: "#r", value: Europe}
          - press: Tab
          - press: {key: Enter, selector: "#u"}
          - click: "#go"
          - wait_for: "#who"
        logged_in_check: {selector: "#who", url: "/app*"}
        session_max_age: 2d
        """)
    assert [step.kind for step in found.steps] == ["goto", "fill", "select", "press", "press", "click", "wait_for"]
    assert found.steps[0].goto == "https://example.com/app#/login"
    assert found.steps[1].fill is not None
    assert found.steps[1].fill.value == "${secret:U}"
    assert found.steps[3].press is not None
    assert found.steps[3].press.key == "Tab"
    assert found.session_max_age == 172_800
    assert found.longest_visit == 2 * found.timeout


def test_a_crawls_name_allows_no_secret() -> None:
    """A crawl that is called like a field that holds secrets is held to the same rules."""
    found = problems(f"crawls: {{headers: {{{PAGES}, lane: '${{secret:X}}'}}}}")
    assert "crawls.yaml:1: crawls.headers.lane: a secret can only be used in cookies, expect, headers, steps" in found


def test_every_problem_is_reported_at_once() -> None:
    """One reading names all problems, by line, each with its field; a default's mistake is reported once."""
    assert problems(
        dedent("""\
        defaults:
          timeout: soon
        lanes:
          polite: {max_invocations: 0}
        crawls:
          docs:
            schedule: cron(0 8 * * MON-FRI *)
            lane: polit
            urls:
              - https://example.com/
              - file:///etc/passwd
          docs: {}
          other:
            urls: [https://example.com/]
            watsch: main
        """)
    ) == [
        (
            "crawls.yaml:2: defaults.timeout: must be a duration such as 150ms, 30s, 5m, 24h or 2d, or a number of "
            "seconds, not 'soon'"
        ),
        "crawls.yaml:4: lanes.polite.max_invocations: must be greater than or equal to 1, not 0",
        (
            "crawls.yaml:7: crawls.docs.schedule: cron needs ? in exactly one of day-of-month and day-of-week, as in "
            "cron(0 8 ? * MON-FRI *)"
        ),
        "crawls.yaml:8: crawls.docs.lane: no lane 'polit'; did you mean 'polite'?",
        "crawls.yaml:11: crawls.docs.urls[1]: file: URLs are not visited; only http and https are",
        "crawls.yaml:12: crawls.docs: stands twice; first on line 6",
        "crawls.yaml:15: crawls.other.watsch: unknown key; did you mean 'watch'?",
    ]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("retries: -1", "4: retries: must be greater than or equal to 0, not -1"),
        ("retries: true", "4: retries: must be a whole number, not true"),
        ("retries: two", "4: retries: must be a whole number, not 'two'"),
        ("retries:", "4: retries: must be a whole number, not nothing"),
        ("enabled: 'yes'", "4: enabled: must be true or false, not 'yes'"),
        ("isolation: pages", "4: isolation: must be 'clean', 'page' or 'crawl', not 'pages'"),
        ("screenshot: full", "4: screenshot: must be 'never', 'failure', 'viewport' or 'full_page', not 'full'"),
        ("screenshot: {element: ''}", "4: screenshot.element: must not be empty"),
        ("screenshot: {}", "4: screenshot.element: missing"),
        ("screenshot: 4", "4: screenshot: must be a map, not 4"),
        ("screenshot: viewport\nvisual: {hides: [a]}", "5: visual.hides: unknown key; did you mean 'hide'?"),
        ("screenshot: viewport\nvisual: {ignore: ['//a']}",
         "5: visual.ignore[0]: '//a' is XPath, which is not read; write a CSS selector, such as #plans .price"),
        ("screenshot: viewport\nvisual: {min_change: 3 lines}",
         "5: visual.min_change: bad amount '3 lines': write 400 pixels or 0.1%"),
        ("screenshot: viewport\nvisual: {min_change: 0%}",
         "5: visual.min_change: bad share '0%': more than 0% and at most 100%"),
        ("screenshot: viewport\nvisual: {tolerance: 255}",
         "5: visual.tolerance: must be less than or equal to 254, not 255"),
        ("screenshot: viewport\nvisual: {baseline: hand}",
         "5: visual.baseline: must be 'follow' or 'manual', not 'hand'"),
        ("visual: {}",
         ("4: visual: `screenshot: failure` keeps no picture of a good visit, so there is nothing to compare; write "
         "`screenshot: full_page`, `viewport` or {element: CSS}")),
        ("block: image", "4: block: must be a list, not 'image'"),
        ("settle: {quiet: 1s, at_mots: 2s}", "4: settle.at_mots: unknown key; did you mean 'at_most'?"),
        ("settle: {at_most: 60s}", "4: settle.at_most: 60 s is longer than `timeout`, 30 s"),
        ("settle: 5s", "4: settle.quiet: 5 s is longer than `settle.at_most`, 3 s"),
        ("timeout: 0", "4: timeout: must be greater than 0, not 0"),
        ("timeout: 1h", "4: timeout: must be less than or equal to 600, not '1h'"),
        ("limit: 0", "4: limit: must be greater than or equal to 1, not 0"),
        ("timezone: Europe/Berln", "4: timezone: unknown time zone 'Europe/Berln'; did you mean 'Europe/Berlin'?"),
        ("timezone: ../etc/passwd",
         "4: timezone: unknown time zone '../etc/passwd'; write an IANA name such as Europe/Berlin"),
        ("include: [/docs/*]", "4: include: filters a sitemap's pages, and there is no `sitemap`"),
        ("watch: ' '", "4: watch: must not be empty"),
        ("name: x", "4: name: unknown key; a crawl's name is its key"),
        ("extract: {status: b}", "4: extract.status: 'status' is a word of `expect`; give the field another name"),
        ("extract: {a b: b}",
         "4: extract.a b: bad field name 'a b': letters, digits, _ and -, beginning with a letter or _"),
        ("extract: {price: b}\nexpect: {prize: '1'}",
         "5: expect.prize: no such field in `extract`; did you mean 'price'?"),
        ("expect: {status: 99}", "4: expect.status: must be greater than or equal to 100, not 99"),
        ("extract: {p: b}\nexpect: {p: < x}", "5: expect.p: < needs a number, not 'x'"),
        ("extract: {p: b}\nexpect: {p: 'matches ['}", "5: expect.p: bad pattern '[': missing ]: [ (RE2 syntax)"),
        ("headers: {X: 1}", "4: headers.X: must be text (put it in quotes)"),
        ("headers: {'X Y': a}", "4: headers.X Y: bad name 'X Y': letters, digits and !#$%&'*+.^_`|~- only"),
        ('headers: {X: "a\\r\\nY: b"}', "4: headers.X: holds a line break or another control character"),
        ("headers: {Cookie: a}", "4: headers.Cookie: header Cookie can't be set here; use `cookies`"),
        ("cookies: {a: 'b;c'}",
         "4: cookies.a.value: a cookie's value holds no ; and neither begins nor ends with a space"),
        ("cookies: [{name: a}]", "4: cookies.a.value: missing"),
        ("cookies: {a: '${secrt:X}'}",
         "4: cookies.a.value: malformed secret reference: write ${secret:NAME}, NAME of letters, digits and /_+=.@-"),
        ("expect: {contains: '${secrt:X} ${secret:}'}",
         "4: expect.contains: malformed secret reference: write ${secret:NAME}, NAME of letters, digits and /_+=.@-"),
        ("ignore: ['#a', {pattern: '(a'}]", "4: ignore[1].pattern: bad pattern '(a': missing ): (a (RE2 syntax)"),
        ("ignore:\n- '#a'\n- {pattern: '(?=a)'}",
         "6: ignore[1].pattern: bad pattern '(?=a)': invalid perl operator: (?= (RE2 syntax)"),
        ("ignore: [{pattern: 'x*'}]",
         "4: ignore[0].pattern: bad pattern 'x*': it matches the empty text, so it says nothing of what to take out"),
        ("ignore: [{pattern: a, flags: i}]", "4: ignore[0].flags: unknown key; valid: pattern"),
        ("ignore: [{}]", "4: ignore[0].pattern: missing"),
        ("ignore: [{pattern: 3}]", "4: ignore[0].pattern: must be text (put it in quotes), not 3"),
        ("ignore: ['']", "4: ignore[0]: must not be empty"),
        ("ignore: {pattern: a}", "4: ignore: must be a list, not a map"),
        ("ignore: [{pattern: '${secret:X}'}]",
         "4: ignore[0].pattern: a secret can only be used in cookies, expect, headers, steps"),
        ("confirm_after: 0", "4: confirm_after: must be greater than or equal to 1, not 0"),
        ("remember: 21", "4: remember: must be less than or equal to 20, not 21"),
        ("remember: all", "4: remember: must be a whole number, not 'all'"),
        ("min_change: 3 words", "4: min_change: bad amount '3 words': write 20 characters, 3 lines or 5%"),
        ("min_change: 0", "4: min_change: bad amount '0': a whole number of characters, 1 or more"),
        ("min_change: 1.5 lines", "4: min_change: bad amount '1.5 lines': a whole number of lines, 1 or more"),
        ("min_change: 101%", "4: min_change: bad share '101%': more than 0% and at most 100%"),
        ("min_change: true", "4: min_change: must be text (put it in quotes), not true"),
        ("steps: [{clik: a}]", "4: steps[0].clik: unknown key; did you mean 'click'?"),
        ("steps: {goto: a}", "4: steps: must be a list"),
        ("steps: [goto]", "4: steps[0]: must be a map"),
        ("steps: [{}]", "4: steps[0]: a step is one of goto, fill, click, press, wait_for, select, and what it needs"),
        ("steps: [{goto: 'https://e.com/', click: a}]",
         "4: steps[0]: a step is one of goto, fill, click, press, wait_for, select, and what it needs"),
        ("steps: [{click: a}]", "4: steps[0]: the first step is a `goto`: the browser begins with an empty page"),
        ("steps: [{goto: 'file:///etc/passwd'}]",
         "4: steps[0].goto: file: URLs are not visited; only http and https are"),
        ("steps:\n- goto: https://e.com/\n- fill: '#a'", "6: steps[1].fill: must be a map"),
        ("steps:\n- goto: https://e.com/\n- fill: {selector: '#a', valu: x, value: x}",
         "6: steps[1].fill.valu: unknown key; did you mean 'value'?"),
        ("steps:\n- goto: https://e.com/\n- fill: {selector: '#a', value: 5}",
         "6: steps[1].fill.value: must be text (put it in quotes)"),
        ("steps:\n- goto: https://e.com/\n- fill: {selector: '#password', value: hunter2}",
         "6: steps[1].fill: a password does not belong into this file: write ${secret:NAME}"),
        ("steps:\n- goto: https://e.com/\n- fill: {selector: '#a', value: '${secrt:P}'}",
         ("6: steps[1].fill.value: malformed secret reference: write ${secret:NAME}, NAME of letters, digits and "
         "/_+=.@-")),
        ("steps:\n- goto: https://e.com/?p=${secret:P}",
         "5: steps[0].goto: no secret may be in a URL: URLs are stored and shown; use `headers` or `cookies`"),
        ("steps:\n- goto: https://e.com/\n- fill: {selector: '#a', value: '${secret:P}', on: 'https://id.e.com/login'}",
         "6: steps[1].fill.on: an origin has no path: write https://id.e.com"),
        ("steps:\n- goto: https://e.com/\n- fill: {selector: '#a', value: '${secret:P}'}\n  on: id.e.com",
         "6: steps[1].fill.on: not an absolute URL: 'id.e.com'; begin with https:// or http://"),
        ("user_agent: 'Bot ${secret:K}'",
         ("4: user_agent: no secret may be in a user agent, which every server gets that a page asks for anything: "
         "put it into `headers`")),
        ("user_agent: '${secrt:K}'",
         "4: user_agent: malformed secret reference: write ${secret:NAME}, NAME of letters, digits and /_+=.@-"),
        ("steps:\n- goto: https://e.com/\n- press: Entr",
         "6: steps[1].press.key: unknown key 'Entr'; did you mean 'Enter'?"),
        ("steps:\n- goto: https://e.com/\n- wait_for: ' '", "6: steps[1].wait_for: must not be empty"),
        ("steps:\n- goto: https://e.com/\n- select: {selector: a}", "6: steps[1].select.value: missing"),
        ("logged_in_check: {}", "4: logged_in_check: give `selector`, `url` or `contains`"),
        ("logged_in_check: {selectr: a}", "4: logged_in_check.selectr: unknown key; did you mean 'selector'?"),
        ("logged_in_check: {url: account}",
         "4: logged_in_check.url: bad pattern 'account': begin with / or * for a path, or with http:// or https://"),
        ("logged_in_check: {contains: '${secret:U}'}",
         "4: logged_in_check.contains: a secret can only be used in cookies, expect, headers, steps"),
        ("session_max_age: 0", "4: session_max_age: must be greater than 0, not 0"),
        ("alert: {to: [Ops Team]}",
         "4: alert.to[0]: bad name 'Ops Team': 1 to 63 of a-z, 0-9 and -, not beginning with -"),
        ("alert: {on: [failures]}",
         "4: alert.on[0]: must be 'failure', 'change', 'recovery' or 'summary', not 'failures'"),
        ("alert: {remind_every: 0}", "4: alert.remind_every: must be greater than 0, not 0"),
        ("watch: !!python/name:os.system x", "4: watch: the tag tag:yaml.org,2002:python/name:os.system is not read"),
        ("<<: {watch: b}", "4: << merge keys are not read; put what crawls share under `defaults`"),
        ("wait_for: networkidle",
         "4: wait_for: 'networkidle' is no element of a page; `settle` says how long the page must rest"),
        ("extract: {p: {selector: .a, attr: href}}", "4: extract.p.attr: unknown key; did you mean 'attribute'?"),
        ("user_agent: ''", "4: user_agent: must not be empty"),
        ("watch: a\nwatch: b", "5: watch: stands twice; first on line 4"),
        ("alert: {to: [a], to: [b]}", "4: alert.to: stands twice; first on line 4"),
    ],
)  # fmt: skip
def test_one_problem(body: str, problem: str) -> None:
    """Each mistake is one line with its line number, its field, what is wrong and what is valid."""
    assert [line.replace(" crawls.c:", "") for line in problems_of(body)] == [problem]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("c: {}", "2: crawls.c: no pages: give `urls` or `sitemap`"),
        ("c:", "2: crawls.c: no pages: give `urls` or `sitemap`"),
        ("c: {urls: []}", "2: crawls.c: no pages: give `urls` or `sitemap`"),
        ("c: {sitemap: 'https://e.com/s', ordered: true}",
         "2: crawls.c.ordered: needs `urls`: the order of a sitemap is the site's to change"),
        ("c: {urls: ['http://e.com/', 'http://E.com'], ordered: true}",
         "2: crawls.c.urls[0]: http://e.com/ stands twice; an ordered crawl visits a page once"),
        ("c: {urls: ['http://e.com/a', 'http://e.com/b'], limit: 1}",
         "2: crawls.c.limit: 1 is less than the 2 URLs listed"),
        ("c: {sitemap: 'https://e.com/s', include: [docs]}",
         "2: crawls.c.include[0]: bad pattern 'docs': begin with / or * for a path, or with http:// or https://"),
        ("c: {urls: ['https://u:hunter2@e.com/']}",
         "2: crawls.c.urls[0]: no user name or password may be in a URL: it is stored and shown; use `headers`"),
        ("My_Crawl: {urls: ['http://e.com/']}",
         "2: crawls.My_Crawl: bad name 'My_Crawl': 1 to 63 of a-z, 0-9 and -, not beginning with -"),
    ],
)  # fmt: skip
def test_problems_of_pages_and_names(body: str, problem: str) -> None:
    """A crawl without pages, or whose pages contradict its other fields, is refused."""
    found = problems(f"crawls:\n  {body}\n")
    assert f"crawls.yaml:{problem}" in found
    assert len({line.partition(": ")[0] for line in found}) == 1
    assert "hunter2" not in "\n".join(found)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "crawls.yaml: empty; give at least one crawl under `crawls`"),
        ("# only a comment\n", "crawls.yaml: empty; give at least one crawl under `crawls`"),
        ("- a\n", "crawls.yaml:1: must be a map, not a list"),
        ("just text", "crawls.yaml:1: must be a map, not 'just text'"),
        ("crawls: {}\n", "crawls.yaml:1: crawls: no crawls: give at least one"),
        ("crawls: [a]\n", "crawls.yaml:1: crawls: must be a map, not a list"),
        ("crawl: {}\n", "crawls.yaml:1: crawl: unknown key; did you mean 'crawls'?"),
        ("crawls:\n  a: [\n", "crawls.yaml:2: not valid YAML: "),
        ("crawls:\n\ta: 1\n", "crawls.yaml:2: not valid YAML: "),
        (
            "crawls:\n  a: {urls: [https://e.com/${X}]}\n",
            (
                "crawls.yaml:2: not valid YAML: while parsing a flow sequence expected ',' or ']', but got '{'; "
                "put a text with ${ in quotes"
            ),
        ),
        ("crawls:\n  a:\n\turls: []\n", f"crawls.yaml:3: {NO_TAB}"),
        ("crawls:\n  a:\n    watch:\t'a'\n", f"crawls.yaml:3: {NO_TAB}"),
        ("a: 1\n---\nb: 1\n", "crawls.yaml:2: not valid YAML: "),
        ("a: 1\nb: \x07\n", "crawls.yaml:2: not valid YAML: "),
        ("a: *x\n", "crawls.yaml:1: not valid YAML: "),
        ("[" * 600, "crawls.yaml: nested too deeply"),
        ("defaults: {urls: ['http://e.com/']}\n",
         "crawls.yaml:1: defaults.urls: says which pages to visit: give it in the crawl"),
        ("defaults: text\n", "crawls.yaml:1: defaults: must be a map, not 'text'"),
        ("lanes: {Fast: {}}\n",
         "crawls.yaml:1: lanes.Fast: bad name 'Fast': 1 to 63 of a-z, 0-9 and -, not beginning with -"),
        ("lanes: {fast: {tasks_per_invocation: 0}}\n",
         "crawls.yaml:1: lanes.fast.tasks_per_invocation: must be greater than or equal to 1, not 0"),
    ],
)  # fmt: skip
def test_files_that_are_no_config(text: str, problem: str) -> None:
    """Broken YAML and wrong shapes are reported with the line, never as a traceback."""
    assert any(line.startswith(problem) for line in problems(text)), problems(text)


def test_aliases_work_and_cannot_multiply() -> None:
    """An anchor may be used again, a few hundred bytes of aliases can't become millions of values, and a loop ends."""
    shared = "crawls:\n  a: &x\n    urls: [https://example.com/]\n  b: *x\n"
    assert parse_config(shared, "crawls.yaml").crawls["b"].urls == ("https://example.com/",)
    bomb = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10))
    for text in (bomb, "crawls: &loop {c: *loop}\n"):
        assert "aliases count" in problems(text)[0]


def test_a_long_list_of_problems_is_cut_and_counted() -> None:
    """One slip in thousands of URLs stays readable."""
    found = problems("crawls:\n  c:\n    urls:\n" + "      - ftp://e.com/\n" * 200)
    assert len(found) == 51
    assert found[-1] == "crawls.yaml: and 150 more problems"


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing file, a directory, another encoding and a file beyond all bounds each say what they are."""
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("a: 1\nb: ä\n".encode("latin-1"))
    large = tmp_path / "large.yaml"
    with large.open("wb") as file:
        file.truncate(9 * 1024 * 1024)
    for path, reason in (
        (tmp_path / "none.yaml", "none.yaml: no such file"),
        (tmp_path, f"{tmp_path.name}: a directory, not a file; name the file in it, such as crawls.yaml"),
        (latin, "latin.yaml:2: not UTF-8: "),
        (large, "large.yaml: larger than 8 MiB; list so many pages in a sitemap"),
    ):
        with pytest.raises(InputRefusedError) as caught:
            load_config(path)
        assert reason in str(caught.value)


def test_no_control_character_reaches_the_terminal() -> None:
    """What a file holds can't forge a line or colour of its own in the problems."""
    found = problems('crawls: {"c\\e[31m\\nfake.yaml:1: ok": {}}')
    assert all(line.isprintable() and line.startswith("crawls.yaml:1: ") for line in found)


@pytest.mark.parametrize(
    ("lane", "more", "problem"),
    [
        ("queue: true", "", ":1: lanes.a.queue: needs `orchestrator: step_functions`, which fills it"),
        (
            "queue: true, orchestrator: durable, tasks_per_invocation: 1",
            "ordered: true",
            ":1: lanes.a.queue: needs `orchestrator: step_functions`, which fills it",
        ),
        (
            "queue: true, orchestrator: step_functions, max_invocations: 1",
            "",
            ":1: lanes.a.max_invocations: 1 at once: AWS limits a queue to 2 to 1,000",
        ),
        (
            "queue: true, orchestrator: step_functions, max_invocations: 1001",
            "",
            ":1: lanes.a.max_invocations: 1001 at once: AWS limits a queue to 2 to 1,000",
        ),
        (
            "orchestrator: durable",
            "ordered: true",
            ":1: lanes.a.tasks_per_invocation: 25: a durable lane's execution is one ordered task; write 1",
        ),
        (
            "orchestrator: durable, tasks_per_invocation: 1",
            "",
            ":3: crawls.c.lane: lane 'a' is durable, which takes `ordered` crawls alone",
        ),
        (
            "orchestrator: lambda, queue: true",
            "",
            ":1: lanes.a.orchestrator: must be 'self', 'step_functions' or 'durable', not 'lambda'",
        ),
    ],
)
def test_what_an_orchestrator_can_not_do_is_refused(lane: str, more: str, problem: str) -> None:
    """A lane, and a crawl in it, that no orchestrator could work as it is written: one problem, at the field."""
    text = f"lanes: {{a: {{{lane}}}}}\ncrawls:\n  c: {{{PAGES}, lane: a, {more}}}"
    assert problems(text) == [f"crawls.yaml{problem}"]


@pytest.mark.parametrize(
    ("lane", "via"),
    [
        ("{}", Via.EVENT),
        ("{orchestrator: self}", Via.EVENT),
        ("{orchestrator: step_functions}", Via.MAP),
        ("{orchestrator: step_functions, queue: true, max_invocations: 2}", Via.QUEUE),
        ("{orchestrator: step_functions, queue: true, max_invocations: 1000}", Via.QUEUE),
        ("{orchestrator: durable, tasks_per_invocation: 1}", Via.DURABLE),
    ],
)
def test_an_orchestrator_says_how_crawlers_are_asked_for(lane: str, via: Via) -> None:
    """On one machine every lane is `self`, whatever the file says of a deployment."""
    config = load(f"crawls: {{c: {{{PAGES}, lane: a, ordered: true}}}}", lanes=f"a: {lane}")
    assert config.lanes["a"].via is via
    assert {one.via for one in config.on_one_machine.lanes.values()} == {Via.EVENT}
    assert config.on_one_machine.crawls == config.crawls
