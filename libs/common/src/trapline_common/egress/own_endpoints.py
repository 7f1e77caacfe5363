"""Which endpoints are Trapline's own, from the environment and AWS's config file: every setting that names a service.

Whole families of variables are read, not a list of names: AWS adds one whenever it adds a service.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from trapline_common.egress.database_hosts import database_hosts
from trapline_common.egress.own_services import Endpoint

_MACHINE = "127.0.0.1"
_PORTS = {"https": 443, "wss": 443, "socks": 1080, "socks4": 1080, "socks5": 1080, "socks5h": 1080}
_WEB = 80
_ADDRESS = re.compile(
    r"(?:[a-z][a-z0-9+.-]*:)?(?:[^/@\s]*@)?(?P<host>\[[^\]]+\]|[^\s:/?#@\[\]]+):\d{1,5}(?:[/?#]\S*)?",
    re.IGNORECASE | re.ASCII,
)
"""A host with its port, in an URL or alone: what a setting of a service holds that is no URL."""

_FAMILIES = (
    # variable, kind for people, whether others answer at its address too
    (r"AWS_LAMBDA_RUNTIME_API", "the Lambda Runtime API", False),
    (r"AWS_CONTAINER_CREDENTIALS_FULL_URI", "the container's credentials", False),
    (r"_?AWS_XRAY_DAEMON_ADDRESS", "the X-Ray daemon", False),
    (r"AWS_EC2_METADATA_SERVICE_ENDPOINT|ECS_\w+", "the machine's metadata", False),
    (r"AWS_ENDPOINT_URL(?:_\w+)?", "an endpoint of AWS", True),
    (r"_?AWS_\w+", "a service of AWS beside this process", True),
    (r"OTEL_\w*ENDPOINT|DD_TRACE_AGENT_URL", "the telemetry's collector", True),
    (r"(?!NO_)\w+_PROXY", "a proxy", True),
    (r"DOCKER_HOST|CONTAINER_HOST", "the container engine", False),
)

_ON_LAMBDA = {
    2000: "the X-Ray daemon",
    2773: "the extension for parameters and secrets",
    4243: "a telemetry extension",
    4317: "a telemetry extension",
    4318: "a telemetry extension",
    4323: "a telemetry extension",
    8124: "a telemetry extension",
    8125: "a telemetry extension",
    8126: "a telemetry extension",
    9001: "the Lambda Runtime API",
}
"""Where Lambda and its extensions listen by default (AWS's, OpenTelemetry's and Datadog's documentation)."""
_EXTENSION_PORT = "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT"

_IN_CONFIG = re.compile(r"^\s*(?:endpoint_url|ec2_metadata_service_endpoint)\s*=\s*(\S+)", re.MULTILINE | re.ASCII)


def own_endpoints(environ: Mapping[str, str]) -> Iterator[Endpoint]:
    """Yield the endpoints that no page may reach: the database, AWS's, the platform's, proxies, collectors."""
    for host, port in database_hosts(environ):
        yield Endpoint(host=host, port=port, what="Trapline's own database")
    for name, value in environ.items():
        for pattern, what, shared in _FAMILIES:
            if re.fullmatch(pattern, name, re.IGNORECASE | re.ASCII):
                yield from _named(value, what, shared=shared)
                break
    yield from _of_config_files(environ)
    if any(environ.get(name) for name in ("AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_FUNCTION_NAME")):
        yield from (Endpoint(host=_MACHINE, port=port, what=what) for port, what in _ON_LAMBDA.items())
        if (own := environ.get(_EXTENSION_PORT, "")).isdecimal():
            yield Endpoint(host=_MACHINE, port=int(own), what=_ON_LAMBDA[2773])


def _named(value: str, what: str, *, shared: bool) -> Iterator[Endpoint]:
    """Yield the endpoints in a variable: one URL, or hosts with ports, several with blanks or commas between them."""
    for word in re.split(r"[\s,]+", value.strip()):
        parts = _parts(word)
        if parts is None or not parts.hostname:
            continue
        try:
            port = parts.port
        except ValueError:
            continue  # no program can dial it either
        yield Endpoint(host=parts.hostname, port=port or _PORTS.get(parts.scheme, _WEB), what=what, shared=shared)


def _parts(word: str) -> SplitResult | None:
    try:
        if "://" in word:
            return urlsplit(word.lower())
        if (found := _ADDRESS.fullmatch(word)) is not None:
            return urlsplit(f"//{word[found.start('host') :]}".lower())
    except ValueError:
        pass  # brackets without an address between them: no host
    return None


def _of_config_files(environ: Mapping[str, str]) -> Iterator[Endpoint]:
    """Yield the endpoints of every profile and of every service, as which one is used is decided later, in boto3."""
    home = Path(environ["HOME"], ".aws") if environ.get("HOME") else None
    for variable, name in (("AWS_CONFIG_FILE", "config"), ("AWS_SHARED_CREDENTIALS_FILE", "credentials")):
        file = Path(environ[variable]).expanduser() if environ.get(variable) else home and home / name
        if file is not None:
            for url in _IN_CONFIG.findall(_text(file)):
                yield from _named(url, "an endpoint of AWS", shared=True)


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8", errors="replace")
    except OSError:
        return ""  # absent as a rule; what this process may not read, boto3 in it does not read either
