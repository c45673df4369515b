"""Who needs what: every resource that makes AWS act in the name of a role, with the needs that its settings bring.

All texts are in the root's terms (`needs_terms.py`), so that a name here and an ARN in a role compare, whichever way
they took through the templates. Each function takes properties that are decided for one outcome of the template's
conditions.

Long because each resource type has its function here, and one table names them all.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from generator.cfn.intrinsics import render
from generator.cfn.places import walk
from generator.cfn.role_needs.row import FIELD, PLACE, Row, filled
from generator.cfn.role_needs.rows import ROWS, TRUST
from generator.cfn.templates import Resource
from generator.gate.buildspec import entries, inline
from generator.gate.commands import UnreadableCallError, calls
from generator.gate.contracts import PROJECT, SERVICE, TASK
from generator.gate.pipeline_model import PIPELINE, pipelines
from generator.gate.role_needs.terms import Terms

# Settings that need something of their own; without an entry in ROWS they are refused.
ACTION_SETTINGS = ("BatchEnabled", "CannedACL", "KMSEncryptionKeyARN")
PROJECT_SETTINGS = ("BuildBatchConfig", "FileSystemLocations", "SecondaryArtifacts", "SecondarySources", "VpcConfig")


@dataclass(frozen=True)
class Need:
    """One action that a role needs on one resource; `certain` unless it is a command in a script, which may stand in
    a branch that this form of the templates never takes. `action` is empty for a thing that ROWS does not know."""

    role: str  # the text that stands for the role where it is used: ${build.VerifyRole.Arn}
    who: str
    thing: str
    action: str = ""
    on: str = ""
    source: str = ""
    when: Mapping[str, str] = field(default_factory=dict, hash=False)
    certain: bool = True
    service: str = ""  # who assumes the role, for trust policies


def needs(terms: Terms, resource: Resource, properties: Mapping[str, Any]) -> Iterator[Need]:
    """What one resource needs from the roles that it names."""
    for (kind, key), (service, when, source) in TRUST.items():
        if resource.type == kind:
            for _, value in walk(properties.get(key)):
                role = value.get("RoleArn", {}) if key == "Targets" and isinstance(value, dict) else value
                if key == "Roles" and isinstance(value, dict):
                    role = {"Fn::GetAtt": [value.get("Ref", ""), "Arn"]}
                if isinstance(role, dict) and terms.text(resource.template, role).endswith(".Arn}"):
                    text, who = terms.text(resource.template, role), resource.address
                    yield Need(text, who, kind, "sts:AssumeRole", "", source, when, service=service)
    if resource.type in READERS:
        yield from READERS[resource.type](terms, resource, properties)


def _rows(role: str, who: str, thing: str, fields: Mapping[str, str], command: bool = False) -> Iterator[Need]:
    """The needs of a thing by its entry in ROWS, or the one need that says that there is no entry."""
    rows: tuple[Row, ...] | None = ROWS.get(thing)
    if rows is None:
        yield Need(role, who, thing)
    otherwise = "*" if command else None
    absent = sorted({name for row in rows or () for name in FIELD.findall(row.on) if name not in fields})
    if absent and not command:
        yield Need(role, who, f"{thing} without {absent[0]}")
        return
    for row in rows or ():
        when = {key: filled(value, fields, otherwise) for key, value in row.when.items()}
        for action in row.actions:
            yield Need(role, who, thing, action, filled(row.on, fields, otherwise), row.source, when, not command)


def _pipeline(terms: Terms, resource: Resource, properties: Mapping[str, Any]) -> Iterator[Need]:
    def text(value: Any) -> str:
        return terms.text(resource.template, value)

    role, store = text(properties["RoleArn"]), properties.get("ArtifactStore", {})
    fields = {"Bucket": text(store.get("Location", "")), "Key": text(store.get("EncryptionKey", {}).get("Id", ""))}
    things = ["artifact store" if fields["Bucket"] else "pipeline without one artifact store"]
    for thing in things + ["artifact store with a key"] * bool(fields["Key"]):
        yield from _rows(role, resource.address, thing, fields)
    for _, value in walk(properties["Stages"]):
        if isinstance(value, dict) and "RuleTypeId" in value:
            yield from _rows(role, resource.address, f"rule {value['RuleTypeId'].get('Provider')}", {})
    for stage in properties["Stages"]:
        for action in stage["Actions"]:
            who = f"{resource.address} {render(stage['Name'])}/{render(action['Name'])}"
            provider = action["ActionTypeId"]["Provider"]
            fields = {key: text(value) for key, value in action.get("Configuration", {}).items()}
            things = [f"action {provider}", *(f"action with {key}" for key in ACTION_SETTINGS if key in fields)]
            if provider == "ElasticBeanstalk" and "RoleArn" in action:
                yield from _beanstalk(terms, resource, properties, who, action)
                continue
            things += ["action with RoleArn"] * ("RoleArn" in action)
            if fields.get("OutputArtifactFormat", "CODE_ZIP") != "CODE_ZIP":
                things.append(f"source as {fields['OutputArtifactFormat']}")
            if "NotificationArn" in fields:
                topic = terms.resource(fields["NotificationArn"])
                things.append("approval with a topic")
                if topic and topic.get("KmsMasterKeyId"):
                    fields["Key"] = terms.text(topic.template, topic.get("KmsMasterKeyId"))
                    things.append("approval with an encrypted topic")
            if provider == "ECS":
                task = _task_of(terms, fields.get("ServiceName", ""))
                if task is None:
                    yield Need(role, who, f"service {fields.get('ServiceName')}, which no template makes")
                    continue
                fields["Family"] = terms.text(task.template, task.get("Family"))
                for key in ("TaskRoleArn", "ExecutionRoleArn"):
                    passed = {"Role": terms.text(task.template, task.get(key))}
                    yield from _rows(role, who, "role of a task", passed)
            for thing in things:
                yield from _rows(role, who, thing, fields)


def _beanstalk(
    terms: Terms, resource: Resource, properties: Mapping[str, Any], who: str, action: Mapping[str, Any]
) -> Iterator[Need]:
    """The deploy action of Elastic Beanstalk, which runs as a role of its own; the pipeline's alone becomes it."""

    def text(value: Any) -> str:
        return terms.text(resource.template, value)

    role, store = text(action["RoleArn"]), properties.get("ArtifactStore", {})
    source = "STS API reference, AssumeRole"
    yield Need(role, who, "action", "sts:AssumeRole", "", source, service=f"AWS:{render(properties['RoleArn'])}")
    fields = {key: text(value) for key, value in action.get("Configuration", {}).items()}
    yield from _rows(role, who, "action ElasticBeanstalk", {**fields, "Bucket": text(store.get("Location", ""))})
    if key := store.get("EncryptionKey", {}).get("Id"):
        yield from _rows(role, who, "bundle with a key", {"Key": text(key)})
    for output in ("TaskRoleArn", "ExecutionRoleArn"):
        yield from _rows(role, who, "role of an instance", {"Role": text({"Ref": output})})


def _instances(terms: Terms, resource: Resource, properties: Mapping[str, Any]) -> Iterator[Need]:
    """What the instances of an environment need: to report, and to read what the application is told."""

    def text(value: Any) -> str:
        return terms.text(resource.template, value)

    options = [option for option in properties.get("OptionSettings", ()) if isinstance(option, dict)]
    profile: Any = next((option["Value"] for option in options if option["OptionName"] == "IamInstanceProfile"), {})
    profile_resource = terms.templates[resource.template].resources.get(profile.get("Ref", ""))
    role = text({"Fn::GetAtt": [profile_resource.get("Roles", 0, "Ref"), "Arn"]}) if profile_resource else "no role"
    fields = {key: text(properties.get(key, "")) for key in ("ApplicationName", "EnvironmentName")}
    yield from _rows(role, resource.address, "instance", fields)
    for option in options:
        if option["Namespace"] == "aws:elasticbeanstalk:application:environmentsecrets":
            yield from _kept(terms, role, resource.address, option["OptionName"], text(option["Value"]), "instance")


def _kept(terms: Terms, role: str, who: str, name: str, source: str, where: str = "task") -> Iterator[Need]:
    """A value that reaches the application, in a task or on an instance, from Parameter Store or Secrets Manager when
    it starts."""
    kept = terms.resource(source)
    if f":ssm:{PLACE}:parameter/" in source:
        yield from _rows(role, who, f"{where} parameter", {"ValueFrom": source})
    elif kept and kept.type == "AWS::SecretsManager::Secret":
        yield from _rows(role, who, "task secret", {"ValueFrom": source})
        if kept.get("KmsKeyId"):
            key = {"Key": terms.text(kept.template, kept.get("KmsKeyId"))}
            yield from _rows(role, who, "task secret with a key", key)
    else:
        yield Need(role, who, f"value of {name} from {source}")


def _task_of(terms: Terms, service: str) -> Resource | None:
    """The task definition of the service of that name."""
    named = terms.resource(service)
    if named is None or named.type != SERVICE:
        return None
    return terms.resource(terms.text(named.template, named.get("TaskDefinition")))


def _project(terms: Terms, resource: Resource, properties: Mapping[str, Any]) -> Iterator[Need]:
    def text(value: Any) -> str:
        return terms.text(resource.template, value)

    role, who, lines = (text(properties["ServiceRole"]), resource.address, inline(resource))
    environment = {variable["Name"]: variable for variable in properties["Environment"].get("EnvironmentVariables", ())}
    logs = properties.get("LogsConfig", {})
    things: dict[str, dict[str, str]] = {f"build with {key}": {} for key in PROJECT_SETTINGS if key in properties}
    watch = logs.get("CloudWatchLogs", {})
    if watch.get("Status") != "DISABLED":
        named = "GroupName" in watch
        things["build log" if named else "build log without GroupName"] = {"Group": text(watch.get("GroupName", ""))}
    things |= {"build with S3 logs": {}} if logs.get("S3Logs", {}).get("Status") == "ENABLED" else {}
    kinds = {variable.get("Type", "PLAINTEXT") for variable in environment.values()} - {"PLAINTEXT"}
    things |= {f"build variable of type {kind}": {} for kind in sorted(kinds)}
    if "EncryptionKey" in properties:
        things["build with a key"] = {"Key": text(properties["EncryptionKey"])}
    if properties.get("Cache", {}).get("Type") == "S3":
        bucket, _, path = text(properties["Cache"]["Location"]).partition("/")
        things["build cache"] = {"Cache": f"{bucket}/{path}", "CacheBucket": bucket, "CachePath": path}
    for pipeline in pipelines(terms.templates):
        place, bucket = (pipeline.resource.template, pipeline.properties.get("ArtifactStore", {}).get("Location", ""))
        runs = [action for action in pipeline.actions if action.provider == "CodeBuild"]
        runs = [
            run for run in runs if terms.text(place, run.configuration.get("ProjectName")) == text(properties["Name"])
        ]
        for way in ["build input"] * bool(runs) + ["build output"] * any(run.outputs for run in runs):
            things[way] = {"Bucket": terms.text(place, bucket)}
    if lines is None:
        things["buildspec that is not in the template"] = {}
    things |= {
        f"buildspec with {key}": {}
        for key in ("parameter-store", "secrets-manager")
        if entries(lines or [], "env", key)
    }
    for thing, fields in things.items():
        yield from _rows(role, who, thing, fields)
    for report, format_ in _reports(lines or []).items():
        yield from _rows(role, who, f"build report {format_}", {"Report": f"{text(properties['Name'])}-{report}"})
    try:
        for call in calls(lines or []):
            variables = {f"${name}": text(variable["Value"]) for name, variable in environment.items()}
            options = {f"--{name}": variables.get(value, value) for name, value in call.options.items()}
            options = {name: value for name, value in options.items() if not re.fullmatch(r"\$\w+", value)}
            if call.name == "aws ecs register-task-definition":
                options |= _revision(terms, text(environment.get("SERVICE", {}).get("Value", "")))
            yield from _rows(role, who, call.name, options, command=True)
    except UnreadableCallError as error:
        yield Need(role, who, f"command that cannot be read ({error})")


def _revision(terms: Terms, service: str) -> dict[str, str]:
    """What a build gives when it registers a revision of a service's task definition: it copies family and roles."""
    task = _task_of(terms, service)
    if task is None:
        return {}
    options = {"--family": "Family", "--task-role-arn": "TaskRoleArn", "--execution-role-arn": "ExecutionRoleArn"}
    return {option: terms.text(task.template, task.get(key)) for option, key in options.items()}


def _reports(lines: list[str]) -> dict[str, str]:
    """The reports of a buildspec with their format, JUNITXML where none is written (codebuild user guide)."""
    formats: dict[str, str] = {}
    names = entries(lines, "reports")
    below = lines[lines.index("reports:") + 1 :] if names else []
    for line in below:
        key, _, value = line.strip().partition(":")
        if line[:1].strip():
            break
        if key in names:
            formats[key] = "JUNITXML"
        elif key == "file-format":
            formats[list(formats)[-1]] = value.strip()
    return formats


def _task(terms: Terms, resource: Resource, properties: Mapping[str, Any]) -> Iterator[Need]:
    def text(value: Any) -> str:
        return terms.text(resource.template, value)

    role, who = text(properties.get("ExecutionRoleArn", "no role")), resource.address
    for container in properties["ContainerDefinitions"]:
        yield from _rows(role, who, "task image", {})
        logs = container.get("LogConfiguration", {})
        group = {"Group": text(logs.get("Options", {}).get("awslogs-group", ""))}
        yield from _rows(role, who, f"task log {logs.get('LogDriver')}", group)
        yield from (Need(role, who, f"task with {key}") for key in ("RepositoryCredentials",) if key in container)
        for secret in container.get("Secrets", ()):
            yield from _kept(terms, role, who, secret["Name"], text(secret["ValueFrom"]))


def _service(_: Terms, resource: Resource, properties: Mapping[str, Any]) -> Iterator[Need]:
    if render(properties.get("EnableExecuteCommand", False)) == "true":
        yield Need("", resource.address, "service with EnableExecuteCommand")
    for place, _ in walk(properties):
        if place and place[-1] in ("Role", "RoleArn") and "AdvancedConfiguration" not in place:
            yield Need("", resource.address, f"service with {place[-1]}")


def _rule(terms: Terms, resource: Resource, properties: Mapping[str, Any]) -> Iterator[Need]:
    for target in properties.get("Targets", ()):
        if "RoleArn" in target:
            arn = terms.text(resource.template, target["Arn"])
            service = [*arn.replace("${AWS::Partition}", "aws").split(":"), arn, arn][2]
            role = terms.text(resource.template, target["RoleArn"])
            yield from _rows(role, resource.address, f"target {service}", {"Arn": arn})


def _flow_log(terms: Terms, resource: Resource, properties: Mapping[str, Any]) -> Iterator[Need]:
    if "DeliverLogsPermissionArn" in properties:
        role = terms.text(resource.template, properties["DeliverLogsPermissionArn"])
        thing = "flow log" if "LogGroupName" in properties else "flow log without LogGroupName"
        group = {"Group": terms.text(resource.template, properties.get("LogGroupName", ""))}
        yield from _rows(role, resource.address, thing, group)


READERS: Mapping[str, Callable[[Terms, Resource, Mapping[str, Any]], Iterator[Need]]] = {
    PIPELINE: _pipeline,
    PROJECT: _project,
    TASK: _task,
    SERVICE: _service,
    "AWS::Events::Rule": _rule,
    "AWS::EC2::FlowLog": _flow_log,
    "AWS::ElasticBeanstalk::Environment": _instances,
    # Their roles are looked at for who may become them alone.
    "AWS::ElasticBeanstalk::Application": lambda *_: iter(()),
    "AWS::IAM::InstanceProfile": lambda *_: iter(()),
}
