"""`access`: the roles that deploy an environment, or `shared`, made once by an administrator, before anything else."""

from argparse import ArgumentParser

from scripts.deployment.errors import Exit
from scripts.operations.access_root import deploy_access
from scripts.operations.options import (
    DeployOptions,
    consent_arguments,
    follow_argument,
    keep_arguments,
    watch_arguments,
)
from scripts.operations.run import Run
from scripts.terminal import results

Options = DeployOptions


def arguments(parser: ArgumentParser) -> None:
    """What the command line may say of `access`."""
    consent_arguments(parser)
    keep_arguments(parser)
    watch_arguments(parser)
    follow_argument(parser)


def run(run: Run, options: DeployOptions) -> Exit:
    """Deploys the access stack. Raises `UsageError` for templates without one."""
    results.begin(plans=[], operations=[])
    return deploy_access(run, options)
