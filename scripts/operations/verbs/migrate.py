"""`migrate`: an application's folder, with all branches and tags, into the repository of the shared stack.

The first two of the design's migration steps. Every step can be repeated: what is there already stays.
"""

from argparse import ArgumentParser
from dataclasses import dataclass, field, replace
from pathlib import Path

from generator.cfn import template_names
from generator.cfn.environments import ENVIRONMENT, SHARED
from generator.cfn.parameters import effective, read
from generator.cfn.templates import load
from scripts.deployment import stacks
from scripts.deployment.errors import Exit, RefusedError
from scripts.operations import migration
from scripts.operations.deploying import deploy
from scripts.operations.options import DeployOptions, deploy_arguments
from scripts.operations.run import Run, say
from scripts.terminal import results


@dataclass(frozen=True)
class Options:
    """The application's folder, and what may be said of deploying the shared stack."""

    app: Path
    deployment: DeployOptions = field(default_factory=DeployOptions)


def arguments(parser: ArgumentParser) -> None:
    """Which application, and everything that making the shared stack takes."""
    parser.add_argument("--app", type=Path, required=True, help="folder of the application, the root of its repository")
    deploy_arguments(parser)


def run(run: Run, options: Options) -> Exit:
    """Checks the folder, makes the shared stack when it is missing, pushes, and sets the default branch."""
    results.begin(plans=[], operations=[])
    if run.aws.endpoint:
        raise RefusedError("The local AWS has no git server.", "`make rehearse APP=folder` releases a folder there.")
    files = [read(file) for file in sorted(run.params.glob("*.json")) if file.stem not in (SHARED, "local")]
    body = load(run.templates)[ENVIRONMENT].body
    choices = [effective(file, body) for file in files]
    branches = dict.fromkeys(values[template_names.BRANCH] for values in choices)
    migration.check_folder(run.templates, options.app, list(branches), choices)
    shared = replace(run, roots={SHARED: run.roots[SHARED]})
    ended = deploy(shared, options.deployment)
    stack = stacks.read(run.aws, shared.environment.stack) if ended is Exit.DONE else None
    if stack is None:
        return ended
    migration.push(run.aws, options.app, stack)
    say([f"{options.app} is in {stack.outputs[template_names.REPOSITORY]}; next: `make deploy ENV=staging`"])
    return Exit.DONE
