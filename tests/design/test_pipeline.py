"""The pipeline: its stages, what each deploys, and what happens when one fails."""

import json

from generator.reading.templates import TemplateSet
from generator.reading.values import render

from .support import (
    BACKEND_ONLY,
    FRONTEND_ONLY,
    actions,
    allowed,
    arn,
    attribute,
    buildspec,
    chosen,
    commands,
    declaration,
    default,
    passed,
    real,
    ref,
    stages,
    sub,
    under,
    variables,
)

FIVE = ["Source", "Build_Backend", "Build_Frontend", "Deploy_Backend", "Deploy_Frontend"]


def provider(action: dict[str, object]) -> str:
    kind = action["ActionTypeId"]
    assert isinstance(kind, dict)
    assert (kind["Owner"], kind["Version"]) == ("AWS", "1")
    return f"{kind['Category']}/{kind['Provider']}"


def test_five_stages(templates: TemplateSet) -> None:
    assert list(stages(templates)) == FIVE
    assert list(stages(templates, ApprovalRequired="true")) == [*FIVE[:3], "Approve", *FIVE[3:]]
    assert list(stages(templates, **BACKEND_ONLY)) == [name for name in FIVE if not name.endswith("Frontend")]
    assert list(stages(templates, **FRONTEND_ONLY)) == [name for name in FIVE if not name.endswith("Backend")]
    properties = under(templates, "pipeline.Pipeline")
    assert properties["PipelineType"] == "V2"
    assert properties["RestartExecutionOnUpdate"] is False
    assert properties["ExecutionMode"] == ref("ExecutionMode")
    assert default(templates, "ExecutionMode") == "QUEUED"
    for stage in stages(templates, ApprovalRequired="true").values():
        for action in stage["Actions"]:
            assert all(isinstance(value, str | dict) for value in action["Configuration"].values())


def test_the_defaults_are_the_five_stages(templates: TemplateSet) -> None:
    chosen_by_default = {name: default(templates, name) or "" for name in ("ApprovalRequired", "BuildLayout")}
    assert chosen_by_default == {"ApprovalRequired": "false", "BuildLayout": "SEQUENTIAL"}
    assert list(stages(templates, **chosen_by_default)) == FIVE


def test_one_parallel_build_stage(templates: TemplateSet) -> None:
    assert declaration(templates, "BuildLayout")["AllowedValues"] == ["SEQUENTIAL", "PARALLEL"]
    assert passed(templates, "Pipeline", "BuildLayout") == ref("BuildLayout")
    both, apart = stages(templates, BuildLayout="PARALLEL"), stages(templates)
    assert list(both) == ["Source", "Build", "Deploy_Backend", "Deploy_Frontend"]
    # The same actions, with one run order.
    assert both["Build"]["Actions"] == [*apart["Build_Backend"]["Actions"], *apart["Build_Frontend"]["Actions"]]
    assert {one["RunOrder"] for one in both["Build"]["Actions"]} == {1}
    assert both["Build"]["OnFailure"] == apart["Build_Backend"]["OnFailure"]
    for side, name in ((BACKEND_ONLY, "BackendBuild"), (FRONTEND_ONLY, "FrontendBuild")):
        assert list(actions(stages(templates, BuildLayout="PARALLEL", **side)["Build"])) == [name]


def test_ecs_deployment(templates: TemplateSet) -> None:
    found = actions(stages(templates)["Deploy_Backend"])
    deploy = found["DeployToECS"]
    assert next(iter(found)) == "DeployToECS"
    assert provider(deploy) == "Deploy/ECS"
    assert deploy["InputArtifacts"] == [{"Name": "BackendBuildOutput"}]
    assert deploy["Configuration"]["FileName"] == "imagedefinitions.json"
    # The pipeline names the cluster and the service that the backend makes.
    given = {key: real(templates, "pipeline.Pipeline", value) for key, value in deploy["Configuration"].items()}
    cluster = templates.resource("backend.Cluster").get("ClusterName")
    assert given["ClusterName"] == real(templates, "backend.Cluster", cluster)
    assert given["ServiceName"] == "${backend.Service.Name}"
    assert templates.resource("backend.Service").get("Cluster") == ref("Cluster")
    assert templates.resource("backend.Service").get("LaunchType") == "FARGATE"
    task = templates.resource("backend.Task")
    [container] = task.get("ContainerDefinitions", default=[])
    assert container["Name"] == variables(templates, "BackendBuild")["CONTAINER_NAME"]
    assert (task.get("NetworkMode"), task.get("RequiresCompatibilities")) == ("awsvpc", ["FARGATE"])
    assert task.get("RuntimePlatform") == {"CpuArchitecture": "X86_64", "OperatingSystemFamily": "LINUX"}
    assert container["LogConfiguration"]["Options"]["awslogs-group"] == ref("TaskLogs")
    [balancer] = templates.resource("backend.Service").get("LoadBalancers", default=[])
    assert balancer["ContainerName"] == container["Name"]
    assert balancer["ContainerPort"] == container["PortMappings"][0]["ContainerPort"]


def test_site_deployment(templates: TemplateSet) -> None:
    found = actions(stages(templates)["Deploy_Frontend"])
    assert [provider(one) for one in found.values()] == ["Deploy/S3", "Deploy/S3", "Build/CodeBuild", "Build/CodeBuild"]
    assets, documents, publish, _ = found.values()
    for action, artifact, cache in (
        (assets, "FrontendAssets", "public, max-age=31536000, immutable"),
        (documents, "FrontendDocuments", "no-cache"),
    ):
        assert action["InputArtifacts"] == [{"Name": artifact}]
        assert action["Configuration"] == {
            "BucketName": ref("SiteBucketName"),
            "CacheControl": cache,
            "Extract": "true",
        }
    assert real(templates, "pipeline.Pipeline", ref("SiteBucketName")).endswith("${site.Site}")
    assert publish["Configuration"]["ProjectName"] == ref("PublishBuild")
    text = commands(templates, "Publish")
    assert "aws cloudfront create-invalidation" in text
    assert "--paths '/*'" in text
    assert "aws cloudfront wait invalidation-completed" in text
    assert variables(templates, "Publish")["DISTRIBUTION_ID"] == ref("DistributionId")
    assert allowed(templates, "build.PublishRole")["cloudfront:CreateInvalidation"] == {"${DistributionArn}"}


def test_approval(templates: TemplateSet) -> None:
    """The stage alone; who may approve comes with the access root."""
    found = stages(templates, ApprovalRequired="true")
    names = list(found)
    assert names.index("Approve") + 1 == names.index("Deploy_Backend")
    assert names.index("Approve") > names.index("Build_Frontend")
    plan, approval = actions(found["Approve"]).values()
    assert provider(approval) == "Approval/Manual"
    assert approval["Configuration"]["NotificationArn"] == ref("TopicArn")
    # The plan is made right before, and the message names it; a link takes no variables.
    assert plan["Configuration"]["ProjectName"] == ref("ChangesBuild")
    assert (plan["RunOrder"], approval["RunOrder"], plan["Namespace"]) == (1, 2, "Plan")
    asked = approval["Configuration"]["CustomData"]
    assert [part for part in ("#{Source.CommitId}", "#{Plan.SUMMARY}", "#{Plan.PAGE}") if part not in asked] == []
    assert "/projects/${ChangesBuild}/history" in render(approval["Configuration"]["ExternalEntityLink"])
    # A rejected release is not asked about again.
    assert "OnFailure" not in found["Approve"]
    assert "Approve" not in stages(templates, ApprovalRequired="false")
    assert chosen("production")["ApprovalRequired"] == "true"
    may = allowed(templates, "pipeline.PipelineRole")
    assert may["sns:Publish"] == {"${TopicArn}"}
    assert "${KeyArn}" in may["kms:GenerateDataKey"]


SKIPPED = {
    "Build_Backend": ["BackendChanged"],
    "Build_Frontend": ["FrontendChanged"],
    "Approve": ["AnythingChanged"],
    "Deploy_Backend": ["AnythingChanged", "BackendChanged"],
    "Deploy_Frontend": ["AnythingChanged", "FrontendChanged"],
}


def test_only_what_has_changed(templates: TemplateSet) -> None:
    assert default(templates, "OnlyChanged") == "false"
    assert passed(templates, "Pipeline", "OnlyChanged") == ref("OnlyChanged")
    off = stages(templates, OnlyChanged="false", ApprovalRequired="true")
    assert "Changes" not in off and not [one for one in off.values() if "BeforeEntry" in one]
    on = stages(templates, OnlyChanged="true", ApprovalRequired="true")
    assert list(on) == ["Source", "Changes", *list(off)[1:]]
    [compare] = on["Changes"]["Actions"]
    assert (compare["Configuration"]["ProjectName"], compare["Namespace"]) == (ref("ChangesBuild"), "Changes")
    entries = {name: stage["BeforeEntry"]["Conditions"] for name, stage in on.items() if "BeforeEntry" in stage}
    assert {name: [rule["Name"] for rule in entry[0]["Rules"]] for name, entry in entries.items()} == SKIPPED
    assert {(len(entry), entry[0]["Result"]) for entry in entries.values()} == {(1, "SKIP")}
    checks = {rule["Name"]: rule["Configuration"] for entry in entries.values() for rule in entry[0]["Rules"]}
    assert checks == {
        "AnythingChanged": {"Variable": "#{Changes.CHANGED}", "Operator": "NE", "Value": "nothing"},
        "BackendChanged": {"Variable": "#{Changes.BACKEND_CHANGED}", "Operator": "EQ", "Value": "true"},
        "FrontendChanged": {"Variable": "#{Changes.FRONTEND_CHANGED}", "Operator": "EQ", "Value": "true"},
    }
    both = stages(templates, OnlyChanged="true", BuildLayout="PARALLEL")["Build"]["BeforeEntry"]["Conditions"]
    assert [rule["Name"] for rule in both[0]["Rules"]] == ["AnythingChanged"]


def test_a_release_is_recorded_and_compared(templates: TemplateSet) -> None:
    """Whatever the options: the digest is left out where nothing made one."""
    for given, digest in (
        ({}, ""),
        ({"ApprovalRequired": "true"}, "#{Plan.BACKEND_DIGEST}"),
        ({"ApprovalRequired": "true", "OnlyChanged": "true"}, "#{Changes.BACKEND_DIGEST}"),
    ):
        verify = actions(stages(templates, **given)["Deploy_Backend"])["VerifyBackend"]
        [_, release] = json.loads(verify["Configuration"]["EnvironmentVariables"])
        assert release["value"] == f"#{{codepipeline.PipelineExecutionId}}:#{{Source.CommitId}}:{digest}"
    records = {name: variables(templates, "Verify")[f"{name}_RECORD"] for name in ("BACKEND", "FRONTEND")}
    assert records == {"BACKEND": sub("${ReleasesPath}/backend"), "FRONTEND": sub("${ReleasesPath}/frontend")}
    compared = variables(templates, "Changes")
    assert compared["RELEASES"] == ref("ReleasesPath")
    assert (compared["BACKEND_PATHS"], compared["FRONTEND_PATHS"]) == ("backend requirements.txt", "frontend")
    assert "{path}/{side} {path}/{side}-next" in commands(templates, "Changes")
    may = allowed(templates, "build.ChangesRole")
    assert may["codebuild:BatchGetProjects"] == {
        arn("codebuild", f"project/${{{side}ProjectName}}") for side in ("Backend", "Frontend")
    }
    following = {arn("ssm", f"parameter${{ReleasesPath}}/{side}-next") for side in ("backend", "frontend")}
    assert may["ssm:PutParameter"] == following
    assert following < may["ssm:GetParameters"]


def test_rollback(templates: TemplateSet) -> None:
    found = stages(templates, ApprovalRequired="true")
    retry = {"Result": "RETRY", "RetryConfiguration": {"RetryMode": "FAILED_ACTIONS"}}
    assert {name: stage.get("OnFailure") for name, stage in found.items()} == {
        "Source": None,
        "Build_Backend": retry,
        "Build_Frontend": retry,
        "Approve": None,
        "Deploy_Backend": {"Result": "ROLLBACK"},
        "Deploy_Frontend": {"Result": "ROLLBACK"},
    }
    deployment = under(templates, "backend.Service", DeploymentStrategy="ROLLING")["DeploymentConfiguration"]
    assert deployment["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}
    assert (deployment["Alarms"]["Enable"], deployment["Alarms"]["Rollback"]) == (True, True)
    guards = {one["Ref"] for one in deployment["Alarms"]["AlarmNames"]}
    assert guards == {"BackendErrors", "GatewayErrors", "BackendLatency", "UnhealthyTasks"}
    for name in guards:
        alarm = templates.resource(f"backend.{name}")
        assert alarm.type == "AWS::CloudWatch::Alarm" and (alarm.get("MetricName") or alarm.get("Metrics"))
    # A rollback needs the revision, the artifacts and the page of the last good release.
    assert templates.resource("backend.Task").body.get("UpdateReplacePolicy") == "Retain"
    for address, rule in (("storage.Artifacts", "OldArtifacts"), ("site.Site", "OldVersions")):
        bucket = templates.resource(address)
        assert bucket.get("VersioningConfiguration", "Status") == "Enabled"
        [kept] = [one for one in bucket.get("LifecycleConfiguration", "Rules") if one["Id"] == rule]
        assert (kept["Status"], kept.get("ExpirationInDays", ref("ArtifactDays"))) == ("Enabled", ref("ArtifactDays"))
        assert kept["NoncurrentVersionExpiration"] == {"NoncurrentDays": ref("ArtifactDays")}
    assert templates["environment"].parameters["ArtifactDays"]["MinValue"] >= 30


def test_verification(templates: TemplateSet) -> None:
    found = stages(templates)
    assert [one["Configuration"]["ProjectName"] for one in found["Build_Backend"]["Actions"]] == [ref("BackendBuild")]
    for stage, check, artifact in (
        ("Deploy_Backend", "backend", "BackendBuildOutput"),
        ("Deploy_Frontend", "frontend", "FrontendDocuments"),
    ):
        last = list(actions(found[stage]).values())[-1]
        assert last["Configuration"]["ProjectName"] == ref("VerifyBuild")
        assert last["InputArtifacts"] == [{"Name": artifact}]
        [given, _] = json.loads(last["Configuration"]["EnvironmentVariables"])
        assert (given["name"], given["value"]) == ("CHECK", check)
    project = variables(templates, "Verify")
    smoke = json.loads(project.pop("SMOKE_REQUESTS"))
    records = {project.pop("BACKEND_RECORD")["Fn::Sub"], project.pop("FRONTEND_RECORD")["Fn::Sub"]}
    assert records == {"${ReleasesPath}/backend", "${ReleasesPath}/frontend"}
    assert project == {
        "CLUSTER": ref("RunningCluster"),
        "CONTAINER_NAME": variables(templates, "BackendBuild")["CONTAINER_NAME"],
        "HEALTH_PATH": "/health",
        "LAST_IMAGE_PARAMETER": ref("LastImageParameter"),
        "PUBLIC_URL": ref("PublicUrl"),
        "SERVICE": ref("RunningService"),
        "SHIFT_MINUTES": ref("ShiftMinutes"),
        "SITE_BUCKET": ref("SiteBucketName"),
    }
    assert len(smoke) >= 2
    assert all(set(one) == {"method", "path", "status", "body"} for one in smoke)
    text = commands(templates, "Verify")
    assert 'checks = {"backend": (image, tables, health, smoke), "frontend": (page,)}' in text
    assert '{"status": "healthy", "database": "connected"}' in text
    assert buildspec(templates, "Verify")["phases"]["build"]["on-failure"] == "ABORT"
    may = allowed(templates, "build.VerifyRole")
    tables = {arn("dynamodb", f"table/${{{name}Table}}") for name in ("Clients", "Metrics", "Costs", "Security")}
    assert may["dynamodb:DescribeTable"] == tables | {arn("dynamodb", "table/${RecommendationsTable}")}
    assert may["ecs:DescribeTasks"] == {arn("ecs", "task/${RunningCluster}/*")}
    stems = {"CLIENTS", "METRICS", "COSTS", "SECURITY", "RECOMMENDATIONS"}
    names = {arn("ssm", f"parameter${{ConfigurationPrefix}}/{name}_TABLE") for name in stems}
    assert may["ssm:GetParameters"] == names
    assert "${SiteBucketArn}/*" in may["s3:GetObject"]


def test_the_pipeline_has_its_own_role_and_store(templates: TemplateSet) -> None:
    properties = under(templates, "pipeline.Pipeline")
    assert properties["RoleArn"] == attribute("PipelineRole")
    assert properties["ArtifactStore"] == {
        "Type": "S3",
        "Location": ref("ArtifactBucketName"),
        "EncryptionKey": {"Type": "KMS", "Id": ref("KeyArn")},
    }
    assert real(templates, "pipeline.Pipeline", ref("ArtifactBucketName")) == "${storage.Artifacts}"
    assert render(properties["Name"]) == "${PipelineName}"
