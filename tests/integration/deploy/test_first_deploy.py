"""The steps of a first deploy: what is asked and kept, the state's bucket, the one question, the links, the lock."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from botocore.exceptions import ClientError

from tools.deploy import answers, environments, first_deploy, proposal, state_bucket
from tools.deploy.answers import add_email, collect
from tools.deploy.confirmation import unconfirmed, wait_for_links
from tools.deploy.environments import Environment, refuse_dirty
from tools.deploy.first_deploy import Wishes
from tools.deploy.settings import Settings
from tools.deploy.steps import Deploy
from tools.shell import ROOT, ToolError
from tools.terraform.cost import monthly_cost

STATED = {"region": "eu-west-3", "architecture": None, "alert_emails": (), "operations_emails": ()}
BUCKET = "trapline-state-123456789012-eu-central-1"
DATABASE = {"instance_class": "db.t4g.micro", "multi_az": False, "allocated_storage": 20}
PLAN = {
    "resource_changes": [
        {"type": "aws_lambda_function", "change": {"actions": ["create"], "after": {}}},
        {"type": "aws_lambda_function", "change": {"actions": ["create"], "after": {}}},
        {"type": "aws_db_instance", "change": {"actions": ["create"], "after": DATABASE}},
        {"type": "aws_sns_topic_policy", "change": {"actions": ["create"], "after": {}}},
        {"type": "aws_s3_bucket", "change": {"actions": ["update"], "after": {}}},
        {"type": "aws_iam_role", "change": {"actions": ["delete", "create"], "after": {}}},
        {"type": "aws_region", "mode": "data", "change": {"actions": ["read"], "after": {}}},
    ]
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Terraform's root with an empty ``envs``, and a work folder beside it; no region in the shell."""
    (tmp_path / "envs").mkdir()
    for variable in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    for module in (first_deploy, environments):
        monkeypatch.setattr(module, "work_folder", lambda name: tmp_path / "work" / name)
    return tmp_path


def environment(folder, **more):
    settings = {
        "environment": "dev", "region": "eu-central-1", "account_id": None, "architecture": "x86_64",
        "disposable": True, "local_aws": False, "protected": False,
    }  # fmt: skip
    return Environment(name="dev", folder=folder, settings=Settings(**{**settings, **more}))


def scripted(*given):
    """Answers questions in order; a question more than there are answers fails."""
    waiting, asked = list(given), []

    def ask(question):
        asked.append(question)
        return waiting.pop(0)

    return ask, asked


def test_what_nothing_says_is_asked_for_once(folder):
    """Region and address are asked for; an empty answer takes what is offered; what was kept is not asked again."""
    ask, asked = scripted("", "me@example.org")
    found = collect("dev", settings=STATED, email="", environ={}, ask=ask, folder=folder)
    assert found.missing == []
    assert found.values == {
        "region": "eu-west-3",
        "architecture": answers.builder_architecture(),
        "alert_emails": ["me@example.org"],
        "operations_emails": ["me@example.org"],
    }
    assert len(asked) == 2
    answers.store(folder / "envs/dev.account.tfvars.json", found.values)
    again = collect("dev", settings=STATED, email="", environ={}, ask=scripted()[0], folder=folder)
    assert again == found


def test_what_is_said_already_is_not_asked_for(folder):
    """The shell's region, an address on the command line or in the tfvars file, a chosen processor: no question."""
    nobody = scripted()[0]
    found = collect(
        "dev", settings=STATED, email="me@example.org", environ={"AWS_REGION": "x"}, ask=nobody, folder=folder
    )
    assert found.values["region"] == "x"
    chosen = {**STATED, "architecture": "arm64", "alert_emails": ("you@example.org",)}
    found = collect("dev", settings=chosen, email="", environ={"AWS_REGION": "x"}, ask=nobody, folder=folder)
    assert found == answers.Answers(values={"region": "x"})
    both = collect(
        "dev", settings=chosen, email="me@example.org", environ={"AWS_REGION": "x"}, ask=nobody, folder=folder
    )
    assert both.values["alert_emails"] == ["you@example.org", "me@example.org"]


@pytest.mark.parametrize("email", [
        "me", "me@here", "a b@example.org", "me@example.org,you@example.org", "<me@example.org>", "Me <me@example.org>",
        "m\u00e9@example.org", "me@ex\u00e4mple.org", ".me@example.org", "me@example..org", "me@example.org.",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(folder, email):
    """SNS would refuse it in the middle of an apply."""
    assert answers._EMAIL.match("o'brien+alerts@mail.example.co.uk")
    (what, do) = collect("dev", settings=STATED, email=email, environ={}, ask=None, folder=folder).missing[0]
    assert email in what
    assert "EMAIL=you@example.org" in do
    with pytest.raises(ToolError, match="is no address"):
        add_email(environment(folder), email)


def test_make_hands_an_address_on_as_it_is(tmp_path):
    """An apostrophe in EMAIL ends no word of the shell's, and nothing in it is executed."""
    asked = tmp_path / "asked"
    program = tmp_path / "python"
    program.write_text(f'#!/bin/sh\nfor one; do printf "%s\\n" "$one" >> {asked}; done\n')
    program.chmod(0o755)
    email = "o'brien@example.org;$(touch x)"
    command = ["make", "--no-print-directory", "-o", "setup", "deploy", f"VENV={program}", "ENV=dev", f"EMAIL={email}"]
    subprocess.run([*command[:-1], f"EMAIL={email.replace('$', '$$')}"], cwd=ROOT, check=True)
    assert email in asked.read_text().splitlines()


def test_a_profile_that_is_not_there_is_no_crash(folder, monkeypatch):
    """The region is the file's then; who you are is said by the look at the account."""
    monkeypatch.setenv("AWS_PROFILE", "gone")
    found = collect("dev", settings=STATED, email="me@example.org", environ={}, ask=None, folder=folder)
    assert found.values["region"] == "eu-west-3"


def test_a_machine_is_asked_nothing(folder):
    """Without a person what is missing is said, and the region is the file's."""
    found = collect("dev", settings=STATED, email="", environ={}, ask=None, folder=folder)
    assert found.missing == [("nobody would get the alerts", "say EMAIL=you@example.org behind make deploy")]
    assert found.values["region"] == "eu-west-3"


@pytest.mark.parametrize(
    ("environ", "what"),
    [
        ({"AWS_ENDPOINT_URL": "https://elsewhere.example"}, "names no AWS of this machine"),
        ({"AWS_ENDPOINT_URL": "https://127.0.0.1:4566"}, "AWS_ENDPOINT_URL is set"),
    ],
)
def test_an_endpoint_is_of_a_local_aws_or_refused(folder, environ, what):
    """An emulator needs its Postgres named; an endpoint elsewhere is a shell that means another account."""
    given = {**environ, "AWS_REGION": "x"}
    found = collect("dev", settings=STATED, email="me@example.org", environ=given, ask=None, folder=folder)
    assert what in found.missing[0][0]
    assert "local_aws" not in found.values


def test_an_address_is_added_later(folder):
    """An address that is new is added to those of both topics, and nothing else is decided again."""
    one = environment(folder, alert_emails=("you@example.org",))
    assert add_email(one, "me@example.org")
    assert json.loads(one.answers.read_text()) == {
        "alert_emails": ["you@example.org", "me@example.org"],
        "operations_emails": ["me@example.org"],
    }
    known = {"alert_emails": ("me@example.org",), "operations_emails": ("me@example.org",)}
    assert not add_email(environment(folder, **known), "me@example.org")
    assert not add_email(one, "")


def test_the_states_bucket_is_private_and_versioned(account, folder):
    """The bucket is complete before the file names it; one that was left half made is completed."""
    s3, one = account.client("s3"), environment(folder)
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": account.region})
    state_bucket.make(one, account)
    assert all(s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"].values())
    assert s3.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"
    assert "aws:SecureTransport" in s3.get_bucket_policy(Bucket=BUCKET)["Policy"]
    assert one.backend.read_text().splitlines() == [
        f'bucket = "{BUCKET}"',
        'key = "trapline/dev.tfstate"',
        'region = "eu-central-1"',
    ]
    one.backend.write_text("of a person's own\n")
    state_bucket.make(one, replace(account, id="210987654321"))
    assert one.backend.read_text() == "of a person's own\n"
    assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == [BUCKET]


def test_a_bucket_that_can_not_be_made_leaves_no_file(account, folder, monkeypatch):
    """Another account's bucket, or a missing right: the file that would name it is not written."""

    def refuse(*_):
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "CreateBucket")

    monkeypatch.setattr(state_bucket, "_make", refuse)
    with pytest.raises(
        ToolError, match=f'(?s){BUCKET}, can.t be made: .*AccessDenied.*backend.hcl by hand .bucket = "'
    ):
        state_bucket.make(environment(folder), account)
    assert list((folder / "envs").iterdir()) == []


def test_a_person_sees_the_plan_and_its_price_and_is_asked_once(capsys):
    """The kinds that a person knows are named, all are counted, and the price is the plan's; only yes goes on."""
    ask, asked = scripted("y", "no", "")
    proposal.agree("dev", PLAN, yes=False, ask=ask)
    text = capsys.readouterr().out
    assert "makes 5 resources: 2 functions, 1 database, 1 roles" in text
    assert "changes 1 resources: 1 bucket" in text
    assert "takes away 1 resources" in text
    assert f"about {monthly_cost(PLAN).total:.2f} dollars a month" in text
    assert monthly_cost(PLAN).total > 10
    assert len(asked) == 1
    for _ in ("no", ""):
        with pytest.raises(ToolError, match="stopped as you said"):
            proposal.agree("dev", PLAN, yes=False, ask=ask)
    with pytest.raises(ToolError, match="YES=1"):
        proposal.agree("dev", PLAN, yes=False, ask=None)
    proposal.agree("dev", PLAN, yes=True, ask=None)
    assert proposal.summary({}) == ["changes nothing"]


class Root:
    """Counts the plans that it makes."""

    def __init__(self, topics=None):
        self.plans, self.topics = 0, topics

    def proposal(self, *, releases):
        assert sorted(releases) == ["crawler", "dispatcher", "notifier", "operator"]
        assert "digest" in releases["crawler"]
        self.plans += 1
        return PLAN

    def outputs(self):
        return {"topics": self.topics, "functions": {"operator": {"alias": "arn:operator"}}}


def test_what_was_agreed_to_is_not_asked_again(folder, account):
    """A person agrees once: a first deploy that was cut off goes on; one that was refused begins anew."""
    root = Root()
    deploy = Deploy(environment=environment(folder), account=account, root=root, environ={})
    with pytest.raises(ToolError):
        first_deploy.propose(deploy, Wishes())
    assert first_deploy.is_first("dev", folder)
    first_deploy.propose(deploy, Wishes(yes=True))
    first_deploy.propose(deploy, Wishes())
    assert root.plans == 2
    deploy.environment.releases.write_text("{}")
    assert first_deploy.is_first("dev", folder)
    first_deploy.under_way("dev").unlink()
    assert not first_deploy.is_first("dev", folder)


@pytest.fixture
def topics(account, monkeypatch):
    """The two topics, each with an address; ``states``: what AWS says of each address, by look."""
    sns = account.client("sns")
    arns = {name: sns.create_topic(Name=name)["TopicArn"] for name in ("alerts", "operations")}
    for arn in arns.values():
        sns.subscribe(TopicArn=arn, Protocol="email", Endpoint="me@example.org")
        sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint="arn:aws:sqs:eu-central-1:123456789012:x")
    pending = set(arns.values())
    original = type(account).client

    def client(self, service, **more):
        made = original(self, service, **more)
        if service == "sns":  # moto takes every address for confirmed

            def answer(parsed, **_):
                for one in parsed["Subscriptions"]:
                    if one["TopicArn"] in pending:
                        one["SubscriptionArn"] = "PendingConfirmation"

            made.meta.events.register("after-call.sns.ListSubscriptionsByTopic", lambda parsed, **_: answer(parsed))
        return made

    monkeypatch.setattr(type(account), "client", client)
    return arns, pending


def test_links_are_waited_for(account, topics, capsys):
    """The command names each address that has not followed its link, waits, and says which have."""
    arns, pending = topics
    assert unconfirmed(account, arns) == ["me@example.org (alerts)", "me@example.org (operations)"]
    assert wait_for_links(account, arns, patience=0) == ["me@example.org (alerts)", "me@example.org (operations)"]
    order = [arns["operations"], arns["alerts"]]
    assert wait_for_links(account, arns, sleep=lambda _: pending.discard(order.pop(0))) == []
    text = capsys.readouterr().out
    assert text.index("confirmed by me@example.org (operations)") < text.index("confirmed by me@example.org (alerts)")
    assert wait_for_links(account, arns, sleep=lambda _: pytest.fail("nobody is waited for")) == []


@pytest.mark.parametrize("exit_code", [0, 4])
def test_the_first_deploy_ends_with_a_test_alert(account, topics, folder, monkeypatch, exit_code):
    """While a link waits, nothing is sent and the deploy is not at its end; an alert that fails is an error."""
    arns, pending = topics
    sent = []

    def perform(_client, function, command, **_):
        sent.append((function, command))
        return {"exit": exit_code}

    monkeypatch.setattr(first_deploy, "perform", perform)
    deploy = Deploy(environment=environment(folder), account=account, root=Root(arns), environ={})
    mark = first_deploy.under_way("dev")
    mark.parent.mkdir(parents=True)
    mark.touch()
    first_deploy.finish(deploy, Wishes(patience=0))
    assert sent == []
    assert mark.exists()
    pending.clear()
    if exit_code:
        with pytest.raises(ToolError, match=r"did not get through \(exit 4\)"):
            first_deploy.finish(deploy, Wishes())
    else:
        first_deploy.finish(deploy, Wishes())
    assert sent == [("arn:operator", ["alert", "--test"])]
    assert mark.exists() == bool(exit_code)


def test_what_a_deploy_wrote_does_not_make_the_tree_dirty(tmp_path):
    """Both files of a first deploy may wait for their commit; a change of them, and any other file, may not."""
    (tmp_path / "terraform/envs").mkdir(parents=True)
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run([*git, "init", "--quiet"], cwd=tmp_path, check=True)
    names = ("dev.account.tfvars.json", "dev.backend.hcl", "dev.releases.tfvars.json")
    for name in names:
        (tmp_path / "terraform/envs" / name).write_text("{}")
    refuse_dirty(tmp_path)
    subprocess.run([*git, "add", "--all"], cwd=tmp_path, check=True)
    subprocess.run([*git, "commit", "--quiet", "--message", "x"], cwd=tmp_path, check=True)
    (tmp_path / "terraform/envs/dev.account.tfvars.json").write_text("{ }")
    with pytest.raises(ToolError, match=r"dev\.account\.tfvars\.json"):
        refuse_dirty(tmp_path)
    (tmp_path / "terraform/envs/dev.account.tfvars.json").write_text("{}")
    (tmp_path / "dev.backend.hcl").write_text("")
    with pytest.raises(ToolError, match=r"dev\.backend\.hcl"):
        refuse_dirty(tmp_path)


HOLDER = """
import sys
from pathlib import Path
from tools.deploy.one_at_a_time import alone
from tools.terraform.foreground import run_in_foreground
with alone(Path(sys.argv[1]), name="dev") as lock:
    run_in_foreground(["sh", "-c", "echo at work; read line < $0; touch $0.done", sys.argv[2]],
                      environ={"PATH": "/usr/bin:/bin"}, folder=Path("/"), log=Path(sys.argv[2] + ".log"),
                      keep_open=[lock])
"""
WAITER = """
import sys
from pathlib import Path
from tools.deploy.one_at_a_time import alone
with alone(Path(sys.argv[1]), name="dev"):
    print("done" if Path(sys.argv[2] + ".done").exists() else "too early", flush=True)
"""


def test_a_killed_commands_terraform_is_waited_for(tmp_path):
    """What a killed command started holds the environment until its own end, so its state is whole for the next."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    call = lambda code: [sys.executable, "-c", code, str(tmp_path / "work"), str(fifo)]  # noqa: E731
    with subprocess.Popen(call(HOLDER), env=environ, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "at work\n"
        holder.send_signal(signal.SIGKILL)
        holder.stdout.close()
        holder.wait()
    with subprocess.Popen(call(WAITER), env=environ, stdout=subprocess.PIPE, text=True) as waiter:
        assert waiter.stdout is not None
        assert "waiting for another command" in waiter.stdout.readline()
        time.sleep(0.2)  # the longest that it would take to go on too early
        assert waiter.poll() is None
        fifo.write_text("go on\n")
        assert waiter.communicate(timeout=20)[0] == "done\n"
