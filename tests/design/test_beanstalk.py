"""The backend on Elastic Beanstalk, the alternative to ECS."""

import json
from typing import Any

from generator.application import APPLICATION
from generator.cfn.intrinsics import render
from generator.cfn.templates import TemplateSet
from generator.constructs.app_config import keys
from tests.support.design import (
    BOTH,
    actions,
    allowed,
    arn,
    attribute,
    declaration,
    exists,
    grants,
    passed,
    ref,
    stages,
    under,
)

ON_IT = {**BOTH, "BackendTarget": "BEANSTALK"}
BUCKET = "arn:${AWS::Partition}:s3:::elasticbeanstalk-${AWS::Region}-${AWS::AccountId}"


def options(templates: TemplateSet, **values: str) -> dict[tuple[str, str], Any]:
    """The options of the environment by namespace and name."""
    result = under(templates, "beanstalk.BackendEnvironment", **values)["OptionSettings"]
    assert len(result) > 40
    by_name = {(item["Namespace"], item["OptionName"]): item["Value"] for item in result}
    assert len(by_name) == len(result)
    return by_name


def test_the_environment_is_as_the_design_wants_it(templates: TemplateSet) -> None:
    assert "BEANSTALK" in declaration(templates, "BackendTarget")["AllowedValues"]
    assert templates.resource("environment.Beanstalk").condition == "OnBeanstalk"
    environment = templates.resource("beanstalk.BackendEnvironment")
    assert environment.get("ApplicationName") == ref("Application")
    # The platform is found at deploy time; the version is the pipeline's.
    assert environment.get("PlatformArn") == ref("PlatformArn")
    assert passed(templates, "Beanstalk", "PlatformArn") == ref("PlatformArn")
    assert "list-platform-versions" in templates["environment"].metadata["Computed"]["PlatformArn"]["Found"]
    assert environment.get("VersionLabel") is None
    by_option = options(templates)
    for namespace, name, value in (
        ("aws:ec2:vpc", "AssociatePublicIpAddress", "false"),
        ("aws:ec2:vpc", "Subnets", {"Fn::Join": [",", [ref("PrivateSubnetA"), ref("PrivateSubnetB")]]}),
        ("aws:elasticbeanstalk:healthreporting:system", "SystemType", "enhanced"),
        ("aws:elasticbeanstalk:managedactions", "ManagedActionsEnabled", "true"),
        ("aws:elasticbeanstalk:managedactions:platformupdate", "UpdateLevel", "minor"),
        ("aws:elasticbeanstalk:environment:process:default", "HealthCheckPath", "/health"),
        ("aws:elasticbeanstalk:cloudwatch:logs", "StreamLogs", "true"),
        ("aws:autoscaling:launchconfiguration", "DisableIMDSv1", "true"),
        ("aws:autoscaling:launchconfiguration", "SecurityGroups", ref("TaskGroupId")),
        ("aws:autoscaling:asg", "MinSize", ref("MinimumTasks")),
        ("aws:autoscaling:asg", "MaxSize", ref("MaximumTasks")),
    ):
        assert by_option[namespace, name] == value, name


def test_it_stands_behind_our_load_balancer(templates: TemplateSet) -> None:
    """Whose rule for ECS is gone then: it would take every request first."""
    by_option = options(templates, DomainName="")
    assert by_option["aws:elbv2:loadbalancer", "SharedLoadBalancer"] == ref("LoadBalancerArn")
    assert by_option["aws:elbv2:loadbalancer", "SecurityGroups"] == ref("LoadBalancerGroupId")
    kind = "aws:elasticbeanstalk:environment"
    assert (by_option[kind, "LoadBalancerType"], by_option[kind, "LoadBalancerIsShared"]) == ("application", "true")
    port = under(templates, "ingress.Listener", **ON_IT)["Port"]
    [rule] = [value for (namespace, name), value in by_option.items() if name == "Rules"]
    assert by_option[f"aws:elbv2:listener:{port}", "Rules"] == rule
    rule = f"aws:elbv2:listenerrule:{rule}"
    assert (by_option[rule, "PathPatterns"], by_option[rule, "HostHeaders"]) == ("/*", "*.cloudfront.net")
    assert render(options(templates, DomainName="x")[rule, "HostHeaders"]) == "*.cloudfront.net,${DomainName}"
    for name in ("ProductionRule", "FirstTargets", "SecondTargets"):
        assert exists(templates, f"ingress.{name}", BackendTarget="ECS")
        assert not exists(templates, f"ingress.{name}", **ON_IT)
    process = by_option["aws:elasticbeanstalk:environment:process:default", "Port"]
    way_in = templates.resource("network.FromLoadBalancerToProxy").get("ToPort")
    out = templates.resource("network.LoadBalancerGroup").get("SecurityGroupEgress")
    assert process in [str(item["ToPort"]) for item in out]
    assert str(way_in) == process
    assert "BeanstalkDeploysItsOwnWay" in templates["environment"].body["Rules"]


def test_the_application_is_told_what_it_is_told_on_ecs(templates: TemplateSet) -> None:
    by_option = options(templates)
    secrets = "aws:elasticbeanstalk:application:environmentsecrets"
    shown = {name: render(value) for (namespace, name), value in by_option.items() if namespace == secrets}
    plain = {key.variable: arn("ssm", f"parameter${{ConfigurationTree}}/{key.variable}") for key in _keys()}
    assert shown == {**plain, "JWT_SECRET_KEY": "${JwtSecretArn}", "ENCRYPTION_KEY": "${EncryptionSecretArn}"}
    plain_options = "aws:elasticbeanstalk:application:environment"
    assert by_option[plain_options, "CONFIGURATION_DIGEST"] == ref("ConfigurationDigest")
    assert by_option[plain_options, "PYTHONPATH"] == "/var/app/current"
    assert [name for namespace, name in by_option if namespace == plain_options and "KEY" in name] == []
    profile = by_option["aws:autoscaling:launchconfiguration", "IamInstanceProfile"]
    assert profile == ref("InstanceProfile")
    assert templates.resource("beanstalk.InstanceProfile").get("Roles") == [ref("InstanceRole")]
    # Exactly the application's permissions, and what its instance needs to start and report.
    task, instance = (grants(templates, role) for role in ("backend.TaskRole", "beanstalk.InstanceRole"))
    starting = {"ReadConfiguration", "ReadSecrets", "DecryptSecrets"}
    reporting = {"ReportHealth", "WriteLogs", "FindBundles", "ReadBundle", "PutLogs", "ReadPlatform"}
    assert set(instance) == set(task) | starting | reporting
    may = allowed(templates, "beanstalk.InstanceRole")
    # The bucket has the bundles of all environments of the account: the application writes none, not even its own.
    assert may["s3:PutObject"] == {f"{BUCKET}/resources/environments/logs/*"}
    assert may["s3:GetObjectVersion"] == {f"{BUCKET}/resources/environments/*"}
    [others] = instance["ReadPlatform"].conditions
    assert (others.operator, others.key, others.values) == (
        "StringNotEquals",
        "aws:ResourceAccount",
        ("${AWS::AccountId}",),
    )
    assert may["elasticbeanstalk:PutInstanceStatistics"] == {
        arn("elasticbeanstalk", "application/${Application}"),
        arn("elasticbeanstalk", "environment/${Application}/${BeanstalkEnvironmentName}"),
    }


def _keys() -> list[Any]:
    result = keys(APPLICATION)
    assert len(result) > 10
    return result


def test_the_service_watches_and_updates_it(templates: TemplateSet) -> None:
    [trusted] = [grant for grant in grants(templates, "beanstalk.ServiceRole").values() if grant.kind == "trust"]
    assert trusted.principals == ("Service:elasticbeanstalk.amazonaws.com",)
    [condition] = trusted.conditions
    assert (condition.key, condition.values) == ("sts:ExternalId", ("elasticbeanstalk",))
    attached = [
        render(managed_policy_arn)
        for managed_policy_arn in templates.resource("beanstalk.ServiceRole").get("ManagedPolicyArns")
    ]
    assert [item.rpartition("/")[2] for item in attached] == [
        "AWSElasticBeanstalkEnhancedHealth",
        "AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy",
    ]
    result, role = options(templates), attribute("ServiceRole")
    assert result["aws:elasticbeanstalk:environment", "ServiceRole"] == role
    assert result["aws:elasticbeanstalk:managedactions", "ServiceRoleForManagedUpdates"] == role
    lifecycle = templates.resource("beanstalk.Application").get("ResourceLifecycleConfig")
    assert lifecycle["ServiceRole"] == role
    rule = lifecycle["VersionLifecycleConfig"]["MaxCountRule"]
    assert rule["Enabled"] is rule["DeleteSourceFromS3"] is True and rule["MaxCount"] >= 20


def test_a_release_replaces_the_last_one(templates: TemplateSet) -> None:
    """New instances beside the old ones, all at once or for a part of the requests first."""
    policy = ("aws:elasticbeanstalk:command", "DeploymentPolicy")
    assert options(templates, DeploymentStrategy="ROLLING")[policy] == "Immutable"
    splitting = options(templates, DeploymentStrategy="CANARY")
    assert splitting[policy] == "TrafficSplitting"
    assert splitting["aws:elasticbeanstalk:trafficsplitting", "NewVersionPercent"] == ref("CanaryPercent")
    assert splitting["aws:elasticbeanstalk:trafficsplitting", "EvaluationTime"] == ref("CanaryBakeMinutes")
    assert declaration(templates, "CanaryBakeMinutes")["MinValue"] >= 3
    assert splitting["aws:autoscaling:updatepolicy:rollingupdate", "RollingUpdateType"] == "Immutable"


def test_the_pipeline_deploys_with_a_narrow_role(templates: TemplateSet) -> None:
    stage = stages(templates, **ON_IT)["Deploy_Backend"]
    by_action = actions(stage)
    assert list(by_action) == ["DeployToBeanstalk", "VerifyBackend"]
    assert stage["OnFailure"] == {"Result": "ROLLBACK"}
    deploy = by_action["DeployToBeanstalk"]
    assert deploy["ActionTypeId"]["Provider"] == "ElasticBeanstalk"
    assert deploy["Configuration"] == {
        "ApplicationName": ref("RunningCluster"),
        "EnvironmentName": ref("RunningService"),
    }
    assert deploy["InputArtifacts"] == [{"Name": "SealedBundle"}]
    assert deploy["RoleArn"] == attribute("DeployRole")
    assert exists(templates, "pipeline.DeployRole", **ON_IT)
    assert not exists(templates, "pipeline.DeployRole", **BOTH)
    [trusted] = [grant for grant in grants(templates, "pipeline.DeployRole").values() if grant.kind == "trust"]
    assert trusted.principals == ("AWS:${PipelineRole.Arn}",)
    may = allowed(templates, "pipeline.DeployRole")
    own = arn("elasticbeanstalk", "environment/${RunningCluster}/${RunningService}")
    assert may["elasticbeanstalk:UpdateEnvironment"] == {own}
    assert may["iam:PassRole"] == {"${TaskRoleArn}", "${ExecutionRoleArn}"}
    assert may["s3:PutObject"] == {f"{BUCKET}/*"}
    assert may["cloudformation:UpdateStack"] == {arn("cloudformation", "stack/awseb-*/*")}
    changes = {action: on for action, on in may.items() if ":Describe" not in action and "*" in on}
    assert set(changes) == {"ec2:CreateTags", "ec2:RunInstances"}  # each under a condition


def test_what_belongs_to_ecs_is_not_made(templates: TemplateSet) -> None:
    root = {name: templates.resource(f"environment.{name}").condition for name in ("Backend", "Registry")}
    assert root == {"Backend": "OnEcs", "Registry": "NewRegistry"}
    assert not exists(templates, "build.Raise", **ON_IT) and not exists(templates, "build.Push", **ON_IT)
    for name in ("BackendCpu", "BackendMemory", "MissingTasks"):
        assert not exists(templates, f"monitoring.{name}", **ON_IT)
    project = under(templates, "build.BackendBuild", **ON_IT)
    assert project["Environment"]["PrivilegedMode"] is False
    variables = {each["Name"]: each["Value"] for each in project["Environment"]["EnvironmentVariables"]}
    assert variables["MAKES_IMAGE"] == "false"
    policies = [policy["PolicyName"] for policy in under(templates, "build.BackendBuildRole", **ON_IT)["Policies"]]
    assert policies == ["Job"]
    health = templates.resource("beanstalk.EnvironmentHealth")
    assert (health.get("MetricName"), health.get("Threshold")) == ("EnvironmentHealth", 20)
    for name in ("BackendErrors", "GatewayErrors", "BackendLatency"):
        assert templates.resource(f"beanstalk.{name}").get("Namespace") == "AWS/ApplicationELB"


def test_the_instances_are_watched(templates: TemplateSet) -> None:
    """CPU and disk of all instances there are: what is asked for is what the environment publishes."""
    document = json.loads(options(templates)["aws:elasticbeanstalk:healthreporting:system", "ConfigDocument"])
    assert document == {"CloudWatchMetrics": {"Instance": {"CPUIdle": 60, "RootFilesystemUtil": 60}}, "Version": 1}
    for name, selected, operator, limit in (
        ("InstanceCpu", "AVG(CPUIdle)", "LessThanOrEqualToThreshold", 10),
        ("InstanceDisk", "MAX(RootFilesystemUtil)", "GreaterThanOrEqualToThreshold", 90),
    ):
        alarm = templates.resource(f"beanstalk.{name}")
        [query] = alarm.get("Metrics", default=[])
        assert (alarm.get("ComparisonOperator"), alarm.get("Threshold")) == (operator, limit)
        assert (alarm.get("AlarmActions"), query["ReturnData"]) == ([ref("TopicArn")], True)
        text, names = query["Expression"]["Fn::Sub"]
        assert names == {"Name": ref("BackendEnvironment")}
        source = 'SCHEMA("AWS/ElasticBeanstalk", EnvironmentName, InstanceId)'
        assert text == f"SELECT {selected} FROM {source} WHERE EnvironmentName = '${{Name}}'"
    there = json.loads(render(under(templates, "monitoring.Dashboard", **ON_IT)["DashboardBody"]))
    [graph] = [widget["properties"] for widget in there["widgets"] if widget["properties"]["title"] == "CPU and disk"]
    assert [line[0]["expression"].split(" FROM ")[0] for line in graph["metrics"]] == [
        "SELECT AVG(CPUIdle)",
        "SELECT MAX(RootFilesystemUtil)",
    ]


def test_both_backends_give_the_arn_of_what_runs(templates: TemplateSet) -> None:
    """Who reads `ServiceArn` does not know which backend there is."""
    value = templates["beanstalk"].outputs["ServiceArn"]["Value"]
    assert render(value).endswith(":environment/${Application}/${BackendEnvironment}")
    assert templates["backend"].outputs["ServiceArn"]["Value"] == {"Ref": "Service"}
