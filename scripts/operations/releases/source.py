"""What a pipeline starts from has to be there before it is made: it runs at once (codepipeline user guide,
pipelines-rerun-manually)."""

from scripts.deployment.aws import Aws
from scripts.deployment.environment import Environment
from scripts.deployment.errors import AwsError, RefusedError
from scripts.deployment.stacks import Stack
from scripts.operations.run import Run


def want(run: Run, wanted: Environment, shared: Stack | None) -> None:
    """The pipeline starts from its source as soon as it exists (RUN-7). Raises `RefusedError` while there is none."""
    if wanted.connection:
        _want_connection(run.aws, wanted)
    elif not run.given.without_branch:
        _want_branch(run.aws, wanted, shared)


def _want_connection(aws: Aws, wanted: Environment) -> None:
    """A connection is made by CloudFormation or the command line, and completed by a person. The branch behind it is
    not looked for: only the source action may use the connection."""
    arn = wanted.connection
    status = aws.call("codeconnections", "get_connection", ConnectionArn=arn)["Connection"]["ConnectionStatus"]
    # Statuses: `ConnectionStatus` in botocore's model of CodeConnections.
    if status != "AVAILABLE":
        raise RefusedError(
            f"The connection {arn} is {status}; nothing of {wanted.stack} has happened.",
            "Open it in the console (Developer Tools, Settings, Connections) and choose Update pending connection.",
        )


def _want_branch(aws: Aws, wanted: Environment, shared: Stack | None) -> None:
    repository, branch = (shared.outputs if shared else {})["RepositoryName"], wanted.chosen("BranchName")
    try:
        aws.call("codecommit", "get_branch", repositoryName=repository, branchName=branch)
    except AwsError as error:
        # Code: `BranchDoesNotExistException` in botocore's model of CodeCommit.
        if error.code != "BranchDoesNotExistException":
            raise
        raise RefusedError(
            f"The repository {repository} has no branch {branch}; nothing of {wanted.stack} has happened.",
            "Push the branch to the repository, or deploy with --without-branch.",
        ) from error
