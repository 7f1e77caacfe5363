from pathlib import Path

import pytest

from docs.site.build import build, loads_from_elsewhere


def test_the_site_builds_without_a_warning(tmp_path: Path):
    """Sphinx finds nothing to warn of: every page is in the navigation, every reference leads somewhere."""
    build(tmp_path / "site")
    assert (tmp_path / "site" / "docs" / "architecture.html").exists()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("page.html", '<script src="https://cdn.example/x.js"></script>'),
        ("page.html", '<link rel="stylesheet" href="//fonts.example/css">'),
        ("page.html", '<img alt="" src="http://images.example/a.png">'),
        ("style.css", "@font-face { src: url(https://fonts.example/a.woff2) }"),
        ("style.css", '@import "https://fonts.example/a.css";'),
    ],
)
def test_a_page_that_loads_from_another_host_is_found(tmp_path: Path, name: str, text: str):
    """Scripts, styles, pictures and fonts of other hosts are found; a link that a reader follows is none of them."""
    (tmp_path / name).write_text(text)
    (tmp_path / "link.html").write_text('<a href="https://example.com/">a link</a><img src="own.png">')
    assert [found.partition(":")[0] for found in loads_from_elsewhere(tmp_path)] == [name]
