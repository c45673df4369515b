"""What a pipeline starts from has to be there before the pipeline is made, because it runs at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from generator.cfn.environments import Environment
from generator.cfn.stacks import Stack
from scripts.deployment import environment
from scripts.deployment.errors import AwsError, RefusedError
from scripts.operations.releases.source import check_source
from tests.conftest import ROOT
from tests.support.service import Prepared, refusal

SHARED = Stack("shared", "id", "UPDATE_COMPLETE", outputs={"RepositoryName": "dashboard"})
ARN = "arn:aws:codeconnections:eu-west-1:000000000000:connection/1"
STACK = "cloud-health-dashboard-staging"


@pytest.fixture(scope="module")
def staging() -> Environment:
    return environment.load("staging", ROOT / "templates", ROOT / "params")["environment"]


def connected(staging: Environment) -> Environment:
    """The environment with its source behind a connection."""
    parameters = {**staging.file.parameters, "SourceProvider": "CONNECTION", "ConnectionArn": ARN}
    return replace(staging, file=replace(staging.file, parameters=parameters))


def test_the_branch_is_looked_for_where_the_shared_stack_has_the_repository(staging: Environment) -> None:
    aws = Prepared(codecommit__get_branch={})
    check_source(aws, staging, SHARED, without_branch=False)
    assert aws.asked == [("codecommit.get_branch", {"repositoryName": "dashboard", "branchName": "develop"})]
    check_source(Prepared(), staging, SHARED, without_branch=True)


def test_without_its_branch_nothing_happens(staging: Environment) -> None:
    aws = Prepared(codecommit__get_branch=refusal("x", "BranchDoesNotExistException"))
    with pytest.raises(RefusedError) as raised:
        check_source(aws, staging, SHARED, without_branch=False)
    assert (raised.value.reason, raised.value.remedy) == (
        f"The repository dashboard has no branch develop; nothing of {STACK} has happened.",
        "Push the branch to the repository, or deploy with --without-branch.",
    )
    denied = Prepared(codecommit__get_branch=refusal("x", "AccessDenied"))
    with pytest.raises(AwsError, match="AccessDenied"):
        check_source(denied, staging, SHARED, without_branch=False)


@pytest.mark.parametrize("without_branch", [True, False])
def test_a_connection_has_to_be_complete_whatever_is_said_of_the_branch(
    staging: Environment, without_branch: bool
) -> None:
    def connection(status: str) -> dict[str, Any]:
        return {"Connection": {"ConnectionStatus": status}}

    aws = Prepared(codeconnections__get_connection=connection("AVAILABLE"))
    check_source(aws, connected(staging), None, without_branch)
    assert aws.asked == [("codeconnections.get_connection", {"ConnectionArn": ARN})]
    with pytest.raises(RefusedError) as raised:
        check_source(Prepared(codeconnections__get_connection=connection("PENDING")), connected(staging), None, False)
    assert (raised.value.reason, raised.value.remedy) == (
        f"The connection {ARN} is PENDING; nothing of {STACK} has happened.",
        "Open it in the console (Developer Tools, Settings, Connections) and choose Update pending connection.",
    )
