"""Rules that keep secrets out of the templates, where everybody who may describe a stack reads them."""

import re
from collections.abc import Iterator

from generator.cfn.intrinsics import render
from generator.cfn.parameters import SECRETS, secret
from generator.cfn.places import walk
from generator.cfn.templates import Resource, TemplateSet
from generator.gate.rules.rule import Fault, Rule, values

RESOLVE = "{{resolve:secretsmanager:"
# Options whose value is the ARN of a secret or parameter (elasticbeanstalk dg, AWSHowTo.secrets.env-vars).
BY_ARN = "aws:elasticbeanstalk:application:environmentsecrets"
KEYS = re.compile(r"(^|_)AWS_(SECRET_)?ACCESS_KEY(_ID)?$|^AWS_SESSION_TOKEN$")


def _plaintext(templates: TemplateSet) -> Iterator[tuple[Resource, str, str]]:
    """Every named value that a running process or a reader of the console gets in clear: resource, name, value."""
    for resource in templates.resources():
        for place, value in resource.walk():
            match resource.type, place, value:
                case "AWS::ECS::TaskDefinition" | "AWS::CodeBuild::Project", _, {"Name": name, "Value": text}:
                    if "Environment" in place and value.get("Type", "PLAINTEXT") == "PLAINTEXT":
                        yield resource, str(name), render(text)
                case "AWS::Lambda::Function", ("Environment", "Variables"), dict():
                    yield from ((resource, name, render(text)) for name, text in value.items())
                case "AWS::ElasticBeanstalk::Environment", _, {"OptionName": name, "Value": text}:
                    if value.get("Namespace") != BY_ARN:
                        yield resource, str(name), render(text)
                case "AWS::SSM::Parameter", (), _:
                    yield (resource, render(value.get("Name", "")).rpartition("/")[2], render(value.get("Value", "")))


def _named(templates: TemplateSet) -> Iterator[Fault]:
    for resource, name, value in _plaintext(templates):
        if RESOLVE not in value and (kind := secret(name, value)):
            yield Fault(resource.address, f"shows {name} in clear, which looks like {kind}")


def _anywhere(templates: TemplateSet) -> Iterator[Fault]:
    for template in templates:
        for place, value in walk(template.body):
            if isinstance(value, str) and (kinds := [kind for kind, each in SECRETS.items() if re.search(each, value)]):
                address = ".".join([template.name, *map(str, place[1:2])])
                yield Fault(address, f"contains what looks like {kinds[0]} in {place[0]}")


def _parameters(templates: TemplateSet) -> Iterator[Fault]:
    for template in templates:
        for name, declaration in template.parameters.items():
            address = f"{template.name}.{name}"
            if "NoEcho" in declaration:
                yield Fault(address, "takes a secret as a parameter")
            elif "AllowedValues" not in declaration and (kind := secret(name, str(declaration.get("Default", "")))):
                yield Fault(address, f"has a default that looks like {kind}")


def _static_keys(templates: TemplateSet) -> Iterator[Fault]:
    for resource in templates.resources("AWS::IAM::AccessKey", "AWS::IAM::User"):
        yield Fault(resource.address, f"is a {resource.type}, which lives on long-term keys")
    for resource in templates.resources():
        for place, value in resource.walk():
            if place and place[-1] == "Name" and isinstance(value, str) and KEYS.search(value.rpartition("/")[2]):
                yield Fault(resource.address, f"hands over {value}")


def _generated(templates: TemplateSet) -> Iterator[Fault]:
    for resource in templates.resources("AWS::SecretsManager::Secret"):
        for text in values(resource, "SecretString"):
            if text is not None and RESOLVE not in render(text):
                yield Fault(resource.address, "has its value in the template")


RULES = (
    Rule(
        "SEC001",
        "everybody who may describe the stack, the task or the project can read it",
        "put it into Secrets Manager and refer to it there",
        _named,
    ),
    Rule(
        "SEC002", "a key in a repository is a key that leaked", "remove it, and revoke it where it was made", _anywhere
    ),
    Rule(
        "SEC003",
        "parameters travel through change sets and nested stacks in clear",
        "pass the ARN of a secret instead",
        _parameters,
    ),
    Rule("SEC004", "long-term keys leak and nobody rotates them", "let the process use its role", _static_keys),
    Rule(
        "SEC005", "whoever reads the template knows it", "use GenerateSecretString or a dynamic reference", _generated
    ),
)
