"""`apply`: create or update the shared stack, then the environment, with what it needs in us-east-1."""

from argparse import ArgumentParser

from scripts.deployment.errors import Exit
from scripts.operations.deploying import deploy
from scripts.operations.options import DeployOptions, deploy_arguments
from scripts.operations.run import Run
from scripts.terminal import results

Options = DeployOptions


def arguments(parser: ArgumentParser) -> None:
    """What the command line may say of `apply`."""
    deploy_arguments(parser)


def run(run: Run, options: DeployOptions) -> Exit:
    """Deploys every root that the environment needs."""
    results.begin(plans=[], operations=[])
    return deploy(run, options)
