"""What of a resource costs money: for each type the quantities that have a price, or that it is free. Pure."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from generator.cfn import template_names
from generator.cfn.instance import Instance
from generator.cfn.templates import Resource

RUNTIME, FORGOTTEN = "ECS or Elastic Beanstalk", "Not in the specification"

# Nothing is asked for these themselves; what runs in them or is sent through them is priced where it is made.
FREE = (
    "AWS::ApplicationAutoScaling::",
    "AWS::Budgets::Budget",  # two of an account are free
    "AWS::CertificateManager::Certificate",
    "AWS::CloudFormation::Stack",
    "AWS::CloudFront::Function",
    "AWS::CloudFront::OriginAccessControl",
    "AWS::CloudFront::ResponseHeadersPolicy",
    "AWS::CloudFront::VpcOrigin",
    "AWS::CodeBuild::ReportGroup",
    "AWS::ECR::SigningConfiguration",  # a signature is an artifact of some kilobytes beside its image
    "AWS::EC2::FlowLog",
    "AWS::EC2::InternetGateway",
    "AWS::EC2::Route",
    "AWS::EC2::SecurityGroup",
    "AWS::EC2::Subnet",
    "AWS::EC2::VPCEndpoint",  # ours are gateways
    "AWS::EC2::VPCGatewayAttachment",
    "AWS::ECS::TaskDefinition",
    "AWS::ElasticBeanstalk::Application",
    "AWS::ElasticBeanstalk::ConfigurationTemplate",
    "AWS::ElasticLoadBalancingV2::Listener",
    "AWS::ElasticLoadBalancingV2::TargetGroup",
    "AWS::Events::Rule",
    "AWS::IAM::",
    "AWS::KMS::Alias",
    "AWS::Logs::LogGroup",
    "AWS::Route53::RecordSet",  # an alias to CloudFront is free; the zone is there before us
    "AWS::S3::BucketPolicy",
    "AWS::SNS::",  # a thousand mails are free; SMS is asked for by the message and by country
    "AWS::SSM::Parameter",
    "AWS::SecretsManager::SecretTargetAttachment",
    "AWS::Signer::SigningProfile",  # no price is stated for signing images (docs/unverified.md)
)


class Level(NamedTuple):
    """A quantity at low and at high usage."""

    low: float
    high: float

    def times(self, factor: "Level | float") -> "Level":
        other = factor if isinstance(factor, Level) else Level(factor, factor)
        return Level(self.low * other.low, self.high * other.high)

    def plus(self, other: "Level") -> "Level":
        return Level(self.low + other.low, self.high + other.high)


class Item(NamedTuple):
    """A quantity of something that has a price."""

    category: str
    what: str
    price: str
    quantity: Level


class Case(NamedTuple):
    """A resource that is priced: the stack that it is in, and the usage levels by name (`hours` among them)."""

    stack: Instance
    resource: Resource
    usage: Mapping[str, Level]

    def get(self, *place: str | int, default: Any = ()) -> Any:
        return self.resource.get(*place, default=default)

    def running(self, least: float, most: float) -> Level:
        """How many hours all of them run together, between `least` and `most` at a time."""
        return Level(least, least).plus(self.usage["peak"].times(most - least)).times(self.usage["hours"])


def _fargate(case: Case) -> Iterator[Item]:
    resources = case.stack.template.resources
    task = resources[case.get("TaskDefinition", "Ref")]
    scaling = next(
        resource for resource in resources.values() if resource.type == "AWS::ApplicationAutoScaling::ScalableTarget"
    )
    hours = case.running(*(case.stack.number(scaling, name, default=1) for name in ("MinCapacity", "MaxCapacity")))
    for what, price, name in (("vCPU", "fargate.vcpu", "Cpu"), ("memory", "fargate.memory", "Memory")):
        yield Item(RUNTIME, f"{what} of the tasks", price, hours.times(case.stack.number(task, name, default=0) / 1024))


def _beanstalk(case: Case) -> Iterator[Item]:
    """The service itself is free. The minutes for which a release doubles the instances are not counted: cents."""
    options = {
        (option["Namespace"], option["OptionName"]): case.stack.text(option.get("Value", ""))
        for option in case.get("OptionSettings")
    }
    launch = "aws:autoscaling:launchconfiguration"
    kind, disk, size = (
        options["aws:ec2:instances", "InstanceTypes"],
        options[launch, "RootVolumeType"],
        float(options[launch, "RootVolumeSize"] or 0),
    )
    hours = case.running(*(float(options["aws:autoscaling:asg", name] or 1) for name in ("MinSize", "MaxSize")))
    yield Item(RUNTIME, f"instances, {kind}", f"ec2.{kind}", hours)
    months = hours.times(size / case.usage["hours"].low)
    yield Item(RUNTIME, f"disks of the instances, {size:.0f} GB each", f"ebs.{disk}", months)
    document = options.get(("aws:elasticbeanstalk:healthreporting:system", "ConfigDocument"), "")
    published = len(json.loads(document)["CloudWatchMetrics"]["Instance"]) if document else 0
    instances = hours.times(published / case.usage["hours"].low)
    yield Item(FORGOTTEN, "CPU and disk of the instances as metrics", "metric", instances)
    # Elastic Beanstalk scales by two alarms of its own (elasticbeanstalk dg, using-features.managing.as).
    yield Item(FORGOTTEN, "alarms", "alarm", Level(2, 2))


def _pipeline(case: Case) -> Iterator[Item]:
    actions = [action["ActionTypeId"] for stage in case.get("Stages") for action in stage["Actions"]]
    counted = sum(kind["Category"] != "Approval" for kind in actions)  # free: codepipeline user guide, pipeline-types
    minutes = case.usage["releases"].times(case.usage["action_minutes"]).times(counted)
    yield Item("CodePipeline", f"{counted} actions a release", "codepipeline.minute", minutes)


def _watch(case: Case) -> Iterator[Item]:
    """The watch on the time of each release: a handful of states a minute. Its actions run one after the other, about a
    dozen of them; a release that waits for an approval is watched on, and twice as long is a rough measure of that."""
    states, actions, waiting = 7, 12, 2
    minutes = case.usage["releases"].times(case.usage["action_minutes"]).times(actions * waiting)
    yield Item(FORGOTTEN, "watch on the time of releases", "stepfunctions.transition", minutes.times(states / 1000))


def _build(case: Case) -> Iterator[Item]:
    compute = case.stack.text(case.get("Environment", "ComputeType"))
    minutes = case.usage["releases"].times(case.usage["build_minutes"])
    yield Item("CodeBuild", "builds and checks", f"codebuild.{compute}", minutes)


def _table(case: Case) -> Iterator[Item]:
    yield Item(FORGOTTEN, "writes to the tables", "dynamodb.write", case.usage["table_writes"])
    yield Item(FORGOTTEN, "reads of the tables", "dynamodb.read", case.usage["table_reads"])
    yield Item(FORGOTTEN, "data in the tables", "dynamodb.storage", case.usage["table_gb"])
    if case.get("PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled"):
        yield Item(FORGOTTEN, "recovery of the tables to a point in time", "dynamodb.recovery", case.usage["table_gb"])


def _balancer(case: Case) -> Iterator[Item]:
    yield Item(FORGOTTEN, "load balancer", "alb.hour", case.usage["hours"])
    yield Item(FORGOTTEN, "load on it", "alb.lcu", case.usage["lcu"].times(case.usage["hours"]))
    if case.stack.text(case.get("Scheme", default="")) == "internet-facing":
        addresses = len(case.get("Subnets"))
        yield Item(FORGOTTEN, "public addresses", "ipv4.hour", case.usage["hours"].times(addresses))


def _network(case: Case) -> Iterator[Item]:
    """Both are asked for what leaves the VPC by the NAT gateways; to CloudFront nothing is."""
    yield Item("Data transfer", "through the NAT gateways", "nat.data", case.usage["nat_gb"])
    yield Item("Data transfer", "out of the VPC", "transfer.out", case.usage["nat_gb"])


def _cluster(case: Case) -> Iterator[Item]:
    if any(setting["Value"] != "disabled" for setting in case.get("ClusterSettings")):
        yield Item(FORGOTTEN, "metrics of Container Insights", "metric", case.usage["insight_metrics"])


def _alarm(case: Case) -> Iterator[Item]:
    metrics = sum("MetricStat" in query for query in case.get("Metrics")) or 1
    yield Item(FORGOTTEN, "alarms", "alarm", Level(metrics, metrics))


def _registry(case: Case) -> Iterator[Item]:
    images = float(case.stack.values[template_names.IMAGES_KEPT])
    yield Item(FORGOTTEN, f"{images:.0f} images in the registry", "ecr.storage", case.usage["image_gb"].times(images))


# In a bucket: how it is encrypted unless asked otherwise.
ENCRYPTED_BY = (
    "BucketEncryption",
    "ServerSideEncryptionConfiguration",
    0,
    "ServerSideEncryptionByDefault",
    "SSEAlgorithm",
)


def _bucket(case: Case) -> Iterator[Item]:
    """What is in a bucket is known by its template and its key, whatever its logical id: services that deliver logs
    take no key of ours, and artifacts have one."""
    what, gigabytes = "access logs", case.usage["log_gb"]
    if case.resource.template == "storage" and case.get(*ENCRYPTED_BY, default="") == "aws:kms":
        months = float(case.stack.values[template_names.ARTIFACT_DAYS]) / 30
        what, gigabytes = "artifacts", case.usage["releases"].times(case.usage["release_gb"]).times(months)
    elif case.resource.template == "site":
        what, gigabytes = "the page", case.usage["site_gb"]
    yield Item("S3 storage", what, "s3.storage", gigabytes)


def _of(what: str, price: str, usage: str = "one", category: str = FORGOTTEN) -> "Rule":
    """A resource that costs the same whatever is in it: its price for each of the usage."""
    return lambda case: iter([Item(category, what, price, case.usage[usage])])


Rule = Callable[[Case], Iterator[Item]]
RULES: dict[str, Rule] = {
    "AWS::CloudFront::Distribution": _of("pages and answers", "cloudfront.data", "viewer_gb", "CloudFront"),
    "AWS::CloudFront::MonitoringSubscription": _of("further metrics of CloudFront", "metric", "cloudfront_metrics"),
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::CloudWatch::Dashboard": _of("dashboard", "dashboard"),
    "AWS::CodeBuild::Project": _build,
    "AWS::CodeCommit::Repository": _of("people who push", "codecommit.user", "users", "CodeCommit"),
    "AWS::CodePipeline::Pipeline": _pipeline,
    "AWS::DynamoDB::Table": _table,
    "AWS::EC2::EIP": _of("public addresses", "ipv4.hour", "hours"),
    "AWS::EC2::NatGateway": _of("NAT gateways", "nat.hour", "hours"),
    "AWS::EC2::VPC": _network,
    "AWS::ECR::Repository": _registry,
    "AWS::ECS::Cluster": _cluster,
    "AWS::ECS::Service": _fargate,
    "AWS::ElasticBeanstalk::Environment": _beanstalk,
    "AWS::ElasticLoadBalancingV2::LoadBalancer": _balancer,
    "AWS::KMS::Key": _of("keys", "kms.key"),
    "AWS::S3::Bucket": _bucket,
    "AWS::SecretsManager::Secret": _of("secrets", "secret"),
    "AWS::StepFunctions::StateMachine": _watch,
}
