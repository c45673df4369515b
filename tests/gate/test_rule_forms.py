"""The rules on form, names, secrets, alarms, deployments and quotas, branch by branch, on templates of a few resources.

Beside each fault stands what is allowed, and before it something harmless: a rule goes on.
"""

from __future__ import annotations

from typing import Any

import pytest

from generator.cfn.limits import CONFIGURATION_VALUE
from generator.gate.rules.account import UNSTEADY, VARIABLES
from generator.gate.rules.structure import CONDITIONS, MORE_CONDITIONS
from tests.support.rules import faults, findings

TOPIC = "AWS::SNS::Topic"
DOCUMENTED = {"Type": TOPIC, "Metadata": {"Description": "x", "Requirements": ["PIP-8"]}}


def root(child: str = "t", **sections: Any) -> dict[str, Any]:
    """A template that nests another one, which is a child for it."""
    stack = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": f"{child}.json"}}
    return {"Resources": {"Stack": stack}, **sections}


@pytest.mark.parametrize(
    ("metadata", "messages"),
    [
        (DOCUMENTED["Metadata"], []),
        ({"Requirements": ["PIP-8"]}, ["has no Metadata.Description"]),
        ({"Description": " ", "Requirements": ["PIP-8", "ABC-12"]}, ["has no Metadata.Description"]),
        ({"Description": "x"}, ["names no requirement (none)"]),
        ({"Description": "x", "Requirements": ["PIP-8", "pip-8", 1]}, ["names no requirement (pip-8, 1)"]),
        ({"Description": "x", "Requirements": ["PIP-8x"]}, ["names no requirement (PIP-8x)"]),
    ],
)
def test_each_resource_says_what_it_is_for(metadata: Any, messages: list[str]) -> None:
    resources = {"First": DOCUMENTED, "It": {"Type": TOPIC, "Metadata": metadata}}
    assert faults("STR001", t={"Resources": resources}) == [f"t.It {message}" for message in messages]


def test_each_template_says_which_module_makes_it() -> None:
    own = {"Resources": {"It": DOCUMENTED}, "Metadata": {"Generator": {"Module": "generator.stacks.t"}}}
    other = {**own, "Metadata": {"Generator": {"Module": "scripts.t"}}}
    expected = "template does not say in Metadata.Generator.Module which module makes it"
    assert faults("STR002", a=own, b=other, c={"Resources": {"It": DOCUMENTED}}) == [f"b.{expected}", f"c.{expected}"]


ANYTHING, UNSAID = "is a root's parameter that takes anything", "has a pattern and does not say in words what it takes"


@pytest.mark.parametrize(
    ("declaration", "messages", "of_child"),
    [
        ({"Type": "String", "AllowedValues": ["a"]}, [], ["is a child's parameter with AllowedValues"]),
        (
            {"Type": "Number", "MinValue": 1},
            [],
            ["is a child's parameter with MinValue", "is a child's parameter of type Number"],
        ),
        ({"Type": "Number", "MaxValue": 1}, [], None),
        ({"Type": "String", "MinLength": 1}, [], None),
        ({"Type": "String", "MaxLength": 1}, [], None),
        ({"Type": "AWS::EC2::VPC::Id"}, [], ["is a child's parameter of type AWS::EC2::VPC::Id"]),
        ({"Type": "List<AWS::EC2::Subnet::Id>"}, [], None),
        ({"Type": "String"}, [ANYTHING], []),
        ({"Type": "CommaDelimitedList", "Default": ""}, [ANYTHING], None),
        ({"Type": "String", "AllowedPattern": "a"}, [UNSAID], None),
        (
            {"Type": "String", "AllowedPattern": "a", "ConstraintDescription": "x"},
            [],
            ["is a child's parameter with AllowedPattern, ConstraintDescription"],
        ),
        ({"Type": "AWS::EC2::VPC::Id", "AllowedPattern": "a"}, [UNSAID], None),
    ],
)
def test_what_a_parameter_may_be(declaration: dict[str, Any], messages: list[str], of_child: list[str] | None) -> None:
    """A root's is constrained, in words too; a child's is plain text."""
    first = {"Type": "String", "Description": "x"}
    child = {"Resources": {"It": DOCUMENTED}, "Parameters": {"A": first, "P": {**declaration, "Description": "x"}}}
    whole = root(Parameters={"A": {**first, "AllowedValues": ["a"]}, "P": {**declaration, "Description": "x"}})
    assert faults("STR003", r=whole, t=child) == [f"r.P {message}" for message in messages]
    whole["Parameters"]["P"]["Description"] = child["Parameters"]["P"]["Description"] = " "
    undescribed = "P is a parameter without Description"
    expected = [f"r.{undescribed}", *(f"r.P {message}" for message in messages), f"t.{undescribed}"]
    assert faults("STR003", r=whole, t=child) == expected
    if of_child is not None:
        assert faults("STR004", r=whole, t=child) == [f"t.P {message}" for message in of_child]


def test_no_macro_transforms_a_template() -> None:
    plain = {"Resources": {"It": DOCUMENTED}}
    looped = {"Resources": {"It": DOCUMENTED, "Fn::ForEach::Topics": {"Type": TOPIC}}}
    assert faults("STR005", a=plain, b={**plain, "Transform": "AWS::LanguageExtensions"}, c=looped) == [
        "b.template is transformed by AWS::LanguageExtensions",
        "c.Fn::ForEach::Topics uses Fn::ForEach::Topics",
    ]


def action(provider: str, configuration: dict[str, Any], *inputs: str, **more: Any) -> dict[str, Any]:
    return {
        "Name": provider,
        "ActionTypeId": {"Provider": provider},
        "Configuration": configuration,
        "InputArtifacts": [{"Name": name} for name in inputs],
        **more,
    }


def pipeline(*actions: dict[str, Any], **properties: Any) -> dict[str, Any]:
    return {"PipelineType": "V2", "Stages": [{"Name": "Stage", "Actions": list(actions)}], **properties}


ELSEWHERE = "does not say in which of its inputs Stage/CodeBuild runs"


@pytest.mark.parametrize(
    ("checked", "messages"),
    [
        (action("CodeCommit", {"PollForSourceChanges": "false"}), []),
        (action("CodeCommit", {"PollForSourceChanges": "true"}), ["polls the repository in Stage/CodeCommit"]),
        (action("CodeCommit", {}), ["polls the repository in Stage/CodeCommit"]),
        (
            action("CodeCommit", {"PollForSourceChanges": False}),
            [
                "configures PollForSourceChanges of Stage/CodeCommit with False",
                "polls the repository in Stage/CodeCommit",
            ],
        ),
        (action("S3", {"BucketName": {"Ref": "B"}, "Extract": True}), ["configures Extract of Stage/S3 with True"]),
        (action("CodeBuild", {}, "A"), []),
        (action("CodeBuild", {"PrimarySource": "B"}, "A", "B"), []),
        (action("CodeBuild", {"PrimarySource": "C"}, "A", "B"), [ELSEWHERE]),
        (action("CodeBuild", {}, "A", "B"), [ELSEWHERE]),
        (action("S3", {}, "A", "B"), []),
    ],
)
def test_what_a_pipeline_is_told(checked: dict[str, Any], messages: list[str]) -> None:
    first = action("S3", {"Extract": "true"}, Name="First")
    kind = "AWS::CodePipeline::Pipeline"
    assert findings("STR006", kind, pipeline(first, checked)) == messages
    old = {**pipeline(first, checked), "PipelineType": "V1"}
    assert findings("STR006", kind, old) == ["is not of type V2", *messages]


@pytest.mark.parametrize("name", ["t", *MORE_CONDITIONS])
def test_a_child_has_so_many_conditions(name: str) -> None:
    most = MORE_CONDITIONS.get(name, CONDITIONS)
    conditions = {f"C{number}": {"Fn::Equals": [{"Ref": "A"}, str(number)]} for number in range(most + 1)}
    assert (CONDITIONS, MORE_CONDITIONS) == (4, {"backend": 6, "build": 6, "pipeline": 8})
    child = {"Resources": {"It": DOCUMENTED}, "Conditions": dict(list(conditions.items())[:most])}
    whole = root(name, Conditions=conditions)
    assert faults("STR007", r=whole, **{name: child}) == []
    expected = f"{name}.template has {most + 1} conditions, {most} are the most"
    assert faults("STR007", r=whole, **{name: {**child, "Conditions": conditions}}) == [expected]


def test_an_optional_value_of_the_application_and_an_adopted_secret_are_not_counted() -> None:
    def groups(label: str) -> dict[str, Any]:
        group = {"Label": {"default": label}, "Parameters": ["Optional"]}
        return root("configuration", Metadata={"AWS::CloudFormation::Interface": {"ParameterGroups": [group]}})

    optional = {"Fn::Not": [{"Fn::Equals": [{"Ref": "Optional"}, ""]}]}
    counted = {f"C{number}": {"Fn::Equals": [{"Ref": "A"}, str(number)]} for number in range(CONDITIONS)}

    def conditions(label: str = "Application", **more: Any) -> list[str]:
        child = {"Resources": {"It": DOCUMENTED}, "Conditions": {**counted, **more}}
        return faults("STR007", r=groups(label), configuration=child)

    assert conditions() == conditions(O=optional) == conditions(NewTokenSecret=1, NewTokenKey=2) == []
    one_more = [f"configuration.template has {CONDITIONS + 1} conditions, {CONDITIONS} are the most"]
    assert conditions("Network", O=optional) == conditions(NewTokenSecrets=1) == conditions(OldSecret=1) == one_more
    elsewhere = {"Resources": {"It": DOCUMENTED}, "Conditions": {**counted, "NewTokenSecret": 1}}
    assert len(faults("STR007", r=root(), t=elsewhere)) == 1


def test_nothing_is_exported_or_imported() -> None:
    outputs = {"Plain": {"Value": "x"}, "Shared": {"Value": "x", "Export": {"Name": "x"}}}
    importing = {"Type": TOPIC, "Properties": {"DisplayName": {"Fn::ImportValue": "x"}}}
    assert faults("STR009", t={"Resources": {"First": DOCUMENTED, "It": importing}, "Outputs": outputs}) == [
        "t.Shared is exported",
        "t.It imports a value",
    ]


@pytest.mark.parametrize(
    ("value", "messages"),
    [
        ({"Ref": "P"}, []),
        ({"Fn::Select": [0, {"Ref": "P"}]}, ["takes P apart with Fn::Select"]),
        (
            {"Fn::Split": [",", {"Fn::Sub": "${P},${Q}"}]},
            ["takes P apart with Fn::Split", "takes Q apart with Fn::Split"],
        ),
        ({"Fn::Select": [0, {"Fn::GetAtt": ["Other", "P"]}]}, []),
        ({"Fn::Select": [0, {"Ref": "Other"}]}, []),
        ({"Fn::Select": [0, ["a", "b"]]}, []),
    ],
)
def test_a_child_does_not_take_its_parameters_apart(value: Any, messages: list[str]) -> None:
    resources = {"Other": DOCUMENTED, "It": {"Type": TOPIC, "Properties": {"DisplayName": value}}}
    parameters = {name: {"Type": "String", "Description": "x"} for name in "PQ"}
    child = {"Resources": resources, "Parameters": parameters}
    assert faults("STR010", r=root(), t=child) == [f"t.It {message}" for message in messages]
    assert faults("STR010", t=child) == []


SECRET = "{{resolve:secretsmanager:x}}"


@pytest.mark.parametrize(
    ("rule", "kind", "place", "good", "bad", "message"),
    [
        (
            "NET002",
            "AWS::EC2::Subnet",
            "MapPublicIpOnLaunch",
            [None, False],
            [True, "false"],
            "gives out public addresses",
        ),
        *(
            (
                "STO003",
                "AWS::S3::Bucket",
                "OwnershipControls",
                [{"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}],
                bad,
                "has no OwnershipControls with BucketOwnerEnforced",
            )
            for bad in (
                [None],
                [{"Rules": [{"ObjectOwnership": name}]} for name in ("BucketOwnerPreferred", "ObjectWriter")],
            )
        ),
        (
            "NET001",
            "AWS::ECS::Service",
            "NetworkConfiguration",
            [{"AwsvpcConfiguration": {"AssignPublicIp": "DISABLED"}}],
            [None, {}, {"AwsvpcConfiguration": {"AssignPublicIp": "ENABLED"}}],
            "gives its tasks public addresses",
        ),
        (
            "SEC005",
            "AWS::SecretsManager::Secret",
            "SecretString",
            [None, SECRET, {"Fn::Sub": f"{SECRET}-${{A}}"}],
            ["x", "", {"Ref": "A"}],
            "has its value in the template",
        ),
        (
            "ACC004",
            TOPIC,
            "Zone",
            ["x", {"Ref": "A"}],
            [{"a": [{"Fn::GetAZs": ""}]}],
            f"depends on Fn::GetAZs: {UNSTEADY['Fn::GetAZs']}",
        ),
    ],
)
def test_a_property_is_one_of_what_is_allowed(
    rule: str, kind: str, place: str, good: list[Any], bad: list[Any], message: str
) -> None:
    for value in good:
        assert findings(rule, kind, {place: value} if value is not None else {}) == []
    for value in bad:
        late = {"Late": {"Type": kind, "Properties": {place: value} if value is not None else {}}}
        assert findings(rule, kind, {place: good[-1]}, beside=late) == [message]


def test_a_log_bucket_of_cloudfront_alone_takes_acls() -> None:
    def bucket(ownership: str) -> list[str]:
        properties = {"OwnershipControls": {"Rules": [{"ObjectOwnership": ownership}]}}
        return faults("STO003", storage={"Resources": {"Logs": {"Type": "AWS::S3::Bucket", "Properties": properties}}})

    assert bucket("BucketOwnerPreferred") == bucket("BucketOwnerEnforced") == []
    expected = "has no OwnershipControls with BucketOwnerEnforced or BucketOwnerPreferred"
    assert bucket("ObjectWriter") == [f"storage.Logs {expected}"]


PLAIN, TELLING = {"Name": "COLOUR", "Value": "blue"}, {"Name": "PASSWORD", "Value": "hunter2"}
SHOWN = ["shows PASSWORD in clear, which looks like a secret, by its name"]


@pytest.mark.parametrize(
    ("kind", "properties", "messages"),
    [
        ("AWS::ECS::TaskDefinition", {"ContainerDefinitions": [{"Environment": [PLAIN, TELLING]}]}, SHOWN),
        ("AWS::ECS::TaskDefinition", {"ContainerDefinitions": [{"DockerLabels": [TELLING]}]}, []),
        ("AWS::ECS::TaskDefinition", {"ContainerDefinitions": [{"Environment": [{**TELLING, "Value": SECRET}]}]}, []),
        ("AWS::CodeBuild::Project", {"Environment": {"EnvironmentVariables": [PLAIN, TELLING]}}, SHOWN),
        (
            "AWS::CodeBuild::Project",
            {"Environment": {"EnvironmentVariables": [{**TELLING, "Type": "PLAINTEXT"}]}},
            SHOWN,
        ),
        (
            "AWS::CodeBuild::Project",
            {"Environment": {"EnvironmentVariables": [{**TELLING, "Type": "SECRETS_MANAGER"}]}},
            [],
        ),
        ("AWS::Lambda::Function", {"Environment": {"Variables": {"COLOUR": "blue", "PASSWORD": "x"}}}, SHOWN),
        ("AWS::Lambda::Function", {"Environment": {"Variables": {"PASSWORD": {"Ref": "A"}}}}, SHOWN),
        (
            "AWS::ElasticBeanstalk::Environment",
            {"OptionSettings": [{"OptionName": "A", "Value": "b"}, {"OptionName": "PASSWORD", "Value": "x"}]},
            SHOWN,
        ),
        (
            "AWS::ElasticBeanstalk::Environment",
            {
                "OptionSettings": [
                    {
                        "Namespace": "aws:elasticbeanstalk:application:environmentsecrets",
                        "OptionName": "PASSWORD",
                        "Value": "x",
                    }
                ]
            },
            [],
        ),
        ("AWS::SSM::Parameter", {"Name": {"Fn::Sub": "/${A}/PASSWORD"}, "Value": "x"}, SHOWN),
        ("AWS::SSM::Parameter", {"Name": "/PASSWORD/colour", "Value": "x"}, []),
        (TOPIC, {"Environment": [TELLING]}, []),
    ],
)
def test_a_secret_that_is_shown(kind: str, properties: dict[str, Any], messages: list[str]) -> None:
    assert findings("SEC001", kind, properties) == messages


def test_a_key_in_a_template_is_told_with_its_section() -> None:
    key = "AKIA" + "ABCDEFGHIJKLMNOP"
    it = {"Type": TOPIC, "Properties": {"DisplayName": f"a {key} b"}}
    [fault] = faults("SEC002", t={"Resources": {"First": DOCUMENTED, "It": it}})
    assert fault.startswith("t.It contains what looks like ") and fault.endswith(" in Resources") and key not in fault
    [described] = faults("SEC002", t={"Resources": {"First": DOCUMENTED}, "Description": key})
    assert described.startswith("t.template contains what looks like ") and described.endswith(" in Description")


def test_no_secret_is_a_parameter() -> None:
    parameters = {
        "Colour": {"Type": "String", "Default": "blue"},
        "Password": {"Type": "String", "NoEcho": True},
        "PasswordKind": {"Type": "String", "AllowedValues": ["hunter2"], "Default": "hunter2"},
        "OtherPassword": {"Type": "String"},
        "DatabasePassword": {"Type": "String", "Default": "hunter2"},
    }
    assert faults("SEC003", t={"Resources": {"It": DOCUMENTED}, "Parameters": parameters}) == [
        "t.Password takes a secret as a parameter",
        "t.DatabasePassword has a default that looks like a secret, by its name",
    ]


@pytest.mark.parametrize("kind", ["AWS::IAM::AccessKey", "AWS::IAM::User"])
def test_nobody_has_long_term_keys(kind: str) -> None:
    assert findings("SEC004", kind) == [f"is a {kind}, which lives on long-term keys"]


PARAMETERS: dict[str, Any] = {"Parameters": {"P": {"Type": "String"}}}


@pytest.mark.parametrize(
    ("kind", "place", "value", "message"),
    [
        ("AWS::S3::Bucket", "BucketName", None, ""),
        ("AWS::S3::Bucket", "BucketName", {"Ref": "P"}, "is retained and called ${P}"),
        ("AWS::DynamoDB::Table", "TableName", {"Ref": "P"}, ""),
        ("AWS::CodeCommit::Repository", "RepositoryName", {"Ref": "P"}, ""),
        ("AWS::DynamoDB::Table", "TableName", {"Ref": "Other"}, "is retained and called ${Other}"),
        ("AWS::DynamoDB::Table", "TableName", {"Fn::Sub": "x-${P}"}, "is retained and called x-${P}"),
        ("AWS::DynamoDB::Table", "TableName", "fixed", "is retained and called fixed"),
        (TOPIC, "TopicName", "fixed", ""),
    ],
)
def test_what_is_retained_has_no_name_but_by_parameter(kind: str, place: str, value: Any, message: str) -> None:
    late = {"Late": {"Type": kind, "Properties": {} if value is None else {place: value}}}
    assert findings("NAM002", kind, beside=late, **PARAMETERS) == ([message] if message else [])


@pytest.mark.parametrize(
    ("namespace", "region", "messages"),
    [
        ("AWS/CloudFront", "us-east-1", []),
        ("AWS/CloudFront", "eu-west-1", ["watches CloudFront from another Region"]),
        ("AWS/CloudFront", None, ["watches CloudFront from another Region"]),
        ("AWS/ECS", "eu-west-1", []),
    ],
)
def test_cloudfront_is_watched_where_its_metrics_are(namespace: str, region: str | None, messages: list[str]) -> None:
    kind, metadata = "AWS::CloudWatch::Alarm", {"Region": region} if region else {}
    late = {"Late": {"Type": kind, "Properties": {"Metrics": [{"MetricStat": {"Metric": {"Namespace": namespace}}}]}}}
    expected = [f"t.Late {message}" for message in messages]
    resources = {"It": {"Type": kind, "Properties": {"Namespace": "AWS/ECS"}}, **late}
    assert faults("MON001", t={"Resources": resources, "Metadata": metadata}) == expected


SHIFTING = {"AlternateTargetGroupArn": {"Ref": "Green"}, "ProductionListenerRule": {"Ref": "Rule"}, "RoleArn": "x"}
UNNAMED = "t.It names no production rule of ours, or no role to move its weights with"
UNWEIGHTED = "t.Rule is the production rule of t.It and not weighted 1 and 0"


def weighted(*groups: tuple[str, int]) -> list[dict[str, Any]]:
    return [{"TargetGroupArn": {"Ref": name}, "Weight": weight} for name, weight in groups]


@pytest.mark.parametrize(
    ("groups", "without", "expected"),
    [
        (weighted(("Blue", 1), ("Green", 0)), "", []),
        (weighted(("Blue", 0), ("Green", 1)), "", [UNWEIGHTED]),
        (weighted(("Green", 1), ("Blue", 0)), "", [UNWEIGHTED]),
        (weighted(("Blue", 1)), "", [UNWEIGHTED]),
        ([], "", [UNWEIGHTED]),
        (None, "", [UNWEIGHTED]),
        (weighted(("Blue", 1), ("Green", 0)), "RoleArn", [UNNAMED]),
        (weighted(("Blue", 1), ("Green", 0)), "ProductionListenerRule", [UNNAMED]),
    ],
)
def test_a_service_that_shifts_has_a_rule_that_is_weighted(groups: Any, without: str, expected: list[str]) -> None:
    advanced = {key: value for key, value in SHIFTING.items() if key != without}
    balancers = [{"TargetGroupArn": {"Ref": "Blue"}, "AdvancedConfiguration": advanced}]
    resources = {
        "Plain": {"Type": "AWS::ECS::Service", "Properties": {"LoadBalancers": [{"TargetGroupArn": {"Ref": "Blue"}}]}},
        "Alone": {"Type": "AWS::ECS::Service"},
        "It": {"Type": "AWS::ECS::Service", "Properties": {"LoadBalancers": balancers}},
        "Rule": {
            "Type": "AWS::ElasticLoadBalancingV2::ListenerRule",
            "Properties": {} if groups is None else {"Actions": [{"ForwardConfig": {"TargetGroups": groups}}]},
        },
        **{name: {"Type": "AWS::ElasticLoadBalancingV2::TargetGroup"} for name in ("Blue", "Green")},
    }
    assert faults("RUN002", t={"Resources": resources}) == expected


def test_a_service_that_shifts_only_by_choice_is_looked_at_in_that_choice() -> None:
    either = {"Fn::If": ["C", {}, {"TargetGroupArn": {"Ref": "Blue"}, "AdvancedConfiguration": SHIFTING}]}
    resources = {
        "It": {"Type": "AWS::ECS::Service", "Properties": {"LoadBalancers": [either]}},
        **{name: {"Type": "AWS::ElasticLoadBalancingV2::TargetGroup"} for name in ("Blue", "Green")},
    }
    conditions = {"C": {"Fn::Equals": [{"Ref": "A"}, ""]}}
    assert faults("RUN002", t={"Resources": resources, "Conditions": conditions}) == [UNNAMED]


def test_a_second_service_that_rolls_back_nothing_is_found_behind_one_that_is_rolling() -> None:
    guarded = {"AlarmNames": ["a"], "Enable": True, "Rollback": True}
    rolling = {"Alarms": guarded, "DeploymentCircuitBreaker": {"Enable": True, "Rollback": True}}
    canary = {"Strategy": "CANARY", "Alarms": guarded}
    either = {"Fn::If": ["C", rolling, canary]}
    conditions = {"C": {"Fn::Equals": [{"Ref": "A"}, ""]}}
    assert findings("RUN001", "AWS::ECS::Service", {"DeploymentConfiguration": either}, Conditions=conditions) == [
        "shifts traffic without a bake time"
    ]


def test_elastic_beanstalk_names_no_version() -> None:
    texts = findings("RUN003", "AWS::ElasticBeanstalk::Environment", {"VersionLabel": "1"})
    assert texts[0] == "names a version, which every update of the stack would deploy again" and len(texts) == 9


@pytest.mark.parametrize(
    ("name", "length"),
    [
        ("CommitId", 64), ("PipelineExecutionId", 36), ("BACKEND_DIGEST", 32), ("FRONTEND_DIGEST", 32), ("CHANGED", 24),
        ("BACKEND_CHANGED", 5), ("FRONTEND_CHANGED", 5), ("PAGE", 300), ("SUMMARY", 200), ("TITLE", 200),
    ],
)  # fmt: skip
def test_how_long_a_variable_becomes(name: str, length: int) -> None:
    assert VARIABLES[name] == length and len(VARIABLES) == 10
    text = f"#{{A.{name}}}" + "x" * (CONFIGURATION_VALUE + 1 - length)
    longer = [f"has a configuration value of up to {CONFIGURATION_VALUE + 1} characters"]
    assert findings("ACC005", "AWS::CodePipeline::Pipeline", values_of(text)) == longer


def values_of(text: str) -> dict[str, Any]:
    first = action("Manual", {"CustomData": "#{Source.CommitId}", "Other": "x" * 2000}, Name="First")
    return pipeline(first, action("Manual", {"CustomData": text}, Namespace="#{Source.CommitMessage}"))


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("x" * (CONFIGURATION_VALUE + 1), []),
        ("#{Source.CommitId}" + "x" * (CONFIGURATION_VALUE - 64), []),
        ("#{Source.CommitId}" + "x" * (CONFIGURATION_VALUE - 63), [CONFIGURATION_VALUE + 1]),
        ("#{A.PAGE}" * 3 + "#{A.TITLE}", [CONFIGURATION_VALUE + 100]),
        ("#{Source.CommitMessage}", ["CommitMessage"]),
        ("#{Source.CommitId}#{A.B}#{A.C}", ["B", "C"]),
        ("#{A.B}" + "x" * (CONFIGURATION_VALUE + 1), ["B", CONFIGURATION_VALUE + 1]),
    ],
)
def test_a_value_of_the_pipeline_has_a_length_that_somebody_limits(text: str, messages: list[str | int]) -> None:
    expected = [
        f"has a configuration value of up to {of} characters"
        if isinstance(of, int)
        else f"puts {of}, whose length nobody limits, into a configuration value"
        for of in messages
    ]
    assert findings("ACC005", "AWS::CodePipeline::Pipeline", values_of(text)) == expected


@pytest.mark.parametrize(
    ("declaration", "dash"),
    [
        ({"AllowedPattern": "[a-z][a-z0-9]*"}, False),
        ({"AllowedPattern": "[a-z]+-[a-z0-9]+"}, True),
        ({"AllowedPattern": "[a-z]+-"}, True),
        ({"AllowedValues": ["eu-2"]}, False),
        ({}, True),
    ],
)
def test_an_environment_has_no_dash_in_its_name(declaration: dict[str, Any], dash: bool) -> None:
    first = root(Parameters={"Environment": {"Type": "String", "AllowedValues": ["x"]}})
    second = root(Parameters={"Environment": {"Type": "String", **declaration}})
    child = {"Resources": {"It": DOCUMENTED}, "Parameters": {"Environment": {"Type": "String"}}}
    expected = ["b.template lets Environment have a dash"] if dash else []
    assert faults("ACC006", a=first, b=second, t=child) == expected
