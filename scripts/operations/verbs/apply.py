"""`apply`: create or update the shared stack, then the environment, with what it needs in us-east-1."""

from argparse import ArgumentParser

from scripts.deployment import stacks
from scripts.deployment.errors import Exit
from scripts.operations import configuration
from scripts.operations.deploying import deploy
from scripts.operations.options import DeployOptions, deploy_arguments
from scripts.operations.run import Run, say
from scripts.terminal import results

Options = DeployOptions


def arguments(parser: ArgumentParser) -> None:
    """What the command line may say of `apply`."""
    deploy_arguments(parser)


def run(run: Run, options: DeployOptions) -> Exit:
    """Deploys every root that the environment needs."""
    results.begin(plans=[], operations=[])
    status = deploy(run, options)
    stack = stacks.read(run.aws, run.environment.stack) if status is Exit.DONE else None
    for name in configuration.unfilled(run.aws, run.environment, stack) if stack else ():
        command = f"`delivery config {run.environment.name} --secret {name}`"
        say([f"{name} has no value, and no task starts without it: {command}"])
    return status
