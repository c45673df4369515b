"""Parameter files: what is read, what is refused and with which words, and that no secret is ever repeated.

Long because every refusal has its own example.
"""

import base64
import copy
import json
import random
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.cfn.assertions import NotEvaluableError
from generator.cfn.parameters import ParameterFile, ParameterFileError, Problem, check, effective, parse, read, secret

OWN_TAGS = ("Application", "Environment", "Component", "ManagedBy")
TEMPLATE: dict[str, Any] = {
    "Metadata": {"Computed": {"BackendImage": {"Found": "the running task definition", "First": "none"}}},
    "Parameters": {
        "Environment": {"Type": "String", "Description": "Which one.", "AllowedValues": ["staging", "production"]},
        "NatCount": {"Type": "Number", "Default": 1, "MinValue": 1, "MaxValue": 2},
        "Domain": {
            "Type": "String",
            "Default": "",
            "AllowedPattern": "|[a-z0-9.-]+",
            "ConstraintDescription": "must be a host",
        },
        "CertificateArn": {"Type": "String", "Default": ""},
        "AlarmEmail": {"Type": "String", "Default": "", "MaxLength": 64},
        "BlockTests": {"Type": "String", "Default": "true", "AllowedValues": ["true", "false"]},
        "SecretArn": {"Type": "String", "Default": ""},
        "TokenMinutes": {"Type": "Number", "Default": "30"},
        "Branches": {"Type": "CommaDelimitedList", "Default": "main"},
        "BackendImage": {"Type": "String"},
    },
    "Rules": {
        "Tls": {
            "RuleCondition": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Domain"}, ""]}]},
            "Assertions": [
                {
                    "Assert": {"Fn::Not": [{"Fn::Equals": [{"Ref": "CertificateArn"}, ""]}]},
                    "AssertDescription": "A domain needs a certificate.",
                }
            ],
        }
    },
    "Resources": {"Storage": {"Type": "AWS::CloudFormation::Stack"}, "Data": {"Type": "AWS::CloudFormation::Stack"}},
}
CERTIFICATE = "arn:aws:acm:us-east-1:210987654321:certificate/3f1c2a4e-9b7d-4c55-8a10-0d9e8f7a6b5c"
ALLOW_ALL = {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}


def parameter_file(parameters: object = None, tags: object = None, policy: object = None) -> ParameterFile:
    given_parameters = {"Environment": "staging"} if parameters is None else parameters
    content = {"Parameters": given_parameters, "Tags": tags or {}, "StackPolicy": policy or {}}
    return ParameterFile("params/staging.json", *content.values())  # type: ignore[arg-type]


def problems(parameters: object = None, tags: object = None, policy: object = None) -> list[Problem]:
    return check(parameter_file(parameters, tags, policy), TEMPLATE, OWN_TAGS)


def of(name: str, value: object) -> list[Problem]:
    return problems({"Environment": "staging", name: value})


def only_problem(result: list[Problem], key: str) -> Problem:
    [problem] = result
    assert problem.key == key
    assert str(problem).startswith(f"params/staging.json: {key.removeprefix('Parameters.')}")
    assert "\n" not in str(problem)
    return problem


# --- reading


def written(folder: Path, content: str) -> Path:
    path = folder / "staging.json"
    path.write_text(content, encoding="utf-8")
    return path


def test_a_file_is_read_as_it_stands(tmp_path: Path) -> None:
    path = written(tmp_path, '{"Parameters": {"NatCount": "2"}, "Tags": {"Owner": "ops"}}')
    file = read(path)
    assert (file.path, file.parameters, file.tags, file.stack_policy) == (
        str(path),
        {"NatCount": "2"},
        {"Owner": "ops"},
        {},
    )


@pytest.mark.parametrize(
    ("content", "line", "why"),
    [
        ('{"Parameters": {\n  "A": "b"\n  "C": "d"}}', 3, "is not JSON"),
        ("", 1, "is not JSON"),
        ("[]", None, "must be one object with Parameters, Tags, StackPolicy"),
        ('{"Paramters": {}}', None, 'there is no section "Paramters"; valid: Parameters'),
        ('{"tags": {}}', None, 'there is no section "tags"; valid: Tags'),
        ('{"Zebra": {}}', None, "valid: Parameters, Tags, StackPolicy"),
        ('{"Tags": []}', None, "the section Tags must be an object"),
        ('{"Parameters": {"A": "1", "A": "2"}}', None, 'the key "A" is twice'),
        ('{"Tags": {}, "Tags": {}}', None, 'the key "Tags" is twice'),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path: Path, content: str, line: int | None, why: str) -> None:
    path = written(tmp_path, content)
    with pytest.raises(ParameterFileError) as caught:
        read(path)
    assert caught.value.line == line
    assert str(caught.value).startswith(f"{path}:{line}: " if line else f"{path}: ")
    assert why in str(caught.value)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParameterFileError, match="cannot be read as UTF-8 text"):
        read(tmp_path / "missing.json")
    (tmp_path / "latin.json").write_bytes(b'{"Tags": {"Owner": "M\xfcller"}}')
    with pytest.raises(ParameterFileError, match="cannot be read as UTF-8 text"):
        read(tmp_path / "latin.json")


# --- parameters


def test_a_right_file_has_no_problem() -> None:
    parameters = {
        "Environment": "production",
        "NatCount": "2",
        "Domain": "health.cloud-health.io",
        "CertificateArn": CERTIFICATE,
        "AlarmEmail": "ops@cloud-health.io",
        "SecretArn": "arn:aws:secretsmanager:us-east-1:210987654321:secret:jwt-AbCdEf",
        "TokenMinutes": "60",
        "Branches": "main, develop",
    }
    policy = {"Statement": [ALLOW_ALL, {**ALLOW_ALL, "Effect": "Deny", "Resource": ["LogicalResourceId/Da*"]}]}
    assert problems(parameters, {"CostCenter": "4711", "Owner": "Müller & Co".replace("&", "+")}, policy) == []


def test_an_unknown_parameter_is_named_with_the_nearest_one() -> None:
    problem = only_problem(of("NatCont", "1"), "Parameters.NatCont")
    assert problem.choices == ("NatCount",)
    assert str(problem) == "params/staging.json: NatCont: the template has no such parameter. Valid: NatCount."
    assert only_problem(of("Zzz", "1"), "Parameters.Zzz").choices == tuple(
        sorted(TEMPLATE["Parameters"].keys() - {"BackendImage"})
    )


def test_a_missing_parameter_is_named_with_its_description_and_choices() -> None:
    problem = only_problem(problems({}), "Parameters.Environment")
    assert problem.message == "is missing and has no default (Which one.)"
    assert problem.choices == ("staging", "production")


def test_a_computed_parameter_may_not_stand_in_a_file() -> None:
    problem = only_problem(of("BackendImage", "registry/image:1"), "Parameters.BackendImage")
    assert problem.message == "is found at deploy time (the running task definition): remove it from the file"


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (2, 'write "2"'),
        (2.5, 'write "2.5"'),
        (True, 'write "true"'),
        (["1"], "commas"),
        ({}, "an object is none"),
        (None, "remove it for no value"),
    ],
)
def test_values_are_strings(value: object, why: str) -> None:
    problem = only_problem(of("NatCount", value), "Parameters.NatCount")
    assert "must be a string in quotes" in problem.message
    assert why in problem.message


@pytest.mark.parametrize(
    ("name", "value", "why", "choices"),
    [
        ("Environment", "prod", "is not allowed", ("staging", "production")),
        ("BlockTests", "yes", "is not allowed", ("true", "false")),
        ("NatCount", "one", "must be a number", ()),
        ("NatCount", "3", "must be at most 2", ()),
        ("NatCount", "1.5", "must be a whole number", ()),
        ("NatCount", "01", "must be a whole number", ()),
        ("Domain", "Health!", "must be a host", ()),
        ("AlarmEmail", "a" * 65, "must have at most 64 characters", ()),
    ],
)
def test_constraints_of_the_template_hold(name: str, value: str, why: str, choices: tuple[str, ...]) -> None:
    problem = only_problem(of(name, value), f"Parameters.{name}")
    assert (problem.value, problem.message, problem.choices) == (json.dumps(value), why, choices)


@pytest.mark.parametrize(
    "value",
    [
        "yourdomain.com",
        "alerts@yourdomain.com",
        "example.com",
        "ops@example.org",
        "https://www.example.net/x",
        "+1234567890",
        "arn:aws:iam::123456789012:role/deploy",
        "changeme",
        "CHANGE_ME",
        "TODO",
        "TODO: the address",
        "<your address>",
        "<…>",
        "xxx",
        "arn:aws:acm:us-east-1:210987654321:certificate/xxxxxxxx-xxxx",
        "your-bucket",
        "ops@your-company.io",
    ],
)
def test_a_placeholder_is_no_value(value: str) -> None:
    assert "placeholder" in only_problem(of("CertificateArn", value), "Parameters.CertificateArn").message
    assert "placeholder" in only_problem(problems(tags={"Owner": value}), "Tags.Owner").message


@pytest.mark.parametrize(
    "value",
    [
        "",
        "my-example.com",
        "counterexample.com",
        "at-your-service",
        "todo-list",
        "1123456789012",
        "+12345678901",
        "xx-large",
    ],
)
def test_what_only_resembles_a_placeholder_is_a_value(value: str) -> None:
    assert of("CertificateArn", value) == []


def test_a_default_that_is_a_placeholder_must_be_replaced() -> None:
    template = copy.deepcopy(TEMPLATE)
    template["Parameters"]["AlarmEmail"]["Default"] = "alerts@yourdomain.com"
    problem = only_problem(check(parameter_file(), template, OWN_TAGS), "Parameters.AlarmEmail")
    assert problem.message == "the default is a placeholder: give a real value"
    assert check(parameter_file({"Environment": "staging", "AlarmEmail": "ops@health.io"}), template, OWN_TAGS) == []


def test_what_the_template_lists_is_no_placeholder() -> None:
    template = copy.deepcopy(TEMPLATE)
    template["Parameters"]["Environment"]["AllowedValues"] = ["example.com"]
    assert check(parameter_file({"Environment": "example.com"}), template, OWN_TAGS) == []


# --- rules


def test_a_nonsense_combination_is_refused_with_its_reason() -> None:
    problem = only_problem(of("Domain", "health.cloud-health.io"), "Rules.Tls")
    assert str(problem) == "params/staging.json: Rules.Tls: A domain needs a certificate."


def test_rules_see_defaults_and_the_first_values_of_computed_parameters() -> None:
    template = copy.deepcopy(TEMPLATE)
    first = {"Fn::Equals": [{"Ref": "BackendImage"}, "none"]}
    template["Rules"] = {"First": {"Assertions": [{"Assert": first}]}}
    assert check(parameter_file(), template, OWN_TAGS) == []
    template["Metadata"]["Computed"]["BackendImage"]["First"] = "other"
    assert len(check(parameter_file(), template, OWN_TAGS)) == 1


def test_a_rule_that_cannot_be_evaluated_is_an_error() -> None:
    template = copy.deepcopy(TEMPLATE)
    template["Rules"] = {"Region": {"Assertions": [{"Assert": {"Fn::Equals": [{"Ref": "AWS::Region"}, "eu-west-1"]}}]}}
    with pytest.raises(NotEvaluableError, match="AWS::Region"):
        check(parameter_file(), template, OWN_TAGS)


# --- effective values


def test_effective_values_are_complete() -> None:
    assert effective(parameter_file({"Environment": "staging", "NatCount": "2"}), TEMPLATE) == {
        "Environment": "staging",
        "NatCount": "2",
        "Domain": "",
        "CertificateArn": "",
        "AlarmEmail": "",
        "BlockTests": "true",
        "SecretArn": "",
        "TokenMinutes": "30",
        "Branches": "main",
        "BackendImage": "none",
    }
    assert effective(parameter_file(), TEMPLATE)["NatCount"] == "1"
    assert effective(parameter_file(), TEMPLATE, {"BackendImage": "repository:abc"})["BackendImage"] == "repository:abc"


@pytest.mark.parametrize("parameters", [{}, {"Environment": 1}])
def test_values_that_are_missing_or_no_strings_have_no_effect(parameters: dict[str, Any]) -> None:
    with pytest.raises(ParameterFileError, match=r"Parameters\.Environment has no value that is a string"):
        effective(parameter_file(parameters), TEMPLATE)


# --- secrets: put together here, so that no scanner finds one in this file

JWT = ".".join("ey" + base64.urlsafe_b64encode(part).decode()[2:] for part in (b'{"alg":"HS256"}', b'{"sub":"12345"}'))
SECRETS = {
    "access key": "AK" + "IAIOSFODNN7EXAMPLE",
    "temporary access key": "AS" + "IAIOSFODNN7EXAMPLE",
    "access key within text": "key=AK" + "IAIOSFODNN7EXAMPLE;",
    "secret access key": "wJalrXUtnFEMI/K7MDENG" + "/bPxRfiCYEXAMPLEKEY",
    "private key": "-----BEGIN RSA PRIVATE" + " KEY-----\nMIIE",
    "web token": JWT,
    "GitHub token": "gh" + "p_16C7e42F292c6912E7710c838347Ae178B4a",
    "GitHub fine-grained token": "github" + "_pat_11ABCDEFG0abcdefghijkl_mnop",
    "Slack token": "xox" + "b-123456789012-abcdefABCDEF",
    "URL with a password": "redis://:hunter2" + "@cache.internal:6379/0",
    "URL with user and password": "https://user:hunter2" + "@host.internal/",
    "behind an ARN": "arn:aws:iam::210987654321:role/a," + "9f86d081884c7d659a2feaa0" + "c55ad015a3bf4f1b",
    "behind a URL": "https://health.io/,wJalrXUtnFEMI/K7MDENG" + "/bPxRfiCYEXAMPLEKEY",
    "hexadecimal": "9f86d081884c7d659a2feaa0" + "c55ad015a3bf4f1b2b0b822c",
    "Fernet": "pL3qkYj0w9vZ1mC8dT2bN7xR" + "4sF6hG5aK0uE1iO2yQ8=",
}


@pytest.mark.parametrize("value", SECRETS.values(), ids=SECRETS)
def test_what_looks_like_a_secret_is_refused_and_never_repeated(value: str) -> None:
    for problem in (
        only_problem(of("AlarmEmail", value), "Parameters.AlarmEmail"),
        only_problem(problems(tags={"Note": value}), "Tags.Note"),
    ):
        assert "looks like" in problem.message
        assert "Secrets Manager" in problem.message
        assert value not in str(problem) + repr(problem)
        assert problem.value.startswith("(not shown")


@pytest.mark.parametrize(
    "value",
    [
        "210987654321",
        "pl-3b927c52a1b2c3d4e",
        CERTIFICATE,
        "arn:aws:kms:eu-west-1:210987654321:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "arn:aws-cn:secretsmanager:cn-north-1:210987654321:secret:Jwt-a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6",
        "1234abcd-12ab-34cd-56ef-1234567890ab",
        "210987654321.dkr.ecr.us-east-1.amazonaws.com/cloud-health@sha256:" + "9f86d081884c7d65" * 4,
        "https://hooks.cloud-health.io/build/9f86d081884c7d659a2feaa0c55ad015",
        "app/my-load-balancer/50dc6c495c0c9188",
        "cloudhealth-prod-artifactbucket-1a2b3c4d5e6f7",
        "CloudHealthDashboardProduction2026Alerts",
        "/CloudHealth/Backend/Production/Settings1",
        "arn:aws:iam::210987654321:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123456789abcdef",
        "TLSv1-2-2021-ELBSecurityPolicy-TLS13-1-2-2021-06",
        "+4915112345678",
        "VITE_RECAPTCHA_SITE_KEY=6LeIxAcTAAAAAJcZVRqyHh71UMIEGNQ_MXjiZKhI",
        "A=1,VITE_STRIPE_PUBLISHABLE_KEY=pk_test_TYooMQauvdEDq54NiTphI7jx",
        "REACT_APP_GOOGLE_CLIENT_ID=407408718192-8n0r7s5p2k3q4m6t8v0w2x4y6z8a0b2c.apps.googleusercontent.com",
        "sha384-oqVuAfXRKap7fdgcCY5uykM6+R9GqQ8K/uxy9rx7HNQlGYl1kPzQho1wx4JwY8wC",
    ],
)
def test_what_only_resembles_a_secret_is_a_value(value: str) -> None:
    assert secret("Anything", value) is None
    assert of("CertificateArn", value) == []


def test_under_a_telling_name_only_an_arn_passes() -> None:
    problem = only_problem(of("SecretArn", "hunter2"), "Parameters.SecretArn")
    assert "hunter2" not in str(problem) + repr(problem)
    assert of("SecretArn", "arn:aws:secretsmanager:us-east-1:210987654321:secret:jwt-AbCdEf") == []
    assert of("TokenMinutes", "45") == []
    number = only_problem(of("SecretArn", 123456), "Parameters.SecretArn")
    assert "123456" not in str(number) + repr(number)
    for name in ("JwtSecret", "DbPassword", "github_token", "PrivateKey", "ApiKey"):
        assert secret(name, "x")
        assert secret(name, "") is None


def test_an_arn_under_a_telling_name_is_shown_when_it_is_wrong() -> None:
    template = copy.deepcopy(TEMPLATE)
    template["Parameters"]["SecretArn"]["AllowedPattern"] = "|arn:aws:secretsmanager:.*"
    problem = only_problem(
        check(parameter_file({"Environment": "staging", "SecretArn": CERTIFICATE}), template, OWN_TAGS),
        "Parameters.SecretArn",
    )
    assert problem.value == json.dumps(CERTIFICATE)
    assert str(problem) == (f'params/staging.json: SecretArn = "{CERTIFICATE}" must match |arn:aws:secretsmanager:.*.')


def test_the_value_of_an_unknown_parameter_is_not_repeated() -> None:
    assert "hunter2" not in str(only_problem(of("JwtSecrt", "hunter2"), "Parameters.JwtSecrt"))


def test_a_secret_where_a_name_belongs_is_not_repeated(tmp_path: Path) -> None:
    key = SECRETS["access key"]
    for result in (of(key, "x"), problems(tags={key: "x"}), problems(policy={"Statement": [{**ALLOW_ALL, key: "x"}]})):
        assert len(result) == 1
        assert key not in str(result) + str(result[0])
    for text in (json.dumps({key: {}}), f'{{"Tags": {{"{key}": "", "{key}": ""}}}}'):
        with pytest.raises(ParameterFileError) as caught:
            read(written(tmp_path, text))
        assert key not in str(caught.value)


@pytest.mark.parametrize("text", ["two\nlines", "lone \ud800 surrogate", "line\u2028separator"])
def test_a_problem_is_one_line_that_can_be_printed(text: str) -> None:
    result = [*of(text, "x"), *of("NatCount", text), *problems(tags={text: "x & y"})]
    assert len(result) == 3
    for problem in result:
        assert str(problem).isprintable()


# --- tags


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("Owner", 1, "must be a string in quotes"),
        ("Environment", "staging", "the templates set this tag themselves"),
        ("managedby", "ops", "the templates set this tag themselves"),
        ("aws:owner", "ops", "the prefix aws: belongs to AWS"),
        ("AWS:owner", "ops", "the prefix aws: belongs to AWS"),
        ("Owner", "Aws:ops", "the prefix aws: belongs to AWS"),
        ("k" * 129, "ops", "a key has 1 to 128"),
        ("", "ops", "a key has 1 to 128"),
        ("Owner", "v" * 257, "a key has 1 to 128, a value 1 to 256"),
        ("Owner", "", "a value 1 to 256"),
        ("Owner", "ops & dev", "letters, digits, spaces"),
        ("Owner,Team", "ops", "letters, digits, spaces"),
        ("Owner", "ops\ndev", "letters, digits, spaces"),
        ("Revision", "3f2a1bc", "looks like a commit, version or date"),
        ("Revision", "da39a3ee5e6b4b0d3255bfef", "looks like a commit, version or date"),
        ("Version", "v1.4.0", "looks like a commit, version or date"),
        ("Version", "1.4.0-rc1", "looks like a commit, version or date"),
        ("Deployed", "2026-11-23", "looks like a commit, version or date"),
        ("Deployed", "on 2026/11/23 at 10:00", "looks like a commit, version or date"),
        ("Deployed", "23.11.2026", "looks like a commit, version or date"),
        ("Deployed", "20261123", "looks like a commit, version or date"),
        ("Deployed", "20261123T101500Z", "looks like a commit, version or date"),
    ],
)
def test_tags_that_aws_or_the_house_refuses(key: str, value: object, why: str) -> None:
    assert why in only_problem(problems(tags={key: value}), f"Tags.{key}").message


def test_tags_that_are_fine() -> None:
    tags = {
        "CostCenter": "4711",
        "k" * 128: "v" * 256,
        "team:name": "Größe_1 + x = a/b@c-d.e",
        "Owner": "decade",
        "Net": "10.0.0.0/16",
        "Phone": "4711-0815",
        "Account": "202610987654",
    }
    assert problems(tags=tags) == []


def test_a_resource_takes_fifty_tags() -> None:
    assert problems(tags={f"Tag{number}": "x" for number in range(46)}) == []
    assert "50 tags" in only_problem(problems(tags={f"Tag{number}": "x" for number in range(47)}), "Tags").message


# --- stack policy


@pytest.mark.parametrize(
    "policy",
    [
        {"Statement": [ALLOW_ALL]},
        {
            "Statement": [
                {
                    "Effect": "Allow",
                    "NotAction": "Update:Delete",
                    "Principal": "*",
                    "NotResource": "LogicalResourceId/Data",
                }
            ]
        },
        {"Statement": [{**ALLOW_ALL, "Effect": "Deny", "Action": ["Update:Replace", "Update:Delete"]}]},
        {"Statement": [{**ALLOW_ALL, "Resource": "LogicalResourceId/St*"}]},
    ],
)
def test_stack_policies_that_are_fine(policy: object) -> None:
    assert problems(policy=policy) == []


@pytest.mark.parametrize(
    ("policy", "key", "why"),
    [
        ({"Statement": []}, "StackPolicy", "with one statement or more"),
        ({"Statement": ALLOW_ALL}, "StackPolicy", "with one statement or more"),
        ({"Version": "2012-10-17", "Statement": [ALLOW_ALL]}, "StackPolicy", "with one statement or more"),
        ({"Statements": [ALLOW_ALL]}, "StackPolicy", "with one statement or more"),
        ({"Statement": [{**ALLOW_ALL, "Effect": "allow"}]}, "StackPolicy.Statement[0].Effect", "is not possible"),
        ({"Statement": [{**ALLOW_ALL, "Effect": ["Allow"]}]}, "StackPolicy.Statement[0].Effect", "is not possible"),
        ({"Statement": [{**ALLOW_ALL, "Principal": "me"}]}, "StackPolicy.Statement[0].Principal", "is not possible"),
        (
            {"Statement": [ALLOW_ALL, {**ALLOW_ALL, "Action": "*"}]},
            "StackPolicy.Statement[1].Action",
            "is not possible",
        ),
        ({"Statement": [{**ALLOW_ALL, "Action": "Update:R*"}]}, "StackPolicy.Statement[0].Action", "is not possible"),
        ({"Statement": [{**ALLOW_ALL, "Action": []}]}, "StackPolicy.Statement[0].Action", "is not possible"),
        ({"Statement": [{**ALLOW_ALL, "Action": [1]}]}, "StackPolicy.Statement[0].Action", "is not possible"),
        ({"Statement": [{**ALLOW_ALL, "Resource": "Data"}]}, "StackPolicy.Statement[0].Resource", "is not possible"),
        (
            {"Statement": [{**ALLOW_ALL, "Resource": "LogicalResourceId/Dta"}]},
            "StackPolicy.Statement[0].Resource",
            "is not",
        ),
        (
            {"Statement": [{**ALLOW_ALL, "Resource": "LogicalResourceId/X*"}]},
            "StackPolicy.Statement[0].Resource",
            "is not",
        ),
        (
            {"Statement": [{**ALLOW_ALL, "Condition": {}}]},
            "StackPolicy.Statement[0].Condition",
            "is not an element here",
        ),
        (
            {"Statement": [{**ALLOW_ALL, "NotAction": "Update:*"}]},
            "StackPolicy.Statement[0].Action",
            "is not an element here",
        ),
        (
            {"Statement": [{key: value for key, value in ALLOW_ALL.items() if key != "Principal"}]},
            "StackPolicy.Statement[0].Principal",
            "is missing",
        ),
    ],
)
def test_stack_policies_that_are_refused(policy: object, key: str, why: str) -> None:
    assert why in only_problem(problems(policy=policy), key).message


def test_a_statement_that_is_no_object_lacks_everything() -> None:
    faults = problems(policy={"Statement": ["Allow"]})
    assert [problem.message for problem in faults] == ["is missing"] * 4


# --- in general

names = st.text(alphabet=string.ascii_letters + string.digits, min_size=1, max_size=30)
values = {
    "Environment": st.sampled_from(["staging", "production"]),
    "NatCount": st.sampled_from(["1", "2"]),
    "Domain": st.just(""),
    "BlockTests": st.sampled_from(["true", "false"]),
    "TokenMinutes": st.integers(0, 10**9).map(str),
    "Branches": st.lists(st.sampled_from(["main", "develop"]), min_size=1).map(",".join),
    "CertificateArn": st.sampled_from(["", CERTIFICATE]),
}
optional = {name: strategy for name, strategy in values.items() if name != "Environment"}
valid = st.fixed_dictionaries({"Environment": values["Environment"]}, optional=optional)


@given(valid)
def test_a_valid_file_is_valid_and_its_effective_values_make_a_valid_file_again(parameters: dict[str, str]) -> None:
    file = parameter_file(parameters)
    assert check(file, TEMPLATE, OWN_TAGS) == []
    complete = effective(file, TEMPLATE)
    assert complete.keys() == TEMPLATE["Parameters"].keys()
    assert complete.items() >= parameters.items()
    del complete["BackendImage"]
    assert check(parameter_file(complete), TEMPLATE, OWN_TAGS) == []


@given(valid, names.filter(lambda name: name not in TEMPLATE["Parameters"] and not secret("", name)), st.text())
def test_any_unknown_key_is_reported_with_file_and_key(parameters: dict[str, str], name: str, value: str) -> None:
    assert only_problem(problems({**parameters, name: value}), f"Parameters.{name}")


alphanumeric = string.ascii_letters + string.digits
secrets = st.one_of(
    st.text(alphabet=string.ascii_uppercase + string.digits, min_size=16, max_size=16).map("AKIA".__add__),
    st.text(alphabet=alphanumeric, min_size=36, max_size=36).map("ghp_".__add__),
    st.text(alphabet=alphanumeric, min_size=12, max_size=30).map(lambda word: f"amqp://app:{word}@queue.internal/"),
)
places = st.sampled_from([*TEMPLATE["Parameters"], "Unknown"])


@given(
    secrets, places, st.sampled_from([str, lambda text: [text], lambda text: {"a": text}, lambda text: f"x {text} y"])
)
def test_a_secret_is_always_refused_and_never_appears(text: str, name: str, wrapped: Any) -> None:
    value = wrapped(text)
    file = parameter_file(
        {"Environment": "staging", name: value}, {"Note": value}, {"Statement": [{**ALLOW_ALL, "Resource": value}]}
    )
    problems = check(file, TEMPLATE, OWN_TAGS)
    assert {f"Parameters.{name}", "Tags.Note", "StackPolicy.Statement[0].Resource"} == {
        problem.key for problem in problems
    }
    shown = "".join(f"{problem}{problem!r}" for problem in problems) + repr(file)
    assert text not in shown


@pytest.mark.parametrize(
    ("encode", "share"),
    [
        (bytes.hex, 0.98),
        (lambda key: base64.b64encode(key).decode(), 0.98),
        (lambda key: base64.urlsafe_b64encode(key).decode(), 0.98),
        (lambda key: base64.urlsafe_b64encode(key).decode().rstrip("="), 0.85),  # may look like words with hyphens
    ],
    ids=["hexadecimal", "base64", "url-safe", "unpadded"],
)
def test_nearly_every_random_key_is_found(encode: Callable[[bytes], str], share: float) -> None:
    source = random.Random(1)
    assert sum(secret("Note", encode(source.randbytes(32))) is not None for _ in range(500)) > share * 500


# --- what is shown


def test_a_file_as_python_shows_it_has_no_values() -> None:
    """It stands in the messages of failed tests and in tracebacks: nobody shall read a value there."""
    file = ParameterFile("params/x.json", {"Password": "one"}, {"Owner": "two"}, {"Statement": ["three"]})
    assert repr(file) == "ParameterFile(path='params/x.json')"


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem("f", "Parameters.A", '"1"', "is wrong"), 'f: A = "1" is wrong.'),
        (Problem("f", "Parameters.A", '"1"', "must be b", ("c", "d")), 'f: A = "1" must be b. Valid: c, d.'),
        (Problem("f", "Tags.A", '"1"', "has no b"), 'f: Tags.A = "1" has no b.'),
        (Problem("f", "Tags.A", '"1"', "holds b"), 'f: Tags.A = "1" holds b.'),
        (Problem("f", "Tags.A", '"1"', "looks like b"), 'f: Tags.A = "1" looks like b.'),
        (Problem("f", "Tags.A", '"1"', "islands are none"), 'f: Tags.A = "1": islands are none.'),
        (Problem("f", "Rules.A", "", "is broken."), "f: Rules.A: is broken."),
        (Problem("f", "Rules.A", "", "is broken.", ("b",)), "f: Rules.A: is broken. Valid: b."),
    ],
)
def test_a_problem_as_sentences(problem: Problem, text: str) -> None:
    assert str(problem) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "f.json: must be one object with Parameters, Tags, StackPolicy"),
        ('{"Parameter": {}}', 'f.json: there is no section "Parameter"; valid: Parameters'),
        ('{"zzz": {}}', 'f.json: there is no section "zzz"; valid: Parameters, Tags, StackPolicy'),
        ('{"Tags": []}', "f.json: the section Tags must be an object"),
        ('{"Tags": {}, "Tags": {}}', 'f.json: the key "Tags" is twice in one object: remove one'),
        ('{"Tags": {"a": "1", "b": "1", "b": "2"}}', 'f.json: the key "b" is twice in one object: remove one'),
        ('{\n"Tags": x}', "f.json:2: is not JSON: Expecting value"),
        ("[" * 100_000, "f.json: is nested too deeply"),
    ],
)
def test_why_a_text_is_no_parameter_file(text: str, message: str) -> None:
    with pytest.raises(ParameterFileError) as caught:
        parse(text, "f.json")
    assert str(caught.value) == message


def test_sections_may_be_left_out_and_stand_in_any_order() -> None:
    text = '{"StackPolicy": {"a": 1}, "Tags": {"b": 2}, "Parameters": {"c": 3}}'
    assert parse(text, "f") == ParameterFile("f", {"c": 3}, {"b": 2}, {"a": 1})
    assert parse("{}", "f") == ParameterFile("f", {}, {}, {})


def test_a_number_is_whole_unless_the_default_says_otherwise() -> None:
    """What a template counts with: the service refuses half a task after CloudFormation has taken it."""
    declared = {
        "Count": {"Type": "Number", "Default": 1},
        "Share": {"Type": "Number", "Default": "0.5"},
        "Ports": {"Type": "List<Number>", "Default": "80"},
        "Bare": {"Type": "Number"},
    }
    template = {"Parameters": declared, "Resources": {}}

    def wrong(**values: str) -> list[str]:
        file = ParameterFile("f", {"Bare": "1", **values}, {}, {})
        return [problem.sentence for problem in check(file, template, ())]

    assert wrong(Count="12", Share="2.5", Ports="80, 443", Bare="-3") == wrong(Count="0", Share="1") == []
    assert wrong(Count="2.0", Bare="1.5") == [
        'Bare = "1.5" must be a whole number',
        'Count = "2.0" must be a whole number',
    ]
    assert wrong(Count="007") == ['Count = "007" must be a whole number']
    assert wrong(Ports="80,4.5") == ['Ports = "80,4.5" must be a whole number']
