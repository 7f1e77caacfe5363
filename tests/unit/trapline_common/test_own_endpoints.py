"""What the environment says is ours: the database, AWS's endpoints, the platform's services, proxies."""

from pathlib import Path

import pytest

from trapline_common.egress.database_hosts import database_hosts
from trapline_common.egress.own_endpoints import own_endpoints

HERE = "127.0.0.1"


def found(environ: dict[str, str]) -> set[tuple[str, int]]:
    """Return the hosts and ports that are ours."""
    return {(each.host, each.port) for each in own_endpoints(environ)}


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("postgresql://u:p@db.example/x", [("db.example", 5432)]),
        ("postgresql://u@db.example:6432/x?sslmode=verify-full", [("db.example", 6432)]),
        ("postgresql://u@a.example:1,b.example:2/x", [("a.example", 1), ("b.example", 2)]),
        ("postgresql://u@[fd00::5]:6000/x", [("fd00::5", 6000)]),
        ("postgresql://u@[fd00::5]:1,[::1]:2/x", [("fd00::5", 1), ("::1", 2)]),
        ("postgresql://u@/x?host=a.example&port=7000", [("a.example", 7000)]),
        ("postgresql://u@/x?host=a.example,b.example&port=1,2",
         [("a.example", 1), ("a.example", 2), ("b.example", 1), ("b.example", 2)]),
        ("postgresql://u@a.example/x?host=b.example", [("a.example", 5432), ("b.example", 5432)]),
        ("postgresql://u@a.example/x?hostaddr=10.0.0.5", [("a.example", 5432), ("10.0.0.5", 5432)]),
        ("postgresql://u@a.example/x?hostaddr=fd00%3A%3A5", [("a.example", 5432), ("fd00::5", 5432)]),
        ("postgresql://u@%31%32%37.0.0.1/x", [(HERE, 5432)]),
        ("postgresql:///x?host=/var/run/postgresql", [(HERE, 5432)]),
        ("postgresql://u@%2Fvar%2Frun:6432/x", [(HERE, 6432)]),
        ("postgresql:///x?host=@abstract&port=6432", [(HERE, 6432)]),
        ("postgresql:///x", [(HERE, 5432)]),
        ("postgresql://u@[not an address/x", [(HERE, 5432)]),
        ("", []),
    ],
)  # fmt: skip
def test_the_database_is_found_in_its_url(url: str, hosts: list[tuple[str, int]]):
    """Every host that asyncpg or libpq may read; behind a Unix socket a server may listen on loopback too."""
    assert list(database_hosts({"DATABASE_URL": url})) == hosts


def test_the_databases_variables_are_read(tmp_path: Path):
    """What a URL leaves out comes from PG*, and from the service that the URL or a variable names."""
    services = tmp_path / ".pg_service.conf"
    services.write_text("[ours]\nhost=a.example\nhostaddr=10.0.0.7\nport=6000\n[other]\nhost=never.example\n")
    variables = {"PGHOST": "b.example", "PGHOSTADDR": "10.0.0.8", "PGPORT": "7000"}
    assert set(database_hosts(variables)) == {("b.example", 7000), ("10.0.0.8", 7000)}
    assert set(database_hosts({"DATABASE_URL": "postgresql:///x", **variables})) == set(database_hosts(variables))
    named = {("a.example", 6000), ("10.0.0.7", 6000)}
    for environ in (
        {"HOME": str(tmp_path), "DATABASE_URL": "postgresql:///x?service=ours"},
        {"PGSERVICEFILE": str(services), "PGSERVICE": "ours"},
        {"HOME": str(tmp_path / "none"), "PGSERVICEFILE": str(services), "PGSERVICE": "ours", "DATABASE_URL": "postgresql:///x"},
    ):  # fmt: skip
        assert named <= set(database_hosts(environ)), environ
        assert "never.example" not in dict(database_hosts(environ))
    services.write_text("no section\n")
    assert list(database_hosts({"PGSERVICEFILE": str(services), "PGSERVICE": "ours"})) == []


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001", (HERE, 9001)),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1338/role", (HERE, 1338)),
        ("AWS_ENDPOINT_URL", "https://127.0.0.1:4566", (HERE, 4566)),
        ("AWS_ENDPOINT_URL", "https://local.example", ("local.example", 443)),
        ("AWS_ENDPOINT_URL_S3", "http://[::1]:4566/", ("::1", 4566)),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://10.0.0.7", ("10.0.0.7", 80)),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1111/", (HERE, 1111)),
        ("AWS_XRAY_DAEMON_ADDRESS", "tcp:127.0.0.1:2001 udp:127.0.0.1:2002", (HERE, 2001)),
        ("_AWS_XRAY_DAEMON_ADDRESS", "127.0.0.1:2003", (HERE, 2003)),
        ("AWS_LAMBDA_METADATA_API", "127.0.0.1:9002", (HERE, 9002)),
        ("ECS_CONTAINER_METADATA_URI_V4", "http://127.0.0.1:51679/v4/x", (HERE, 51679)),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:4319", (HERE, 4319)),
        ("https_proxy", "http://u:p@127.0.0.1:3128", (HERE, 3128)),
        ("ALL_PROXY", "socks5h://127.0.0.1", (HERE, 1080)),
        ("HTTP_PROXY", "127.0.0.1:3129", (HERE, 3129)),
        ("DOCKER_HOST", "tcp://127.0.0.1:2375", (HERE, 2375)),
    ],
)
def test_every_variable_that_names_a_service_is_read(name: str, value: str, expected: tuple[str, int]):
    """AWS's endpoints for all and for one service, metadata, credentials, the platform, collectors, proxies."""
    assert expected in found({name: value})


def test_what_names_no_service_is_passed_over():
    """Regions, ARNs, tokens, sockets, hosts without a proxy and what no program could dial are no endpoints."""
    environ = {
        "AWS_REGION": "eu-west-1",
        "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/x",
        "AWS_SESSION_TOKEN": "abc//def+ghi=:=",
        "AWS_LAMBDA_LOG_STREAM_NAME": "2026/11/29/[$LATEST]0123",
        "NO_PROXY": "127.0.0.1:8080,localhost",
        "DOCKER_HOST": "unix:///var/run/docker.sock",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:99999/",
        "AWS_ENDPOINT_URL_S3": "http://[nothing/",
        "HTTP_PROXY": "",
        "SITE_URL": "http://127.0.0.1:8000",
    }
    assert found(environ) == set()


def test_a_profiles_endpoints_are_read_from_the_config_file(tmp_path: Path):
    """Of each profile and each service in it, and of the credentials file: boto3 decides later which one is used."""
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/config").write_text(
        "[default]\nregion = eu-west-1\n[profile local]\nendpoint_url = http://127.0.0.1:4566\nservices = mine\n"
        "ec2_metadata_service_endpoint=http://127.0.0.1:1338\n"
        "# endpoint_url = http://127.0.0.1:1\n[services mine]\ns3 =\n  endpoint_url = http://127.0.0.1:9000\n"
    )
    (tmp_path / "shared").write_text("[x]\nendpoint_url=http://127.0.0.1:4567\n")
    environ = {"HOME": str(tmp_path), "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "shared")}
    assert found(environ) == {(HERE, port) for port in (4566, 1338, 9000, 4567)}
    assert found({"AWS_CONFIG_FILE": str(tmp_path)}) == set()


def test_on_lambda_the_extensions_ports_are_ours():
    """What listens in a function's environment without a variable that names it is closed by its default port."""
    environ = {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001", "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT": "2774"}
    assert {(HERE, port) for port in (9001, 2773, 2774, 2000, 4317, 4318, 8126)} <= found(environ)
    assert (HERE, 2773) not in found({})
