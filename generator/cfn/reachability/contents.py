"""What is written by one and executed or believed by another: artifacts, caches, records, the packaged templates.

Read off the templates, as is who stands for the jobs of a release.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from generator.cfn.evaluate import like
from generator.cfn.names import ACCESS_ROOTS
from generator.cfn.reachability.account import PARTITION, RECORD, Account, AccountResource, Principal
from generator.cfn.reachability.terms import (
    APPLICATION_SERVICES,
    EXECUTES,
    INSTANCES,
    LOGS,
    PIPELINE,
    PROJECT,
    SECRET,
    TASK,
    Step,
    approved_in,
    runs_in,
)

DEPLOYERS = tuple(f"{root}.DeployRole" for root in ACCESS_ROOTS)


@dataclass(frozen=True)
class Content:
    """Something that lies in a store and is executed or believed by somebody else than who wrote it."""

    label: str
    arn: str
    consumers: tuple[Step, ...]


def actions_of(pipeline: AccountResource) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Each stage of a pipeline with each of its actions."""
    for stage in pipeline.properties["Stages"]:
        for action in stage["Actions"]:
            yield stage, action


def is_approval(action: Mapping[str, Any]) -> bool:
    """Whether an action waits for a person."""
    return bool(action["ActionTypeId"]["Category"] == "Approval")


def asks_approval(pipeline: AccountResource) -> bool:
    """Whether a person stands between a push and a release."""
    return any(is_approval(action) for _, action in actions_of(pipeline))


def executes(project: AccountResource) -> bool:
    """Whether a project executes what lies in the folder of its input."""
    return bool(EXECUTES.search(str(project.properties["Source"].get("BuildSpec", "npm ci"))))


def executors_of(account: Account, environment: str) -> list[Principal]:
    """The roles that CloudFormation deploys an environment with."""
    service = "Service:cloudformation.amazonaws.com"
    return [r for r in account.roles if r.environment == environment and any(service in t.principals for t in r.trust)]


def tasks_of(account: Account, environment: str) -> list[Principal]:
    """The roles that the application runs as: those of its tasks, and of instances."""
    arns = {str(task.properties.get("TaskRoleArn")) for task in account.of_type(TASK)}
    own = [role for role in account.roles if role.environment == environment]
    return [role for role in own if role.arn in arns or any(INSTANCES in each.principals for each in role.trust)]


def project_of(account: Account, environment: str, name: str) -> AccountResource | None:
    """The project of that name."""
    projects = (p for p in account.of_type(PROJECT) if p.environment == environment)
    return next((p for p in projects if p.arn.endswith(f"/{name}")), None)


def contents(account: Account) -> Iterator[Content]:
    """The artifacts of the pipelines and the caches of the projects, with who takes them.

    The keys have the form that CodePipeline gives them: twenty characters of the pipeline's name, ten of the artifact's
    (CodePipeline user guide, "Input and output artifacts").
    """
    for pipeline in account.of_type(PIPELINE):
        environment = pipeline.environment
        store = f"arn:{PARTITION}:s3:::{pipeline.properties['ArtifactStore']['Location']}"
        prefix = f"{store}/{str(pipeline.properties['Name'])[:20]}"
        artifacts = sorted({a["Name"] for _, action in actions_of(pipeline) for a in action.get("OutputArtifacts", ())})
        for artifact in artifacts:
            label = f"artifact {artifact} of {environment}"
            consumers = [
                step
                for stage, action in actions_of(pipeline)
                if artifact in [a["Name"] for a in action.get("InputArtifacts", ())]
                for step in _consumed(account, pipeline, label, f"{stage['Name']}/{action['Name']}", action)
            ]
            yield Content(label, f"{prefix}/{artifact[:10]}/any", tuple(consumers))
    for project in account.of_type(PROJECT):
        cache = project.properties.get("Cache", {})
        if cache.get("Type") == "S3" and (role := account.role_by_arn.get(project.properties["ServiceRole"])):
            label = f"cache of {project.label}"
            step = Step(label, role.label, project.address, f"{project.label} starts with it")
            yield Content(label, f"arn:{PARTITION}:s3:::{cache['Location']}/any", (step,))


def _consumed(
    account: Account, pipeline: AccountResource, label: str, at: str, action: Mapping[str, Any]
) -> Iterator[Step]:
    """What an action makes of an artifact. Whoever writes what is taken after the approval says what is approved."""
    kind, configuration = action["ActionTypeId"], action.get("Configuration", {})
    place = f"{pipeline.address} {at}"
    after = asks_approval(pipeline) and _comes_after_approval(pipeline, action)
    if kind["Provider"] == "CodeBuild":
        project = project_of(account, pipeline.environment, configuration["ProjectName"])
        role = account.role_by_arn.get(project.properties["ServiceRole"]) if project else None
        if project and role and executes(project):
            yield Step(label, role.label, place, f"{project.label} executes what is in it")
        elif action.get("OutputArtifacts"):
            yield Step(label, runs_in(pipeline.environment), place, "the action hands it on to what is deployed")
            if after:
                yield Step(label, approved_in(pipeline.environment), place, "the action hands it on after the approval")
    elif kind["Category"] == "Deploy":
        yield Step(label, runs_in(pipeline.environment), place, "the action deploys it")
        if after:
            yield Step(label, approved_in(pipeline.environment), place, "the action deploys it after the approval")
        if kind["Provider"] != "S3":
            for role in tasks_of(account, pipeline.environment):
                yield Step(label, role.label, place, "the application is what it names")


def _comes_after_approval(pipeline: AccountResource, action: Mapping[str, Any]) -> bool:
    """Whether an action runs only after a person has decided: stages one after the other, in one by run order."""
    order = [
        (number, int(each.get("RunOrder", 1)), each)
        for number, stage in enumerate(pipeline.properties["Stages"])
        for each in stage["Actions"]
    ]
    approvals = [(number, turn) for number, turn, each in order if is_approval(each)]
    return any((number, turn) > min(approvals) for number, turn, each in order if each is action)


def sites(account: Account) -> frozenset[str]:
    """The buckets that pipelines deploy pages to: everybody may read them."""
    names = {
        str(action["Configuration"]["BucketName"])
        for pipeline in account.of_type(PIPELINE)
        for _, action in actions_of(pipeline)
        if "BucketName" in action.get("Configuration", {})
    }
    return frozenset(f"arn:{PARTITION}:s3:::{name}" for name in names)


def build_logs(account: Account) -> Iterator[str]:
    """The log groups of builds: they hold what a build printed."""
    for project in account.of_type(PROJECT):
        group = project.properties.get("LogsConfig", {}).get("CloudWatchLogs", {}).get("GroupName", "")
        yield from (logs.arn for logs in account.of_type(LOGS) if logs.arn.endswith(f":{group}"))


def client_secrets(account: Account) -> Iterator[AccountResource]:
    """The secrets that the application makes at run time: nobody's template names them."""
    for role in account.roles:
        if not any(APPLICATION_SERVICES.intersection(statement.principals) for statement in role.trust):
            continue
        for statement in role.identity:
            if statement.allows and any(like(a, "secretsmanager:CreateSecret") for a in statement.actions):
                tags = {
                    c.key.partition("/")[2]: c.values[0]
                    for c in statement.conditions
                    if c.key.startswith("aws:RequestTag/")
                }
                arns = tuple(resource.replace("*", "any") for resource in statement.resources)
                address = f"a client's secret ({role.address})"
                yield AccountResource(role.environment, address, SECRET, arns, tags, {})


def validations(account: Account) -> Iterator[AccountResource]:
    """The records by which ACM validates a domain: whoever writes one gets a certificate for it (acm userguide,
    dns-validation)."""
    for record in account.of_type(RECORD):
        if record.properties["Type"] == "A":
            properties = {"Name": f"_any.{record.properties['Name']}", "Type": "CNAME"}
            yield AccountResource(
                record.environment, "the record that validates the domain", RECORD, record.arns, {}, properties
            )


def records(account: Account) -> Iterator[AccountResource]:
    """The parameters that an environment's own roles read and no template makes: what releases leave for each other."""
    records: dict[str, AccountResource] = {}
    for role in account.roles:
        for statement in role.identity:
            if statement.allows and any(a.startswith("ssm:GetParameter") for a in statement.actions):
                for arn in (arn for arn in statement.resources if "*" not in arn and arn not in account.by_arn):
                    address = f"the record {arn.partition(':parameter')[2]}"
                    records.setdefault(
                        arn, AccountResource(role.environment, address, "AWS::SSM::Parameter", (arn,), {}, {})
                    )
    yield from records.values()


def packaging(account: Account) -> Iterator[tuple[str, str]]:
    """Where the templates of each environment lie: an object that its deploy role writes, in no bucket of a stack."""
    for role in account.roles:
        if role.address not in DEPLOYERS:
            continue
        for statement in role.identity:
            if statement.allows and "s3:PutObject" in statement.actions:
                for pattern in statement.resources:
                    arn = pattern.replace("*", "any")
                    # The bucket of Elastic Beanstalk, which an execution role writes to, holds bundles.
                    own = ":s3:::elasticbeanstalk-" not in arn and arn.partition("/")[0] not in account.by_arn
                    if "/" in arn and own:
                        yield role.environment, arn
