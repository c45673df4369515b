"""What is deployed, as a rehearsal reads it: the pipeline whole, and a resource as its template declares it."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from scripts.deployment.errors import RefusedError
from scripts.rehearsal.account_view import (
    Action,
    DeclaredResource,
    EntryCheck,
    Pipeline,
    Stage,
    declared_resource,
    read_pipeline,
)
from scripts.rehearsal.errors import UnsupportedError
from tests.support.rehearsal.prepared_aws import PreparedAws, aws

ARN = "arn:aws:codepipeline:us-east-1:1:site"
SOURCE = {"category": "Source", "owner": "AWS", "provider": "CodeCommit", "version": "1"}
BEANSTALK = {"category": "Deploy", "owner": "AWS", "provider": "ElasticBeanstalk", "version": "1"}
TRIGGER = {"sourceActionName": "Fetch", "push": [{"branches": {"includes": ["main"]}}]}


def check(name: str, **more: Any) -> dict[str, Any]:
    configuration = {"Variable": "#{Source.Branch}", "Operator": "NE", "Value": "none"}
    return {"name": name, "ruleTypeId": {"provider": "VariableCheck"}, "configuration": configuration, **more}


BODY: dict[str, Any] = {
    "name": "site",
    "roleArn": "arn:aws:iam::1:role/pipeline",
    "version": 4,
    "artifactStore": {"location": "store", "encryptionKey": {"id": "key", "type": "KMS"}},
    "variables": [{"name": "Size", "defaultValue": "small"}, {"name": "Colour"}],
    "triggers": [{"providerType": "CodeStarSourceConnection", "gitConfiguration": TRIGGER}],
    "stages": [
        {
            "name": "Source",
            "actions": [
                {
                    "name": "Fetch",
                    "actionTypeId": SOURCE,
                    "configuration": {"BranchName": "main"},
                    "outputArtifacts": [{"name": "Files"}, {"name": "More"}],
                    "namespace": "Source",
                }
            ],
        },
        {
            "name": "Deploy",
            "beforeEntry": {"conditions": [{"result": "SKIP", "rules": [check("First"), check("Second")]}]},
            "onFailure": {"result": "RETRY", "retryConfiguration": {"retryMode": "ALL_ACTIONS"}},
            "actions": [
                {"name": "Late", "runOrder": 2, "actionTypeId": SOURCE, "inputArtifacts": [{"name": "Files"}]},
                {"name": "Early", "runOrder": 1, "actionTypeId": BEANSTALK, "roleArn": "arn:aws:iam::1:role/own"},
            ],
        },
        {"name": "Verify", "onFailure": {"result": "ROLLBACK"}, "actions": []},
        {"name": "Again", "onFailure": {"result": "RETRY"}, "actions": []},
    ],
}
PIPELINE = Pipeline(
    name="site",
    arn=ARN,
    role="arn:aws:iam::1:role/pipeline",
    version=4,
    bucket="store",
    key="key",
    stages=(
        Stage(
            "Source",
            (Action("Source", "Fetch", 1, SOURCE, {"BranchName": "main"}, (), ("Files", "More"), "Source"),),
            "FAIL",
            False,
        ),
        Stage(
            "Deploy",
            (
                Action("Deploy", "Early", 1, BEANSTALK, {}, (), (), "", "arn:aws:iam::1:role/own"),
                Action("Deploy", "Late", 2, SOURCE, {}, ("Files",), (), ""),
            ),
            "RETRY",
            True,
            (
                EntryCheck("First", "#{Source.Branch}", "NE", "none"),
                EntryCheck("Second", "#{Source.Branch}", "NE", "none"),
            ),
        ),
        Stage("Verify", (), "ROLLBACK", False),
        Stage("Again", (), "RETRY", False),
    ),
    identity=hashlib.sha256(f"{ARN} 2026".encode()).hexdigest()[:16],
    variables={"Size": "small", "Colour": ""},
    triggers=(TRIGGER,),
)


def account(body: dict[str, Any] = BODY, *names: str) -> PreparedAws:
    return PreparedAws(
        {
            "codepipeline.list_pipelines": {"pipelines": [{"name": name} for name in names or ("site",)]},
            "codepipeline.get_pipeline": {"pipeline": body, "metadata": {"pipelineArn": ARN, "created": "2026"}},
        }
    )


@pytest.mark.parametrize("name", [None, "site"])
def test_a_pipeline_is_read_whole(name: str | None) -> None:
    fake = account()
    assert read_pipeline(aws(fake), name) == PIPELINE
    assert fake.calls == [("codepipeline.list_pipelines", {}), ("codepipeline.get_pipeline", {"name": "site"})]
    early = PIPELINE.stages[1].actions[0]
    assert (str(early), early.provider) == ("Deploy/Early", "ElasticBeanstalk")


def test_what_a_pipeline_leaves_out_is_empty() -> None:
    body = {name: BODY[name] for name in ("name", "roleArn", "version")}
    bare = read_pipeline(aws(account({**body, "artifactStore": {"location": "store"}, "stages": []})))
    assert (bare.key, bare.stages, bare.variables, bare.triggers) == ("", (), {}, ())


@pytest.mark.parametrize(
    ("names", "name", "problem", "remedy"),
    [
        (["b", "a"], None, "There are several pipelines: choose with --pipeline.", "There are: a, b."),
        (["b", "a"], "c", "There is no pipeline c.", "There are: a, b."),
        (["a"], "c", "There is no pipeline c.", "There are: a."),
        ([], None, "There is no pipeline to rehearse.", "`make deploy` creates an environment with one."),
        ([], "c", "There is no pipeline to rehearse.", "`make deploy` creates an environment with one."),
    ],
)
def test_without_a_clear_pipeline_nothing_is_rehearsed(
    names: list[str], name: str | None, problem: str, remedy: str
) -> None:
    fake = PreparedAws({"codepipeline.list_pipelines": {"pipelines": [{"name": each} for each in names]}})
    with pytest.raises(RefusedError) as refused:
        read_pipeline(aws(fake), name)
    assert (refused.value.reason, refused.value.remedy) == (problem, remedy)


def test_a_pipeline_in_several_regions_is_refused() -> None:
    body = {key: value for key, value in BODY.items() if key != "artifactStore"}
    with pytest.raises(UnsupportedError) as refused:
        read_pipeline(aws(account(body)))
    assert str(refused.value) == "site has an artifact store for each Region, only one is simulated"


def stage(**more: Any) -> dict[str, Any]:
    return {**BODY, "stages": [{"name": "S", "actions": [], **more}]}


def entry(result: str | None, *rules: dict[str, Any]) -> dict[str, Any]:
    return {"conditions": [{**({"result": result} if result else {}), "rules": list(rules)}]}


def with_action(**more: Any) -> dict[str, Any]:
    return stage(actions=[{"name": "A", "actionTypeId": SOURCE, **more}])


LAMBDA = check("R", ruleTypeId={"provider": "LambdaInvoke"})
OWN_ROLE = "S/A has a role of its own or commands, which a rehearsal does not simulate"


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (stage(onSuccess={}, other=1), "stage S has onSuccess, other, which a rehearsal does not simulate"),
        (
            stage(onSuccess={}, onFailure={"conditions": []}),
            "stage S has onSuccess, onFailure.conditions, which a rehearsal does not simulate",
        ),
        (
            stage(onFailure={"result": "SKIP"}),
            "stage S ends with SKIP on failure, only ROLLBACK, RETRY, FAIL are simulated",
        ),
        (
            stage(beforeEntry=entry("FAIL", check("R"))),
            "stage S has the entry rule R: FAIL by VariableCheck is not simulated, SKIP by VariableCheck is",
        ),
        (
            stage(beforeEntry=entry(None, check("R"))),
            "stage S has the entry rule R: None by VariableCheck is not simulated, SKIP by VariableCheck is",
        ),
        (
            stage(beforeEntry=entry("SKIP", LAMBDA)),
            "stage S has the entry rule R: SKIP by LambdaInvoke is not simulated, SKIP by VariableCheck is",
        ),
        (with_action(roleArn="arn:aws:iam::1:role/own"), OWN_ROLE),
        (with_action(commands=["ls"]), OWN_ROLE),
        (with_action(actionTypeId=BEANSTALK, commands=["ls"]), OWN_ROLE),
    ],
)
def test_what_a_rehearsal_does_not_simulate_is_refused_by_its_name(body: dict[str, Any], problem: str) -> None:
    with pytest.raises(UnsupportedError) as refused:
        read_pipeline(aws(account(body)))
    assert str(refused.value) == problem


@pytest.mark.parametrize("result", ["ROLLBACK", "RETRY", "FAIL"])
def test_what_a_stage_does_on_failure(result: str) -> None:
    read = read_pipeline(aws(account(stage(onFailure={"result": result, "retryConfiguration": {}}, blockers=[]))))
    assert read.stages == (Stage("S", (), result, False),)


@pytest.mark.parametrize(
    ("operator", "value", "passes"),
    [
        ("EQ", "abc", True),
        ("EQ", "ab", False),
        ("NE", "abc", False),
        ("NE", "ab", True),
        ("CONTAINS", "bc", True),
        ("CONTAINS", "bd", False),
        ("CONTAINS", "abcd", False),
    ],
)
def test_an_entry_check_compares_a_variable(operator: str, value: str, passes: bool) -> None:
    assert EntryCheck("Same", "x", operator, value).passes("abc") is passes


def test_an_operator_that_is_not_simulated_is_refused() -> None:
    with pytest.raises(UnsupportedError) as refused:
        EntryCheck("Same", "x", "MATCHES", "a+").passes("aa")
    assert str(refused.value) == "rule Same: MATCHES is not simulated, EQ, NE and CONTAINS are"


TEMPLATE = {
    "Parameters": {"Size": {"Type": "String", "Default": "small"}, "Hidden": {"Type": "String"}},
    "Conditions": {"Large": {"Fn::Equals": [{"Ref": "Size"}, "large"]}},
    "Resources": {
        "Thing": {
            "Type": "AWS::SSM::Parameter",
            "Properties": {
                "Origin": {"Fn::If": ["Large", {"Id": "a", "Name": "big"}, {"Id": "b", "Name": "little"}]},
                "More": [{"Id": "c"}, {"Id": "d", "Name": "x", "Else": 1}],
            },
        }
    },
}


@pytest.mark.parametrize("as_text", [True, False])
@pytest.mark.parametrize(("size", "name"), [("large", "big"), ("small", "little")])
def test_a_resource_is_declared_with_the_conditions_of_its_stack(as_text: bool, size: str, name: str) -> None:
    """The API answers a template as text, and moto as an object."""
    parameters = [{"ParameterKey": "Size", "ParameterValue": size}, {"ParameterKey": "Hidden"}]
    fake = PreparedAws(
        {
            "cloudformation.describe_stack_resources": {
                "StackResources": [{"StackName": "stack", "LogicalResourceId": "Thing"}]
            },
            "cloudformation.get_template": {"TemplateBody": json.dumps(TEMPLATE) if as_text else TEMPLATE},
            "cloudformation.describe_stacks": {"Stacks": [{"Parameters": parameters}]},
        }
    )
    resource = declared_resource(aws(fake), "physical")
    assert fake.calls == [
        ("cloudformation.describe_stack_resources", {"PhysicalResourceId": "physical"}),
        ("cloudformation.get_template", {"StackName": "stack"}),
        ("cloudformation.describe_stacks", {"StackName": "stack"}),
    ]
    origin = {"Id": "a" if size == "large" else "b", "Name": name}
    assert resource.stack == "stack"
    assert resource.properties == {"Origin": origin, "More": [{"Id": "c"}, {"Id": "d", "Name": "x", "Else": 1}]}
    assert list(resource.objects_with("Id", "Name")) == [origin, {"Id": "d", "Name": "x", "Else": 1}]
    assert list(resource.objects_with("Else")) == [{"Id": "d", "Name": "x", "Else": 1}]
    assert list(resource.objects_with("Nothing")) == []


def test_what_no_stack_made_declares_nothing() -> None:
    fake = PreparedAws({"cloudformation.describe_stack_resources": {"StackResources": []}})
    assert declared_resource(aws(fake), "physical") == DeclaredResource(aws(fake), "", {})


@pytest.mark.parametrize(
    ("value", "name"),
    [({"Ref": "Thing"}, "Thing"), ({"Fn::GetAtt": ["Other", "Arn"]}, "Other"), ("plain", None), (3, None)],
)
def test_a_reference_is_resolved_to_a_physical_id(value: Any, name: str | None) -> None:
    fake = PreparedAws(
        {"cloudformation.describe_stack_resource": {"StackResourceDetail": {"PhysicalResourceId": "physical"}}}
    )
    assert DeclaredResource(aws(fake), "stack", {}).resolve(value) == ("physical" if name else str(value))
    call = ("cloudformation.describe_stack_resource", {"StackName": "stack", "LogicalResourceId": name})
    assert fake.calls == ([call] if name else [])
