"""An error is only what it is expected to be: wherever one code has a meaning, any other code ends the command.

AccessDenied stands for all of them. None of these is told as "there is none", as "it has ended" or as good.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from generator.cfn.packaging import Bucket
from generator.cfn.stacks import Stack, StackResource
from scripts.deployment import environment, execute, package, plan, stacks
from scripts.deployment.errors import AwsError
from scripts.deployment.plan import CREATE
from scripts.operations import adoption, importing, linked_roles, saved_plan
from scripts.operations.diagnose import history
from scripts.operations.preflight import account, source
from scripts.operations.releases import approvals
from scripts.operations.releases import source as pipeline_source
from scripts.operations.teardown import emptying, teardown
from tests.conftest import ROOT
from tests.operations.first_deployment import Account, survey
from tests.support.living import STAGING, Living
from tests.support.running_update import EVENTS, PLAN
from tests.support.service import ACCOUNT, Prepared, arn, refusal

ROOTS = environment.load("staging", ROOT / "templates", ROOT / "params")
ENVIRONMENT = ROOTS["environment"]
OUTPUTS = {"LastImageParameter": "/x/image", "RepositoryName": "r"}
LIVING = Stack(STAGING, arn("stack", STAGING), "UPDATE_IN_PROGRESS", outputs=OUTPUTS, change_set=PLAN.change_set)
BUCKET = StackResource(("Inside", "Artifacts"), emptying.BUCKET, "artifacts-1", "DELETE_SKIPPED", "")
REGISTRY = replace(BUCKET, type=emptying.REGISTRY)
PARAMS = ROOT / "params"

# What is done, by the call that is denied and the code that would mean something there.
Case = tuple[str, str, Callable[[Prepared], object], Prepared]


def teardown_of(aws: Prepared) -> teardown.Teardown:
    return teardown.survey(aws, Stack(STAGING, arn("stack", STAGING), "UPDATE_COMPLETE"))


def quietly(work: Callable[..., Any]) -> Callable[[Prepared], object]:
    """Work that tells lines."""
    return lambda aws: work(aws, lambda _: None)


CASES: dict[str, Case] = {
    "no image was released": (
        "ssm.get_parameter",
        "ParameterNotFound",
        lambda aws: environment.released_image(aws, LIVING),
        Prepared(),
    ),
    "no such stack": (
        "cloudformation.describe_stacks",
        "ValidationError",
        lambda aws: stacks.read(aws, STAGING),
        Prepared(),
    ),
    "the change set was made before": (
        "cloudformation.create_change_set",
        "AlreadyExistsException",
        lambda aws: stacks.create_change_set(aws, StackName=STAGING, ChangeSetName="deploy-1"),
        Prepared(cloudformation__describe_change_set={"ChangeSetId": PLAN.change_set, "StackId": PLAN.stack_id}),
    ),
    "the change set is gone": (
        "cloudformation.delete_change_set",
        "ChangeSetNotFound",
        lambda aws: stacks.delete_change_set(aws, PLAN.change_set),
        Prepared(),
    ),
    "nothing has to be waited for": (
        "cloudformation.describe_change_set",
        "ChangeSetNotFound",
        lambda aws: plan.discard(aws, replace(PLAN, kind=CREATE)),
        Prepared(
            cloudformation__delete_change_set={},
            cloudformation__describe_stacks=refusal("x", "ValidationError", "it does not exist"),
        ),
    ),
    "a reviewed change set is gone": (
        "cloudformation.describe_change_set",
        "ChangeSetNotFound",
        lambda aws: saved_plan.check_executable(aws, PLAN, {}, {}),
        Prepared(),
    ),
    "somebody else was faster": (
        "cloudformation.execute_change_set",
        "ChangeSetNotFound",
        lambda aws: execute.start(aws, PLAN),
        Prepared(
            cloudformation__describe_stack_events={"StackEvents": EVENTS[1:]},
            cloudformation__describe_change_set={"ExecutionStatus": "OBSOLETE"},
        ),
    ),
    "the packaging bucket is new": (
        "s3.get_bucket_policy",
        "NoSuchBucket",
        lambda aws: package.prepare(aws, Bucket("bucket", "eu-west-1", ACCOUNT)),
        Prepared(
            **{f"s3__{name}": {} for name in ("create_bucket", "put_public_access_block", "put_bucket_encryption")},
            **{f"s3__{name}": {} for name in ("put_bucket_versioning", "put_bucket_policy")},
        ),
    ),
    "no such service-linked role": (
        "iam.get_role",
        "NoSuchEntity",
        lambda aws: linked_roles.exists(aws, "AWSServiceRoleForECS"),
        Prepared(),
    ),
    "nobody runs it": (
        "cloudformation.describe_change_set",
        "ChangeSetNotFound",
        lambda aws: history.operator(aws, LIVING),
        Prepared(cloudformation__describe_stack_events={"StackEvents": EVENTS}),
    ),
    "there is no repository to take over": (
        "codecommit.get_repository",
        "RepositoryDoesNotExistException",
        lambda aws: importing.plan_import(aws, ROOTS["shared"], "why"),
        Prepared(),
    ),
    "nothing was retained": (
        "dynamodb.describe_table",
        "ResourceNotFoundException",
        lambda aws: adoption._there(lambda: aws.call("dynamodb", "describe_table", TableName="t")),
        Prepared(),
    ),
    "the branch is missing": (
        "codecommit.get_branch",
        "BranchDoesNotExistException",
        lambda aws: pipeline_source._check_branch(aws, ENVIRONMENT, LIVING),
        Prepared(),
    ),
    "the approval rule is missing": (
        "codecommit.get_approval_rule_template",
        "ApprovalRuleTemplateDoesNotExistException",
        lambda aws: approvals.state(aws, approvals.Rule("r", "r-approvals", "{}", 1)),
        Prepared(codecommit__list_associated_approval_rule_templates_for_repository={"approvalRuleTemplateNames": []}),
    ),
    "the region has no such instance type": (
        "ec2.describe_instance_types",
        "InvalidInstanceType",
        lambda aws: list(account._instances(survey(aws, PARAMS))),
        Account(),
    ),
    "preflight finds no branch": (
        "codecommit.get_branch",
        "BranchDoesNotExistException",
        lambda aws: list(source.repository(survey(aws, PARAMS))),
        Account(),
    ),
    "a name is free": (
        "dynamodb.describe_table",
        "ResourceNotFoundException",
        lambda aws: list(source.names(survey(aws, PARAMS))),
        Account(),
    ),
    "the bucket is not empty yet": (
        "s3.delete_bucket",
        "BucketNotEmpty",
        quietly(lambda aws, say: emptying.empty(aws, BUCKET, ACCOUNT, say)),
        Living(),
    ),
    "the bucket is gone": (
        "s3.list_object_versions",
        "NoSuchBucket",
        quietly(lambda aws, say: emptying.empty(aws, BUCKET, ACCOUNT, say)),
        Living(),
    ),
    "the registry is gone": (
        "ecr.list_images",
        "RepositoryNotFoundException",
        quietly(lambda aws, say: emptying.empty(aws, REGISTRY, ACCOUNT, say)),
        Living(),
    ),
    "the execution has ended": (
        "codepipeline.stop_pipeline_execution",
        "PipelineExecutionNotStoppableException",
        quietly(lambda aws, say: teardown.stop_executions(aws, teardown_of(aws), say)),
        Living(),
    ),
    "CloudFront removed its group itself": (
        "ec2.delete_security_group",
        "InvalidGroup.NotFound",
        lambda aws: teardown._remove_group(aws, {"GroupId": "sg-1"}),
        Prepared(),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_access_that_is_denied_is_said_and_nothing_else_is_concluded(name: str) -> None:
    call, expected, work, aws = CASES[name]
    aws.answers[call] = refusal(call, "AccessDenied", "not authorized")
    with pytest.raises(AwsError) as raised:
        work(aws)
    assert raised.value.code == "AccessDenied" != expected and raised.value.call == call


@pytest.mark.parametrize("name", CASES)
def test_each_case_has_its_own_meaning(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the code that means something, no `AwsError` leaves the module: else the test above would prove nothing."""
    call, expected, work, aws = CASES[name]
    monkeypatch.setattr(teardown, "PATIENCE", -1.0)
    aws.answers[call] = refusal(call, expected, "it does not exist")
    try:
        work(aws)
    except AwsError:
        raise AssertionError(f"{expected} of {call} has no meaning") from None
    except Exception:  # what the module says of it
        pass
