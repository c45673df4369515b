"""Runtime: the application's configuration, its roles, and how its image changes."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from generator.application import APPLICATION
from generator.cfn.intrinsics import decide, render
from generator.cfn.places import walk
from generator.cfn.templates import TemplateSet
from generator.project import FactError
from generator.render import render as render_project
from tests.support.design import (
    actions,
    allowed,
    arn,
    attribute,
    chosen,
    commands,
    default,
    exists,
    grants,
    outcome,
    passed,
    real,
    ref,
    stages,
    sub,
    under,
    variables,
)

# The design's table and the application's own keys, with what stands in Parameter Store.
PLAIN = {
    "ENVIRONMENT": "production",
    "DEBUG": "${Debug}",
    "LOG_LEVEL": "${LogLevel}",
    "YOUR_AWS_REGION": "${AWS::Region}",
    "FRONTEND_URL": "${PublicUrl}",
    "CORS_ORIGINS": '["${PublicUrl}"]',
    "DYNAMODB_TABLE_PREFIX": "${TablePrefix}",
    "METRICS_COLLECTION_INTERVAL": "${MetricsCollectionInterval}",
    "CLIENTS_TABLE": "${ClientsTableName}",
    "METRICS_TABLE": "${MetricsTableName}",
    "COSTS_TABLE": "${CostsTableName}",
    "SECURITY_TABLE": "${SecurityTableName}",
    "RECOMMENDATIONS_TABLE": "${RecommendationsTableName}",
}
OPTIONAL = {"SES_SENDER_EMAIL": "${SenderEmail}", "REDIS_URL": "${RedisUrl}"}
TABLE_READS = ("BatchGetItem", "DescribeTable", "GetItem", "Query", "Scan")
TABLE_WRITES = ("BatchWriteItem", "DeleteItem", "PutItem", "UpdateItem")
SECRET_ACTIONS = ("CreateSecret", "DeleteSecret", "DescribeSecret", "GetSecretValue", "PutSecretValue", "UpdateSecret")
SECRET = {"JWT_SECRET_KEY": "${JwtSecretArn}", "ENCRYPTION_KEY": "${EncryptionSecretArn}"}


def given_to_the_task(templates: TemplateSet, **values: str) -> dict[str, str]:
    [container] = under(templates, "backend.Task", **values).get("ContainerDefinitions", [])
    return {secret["Name"]: render(secret["ValueFrom"]) for secret in container["Secrets"]}


def test_every_variable_of_the_design(templates: TemplateSet) -> None:
    kept = {
        render(resource.get("Name")).removeprefix("${ConfigurationPrefix}/"): render(resource.get("Value"))
        for resource in templates.resources("AWS::SSM::Parameter")
    }
    assert kept == {**PLAIN, **OPTIONAL}
    # The values of the design's table, and the path that it has them under.
    assert (default(templates, "Debug"), default(templates, "LogLevel")) == ("false", "INFO")
    assert passed(templates, "Configuration", "ConfigurationPrefix") == sub("/cloud-health/backend/${Environment}")
    tree = arn("ssm", "parameter${ConfigurationTree}/")
    every = given_to_the_task(templates, SenderEmail="dashboard@cloud-health.test", RedisUrl="rediss://cache:6379")
    assert every == {**{name: tree + name for name in (*PLAIN, *OPTIONAL)}, **SECRET}
    # A value in Parameter Store cannot be empty, so an optional key is left out, of both places.
    assert not OPTIONAL.keys() & given_to_the_task(templates, SenderEmail="", RedisUrl="").keys()
    for name, parameter in (("Sender", "SenderEmail"), ("Redis", "RedisUrl")):
        assert not exists(templates, f"configuration.{name}", **{parameter: ""})
    assert real(templates, "backend.Task", ref("ConfigurationTree")) == "/cloud-health/backend/${Environment}"
    for name in ("Clients", "Metrics", "Costs", "Security", "Recommendations"):
        assert passed(templates, "Configuration", f"{name}TableName")["Fn::If"][0] == "NewTables"


def test_secrets(templates: TemplateSet) -> None:
    jwt = templates.resource("configuration.JwtSecret").get("GenerateSecretString", default={})
    seed = templates.resource("configuration.EncryptionSeed").get("GenerateSecretString", default={})
    assert (jwt["PasswordLength"] >= 32, jwt["ExcludePunctuation"]) == (True, True)
    # 43 letters and digits and a final = are a Fernet key: url-safe base64 of 32 bytes.
    assert seed == {"ExcludePunctuation": True, "IncludeSpace": False, "PasswordLength": 43}
    key = templates.resource("configuration.EncryptionKey")
    assert render(key.get("SecretString")) == "{{resolve:secretsmanager:${EncryptionSeed}}}="
    for name in ("JwtSecret", "EncryptionSeed", "EncryptionKey"):
        secret = templates.resource(f"configuration.{name}")
        assert secret.get("KmsKeyId") == ref("KeyArn")
        assert secret.get("Name") is None
        assert secret.body.get("DeletionPolicy") == "RetainExceptOnCreate"
        assert secret.body.get("UpdateReplacePolicy") == "Retain"
    for name, parameter in (("EncryptionSeed", "Encryption"), ("EncryptionKey", "Encryption"), ("JwtSecret", "Jwt")):
        assert exists(templates, f"configuration.{name}", **{f"Existing{parameter}SecretArn": ""})
        assert not exists(templates, f"configuration.{name}", **{f"Existing{parameter}SecretArn": "arn"})
    assert "${configuration.JwtSecret}" in real(templates, "backend.Task", ref("JwtSecretArn"))
    assert "${configuration.EncryptionKey}" in real(templates, "backend.Task", ref("EncryptionSecretArn"))


def test_values_reach_the_task_at_its_start(templates: TemplateSet) -> None:
    assert allowed(templates, "backend.ExecutionRole") == {
        "ecr:GetAuthorizationToken": {"*"},
        "ecr:BatchCheckLayerAvailability": {"${RegistryArn}"},
        "ecr:BatchGetImage": {"${RegistryArn}"},
        "ecr:GetDownloadUrlForLayer": {"${RegistryArn}"},
        "logs:CreateLogStream": {"${TaskLogs.Arn}"},
        "logs:PutLogEvents": {"${TaskLogs.Arn}"},
        "ssm:GetParameters": {arn("ssm", "parameter${ConfigurationTree}/*")},
        "secretsmanager:GetSecretValue": set(SECRET.values()),
        "kms:Decrypt": {"${KeyArn}"},
    }
    assert templates["backend"].body["Outputs"]["BackendLogGroup"]["Value"] == ref("TaskLogs")
    assert "BackendLogGroup" in templates["environment"].body["Outputs"]
    [decrypts] = [
        grant for grant in grants(templates, "backend.ExecutionRole").values() if "kms:Decrypt" in grant.actions
    ]
    assert [condition.values for condition in decrypts.conditions] == [("secretsmanager.${AWS::Region}.amazonaws.com",)]
    assert templates.resource("backend.Task").get("ExecutionRoleArn") == attribute("ExecutionRole")


def test_no_static_keys(templates: TemplateSet) -> None:
    assert templates.resource("backend.Task").get("TaskRoleArn") == attribute("TaskRole")
    names = [
        value for resource in templates.resources() for place, value in resource.walk() if place and place[-1] == "Name"
    ]
    assert len(names) > 100
    assert [name for name in map(render, names) if re.search("ACCESS_KEY", name)] == []
    assert list(templates.resources("AWS::IAM::AccessKey", "AWS::IAM::User")) == []
    may = allowed(templates, "backend.TaskRole")
    tables = {f"${{{name}TableArn}}" for name in ("Clients", "Metrics", "Costs", "Security", "Recommendations")}
    for action in (*TABLE_READS, *TABLE_WRITES):
        assert may[f"dynamodb:{action}"] == tables | {f"{table}/index/*" for table in tables}
    for action in SECRET_ACTIONS:
        assert may[f"secretsmanager:{action}"] == {arn("secretsmanager", "secret:cloud-health/*")}
    statements = grants(templates, "backend.TaskRole").values()
    [mail] = [statement for statement in statements if "ses:SendEmail" in statement.actions]
    assert [(condition.key, condition.values) for condition in mail.conditions] == [
        ("ses:FromAddress", ("${SenderEmail}",))
    ]
    [deny] = [statement for statement in statements if not statement.allows]
    assert (deny.effect, deny.actions) == ("Deny", ("sts:AssumeRole",))
    assert may["sts:AssumeRole"] == {"arn:${AWS::Partition}:iam::*:role/*"}
    assert may["ses:SendRawEmail"] == may["ses:SendEmail"] == {arn("ses", "identity/*")}
    [key] = [statement for statement in statements if "kms:Decrypt" in statement.actions]
    assert (key.resources, key.conditions[0].values) == (("${KeyArn}",), ("dynamodb.${AWS::Region}.amazonaws.com",))
    assert deny.resources == ("arn:${AWS::Partition}:iam::${AWS::AccountId}:role/*",)


def test_first_deployment(templates: TemplateSet) -> None:
    """The templates' half: no task and no scalable target at first, and an action that raises the count."""
    assert under(templates, "backend.Service", BackendBootstrap="true")["DesiredCount"] == 0
    assert "DesiredCount" not in under(templates, "backend.Service", BackendBootstrap="false")
    for name in ("Scaling", "CpuScaling", "MemoryScaling"):
        assert not exists(templates, f"backend.{name}", BackendBootstrap="true")
        assert exists(templates, f"backend.{name}", BackendBootstrap="false")
    scaling = templates.resource("backend.Scaling")
    assert scaling.get("ScalableDimension") == "ecs:service:DesiredCount"
    assert (scaling.get("MinCapacity"), scaling.get("MaxCapacity")) == (ref("MinimumTasks"), ref("MaximumTasks"))
    order = list(actions(stages(templates)["Deploy_Backend"]))
    # Raised first, with its first image: how the deploy action ends on a service without tasks nobody documents.
    assert order == ["RaiseFromZero", "DeployToECS", "VerifyBackend"]
    assert variables(templates, "Raise") == {
        "CLUSTER": ref("RunningCluster"),
        "CONTAINER_NAME": "backend",
        "MINIMUM_TASKS": ref("MinimumTasks"),
        "SERVICE": ref("RunningService"),
    }
    assert '--desired-count "$MINIMUM_TASKS"' in commands(templates, "Raise")
    assert templates["environment"].metadata["Computed"]["BackendBootstrap"]["First"] == "true"


def test_the_container_has_no_privileges_and_writes_where_it_must(templates: TemplateSet) -> None:
    [container] = under(templates, "backend.Task", BackendBootstrap="false").get("ContainerDefinitions", [])
    assert container["ReadonlyRootFilesystem"] is True
    assert container["User"] == APPLICATION.backend.user != "0"
    assert container["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}
    mounts = container["LinuxParameters"]["Tmpfs"]
    assert [mount["ContainerPath"] for mount in mounts] == list(APPLICATION.backend.writable) == ["/tmp"]
    assert all({"nosuid", "nodev"} <= set(mount["MountOptions"]) for mount in mounts)


def test_an_application_that_needs_more_says_why() -> None:
    project = replace(APPLICATION, backend=replace(APPLICATION.backend, unhardened="it writes beside its code"))
    task = json.loads(render_project(project).files["backend.json"])["Resources"]["Task"]["Properties"]
    [container] = task["ContainerDefinitions"]
    assert not {"User", "ReadonlyRootFilesystem"} & container.keys()
    assert container["LinuxParameters"] == {"InitProcessEnabled": True}


@pytest.mark.parametrize(("name", "value"), [("user", "0"), ("user", "root"), ("writable", ("tmp",))])
def test_facts_about_the_container_that_cannot_be_are_refused(name: str, value: Any) -> None:
    with pytest.raises(FactError, match=name):
        replace(APPLICATION.backend, **{name: value})


def test_the_image_is_kept(templates: TemplateSet) -> None:
    """The templates' half: the service names its revision, the image is a parameter, the last good one is recorded."""
    assert templates.resource("backend.Service").get("TaskDefinition") == ref("Task")
    [container] = under(templates, "backend.Task", BackendBootstrap="false").get("ContainerDefinitions", [])
    assert container["Image"] == ref("BackendImage")
    assert passed(templates, "Backend", "BackendImage") == ref("BackendImage")
    assert "BackendImage" in templates["environment"].metadata["Computed"]
    assert default(templates, "BackendImage") is None
    recorded = variables(templates, "Verify")["LAST_RELEASE_PARAMETER"]
    assert decide(recorded, outcome(templates, "build", BackendTarget="ECS")) == ref("LastImageParameter")
    put = "aws ssm put-parameter --name {variables['LAST_RELEASE_PARAMETER']} --value {good}"
    assert put in commands(templates, "Verify")
    may = allowed(templates, "build.VerifyRole")
    recorded_in = {arn("ssm", f"parameter${{{name}}}") for name in ("LastImageParameter", "LastVersionParameter")}
    beside = {arn("ssm", f"parameter${{ReleasesPath}}/{name}") for name in ("backend", "documents")}
    assert may["ssm:PutParameter"] == recorded_in | beside
    assert real(templates, "build.Verify", ref("LastImageParameter")) == "/cloud-health/release/${Environment}/image"
    owned = [render(resource.get("Name")) for resource in templates.resources("AWS::SSM::Parameter")]
    assert owned
    assert [name for name in owned if not name.startswith("${ConfigurationPrefix}/")] == []


def test_changed_values_roll_the_tasks(templates: TemplateSet) -> None:
    assert templates.resource("backend.Service").get("ForceNewDeployment") == {
        "EnableForceNewDeployment": True,
        "ForceNewDeploymentNonce": ref("ConfigurationDigest"),
    }
    assert passed(templates, "Backend", "ConfigurationDigest") == ref("ConfigurationDigest")
    covered = templates["environment"].metadata["Computed"]["ConfigurationDigest"]["Covers"]
    [group] = [
        parameter_group["Parameters"]
        for parameter_group in templates["environment"].metadata["AWS::CloudFormation::Interface"]["ParameterGroups"]
        if parameter_group["Label"]["default"] == "Application"
    ]
    assert set(covered) == {*group, "DomainName"} and len(covered) > 8


def test_any_region_and_production_sizes(templates: TemplateSet) -> None:
    regions = {
        (template.name, text)
        for template in templates
        for section in ("Resources", "Conditions", "Outputs", "Mappings")
        for place, text in walk(template.body.get(section, {}))
        if isinstance(text, str) and re.search(r"\b(us|eu|ap|sa|ca|me|af|il)-[a-z]+-\d\b", text)
    }
    # CloudFront's metrics and the root edge live in us-east-1, whatever the Region of the stack.
    deploys_edge = {region for region in regions if region[0] == "access"}
    assert all(":us-east-1:" in text or "-templates-" in text for _, text in deploys_edge)
    assert regions - deploys_edge == {("monitoring", '    "region": "us-east-1",')}
    fixed = [
        text for resource in templates.resources() for _, text in resource.walk() if str(text).startswith("arn:aws:")
    ]
    assert fixed == []
    task = templates.resource("backend.Task")
    assert (task.get("Cpu"), task.get("Memory")) == (ref("TaskCpu"), ref("TaskMemory"))
    assert templates.resource("backend.TaskLogs").get("RetentionInDays") == ref("LogRetentionDays")
    kept = render(templates.resource("registry.Images").get("LifecyclePolicy", "LifecyclePolicyText"))
    assert '"countType": "imageCountMoreThan"' in kept
    assert '"countNumber": ${ImagesKept}' in kept
    production = {"MinimumTasks": "2", "TaskCpu": "512", "TaskMemory": "1024", "ImagesKept": "100"}
    for name, value in production.items():
        assert (default(templates, name), chosen("production")[name]) == (value, value)
