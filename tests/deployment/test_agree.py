"""Who has to agree to a plan, and to what."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TextIO

import pytest

from generator.cfn.broadening import Grant
from generator.cfn.changes import Difference, PlannedChange
from generator.cfn.losses import Loss
from generator.cfn.packaging import Bucket, PackagedSet
from generator.cfn.stacks import Stack
from scripts.deployment import deploy_root
from scripts.deployment import environment as parameters
from scripts.deployment.deploy_root import RootDeployment
from scripts.deployment.errors import Exit, NotConfirmedError, RefusedError
from scripts.deployment.guards import Consent
from scripts.deployment.plan import CREATE, UPDATE, Plan, Refusal
from scripts.operations import deploying, image_first
from scripts.operations.options import DeployOptions
from scripts.operations.production import check_consent
from scripts.operations.releases import releases
from scripts.operations.run import Run
from scripts.terminal import prompt
from tests.conftest import ROOT
from tests.support.account import Account, arguments
from tests.support.service import ME, REGION, Prepared, arn

CHANGE = PlannedChange(("Data", "Clients"), "AWS::DynamoDB::Table", "Modify", "True")
PLAIN = Plan("staging", arn("stack", "staging"), UPDATE, arn("changeSet", "s"), "n", "d", (CHANGE,))
LOSS = Loss("Data.Clients", "AWS::DynamoDB::Table", "replaced", "holds data")
BROADER = (Grant("Backend.Role", "Allow", ("s3:*",), broader=True),)
BUSY = Refusal("a release is running", "Pipeline.Pipeline", "Wait", waits=True)


@dataclass(frozen=True)
class Invocation:
    """A run of `apply` on an environment."""

    run: Run
    options: DeployOptions

    @property
    def root(self) -> RootDeployment:
        context = deploying.context(self.run, self.options)
        bucket = Bucket.of("dashboard", ME.account, REGION)
        return RootDeployment(context, self.run.environment, self.run.aws, bucket, PackagedSet(()))


def run(environment: str = "staging", **options: Any) -> Invocation:
    account = Prepared(sts__get_caller_identity={"Account": ME.account, "Arn": ME.arn})
    return Invocation(*arguments(account, parameters.load(environment, ROOT / "templates", ROOT / "params"), **options))


class Person:
    """Somebody at the prompt, who answers one question after the other."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: str) -> None:
        self.asked: list[str] = []
        left = list(answers)

        def answer(question: str, _screen: TextIO) -> str:
            self.asked.append(question)
            return left.pop(0)

        monkeypatch.setattr(prompt, "read_line", answer)
        for stream in (sys.stdin, sys.stdout):
            monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)


def decide(invocation: Invocation, planned: Plan) -> None:
    root = invocation.root
    root.context.extensions.agree(root, planned)


@pytest.mark.parametrize(
    ("environment", "answer", "agreed"),
    [
        ("staging", "yes", True),
        ("staging", "y", False),
        ("production", "yes", False),
        ("production", "production", True),
    ],
)
def test_production_is_agreed_to_by_its_name(
    monkeypatch: pytest.MonkeyPatch, environment: str, answer: str, agreed: bool
) -> None:
    person = Person(monkeypatch, answer)
    if agreed:
        decide(run(environment), PLAIN)
    else:
        with pytest.raises(NotConfirmedError):
            decide(run(environment), PLAIN)
    assert ("its name" in person.asked[0]) is (environment == "production")


def test_production_is_agreed_to_in_advance_with_a_reviewed_plan_only() -> None:
    with pytest.raises(RefusedError, match="`--yes` alone is not accepted for production"):
        check_consent(run("production").run.environment, Consent(yes=True), reviewed=False)
    check_consent(run("production").run.environment, Consent(yes=True), reviewed=True)
    check_consent(run("staging").run.environment, Consent(yes=True), reviewed=False)


def test_what_is_lost_has_to_be_named_whoever_agrees() -> None:
    lost = replace(PLAIN, losses=(LOSS, replace(LOSS, name="Data.Old", how="deleted")))
    with pytest.raises(RefusedError) as raised:
        decide(run(yes=True, allow_replace=["Data.Clients"]), lost)
    assert "--allow-delete Data.Old" in str(raised.value) and "Data.Clients" not in str(raised.value)
    decide(run(yes=True, allow_replace=["Data.Clients"], allow_delete=["Data.Old"]), lost)


@pytest.mark.parametrize("name", ["Data.Client", "Data.Costs", "Nothing"])
def test_a_name_that_says_nothing_of_the_plan_is_refused(name: str) -> None:
    with pytest.raises(RefusedError, match=r"Valid names: Data\.Clients\."):
        decide(run(yes=True, allow_replace=[name]), replace(PLAIN, losses=(LOSS,)))


def test_a_name_of_another_root_is_its_own_concern() -> None:
    decide(run(yes=True, allow_replace=["Repository"]), PLAIN)


def test_broader_permissions(monkeypatch: pytest.MonkeyPatch) -> None:
    broader = replace(PLAIN, gained=BROADER)
    with pytest.raises(RefusedError, match="it would allow more permissions"):
        decide(run(yes=True), broader)
    decide(run(yes=True, allow_broader=True), broader)
    decide(run(yes=True), replace(broader, kind=CREATE))  # everything is new
    decide(run(yes=True), replace(PLAIN, lost=(replace(BROADER[0], broader=False),)))
    person = Person(monkeypatch, "yes", "yes")
    decide(run(), broader)
    assert len(person.asked) == 2 and "More permissions are allowed" in person.asked[0]
    with pytest.raises(RefusedError, match="run again with --allow-broader"):
        decide(run(yes=True), broader)  # on a terminal too: who says yes in advance is asked nothing
    assert len(person.asked) == 2


def test_a_release_that_runs_is_waited_for_or_given_up() -> None:
    busy = replace(PLAIN, refusals=(BUSY,))
    with pytest.raises(RefusedError, match="a release is running"):
        decide(run(yes=True), busy)
    for option in ("wait", "cancel_release"):
        decide(run("staging", **{"yes": True, option: True}), busy)
    hard = replace(busy, refusals=(BUSY, Refusal("it has a name of its own", "Data.Clients", "Give it another one.")))
    with pytest.raises(RefusedError) as raised:
        decide(run(yes=True, wait=True, cancel_release=True), hard)
    assert "Give it another one." in str(raised.value) and "a release is running" not in str(raised.value)


def test_the_image_that_runs_comes_first_and_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """One agreement, two operations: when the second fails, the rollback lands on the release that runs (RUN-8)."""
    image = (Difference("BackendImage", "registry:3", "registry:9"),)
    before = Stack(
        "staging", PLAIN.stack_id, "UPDATE_COMPLETE", parameters={"BackendImage": "registry:3", "TaskCpu": "1"}
    )
    plans, done = [replace(PLAIN, first=image), PLAIN], []

    def executed(_: RootDeployment, planned: Plan) -> tuple[Exit, Stack]:
        done.append(planned)
        return Exit.DONE, before

    monkeypatch.setattr(deploy_root, "prepare", lambda root: replace(root, previous=before))
    monkeypatch.setattr(deploying, "execute", executed)
    aws = Account("UPDATE_COMPLETE")
    aws.answers["cloudformation.get_template"] = {"TemplateBody": '{"Resources": {}}'}
    aws.answers["cloudformation.describe_change_set"] = {"Status": "CREATE_COMPLETE", "Changes": []}
    root = Invocation(*arguments(aws, parameters.load("staging", ROOT / "templates", ROOT / "params"), yes=True)).root
    extensions = replace(root.context.extensions, plan=lambda _: plans.pop(0))
    root = replace(root, context=replace(root.context, extensions=extensions))
    assert deploy_root.deploy_root(root) == (Exit.DONE, before)
    assert [plan.parameters for plan in done] == [image, ()]
    [request] = [sent for name, sent in aws.asked if name.endswith("create_change_set")]
    assert request["UsePreviousTemplate"] and request["Parameters"] == [
        {"ParameterKey": "BackendImage", "ParameterValue": "registry:9"},
        {"ParameterKey": "TaskCpu", "UsePreviousValue": True},
    ]


def test_waiting_ends_with_the_release(monkeypatch: pytest.MonkeyPatch) -> None:
    """`Stopping` still executes; what has ended does not count."""
    pages = [
        {
            "pipelineExecutionSummaries": [
                {"pipelineExecutionId": "2", "status": status},
                {"pipelineExecutionId": "1", "status": "Succeeded"},
            ]
        }
        for status in ("InProgress", "InProgress", "Stopping", "Stopped")
    ]
    naps, moments = list[float](), iter([0, 59.9, 60, 61])
    aws = Prepared(codepipeline__list_pipeline_executions=pages)
    monkeypatch.setattr("time.sleep", naps.append)
    monkeypatch.setattr("time.monotonic", lambda: next(moments))
    assert list(deploying.waited("release", partial(releases.running, aws, "release"))) == [
        "waiting for release, which executes 2",
        "waiting for release, which executes 2 (1 min)",
        "release executes nothing any more: planning again",
    ]
    assert naps == [5.0, 5.0, 5.0]


@pytest.mark.parametrize(
    ("images", "asked_for", "first"),
    [
        (("registry:3", "false"), ("registry:9", "false"), ["BackendImage"]),
        # Until the bootstrap has ended, the template would hold the service at no task again.
        (("none", "true"), ("registry:9", "false"), ["BackendImage", "BackendBootstrap"]),
        (("registry:3", "false"), ("registry:3", "false"), []),
        (("registry:3", "true"), ("registry:3", "false"), []),
    ],
)
def test_what_comes_first(images: tuple[str, str], asked_for: tuple[str, str], first: list[str]) -> None:
    names = ("BackendImage", "BackendBootstrap")
    outputs = {"RunningService": "x", "LastImageParameter": "/x/image"}
    before = Stack("s", "id", "UPDATE_COMPLETE", outputs=outputs, parameters=dict(zip(names, images, strict=True)))
    values = dict(zip(names, asked_for, strict=True))
    assert [parameter.name for parameter in image_first.image_first(before, values)] == first
    assert not list(image_first.image_first(replace(before, outputs={}), values))
    elsewhere = replace(before, outputs={"RunningService": "on Elastic Beanstalk"})
    assert not list(image_first.image_first(elsewhere, values))
    assert not list(image_first.image_first(None, values))
