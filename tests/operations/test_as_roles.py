"""A run as the environment's own roles, and what is told after it: each refusal, with what would allow it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from generator.cfn.environments import ACCESS, SHARED
from generator.cfn.stacks import Stack
from scripts.deployment import stacks
from scripts.deployment.aws import Endpoint
from scripts.deployment.environment import load
from scripts.deployment.errors import Exit, RefusedError, UsageError
from scripts.local_aws import roles, server
from scripts.local_aws.roles import Judged
from scripts.operations import as_roles
from scripts.operations.as_roles import lines
from scripts.operations.options import DeployOptions, NoOptions
from scripts.operations.run import Run
from tests.conftest import ROOT
from tests.support.runs import verb_run
from tests.support.service import Prepared

OUTPUTS = {"DeployRoleArn": "arn:aws:iam::0:role/x/Deployer", "CloudFormationRoleArn": "arn:aws:iam::0:role/x/Executor"}
STACK = Stack("access", "id", "UPDATE_COMPLETE", outputs=OUTPUTS)


@dataclass(frozen=True)
class Denied:
    """As the local AWS tells a refusal."""

    role: str
    action: str
    resource: str
    missing: str = ""
    near: tuple[str, ...] = ()


def test_a_run_in_which_everything_was_allowed() -> None:
    used = frozenset({("Deployer", "Read", "s3:Get"), ("Deployer", "Read", "s3:List"), ("Executor", "Read", "s3:Get")})
    judged = Judged(used, (), {}, (("Deployer", None), ("Executor", None)))  # type: ignore[arg-type]
    assert list(lines(STACK, judged)) == [
        "as the roles of access: 2 different requests judged, 2 statements used, none refused"
    ]


def test_each_refusal_is_told_once_with_what_is_missing_and_what_is_close() -> None:
    often = Denied("Deployer", "s3:Put", "arn:b/*", '{"Effect": "Allow"}', ("Read allows s3:Get", "Write, elsewhere"))
    once = Denied("Other", "iam:Get", "*")
    judged = Judged(frozenset(), (often, once, often), {"b": 2, "a": 1}, ())  # type: ignore[arg-type]
    assert list(lines(STACK, judged)) == [
        "as the roles of access: 0 different requests judged, 0 statements used, 3 refused",
        "  the deploy role may not s3:Put on arn:b/* (2 times)",
        '    the statement that is missing: {"Effect": "Allow"}',
        "    close: Read allows s3:Get",
        "    close: Write, elsewhere",
        "  Other may not iam:Get on *",
        "  not judged (1 times): a",
        "  not judged (2 times): b",
        "  Statements of roles are written in generator/roots/access/, each with its reason.",
    ]
    only = Stack("access", "id", "UPDATE_COMPLETE", outputs={"CloudFormationRoleArn": OUTPUTS["CloudFormationRoleArn"]})
    executor = Judged(frozenset(), (Denied("Executor", "a:b", "*"),), {}, ())  # type: ignore[arg-type]
    assert list(lines(only, executor))[1] == "  the execution role may not a:b on *"


# --- the run

SERVED = Endpoint("http://localhost:9", "eu-west-1", list, "root", "http://localhost:9/page")
LOCAL = server.Endpoint("http://localhost:9", server.ACCOUNT, "eu-west-1", "root")
KEY = "ASIA0000000000000000"
CREDENTIALS = {"SecretAccessKey": "s", "SessionToken": "t", "Expiration": datetime(2026, 1, 1, tzinfo=UTC)}


class Service:
    """A local AWS: what was done there, in order, and by whom."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, ends: Exit = Exit.DONE) -> None:
        self.done: list[Any] = []
        self.stack: Stack | None = STACK
        monkeypatch.setattr(roles, "enforce", lambda *arguments: self.done.append(("enforce", *arguments)))
        monkeypatch.setattr(roles, "judged", self.judged)
        monkeypatch.setattr(roles, "stop", lambda endpoint: self.done.append(("stop", endpoint)))
        monkeypatch.setattr(stacks, "read", self.read)
        monkeypatch.setattr(as_roles, "deploy_access", self.deploying("access", ends))
        monkeypatch.setattr(as_roles, "deploy", self.deploying("deploy", Exit.MANUAL))

    def judged(self, endpoint: server.Endpoint) -> Judged:
        self.done.append(("judged", endpoint))
        return Judged(frozenset(), (), {}, ())

    def read(self, _: object, name: str) -> Stack | None:
        self.done.append(("read", name))
        return self.stack

    def deploying(self, name: str, ends: Exit) -> Callable[[Run, object], Exit]:
        def deploy(run: Run, options: object) -> Exit:
            self.done.append((name, list(run.roots), options))
            return ends

        return deploy

    def verb(self, run: Run, options: object) -> Exit:
        self.done.append(("verb", run.aws.endpoint, options))
        return Exit.CHANGES


def local_run(name: str = "staging", served: Endpoint | None = SERVED) -> Run:
    aws = Prepared(sts__assume_role={"Credentials": {"AccessKeyId": KEY, **CREDENTIALS}})
    aws.endpoint = served
    return verb_run(aws, load(name, ROOT / "templates", ROOT / "params"))


def test_the_verb_runs_as_the_deploy_role_while_everything_is_judged(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    service, run = Service(monkeypatch), local_run()
    assert as_roles.run(run, NoOptions(), service.verb) is Exit.CHANGES
    excluded = run.roots[ACCESS].root.metadata["Excluded"]
    assert excluded and service.done == [
        ("read", "cloud-health-dashboard-staging-access"),
        ("enforce", LOCAL, {kind: sorted(reasons) for kind, reasons in excluded.items()}),
        ("verb", replace(SERVED, key=KEY), NoOptions()),
        ("judged", LOCAL),
        ("stop", LOCAL),
    ]
    assert isinstance(run.aws, Prepared)
    role = {"RoleArn": OUTPUTS["DeployRoleArn"], "RoleSessionName": "as-roles"}
    assert run.aws.asked == [("sts.assume_role", role)]
    assert capsys.readouterr().out.splitlines() == list(lines(STACK, Judged(frozenset(), (), {}, ())))


def test_what_was_judged_is_told_when_the_verb_is_refused_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    service = Service(monkeypatch)

    def refused(*_: object) -> Exit:
        raise RefusedError("no")

    with pytest.raises(RefusedError, match=r"^no$"):
        as_roles.run(local_run(), NoOptions(), refused)
    assert [what for what, *_ in service.done] == ["read", "enforce", "judged", "stop"]
    assert capsys.readouterr().out.startswith("as the roles of access: ")


@pytest.mark.parametrize("outputs", [None, {}, {"CloudFormationRoleArn": "arn:aws:iam::0:role/x/Executor"}])
def test_without_an_access_stack_there_is_no_role(
    outputs: dict[str, str] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Service(monkeypatch)
    service.stack = None if outputs is None else replace(STACK, outputs=outputs)
    with pytest.raises(RefusedError) as refused:
        as_roles.run(local_run(), NoOptions(), service.verb)
    assert refused.value.reason == "staging has no access stack, whose roles it could be run as."
    assert refused.value.remedy == "`access staging` makes it."
    assert [what for what, *_ in service.done] == ["read"]


def test_templates_without_an_access_root_have_no_role(monkeypatch: pytest.MonkeyPatch) -> None:
    service, run = Service(monkeypatch), local_run()
    without = replace(run, roots={name: root for name, root in run.roots.items() if name != ACCESS})
    with pytest.raises(RefusedError, match="staging has no access stack"):
        as_roles.run(without, NoOptions(), service.verb)
    assert service.done == []


def test_a_real_account_is_not_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service(monkeypatch)
    with pytest.raises(UsageError) as refused:
        as_roles.run(local_run(served=None), DeployOptions(), service.verb)
    assert refused.value.reason == "--as-roles is for the local AWS."
    assert refused.value.remedy == "On a real account, sign in as the deploy role."
    assert service.done == []


PLANNED = DeployOptions(plan=Path("plan.json"), adopt=True)


@pytest.mark.parametrize(
    ("name", "ends", "status", "done"),
    [
        ("staging", Exit.FAILED, Exit.FAILED, [("access", [ACCESS, SHARED, "edge", "environment"], PLANNED)]),
        (
            "staging",
            Exit.DONE,
            Exit.MANUAL,
            [
                ("access", [ACCESS, SHARED, "edge", "environment"], PLANNED),
                ("deploy", [SHARED], replace(PLANNED, plan=None)),
            ],
        ),
        ("shared", Exit.FAILED, Exit.FAILED, [("access", [ACCESS, SHARED], PLANNED)]),
    ],
)
def test_before_a_deployment_the_stacks_of_an_administrator_are_made_with_the_accounts_own_rights(
    name: str, ends: Exit, status: Exit, done: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What does not end well ends the run: the verb is not begun."""
    service = Service(monkeypatch, ends=ends)
    assert as_roles.run(local_run(name), PLANNED, service.verb) is status
    assert service.done == done


def test_what_all_share_is_the_verbs_own_to_deploy(monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service(monkeypatch)
    assert as_roles.run(local_run("shared"), PLANNED, service.verb) is Exit.CHANGES
    assert [what for what, *_ in service.done] == ["access", "read", "enforce", "verb", "judged", "stop"]
