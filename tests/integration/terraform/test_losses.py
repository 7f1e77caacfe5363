"""An apply of the tools' takes nothing away that can't be made again; it says what, and why, before it begins."""

import json

import pytest

from tools.shell import ToolError
from tools.terraform.losses import losses
from tools.terraform.root import Root

TERRAFORM = """#!/bin/sh
echo "$@" >> "$PLAN.called"
case "$*" in
  *" show "*) cat "$PLAN";;
  *" plan "*) for one; do case $one in -out=*) : > "${one#-out=}";; esac; done;;
esac
"""
"""Plans what the file PLAN has, and notes what it is asked for."""


def change(kind, actions, address="module.x.this", **more):
    return {"type": kind, "address": address, "change": {"actions": actions, **more}}


def plan(*changes, reason=None):
    return {"resource_changes": [one | ({"action_reason": reason} if reason else {}) for one in changes]}


@pytest.mark.parametrize("actions", [["delete"], ["delete", "create"], ["create", "delete"]])
def test_what_is_lost_is_named_with_its_reason(actions):
    """Taken away, or made anew under the same address: it is lost in each way, and the argument is named."""
    (line,) = losses(plan(change("aws_db_instance", actions, replace_paths=[["kms_key_id"]])))
    assert line == "module.x.this would be made anew, because of kms_key_id: the ledger"


def test_what_can_be_made_again_may_go():
    """Functions and queues come and go; a change in place loses nothing; what never worked is made anew."""
    harmless = [change("aws_lambda_function", ["delete"]), change("aws_s3_bucket", ["update"], replace_paths=[])]
    assert losses(plan(*harmless)) == []
    assert losses(plan(change("aws_db_instance", ["delete", "create"]), reason="replace_because_tainted")) == []
    moved = 'module.secrets.aws_secretsmanager_secret.this["session-key"]'
    assert losses(plan(change("aws_secretsmanager_secret", ["delete"], address=moved))) == []


@pytest.mark.parametrize("lost", [False, True])
def test_nothing_is_applied_of_a_plan_that_loses_something(tmp_path, lost):
    """What is applied is the very plan that was looked at; where it loses something, none is."""
    program = tmp_path / "terraform"
    program.write_text(TERRAFORM)
    program.chmod(0o755)
    made = plan(change("aws_s3_bucket", ["delete"] if lost else ["update"]))
    file = tmp_path / "plan"
    file.write_text(json.dumps(made))
    (tmp_path / "data").mkdir()
    root = Root(binary=str(program), environ={"PLAN": str(file), "PATH": "/usr/bin:/bin"}, data=tmp_path / "data",
                backend=(), variables=())  # fmt: skip
    if lost:
        with pytest.raises(ToolError, match=r"(?s)nothing was applied.*module\.x\.this would go.*docs/upgrades\.md"):
            root.apply()
    else:
        root.apply()
    called = (tmp_path / "plan.called").read_text().splitlines()
    assert [line.split()[1] for line in called] == ["plan", "show", "apply"][: 2 if lost else 3]
    planned = next(word for word in called[0].split() if word.startswith("-out=")).removeprefix("-out=")
    assert all(line.endswith(planned) for line in called[1:])
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == (
        ["terraform-plan.log"] if lost else ["terraform-apply.log", "terraform-plan.log"]
    )
