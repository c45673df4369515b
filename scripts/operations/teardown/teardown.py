"""What the deletion of an environment takes away, what stays, what stands in its way, and what has to come to rest
first. Nothing here deletes data (`emptying` does, when it is named)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from time import monotonic, sleep
from typing import Any

from generator.cfn import template_names
from generator.cfn.stacks import Stack, StackResource
from scripts.deployment.aws import Answer, Aws, pauses
from scripts.deployment.errors import AwsError, ManualActionRequiredError
from scripts.operations.deletion import standing_resources
from scripts.operations.following import Event
from scripts.operations.releases.releases import running

RETAINED = ("Retain", "RetainExceptOnCreate")
PIPELINE, SERVICE, VPC = "AWS::CodePipeline::Pipeline", "AWS::ECS::Service", "AWS::EC2::VPC"
BALANCER = "AWS::ElasticLoadBalancingV2::LoadBalancer"
# The group that CloudFront makes in the VPC of a VPC origin, and removes after the last of them (CloudFront
# developer guide, private-content-vpc-origins).
ORIGIN_GROUP = "CloudFront-VPCOrigins-Service-SG"
PATIENCE = 300.0  # seconds for something to come to rest
LONGER = 1200.0  # CloudFront takes its interfaces away when it pleases

Say = Callable[[str], None]


@dataclass(frozen=True)
class Execution:
    """An execution of a pipeline that has not ended."""

    pipeline: str
    id: str


@dataclass(frozen=True)
class Teardown:
    """What would happen to a root stack and all that it nests: what goes, what stays although its stack goes, which
    executions run, and what forbids it."""

    stack: Stack
    goes: tuple[StackResource, ...]
    stays: tuple[StackResource, ...]
    executions: tuple[Execution, ...]
    forbidden: tuple[str, ...]

    def of(self, kind: str) -> Iterator[StackResource]:
        """What goes, of one type."""
        return (resource for resource in self.goes if resource.type == kind)


def survey(aws: Aws, stack: Stack) -> Teardown:
    """What is there now; only reads."""
    policies = dict(standing_resources(aws, stack))
    leaves = list(policies)
    balancer = next((resource for resource in leaves if resource.type == BALANCER), None)
    stays = tuple(resource for resource in leaves if policies[resource] in RETAINED)
    forbidden = []
    if stack.protected:
        off = "aws cloudformation update-termination-protection --no-enable-termination-protection"
        forbidden.append(f"termination protection is on; `{off} --stack-name {stack.name}` ends it")
    if balancer and _protects(stack):
        # CloudFormation would stop in the middle: Elastic Load Balancing refuses to delete it (API reference,
        # DeleteLoadBalancer, OperationNotPermitted).
        name = template_names.DELETION_PROTECTION
        forbidden.append(f"{balancer} is protected from deletion; set {name} to false and deploy that first")
    pipelines = [resource.physical_id for resource in leaves if resource.type == PIPELINE]
    return Teardown(
        stack,
        tuple(resource for resource in leaves if resource not in stays),
        stays,
        tuple(Execution(name, number) for name in pipelines for number in running(aws, name)),
        tuple(forbidden),
    )


def _protects(stack: Stack) -> bool:
    """Whether what holds data or an address refuses to be deleted: `conditions.protected` in the generator."""
    chosen = stack.parameters.get(template_names.DELETION_PROTECTION) == "true"
    return chosen and stack.parameters.get(template_names.BOOTSTRAP) != "true"


def left(events: list[Event]) -> tuple[StackResource, ...]:
    """What a deletion has left behind, by its events."""
    return tuple(
        StackResource(event.path, event.type, event.physical_id, event.status, "")
        for event in events
        if event.status == "DELETE_SKIPPED" and event.physical_id
    )


@contextmanager
def no_new_releases(aws: Aws, teardown: Teardown, say: Say) -> Iterator[None]:
    """Inside, no push starts the pipeline: its start rules are off. They are on again when the deletion was not even
    begun."""
    off = list(_disable(aws, teardown, say))
    try:
        yield
    except BaseException:
        for name in off:
            with suppress(AwsError):  # the error that is on its way says more
                aws.call("events", "enable_rule", Name=name)
        raise


def _disable(aws: Aws, teardown: Teardown, say: Say) -> Iterator[str]:
    own = {resource.physical_id for resource in teardown.of("AWS::Events::Rule")}
    arn = teardown.stack.outputs.get(template_names.PIPELINE_ARN)
    for page in aws.pages("events", "list_rule_names_by_target", TargetArn=arn) if arn else ():
        for name in own & set(page["RuleNames"]):
            aws.call("events", "disable_rule", Name=name)
            say(f"start rule {name} is off: no push starts a release any more")
            yield name


def stop_executions(aws: Aws, teardown: Teardown, say: Say) -> None:
    """Ends what the pipelines execute, and waits until it has ended. Raises `ManualActionRequiredError` when it does
    not.

    Actions are abandoned, because finishing them would deploy once more (CodePipeline API reference,
    StopPipelineExecution).
    """
    for pipeline in (resource.physical_id for resource in teardown.of(PIPELINE)):
        for number in running(aws, pipeline):
            say(f"execution {number} of {pipeline} is stopped")
            with _ended_by_now():
                aws.call(
                    "codepipeline",
                    "stop_pipeline_execution",
                    pipelineName=pipeline,
                    pipelineExecutionId=number,
                    abandon=True,
                    reason="the environment is destroyed",
                )
        if not _until(partial(_idle, aws, pipeline), PATIENCE):
            raise ManualActionRequiredError(
                f"{pipeline} still executes something.", "Stop it, and run `destroy` again."
            )


def _idle(aws: Aws, pipeline: str) -> bool:
    return not running(aws, pipeline)


@contextmanager
def _ended_by_now() -> Iterator[None]:
    """An execution that has ended or is being stopped by now is what is wanted. Codes: botocore's model of
    CodePipeline, StopPipelineExecution."""
    try:
        yield
    except AwsError as error:
        if error.code not in ("PipelineExecutionNotStoppableException", "DuplicatedStopRequestException"):
            raise


def drain(aws: Aws, teardown: Teardown, say: Say) -> None:
    """Brings the service to zero, and keeps autoscaling from raising it again. Tasks that take longer than a few
    minutes are left to CloudFormation, which deletes the service anyhow."""
    cluster, service = (
        teardown.stack.outputs.get(name) for name in (template_names.RUNNING_CLUSTER, template_names.RUNNING_SERVICE)
    )
    if not (cluster and service and list(teardown.of(SERVICE))):
        return
    target = {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount"}
    number = f"service/{cluster}/{service}"
    scaled = aws.call("application-autoscaling", "describe_scalable_targets", ResourceIds=[number], **target)
    if scaled["ScalableTargets"]:
        aws.call(
            "application-autoscaling",
            "register_scalable_target",
            ResourceId=number,
            MinCapacity=0,
            MaxCapacity=0,
            **target,
        )
    aws.call("ecs", "update_service", cluster=cluster, service=service, desiredCount=0)
    say(f"service {service} is scaled to zero")
    _until(lambda: not _tasks(aws, cluster, service), PATIENCE)


def _tasks(aws: Aws, cluster: str, service: str) -> int:
    services = aws.call("ecs", "describe_services", cluster=cluster, services=[service])["services"]
    return sum(int(entry["runningCount"]) + int(entry["pendingCount"]) for entry in services)


def network_left(aws: Aws, teardown: Teardown, say: Say) -> bool:
    """Waits until CloudFront has taken its interfaces out of the VPC, and removes its security group if that is still
    there; says whether there was anything, so that the deletion may be tried once more."""
    seen = False
    for vpc in teardown.of(VPC):
        place = [{"Name": "vpc-id", "Values": [vpc.physical_id]}, {"Name": "group-name", "Values": [ORIGIN_GROUP]}]
        groups = aws.call("ec2", "describe_security_groups", Filters=place)["SecurityGroups"]
        if not groups:
            continue
        seen = True
        say(f"waiting for CloudFront to take its interfaces out of {vpc.physical_id}")
        if not _until(partial(_free, aws, place), LONGER):
            raise ManualActionRequiredError(
                f"CloudFront still has interfaces in {vpc.physical_id}.", "Run `destroy` again in an hour."
            )
        for group in groups:
            if _remove_group(aws, group):
                say(f"{ORIGIN_GROUP} {group['GroupId']} is removed")
    return seen


def _free(aws: Aws, place: list[dict[str, Any]]) -> bool:
    return not aws.call("ec2", "describe_network_interfaces", Filters=place)["NetworkInterfaces"]


def _remove_group(aws: Aws, group: Answer) -> bool:
    """False when CloudFront was faster. Code: EC2 API reference, "Error codes"."""
    try:
        aws.call("ec2", "delete_security_group", GroupId=group["GroupId"])
    except AwsError as error:
        if error.code != "InvalidGroup.NotFound":
            raise
        return False
    return True


def forget_releases(aws: Aws, stack: Stack) -> list[str]:
    """Removes what the verification recorded, which no stack owns: a next life of the environment must not start with
    a release of this one. Their names."""
    path = stack.outputs.get(template_names.RELEASES, "")
    if not path:
        return []
    names = [parameter["Name"] for parameter in aws.call("ssm", "get_parameters_by_path", Path=path)["Parameters"]]
    if names:
        aws.call("ssm", "delete_parameters", Names=names)
    return names


def _until(done: Callable[[], bool], patience: float) -> bool:
    """Waits for something; False when it takes longer than `patience` seconds."""
    end = monotonic() + patience
    for pause in pauses():
        if done():
            return True
        if monotonic() > end:
            return False
        sleep(pause)
    return False
