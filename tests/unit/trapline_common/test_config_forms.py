"""The other forms of a config: frozen, effective YAML, JSON Schema, fingerprint."""

import json
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from trapline_common.config.choices import Isolation
from trapline_common.config.effective import effective_yaml
from trapline_common.config.fingerprint import FINDER_VERSION, as_read, finder_version, fingerprint
from trapline_common.config.frozen_run import frozen_text, read_config
from trapline_common.config.held_secrets import held_secrets
from trapline_common.config.load import parse_config
from trapline_common.config.models import Config, CrawlConfig
from trapline_common.config.schema import schema_text
from trapline_common.domain.ids import RunId

ROOT = Path(__file__).parents[3]
RICH = """\
defaults: {timeout: 90s, settle: 333ms, alert: {remind_every: null, to: [ops, team-2]}}
lanes: {default: {max_invocations: 3}, slow: {host_delay: 1500ms, orchestrator: step_functions, queue: true}}
crawls:
  a:
    schedule: rate(6 hours)
    urls: ["https://example.com/?q=a:b #c", "https://example.com/%23"]
    lane: slow
    extract: {price: ".price", on: "#on"}
    expect: {status: 200, contains: "yes: no", price: "< 50", on: "matches ^#\\\\d"}
    ignore: [".ad", {pattern: 'Updated \\d+ "min": #1'}, "time"]
    confirm_after: 2
    remember: 3
    min_change: 5%
    screenshot: {element: "#plans > .box"}
    visual: {watch: "#p", ignore: [".ad"], hide: ["#c"], min_change: 0.1%, tolerance: 0, baseline: manual}
    headers: {Authorization: "Bearer ${secret:T}", X-Empty: ""}
    cookies: {s: "${secret:S}", t: {value: "", path: /x}}
    user_agent: "x: y"
    steps:
      - goto: https://example.com/login
      - fill: {selector: "#u", value: "${secret:U}"}
      - fill: {selector: "#p", value: "${secret:P}", on: "https://ID.example.com:443/"}
      - select: {selector: "#r", value: "${secret:R}"}
        on: http://[::1]:8080
      - press: Enter
      - wait_for: "#who"
    logged_in_check: {contains: "Sign out"}
    session_max_age: 90m
  b: {sitemap: "https://example.com/s.xml", include: ["*.html"], enabled: false, watch: "null"}
"""


@pytest.fixture
def rich() -> Config:
    """A config that uses most fields."""
    return parse_config(RICH, "crawls.yaml")


def test_a_frozen_config_reads_back(rich: Config) -> None:
    """What a run stores as JSON is the same crawl when the crawler reads it."""
    for crawl in rich.crawls.values():
        assert CrawlConfig.model_validate_json(crawl.model_dump_json()) == crawl
        assert CrawlConfig.model_validate(crawl.model_dump(mode="json")) == crawl


@pytest.mark.parametrize("isolation", list(Isolation))
def test_the_release_before_reads_the_default_isolation(isolation: Isolation) -> None:
    """A run freezes no ``isolation: clean``, which the release before can not read; no form changes a baseline."""
    crawl = CrawlConfig(name="a", isolation=isolation)
    frozen = frozen_text(crawl)
    assert ('"isolation"' in frozen) == (isolation is not Isolation.CLEAN)
    assert read_config(frozen, run_id=RunId(1)) == crawl
    assert fingerprint(crawl) == fingerprint(CrawlConfig(name="a"))


def test_the_effective_yaml_reads_back(rich: Config) -> None:
    """What `trapline config` prints is a valid file that means the same, with every value in it."""
    text = effective_yaml(rich)
    assert parse_config(text, "effective.yaml") == rich
    assert "quiet: 333ms" in text
    assert "${secret:T}" in text


def test_where_a_secret_may_go_is_an_origin(rich: Config) -> None:
    """`on` is kept in its normal form within its step, also where it stands beside it."""
    _, _, fill, choose, *_ = rich.crawls["a"].steps
    assert fill.model_dump()["fill"]["on"] == "https://id.example.com"
    assert choose.model_dump()["select"]["on"] == "http://[::1]:8080"


def test_crawls_with_secrets_have_a_version_of_the_finder(rich: Config) -> None:
    """Their baselines are reset in silence when secrets are found in another way; those of other crawls are not."""
    assert (finder_version(rich.crawls["a"]), finder_version(rich.crawls["b"])) == (FINDER_VERSION, 1)
    assert held_secrets(rich.crawls["a"]) == ("T", "S", "U", "P", "R")


def test_the_checked_in_schema_is_the_models() -> None:
    """The schema editors use is generated and not behind: `python -m trapline_common.config.schema`."""
    assert (ROOT / "libs/common/crawls.schema.json").read_text(encoding="utf-8") == schema_text()


def test_the_schema_takes_what_the_loader_takes(rich: Config) -> None:
    """The example, a rich file and the effective YAML all pass the schema."""
    validator = schema_validator()
    for text in ((ROOT / "crawls.yaml").read_text(encoding="utf-8"), RICH, effective_yaml(rich)):
        validator.validate(YAML(typ="safe", pure=True).load(text))


@pytest.mark.parametrize(
    "crawl",
    [
        {"watsch": "x"},
        {"timeout": "soon"},
        {"isolation": "pages"},
        {"urls": "http://e.com/"},
        {"name": "x"},
        {"retries": -1},
        {"ignore": [{"patern": "x"}]},
        {"min_change": "3 words"},
        {"steps": [{"clik": "a"}]},
        {"steps": [{"click": "a", "wait_for": "b"}]},
        {"logged_in_check": {}},
    ],
)
def test_the_schema_refuses_slips(crawl: dict[str, object]) -> None:
    """An editor marks an unknown key or a wrong value."""
    assert not schema_validator().is_valid({"crawls": {"c": crawl}})


def schema_validator() -> jsonschema.Draft202012Validator:
    """Return a validator of the checked-in schema."""
    schema = json.loads((ROOT / "libs/common/crawls.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_fingerprint_follows_what_is_compared() -> None:
    """Watch, extract and ignore change it; nothing else does, nor does their order but that of patterns."""

    def of(**values: object) -> str:
        return fingerprint(CrawlConfig.model_validate({"name": "c", **values}))

    base = of(extract={"a": "x", "b": "y"}, ignore=["p", "q"])
    assert base == of(extract={"b": "y", "a": "x"}, ignore=["q", "p", "q"], timeout=5, name="d", urls=["http://e.com/"])
    different = [of(), of(watch="a"), of(extract={"a": "a"}), of(ignore=["a"]), of(extract={"b": "a"}), base]
    assert len(set(different)) == len(different)
    patterns = [of(ignore=["p", {"pattern": one}, {"pattern": two}, "q"]) for one, two in ("ab", "ba")]
    assert len({*patterns, of(ignore=["q", "p", {"pattern": "a"}, {"pattern": "b"}]), base}) == 3
    assert base == of(extract={"a": "x", "b": "y"}, ignore=["p", "q"], confirm_after=2, remember=3, min_change="5%")
    # a release that computes it differently would reset every baseline there is
    assert of() == "a308ab760cfc7c67f547fc9bc633366151217f67f5bf5c013eaffe15a032000c"


def test_the_first_version_of_the_reader_leaves_fingerprints_as_they_were() -> None:
    """Baselines of releases that knew no version of the reader stay valid; each later version has its own."""
    assert as_read("fp", reader=1) == as_read("fp", reader=1, finder=1) == "fp"
    assert len({as_read("fp", reader=reader, finder=finder) for reader in (1, 2) for finder in (1, 2)}) == 4
    assert len({as_read("fp", reader=reader) for reader in range(1, 12)}) == 11
