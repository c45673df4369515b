"""For each row of docs/conformance.md what would make it wrong, in a way that its sentence excludes.

One table. An entry is a place and a change: the place is a resource (`pipeline.Pipeline`) or a section
(`environment:Parameters/BuildImage`); the change replaces a text of its JSON, or, where the text is `WHOLE`, the place.
"""

from __future__ import annotations

import copy
import json
from typing import Any

from generator.cfn.templates import TemplateSet, from_bodies

WHOLE = ""
ALWAYS: dict[str, Any] = {"Fn::Equals": ["", ""]}
NEVER: dict[str, Any] = {"Fn::Equals": ["", "never"]}
EXTRA_TOPIC = {"Type": "AWS::SNS::Topic", "Properties": {}}


class WrongPlaceError(LookupError):
    """An entry whose place or text is not in the templates any more."""


def changed(templates: TemplateSet, place: str, old: str, new: Any) -> TemplateSet:
    """The templates with one place changed. Raises `WrongPlaceError`."""
    if ":" in place:
        name, _, path = place.partition(":")
    else:
        name, _, logical_id = place.partition(".")
        path = f"Resources/{logical_id}"
    bodies = {template.name: dict(template.body) for template in templates}
    bodies[name] = copy.deepcopy(bodies[name])
    holder: Any = bodies[name]
    *steps, last = [int(step) if step.isdigit() else step for step in path.split("/")]
    try:
        for step in steps:
            holder = holder[step]
        value = holder.get(last) if isinstance(holder, dict) else holder[last]
    except LookupError as error:
        raise WrongPlaceError(f"{place}: {error}") from error
    if old == WHOLE:
        holder[last] = new
    else:
        text = json.dumps(value, sort_keys=True)
        if old not in text:
            raise WrongPlaceError(f"{place} has no {old}")
        holder[last] = json.loads(text.replace(old, new))
    return from_bodies(bodies)


def literal(child: str, parameter: str, value: str) -> tuple[str, str, Any]:
    """The root gives a child a literal instead of its parameter."""
    return (f"environment:Resources/{child}/Properties/Parameters/{parameter}", WHOLE, value)


def fallback(parameter: str, value: str, root: str = "environment") -> tuple[str, str, Any]:
    """Another default of a root's parameter."""
    return (f"{root}:Parameters/{parameter}/Default", WHOLE, value)


WRONG: dict[str, list[tuple[str, str, Any]]] = {
    "SRC-1": [
        ("shared.Repository", "AWS Monitoring Application", "something"),
        fallback("RepositoryName", "x", "shared"),
    ],
    "SRC-2": [
        ("pipeline.StartRule", ', "referenceUpdated"', ""),
        ("pipeline.StartRole", "events.amazonaws.com", "lambda.amazonaws.com"),
        literal("Pipeline", "RepositoryName", "other"),
    ],
    "SRC-3": [literal("Pipeline", "BranchName", "main"), literal("Pipeline", "PipelineName", "pipeline")],
    "SRC-4": [
        ("shared-access.BranchProtection", '"Deny"', '"Allow"'),
        ("shared-access.BranchProtection", "codecommit:GitPush", "codecommit:GitPull"),
        ("shared-access.BranchProtection", '"HasDeveloperGroups"', '"HasDeveloperRoles"'),
        ("shared-access:Rules/ProtectionBindsSomebody/Assertions/0/Assert", WHOLE, ALWAYS),
        ("access:Rules/ProtectionBindsSomebody/Assertions/0/Assert", WHOLE, ALWAYS),
    ],
    "SRC-5": [("pipeline.Pipeline", '"CODE_ZIP"', '"CODEBUILD_CLONE_REF"')],
    "SRC-6": [
        ("environment:Rules/ConnectionWithRepository/Assertions/0/Assert", WHOLE, ALWAYS),
        literal("Pipeline", "SourceProvider", "CODECOMMIT"),
    ],
    "SRC-7": [("shared.Repository", '{"Ref": "RepositoryName"}', '"other"')],
    "BLD-1": [
        ("build.BackendBuild", '{"Ref": "BuildImage"}', '"aws/codebuild/standard:5.0"'),
        literal("Build", "BuildImage", "aws/codebuild/standard:7.0"),
        fallback("BuildComputeType", "BUILD_GENERAL1_LARGE"),
    ],
    "BLD-2": [fallback("PythonVersion", "3.12"), literal("Build", "NodeVersion", "22")],
    "BLD-3": [
        ("build.BackendBuild", "backend/buildspec.yml", "buildspec.yml"),
        literal("Build", "BuildspecSource", "INLINE"),
    ],
    "BLD-4": [("build.FrontendBuild", '"  pre_build:"', '"  pre_builds:"')],
    "BLD-5": [("build.BackendBuild", '"Value": "120"', '"Value": "79"'), literal("Build", "LintBlocks", "false")],
    "BLD-6": [("build.BackendBuild", '{"Ref": "TestsBlock"}', '"false"'), literal("Build", "TestsBlock", "false")],
    "BLD-7": [("build.BackendBuild", "bandit", "bandits")],
    "BLD-8": [
        ("registry.Images", '"IMMUTABLE"', '"MUTABLE"'),
        ("build.Push", "imagedefinitions.json", "images.json"),
        ("build.Push", "{uri}@{digest}", "{uri}:{tag}"),
        ("build.Push", '{"Ref": "ScanFindingsBlock"}', '"NONE"'),
        literal("Build", "ScanFindingsBlock", "NONE"),
    ],
    "BLD-9": [("build.BackendBuild", '"Type": "S3"', '"Type": "LOCAL"')],
    "BLD-10": [("build.BackendBuild", "USER 10001", "USER 0"), ("build.BackendBuild", "public.ecr.aws/docker/", "")],
    "BLD-11": [("build.FrontendBuild", '"/api/v1"', '"http://api/v1"'), literal("Build", "BuildVariables", "")],
    "BLD-12": [
        ("pipeline.Pipeline", '"Result": "SKIP"', '"Result": "FAIL"'),
        literal("Pipeline", "OnlyChanged", "false"),
    ],
    "BLD-13": [
        ("pipeline.Watch", '"Abandon": true', '"Abandon": false'),
        ("pipeline.Watch", "!='Approval'", "!='Nothing'"),
        ("pipeline.WatchRule", '"STARTED", ', ""),
        fallback("ExecutionTimeoutMinutes", "600"),
        literal("Pipeline", "ExecutionTimeoutMinutes", "600"),
    ],
    "PIP-1": [
        ("pipeline.Pipeline", '"Name": "Build_Frontend"', '"Name": "Frontend_Build"'),
        fallback("OnlyChanged", "true"),
    ],
    "PIP-2": [
        literal("Pipeline", "BuildLayout", "SEQUENTIAL"),
        ("pipeline.Pipeline", '"Name": "Build"', '"Name": "Both"'),
    ],
    "PIP-3": [
        ("pipeline.Pipeline", "imagedefinitions.json", "images.json"),
        literal("Pipeline", "RunningCluster", "default"),
    ],
    "PIP-4": [
        ("pipeline.Pipeline", "no-cache", "max-age=60"),
        ("pipeline.Pipeline", '"Extract": "true"', '"Extract": "false"'),
    ],
    "PIP-5": [
        ("access.ApproverRole", "aws:MultiFactorAuthPresent", "aws:SecureTransport"),
        literal("Pipeline", "ApprovalRequired", "false"),
        ("access.ApprovalProtection", '{"Ref": "DeveloperGroups"}', '"nobody"'),
        ("access:Rules/ProtectionBindsSomebody/Assertions/0/Assert", WHOLE, ALWAYS),
    ],
    "PIP-6": [
        ("pipeline.Pipeline", '"Result": "ROLLBACK"', '"Result": "RETRY"'),
        ("backend.Service", '"Rollback": true', '"Rollback": false'),
        ("site.Site", '"Status": "Enabled"}', '"Status": "Suspended"}'),
    ],
    "PIP-7": [literal("Pipeline", "VerifyBuild", "build"), ("build.Verify", '"Value": "/health"', '"Value": "/"')],
    "PIP-8": [
        ("pipeline.PipelineRole", "ecs:UpdateService", "ecs:*"),
        ("build.VerifyRole", "codebuild.amazonaws", "ec2.amazonaws"),
    ],
    "PIP-9": [literal("Backend", "DeploymentStrategy", "ROLLING")],
    "RUN-1": [
        ("network.PublicSubnetB", '{"Ref": "ZoneB"}', '{"Ref": "ZoneA"}'),
        literal("Network", "ZoneB", "us-east-1a"),
        ("backend.Service", '"DISABLED"', '"ENABLED"'),
        fallback("LoadBalancerScheme", "PUBLIC"),
    ],
    "RUN-2": [("delivery.Distribution", "redirect-to-https", "allow-all")],
    "RUN-3": [("delivery.PageRouting", "index.html", "home.html")],
    "RUN-4": [("site.Site", '"BlockPublicPolicy": true', '"BlockPublicPolicy": false')],
    "RUN-5": [("configuration.ApplicationMode", '"production"', '"development"')],
    "RUN-6": [("backend.TaskRole", "dynamodb:GetItem", "dynamodb:DeleteTable")],
    "RUN-7": [literal("Backend", "BackendBootstrap", "false")],
    "RUN-8": [("backend.Service", '{"Ref": "Task"}', '"family"')],
    "RUN-9": [
        fallback("TransferAcceleration", "Enabled"),
        ("delivery.Distribution", '"Compress": true', '"Compress": false'),
    ],
    "RUN-10": [
        ("network.FromCloudFront", '"SourcePrefixListId": {"Ref": "CloudFrontPrefixListId"}', '"CidrIp": "0.0.0.0/0"'),
        fallback("LoadBalancerScheme", "PUBLIC"),
    ],
    "RUN-11": [literal("Backend", "ConfigurationDigest", "0")],
    "RUN-12": [fallback("TaskCpu", "256"), fallback("ImagesKept", "50")],
    "NOT-1": [
        ("notifications.Topic", '{"Ref": "KeyArn"}', '"alias/aws/sns"'),
        ("environment:Rules/SomebodyIsTold/Assertions/0/Assert", WHOLE, ALWAYS),
        literal("Notifications", "NotificationEmail", ""),
    ],
    "NOT-2": [
        ("monitoring.DeploymentFailed", '"FAILED"', '"SUCCEEDED"'),
        ("pipeline.Watch", '"ROLLED_BACK"', '"SUCCEEDED"'),
        ("pipeline.Watch", "@.StageName!='Build_Backend'", "@.StageName!='Deploy_Backend'"),
        ("monitoring.ActionFailed", '"Approve"', '"Build_Backend"'),
        ("monitoring.ActionFailed", "$.detail.execution-id", "$.detail.pipeline"),
    ],
    "NOT-3": [
        ("monitoring.DeploymentFailure", "TriggeredRules", "Invocations"),
        fallback("BuildDurationAlarmSeconds", "60"),
        ("monitoring.PipelineFailure", '"Threshold": 1', '"Threshold": 2'),
    ],
    "NOT-4": [("backend.BackendLatency", '"p95"', '"p50"'), ("edge.CloudFrontErrors", "5xxErrorRate", "4xxErrorRate")],
    "NOT-5": [
        ("beanstalk.EnvironmentHealth", 'EnvironmentHealth", "Namespace', 'Health", "Namespace'),
        ("beanstalk.InstanceCpu", "LessThanOrEqualToThreshold", "GreaterThanOrEqualToThreshold"),
        ("beanstalk.InstanceCpu", "CPUIdle", "CPUUser"),
        ("beanstalk.InstanceDisk", '"Threshold": 90', '"Threshold": 99'),
        ("beanstalk.BackendEnvironment", "CPUIdle", "CPUUser"),
        literal("Monitoring", "MonthlyBudget", "1"),
        ("monitoring.BackendCpu", '"Threshold": 90', '"Threshold": 99'),
    ],
    "DEP-1": [("environment.Backend", "backend.json", "beanstalk.json")],
    "DEP-2": [("environment.Backend", "backend.json", "beanstalk.json")],
    "DEP-3": [("environment.Backend", "backend.json", "beanstalk.json")],
    "DEP-4": [("monitoring:Metadata/Generator/Module", WHOLE, "generator.stacks.pipeline")],
    "DEP-5": [("monitoring:Metadata/Generator/Module", WHOLE, "generator.stacks.pipeline")],
    "DEP-6": [("data.Clients", '"RetainExceptOnCreate"', '"Delete"')],
    "DEP-7": [("environment:Parameters/BackendBootstrap/Default", WHOLE, "true")],
    "DEP-8": [("access.DeployRole", "aws:MultiFactorAuthPresent", "aws:SecureTransport")],
    "DEP-9": [("environment:Conditions/NewKey", WHOLE, ALWAYS)],
    "DOC-1": [("pipeline.PipelineRole", "ecs:UpdateService", "ecs:DeleteService")],
    "DOC-2": [("monitoring.PipelineFailure", "#pipelinefailure", "#nothing")],
    "CST-1": [fallback("MonthlyBudget", "500")],
    "STK-1": [("shared:Resources/Extra", WHOLE, EXTRA_TOPIC)],
    "STK-2": [literal("Monitoring", "TopicArn", "arn")],
    "STK-3": [("storage:Parameters/KeyArn/AllowedPattern", WHOLE, ".*")],
    "STK-4": [("registry.Images", '"RetainExceptOnCreate"', '"Delete"')],
    "STK-5": [("pipeline.PipelineRole", '"AssumeRolePolicyDocument"', '"RoleName": "x", "AssumeRolePolicyDocument"')],
    "STK-6": [
        ("backend.Cluster", '"Tags": [', '"Tags": [{"Key": "Build", "Value": "0.1.0+abc"}, '),
        ("environment:Parameters/SetRevision", WHOLE, {"Type": "String", "Default": "abc", "Description": "x"}),
    ],
    "STK-7": [("environment:Conditions/Frontend", WHOLE, ALWAYS), ("environment:Conditions/Backend", WHOLE, ALWAYS)],
    "STK-8": [("delivery:Outputs/PublicUrl/Export", WHOLE, {"Name": "x"})],
    "STK-9": [("backend.TaskLogs", '{"Ref": "KeyArn"}', '"other"')],
    "STK-10": [("storage.ArtifactsPolicy", "aws:SecureTransport", "aws:ViaAWSService")],
    "STK-11": [("data.Clients", "PAY_PER_REQUEST", "PROVISIONED")],
    "DSN-1": [("pipeline.Pipeline", '"Name": "Deploy_Backend"', '"Name": "Deploy"')],
    "DSN-2": [("pipeline.Pipeline", '{"Ref": "ArtifactBucketName"}', '"other"')],
    "DSN-3": [fallback("BuildComputeType", "BUILD_GENERAL1_LARGE")],
    "DSN-4": [("shared.Repository", '{"Ref": "RepositoryName"}', '"other"')],
    "DSN-5": [("build.FrontendBuild", ") npm ci", ") npm install")],
    "DSN-6": [("build.FrontendBuild", ") npm ci", ") npm run build --dry-run && npm ci")],
    "DSN-7": [("registry.Images", '"IMMUTABLE"', '"MUTABLE"')],
    "DSN-8": [("build.BackendBuild", "base-directory: release-bundle", "base-directory: nowhere")],
    "DSN-9": [
        ("pipeline.PipelineRole", "codecommit:GetCommit", "codecommit:GetFile"),
        ("pipeline.PipelineRole", "s3:GetBucketLocation", "s3:DeleteObject"),
    ],
    "DSN-10": [("build.FrontendBuildRole", "s3:PutObject", "s3:DeleteObject")],
    "DSN-11": [("environment:Conditions/VerbatimNames", WHOLE, NEVER)],
    "DSN-12": [
        ("pipeline.Pipeline", '"DeployToS3"', '"DeploySite"'),
        ("pipeline.Pipeline", '{"Ref": "RepositoryName"}', '"other"'),
    ],
    "DSN-13": [("storage.Artifacts", '"Properties": {', '"Properties": {"BucketName": "codepipeline-artifacts", ')],
    "DSN-14": [("pipeline.Pipeline", '"Provider": "ECS"', '"Provider": "CodeDeployToECS"')],
    "DSN-15": [("build.BackendBuild", 'release-requirements\\"), bundle', 'requirements\\"), bundle')],
    "DSN-16": [("pipeline.Pipeline", '"FrontendAssets"', '"Assets"')],
    "DSN-17": [("beanstalk.BackendEnvironment", '"/var/app/current"', '"/app"')],
    "DSN-18": [("registry.Images", '"ScanOnPush": true', '"ScanOnPush": false')],
    "DSN-19": [("backend.CpuScaling", "ECSServiceAverageCPUUtilization", "ALBRequestCountPerTarget")],
    "DSN-20": [
        ("delivery.Distribution", "658327ea-f89d-4fab-a63d-7e88639e58f6", "4135ea2d-6df8-44a3-9df3-4b5a84be39ad")
    ],
    "DSN-21": [("pipeline.PipelineRole", "ecs:UpdateService", "ecs:CreateService")],
    "DSN-22": [("backend.Task", '"UpdateReplacePolicy": "Retain"', '"UpdateReplacePolicy": "Delete"')],
    "DSN-23": [("pipeline.Pipeline", '"CodeCommit"', '"S3"')],
    "DSN-24": [
        ("build.BackendBuild", "bandit", "bandits"),
        ("build.BackendBuild", "-m bandit -q", "-m bandit -o security-report.json -q"),
        ("build.BackendBuild", "-f custom", "-f json"),
    ],
    "DSN-25": [
        (
            "ingress.FirstTargets",
            '"HealthCheckPath": "/health"',
            '"HealthCheckEnabled": false, "HealthCheckPath": "/health"',
        ),
        ("build.Verify", 'same(\\"status\\", 200, status)', 'same(\\"status\\", status, status)'),
    ],
    "DSN-26": [("configuration.JwtSecret", '"GenerateSecretString": {', '"SecretString": "x", "Ignored": {')],
    "DSN-27": [("configuration.LogLevelName", "${LogLevel}", "INFO")],
    "DSN-28": [("storage.LogsPolicy", "aws:SecureTransport", "aws:ViaAWSService")],
    "DSN-29": [("environment.Pipeline", "pipeline.json", "other.json")],
    "DSN-30": [
        ("backend.Service", '{"Ref": "PrivateSubnetB"}', '{"Ref": "PrivateSubnetA"}'),
        ("backend.Service", '"AvailabilityZoneRebalancing": "ENABLED"', '"AvailabilityZoneRebalancing": "DISABLED"'),
        ("backend.Service", '"FARGATE"', '"EC2"'),
    ],
    "DSN-31": [("monitoring.Dashboard", "${AWS::Region}", "eu-west-1")],
    "DSN-32": [("build.BackendBuild", "tests/integration", "tests/other")],
    "DSN-33": [("environment.Network", "network.json", "other.json")],
    "DSN-34": [("environment:Metadata/Generator/Version", WHOLE, "0.0.0")],
    "DSN-35": [("environment.Backend", "backend.json", "beanstalk.json")],
    "DSN-36": [("pipeline.PipelineRole", '"AssumeRolePolicyDocument"', '"RoleName": "x", "AssumeRolePolicyDocument"')],
    "DSN-37": [("build.FrontendBuild", "${COMMIT:0:12}", "1.0.0")],
    "DSN-38": [("beanstalk.BackendEnvironment", '"/var/app/current"', '"/app"')],
    "DSN-39": [("build.Push", "imagedefinitions.json", "images.json")],
    "DSN-40": [("configuration.AllowedOrigins", '[\\"', '\\"')],
    "DSN-41": [
        ("build.BackendBuild", "-m pip install", "-m pip download"),
        ("build.BackendBuild", "-m pip install", "-m pip install --upgrade"),
    ],
    "DSN-50": [
        ("pipeline.PipelineRole", "ecs:UpdateService", "ecs:UpdateServices"),
        ("access.DeployRole", "cloudformation:DescribeStacks", "cloudformation:*"),
    ],
    "DSN-45": [("build.FrontendBuild", "DURATION pre_build", "TIME pre_build")],
    "DSN-46": [
        ("build.BackendBuild", "pytest-asyncio==", "pytest-asyncio>="),
        ("build.BackendBuild", "flake8==", "flake8>="),
    ],
    "DSN-47": [("build.FrontendBuild", "ERROR the build made no", "no")],
    "DSN-48": [("build.BackendBuild", "WORKDIR /home/application", "WORKDIR /root")],
    "DSN-49": [("shared.Repository", "AWS Monitoring Application", "Application")],
    "DSN-42": [("site.Site", '"MaxAge": 3000', '"MaxAge": 30')],
    "DSN-43": [
        ("monitoring.DeploymentFailure", '"Threshold": 1', '"Threshold": 5'),
        ("monitoring.PipelineFailure", "FailedPipelineExecutions", "SucceededPipelineExecutions"),
    ],
    "DSN-44": [("environment:Rules/SomebodyIsTold/Assertions/0/Assert", WHOLE, ALWAYS)],
}
