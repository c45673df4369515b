"""The pipeline: its stages, what each deploys, and what happens when one fails."""

import json
from fnmatch import fnmatchcase as fnmatch

from generator.cfn.intrinsics import render
from generator.cfn.templates import TemplateSet
from tests.support.design import (
    BACKEND_ONLY,
    BOTH,
    FRONTEND_ONLY,
    actions,
    allowed,
    arn,
    attribute,
    buildspec,
    chosen,
    commands,
    default,
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
    names = ("ApprovalRequired", "BuildLayout", "OnlyChanged")
    chosen_by_default = {name: default(templates, name) or "" for name in names}
    assert chosen_by_default == {"ApprovalRequired": "false", "BuildLayout": "SEQUENTIAL", "OnlyChanged": "false"}
    assert list(stages(templates, **chosen_by_default)) == FIVE


def test_ecs_deployment(templates: TemplateSet) -> None:
    by_action = actions(stages(templates)["Deploy_Backend"])
    deploy = by_action["DeployToECS"]
    assert list(by_action)[:2] == ["RaiseFromZero", "DeployToECS"]
    assert provider(deploy) == "Deploy/ECS"
    assert deploy["InputArtifacts"] == [{"Name": "BackendImage"}]
    assert deploy["Configuration"]["FileName"] == "imagedefinitions.json"
    # The pipeline names the cluster and the service that the backend makes.
    values = {key: real(templates, "pipeline.Pipeline", value) for key, value in deploy["Configuration"].items()}
    cluster = templates.resource("backend.Cluster").get("ClusterName")
    for key, value, other in (
        ("ClusterName", real(templates, "backend.Cluster", cluster), "${beanstalk.Application}"),
        ("ServiceName", "${backend.Service.Name}", "${beanstalk.BackendEnvironment}"),
    ):
        assert json.loads(values[key]) == ["environment.OnEcs", value, other]
    assert templates.resource("backend.Service").get("Cluster") == ref("Cluster")
    assert templates.resource("backend.Service").get("LaunchType") == "FARGATE"
    task = templates.resource("backend.Task")
    [container] = task.get("ContainerDefinitions", default=[])
    assert container["Name"] == variables(templates, "Push")["CONTAINER_NAME"]
    assert (task.get("NetworkMode"), task.get("RequiresCompatibilities")) == ("awsvpc", ["FARGATE"])
    assert task.get("RuntimePlatform") == {"CpuArchitecture": "X86_64", "OperatingSystemFamily": "LINUX"}
    assert container["LogConfiguration"]["Options"]["awslogs-group"] == ref("TaskLogs")
    [balancer] = templates.resource("backend.Service").get("LoadBalancers", default=[])
    assert balancer["ContainerName"] == container["Name"]
    assert balancer["ContainerPort"] == container["PortMappings"][0]["ContainerPort"]


def test_no_build_writes_what_is_deployed_later(templates: TemplateSet) -> None:
    """A build of a later release could write over what waits for its approval, or is gone back to. What the deploy
    actions take has been pushed or sealed in the stage of the build, by a project that runs nothing of the
    application; and no build may write there.

    The attack was tried on the commit before the sealing (f79c176, 2026-11-29) with the templates of then and the same
    comparison, and it succeeded: the role of the frontend's build could write over the artifacts of DeployAssetsToS3
    and DeployToS3, that of the backend's build over the one of DeployToBeanstalk, each of them deployed after the
    approval."""
    written = {
        side: [
            target.removeprefix("${ArtifactBucketArn}/")
            for target in allowed(templates, f"build.{side}BuildRole")["s3:PutObject"]
        ]
        for side in ("Backend", "Frontend")
    }
    taken = set()
    for environment in (BOTH, {"BackendTarget": "BEANSTALK"}):
        by_stage = stages(templates, ApprovalRequired="true", **environment)
        assert list(by_stage).index("Build_Frontend") < list(by_stage).index("Approve")
        for stage in ("Deploy_Backend", "Deploy_Frontend"):
            for action in actions(by_stage[stage]).values():
                taken |= {render(artifact["Name"]) for artifact in action["InputArtifacts"]}
    assert {"SealedBundle", "BackendImage", "SealedAssets", "SealedDocuments"} <= taken
    sealing = actions(by_stage["Build_Frontend"])["SealAssets"]["Configuration"]["ProjectName"]
    project = templates.resource("build.Seal").get("Name")
    assert real(templates, "pipeline.Pipeline", sealing) == real(templates, "build.Seal", project)
    assert buildspec(templates, "Seal")["artifacts"] == {"files": ["**/*"]}
    # CodePipeline's key: the pipeline's name and the artifact's, cut, and what is random.
    for key in (f"cloud-health-dashboa/{artifact[:10]}/Ab3dE9x" for artifact in taken):
        assert [(side, pattern) for side in written for pattern in written[side] if fnmatch(key, pattern)] == [], key
    for side, artifact in (("Backend", "BackendBuildOutput"), ("Frontend", "FrontendAssets")):
        key = f"cloud-health-dashboa/{artifact[:10]}/Ab3dE9x"
        assert any(fnmatch(key, pattern) for pattern in written[side]), "what the comparison is about"


def test_site_deployment(templates: TemplateSet) -> None:
    by_action = actions(stages(templates)["Deploy_Frontend"])
    assert [provider(item) for item in by_action.values()] == [
        "Deploy/S3",
        "Deploy/S3",
        "Build/CodeBuild",
        "Build/CodeBuild",
    ]
    assets, documents, publish, _ = by_action.values()
    for action, artifact, cache in (
        (assets, "SealedAssets", "public, max-age=31536000, immutable"),
        (documents, "SealedDocuments", "no-cache"),
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
    by_stage = stages(templates, ApprovalRequired="true")
    names = list(by_stage)
    assert names.index("Approve") + 1 == names.index("Deploy_Backend")
    assert names.index("Approve") > names.index("Build_Frontend")
    plan, approval = actions(by_stage["Approve"]).values()
    assert provider(approval) == "Approval/Manual"
    assert approval["Configuration"]["NotificationArn"] == ref("TopicArn")
    # The plan is made right before, and the message names it; a link takes no variables.
    assert plan["Configuration"]["ProjectName"] == ref("ChangesBuild")
    assert (plan["RunOrder"], approval["RunOrder"], plan["Namespace"]) == (1, 2, "Plan")
    requested = approval["Configuration"]["CustomData"]
    assert [part for part in ("#{Source.CommitId}", "#{Plan.SUMMARY}", "#{Plan.PAGE}") if part not in requested] == []
    assert "/projects/${ChangesBuild}/history" in render(approval["Configuration"]["ExternalEntityLink"])
    # A rejected release is not asked about again.
    assert "OnFailure" not in by_stage["Approve"]
    assert "Approve" not in stages(templates, ApprovalRequired="false")
    assert chosen("production")["ApprovalRequired"] == "true"
    may = allowed(templates, "pipeline.PipelineRole")
    assert may["sns:Publish"] == {"${TopicArn}"}
    assert "${KeyArn}" in may["kms:GenerateDataKey"]


def test_rollback(templates: TemplateSet) -> None:
    by_stage = stages(templates, ApprovalRequired="true")
    retry = {"Result": "RETRY", "RetryConfiguration": {"RetryMode": "FAILED_ACTIONS"}}
    assert {name: stage.get("OnFailure") for name, stage in by_stage.items()} == {
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
    guards = {alarm_name["Ref"] for alarm_name in deployment["Alarms"]["AlarmNames"]}
    assert guards == {"BackendErrors", "GatewayErrors", "BackendLatency", "UnhealthyTasks"}
    for name in guards:
        alarm = templates.resource(f"backend.{name}")
        assert alarm.type == "AWS::CloudWatch::Alarm" and (alarm.get("MetricName") or alarm.get("Metrics"))
    # A rollback needs the revision, the artifacts and the page of the last good release.
    assert templates.resource("backend.Task").body.get("UpdateReplacePolicy") == "Retain"
    for address, rule in (("storage.Artifacts", "OldArtifacts"), ("site.Site", "OldVersions")):
        bucket = templates.resource(address)
        assert bucket.get("VersioningConfiguration", "Status") == "Enabled"
        [kept] = [item for item in bucket.get("LifecycleConfiguration", "Rules") if item["Id"] == rule]
        assert (kept["Status"], kept.get("ExpirationInDays", ref("ArtifactDays"))) == ("Enabled", ref("ArtifactDays"))
        assert kept["NoncurrentVersionExpiration"] == {"NoncurrentDays": ref("ArtifactDays")}
    assert templates["environment"].parameters["ArtifactDays"]["MinValue"] >= 30


def test_what_documents_an_image_has_no_end(templates: TemplateSet) -> None:
    """It lives as long as the image, which is kept by count: below the prefix that the push writes, no rule ends what
    is there. The pipeline's artifacts do end, below the start of its name, which is cut."""
    rules = templates.resource("storage.Artifacts").get("LifecycleConfiguration", "Rules")
    ending = {rule["Id"]: rule["Prefix"] for rule in rules if "ExpirationInDays" in rule}
    assert ending == {"OldArtifacts": "cloud-health-dashboa", "OldCaches": "cache/"}
    [records] = {rule["Prefix"] for rule in rules if rule["Id"] == "OldRecords"}
    assert records == f"{variables(templates, 'Push')['RECORDS']}/"
    assert not any(records.startswith(prefix) or prefix.startswith(records) for prefix in ending.values())
    names = templates["environment"].body["Resources"]["Pipeline"]["Properties"]["Parameters"]["PipelineName"]
    assert all(json.dumps(name).strip('"').startswith(ending["OldArtifacts"]) for name in names["Fn::If"][1:2])


def test_verification(templates: TemplateSet) -> None:
    by_stage = stages(templates)
    assert [action["Configuration"]["ProjectName"] for action in by_stage["Build_Backend"]["Actions"]] == [
        ref("BackendBuild"),
        ref("PushBuild"),
    ]
    for stage, project_name, artifact in (
        ("Deploy_Backend", "VerifyBuild", "BackendImage"),
        ("Deploy_Frontend", "VerifyFrontendBuild", "SealedDocuments"),
    ):
        last = list(actions(by_stage[stage]).values())[-1]
        assert last["Configuration"]["ProjectName"] == ref(project_name)
        assert last["InputArtifacts"] == [{"Name": artifact}]
        [values] = json.loads(last["Configuration"]["EnvironmentVariables"])
        assert values["name"] == "RELEASE"
    project = variables(templates, "Verify")
    smoke = json.loads(project.pop("SMOKE_REQUESTS"))
    assert project.pop("BACKEND_RECORD") == sub("${ReleasesPath}/backend")
    assert project == {
        "BACKEND_TARGET": ref("BackendTarget"),
        "CLUSTER": ref("RunningCluster"),
        "CONTAINER_NAME": variables(templates, "Push")["CONTAINER_NAME"],
        "DOCUMENTS_RECORD": sub("${ReleasesPath}/documents"),
        "HEALTH_ANSWER": '{"status": "healthy", "database": "connected"}',
        "HEALTH_PATH": "/health",
        "LAST_RELEASE_PARAMETER": {"Fn::If": ["OnEcs", ref("LastImageParameter"), ref("LastVersionParameter")]},
        "PUBLIC_URL": ref("PublicUrl"),
        "RELEASED_TAG": "released-",
        "SERVICE": ref("RunningService"),
        "SHIFT_MINUTES": ref("ShiftMinutes"),
        "TABLE_VARIABLES": "CLIENTS_TABLE,METRICS_TABLE,COSTS_TABLE,SECURITY_TABLE,RECOMMENDATIONS_TABLE",
    }
    assert len(smoke) >= 2
    assert all(set(item) == {"method", "path", "status", "body"} for item in smoke)
    text = commands(templates, "Verify")
    assert 'targets = {"ECS": image, "BEANSTALK": version}' in text
    assert "for check in (running, tables, health, smoke)" in text
    assert variables(templates, "VerifyFrontend") == {
        "FRONTEND_RECORD": sub("${ReleasesPath}/frontend"),
        "PUBLIC_URL": ref("PublicUrl"),
        "SITE_BUCKET": ref("SiteBucketName"),
    }
    assert buildspec(templates, "Verify")["phases"]["build"]["on-failure"] == "ABORT"
    may = allowed(templates, "build.VerifyRole")
    tables = {arn("dynamodb", f"table/${{{name}Table}}") for name in ("Clients", "Metrics", "Costs", "Security")}
    assert may["dynamodb:DescribeTable"] == tables | {arn("dynamodb", "table/${RecommendationsTable}")}
    assert may["ecs:DescribeTasks"] == {arn("ecs", "task/${RunningCluster}/*")}
    stems = {"CLIENTS", "METRICS", "COSTS", "SECURITY", "RECOMMENDATIONS"}
    names = {arn("ssm", f"parameter${{ConfigurationPrefix}}/{name}_TABLE") for name in stems}
    assert may["ssm:GetParameters"] == names
    # The verification of one side cannot record what the other's deployment believes.
    page = allowed(templates, "build.VerifyFrontendRole")
    assert "${SiteBucketArn}/*" in page["s3:GetObject"]
    assert page["ssm:PutParameter"] == {arn("ssm", "parameter${ReleasesPath}/frontend")}
    assert may["ssm:PutParameter"].isdisjoint(page["ssm:PutParameter"])


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
