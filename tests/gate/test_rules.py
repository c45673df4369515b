"""Each house rule finds its fault in a mutated copy of our own rendered templates, and none in the templates."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from generator.gate.rules import RULES
from generator.gate.rules import iam as iam_rules
from generator.gate.rules import names as name_rules
from generator.gate.rules import storage as storage_rules
from generator.gate.run import check
from generator.reading.templates import from_bodies, load

TEMPLATES = load(Path(__file__).parents[2] / "templates")
BY_ID = {rule.id: rule for rule in RULES}

Bodies = dict[str, Any]
Mutation = Callable[[Bodies], str]  # changes the bodies and returns the address at which a finding is expected

BUCKET, TABLE, REGISTRY, ROLE = "AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::ECR::Repository", "AWS::IAM::Role"
PROJECT, PIPELINE, SECRET = "AWS::CodeBuild::Project", "AWS::CodePipeline::Pipeline", "AWS::SecretsManager::Secret"
BALANCER, DISTRIBUTION, SUBNET = (
    "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "AWS::CloudFront::Distribution",
    "AWS::EC2::Subnet",
)
TASK, SERVICE, GROUP, TOPIC = "AWS::ECS::TaskDefinition", "AWS::ECS::Service", "AWS::Logs::LogGroup", "AWS::SNS::Topic"
CONFIGURATION = "DistributionConfig"


def pick(bodies: Bodies, kind: str) -> tuple[str, Any]:
    """The first resource of a type, with its address."""
    for name, body in bodies.items():
        for logical_id, resource in body["Resources"].items():
            if resource["Type"] == kind:
                return f"{name}.{logical_id}", resource
    raise LookupError(f"no template has a {kind}")


def put(kind: str, *way: Any, value: Any) -> Mutation:
    """Sets a property of the first resource of a type."""

    def mutate(bodies: Bodies) -> str:
        address, resource = pick(bodies, kind)
        inner = resource["Properties"]
        for step in way[:-1]:
            inner = inner.setdefault(step, {}) if isinstance(inner, dict) else inner[step]
        inner[way[-1]] = value
        return address

    return mutate


def drop(kind: str, *way: Any) -> Mutation:
    """Takes away a property that the first resource of a type has."""

    def mutate(bodies: Bodies) -> str:
        address, resource = pick(bodies, kind)
        inner = resource["Properties"]
        for step in way[:-1]:
            inner = inner[step]
        del inner[way[-1]]
        return address

    return mutate


def attribute(kind: str, name: str, value: Any) -> Mutation:
    """Sets an attribute beside the properties; None takes it away."""

    def mutate(bodies: Bodies) -> str:
        address, resource = pick(bodies, kind)
        resource[name] = value
        if value is None:
            del resource[name]
        return address

    return mutate


def metadata(kind: str, name: str, value: Any) -> Mutation:
    def mutate(bodies: Bodies) -> str:
        address, resource = pick(bodies, kind)
        resource["Metadata"][name] = value
        return address

    return mutate


def grant(*statements: Any, wildcards: bool = False, **statement: Any) -> Mutation:
    """Adds a statement to the first role's permissions, by default a harmless one with a reason."""

    def mutate(bodies: Bodies) -> str:
        address, role = pick(bodies, ROLE)
        role["Metadata"]["Reasons"]["Mutant"] = "it mutates"
        if wildcards:
            role["Metadata"]["Wildcards"]["Mutant"] = "it must"
        document = role["Properties"]["Policies"][0]["PolicyDocument"]
        document["Statement"] += statements or [
            {key: value for key, value in {**STATEMENT, **statement}.items() if value is not None}
        ]
        return address

    return mutate


def trust(**changes: Any) -> Mutation:
    """Changes the statement that says who may assume the first role."""

    def mutate(bodies: Bodies) -> str:
        address, role = pick(bodies, ROLE)
        [statement] = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        statement.update(changes)
        return address

    return mutate


def policy(kind: str, **changes: Any) -> Mutation:
    """Changes the first statement for a service in the policy of a resource."""

    def mutate(bodies: Bodies) -> str:
        address, resource = pick(bodies, kind)
        document = resource["Properties"].get("PolicyDocument") or resource["Properties"]["KeyPolicy"]
        statement = next(one for one in document["Statement"] if "Service" in one["Principal"] and "Condition" in one)
        statement.update(changes)
        return address

    return mutate


def clear_text_allowed(**changes: Any) -> Mutation:
    """Changes the statement of the artifact bucket's policy that denies requests without TLS."""

    def mutate(bodies: Bodies) -> str:
        bucket_policy = bodies["storage"]["Resources"]["ArtifactsPolicy"]
        [deny] = [one for one in bucket_policy["Properties"]["PolicyDocument"]["Statement"] if one["Effect"] == "Deny"]
        deny.update(changes)
        return "storage.Artifacts"

    return mutate


def resource(kind: str, **properties: Any) -> Mutation:
    """Adds a resource to the storage template."""

    def mutate(bodies: Bodies) -> str:
        said = {"Description": "A mutant.", "Requirements": ["PIP-8"], "Reasons": {"Mutant": "it mutates"}}
        bodies["storage"]["Resources"]["Mutant"] = {"Type": kind, "Properties": properties, "Metadata": said}
        return "storage.Mutant"

    return mutate


def section(template: str, *way: Any, value: Any, at: str = "") -> Mutation:
    """Sets anything in a template; the finding is expected at the template, or at `at` inside it."""

    def mutate(bodies: Bodies) -> str:
        inner = bodies[template]
        for step in way[:-1]:
            inner = inner.setdefault(step, {})
        inner[way[-1]] = value
        return f"{template}.{at}" if at else template

    return mutate


def actions(bodies: Bodies) -> list[Any]:
    stages = pick(bodies, PIPELINE)[1]["Properties"]["Stages"]
    return [action for stage in stages for action in stage.get("Fn::If", [None, stage])[1]["Actions"]]


def action(provider: str, **changes: Any) -> Mutation:
    """Changes the first action of a provider; a change of `Configuration` is added to what is there."""

    def mutate(bodies: Bodies) -> str:
        one = next(one for one in actions(bodies) if one["ActionTypeId"]["Provider"] == provider)
        for key, value in changes.items():
            one[key] = {**one[key], **value} if key == "Configuration" else value
        return pick(bodies, PIPELINE)[0]

    return mutate


def without_one_output(bodies: Bodies) -> str:
    """Leaves a build of several outputs with outputs that its buildspec does not make."""
    one = next(one for one in actions(bodies) if len(one.get("OutputArtifacts", ())) > 1)
    one["OutputArtifacts"].append({"Name": "Mutant"})
    return pick(bodies, PIPELINE)[0]


def child_parameter(name: str, value: Any) -> Mutation:
    """Declares a parameter in `storage`."""

    def mutate(bodies: Bodies) -> str:
        bodies["storage"]["Parameters"][name] = value
        return f"storage.{name}"

    return mutate


def passes(bodies: Bodies, name: str) -> Any:
    """What the environment's root passes to a child."""
    return bodies["environment"]["Resources"][name]["Properties"]["Parameters"]


def not_passed(bodies: Bodies) -> str:
    passes(bodies, "Storage").popitem()
    return "environment.Storage"


def not_taken(bodies: Bodies) -> str:
    passes(bodies, "Storage")["Mutant"] = "x"
    return "environment.Storage"


def not_given(bodies: Bodies) -> str:
    passes(bodies, "Build")["ArtifactBucketArn"] = {"Fn::GetAtt": ["Storage", "Outputs.Mutant"]}
    return "environment.Build"


def renamed_container(bodies: Bodies) -> str:
    pick(bodies, TASK)[1]["Properties"]["ContainerDefinitions"][0]["Name"] = "mutant"
    return pick(bodies, SERVICE)[0]


def no_flow_log(bodies: Bodies) -> str:
    address, _ = pick(bodies, "AWS::EC2::FlowLog")
    template, _, logical_id = address.partition(".")
    del bodies[template]["Resources"][logical_id]
    return pick(bodies, "AWS::EC2::VPC")[0]


STATEMENT = {"Sid": "Mutant", "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::bucket/key"]}
ANYWHERE = {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
CONDITION = {"Fn::Equals": [{"Ref": "Environment"}, "mutant"]}
AWS_POLICY = {"Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/AdministratorAccess"}
ENVIRONMENT = [{"Name": "DB_PASSWORD", "Type": "PLAINTEXT", "Value": {"Ref": "Environment"}}]
OPEN = [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80}]

# By rule; with a text where the message must tell which of several faults it is.
MUTATIONS: dict[str, list[Mutation | tuple[Mutation, str]]] = {
    "IAM001": [
        grant(Action=["s3:*"]),
        grant(Action="*"),
        grant(Action=["s3:Get*"]),
        grant(Action=None, NotAction=["iam:*"]),
        policy("AWS::KMS::Key", Action=["kms:*"]),
    ],
    "IAM002": [
        grant(Resource="*"),
        grant(Resource=["arn:aws:s3:::bucket/key", "*"]),
        grant(Resource=[{"Fn::Sub": "arn:${AWS::Partition}:s3:::*"}]),
        grant(Resource=None, NotResource=["arn:aws:s3:::bucket/key"]),
        grant(Resource=["arn:aws:s3:::bucket/key"], wildcards=True),
    ],
    "IAM003": [
        grant(Action=["iam:PassRole"], Resource=[{"Ref": "TaskRoleArn"}]),
        grant(Action=["iam:PassRole"], Resource="*", Condition=ANYWHERE, wildcards=True),
        grant(Action=["iam:PassRole"], Resource=["arn:aws:iam::1:role/*"], Condition=ANYWHERE),
    ],
    "IAM004": [
        (grant(Sid=None), "a statement in Job has no Sid"),
        (grant(Sid="Another"), "statement Another has no entry in Metadata.Reasons"),
        (grant(STATEMENT, STATEMENT), "two statements are called Mutant"),
        (grant(Sid="Another"), "Metadata.Reasons has Mutant, and there is no such statement"),
    ],
    "IAM005": [
        trust(Principal="*"),
        trust(Principal={"AWS": "*"}),
        trust(Principal={"AWS": "123456789012"}),
        trust(Principal={"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::123456789012:root"}}),
        trust(Principal=None, NotPrincipal={"AWS": "123456789012"}),
    ],
    "IAM006": [trust(Condition={}), trust(Condition={"StringEquals": {"aws:RequestedRegion": "us-east-1"}})],
    "IAM007": [policy("AWS::SNS::TopicPolicy", Condition={}), policy("AWS::KMS::Key", Condition={})],
    "IAM008": [
        policy("AWS::SNS::TopicPolicy", Principal="*"),
        policy("AWS::KMS::Key", Principal={"AWS": "*"}),
        policy("AWS::SNS::TopicPolicy", Principal=None, NotPrincipal={"AWS": "123456789012"}),
    ],
    "IAM009": [
        put(ROLE, "RoleName", value={"Fn::Sub": "role-${Environment}"}),
        put("AWS::IAM::ManagedPolicy", "ManagedPolicyName", value="policy"),
    ],
    "IAM010": [
        put(ROLE, "ManagedPolicyArns", value=[AWS_POLICY]),
        put(ROLE, "ManagedPolicyArns", value={"Fn::If": ["Bootstrap", [AWS_POLICY], {"Ref": "AWS::NoValue"}]}),
    ],
    "STO001": [
        drop(BUCKET, "PublicAccessBlockConfiguration"),
        put(BUCKET, "PublicAccessBlockConfiguration", "RestrictPublicBuckets", value=False),
        put(BUCKET, "PublicAccessBlockConfiguration", "BlockPublicAcls", value={"Ref": "Environment"}),
    ],
    "STO002": [drop(BUCKET, "BucketEncryption")],
    "STO003": [
        drop(BUCKET, "OwnershipControls"),
        put(BUCKET, "OwnershipControls", "Rules", 0, "ObjectOwnership", value="ObjectWriter"),
    ],
    "STO004": [
        clear_text_allowed(Effect="Allow"),
        clear_text_allowed(Condition={}),
        clear_text_allowed(Condition={"Bool": {"aws:SecureTransport": True}}),
        clear_text_allowed(Resource=[{"Fn::GetAtt": ["Artifacts", "Arn"]}]),
        clear_text_allowed(Principal={"AWS": "123456789012"}),
        clear_text_allowed(Action=["s3:GetObject"]),
        section("storage", "Resources", "ArtifactsPolicy", "Properties", "Bucket", value="another", at="Artifacts"),
    ],
    "STO005": [
        drop(BUCKET, "VersioningConfiguration"),
        put(BUCKET, "VersioningConfiguration", "Status", value="Suspended"),
    ],
    "STO006": [drop("AWS::KMS::Key", "EnableKeyRotation"), put("AWS::KMS::Key", "EnableKeyRotation", value=False)],
    "STO007": [
        *(drop(kind, *place) for kind, place in storage_rules.KEYS.items() if kind != "AWS::SQS::Queue"),
        put(TOPIC, "KmsMasterKeyId", value="alias/aws/sns"),
        resource("AWS::SQS::Queue"),
        put(GROUP, "KmsKeyId", value={"Fn::If": ["Bootstrap", {"Ref": "KeyArn"}, {"Ref": "AWS::NoValue"}]}),
    ],
    "STO008": [
        put(TABLE, "SSESpecification", "SSEEnabled", value=False),
        put(TABLE, "SSESpecification", "SSEType", value="AES256"),
        drop(TABLE, "PointInTimeRecoverySpecification"),
    ],
    "STO009": [
        put(REGISTRY, "ImageTagMutability", value="MUTABLE"),
        drop(REGISTRY, "ImageScanningConfiguration"),
        put(REGISTRY, "EncryptionConfiguration", "EncryptionType", value="AES256"),
    ],
    "STO010": [drop(GROUP, "RetentionInDays")],
    "STO011": [
        *(attribute(kind, "DeletionPolicy", "Delete") for kind in sorted(storage_rules.HOLDS_DATA)),
        attribute(BUCKET, "UpdateReplacePolicy", None),
    ],
    "NET001": [
        put(SERVICE, "NetworkConfiguration", "AwsvpcConfiguration", "AssignPublicIp", value="ENABLED"),
        drop(SERVICE, "NetworkConfiguration"),
    ],
    "NET002": [put(SUBNET, "MapPublicIpOnLaunch", value=True)],
    "NET003": [
        put("AWS::EC2::SecurityGroup", "SecurityGroupIngress", value=[{**OPEN[0], "CidrIp": "0.0.0.0/0"}]),
        put("AWS::EC2::SecurityGroupIngress", "CidrIpv6", value="::/0"),
        put("AWS::EC2::SecurityGroupIngress", "IpProtocol", value="-1"),
    ],
    "NET004": [drop(BALANCER, "Scheme"), put(BALANCER, "Scheme", value="internet-facing")],
    "NET005": [put(BALANCER, "LoadBalancerAttributes", value=[]), drop(BALANCER, "LoadBalancerAttributes")],
    "NET006": [
        put(
            DISTRIBUTION, CONFIGURATION, "DefaultCacheBehavior", "Fn::If", 1, "ViewerProtocolPolicy", value="allow-all"
        ),
        put(DISTRIBUTION, CONFIGURATION, "CacheBehaviors", "Fn::If", 1, 0, "ViewerProtocolPolicy", value="allow-all"),
    ],
    "NET007": [
        put(DISTRIBUTION, CONFIGURATION, "ViewerCertificate", "Fn::If", 1, "MinimumProtocolVersion", value="TLSv1"),
        drop(DISTRIBUTION, CONFIGURATION, "ViewerCertificate", "Fn::If", 1, "MinimumProtocolVersion"),
    ],
    "NET008": [
        put(BUCKET, "WebsiteConfiguration", value={"IndexDocument": "index.html"}),
        resource("AWS::CloudFront::CloudFrontOriginAccessIdentity"),
        drop(DISTRIBUTION, CONFIGURATION, "Origins", 0, "Fn::If", 1, "OriginAccessControlId"),
        put(
            DISTRIBUTION,
            CONFIGURATION,
            "Origins",
            0,
            "Fn::If",
            1,
            "S3OriginConfig",
            value={"OriginAccessIdentity": "x"},
        ),
        put(DISTRIBUTION, CONFIGURATION, "Origins", 1, "Fn::If", 1, "CustomOriginConfig", value={"HTTPPort": 80}),
    ],
    "NET009": [no_flow_log],
    "SEC001": [
        put(
            TASK,
            "ContainerDefinitions",
            0,
            "Environment",
            0,
            value={"Name": "JWT_SECRET_KEY", "Value": {"Ref": "Environment"}},
        ),
        put(TASK, "ContainerDefinitions", 0, "Environment", 0, "Value", value="AKIA" + "ABCDEFGHIJKLMNOP"),
        put(PROJECT, "Environment", "EnvironmentVariables", value=ENVIRONMENT),
        put("AWS::SSM::Parameter", "Name", value={"Fn::Sub": "${ConfigurationPrefix}/API_TOKEN"}),
        resource("AWS::Lambda::Function", Environment={"Variables": {"PASSWORD": "x"}}),
        resource("AWS::ElasticBeanstalk::Environment", OptionSettings=[{"OptionName": "PASSWORD", "Value": "x"}]),
    ],
    "SEC002": [
        put(TOPIC, "DisplayName", value="AKIA" + "ABCDEFGHIJKLMNOP"),
        metadata(TOPIC, "Description", "-----BEGIN RSA PRIVATE " + "KEY-----"),
    ],
    "SEC003": [
        child_parameter("Mutant", {"Type": "String", "Description": "x", "NoEcho": True}),
        child_parameter("DatabasePassword", {"Type": "String", "Description": "x", "Default": "hunter2"}),
    ],
    "SEC004": [
        resource("AWS::IAM::AccessKey", UserName="x"),
        resource("AWS::IAM::User"),
        put(TASK, "ContainerDefinitions", 0, "Secrets", 0, "Name", value="YOUR_AWS_ACCESS_KEY_ID"),
        put(PROJECT, "Environment", "EnvironmentVariables", 0, "Name", value="AWS_SECRET_ACCESS_KEY"),
    ],
    "SEC005": [put(SECRET, "SecretString", value="hunter2"), put(SECRET, "SecretString", value={"Ref": "Environment"})],
    "NAM001": [
        put(TOPIC, "TopicName", value="alarms"),
        put(TOPIC, "TopicName", value={"Fn::Sub": "alarms-${AWS::Region}"}),
        put(PIPELINE, "Name", value={"Fn::If": ["Approval", {"Ref": "PipelineName"}, "pipeline"]}),
        put("AWS::CloudFront::Function", "Name", value={"Fn::Sub": "pages-${Environment}"}),
        put("AWS::Budgets::Budget", "Budget", "BudgetName", value="budget"),
    ],
    "NAM002": [
        put(BUCKET, "BucketName", value={"Fn::Sub": "bucket-${Environment}"}),
        put(GROUP, "LogGroupName", value={"Ref": "Environment"}),
        put(TABLE, "TableName", value={"Fn::Sub": "clients-${Environment}"}),
    ],
    "NAM003": [
        put(TOPIC, "Tags", 0, "Value", value={"Ref": "TopicName"}),
        put(TOPIC, "Tags", 0, "Value", value="0f1e2d3c4b5a69788796a5b4c3d2e1f001234567"),
        put("AWS::SSM::Parameter", "Tags", "Application", value="1.2.3"),
    ],
    "NAM004": [put(TOPIC, "Tags", 0, "Key", value="Mutant"), drop("AWS::SSM::Parameter", "Tags", "Component")],
    "STR001": [
        metadata(TOPIC, "Description", " "),
        metadata(TOPIC, "Requirements", []),
        metadata(TOPIC, "Requirements", ["PIP-8", "pip-8"]),
    ],
    "STR002": [
        section("storage", "Metadata", value={}),
        section("storage", "Metadata", "Generator", "Module", value="x"),
    ],
    "STR003": [
        child_parameter("Mutant", {"Type": "String"}),
        section("environment", "Parameters", "Mutant", value={"Type": "String", "Description": "x"}, at="Mutant"),
    ],
    "STR004": [
        child_parameter("Mutant", {"Type": "String", "Description": "x", "AllowedPattern": ".+"}),
        child_parameter("Mutant", {"Type": "AWS::SSM::Parameter::Value<String>", "Description": "x"}),
        child_parameter("Mutant", {"Type": "Number", "Description": "x"}),
    ],
    "STR005": [
        section("storage", "Transform", value="AWS::LanguageExtensions"),
        section("storage", "Resources", "Fn::ForEach::Buckets", value={"Type": "x"}, at="Fn::ForEach::Buckets"),
        put(TOPIC, "DisplayName", value={"Fn::Transform": {"Name": "x"}}),
    ],
    "STR006": [
        drop(PIPELINE, "PipelineType"),
        put(PIPELINE, "PipelineType", value="V1"),
        action("CodeCommit", Configuration={"PollForSourceChanges": False}),
        action("CodeCommit", Configuration={"PollForSourceChanges": "true"}),
        action("S3", Configuration={"Extract": True}),
    ],
    "STR007": [
        section("storage", "Conditions", value={f"Mutant{number}": CONDITION for number in range(5)}),
        section("pipeline", "Conditions", value={f"Mutant{number}": CONDITION for number in range(9)}),
    ],
    "STR008": [
        section("storage", "Metadata", "cfn-lint", value={"config": {"ignore_checks": ["E3012"]}}),
        metadata(BUCKET, "checkov", {"skip": []}),
    ],
    "STR009": [
        section("storage", "Outputs", "Mutant", value={"Value": "x", "Export": {"Name": "x"}}, at="Mutant"),
        put(TOPIC, "DisplayName", value={"Fn::ImportValue": "x"}),
    ],
    "STR010": [
        put(TOPIC, "DisplayName", value={"Fn::Select": [0, {"Fn::Split": [",", {"Ref": "TopicName"}]}]}),
        put(TOPIC, "DisplayName", value={"Fn::Select": [0, {"Ref": "TopicName"}]}),
    ],
    "CON001": [not_passed, not_taken, not_given],
    "CON002": [action("ECS", InputArtifacts=[{"Name": "Mutant"}])],
    "CON003": [
        action("CodeBuild", Configuration={"EnvironmentVariables": "#{Mutant.X}"}),
        action("CodeBuild", Configuration={"EnvironmentVariables": "#{Source.Mutant}"}),
        action("Manual", Configuration={"CustomData": "#{BackendBuild.MUTANT}"}),
    ],
    "CON004": [without_one_output, action("CodeBuild", Configuration={"ProjectName": "mutant"})],
    "CON005": [renamed_container],
}


def test_our_templates_have_no_finding() -> None:
    assert len(TEMPLATES) > 10
    assert [str(finding) for finding in check(TEMPLATES)] == []


def test_every_rule_has_a_mutation_and_an_id_of_its_own() -> None:
    assert list(MUTATIONS) == list(BY_ID)
    assert len(BY_ID) == len(RULES)
    assert all(MUTATIONS.values())


CASES = [(rule, one if isinstance(one, tuple) else (one, "")) for rule, ones in MUTATIONS.items() for one in ones]


@pytest.mark.parametrize(("rule", "case"), CASES, ids=[rule for rule, _ in CASES])
def test_the_rule_finds_its_fault(rule: str, case: tuple[Mutation, str]) -> None:
    mutate, message = case
    bodies = TEMPLATES.bodies()
    template, _, where = mutate(bodies).partition(".")
    found = BY_ID[rule].findings(from_bodies(bodies))
    there = [one for one in found if (one.file, one.where) == (f"{template}.json", where or "template")]
    assert [one for one in there if one.rule == rule and one.message.startswith(message)] != []


EXCEPTIONS: list[Any] = [
    iam_rules.ACTION_WILDCARDS,
    iam_rules.UNCONDITIONED_TRUST,
    iam_rules.UNCONDITIONED_SERVICES,
    iam_rules.MANAGED_POLICIES,
    storage_rules.ACL_BUCKETS,
    name_rules.NAMED_BY_PARAMETER,
]


@pytest.mark.parametrize(("table", "key"), [(table, key) for table in EXCEPTIONS for key in table])
def test_an_exception_that_nothing_needs_is_not_in_a_table(
    table: dict[Any, str], key: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert table[key].strip()
    monkeypatch.delitem(table, key)
    assert check(TEMPLATES) != []


def test_a_finding_says_where_which_rule_why_and_what_to_do() -> None:
    bodies = TEMPLATES.bodies()
    drop(BUCKET, "VersioningConfiguration")(bodies)
    [finding] = check(from_bodies(bodies))
    assert str(finding) == (
        f"{finding.file} {finding.where}: STO005 keeps no versions; {BY_ID['STO005'].why}\n"
        "    fix: set VersioningConfiguration.Status to Enabled"
    )
