"""What AWS refuses although its schema does not: each row of the table on a value that breaks it and on one that does
not, and the files of our environments with each pair of settings that used to pass everything."""

import json
from pathlib import Path
from typing import Any

import pytest

from generator.cfn import environments, limits, parameters
from generator.cfn.templates import TemplateSet, from_bodies, load

ROOT = Path(__file__).resolve().parents[2]
FARGATE = {"RequiresCompatibilities": ["FARGATE"]}
BALANCING, BEANSTALK = "AWS::ElasticLoadBalancingV2", "AWS::ElasticBeanstalk"
ASG = "aws:autoscaling:asg"


def size(name: str, value: str) -> dict[str, str]:
    return {"Namespace": ASG, "OptionName": name, "Value": value}


def option(name: str, value: str) -> dict[str, str]:
    return {"Namespace": "aws:ec2:instances", "OptionName": name, "Value": value}


def excluded(length: int) -> dict[str, Any]:
    push = {"FilePaths": {"Excludes": ["x" * length]}}
    return {"Triggers": [{"GitConfiguration": {"Push": [push]}}]}


def source(**configuration: str) -> dict[str, Any]:
    return {"Stages": [{"Name": "Source", "Actions": [{"Name": "Code", "Configuration": configuration}]}]}


# Type, what is refused, what is taken, and a part of the message.
CASES: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    (
        "AWS::ECS::TaskDefinition",
        {**FARGATE, "Cpu": "1024", "Memory": "512"},
        {**FARGATE, "Cpu": "1024", "Memory": "3072"},
        "no Memory 512 beside Cpu 1024",
    ),
    (
        "AWS::ECS::TaskDefinition",
        {**FARGATE, "Cpu": "8192", "Memory": "17408"},
        {**FARGATE, "Cpu": "8192", "Memory": "20480"},
        "no Memory 17408",
    ),
    (
        "AWS::ECS::TaskDefinition",
        {**FARGATE, "Cpu": "300", "Memory": "512"},
        {"RequiresCompatibilities": ["EC2"], "Cpu": "300", "Memory": "512"},
        "no Cpu 300",
    ),
    (
        "AWS::ApplicationAutoScaling::ScalableTarget",
        {"MinCapacity": 5, "MaxCapacity": "2"},
        {"MinCapacity": 2, "MaxCapacity": "2"},
        "MinCapacity 5 must be at most MaxCapacity 2",
    ),
    (
        "AWS::ElasticBeanstalk::Environment",
        {"OptionSettings": [size("MaxSize", "1"), size("MinSize", "2")]},
        {"OptionSettings": [size("MaxSize", "2"), size("MinSize", "2")]},
        "MinSize 2 must be at most MaxSize 1",
    ),
    (
        "AWS::ElasticBeanstalk::Environment",
        {"OptionSettings": [option("InstanceTypes", "t3.small, c7gn.large")]},
        {"OptionSettings": [option("InstanceTypes", "t3.small,g4dn.xlarge,g5.xlarge,m5a.large,u7i-6tb.112xlarge")]},
        "c7gn.large has a Graviton processor",
    ),
    (
        "AWS::ElasticBeanstalk::Environment",
        {"OptionSettings": [option("InstanceTypes", "a1.large")]},
        {"OptionSettings": [option("InstanceTypes", "t4g.small"), option("SupportedArchitectures", "arm64")]},
        "a1.large has a Graviton processor",
    ),
    (
        "AWS::CloudFront::Distribution",
        {"DistributionConfig": {"Aliases": [f"{'a' * 64}.test"]}},
        {"DistributionConfig": {"Aliases": [f"{'a' * 63}.test"]}},
        "a domain name has 253 characters, each of its parts 63",
    ),
    (
        "AWS::CertificateManager::Certificate",
        {"DomainName": f"{'a.' * 125}test"},
        {"DomainName": f"{'a.' * 124}test"},
        "is too long",
    ),
    ("AWS::EC2::VPC", {"CidrBlock": "10.999.0.0/16"}, {"CidrBlock": "10.1.0.0/16"}, "is not a CIDR block"),
    ("AWS::EC2::VPC", {"CidrBlock": "10.1.2.3/16"}, {"CidrBlock": "${Other}"}, "host bits"),
    ("AWS::EC2::VPC", {"CidrBlock": "10.0.0.0/8"}, {"CidrBlock": "172.40.0.0/16"}, "from /16 to /28"),
    ("AWS::EC2::Subnet", {"CidrBlock": "10.0.0.0/29"}, {"CidrBlock": "10.0.0.0/28"}, "from /16 to /28"),
    (
        "AWS::IAM::Role",
        {"ManagedPolicyArns": [f"arn:aws:iam::aws:policy/P{number}" for number in range(11)]},
        {"ManagedPolicyArns": [f"arn:aws:iam::aws:policy/P{number}" for number in range(10)]},
        "10 managed policies by default, not 11",
    ),
    ("AWS::ElasticLoadBalancingV2::LoadBalancer", {"Name": "app-"}, {"Name": "app-1"}, "no dash first or last"),
    ("AWS::ElasticLoadBalancingV2::TargetGroup", {"Name": "internal-x"}, {"Name": "x-internal"}, "no `internal-`"),
    (
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        {"HealthCheckTimeoutSeconds": 10, "HealthCheckIntervalSeconds": 10},
        {"HealthCheckTimeoutSeconds": 9, "HealthCheckIntervalSeconds": 10},
        "HealthCheckTimeoutSeconds 10 must be below HealthCheckIntervalSeconds 10",
    ),
    ("AWS::S3::Bucket", {"BucketName": "artifacts-"}, {"BucketName": "artifacts-1"}, "3 to 63"),
    ("AWS::S3::Bucket", {"BucketName": "a..b"}, {"BucketName": "a.b"}, "3 to 63"),
    ("AWS::ElasticBeanstalk::Environment", {"EnvironmentName": "app-"}, {"EnvironmentName": "app1"}, "no dash"),
    ("AWS::DynamoDB::Table", {"TableName": "a b"}, {"TableName": "a_b"}, "3 to 255"),
    (
        "AWS::CodePipeline::Pipeline",
        source(BranchName="a..b"),
        source(BranchName="a/b"),
        "not the name of a git branch",
    ),
    ("AWS::CodePipeline::Pipeline", excluded(256), excluded(255), "the patterns have 256 characters together"),
    ("AWS::CodePipeline::Pipeline", source(Long="x" * 1001), source(Long="x" * 1000), "an action takes 1000"),
    (
        "AWS::CloudWatch::Alarm",
        {"EvaluationPeriods": 25, "Period": 3600 * 24},
        {"EvaluationPeriods": 7, "Period": 3600 * 24},
        "above 604800 seconds",
    ),
    (
        "AWS::CloudWatch::Alarm",
        {"EvaluationPeriods": 1441, "Period": 60},
        {"EvaluationPeriods": 1440, "Period": 60},
        "86400",
    ),
    (
        "AWS::CloudWatch::Alarm",
        {"DatapointsToAlarm": 4, "EvaluationPeriods": 3},
        {"DatapointsToAlarm": 3, "EvaluationPeriods": 3},
        "DatapointsToAlarm 4 must be at most EvaluationPeriods 3",
    ),
]


@pytest.mark.parametrize(("kind", "refused", "taken", "message"), CASES)
def test_a_limit_holds(kind: str, refused: dict[str, Any], taken: dict[str, Any], message: str) -> None:
    [breach] = limits.of_resource(kind, refused)
    assert message in breach.message
    assert list(limits.of_resource(kind, taken)) == []


def test_every_limit_is_tried_and_has_its_source() -> None:
    assert {limit.type for limit in limits.LIMITS} == {kind for kind, *_ in CASES}
    assert all(len(limit.source) > 20 for limit in limits.LIMITS)


@pytest.mark.parametrize("name", ["main", "feature/x", "release-1.2", "a@b"])
def test_branches(name: str) -> None:
    assert limits.is_branch(name)


@pytest.mark.parametrize(
    "name", ["a..b", "/a", "a/", "a//b", ".a", "a.lock", "a b", "a~1", "@", "-a", "a@{b", "a.", "HEAD"]
)
def test_no_branches(name: str) -> None:
    assert not limits.is_branch(name)


@pytest.fixture(scope="module")
def templates() -> TemplateSet:
    return load(ROOT / "templates")


def sentences(templates: TemplateSet, environment: str, **values: Any) -> list[str]:
    text = (ROOT / "params" / f"{environment}.json").read_text(encoding="utf-8")
    body = json.loads(text)
    body["Parameters"].update(values)
    file = parameters.parse(json.dumps(body), f"params/{environment}.json")
    return [str(problem) for problem in environments.problems(file, templates)]


@pytest.mark.parametrize(
    ("environment", "values", "text"),
    [
        (
            "local",
            {"TaskCpu": "1024", "TaskMemory": "512"},
            "TaskCpu 1024 goes with TaskMemory 2048, 3072",  # the template's own rule answers first
        ),
        (
            "local",
            {"MinimumTasks": "5", "MaximumTasks": "2"},
            'MinimumTasks = "5": MinCapacity 5 must be at most MaxCapacity 2 (Backend.Scaling; beside '
            "MaximumTasks = 2)",
        ),
        ("beanstalk", {"MinimumTasks": "5", "MaximumTasks": "2"}, "MinSize 5 must be at most MaxSize 2"),
        ("local", {"VpcCidr": "10.999.0.0/16"}, 'VpcCidr = "10.999.0.0/16": 10.999.0.0/16 is not a CIDR block'),
        ("local", {"VpcCidr": "172.40.0.0/16"}, "lies in no private range"),
        (
            "local",
            {"ClientsTable": "Same-x", "MetricsTable": "Same-x"},
            'MetricsTable = "Same-x": two resources of type AWS::DynamoDB::Table are called Same-x',
        ),
        ("local", {"MinimumTasks": "1.5"}, 'MinimumTasks = "1.5" must be a whole number'),
        ("beanstalk", {"InstanceType": "t4g.small"}, 'InstanceType = "t4g.small": t4g.small has a Graviton processor'),
        (
            "staging",
            {
                "DomainName": f"{'a' * 64}.test",
                "CertificateArn": f"arn:aws:acm:us-east-1:{'1' * 12}:certificate/{'0' * 8}{'-0000' * 3}-{'0' * 12}",
            },
            "a domain name has 253 characters, each of its parts 63",
        ),
        ("local", {"BranchName": "refs/heads/main"}, "is the full name of a reference: a branch is named as main"),
        (
            "staging",
            {
                "SourceProvider": "CONNECTION",
                "ConnectionArn": f"arn:aws:codeconnections:us-east-1:{'1' * 12}:connection/"
                f"{'0' * 8}{'-0000' * 3}-{'0' * 12}",
                "SourceRepository": "owner/name",
                "ExcludedPaths": ",".join(f"folder-{number}/**" for number in range(30)),
            },
            "characters together; a trigger takes 255",
        ),
        ("production", {"BranchName": "a..b"}, "BranchName = \"a..b\": 'a..b' is not the name of a git branch"),
        (
            "bluegreen",
            {"DeploymentStrategy": "CANARY", "BakeMinutes": "20", "CanaryBakeMinutes": "20"},
            'DeploymentTimeoutMinutes = "30" is less than the 50 minutes that BakeMinutes and CanaryBakeMinutes',
        ),
        (
            "local",
            {"BuildTimeoutMinutes": "60"},
            'BuildTimeoutMinutes = "60" is not below ExecutionTimeoutMinutes = 60: a build that hangs',
        ),
        ("local", {"SenderEmail": None}, "must be a string in quotes: remove it for no value"),
    ],
)
def test_settings_that_used_to_pass_everything(
    templates: TemplateSet, environment: str, values: dict[str, Any], text: str
) -> None:
    [problem] = sentences(templates, environment, **values)
    assert problem.startswith(f"params/{environment}.json: ") and text in problem


@pytest.mark.parametrize("file", sorted((ROOT / "params").glob("*.json")), ids=lambda file: file.stem)
def test_our_own_environments_keep_all_limits(templates: TemplateSet, file: Path) -> None:
    assert sentences(templates, file.stem) == []


def refused(kind: str, **properties: Any) -> list[str]:
    return [breach.message for breach in limits.of_resource(kind, properties)]


@pytest.mark.parametrize(
    ("cpu", "least", "most", "step", "also"),
    [
        (256, 1024, 2048, 1024, (512,)),
        (512, 1024, 4096, 1024, ()),
        (1024, 2048, 8192, 1024, ()),
        (2048, 4096, 16384, 1024, ()),
        (4096, 8192, 30720, 1024, ()),
        (8192, 16384, 61440, 4096, ()),
        (16384, 32768, 122880, 8192, ()),
    ],
)
def test_what_fargate_has_of_memory_beside_each_size_of_cpu(
    cpu: int, least: int, most: int, step: int, also: tuple[int, ...]
) -> None:
    """ECS developer guide, task_definition_parameters, Task size."""
    sizes = range(256, 122880 + 8192, 256)
    taken = [size for size in sizes if not refused("AWS::ECS::TaskDefinition", **FARGATE, Cpu=cpu, Memory=size)]
    assert taken == [*also, *range(least, most + 1, step)]


def test_what_only_aws_knows_is_passed_over() -> None:
    task = "AWS::ECS::TaskDefinition"
    assert refused(task, **FARGATE, Cpu="${Size}", Memory="1") == refused(task, **FARGATE, Cpu="300") == []
    assert refused("AWS::S3::Bucket", BucketName="{{changeSet:KNOWN_AFTER_APPLY}}") == []
    assert refused("AWS::S3::Bucket", BucketName={"Ref": "X"}) == []
    assert refused("AWS::Unknown::Thing", CidrBlock="x") == []


@pytest.mark.parametrize(
    ("block", "is_taken"),
    [
        ("10.0.0.0/15", False),
        ("10.0.0.0/16", True),
        ("10.0.0.0/28", True),
        ("10.0.0.0/29", False),
        ("fd00::/56", False),
    ],
)
def test_the_sizes_of_networks(block: str, is_taken: bool) -> None:
    message = f"{block} must be an IPv4 block from /16 to /28"
    for kind in ("AWS::EC2::VPC", "AWS::EC2::Subnet"):
        assert refused(kind, CidrBlock=block) == ([] if is_taken else [message])


@pytest.mark.parametrize(
    ("block", "is_private"),
    [
        ("10.0.0.0/16", True),
        ("10.255.0.0/16", True),
        ("11.0.0.0/16", False),
        ("172.16.0.0/16", True),
        ("172.31.0.0/16", True),
        ("172.32.0.0/16", False),
        ("192.168.0.0/16", True),
        ("192.169.0.0/16", False),
    ],
)
def test_a_network_lies_in_a_private_range(block: str, is_private: bool) -> None:
    """AWS takes any; nobody can want one of others."""
    [advice] = [limit for limit in limits.LIMITS if limit.type == "AWS::EC2::VPC" and limit.advice]
    breaches = list(advice.find({"CidrBlock": block}))
    assert [breach.message for breach in breaches] == (
        [] if is_private else [f"{block} lies in no private range, so that addresses of others are cut off"]
    )
    assert all(breach.choices == ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16") for breach in breaches)


@pytest.mark.parametrize(
    ("kind", "name", "good", "bad"),
    [
        (
            "AWS::ElasticLoadBalancingV2::LoadBalancer",
            "Name",
            ["a", "a" * 32, "a-1"],
            ["", "a" * 33, "-a", "a-", "a.b"],
        ),
        ("AWS::ElasticLoadBalancingV2::TargetGroup", "Name", ["a" * 32, "internal"], ["internal-a", "a_b"]),
        ("AWS::S3::Bucket", "BucketName", ["abc", "a" * 63, "a.b-1"], ["ab", "a" * 64, "xn--abc", "A-b", "a..b"]),
        (
            "AWS::ElasticBeanstalk::Environment",
            "EnvironmentName",
            ["abcd", "a" * 40],
            ["abc", "a" * 41, "-abc", "a_bc"],
        ),
        ("AWS::DynamoDB::Table", "TableName", ["abc", "a" * 255, "A_.-"], ["ab", "a" * 256, "a b"]),
    ],
)
def test_the_forms_of_names(kind: str, name: str, good: list[str], bad: list[str]) -> None:
    assert [text for text in good if refused(kind, **{name: text})] == []
    assert [text for text in bad if not refused(kind, **{name: text})] == []
    [message] = refused(kind, **{name: bad[0]})
    assert message.startswith(f"{bad[0]!r} is not a valid {name}: ")


@pytest.mark.parametrize(
    ("periods", "seconds", "is_taken"),
    [(24, 3600, True), (168, 3600, True), (169, 3600, False), (24, 3599, True), (25, 3599, False), (1440, 60, True)],
)
def test_how_long_an_alarm_looks_back(periods: int, seconds: int, is_taken: bool) -> None:
    """A week with periods of an hour or more, a day otherwise."""
    most = 604800 if seconds >= 3600 else 86400
    message = f"EvaluationPeriods {periods} times Period {seconds} is above {most} seconds"
    result = refused("AWS::CloudWatch::Alarm", EvaluationPeriods=periods, Period=seconds)
    assert result == ([] if is_taken else [message])


def test_two_of_one_name_are_told_by_the_parameters_of_both() -> None:
    def named(kind: str, name: str, parameter: str) -> dict[str, Any]:
        return {"Type": kind, "Properties": {name: {"Fn::Sub": f"x-${{{parameter}}}"}}}

    for kind, [name] in limits.UNIQUE.items():
        resources = {"A": named(kind, name, "First"), "B": named(kind, name, "Second")}
        parameters = {each: {"Type": "String"} for each in ("First", "Second")}
        root = from_bodies({"root": {"Parameters": parameters, "Resources": resources}})["root"]
        [located] = [
            each for each in limits.breaches(root, {"First": "abc", "Second": "abc"}) if "two" in each.breach.message
        ]
        assert located.breach.message == f"two resources of type {kind} are called x-abc"
        assert (located.resource, located.parameters) == ("B", ("Second", "First"))
        assert limits.breaches(root, {"First": "abc", "Second": "abd"}) == ()
    assert len(limits.UNIQUE) == 10


def at(path: str) -> limits.Place:
    return tuple(path.split("/"))


ACTION = "Stages/1/Actions/1/Configuration"
LATER = {
    "Stages": [{"Actions": [{}]}, {"Actions": [{}, {"Configuration": {"BranchName": "a..b", "Long": "x" * 1001}}]}]
}
LATER_PUSH = {"GitConfiguration": {"Push": [{}, {"FilePaths": {"Excludes": ["a", "x" * 256]}}]}}
PROCESSOR = "has a Graviton processor, and the environment supports x86_64"
TOO_LONG = "is too long: a domain name has 253 characters, each of its parts 63"


@pytest.mark.parametrize(
    ("kind", "properties", "expected"),
    [
        (
            "AWS::ECS::TaskDefinition",
            {**FARGATE, "Cpu": "256", "Memory": "4096"},
            [
                limits.Breach(
                    (("Memory",), ("Cpu",)), "Fargate has no Memory 4096 beside Cpu 256", ("512", "1024", "2048")
                )
            ],
        ),
        (
            "AWS::ECS::TaskDefinition",
            {**FARGATE, "Cpu": "300", "Memory": "512"},
            [
                limits.Breach(
                    (("Cpu",),), "Fargate has no Cpu 300", ("256", "512", "1024", "2048", "4096", "8192", "16384")
                )
            ],
        ),
        ("AWS::ECS::TaskDefinition", {"Cpu": "300", "Memory": "512"}, []),
        (
            "AWS::ApplicationAutoScaling::ScalableTarget",
            {"MinCapacity": 5, "MaxCapacity": "2"},
            [limits.Breach((("MinCapacity",), ("MaxCapacity",)), "MinCapacity 5 must be at most MaxCapacity 2")],
        ),
        (
            "AWS::ElasticBeanstalk::Environment",
            {"OptionSettings": [option("InstanceTypes", "t3.small"), size("MinSize", "2"), size("MaxSize", "1")]},
            [
                limits.Breach(
                    (at("OptionSettings/1/Value"), at("OptionSettings/2/Value")), "MinSize 2 must be at most MaxSize 1"
                )
            ],
        ),
        # The sizes of something else, one size alone, one that only AWS knows.
        (
            "AWS::ElasticBeanstalk::Environment",
            {"OptionSettings": [option("MinSize", "2"), size("MaxSize", "1"), option("MaxSize", "0")]},
            [],
        ),
        (
            "AWS::ElasticBeanstalk::Environment",
            {"OptionSettings": [size("MinSize", "2"), size("MaxSize", "${Most}")]},
            [],
        ),
        (
            "AWS::ElasticBeanstalk::Environment",
            {
                "OptionSettings": [
                    size("InstanceTypes", "a1.large"),
                    option("SupportedArchitectures", "x86_64"),
                    option("InstanceTypes", "t4g.small, a1.large,t3.small"),
                ]
            },
            [
                limits.Breach((at("OptionSettings/2/Value"),), f"t4g.small {PROCESSOR}"),
                limits.Breach((at("OptionSettings/2/Value"),), f"a1.large {PROCESSOR}"),
            ],
        ),
        (
            "AWS::CloudFront::Distribution",
            {"DistributionConfig": {"Aliases": ["short.test", f"{'a' * 64}.test", f"a.{'b' * 64}"]}},
            [
                limits.Breach((at("DistributionConfig/Aliases"),), f"{name} {TOO_LONG}")
                for name in (f"{'a' * 64}.test", f"a.{'b' * 64}")
            ],
        ),
        ("AWS::CertificateManager::Certificate", {"DomainName": "a." * 126 + "b"}, []),
        (
            "AWS::CertificateManager::Certificate",
            {"DomainName": "a." * 126 + "bc"},
            [limits.Breach((("DomainName",),), f"{'a.' * 126}bc {TOO_LONG}")],
        ),
        (
            "AWS::EC2::VPC",
            {"CidrBlock": "10.1.2.3/16"},
            [limits.Breach((("CidrBlock",),), "10.1.2.3/16 is not a CIDR block: 10.1.2.3/16 has host bits set")],
        ),
        (
            "AWS::IAM::Role",
            {"ManagedPolicyArns": ["arn"] * 11},
            [limits.Breach((("ManagedPolicyArns",),), "a role takes 10 managed policies by default, not 11")],
        ),
        (
            "AWS::ElasticLoadBalancingV2::TargetGroup",
            {"Name": "a-", "HealthCheckTimeoutSeconds": 5.5, "HealthCheckIntervalSeconds": 5},
            [
                limits.Breach((("Name",),), f"'a-' is not a valid Name: {limits.ALB_FORM}"),
                limits.Breach(
                    (("HealthCheckTimeoutSeconds",), ("HealthCheckIntervalSeconds",)),
                    "HealthCheckTimeoutSeconds 5.5 must be below HealthCheckIntervalSeconds 5",
                ),
            ],
        ),
        ("AWS::CodePipeline::Pipeline", source(BranchName="refs/heads/main"), []),  # advice is for files only
        (
            "AWS::CodePipeline::Pipeline",
            LATER,
            [
                limits.Breach((at(f"{ACTION}/BranchName"),), "'a..b' is not the name of a git branch"),
                limits.Breach((at(f"{ACTION}/Long"),), "Long has 1001 characters; an action takes 1000"),
            ],
        ),
        (
            "AWS::CodePipeline::Pipeline",
            {"Triggers": [{}, LATER_PUSH]},
            [
                limits.Breach(
                    (at("Triggers/1/GitConfiguration/Push/1/FilePaths/Excludes/1"),),
                    "the patterns have 256 characters together; a trigger takes 255",
                )
            ],
        ),
        (
            "AWS::CloudWatch::Alarm",
            {"EvaluationPeriods": 25, "Period": 3599, "DatapointsToAlarm": 26},
            [
                limits.Breach(
                    (("EvaluationPeriods",), ("Period",)),
                    "EvaluationPeriods 25 times Period 3599 is above 86400 seconds",
                ),
                limits.Breach(
                    (("DatapointsToAlarm",), ("EvaluationPeriods",)),
                    "DatapointsToAlarm 26 must be at most EvaluationPeriods 25",
                ),
            ],
        ),
        ("AWS::CloudWatch::Alarm", {"EvaluationPeriods": "${Periods}", "Period": 3600, "DatapointsToAlarm": 3}, []),
        ("AWS::CloudWatch::Alarm", {"EvaluationPeriods": 3, "DatapointsToAlarm": "{{resolve:ssm:x}}"}, []),
    ],
)
def test_a_breach_names_its_properties_and_what_is_valid(
    kind: str, properties: dict[str, Any], expected: list[limits.Breach]
) -> None:
    """A person is told by the place which parameter to change: every element has its own."""
    assert list(limits.of_resource(kind, properties)) == expected


def test_a_full_name_of_a_reference_is_advice_with_the_short_name() -> None:
    [advice] = [each for each in limits.LIMITS if each.type == "AWS::CodePipeline::Pipeline" and each.advice]
    names = ("main", "refs/tags/v1", "refs/heads/a/refs/heads/b", "refs/notes/x", "my-refs/x", "${Branch}")
    stages = [{}, {"Actions": [{}, *({"Configuration": {"BranchName": name}} for name in names)]}]
    assert list(advice.find({"Stages": stages})) == [
        limits.Breach(
            (at(f"Stages/1/Actions/{number}/Configuration/BranchName"),),
            f"{name} is the full name of a reference: a branch is named as {short}",
        )
        for number, name, short in (
            (2, "refs/tags/v1", "v1"),
            (3, "refs/heads/a/refs/heads/b", "a/refs/heads/b"),
            (4, "refs/notes/x", "refs/notes/x"),
        )
    ]


def test_a_value_is_traced_through_nested_stacks_to_the_parameters_of_the_root() -> None:
    def nested(template: str, **parameters: object) -> dict[str, object]:
        properties = {"TemplateURL": f"{template}.json", "Parameters": parameters}
        return {"Type": "AWS::CloudFormation::Stack", "Properties": properties}

    target = {"MinCapacity": {"Ref": "Low"}, "MaxCapacity": {"Fn::If": ["Big", {"Ref": "High"}, 1]}}
    inner = {
        "Parameters": {name: {"Type": "String"} for name in ("Low", "High")},
        "Conditions": {"Big": {"Fn::Equals": [{"Ref": "High"}, "2"]}},
        "Resources": {"Scaling": {"Type": "AWS::ApplicationAutoScaling::ScalableTarget", "Properties": target}},
    }
    middle = {
        "Parameters": {name: {"Type": "String"} for name in ("Least", "Most")},
        "Resources": {"Inner": nested("inner", Low={"Ref": "Least"}, High={"Ref": "Most"})},
    }
    root = {
        "Parameters": {name: {"Type": "String"} for name in ("Minimum", "Maximum", "Other")},
        "Resources": {
            "Middle": nested("middle", Least={"Ref": "Minimum"}, Most={"Fn::Sub": "${Maximum}"}),
            "Second": nested("middle", Least="1", Most={"Ref": "Other"}),
        },
    }
    templates = from_bodies({"root": root, "middle": middle, "inner": inner})
    breach = limits.Breach((("MinCapacity",), ("MaxCapacity",)), "MinCapacity 5 must be at most MaxCapacity 2")
    values = {"Minimum": "5", "Maximum": "2", "Other": "2"}
    assert limits.breaches(templates["root"], values) == (
        limits.Located("Middle.Inner.Scaling", breach, ("Minimum", "Maximum")),
    )
    assert limits.breaches(templates["root"], {**values, "Maximum": "5"})[0].breach.message.endswith("MaxCapacity 1")
    assert limits.breaches(templates["root"], {"Minimum": "1", "Maximum": "2", "Other": "2"}) == ()


def test_resources_of_one_logical_id_in_two_stacks_do_not_share_a_name() -> None:
    """Each creates its own: the second one would fail in the middle of the deployment."""

    def nested(parameter: str) -> dict[str, object]:
        properties = {"TemplateURL": "topics.json", "Parameters": {"Name": {"Ref": parameter}}}
        return {"Type": "AWS::CloudFormation::Stack", "Properties": properties}

    topic = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": {"Ref": "Name"}}}
    unnamed = {"Type": "AWS::SNS::Topic"}
    bodies: dict[str, Any] = {
        "root": {
            "Parameters": {"First": {"Type": "String"}, "Second": {"Type": "String"}},
            "Resources": {"A": nested("First"), "B": nested("Second")},
        },
        "topics": {
            "Parameters": {"Name": {"Type": "String"}},
            "Resources": {"Topic": topic, "Unnamed": unnamed, "Other": unnamed},
        },
    }
    root = from_bodies(bodies)["root"]
    message = "two resources of type AWS::SNS::Topic are called same"
    assert limits.breaches(root, {"First": "same", "Second": "same"}) == (
        limits.Located("B.Topic", limits.Breach((("TopicName",),), message), ("Second", "First")),
    )
    assert limits.breaches(root, {"First": "same", "Second": "other"}) == ()
