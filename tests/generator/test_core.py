"""What stacks are made with: a resource, a role, a statement, a parameter and an ARN, each as it is written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from awacs import iam as roles
from awacs import s3 as do
from awacs.aws import Bool, Principal
from troposphere import (
    AWSHelperFn,
    Equals,
    GetAtt,
    If,
    Ref,
    Sub,
    Tags,
    Template,
    budgets,
    codecommit,
    ec2,
    ecs,
    encode_to_dict,
    s3,
    sns,
    ssm,
)
from troposphere import iam as resources

from generator.application import APPLICATION
from generator.core import arns, conditions, paths, ports
from generator.core.encoding import plain
from generator.core.iam import Anything, allow, deny, document, listed, same_account, service, trust, unscoped, via
from generator.core.ports import Kind, Port
from generator.core.settings import Computed, Setting, add_to, environment_name, refuse_unless
from generator.core.stack import Stack, StackError, only_if, switched_on

HERE, ACCOUNT = "${AWS::Region}:${AWS::AccountId}", "${AWS::AccountId}"


def stack(**more: Any) -> Stack:
    return Stack("shop", "generator.stacks.shop", "a test", APPLICATION, **more)


def body(shop: Stack) -> dict[str, Any]:
    template: dict[str, Any] = json.loads(shop.finish())
    return template


# --- ARNs


@pytest.mark.parametrize(
    ("arn", "text"),
    [
        (arns.account_root(), f"iam::{ACCOUNT}:root"),
        (arns.aws_policy("service-role/X"), "iam::aws:policy/service-role/X"),
        (arns.beanstalk_application("a"), f"elasticbeanstalk:{HERE}:application/a"),
        (arns.beanstalk_bucket(), "s3:::elasticbeanstalk-${AWS::Region}-${AWS::AccountId}"),
        (arns.beanstalk_buckets(), "s3:::elasticbeanstalk-*/*"),
        (arns.beanstalk_environment("a", "e"), f"elasticbeanstalk:{HERE}:environment/a/e"),
        (arns.beanstalk_logs("e"), f"logs:{HERE}:log-group:/aws/elasticbeanstalk/e/*"),
        (arns.beanstalk_made("ec2", "x/"), f"ec2:{HERE}:x/awseb-*"),
        (arns.beanstalk_platforms(), "elasticbeanstalk:${AWS::Region}::platform/*"),
        (arns.beanstalk_stacks(), f"cloudformation:{HERE}:stack/awseb-*/*"),
        (arns.beanstalk_versions("a"), f"elasticbeanstalk:{HERE}:applicationversion/a/*"),
        (arns.change_sets("deploy-"), f"cloudformation:{HERE}:changeSet/deploy-${{Environment}}-*/*"),
        (arns.change_sets("x-", "us-east-1"), f"cloudformation:us-east-1:{ACCOUNT}:changeSet/x-${{Environment}}-*/*"),
        (arns.codebuild_project("p"), f"codebuild:{HERE}:project/p"),
        (arns.codebuild_report_group("p", "tests"), f"codebuild:{HERE}:report-group/p-tests"),
        (arns.codecommit_repository("r"), f"codecommit:{HERE}:r"),
        (arns.codepipeline("p"), f"codepipeline:{HERE}:p"),
        (arns.codepipeline("p", "/Stage/Action"), f"codepipeline:{HERE}:p/Stage/Action"),
        (arns.dynamodb_table("t"), f"dynamodb:{HERE}:table/t"),
        (arns.ecr_repository("r"), f"ecr:{HERE}:repository/r"),
        (arns.ecs_cluster("c"), f"ecs:{HERE}:cluster/c"),
        (arns.ecs_service("c", "s"), f"ecs:{HERE}:service/c/s"),
        (arns.ecs_task("c"), f"ecs:{HERE}:task/c/*"),
        (arns.ecs_task_definition("f"), f"ecs:{HERE}:task-definition/f:*"),
        (arns.edge_certificates(), f"acm:us-east-1:{ACCOUNT}:certificate/*"),
        (arns.global_arn("budgets", "budget/x"), f"budgets::{ACCOUNT}:budget/x"),
        (arns.log_groups(), f"logs:{HERE}:log-group:*"),
        (arns.secret("shop/"), f"secretsmanager:{HERE}:secret:shop/*"),
        (arns.ses_identities(), f"ses:{HERE}:identity/*"),
        (arns.ssm_parameter("/shop"), f"ssm:{HERE}:parameter/shop"),
        (arns.ssm_parameter(Ref("Tree"), "/*"), f"ssm:{HERE}:parameter${{Tree}}/*"),
        (arns.state_machine("m"), f"states:{HERE}:stateMachine:m"),
        (arns.templates_bucket("shop", "r"), f"s3:::shop-templates-{ACCOUNT}-r"),
        (arns.ecs_service(Ref("C"), GetAtt("S", "Name")), f"ecs:{HERE}:service/${{C}}/${{S.Name}}"),
    ],
)
def test_an_arn_is_that_of_the_partition_region_and_account(arn: AWSHelperFn, text: str) -> None:
    assert arn.to_dict() == {"Fn::Sub": f"arn:${{AWS::Partition}}:{text}"}


def test_arns_of_what_lies_below_another_one() -> None:
    assert arns.objects("arn:b", "cache/*").to_dict() == {"Fn::Sub": "arn:b/cache/*"}
    assert arns.objects(Ref("BucketArn")).to_dict() == {"Fn::Sub": "${BucketArn}/*"}
    assert arns.dynamodb_indexes(GetAtt("T", "Arn")).to_dict() == {"Fn::Sub": "${T.Arn}/index/*"}
    text, names = arns.codebuild_project(If("C", "a", "b")).to_dict()["Fn::Sub"]
    assert (text, names) == (
        f"arn:${{AWS::Partition}}:codebuild:{HERE}:project/${{Name}}",
        {"Name": {"Fn::If": ["C", "a", "b"]}},
    )
    assert [each.to_dict()["Fn::Sub"].rpartition(":")[2] for each in arns.beanstalk_all("a", "e")] == [
        "application/a",
        "*/a/*",
        "environment/*/e",
        "platform/*",
    ]


# --- statements


def test_a_statement_as_it_is_written() -> None:
    own = Principal("AWS", "arn:x")
    grants = [
        allow("Read", [do.GetObject], ["arn:b"], "why", [same_account(), Bool({"aws:SecureTransport": "true"})], own),
        deny("Never", [do.PutObject, do.DeleteObject], Anything("no other way"), "why"),
        trust("codebuild", "builds run"),
        trust("ecs", "shifts", []),
    ]
    assert plain(document(grants[:2])) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Read",
                "Effect": "Allow",
                "Principal": {"AWS": "arn:x"},
                "Action": ["s3:GetObject"],
                "Resource": ["arn:b"],
                "Condition": {
                    "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
                    "Bool": {"aws:SecureTransport": "true"},
                },
            },
            {"Sid": "Never", "Effect": "Deny", "Action": ["s3:PutObject", "s3:DeleteObject"], "Resource": ["*"]},
        ],
    }
    assert [plain(grant.statement()) for grant in grants[2:]] == [
        {
            "Sid": "Assume",
            "Effect": "Allow",
            "Principal": {"Service": "codebuild.amazonaws.com"},
            "Action": ["sts:AssumeRole"],
            "Condition": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
        },
        {
            "Sid": "Assume",
            "Effect": "Allow",
            "Principal": {"Service": "ecs.amazonaws.com"},
            "Action": ["sts:AssumeRole"],
        },
    ]


def test_the_words_of_statements() -> None:
    assert plain(service("events")) == {"Service": "events.amazonaws.com"}
    only_s3 = plain(allow("S", [do.GetObject], ["arn"], "why", [via("s3")]).statement())["Condition"]
    assert only_s3 == {"StringEquals": {"kms:ViaService": {"Fn::Sub": "s3.${AWS::Region}.amazonaws.com"}}}
    assert listed(["A", "B"]) == "A, B"
    assert unscoped("EC2").because == "EC2 supports no resource-level permission for what this allows"
    assert unscoped().because == "AWS supports no resource-level permission for what this allows"


# --- resources


def test_an_object_that_encodes_itself_is_taken_at_its_word() -> None:
    """As troposphere does; only what is encoded as all objects are can be encoded without it."""

    def own(base: Any, encoded: Any, **properties: Any) -> Any:
        return type("Own", (base,), {"to_dict": lambda *_, **__: encoded})(**properties)

    function = own(AWSHelperFn, {"Fn::Own": "a"})
    versions = own(s3.VersioningConfiguration, {"own": [1, Ref("A")]}, Status="Enabled")
    value: Any = {"property": versions, "function": function, "list": [(function, None, 1)]}
    assert plain(value) == encode_to_dict(value)
    assert (plain(value)["function"], plain(value["list"])) == ({"Fn::Own": "a"}, [[{"Fn::Own": "a"}, None, 1]])
    assert plain(Tags(Owner="ops")) == [{"Key": "Owner", "Value": "ops"}]


def test_an_object_is_checked_before_it_is_encoded() -> None:
    with pytest.raises(ValueError, match="Bucket required"):
        plain({"deep": [s3.BucketPolicy("It", PolicyDocument={"Version": "x"})]})
    unchecked = s3.BucketPolicy("It", validation=False, PolicyDocument={"Version": "x"})
    assert plain(unchecked) == {"Type": "AWS::S3::BucketPolicy", "Properties": {"PolicyDocument": {"Version": "x"}}}


def test_a_resource_comes_with_tags_path_policies_and_words() -> None:
    shop = stack()
    shop.add(
        s3.Bucket("Files", Tags=Tags(Name="own")),
        "Holds files.",
        ["PIP-8", "RUN-1"],
        [allow("A", [do.GetObject], unscoped("S3"), "why"), allow("B", [do.GetObject], ["arn"], "because")],
    )
    common = {"Application": APPLICATION.name, "Component": "shop", "ManagedBy": "cloudformation"}
    environment = {"Key": "Environment", "Value": {"Ref": "Environment"}}
    resource = shop.resources["Files"]
    assert {tag["Key"]: tag["Value"] for tag in resource["Properties"]["Tags"] if tag != environment} == {
        **common,
        "Name": "own",
    }
    assert environment in resource["Properties"]["Tags"]
    assert {name: value for name, value in resource.items() if name != "Properties"} == {
        "Type": "AWS::S3::Bucket",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Metadata": {
            "Description": "Holds files.",
            "Requirements": ["PIP-8", "RUN-1"],
            "Reasons": {"A": "why", "B": "because"},
            "Wildcards": {"A": "S3 supports no resource-level permission for what this allows"},
        },
    }
    with pytest.raises(StackError, match=r"^shop has two resources called Files$"):
        shop.add(sns.Topic("Files"), "Another.", ["PIP-8"])


@pytest.mark.parametrize(
    ("resource", "policies"),
    [
        (codecommit.Repository("R", RepositoryName="x"), ("RetainExceptOnCreate", "Retain")),
        (s3.Bucket("R"), ("Retain", "Retain")),
        (ecs.TaskDefinition("R"), ("Delete", "Retain")),
        (sns.Topic("R"), (None, None)),
    ],
)
def test_what_stays_of_a_resource_by_its_type(resource: Any, policies: tuple[str | None, str | None]) -> None:
    shop = stack()
    shop.add(resource, "It.", ["PIP-8"])
    assert tuple(shop.resources["R"].get(name) for name in ("DeletionPolicy", "UpdateReplacePolicy")) == policies


def test_tags_in_each_form_that_a_type_has_and_none_where_it_has_none() -> None:
    shop = stack()
    budget = budgets.Budget("B", Budget=budgets.BudgetData(BudgetType="COST", TimeUnit="MONTHLY"))
    shop.add(budget, "It.", ["CST-1"])
    shop.add(ssm.Parameter("P", Type="String", Value="v"), "It.", ["PIP-8"])
    shop.add(ec2.Route("N", RouteTableId="r", DestinationCidrBlock="0.0.0.0/0", GatewayId="g"), "It.", ["PIP-8"])
    form = {
        name: value["Properties"].get("Tags", value["Properties"].get("ResourceTags"))
        for name, value in shop.resources.items()
    }
    assert (
        [tag["Key"] for tag in form["B"]] == list(form["P"]) == ["Application", "Component", "Environment", "ManagedBy"]
    )
    assert form["N"] is None


def test_a_role_has_its_boundary_its_path_and_its_policies_behind_their_conditions() -> None:
    shop = stack()
    shop.role(
        "Role",
        trust("codebuild", "builds run"),
        [allow("Read", [do.GetObject], ["arn:b"], "reads")],
        "A role.",
        ["PIP-8"],
        condition="Backend",
        optional=[
            ("Tables", [allow("See", [do.ListBucket], ["arn:t"], "sees")]),
            ("not Tables", [allow("Pass", [roles.PassRole], Anything("any"), "passes")]),
        ],
        managed=["arn:aws-policy"],
    )
    resource = shop.resources["Role"]
    properties = resource["Properties"]

    def policy(name: str, sid: str, action: str, on: str) -> dict[str, Any]:
        statement = {"Sid": sid, "Effect": "Allow", "Action": [action], "Resource": [on]}
        return {"PolicyName": name, "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}}

    nothing = {"Ref": "AWS::NoValue"}
    assert properties["Policies"] == [
        policy("Job", "Read", "s3:GetObject", "arn:b"),
        {"Fn::If": ["Tables", policy("Tables", "See", "s3:ListBucket", "arn:t"), nothing]},
        {"Fn::If": ["Tables", nothing, policy("NotTables", "Pass", "iam:PassRole", "*")]},
    ]
    assert properties["PermissionsBoundary"] == {"Ref": "PermissionsBoundaryArn"}
    assert properties["ManagedPolicyArns"] == ["arn:aws-policy"]
    assert properties["Path"] == {"Fn::Sub": f"/{APPLICATION.name}/${{Environment}}/"}
    assert properties["AssumeRolePolicyDocument"]["Statement"][0]["Sid"] == "Assume" and "RoleName" not in properties
    assert resource["Condition"] == "Backend"
    assert resource["Metadata"] == {
        "Description": "A role.",
        "Requirements": ["PIP-8"],
        "Reasons": {"Assume": "builds run", "Read": "reads", "See": "sees", "Pass": "passes"},
        "Wildcards": {"Pass": "any"},
    }
    shop.role("Bare", trust("ecs", "x"), [], "A role.", ["PIP-8"])
    bare = shop.resources["Bare"]
    assert bare["Properties"]["Policies"] == [] and "ManagedPolicyArns" not in bare["Properties"]
    assert "Condition" not in bare


def test_a_path_of_its_own_stays_and_what_has_none_gets_none() -> None:
    own = resources.Role("R", Path="/own/", AssumeRolePolicyDocument={})
    paths.apply(own, "shop")
    other = resources.ManagedPolicy("P", PolicyDocument={})
    paths.apply(other, "shop")
    assert own.Path == "/own/" and other.Path.to_dict() == {"Fn::Sub": "/shop/${Environment}/"}
    for resource in (sns.Topic("T"), resources.AccessKey("K", UserName="x")):
        paths.apply(resource, "shop")
        assert "Path" not in resource.properties
    assert paths.path("shop", "/access", "one") == "/shop/one/access/"


THING = Port("Thing", Kind.ARN, "a thing")


def test_a_child_takes_plain_texts_and_a_root_has_parameters_of_its_own() -> None:
    child = stack()
    assert child.takes(THING).to_dict() == child.takes(THING).to_dict() == {"Ref": "Thing"}
    child.gives(Port("Given", Kind.ARN, "what is given"), Ref("Thing"))
    child.when("On", switched_on(Ref("Thing"), "NONE"))
    assert body(child) == {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Conditions": {"On": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Thing"}, "NONE"]}]}},
        "Description": f"{APPLICATION.title}: a test",
        "Metadata": {"Generator": {"Module": "generator.stacks.shop"}},
        "Outputs": {"Given": {"Description": "what is given", "Value": {"Ref": "Thing"}}},
        "Parameters": {"Thing": {"Type": "String", "Description": "a thing"}},
        "Resources": {},
    }
    root = stack(is_root=True)
    root.takes(THING)
    assert root.inputs == {"Thing": THING} and "Parameters" not in body(root)


def test_what_is_only_mentioned_in_a_text_is_used() -> None:
    for use in (Ref("Thing"), Sub("a-${Thing}")):
        child = stack()
        child.takes(THING)
        child.gives(Port("Given", Kind.ARN, "x"), use)
        assert body(child)["Parameters"]
    child = stack()
    child.takes(THING)
    child.gives(Port("Given", Kind.ARN, "x"), Sub("${Things}"))
    with pytest.raises(StackError, match=r"^shop takes Thing and uses it nowhere$"):
        child.finish()


def test_one_side_or_nothing() -> None:
    nothing = {"Ref": "AWS::NoValue"}
    assert only_if("On", "x").to_dict() == {"Fn::If": ["On", "x", nothing]}
    assert only_if("not On", "x").to_dict() == {"Fn::If": ["On", nothing, "x"]}


def test_the_conditions_of_the_sides() -> None:
    child = stack()
    assert conditions.add_to(child) == ("Backend", "Frontend")
    assert (conditions.on_ecs(child), conditions.on_beanstalk(child), conditions.protected(child)) == (
        "OnEcs",
        "OnBeanstalk",
        "Protected",
    )

    def equals(name: str, value: str) -> dict[str, Any]:
        return {"Fn::Equals": [{"Ref": name}, value]}

    assert body(child)["Conditions"] == {
        "Frontend": {"Fn::Not": [equals("FrontendTarget", "NONE")]},
        "Backend": {
            "Fn::Or": [{"Fn::Not": [equals("BackendTarget", "NONE")]}, {"Fn::Not": [{"Condition": "Frontend"}]}]
        },
        "OnEcs": equals("BackendTarget", "ECS"),
        "OnBeanstalk": equals("BackendTarget", "BEANSTALK"),
        "Protected": {
            "Fn::And": [equals("DeletionProtection", "true"), {"Fn::Not": [equals("BackendBootstrap", "true")]}]
        },
    }
    template = Template()
    conditions.never_neither(template)
    assert plain(template.rules) == {
        "SomethingToDeploy": {
            "Assertions": [
                {
                    "Assert": {
                        "Fn::Not": [{"Fn::And": [equals("BackendTarget", "NONE"), equals("FrontendTarget", "NONE")]}]
                    },
                    "AssertDescription": "BackendTarget and FrontendTarget cannot both be NONE: there would be nothing "
                    "to deliver",
                }
            ]
        }
    }


# --- parameters of a root


def test_parameters_come_with_limits_groups_labels_and_tables() -> None:
    def port(name: str) -> Port:
        return Port(name, Kind.TEXT, f"the {name}")

    template = Template()
    template.set_metadata({"Generator": {"Module": "m"}})
    computed = Computed("of the registry", "none", ["Size"])
    settings = [
        Setting(port("Size"), "Network", "Size of it", "2", allowed=("1", "2"), rule="one or two", fixed="it stays"),
        Setting(port("Name"), "Names", "Its name", pattern="[a-z]+", rule="letters"),
        Setting(port("Count"), "Network", "How many", "", between=(1, 10)),
        Setting(port("Image"), "Names", "Its image", "none", pattern=".*", rule="any", computed=computed),
        Setting(port("Key"), "Names", "Its key", "", pattern=".*", rule="any", computed=Computed("of a stack", "")),
    ]
    add_to(template, iter(settings))
    refuse_unless(template, "Right", Equals(Ref("Size"), "1"), "Size must be 1")
    assert plain(template.parameters) == {
        "Size": {
            "Type": "String",
            "Description": "the Size",
            "Default": "2",
            "AllowedValues": ["1", "2"],
            "ConstraintDescription": "must be one or two",
        },
        "Name": {
            "Type": "String",
            "Description": "the Name",
            "AllowedPattern": "[a-z]+",
            "ConstraintDescription": "must be letters",
        },
        "Count": {"Type": "Number", "Description": "the Count", "Default": "", "MinValue": 1, "MaxValue": 10},
        **{
            name: {
                "Type": "String",
                "Description": f"the {name}",
                "Default": default,
                "AllowedPattern": ".*",
                "ConstraintDescription": "must be any",
            }
            for name, default in (("Image", "none"), ("Key", ""))
        },
    }
    assert template.metadata == {
        "Generator": {"Module": "m"},
        "AWS::CloudFormation::Interface": {
            "ParameterGroups": [
                {"Label": {"default": "Network"}, "Parameters": ["Size", "Count"]},
                {"Label": {"default": "Names"}, "Parameters": ["Name", "Image", "Key"]},
            ],
            "ParameterLabels": {
                "Size": {"default": "Size of it"},
                "Name": {"default": "Its name"},
                "Count": {"default": "How many"},
                "Image": {"default": "Its image"},
                "Key": {"default": "Its key"},
            },
        },
        "Computed": {
            "Image": {"Found": "of the registry", "First": "none", "Covers": ["Size"]},
            "Key": {"Found": "of a stack", "First": ""},
        },
        "Fixed": {"Size": "it stays"},
    }
    assert plain(template.rules) == {
        "Right": {
            "Assertions": [{"Assert": {"Fn::Equals": [{"Ref": "Size"}, "1"]}, "AssertDescription": "Size must be 1"}]
        }
    }
    bare = Template()
    add_to(bare, [environment_name("Names")])
    assert list(bare.metadata) == ["AWS::CloudFormation::Interface"] and list(bare.parameters) == [
        ports.ENVIRONMENT.name
    ]
