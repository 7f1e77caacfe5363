"""What a first deploy looks at before it makes anything: each thing that can be missing, and all of it at once."""

import json
import os
import threading
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest

from tools.deploy import first_deploy, preflight
from tools.deploy.account import Account
from tools.deploy.permissions import denied
from tools.deploy.preflight import Found, look_at_account, look_at_machine
from tools.deploy.settings import Settings
from tools.shell import ROOT, ToolError
from tools.terraform import deployer

REGIONS = '<DescribeRegionsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><regionInfo><item><regionName>\
eu-central-1</regionName><optInStatus>{0}</optInStatus></item></regionInfo></DescribeRegionsResponse>'
EC2_ERROR = "<Response><Errors><Error><Code>{0}</Code><Message>said AWS</Message></Error></Errors></Response>"
SIMULATED = '<SimulatePrincipalPolicyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">\
<SimulatePrincipalPolicyResult><IsTruncated>false</IsTruncated><EvaluationResults>{0}</EvaluationResults>\
</SimulatePrincipalPolicyResult></SimulatePrincipalPolicyResponse>'
IAM_ERROR = (
    "<ErrorResponse><Error><Type>Sender</Type><Code>{0}</Code><Message>said IAM</Message></Error></ErrorResponse>"
)
UNKNOWN = "arn:aws:iam::123456789012:role/unknown"
NO = ("implicitDeny", "")
SCP = (
    "implicitDeny",
    "<OrganizationsDecisionDetail><AllowedByOrganizations>false</AllowedByOrganizations></OrganizationsDecisionDetail>",
)
BOUNDARY = (
    "implicitDeny",
    "<PermissionsBoundaryDecisionDetail><AllowedByPermissionsBoundary>false</AllowedByPermissionsBoundary>\
</PermissionsBoundaryDecisionDetail>",
)
BY_MFA = (
    "implicitDeny",
    "<ResourceSpecificResults><member><EvalResourceName>x</EvalResourceName><EvalResourceDecision>implicitDeny\
</EvalResourceDecision><MissingContextValues><member>aws:MultiFactorAuthPresent</member></MissingContextValues>\
</member></ResourceSpecificResults>",
)
ROLE = '<GetRoleResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><GetRoleResult><Role><Arn>\
arn:aws:iam::123456789012:role/team/admin</Arn><Path>/team/</Path><RoleName>admin</RoleName><RoleId>AROAX</RoleId>\
<CreateDate>2026-01-01T00:00:00Z</CreateDate></Role></GetRoleResult></GetRoleResponse>'


EVERY = deployer.kinds(network=True, instance=True, key=True, orchestration=True)


class Aws:
    """An account as AWS's endpoints describe it; a test sets what is unusual."""

    def __init__(self):
        self.region = (200, REGIONS.format("opt-in-not-required"))
        self.plan = (200, json.dumps({"accountPlanType": "PAID", "accountPlanStatus": "ACTIVE"}))
        self.executions = (200, json.dumps({"AccountLimit": {"ConcurrentExecutions": 1000}}))
        self.denied = {}
        self.simulated = []
        self.known_role = True

    def answer(self, path, target, body):
        """Return status and text of AWS's answer."""
        if path.startswith("/2016-08-19/account-settings"):
            return self.executions
        if "GetAccountPlanState" in target:
            return self.plan
        fields = parse_qs(body)
        if fields["Action"] == ["DescribeRegions"]:
            return self.region
        if fields["Action"] == ["GetRole"]:
            return (200, ROLE) if self.known_role else (403, IAM_ERROR.format("AccessDenied"))
        if fields["PolicySourceArn"][0] == UNKNOWN:
            return 404, IAM_ERROR.format("NoSuchEntity")
        names = [value[0] for key, value in fields.items() if key.startswith("ActionNames.member")]
        known = {
            fields[f"ContextEntries.member.{n}.ContextKeyName"][0]: fields[
                f"ContextEntries.member.{n}.ContextKeyValues.member.1"
            ][0]
            for n in (1, 2, 3)
        }
        resource = fields["ResourceArns.member.1"][0]
        self.simulated += [(fields["PolicySourceArn"][0], resource, name, known) for name in names]
        one = "<member><EvalActionName>{0}</EvalActionName><EvalDecision>{1}</EvalDecision>{2}</member>"
        allowed = ("allowed", "")
        decided = (one.format(name, *self.denied.get(name, allowed)) for name in names)
        return 200, SIMULATED.format("".join(decided))


@pytest.fixture
def aws(monkeypatch):
    """AWS's endpoints on loopback."""
    stage = Aws()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
            status, text = stage.answer(self.path, self.headers.get("x-amz-target", ""), body)
            data = text.encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST  # noqa: N815  (the server calls it so)

        def log_message(self, *arguments):
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        yield stage
        server.shutdown()


def settings(**more):
    usual = {"environment": "dev", "region": "eu-central-1", "account_id": None, "architecture": "x86_64"}
    flags = {"disposable": True, "local_aws": False, "protected": False, "database": {"backup_days": 1}}
    return Settings(**{**usual, **flags, **more})


def looked(crawlers=40, caller="user/t", **more):
    found = Found()
    account = Account(
        id="123456789012", caller=f"arn:aws:iam::123456789012:{caller}", region="eu-central-1", ignore_endpoints=False
    )
    look_at_account(found, account, settings(**more), environment="dev", crawlers=crawlers)
    return found


def test_a_usual_account_lacks_nothing(aws):
    """An account with all it takes stops nothing and is told nothing."""
    found = looked()
    assert (found.missing, found.notes) == ([], [])


@pytest.mark.parametrize(
    ("name", "answer", "what", "do"),
    [
        ("region", (200, REGIONS.format("not-opted-in")), "has not enabled the region eu-central-1", "enable-region"),
        ("region", (400, EC2_ERROR.format("InvalidParameterValue")), "has no region eu-central-1", "AWS_REGION"),
        ("region", (401, EC2_ERROR.format("OptInRequired")), "sign-up is not complete", "24 hours"),
        ("region", (503, EC2_ERROR.format("Unavailable")), "could not look at the region: Unavailable", "try again"),
        ("executions", (200, json.dumps({"AccountLimit": {"ConcurrentExecutions": 5}})), "allows 5", "L-B99A9384"),
        (
            "plan",
            (200, json.dumps({"accountPlanType": "FREE", "accountPlanStatus": "EXPIRED"})),
            "Free plan is expired",
            "upgrade",
        ),
        (
            "denied",
            {"lambda:CreateFunction": NO, "iam:PassRole": NO},
            "may not iam:PassRole, lambda:CreateFunction",
            "tools.terraform.deployer dev eu-central-1 123456789012",
        ),
        ("denied", {"kms:CreateKey": SCP}, "a policy of your organization denies", "ask them"),
        ("denied", {"iam:CreateRole": BOUNDARY}, "your permissions boundary denies", "ask them"),
    ],
)
def test_what_is_missing_is_said_with_what_to_do(aws, name, answer, what, do):
    """Each thing that an account can lack is named, and what helps with it."""
    setattr(aws, name, answer)
    (missing,) = looked().missing
    assert what in missing.what
    assert do in missing.do


def test_what_rds_refuses_on_the_free_plan_is_said_before(aws):
    """RDS's limits on the Free plan are compared with the settings; the plan's end is told in any case."""
    free = {"accountPlanType": "FREE", "accountPlanStatus": "ACTIVE", "accountPlanExpirationDate": 1796083200}
    aws.plan = (200, json.dumps({**free, "accountPlanRemainingCredits": {"amount": 80.0, "unit": "USD"}}))
    found = looked(database={"instance_class": "db.t4g.medium", "backup_days": 7})
    (missing,) = found.missing
    assert "instance_class db.t4g.medium" in missing.what
    assert "backup_days 7" in missing.what
    assert "until 2026-12-01, 80 dollars of credit are left" in found.notes[0]
    (missing,) = looked(database={}).missing
    assert "instance_class" not in missing.what
    assert "backup_days 7" in missing.what
    assert looked(database={"backup_days": 0}, nat="gateway").missing == []
    (missing,) = looked(database={"backup_days": 0}, nat="instance").missing
    assert 'network.nat "instance"' in missing.what


def test_the_free_plans_defaults_are_those_of_the_root():
    """What a tfvars file leaves out of `database` is judged by the root's own defaults."""
    text = (ROOT / "terraform/variables.tf").read_text()
    assert 'instance_class      = optional(string, "db.t4g.micro")' in text
    assert "backup_days         = optional(number, 7)" in text
    assert f"other_executions = {preflight.BESIDE_CRAWLERS}" in (ROOT / "terraform/checks.tf").read_text()


def test_a_small_account_is_told_how_many_crawlers_will_run(aws):
    """A new account's ten executions stop nothing: dispatcher and notifier keep theirs, and the rest is said."""
    aws.executions = (200, json.dumps({"AccountLimit": {"ConcurrentExecutions": 10}}))
    found = looked(crawlers=22)
    assert found.missing == []
    assert "of the 22 crawlers that crawls.yaml allows 5 will run" in found.notes[0]


def test_who_may_not_look_is_told_so_and_goes_on(aws):
    """A refusal to a look is a note: the deploy itself may be allowed."""
    aws.executions = (403, json.dumps({"__type": "AccessDeniedException", "message": "not authorized"}))
    found = looked()
    assert found.missing == []
    assert "could not look at the executions at once: you may not ask" in found.notes[0]


def test_permissions_are_asked_for_trapline_s_own_resources(aws):
    """A policy that names Trapline's resources is taken for what it allows; a session is asked as its role."""
    account = Account(
        id="123456789012",
        caller="arn:aws:sts::123456789012:assumed-role/admin/me",
        region="eu-central-1",
        ignore_endpoints=False,
    )
    aws.denied = {"s3:CreateBucket": NO}
    assert [one.action for one in denied(account, "dev", EVERY)] == ["s3:CreateBucket"]
    assert {principal for principal, *_ in aws.simulated} == {"arn:aws:iam::123456789012:role/team/admin"}
    assert "arn:aws:s3:::trapline-dev-123456789012-eu-central-1" in {resource for _, resource, *_ in aws.simulated}
    assert all(known["aws:RequestedRegion"] == "eu-central-1" for *_, known in aws.simulated)
    root = Account(id="1", caller="arn:aws:iam::123456789012:root", region="eu-central-1", ignore_endpoints=False)
    assert denied(root, "dev", EVERY) == []


def test_what_depends_on_what_iam_can_t_know_stops_nothing(aws):
    """What hangs on a second factor may be allowed all the same: it is said, and the deploy goes on."""
    aws.denied = {"kms:CreateKey": BY_MFA}
    found = looked()
    assert found.missing == []
    assert "may kms:CreateKey: that depends on aws:MultiFactorAuthPresent" in found.notes[0]


def test_a_role_that_can_not_be_looked_up_stops_nothing(aws):
    """IAM knows a role below a path by that path alone, and the caller may not ask for it."""
    aws.known_role = False
    found = looked(caller="assumed-role/unknown/me")
    assert found.missing == []
    assert "IAM knows the role by another path" in found.notes[0]


def test_every_action_of_the_policies_is_asked_about_and_no_other(aws):
    """The first look asks IAM for what the printed policies hold, each on a resource on which they allow it."""
    account = Account(id="123456789012", caller="arn:aws:iam::123456789012:user/t", region="eu-central-1",
                      ignore_endpoints=False)  # fmt: skip
    assert denied(account, "dev", deployer.ACTIONS) == []
    made = deployer.policies("dev", region="eu-central-1", account=account.id, states="trapline-state-x")
    allowed = [statement for document in made.values() for statement in document["Statement"]]

    def may(action, resource, known):
        return any(
            action in one["Action"]
            # IAM knows two wild letters, and "*" is all; of fnmatch's others no ARN of ours has one
            and any(fnmatchcase(resource, pattern) for pattern in one["Resource"])
            and all(
                known.get(key) in values for key, values in one.get("Condition", {}).get("StringEquals", {}).items()
            )
            for one in allowed
        )

    assert [one for one in aws.simulated if not may(*one[2:0:-1], one[3])] == []
    asked = {action for *_, action, _ in aws.simulated}
    assert {action for one in allowed for action in one["Action"]} - asked == {"sts:GetCallerIdentity"}
    passed = {known[deployer.PASSED_TO] for *_, action, known in aws.simulated if action == "iam:PassRole"}
    assert passed == {"lambda.amazonaws.com", "scheduler.amazonaws.com"}
    assert "\n## Who deploys\n" in (ROOT / "docs/aws.md").read_text()


def test_what_the_settings_do_not_make_is_not_asked_about(aws):
    """Who names subnets that are there needs no right to make a network, and who uses AWS's keys none to make one."""
    looked(network_mode="existing", customer_key=False)
    asked = {action for *_, action, _ in aws.simulated}
    assert "rds:CreateDBInstance" in asked
    assert asked.isdisjoint({"ec2:CreateVpc", "ec2:CreateNatGateway", "ec2:RunInstances", "kms:CreateKey"})
    assert "states:CreateStateMachine" not in asked
    looked(nat="instance")
    asked = {action for *_, action, _ in aws.simulated}
    assert {"ec2:CreateVpc", "ec2:RunInstances", "kms:CreateKey"} <= asked
    assert "ec2:CreateNatGateway" not in asked


def test_terraform_is_looked_for_with_its_version(tmp_path):
    """A missing or old Terraform is said with what to install; with a local AWS no container engine is needed."""
    found = Found()
    look_at_machine(found, environ={"PATH": str(tmp_path)}, settings=settings(local_aws=True))
    assert [one.what for one in found.missing] == ["Terraform is missing"]
    old = tmp_path / "terraform"
    old.write_text('#!/bin/sh\necho \'{"terraform_version": "1.9.8"}\'\n')
    old.chmod(0o755)
    found = Found()
    look_at_machine(found, environ={"PATH": str(tmp_path)}, settings=settings(local_aws=True))
    assert [one.what for one in found.missing] == ["Terraform is 1.9"]


def test_a_container_engine_is_looked_for(tmp_path, monkeypatch):
    """On AWS the crawler is an image, so an engine that does not answer is missing."""
    monkeypatch.setenv("PATH", str(tmp_path))
    found = Found()
    look_at_machine(found, environ=os.environ, settings=settings())
    assert "no container engine answers" in [one.what for one in found.missing]


@pytest.mark.parametrize(
    ("said", "do"),
    [
        ("permission denied while trying to connect to the Docker daemon socket", "Docker's group"),
        ("no daemon", "start"),
    ],
)
def test_why_an_engine_does_not_answer_is_said(tmp_path, monkeypatch, said, do):
    """Docker that is there and lets nobody in is another matter than Docker that does not run."""
    docker = tmp_path / "docker"
    docker.write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 1\n")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = Found()
    look_at_machine(found, environ={"PATH": ""}, settings=settings())
    (missing,) = [one for one in found.missing if "engine" in one.what]
    assert said in missing.what
    assert do in missing.do


def test_a_terraform_of_another_processor_is_said(tmp_path):
    """A program that the system can't execute is no crash."""
    program = tmp_path / "terraform"
    program.write_bytes(b"\x7fELF of another machine")
    program.chmod(0o755)
    found = Found()
    look_at_machine(found, environ={"PATH": str(tmp_path)}, settings=settings(local_aws=True))
    (missing,) = found.missing
    assert "does not run" in missing.what


@pytest.mark.parametrize("region", ["us-gov-west-1", "cn-north-1", "eusc-de-east-1"])
def test_another_partition_is_refused_before_anything_is_asked(tmp_path, region):
    """Its addresses and certificates are others: it is said in the first look, and not by the plan after the bucket."""
    found = Found()
    (tmp_path / "crawls.yaml").write_text("crawls: {x: {urls: [https://example.com/]}}\n")
    assert first_deploy._account("dev", found, settings(region=region), crawls=tmp_path / "crawls.yaml") is None
    (missing,) = found.missing
    assert region in missing.what
    text = (ROOT / "terraform/variables.tf").read_text()
    assert f'regex("^{preflight.OTHER_PARTITIONS.pattern}", var.region)' in text


def test_all_of_it_is_said_at_once_and_nothing_is_made(tmp_path, monkeypatch):
    """A bare machine hears in one answer of each thing that it lacks, and no file is written."""
    (tmp_path / "terraform/envs").mkdir(parents=True)
    (tmp_path / "terraform/envs/dev.tfvars").write_text('environment = "dev"\n')
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.setattr(first_deploy, "refuse_dirty", lambda _tree: None)
    with pytest.raises(ToolError) as refused:
        first_deploy.prepare("dev", first_deploy.Wishes(yes=True), environ=os.environ, folder=tmp_path / "terraform")
    text = str(refused.value)
    for part in ("Terraform is missing", "container engine", "EMAIL=you@example.org", "sign in", "crawls.yaml"):
        assert part in text
    assert sorted(tmp_path.rglob("*")) == before
