"""What a pipeline starts from has to be there before it is made, because it runs at once (CodePipeline user guide,
"Create a pipeline, stages, and actions")."""

from generator.cfn.environments import Environment
from generator.cfn.stacks import Stack
from generator.cfn.template_names import BRANCH, REPOSITORY
from scripts.deployment.aws import Aws
from scripts.deployment.errors import AwsError, RefusedError


def check_source(aws: Aws, environment: Environment, shared: Stack | None, without_branch: bool) -> None:
    """The pipeline starts from its source as soon as it exists (RUN-7). Raises `RefusedError` while there is none."""
    if environment.connection:
        _check_connection(aws, environment)
    elif not without_branch:
        _check_branch(aws, environment, shared)


def _check_connection(aws: Aws, environment: Environment) -> None:
    """A connection is made by CloudFormation or the command line, and completed by a person. The branch behind it is
    not looked for: only the source action may use the connection."""
    arn = environment.connection
    status = aws.call("codeconnections", "get_connection", ConnectionArn=arn)["Connection"]["ConnectionStatus"]
    # Statuses: `ConnectionStatus` in botocore's model of CodeConnections.
    if status != "AVAILABLE":
        raise RefusedError(
            f"The connection {arn} is {status}; nothing of {environment.stack} has happened.",
            "Open it in the console (Developer Tools, Settings, Connections) and choose Update pending connection.",
        )


def _check_branch(aws: Aws, environment: Environment, shared: Stack | None) -> None:
    repository, branch = (shared.outputs if shared else {})[REPOSITORY], environment.chosen(BRANCH)
    try:
        aws.call("codecommit", "get_branch", repositoryName=repository, branchName=branch)
    except AwsError as error:
        # Code: `BranchDoesNotExistException` in botocore's model of CodeCommit.
        if error.code != "BranchDoesNotExistException":
            raise
        raise RefusedError(
            f"The repository {repository} has no branch {branch}; nothing of {environment.stack} has happened.",
            "Push the branch to the repository, or deploy with --without-branch.",
        ) from error
