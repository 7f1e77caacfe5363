"""The order of a deploy: what is recorded and applied when, and what a failure leaves behind."""

import base64
import hashlib
import json
from dataclasses import replace

import pytest

from tools.deploy import build, steps
from tools.deploy.build import Built
from tools.deploy.environments import Environment
from tools.deploy.rds_ca import RELEASED
from tools.deploy.releases import Release, load, store
from tools.deploy.services import SERVICES, schema
from tools.deploy.settings import Settings
from tools.deploy.steps import Deploy
from tools.shell import ToolError

BUCKET = "trapline-dev-123456789012"


class Root:
    """Keeps what each apply found recorded, and makes what Terraform would of it."""

    def __init__(self, environment, account):
        self.environment, self.account = environment, account
        self.applied, self.known, self.broken = [], {}, None

    def outputs(self):
        return self.known

    def apply(self, *, without_functions=False):
        recorded = {} if without_functions else load(self.environment.releases)
        s3, where = self.account.client("s3"), {"LocationConstraint": self.account.region}
        if not s3.list_buckets()["Buckets"]:
            s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)
        if self.broken in recorded:
            raise ToolError("terraform apply failed")
        self.applied.append(sorted(recorded))
        self.known = {"bucket": BUCKET, "functions": {name: {"alias": f"arn:{name}"} for name in recorded}}


@pytest.fixture
def stage(account, tmp_path, monkeypatch):
    """A deploy of small zips; ``applied``: the applies and migrations in the order in which they came."""
    applied = []
    code = {name: f"{name} 1" for name in SERVICES}

    def build_zip(service, _settings, *, ca):
        path = tmp_path / f"{service}.zip"
        path.write_text(code[service])
        total = hashlib.sha256(path.read_bytes())
        sha256 = base64.b64encode(total.digest()).decode()
        key = f"packages/{service}/{total.hexdigest()}.zip"
        return Built(release=Release(version="0.1.0", key=key, sha256=sha256, schema=schema()), zip=path)

    monkeypatch.setattr(build, "build_zip", build_zip)

    def made(name="dev"):
        settings = Settings(
            environment=name, region=account.region, account_id=None, architecture="x86_64", disposable=True,
            local_aws=True, protected=False,
        )  # fmt: skip
        (tmp_path / "envs").mkdir(exist_ok=True)
        environment = Environment(name=name, folder=tmp_path, settings=settings)
        root = Root(environment, account)
        root.applied = applied
        return Deploy(
            environment=environment,
            account=account,
            root=root,
            environ={},
            migrate=lambda _account, to: applied.append(to),
        )

    return made, applied, code


def recorded(deploy):
    return {name: one.key for name, one in load(deploy.environment.releases).items()}


def test_an_empty_account_is_brought_up_in_order(stage):
    """First what needs no code, then the operator alone, then the migrations, then the rest."""
    made, applied, _ = stage
    deploy = made()
    deploy.all_services()
    assert applied == [[], ["operator"], "arn:operator", ["crawler", "dispatcher", "notifier", "operator"]]
    deploy.all_services()
    every = ["crawler", "dispatcher", "notifier", "operator"]
    assert applied[4:] == [every, "arn:operator", every]


def test_a_failed_migration_leaves_the_old_code(stage):
    """Nothing but the operator is recorded or applied when migrating fails; the next deploy goes on from there."""
    made, applied, code = stage
    made_first = made()
    made_first.all_services()
    before = recorded(made_first)
    code.update({name: f"{name} 2" for name in SERVICES})

    def fails(_account, _to):
        raise ToolError("migrating failed")

    broken = replace(made_first, migrate=fails)
    applied.clear()
    with pytest.raises(ToolError, match="migrating failed"):
        broken.all_services()
    assert len(applied) == 1
    after = recorded(broken)
    assert {name for name in after if after[name] != before[name]} == {"operator"}
    made_first.all_services()
    assert {name for name, key in recorded(made_first).items() if key != before[name]} == set(SERVICES)


def test_one_service_is_deployed_alone(stage):
    """Another service's changed code stays where it is, and the migrations run before the one takes traffic."""
    made, applied, code = stage
    deploy = made()
    deploy.all_services()
    before = recorded(deploy)
    applied.clear()
    code.update({name: f"{name} 2" for name in SERVICES})
    deploy.one_service("crawler")
    assert applied[0] == "arn:operator"
    assert len(applied) == 2
    after = recorded(deploy)
    assert {name for name in after if after[name] != before[name]} == {"crawler"}
    applied.clear()
    deploy.one_service("operator")
    assert applied == [sorted(SERVICES), "arn:operator"]


def test_one_service_needs_the_others(stage):
    """In an empty account a single service is refused, with the command that comes first."""
    made, applied, _ = stage
    with pytest.raises(ToolError, match="make deploy ENV=dev"):
        made().one_service("crawler")
    assert applied == []


def test_code_never_runs_ahead_of_the_ledger(stage):
    """A service that knows a newer migration than the deployed operator is refused: no function could apply it."""
    made, applied, _ = stage
    deploy = made()
    deploy.all_services()
    releases = load(deploy.environment.releases)
    releases["operator"] = replace(releases["operator"], schema=schema() - 1)
    store(deploy.environment.releases, releases)
    applied.clear()
    with pytest.raises(ToolError, match="SERVICE=operator ENV=dev first"):
        deploy.one_service("crawler")
    assert applied == []
    deploy.one_service("operator")
    deploy.one_service("crawler")


def test_one_version_is_one_content(stage, capsys):
    """Changed code under a recorded version is a warning in dev, and refused in prod before anything is pushed."""
    made, applied, code = stage
    dev, prod = made(), made("prod")
    for deploy in (dev, prod):
        deploy.all_services()
        code["notifier"] = "notifier 1"
    code["notifier"] = "notifier 2"
    applied.clear()
    with pytest.raises(ToolError, match="make version SERVICE=notifier BUMP=patch"):
        prod.all_services()
    assert applied == []
    capsys.readouterr()
    dev.all_services()
    assert "warning: changed, and its version did not: notifier 0.1.0" in capsys.readouterr().out


def test_a_deploy_that_was_cut_off_is_mended_by_the_next(stage):
    """After an apply that was cut off the record names what was asked for, and a second deploy comes to the end."""
    made, applied, _ = stage
    deploy = made()
    deploy.root.broken = "crawler"
    with pytest.raises(ToolError, match="apply failed"):
        deploy.all_services()
    deploy.root.broken = None
    deploy.all_services()
    assert applied[-1] == sorted(SERVICES)


def test_a_record_of_an_account_that_is_gone_is_not_trusted(stage):
    """In an empty account an old record names packages that are nowhere: all is built and pushed anew, in order."""
    made, applied, _ = stage
    deploy = made()
    store(
        deploy.environment.releases, {"crawler": Release(version="0.0.9", key="packages/crawler/gone.zip", sha256="a")}
    )
    deploy.all_services()
    assert applied[:2] == [[], ["operator"]]
    assert "gone" not in json.dumps(recorded(deploy))


def test_account_region_version_and_content_are_applied_before_acting(stage, capsys):
    """A person reads where it goes and what before the first apply."""
    made, _, _ = stage
    deploy = made()

    class Stop(Exception):  # noqa: N818
        """Ends the deploy at its first act."""

    def stop(**_):
        raise Stop

    deploy.root.apply = stop
    with pytest.raises(Stop):
        deploy.all_services()
    text = capsys.readouterr().out
    assert "account 123456789012, region eu-central-1" in text
    for name in SERVICES:
        digest = hashlib.sha256(f"{name} 1".encode()).hexdigest()
        assert f"0.1.0    packages/{name}/{digest}.zip" in text


def test_an_unchanged_image_is_not_built_again(stage, account, monkeypatch):
    """While sources and version stay and ECR has the image, its digest stays; prod refuses another source unbuilt."""
    made, _, _ = stage
    deploy = made()
    deploy.all_services()
    settings = replace(deploy.environment.settings, local_aws=False)
    deploy = replace(deploy, environment=replace(deploy.environment, settings=settings))
    ecr = account.client("ecr")
    ecr.create_repository(repositoryName="trapline-dev/crawler")
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    manifest = json.dumps({"schemaVersion": 2, "mediaType": kind, "layers": [], "config": {"digest": "sha256:0"}})
    there = ecr.put_image(repositoryName="trapline-dev/crawler", imageManifest=manifest, imageTag="x")
    digest = there["image"]["imageId"]["imageDigest"]
    known = replace(build.image_release(settings, ca=RELEASED), digest=digest)
    releases = load(deploy.environment.releases) | {"crawler": known}
    store(deploy.environment.releases, releases)

    def never(*_, **__):
        raise AssertionError("an engine was asked for")

    monkeypatch.setattr(steps, "container_engine", never)
    deploy.all_services()
    assert load(deploy.environment.releases)["crawler"] == known

    store(deploy.environment.releases, releases | {"crawler": replace(known, source="other")})
    careful = replace(deploy, environment=replace(deploy.environment, name="prod"))
    store(careful.environment.releases, releases | {"crawler": replace(known, source="other")})
    with pytest.raises(ToolError, match="make version SERVICE=crawler BUMP=patch"):
        careful.all_services()
    with pytest.raises(AssertionError, match="an engine"):
        deploy.all_services()


def test_nothing_is_built_without_the_certificates_of_the_database(stage):
    """Nothing is built for an account that could not verify its database."""
    made, applied, _ = stage
    deploy = made()
    settings = replace(deploy.environment.settings, local_aws=False)
    environment = replace(deploy.environment, settings=settings)
    with pytest.raises(ToolError, match="no such file"):
        replace(deploy, environment=environment, environ={"TRAPLINE_RDS_CA": "/nowhere.pem"}).all_services()
    assert applied == []
