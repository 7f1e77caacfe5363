"""The HTML of the demo shop: plain, readable, without a single request to anywhere else."""

import html
import json

from tests.site.catalogue import PRODUCTS, Product, Shop

STYLE = """
:root { --ink: #23302b; --soft: #6d7a74; --line: #e2e5df; --paper: #fbfaf6; --card: #fff; --accent: #2f5d50; }
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.55 Georgia, "Times New Roman", serif; color: var(--ink); background: var(--paper); }
header, main, footer { max-width: 62rem; margin: 0 auto; padding: 1.4rem 1.5rem; }
header { display: flex; align-items: baseline; gap: 1.6rem; border-bottom: 1px solid var(--line); }
header .name { font-size: 1.35rem; letter-spacing: .02em; font-weight: bold; }
a { color: var(--accent); text-decoration: none; } a:hover { text-decoration: underline; }
header nav { margin-left: auto; display: flex; gap: 1.2rem; font-size: .95rem; }
h1 { font-size: 2rem; line-height: 1.2; margin: .4rem 0 .3rem; font-weight: normal; }
.lead { color: var(--soft); margin: 0 0 1.6rem; max-width: 38rem; }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: 1.2rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; overflow: hidden; }
.card .picture { height: 7.5rem; } .card .body { padding: .8rem 1rem 1rem; }
.card h2 { font-size: 1.05rem; margin: 0; } .card .price { color: var(--accent); }
.product { display: grid; grid-template-columns: 1fr 1.1fr; gap: 2.2rem; align-items: start; }
.product .picture { height: 22rem; border-radius: 12px; border: 1px solid var(--line); }
.product .price { font-size: 1.8rem; color: var(--accent); margin: .6rem 0 1rem; }
.note { font-size: .9rem; color: var(--soft); border-left: 3px solid var(--line); padding-left: .9rem; }
table { border-collapse: collapse; width: 100%; background: var(--card); border: 1px solid var(--line); }
th, td { text-align: left; padding: .55rem .9rem; border-bottom: 1px solid var(--line); }
th { font-weight: normal; color: var(--soft); font-size: .9rem; } td.number { text-align: right; }
footer { border-top: 1px solid var(--line); color: var(--soft); font-size: .85rem; margin-top: 2rem; }
"""

_STOCK_SCRIPT = """
fetch("/stock.json").then((answer) => answer.json()).then((rows) => {
  const body = document.querySelector("#stock tbody");
  for (const row of rows) {
    const line = body.insertRow();
    line.insertCell().textContent = row.name;
    const left = line.insertCell();
    left.className = "number";
    left.textContent = row.left;
  }
  document.querySelector("#state").textContent = rows.length + " lines in stock";
});
"""


def money(cents: int) -> str:
    """Return ``cents`` as a price: ``$34.50``."""
    return f"${cents // 100}.{cents % 100:02d}"


def _document(title: str, main: str) -> str:
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)} - Northern Outfitters</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
<style>{STYLE}</style></head><body>
<header><span class="name">Northern Outfitters</span>
<nav><a href="/">Catalogue</a><a href="/stock">Stock</a>\
<a href="/workshop">Workshop</a><a href="/slow">Delivery</a></nav>
</header><main>{main}</main>
<footer>A made-up shop for Trapline's demo and tests. Nothing here is for sale.</footer></body></html>
"""


def _picture(product: Product) -> str:
    shade = f"linear-gradient(145deg, {product.colour}, {product.colour}55)"
    return f'<div class="picture" style="background: {shade}"></div>'


def _card(product: Product, shop: Shop) -> str:
    return (
        f'<a class="card" href="/products/{product.slug}">{_picture(product)}<div class="body">'
        f'<h2>{html.escape(product.name)}</h2><span class="price">{money(shop.price(product.slug))}</span></div></a>'
    )


def catalogue(shop: Shop) -> str:
    """Return the list page: every product with its price."""
    cards = "".join(_card(product, shop) for product in PRODUCTS)
    lead = "Twelve things that still work when it is thirty below."
    return _document("Catalogue", f'<h1>Catalogue</h1><p class="lead">{lead}</p><div class="grid">{cards}</div>')


def product_page(product: Product, shop: Shop) -> str:
    """Return one product's page. Its price is in ``#product .price``, its name in ``#product h1``."""
    price = money(shop.price(product.slug))
    return _document(
        product.name,
        f'<article id="product" class="product">{_picture(product)}<div><h1>{html.escape(product.name)}</h1>'
        f'<p class="price">{price}</p><p>{html.escape(product.blurb)}</p>'
        '<p class="note">Ships within three days. Returns are free for a month.</p></div></article>',
    )


def stock_page() -> str:
    """Return the page that JavaScript fills: empty rows until ``/stock.json`` was read."""
    return _document(
        "Stock",
        '<h1>Stock</h1><p class="lead" id="state">Counting...</p>'
        '<table id="stock"><thead><tr><th>Product</th><th>Left</th></tr></thead><tbody></tbody></table>'
        f"<script>{_STOCK_SCRIPT}</script>",
    )


def stock_rows() -> str:
    """Return what ``/stock.json`` answers: a name and a count for each product."""
    return json.dumps([{"name": p.name, "left": 3 + (p.price // 50) % 17} for p in PRODUCTS])


def plain_page(title: str, text: str) -> str:
    """Return a page of one heading and one paragraph."""
    return _document(title, f'<h1>{html.escape(title)}</h1><p class="lead">{html.escape(text)}</p>')


def sitemap(base: str) -> str:
    """Return a sitemap of the list page and every product page."""
    locations = [base + "/", *(f"{base}/products/{product.slug}" for product in PRODUCTS)]
    entries = "".join(f"<url><loc>{location}</loc></url>" for location in locations)
    return f'<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{entries}</urlset>'
