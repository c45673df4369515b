"""Source: the repository, its protection, and what starts the pipeline."""

import json

from generator.cfn.assertions import broken
from generator.cfn.intrinsics import render
from generator.cfn.templates import STACK, TemplateSet
from tests.support.design import (
    BOTH,
    actions,
    allowed,
    arn,
    attribute,
    binds_whom_the_parameters_name,
    chosen,
    declaration,
    default,
    exists,
    grants,
    passed,
    ref,
    stages,
    sub,
    under,
    variables,
)


def test_repository(templates: TemplateSet) -> None:
    repository = templates.resource("shared.Repository")
    assert repository.type == "AWS::CodeCommit::Repository"
    assert repository.get("RepositoryName") == ref("RepositoryName")
    assert declaration(templates, "RepositoryName", "shared")["Default"] == "cloud-health-dashboard"
    assert repository.get("RepositoryDescription") == "Cloud Health Dashboard - AWS Monitoring Application"
    assert repository.body.get("DeletionPolicy") == "RetainExceptOnCreate"
    assert repository.body.get("UpdateReplacePolicy") == "Retain"
    # In the root itself, so that an existing repository can be imported; beside it the child that signs images alone.
    beside = {name: resource.type for name, resource in templates["shared"].resources.items() if name != "Repository"}
    assert beside == {"Signing": STACK}


def test_push_starts_the_pipeline(templates: TemplateSet) -> None:
    pipeline = arn("codepipeline", "${PipelineName}")
    rule = templates.resource("pipeline.StartRule")
    assert rule.get("State") == "ENABLED"
    assert rule.get("EventPattern") == {
        "source": ["aws.codecommit"],
        "detail-type": ["CodeCommit Repository State Change"],
        "resources": [sub(arn("codecommit", "${RepositoryName}"))],
        "detail": {
            "event": ["referenceCreated", "referenceUpdated"],
            "referenceType": ["branch"],
            "referenceName": [ref("BranchName")],
        },
    }
    [target] = rule.get("Targets")
    assert render(target["Arn"]) == pipeline
    assert templates.resource("pipeline.Pipeline").get("Name") == ref("PipelineName")
    # The pushed commit, not the tip of the branch, becomes the revision of the one source action.
    [source] = stages(templates)["Source"]["Actions"]
    assert source["ActionTypeId"]["Provider"] == "CodeCommit"
    assert target["InputTransformer"]["InputPathsMap"] == {"commit": "$.detail.commitId"}
    sent = json.loads(target["InputTransformer"]["InputTemplate"].replace("<commit>", '"0123abc"'))
    assert sent == {
        "sourceRevisions": [{"actionName": source["Name"], "revisionType": "COMMIT_ID", "revisionValue": "0123abc"}]
    }
    # Nothing else starts it: no polling, no trigger of the repository.
    assert source["Configuration"]["PollForSourceChanges"] == "false"
    assert templates.resource("shared.Repository").get("Triggers") is None
    assert target["RoleArn"] == attribute("StartRole")
    assert allowed(templates, "pipeline.StartRole") == {"codepipeline:StartPipelineExecution": {pipeline}}
    assert grants(templates, "pipeline.StartRole")["Assume"].principals == ("Service:events.amazonaws.com",)


def test_connection_source(templates: TemplateSet) -> None:
    declared = declaration(templates, "SourceProvider")
    assert (declared["Default"], declared["AllowedValues"]) == ("CODECOMMIT", ["CODECOMMIT", "CONNECTION"])
    [source] = stages(templates, SourceProvider="CONNECTION")["Source"]["Actions"]
    assert source["ActionTypeId"]["Provider"] == "CodeStarSourceConnection"
    assert source["Configuration"] == {
        "BranchName": ref("BranchName"),
        "ConnectionArn": ref("ConnectionArn"),
        "DetectChanges": "false",
        "FullRepositoryId": ref("SourceRepository"),
        "OutputArtifactFormat": "CODE_ZIP",
    }
    # One trigger, on the branch and on everything but the excluded paths; no rule beside it.
    pipeline = under(templates, "pipeline.Pipeline", SourceProvider="CONNECTION")
    [trigger] = pipeline["Triggers"]
    [push] = trigger["GitConfiguration"]["Push"]
    assert trigger["GitConfiguration"]["SourceActionName"] == source["Name"]
    assert push["Branches"] == {"Includes": [ref("BranchName")]}
    assert push["FilePaths"] == {"Excludes": [sub("{${ExcludedPaths}}")]}
    assert "Triggers" not in under(templates, "pipeline.Pipeline", SourceProvider="CODECOMMIT")
    for address in ("pipeline.StartRule", "pipeline.StartRole", "monitoring.PipelineStart"):
        assert exists(templates, address, SourceProvider="CODECOMMIT")
        assert not exists(templates, address, SourceProvider="CONNECTION")
    # The role has either the repository or this one connection, for this one repository.
    for provider, present in (("CODECOMMIT", False), ("CONNECTION", True)):
        decided = under(templates, "pipeline.PipelineRole", SourceProvider=provider)
        values = {item["Sid"]: item for policy in decided["Policies"] for item in policy["PolicyDocument"]["Statement"]}
        assert ("UseConnection" in values, "UseOldConnection" in values, "ReadSource" in values) == (
            present,
            present,
            not present,
        )
    for sid, prefix in (("UseConnection", "codeconnections"), ("UseOldConnection", "codestar-connections")):
        assert values[sid]["Action"] == [f"{prefix}:UseConnection"]
        assert values[sid]["Resource"] == [ref("ConnectionArn")]
        assert values[sid]["Condition"] == {"StringEquals": {f"{prefix}:FullRepositoryId": ref("SourceRepository")}}
    # A connection without a repository is refused, and so is a repository without a connection.
    root = templates["environment"]
    values = {name: str(item.get("Default", "")) for name, item in root.parameters.items()}
    for provider, connection, repository, refused in (
        ("CODECOMMIT", "", "", False),
        ("CONNECTION", "arn", "owner/name", False),
        ("CONNECTION", "arn", "", True),
        ("CONNECTION", "", "owner/name", True),
        ("CODECOMMIT", "", "owner/name", True),
    ):
        chosen = {"SourceProvider": provider, "ConnectionArn": connection, "SourceRepository": repository}
        rules = [item.rule for item in broken(root.body, {**values, **chosen})]
        assert ("ConnectionWithRepository" in rules) is refused, chosen
    for name in ("SourceProvider", "ConnectionArn", "SourceRepository", "ExcludedPaths"):
        assert passed(templates, "Pipeline", name) == ref(name)


def test_branch_of_the_environment(templates: TemplateSet) -> None:
    [source] = stages(templates)["Source"]["Actions"]
    assert source["Configuration"]["BranchName"] == ref("BranchName")
    assert templates.resource("pipeline.StartRule").get("EventPattern", "detail", "referenceName") == [
        ref("BranchName")
    ]
    assert passed(templates, "Pipeline", "BranchName") == ref("BranchName")
    assert default(templates, "BranchName") is None
    assert chosen("production")["BranchName"] == "main"
    assert chosen("staging")["BranchName"] == "develop"


NAMES = {
    "Pipeline": ["PipelineName"],
    "Backend": ["ClusterName", "ServiceName"],
    "Build": [
        f"{name}ProjectName"
        for name in ("Backend", "Frontend", "Publish", "Push", "Raise", "Seal", "Verify", "VerifyFrontend", "Changes")
    ],
    "Configuration": ["ConfigurationPrefix"],
    "Notifications": ["TopicName"],
}


def test_environments_side_by_side(templates: TemplateSet) -> None:
    """The design's names in production, others beside it, in one account."""
    names: dict[str, dict[str, str]] = {"production": {}, "staging": {}}
    for environment, result in names.items():
        for child, parameters in NAMES.items():
            stack = under(templates, f"environment.{child}", Environment=environment, **BOTH)
            for name in parameters:
                result[name] = render(stack["Parameters"][name]).replace("${Environment}", environment)
    assert names["production"] == {
        "PipelineName": "cloud-health-dashboard-pipeline",
        "ClusterName": "cloud-health-cluster",
        "ServiceName": "backend-service",
        "BackendProjectName": "backend-build",
        "FrontendProjectName": "frontend-build",
        "PublishProjectName": "cloud-health-publish",
        "RaiseProjectName": "cloud-health-raise",
        "PushProjectName": "cloud-health-push",
        "SealProjectName": "cloud-health-seal",
        "VerifyProjectName": "cloud-health-verify",
        "VerifyFrontendProjectName": "cloud-health-frontend-verify",
        "ChangesProjectName": "cloud-health-changes",
        "ConfigurationPrefix": "/cloud-health/backend/production",
        "TopicName": "cloud-health-pipeline-notifications",
    }
    assert [name for name, text in names["staging"].items() if "staging" not in text] == []
    production, staging = chosen("production"), chosen("staging")
    tables = [name for name in production if name.endswith("Table")]
    assert len(tables) == 5
    assert [name for name in [*tables, "VpcCidr"] if production[name] == staging[name]] == []


def test_branch_protection(templates: TemplateSet) -> None:
    assert templates.resource("shared-access.BranchProtection").type == "AWS::IAM::ManagedPolicy"
    [deny] = grants(templates, "shared-access.BranchProtection").values()
    assert deny.effect == "Deny"
    assert deny.resources == ("arn:${AWS::Partition}:codecommit:${AWS::Region}:${AWS::AccountId}:${RepositoryName}",)
    assert set(deny.actions) == {
        f"codecommit:{action}"
        for action in (
            "CreateCommit",
            "DeleteBranch",
            "DeleteFile",
            "GitPush",
            "MergeBranchesByFastForward",
            "MergeBranchesBySquash",
            "MergeBranchesByThreeWay",
            "MergePullRequestByFastForward",
            "MergePullRequestBySquash",
            "MergePullRequestByThreeWay",
            "PutFile",
        )
    }
    # Without Null the first, reference-less request of every push would be denied, on every branch.
    assert {(condition.operator, condition.key, condition.values) for condition in deny.conditions} == {
        ("StringEqualsIfExists", "codecommit:References", ("refs/heads/${ProtectedBranch}",)),
        ("Null", "codecommit:References", ("false",)),
    }
    for root in ("shared", "shared-access"):
        assert declaration(templates, "ProtectedBranch", root)["Default"] == "main"
    binds_whom_the_parameters_name(templates, "shared-access.BranchProtection", "shared")


def test_the_whole_repository_is_built(templates: TemplateSet) -> None:
    by_stage = stages(templates)
    [source] = by_stage["Source"]["Actions"]
    assert source["Configuration"]["OutputArtifactFormat"] == "CODE_ZIP"
    assert source["OutputArtifacts"] == [{"Name": "SourceOutput"}]
    for stage, action in (("Build_Backend", "BackendBuild"), ("Build_Frontend", "FrontendBuild")):
        assert actions(by_stage[stage])[action]["InputArtifacts"] == [{"Name": "SourceOutput"}]
    assert variables(templates, "BackendBuild")["BACKEND_DIRECTORY"] == "backend"
    assert variables(templates, "FrontendBuild")["FRONTEND_DIRECTORY"] == "frontend"


def test_the_shared_stack_gives_what_people_and_the_deploy_script_need(templates: TemplateSet) -> None:
    outputs = {name: output["Value"] for name, output in templates["shared"].outputs.items()}
    assert outputs["RepositoryName"] == {"Fn::GetAtt": ["Repository", "Name"]}
    always = {"ApprovalRule", "CloneUrlHttp", "CloneUrlSsh", "RepositoryArn", "RepositoryName"}
    assert set(outputs) == {*always, "SigningProfileArn"}
