"""The effective config as YAML: every value filled in, in the form a person would write it."""

from typing import Any

from trapline_common.config.durations import format_duration
from trapline_common.config.models import Config, CrawlConfig, LaneConfig
from trapline_common.config.plain_yaml import plain_yaml


def effective_yaml(config: Config) -> str:
    """Return YAML that ``parse_config`` reads back as an equal ``Config``. Secrets are still references in it."""
    return plain_yaml(
        {
            "lanes": {name: _lane(lane) for name, lane in config.lanes.items()},
            "crawls": {name: _crawl(crawl) for name, crawl in config.crawls.items()},
        }
    )


def _lane(lane: LaneConfig) -> dict[str, Any]:
    return {**lane.model_dump(mode="json", exclude_none=True), "host_delay": format_duration(lane.host_delay)}


def _crawl(crawl: CrawlConfig) -> dict[str, Any]:
    values = crawl.model_dump(mode="json", exclude={"name"})
    said = crawl.expect
    texts = {"contains": said.contains, "not_contains": said.not_contains}
    expect = {"status": said.status, **texts, **said.fields}
    reminders = crawl.alert.remind_every
    return {
        **values,
        "jitter": format_duration(crawl.jitter),
        "timeout": format_duration(crawl.timeout),
        "settle": {key: format_duration(seconds) for key, seconds in crawl.settle.model_dump().items()},
        "expect": expect,
        "session_max_age": format_duration(crawl.session_max_age),
        "alert": {**values["alert"], "remind_every": None if reminders is None else format_duration(reminders)},
    }
