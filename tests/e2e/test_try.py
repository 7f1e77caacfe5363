from pathlib import Path

from support.command import Trapline
from support.demo_site import DemoSite

CONFIG = """
crawls:
  products:
    sitemap: {site}/sitemap.xml
    include: ["/products/*"]
    watch: "#product"
    extract: {{name: "#product h1", price: "#product .price"}}
    expect: {{status: 200, contains: Boils a litre, price: "< 50"}}
    timeout: 10s
"""


def test_one_visit_shows_what_the_crawl_would_see_and_stores_nothing(command: Trapline):
    """The first page of the sitemap is visited once: text, fields, expectations and a screenshot, and no ledger."""
    with DemoSite() as site:
        config = command.config(CONFIG.format(site=site.url))
        done = command.run("try", config, "products", "--json")
        shown = command.run("try", config, "products")
    assert done.code == 0, done.err
    found = done.json
    assert found["url"] == f"{site.url}/products/kettle"
    assert (found["status"], found["failure"], found["fields"]["price"]) == (200, None, "$34.50")
    assert "Boils a litre" in found["text"]
    assert [(one["what"], one["met"]) for one in found["expectations"]] == [
        ("status 200", True),
        ("contains 'Boils a litre'", True),
        ("price < 50", True),
    ]
    assert Path(found["screenshot"]).read_bytes().startswith(b"\x89PNG")
    assert shown.code == 0, shown.err
    assert "met: price < 50" in shown.out
    assert not command.data_dir.exists()
    assert not command.browsers()


def test_a_visit_that_fails_says_which_expectation_was_not_met(command: Trapline):
    """A page that is not as expected ends with 1, and each expectation says what was found instead."""
    with DemoSite() as site:
        site.shop.set_price("kettle", 9_900)
        done = command.run(
            "try", command.config(CONFIG.format(site=site.url)), "products", f"{site.url}/products/kettle"
        )
    assert done.code == 1, done.err
    assert "not met: price < 50 (found '$99.00', expected < 50)" in done.out
    assert "failed: expectation: " in done.out


def test_a_bad_url_or_name_is_refused(command: Trapline, site):
    """A URL that is none, or a crawl that is not in the file, is refused with 2 in one line."""
    config = command.config(CONFIG.format(site=site.url))
    for arguments, expected in ((("products", "file:///etc/passwd"), "URL: "), (("prodcts",), "no crawl 'prodcts'")):
        done = command.run("try", config, *arguments)
        assert done.code == 2, done.err
        (line,) = done.err.splitlines()
        assert expected in line


def test_a_page_of_this_machine_is_visited_only_when_that_is_allowed(command: Trapline):
    """Without ``--allow-private`` a sitemap or page on loopback is refused, with what to set; metadata always."""
    command.environ["TRAPLINE_ALLOW_PRIVATE"] = ""
    with DemoSite() as site:
        config, page = command.config(CONFIG.format(site=site.url)), f"{site.url}/products/kettle"
        listed = command.run("try", config, "products")
        named = command.run("try", config, "products", page, "--json")
        crawled = command.crawl(config)
        opened = command.run("try", config, "products", page, "--allow-private", "127.0.0.0/8", "--json")
        never = command.run("try", config, "products", page, "--allow-private", "169.254.169.254")
    assert listed.code == 2
    assert "--allow-private 127.0.0.1" in listed.err
    assert (named.code, named.json["failure"]["reason"]) == (1, "address_refused")
    assert "--allow-private 127.0.0.1" in named.json["failure"]["detail"]
    assert crawled.code == 2
    assert "--allow-private 127.0.0.1" in crawled.err
    assert opened.code == 0, opened.err
    assert never.code == 2
    assert "no setting opens it" in never.err
