import json
import urllib.error
import urllib.request

import pytest

from support.demo_site import PRODUCTS, DemoSite


def get(url):
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.read().decode()


def status(url):
    try:
        get(url)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    return 200


def control(site, order):
    request = urllib.request.Request(f"{site.url}/_control", data=json.dumps(order).encode(), method="POST")
    with urllib.request.urlopen(request, timeout=5) as answer:
        return answer.status


@pytest.fixture
def site():
    with DemoSite() as running:
        yield running


def test_list_and_product_pages_show_prices(site):
    """Every product is on the list page and on a page of its own, with its price on both."""
    listing = get(site.url)
    for product in PRODUCTS:
        price = f"${product.price / 100:.2f}"
        assert product.name in listing
        assert price in listing
        assert price in get(f"{site.url}/products/{product.slug}")


def test_sitemap_names_pages_that_exist(site):
    """The sitemap lists the list page and the twelve product pages, and each answers."""
    locations = [part.split("</loc>")[0] for part in get(f"{site.url}/sitemap.xml").split("<loc>")[1:]]
    assert len(locations) == 13
    assert {status(location) for location in locations} == {200}


def test_state_switches_while_it_runs(site):
    """A price changes, a page breaks and the broken one is mended, through the object and through HTTP alike."""
    assert status(f"{site.url}/workshop") == 500
    site.shop.set_price("kettle", 2950)
    assert control(site, {"price": {"axe": 1}, "break": ["tent"], "mend": ["workshop"]}) == 200
    assert "$29.50" in get(f"{site.url}/products/kettle")
    assert "$0.01" in get(f"{site.url}/products/axe")
    assert status(f"{site.url}/products/tent") == 500
    assert status(f"{site.url}/workshop") == 200


@pytest.mark.parametrize("order", [{"price": {"no-such": 5}}, {"price": {"axe": "5"}}, {"break": "tent"}, [1]])
def test_control_refuses_what_it_does_not_understand(site, order):
    """An order of another shape, or for a product that is not sold, answers 400 and names the mistake."""
    with pytest.raises(urllib.error.HTTPError) as refused:
        control(site, order)
    with refused.value as answer:
        assert answer.code == 400
        assert json.loads(answer.read())["error"]


def test_unknown_page_is_404(site):
    """A page the shop does not have is a 404, not an empty page."""
    assert status(f"{site.url}/nowhere") == 404
