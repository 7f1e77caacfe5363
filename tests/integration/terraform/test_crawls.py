import math

import pytest

from tools.shell import ROOT
from trapline_common.config.load import load_config

ODD = """
defaults: {enabled: false, schedule: rate(1 day), jitter: 90}
lanes:
  wide: {max_invocations: 40}
  bare: {host_delay: 1s}
crawls:
  a: {urls: [https://example.com/], enabled: true, lane: wide, jitter: 1.5 h}
  b: {urls: [https://example.com/], timezone: Asia/Tokyo, jitter: 1500ms}
  c: {urls: [https://example.com/], schedule: null, enabled: true, lane: bare}
  "off": {urls: [https://example.com/], enabled: true, jitter: 2m, alert: {on: [failure]}}
"""


@pytest.fixture(params=["the demo round", "the fixture", "each orchestrator", "odd forms"])
def file(request, tmp_path):
    """A crawls.yaml."""
    odd = tmp_path / "crawls.yaml"
    odd.write_text(ODD)
    return {
        "the demo round": ROOT / "crawls.yaml",
        "the fixture": ROOT / "terraform/tests/fixtures/crawls.yaml",
        "each orchestrator": ROOT / "terraform/tests/fixtures/orchestrated.yaml",
        "odd forms": odd,
    }[request.param]


def test_terraform_reads_what_trapline_reads(file, read_crawls):
    """Schedules, time zones, switches, jitter and the lanes' caps are the same for Terraform and for Trapline."""
    config = load_config(file)
    wanted = {
        name: {
            "expression": crawl.schedule,
            "timezone": crawl.timezone,
            "enabled": crawl.enabled,
            "jitter_minutes": math.ceil(crawl.jitter / 60),
            "machine": config.lanes[crawl.lane].orchestrator == "step_functions",
        }
        for name, crawl in config.crawls.items()
        if crawl.schedule is not None
    }
    lanes = {crawl.lane for crawl in config.crawls.values() if crawl.enabled}
    cap = sum(config.lanes[lane].max_invocations for lane in lanes)
    queues = {name: lane.max_invocations for name, lane in config.lanes.items() if lane.via == "queue"}
    assert read_crawls(file) == {"scheduled": wanted, "cap": cap, "queues": queues}
