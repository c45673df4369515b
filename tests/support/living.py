"""A living environment of prepared answers: one nested stack that holds something of each kind, a pipeline with two
executions, a service with two tasks, a full bucket and a full registry."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from generator.cfn.templates import STACK
from scripts.deployment.aws import Answer
from tests.support.service import ACCOUNT, ME, Prepared, arn, refusal

STAGING = "cloud-health-dashboard-staging"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
INSIDE = arn("stack", "inside")
# Everything in one nested stack: logical id, type, physical id, deletion policy.
CONTENTS = (
    ("Artifacts", "AWS::S3::Bucket", "artifacts-1", "Retain"),
    ("Images", "AWS::ECR::Repository", "images-1", "RetainExceptOnCreate"),
    ("Clients", "AWS::DynamoDB::Table", "clients-1", "RetainExceptOnCreate"),
    ("Pipeline", "AWS::CodePipeline::Pipeline", "pipeline", "Delete"),
    ("StartRule", "AWS::Events::Rule", "start", "Delete"),
    ("OtherRule", "AWS::Events::Rule", "other", "Delete"),
    ("Service", "AWS::ECS::Service", "service-arn", "Delete"),
    ("Vpc", "AWS::EC2::VPC", "vpc-1", "Delete"),
)
OUTPUTS = {
    "PipelineArn": f"arn:aws:codepipeline:eu-west-1:{ACCOUNT}:pipeline",
    "RunningCluster": "cluster",
    "RunningService": "service",
    "LastImageParameter": "/x/image",
    "ReleasesPath": "/x",
}


class Living(Prepared):
    """A living environment. `resists` are the logical ids that cannot be deleted, the first time."""

    def __init__(self, status: str = "UPDATE_COMPLETE", protected: bool = False, resists: tuple[str, ...] = ()) -> None:
        self.status, self.protected, self.resists = status, protected, resists
        self.inside = status if status == "DELETE_FAILED" else "UPDATE_COMPLETE"
        self.running, self.tasks, self.moment, self.role = ["one", "two"], 2, 0.0, ""
        self.history: list[Answer] = []
        self.event(STAGING, "UPDATE_IN_PROGRESS")
        self.versions = [{"Key": f"key{number}", "VersionId": "1"} for number in range(2500)]
        self.images = [{"imageDigest": f"sha256:{number}", "imageTag": f"{number}"} for number in range(150)]
        super().__init__(
            sts__get_caller_identity={"Account": ME.account, "Arn": ME.arn},
            cloudformation__describe_stacks=self.stack,
            cloudformation__describe_stack_events=self.events,
            cloudformation__list_stack_resources=self.resources,
            cloudformation__list_stacks={"StackSummaries": []},
            cloudformation__get_template=self.template,
            cloudformation__delete_stack=self.delete,
            codepipeline__list_pipeline_executions=self.executions,
            codepipeline__stop_pipeline_execution=self.stop,
            events__list_rule_names_by_target={"RuleNames": ["start", "somebody-elses"]},
            events__disable_rule={},
            events__enable_rule={},
            ssm__get_parameters_by_path={"Parameters": [{"Name": "/x/image"}, {"Name": "/x/backend"}]},
            ssm__delete_parameters={},
            ec2__describe_security_groups={"SecurityGroups": []},
            s3__list_object_versions=lambda **_: {
                "Versions": self.versions[:999],
                "DeleteMarkers": self.versions[999:1000],
            },
            s3__delete_objects=self.delete_objects,
            s3__delete_bucket={},
            ecr__list_images=self.list_images,
            ecr__batch_delete_image=self.delete_images,
            ecr__delete_repository={},
            **{
                "application-autoscaling__describe_scalable_targets": {"ScalableTargets": [self.target()]},
                "application-autoscaling__register_scalable_target": {},
                "ecs__update_service": self.scale,
                "ecs__describe_services": lambda **_: {"services": [{"runningCount": self.tasks, "pendingCount": 0}]},
            },
        )

    # --- CloudFormation

    def event(self, stack: str, status: str, logical: str = "", physical: str = "", kind: str = STACK) -> None:
        self.moment += 1
        stack_id = INSIDE if stack == "inside" else arn("stack", stack)
        self.history.append(
            {
                "StackId": stack_id,
                "StackName": stack,
                "EventId": f"{self.moment}",
                "LogicalResourceId": logical or stack,
                "PhysicalResourceId": physical or stack_id,
                "ResourceType": kind,
                "ResourceStatus": status,
                "ResourceStatusReason": "DependencyViolation" if status == "DELETE_FAILED" and logical else "x",
                "Timestamp": NOW + timedelta(seconds=self.moment),
            }
        )

    def events(self, StackName: str) -> Answer:
        mine = [event for event in self.history if StackName in (event["StackId"], event["StackName"])]
        return {"StackEvents": mine[::-1]}

    def stack(self, StackName: str) -> Answer:
        if StackName == INSIDE:
            stack = {"StackName": "inside", "StackId": INSIDE, "StackStatus": self.inside}
        elif self.status == "DELETE_COMPLETE" and StackName == STAGING:
            raise refusal("x", "ValidationError", "Stack does not exist")
        else:
            stack = {"StackName": STAGING, "StackId": arn("stack", STAGING), "StackStatus": self.status}
        outputs = [{"OutputKey": key, "OutputValue": value} for key, value in OUTPUTS.items()]
        more = {"CreationTime": NOW, "Outputs": outputs, "EnableTerminationProtection": self.protected}
        more |= {"RoleARN": self.role} if self.role else {}
        return {"Stacks": [{**stack, **more}]}

    def resources(self, StackName: str) -> Answer:
        listed = [(name, kind, physical) for name, kind, physical, _ in CONTENTS]
        if StackName != INSIDE:
            listed = [("Inside", STACK, INSIDE)]
        same = {"ResourceStatus": "UPDATE_COMPLETE", "LastUpdatedTimestamp": NOW}
        return {
            "StackResourceSummaries": [
                {"LogicalResourceId": name, "ResourceType": kind, "PhysicalResourceId": physical, **same}
                for name, kind, physical in listed
            ]
        }

    def template(self, StackName: str, **_: Any) -> Answer:
        resources = {name: {"Type": kind, "DeletionPolicy": policy} for name, kind, _, policy in CONTENTS}
        body = {"Resources": resources if StackName == INSIDE else {"Inside": {"Type": STACK}}}
        return {"TemplateBody": json.dumps(body)}

    def delete(self, StackName: str, RetainResources: tuple[str, ...] = (), **_: Any) -> Answer:
        inside = StackName == INSIDE
        if not inside:
            self.event(STAGING, "DELETE_IN_PROGRESS")
            self.event(STAGING, "DELETE_IN_PROGRESS", "Inside", INSIDE)
        self.event("inside", "DELETE_IN_PROGRESS")
        for name, kind, physical, policy in CONTENTS:
            kept = policy != "Delete" or name in RetainResources
            status = "DELETE_SKIPPED" if kept else "DELETE_FAILED" if name in self.resists else "DELETE_COMPLETE"
            self.event("inside", status, name, physical, kind)
        failed = set(self.resists) - set(RetainResources)
        self.resists, self.inside = (), "DELETE_FAILED" if failed else "DELETE_COMPLETE"
        self.event("inside", self.inside)
        if not inside:
            self.status = self.inside
            self.event(STAGING, self.status)
        return {}

    # --- what has to come to rest

    def executions(self, **_: Any) -> Answer:
        status = {"pipelineExecutionSummaries": [{"pipelineExecutionId": "done", "status": "Succeeded"}]}
        status["pipelineExecutionSummaries"] += [
            {"pipelineExecutionId": f"e-{number}", "status": "InProgress"} for number in self.running
        ]
        return status

    def stop(self, pipelineExecutionId: str, **_: Any) -> Answer:
        self.running.remove(pipelineExecutionId.removeprefix("e-"))
        return {}

    def target(self) -> Answer:
        names = {"ResourceId": "service/cluster/service", "ScalableDimension": "ecs:service:DesiredCount"}
        return {
            **names,
            "ServiceNamespace": "ecs",
            "MinCapacity": 1,
            "MaxCapacity": 2,
            "RoleARN": "r",
            "CreationTime": NOW,
        }

    def scale(self, desiredCount: int, **_: Any) -> Answer:
        self.tasks = desiredCount
        return {}

    # --- data

    def delete_objects(self, Delete: Any, **_: Any) -> Answer:
        assert 0 < len(Delete["Objects"]) <= 1000 and Delete["Quiet"]
        del self.versions[: len(Delete["Objects"])]
        return {}

    def list_images(self, maxResults: int, **_: Any) -> Answer:
        return {"imageIds": self.images[:maxResults]} if self.images else {}

    def delete_images(self, imageIds: Any, **_: Any) -> Answer:
        del self.images[: len(imageIds)]
        return {}
