"""destroy: what it says first, who has to agree, what comes to rest, what is deleted only by name, and what stays."""

from __future__ import annotations

import json
import re
import sys
from contextlib import suppress
from typing import Any

import pytest

from generator.cfn.stacks import Stack, StackResource
from scripts.deployment import environment
from scripts.deployment.aws import Endpoint
from scripts.deployment.errors import (
    DeployError,
    Exit,
    ManualActionRequiredError,
    NotConfirmedError,
    RefusedError,
    UsageError,
)
from scripts.operations.run import Run
from scripts.operations.teardown import emptying, teardown
from scripts.operations.verbs import destroy
from scripts.terminal import results
from tests.conftest import ROOT
from tests.operations.golden import matches
from tests.support.living import INSIDE, NOW, STAGING, Living
from tests.support.runs import verb_options, verb_run
from tests.support.service import ACCOUNT, ME, Prepared, arn, refusal

LOADED = environment.load("staging", ROOT / "templates", ROOT / "params")
ROOTS = {name: LOADED[name] for name in ("shared", "environment")}


def arguments(aws: Prepared, **options: Any) -> tuple[Run, destroy.Options]:
    return verb_run(aws, ROOTS), verb_options(destroy, **{"quiet": True, **options})


AGREED = {"yes": True, "name": "staging"}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    monkeypatch.setattr(teardown, "sleep", lambda _: None)


def changing(aws: Prepared) -> list[str]:
    """The calls that were not only questions."""
    return [name for name in aws.calls() if not name.split(".")[1].startswith(("get", "describe", "list"))]


def test_everything_is_said_before_anybody_agrees(capsys: pytest.CaptureFixture[str]) -> None:
    aws = Living()
    with pytest.raises(NotConfirmedError, match="confirmation needs a terminal"):
        destroy.run(*arguments(aws))
    assert changing(aws) == []
    output = capsys.readouterr().out
    assert f"{STAGING}: delete 5 resources, keep 3" in output
    for line in ("Inside > Clients    clients-1", "`aws dynamodb delete-table --table-name …` removes it"):
        assert line in output
    assert "is stopped: execution e-one of pipeline" in output


def test_a_program_is_given_every_list_also_where_nothing_is_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    refused = NotConfirmedError("Interrupted.")
    with pytest.raises(NotConfirmedError), results.document("destroy", "staging", refused):
        destroy.run(*arguments(Living()))
    result = json.loads(capsys.readouterr().out)["result"]
    assert len(result.pop("stacks")) == 1 and result == {"operations": [], "emptied": [], "kept": []}


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"yes": True}, RefusedError),
        ({"yes": True, "name": "production"}, RefusedError),
        ({**AGREED, "empty": ["Inside.Clients"]}, UsageError),  # data that nothing here deletes
        ({**AGREED, "retain": ["Inside.Vpc"]}, RefusedError),  # before anything has failed
    ],
)
def test_what_is_not_meant_so_happens_not_at_all(options: dict[str, Any], error: type[DeployError]) -> None:
    aws = Living()
    with pytest.raises(error):
        destroy.run(*arguments(aws, **options))
    assert changing(aws) == []


def test_termination_protection_forbids_it() -> None:
    aws = Living(protected=True)
    with pytest.raises(
        RefusedError, match="update-termination-protection --no-enable-termination-protection --stack-name"
    ):
        destroy.run(*arguments(aws, **AGREED))
    assert changing(aws) == []


@pytest.mark.parametrize(
    ("parameters", "forbidden"),
    [
        ({"DeletionProtection": "true", "BackendBootstrap": "false"}, True),
        ({"DeletionProtection": "true", "BackendBootstrap": "true"}, False),  # before the first release
        ({"DeletionProtection": "false", "BackendBootstrap": "false"}, False),
        ({}, False),  # an environment of an earlier version
    ],
)
def test_a_protected_load_balancer_forbids_it(
    monkeypatch: pytest.MonkeyPatch, parameters: dict[str, str], forbidden: bool
) -> None:
    balancer = StackResource(("Ingress", "LoadBalancer"), teardown.BALANCER, "arn", "CREATE_COMPLETE", "id")
    monkeypatch.setattr(teardown, "standing_resources", lambda *_: {balancer: "Delete"})
    survey = teardown.survey(Prepared(), Stack(STAGING, "id", "UPDATE_COMPLETE", parameters=parameters))
    assert bool(survey.forbidden) is forbidden
    if forbidden:
        [reason] = survey.forbidden
        assert "Ingress > LoadBalancer is protected" in reason and "DeletionProtection to false and deploy" in reason


def test_the_shared_stack_stays() -> None:
    run, options = verb_run(Prepared(), {"shared": LOADED["shared"]}), verb_options(destroy)
    with pytest.raises(RefusedError, match="holds the repository"):
        destroy.run(run, options)


def test_releases_and_service_come_to_rest_first(capsys: pytest.CaptureFixture[str]) -> None:
    aws = Living()
    assert destroy.run(*arguments(aws, **AGREED)) is Exit.DONE
    assert changing(aws) == [
        "events.disable_rule",
        "codepipeline.stop_pipeline_execution",
        "codepipeline.stop_pipeline_execution",
        "application-autoscaling.register_scalable_target",
        "ecs.update_service",
        "cloudformation.delete_stack",
        "ssm.delete_parameters",
    ]
    asked_for = dict(aws.asked)
    assert asked_for["ssm.delete_parameters"] == {"Names": ["/x/image", "/x/backend"]}
    assert asked_for["events.disable_rule"] == {"Name": "start"}
    assert asked_for["codepipeline.stop_pipeline_execution"]["abandon"] is True
    assert (aws.tasks, asked_for["application-autoscaling.register_scalable_target"]["MaxCapacity"]) == (0, 0)
    output = capsys.readouterr().out
    assert "kept, because it contains data" in output.split("is deleted (DELETE_COMPLETE")[1]
    assert "Inside > Artifacts  artifacts-1" in output and aws.versions and aws.images


def test_a_deletion_that_does_not_begin_leaves_the_pipeline_as_it_was() -> None:
    aws = Living()
    aws.answers["codepipeline.stop_pipeline_execution"] = refusal("x", "AccessDenied")
    with pytest.raises(DeployError):
        destroy.run(*arguments(aws, **AGREED))
    assert changing(aws)[-1] == "events.enable_rule" and "cloudformation.delete_stack" not in aws.calls()


def test_only_what_is_named_is_emptied_and_it_is_removed(capsys: pytest.CaptureFixture[str]) -> None:
    aws = Living()
    assert destroy.run(*arguments(aws, **AGREED, empty=["Inside/Artifacts"], empty_registry=True)) is Exit.DONE
    assert (aws.versions, aws.images) == ([], [])
    deleted = changing(aws)
    assert deleted.index("cloudformation.delete_stack") < deleted.index("s3.delete_objects")
    assert deleted.count("s3.delete_objects") == 3 and deleted.count("ecr.batch_delete_image") == 2
    assert {"s3.delete_bucket", "ecr.delete_repository"} <= set(deleted)
    assert all(request["ExpectedBucketOwner"] == ME.account for name, request in aws.asked if name.startswith("s3."))
    output = capsys.readouterr().out
    assert "emptied and deleted, because you named it" in output
    assert (
        "Inside > Artifacts: 2000 versions removed" in output
        and "Inside > Images is emptied (150) and removed" in output
    )
    assert "Inside > Clients  clients-1" in output


def test_what_was_left_can_still_be_emptied_when_the_stack_is_gone() -> None:
    """Also when a run was killed between the two."""
    aws = Living()
    destroy.run(*arguments(aws, **AGREED))
    summary = {"StackName": STAGING, "StackId": arn("stack", STAGING), "StackStatus": "DELETE_COMPLETE"}
    aws.answers["cloudformation.list_stacks"] = {
        "StackSummaries": [{**summary, "CreationTime": NOW, "DeletionTime": NOW}]
    }
    aws.asked.clear()
    assert destroy.run(*arguments(aws, empty_buckets=True)) is Exit.DONE
    assert aws.versions == [] and aws.images and "cloudformation.delete_stack" not in aws.calls()


def test_what_is_left_of_production_is_emptied_by_somebody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """The deploy role, as which production is destroyed, may not delete data; an administrator may, once it is gone."""

    def refuse(*_: object) -> None:
        raise RefusedError("production is deployed as its deploy role")

    aws = Living()
    destroy.run(*arguments(aws, **AGREED))
    summary = {"StackName": STAGING, "StackId": arn("stack", STAGING), "StackStatus": "DELETE_COMPLETE"}
    aws.answers["cloudformation.list_stacks"] = {
        "StackSummaries": [{**summary, "CreationTime": NOW, "DeletionTime": NOW}]
    }
    monkeypatch.setattr(Run, "check_deployer", refuse)
    assert destroy.run(*arguments(aws, empty_buckets=True)) is Exit.DONE
    assert aws.versions == []
    with pytest.raises(RefusedError, match="as its deploy role"):
        destroy.run(*arguments(Living(), **AGREED))


ROLE = f"arn:aws:iam::{ACCOUNT}:role/x/staging-access/one"
ROLE_BODY = {"Path": "/", "RoleName": "one", "RoleId": "A" * 16, "CreateDate": "2026-11-23"}


def test_a_role_that_is_gone_is_said_before_anything_happens() -> None:
    """The access stack was deleted by hand: CloudFormation would begin with a role that it cannot assume."""
    aws = Living()
    aws.role = ROLE
    aws.answers["iam.get_role"] = refusal("iam.get_role", "NoSuchEntity")
    with pytest.raises(RefusedError, match="gone with the access stack") as error:
        destroy.run(*arguments(aws, **AGREED))
    assert "make access ENV=staging" in str(error.value) and changing(aws) == []


def with_access(aws: Living, role: str, deployer: str = "") -> Run:
    """A run on an environment whose access stack has this role for CloudFormation."""
    own = aws.stack
    outputs = [{"OutputKey": "CloudFormationRoleArn", "OutputValue": role}]
    outputs += [{"OutputKey": "DeployRoleArn", "OutputValue": deployer}]
    access = {"StackName": "access", "StackId": arn("stack", "access"), "StackStatus": "UPDATE_COMPLETE"}
    answer = {"Stacks": [{**access, "CreationTime": NOW, "Outputs": outputs}]}
    aws.answers["cloudformation.describe_stacks"] = lambda StackName: (
        answer if StackName == LOADED["access"].stack else own(StackName)
    )
    return verb_run(aws, {"shared": LOADED["shared"], "access": LOADED["access"], "environment": LOADED["environment"]})


def test_a_stack_is_deleted_with_the_role_that_took_the_place_of_its_own() -> None:
    for own, roles in ((ROLE, {"RoleARN": ROLE + "-new"}), (ROLE + "-new", {}), ("", {})):
        aws = Living()
        aws.role = own
        aws.answers["iam.get_role"] = {"Role": {**ROLE_BODY, "Arn": own}}
        run, options = with_access(aws, ROLE + "-new"), verb_options(destroy, quiet=True, **AGREED)
        assert destroy.run(run, options) is Exit.DONE
        asked_for = dict(aws.asked)["cloudformation.delete_stack"]
        assert {name: value for name, value in asked_for.items() if name == "RoleARN"} == roles


def test_a_role_that_somebody_deleted_is_said_before_anything_happens() -> None:
    """Its access stack still names it. AWS would refuse the deletion once releases are stopped and tasks gone."""
    aws = Living()
    aws.role = ROLE
    aws.answers["iam.get_role"] = refusal("iam.get_role", "NoSuchEntity")
    with pytest.raises(RefusedError, match="gone though access is there") as error:
        destroy.run(with_access(aws, ROLE), verb_options(destroy, quiet=True, **AGREED))
    assert "delete-stack --stack-name access" in str(error.value) and changing(aws) == []


def test_the_deploy_role_is_told_first_that_it_may_not_empty_anything() -> None:
    aws = Living()
    session = f"arn:aws:sts::{ME.account}:assumed-role/deployer/me"
    aws.answers["sts.get_caller_identity"] = {"Account": ME.account, "Arn": session}
    run = with_access(aws, ROLE, f"arn:aws:iam::{ME.account}:role/x/staging-access/deployer")
    for option in ({"empty_buckets": True}, {"empty_registry": True}, {"empty": ["Inside.Artifacts"]}):
        with pytest.raises(RefusedError, match="the deploy role may not delete data"):
            destroy.run(run, verb_options(destroy, quiet=True, **AGREED, **option))
    assert changing(aws) == []


def test_cloudfronts_interfaces_are_waited_for_and_its_group_removed() -> None:
    aws = Living(resists=("Vpc",))
    group = {"GroupId": "sg-1", "GroupName": teardown.ORIGIN_GROUP}
    aws.answers |= {
        "ec2.describe_security_groups": {"SecurityGroups": [group]},
        "ec2.describe_network_interfaces": [{"NetworkInterfaces": [{}]}, {"NetworkInterfaces": []}],
        "ec2.delete_security_group": {},
    }
    assert destroy.run(*arguments(aws, **AGREED)) is Exit.DONE
    assert [call for call in changing(aws) if call.startswith(("cloudformation", "ec2"))] == [
        "cloudformation.delete_stack",
        "ec2.delete_security_group",
        "cloudformation.delete_stack",
    ]


def test_what_resists_is_explained_and_left_behind_when_a_person_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    aws = Living(resists=("Vpc",))
    assert destroy.run(*arguments(aws, **AGREED)) is Exit.MANUAL
    output = capsys.readouterr().out
    assert f"{STAGING} > Inside > Vpc  AWS::EC2::VPC" in output
    assert "`destroy --retain Inside.Vpc` leaves it behind and deletes the rest." in output
    aws.running, aws.resists = [], ()
    assert destroy.run(*arguments(aws, **AGREED, retain=["Inside.Vpc"])) is Exit.DONE
    calls = [request for name, request in aws.asked if name == "cloudformation.delete_stack"]
    assert calls[1:] == [{"StackName": INSIDE, "RetainResources": ["Vpc"]}, {"StackName": arn("stack", STAGING)}]


def test_what_cannot_be_emptied_is_said() -> None:
    aws = Living()
    error = {"Key": "key1", "Code": "AccessDenied", "Message": "locked"}
    aws.answers["s3.delete_objects"] = {"Errors": [error]}
    bucket = StackResource(("Inside", "Artifacts"), emptying.BUCKET, "artifacts-1", "DELETE_SKIPPED", "")
    with pytest.raises(ManualActionRequiredError, match="key1 of artifacts-1 cannot be deleted: AccessDenied: locked"):
        emptying.empty(aws, bucket, ACCOUNT, lambda _: None)
    full = Living()
    full.answers["s3.delete_bucket"] = refusal("s3.delete_bucket", "BucketNotEmpty")
    with pytest.raises(ManualActionRequiredError, match="fills up"):
        emptying.empty(full, bucket, ACCOUNT, lambda _: None)
    gone = Living()
    gone.answers["s3.list_object_versions"] = refusal("s3.list_object_versions", "NoSuchBucket")
    assert emptying.empty(gone, bucket, ACCOUNT, lambda _: None).gone


def test_a_pipeline_that_does_not_end_keeps_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teardown, "PATIENCE", -1.0)
    aws = Living()
    aws.answers["codepipeline.stop_pipeline_execution"] = {}
    with pytest.raises(ManualActionRequiredError, match="pipeline still executes something") as raised:
        destroy.run(*arguments(aws, **AGREED))
    assert "destroy" in raised.value.remedy
    assert changing(aws)[-1] == "events.enable_rule" and "cloudformation.delete_stack" not in aws.calls()


def test_an_execution_that_has_ended_meanwhile_is_no_obstacle() -> None:
    aws = Living()

    def ended(pipelineExecutionId: str, **_: Any) -> Any:
        aws.stop(pipelineExecutionId)
        raise refusal("x", "PipelineExecutionNotStoppableException")

    aws.answers["codepipeline.stop_pipeline_execution"] = ended
    assert destroy.run(*arguments(aws, **AGREED)) is Exit.DONE


def test_tasks_that_do_not_stop_are_left_to_cloudformation(monkeypatch: pytest.MonkeyPatch) -> None:
    aws = Living()
    aws.running = []
    monkeypatch.setattr(teardown, "PATIENCE", -1.0)
    aws.answers["ecs.update_service"] = {}
    assert destroy.run(*arguments(aws, **AGREED)) is Exit.DONE
    assert aws.tasks == 2 and "cloudformation.delete_stack" in aws.calls()


def test_interfaces_that_cloudfront_keeps_need_another_try(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teardown, "LONGER", -1.0)
    aws = Living(resists=("Vpc",))
    group = {"GroupId": "sg-1", "GroupName": teardown.ORIGIN_GROUP}
    aws.answers |= {
        "ec2.describe_security_groups": {"SecurityGroups": [group]},
        "ec2.describe_network_interfaces": {"NetworkInterfaces": [{}]},
    }
    with pytest.raises(ManualActionRequiredError, match="CloudFront still has interfaces in vpc-1") as raised:
        destroy.run(*arguments(aws, **AGREED))
    assert "in an hour" in raised.value.remedy and aws.calls().count("cloudformation.delete_stack") == 1


def test_a_stack_on_which_something_runs_is_left_alone() -> None:
    aws = Living("UPDATE_IN_PROGRESS")
    with pytest.raises(ManualActionRequiredError) as raised:
        destroy.run(*arguments(aws, **AGREED))
    assert raised.value.reason == f"{STAGING} is being updated (UPDATE_IN_PROGRESS)." and changing(aws) == []


UNTOUCHED = f"{STAGING} was not touched"
NO_TERMINAL = (f"{UNTOUCHED}: confirmation needs a terminal.", "--name staging --yes agrees.")
OTHER_NAME = (f"{UNTOUCHED}: --name is 'production', and the environment is 'staging'.", "")
WHICH = (f"{UNTOUCHED}.", "Say what --yes is for: --name staging --yes.")
NO = (f"{UNTOUCHED}.", "")
QUESTION = f"Delete {STAGING} in account {ACCOUNT}, eu-west-1? (type staging) "


@pytest.mark.parametrize(
    ("local", "options", "answer", "refused", "asks"),
    [
        (False, {}, None, NO_TERMINAL, False),
        (False, {"name": "staging"}, None, NO_TERMINAL, False),
        (False, {"yes": True}, True, WHICH, False),
        (False, {"name": "production"}, True, OTHER_NAME, False),
        (True, {"name": "production"}, True, OTHER_NAME, False),
        (False, {}, False, NO, True),
        (False, {}, True, None, True),
        (False, {"name": "staging"}, True, None, True),
        (False, {"yes": True, "name": "staging"}, False, None, False),
        (True, {}, None, None, False),
        (True, {}, False, NO, True),  # on a terminal it asks, for practice
        (True, {}, True, None, True),
        (True, {"yes": True}, False, None, False),
        (True, {"name": "staging"}, False, None, False),
    ],
)
def test_an_environment_is_deleted_by_its_name(
    monkeypatch: pytest.MonkeyPatch,
    local: bool,
    options: dict[str, Any],
    answer: bool | None,
    refused: tuple[str, str] | None,
    asks: bool,
) -> None:
    """`answer` is what a person types at the terminal, None where there is none."""
    questions: list[tuple[str, str]] = []

    def confirmed(question: str, word: str) -> bool:
        questions.append((question, word))
        return bool(answer)

    monkeypatch.setattr("scripts.terminal.prompt.attended", lambda: answer is not None)
    monkeypatch.setattr("scripts.terminal.prompt.confirmed", confirmed)
    aws = Living()
    aws.endpoint = Endpoint("http://127.0.0.1:9", "eu-west-1") if local else None
    if refused:
        with pytest.raises(DeployError) as raised:
            destroy.run(*arguments(aws, **options))
        assert (raised.value.reason, raised.value.remedy, changing(aws)) == (*refused, [])
    else:
        assert destroy.run(*arguments(aws, **options)) is Exit.DONE
    assert questions == ([(QUESTION, "staging")] if asks else [])


def test_what_is_in_the_way_of_nothing_is_not_left_behind() -> None:
    """Nothing of a nested stack that stands, or that fails once more, is given up; of the root itself what is named."""
    aws = Living("DELETE_FAILED")
    aws.inside = "UPDATE_COMPLETE"
    with pytest.raises(RefusedError) as raised:
        destroy.run(*arguments(aws, **AGREED, retain=["Inside.Vpc"]))
    assert raised.value.reason == "Inside is updated: nothing in it is in the way."
    assert "cloudformation.delete_stack" not in aws.calls()
    aws = Living("DELETE_FAILED", resists=("Vpc", "Subnet"))
    with pytest.raises(ManualActionRequiredError) as failed:
        destroy.run(*arguments(aws, **AGREED, retain=["Inside.Vpc"]))
    assert failed.value.reason == "Inside could not be deleted completely." and failed.value.remedy
    aws = Living("DELETE_FAILED")
    assert destroy.run(*arguments(aws, **AGREED, retain=["Topic"])) is Exit.DONE
    requests = [request for name, request in aws.asked if name == "cloudformation.delete_stack"]
    assert requests == [{"StackName": arn("stack", STAGING), "RetainResources": ["Topic"]}]


# What is chosen, what resists, and how it ends.
WAYS: dict[str, tuple[dict[str, Any], tuple[str, ...], type[DeployError] | Exit]] = {
    "nobody-agrees": ({"empty_buckets": True}, (), NotConfirmedError),
    "agreed": (AGREED, (), Exit.DONE),
    "emptied": ({**AGREED, "empty": ["Inside/Artifacts"], "empty_registry": True}, (), Exit.DONE),
    "resists": (AGREED, ("Vpc",), Exit.MANUAL),
}


def brief(value: Any) -> Any:
    """A request with the ends of its long lists, and how many there are."""
    if isinstance(value, dict):
        return {key: brief(each) for key, each in value.items()}
    if isinstance(value, list) and len(value) > 5:
        return [value[0], f"{len(value)} in all", value[-1]]
    return value


@pytest.mark.parametrize("way", WAYS)
def test_as_a_person_has_read_it(way: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What is shown, what a program gets, and every call that is more than a question."""
    options, resists, ends = WAYS[way]
    with suppress(NotConfirmedError), results.document("destroy", "staging", RefusedError("interrupted")) as document:
        document.exit = destroy.run(*arguments(Living(resists=resists), **options))
        assert document.exit is ends
    written = json.dumps(json.loads(capsys.readouterr().out)["result"], indent=1, sort_keys=True)
    aws = Living(resists=resists)
    with suppress(NotConfirmedError):
        destroy.run(*arguments(aws, **options))
        assert ends is not NotConfirmedError
    shown = re.sub(r"(?m)\d+\.\d s\)$", "N s)", capsys.readouterr().out)
    calls = [json.dumps([name, brief(each)], sort_keys=True) for name, each in aws.asked if name in changing(aws)]
    parts = (shown, "\n".join(calls), re.sub(r'(?<="seconds": )[\d.]+', "0", written))
    matches(f"destroy-{way}.txt", "\n--\n".join(parts) + "\n")
