"""Least privilege: who may do what, exactly."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from generator.cfn.names import ACCESS, ACCESS_ROOTS, ROLE_BOUNDARY
from generator.cfn.permissions import permissions
from generator.cfn.templates import TemplateSet
from generator.core.iam import NO_RESOURCE_LEVEL
from tests.support.design import allowed, arn, grants

# What ECR asks of Amazon Inspector with the rights of whoever reads a scan (ECR user guide,
# image-scanning-enhanced-iam).
INSPECT = {"inspector2:ListCoverage", "inspector2:ListFindings"}
# What may be done on `*`, because AWS knows no resource for it (Service Authorization Reference).
ANYTHING = {
    "access.ApproverRole": {"codepipeline:ListPipelines"},
    "shared-access.ExecutionRole": {
        "codecommit:GetRepository",
        "codecommit:ListRepositories",
        "codecommit:UpdateRepositoryName",
        "ecr:DeleteSigningConfiguration",
        "ecr:GetSigningConfiguration",
        "ecr:PutSigningConfiguration",
        "signer:PutSigningProfile",
    },
    "shared-access.DeployRole": {
        "cloudformation:ListStacks",
        "codecommit:CreateApprovalRuleTemplate",
        "codecommit:GetApprovalRuleTemplate",
        "codecommit:ListRepositories",
        "codecommit:UpdateApprovalRuleTemplateContent",
    },
    "backend.ExecutionRole": {"ecr:GetAuthorizationToken"},
    "build.PushRole": {"ecr:GetAuthorizationToken", *INSPECT},
    "build.RaiseRole": {"ecs:DescribeTaskDefinition"},
    "build.VerifyRole": {"ecs:DescribeTaskDefinition", "ecs:ListTasks"},
    "pipeline.PipelineRole": {"ecs:DescribeTaskDefinition", "ecs:ListTasks"},
}
TRUSTED = {
    "backend": "ecs-tasks",
    "backend.ShiftRole": "ecs",
    "beanstalk.InstanceRole": "ec2",
    "beanstalk.ServiceRole": "elasticbeanstalk",
    "build": "codebuild",
    "monitoring.MessageRole": "events",
    "network": "vpc-flow-logs",
    "pipeline.PipelineRole": "codepipeline",
    "pipeline.StartRole": "events",
    "pipeline.WatchRole": "states",
    "pipeline.WatchStartRole": "events",
}
USE_KEY = {"Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext"}
SIGN = {"ecr:DescribeImageSigningStatus", "signer:SignPayload"}  # where `shared` lets images be signed
PUSH = {
    "BatchCheckLayerAvailability",
    "BatchGetImage",
    "CompleteLayerUpload",
    "DescribeImageScanFindings",
    "GetAuthorizationToken",
    "InitiateLayerUpload",
    "PutImage",
    "UploadLayerPart",
}
REPORT = {"BatchPutCodeCoverages", "BatchPutTestCases", "CreateReport", "CreateReportGroup", "UpdateReport"}
RUN_BUILDS = {"codebuild:BatchGetBuilds", "codebuild:StartBuild", "codebuild:StopBuild"}


def test_one_role_for_each_job(templates: TemplateSet) -> None:
    users = {
        f"{resource.template}.{value['Fn::GetAtt'][0]}": resource.address
        for resource in templates.resources()
        for key in ("ServiceRole", "RoleArn", "TaskRoleArn", "ExecutionRoleArn", "DeliverLogsPermissionArn")
        if isinstance(value := resource.get(key), dict)
    }
    users |= {"pipeline.StartRole": "pipeline.StartRule", "pipeline.WatchStartRole": "pipeline.WatchRule"}
    users |= {"monitoring.MessageRole": "monitoring rules"}
    users |= {"backend.ShiftRole": "backend.Service"}
    users |= {"beanstalk.InstanceRole": "beanstalk.InstanceProfile"}
    users |= {"beanstalk.ServiceRole": "beanstalk.BackendEnvironment"}
    # The roles of people, CI and CloudFormation are nobody's job in the templates: test_access.py.
    roles = [
        resource.address for resource in templates.resources("AWS::IAM::Role") if resource.template not in ACCESS_ROOTS
    ]
    # The one role that another role becomes: test_beanstalk.py.
    roles.remove("pipeline.DeployRole")
    assert len(roles) == 20
    assert sorted(users) == sorted(roles)
    # One user each, except that a task has two roles.
    assert len(set(users.values())) == len(roles) - 1
    for role in roles:
        [trusted] = [grant for grant in grants(templates, role).values() if grant.kind == "trust"]
        service = TRUSTED.get(role) or TRUSTED[role.partition(".")[0]]
        assert (trusted.allows, trusted.actions) == (True, ("sts:AssumeRole",))
        assert trusted.principals == (f"Service:{service}.amazonaws.com",)
        # The trust policies that AWS documents for CodePipeline and the infrastructure role of ECS have no condition.
        account = ("StringEquals", "aws:SourceAccount", ("${AWS::AccountId}",))
        assert (account in trusted.conditions) is (service not in ("codepipeline", "ec2", "ecs", "elasticbeanstalk"))


def test_exact_resources(templates: TemplateSet) -> None:
    statements = [
        permission
        for permission in permissions(templates)
        if permission.allows
        and permission.kind in ("identity", "resource")
        # A boundary allows nothing by itself; tests/design/test_boundary.py is about it.
        and permission.holder != f"{ACCESS}.{ROLE_BOUNDARY}"
    ]
    assert len(statements) > 50
    for statement in statements:
        assert not statement.not_actions, str(statement)
        assert [action for action in statement.actions if "*" in action] == [], str(statement)
        assert statement.reason, str(statement)
    wide: dict[str, set[str]] = {}
    for statement in statements:
        if "*" in statement.resources:
            assert templates.resource(statement.holder).wildcards[statement.sid]
            wide.setdefault(statement.holder, set()).update(statement.actions)
    # What the application reads in its own account; it changes nothing there.
    for role in ("backend.TaskRole", "beanstalk.InstanceRole"):
        reads = wide.pop(role, set())
        assert "dynamodb:ListTables" in reads
        assert [action for action in reads if not re.match("[a-z0-9]+:(Get|List|Describe)", action)] == []
    deploys = wide.pop("pipeline.DeployRole")
    assert {deploy for deploy in deploys if ":Describe" not in deploy} == {"ec2:CreateTags", "ec2:RunInstances"}
    # What deploys looks at much, and writes without naming a resource only what test_execution_role.py lists, and:
    for holder in [
        item for item in wide if item.startswith(("access.Deploy", "access.Execution", "access.Recovering"))
    ]:
        writes = {action for action in wide.pop(holder) if not re.search(":(Describe|Get|List)", action)}
        assert holder != "access.DeployRole" or writes == set()
    assert wide == ANYTHING
    # Service wildcards in ARNs (arn:aws:s3:::*) would be `*` in disguise.
    exact = [arn for statement in statements for arn in statement.resources if arn != "*"]
    assert [arn for arn in exact if re.fullmatch(r"arn:[^:]*(:[^:]*){3}:\*", arn)] == []


@cache
def reference() -> dict[str, Any]:
    """The Service Authorization Reference, as cfn-lint carries it: by service, its actions in lower case."""
    import cfnlint

    file = Path(cfnlint.__file__).parent / "data/AdditionalSpecs/Policies.json"
    services: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return services


def resource_types(action: str) -> list[str]:
    """The resource types of an action."""
    service, _, name = action.partition(":")
    return list(reference()[service]["Actions"][name.lower()].get("Resources", ()))


def test_what_is_said_to_know_no_resource_knows_none(templates: TemplateSet) -> None:
    """What stands on everything because AWS supports nothing narrower."""
    assert resource_types("s3:GetObject") == ["accesspointobject", "object"]
    stated = [
        permission
        for permission in permissions(templates)
        if NO_RESOURCE_LEVEL in templates.resource(permission.holder).wildcards.get(permission.sid, "")
    ]
    assert len(stated) > 40
    assert {
        each: types for permission in stated for each in permission.actions if (types := resource_types(each))
    } == {}


def document_versions(templates: TemplateSet, role: str) -> set[str]:
    """The versions of the policy language that a role's documents name, trust policy included."""
    resource = templates.resource(role)
    documents = [
        policy["PolicyDocument"] for policy in resource.get("Policies", default=[]) if "PolicyDocument" in policy
    ]
    return {str(document["Version"]) for document in (resource.get("AssumeRolePolicyDocument"), *documents)}


def test_pipeline_role(templates: TemplateSet) -> None:
    """The design's statements, on exactly our resources; its three service wildcards became what deploying needs."""
    may = allowed(templates, "pipeline.PipelineRole")
    repository = {arn("codecommit", "${RepositoryName}")}
    for action in ("GetBranch", "GetCommit", "UploadArchive", "GetUploadArchiveStatus", "CancelUploadArchive"):
        assert may[f"codecommit:{action}"] == repository
    sides = ("BackendBuild", "FrontendBuild", "VerifyBuild", "VerifyFrontendBuild")
    names = ("ChangesBuild", "PublishBuild", "PushBuild", "RaiseBuild", "SealBuild", *sides)
    for action in RUN_BUILDS:
        assert may[action] == {arn("codebuild", f"project/${{{name}}}") for name in names}
    assert may["s3:GetObject"] == {"${ArtifactBucketArn}/*"}
    assert may["s3:PutObject"] == {"${ArtifactBucketArn}/*", "${SiteBucketArn}/*"}
    assert may["ecs:UpdateService"] == {"${ServiceArn}"}
    assert may["ecs:RegisterTaskDefinition"] == {arn("ecs", "task-definition/${TaskFamily}:*")}
    assert may["iam:PassRole"] == {"${TaskRoleArn}", "${ExecutionRoleArn}"}
    limits = {
        action: {(condition.key, condition.values) for condition in statement.conditions}
        for statement in grants(templates, "pipeline.PipelineRole").values()
        for action in statement.actions
    }
    assert limits["iam:PassRole"] == {("iam:PassedToService", ("ecs-tasks.amazonaws.com", "ecs.amazonaws.com"))}
    assert limits["ecs:TagResource"] == {("ecs:CreateAction", ("RegisterTaskDefinition",))}
    assert limits["s3:PutObject"] == {("aws:ResourceAccount", ("${AWS::AccountId}",))}
    assert limits["ecs:ListTasks"] == {("ecs:cluster", (arn("ecs", "cluster/${RunningCluster}"),))}
    assert may["ecs:DescribeTasks"] == {arn("ecs", "task/${RunningCluster}/*")}
    assert may["ecs:TagResource"] == may["ecs:RegisterTaskDefinition"]
    buckets = {"${ArtifactBucketArn}", "${SiteBucketArn}"}
    looks = {f"s3:GetBucket{what}" for what in ("Acl", "Location", "Versioning")}
    assert {action: may[action] for action in looks} == dict.fromkeys(looks, buckets)
    stored = {"s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"}
    assert {action for action in may if action.startswith("s3:")} == looks | stored
    assert document_versions(templates, "pipeline.PipelineRole") == {"2012-10-17"}
    assert may["codeconnections:UseConnection"] == {"${ConnectionArn}"}
    services = {"codebuild", "codecommit", "codeconnections", "codestar-connections", "ecs", "iam", "kms", "s3", "sns"}
    assert {action.partition(":")[0] for action in may} == services


def test_build_roles(templates: TemplateSet) -> None:
    """The design's role for both projects became one each; neither writes the site, neither clones."""
    common = {
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "s3:GetBucketAcl",
        "s3:GetBucketLocation",
        "s3:GetObject",
        "s3:GetObjectVersion",
    }
    names = ("BackendBuild", "Changes", "FrontendBuild", "Publish", "Push", "Raise", "Seal", "Verify", "VerifyFrontend")
    for name in names:
        may = allowed(templates, f"build.{name}Role")
        assert common <= set(may)
        assert document_versions(templates, f"build.{name}Role") == {"2012-10-17"}
        assert may["logs:PutLogEvents"] == {f"${{{name}Logs.Arn}}"}
        written = {target.removeprefix("${ArtifactBucketArn}/") for target in may.get("s3:PutObject", ())}
        assert written == WRITTEN.get(name, set())
        assert "codecommit:GitPull" not in may
        assert "logs:CreateLogGroup" not in may
        assert may["s3:GetBucketLocation"] == {"${ArtifactBucketArn}"}
        key = {action for action in may if action.startswith("kms:")}
        assert key == {f"kms:{action}" for action in (*USE_KEY, "ReEncryptFrom", "ReEncryptTo")}
        assert {target for action in key for target in may[action]} == {"${KeyArn}"}
        [via] = grants(templates, f"build.{name}Role")["UseArtifactKey"].conditions
        assert (via.key, via.values) == ("kms:ViaService", ("s3.${AWS::Region}.amazonaws.com",))
        # Fallback keys of a cache are a search by prefix.
        lists = name in ("BackendBuild", "FrontendBuild", "Push")
        assert may.get("s3:ListBucket") == ({"${ArtifactBucketArn}"} if lists else None)
        more = common | key | {"s3:PutObject", "s3:ListBucket"}
        assert {action for action in may if action not in more} == special(name)
        # CodeBuild looks at the key without S3 in between.
        assert grants(templates, f"build.{name}Role")["SeeArtifactKey"].conditions == ()
    assert allowed(templates, "build.RaiseRole")["ecs:UpdateService"] == {"${ServiceArn}"}
    assert allowed(templates, "build.VerifyRole")["ecs:DescribeServices"] == {"${ServiceArn}"}


# What the projects may write of the artifact bucket: their own artifacts, by the ten characters with which CodePipeline
# begins their keys, their caches, and the push its records. The builds run code that nobody has approved yet.
WRITTEN = {
    "BackendBuild": {"*/BackendBui*", "cache/backend/*"},
    "FrontendBuild": {"*/FrontendAs*", "*/FrontendDo*", "cache/frontend/*"},
    "Push": {"*/BackendIma*", "images/*"},
    "Seal": {"*/SealedBund*", "*/SealedAsse*", "*/SealedDocu*"},
}


def special(project: str) -> set[str]:
    """What one project may do beside what all of them may."""
    match project:
        case "BackendBuild":
            return {f"codebuild:{action}" for action in REPORT}
        case "Push":
            return {f"ecr:{action}" for action in PUSH} | SIGN | INSPECT
        case "Seal":
            return set()
        case "VerifyFrontend":
            return {"ssm:PutParameter"}
        case "FrontendBuild":
            return {f"codebuild:{action}" for action in REPORT - {"BatchPutCodeCoverages"}}
        case "Changes":
            seen = {"codebuild:BatchGetProjects", "codecommit:GetCommit"}
            return seen | {"ssm:GetParameters", "ssm:PutParameter"}
        case "Publish":
            return {"cloudfront:CreateInvalidation", "cloudfront:GetInvalidation"}
        case "Raise":
            # What it registers is a copy, with the image and the tags.
            revision = {"ecs:DescribeTaskDefinition", "ecs:RegisterTaskDefinition", "ecs:TagResource", "iam:PassRole"}
            return {"ecs:DescribeServices", "ecs:UpdateService"} | revision
    reads = {"ecs:DescribeServices", "ecs:DescribeTasks", "ecs:ListTasks", "ecs:DescribeTaskDefinition"}
    described = ("ApplicationVersions", "ConfigurationSettings", "Environments", "InstancesHealth")
    reads |= {f"elasticbeanstalk:Describe{item}" for item in described}
    # The image of a good release gets its second tag.
    reads |= {"ecr:BatchGetImage", "ecr:PutImage"}
    return reads | {"ssm:GetParameters", "ssm:PutParameter", "dynamodb:DescribeTable"}
