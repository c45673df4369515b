"""The application's configuration: plain values in Parameter Store, secrets in Secrets Manager.

CloudFormation makes no SecureString, hence the split. The Fernet key must be 43 characters and a final `=`, which no
generator of random passwords can promise: one secret holds the generated 43, a second one composes the key by a
dynamic reference, without a function. Both are retained and never made anew while they exist, because a new key
could not read what the old one wrote; a re-created environment adopts the survivor.
"""

from __future__ import annotations

from troposphere import Equals, If, Ref, Sub, secretsmanager, ssm

from generator.constructs.app_config import ENCRYPTION_KEY, JWT_SECRET_KEY, keys
from generator.core import ports
from generator.core.stack import Stack, switched_on
from generator.project import Project

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
    _secrets(stack)
    stack.gives(ports.CONFIGURATION_TREE, prefix)
    return stack


def _secrets(stack: Stack) -> None:
    key_arn, existing = stack.takes(ports.KEY_ARN), stack.takes(ports.EXISTING_SECRET)
    new = stack.when("NewEncryptionKey", Equals(existing, ""))
    jwt = stack.add(
        secretsmanager.Secret(
            "JwtSecret",
            Description=f"{JWT_SECRET_KEY} of the application",
            GenerateSecretString=_letters_and_digits(64),
            KmsKeyId=key_arn,
        ),
        "Signs the sessions of the application; a new one logs everybody out.",
        ["RUN-5"],
    )
    seed = stack.add(
        secretsmanager.Secret(
            "EncryptionSeed",
            Condition=new,
            Description="Random part of the encryption key; never changed",
            GenerateSecretString=_letters_and_digits(FERNET_CHARACTERS),
            KmsKeyId=key_arn,
        ),
        "Random part of the encryption key. Losing it loses what the application encrypted.",
        ["RUN-5"],
    )
    encryption = stack.add(
        secretsmanager.Secret(
            "EncryptionKey",
            Condition=new,
            Description=f"{ENCRYPTION_KEY} of the application: the seed and a final =",
            KmsKeyId=key_arn,
            SecretString=Sub(f"{{{{resolve:secretsmanager:${{{seed.title}}}}}}}="),
        ),
        "Fernet key with which the application encrypts its clients' credentials.",
        ["RUN-5"],
    )
    stack.gives(ports.JWT_SECRET_ARN, Ref(jwt))
    stack.gives(ports.ENCRYPTION_SECRET_ARN, If(new, Ref(encryption), existing))


def _letters_and_digits(length: int) -> secretsmanager.GenerateSecretString:
    return secretsmanager.GenerateSecretString(ExcludePunctuation=True, IncludeSpace=False, PasswordLength=length)
