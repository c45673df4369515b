"""An account in prepared answers for the verbs of an environment whose shared stack is up to date."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from generator.cfn.environments import Environment
from generator.cfn.packaging import Bucket, bucket_policy, package
from generator.cfn.templates import STACK
from scripts.deployment import environment
from scripts.deployment.aws import Aws
from scripts.operations.options import DeployOptions
from scripts.operations.run import Run
from scripts.operations.verbs import apply
from tests.conftest import ROOT
from tests.support.runs import verb_options, verb_run
from tests.support.service import ME, Prepared, Stored, arn, refusal

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SHARED, STAGING = "cloud-health-dashboard-shared", "cloud-health-dashboard-staging"
Roots = dict[str, Environment]
NO_CHANGES = "The submitted information didn't contain changes."


def arguments(aws: Aws, roots: Roots, **options: Any) -> tuple[Run, DeployOptions]:
    """A run of `apply` with what the command line gives; nothing is agreed to in advance."""
    return verb_run(aws, roots), verb_options(apply, **options)


# An account without anything of an earlier life of the environment.
NOTHING_LEFT = {
    "dynamodb__describe_table": refusal("x", "ResourceNotFoundException"),
    "ecr__describe_repositories": {"repositories": []},
    "secretsmanager__list_secrets": {"SecretList": []},
}


class Account(Prepared):
    """An account whose shared stack is up to date; `staging` is the status of the environment's stack, if any."""

    def __init__(self, staging: str = "", **answers: Any) -> None:
        self.statuses = {SHARED: "CREATE_COMPLETE", STAGING: staging}
        self.bucket = Stored()
        super().__init__(
            sts__get_caller_identity={"Account": ME.account, "Arn": ME.arn},
            cloudformation__describe_stacks=self.stack,
            cloudformation__describe_stack_events=self.events,
            cloudformation__list_change_sets={"Summaries": []},
            cloudformation__list_stacks={"StackSummaries": []},
            cloudformation__get_stack_policy={},
            cloudformation__get_template=self.template,
            cloudformation__list_stack_resources={"StackResourceSummaries": []},
            cloudformation__update_termination_protection={},
            cloudformation__create_change_set=self.create,
            cloudformation__describe_change_set=self.change_set,
            cloudformation__delete_change_set={},
            cloudformation__delete_stack=self.delete,
            s3__get_bucket_policy=lambda Bucket, **_: {"Policy": json.dumps(bucket_policy(Bucket))},
            ec2__describe_managed_prefix_lists={"PrefixLists": [{"PrefixListId": "pl-1"}]},
            ec2__describe_availability_zones={
                "AvailabilityZones": [{"ZoneId": f"euw1-az{zone}", "ZoneName": f"eu-west-1{zone}"} for zone in "ab"]
            },
            codecommit__get_branch={},
            **NOTHING_LEFT,
            codecommit__list_associated_approval_rule_templates_for_repository={"approvalRuleTemplateNames": []},
            **answers,
        )
        self.answers |= self.bucket.answers

    def name(self, stack: str) -> str:
        return SHARED if SHARED in stack else STAGING

    def stack(self, StackName: str) -> dict[str, Any]:
        name = self.name(StackName)
        if not self.statuses[name] or StackName.endswith("-edge"):
            raise refusal("x", "ValidationError", f"Stack with id {name} does not exist")
        rule = json.dumps({"Statements": [{"NumberOfApprovalsNeeded": 0}]})
        exported = {"RepositoryName": "dashboard", "ApprovalRule": rule}
        outputs = [{"OutputKey": key, "OutputValue": value} for key, value in exported.items()]
        stack = {"StackName": name, "StackId": arn("stack", name), "StackStatus": self.statuses[name]}
        file = json.loads((ROOT / "params/shared.json").read_text(encoding="utf-8"))
        shared = environment.load("shared", ROOT / "templates", ROOT / "params")["shared"]
        parameters = shared.values({}) if name == SHARED else {}
        kept = {"EnableTerminationProtection": True, "Outputs": outputs}
        kept["Parameters"] = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
        kept["Tags"] = [{"Key": key, "Value": value} for key, value in file["Tags"].items()]
        return {"Stacks": [{**stack, **kept, "CreationTime": NOW}]}

    def events(self, StackName: str) -> dict[str, Any]:
        name, stack_id = self.name(StackName), arn("stack", self.name(StackName))
        own = {"StackId": stack_id, "StackName": name, "LogicalResourceId": name, "PhysicalResourceId": stack_id}
        status = self.statuses[name]
        return {
            "StackEvents": [
                {**own, "EventId": status, "ResourceType": STACK, "Timestamp": NOW, "ResourceStatus": status}
            ]
        }

    def create(self, StackName: str, ChangeSetType: str, **_: Any) -> dict[str, Any]:
        if ChangeSetType == "CREATE":
            self.statuses[StackName] = "REVIEW_IN_PROGRESS"
        return {"Id": arn("changeSet", StackName), "StackId": arn("stack", StackName)}

    def change_set(self, ChangeSetName: str, **_: Any) -> dict[str, Any]:
        if SHARED in ChangeSetName:
            return {"Status": "FAILED", "StatusReason": NO_CHANGES, "ChangeSetId": ChangeSetName}
        below = "" if "storage" in ChangeSetName or "-access" in ChangeSetName else arn("changeSet", "storage")
        nested = {"LogicalResourceId": "Storage", "ResourceType": STACK, "ChangeSetId": below}
        added = {
            "Action": "Add",
            **(nested if below else {"LogicalResourceId": "Logs", "ResourceType": "AWS::S3::Bucket"}),
        }
        changes = [{"Type": "Resource", "ResourceChange": added}]
        status = {"Status": "CREATE_COMPLETE", "ExecutionStatus": "AVAILABLE"}
        return {**status, "ChangeSetId": ChangeSetName, "Changes": changes}

    def template(self, StackName: str = "", ChangeSetName: str = "", **_: Any) -> dict[str, Any]:
        """The shared stack's is the one that lies in the repository, as a deployment packages it; that of a change set
        lies in the bucket."""
        if ChangeSetName:
            named = (name for name in ("storage", "access", "shared") if name in ChangeSetName.split("/")[1])
            name = next(named, "environment")
            [key] = [key for key in self.bucket.objects if f"/{name}-" in key]
            return {"TemplateBody": self.bucket.objects[key].decode()}
        assert SHARED in StackName
        shared = environment.load("shared", ROOT / "templates", ROOT / "params")["shared"]
        url = Bucket.of(shared.application, ME.account, self.region).url
        return {"TemplateBody": json.dumps(package(shared.root, url, "shared").root.body)}

    def delete(self, StackName: str) -> dict[str, Any]:
        self.statuses[self.name(StackName)] = "DELETE_COMPLETE"
        return {}
