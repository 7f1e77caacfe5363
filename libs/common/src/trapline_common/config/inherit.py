"""defaults -> crawl: nested maps merge by key, everything else is replaced."""

from collections.abc import Mapping


def inherit(defaults: Mapping[str, object], crawl: Mapping[str, object]) -> dict[str, object]:
    """Return the crawl's values over the defaults'. Neither argument is changed."""
    base, over = _long_forms(defaults), _long_forms(crawl)
    return _merge(base, over)


def _merge(base: Mapping[str, object], over: Mapping[str, object]) -> dict[str, object]:
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = _merge(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return merged


def _long_forms(values: Mapping[str, object]) -> dict[str, object]:
    """Write short forms out, so that they merge by key too: ``settle: 1s``, cookies as a list."""
    long = dict(values)
    settle, cookies = long.get("settle"), long.get("cookies")
    if isinstance(settle, str | int | float):
        long["settle"] = {"quiet": settle}
    if isinstance(cookies, list) and all(isinstance(item, Mapping) and "name" in item for item in cookies):
        long["cookies"] = {
            str(item["name"]): {key: value for key, value in item.items() if key != "name"} for item in cookies
        }
    return long
