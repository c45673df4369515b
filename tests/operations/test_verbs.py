"""The steps of `apply` in their order: what is refused, what is cleared away, what is left alone."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from generator.cfn.environments import EnvironmentRefusedError
from generator.cfn.stacks import Stack
from generator.cfn.templates import STACK
from scripts.deployment import environment
from scripts.deployment.aws import Endpoint
from scripts.deployment.errors import Exit, ManualActionRequiredError, NotConfirmedError, RefusedError
from scripts.operations.diagnose import recovery
from scripts.operations.options import NoOptions
from scripts.operations.verbs import apply, migrate, plan
from scripts.operations.verbs import status as standing
from scripts.terminal.hints import Spelling
from tests.conftest import ROOT
from tests.support.account import NOW, STAGING, Account, Roots, arguments
from tests.support.runs import verb_options, verb_run
from tests.support.service import arn, refusal


@pytest.fixture(scope="module")
def loaded() -> Roots:
    return environment.load("staging", ROOT / "templates", ROOT / "params")


def test_what_a_living_environment_cannot_change_is_refused(loaded: Roots) -> None:
    """The template says what and why; a new environment and an unchanged value are nobody's concern."""
    environment = loaded["environment"]
    for before in ({}, {"LoadBalancerScheme": "INTERNAL"}):
        environment.check_fixed(before, {"LoadBalancerScheme": "INTERNAL"})
    with pytest.raises(
        EnvironmentRefusedError, match="is INTERNAL and cannot become PUBLIC: the load balancer would be replaced"
    ):
        environment.check_fixed({"LoadBalancerScheme": "INTERNAL"}, {"LoadBalancerScheme": "PUBLIC"})


def test_without_a_yes_nothing_happens_and_nothing_is_left(
    loaded: Roots, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    aws = Account()
    with pytest.raises(NotConfirmedError) as raised:
        apply.run(*arguments(aws, loaded))
    assert raised.value.status is Exit.CHANGES
    assert "cloudformation.execute_change_set" not in aws.calls()
    assert aws.statuses[STAGING] == "DELETE_COMPLETE"
    # The shared stack is as it should be, so that no change set is made for it.
    deleted = [request["ChangeSetName"] for name, request in aws.asked if name.endswith("delete_change_set")]
    assert deleted == [arn("changeSet", STAGING)]
    assert f"{STAGING}: create 1 resource" in capsys.readouterr().out


def test_the_pipelines_branch_has_to_exist(loaded: Roots) -> None:
    missing = refusal("codecommit.get_branch", "BranchDoesNotExistException")
    aws = Account()
    aws.answers["codecommit.get_branch"] = missing
    with pytest.raises(RefusedError, match="dashboard has no branch develop") as raised:
        apply.run(*arguments(aws, loaded))
    assert "--without-branch" in raised.value.remedy and raised.value.status is Exit.REFUSED
    assert not any(request.get("StackName") == STAGING for _, request in aws.asked)
    aws.asked.clear()
    with pytest.raises(NotConfirmedError):
        apply.run(*arguments(aws, loaded, without_branch=True))
    assert "codecommit.get_branch" not in aws.calls()


@pytest.mark.parametrize("status", ["UPDATE_FAILED", "UPDATE_ROLLBACK_FAILED", "DELETE_FAILED", "CREATE_FAILED"])
def test_a_stack_that_is_stuck_is_left_alone(loaded: Roots, status: str) -> None:
    aws = Account(status)
    with pytest.raises(ManualActionRequiredError, match=status) as raised:
        apply.run(*arguments(aws, loaded))
    assert raised.value.remedy
    touched = [name for name, request in aws.asked if request.get("StackName") in (STAGING, arn("stack", STAGING))]
    assert touched == ["cloudformation.describe_stacks"]


@pytest.mark.parametrize("status", ["UPDATE_ROLLBACK_FAILED", "DELETE_FAILED", "UPDATE_IN_PROGRESS"])
def test_nothing_is_planned_for_a_stack_that_is_stuck_or_busy(loaded: Roots, status: str) -> None:
    aws = Account(status)
    with pytest.raises(ManualActionRequiredError, match=status) as raised:
        plan.run(verb_run(aws, loaded), verb_options(plan))
    assert raised.value.remedy and "cloudformation.create_change_set" not in aws.calls()


def test_an_empty_stack_that_cannot_be_deleted_is_not_built_upon(loaded: Roots) -> None:
    class Resisting(Account):
        def delete(self, StackName: str) -> dict[str, Any]:
            self.statuses[self.name(StackName)] = "DELETE_FAILED"
            return {}

    aws = Resisting("ROLLBACK_COMPLETE")
    with pytest.raises(ManualActionRequiredError, match=STAGING) as raised:
        apply.run(*arguments(aws, loaded))
    assert raised.value.remedy and "cloudformation.create_change_set" not in aws.calls()


def test_what_failed_and_is_empty_is_made_anew(loaded: Roots) -> None:
    aws = Account("ROLLBACK_COMPLETE")
    with pytest.raises(NotConfirmedError):
        apply.run(*arguments(aws, loaded))
    request = next(
        sent for name, sent in aws.asked if name.endswith("create_change_set") and sent["StackName"] == STAGING
    )
    assert request["ChangeSetType"] == "CREATE"
    assert aws.calls().index("cloudformation.delete_stack") < len(aws.calls()) - 3


def test_an_operation_that_cannot_be_recorded_has_happened_all_the_same(loaded: Roots) -> None:
    aws = Account()

    def execute(**_: Any) -> dict[str, Any]:
        aws.statuses[STAGING] = "CREATE_COMPLETE"
        return {}

    def stored(Key: str, **options: Any) -> dict[str, Any]:
        """Templates are stored, records are not."""
        if Key.startswith("deployments/"):
            raise refusal("s3.put_object", "AccessDenied")
        return aws.bucket.put(Key, **options)

    aws.answers |= {"s3.put_object": stored, "cloudformation.execute_change_set": execute}
    with pytest.raises(ManualActionRequiredError, match="was changed, but not cleared up and recorded"):
        apply.run(*arguments(aws, loaded, yes=True))
    aws.answers["s3.put_object"], aws.statuses[STAGING] = aws.bucket.put, ""
    assert apply.run(*arguments(aws, loaded, yes=True)) is Exit.DONE


def test_a_change_set_that_cannot_be_executed_is_taken_away(loaded: Roots) -> None:
    aws = Account()
    aws.answers["cloudformation.execute_change_set"] = refusal("x", "InvalidChangeSetStatus")
    with pytest.raises(RefusedError, match="has changed since this was planned"):
        apply.run(*arguments(aws, loaded, yes=True))
    assert aws.statuses[STAGING] == "DELETE_COMPLETE"


IMAGE = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/images@sha256:" + "0123" * 16
RECORD = {"image": IMAGE, "documents": {"sbom": {"uri": "s3://bucket/images/0123.cdx.json", "sha256": "4567" * 16}}}


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (RECORD, "    sbom: s3://bucket/images/0123.cdx.json"),
        ({"image": IMAGE, "documents": {}}, f"  last good image: {IMAGE}"),
        (refusal("ssm.GetParameter", "ParameterNotFound", "x"), ""),
        (refusal("ssm.GetParameter", "AccessDeniedException", "no"), "  last good image: ssm.GetParameter: Access"),
        ([], "  last good image: /short/release/staging/documents is not a record of ours: TypeError("),
    ],
    ids=["recorded", "without", "before the first", "denied", "foreign"],
)
def test_status_names_the_documents_of_the_last_good_image(
    loaded: Roots, capsys: pytest.CaptureFixture[str], answer: Any, line: str
) -> None:
    """And says how the stacks stand, whatever the record is."""
    aws = Account("CREATE_COMPLETE")
    described = aws.stack
    path = [{"OutputKey": "ReleasesPath", "OutputValue": "/short/release/staging"}]
    aws.answers["cloudformation.describe_stacks"] = lambda StackName: {
        "Stacks": [
            {**stack, "Outputs": [*stack["Outputs"], *([] if "shared" in StackName else path)]}
            for stack in described(StackName)["Stacks"]
        ]
    }
    denied = isinstance(answer, Exception)
    aws.answers["ssm.get_parameter"] = answer if denied else {"Parameter": {"Value": json.dumps(answer)}}
    assert standing.run(verb_run(aws, loaded), NoOptions()) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line and each.startswith(line) for each in lines) is bool(line), lines


@pytest.mark.parametrize(
    ("name", "root", "way"),
    [
        ("staging", "access", "--stack-name cloud-health-dashboard-staging-access --retain-resources Role"),
        ("staging", "environment", "then run `python -m scripts.deploy destroy staging` again"),
        ("shared", "shared", "an administrator deletes it again: `aws cloudformation delete-stack --stack-name cloud"),
        ("shared", "access", "delete-stack --stack-name cloud-health-dashboard-shared-access`"),
    ],
)
def test_status_has_the_command_for_a_stack_that_is_half_deleted(name: str, root: str, way: str) -> None:
    """`destroy` deletes an environment, and neither its roles nor what is shared."""
    roots = environment.load(name, ROOT / "templates", ROOT / "params")
    half = Stack(roots[root].stack, arn("stack", "s"), "DELETE_FAILED")
    spelling = Spelling("python -m scripts.deploy", name, (("destroy", True),))
    assert way in spelling.spelled(recovery.remedy(roots[root], half))


def test_status_tells_whether_somebody_has_to_act(loaded: Roots, capsys: pytest.CaptureFixture[str]) -> None:
    resource = {"LogicalResourceId": "Storage", "ResourceType": STACK, "ResourceStatus": "CREATE_COMPLETE"}
    summaries = {"StackResourceSummaries": [{**resource, "LastUpdatedTimestamp": NOW}]}
    for status, code in (("CREATE_COMPLETE", 0), ("UPDATE_IN_PROGRESS", 4), ("UPDATE_ROLLBACK_FAILED", 4), ("", 0)):
        aws = Account(status)
        aws.answers["cloudformation.list_stack_resources"] = summaries
        assert standing.run(verb_run(aws, loaded), NoOptions()) == code
        output = capsys.readouterr().out
        assert "  Storage  CREATE_COMPLETE" in output and (status or "does not exist") in output


def test_status_gives_each_advice_once(loaded: Roots, capsys: pytest.CaptureFixture[str]) -> None:
    """After a rollback that failed, the advice with the names of the resources stands for the general one."""
    failed = {"LogicalResourceId": "Alarm", "ResourceType": "AWS::SNS::Topic", "ResourceStatus": "UPDATE_FAILED"}
    for summaries, general in (([{**failed, "LastUpdatedTimestamp": NOW}], False), ([], True)):
        aws = Account("UPDATE_ROLLBACK_FAILED")
        aws.answers["cloudformation.list_stack_resources"] = {"StackResourceSummaries": summaries}
        standing.run(verb_run(aws, loaded), NoOptions())
        output = capsys.readouterr().out
        stacks = output.count("(UPDATE_ROLLBACK_FAILED")
        assert stacks and output.count("To give up on") == stacks, output
        assert ("--skip RESOURCE" in output) is general and ("--skip Alarm" in output) is not general, output


def test_the_local_aws_has_no_git_server(loaded: Roots) -> None:
    aws = Account()
    aws.endpoint = Endpoint("http://localhost:9", "eu-west-1")
    with pytest.raises(RefusedError) as raised:
        migrate.run(verb_run(aws, loaded), verb_options(migrate, app=ROOT))
    assert raised.value.reason == "The local AWS has no git server."
    assert raised.value.remedy == "`make rehearse APP=folder` releases a folder there." and aws.asked == []
