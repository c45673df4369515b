"""The application's configuration: plain values in Parameter Store, secrets in Secrets Manager.

CloudFormation makes no SecureString, hence the split. The Fernet key must be 43 characters and a final `=`, which no
generator of random passwords can promise: one secret holds the generated 43, a second one composes the key by a
dynamic reference, without a function. Secrets are retained: a new encryption key could not read what the old one wrote,
and a new key of the sessions signs everybody out. So an environment that is made again adopts what is left of each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from troposphere import Equals, If, Ref, Sub, secretsmanager, ssm

from generator.constructs.app_config import existing_secret, keys, secret_arn
from generator.core import ports
from generator.core.stack import Stack, switched_on
from generator.project import FERNET, FILLED, GENERATED, Project, Secret

FERNET_CHARACTERS = 43


def build(project: Project) -> Stack:
    stack = Stack("configuration", __name__, "configuration and secrets of the application", project)
    prefix = stack.takes(ports.CONFIGURATION_PREFIX)
    for key in keys(project):
        inputs = [stack.takes(port) for port in key.takes]
        optional = {"Condition": stack.when(key.condition, switched_on(inputs[0], ""))} if key.optional else {}
        stack.add(
            ssm.Parameter(
                key.logical,
                Name=Sub(f"${{{ports.CONFIGURATION_PREFIX.name}}}/{key.variable}"),
                Description=f"{key.variable} of the application, read at task start",
                Type="String",
                Value=Sub(key.pattern) if "${" in key.pattern else key.pattern,
                **optional,
            ),
            f"{key.variable} of the application.",
            ["RUN-5", "RUN-11"],
        )
    for secret in project.secrets:
        stack.gives(secret_arn(secret), _MAKERS[secret.kind](stack, secret))
    stack.gives(ports.CONFIGURATION_TREE, prefix)
    return stack


def _generated(stack: Stack, secret: Secret) -> If:
    return _secret(stack, secret, "", GenerateSecretString=_letters_and_digits(secret.length))


def _filled(stack: Stack, secret: Secret) -> If:
    """Without a value: a person gives it (AWS::SecretsManager::Secret, SecretString: with neither property the secret
    is empty)."""
    return _secret(stack, secret, "; a person gives its value")


def _secret(stack: Stack, secret: Secret, more: str, **properties: object) -> If:
    existing = stack.takes(existing_secret(secret))
    new = stack.when(f"New{secret.logical}Secret", Equals(existing, ""))
    resource = stack.add(
        secretsmanager.Secret(
            f"{secret.logical}Secret",
            Condition=new,
            Description=f"{secret.name} of the application{more}",
            KmsKeyId=stack.takes(ports.KEY_ARN),
            **properties,
        ),
        secret.why,
        ["RUN-5"],
    )
    return If(new, Ref(resource), existing)


def _fernet(stack: Stack, secret: Secret) -> If:
    key_arn, existing = stack.takes(ports.KEY_ARN), stack.takes(existing_secret(secret))
    new = stack.when(f"New{secret.logical}Key", Equals(existing, ""))
    seed = stack.add(
        secretsmanager.Secret(
            f"{secret.logical}Seed",
            Condition=new,
            Description="Random part of the encryption key; never changed",
            GenerateSecretString=_letters_and_digits(FERNET_CHARACTERS),
            KmsKeyId=key_arn,
        ),
        "Random part of the encryption key. Losing it loses what the application encrypted.",
        ["RUN-5"],
    )
    key = stack.add(
        secretsmanager.Secret(
            f"{secret.logical}Key",
            Condition=new,
            Description=f"{secret.name} of the application: the seed and a final =",
            KmsKeyId=key_arn,
            SecretString=Sub(f"{{{{resolve:secretsmanager:${{{seed.title}}}}}}}="),
        ),
        secret.why,
        ["RUN-5"],
    )
    return If(new, Ref(key), existing)


def _letters_and_digits(length: int) -> secretsmanager.GenerateSecretString:
    return secretsmanager.GenerateSecretString(ExcludePunctuation=True, IncludeSpace=False, PasswordLength=length)


_MAKERS: Mapping[str, Callable[[Stack, Secret], If]] = {GENERATED: _generated, FERNET: _fernet, FILLED: _filled}
