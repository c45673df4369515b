"""Whether another environment of the account could read the secrets that the application keeps for its clients.

The application gives them their names and no tag. Where the names do not hold the environment, no policy can keep two
environments of one account and Region apart: the second one is refused, unless its file says why it may be.
"""

import re
from collections.abc import Mapping

from generator.cfn.environments import ENVIRONMENT, SHARED, Environment
from generator.cfn.statuses import STATUSES
from generator.cfn.template_names import ACCOUNT_SHARED, TARGET
from scripts.deployment.aws import Aws
from scripts.deployment.errors import RefusedError

NO_BACKEND = "NONE"  # of BackendTarget
METADATA = "ClientSecrets"  # of the environment's template: what the names begin with, in every environment


def prefix(environment: Environment) -> str:
    """What the names of clients' secrets begin with in every environment alike; empty where they are apart, or where
    nothing keeps any."""
    if environment.root.name != ENVIRONMENT or environment.chosen(TARGET) == NO_BACKEND:
        return ""
    return str(environment.root.metadata.get(METADATA, ""))


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
