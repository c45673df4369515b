"""Access: who may become which role, and what the roles of people and CI may do."""

import ast
import re
from collections.abc import Iterator
from functools import cache

import botocore.session
import pytest
from botocore import xform_name

from generator.cfn.assertions import broken
from generator.cfn.broadening import covers
from generator.cfn.intrinsics import render
from generator.cfn.names import ACCESS_ROOTS
from generator.cfn.permissions import of
from generator.cfn.templates import TemplateSet
from scripts.deployment import stacks
from scripts.local_aws.roles.calls import OF_OBJECTS, RESOURCES
from scripts.operations.preflight.source import NAMED
from tests.support.design import (
    ROOT,
    allowed,
    arn,
    attribute,
    binds_whom_the_parameters_name,
    declaration,
    grants,
    matches,
)
from tests.support.sources import nodes

# IAM's name of what botocore calls otherwise (Service Authorization Reference, Amazon S3: "Actions").
S3_ACTIONS = {
    "head_object": "s3:GetObject",
    "list_objects_v2": "s3:ListBucket",
    "put_bucket_encryption": "s3:PutEncryptionConfiguration",
    "put_public_access_block": "s3:PutBucketPublicAccessBlock",
}
# IAM's prefix of a service that botocore calls otherwise.
PREFIXES = {"elbv2": "elasticloadbalancing", "sesv2": "ses", "service-quotas": "servicequotas"}
# No permission is needed for it (AWS STS API reference, GetCallerIdentity).
FREE = {("sts", "get_caller_identity")}
# What the deploy role may do beside its calls, and which of them needs it.
IMPLIED = {
    "codestar-connections:GetConnection": "GetConnection of a connection with the older prefix",
    "cloudformation:TagResource": "CreateChangeSet with tags",
    "iam:PassRole": "CreateChangeSet with a RoleARN",
    "kms:Decrypt": "PutSecretValue of a secret under a key of ours",
    "kms:GenerateDataKey": "PutSecretValue of a secret under a key of ours",
}
# What an administrator does once, by `access`: the packaging bucket holds the templates of all environments, and who
# could configure it could give somebody the right to change another environment's.
PREPARED = {
    "s3:CreateBucket",
    "s3:PutBucketPolicy",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutBucketVersioning",
    "s3:PutEncryptionConfiguration",
}
# What is not done as the deploy role, and why: its calls need permissions that the role lacks on purpose.
ELSEWHERE = {
    "drift.py": "comparing needs the right to read every resource (user guide, Detect drift on a stack)",
    "emptying.py": "it deletes data",
    "importing.py": "it is done once, with the application's migration",
    "migration.py": "whoever migrates pushes, and whoever deploys does not",
    "as_roles.py": "it is for the local AWS; on a real account a person signs in as the role",
    "approvals.py": "the rule belongs to the repository, which all environments share",
}
CALLING = ("call", "pages")
# Calls that are named elsewhere: the method itself, and the rows of `NAMED`.
BY_NAME = {
    ("aws.py", "self.call(service, operation, **arguments)"),
    ("credentials.py", "super().call(service, operation, **arguments)"),
    ("source.py", "survey.aws.call(service, operation, **{argument: name})"),
}
ACCOUNT = "arn:${AWS::Partition}:iam::${AWS::AccountId}"
PIPELINES = ("cloud-health-dashboard-pipeline", "cloud-health-dashboard-pipeline-${Environment}")


SESSION = botocore.session.get_session()


@cache
def operations(service: str) -> dict[str, str]:
    model = SESSION.get_service_model(service)
    return {xform_name(name): name for name in model.operation_names}


@cache
def calls() -> frozenset[tuple[str, str]]:
    """Every call of the deploy script, as service and operation."""
    return frozenset([*((row[1], row[2]) for row in NAMED.values()), *_written_calls()])


def _written_calls() -> Iterator[tuple[str, str]]:
    folders = (ROOT / "scripts/deployment", ROOT / "scripts/operations")
    files = [file for folder in folders for file in sorted(folder.rglob("*.py"))]
    for file in (file for file in files if file.name not in ELSEWHERE):
        source = file.read_text(encoding="utf-8")
        if not any(name in source for name in CALLING):
            continue
        for node in map(called, nodes(ast.parse(source))):
            if node and (file.name, ast.unparse(node)) not in BY_NAME:
                names = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
                assert len(names) == 2, f"{file.name}:{node.lineno}: name service and operation where AWS is called"
                yield str(names[0]), str(names[1])


def called(node: ast.AST) -> ast.Call | None:
    """The node, when it is a call of AWS."""
    door = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CALLING
    return node if door and isinstance(node, ast.Call) else None


def needed(service: str, operation: str) -> str:
    """The IAM action that a call needs. Fails for what botocore does not know."""
    return S3_ACTIONS.get(operation) or f"{PREFIXES.get(service, service)}:{operations(service)[operation]}"


def test_the_deploy_script_may_do_what_it_calls(templates: TemplateSet) -> None:
    may = allowed(templates, "access.DeployRole")
    expected = {call: needed(*call) for call in calls() - FREE}
    assert len(expected) > 50 and set(expected.values()) >= PREPARED and not PREPARED & may.keys()
    expected = {call: action for call, action in expected.items() if action not in PREPARED}
    assert {item: action for item, action in expected.items() if action not in may} == {}
    # And nothing else.
    assert sorted(may.keys() - set(expected.values())) == sorted(IMPLIED)


def judged_on(service: str, operation: str) -> str:
    """What IAM judges a call on, as the local AWS asks it, `*` for each part that the call's arguments give; empty
    where an argument is the whole ARN."""
    name = f"{service}.{operations(service)[operation]}"
    action = needed(service, operation).partition(":")[2]
    if service == "s3":
        form = "s3:::*/*" if action in OF_OBJECTS else "s3:::*"
    elif service == "cloudformation":
        form = "*" if action == "ListStacks" else "cloudformation:*:*:stack/*/*"
    elif service == "iam":
        form = RESOURCES.get(name, "iam::*:role/*")
    else:
        form = RESOURCES.get(name, "*")
    if form == "*" or re.fullmatch(r"\{\w+\}", form):
        return "*" if form == "*" else ""
    return "arn:*:" + re.sub(r"\{\w+\}", "*", form)


def allows(on: set[str], form: str) -> bool:
    """Whether one of the resources that a permission is on may be one of a form."""
    patterns = {re.sub(r"\$\{[^}]*\}", "*", each) for each in on}
    return any(pattern == form or covers(pattern, form) or covers(form, pattern) for pattern in patterns)


@pytest.mark.parametrize("call", sorted(call for call in calls() - FREE if needed(*call) not in PREPARED), ids=".".join)
def test_each_call_is_allowed_on_what_it_names(templates: TemplateSet, call: tuple[str, str]) -> None:
    """The action alone is not enough: IAM judges it on a resource of the form that the reference gives."""
    on, form = allowed(templates, "access.DeployRole")[needed(*call)], judged_on(*call)
    fits = "*" in on if form == "*" else not form or allows(on, form)
    assert fits, f"IAM judges it on {form or 'an argument'}: {sorted(on)}"


@pytest.mark.parametrize(
    ("call", "wrong"),
    [
        (("codepipeline", "rollback_stage"), arn("codepipeline", "cloud-health-dashboard-pipeline")),
        (("s3", "put_object"), "arn:${AWS::Partition}:s3:::cloud-health-dashboard-templates"),
        (("ecs", "update_service"), arn("ecs", "cluster/cloud-health-cluster")),
        (("cloudformation", "execute_change_set"), arn("cloudformation", "changeSet/deploy-*/*")),
    ],
)
def test_an_action_on_another_kind_of_resource_is_found(call: tuple[str, str], wrong: str) -> None:
    form = judged_on(*call)
    assert form and not allows({wrong}, form)


def test_deploy_role(templates: TemplateSet) -> None:
    """Stacks of this environment, the packaging bucket, and its own access stack and what all share to read only."""
    may = allowed(templates, "access.DeployRole")
    name = "stack/cloud-health-dashboard"
    own = {
        arn("cloudformation", f"{name}-${{Environment}}/*"),
        arn("cloudformation", f"{name}-${{Environment}}-*-*/*"),
        arn("cloudformation", f"{name}-${{Environment}}-edge/*").replace("${AWS::Region}", "us-east-1"),
    }
    for action in ("CreateChangeSet", "DeleteStack"):
        assert may[f"cloudformation:{action}"] == own
    # A change set that is named by its ARN is judged by that, and nested ones have no other name.
    plans = {
        arn("cloudformation", f"changeSet/{prefix}${{Environment}}-*/*").replace("${AWS::Region}", region)
        for prefix in (stacks.OURS, stacks.SAVED)
        for region in ("${AWS::Region}", "us-east-1")
    }
    for action in ("DeleteChangeSet", "DescribeChangeSet", "DescribeChangeSetHooks", "DescribeEvents", "GetTemplate"):
        assert may[f"cloudformation:{action}"] >= {*own, *plans}, action
    assert may["cloudformation:ExecuteChangeSet"] == {*own, *plans}
    read = {arn("cloudformation", f"{name}-{root}/*") for root in ("${Environment}-access", "shared", "shared-access")}
    read.add(arn("cloudformation", f"{name}-shared-Signing-*/*"))
    assert may["cloudformation:DescribeStacks"] == {*own, *read}
    bucket = "arn:${AWS::Partition}:s3:::cloud-health-dashboard-templates-${AWS::AccountId}-"
    own_objects, record = "templates/${Environment}/*", "deployments/cloud-health-dashboard-${Environment}"
    objects = {f"${{AWS::Region}}/{key}" for key in (own_objects, f"{record}/*")}
    objects |= {f"us-east-1/{key}" for key in (own_objects, f"{record}-edge/*")}
    assert may["s3:PutObject"] == may["s3:GetObject"] == {f"{bucket}{each}" for each in objects}
    executing = {on for on in allowed(templates, "access.ExecutionRole")["s3:GetObject"] if "-templates-" in on}
    assert executing == {f"{bucket}*/{own_objects}"}
    assert templates["access"].outputs["DeployRoleArn"]["Value"] == attribute("DeployRole")


def test_whoever_writes_a_secret_may_use_its_key(templates: TemplateSet) -> None:
    """PutSecretValue under a key of ours encrypts with the caller's rights (Secrets Manager user guide,
    security-encryption)."""
    writing = grants(templates, "access.DeployRole")["EncryptSecrets"]
    assert writing.actions == ("kms:Decrypt", "kms:GenerateDataKey")
    conditions = {condition.key: condition.values for condition in writing.conditions}
    assert conditions["kms:ViaService"] == ("secretsmanager.${AWS::Region}.amazonaws.com",)
    assert conditions["aws:ResourceTag/Environment"] == ("${Environment}",)


def test_the_deploy_role_can_destroy(templates: TemplateSet) -> None:
    """Production is destroyed as its deploy role too: what comes to rest first, and what CloudFront leaves behind."""
    may = allowed(templates, "access.DeployRole")
    assert may["events:DisableRule"] == {arn("events", "rule/cloud-health-dashboard-*")}
    assert may["codepipeline:StopPipelineExecution"] == {arn("codepipeline", name) for name in PIPELINES}
    assert {arn("ssm", "parameter/cloud-health/release/${Environment}/*")} <= may["ssm:DeleteParameters"]
    [tag] = grants(templates, "access.DeployRole")["RemoveOriginGroup"].conditions
    assert (tag.key, tag.values) == ("aws:ResourceTag/aws.cloudfront.vpcorigin", ("enabled",))
    # Data is not among it.
    assert not {"s3:DeleteObject", "s3:DeleteBucket", "ecr:BatchDeleteImage", "ecr:DeleteRepository"} & may.keys()


def test_who_may_deploy_and_approve(templates: TemplateSet) -> None:
    """With MFA within the hour, by a permission set, and for deploying by a CI role; all of it behind a parameter."""
    for role, who, ways in (("DeployRole", "Deploy", 3), ("ApproverRole", "Approver", 2)):
        by_name = {sid: grant for sid, grant in grants(templates, f"access.{role}").items() if grant.kind == "trust"}
        assert len(by_name) == ways
        for sid, users in (("AssumeWithMfa", "Users"), ("AssumeWithPermissionSet", "PermissionSet")):
            assert by_name[sid].when == (f"Has{who}{users}",)
            assert by_name[sid].principals == (f"AWS:{ACCOUNT}:root",)
        conditions = {
            (condition.operator, condition.key, condition.values) for condition in by_name["AssumeWithMfa"].conditions
        }
        assert conditions == {
            ("Bool", "aws:MultiFactorAuthPresent", ("true",)),
            ("NumericLessThan", "aws:MultiFactorAuthAge", ("3600",)),
            ("ArnLike", "aws:PrincipalArn", (f"{ACCOUNT}:user/${{{who}Users}}",)),
        }
        # The path holds the region of the Identity Center, or none in us-east-1.
        path = f"{ACCOUNT}:role/aws-reserved/sso.amazonaws.com*/AWSReservedSSO_${{{who}PermissionSet}}_*"
        [named] = by_name["AssumeWithPermissionSet"].conditions
        assert (named.operator, named.key, named.values) == ("ArnLike", "aws:PrincipalArn", (path,))
    ci = grants(templates, "access.DeployRole")["AssumeByCi"]
    assert (ci.when, ci.conditions[0].values) == (("HasDeployCiRole",), (f"{ACCOUNT}:role/${{DeployCiRole}}",))


@pytest.mark.parametrize(
    ("provided", "rule"),
    [
        ({}, ""),
        ({"DeveloperGroups": ""}, "ProtectionBindsSomebody"),
        ({"DeveloperGroups": "", "Environment": "staging"}, ""),
        ({"Environment": "production", "DeployCiRole": "ci"}, "ProductionIsDeployedByPeople"),
        ({"Environment": "staging", "DeployCiRole": "ci"}, ""),
        ({"DeployUsers": ""}, "SomebodyMayDeploy"),
        ({"DeployUsers": "", "DeployPermissionSet": "Deployers"}, ""),
        ({"ApproverUsers": ""}, "SomebodyMayApprove"),
        ({"ApproverUsers": "", "ApproverPermissionSet": "Approvers"}, ""),
        ({"ApproverUsers": "*", "DeployUsers": "deployers/*"}, "ApproversOfProductionAreNamed"),
        ({"ApproverUsers": "*", "Environment": "staging"}, ""),
        ({"DeployUsers": "approvers/*"}, "NobodyApprovesHisOwnRelease"),
        ({"DeployPermissionSet": "One", "ApproverPermissionSet": "One"}, "NobodyApprovesHisOwnRelease"),
        ({"DeployPermissionSet": "One", "ApproverPermissionSet": "Other"}, ""),
    ],
)
def test_access_that_makes_no_sense_is_refused(templates: TemplateSet, provided: dict[str, str], rule: str) -> None:
    root = templates["access"]
    values = {name: str(item.get("Default", "")) for name, item in root.parameters.items()}
    named = {"DeveloperGroups": "developers", "ApproverUsers": "approvers/*"}
    values |= {"Environment": "production", **named, **provided}
    broken_rules = broken(root.body, values)
    assert [broken_rule.rule for broken_rule in broken_rules] == ([rule] if rule else [])


def test_everybody_has_one_name(templates: TemplateSet) -> None:
    """So that the rule about who approves production is not gone around by another pattern that fits all."""
    declared = declaration(templates, "ApproverUsers", "access")
    assert all(matches(declared, text) for text in ("*", "", "approvers/*", "ann", "*-approver"))
    assert not any(matches(declared, text) for text in ("**", "?*", "*/*", "***", "/*"))


@pytest.mark.parametrize("root", ["environment", "access", "edge"])
def test_one_environments_permissions_are_no_others(templates: TemplateSet, root: str) -> None:
    """Patterns end in `ENVIRONMENT-*`, which a dash in another name would meet; two words are part of other names."""
    declared = declaration(templates, "Environment", root)
    assert all(matches(declared, name) for name in ("staging", "eu2", "production", "x1"))
    assert not any(matches(declared, name) for name in ("eu-2", "eu-", "shared", "templates", "x", "2eu", "a" * 17))


def test_who_deploys_what_is_shared_has_a_second_factor_and_no_right_on_iam(templates: TemplateSet) -> None:
    """Whoever could write a policy that is attached to people would decide what they may do: the protection of the
    branch is no part of what is deployed so, and neither is a way in for CI."""
    root = templates["shared-access"]
    assert "DeployCiRole" not in root.parameters
    trust = [grant for grant in grants(templates, "shared-access.DeployRole").values() if grant.kind == "trust"]
    assert {grant.sid for grant in trust} == {"AssumeWithMfa", "AssumeWithPermissionSet"}
    assert {condition.key for grant in trust for condition in grant.conditions} >= {"aws:MultiFactorAuthPresent"}
    execution = grants(templates, "shared-access.ExecutionRole").values()
    services = {action.partition(":")[0] for grant in execution if grant.kind != "trust" for action in grant.actions}
    assert services == {"codecommit", "cloudformation", "s3", "signer", "ecr", "iam"}
    assert {action for grant in execution if grant.kind != "trust" for action in grant.actions if "iam:" in action} == {
        "iam:PassRole"
    }
    may = allowed(templates, "shared-access.DeployRole")
    writing = {name for name in may if name.startswith("iam:")} - {
        "iam:GetRole",
        "iam:ListEntitiesForPolicy",
        "iam:SimulatePrincipalPolicy",
    }
    assert writing == {"iam:PassRole"}
    assert {
        str(resource.type) for name in ("shared", "signing") for resource in templates[name].resources.values()
    } == {
        "AWS::CodeCommit::Repository",
        "AWS::CloudFormation::Stack",
        "AWS::ECR::SigningConfiguration",
        "AWS::Signer::SigningProfile",
    }


def test_the_rule_of_approvals_is_kept_by_who_deploys_what_is_shared(templates: TemplateSet) -> None:
    """The one file of the script that an environment's deploy role has no right for."""
    file = ROOT / "scripts/operations/releases/approvals.py"
    nodes = filter(None, map(called, ast.walk(ast.parse(file.read_text(encoding="utf-8")))))
    names = [[str(arg.value) for arg in node.args if isinstance(arg, ast.Constant)] for node in nodes]
    assert len(names) > 4
    assert {needed(*each) for each in names} <= allowed(templates, "shared-access.DeployRole").keys()


def test_approver_role(templates: TemplateSet) -> None:
    """The one action that waits for a person, and sight of its pipeline."""
    [stage] = [stage for stage in templates.resource("pipeline.Pipeline").get("Stages") if "Approve" in render(stage)]
    assert "ApproveRelease" in render(stage)
    may = allowed(templates, "access.ApproverRole")
    pipelines = {arn("codepipeline", name) for name in PIPELINES}
    assert may.pop("codepipeline:PutApprovalResult") == {f"{pipeline}/Approve/ApproveRelease" for pipeline in pipelines}
    assert may.pop("codepipeline:ListPipelines") == {"*"}
    # The plan that the question names is the output of a build.
    [group] = may.pop("logs:GetLogEvents")
    assert "-${Environment}-Build-*-ChangesLogs-*:" in group
    projects = {arn("codebuild", f"project/cloud-health-changes{suffix}") for suffix in ("", "-${Environment}")}
    for action in ("BatchGetBuilds", "BatchGetProjects", "ListBuildsForProject"):
        assert may.pop(f"codebuild:{action}") == projects
    assert may.keys() == {
        f"codepipeline:{action}"
        for action in (
            "GetPipeline",
            "GetPipelineExecution",
            "GetPipelineState",
            "ListActionExecutions",
            "ListPipelineExecutions",
        )
    }
    assert {item for on in may.values() for item in on} == pipelines


def test_approval_protection(templates: TemplateSet) -> None:
    """What everybody else is kept from, by a policy that is attached to whom the parameters name: the approval itself,
    the role for it, and the ways around it."""
    stated = list(of(templates.resource("access.ApprovalProtection")))
    assert {permission.effect for permission in stated} == {"Deny"}
    stages = [permission for permission in stated if permission.sid == "LeaveReleasesToApprovers"]
    assert all({"codepipeline:PutApprovalResult", "codepipeline:RollbackStage"} < set(each.actions) for each in stages)
    assert {on for each in stages for on in each.resources} == {arn("codepipeline", f"{name}/*") for name in PIPELINES}
    [becoming] = [permission for permission in stated if permission.sid == "BecomeNoApprover"]
    assert (becoming.actions, becoming.resources) == (("sts:AssumeRole",), ("${ApproverRole.Arn}",))
    denied = {action for permission in stated for action in permission.actions}
    around = {
        "codepipeline": {"UpdatePipeline", "StartPipelineExecution", "DeletePipeline"},
        "codebuild": {"StartBuild", "StartBuildBatch", "StartSandbox", "UpdateProject"},
        "cloudformation": {"CreateChangeSet", "ExecuteChangeSet", "UpdateStack"},
        "s3": {"PutObject", "DeleteObjectVersion"},
        "iam": {"PassRole"},
        "ecs": {"UpdateService", "RunTask", "ExecuteCommand"},
        "elasticbeanstalk": {"UpdateEnvironment", "CreateApplicationVersion"},
    }
    assert {f"{service}:{word}" for service, words in around.items() for word in words} < denied
    by_tag = [permission for permission in stated if permission.resources == ("*",)]
    assert {permission.sid for permission in by_tag} == {"LeaveWhatIsTagged"} and all(
        each.conditions for each in by_tag
    )
    assert all("${" in on for permission in stated if permission not in by_tag for on in permission.resources)
    binds_whom_the_parameters_name(templates, "access.ApprovalProtection", "production")


def test_the_roles_of_an_environment_lie_apart(templates: TemplateSet) -> None:
    """By their path: nothing that an environment makes lies where the roles lie that deploy it."""
    paths = {
        resource.address: render(resource.get("Path"))
        for resource in templates.resources()
        if resource.type.startswith("AWS::IAM::")
    }
    assert len(paths) > 12
    for address, path in paths.items():
        beside = "-access" if address.partition(".")[0] in ACCESS_ROOTS else ""
        assert path == f"/cloud-health-dashboard/${{Environment}}{beside}/", address
