"""pip's settings on this machine, handed on to uv, which does not read pip's files."""

import configparser
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

_AS_GIVEN = {
    "index-url": "UV_DEFAULT_INDEX",
    "cert": "SSL_CERT_FILE",
    "proxy": "ALL_PROXY",
    "trusted-host": "UV_INSECURE_HOST",
    "no-index": "UV_NO_INDEX",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "timeout": "UV_HTTP_TIMEOUT",
}
"""pip's options whose values uv takes as they are."""


def pip_settings(python: str = sys.executable) -> dict[str, str]:
    """Return the settings that the pip of ``python`` would use here (its files and its environment), by option name."""
    command = [python, "-m", "pip", "config", "list"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    parser = configparser.RawConfigParser(delimiters=("=",))
    parser.read_string("[pip]\n" + done.stdout)
    return {key.rpartition(".")[2]: value.strip().strip("'\"") for key, value in parser["pip"].items()}


def uv_environment(
    *,
    python: str = sys.executable,
    settings: Mapping[str, str] | None = None,
    environ: Mapping[str, str] = os.environ,
    only_default_index: bool = False,
) -> dict[str, str]:
    """Return ``environ`` with pip's ``settings`` (default: those of ``python``) as uv's; uv's own variables win.

    ``only_default_index`` leaves extra indexes out: a lock must be installable where they do not exist. Folders that do
    not exist are left out as well: pip passes them over, uv would stop.
    """
    found = pip_settings(python) if settings is None else settings
    given = {variable: found[name] for name, variable in _AS_GIVEN.items() if name in found}
    if not only_default_index:
        if indexes := _existing(found.get("extra-index-url", "")):
            # As pip does it: the best version of all indexes, and not the first index that knows the name
            given |= {"UV_INDEX": " ".join(indexes), "UV_INDEX_STRATEGY": "unsafe-best-match"}
        if links := _existing(found.get("find-links", "")):
            given["UV_FIND_LINKS"] = ",".join(links)
    return given | dict(environ)


def _existing(locations: str) -> list[str]:
    parts = [(one, urlsplit(one)) for one in locations.split()]
    return [one for one, url in parts if url.scheme not in {"", "file"} or Path(unquote(url.path)).exists()]
