"""Before an environment is deleted: what comes to rest in which order, and exactly what is asked of each service."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from generator.cfn.stacks import Stack, StackResource
from scripts.deployment.errors import AwsError, ManualActionRequiredError, UsageError
from scripts.operations.following import Event
from scripts.operations.teardown import emptying, teardown
from scripts.operations.teardown.emptying import Emptied
from scripts.operations.teardown.teardown import Teardown
from tests.support.account import NOW
from tests.support.service import ACCOUNT, Prepared, arn, refusal


def resource(path: str, kind: str, physical: str) -> StackResource:
    return StackResource(tuple(path.split(".")), kind, physical, "CREATE_COMPLETE", "id")


GOES = (
    resource("Pipeline.Pipeline", teardown.PIPELINE, "pipeline"),
    resource("Pipeline.Start", "AWS::Events::Rule", "start"),
    resource("Backend.Service", teardown.SERVICE, "service-arn"),
    resource("Network.Vpc", teardown.VPC, "vpc-1"),
)
OUTPUTS = {"PipelineArn": "arn:p", "RunningCluster": "c", "RunningService": "s", "ReleasesPath": "/x"}
STACK = Stack("staging", arn("stack", "staging"), "UPDATE_COMPLETE", outputs=OUTPUTS)
TEARDOWN = Teardown(STACK, GOES, (), (), ())


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made; none lasts."""
    naps: list[float] = []
    monkeypatch.setattr(teardown, "sleep", naps.append)
    return naps


@pytest.fixture
def lines() -> list[str]:
    return []


def test_no_push_starts_a_release_while_it_is_deleted(lines: list[str]) -> None:
    pages = [{"RuleNames": ["somebodys"], "NextToken": "n"}, {"RuleNames": ["start", "other"]}]
    aws = Prepared(events__list_rule_names_by_target=list(pages), events__disable_rule={}, events__enable_rule={})
    with teardown.no_new_releases(aws, TEARDOWN, lines.append):
        assert lines == ["start rule start is off: no push starts a release any more"]
    assert aws.asked[0] == ("events.list_rule_names_by_target", {"TargetArn": "arn:p"})
    assert aws.asked[2:] == [("events.disable_rule", {"Name": "start"})]


@pytest.mark.parametrize("answer", [{}, refusal("events.EnableRule", "AccessDenied")])
def test_the_rule_is_on_again_when_the_deletion_does_not_begin(answer: Any) -> None:
    """The reason for that is told, whether or not the rule can be turned on."""
    aws = Prepared(
        events__list_rule_names_by_target={"RuleNames": ["start"]}, events__disable_rule={}, events__enable_rule=answer
    )
    with pytest.raises(KeyError, match="why"), teardown.no_new_releases(aws, TEARDOWN, lambda _: None):
        raise KeyError("why")
    assert aws.asked[-1] == ("events.enable_rule", {"Name": "start"})


def test_a_stack_without_a_pipeline_has_no_rule(lines: list[str]) -> None:
    bare = Teardown(Stack("s", "id", "UPDATE_COMPLETE"), GOES[1:], (), (), ())
    with teardown.no_new_releases(Prepared(), bare, lines.append):
        pass
    teardown.stop_executions(Prepared(), bare, lines.append)
    assert lines == []


def running(*numbers: str) -> dict[str, Any]:
    return {"pipelineExecutionSummaries": [{"pipelineExecutionId": each, "status": "InProgress"} for each in numbers]}


@pytest.mark.parametrize("code", ["", "PipelineExecutionNotStoppableException", "DuplicatedStopRequestException"])
def test_executions_are_abandoned_and_waited_for(naps: list[float], lines: list[str], code: str) -> None:
    answers = [running("e-1", "e-2"), running("e-2"), running()]
    aws = Prepared(
        codepipeline__list_pipeline_executions=answers,
        codepipeline__stop_pipeline_execution=refusal("x", code) if code else {},
    )
    teardown.stop_executions(aws, TEARDOWN, lines.append)
    assert lines == ["execution e-1 of pipeline is stopped", "execution e-2 of pipeline is stopped"]
    why = {"abandon": True, "reason": "the environment is destroyed"}
    assert [request for name, request in aws.asked if name.endswith("stop_pipeline_execution")] == [
        {"pipelineName": "pipeline", "pipelineExecutionId": number, **why} for number in ("e-1", "e-2")
    ]
    assert len(naps) == 1


def test_executions_that_do_not_end_are_for_a_person(naps: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([0.0, 300.0, 300.1])
    monkeypatch.setattr(teardown, "monotonic", lambda: next(moments))
    aws = Prepared(
        codepipeline__list_pipeline_executions=lambda **_: running("e-1"), codepipeline__stop_pipeline_execution={}
    )
    with pytest.raises(ManualActionRequiredError) as raised:
        teardown.stop_executions(aws, TEARDOWN, lambda _: None)
    assert (raised.value.reason, raised.value.remedy) == (
        "pipeline still executes something.",
        "Stop it, and run `destroy` again.",
    )
    assert len(naps) == 1  # five minutes and not one look more
    aws.answers["codepipeline.stop_pipeline_execution"] = refusal("x", "AccessDenied")
    with pytest.raises(AwsError, match="AccessDenied"):
        teardown.stop_executions(aws, TEARDOWN, lambda _: None)


TARGET = {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount"}
TARGETS = "application-autoscaling.describe_scalable_targets"


def test_the_service_comes_to_rest_and_nothing_raises_it_again(naps: list[float], lines: list[str]) -> None:
    target = {**TARGET, "ResourceId": "service/c/s", "MinCapacity": 1, "MaxCapacity": 2, "RoleARN": "r"}
    counts = ((1, 0), (0, 1), (0, 0))
    services = [{"services": [{"runningCount": ran, "pendingCount": waits}]} for ran, waits in counts]
    aws = Prepared(ecs__update_service={}, ecs__describe_services=services)
    aws.answers[TARGETS] = {"ScalableTargets": [{**target, "CreationTime": NOW}]}
    aws.answers["application-autoscaling.register_scalable_target"] = {}
    teardown.drain(aws, TEARDOWN, lines.append)
    look = ("ecs.describe_services", {"cluster": "c", "services": ["s"]})
    assert aws.asked == [
        (TARGETS, {"ResourceIds": ["service/c/s"], **TARGET}),
        (
            "application-autoscaling.register_scalable_target",
            {"ResourceId": "service/c/s", "MinCapacity": 0, "MaxCapacity": 0, **TARGET},
        ),
        ("ecs.update_service", {"cluster": "c", "service": "s", "desiredCount": 0}),
        look,
        look,
        look,
    ]
    assert lines == ["service s is scaled to zero"] and len(naps) == 2


def test_a_service_that_nothing_scales_is_only_set_to_zero(naps: list[float]) -> None:
    aws = Prepared(ecs__update_service={}, ecs__describe_services={"services": []})
    aws.answers[TARGETS] = {"ScalableTargets": []}
    teardown.drain(aws, TEARDOWN, lambda _: None)
    assert aws.calls() == [TARGETS, "ecs.update_service", "ecs.describe_services"] and naps == []


@pytest.mark.parametrize("lacking", ["RunningCluster", "RunningService", "resource"])
def test_without_a_service_nothing_is_asked(lacking: str) -> None:
    outputs = {name: value for name, value in OUTPUTS.items() if name != lacking}
    goes = GOES[:2] if lacking == "resource" else GOES
    stack = Stack("staging", "id", "UPDATE_COMPLETE", outputs=outputs)
    teardown.drain(Prepared(), Teardown(stack, goes, (), (), ()), lambda _: None)


PLACE = [
    {"Name": "vpc-id", "Values": ["vpc-1"]},
    {"Name": "group-name", "Values": ["CloudFront-VPCOrigins-Service-SG"]},
]
GROUPS = {"SecurityGroups": [{"GroupId": "sg-1"}, {"GroupId": "sg-2"}]}


def test_cloudfronts_interfaces_go_before_its_groups(naps: list[float], lines: list[str]) -> None:
    def delete(GroupId: str) -> dict[str, Any]:
        if GroupId == "sg-2":
            raise refusal("x", "InvalidGroup.NotFound")
        return {}

    aws = Prepared(
        ec2__describe_security_groups=GROUPS,
        ec2__describe_network_interfaces=[{"NetworkInterfaces": [{}]}, {"NetworkInterfaces": []}],
        ec2__delete_security_group=delete,
    )
    assert teardown.network_left(aws, TEARDOWN, lines.append) is True
    assert aws.asked == [
        ("ec2.describe_security_groups", {"Filters": PLACE}),
        ("ec2.describe_network_interfaces", {"Filters": PLACE}),
        ("ec2.describe_network_interfaces", {"Filters": PLACE}),
        ("ec2.delete_security_group", {"GroupId": "sg-1"}),
        ("ec2.delete_security_group", {"GroupId": "sg-2"}),
    ]
    assert lines == [
        "waiting for CloudFront to take its interfaces out of vpc-1",
        "CloudFront-VPCOrigins-Service-SG sg-1 is removed",  # of the other one CloudFront was faster
    ]
    assert len(naps) == 1


def test_interfaces_that_stay_are_waited_for_twenty_minutes(naps: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([0.0, 1200.0, 1200.1])
    monkeypatch.setattr(teardown, "monotonic", lambda: next(moments))
    aws = Prepared(ec2__describe_security_groups=GROUPS, ec2__describe_network_interfaces={"NetworkInterfaces": [{}]})
    with pytest.raises(ManualActionRequiredError) as raised:
        teardown.network_left(aws, TEARDOWN, lambda _: None)
    assert (raised.value.reason, raised.value.remedy) == (
        "CloudFront still has interfaces in vpc-1.",
        "Run `destroy` again in an hour.",
    )
    assert len(naps) == 1


def test_a_group_that_may_not_be_deleted_is_an_error() -> None:
    aws = Prepared(
        ec2__describe_security_groups=GROUPS,
        ec2__describe_network_interfaces={"NetworkInterfaces": []},
        ec2__delete_security_group=refusal("x", "DependencyViolation"),
    )
    with pytest.raises(AwsError, match="DependencyViolation"):
        teardown.network_left(aws, TEARDOWN, lambda _: None)
    two = replace(TEARDOWN, goes=(*GOES, resource("Other.Vpc", teardown.VPC, "vpc-2")))
    second = Prepared(
        ec2__describe_security_groups=lambda Filters: GROUPS if "vpc-2" in str(Filters) else {"SecurityGroups": []},
        ec2__describe_network_interfaces={"NetworkInterfaces": []},
        ec2__delete_security_group={},
    )
    assert teardown.network_left(second, two, lambda _: None) is True
    assert second.calls().count("ec2.delete_security_group") == 2
    nothing = Prepared(ec2__describe_security_groups={"SecurityGroups": []})
    assert teardown.network_left(nothing, TEARDOWN, lambda _: None) is False


def test_the_next_life_starts_without_this_ones_releases() -> None:
    names = ["/x/image", "/x/documents"]
    aws = Prepared(
        ssm__get_parameters_by_path={"Parameters": [{"Name": name} for name in names]}, ssm__delete_parameters={}
    )
    assert teardown.forget_releases(aws, STACK) == names
    assert aws.asked == [("ssm.get_parameters_by_path", {"Path": "/x"}), ("ssm.delete_parameters", {"Names": names})]
    assert teardown.forget_releases(Prepared(ssm__get_parameters_by_path={"Parameters": []}), STACK) == []
    assert teardown.forget_releases(Prepared(), Stack("s", "id", "UPDATE_COMPLETE")) == []


def test_what_a_deletion_has_left_behind() -> None:
    def event(status: str, physical: str) -> Event:
        return Event(("Data", "Clients"), "1", physical, "AWS::DynamoDB::Table", status, "", NOW)

    events = [event("DELETE_SKIPPED", "clients"), event("DELETE_SKIPPED", ""), event("DELETE_COMPLETE", "other")]
    assert teardown.left(events) == (
        StackResource(("Data", "Clients"), "AWS::DynamoDB::Table", "clients", "DELETE_SKIPPED", ""),
    )


# --- data, only by name

LOGS = resource("Storage.Logs", emptying.BUCKET, "logs-1")
FILES = resource("Storage.Files", emptying.BUCKET, "files-1")
IMAGES = resource("Registry.Images", emptying.REGISTRY, "images-1")
CLIENTS = resource("Data.Clients", "AWS::DynamoDB::Table", "clients-1")
LEFT = [LOGS, CLIENTS, IMAGES, FILES]


@pytest.mark.parametrize(
    ("buckets", "registry", "names", "chosen"),
    [
        (False, False, [], []),
        (True, False, [], [LOGS, FILES]),
        (False, True, [], [IMAGES]),
        (False, False, ["Storage/Files", "images-1"], [FILES, IMAGES]),
        (True, False, ["Storage.Logs", "Registry > Images"], [LOGS, FILES, IMAGES]),
    ],
)
def test_only_what_is_named_is_emptied(
    buckets: bool, registry: bool, names: list[str], chosen: list[StackResource]
) -> None:
    assert emptying.named(LEFT, buckets, registry, names) == chosen


@pytest.mark.parametrize(
    ("left", "valid"), [(LEFT, "Registry.Images, Storage.Files, Storage.Logs"), ([CLIENTS], "nothing")]
)
def test_another_name_is_bad_usage(left: list[StackResource], valid: str) -> None:
    with pytest.raises(UsageError) as raised:
        emptying.named(left, False, False, ["clients-1"])
    assert (raised.value.reason, raised.value.remedy) == ('"clients-1" cannot be emptied.', f"Valid names: {valid}.")


OWN = {"Bucket": "logs-1", "ExpectedBucketOwner": ACCOUNT}


def test_a_bucket_is_emptied_version_by_version_and_removed(lines: list[str]) -> None:
    """Logs that were on their way may still come in, and are removed as well."""
    pages = [
        {"Versions": [{"Key": "a", "VersionId": "1"}], "DeleteMarkers": [{"Key": "b", "VersionId": "2"}]},
        {},
        {"Versions": [{"Key": "late", "VersionId": "3"}]},
        {},
    ]
    removals = [refusal("x", "BucketNotEmpty"), {}]
    aws = Prepared(s3__list_object_versions=pages, s3__delete_objects={}, s3__delete_bucket=removals)
    assert emptying.empty(aws, LOGS, ACCOUNT, lines.append) == Emptied(LOGS, 3)
    assert lines == ["Storage > Logs: 2 versions removed", "Storage > Logs: 3 versions removed"]

    def deleted(*objects: tuple[str, str]) -> tuple[str, dict[str, Any]]:
        listed = [{"Key": key, "VersionId": version} for key, version in objects]
        return "s3.delete_objects", {"Delete": {"Objects": listed, "Quiet": True}, **OWN}

    listed, removed = ("s3.list_object_versions", OWN), ("s3.delete_bucket", OWN)
    first, second = deleted(("a", "1"), ("b", "2")), deleted(("late", "3"))
    assert aws.asked == [listed, first, listed, removed, listed, second, listed, removed]


@pytest.mark.parametrize(
    ("answers", "why", "remedy"),
    [
        (
            {"s3__delete_bucket": refusal("x", "BucketNotEmpty")},
            "logs-1 fills up faster than it is emptied.",
            "Run `destroy` again in an hour.",
        ),
        (
            {
                "s3__list_object_versions": {"Versions": [{"Key": "a", "VersionId": "1"}]},
                "s3__delete_objects": {"Errors": [{"Key": "a", "Code": "AccessDenied", "Message": "locked"}]},
            },
            "a of logs-1 cannot be deleted: AccessDenied: locked",
            "Remove what keeps it, and run `destroy` again.",
        ),
    ],
)
def test_a_bucket_that_cannot_be_emptied_is_for_a_person(answers: dict[str, Any], why: str, remedy: str) -> None:
    aws = Prepared(**{"s3__list_object_versions": {}, **answers})
    with pytest.raises(ManualActionRequiredError) as raised:
        emptying.empty(aws, LOGS, ACCOUNT, lambda _: None)
    assert (raised.value.reason, raised.value.remedy) == (why, remedy)
    assert aws.calls().count("s3.delete_bucket") in (0, 3)


REGISTRY = {"registryId": ACCOUNT, "repositoryName": "images-1"}


def test_a_registry_is_emptied_by_digest_and_removed(lines: list[str]) -> None:
    """One image may have two tags; one that a list refers to goes after that list."""
    both = [{"imageDigest": "a", "imageTag": tag} for tag in "12"]
    pages = [{"imageIds": [*both, {"imageDigest": "b"}]}, {"imageIds": [{"imageDigest": "b"}]}, {}]
    failure = {"imageId": {"imageDigest": "b"}, "failureCode": "ImageReferencedByManifestList", "failureReason": "list"}
    aws = Prepared(
        ecr__list_images=pages, ecr__batch_delete_image=[{"failures": [failure]}, {}], ecr__delete_repository={}
    )
    assert emptying.empty(aws, IMAGES, ACCOUNT, lines.append) == Emptied(IMAGES, 2)
    listed = ("ecr.list_images", {"maxResults": 100, **REGISTRY})
    assert aws.asked == [
        listed,
        ("ecr.batch_delete_image", {"imageIds": [{"imageDigest": "a"}, {"imageDigest": "b"}], **REGISTRY}),
        listed,
        ("ecr.batch_delete_image", {"imageIds": [{"imageDigest": "b"}], **REGISTRY}),
        listed,
        ("ecr.delete_repository", REGISTRY),
    ]
    assert lines == ["Registry > Images: 1 images removed", "Registry > Images: 2 images removed"]
    images = {"imageIds": [{"imageDigest": "b"}]}
    stuck = Prepared(ecr__list_images=images, ecr__batch_delete_image={"failures": [failure]})
    with pytest.raises(ManualActionRequiredError, match=r"^An image of images-1 cannot be deleted: list$"):
        emptying.empty(stuck, IMAGES, ACCOUNT, lines.append)


@pytest.mark.parametrize(
    ("kept", "call", "code"),
    [(LOGS, "s3__list_object_versions", "NoSuchBucket"), (IMAGES, "ecr__list_images", "RepositoryNotFoundException")],
)
def test_what_somebody_else_has_removed_is_gone(kept: StackResource, call: str, code: str) -> None:
    say: Callable[[str], None] = pytest.fail
    assert emptying.empty(Prepared(**{call: refusal("x", code)}), kept, ACCOUNT, say) == Emptied(kept, 0, gone=True)
    with pytest.raises(AwsError, match="AccessDenied"):
        emptying.empty(Prepared(**{call: refusal("x", "AccessDenied")}), kept, ACCOUNT, say)
    denied = Prepared(s3__list_object_versions={}, s3__delete_bucket=refusal("x", "AccessDenied"))
    with pytest.raises(AwsError, match="AccessDenied"):
        emptying.empty(denied, LOGS, ACCOUNT, say)
