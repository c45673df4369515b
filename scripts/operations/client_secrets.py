"""Whether another environment of the account could read the secrets that the application keeps for its clients.

The application gives them their names. Where neither these nor tags hold the environment, no policy can keep two
environments of one account and Region apart: IAM can demand a tag of whoever makes a secret and cannot add one. So the
second environment is refused, unless its file says why it may be. What has the tags of an environment is out of reach
of the roles of another one, whoever gave them; preflight lists what has none, with the command that gives them.
"""

import re
import shlex
from collections.abc import Mapping

from generator.cfn.environments import ENVIRONMENT, SHARED, Environment
from generator.cfn.statuses import STATUSES
from generator.cfn.template_names import ACCOUNT_SHARED, TARGET
from scripts.deployment.aws import Aws
from scripts.deployment.errors import RefusedError

NO_BACKEND = "NONE"  # of BackendTarget
METADATA = "ClientSecrets"  # of the environment's template: what the names begin with, in every environment
TAGGED = "TaggedClientSecrets"  # the same where the application gives each the tags of its environment
TAGS = ("Application", "Environment")


def prefix(environment: Environment) -> str:
    """What the names of clients' secrets begin with in every environment alike; empty where they are apart, or where
    nothing keeps any."""
    if environment.root.name != ENVIRONMENT or environment.chosen(TARGET) == NO_BACKEND:
        return ""
    return str(environment.root.metadata.get(METADATA, ""))


def tagged_prefix(environment: Environment) -> str:
    """What the names of clients' secrets begin with that are told apart by their tags; empty where there are none."""
    if environment.root.name != ENVIRONMENT or environment.chosen(TARGET) == NO_BACKEND:
        return ""
    return str(environment.root.metadata.get(TAGGED, ""))


def untagged(aws: Aws, beginning: str) -> list[str]:
    """The names of the secrets that begin so and lack a tag that tells whose they are. Source: Secrets Manager API
    reference, ListSecrets and Filter (the filter `name` is a prefix)."""
    pages = aws.pages("secretsmanager", "list_secrets", Filters=[{"Key": "name", "Values": [beginning]}])
    secrets = [secret for page in pages for secret in page["SecretList"] if secret["Name"].startswith(beginning)]
    return sorted(
        secret["Name"] for secret in secrets if not set(TAGS) <= {tag["Key"] for tag in secret.get("Tags", ())}
    )


def tagging(environment: Environment, name: str) -> str:
    """The command with which an administrator gives a secret the tags of an environment."""
    tags = f"Key=Application,Value={environment.application} Key=Environment,Value={environment.name}"
    return f"aws secretsmanager tag-resource --secret-id {shlex.quote(name)} --tags {tags}"


def neighbours(aws: Aws, environment: Environment) -> list[str]:
    """The other environments of the application in this account and Region, by their root stacks: no environment's
    name has a dash in it, and what is nested has."""
    own = {environment.name, SHARED}
    statuses = [status for status in STATUSES if status != "DELETE_COMPLETE"]
    pages = aws.pages("cloudformation", "list_stacks", StackStatusFilter=statuses)
    names = {entry["StackName"] for page in pages for entry in page["StackSummaries"]}
    matches = (re.fullmatch(rf"{re.escape(environment.application)}-([A-Za-z0-9]+)", name) for name in names)
    return sorted({match[1] for match in matches if match} - own)


def check(aws: Aws, roots: Mapping[str, Environment]) -> None:
    """Raises `RefusedError` for an environment whose clients' secrets another one of the account could read. The local
    AWS holds nobody's."""
    environment = roots.get(ENVIRONMENT)
    if environment is None or aws.endpoint or not prefix(environment) or environment.chosen(ACCOUNT_SHARED):
        return
    if others := neighbours(aws, environment):
        raise RefusedError(
            f"The application keeps its clients' secrets as {prefix(environment)}... in every environment, so that "
            f"{environment.name} and {', '.join(others)} of this account could read each other's; nothing has "
            "happened.",
            f"Deploy {environment.name} to an account of its own, or say in {ACCOUNT_SHARED} of its parameter "
            "file why they may.",
        )
