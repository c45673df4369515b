"""What of a living environment decides whether a plan may be executed now: what its pipelines execute, where the
traffic goes, whether Elastic Beanstalk can take a change, which names are taken. Only reads, and only what the plan
touches.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from generator.cfn.losses import TemplatePair
from generator.cfn.stacks import Stack
from generator.cfn.template_names import PIPELINE as PIPELINE_OUTPUT
from generator.cfn.template_names import TARGET_GROUPS
from scripts.deployment.aws import Aws
from scripts.deployment.deploy_root import RootDeployment
from scripts.deployment.errors import AwsError
from scripts.deployment.plan import Plan
from scripts.operations.all_resources import all_resources
from scripts.operations.releases.releases import running

PIPELINE, SERVICE, TASK = "AWS::CodePipeline::Pipeline", "AWS::ECS::Service", "AWS::ECS::TaskDefinition"
BEANSTALK, RULE, TABLE = (
    "AWS::ElasticBeanstalk::Environment",
    "AWS::ElasticLoadBalancingV2::ListenerRule",
    "AWS::DynamoDB::Table",
)
# What a release deploys to: an update of it and a release at the same time lose one of the two.
RELEASED = (SERVICE, TASK, BEANSTALK)
ADDRESS = "AWS::EC2::EIP"
READY = "Ready"  # `EnvironmentStatus` in botocore's model of Elastic Beanstalk
# Parameters, outputs and logical ids of the templates; a test compares them with the templates.
PRODUCTION_RULE, SECOND = ("Ingress", "ProductionRule"), ("Ingress", "SecondTargets")
QUOTA = "EC2-VPC Elastic IPs"  # as Service Quotas calls it, of the service ec2


@dataclass(frozen=True)
class LivingState:
    """`executing` are the pipelines, by name, that execute something; `changing` the environments of Elastic Beanstalk
    that are not ready, with their status; `elsewhere` the weight of the rule on the second target group; `taken` the
    tables, by name, that exist although the plan would make them; `addresses` how many of how many there would be, when
    that is too many."""

    executing: frozenset[str] = frozenset()
    changing: dict[str, str] = field(default_factory=dict, hash=False)
    elsewhere: int = 0
    taken: frozenset[str] = frozenset()
    addresses: tuple[int, int] | None = None


def pipelines(plan: Plan) -> list[str]:
    """The names of the pipelines that the plan touches."""
    return [leaf.physical_id for leaf in plan.leaves() if leaf.type == PIPELINE and leaf.physical_id]


def touched(plan: Plan, kinds: Collection[str]) -> bool:
    """Whether a resource of these types changes, or follows from what does."""
    return any(leaf.type in kinds and (leaf.certain or leaf.name in plan.follows) for leaf in plan.leaves())


def watched_pipelines(plan: Plan, previous: Stack | None) -> list[str]:
    """The pipelines whose executions the plan disturbs: those that it changes, and the stack's own when it changes what
    a release deploys to."""
    own = previous.outputs.get(PIPELINE_OUTPUT, "") if previous and touched(plan, RELEASED) else ""
    return list(dict.fromkeys(filter(None, [*pipelines(plan), own])))


def beanstalk_environments(plan: Plan) -> list[str]:
    """The environments of Elastic Beanstalk, by name, that the plan changes."""
    return [
        leaf.physical_id
        for leaf in plan.leaves()
        if leaf.type == BEANSTALK
        and leaf.action == "Modify"
        and leaf.physical_id
        and (leaf.certain or leaf.name in plan.follows)
    ]


def read_state(root: RootDeployment, plan: Plan, pair: TemplatePair) -> LivingState:
    """What has to be known of the living environment for this plan. Raises `AwsError`."""
    aws, previous = root.aws, root.previous
    if previous is None:
        return LivingState()
    return LivingState(
        frozenset(name for name in watched_pipelines(plan, previous) if running(aws, name)),
        not_ready(aws, beanstalk_environments(plan)),
        weight_elsewhere(aws, previous) if _narrows(previous, plan) else 0,
        frozenset(taken_tables(aws, pair)),
        addresses_needed(aws, plan),
    )


def executions(aws: Aws, pipeline: str) -> dict[str, str]:
    """The latest executions of a pipeline by id, each with its status, newest first (CodePipeline API reference,
    ListPipelineExecutions)."""
    page = aws.call("codepipeline", "list_pipeline_executions", pipelineName=pipeline)
    return {entry["pipelineExecutionId"]: entry.get("status", "") for entry in page["pipelineExecutionSummaries"]}


def not_ready(aws: Aws, names: Collection[str]) -> dict[str, str]:
    """The environments of Elastic Beanstalk that take no change now, with their status: another deployment or a managed
    update runs, and a change would be refused (Elastic Beanstalk API reference, UpdateEnvironment)."""
    if not names:
        return {}
    answer = aws.call("elasticbeanstalk", "describe_environments", EnvironmentNames=list(names), IncludeDeleted=False)
    states = {entry["EnvironmentName"]: entry["Status"] for entry in answer.get("Environments", ())}
    return {name: status for name, status in states.items() if status != READY}


def _narrows(previous: Stack, plan: Plan) -> bool:
    """Whether the service loses its second target group."""
    return previous.parameters.get(TARGET_GROUPS) == "TWO" and any(
        each.name == TARGET_GROUPS and each.after == "ONE" for each in plan.parameters
    )


def weight_elsewhere(aws: Aws, previous: Stack) -> int:
    """The weight that the production rule has on the second target group: what a deployment has shifted there."""
    there = {each.path: each.physical_id for each in all_resources(aws, previous.id)}
    if not there.get(PRODUCTION_RULE):
        return 0
    rules = aws.call("elbv2", "describe_rules", RuleArns=[there[PRODUCTION_RULE]])["Rules"]
    groups = (group for rule in rules for action in rule["Actions"] for group in _groups(action))
    return sum(int(group.get("Weight", 0)) for group in groups if group["TargetGroupArn"] == there.get(SECOND))


def _groups(action: dict[str, object]) -> list[dict[str, str]]:
    config = action.get("ForwardConfig")
    groups: list[dict[str, str]] = config.get("TargetGroups", []) if isinstance(config, dict) else []
    return groups


def taken_tables(aws: Aws, pair: TemplatePair) -> Iterator[str]:
    """The tables that exist and that the update would make: what another life, or a name of before, has left."""
    before = {str(table.get("TableName")) for table in pair.before.resources(TABLE)}
    for table in pair.after.resources(TABLE):
        name = str(table.get("TableName", default=""))
        if name and name not in before and _exists(aws, name):
            yield name


def _exists(aws: Aws, table: str) -> bool:
    try:
        aws.call("dynamodb", "describe_table", TableName=table)
    except AwsError as error:
        # Code: `ResourceNotFoundException` in botocore's model of DynamoDB.
        if error.code == "ResourceNotFoundException":
            return False
        raise
    return True


def addresses_needed(aws: Aws, plan: Plan) -> tuple[int, int] | None:
    """How many addresses there would be and how many the Region may have, when the plan adds more than that. The local
    AWS has no quotas."""
    added = sum(leaf.type == ADDRESS and leaf.action == "Add" for leaf in plan.leaves())
    if not added or aws.endpoint:
        return None
    pages = aws.pages("service-quotas", "list_service_quotas", ServiceCode="ec2")
    limit = next((quota["Value"] for page in pages for quota in page["Quotas"] if quota["QuotaName"] == QUOTA), None)
    used = len(aws.call("ec2", "describe_addresses")["Addresses"])
    return (used + added, int(limit)) if limit is not None and used + added > limit else None
