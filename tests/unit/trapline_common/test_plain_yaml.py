"""What `trapline config` prints reads back, whatever is in it, and ten thousand crawls take no minute."""

import time

from hypothesis import given
from hypothesis import strategies as st

from trapline_common.config.document import parse_document
from trapline_common.config.effective import effective_yaml
from trapline_common.config.models import Config, CrawlConfig, LaneConfig
from trapline_common.config.plain_yaml import plain_yaml

TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufeff")) | st.sampled_from(
    [
        "",
        " ",
        "null",
        "No",
        "~",
        "1",
        "1.5",
        "1e3",
        "0x1",
        "2026-01-02",
        "a: b",
        "a #b",
        "a:",
        "- a",
        "? a",
        "*",
        "=",
        "<<",
    ]
)
SCALARS = TEXTS | st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.sampled_from([0.5, 30.0])
DATA = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=8
)


@given(st.dictionaries(TEXTS, DATA, max_size=4))
def test_it_reads_back(data: dict[str, object]) -> None:
    """Maps, lists and scalars of any text read back equal."""
    assert (parse_document(plain_yaml(data), "f").data or {}) == data


def test_ten_thousand_crawls_are_written_in_seconds() -> None:
    """The time for a large file is a matter of seconds, of processor time that others do not count."""
    crawl = CrawlConfig(name="c", urls=("https://e.com/",), headers={"Accept-Language": "de"})
    config = Config(lanes={"default": LaneConfig()}, crawls={f"c{number}": crawl for number in range(10_000)})
    begun = time.process_time()
    effective_yaml(config)
    assert time.process_time() - begun < 15
